//! Random questions about random events, judged by DuckDB. A question that is answered wrongly is
//! made as small as it can be before it is shown.

use super::api::Api;
use super::event::Event;
use super::questions::Spelling;
use super::{Oracle, year};
use crate::Check;
use crate::random::Random;
use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

const EVENTS: usize = 4_000;
const QUESTIONS: usize = 120;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const KEYS: [&str; 12] = [
    "api.latency",
    "api.errors",
    "api",
    "a",
    "a,b",
    "say \"x\"",
    "é",
    "日本",
    "ключ",
    "z z",
    "=1",
    "'",
];
/// Tags, and how many values each has.
const TAGS: [(&str, usize); 5] =
    [("region", 3), ("host", 20), ("user", 700), ("status.code", 5), ("rare", 2)];
const FIELDS: [&str; 7] =
    ["key", "tags.region", "tags.host", "tags.user", "tags.status.code", "tags.rare", "tags.none"];

/// What the values of a set of events are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// Eighths of moderate size: sums are exact in any order, so that rows may be ordered by them.
    Eighths,
    /// Positive doubles of any size: sums are compared with the contract's tolerance.
    AnySize,
}

/// Asks `QUESTIONS` random questions about events in a year of the seed's own, twice.
pub(super) fn run(address: SocketAddr, oracle: &mut Oracle, seed: u64) -> Check {
    let name = format!("{QUESTIONS} random questions of seed {seed} are answered as DuckDB does");
    let mut outcome = Ok(());
    for (n, values) in [Values::Eighths, Values::AnySize].into_iter().enumerate() {
        // Seeds beyond 20 share years; a service is checked with few of them.
        let years = i64::try_from(seed % 20).unwrap_or(0) * 2 + n as i64;
        outcome = outcome.and_then(|()| judge(address, oracle, seed, values, 2030 + years));
    }
    Check::new(name, outcome)
}

fn judge(
    address: SocketAddr,
    oracle: &mut Oracle,
    seed: u64,
    values: Values,
    in_year: i64,
) -> Result<()> {
    let mut random = Random::new(seed ^ in_year.unsigned_abs());
    let start = year(in_year);
    let events = events(&mut random, start, values);
    let mut api = Api::open(address)?;
    for batch in events.chunks(1 + random.below(EVENTS)) {
        api.ingest(batch)?;
    }
    oracle.load(&events)?;
    for n in 0..QUESTIONS / 2 {
        let question = question(&mut random, start, values);
        let spelling = random.pick(&Spelling::ALL).unwrap_or(Spelling::Json);
        if let Err(error) = agree(&mut api, oracle, spelling, &question) {
            let (question, error) = smallest(&mut api, oracle, spelling, question, error);
            let context =
                format!("seed {seed}, {values:?}, question {n}, {spelling:?}: {question}");
            return Err(error.context(context));
        }
    }
    Ok(())
}

/// Events in three hours and a few at the edges of buckets or days away, in no order.
pub(super) fn random_events(seed: u64, start: i64) -> Vec<Event> {
    events(&mut Random::new(seed), start, Values::Eighths)
}

fn events(random: &mut Random, start: i64, values: Values) -> Vec<Event> {
    (0..EVENTS).map(|_| event(random, start, values)).collect()
}

fn event(random: &mut Random, start: i64, values: Values) -> Event {
    let far = |random: &mut Random, bound: i64| random.below(bound as usize) as i64;
    let middle = start + 100 * DAY_MS;
    let ts = match random.below(10) {
        0 => middle + (far(random, 180) * MINUTE_MS),
        1 => middle + (far(random, 180) * MINUTE_MS) - 1,
        2 => start + far(random, 200 * DAY_MS),
        _ => middle + far(random, 180 * MINUTE_MS),
    };
    // Some keys are far more frequent than others.
    let few = 1 + random.below(KEYS.len());
    let key = KEYS.get(random.below(few)).unwrap_or(&"a");
    let eighths = |random: &mut Random| (random.below(20_000) as f64 - 8_000.0) / 8.0;
    let value = match values {
        Values::Eighths if random.one_in(3) => (random.below(5) as f64) - 1.0,
        Values::Eighths => eighths(random),
        Values::AnySize => {
            let exponent = random.below(60) as i32 - 30;
            (1.0 + random.next() as f64 / u64::MAX as f64) * 10f64.powi(exponent)
        }
    };
    let mut event = Event::new(ts, key, value, &[]);
    for (name, count) in TAGS {
        let absent = if name == "rare" { !random.one_in(100) } else { random.one_in(5) };
        if !absent {
            event.tags.insert(name.to_owned(), text(name, random.below(count)));
        }
    }
    event
}

fn text(name: &str, n: usize) -> String {
    match name {
        "region" => ["eu", "us", "ap, south"].get(n).unwrap_or(&"eu").to_string(),
        "status.code" => format!("{}", 200 + n * 100),
        _ => format!("{name}-{n}"),
    }
}

/// A question that the contract allows.
fn question(random: &mut Random, start: i64, values: Values) -> Value {
    let mut question = Map::new();
    let middle = start + 100 * DAY_MS;
    let minutes = |random: &mut Random| random.below(200) as i64 * MINUTE_MS;
    let (from, to) = match random.below(4) {
        0 => (start - DAY_MS, start + 300 * DAY_MS),
        1 => (middle + minutes(random) - 1, middle + 200 * MINUTE_MS + 1),
        2 => {
            let from = middle + minutes(random) + random.below(60_000) as i64;
            (from, from + 1 + minutes(random) + random.below(60_000) as i64)
        }
        _ => (middle, middle + 180 * MINUTE_MS),
    };
    question.insert("from".to_owned(), json!(from));
    question.insert("to".to_owned(), json!(to));
    let fields = some(random, &FIELDS, 3);
    if !fields.is_empty() {
        question.insert("group_by".to_owned(), json!(fields));
    }
    let bucket = random.pick(&["1s", "7s", "1m", "90s", "13m", "1h", "5h", "1d"]);
    let widths = [1, 7, 60, 90, 780, 3_600, 18_000, 86_400];
    if let (false, Some(bucket)) = (random.one_in(3), bucket) {
        question.insert("bucket".to_owned(), json!(bucket));
        let width = widths.iter().zip(["1s", "7s", "1m", "90s", "13m", "1h", "5h", "1d"]);
        let width = width.filter(|(_, name)| *name == bucket).map(|(width, _)| *width).sum::<i64>();
        let buckets = (to - from) / (width.max(1) * 1_000);
        if buckets > 900_000 {
            question.remove("bucket");
        } else if buckets < 300 && random.one_in(3) && fields.len() < 2 {
            question.insert("fill".to_owned(), json!(true));
        }
    }
    if random.one_in(2) {
        let count = 1 + random.below(2);
        let conditions: Vec<Value> = (0..count).map(|_| condition(random)).collect();
        question.insert("where".to_owned(), json!(conditions));
    }
    let aggregates = aggregates(random);
    if aggregates.len() != 1 || !random.one_in(2) {
        question.insert("aggregates".to_owned(), json!(aggregates));
    }
    let asked = question.contains_key("aggregates");
    let aggregates = if asked { aggregates } else { vec!["count".to_owned()] };
    // What may differ by a tolerance gives no order to rely on.
    let exact =
        |name: &&String| values == Values::Eighths || !matches!(name.as_str(), "sum" | "mean");
    let sortable: Vec<&String> = aggregates.iter().filter(exact).collect();
    if let (false, true, Some(by)) = (fields.is_empty(), random.one_in(3), random.pick(&sortable)) {
        question.insert("top".to_owned(), json!({"k": 1 + random.below(8), "by": by}));
    }
    if random.one_in(2) {
        let mut columns: Vec<&str> = sortable.iter().map(|name| name.as_str()).collect();
        columns.extend(&fields);
        columns.extend(question.contains_key("bucket").then_some("bucket"));
        let order: Vec<String> = some(random, &columns, 3)
            .iter()
            .map(|name| if random.one_in(2) { format!("-{name}") } else { (*name).to_owned() })
            .collect();
        if !order.is_empty() {
            question.insert("order".to_owned(), json!(order));
        }
    }
    if random.one_in(4) {
        question.insert("limit".to_owned(), json!(1 + random.below(50)));
    }
    Value::Object(question)
}

/// Up to so many different ones.
fn some<'a>(random: &mut Random, items: &[&'a str], most: usize) -> Vec<&'a str> {
    let mut chosen = Vec::new();
    for _ in 0..random.below(most + 1) {
        if let Some(item) = random.pick(items).filter(|item| !chosen.contains(item)) {
            chosen.push(item);
        }
    }
    chosen
}

fn aggregates(random: &mut Random) -> Vec<String> {
    let plain = ["count", "sum", "min", "max", "mean", "p50", "p90", "p99"];
    let mut chosen: Vec<String> = some(random, &plain, 5).into_iter().map(str::to_owned).collect();
    if random.one_in(3) {
        chosen.extend(random.pick(&FIELDS).map(|field| format!("distinct({field})")));
    }
    if chosen.is_empty() {
        chosen.push("count".to_owned());
    }
    chosen
}

fn condition(random: &mut Random) -> Value {
    if random.one_in(4) {
        let op = random.pick(&["gt", "gte", "lt", "lte"]);
        let value = (random.below(200) as f64 - 50.0) / 8.0;
        return json!({"field": "value", "op": op, "values": [value]});
    }
    let field = random.pick(&FIELDS).unwrap_or("key");
    let op = random.pick(&["in", "in", "not_in", "prefix"]).unwrap_or("in");
    let count = 1 + random.below(4);
    let mut values: Vec<Value> = (0..count)
        .map(|_| {
            let name = field.strip_prefix("tags.");
            let text = match name {
                Some(name) => {
                    let values = TAGS.iter().find(|(other, _)| *other == name);
                    text(name, random.below(values.map_or(1, |(_, count)| *count)))
                }
                None => random.pick(&KEYS).unwrap_or("a").to_owned(),
            };
            // A prefix ends between characters, since texts are UTF-8.
            let end =
                if op == "prefix" { random.below(text.chars().count() + 1) } else { usize::MAX };
            json!(text.chars().take(end).collect::<String>())
        })
        .collect();
    if field != "key" && op != "prefix" {
        // As a parameter an empty text is null.
        values.retain(|value| value != "");
        if random.one_in(3) || values.is_empty() {
            values.push(Value::Null);
        }
    }
    json!({"field": field, "op": op, "values": values})
}

/// Asks both and compares.
fn agree(api: &mut Api, oracle: &mut Oracle, spelling: Spelling, question: &Value) -> Result<()> {
    let question = as_parameters(question, spelling);
    let expected = expected(oracle, &question)?;
    let answer = spelling.ask(api, &question)?;
    spelling.compare(&answer, &expected, 1e-9)
}

/// DuckDB's answer, cut to the question's limit.
pub(super) fn expected(oracle: &mut Oracle, question: &Value) -> Result<Value> {
    let mut expected = oracle.answer(question)?;
    let limit = question.get("limit").and_then(Value::as_u64).unwrap_or(10_000);
    let rows = expected.get_mut("rows").and_then(Value::as_array_mut);
    let rows = rows.context("DuckDB has no rows")?;
    let total = rows.len();
    rows.truncate(usize::try_from(limit)?);
    let members = expected.as_object_mut().context("no object")?;
    members.insert("rows_total".to_owned(), json!(total));
    Ok(expected)
}

/// As parameters two conditions of one field and operator are one: the second is left out.
fn as_parameters(question: &Value, spelling: Spelling) -> Value {
    let mut question = question.clone();
    if spelling == Spelling::Parameters
        && let Some(conditions) = question.get_mut("where").and_then(Value::as_array_mut)
        && let [one, other] = conditions.as_slice()
        && ["field", "op"].iter().all(|part| one.get(part) == other.get(part))
    {
        conditions.truncate(1);
    }
    question
}

/// Leaves out of a question what its failure does not need.
fn smallest(
    api: &mut Api,
    oracle: &mut Oracle,
    spelling: Spelling,
    mut question: Value,
    mut error: anyhow::Error,
) -> (Value, anyhow::Error) {
    loop {
        let fails = smaller(&question).into_iter().find_map(|smaller| {
            // What the contract refuses is no smaller failure, nor is what DuckDB cannot answer.
            let smaller = as_parameters(&smaller, spelling);
            let expected = expected(oracle, &smaller).ok()?;
            let answer = spelling.ask(api, &smaller).ok()?;
            let error = spelling.compare(&answer, &expected, 1e-9).err()?;
            Some((smaller, error))
        });
        match fails {
            Some((smaller, found)) => (question, error) = (smaller, found),
            None => return (question, anyhow!("{error:#}")),
        }
    }
}

/// The question without one of its members, or one element of one of them.
fn smaller(question: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for (name, member) in question.as_object().into_iter().flatten() {
        if name == "from" || name == "to" {
            continue;
        }
        let mut without = question.clone();
        if let Some(members) = without.as_object_mut() {
            members.remove(name);
        }
        found.push(without);
        for n in 0..member.as_array().map_or(0, Vec::len) {
            let mut without = question.clone();
            if let Some(list) = without.get_mut(name).and_then(Value::as_array_mut) {
                list.remove(n);
            }
            found.push(without);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_reach_every_part_of_the_contract() {
        let mut random = Random::new(7);
        let asked: Vec<String> = (0..500)
            .map(|_| question(&mut random, year(2030), Values::Eighths).to_string())
            .collect();
        for part in [
            "\"bucket\":\"1s\"",
            "\"fill\":true",
            "\"top\"",
            "\"order\"",
            "\"limit\"",
            "null",
            "not_in",
            "prefix",
            "gte",
            "distinct(tags.user)",
            "distinct(key)",
            "p99",
            "mean",
            "\"tags.none\"",
            "-bucket",
        ] {
            assert!(asked.iter().any(|question| question.contains(part)), "{part}");
        }
    }

    #[test]
    fn a_smaller_question_lacks_one_thing() {
        let question = json!({"from": 0, "to": 1, "bucket": "1s", "order": ["a", "b"]});
        let found = smaller(&question);
        assert_eq!(found.len(), 4);
        assert!(found.contains(&json!({"from": 0, "to": 1, "bucket": "1s", "order": ["b"]})));
    }
}
