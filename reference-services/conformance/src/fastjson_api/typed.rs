//! The typed path, and what stands beside both paths.

use super::expect::{
    bodiless, expect_allow, expect_invalid, expect_malformed, expect_problem, expect_quote,
    expect_status,
};
use super::{Test, run_all};
use crate::Check;
use crate::http::{Connection, exchange, post_quote};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A valid order of about 1 KB.
pub const SAMPLE_ORDER: &str = include_str!("../../../fastjson-api/sample-order.json");
pub(super) const SAMPLE_QUOTE: &str = include_str!("../../../fastjson-api/sample-quote.json");
const QUOTES: &str = include_str!("../../vectors/fastjson-quotes.json");
const EDITS: &str = include_str!("../../vectors/fastjson-edits.json");
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;

const TESTS: [(&str, Test); 10] = [
    ("the example has the example's quote", example),
    ("healthz answers GET and HEAD", healthz),
    ("metrics count requests by route and status", metrics),
    ("an unknown path, and every other spelling of a path, is 404", unknown_paths),
    ("another method is 405 and names those allowed", methods),
    ("another media type, or none, is 415", media_types),
    ("an empty body is 400", empty_body),
    ("invalid UTF-8 is 400", invalid_utf8),
    ("a body at the limit is read, one byte more is 413", body_limit),
    ("at most 20 errors are listed", many_errors),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    let mut checks = run_all(&TESTS, address);
    checks.extend(vectors(QUOTES, address, golden_quote));
    checks.extend(vectors(EDITS, address, edited_sample));
    checks
}

/// A vector's name, for the report, and the rest of it.
trait Vector: for<'a> Deserialize<'a> {
    fn name(&self) -> &str;
}

fn vectors<V: Vector>(
    text: &str,
    address: SocketAddr,
    test: fn(SocketAddr, &V) -> Result<()>,
) -> Vec<Check> {
    match serde_json::from_str::<Vec<V>>(text) {
        Ok(vectors) => vectors.iter().map(|v| Check::new(v.name(), test(address, v))).collect(),
        Err(error) => vec![Check::new("the vectors are readable", Err(error.into()))],
    }
}

#[derive(Deserialize)]
struct GoldenQuote {
    name: String,
    lines: Value,
    quote: Value,
}

impl Vector for GoldenQuote {
    fn name(&self) -> &str {
        &self.name
    }
}

fn golden_quote(address: SocketAddr, vector: &GoldenQuote) -> Result<()> {
    let mut order: Value = serde_json::from_str(SAMPLE_ORDER)?;
    let mut expected = vector.quote.clone();
    for field in ["order_id", "currency"] {
        let value = order.get(field).cloned().context("the sample lacks a field")?;
        expected.as_object_mut().context("not an object")?.insert(field.to_owned(), value);
    }
    order.as_object_mut().context("not an object")?.insert("lines".into(), vector.lines.clone());
    expect_quote(&exchange(address, &post_quote(order.to_string().as_bytes()))?, &expected)
}

/// The sample order with one place changed.
#[derive(Deserialize)]
struct Edit {
    name: String,
    from: String,
    #[serde(default)]
    to: String,
    /// Repeated `times`, then `then` as often: instead of `to`.
    #[serde(default)]
    repeat: String,
    #[serde(default)]
    then: String,
    #[serde(default)]
    times: usize,
    status: u16,
    #[serde(default)]
    pointers: Vec<String>,
}

impl Vector for Edit {
    fn name(&self) -> &str {
        &self.name
    }
}

fn edited_sample(address: SocketAddr, edit: &Edit) -> Result<()> {
    ensure!(SAMPLE_ORDER.contains(&edit.from), "the sample has no {:?}", edit.from);
    let to = edit.to.clone() + &edit.repeat.repeat(edit.times) + &edit.then.repeat(edit.times);
    let order = SAMPLE_ORDER.replacen(&edit.from, &to, 1);
    let response = exchange(address, &post_quote(order.as_bytes()))?;
    match edit.status {
        200 => expect_status(&response, 200),
        400 => expect_malformed(&response),
        _ => expect_invalid(&response, &edit.pointers),
    }
}

fn example(address: SocketAddr) -> Result<()> {
    let response = exchange(address, &post_quote(SAMPLE_ORDER.as_bytes()))?;
    let length = response.header("content-length").context("no Content-Length")?;
    ensure!(length.parse() == Ok(response.body.len()), "Content-Length is {length}");
    expect_quote(&response, &serde_json::from_str(SAMPLE_QUOTE)?)
}

fn healthz(address: SocketAddr) -> Result<()> {
    let response = exchange(address, &bodiless("GET", "/healthz"))?;
    expect_status(&response, 200)?;
    ensure!(response.body == b"ok\n", "the body is {:?}", response.body);
    let mut connection = Connection::open(address)?;
    connection.send(&bodiless("HEAD", "/healthz"))?;
    expect_status(&connection.receive_head()?, 200)?;
    // Had HEAD been answered with a body, this answer would not be readable.
    connection.send(&bodiless("GET", "/healthz"))?;
    expect_status(&connection.receive()?, 200)
}

fn metrics(address: SocketAddr) -> Result<()> {
    let read = || -> Result<String> {
        let response = exchange(address, &bodiless("GET", "/metrics"))?;
        expect_status(&response, 200)?;
        let media_type = response.header("content-type").unwrap_or_default();
        ensure!(media_type.starts_with("text/plain; version=0.0.4"), "{media_type}");
        Ok(String::from_utf8(response.body)?)
    };
    let value = |text: &str, series: &str| {
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
        found.with_context(|| format!("no series {series}"))
    };
    for body in [SAMPLE_ORDER, "no", "{}"] {
        exchange(address, &post_quote(body.as_bytes()))?;
    }
    exchange(address, &bodiless("GET", "/v1/quotes"))?;
    let before = read()?;
    for body in [SAMPLE_ORDER, "no", "{}"] {
        exchange(address, &post_quote(body.as_bytes()))?;
    }
    exchange(address, &bodiless("GET", "/v1/quotes"))?;
    let after = read()?;
    for (status, added) in [(200, 1.0), (400, 1.0), (422, 1.0), (405, 1.0)] {
        let series = format!("http_requests_total{{route=\"/v1/quotes\",status=\"{status}\"}}");
        let change = value(&after, &series)? - value(&before, &series)?;
        ensure!(change >= added, "{series} rose by {change}");
    }
    let family = "http_request_duration_seconds";
    let count = value(&after, &format!("{family}_count{{route=\"/v1/quotes\"}}"))?;
    let all = value(&after, &format!("{family}_bucket{{route=\"/v1/quotes\",le=\"+Inf\"}}"))?;
    ensure!(count >= 8.0 && count <= all, "{count} requests, {all} in buckets");
    ensure!(value(&after, &format!("{family}_sum{{route=\"/v1/quotes\"}}"))? > 0.0, "no time");
    Ok(())
}

fn unknown_paths(address: SocketAddr) -> Result<()> {
    let paths =
        ["/", "/v1", "/v1/quotes/", "//v1/quotes", "/v1/./quotes", "/v1/%71uotes", "/V1/quotes"];
    for path in paths {
        let response = exchange(address, &bodiless("GET", path))?;
        expect_problem(&response, 404, "Not Found").context(path)?;
    }
    expect_status(&exchange(address, &bodiless("GET", "/healthz?deep=1"))?, 200)
}

fn methods(address: SocketAddr) -> Result<()> {
    let cases = [
        ("GET", "/v1/quotes", "POST"),
        ("PUT", "/v1/quotes", "POST"),
        ("DELETE", "/v1/quotes", "POST"),
        ("OPTIONS", "/v1/quotes", "POST"),
        ("BREW", "/v1/quotes", "POST"),
        ("POST", "/healthz", "GET HEAD"),
        ("PATCH", "/metrics", "GET HEAD"),
    ];
    for (method, path, allowed) in cases {
        let response = exchange(address, &bodiless(method, path))?;
        expect_problem(&response, 405, "Method Not Allowed")
            .and_then(|()| expect_allow(&response, allowed))
            .with_context(|| format!("{method} {path}"))?;
    }
    let mut connection = Connection::open(address)?;
    connection.send(&bodiless("HEAD", "/v1/quotes"))?;
    let response = connection.receive_head()?;
    expect_status(&response, 405)?;
    expect_allow(&response, "POST")
}

fn media_types(address: SocketAddr) -> Result<()> {
    let post = |media_type: &str| {
        let request = format!(
            "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\n{media_type}Content-Length: {}\r\n\r\n",
            SAMPLE_ORDER.len()
        );
        exchange(address, &[request.as_bytes(), SAMPLE_ORDER.as_bytes()].concat())
    };
    for good in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
        expect_status(&post(&format!("Content-Type: {good}\r\n"))?, 200).context(good)?;
    }
    for bad in ["text/plain", "application/jsonx", "application/problem+json", ""] {
        let response = post(&format!("Content-Type: {bad}\r\n"))?;
        expect_problem(&response, 415, "Unsupported Media Type").context(bad)?;
    }
    expect_problem(&post("")?, 415, "Unsupported Media Type")
}

fn empty_body(address: SocketAddr) -> Result<()> {
    for body in ["", " ", "\r\n"] {
        expect_malformed(&exchange(address, &post_quote(body.as_bytes()))?)?;
    }
    for body in ["null", "5", "[]", "\"\"", "true", "{}", "1e999"] {
        let response = exchange(address, &post_quote(body.as_bytes()))?;
        expect_invalid(&response, &[String::new()]).context(body)?;
    }
    Ok(())
}

fn invalid_utf8(address: SocketAddr) -> Result<()> {
    let overlong: &[u8] = b"\xc0\xaf";
    let surrogate: &[u8] = b"\xed\xa0\x80";
    for bytes in [b"\xff".as_slice(), overlong, surrogate, b"\xf4\x90\x80\x80", b"\xc3"] {
        let (before, after) = SAMPLE_ORDER.split_once("Please").context("the sample changed")?;
        let order = [before.as_bytes(), bytes, after.as_bytes()].concat();
        expect_malformed(&exchange(address, &post_quote(&order))?)?;
    }
    Ok(())
}

fn body_limit(address: SocketAddr) -> Result<()> {
    let padded = |length: usize| format!("{SAMPLE_ORDER:length$}");
    let filler = BODY_BYTES_MAX + SAMPLE_ORDER.chars().count() - SAMPLE_ORDER.len();
    let at_limit = padded(filler);
    ensure!(at_limit.len() == BODY_BYTES_MAX, "the check itself is wrong");
    expect_status(&exchange(address, &post_quote(at_limit.as_bytes()))?, 200)?;
    let response = exchange(address, &post_quote(padded(filler + 1).as_bytes()))?;
    expect_problem(&response, 413, "Payload Too Large")?;
    ensure!(response.header("connection") == Some("close"), "the connection would stay open");
    // A length that is only claimed is refused without waiting for the body.
    let head = "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                Content-Length: 9999999999\r\n\r\n";
    expect_problem(&exchange(address, head.as_bytes())?, 413, "Payload Too Large")
}

fn many_errors(address: SocketAddr) -> Result<()> {
    let mut order: Value = serde_json::from_str(SAMPLE_ORDER)?;
    let line = json!({"sku": "", "quantity": 0, "unit_price": -1, "tax_category": ""});
    let lines = order.get_mut("lines").context("no lines")?;
    *lines = Value::Array(vec![line; 51]);
    let fields = ["sku", "quantity", "unit_price", "tax_category"];
    let each = (0..51).flat_map(|i| fields.map(|field| format!("/lines/{i}/{field}")));
    let expected: Vec<String> = std::iter::once("/lines".to_owned()).chain(each).take(20).collect();
    expect_invalid(&exchange(address, &post_quote(order.to_string().as_bytes()))?, &expected)
}
