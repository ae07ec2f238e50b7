//! If-Match and If-None-Match.

use super::expect::{expect_problem, expect_refusal, expect_status};
use super::session::{JSON, JSON_PATCH, MERGE_PATCH, Session};
use super::{Test, all_hold, run_all};
use crate::Check;
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::thread;

const PATH: &str = "/v1/documents/check-preconditions";
const WRITERS: usize = 4;
const WRITES: usize = 25;
const ATTEMPTS_MAX: usize = 10_000;

const TESTS: [(&str, Test); 5] = [
    ("If-Match and If-None-Match are judged as RFC 9110 says", judged),
    ("preconditions where there is no document", without_a_document),
    ("a precondition that cannot be read is 400", unreadable),
    ("404 and 415 outweigh a false precondition", precedence),
    ("no change is lost between writers that use If-Match, nor between appends", no_lost_changes),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}

/// The fields, the status of GET, and whether a change goes on. `TAG` stands for the document's tag.
const CASES: [(&str, &str, u16, bool); 22] = [
    ("If-Match", "TAG", 200, true),
    ("If-Match", "*", 200, true),
    ("If-Match", " * ", 200, true),
    ("If-Match", "\"other\"", 412, false),
    ("If-Match", "\"other\", TAG", 200, true),
    ("If-Match", "\"a,b\",,\t,TAG ,", 200, true),
    ("If-Match", "\"a,TAG\"", 412, false),
    ("If-Match", "W/TAG", 412, false),
    ("If-Match", "W/TAG, TAG", 200, true),
    ("If-Match", "\"\"", 412, false),
    ("if-match", "TAG", 200, true),
    ("If-None-Match", "TAG", 304, false),
    ("If-None-Match", "*", 304, false),
    ("If-None-Match", "W/TAG", 304, false),
    ("If-None-Match", "\"other\"", 200, true),
    ("If-None-Match", "W/\"other\" , \"x\"", 200, true),
    ("If-None-Match", "\"x\",TAG", 304, false),
    // Both: If-Match goes first, and GET then says 412.
    ("If-Match", "TAG\r\nIf-None-Match: \"other\"", 200, true),
    ("If-Match", "TAG\r\nIf-None-Match: TAG", 304, false),
    ("If-Match", "\"other\"\r\nIf-None-Match: TAG", 412, false),
    // Two lines are one list.
    ("If-Match", "\"other\"\r\nIf-Match: TAG", 200, true),
    ("If-None-Match", "\"other\"\r\nIf-None-Match: TAG", 304, false),
];

fn judged(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let test = |(name, value, get_status, changes): &(&str, &str, u16, bool)| {
        let put = session.put(PATH, b"[1]")?;
        let tag = put.header("etag").context("no ETag")?.to_owned();
        // The tag inside another one loses its quotes.
        let value = value.replace("\"a,TAG\"", &format!("\"a,{}\"", tag.trim_matches('"')));
        let value = value.replace("TAG", &tag);
        let condition = (*name, &*value);
        for method in ["GET", "HEAD"] {
            let response = session.send(method, PATH, &[condition], b"")?;
            expect_status(&response, *get_status).context(method)?;
            if response.status == 304 {
                ensure!(response.header("etag") == Some(&tag), "304 without the ETag");
                ensure!(response.header("content-type").is_none(), "304 with a Content-Type");
            }
        }
        let patch = br#"[{"op":"add","path":"/-","value":2}]"#;
        let type_of = |media_type| [condition, ("Content-Type", media_type)];
        for (method, headers, body) in [
            ("PUT", &type_of(JSON)[..], &b"[1]"[..]),
            ("PATCH", &type_of(MERGE_PATCH), b"[1]"),
            ("PATCH", &type_of(JSON_PATCH), patch),
        ] {
            let response = session.send(method, PATH, headers, body)?;
            expect_status(&response, if *changes { 200 } else { 412 }).context(method)?;
        }
        session.put(PATH, b"[1]")?;
        let response = session.send("DELETE", PATH, &[condition], b"")?;
        expect_status(&response, if *changes { 204 } else { 412 }).context("DELETE")?;
        if !changes {
            expect_problem(&response, 412, "Precondition Failed")?;
            ensure!(session.get(PATH)?.body == b"[1]", "the document changed");
        }
        session.delete(PATH).map(drop)
    };
    all_hold(CASES, test, |(name, value, ..)| format!("{name}: {value}"))
}

fn without_a_document(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let cases = [("If-Match", "*", 412), ("If-Match", "\"a\"", 412), ("If-None-Match", "*", 201)];
    for (name, value, status) in cases {
        session.delete(PATH)?;
        let headers = [(name, value), ("Content-Type", JSON)];
        expect_status(&session.send("PUT", PATH, &headers, b"1")?, status).context(value)?;
    }
    let headers = [("If-None-Match", "*"), ("Content-Type", JSON)];
    expect_problem(&session.send("PUT", PATH, &headers, b"2")?, 412, "Precondition Failed")?;
    expect_status(&session.delete(PATH)?, 204)
}

fn unreadable(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.put(PATH, b"1")?;
    let values = [
        "a",
        "",
        ",",
        "\"a",
        "a\"",
        "*, \"a\"",
        "*,*",
        "w/\"a\"",
        "W/a",
        "W /\"a\"",
        "\"a\" \"b\"",
        "\"a b\"",
        "'a'",
        "\"a\", b",
        "W/*",
    ];
    let test = |value: &&str| {
        for name in ["If-Match", "If-None-Match"] {
            for (method, headers) in [
                ("GET", &[(name, *value)][..]),
                ("DELETE", &[(name, *value)]),
                ("PUT", &[(name, *value), ("Content-Type", JSON)]),
                // It outweighs the media type and a document that is not there.
                ("PUT", &[(name, *value), ("Content-Type", "text/plain")]),
                ("PATCH", &[(name, *value), ("Content-Type", JSON_PATCH)]),
            ] {
                let response = session.send(method, PATH, headers, b"")?;
                expect_refusal(&response, 400, "invalid-precondition", &json!({}))
                    .with_context(|| format!("{method} {name}"))?;
            }
        }
        Ok(())
    };
    all_hold(values, test, |value| format!("{value:?}"))?;
    expect_status(&session.delete(PATH)?, 204)
}

fn precedence(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.delete(PATH)?;
    let failing = ("If-Match", "\"other\"");
    for method in ["GET", "DELETE"] {
        expect_problem(&session.send(method, PATH, &[failing], b"")?, 404, "Not Found")?;
    }
    let headers = [failing, ("Content-Type", MERGE_PATCH)];
    expect_problem(&session.send("PATCH", PATH, &headers, b"{}")?, 404, "Not Found")?;
    session.put(PATH, b"1")?;
    let text = [failing, ("Content-Type", "text/plain")];
    let response = session.send("PUT", PATH, &text, b"1")?;
    expect_problem(&response, 415, "Unsupported Media Type")?;
    let headers = [failing, ("Content-Type", JSON)];
    let response = session.send("PUT", PATH, &headers, b"nope")?;
    expect_refusal(&response, 400, "malformed-json", &json!({"position": 1}))?;
    // A false precondition outweighs a patch that would not apply.
    let headers = [failing, ("Content-Type", JSON_PATCH)];
    let response = session.send("PATCH", PATH, &headers, br#"[{"op":"remove","path":"/a"}]"#)?;
    expect_problem(&response, 412, "Precondition Failed")?;
    expect_status(&session.delete(PATH)?, 204)
}

fn no_lost_changes(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.put(PATH, br#"{"count":0,"list":[]}"#)?;
    let writers: Vec<_> = (0..WRITERS).map(|_| thread::spawn(move || write(address))).collect();
    for writer in writers {
        writer.join().map_err(|_| anyhow::anyhow!("a writer broke off"))??;
    }
    let document = session.get(PATH)?.json()?;
    let all = WRITERS * WRITES;
    ensure!(document.get("count") == Some(&json!(all)), "count is {:?}", document.get("count"));
    let length = document.get("list").and_then(|list| list.as_array()).map(Vec::len);
    ensure!(length == Some(all), "{length:?} entries");
    expect_status(&session.delete(PATH)?, 204)
}

fn write(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let append = br#"[{"op":"add","path":"/list/-","value":1}]"#;
    let mut written = 0;
    for _ in 0..ATTEMPTS_MAX {
        if written == WRITES {
            return Ok(());
        }
        let current = session.get(PATH)?;
        let tag = current.header("etag").context("no ETag")?.to_owned();
        let count = current.json()?.get("count").and_then(serde_json::Value::as_u64);
        let merge = json!({"count": count.context("no count")? + 1}).to_string();
        let headers = [("If-Match", &*tag), ("Content-Type", MERGE_PATCH)];
        match session.send("PATCH", PATH, &headers, merge.as_bytes())?.status {
            200 => written += 1,
            412 => continue,
            status => bail!("status {status}"),
        }
        expect_status(&session.patch(PATH, append)?, 200)?;
    }
    bail!("{written} of {WRITES} writes after {ATTEMPTS_MAX} attempts")
}
