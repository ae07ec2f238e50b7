//! Listing series, page by page.

use super::api::{Api, encoded};
use super::event::Event;
use super::expect::{invalid_query, status};
use super::{Test, year};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("series: made by hand", by_hand),
    ("series: pages give each series once, in order", pages),
    ("series: wrong parameters are refused", refused),
];

fn list(api: &mut Api, parameters: &str) -> Result<Value> {
    let response = api.get(&format!("/v1/series?{parameters}"))?;
    status(&response, 200).with_context(|| parameters.to_owned())?;
    ensure!(response.header("content-type") == Some("application/json"), "not application/json");
    response.json()
}

fn by_hand(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1996);
    let events = [
        Event::new(ts + 5, "b", 1.0, &[]),
        Event::new(ts, "a", 1.0, &[("region", "eu")]),
        Event::new(ts + 9, "a", 2.0, &[("region", "eu"), ("host", "h1")]),
        Event::new(ts + 3, "a", 3.0, &[("region", "eu")]),
        Event::new(ts + 1, "a", 4.0, &[]),
        Event::new(ts + 1, "a", 5.0, &[("region", "us")]),
        Event::new(ts + 1, "é", 6.0, &[("host", "h2")]),
    ];
    api.ingest(&events[..3])?;
    api.ingest(&events[3..])?;
    let one = |key: &str, tags: Value, events: u64, first: i64, last: i64| json!({"key": key, "tags": tags, "events": events, "first": ts + first, "last": ts + last});
    let all = [
        one("a", json!({}), 1, 1, 1),
        one("a", json!({"host": "h1", "region": "eu"}), 1, 9, 9),
        one("a", json!({"region": "eu"}), 2, 0, 3),
        one("a", json!({"region": "us"}), 1, 1, 1),
        one("b", json!({}), 1, 5, 5),
        one("é", json!({"host": "h2"}), 1, 1, 1),
    ];
    let window = format!("from={ts}&to=1996-01-02T00:00:00Z");
    for (parameters, expected) in [
        (window.clone(), &all[..]),
        (format!("{window}&prefix.key=a"), &all[..4]),
        (format!("{window}&in.key=b&in.key=%C3%A9"), &all[4..]),
        (format!("{window}&in.key=a&in.tags.region=us"), &all[3..4]),
        (format!("{window}&in.tags.region=us&in.tags.region=&in.key=b"), &all[4..5]),
        (format!("{window}&in.key=nope"), &[]),
    ] {
        let expected = json!({"series": expected, "next": null});
        let found = list(&mut api, &parameters)?;
        ensure!(found == expected, "{parameters}: {found}, not {expected}");
    }
    // The window and the conditions choose events, not series.
    let found = list(&mut api, &format!("{window}&in.key=a&gte.value=3&lte.value=3"))?;
    let expected = json!({"series": [one("a", json!({"region": "eu"}), 1, 3, 3)], "next": null});
    ensure!(found == expected, "{found}, not {expected}");
    Ok(())
}

fn pages(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1997);
    let mut events: Vec<Event> = Vec::new();
    for key in ["a", "a b", "a&b=c", "aa", "ä", "日本"] {
        events.push(Event::new(ts, key, 1.0, &[]));
        for n in 0..20 {
            let text = format!("t {n}+%");
            events.push(Event::new(ts, key, 1.0, &[("region", &text)]));
            events.push(Event::new(ts, key, 1.0, &[("host", &text), ("region", "x")]));
        }
    }
    api.ingest(&events)?;
    let window = format!("from={ts}&to={}", ts + 1);
    let all = list(&mut api, &format!("{window}&limit=1000"))?;
    let all = all.get("series").and_then(Value::as_array).context("no series")?.clone();
    ensure!(all.len() == events.len(), "{} series, not {}", all.len(), events.len());
    for size in [1, 7, 100, 246, 247] {
        let (mut found, mut after) = (Vec::new(), String::new());
        for page in 0.. {
            ensure!(page <= events.len(), "there is always another page");
            let listed = list(&mut api, &format!("{window}&limit={size}{after}"))?;
            let series = listed.get("series").and_then(Value::as_array).context("no series")?;
            found.extend(series.iter().cloned());
            match listed.get("next") {
                Some(Value::String(next)) => {
                    ensure!(series.len() == size, "{} on a page of {size}", series.len());
                    after = format!("&after={}", encoded(next));
                }
                Some(Value::Null) => break,
                other => anyhow::bail!("next is {other:?}"),
            }
        }
        ensure!(found == all, "pages of {size} give {} series", found.len());
    }
    Ok(())
}

fn refused(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    for (parameters, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=x", "/limit"),
        ("after=%00", "/after"),
        ("after=nothing+we+gave", "/after"),
        ("from=x", "/from"),
        ("from=2&to=1", "/to"),
        ("bucket=1s", "/bucket"),
        ("in.value=1", "/in.value"),
        ("in.key=a&x=1", "/x"),
    ] {
        invalid_query(&api.get(&format!("/v1/series?{parameters}"))?, pointer)
            .with_context(|| parameters.to_owned())?;
    }
    Ok(())
}
