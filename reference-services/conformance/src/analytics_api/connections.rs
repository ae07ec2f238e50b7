//! Connections, heads and time limits.

use super::Test;
use super::api::NDJSON;
use super::event::{Event, lines};
use super::expect::{plain, status};
use crate::http::{Connection, exchange, request};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("connections: pipelined requests are answered in order", pipelined),
    ("connections: a request may arrive byte by byte", byte_by_byte),
    ("connections: a head above its limit is 431", large_head),
    ("connections: Expect: 100-continue is honoured", expect_continue),
    ("connections: what is refused unread does not end the connection", refused_unread),
];

/// Those that wait for the service's timeouts.
pub(super) const SLOW: [(&str, Test); 4] = [
    ("connections: a head that does not arrive is cut off", slow_head),
    ("connections: an idle connection is closed", idle),
    ("connections: a question that does not arrive is 408", slow_question),
    ("connections: a batch that does not arrive is 408", slow_batch),
];

/// What a busy machine may add to a time limit, and take from it.
const SLACK_S: std::ops::Range<f64> = -1.0..5.0;

fn pipelined(address: SocketAddr) -> Result<()> {
    let mut requests = Vec::new();
    for n in 0..20 {
        let question = json!({"from": n, "to": n + 1, "bucket": "1s", "fill": true});
        let headers = [("Content-Type", "application/json")];
        requests.extend(request("POST", "/v1/query", &headers, question.to_string().as_bytes()));
        requests.extend(request("GET", &format!("/v1/{n}"), &[], b""));
    }
    let mut connection = Connection::open(address)?;
    connection.send(&requests)?;
    for n in 0..20 {
        let answer = connection.receive()?;
        status(&answer, 200)?;
        let bucket = answer.json()?.pointer("/rows/0/0").cloned();
        ensure!(bucket == Some(json!(0)), "answer {n} is for {bucket:?}");
        status(&connection.receive()?, 404)?;
    }
    Ok(())
}

fn byte_by_byte(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let body = lines(&[Event::new(0, "byte by byte", 1.0, &[])]);
    for byte in request("POST", "/v1/events", &[("Content-Type", NDJSON)], &body).chunks(1) {
        connection.send(byte)?;
    }
    status(&connection.receive()?, 200)
}

fn refused_unread(address: SocketAddr) -> Result<()> {
    for (method, path, kind, key, refusal) in [
        ("POST", "/v1/events", "text/plain", "id", 415),
        ("POST", "/v1/events", NDJSON, "not an id", 400),
        ("POST", "/v1/query", "text/plain", "id", 415),
        ("PUT", "/v1/query", "application/json", "id", 405),
        ("POST", "/v1/nothing", NDJSON, "id", 404),
    ] {
        let mut connection = Connection::open(address)?;
        for size in [200, 100_000] {
            let headers = [("Content-Type", kind), ("Idempotency-Key", key)];
            let whole = request(method, path, &headers, &vec![b'x'; size]);
            let (head, body) = whole.split_at(whole.len() - size);
            connection.send(head)?;
            // So that the answer may be made before the body comes.
            sleep(Duration::from_millis(20));
            connection.send(body).with_context(|| format!("{method} {path}, {size} bytes"))?;
            status(&connection.receive()?, refusal)?;
            connection.send(&request("GET", "/healthz", &[], b""))?;
            let next = connection.receive();
            status(&next.with_context(|| format!("after {refusal} with {size} bytes"))?, 200)?;
        }
    }
    Ok(())
}

fn large_head(address: SocketAddr) -> Result<()> {
    let with_header = |bytes: usize| {
        let filler = "x".repeat(bytes);
        format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Filler: {filler}\r\n\r\n")
    };
    status(&exchange(address, with_header(12 * 1024 - 64).as_bytes())?, 200)?;
    let mut connection = Connection::open(address)?;
    connection.send(with_header(20 * 1024).as_bytes())?;
    status(&connection.receive_head()?, 431)
}

fn expect_continue(address: SocketAddr) -> Result<()> {
    let body = lines(&[Event::new(1, "continued", 1.0, &[])]);
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = Connection::open(address)?;
    connection.send(head.as_bytes())?;
    status(&connection.receive_head()?, 100)?;
    connection.send(&body)?;
    status(&connection.receive()?, 200)
}

fn slow_head(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    let start = Instant::now();
    connection.send(b"GET /healthz HTTP/1.1\r\nHost: loc")?;
    connection.expect_closed()?;
    took(start, 10.0)
}

fn idle(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.send(&request("GET", "/healthz", &[], b""))?;
    connection.receive()?;
    let start = Instant::now();
    connection.expect_closed()?;
    took(start, 10.0)
}

fn slow_question(address: SocketAddr) -> Result<()> {
    slow_body(address, "/v1/query", "application/json", 10)
}

fn slow_batch(address: SocketAddr) -> Result<()> {
    slow_body(address, "/v1/events", NDJSON, 30)
}

/// Sends all but the last byte of a body, one by one so that the connection is never idle.
fn slow_body(address: SocketAddr, path: &str, media_type: &str, limit_s: u64) -> Result<()> {
    const BYTES: usize = 1_000;
    let mut connection = Connection::patient(address, Duration::from_secs(2 * limit_s))?;
    let start = Instant::now();
    let whole = request("POST", path, &[("Content-Type", media_type)], &[b' '; BYTES]);
    let (head, body) = whole.split_at(whole.len() - BYTES);
    connection.send(head)?;
    for byte in body.iter().take(usize::try_from(limit_s)? / 2) {
        connection.send(&[*byte])?;
        sleep(Duration::from_secs(1));
    }
    plain(&connection.receive()?, 408, "Request Timeout")?;
    connection.expect_closed()?;
    took(start, limit_s as f64)
}

fn took(start: Instant, limit_s: f64) -> Result<()> {
    let elapsed = start.elapsed().as_secs_f64();
    ensure!(SLACK_S.contains(&(elapsed - limit_s)), "after {elapsed} s, not {limit_s} s");
    Ok(())
}
