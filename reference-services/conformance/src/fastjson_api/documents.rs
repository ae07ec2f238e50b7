//! Keeping documents: routes, the served form, the ETag, limits.

use super::expect::{expect_allow, expect_problem, expect_refusal, expect_status};
use super::session::{JSON, Session};
use super::{Test, all_hold, run_all};
use crate::Check;
use crate::http::{Response, exchange, request};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::SocketAddr;

const PATH: &str = "/v1/documents/check-documents";
const BODY_BYTES_MAX: usize = 256 * 1024;

const TESTS: [(&str, Test); 9] = [
    ("a document is created, replaced, read and deleted", life),
    ("equal documents have equal ETags, and null has the contract's", etags),
    ("an id has 1-40 characters of its alphabet; other spellings are 404", ids),
    ("documents take GET, HEAD, PUT, PATCH and DELETE", methods),
    ("PUT takes JSON only; PATCH names the patches it takes", media_types),
    ("a document at the body's limit is read, one byte more is 413", body_limit),
    ("nesting, values, numbers and exponents have the contract's limits", limits),
    ("the first of several refusals answers", first_refusal),
    ("metrics count the dynamic path's requests", metrics),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}

/// The answer holds a document: its served form, type, tag and length.
pub(super) fn expect_document(response: &Response, status: u16, served: &[u8]) -> Result<()> {
    expect_status(response, status)?;
    let body = String::from_utf8_lossy(&response.body);
    let expected = String::from_utf8_lossy(served);
    ensure!(response.body == served, "{body:.300}, not {expected:.300}");
    ensure!(response.header("content-type") == Some(JSON), "not application/json");
    let length = response.header("content-length").context("no Content-Length")?;
    ensure!(length.parse() == Ok(served.len()), "Content-Length is {length}");
    let tag = response.header("etag").context("no ETag")?;
    let hash = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or_default();
    let digits = hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    ensure!(hash.len() == 32 && digits, "the ETag is {tag}");
    Ok(())
}

fn life(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.delete(PATH)?;
    expect_problem(&session.get(PATH)?, 404, "Not Found")?;
    expect_problem(&session.delete(PATH)?, 404, "Not Found")?;
    expect_problem(&session.merge(PATH, b"{}")?, 404, "Not Found")?;
    let created = session.put(PATH, br#" { "b" : 1.0, "a" : [ ] } "#)?;
    expect_document(&created, 201, br#"{"a":[],"b":1.0}"#)?;
    let read = session.get(PATH)?;
    expect_document(&read, 200, br#"{"a":[],"b":1.0}"#)?;
    ensure!(read.header("etag") == created.header("etag"), "GET and PUT differ in ETags");
    let head = session.send("HEAD", PATH, &[], b"")?;
    expect_status(&head, 200)?;
    for name in ["etag", "content-type", "content-length"] {
        ensure!(head.header(name) == read.header(name), "HEAD and GET differ in {name}");
    }
    expect_document(&session.put(PATH, b"null")?, 200, b"null")?;
    // Queries do not matter.
    expect_document(&session.get(&format!("{PATH}?pretty=1"))?, 200, b"null")?;
    let deleted = session.delete(PATH)?;
    expect_status(&deleted, 204)?;
    ensure!(deleted.header("content-length").is_none(), "204 with a Content-Length");
    expect_problem(&session.get(PATH)?, 404, "Not Found")
}

fn etags(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let mut tag = |text: &str| -> Result<String> {
        let response = session.put(PATH, text.as_bytes())?;
        Ok(response.header("etag").context("no ETag")?.to_owned())
    };
    let null = tag("null")?;
    ensure!(null == "\"74234e98afe7498fb5daf1f36ac2d78a\"", "null has the ETag {null}");
    let one = tag(r#"{"a":"\u00e9","b":[1]}"#)?;
    ensure!(one == tag("{ \"b\":[1],\n\"a\":\"é\" }")?, "the spelling changes the ETag");
    ensure!(one != tag(r#"{"a":"e","b":[1]}"#)?, "another document has the same ETag");
    ensure!(one != tag(r#"{"a":"é","b":[1.0]}"#)?, "another number has the same ETag");
    expect_status(&session.delete(PATH)?, 204)
}

fn ids(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let longest = "x".repeat(40);
    for id in ["a", "0", "A.b_c-", "9..", &longest] {
        let path = format!("/v1/documents/{id}");
        expect_document(&session.put(&path, b"1")?, 201, b"1").context(path.clone())?;
        expect_status(&session.delete(&path)?, 204).context(path)?;
    }
    let too_long = "x".repeat(41);
    for id in
        ["", ".", "..", "-a", "_", ".a", "a/", "a/b", "%61", "a%20", "a+b", "a~", "é", &too_long]
    {
        let path = format!("/v1/documents/{id}");
        for method in ["GET", "PUT", "PATCH", "DELETE", "POST"] {
            let response = session.send(method, &path, &[("Content-Type", JSON)], b"1")?;
            // Bytes that no target may have may be refused as HTTP, too.
            if id == "é" && response.status == 400 {
                continue;
            }
            expect_problem(&response, 404, "Not Found")
                .with_context(|| format!("{method} {path}"))?;
        }
    }
    for path in ["/v1/documents", "/v1/documents//a", "/v1/canonicalize/", "/v1/Documents/a"] {
        expect_problem(&session.get(path)?, 404, "Not Found").context(path)?;
    }
    Ok(())
}

fn methods(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    for method in ["POST", "OPTIONS", "BREW"] {
        let response = session.send(method, PATH, &[], b"")?;
        expect_problem(&response, 405, "Method Not Allowed").context(method)?;
        expect_allow(&response, "DELETE GET HEAD PATCH PUT")?;
    }
    Ok(())
}

fn media_types(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.put(PATH, b"{}")?;
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
        expect_status(&session.send("PUT", PATH, &[("Content-Type", good)], b"{}")?, 200)?;
    }
    for good in ["application/merge-patch+json", "Application/Merge-Patch+JSON;x=y"] {
        expect_status(&session.send("PATCH", PATH, &[("Content-Type", good)], b"{}")?, 200)?;
    }
    for bad in ["application/json", "text/plain", "application/json-patch", ""] {
        let response = session.send("PATCH", PATH, &[("Content-Type", bad)], b"{}")?;
        expect_problem(&response, 415, "Unsupported Media Type").context(bad)?;
        let accepted = response.header("accept-patch").context("no Accept-Patch")?;
        let mut accepted: Vec<&str> = accepted.split(',').map(str::trim).collect();
        accepted.sort_unstable();
        let both = ["application/json-patch+json", "application/merge-patch+json"];
        ensure!(accepted == both, "Accept-Patch is {accepted:?}");
    }
    for bad in [&[("Content-Type", "application/merge-patch+json")][..], &[]] {
        let response = session.send("PUT", PATH, bad, b"{}")?;
        expect_problem(&response, 415, "Unsupported Media Type")?;
    }
    expect_status(&session.delete(PATH)?, 204)
}

fn body_limit(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let largest = format!("\"{}\"", "x".repeat(BODY_BYTES_MAX - 2));
    expect_document(&session.put(PATH, largest.as_bytes())?, 201, largest.as_bytes())?;
    expect_document(&session.get(PATH)?, 200, largest.as_bytes())?;
    let padded = [" ".repeat(BODY_BYTES_MAX - 1), "1".into()].concat();
    expect_document(&session.put(PATH, padded.as_bytes())?, 200, b"1")?;
    for (method, media_type) in [("PUT", JSON), ("PATCH", "application/merge-patch+json")] {
        let headers = [("Content-Type", media_type)];
        let response = session.send(method, PATH, &headers, &vec![b' '; BODY_BYTES_MAX + 1])?;
        expect_problem(&response, 413, "Payload Too Large")?;
        ensure!(response.header("connection") == Some("close"), "the connection would stay open");
    }
    expect_status(&session.delete(PATH)?, 204)?;
    // A length that is only claimed is refused without waiting for the body.
    let claim = String::from_utf8(request("PUT", PATH, &[("Content-Type", JSON)], b""))?;
    let claim = claim.replace("Content-Length: 0", "Content-Length: 9999999999");
    expect_problem(&exchange(address, claim.as_bytes())?, 413, "Payload Too Large")
}

fn limits(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.delete(PATH)?;
    let arrays = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    let objects = |depth: usize| [r#"{"":"#.repeat(depth), "0".into(), "}".repeat(depth)].concat();
    let values = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
    let number = |digits: usize| "7".repeat(digits);
    let ok = |text: String| (text, None);
    let beyond = |text: String, limit, position: usize| (text, Some((limit, position)));
    let cases = [
        ok(arrays(128)),
        beyond(arrays(129), "depth", 128),
        beyond(arrays(50_000), "depth", 128),
        ok(objects(128)),
        beyond(objects(129), "depth", 4 * 128),
        beyond(objects(40_000), "depth", 4 * 128),
        ok(values(16_384)),
        beyond(values(16_385), "values", 1 + 2 * 16_383),
        beyond(values(100_000), "values", 1 + 2 * 16_383),
        // At one place, too many values comes before too deep.
        beyond(format!("[{}{}]", "0,".repeat(16_256), arrays(129)), "values", 1 + 2 * 16_256 + 127),
        beyond(format!("[{}{}]", "0,".repeat(16_255), arrays(129)), "depth", 1 + 2 * 16_255 + 127),
        beyond(format!("[{}{}]", "0,".repeat(16_257), arrays(129)), "values", 1 + 2 * 16_257 + 126),
        ok(number(1_024)),
        ok(format!("[-{}]", number(1_023))),
        beyond(number(1_025), "number-bytes", 0),
        beyond(format!("[ 1,-{}e1234567890]", number(1_030)), "number-bytes", 4),
        ok("1e999999999".into()),
        ok("1E-0000000000000000999999999".into()),
        beyond("1e1000000000".into(), "exponent", 0),
        beyond("{\"a\":0e+1000000000}".into(), "exponent", 5),
    ];
    let test = |(text, expected): &(String, Option<(&str, usize)>)| {
        let response = session.put(PATH, text.as_bytes())?;
        match expected {
            None if response.status == 201 => {
                expect_document(&response, 201, text.as_bytes())?;
                expect_status(&session.delete(PATH)?, 204)
            }
            None => expect_status(&response, 201),
            Some((limit, position)) => {
                let members = json!({"limit": limit, "position": position});
                expect_refusal(&response, 422, "limit-exceeded", &members)
            }
        }
    };
    all_hold(cases, test, |(text, _)| format!("{text:.30}… of {} bytes", text.len()))
}

fn first_refusal(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let deep = "[".repeat(200);
    let closed = [&*deep, &*"]".repeat(200)].concat();
    let malformed = |text: String, position: usize| {
        (text, 400, "malformed-json", json!({"position": position}))
    };
    let cases = [
        // What is not JSON is that, whatever came before.
        malformed(deep.clone(), 200),
        malformed(format!("{closed}]"), 400),
        malformed(r#"{"a":1,"a":2"#.into(), 12),
        malformed(r#"["\ud800",01]"#.into(), 11),
        malformed(r#"["\ud800\u12"]"#.into(), 12),
        malformed(format!("[1e9999999999,{}0,]", "0,".repeat(20_000)), 40_016),
        (
            format!(r#"["\ud800",{closed}]"#),
            422,
            "not-i-json",
            json!({"rule": "lone-surrogate", "position": 2}),
        ),
        (
            format!(r#"[{closed},"\ud800"]"#),
            422,
            "limit-exceeded",
            json!({"limit": "depth", "position": 128}),
        ),
        (
            r#"{"a":{"b":0,"b":0},"a":1e9999999999}"#.into(),
            422,
            "not-i-json",
            json!({"rule": "duplicate-name", "position": 12}),
        ),
        (
            r#"{"a":1e9999999999,"a":0}"#.into(),
            422,
            "limit-exceeded",
            json!({"limit": "exponent", "position": 5}),
        ),
    ];
    let test = |(text, status, word, members): &(String, u16, &str, serde_json::Value)| {
        expect_refusal(&session.put(PATH, text.as_bytes())?, *status, word, members)
    };
    all_hold(cases, test, |(text, ..)| format!("{text:.40}"))
}

fn metrics(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let series = |route: &str, status: u16| {
        format!("http_requests_total{{route=\"{route}\",status=\"{status}\"}} ")
    };
    let document = "/v1/documents/{id}";
    let mut all = vec![series("/v1/canonicalize", 200), series("/v1/canonicalize", 422)];
    all.extend([200, 201, 204, 304, 404, 409, 412].map(|status| series(document, status)));
    let mut counts = Vec::new();
    for _ in 0..2 {
        session.put(PATH, b"[]")?;
        session.put(PATH, b"[]")?;
        session.patch(PATH, br#"[{"op":"remove","path":"/0"}]"#)?;
        session.send("GET", PATH, &[("If-None-Match", "*")], b"")?;
        session.send("DELETE", PATH, &[("If-Match", "\"\"")], b"")?;
        session.delete(PATH)?;
        session.delete(PATH)?;
        session.canonicalize(b"{}")?;
        session.canonicalize(b"1e999")?;
        let text = String::from_utf8(session.get("/metrics")?.body)?;
        let count = |series: &String| {
            let found = text.lines().find_map(|line| line.strip_prefix(series.as_str()));
            found.and_then(|count| count.parse::<u64>().ok()).with_context(|| series.clone())
        };
        counts.push(all.iter().map(count).collect::<Result<Vec<u64>>>()?);
    }
    let grown = counts.first().into_iter().flatten().zip(counts.last().into_iter().flatten());
    ensure!(grown.clone().all(|(before, after)| before < after), "{counts:?} for {all:?}");
    Ok(())
}
