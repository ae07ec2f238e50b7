//! The contract of fastjson-api.

use crate::Check;
use crate::http::{Connection, Response, exchange, post_quote};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// A valid order of about 1 KB.
pub const SAMPLE_ORDER: &str = include_str!("../../fastjson-api/sample-order.json");
const SAMPLE_QUOTE: &str = include_str!("../../fastjson-api/sample-quote.json");
const QUOTES: &str = include_str!("../vectors/fastjson-quotes.json");
const EDITS: &str = include_str!("../vectors/fastjson-edits.json");
const BODY_BYTES_MAX: usize = 16 * 1024;
const PIPELINED_REQUESTS: usize = 20;
/// The contract's 10 s, with what a busy machine may add.
const TIMEOUT_S: std::ops::Range<f64> = 9.0..14.0;

type Test = fn(SocketAddr) -> Result<()>;

const TESTS: [(&str, Test); 17] = [
    ("the example has the example's quote", example),
    ("healthz answers GET and HEAD", healthz),
    ("metrics count requests by route and status", metrics),
    ("an unknown path, and every other spelling of a path, is 404", unknown_paths),
    ("another method is 405 and names those allowed", methods),
    ("another media type, or none, is 415", media_types),
    ("an empty body is 400", empty_body),
    ("invalid UTF-8 is 400", invalid_utf8),
    ("a body at the limit is read, one byte more is 413", body_limit),
    ("a chunked body is read, and limited too", chunked_body),
    ("a broken chunk ends the connection with 400", broken_chunk),
    ("at most 20 errors are listed", many_errors),
    ("pipelined requests are answered in order", pipelined),
    ("a request may arrive byte by byte", byte_by_byte),
    ("a head above its limit is 431", large_head),
    ("Expect: 100-continue is honoured", expect_continue),
    ("a connection stays open after a refusal", refusals_keep_the_connection),
];

const SLOW_TESTS: [(&str, Test); 3] = [
    ("a head that does not arrive is cut off", slow_head),
    ("an idle connection is closed", idle),
    ("a body that does not arrive is 408", slow_body),
];

/// Runs every check. Takes about 10 s, most of it waiting for the service's timeouts.
pub fn run(address: SocketAddr) -> Vec<Check> {
    let waiting = SLOW_TESTS.map(|(name, test)| (name, thread::spawn(move || test(address))));
    let mut checks: Vec<Check> =
        TESTS.iter().map(|(name, test)| Check::new(*name, test(address))).collect();
    checks.extend(vectors(QUOTES, address, golden_quote));
    checks.extend(vectors(EDITS, address, edited_sample));
    checks.extend(waiting.map(|(name, thread)| {
        let outcome = thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the check broke off")));
        Check::new(name, outcome)
    }));
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

fn expect_allow(response: &Response, allowed: &str) -> Result<()> {
    let allow = response.header("allow").context("no Allow header")?;
    let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
    methods.sort_unstable();
    ensure!(methods.join(" ") == allowed, "Allow is {allow}");
    Ok(())
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

fn bodiless(method: &str, path: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

fn expect_status(response: &Response, status: u16) -> Result<()> {
    let body = String::from_utf8_lossy(&response.body);
    ensure!(response.status == status, "status {}, not {status}: {body}", response.status);
    Ok(())
}

fn expect_quote(response: &Response, expected: &Value) -> Result<()> {
    expect_status(response, 200)?;
    ensure!(response.header("content-type") == Some("application/json"), "not application/json");
    let quote = response.json()?;
    ensure!(quote == *expected, "the quote is {quote}");
    Ok(())
}

fn expect_problem(response: &Response, status: u16, title: &str) -> Result<()> {
    let expected = json!({"type": "about:blank", "title": title, "status": status});
    expect_problem_body(response, status, &expected)
}

fn expect_malformed(response: &Response) -> Result<()> {
    let r#type = "urn:problem-type:fastjson-api:malformed-json";
    let expected = json!({"type": r#type, "title": "Malformed JSON", "status": 400});
    expect_problem_body(response, 400, &expected)
}

fn expect_invalid(response: &Response, pointers: &[String]) -> Result<()> {
    let r#type = "urn:problem-type:fastjson-api:invalid-order";
    let errors: Vec<Value> = pointers.iter().map(|pointer| json!({"pointer": pointer})).collect();
    let expected =
        json!({"type": r#type, "title": "Invalid order", "status": 422, "errors": errors});
    expect_problem_body(response, 422, &expected)
}

fn expect_problem_body(response: &Response, status: u16, expected: &Value) -> Result<()> {
    expect_status(response, status)?;
    let media_type = response.header("content-type").unwrap_or_default();
    ensure!(media_type == "application/problem+json", "Content-Type is {media_type}");
    let (body, details) = without_details(response.json()?);
    ensure!(body == *expected, "the body is {body}, not {expected}");
    let places = 1 + expected.get("errors").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(details == places, "{details} of {places} details are there");
    Ok(())
}

/// A problem without its free text, and how many such texts it had.
pub(crate) fn without_details(mut problem: Value) -> (Value, usize) {
    let mut details = 0;
    let mut remove = |value: &mut Value| {
        let removed = value.as_object_mut().and_then(|object| object.remove("detail"));
        details += usize::from(removed.is_some_and(|detail| detail.as_str() != Some("")));
    };
    remove(&mut problem);
    if let Some(errors) = problem.get_mut("errors").and_then(Value::as_array_mut) {
        errors.iter_mut().for_each(remove);
    }
    (problem, details)
}
