//! Which lines are events, and which event a line is.

use super::api::{Api, expect_report, without_line_details};
use super::event::Event;
use super::expect::{refusal, status};
use super::{Test, all_hold, year};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("lines: each of the vectors is what it should be", vectors),
    ("lines: one batch of all vectors is reported line by line", together),
    ("lines: limits of bytes", limits),
    ("lines: bytes that are not UTF-8", not_utf8),
    ("lines: white space, CRLF, no LF at the end", white_space),
    ("lines: any byte of an event may be damaged", damaged),
];

const LINE_BYTES_MAX: usize = 8_192;
const ERRORS_MAX: usize = 100;

#[derive(Deserialize)]
struct Vector {
    line: String,
    code: Option<String>,
    event: Option<Value>,
}

fn read() -> Result<Vec<Vector>> {
    Ok(serde_json::from_str(include_str!("../../vectors/analytics/lines.json"))?)
}

fn vectors(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let test = |vector: &Vector| match (&vector.code, &vector.event) {
        (Some(code), None) if vector.line.trim().is_empty() => {
            anyhow::bail!("an empty line cannot be {code}")
        }
        (Some(code), None) => rejected(&mut api, vector.line.as_bytes(), code),
        (None, Some(event)) => {
            accepted(&mut api, vector.line.as_bytes())?;
            let event = Event::from_json(event).context("the vector is no event")?;
            find(&mut api, &event)
        }
        _ => anyhow::bail!("the vector is wrong"),
    };
    all_hold(read()?, test, |vector| vector.line.clone())
}

fn accepted(api: &mut Api, line: &[u8]) -> Result<()> {
    let report = json!({"accepted": 1, "rejected": 0, "duplicate": false, "errors": []});
    expect_report(&api.post(line, None)?, &report)
}

fn rejected(api: &mut Api, line: &[u8], code: &str) -> Result<()> {
    let response = api.post(line, None)?;
    let errors = json!([{"line": 1, "code": code}]);
    let members = json!({"accepted": 0, "rejected": 1, "errors": errors});
    refusal(&response, 422, "no-valid-line", &members)
}

/// Asks for exactly this event: its instant, key, value and tags.
fn find(api: &mut Api, event: &Event) -> Result<()> {
    let is = |field: &str, value: &str| json!({"field": field, "op": "in", "values": [value]});
    let mut conditions = vec![
        is("key", &event.key),
        json!({"field": "value", "op": "gte", "values": [event.value]}),
        json!({"field": "value", "op": "lte", "values": [event.value]}),
    ];
    conditions.extend(event.tags.iter().map(|(name, text)| is(&format!("tags.{name}"), text)));
    let question = json!({"from": event.ts, "to": event.ts + 1, "where": conditions,
        "group_by": ["key"], "aggregates": ["count", "max"]});
    // No instant lies after the last one.
    let last = event.ts == 253_402_300_799_999;
    let answer = if last {
        let path = format!("/v1/series?in.key={}", super::api::encoded(&event.key));
        let page = api.get(&path)?.json()?;
        return match page.pointer("/series/0/last") == Some(&json!(event.ts)) {
            true => Ok(()),
            false => anyhow::bail!("the series are {page}"),
        };
    } else {
        api.answer(&question)?
    };
    let found = answer.pointer("/rows/0").with_context(|| format!("not found: {question}"))?;
    let value = found.get(2).and_then(Value::as_f64);
    ensure!(value.map(f64::to_bits) == Some(event.value.to_bits()), "the value is {value:?}");
    ensure!(found.get(0) == Some(&json!(event.key)), "found {found}");
    Ok(())
}

fn together(address: SocketAddr) -> Result<()> {
    let (mut body, mut errors, mut right) = (Vec::new(), Vec::new(), 0);
    for (n, vector) in read()?.into_iter().enumerate() {
        body.extend_from_slice(vector.line.as_bytes());
        body.push(b'\n');
        match vector.code {
            Some(code) => errors.push(json!({"line": n + 1, "code": code})),
            None => right += 1,
        }
    }
    let rejected = errors.len();
    ensure!(rejected > ERRORS_MAX && right > 30, "too few vectors");
    errors.truncate(ERRORS_MAX);
    let report =
        json!({"accepted": right, "rejected": rejected, "duplicate": false, "errors": errors});
    expect_report(&Api::open(address)?.post(&body, None)?, &report)
}

fn limits(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1980);
    let with = |key: &str, name: &str, text: &str| {
        format!(r#"{{"ts":{ts},"key":"{key}","value":1,"tags":{{"{name}":"{text}"}}}}"#)
    };
    let long = |bytes: usize| "é".repeat(bytes / 2) + &"x".repeat(bytes % 2);
    accepted(&mut api, with(&long(255), &"n".repeat(64), &long(255)).as_bytes())?;
    rejected(&mut api, with(&long(256), "n", "t").as_bytes(), "bad-key")?;
    rejected(&mut api, with("k", &"n".repeat(65), "t").as_bytes(), "bad-tags")?;
    rejected(&mut api, with("k", "n", &long(256)).as_bytes(), "bad-tags")?;
    // 255 bytes that need 6 × 255 bytes as escapes.
    accepted(&mut api, with(&"\\u0061".repeat(255), "n", &"\\u0062".repeat(255)).as_bytes())?;
    rejected(&mut api, with(&"\\u0061".repeat(256), "n", "t").as_bytes(), "bad-key")?;
    let padded = |bytes: usize| {
        let line = with("padded", "n", "t");
        format!("{line}{}", " ".repeat(bytes - line.len()))
    };
    accepted(&mut api, padded(LINE_BYTES_MAX).as_bytes())?;
    rejected(&mut api, padded(LINE_BYTES_MAX + 1).as_bytes(), "line-too-long")?;
    rejected(&mut api, &[b'x'; LINE_BYTES_MAX + 1], "line-too-long")?;
    rejected(&mut api, &[b'{'; LINE_BYTES_MAX], "bad-json")?;
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000));
    rejected(&mut api, deep.as_bytes(), "unknown-field")?;
    let deep = format!(r#"{{"ts":1,"key":{}{}}}"#, "[".repeat(4_000), "]".repeat(4_000));
    rejected(&mut api, deep.as_bytes(), "bad-key")
}

fn not_utf8(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    for bytes in
        [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe2\x82"]
    {
        for (before, after) in [
            (&br#"{"ts":1,"value":1,"key":""#[..], &br#""}"#[..]),
            (br#"{"ts":1,"value":1,"key":"k","tags":{"a":""#, br#""}}"#),
            (br#"{"ts":1,"value":1,"key":"k",""#, br#"":1}"#),
            (br#"{"x":{"y":[""#, br#""]}}"#),
        ] {
            let line = [before, bytes, after].concat();
            rejected(&mut api, &line, "bad-json")
                .with_context(|| line.escape_ascii().to_string())?;
        }
    }
    Ok(())
}

fn white_space(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let line = |n: i64| Event::new(year(1981) + n, "w", 1.0, &[]).json().to_string();
    let body = format!("\n\r\n{}\r\n \t\r\nx\n\n{}", line(0), line(1));
    let errors = json!([{"line": 5, "code": "bad-json"}]);
    let report = json!({"accepted": 2, "rejected": 1, "duplicate": false, "errors": errors});
    expect_report(&api.post(body.as_bytes(), None)?, &report)?;
    ensure!(api.count(year(1981), year(1982))? == 2, "not both are there");
    let nothing = json!({"accepted": 0, "rejected": 0, "duplicate": false, "errors": []});
    for body in [&b""[..], b"\n", b"\n\n", b" \t\r\n \n"] {
        expect_report(&api.post(body, None)?, &nothing)?;
    }
    Ok(())
}

/// Whatever stands in a byte's place, the line is taken or reported, and its neighbours are taken.
fn damaged(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let whole =
        br#"{"ts":"1982-06-01T00:00:00.5Z","key":"k\u0061\"","value":-1.5e1,"tags":{"a":"b"}}"#;
    let (mut body, mut places) = (Vec::new(), 0);
    for place in 0..whole.len() {
        for byte in *b"\x00\"{}[],:\\ux10-.eT\xff " {
            let mut line = whole.to_vec();
            if let Some(there) = line.get_mut(place) {
                *there = byte;
            }
            body.extend_from_slice(&line);
            body.push(b'\n');
            body.extend_from_slice(whole);
            body.push(b'\n');
            places += 1;
        }
    }
    let response = api.post(&body, None)?;
    status(&response, 200)?;
    let report = without_line_details(response.json()?)?;
    let number = |name| report.get(name).and_then(Value::as_u64).context("no number");
    let (taken, rejected) = (number("accepted")?, number("rejected")?);
    ensure!(taken + rejected == 2 * places, "{taken} and {rejected} of {}", 2 * places);
    let lines = report.get("errors").and_then(Value::as_array).context("no errors")?;
    let odd = |error: &Value| error.get("line").and_then(Value::as_u64).is_some_and(|n| n % 2 == 1);
    ensure!(lines.iter().all(odd), "a line that is right was rejected");
    ensure!(rejected > places / 2, "only {rejected} of {places} damaged lines were rejected");
    Ok(())
}
