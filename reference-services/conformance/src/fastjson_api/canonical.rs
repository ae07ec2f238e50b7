//! Canonical JSON, with the examples of RFC 8785.

use super::expect::{expect_problem, expect_refusal, expect_status};
use super::session::Session;
use super::{Test, all_hold, run_all};
use crate::Check;
use crate::http::Response;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;

const VECTORS: &str = include_str!("../../vectors/rfc8785.json");

const TESTS: [(&str, Test); 4] = [
    ("RFC 8785: its examples, and others, have their canonical form", examples),
    ("RFC 8785: the doubles of its appendix B are written as there", doubles),
    ("numbers beyond doubles and what is not I-JSON have no canonical form", refusals),
    ("canonicalize takes JSON by POST only", requests),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}

#[derive(Deserialize)]
struct Vectors {
    /// Input and canonical form.
    texts: Vec<(String, String)>,
    /// The bits of a double in hexadecimal and its canonical form.
    doubles: Vec<(String, String)>,
}

fn expect_canonical(response: &Response, expected: &str) -> Result<()> {
    expect_status(response, 200)?;
    let body = String::from_utf8_lossy(&response.body);
    ensure!(body == expected, "{body}, not {expected}");
    ensure!(response.header("content-type") == Some("application/json"), "not application/json");
    ensure!(response.header("etag").is_none(), "there is an ETag");
    Ok(())
}

fn examples(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors: Vectors = serde_json::from_str(VECTORS)?;
    let test = |(text, expected): &(String, String)| {
        expect_canonical(&session.canonicalize(text.as_bytes())?, expected)?;
        expect_canonical(&session.canonicalize(expected.as_bytes())?, expected).context("once more")
    };
    all_hold(vectors.texts, test, |(text, _)| text.clone())
}

fn doubles(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors: Vectors = serde_json::from_str(VECTORS)?;
    let test = |(bits, expected): &(String, String)| {
        let double = f64::from_bits(u64::from_str_radix(bits, 16)?);
        // More digits than tell two doubles apart, and the plain form as well.
        for text in [format!("{double:.20e}"), format!("{double}")] {
            expect_canonical(&session.canonicalize(text.as_bytes())?, expected).context(text)?;
        }
        Ok(())
    };
    all_hold(vectors.doubles, test, |(bits, _)| bits.clone())
}

fn refusals(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let cases = [
        ("1e309", "number-range", 0),
        (r#"{"a":[1, -1e400]}"#, "number-range", 9),
        ("[1.7976931348623159e308]", "number-range", 1),
        (r#"{"a":1,"\u0061":2}"#, "duplicate-name", 7),
        (r#"[1e400,"\ud800"]"#, "number-range", 1),
        (r#"["\udc00",1e400]"#, "lone-surrogate", 2),
    ];
    for (text, rule, position) in cases {
        let response = session.canonicalize(text.as_bytes())?;
        let members = json!({"rule": rule, "position": position});
        expect_refusal(&response, 422, "not-i-json", &members).context(text)?;
    }
    // A fault outweighs what comes before it.
    let response = session.canonicalize(b"[1e400,]")?;
    expect_refusal(&response, 400, "malformed-json", &json!({"position": 7}))
}

fn requests(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let path = "/v1/canonicalize";
    let response = session.get(path)?;
    expect_problem(&response, 405, "Method Not Allowed")?;
    ensure!(response.header("allow") == Some("POST"), "{:?}", response.header("allow"));
    for headers in [&[][..], &[("Content-Type", "text/json")]] {
        let response = session.send("POST", path, headers, b"{}")?;
        expect_problem(&response, 415, "Unsupported Media Type")?;
    }
    let headers = [("Content-Type", "APPLICATION/json;charset=utf-8")];
    expect_canonical(&session.send("POST", path, &headers, b" {} ")?, "{}")?;
    let large = vec![b' '; 256 * 1024 + 1];
    expect_problem(&session.canonicalize(&large)?, 413, "Payload Too Large")
}
