//! The contract of the gateway, a file for each of its topics. The checks bring the upstreams, the
//! keys and the table themselves, and start the gateway from its binary.

mod bodies;
mod differential;
mod faults;
mod fields;
mod forgeries;
mod framing;
mod lab;
mod limits;
mod routing;
mod signer;
mod split;
mod tables;
mod token_service;
mod tokens;
mod upstream;
mod verifier;

use crate::Check;
use anyhow::{Result, anyhow};
use lab::Lab;
use std::path::Path;
use std::thread;

pub use differential::run as run_differential;
pub use split::run as run_split;
pub use token_service::run as run_token_service;

type Test = fn(&Lab) -> Result<()>;

/// Runs every check on a gateway that this starts. Takes about 5 s: they run side by side, since most
/// of them wait.
pub fn run(binary: &Path) -> Vec<Check> {
    let lab = match Lab::open(binary) {
        Ok(lab) => lab,
        Err(error) => return vec![Check::new("the gateway starts", Err(error))],
    };
    let lab = &lab;
    let topics = [
        routing::TESTS,
        framing::TESTS,
        fields::TESTS,
        bodies::TESTS,
        faults::TESTS,
        limits::TESTS,
        tokens::TESTS,
        tables::TESTS,
    ];
    thread::scope(|scope| {
        let tests = topics.into_iter().flatten();
        let running: Vec<_> =
            tests.map(|(name, test)| (name, scope.spawn(move || test(lab)))).collect();
        let done = running.into_iter().map(|(name, thread)| {
            let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("the check broke off")));
            Check::new(*name, outcome)
        });
        done.collect()
    })
}
