//! What goes upstream of a request's head, and what comes back.

use super::Test;
use super::lab::{Lab, expect_status, new_id};
use crate::http::{Connection, exchange};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("hop-by-hop fields stay on their connection", hop_by_hop),
    ("other fields go on in their order", end_to_end),
    ("what only the gateway may say is taken from clients", own_fields),
    ("a plain request id is kept, others are replaced", request_ids),
    ("a valid trace is continued, others begin anew", traces),
    ("an upstream's fields come back, hop-by-hop ones do not", answers),
];

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hop_by_hop(lab: &Lab) -> Result<()> {
    let fields = [
        ("Connection", "keep-alive, X-Named ,close-not"),
        ("X-Named", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic eA=="),
        ("TE", "trailers"),
        ("Trailer", "X-T"),
        ("Upgrade", "websocket"),
        ("X-Kept", "yes"),
    ];
    let (answer, id) = lab.send("GET", "/plain/ok", &fields, b"")?;
    expect_status(&answer, 200)?;
    let asked = lab.upstream.asked_once(&id)?;
    for (name, _) in fields.iter().filter(|(name, _)| *name != "X-Kept") {
        ensure!(asked.all(name).is_empty(), "{name} was passed on: {:?}", asked.all(name));
    }
    ensure!(asked.all("x-kept") == ["yes"], "X-Kept was lost");
    Ok(())
}

fn end_to_end(lab: &Lab) -> Result<()> {
    let fields = [
        ("Accept", "a/b;q=0.5"),
        ("X-List", "1"),
        ("X-List", "2, 3"),
        ("Cookie", "a=b"),
        ("Authorization", "Basic eA=="),
    ];
    let (_, id) = lab.send("POST", "/plain/ok", &fields, b"x")?;
    let asked = lab.upstream.asked_once(&id)?;
    ensure!(asked.all("x-list") == ["1", "2, 3"], "{:?}", asked.all("x-list"));
    ensure!(asked.all("accept") == ["a/b;q=0.5"] && asked.all("cookie") == ["a=b"], "{asked:?}");
    ensure!(asked.all("authorization") == ["Basic eA=="], "Authorization was lost");
    for name in ["User-Agent", "Accept-Encoding"] {
        ensure!(asked.all(name).is_empty(), "{name} was added: {:?}", asked.all(name));
    }
    Ok(())
}

fn own_fields(lab: &Lab) -> Result<()> {
    let fields = [
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Port", "1"),
        ("X-Real-IP", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1"),
        ("X-Auth-Subject", "root"),
        ("X_Auth_Subject", "root"),
        ("Content_Length", "5"),
    ];
    let (_, id) = lab.send("GET", "/plain/ok", &fields, b"")?;
    let asked = lab.upstream.asked_once(&id)?;
    ensure!(asked.all("x-forwarded-for") == ["127.0.0.1"], "{:?}", asked.all("x-forwarded-for"));
    ensure!(asked.all("x-forwarded-proto") == ["http"], "{:?}", asked.all("x-forwarded-proto"));
    for (name, _) in fields.iter().skip(2) {
        ensure!(asked.all(name).is_empty(), "{name} was passed on");
    }
    // Naming them in Connection takes away the client's, not the gateway's.
    let fields = [("Connection", "X-Forwarded-For, X-Request-Id, traceparent, Host")];
    let (_, id) = lab.send("GET", "/plain/ok", &fields, b"")?;
    let asked = lab.upstream.asked_once(&id)?;
    for name in ["x-forwarded-for", "traceparent", "host"] {
        ensure!(asked.all(name).len() == 1, "{name} is {:?}", asked.all(name));
    }
    Ok(())
}

fn request_ids(lab: &Lab) -> Result<()> {
    let (answer, id) = lab.get("/plain/echo")?;
    ensure!(answer.header("x-request-id") == Some(&id), "{:?}", answer.header("x-request-id"));
    let (answer, id) = lab.get("/nowhere")?;
    ensure!(answer.header("x-request-id") == Some(&id), "a refusal has another id");
    let long = "x".repeat(65);
    let mut seen = BTreeSet::new();
    for given in ["", "a b", "a,b", "<x>", &long, "a\r\nX-Request-Id: b"] {
        let text = format!("GET /plain/ok HTTP/1.1\r\nHost: a\r\nX-Request-Id: {given}\r\n\r\n");
        let answer = exchange(lab.gateway.address, text.as_bytes())?;
        let id = answer.header("x-request-id").context("no X-Request-Id")?.to_owned();
        let hex =
            id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ensure!(hex, "{given:?} became {id:?}");
        lab.upstream.asked_once(&id)?;
        ensure!(seen.insert(id), "an id came twice");
    }
    Ok(())
}

fn traces(lab: &Lab) -> Result<()> {
    let valid = [format!("00-{TRACE}-{PARENT}-01"), format!("cc-{TRACE}-{PARENT}-01-more")];
    let zeros = "0".repeat(32);
    let invalid = [
        format!("ff-{TRACE}-{PARENT}-01"),
        format!("00-{TRACE}-{PARENT}-01-more"),
        format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
        format!("00-{zeros}-{PARENT}-01"),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{TRACE}-{PARENT}"),
        String::new(),
    ];
    for given in valid.iter().chain(&invalid) {
        let fields = [("traceparent", given.as_str()), ("tracestate", "a=1,b=2")];
        let (_, id) = lab.send("GET", "/plain/ok", &fields, b"")?;
        let asked = lab.upstream.asked_once(&id)?;
        let passed = asked.all("traceparent").join("|");
        let parts: Vec<&str> = passed.split('-').collect();
        let [version, trace, parent, flags] = parts.as_slice() else {
            anyhow::bail!("{given} became {passed}");
        };
        let lengths = (version.len(), trace.len(), parent.len(), flags.len());
        ensure!(lengths == (2, 32, 16, 2) && *version == "00", "{given} became {passed}");
        ensure!(*parent != PARENT && *trace != zeros, "{given} became {passed}");
        let follows = valid.contains(given);
        ensure!((*trace == TRACE) == follows, "{given} became {passed}");
        ensure!(*flags == if follows { "01" } else { "00" }, "{given} became {passed}");
        let states = asked.all("tracestate");
        ensure!(states == if follows { vec!["a=1,b=2"] } else { vec![] }, "{given}: {states:?}");
    }
    Ok(())
}

fn answers(lab: &Lab) -> Result<()> {
    let id = new_id();
    let text = format!("GET /plain/echo HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n");
    let mut connection = Connection::open(lab.gateway.address)?;
    connection.send(text.as_bytes())?;
    let answer = connection.receive()?;
    for name in ["connection", "keep-alive", "x-named", "proxy-authenticate"] {
        ensure!(answer.header(name).is_none(), "{name} came back: {:?}", answer.header(name));
    }
    ensure!(answer.all("x-kept") == ["a", "b"], "{:?}", answer.all("x-kept"));
    ensure!(answer.all("x-request-id") == [id.as_str()], "{:?}", answer.all("x-request-id"));
    ensure!(answer.header("content-type").is_none(), "a Content-Type was made up");
    // A status and its fields are the upstream's own.
    let (answer, _) = lab.get("/plain/busy")?;
    expect_status(&answer, 503)?;
    ensure!(answer.header("retry-after") == Some("7"), "{:?}", answer.header("retry-after"));
    Ok(())
}
