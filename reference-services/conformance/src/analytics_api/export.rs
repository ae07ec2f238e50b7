//! Export to Parquet, read by DuckDB.

use super::api::{Api, encoded};
use super::event::{Event, sorted};
use super::expect::{invalid_query, status};
use super::random_questions::random_events;
use super::{Oracle, Test, year};
use crate::Check;
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("export: a Parquet file by its head and marks", marks),
    ("export: wrong parameters are refused", refused),
];

const ROW_GROUP_ROWS_MAX: u64 = 2_097_152;

fn export(api: &mut Api, parameters: &str) -> Result<Vec<u8>> {
    let response = api.get(&format!("/v1/export?{parameters}"))?;
    status(&response, 200)?;
    for (header, expected) in [
        ("content-type", "application/vnd.apache.parquet"),
        ("content-disposition", "attachment; filename=\"events.parquet\""),
    ] {
        let found = response.header(header);
        ensure!(found == Some(expected), "{header} is {found:?}");
    }
    Ok(response.body)
}

fn marks(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    api.ingest(&[Event::new(year(2002), "marks", 1.0, &[])])?;
    for key in ["marks", "nope"] {
        let file = export(&mut api, &format!("in.key={key}"))?;
        let marked = file.starts_with(b"PAR1") && file.ends_with(b"PAR1") && file.len() > 12;
        ensure!(marked, "{} bytes without Parquet's marks", file.len());
    }
    Ok(())
}

fn refused(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    for (parameters, pointer) in
        [("from=x", "/from"), ("from=2&to=2", "/to"), ("limit=1", "/limit"), ("in.x=1", "/in.x")]
    {
        invalid_query(&api.get(&format!("/v1/export?{parameters}"))?, pointer)
            .with_context(|| parameters.to_owned())?;
    }
    Ok(())
}

/// Conditions as parameters, and what they choose.
type Choice = (&'static str, fn(&Event) -> bool);
const CHOICES: [Choice; 4] = [
    ("", |_| true),
    ("&in.tags.region=eu", |event| event.tags.get("region").is_some_and(|region| region == "eu")),
    ("&in.key=a%2Cb", |event| event.key == "a,b"),
    ("&in.key=nope", |_| false),
];

/// DuckDB finds in the file what was sent, and lists its series as the service does.
pub(super) fn against(address: SocketAddr, oracle: &mut Oracle) -> Check {
    let outcome = read_back(address, oracle);
    Check::new("export and series: DuckDB reads what was sent, and lists the same", outcome)
}

fn read_back(address: SocketAddr, oracle: &mut Oracle) -> Result<()> {
    let mut api = Api::open(address)?;
    let start = year(2028);
    let events = random_events(28, start);
    for batch in events.chunks(1_000) {
        api.ingest(batch)?;
    }
    oracle.load(&events)?;
    let window = format!("from={start}&to={}", year(2029));
    for (parameters, chosen) in CHOICES {
        let parameters = format!("{window}{parameters}");
        let file = oracle.parquet(&export(&mut api, &parameters)?)?;
        let expected: Vec<Event> = events.iter().filter(|event| chosen(event)).cloned().collect();
        compare(&file, expected).with_context(|| parameters)?;
    }
    let question = json!({"from": start, "to": year(2029)});
    let expected = oracle.series(&question)?;
    let expected = expected.get("series").and_then(Value::as_array).context("no series")?;
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/v1/series?{window}&limit=999{after}"))?;
        status(&page, 200)?;
        let page = page.json()?;
        found.extend(page.get("series").and_then(Value::as_array).cloned().unwrap_or_default());
        let Some(next) = page.get("next").and_then(Value::as_str) else { break };
        after = format!("&after={}", encoded(next));
    }
    let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
    ensure!(differs.is_none(), "a series differs: {differs:?}");
    ensure!(found.len() == expected.len(), "{} series, not {}", found.len(), expected.len());
    Ok(())
}

fn compare(file: &Value, expected: Vec<Event>) -> Result<()> {
    let types = file.get("types").and_then(Value::as_object).context("no types")?;
    for (name, expected) in
        [("ts", "TIMESTAMP WITH TIME ZONE"), ("key", "VARCHAR"), ("value", "DOUBLE")]
    {
        let found = types.get(name).and_then(Value::as_str);
        ensure!(found == Some(expected), "{name} is {found:?}, not {expected}");
    }
    let others = |(name, kind): (&String, &Value)| name.starts_with("tags.") && kind != "VARCHAR";
    ensure!(!types.iter().any(others), "a tag is no VARCHAR: {types:?}");
    let largest = file.get("row_group_rows_max").and_then(Value::as_u64).context("no groups")?;
    ensure!(largest <= ROW_GROUP_ROWS_MAX, "a row group of {largest} rows");
    let rows = file.get("rows").and_then(Value::as_array).context("no rows")?;
    let event = |row: &Value| {
        let [ts, key, value, tags] = row.as_array()?.as_slice() else { return None };
        let members = [("ts", ts), ("key", key), ("value", value), ("tags", tags)];
        let members = members.map(|(name, value)| (name.to_owned(), value.clone()));
        Event::from_json(&Value::Object(Map::from_iter(members)))
    };
    let found: Vec<Event> = rows.iter().map(event).collect::<Option<_>>().context("no event")?;
    ensure!(found.len() == expected.len(), "{} rows, not {}", found.len(), expected.len());
    ensure!(sorted(found) == sorted(expected), "other events than were sent");
    Ok(())
}
