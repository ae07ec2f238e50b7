//! The contract of analytics-api, a file for each of its topics.
//!
//! What a right answer is, DuckDB says ([`Oracle`]); what it says is held against answers made by
//! hand (`vectors/analytics`). Checks keep apart by time: each has a year of its own, so that they
//! may share one service.

mod api;
mod batches;
mod busy;
mod connections;
mod damage;
pub mod differential;
mod event;
mod expect;
mod export;
mod folder;
mod lines;
mod options;
mod oracle;
mod questions;
mod random_questions;
mod series;
mod stored;
mod tail;

pub use oracle::{Oracle, environment};
pub use stored::{exchange, run as stored};

use crate::Check;
use crate::fastjson_api::all_hold;
use anyhow::{Context, Result, anyhow};
use std::net::SocketAddr;
use std::thread;

type Test = fn(SocketAddr) -> Result<()>;

/// Seeds of the random questions.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Runs every check that needs no more than an address, on a service whose folder is empty. Takes
/// about half a minute, most of it waiting for the service's timeouts. Without DuckDB the checks
/// against it are left out.
pub fn run(address: SocketAddr, oracle: Option<&mut Oracle>) -> Vec<Check> {
    let waiting =
        connections::SLOW.map(|(name, test)| (name, thread::spawn(move || test(address))));
    let mut checks = brief(address, oracle);
    checks.extend(waiting.map(|(name, thread)| {
        let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("the check broke off")));
        Check::new(name, outcome)
    }));
    checks
}

/// The checks of [`run`] that wait for no timeout.
pub fn brief(address: SocketAddr, mut oracle: Option<&mut Oracle>) -> Vec<Check> {
    let suites =
        [lines::TESTS, batches::TESTS, questions::TESTS, series::TESTS, tail::TESTS, export::TESTS];
    let tests = suites.into_iter().flatten().chain(connections::TESTS);
    let mut checks: Vec<Check> =
        tests.map(|(name, test)| Check::new(*name, test(address))).collect();
    if let Some(oracle) = &mut oracle {
        for seed in SEEDS {
            checks.push(random_questions::run(address, oracle, seed));
        }
        checks.push(export::against(address, oracle));
    }
    checks
}

/// DuckDB's answers are those made by hand, so that it may judge others.
///
/// # Errors
/// When one of them is another.
pub fn duckdb_agrees_with_the_vectors(oracle: &mut Oracle) -> Result<()> {
    let vectors = questions::Vectors::read()?;
    oracle.load(&vectors.events()?)?;
    let times_are_numbers = |answer: &&questions::Answer| {
        answer.query.get("from").is_some_and(serde_json::Value::is_number)
    };
    let test = |vector: &&questions::Answer| {
        let answer = random_questions::expected(oracle, &vector.query)?;
        questions::Spelling::Json.compare(&answer, &vector.json(), 0.0).context("DuckDB")
    };
    all_hold(vectors.answers.iter().filter(times_are_numbers), test, |vector| vector.name.clone())
}

/// Milliseconds of the first instant of a year from 1970 to 2099.
fn year(year: i64) -> i64 {
    let leap_days = (year - 1969) / 4;
    ((year - 1970) * 365 + leap_days) * 86_400_000
}

#[cfg(test)]
mod tests {
    #[test]
    fn years_begin_where_they_should() {
        for (year, start) in [(1970, 0), (2003, 1_041_379_200_000), (2004, 1_072_915_200_000)] {
            assert_eq!(super::year(year), start);
        }
        assert_eq!(super::year(2005), 1_104_537_600_000);
    }
}
