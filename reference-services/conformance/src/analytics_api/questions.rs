//! Questions whose answers were made by hand, in each of their spellings, and those refused.

use super::api::{Api, parameters};
use super::event::Event;
use super::expect::{invalid_query, plain, refusal, status};
use super::{Test, all_hold, year};
use crate::fastjson_api::JSON;
use crate::http::{Response, exchange, request};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("questions: answers made by hand, as JSON, as parameters and as CSV", answers),
    ("questions: each fault is refused where it is", faults),
    ("questions: what is refused before it is a question", refused),
    ("questions: beyond a limit", limits),
    ("questions: values at the edges of doubles", edges),
    ("questions: CSV quotes what needs it", csv_quotes),
];

const BODY_BYTES_MAX: usize = 256 * 1024;
/// serde_json reads a double of 16 digits or more to within its last place. Values of fewer digits,
/// which most checks send, are read exactly.
const READ_TOLERANCE: f64 = 4e-16;

/// Questions, and events to ask about.
#[derive(Deserialize)]
pub(crate) struct Vectors {
    events: Vec<Value>,
    pub(crate) answers: Vec<Answer>,
    refused: Vec<Refused>,
    refused_parameters: Vec<RefusedParameters>,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) query: Value,
    columns: Value,
    rows: Value,
    rows_total: u64,
    events: u64,
}

#[derive(Deserialize)]
struct Refused {
    query: Value,
    pointer: String,
}

#[derive(Deserialize)]
struct RefusedParameters {
    parameters: String,
    pointer: String,
}

impl Vectors {
    pub(crate) fn read() -> Result<Self> {
        Ok(serde_json::from_str(include_str!("../../vectors/analytics/queries.json"))?)
    }

    pub(crate) fn events(&self) -> Result<Vec<Event>> {
        let events = self.events.iter().map(|event| Event::from_json(event).context("no event"));
        events.collect()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        json!({"columns": self.columns, "rows": self.rows, "rows_total": self.rows_total,
            "events": self.events})
    }
}

fn answers(address: SocketAddr) -> Result<()> {
    let vectors = Vectors::read()?;
    let mut api = Api::open(address)?;
    // In parts, so that rows come from several batches.
    for part in vectors.events()?.chunks(5) {
        api.ingest(part)?;
    }
    let test = |vector: &&Answer| {
        let expected = vector.json();
        for spelling in Spelling::ALL {
            spelling
                .ask(&mut api, &vector.query)
                .and_then(|answer| spelling.compare(&answer, &expected, 0.0))
                .with_context(|| format!("{spelling:?}"))?;
        }
        Ok(())
    };
    all_hold(&vectors.answers, test, |vector| vector.name.clone())
}

/// How a question is put and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Json,
    Parameters,
    Csv,
}

impl Spelling {
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Parameters, Self::Csv];

    /// An answer; that of CSV has texts and null in its rows, and no `events`.
    pub(super) fn ask(self, api: &mut Api, question: &Value) -> Result<Value> {
        match self {
            Self::Json => api.answer(question),
            Self::Parameters => {
                let response = api.get(&format!("/v1/query?{}", parameters(question)))?;
                status(&response, 200)?;
                ensure!(response.header("content-type") == Some(JSON), "not {JSON}");
                response.json()
            }
            Self::Csv => {
                let mut question = question.clone();
                if let Some(members) = question.as_object_mut() {
                    members.insert("format".to_owned(), json!("csv"));
                }
                from_csv(&api.ask(&question)?)
            }
        }
    }

    /// Compares an answer with what is expected; sums and means may differ by `tolerance`
    /// relatively.
    pub(super) fn compare(self, answer: &Value, expected: &Value, tolerance: f64) -> Result<()> {
        for member in ["columns", "rows_total", "events"] {
            let (found, expected) = (answer.get(member), expected.get(member));
            let absent = self == Self::Csv && member == "events";
            ensure!(absent || found == expected, "{member} are {found:?}, not {expected:?}");
        }
        let rows = |answer: &Value| answer.get("rows").and_then(Value::as_array).cloned();
        let found = rows(answer).context("no rows")?;
        let expected_rows = rows(expected).context("no rows")?;
        let columns = expected.get("columns").and_then(Value::as_array).context("no columns")?;
        ensure!(
            found.len() == expected_rows.len(),
            "{} rows, not {}",
            found.len(),
            expected_rows.len()
        );
        for (n, (found, expected)) in found.iter().zip(&expected_rows).enumerate() {
            let cells = found.as_array().context("a row is no array")?;
            let expected = expected.as_array().context("a row is no array")?;
            let same = cells.len() == expected.len()
                && cells.iter().zip(expected).zip(columns).all(|((found, expected), column)| {
                    let inexact = matches!(column.as_str(), Some("sum" | "mean"));
                    let tolerance = if inexact { tolerance } else { 0.0 };
                    self.same_cell(found, expected, tolerance)
                });
            ensure!(same, "row {n} is {found}, not {}", Value::from(expected.clone()));
        }
        Ok(())
    }

    fn same_cell(self, found: &Value, expected: &Value, tolerance: f64) -> bool {
        let number = match (self, found) {
            (Self::Csv, Value::String(text)) if expected.is_number() => text.parse().ok(),
            _ => found.as_f64(),
        };
        match (number, expected.as_f64()) {
            (Some(found), Some(expected)) => {
                let tolerance = tolerance.max(READ_TOLERANCE);
                found == expected || (found - expected).abs() <= tolerance * expected.abs()
            }
            _ => found == expected,
        }
    }
}

fn from_csv(response: &Response) -> Result<Value> {
    status(response, 200)?;
    let media_type = response.header("content-type").unwrap_or_default();
    ensure!(media_type == "text/csv; charset=utf-8", "Content-Type is {media_type}");
    let mut rows = parse_csv(std::str::from_utf8(&response.body)?)?;
    ensure!(!rows.is_empty(), "no header");
    let columns = rows.remove(0);
    let total: u64 = response.header("rows-total").context("no Rows-Total")?.parse()?;
    Ok(json!({"columns": columns, "rows": rows, "rows_total": total}))
}

/// RFC 4180 with CRLF and no quotes that are not needed. An empty cell is null.
fn parse_csv(text: &str) -> Result<Vec<Vec<Value>>> {
    let (mut rows, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let mut row = Vec::new();
        loop {
            let (cell, after) = cell(rest)?;
            row.push(if cell.is_empty() { Value::Null } else { Value::from(cell) });
            if let Some(after) = after.strip_prefix(',') {
                rest = after;
                continue;
            }
            let Some(after) = after.strip_prefix("\r\n") else {
                bail!("no CRLF before {after:.20?}")
            };
            rest = after;
            break;
        }
        rows.push(row);
    }
    Ok(rows)
}

fn cell(text: &str) -> Result<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
        let (cell, rest) = text.split_at(end);
        ensure!(!cell.contains('"'), "a quote in a cell without quotes: {cell:.40}");
        return Ok((cell.to_owned(), rest));
    };
    let mut cell = String::new();
    loop {
        let (part, after) = rest.split_once('"').context("a quote is not closed")?;
        cell += part;
        match after.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => {
                ensure!(cell.contains([',', '"']), "quotes around {cell:.40}");
                return Ok((cell, after));
            }
        }
    }
}

fn faults(address: SocketAddr) -> Result<()> {
    let vectors = Vectors::read()?;
    let mut api = Api::open(address)?;
    let test = |vector: &&Refused| invalid_query(&api.ask(&vector.query)?, &vector.pointer);
    all_hold(&vectors.refused, test, |vector| vector.query.to_string())?;
    let test = |vector: &&RefusedParameters| {
        let response = api.get(&format!("/v1/query?{}", vector.parameters))?;
        invalid_query(&response, &vector.pointer)
    };
    all_hold(&vectors.refused_parameters, test, |vector| vector.parameters.clone())?;
    invalid_query(&api.get("/v1/query")?, "/from")
}

fn refused(address: SocketAddr) -> Result<()> {
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        exchange(address, &request("POST", "/v1/query", headers, body))
    };
    let question = json!({"from": 0, "to": 1}).to_string();
    for media_type in ["text/plain", "application/x-ndjson", ""] {
        let response = send(&[("Content-Type", media_type)], question.as_bytes())?;
        plain(&response, 415, "Unsupported Media Type")?;
    }
    let json = [("Content-Type", "application/JSON; charset=utf-8")];
    status(&send(&json, question.as_bytes())?, 200)?;
    for body in ["", "{", "{} x", "{'from':0}", "{\"from\":0,}", "\u{feff}{}", "{\"from\":01}"] {
        let response = send(&json, body.as_bytes())?;
        refusal(&response, 400, "malformed-json", &json!({})).with_context(|| body.to_owned())?;
    }
    let padded = |bytes: usize| format!("{question}{}", " ".repeat(bytes - question.len()));
    status(&send(&json, padded(BODY_BYTES_MAX).as_bytes())?, 200)?;
    let too_large = send(&json, padded(BODY_BYTES_MAX + 1).as_bytes())?;
    plain(&too_large, 413, "Payload Too Large")
}

fn limits(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let window = |seconds: i64, fill: bool| json!({"from": 500, "to": 500 + seconds * 1_000, "bucket": "1s", "fill": fill});
    // The window begins within a bucket, so that it overlaps one more.
    status(&api.ask(&window(999_999, false))?, 200)?;
    for fill in [false, true] {
        let beyond = api.ask(&window(1_000_000, fill))?;
        refusal(&beyond, 422, "limit-exceeded", &json!({"limit": "buckets"}))?;
    }
    let all_time = json!({"from": 0, "to": 253_402_300_799_999_i64, "bucket": "1d"});
    let beyond = api.ask(&all_time)?;
    refusal(&beyond, 422, "limit-exceeded", &json!({"limit": "buckets"}))?;
    // 5 groups of a million buckets each, of which a few have events.
    let ts = year(1993);
    let events: Vec<Event> =
        (0..5).map(|n| Event::new(ts + n, &format!("group{n}"), 1.0, &[])).collect();
    api.ingest(&events)?;
    let question = json!({"from": ts, "to": ts + 1_000_000_000, "bucket": "1s", "fill": true,
        "group_by": ["key"]});
    refusal(&api.ask(&question)?, 422, "limit-exceeded", &json!({"limit": "groups"}))?;
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|n| format!("v{n}")).collect();
        let half = |part: &[String]| json!({"field": "tags.a", "op": "in", "values": part});
        let (left, right) = values.split_at(count / 2);
        json!({"from": 0, "to": 1, "where": [half(left), half(right)]})
    };
    status(&api.ask(&values(1_000))?, 200)?;
    invalid_query(&api.ask(&values(1_001))?, "/where/1/values")
}

/// Extremes of the values an event may have, and sums of many of them.
fn edges(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1994);
    let events: Vec<Event> = [1e290, 1e290, -1e290, 5e-324, -5e-324, 0.0]
        .into_iter()
        .map(|value| Event::new(ts, "edges", value, &[]))
        .collect();
    api.ingest(&events)?;
    let aggregates = ["min", "max", "p50", "p90", "p99"];
    let question = json!({"from": ts, "to": ts + 1, "aggregates": aggregates});
    let expected = json!({"columns": aggregates, "rows": [[-1e290, 1e290, 0.0, 1e290, 1e290]],
        "rows_total": 1, "events": 6});
    Spelling::Json.compare(&api.answer(&question)?, &expected, 0.0)?;
    let question = json!({"from": ts, "to": ts + 1, "aggregates": ["sum", "mean"],
        "where": [{"field": "value", "op": "gt", "values": [0]}]});
    let expected = json!({"columns": ["sum", "mean"], "rows": [[2e290, 2e290 / 3.0]],
        "rows_total": 1, "events": 3});
    Spelling::Json.compare(&api.answer(&question)?, &expected, 1e-9)
}

fn csv_quotes(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1995);
    let texts = ["plain", "a,b", "\"", "a \"b\"", " ", "é;|", "=1", "'", "1.5", "null"];
    let events: Vec<Event> =
        texts.iter().map(|text| Event::new(ts, text, 1.0, &[("quoted", text)])).collect();
    api.ingest(&events)?;
    let question = json!({"from": ts, "to": ts + 1, "group_by": ["key", "tags.quoted"]});
    let mut sorted = texts;
    sorted.sort_unstable();
    let rows: Vec<Value> = sorted.iter().map(|text| json!([text, text, 1])).collect();
    let expected = json!({"columns": ["key", "tags.quoted", "count"], "rows": rows,
        "rows_total": 10, "events": 10});
    for spelling in Spelling::ALL {
        let answer = spelling.ask(&mut api, &question)?;
        spelling.compare(&answer, &expected, 0.0).with_context(|| format!("{spelling:?}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Spelling, parse_csv};
    use serde_json::json;

    #[test]
    fn a_comparison_finds_what_differs() {
        let right = json!({"columns": ["key", "sum"], "rows": [["a", 1.0], ["b", null]], "rows_total": 2, "events": 3});
        let same = |answer| Spelling::Json.compare(&answer, &right, 1e-9);
        assert!(same(right.clone()).is_ok());
        for (pointer, other) in [
            ("/columns/0", json!("tags.a")),
            ("/rows/0/0", json!("b")),
            ("/rows/0/1", json!(1.000_000_01)),
            ("/rows/0/1", json!(null)),
            ("/rows/0/1", json!("1")),
            ("/rows/1/1", json!(0)),
            ("/rows/1", json!(["b"])),
            ("/rows", json!([["b", null], ["a", 1.0]])),
            ("/rows", json!([])),
            ("/rows_total", json!(3)),
            ("/events", json!(2)),
        ] {
            let mut wrong = right.clone();
            *wrong.pointer_mut(pointer).unwrap() = other;
            assert!(same(wrong).is_err(), "{pointer}");
        }
    }

    #[test]
    fn csv_is_read_strictly() {
        let rows = parse_csv("a,\"b,\"\"c\"\r\n1,\r\n").unwrap();
        assert_eq!(json!(rows), json!([["a", "b,\"c"], ["1", null]]));
        for wrong in ["a\n", "a", "\"a\"\r\n", "a\"b\r\n", "\"a,b\r\n", "\"a,b\"c\r\n"] {
            assert!(parse_csv(wrong).is_err(), "{wrong:?}");
        }
    }
}
