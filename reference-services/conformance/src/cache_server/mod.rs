//! The contract of cache-server: conversations in `vectors/cache`, and here what needs code.
//!
//! The suite runs against a real Redis 7.0 too, which proves its expectations. Where the contract
//! differs from Redis on purpose, a check asks for the [`Subject`].

mod buffers;
mod clients;
mod commands;
pub mod differential;
mod expiry;
mod limits;
mod memory;
mod metrics;
mod notation;
mod resp;
mod scan;
mod script;
mod templates;
mod transactions;
mod wire;

pub use metrics::run as metrics;

use crate::Check;
use anyhow::{Result, anyhow, bail};
use resp::{Connection, Reply};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What the checks run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A twin, which keeps the whole contract.
    Twin,
    /// Redis 7.0, started by [`crate::process::start_redis`], to check the checks themselves.
    Redis,
}

impl Subject {
    /// What runs there: a twin names itself in INFO.
    ///
    /// # Errors
    /// When nothing answers.
    pub fn of(address: SocketAddr) -> Result<Self> {
        let server = Connection::open(address)?.words("INFO server")?;
        let twin = server.text()?.contains("\r\ncache_server:");
        Ok(if twin { Self::Twin } else { Self::Redis })
    }
}

type Test = fn(SocketAddr, Subject) -> Result<()>;

/// Runs the conversations alone, which takes some seconds.
pub fn brief(address: SocketAddr, subject: Subject) -> Vec<Check> {
    script::run(address, subject)
}

/// Runs the checks of bytes on the wire alone, which take a second or two: for a service that is
/// reached in another way, such as through TLS.
pub fn wire(address: SocketAddr, subject: Subject) -> Vec<Check> {
    run_all(wire::TESTS.iter(), address, subject)
}

/// Runs every check on a server of our own: it is emptied and its settings are changed meanwhile.
/// Takes half a minute, most of it waiting for timeouts.
pub fn run(address: SocketAddr, subject: Subject) -> Vec<Check> {
    let mut checks = script::run(address, subject);
    let suites = [
        commands::TESTS,
        wire::TESTS,
        limits::TESTS,
        transactions::TESTS,
        expiry::TESTS,
        scan::TESTS,
        clients::TESTS,
        buffers::TESTS,
        memory::TESTS,
    ];
    checks.extend(run_all(suites.into_iter().flatten(), address, subject));
    checks
}

fn run_all<'a>(
    tests: impl Iterator<Item = &'a (&'static str, Test)>,
    address: SocketAddr,
    subject: Subject,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, test) in tests {
        let unusable = start_afresh(address, subject);
        let gone = unusable.is_err();
        checks.push(Check::new(*name, unusable.and_then(|()| test(address, subject))));
        if gone {
            // Everything else would wait for a service that no longer answers.
            break;
        }
    }
    checks
}

/// An empty server with the settings a check starts from. What a check that failed left behind is undone.
fn start_afresh(address: SocketAddr, subject: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    // Answered with an error where no password was left behind.
    connection.words(&format!("AUTH {PASSWORD}"))?;
    let policy = match subject {
        Subject::Twin => "allkeys-s3fifo",
        Subject::Redis => "allkeys-lfu",
    };
    for (name, value) in [
        ("requirepass", ""),
        ("maxclients", "10000"),
        ("timeout", "0"),
        ("maxmemory", "1gb"),
        ("maxmemory-policy", policy),
    ] {
        expect_ok(&connection.call(&["CONFIG", "SET", name, value])?)?;
    }
    connection.expect("DEBUG SET-ACTIVE-EXPIRE 1", &Reply::ok())?;
    connection.expect("FLUSHALL", &Reply::ok())
}

/// What checks set for a password.
const PASSWORD: &str = "open-sesame";

fn expect_ok(reply: &Reply) -> Result<()> {
    if *reply == Reply::ok() { Ok(()) } else { bail!("{reply} instead of OK") }
}

/// A field of INFO.
fn info(connection: &mut Connection, field: &str) -> Result<String> {
    let reply = connection.words("INFO")?;
    let found = reply.text()?.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Ok(found.ok_or_else(|| anyhow!("INFO has no {field}"))?.to_owned())
}

fn info_number(connection: &mut Connection, field: &str) -> Result<u64> {
    Ok(info(connection, field)?.parse()?)
}

/// Waits until something holds that takes the service a while.
fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !holds()? {
        if start.elapsed() > limit {
            bail!("after {limit:?} it does not hold yet that {what}");
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
