//! Plays the conversations in `vectors/cache/*.txt` and compares every reply.

use super::notation::{Pattern, Protocol, arguments};
use super::resp::{Connection, Reply};
use super::{Subject, start_afresh};
use crate::Check;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

const SCRIPTS: [(&str, &str); 6] = [
    ("connection", include_str!("../../vectors/cache/connection.txt")),
    ("server", include_str!("../../vectors/cache/server.txt")),
    ("strings", include_str!("../../vectors/cache/strings.txt")),
    ("keys", include_str!("../../vectors/cache/keys.txt")),
    ("hashes", include_str!("../../vectors/cache/hashes.txt")),
    ("transactions", include_str!("../../vectors/cache/transactions.txt")),
];

/// Plays every conversation in both protocols, as long as the service can be used.
pub(super) fn run(address: SocketAddr, subject: Subject) -> Vec<Check> {
    let mut checks = Vec::new();
    for (file, script) in SCRIPTS {
        for case in cases(script) {
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let name = format!("{file}: {} ({protocol:?})", case.name);
                let unusable = start_afresh(address, subject);
                let gone = unusable.is_err();
                let outcome = unusable.and_then(|()| play(&case, address, subject, protocol));
                checks.push(Check::new(name, outcome));
                if gone {
                    return checks;
                }
            }
        }
    }
    checks
}

struct Case<'a> {
    name: &'a str,
    /// With their numbers in the file.
    lines: Vec<(usize, &'a str)>,
}

fn cases(script: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (number, line) in (1..).zip(script.lines()) {
        if let Some(name) = line.strip_prefix("## ") {
            cases.push(Case { name, lines: Vec::new() });
        } else if let Some(case) = cases.last_mut()
            && !line.trim().is_empty()
        {
            case.lines.push((number, line));
        }
    }
    cases
}

fn play(case: &Case<'_>, address: SocketAddr, subject: Subject, start: Protocol) -> Result<()> {
    let mut players = Players { address, start, players: BTreeMap::new() };
    let mut lines = case.lines.iter().peekable();
    while let Some((number, line)) = lines.next() {
        let mut expected: BTreeMap<&str, &str> = BTreeMap::new();
        while let Some((mark, reply)) = lines.peek().and_then(|(_, line)| expectation(line)) {
            expected.insert(mark, reply);
            lines.next();
        }
        let expected = match subject {
            Subject::Redis => expected.get("redis").or_else(|| expected.get("")),
            Subject::Twin => expected.get(""),
        };
        players.line(line, expected.copied()).with_context(|| format!("line {number}, {line}"))?;
    }
    Ok(())
}

/// A line `< reply`, or `<redis reply` for a deliberate difference.
fn expectation(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix('<')?;
    rest.split_once(' ')
}

struct Player {
    connection: Connection,
    protocol: Protocol,
}

/// The connections of a case, opened at their first line.
struct Players {
    address: SocketAddr,
    start: Protocol,
    players: BTreeMap<String, Player>,
}

impl Players {
    fn line(&mut self, line: &str, expected: Option<&str>) -> Result<()> {
        if let Some(milliseconds) = line.strip_prefix("sleep ") {
            sleep(Duration::from_millis(milliseconds.parse()?));
        } else if let Some(who) = line.strip_suffix("closed") {
            self.player(who.trim())?.connection.expect_closed()?;
        } else {
            let (who, command) = line.split_once('>').context("neither command nor reply")?;
            let notation = expected.context("no reply is given")?;
            let expected = Pattern::parse(notation)?;
            let player = self.player(who)?;
            let (reply, protocol) = player.say(&arguments(command)?)?;
            ensure!(expected.holds(&reply, protocol), "answered {reply}, not {notation}");
        }
        Ok(())
    }

    fn player(&mut self, who: &str) -> Result<&mut Player> {
        if !self.players.contains_key(who) {
            let connection = match self.start {
                Protocol::Resp2 => Connection::open(self.address)?,
                Protocol::Resp3 => Connection::open_resp3(self.address)?,
            };
            let player = Player { connection, protocol: self.start };
            self.players.insert(who.to_owned(), player);
        }
        self.players.get_mut(who).context("not there")
    }
}

impl Player {
    /// Sends a command; its reply, and the protocol that is in.
    fn say(&mut self, arguments: &[Vec<u8>]) -> Result<(Reply, Protocol)> {
        let reply = self.connection.call(arguments)?;
        let is = |at: usize, word: &str| {
            arguments.get(at).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
        };
        if !matches!(reply, Reply::Error(_)) {
            if is(0, "RESET") || is(0, "HELLO") && is(1, "2") {
                self.protocol = Protocol::Resp2;
            } else if is(0, "HELLO") && is(1, "3") {
                self.protocol = Protocol::Resp3;
            }
        }
        Ok((reply, self.protocol))
    }
}
