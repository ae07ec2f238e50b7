//! Questions about events, asked one by one by a client that waits. Whoever is asked must give the
//! same rows.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use assay_evidence::Asked;
use serde_json::Value;

use crate::generator::Interrupted;
use crate::participant::Participant;
use crate::process::{self, Service};
use crate::requests;
use crate::response;
use crate::scenario::{QuestionId, QuestionPlan};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// By how much two numbers of an answer may differ, as a share: doubles may be added in any order.
const TOLERANCE: f64 = 1e-9;

/// How much of an answer is shown.
const SHOWN: usize = 300;

/// The rows of an answer, and who gave them.
type Answer = (String, Value);

/// The questions of a scenario, and what was answered first.
pub(crate) struct Questions<'a> {
    plans: &'a [QuestionPlan],
    /// By how many events it was about.
    answers: Mutex<BTreeMap<(QuestionId, u32), Answer>>,
}

/// How often everything is asked, about how much, and which cores that takes.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) stored: u32,
    pub(crate) rounds: u32,
    pub(crate) cores: [u32; 2],
    pub(crate) stop: &'a AtomicBool,
}

impl<'a> Questions<'a> {
    /// None where the scenario asks nothing.
    pub(crate) fn new(plans: &'a [QuestionPlan]) -> Option<Self> {
        (!plans.is_empty()).then(|| Self { plans, answers: Mutex::default() })
    }

    /// Asks each in turn, several times; the first round only warms up.
    ///
    /// # Errors
    /// When one is not answered well or takes too long, and when its rows are other than those that
    /// somebody else gave for the same events.
    pub(crate) fn ask(
        &self,
        service: &Service,
        who: &Participant,
        session: Session<'_>,
    ) -> Result<Vec<Asked>> {
        let mut client = Client::connect(service)?;
        let mut taken: Vec<Taken> = self.plans.iter().map(|_| Taken::default()).collect();
        for round in 0..=session.rounds {
            for (plan, taken) in self.plans.iter().zip(&mut taken) {
                if session.stop.load(Ordering::Relaxed) {
                    return Err(Interrupted.into());
                }
                let request = request(plan, who);
                let (cpu, steal) = (service.cpu()?, process::steal_ticks(session.cores)?);
                let began = Instant::now();
                let answer = client.ask(&request).with_context(|| format!("asking {}", plan.id))?;
                let elapsed = began.elapsed();
                let cpu_us = service.cpu()?.since(cpu).total_us;
                let steal = process::steal_ticks(session.cores)?.saturating_sub(steal);
                if !who.floor {
                    self.compare(plan.id, session.stored, who, &answer)?;
                }
                if round > 0 {
                    taken.add(elapsed, cpu_us, steal);
                }
            }
        }
        Ok(self.plans.iter().zip(taken).map(|(plan, taken)| taken.asked(plan.id)).collect())
    }

    fn compare(&self, id: QuestionId, stored: u32, who: &Participant, answer: &[u8]) -> Result<()> {
        let mut answer: Value =
            serde_json::from_slice(answer).with_context(|| format!("{id}: no JSON"))?;
        let rows = answer.get_mut("rows").map(Value::take).unwrap_or_default();
        ensure!(rows.as_array().is_some_and(|rows| !rows.is_empty()), "{id}: no rows: {answer}");
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, expected) =
            answers.entry((id, stored)).or_insert_with(|| (who.to_string(), rows.clone()));
        ensure!(
            same(expected, &rows),
            "{first} and {who} answer differently to {id}:\n{}\n{}",
            shown(expected),
            shown(&rows)
        );
        Ok(())
    }
}

/// What asking one question several times took.
#[derive(Default)]
struct Taken {
    ms: Vec<f64>,
    elapsed: Duration,
    cpu_us: f64,
    steal: u64,
}

impl Taken {
    fn add(&mut self, elapsed: Duration, cpu_us: f64, steal: u64) {
        self.ms.push(elapsed.as_secs_f64() * 1e3);
        self.elapsed += elapsed;
        self.cpu_us += cpu_us;
        self.steal += steal;
    }

    fn asked(self, id: QuestionId) -> Asked {
        #[expect(clippy::cast_precision_loss, reason = "at most some hundred times")]
        let times = self.ms.len().max(1) as f64;
        Asked {
            question: id.to_string(),
            cpu_ms: self.cpu_us / 1e3 / times,
            steal: process::steal_share(self.steal, self.elapsed),
            ms: self.ms,
        }
    }
}

/// A program of others is asked in its own words, at a path of the question's name.
fn request(plan: &QuestionPlan, who: &Participant) -> Vec<u8> {
    let (path, content_type, text) = if who.other {
        (format!("/{}", plan.id), "text/plain", &plan.sql)
    } else {
        ("/v1/query".to_owned(), "application/json", &plan.query)
    };
    requests::encode("POST", &path, &[("Content-Type", content_type)], Some(text.as_bytes()))
}

/// Waits until a service that has taken in events is ready for questions: a program of others may
/// have put off taking them in until it is asked whether it is well.
pub(crate) fn ready(service: &Service) -> Result<()> {
    let request = requests::encode("GET", "/healthz", &[], None);
    Client::connect(service)?.ask(&request).map(drop).context("asking whether it is ready")
}

/// Rows alike, but for what adding in another order does.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) => {
            let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
            (one - other).abs() <= TOLERANCE * one.abs().max(other.abs())
        }
        _ => one == other,
    }
}

fn shown(rows: &Value) -> String {
    rows.to_string().chars().take(SHOWN).collect()
}

/// A connection on which answers are waited for without spinning, since the service may need all
/// cores.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    fn connect(service: &Service) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&service.addr, ANSWER_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// The body of a good answer.
    fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(request)?;
        self.received.clear();
        let mut chunk = [0; 64 * 1024];
        loop {
            let count = self.stream.read(&mut chunk).context("no answer")?;
            ensure!(count > 0, "the connection was closed before an answer");
            self.received.extend_from_slice(chunk.get(..count).unwrap_or_default());
            let read = response::read(&self.received);
            let Some(response) = read.map_err(|fault| anyhow!("no HTTP: {fault:?}"))? else {
                continue;
            };
            let body = response.content(&self.received).into_owned();
            let said = || String::from_utf8_lossy(&body).chars().take(SHOWN).collect::<String>();
            ensure!(response.status == 200, "answered with status {}: {}", response.status, said());
            return Ok(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_may_differ_by_the_order_of_adding_alone() {
        let one = json!([[1, "a", 0.1], [2, null, 5]]);
        assert!(same(&one, &json!([[1, "a", 0.100_000_000_000_01], [2, null, 5.0]])));
        for other in [
            json!([[1, "a", 0.100_001], [2, null, 5]]),
            json!([[1, "b", 0.1], [2, null, 5]]),
            json!([[1, "a", 0.1]]),
            json!([[1, "a", 0.1], [2, 0, 5]]),
        ] {
            assert!(!same(&one, &other), "{other}");
        }
    }
}
