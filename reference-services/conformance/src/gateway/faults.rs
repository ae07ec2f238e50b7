//! Upstreams that fail, and what the gateway makes of it.

use super::Test;
use super::lab::{
    BREAKER_OPEN_MS, Lab, ROUTE_TIMEOUT_MS, UPSTREAM_HEAD_MS, expect_refusal, expect_status, new_id,
};
use super::upstream::STALL;
use crate::http::{Connection, Response, request};
use anyhow::{Context, Result, ensure};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("an upstream that refuses, resets, closes or talks nonsense is 502", failures),
    ("an upstream that stalls is 504", stalls),
    ("a route's timeout ends the whole exchange", route_timeout),
    ("half an answer never looks whole", halves),
    ("a client that leaves ends the upstream's request", client_leaves),
    ("idempotent requests are repeated, others are not", repeats),
    ("a connection that was never made is tried elsewhere", moves),
    ("a slow answer is hedged, and the first one wins", hedges),
    ("repeating stops when the budget is spent", budget),
    ("the breaker opens, lets one try, and closes", breaker),
];

fn failures(lab: &Lab) -> Result<()> {
    expect_refusal(&lab.get("/dead/ok")?.0, 502, "upstream-failed")?;
    for behaviour in ["reset", "close", "garbage", "huge-head", "switch"] {
        let (answer, _) = lab.send("POST", &format!("/plain/{behaviour}"), &[], b"body")?;
        expect_refusal(&answer, 502, "upstream-failed").context(behaviour)?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(!text.contains("127.0.0.1"), "the refusal tells an address: {text}");
        // The client's connection is none the worse.
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send(&request("GET", &format!("/plain/{behaviour}"), &[], b""))?;
        expect_refusal(&connection.receive()?, 502, "upstream-failed").context(behaviour)?;
        connection.send(&request("GET", "/plain/ok", &[], b""))?;
        expect_status(&connection.receive()?, 200)?;
    }
    Ok(())
}

/// Not before its time, and not only because the upstream has come to its end.
fn took(start: Instant, ms: u64) -> Result<()> {
    let elapsed = start.elapsed();
    let expected = Duration::from_millis(ms - 20)..STALL;
    ensure!(expected.contains(&elapsed), "after {elapsed:?}, not {ms} ms");
    Ok(())
}

fn stalls(lab: &Lab) -> Result<()> {
    let start = Instant::now();
    let (answer, _) = lab.send("POST", "/plain/stall", &[], b"body")?;
    expect_refusal(&answer, 504, "upstream-timeout")?;
    took(start, UPSTREAM_HEAD_MS)
}

fn route_timeout(lab: &Lab) -> Result<()> {
    let start = Instant::now();
    expect_refusal(&lab.get("/short/stall")?.0, 504, "upstream-timeout")?;
    took(start, ROUTE_TIMEOUT_MS)?;
    let start = Instant::now();
    expect_cut(lab, "/short/trickle")?;
    took(start, ROUTE_TIMEOUT_MS)
}

/// The head is 200, and the body breaks off.
fn expect_cut(lab: &Lab, path: &str) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&request("GET", path, &[], b""))?;
    let whole: Result<Response> = connection.receive();
    ensure!(whole.is_err(), "{path} ended as if it were whole: {:?}", whole?.body);
    connection.expect_end()
}

fn halves(lab: &Lab) -> Result<()> {
    for path in ["/plain/half", "/plain/half-chunked"] {
        expect_cut(lab, path)?;
    }
    let start = Instant::now();
    expect_cut(lab, "/plain/pause")?;
    took(start, UPSTREAM_HEAD_MS)
}

fn client_leaves(lab: &Lab) -> Result<()> {
    let ended = |outcome: &str| {
        lab.metric(&format!("gateway_attempts_total{{upstream=\"lonely\",outcome=\"{outcome}\"}}"))
    };
    let id = new_id();
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&request("GET", "/lonely/stall", &[("X-Request-Id", &id)], b""))?;
    lab.upstream.wait_for(&id)?;
    drop(connection);
    while ended("given-up")? == 0.0 {
        ensure!(ended("timeout")? == 0.0, "the attempt went on without its client");
        sleep(Duration::from_millis(20));
    }
    let gone = lab.metric("gateway_requests_total{route=\"lonely\",status=\"499\"}")?;
    ensure!(gone == 1.0, "{gone} requests are counted as 499");
    lab.upstream.asked_once(&id)?;
    Ok(())
}

fn repeats(lab: &Lab) -> Result<()> {
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        let (answer, id) = lab.send(method, "/twice/first-close", &[], b"")?;
        expect_status(&answer, 200).context(method)?;
        let asked = lab.upstream.asked(&id).len();
        ensure!(asked == 2, "{method} was sent {asked} times, not twice");
    }
    for (method, body) in [("POST", &b""[..]), ("PATCH", b""), ("PUT", b"body")] {
        let (answer, id) = lab.send(method, "/twice/first-close", &[], body)?;
        expect_refusal(&answer, 502, "upstream-failed").context(method)?;
        lab.upstream.asked_once(&id).context(method)?;
    }
    let (answer, id) = lab.get("/twice/close")?;
    expect_refusal(&answer, 502, "upstream-failed")?;
    let asked = lab.upstream.asked(&id).len();
    ensure!(asked == 2, "there were {asked} attempts, not two");
    let (answer, id) = lab.get("/twice/first-stall")?;
    expect_status(&answer, 200)?;
    ensure!(lab.upstream.asked(&id).len() == 2, "a timeout was not repeated");
    // A status is the upstream's own word.
    let (answer, id) = lab.get("/twice/busy")?;
    expect_status(&answer, 503)?;
    lab.upstream.asked_once(&id)?;
    Ok(())
}

fn moves(lab: &Lab) -> Result<()> {
    for _ in 0..4 {
        let (answer, id) = lab.send("POST", "/moved/echo", &[], b"body")?;
        expect_status(&answer, 200)?;
        ensure!(lab.upstream.asked_once(&id)?.body == b"body", "the body was lost");
    }
    Ok(())
}

fn hedges(lab: &Lab) -> Result<()> {
    let (answer, id) = lab.get("/hedged/first-stall")?;
    expect_status(&answer, 200)?;
    let hedged = lab.metric("gateway_hedges_total{upstream=\"plain\"}")?;
    ensure!(hedged == 1.0, "{hedged} hedges are counted");
    let asked = lab.upstream.asked(&id).len();
    ensure!(asked == 2, "there were {asked} attempts, not two");
    let (answer, id) = lab.get("/hedged/ok")?;
    expect_status(&answer, 200)?;
    lab.upstream.asked_once(&id)?;
    let (answer, id) = lab.send("POST", "/hedged/first-stall", &[], b"")?;
    expect_refusal(&answer, 504, "upstream-timeout")?;
    lab.upstream.asked_once(&id)?;
    Ok(())
}

fn budget(lab: &Lab) -> Result<()> {
    let mut repeated = 0;
    for _ in 0..15 {
        let (answer, id) = lab.get("/thrifty/close")?;
        expect_status(&answer, 502)?;
        repeated += lab.upstream.asked(&id).len() - 1;
    }
    ensure!(repeated == 10, "{repeated} attempts were repeated, not 10");
    let counted = lab.metric("gateway_retries_total{upstream=\"thrifty\"}")?;
    ensure!(counted == 10.0, "the metric says {counted}");
    Ok(())
}

fn breaker(lab: &Lab) -> Result<()> {
    let state = format!(
        "gateway_breaker_state{{upstream=\"fragile\",address=\"{}\"}}",
        lab.upstream.address
    );
    // A whole answer sets the count back.
    for path in
        ["/fragile/close", "/fragile/close", "/fragile/ok", "/fragile/close", "/fragile/half"]
    {
        let _ = lab.get(path);
        ensure!(lab.metric(&state)? == 0.0, "open at {path}");
    }
    expect_status(&lab.get("/fragile/close")?.0, 502)?;
    let opened = Instant::now();
    ensure!(lab.metric(&state)? == 2.0, "three failures in a row do not open it");
    let (answer, id) = lab.get("/fragile/ok")?;
    expect_refusal(&answer, 503, "circuit-open")?;
    let after = answer.header("retry-after");
    ensure!(matches!(after, Some("1" | "2")), "Retry-After is {after:?}");
    ensure!(lab.upstream.asked(&id).is_empty(), "the upstream was asked");
    // A trial that fails opens it again.
    sleep(Duration::from_millis(BREAKER_OPEN_MS).saturating_sub(opened.elapsed()));
    expect_status(&lab.get("/fragile/close")?.0, 502)?;
    expect_refusal(&lab.get("/fragile/ok")?.0, 503, "circuit-open")?;
    // One may try, the others wait; its answer closes it.
    sleep(Duration::from_millis(BREAKER_OPEN_MS));
    let mut trial = Connection::open(lab.gateway.address)?;
    trial.send(&request("GET", "/fragile/first-stall", &[("X-Request-Id", "trial")], b""))?;
    lab.upstream.wait_for("trial")?;
    ensure!(lab.metric(&state)? == 1.0, "not half-open");
    expect_refusal(&lab.get("/fragile/ok")?.0, 503, "circuit-open")?;
    drop(trial); // tells nothing
    let start = Instant::now();
    while lab.get("/fragile/ok")?.0.status != 200 {
        ensure!(start.elapsed() < STALL, "a trial that was given up blocks");
        sleep(Duration::from_millis(20));
    }
    ensure!(lab.metric(&state)? == 0.0, "an answer does not close it");
    Ok(())
}
