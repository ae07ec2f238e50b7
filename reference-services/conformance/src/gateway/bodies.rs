//! Bodies as streams, and their limits.

use super::Test;
use super::lab::{BODY_BYTES_MAX, CLIENT_IDLE_MS, Lab, expect_refusal, expect_status, new_id};
use crate::http::{Connection, exchange, request};
use anyhow::{Context, Result, ensure};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("a body keeps its length, or is chunked if it had none", lengths),
    ("a request's body goes on while it comes", upload_streams),
    ("an answer's body comes back while it comes", download_streams),
    ("an answer may come before the body has been sent", early_answer),
    ("bodies above the limit are 413, told by their length or found out", too_large),
    ("a body that pauses is 408", slow_body),
    ("Expect: 100-continue is answered when the body is wanted", expect_continue),
    ("answers without a body have none", bodiless),
    ("a client that takes nothing is cut off", slow_reader),
];

fn chunked_head(id: &str, path: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes()
}

fn lengths(lab: &Lab) -> Result<()> {
    let body = vec![b'x'; BODY_BYTES_MAX];
    let (answer, id) = lab.send("PUT", "/plain/echo", &[], &body)?;
    expect_status(&answer, 200)?;
    ensure!(answer.body == body, "{} bytes came back", answer.body.len());
    let asked = lab.upstream.asked_once(&id)?;
    ensure!(asked.all("content-length") == [BODY_BYTES_MAX.to_string()], "another length");
    ensure!(asked.all("transfer-encoding").is_empty(), "chunked as well");

    let id = new_id();
    let mut text = chunked_head(&id, "/plain/echo");
    text.extend(b"3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n");
    let answer = exchange(lab.gateway.address, &text)?;
    ensure!(answer.body == b"abcde", "{:?}", answer.body);
    let asked = lab.upstream.asked_once(&id)?;
    ensure!(asked.all("transfer-encoding") == ["chunked"], "not chunked");
    ensure!(asked.all("content-length").is_empty(), "a length as well");

    // An answer that ends with its connection is as long as it is.
    ensure!(lab.get("/plain/until-close")?.0.body == b"ok", "the answer was not delimited");
    Ok(())
}

fn upload_streams(lab: &Lab) -> Result<()> {
    let id = new_id();
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&chunked_head(&id, "/plain/echo"))?;
    connection.send(b"5\r\nfirst\r\n")?;
    let start = Instant::now();
    while lab.upstream.asked(&id).first().is_none_or(|asked| asked.body != b"first") {
        ensure!(start.elapsed() < Duration::from_secs(5), "the first chunk does not arrive");
        sleep(Duration::from_millis(10));
    }
    connection.send(b"4\r\nlast\r\n0\r\n\r\n")?;
    ensure!(connection.receive()?.body == b"firstlast", "another body came back");
    Ok(())
}

/// The upstream sends the rest only when it hears that the first piece has come.
fn download_streams(lab: &Lab) -> Result<()> {
    let id = new_id();
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&request("GET", "/plain/trickle", &[("X-Request-Id", &id)], b""))?;
    expect_status(&connection.receive_head()?, 200)?;
    let first = connection.chunk()?;
    ensure!(first == b"first", "{:?}", String::from_utf8_lossy(&first));
    let next = format!("{id}-next");
    exchange(lab.gateway.address, &request("GET", "/plain/ok", &[("X-Request-Id", &next)], b""))?;
    ensure!(connection.chunk()? == b"last", "another piece came");
    ensure!(connection.chunk()?.is_empty(), "the body does not end");
    Ok(())
}

fn early_answer(lab: &Lab) -> Result<()> {
    let id = new_id();
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&chunked_head(&id, "/plain/early"))?;
    connection.send(b"5\r\nfirst\r\n")?;
    let answer = connection.receive()?;
    expect_status(&answer, 403)?;
    ensure!(answer.body == b"no", "{:?}", answer.body);
    Ok(())
}

fn too_large(lab: &Lab) -> Result<()> {
    let id = new_id();
    let head = format!(
        "POST /plain/echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\nContent-Length: {}\r\n\r\n",
        BODY_BYTES_MAX + 1
    );
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(head.as_bytes())?;
    expect_refusal(&connection.receive()?, 413, "body-too-large")?;
    connection.expect_end()?;
    ensure!(lab.upstream.asked(&id).is_empty(), "the upstream was asked");

    let id = new_id();
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&chunked_head(&id, "/plain/echo"))?;
    for _ in 0..=BODY_BYTES_MAX / 1000 {
        connection.send(format!("3e8\r\n{}\r\n", "x".repeat(1000)).as_bytes())?;
    }
    expect_refusal(&connection.receive()?, 413, "body-too-large")?;
    connection.expect_end()?;
    let whole = lab.upstream.asked(&id).iter().any(|asked| asked.whole);
    ensure!(!whole, "the upstream got a whole body");
    Ok(())
}

fn slow_body(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    let start = Instant::now();
    connection.send(b"POST /plain/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")?;
    expect_refusal(&connection.receive()?, 408, "body-timeout")?;
    connection.expect_end()?;
    let least = Duration::from_millis(CLIENT_IDLE_MS - 50);
    ensure!(start.elapsed() > least, "after {:?} already", start.elapsed());
    // Slow but steady is well: each pause is short, all of them are longer than the limit.
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(b"POST /plain/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")?;
    for byte in b"slow drop".chunks(1) {
        sleep(Duration::from_millis(CLIENT_IDLE_MS / 7));
        connection.send(byte)?;
    }
    expect_status(&connection.receive()?, 200)
}

fn expect_continue(lab: &Lab) -> Result<()> {
    let head = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(head("/plain/echo", 4).as_bytes())?;
    expect_status(&connection.receive_head()?, 100)?;
    connection.send(b"body")?;
    let answer = connection.receive()?;
    expect_status(&answer, 200)?;
    ensure!(answer.body == b"body", "{:?}", answer.body);
    let id = answer.header("x-request-id").context("no X-Request-Id")?;
    ensure!(lab.upstream.asked_once(id)?.all("expect").is_empty(), "Expect was passed on");
    for (path, length, status) in [("/nowhere", 4, 404), ("/plain/echo", BODY_BYTES_MAX + 1, 413)] {
        let answer = exchange(lab.gateway.address, head(path, length).as_bytes())?;
        expect_status(&answer, status)?;
    }
    Ok(())
}

fn bodiless(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&request("HEAD", "/plain/head", &[], b""))?;
    let head = connection.receive_head()?;
    ensure!(head.header("content-length") == Some("1000"), "{:?}", head.header("content-length"));
    // The connection goes on right behind the head.
    connection.send(&request("GET", "/plain/nothing", &[], b""))?;
    let nothing = connection.receive_head()?;
    expect_status(&nothing, 204)?;
    ensure!(nothing.header("transfer-encoding").is_none(), "204 with a body");
    connection.send(&request("GET", "/plain/hints", &[], b""))?;
    let answer = connection.receive()?;
    expect_status(&answer, 200)?;
    ensure!(answer.body == b"ok", "{:?}", answer.body);
    Ok(())
}

fn slow_reader(lab: &Lab) -> Result<()> {
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(&request("GET", "/plain/flood", &[], b""))?;
    // More than all buffers hold waits for this client; then it reads what was on its way.
    sleep(Duration::from_millis(3 * CLIENT_IDLE_MS));
    let answer = connection.receive();
    ensure!(answer.is_err(), "64 MiB came whole after a pause beyond the limit");
    Ok(())
}
