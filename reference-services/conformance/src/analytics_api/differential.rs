//! The same damaged batches and questions to both twins: whatever the contract leaves unsaid, they
//! must answer alike, free text aside.

use super::api::{Api, without_line_details};
use super::event::{Event, lines};
use super::questions::Spelling;
use super::year;
use crate::Check;
use crate::fastjson_api::without_details;
use crate::http::Response;
use crate::random::Random;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const LINES: usize = 20;
/// Doubles may be added in any order, and some of the sizes added cancel out.
const SUM_TOLERANCE: f64 = 1e-6;

/// Sends so many seeded batches and questions, most of them damaged, to two twins of analytics-api
/// and compares statuses and bodies.
pub fn run(one: SocketAddr, other: SocketAddr, seed: u64, requests: usize) -> Check {
    let name = format!("{requests} random batches and questions of seed {seed} are answered alike");
    Check::new(name, compare_all(one, other, seed, requests))
}

fn compare_all(one: SocketAddr, other: SocketAddr, seed: u64, requests: usize) -> Result<()> {
    let mut random = Random::new(seed);
    let (mut one, mut other) = (Api::open(one)?, Api::open(other)?);
    let (mut statuses, mut codes) = (BTreeMap::new(), BTreeMap::new());
    for n in 0..requests {
        let batch = random.one_in(2);
        let body = if batch { batch_of(&mut random) } else { question(&mut random) };
        if !batch && leaves_its_year(&body) {
            continue;
        }
        let shown = || format!("request {n}: {}", body.escape_ascii());
        let ask = |api: &mut Api| match batch {
            true => api.post(&body, None),
            false => api.send("POST", "/v1/query", &[("Content-Type", "application/json")], &body),
        };
        let left = ask(&mut one).context("the first twin").with_context(shown)?;
        let right = ask(&mut other).context("the second twin").with_context(shown)?;
        let answer = compare(&left, &right).with_context(shown)?;
        *statuses.entry((batch, left.status)).or_insert(0_usize) += 1;
        for error in answer.get("errors").and_then(Value::as_array).into_iter().flatten() {
            if let Some(code) = error.get("code").and_then(Value::as_str) {
                *codes.entry(code.to_owned()).or_insert(0_usize) += 1;
            }
        }
    }
    // A generator that no longer reaches an outcome would let everything pass.
    for outcome in [(true, 200), (false, 200), (false, 400), (false, 422)] {
        ensure!(statuses.contains_key(&outcome), "no request led to {outcome:?}: {statuses:?}");
    }
    ensure!(codes.len() >= 7, "only these lines were wrong: {codes:?}");
    Ok(())
}

/// Whether damage moved a question to other years, where only one of the twins may have events: those
/// of the checks that ran before.
fn leaves_its_year(question: &[u8]) -> bool {
    let Ok(question) = serde_json::from_slice::<Value>(question) else { return false };
    let ms = |name| question.get(name).and_then(Value::as_f64);
    ms("from").is_some_and(|from| from < year(2027) as f64)
        || ms("to").is_some_and(|to| to > year(2028) as f64)
}

fn compare(left: &Response, right: &Response) -> Result<Value> {
    ensure!(left.status == right.status, "status {} and {}", left.status, right.status);
    let (a, b) = (left.header("content-type"), right.header("content-type"));
    ensure!(a == b, "content-type {a:?} and {b:?}");
    let plain = |response: &Response| -> Result<Value> {
        let answer = response.json()?;
        let answer = without_line_details(answer.clone()).unwrap_or(answer);
        Ok(numbers_as_doubles(without_details(answer).0))
    };
    let (left, right) = (plain(left)?, plain(right)?);
    if left.get("rows").is_some() {
        Spelling::Json.compare(&left, &right, SUM_TOLERANCE)?;
    } else {
        ensure!(left == right, "{left:.2000} and {right:.2000}");
    }
    Ok(left)
}

/// Twins may write a number differently.
fn numbers_as_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(numbers_as_doubles).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(name, value)| (name, numbers_as_doubles(value))).collect()
        }
        other => other,
    }
}

fn batch_of(random: &mut Random) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..1 + random.below(LINES) {
        let ts = year(2027) + random.below(1_000_000) as i64;
        let key = random.pick(&["a", "b", "é\u{1F600}", "long key with spaces"]).unwrap_or("a");
        let value = (random.below(2_000) as f64 - 1_000.0) / 8.0;
        let tags: &[(&str, &str)] = match random.below(3) {
            0 => &[],
            1 => &[("region", "eu")],
            _ => &[("region", "us"), ("host", "h\u{e9}")],
        };
        let mut line = lines(&[Event::new(ts, key, value, tags)]);
        line.pop();
        for _ in 0..random.below(3) {
            damage(&mut line, random);
        }
        line.retain(|byte| *byte != b'\n');
        body.extend(line);
        body.push(b'\n');
    }
    body
}

/// Text that a parser of lines may trip over.
const PIECES: [&str; 30] = [
    "\"ts\":1,",
    "\"key\":\"k\",",
    "\"value\":1e400,",
    "\"value\":-0.0,",
    "\"x\":null,",
    "\"tags\":{},",
    "\"ts\":\"2027-01-01T00:00:00.999999999+01:30\",",
    "\\u0000",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\/",
    "\\",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "1e5",
    "-",
    ".5",
    "0",
    "\u{7f}",
    "\t",
    " ",
    "\u{feff}",
    "e+",
];

fn damage(text: &mut Vec<u8>, random: &mut Random) {
    let place = random.below(text.len() + 1);
    match random.below(5) {
        0 => {
            let piece = random.pick(&PIECES).unwrap_or_default();
            text.splice(place..place, piece.bytes());
        }
        1 => {
            let end = (place + 1 + random.below(6)).min(text.len());
            text.drain(place.min(end)..end);
        }
        2 => {
            if let Some(byte) = text.get_mut(place) {
                *byte = random.next() as u8;
            }
        }
        3 => {
            let piece = random.pick(&PIECES).unwrap_or_default();
            let end = (place + piece.len()).min(text.len());
            text.splice(place.min(end)..end, piece.bytes());
        }
        // After the first brace or a comma a whole member fits.
        _ => {
            let fits: Vec<usize> = (0..text.len())
                .filter(|n| text.get(*n).is_some_and(|byte| matches!(byte, b'{' | b',')))
                .collect();
            let place = random.pick(&fits).map_or(0, |n| n + 1);
            let piece = random.pick(&PIECES).unwrap_or_default();
            text.splice(place..place, piece.bytes());
        }
    }
}

/// A question of sorts about what the batches brought.
fn question(random: &mut Random) -> Vec<u8> {
    let from = year(2027) + random.below(500_000) as i64;
    let mut question = json!({"from": from, "to": from + 1 + random.below(700_000) as i64});
    let words = ["1s", "7s", "1m", "61s", "2d", "", "0s", "1h "];
    let fields = ["key", "tags.region", "tags.host", "tags.nope", "value", "tags.", "x"];
    let aggregates = [
        "count",
        "sum",
        "min",
        "max",
        "mean",
        "p50",
        "p90",
        "p99",
        "distinct(key)",
        "distinct(tags.host)",
        "p95",
        "distinct()",
    ];
    let list = |random: &mut Random, items: &[&str], good: usize| -> Value {
        let reach = if random.one_in(8) { items.len() } else { good };
        (0..random.below(3))
            .filter_map(|_| items.get(random.below(reach)).map(|item| json!(item)))
            .collect()
    };
    let reach = if random.one_in(8) { words.len() } else { 4 };
    let members: [(&str, Value); 8] = [
        ("bucket", json!(words.get(random.below(reach)))),
        ("group_by", list(random, &fields, 4)),
        ("aggregates", list(random, &aggregates, 10)),
        ("order", list(random, &["-count", "bucket", "key", "-tags.region", "count", "nope"], 5)),
        ("limit", json!(random.below(20))),
        ("top", json!({"k": random.below(4), "by": "count"})),
        ("fill", json!(random.one_in(2))),
        (
            "where",
            json!([{"field": fields.get(random.below(5)), "op": random.pick(&["in", "not_in", "prefix", "gt", "is"]),
            "values": [random.pick(&["a", "eu", "é", ""])]}]),
        ),
    ];
    if let Some(object) = question.as_object_mut() {
        for (name, value) in members {
            if random.one_in(3) {
                object.insert(name.to_owned(), value);
            }
        }
    }
    let mut text = question.to_string().into_bytes();
    if random.one_in(6) {
        damage(&mut text, random);
    }
    text
}
