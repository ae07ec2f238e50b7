//! The contract of fastjson-api, a file for each of its topics.

mod canonical;
mod connections;
mod documents;
mod expect;
mod patches;
mod preconditions;
mod session;
mod store;
mod texts;
mod typed;

pub(crate) use expect::without_details;
pub(crate) use session::{JSON, Session};
pub use store::limits as store_limits;
pub use typed::SAMPLE_ORDER;

use crate::Check;
use anyhow::{Result, anyhow};
use std::net::SocketAddr;
use std::thread;

type Test = fn(SocketAddr) -> Result<()>;

/// Runs every check. Takes about 10 s, most of it waiting for the service's timeouts.
pub fn run(address: SocketAddr) -> Vec<Check> {
    let waiting =
        connections::SLOW.map(|(name, test)| (name, thread::spawn(move || test(address))));
    let suites = [
        typed::run,
        connections::run,
        documents::run,
        preconditions::run,
        patches::run,
        texts::run,
        canonical::run,
    ];
    let mut checks: Vec<Check> = suites.iter().flat_map(|suite| suite(address)).collect();
    checks.extend(waiting.map(|(name, thread)| {
        let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("the check broke off")));
        Check::new(name, outcome)
    }));
    checks
}

fn run_all(tests: &[(&str, Test)], address: SocketAddr) -> Vec<Check> {
    tests.iter().map(|(name, test)| Check::new(*name, test(address))).collect()
}

/// Many vectors as one check: it names the first few that fail.
pub(crate) fn all_hold<V>(
    vectors: impl IntoIterator<Item = V>,
    mut test: impl FnMut(&V) -> Result<()>,
    name: impl Fn(&V) -> String,
) -> Result<()> {
    const SHOWN_MAX: usize = 5;
    let mut count = 0;
    let mut failures = Vec::new();
    for vector in vectors {
        count += 1;
        if let Err(error) = test(&vector) {
            failures.push(format!("{}: {error:#}", name(&vector)));
        }
    }
    anyhow::ensure!(count > 0, "there are no vectors");
    let failed = failures.len();
    failures.truncate(SHOWN_MAX);
    anyhow::ensure!(failed == 0, "{failed} of {count}, such as {}", failures.join("; "));
    Ok(())
}
