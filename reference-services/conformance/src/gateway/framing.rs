//! Requests that two programs could read differently, and heads that are too large or too slow.

use super::Test;
use super::lab::{CLIENT_IDLE_MS, HEAD_MS, Lab, expect_refusal, expect_status, new_id};
use crate::fastjson_api::all_hold;
use crate::http::{Connection, exchange};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("requests shaped to be read in two ways are 400 and end the connection", smuggled),
    ("a request hidden behind another is never passed on", hidden),
    ("broken chunks are 400, and the upstream never sees a whole body", broken_chunks),
    ("well-formed oddities are taken", oddities),
    ("pipelined requests are answered in order", pipelined),
    ("garbage behind a good request is 400 once that has its answer", garbage_behind),
    ("a request may arrive byte by byte", byte_by_byte),
    ("a head above its limit is 431", large_head),
    ("more than 100 fields are 431", many_fields),
    ("a head that does not arrive is cut off", slow_head),
];

/// `{}` stands for a request id.
pub(super) const MALFORMED: &[(&str, &str)] = &[
    (
        "CL.TE",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
    ),
    (
        "TE.CL",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\nZ\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    ),
    (
        "the same length twice",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    ),
    ("a list of lengths", "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"),
    ("a signed length", "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
    ("a hexadecimal length", "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx"),
    ("an empty length", "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    (
        "a length beyond 63 bits",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nx",
    ),
    (
        "TE twice",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE.TE",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE of two codings",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "an odd TE",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE in quotes",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE behind a vertical tab",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE with space before the colon",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "TE on HTTP/1.0",
        "POST /plain/ok HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("an obs-fold", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    (
        "a folded TE",
        "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    ),
    ("a first field that is folded", "GET /plain/ok HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n"),
    ("a bare LF in the head", "GET /plain/ok HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    ("bare LFs only", "GET /plain/ok HTTP/1.1\nHost: a\n\n"),
    ("a bare CR in a value", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    ("NUL in a value", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("a line without a colon", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    ("an empty name", "GET /plain/ok HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
    ("a space in a name", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX Y: x\r\n\r\n"),
    ("no host", "GET /plain/ok HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET /plain/ok HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("an empty line before", "\r\nGET /plain/ok HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two spaces", "GET  /plain/ok HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a space too many", "GET /plain/ok HTTP/1.1 \r\nHost: a\r\n\r\n"),
    ("a space in the target", "GET /plain/o k HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a target that is not ASCII", "GET /plain/\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no version", "GET /plain/ok\r\nHost: a\r\n\r\n"),
    ("HTTP/1.2", "GET /plain/ok HTTP/1.2\r\nHost: a\r\n\r\n"),
    ("HTTP/2 unasked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a method that is no token", "G(T /plain/ok HTTP/1.1\r\nHost: a\r\n\r\n"),
];

/// Answered 400, and then closed.
fn expect_ended(lab: &Lab, text: &str) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(text.as_bytes())?;
    expect_refused(&mut connection)
}

fn expect_refused(connection: &mut Connection) -> Result<()> {
    let answer = connection.receive_head()?;
    expect_status(&answer, 400)?;
    ensure!(answer.header("connection") == Some("close"), "no Connection: close");
    connection.expect_end()
}

fn smuggled(lab: &Lab) -> Result<()> {
    let counted = "gateway_refusals_total{reason=\"malformed-request\"}";
    let before = lab.metric(counted)?;
    all_hold(MALFORMED, |(_, text)| expect_ended(lab, text), |(name, _)| (*name).to_owned())?;
    ensure!(lab.metric(counted)? >= before + MALFORMED.len() as f64, "they are not counted");
    Ok(())
}

/// What hides a request from a reader that believes the other length.
fn hidden(lab: &Lab) -> Result<()> {
    let inner = "GET /plain/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let shapes = [
        format!(
            "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
            inner.len() + 5
        ),
        format!(
            "POST /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        format!(
            "POST /plain/ok HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
        ),
        format!(
            "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: {}\r\n\r\n{inner}",
            inner.len()
        ),
        format!(
            "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n\r\n{inner}"
        ),
        format!(
            "POST /plain/ok HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab{inner}"
        ),
    ];
    for shape in &shapes {
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send(shape.as_bytes())?;
        expect_status(&connection.receive_head()?, 400)?;
        connection.expect_end()?;
    }
    ensure!(!lab.upstream.heard("smuggled"), "the upstream was asked for the hidden request");
    Ok(())
}

fn broken_chunks(lab: &Lab) -> Result<()> {
    let bodies = [
        "zz\r\n",
        "\r\n",
        "-1\r\n",
        "0x1\r\na\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "1000000000000000\r\n",
        "1\r\na\r\n0\r\nno colon\r\n\r\n",
        "1\r\na\r\n0\r\n X: folded\r\n\r\n",
        " 1\r\na\r\n0\r\n\r\n",
    ];
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(300));
    all_hold(
        bodies.into_iter().chain([long.as_str()]),
        |body| {
            let id = new_id();
            let head = format!(
                "POST /plain/echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\
                 Transfer-Encoding: chunked\r\n\r\n"
            );
            let mut connection = Connection::open(lab.gateway.address)?;
            connection.send(head.as_bytes())?;
            connection.send(body.as_bytes())?;
            expect_status(&connection.receive_head()?, 400)?;
            connection.expect_end()?;
            let whole = lab.upstream.asked(&id).iter().any(|asked| asked.whole);
            ensure!(!whole, "the upstream got a whole body");
            Ok(())
        },
        |body| format!("{body:?}"),
    )
}

fn oddities(lab: &Lab) -> Result<()> {
    let requests = [
        "GET /plain/ok HTTP/1.0\r\n\r\n",
        "POST /plain/ok HTTP/1.1\r\nHost:a\r\ncontent-LENGTH:\t1 \r\n\r\nx",
        "POST /plain/ok HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0a;x=\"y\"\r\n0123456789\r\n000\r\nX: y\r\n\r\n",
        "GET /plain/ok HTTP/1.1\r\nHost: a\r\nX:\r\nY: \u{e4}\tb\r\n!#$%&'*+-.^_`|~: x\r\n\r\n",
        "DELETE /plain/ok HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    ];
    all_hold(
        requests,
        |text| expect_status(&exchange(lab.gateway.address, text.as_bytes())?, 200),
        |text| format!("{text:?}"),
    )
}

fn pipelined(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    let mut text = String::new();
    for n in 0..10 {
        text += &format!("POST /plain/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n{n}");
    }
    connection.send(text.as_bytes())?;
    for n in 0..10 {
        ensure!(connection.receive()?.body == n.to_string().as_bytes(), "answer {n} is another's");
    }
    Ok(())
}

/// It comes at once, while the upstream still thinks, or after the answer.
fn garbage_behind(lab: &Lab) -> Result<()> {
    let good = [
        "POST /lonely/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
        "POST /lonely/slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "GET /plain/ok HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let garbage = ["x\r\n", "\r\n", "GET /plain/behind HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"];
    let all = good.into_iter().flat_map(|good| garbage.map(|garbage| (good, garbage)));
    // All of them wait side by side.
    let mut waiting = Vec::new();
    for (good, garbage) in all {
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send([good, garbage].concat().as_bytes())?;
        waiting.push(connection);
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send(good.as_bytes())?;
        std::thread::sleep(Duration::from_millis(20));
        connection.send(garbage.as_bytes())?;
        waiting.push(connection);
    }
    for mut connection in waiting {
        expect_status(&connection.receive()?, 200)?;
        expect_refused(&mut connection)?;
    }
    for garbage in garbage {
        let mut connection = Connection::open(lab.gateway.address)?;
        connection.send(b"GET /plain/ok HTTP/1.1\r\nHost: a\r\n\r\n")?;
        expect_status(&connection.receive()?, 200)?;
        connection.send(garbage.as_bytes())?;
        expect_refused(&mut connection)?;
    }
    ensure!(!lab.upstream.heard("behind"), "the upstream was asked for the garbage");
    Ok(())
}

fn byte_by_byte(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    let text = "POST /plain/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                4;a\r\nbody\r\n0\r\n\r\n";
    for byte in text.as_bytes().chunks(1) {
        connection.send(byte)?;
    }
    let answer = connection.receive()?;
    expect_status(&answer, 200)?;
    ensure!(answer.body == b"body", "{:?}", answer.body);
    Ok(())
}

fn large_head(lab: &Lab) -> Result<()> {
    let of = |filler: usize| {
        let filler = "x".repeat(filler);
        format!("GET /plain/ok HTTP/1.1\r\nHost: a\r\nX: {filler}\r\n\r\n")
    };
    expect_status(&exchange(lab.gateway.address, of(12 * 1024 - 100).as_bytes())?, 200)?;
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(of(20 * 1024).as_bytes())?;
    expect_status(&connection.receive_head()?, 431)
}

fn many_fields(lab: &Lab) -> Result<()> {
    let of = |count: usize| {
        let fields = "X: y\r\n".repeat(count - 1);
        format!("GET /plain/ok HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    };
    expect_status(&exchange(lab.gateway.address, of(100).as_bytes())?, 200)?;
    let answer = exchange(lab.gateway.address, of(101).as_bytes())?;
    expect_refusal(&answer, 431, "too-many-fields")
}

/// It comes in drops, each well before the timeout.
fn slow_head(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    let start = Instant::now();
    connection.send(b"GET /plain/ok HTTP/1.1\r\nHost: a\r\n")?;
    while start.elapsed() < Duration::from_millis(HEAD_MS + CLIENT_IDLE_MS) {
        std::thread::sleep(Duration::from_millis(100));
        if connection.send(b"X: y\r\n").is_err() {
            break;
        }
    }
    connection.expect_closed()?;
    let least = Duration::from_millis(HEAD_MS - 100);
    ensure!(start.elapsed() > least, "cut off after {:?} already", start.elapsed());
    Ok(())
}
