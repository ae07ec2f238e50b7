//! Two gateways get the same bytes, well formed and not, and must answer and ask alike.

use super::framing::MALFORMED;
use super::lab::start;
use super::upstream::{Asked, Upstream};
use crate::Check;
use crate::http::{Connection, Response};
use crate::process::Service;
use crate::random::Random;
use anyhow::{Result, anyhow, ensure};
use std::path::Path;
use std::thread;
use tempfile::TempDir;

/// Shapes are tried side by side, since those that wait for more bytes take their time.
const THREADS: usize = 8;
/// Answers that one shape may have: one shape is three requests at most.
const ANSWERS_MAX: usize = 6;

struct Side {
    gateway: Service,
    upstream: Upstream,
    /// What the upstream had been asked before.
    heard: usize,
    _folder: TempDir,
}

/// What came of a shape.
#[derive(Debug, PartialEq)]
struct Outcome {
    statuses: Vec<u16>,
    asked: Vec<String>,
}

impl Outcome {
    fn refused(&self) -> bool {
        self.asked.is_empty() && matches!(*self.statuses, [400..500])
    }
}

/// Sends `count` shapes made from a seed to two gateways, which this starts from their binaries.
pub fn run(one: &Path, other: &Path, seed: u64, count: usize) -> Check {
    let outcome = || {
        let shapes = shapes(seed, count);
        let part = shapes.len().div_ceil(THREADS);
        thread::scope(|scope| {
            let threads: Vec<_> = shapes
                .chunks(part)
                .map(|shapes| scope.spawn(move || compare(one, other, shapes)))
                .collect();
            for thread in threads {
                thread.join().unwrap_or_else(|_| Err(anyhow!("the check broke off")))?;
            }
            Ok(())
        })
    };
    Check::new(format!("{count} shaped requests are taken alike by both twins"), outcome())
}

fn side(binary: &Path) -> Result<Side> {
    let (folder, upstream) = (tempfile::tempdir()?, Upstream::start()?);
    let table = format!(
        "[server]\nhead_ms = 300\nclient_idle_ms = 300\n[upstream.a]\naddresses = [\"{}\"]\n\
         head_ms = 300\nbreaker_failures = 1000\n[[route]]\nname = \"a\"\npath = \"/a\"\n\
         upstream = \"a\"\nattempts = 1\nbody_bytes_max = 2000\n[[route]]\nname = \"b\"\n\
         path = \"/a/b\"\nmethods = [\"GET\", \"POST\"]\nhost = \"b.example\"\nupstream = \"a\"\n\
         attempts = 1\n",
        upstream.address
    );
    let gateway = start(binary, folder.path(), &table)?;
    Ok(Side { gateway, upstream, heard: 0, _folder: folder })
}

fn compare(one: &Path, other: &Path, shapes: &[Vec<u8>]) -> Result<()> {
    let (mut one, mut other) = (side(one)?, side(other)?);
    for shape in shapes {
        let (seen, expected) = (outcome(&mut one, shape)?, outcome(&mut other, shape)?);
        let text = String::from_utf8_lossy(shape).into_owned();
        // 417 may come before or after other refusals.
        let expects =
            text.to_ascii_lowercase().contains("expect") && seen.refused() && expected.refused();
        ensure!(seen == expected || expects, "{text:?}\ngives {seen:?}\nand   {expected:?}");
    }
    Ok(())
}

/// Sends a shape, and behind it a request that ends the connection.
fn outcome(side: &mut Side, shape: &[u8]) -> Result<Outcome> {
    let end = b"GET /healthz HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n";
    let mut connection = Connection::open(side.gateway.address)?;
    // A gateway may close before it has taken everything.
    let _ = connection.send(&[shape, end].concat());
    let old_version = shape.windows(8).any(|window| window == b"HTTP/1.0");
    let mut statuses = Vec::new();
    while statuses.len() < ANSWERS_MAX
        && let Ok(answer) = connection.receive_head()
    {
        if answer.status == 100 {
            continue; // not needed where the body has come already
        }
        statuses.push(answer.status);
        // After a refusal, and with HTTP/1.0, a gateway may keep the connection or not.
        let may_end = answer.status >= 400 || old_version || ends(&answer);
        if may_end || connection.receive_body(&answer).is_err() {
            break;
        }
    }
    // Of a request that is refused for its body, an upstream may have heard a part, or nothing yet.
    let all = side.upstream.since(side.heard);
    side.heard += all.len();
    let whole = all.iter().filter(|asked| asked.whole);
    let own = side.upstream.address.to_string();
    let asked = whole.map(|asked| heard(asked).replace(&own, "UPSTREAM")).collect();
    Ok(Outcome { statuses, asked })
}

fn ends(answer: &Response) -> bool {
    answer.header("connection") == Some("close")
}

const EMPTY: [&str; 2] = ["content-length: 0", "transfer-encoding: chunked"];

/// What an upstream was asked, without what is random in it.
fn heard(asked: &Asked) -> String {
    let fields = asked.fields.iter();
    let mut fields: Vec<String> = fields
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .filter(|field| !field.starts_with("traceparent: ") && !field.starts_with("x-request-id: "))
        // An empty body may say so or not.
        .filter(|field| !asked.body.is_empty() || !EMPTY.contains(&field.as_str()))
        .collect();
    // Fields of different names may change places.
    fields.sort_by_key(|field| field.split(':').next().unwrap_or_default().to_owned());
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    format!("{} | {} | {body:?}", asked.request_line, fields.join(" | "))
}

const FIELDS: &[&str] = &[
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "transfer-encoding:chunked",
    "Content-Length: 0",
    "Content-Length: 4",
    "Content-Length: 5",
    "Content-Length: 04",
    "Content-Length: 4 4",
    "Content-Length: -4",
    "Content-Length: 3000",
    "Connection: X-A, close",
    "Connection: Host, Content-Length",
    "Connection: keep-alive",
    "Expect: 100-continue",
    "Expect: other",
    "Host: b.example",
    "Host: B.example:8080",
    "Host:",
    "Host: a/b",
    "X-A: b",
    "X_A: b",
    "X-A : b",
    " X-A: b",
    "X-A: \u{e4}\tb",
    "X-Forwarded-For: 192.0.2.1",
    "X-Auth-Subject: root",
    "Upgrade: websocket",
    "TE: trailers",
    "Trailer: X-A",
    "tracestate: a=1",
    "Authorization: Basic eA==",
];
const TARGETS: &[&str] = &[
    "/a",
    "/a/b",
    "/a/b/echo",
    "/a/echo?x=%2e//",
    "/a//b",
    "/a/./b",
    "/a/..;x/b",
    "/a/%2e%2e",
    "/a/%41",
    "/a/%2f",
    "/a/%zz",
    "/a/%",
    "/%61/echo",
    "/b",
    "/ab",
    "a",
    "*",
    "http://a/a",
    "/a#x",
    "/a\\b",
    "/a?#",
    "/metrics/x",
];
const BODIES: &[&str] = &[
    "",
    "body",
    "4\r\nbody\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "4;x=y\r\nbody\r\n0\r\nX: y\r\n\r\n",
    "4\nbody\n0\n\n",
    "5\r\nbody\r\n0\r\n\r\n",
    "zz\r\n",
    "4\r\nbodyy\r\n0\r\n\r\n",
    "4\r\nbody\r\n0\r\nX y\r\n\r\n",
];
const BYTES: &[u8] = b"\r\n \t:;,%/.0\x00\x0b\x7f\x80ag";

/// The contract's malformed requests, and made-up ones: whole, or with bytes changed, lost and added.
fn shapes(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let known = MALFORMED.iter().map(|(_, text)| text.as_bytes().to_vec());
    let made = (0..count).map(|_| shape(&mut random));
    known.chain(made).collect()
}

fn shape(random: &mut Random) -> Vec<u8> {
    let methods = ["GET", "POST", "POST", "PUT", "DELETE", "get", "BREW"];
    let method = random.pick(&methods).unwrap_or_default();
    let version = match random.below(12) {
        0 => "HTTP/1.0",
        1 => "HTTP/1.2",
        _ => "HTTP/1.1",
    };
    let target =
        if random.one_in(2) { "/a/echo" } else { random.pick(TARGETS).unwrap_or_default() };
    let mut text = format!("{method} {target} {version}\r\n");
    if !random.one_in(12) {
        text += "Host: a.example\r\n";
    }
    let body = random.pick(BODIES).unwrap_or_default();
    match random.below(4) {
        0 => {}
        1 => text += &format!("Content-Length: {}\r\n", body.len()),
        _ if body.contains("\r\n") => text += "Transfer-Encoding: chunked\r\n",
        _ => text += &format!("Content-Length: {}\r\n", body.len()),
    }
    for _ in 0..random.below(3) {
        text += random.pick(FIELDS).unwrap_or_default();
        text += "\r\n";
    }
    text += "\r\n";
    text += body;
    let mut bytes = text.into_bytes();
    if random.one_in(3) {
        for _ in 0..=random.below(2) {
            let place = random.below(bytes.len());
            match random.below(3) {
                0 => {
                    bytes.remove(place);
                }
                1 => bytes.insert(place, random.pick(BYTES).unwrap_or_default()),
                _ => {
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = random.pick(BYTES).unwrap_or_default();
                    }
                }
            }
        }
    }
    bytes
}
