//! The command line of a service: help, its version, and what is wrong is told before it listens.

use crate::Check;
use anyhow::{Result, bail, ensure};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const END_TIMEOUT: Duration = Duration::from_secs(10);
const END_POLL: Duration = Duration::from_millis(2);

/// The command line of one service.
#[derive(Debug)]
pub struct Arguments {
    /// Arguments with which it would start.
    complete: &'static [&'static str],
    /// Its options.
    options: &'static [&'static str],
    /// Options with a value that each refuses.
    refused: &'static [(&'static str, &'static str)],
}

/// Those of fastjson-api.
pub const FASTJSON_API: Arguments = Arguments {
    complete: &["--listen", "127.0.0.1:0"],
    options: &["listen", "threads", "documents-max", "documents-bytes-max"],
    refused: &[
        ("threads", "0"),
        ("documents-max", "0"),
        ("documents-max", "100000001"),
        ("documents-bytes-max", "many"),
        ("documents-bytes-max", "1099511627777"),
    ],
};

/// Those of cache-server.
pub const CACHE_SERVER: Arguments = Arguments {
    complete: &["--listen", "127.0.0.1:0"],
    options: &[
        "listen",
        "threads",
        "maxmemory",
        "maxmemory-policy",
        "maxclients",
        "requirepass",
        "timeout",
        "metrics",
        "tls-listen",
        "tls-cert",
        "tls-key",
    ],
    refused: &[
        ("threads", "257"),
        ("threads", "0"),
        ("maxmemory", "0"),
        ("maxmemory", "1023kb"),
        ("maxmemory", "2tb"),
        ("maxmemory", "much"),
        ("maxmemory-policy", "allkeys-lru"),
        ("maxclients", "0"),
        ("maxclients", "100001"),
        ("timeout", "1m"),
        ("tls-listen", "127.0.0.1:0"),
    ],
};

/// Those of analytics-api.
pub const ANALYTICS_API: Arguments = Arguments {
    complete: &["--listen", "127.0.0.1:0", "--data", "never-made"],
    options: &[
        "listen",
        "data",
        "threads",
        "retention",
        "sync",
        "max-events",
        "max-strings",
        "max-groups",
        "max-pending-bytes",
    ],
    refused: &[
        ("threads", "0"),
        ("threads", "257"),
        ("retention", "5"),
        ("retention", "1w"),
        ("retention", "36501d"),
        ("sync", "sometimes"),
        ("max-events", "0"),
        ("max-strings", "1000000001"),
        ("max-groups", "many"),
        ("max-pending-bytes", "33554431"),
    ],
};

/// Runs a service with arguments it answers without listening. Takes no time to speak of.
pub fn run(binary: &Path, arguments: &Arguments) -> Vec<Check> {
    let name =
        "arguments: help, version, and what is missing, unknown, twice or out of range is told";
    vec![Check::new(name, check(binary, arguments))]
}

fn check(binary: &Path, arguments: &Arguments) -> Result<()> {
    let Arguments { complete, options, refused } = arguments;
    let start = |more: &[&str]| run_to_its_end(binary, more);
    let help = start(&["--help"])?;
    ensure!(help.status.success(), "--help ended with {}", help.status);
    let told = String::from_utf8_lossy(&help.stdout);
    for option in *options {
        ensure!(told.contains(&format!("--{option}")), "--help says nothing of --{option}: {told}");
    }
    let version = start(&["--version"])?;
    ensure!(version.status.success(), "--version ended with {}", version.status);
    let told = String::from_utf8_lossy(&version.stdout);
    ensure!(told.split_whitespace().count() >= 2, "--version says {told:?}");

    let fault = |more: &[&str], named: &str| -> Result<()> {
        let output = start(more)?;
        ensure!(output.status.code() == Some(2), "{more:?} ended with {}", output.status);
        let told = String::from_utf8_lossy(&output.stderr);
        // What follows the message names every option.
        let message = told.split("sage:").next().unwrap_or_default();
        ensure!(message.contains(named), "{more:?} is answered with {told:?}, without {named}");
        ensure!(output.stdout.is_empty(), "{more:?} wrote to stdout");
        Ok(())
    };
    fault(&[], "listen")?;
    fault(&["--listen"], "listen")?;
    fault(&[complete, &["--unheard-of", "1"][..]].concat(), "unheard-of")?;
    fault(&[complete, &["unasked"][..]].concat(), "unasked")?;
    fault(&[complete, &["--listen", "127.0.0.1:0"][..]].concat(), "listen")?;
    for (option, value) in *refused {
        fault(&[complete, &[&*format!("--{option}"), value][..]].concat(), option)?;
        fault(&[complete, &[&*format!("--{option}={value}")][..]].concat(), option)?;
    }
    Ok(())
}

/// What it says until it ends. One that starts to serve is killed: it should have ended by itself.
fn run_to_its_end(binary: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > END_TIMEOUT {
            child.kill()?;
            child.wait()?;
            bail!("it still runs {END_TIMEOUT:?} after a start with {arguments:?}");
        }
        sleep(END_POLL);
    }
    Ok(child.wait_with_output()?)
}
