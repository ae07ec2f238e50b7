//! What holds for every path: connections, heads, chunks and time limits.

use super::expect::{bodiless, expect_problem, expect_quote, expect_status};
use super::typed::{BODY_BYTES_MAX, SAMPLE_ORDER, SAMPLE_QUOTE};
use super::{Test, run_all};
use crate::Check;
use crate::http::{Connection, exchange, post_quote, request};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

const PIPELINED_REQUESTS: usize = 20;
/// The contract's 10 s, with what a busy machine may add.
const TIMEOUT_S: std::ops::Range<f64> = 9.0..14.0;

const TESTS: [(&str, Test); 8] = [
    ("a chunked body is read, and limited too", chunked_body),
    ("a broken chunk ends the connection with 400", broken_chunk),
    ("pipelined requests are answered in order", pipelined),
    ("a request may arrive byte by byte", byte_by_byte),
    ("a head above its limit is 431", large_head),
    ("Expect: 100-continue is honoured", expect_continue),
    ("a connection stays open after a refusal", refusals_keep_the_connection),
    ("a refusal that leaves a body unread reaches its sender", refused_unread),
];

/// Those that wait for the service's timeouts.
pub(super) const SLOW: [(&str, Test); 3] = [
    ("a head that does not arrive is cut off", slow_head),
    ("an idle connection is closed", idle),
    ("a body that does not arrive is 408", slow_body),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}
const CHUNKED_HEAD: &str = "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\n\
                            Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunked(body: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut request = CHUNKED_HEAD.as_bytes().to_vec();
    for chunk in body.chunks(chunk_bytes) {
        request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

fn chunked_body(address: SocketAddr) -> Result<()> {
    let response = exchange(address, &chunked(SAMPLE_ORDER.as_bytes(), 100))?;
    expect_quote(&response, &serde_json::from_str(SAMPLE_QUOTE)?)?;
    let too_large = vec![b' '; BODY_BYTES_MAX + 1];
    expect_problem(&exchange(address, &chunked(&too_large, 1024))?, 413, "Payload Too Large")
}

fn broken_chunk(address: SocketAddr) -> Result<()> {
    let request = format!("{CHUNKED_HEAD}zz\r\n");
    expect_problem(&exchange(address, request.as_bytes())?, 400, "Bad Request")
}

fn pipelined(address: SocketAddr) -> Result<()> {
    let mut requests = Vec::new();
    for n in 0..PIPELINED_REQUESTS {
        let order = SAMPLE_ORDER.replace("A-2026-11-0042", &format!("N-{n}"));
        requests.extend(post_quote(order.as_bytes()));
    }
    let mut connection = Connection::open(address)?;
    connection.send(&requests)?;
    for n in 0..PIPELINED_REQUESTS {
        let id = connection.receive()?.json()?.get("order_id").cloned();
        ensure!(id == Some(json!(format!("N-{n}"))), "answer {n} is for {id:?}");
    }
    Ok(())
}

fn byte_by_byte(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for byte in post_quote(SAMPLE_ORDER.as_bytes()).chunks(1) {
        connection.send(byte)?;
    }
    expect_quote(&connection.receive()?, &serde_json::from_str(SAMPLE_QUOTE)?)
}

fn large_head(address: SocketAddr) -> Result<()> {
    let with_header = |bytes: usize| {
        let filler = "x".repeat(bytes);
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Filler: {filler}\r\n\r\n")
    };
    let mut connection = Connection::open(address)?;
    connection.send(with_header(12 * 1024).as_bytes())?;
    expect_status(&connection.receive()?, 200)?;
    let mut connection = Connection::open(address)?;
    connection.send(with_header(20 * 1024).as_bytes())?;
    expect_status(&connection.receive_head()?, 431)
}

fn expect_continue(address: SocketAddr) -> Result<()> {
    let head = |length: usize| {
        format!(
            "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut connection = Connection::open(address)?;
    connection.send(head(SAMPLE_ORDER.len()).as_bytes())?;
    expect_status(&connection.receive_head()?, 100)?;
    connection.send(SAMPLE_ORDER.as_bytes())?;
    expect_status(&connection.receive()?, 200)?;
    expect_status(&exchange(address, head(BODY_BYTES_MAX + 1).as_bytes())?, 413)
}

fn refusals_keep_the_connection(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for (body, status) in [("no", 400), ("{}", 422), (SAMPLE_ORDER, 200)] {
        connection.send(&post_quote(body.as_bytes()))?;
        expect_status(&connection.receive()?, status)?;
    }
    Ok(())
}

fn refused_unread(address: SocketAddr) -> Result<()> {
    for (method, path, kind, if_match, refusal) in [
        ("POST", "/v1/quotes", "text/plain", "*", 415),
        ("PUT", "/v1/quotes", "application/json", "*", 405),
        ("PUT", "/v1/documents/unread", "text/plain", "*", 415),
        ("PUT", "/v1/documents/unread", "application/json", "unquoted", 400),
        ("POST", "/v1/nothing", "application/json", "*", 404),
    ] {
        let mut connection = Connection::open(address)?;
        for size in [200, 100_000] {
            let headers = [("Content-Type", kind), ("If-Match", if_match)];
            let whole = request(method, path, &headers, &vec![b'x'; size]);
            let (head, body) = whole.split_at(whole.len() - size);
            connection.send(head)?;
            // So that the answer may be made before the body comes.
            sleep(Duration::from_millis(20));
            connection.send(body).with_context(|| format!("{method} {path}, {size} bytes"))?;
            expect_status(&connection.receive()?, refusal)?;
            connection.send(&bodiless("GET", "/healthz"))?;
            let next = connection.receive();
            expect_status(&next.with_context(|| format!("after {refusal} of {size} bytes"))?, 200)?;
        }
    }
    Ok(())
}

fn slow_head(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let start = Instant::now();
    connection.send(b"GET /healthz HTTP/1.1\r\nHost: loc")?;
    connection.expect_closed()?;
    expect_timeout(start.elapsed())
}

fn idle(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.send(&bodiless("GET", "/healthz"))?;
    connection.receive()?;
    let start = Instant::now();
    connection.expect_closed()?;
    expect_timeout(start.elapsed())
}

fn slow_body(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let request = post_quote(SAMPLE_ORDER.as_bytes());
    let start = Instant::now();
    connection.send(request.get(..request.len() - 1).unwrap_or_default())?;
    expect_problem(&connection.receive()?, 408, "Request Timeout")?;
    connection.expect_closed()?;
    expect_timeout(start.elapsed())
}

fn expect_timeout(elapsed: Duration) -> Result<()> {
    ensure!(TIMEOUT_S.contains(&elapsed.as_secs_f64()), "after {elapsed:?}, not {TIMEOUT_S:?} s");
    Ok(())
}
