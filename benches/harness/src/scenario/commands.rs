//! The part of a scenario that loads a cache: commands, the data they work on, traces, and other
//! programs to measure beside the twins.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// The most keys: a key's number and its command share 32 bits of a draw.
const MAX_KEYS: u32 = 1 << 28;

/// The most commands a scenario may draw from.
const MAX_COMMANDS: usize = 16;

/// The shortest and longest key: `key:` and the digits of any number, and what memcached takes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 14..=250;

/// The longest value.
const MAX_VALUE_BYTES: usize = 1_000_000;

/// The most commands in one pipeline.
pub(crate) const MAX_PIPELINE: u32 = 1_000;

/// The most seconds to wait for memory after everything was removed.
const MAX_FLUSH_S: f64 = 60.0;

/// The most requests of a trace.
const MAX_TRACE: u32 = 100_000_000;

/// What a service or a program speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http,
    /// The Redis protocol, version 2.
    Resp,
    /// Memcached's meta commands: `mg` and `ms` for GET and SET.
    Memcached,
}

/// A command of a cache. `{key}` stands for a drawn key, `{value}` for that key's value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandPlan {
    /// Its words, such as `["GET", "{key}"]`.
    pub command: Vec<String>,
    /// What answers it well.
    pub expect: Expect,
    /// How often it is drawn, in proportion to the others.
    #[serde(default = "once")]
    pub share: u32,
}

fn once() -> u32 {
    1
}

/// What answers a command well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// `OK`.
    Ok,
    /// The value of that very key, byte for byte.
    Value,
    /// The same, or nothing, where a cache may have dropped the key.
    ValueOrNothing,
    /// A whole number.
    Number,
}

/// The keys and values of a cache.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// How many keys there are.
    pub keys: u32,
    /// The length of a key, `key:` and the digits of its number.
    pub key_bytes: usize,
    /// The length of a value, which begins with its key.
    pub value_bytes: usize,
    /// How keys are drawn.
    #[serde(default)]
    pub draw: Draw,
    /// Whether every key is stored in a fresh process before its first load.
    #[serde(default = "yes")]
    pub preload: bool,
    /// Seconds to wait for memory to be given back once everything was removed, at the end of a
    /// process's life; 0 removes nothing.
    #[serde(default)]
    pub flush_s: f64,
}

fn yes() -> bool {
    true
}

/// How keys are drawn, from the scenario's seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// Each as often as any other.
    #[default]
    Uniform,
    /// The r-th of them in proportion to 1 ÷ r to the power of this exponent.
    Zipf(f64),
}

/// A sequence of reads in which what is not there is stored, as an application does that fills its
/// cache on a miss. The share of hits is what it shows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracePlan {
    /// Which of the three.
    pub id: TraceId,
    /// How many different keys are read again and again.
    pub keys: u32,
    /// How many reads.
    pub reads: u32,
    /// How these keys are drawn; a loop reads them in turn.
    #[serde(default)]
    pub draw: Draw,
    /// Of a scan: every so many reads, as many keys follow that are read this once.
    #[serde(default)]
    pub scan_every: u32,
    /// How many keys such a scan reads.
    #[serde(default)]
    pub scan_keys: u32,
}

/// The traces there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceId {
    /// Some keys are read far more often than others.
    Zipf,
    /// The same, interrupted by scans of keys that nobody reads again.
    Scan,
    /// All keys in turn, more than fit.
    Loop,
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zipf => "zipf",
            Self::Scan => "scan",
            Self::Loop => "loop",
        })
    }
}

/// A program that is measured beside the twins, as its distribution ships it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name on the path, or with a `/` its place in the source tree.
    pub binary: String,
    /// How it is started; `{port}` stands for the port it shall listen on at 127.0.0.1. It is ready
    /// when it answers there: `PING` in the Redis protocol, `mn` in memcached's, over HTTP
    /// `GET /healthz`.
    pub args: Vec<String>,
    /// What it speaks.
    pub protocol: Protocol,
    /// How it says its version on its first line.
    pub version: Vec<String>,
    /// Where it comes from, for whoever does not have it, such as `Debian's redis-server`.
    pub from: String,
}

impl DataPlan {
    pub(super) fn check(&self, commands: &[CommandPlan]) -> Result<()> {
        let keys = self.keys;
        ensure!((1..=MAX_KEYS).contains(&keys), "data.keys is {keys}, but must be 1 to {MAX_KEYS}");
        ensure!(
            KEY_BYTES.contains(&self.key_bytes),
            "data.key_bytes is {}, but must be {} to {}",
            self.key_bytes,
            KEY_BYTES.start(),
            KEY_BYTES.end()
        );
        ensure!(
            (self.key_bytes..=MAX_VALUE_BYTES).contains(&self.value_bytes),
            "data.value_bytes is {}, but must be {} (a value begins with its key) to \
             {MAX_VALUE_BYTES}",
            self.value_bytes,
            self.key_bytes
        );
        self.draw.check("data.draw")?;
        ensure!(
            (0.0..=MAX_FLUSH_S).contains(&self.flush_s),
            "data.flush_s is {}, but must be 0 to {MAX_FLUSH_S}",
            self.flush_s
        );
        let count = commands.len();
        ensure!(
            (1..=MAX_COMMANDS).contains(&count),
            "there are {count} commands, but must be 1 to {MAX_COMMANDS}"
        );
        for command in commands {
            command.check()?;
        }
        Ok(())
    }
}

impl CommandPlan {
    fn check(&self) -> Result<()> {
        let named = self.command.join(" ");
        ensure!(!self.command.is_empty(), "a command needs words");
        ensure!(self.share > 0, "command {named:?}: share must be above 0");
        let plain = |word: &String| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic()) && word.len() <= 1000
        };
        ensure!(
            self.command.iter().all(plain),
            "command {named:?}: words are printable ASCII without spaces"
        );
        Ok(())
    }
}

impl Draw {
    fn check(self, name: &str) -> Result<()> {
        if let Self::Zipf(exponent) = self {
            ensure!(
                (0.1..=3.0).contains(&exponent),
                "{name}: the exponent is {exponent}, but must be 0.1 to 3"
            );
        }
        Ok(())
    }
}

impl TracePlan {
    pub(super) fn check(&self) -> Result<()> {
        let Self { id, keys, reads, .. } = self;
        ensure!(
            (1..=MAX_KEYS / 2).contains(keys),
            "trace {id}: keys must be 1 to {}",
            MAX_KEYS / 2
        );
        ensure!((1..=MAX_TRACE).contains(reads), "trace {id}: reads must be 1 to {MAX_TRACE}");
        let scans = self.scan_every > 0 && self.scan_keys > 0;
        ensure!(
            scans == (*id == TraceId::Scan),
            "trace {id}: scan_every and scan_keys belong to the trace scan, and only there"
        );
        self.draw.check("trace.draw")
    }
}

impl Program {
    /// `cache`: whether it must speak a cache's protocol, or HTTP.
    pub(super) fn check(
        &self,
        id: &str,
        cache: bool,
        files: &BTreeMap<String, String>,
    ) -> Result<()> {
        let name = &self.binary;
        ensure!(
            !name.is_empty() && !name.starts_with('/') && !name.contains(".."),
            "variant {id:?}: binary {name:?} must be a name that is looked for on the path, or a \
             place in the source tree"
        );
        ensure!(
            self.args.iter().chain(files.values()).any(|text| text.contains("{port}")),
            "variant {id:?}: args, or a file that they name, must say {{port}} somewhere"
        );
        ensure!(
            (self.protocol != Protocol::Http) == cache,
            "variant {id:?}: a program beside a cache speaks resp or memcached, one that is asked \
             questions http"
        );
        Ok(())
    }
}
