//! The same random commands to two servers: whatever the contract leaves unsaid, they must answer
//! alike.

use super::Subject;
use super::resp::{Connection, Reply, request};
use super::templates::{Command, Compare, TEMPLATES, command};
use crate::Check;
use crate::random::Random;
use anyhow::{Context, Result, anyhow, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Connections to each server; the first speaks RESP2, the second RESP3.
const CLIENTS: usize = 2;
const PIPELINE_MAX: usize = 12;
/// Commands between two comparisons of everything that is stored.
const STATE_EVERY: usize = 2_000;
const DATABASES: usize = 3;
/// Commands that differ before the comparison ends.
const DIFFERENCES_MAX: usize = 8;

/// Empties two servers and sends both the same `commands` seeded commands, in pipelines over several
/// connections. Replies must be equal byte for byte, save where time, chance or order makes them
/// differ. `other` is what the second one is.
pub fn run(
    one: SocketAddr,
    other_address: SocketAddr,
    other: Subject,
    seed: u64,
    commands: usize,
) -> Check {
    let with = match other {
        Subject::Twin => "",
        Subject::Redis => ", and as Redis does",
    };
    let name = format!("{commands} random commands of seed {seed} are answered alike{with}");
    let outcome = Pair::open(one, other_address, other).and_then(|mut pair| {
        let outcome = pair.compare_all(seed, commands);
        outcome.with_context(|| format!("the last commands were {}", pair.recent.join("; ")))?;
        let differences: Vec<&str> = pair.differences.values().map(String::as_str).collect();
        ensure!(differences.is_empty(), "{}", differences.join("\n  "));
        Ok(())
    });
    Check::new(name, outcome)
}

/// One connection to each server, which are sent the same.
struct Client {
    one: Connection,
    other: Connection,
    /// What EXEC will answer, if in a transaction: how to compare it, and the command.
    queued: Option<Vec<(Compare, String)>>,
}

impl Client {
    fn open(one: SocketAddr, other: SocketAddr) -> Result<Self> {
        Ok(Self { one: Connection::open(one)?, other: Connection::open(other)?, queued: None })
    }

    /// One reply of each.
    fn receive(&mut self) -> Result<(Reply, Reply)> {
        let one = self.one.receive().context("the first server")?;
        Ok((one, self.other.receive().context("the second server")?))
    }

    fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Result<(Reply, Reply)> {
        let bytes = request(arguments);
        self.one.send(&bytes)?;
        self.other.send(&bytes)?;
        self.receive()
    }
}

struct Pair {
    other: Subject,
    clients: Vec<Client>,
    /// Looks at what is stored, outside of transactions.
    observer: Client,
    /// For messages.
    recent: Vec<String>,
    succeeded: BTreeSet<Vec<u8>>,
    /// The first difference of each command. What follows one may follow from it.
    differences: BTreeMap<Vec<u8>, String>,
}

impl Pair {
    fn open(one: SocketAddr, other_address: SocketAddr, other: Subject) -> Result<Self> {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(Client::open(one, other_address)?);
        }
        if let Some(client) = clients.last_mut() {
            client.call(&["HELLO", "3"])?;
        }
        let mut observer = Client::open(one, other_address)?;
        observer.call(&["FLUSHALL"])?;
        Ok(Self {
            other,
            clients,
            observer,
            recent: Vec::new(),
            succeeded: BTreeSet::new(),
            differences: BTreeMap::new(),
        })
    }

    fn compare_all(&mut self, seed: u64, commands: usize) -> Result<()> {
        let mut random = Random::new(seed);
        let mut done = 0;
        while done < commands && self.differences.len() < DIFFERENCES_MAX {
            let client = random.below(CLIENTS);
            let count = 1 + random.below(PIPELINE_MAX);
            let batch: Vec<Command> =
                (done..done + count).map(|n| command(&mut random, n)).collect();
            self.send(client, &batch, &mut random)?;
            if self.differences.is_empty() && done / STATE_EVERY != (done + count) / STATE_EVERY {
                self.compare_state()?;
            }
            done += count;
        }
        if !self.differences.is_empty() {
            return Ok(());
        }
        self.compare_state()?;
        self.ensure_reached(commands)
    }

    /// Sends a pipeline in pieces and compares its replies.
    fn send(&mut self, client: usize, batch: &[Command], random: &mut Random) -> Result<()> {
        self.recent.drain(..self.recent.len().saturating_sub(20));
        self.recent.extend(batch.iter().map(|command| shown(client, command)));
        let client = self.clients.get_mut(client).context("no such client")?;
        let mut bytes = Vec::new();
        batch.iter().for_each(|command| bytes.extend(on_the_wire(command, random)));
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = if random.one_in(3) { 1 + random.below(rest.len()) } else { rest.len() };
            let (piece, after) = rest.split_at(length.min(rest.len()));
            client.one.send(piece)?;
            client.other.send(piece)?;
            rest = after;
        }
        for command in batch {
            let replies = client.receive();
            let (one, other) = replies.with_context(|| shown_arguments(command))?;
            let name = command.arguments.first().map(|name| name.to_ascii_uppercase());
            let name = name.unwrap_or_default();
            if let Err(error) = compare_one(client, command, &one, &other, self.other) {
                let difference = format!("{}: {error:#}", shown_arguments(command));
                self.differences.entry(name.clone()).or_insert(difference);
            }
            if !matches!(one, Reply::Error(_)) {
                self.succeeded.insert(name);
            }
        }
        Ok(())
    }

    fn compare_state(&mut self) -> Result<()> {
        for database in 0..DATABASES {
            self.observer.call(&["SELECT", &database.to_string()])?;
            let (one, other) = self.observer.call(&["KEYS", "*"])?;
            agree(Compare::AnyOrder, &one, &other, self.other)
                .with_context(|| format!("the keys of database {database}"))?;
            for key in one.items()? {
                let key = key.bytes()?;
                for (name, compare) in [
                    (&b"TYPE"[..], Compare::Bytes),
                    (b"GET", Compare::Bytes),
                    (b"HGETALL", Compare::AnyOrderOfPairs),
                    (b"PTTL", Compare::Within(2_000)),
                    (b"STRLEN", Compare::Bytes),
                    (b"HLEN", Compare::Bytes),
                ] {
                    let (one, other) = self.observer.call(&[name, key])?;
                    agree(compare, &one, &other, self.other)
                        .with_context(|| format!("the state of {}", key.escape_ascii()))?;
                }
            }
        }
        Ok(())
    }

    /// A generator that no longer reaches a command would let everything pass.
    fn ensure_reached(&self, commands: usize) -> Result<()> {
        let missed: BTreeSet<&str> = TEMPLATES
            .iter()
            .filter_map(|(template, _)| template.split(' ').next())
            .filter(|name| !self.succeeded.contains(name.as_bytes()))
            // Without a password there is nothing to agree on but the refusal.
            .filter(|name| *name != "AUTH")
            .collect();
        ensure!(
            commands < 5_000 || missed.is_empty(),
            "never answered without an error: {missed:?}"
        );
        Ok(())
    }
}

/// Most as an array, some inline, where their bytes allow.
fn on_the_wire(command: &Command, random: &mut Random) -> Vec<u8> {
    let plain = command
        .arguments
        .iter()
        .all(|argument| !argument.is_empty() && argument.iter().all(u8::is_ascii_alphanumeric));
    if plain && random.one_in(10) {
        let mut line = command.arguments.join(&b' ');
        line.extend_from_slice(if random.one_in(2) { b"\r\n" } else { b"\n" });
        return line;
    }
    request(&command.arguments)
}

fn shown(client: usize, command: &Command) -> String {
    format!("{client}> {}", shown_arguments(command))
}

fn shown_arguments(command: &Command) -> String {
    let shown: Vec<String> = command
        .arguments
        .iter()
        .map(|argument| argument.get(..60).unwrap_or(argument).escape_ascii().to_string())
        .map(|argument| if argument.is_empty() { "\"\"".to_owned() } else { argument })
        .collect();
    shown.join(" ")
}

fn compare_one(
    client: &mut Client,
    command: &Command,
    one: &Reply,
    other: &Reply,
    subject: Subject,
) -> Result<()> {
    if *one == Reply::Simple(b"QUEUED".to_vec()) {
        ensure!(one == other, "{one} and {other}");
        client.queued.get_or_insert_default().push((command.compare, shown_arguments(command)));
        return Ok(());
    }
    let name = command.arguments.first().map(|name| name.to_ascii_uppercase());
    match name.as_deref() {
        Some(b"MULTI") if *one == Reply::ok() => client.queued = Some(Vec::new()),
        Some(b"DISCARD" | b"RESET") if !matches!(one, Reply::Error(_)) => client.queued = None,
        _ => {}
    }
    if command.compare != Compare::Exec {
        return agree(command.compare, one, other, subject);
    }
    let nested = matches!(one, Reply::Error(text) if !text.starts_with(b"EXECABORT"));
    let queued = if nested { None } else { client.queued.take() };
    let (Some(queued), Reply::Array(ones), Reply::Array(others)) = (queued, one, other) else {
        return agree(Compare::Bytes, one, other, subject);
    };
    ensure!(ones.len() == others.len() && ones.len() == queued.len(), "{one} and {other}");
    for ((one, other), (compare, command)) in ones.iter().zip(others).zip(queued) {
        agree(compare, one, other, subject).context(command)?;
    }
    Ok(())
}

/// Checks that two replies are as alike as they must be.
fn agree(compare: Compare, one: &Reply, other: &Reply, subject: Subject) -> Result<()> {
    let alike = match compare {
        Compare::Bytes | Compare::Exec => one == other,
        Compare::KindWithRedis if subject == Subject::Twin => one == other,
        Compare::Kind | Compare::KindWithRedis => {
            let error = [one, other].iter().any(|reply| matches!(reply, Reply::Error(_)));
            let same_kind = std::mem::discriminant(one) == std::mem::discriminant(other);
            // MEMORY USAGE of Redis finds what has expired.
            one == other || !error && (same_kind || subject == Subject::Redis)
        }
        Compare::AnyOrder => sorted(one.clone(), 1) == sorted(other.clone(), 1),
        Compare::AnyOrderOfPairs => sorted(one.clone(), 2) == sorted(other.clone(), 2),
        Compare::Within(most) => match (one, other) {
            (Reply::Integer(one), Reply::Integer(other)) if *one > 0 => {
                one.abs_diff(*other) <= most.unsigned_abs()
            }
            _ => one == other,
        },
    };
    if alike { Ok(()) } else { Err(anyhow!("the first answers {one}, the second {other}")) }
}

/// The reply with its arrays in order, by groups of so many elements.
fn sorted(reply: Reply, each: usize) -> Reply {
    match reply {
        Reply::Array(items) => {
            let items: Vec<Reply> = items.into_iter().map(|item| sorted(item, each)).collect();
            let mut groups: Vec<&[Reply]> = items.chunks(each).collect();
            groups.sort();
            Reply::Array(groups.concat())
        }
        Reply::Map(mut pairs) => {
            pairs.sort();
            Reply::Map(pairs)
        }
        other => other,
    }
}
