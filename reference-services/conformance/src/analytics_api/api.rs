//! Requests to a service, and what a check expects of nearly all of them.

use super::event::{Event, lines};
use super::expect::status;
use crate::fastjson_api::{JSON, Session};
use crate::http::Response;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(super) const NDJSON: &str = "application/x-ndjson";

/// One connection to a service.
pub(crate) struct Api {
    session: Session,
}

impl Api {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { session: Session::open(address)? })
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        self.session.send(method, path, headers, body)
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Response> {
        self.send("GET", path, &[], b"")
    }

    /// A batch, with its id if it has one.
    pub(crate) fn post(&mut self, body: &[u8], id: Option<&str>) -> Result<Response> {
        let mut headers = vec![("Content-Type", NDJSON)];
        headers.extend(id.map(|id| ("Idempotency-Key", id)));
        self.send("POST", "/v1/events", &headers, body)
    }

    /// Sends events that must all be accepted, as one batch.
    pub(crate) fn ingest(&mut self, events: &[Event]) -> Result<()> {
        let response = self.post(&lines(events), None)?;
        let expected =
            json!({"accepted": events.len(), "rejected": 0, "duplicate": false, "errors": []});
        expect_report(&response, &expected)
    }

    pub(crate) fn ask(&mut self, question: &Value) -> Result<Response> {
        let headers = [("Content-Type", JSON)];
        self.send("POST", "/v1/query", &headers, question.to_string().as_bytes())
    }

    /// The answer to a question that must have one.
    pub(crate) fn answer(&mut self, question: &Value) -> Result<Value> {
        let response = self.ask(question)?;
        status(&response, 200).with_context(|| question.to_string())?;
        ensure!(response.header("content-type") == Some(JSON), "not {JSON}");
        response.json()
    }

    /// How many events there are in a window.
    pub(crate) fn count(&mut self, from: i64, to: i64) -> Result<u64> {
        let answer = self.answer(&json!({"from": from, "to": to}))?;
        answer.pointer("/rows/0/0").and_then(Value::as_u64).context("no count")
    }

    /// The sum of a metric over its labels; 0 where it is not there.
    pub(crate) fn metric(&mut self, name: &str) -> Result<f64> {
        let text = self.get("/metrics")?.body;
        let text = String::from_utf8(text)?;
        let mut sum = 0.0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (metric, number) = line.rsplit_once(' ').context("a metric without a number")?;
            if metric.split('{').next() == Some(name) {
                sum += number.parse::<f64>()?;
            }
        }
        Ok(sum)
    }
}

/// A report, free text aside.
pub(super) fn expect_report(response: &Response, expected: &Value) -> Result<()> {
    status(response, 200)?;
    ensure!(response.header("content-type") == Some(JSON), "not {JSON}");
    let report = without_line_details(response.json()?)?;
    ensure!(report == *expected, "the report is {report}, not {expected}");
    Ok(())
}

/// Takes the free text out of a report's errors, which each must have some.
pub(super) fn without_line_details(mut report: Value) -> Result<Value> {
    let errors = report.get_mut("errors").and_then(Value::as_array_mut).context("no errors")?;
    for error in errors {
        let detail = error.as_object_mut().and_then(|error| error.remove("detail"));
        let detail = detail.as_ref().and_then(Value::as_str).unwrap_or_default();
        ensure!(!detail.is_empty(), "an error without a detail");
    }
    Ok(report)
}

/// A question as the parameters of a GET.
pub(super) fn parameters(question: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut pairs = Vec::new();
    for (name, value) in question.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("where", Value::Array(conditions)) => {
                for condition in conditions {
                    let part = |name| condition.get(name).map(text).unwrap_or_default();
                    let name = format!("{}.{}", part("op"), part("field"));
                    for value in
                        condition.get("values").and_then(Value::as_array).into_iter().flatten()
                    {
                        let value = if value.is_null() { String::new() } else { text(value) };
                        pairs.push((name.clone(), value));
                    }
                }
            }
            ("top", Value::Object(top)) => {
                pairs.extend(top.iter().map(|(part, value)| (format!("top.{part}"), text(value))));
            }
            (_, Value::Array(list)) => {
                let list: Vec<String> = list.iter().map(text).collect();
                pairs.push((name.clone(), list.join(",")));
            }
            _ => pairs.push((name.clone(), text(value))),
        }
    }
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
