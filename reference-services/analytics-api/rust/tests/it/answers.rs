//! Answers, held against a model that looks at every event.

use crate::{open, send};
use analytics_api::query::answer::answer;
use analytics_api::query::percentile::{Scratch, select};
use analytics_api::query::read::{parse, query};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
struct Event {
    ts: i64,
    key: String,
    value: f64,
    tags: BTreeMap<&'static str, String>,
}

impl Event {
    fn line(&self) -> String {
        json!({"ts": self.ts, "key": self.key, "value": self.value, "tags": self.tags}).to_string()
    }

    fn field(&self, field: &str) -> Option<String> {
        match field.strip_prefix("tags.") {
            None => Some(self.key.clone()),
            Some(tag) => self.tags.get(tag).cloned(),
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let tag = || proptest::option::of(0..4_u8);
    (0..40_000_i64, 0..6_u8, -40..40_i32, tag(), tag()).prop_map(|(ts, key, eighths, a, b)| {
        let tags = [("a", a), ("b", b)].into_iter();
        Event {
            ts,
            key: format!("key {key}"),
            value: f64::from(eighths) / 8.0,
            tags: tags.filter_map(|(name, it)| Some((name, format!("v{}", it?)))).collect(),
        }
    })
}

fn question() -> impl Strategy<Value = Value> {
    let bucket = proptest::option::of(prop_oneof![Just("1s"), Just("7s"), Just("1m")]);
    let fields = proptest::sample::subsequence(vec!["key", "tags.a", "tags.b", "tags.none"], 0..=3);
    let wheres = proptest::sample::subsequence(
        vec![
            json!({"field": "key", "op": "in", "values": ["key 1", "key 3", "none"]}),
            json!({"field": "key", "op": "prefix", "values": ["key"]}),
            json!({"field": "tags.a", "op": "not_in", "values": ["v1", null]}),
            json!({"field": "value", "op": "gte", "values": [-2.5]}),
        ],
        0..=2,
    );
    // Without what depends on keys, rows are taken as they stand.
    let distinct = proptest::sample::subsequence(vec!["distinct(key)", "distinct(tags.a)"], 0..=2);
    (0..30_000_i64, 1..40_000_i64, bucket, fields.prop_shuffle(), wheres, distinct).prop_map(
        |(from, length, bucket, fields, wheres, distinct)| {
            let plain = ["count", "sum", "min", "max", "p50", "p90", "p99"];
            let mut question = json!({
                "from": from, "to": from + length, "group_by": fields, "where": wheres,
                "aggregates": ([&plain[..], &distinct].concat()),
            });
            if let Some(bucket) = bucket {
                question["bucket"] = json!(bucket);
            }
            question
        },
    )
}

fn matches(event: &Event, condition: &Value) -> bool {
    let field = condition["field"].as_str().unwrap();
    let values = condition["values"].as_array().unwrap();
    match condition["op"].as_str().unwrap() {
        "gte" => event.value >= values[0].as_f64().unwrap(),
        "prefix" => {
            event.field(field).is_some_and(|it| it.starts_with(values[0].as_str().unwrap()))
        }
        op => values.contains(&json!(event.field(field))) == (op == "in"),
    }
}

/// A bucket and a group.
type Cell = (Option<i64>, Vec<Option<String>>);

/// What the answer's rows must be.
fn model(events: &[Event], question: &Value) -> Vec<Value> {
    let (from, to) = (question["from"].as_i64().unwrap(), question["to"].as_i64().unwrap());
    let length = match question["bucket"].as_str() {
        Some("1s") => Some(1_000),
        Some("7s") => Some(7_000),
        Some(_) => Some(60_000),
        None => None,
    };
    let fields: Vec<&str> =
        question["group_by"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let mut cells: BTreeMap<Cell, Vec<&Event>> = BTreeMap::new();
    if fields.is_empty() && length.is_none() {
        cells.insert((None, Vec::new()), Vec::new());
    }
    for event in events {
        let admitted = question["where"].as_array().unwrap().iter().all(|it| matches(event, it));
        if admitted && (from..to).contains(&event.ts) {
            let bucket = length.map(|length| event.ts / length * length);
            let group = fields.iter().map(|field| event.field(field)).collect();
            cells.entry((bucket, group)).or_default().push(event);
        }
    }
    let row = |((bucket, group), events)| row(question, bucket, group, &events);
    cells.into_iter().map(row).collect()
}

fn row(
    question: &Value,
    bucket: Option<i64>,
    group: Vec<Option<String>>,
    events: &Vec<&Event>,
) -> Value {
    let mut values: Vec<f64> = events.iter().map(|event| event.value).collect();
    values.sort_by(f64::total_cmp);
    let percentile = |percent: usize| match values.len() {
        0 => Value::Null,
        count => json!(values[(count * percent).div_ceil(100) - 1]),
    };
    let distinct = |field: &str| {
        let mut all: Vec<String> = events.iter().filter_map(|event| event.field(field)).collect();
        all.sort();
        all.dedup();
        json!(all.len())
    };
    let mut row: Vec<Value> = bucket.map(|it| json!(it)).into_iter().collect();
    row.extend(group.into_iter().map(|it| json!(it)));
    // Eighths add up exactly in any order.
    row.extend([json!(values.len()), json!(values.iter().sum::<f64>() + 0.0)]);
    row.extend([values.first().map_or(Value::Null, |it| json!(it))]);
    row.extend([values.last().map_or(Value::Null, |it| json!(it))]);
    row.extend([percentile(50), percentile(90), percentile(99)]);
    for (name, field) in [("distinct(key)", "key"), ("distinct(tags.a)", "tags.a")] {
        if question["aggregates"].as_array().unwrap().contains(&json!(name)) {
            row.push(distinct(field));
        }
    }
    Value::Array(row)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn answers_are_those_of_the_model(
        batches in proptest::collection::vec(proptest::collection::vec(event(), 1..60), 1..20),
        questions in proptest::collection::vec(question(), 12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), 0, |settings| settings.sync = false);
        for batch in &batches {
            let lines: Vec<String> = batch.iter().map(Event::line).collect();
            send(&store, &lines.join("\n"), None);
        }
        let events = batches.concat();
        for question in questions {
            let found = answer(&store, &query(&question).unwrap()).unwrap();
            let found: Value = serde_json::from_slice(&found.body).unwrap();
            let rows = model(&events, &question);
            prop_assert_eq!(&found["rows"], &json!(rows), "{}", question);
            let aggregates = question["aggregates"].as_array().unwrap().len();
            let count = |row: &Value| row[row.as_array().unwrap().len() - aggregates].as_u64();
            let matching: u64 = rows.iter().map(|row| count(row).unwrap()).sum();
            prop_assert_eq!(found["events"].as_u64(), Some(matching));
        }
    }

    #[test]
    fn a_limit_leaves_the_first_rows_of_all(
        batches in proptest::collection::vec(proptest::collection::vec(event(), 1..60), 1..20),
        question in question(),
        limit in 1..9_usize,
        order in 0..7_usize,
        falling in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), 0, |settings| settings.sync = false);
        for batch in &batches {
            let lines: Vec<String> = batch.iter().map(Event::line).collect();
            send(&store, &lines.join("\n"), None);
        }
        let ask = |question: &Value| -> Value {
            let found = answer(&store, &query(question).unwrap()).unwrap();
            serde_json::from_slice(&found.body).unwrap()
        };
        let mut question = question;
        let column = question["aggregates"][order].as_str().unwrap().to_owned();
        question["order"] = json!([if falling { format!("-{column}") } else { column }]);
        let mut all = ask(&question);
        all["rows"].as_array_mut().unwrap().truncate(limit);
        question["limit"] = json!(limit);
        prop_assert_eq!(ask(&question), all, "{}", question);
    }

    #[test]
    fn ranks_are_those_of_a_sorted_list(
        lengths in proptest::collection::vec(0..9_000_usize, 1..4),
        shape in 0..4_u8,
        seed in any::<u32>(),
        share in 0.0..1.0_f64,
        few in 0..60_usize,
    ) {
        let mut state = u64::from(seed) + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (state >> 33) as f64;
            match shape {
                0 => random,
                1 => (random % 5.0) - 2.0,
                2 => -random * random,
                _ => 7.0,
            }
        };
        let lists: Vec<Vec<f64>> =
            lengths.iter().map(|&length| (0..length).map(|_| next()).collect()).collect();
        let slices: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
        let mut all = lists.concat();
        all.sort_by(f64::total_cmp);
        if !all.is_empty() {
            let rank = |share: f64| ((all.len() as f64 * share) as u64).max(1);
            let ranks = [rank(share / 2.0), rank(share), rank(0.99), all.len() as u64];
            let mut ranks = ranks.to_vec();
            ranks.sort_unstable();
            let mut found = Vec::new();
            // All of them, and those near the top alone, as p99 mostly is.
            for ranks in [&ranks[..], &ranks[3..], &[all.len().saturating_sub(few).max(1) as u64]] {
                select(&slices, ranks, &mut Scratch::default(), &mut found);
                let expected: Vec<f64> = ranks.iter().map(|rank| all[*rank as usize - 1]).collect();
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}

#[test]
fn cells_beyond_all_density_are_counted_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), 0, |settings| settings.sync = false);
    // A second each in buckets of a second over days: most cells are empty.
    let line = |n: i64| {
        format!(
            r#"{{"ts":{},"key":"k{}","value":{n},"tags":{{"x":"{}"}}}}"#,
            n * 86_399_000 % 700_000_000,
            n % 50,
            n % 40
        )
    };
    let lines: Vec<String> = (0..500).map(line).collect();
    send(&store, &lines.join("\n"), None);
    let question = json!({"from": 0, "to": 700_000_000, "bucket": "1s",
        "group_by": ["key", "tags.x"], "aggregates": ["count", "p50", "distinct(tags.x)"]});
    let found = answer(&store, &query(&question).unwrap()).unwrap();
    let found: Value = serde_json::from_slice(&found.body).unwrap();
    assert_eq!(found["events"], 500);
    let values: f64 =
        found["rows"].as_array().unwrap().iter().map(|row| row[4].as_f64().unwrap()).sum();
    assert_eq!(found["rows_total"], 500);
    assert_eq!(values, (0..500).sum::<i64>() as f64);
    assert!(found["rows"].as_array().unwrap().iter().all(|row| row[5] == 1));
}

#[test]
fn a_number_beyond_all_doubles_is_wrong_where_it_stands() {
    for (text, pointer) in [
        (r#"{"from": 1e999, "to": 5}"#, "/from"),
        (r#"{"from": 1, "to": 5, "limit": -1E+999}"#, "/limit"),
        (
            r#"{"from": 1, "to": 5, "where": [{"field": "value", "op": "gt", "values": [1e999]}]}"#,
            "/where/0/values/0",
        ),
        (r#"{"from": 1, "to": 5, "a\"b 1e999": [true, false, null, 1e999]}"#, "/a\"b 1e999"),
    ] {
        let fault = query(&parse(text.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(fault.pointer, pointer, "{text}");
    }
    assert!(parse(br#"{"from": 1e999, "to": +5}"#).is_err());
    let halves = parse(br#"{"\ud800": "\udc00\ud83d\ude00 1e999\\ud800", "a": 1e5}"#).unwrap();
    assert_eq!(halves, json!({"\u{fffd}": "\u{fffd}\u{1f600} 1e999\\ud800", "a": 1e5}));
}
