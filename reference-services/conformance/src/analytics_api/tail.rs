//! Events as they come, over SSE.

use super::api::{Api, NDJSON};
use super::event::{Event, lines};
use super::expect::{invalid_query, refusal};
use super::{Test, year};
use crate::http::{Connection, request};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("tail: each event once, in the order of batches", in_order),
    ("tail: conditions choose", conditions),
    ("tail: a slow reader is told what it lost, and holds up nobody", slow_reader),
    ("tail: 256 at once", many),
    ("tail: wrong parameters are refused", refused),
];

/// Heartbeats come every 5 s; a busy machine may add to it.
const PING_S: std::ops::Range<f64> = 4.0..9.0;

pub(super) struct Tail {
    connection: Connection,
    buffer: String,
}

/// One item of the stream.
#[derive(Debug, PartialEq)]
enum Item {
    Event(Event),
    Dropped(u64),
    Comment(String),
}

impl Tail {
    pub(super) fn open(address: SocketAddr, parameters: &str) -> Result<Self> {
        let mut connection = Connection::open(address)?;
        let path = if parameters.is_empty() {
            "/v1/tail".to_owned()
        } else {
            format!("/v1/tail?{parameters}")
        };
        connection.send(&request("GET", &path, &[], b""))?;
        let head = connection.receive_head()?;
        ensure!(head.status == 200, "status {}", head.status);
        let media_type = head.header("content-type").unwrap_or_default();
        ensure!(media_type.starts_with("text/event-stream"), "Content-Type is {media_type}");
        let mut tail = Self { connection, buffer: String::new() };
        let first = tail.next()?;
        ensure!(first == Item::Comment("tail".to_owned()), "it begins with {first:?}");
        Ok(tail)
    }

    fn next(&mut self) -> Result<Item> {
        loop {
            if let Some((item, rest)) = self.buffer.split_once("\n\n") {
                let item = read(item)?;
                self.buffer = rest.to_owned();
                return Ok(item);
            }
            let chunk = self.connection.chunk()?;
            ensure!(!chunk.is_empty(), "the stream ended");
            self.buffer += std::str::from_utf8(&chunk)?;
        }
    }

    /// Checks that the service has ended the stream, whatever was on its way.
    pub(super) fn expect_end(&mut self) -> Result<()> {
        let start = Instant::now();
        while self.connection.chunk().is_ok_and(|chunk| !chunk.is_empty()) {
            ensure!(start.elapsed() < Duration::from_secs(10), "the stream goes on");
        }
        Ok(())
    }

    /// The next item that is no heartbeat.
    fn next_item(&mut self) -> Result<Item> {
        loop {
            match self.next()? {
                Item::Comment(text) if text == "ping" => {}
                item => return Ok(item),
            }
        }
    }
}

fn read(item: &str) -> Result<Item> {
    let (mut kind, mut data, mut comment) = ("message", None, None);
    for line in item.lines() {
        match line.split_once(':') {
            Some(("", text)) => comment = Some(text.trim_start().to_owned()),
            Some(("event", text)) => kind = text.trim_start(),
            Some(("data", text)) => data = Some(serde_json::from_str::<Value>(text)?),
            _ => bail!("a line of a stream is {line:?}"),
        }
    }
    match (kind, data, comment) {
        ("message", None, Some(comment)) => Ok(Item::Comment(comment)),
        ("message", Some(event), None) => Ok(Item::Event(
            Event::from_json(&event).with_context(|| format!("{event} is no event"))?,
        )),
        ("dropped", Some(data), None) => {
            Ok(Item::Dropped(data.get("events").and_then(Value::as_u64).context("no number")?))
        }
        _ => bail!("an item of a stream is {item:?}"),
    }
}

fn in_order(address: SocketAddr) -> Result<()> {
    let mut tails =
        [Tail::open(address, "prefix.key=tail")?, Tail::open(address, "prefix.key=tail")?];
    let mut api = Api::open(address)?;
    let ts = year(1998);
    let batches: Vec<Vec<Event>> = (0..20)
        .map(|batch| {
            let event = |n: i64| {
                let tags: &[(&str, &str)] = if n % 3 == 0 { &[] } else { &[("region", "a\"é")] };
                Event::new(ts + (n * 7_919) % 1_000, &format!("tail{batch}"), n as f64 / 4.0, tags)
            };
            (0..50).map(event).collect()
        })
        .collect();
    for batch in &batches {
        api.ingest(batch)?;
    }
    for tail in &mut tails {
        for expected in batches.iter().flatten() {
            let item = tail.next_item()?;
            ensure!(item == Item::Event(expected.clone()), "{item:?}, not {expected:?}");
        }
    }
    Ok(())
}

fn conditions(address: SocketAddr) -> Result<()> {
    let ts = year(1999);
    let mut api = Api::open(address)?;
    let events = [
        Event::new(ts, "pick", 1.0, &[("region", "eu")]),
        Event::new(ts, "pick", 2.0, &[]),
        Event::new(ts, "pick", 3.0, &[("region", "us")]),
        Event::new(ts, "other pick", 4.0, &[("region", "eu")]),
    ];
    for (parameters, chosen) in [
        ("in.key=pick&in.tags.region=eu", &[0][..]),
        ("in.key=pick&in.tags.region=eu&in.tags.region=", &[0, 1]),
        ("not_in.key=other+pick&gte.value=2&lt.value=4", &[1, 2]),
        ("prefix.key=other", &[3]),
        ("", &[0, 1, 2, 3]),
    ] {
        let mut tail = Tail::open(address, parameters)?;
        api.ingest(&events)?;
        let end = Event::new(ts, "end", 0.0, &[]);
        for event in chosen.iter().filter_map(|n| events.get(*n)) {
            let item = tail.next_item()?;
            ensure!(item == Item::Event(event.clone()), "{parameters}: {item:?}, not {event:?}");
        }
        if parameters.is_empty() {
            api.ingest(std::slice::from_ref(&end))?;
            ensure!(tail.next_item()? == Item::Event(end), "{parameters}: more than was sent");
        }
    }
    // What came before a tail began is not in it; without events there is a heartbeat.
    let mut tail = Tail::open(address, "in.key=pick")?;
    let start = Instant::now();
    let item = tail.next()?;
    ensure!(item == Item::Comment("ping".to_owned()), "{item:?} instead of a heartbeat");
    let elapsed = start.elapsed().as_secs_f64();
    ensure!(PING_S.contains(&elapsed), "a heartbeat after {elapsed} s");
    Ok(())
}

fn slow_reader(address: SocketAddr) -> Result<()> {
    const BATCHES: usize = 40;
    const EVENTS: usize = 2_500;
    let mut tail = Tail::open(address, "in.key=flood")?;
    let mut api = Api::open(address)?;
    let ts = year(2000);
    let long = "x".repeat(250);
    let start = Instant::now();
    for batch in 0..BATCHES {
        let first = batch * EVENTS;
        let events: Vec<Event> = (first..first + EVENTS)
            .map(|n| Event::new(ts + n as i64, "flood", n as f64, &[("host", &long)]))
            .collect();
        api.ingest(&events)?;
    }
    ensure!(start.elapsed() < Duration::from_secs(60), "ingest waited for a tail");
    // Half of what comes now is small, so that the notice of what was lost finds room.
    let (mut next, mut lost, mut seen) = (0_u64, 0, 0);
    let last = (BATCHES * EVENTS) as u64;
    while next < last {
        match tail.next_item()? {
            Item::Dropped(events) => {
                next += events;
                lost += events;
            }
            Item::Event(event) => {
                ensure!(
                    event.value == next as f64,
                    "event {} comes where {next} should",
                    event.value
                );
                next += 1;
                seen += 1;
            }
            Item::Comment(text) => bail!("a comment {text:?}"),
        }
    }
    // What the kernel holds on the way is not the service's to drop.
    ensure!(lost > 0, "all {seen} events of 35 MB waited for a reader that read nothing");
    ensure!(seen > 0 && seen + lost == last, "{seen} seen and {lost} lost of {last}");
    let event = Event::new(ts, "flood", -1.0, &[]);
    api.ingest(std::slice::from_ref(&event))?;
    ensure!(tail.next_item()? == Item::Event(event), "no events after those that were lost");
    Ok(())
}

fn many(address: SocketAddr) -> Result<()> {
    const TAILS_MAX: usize = 256;
    let mut api = Api::open(address)?;
    let there = || -> Result<f64> { Api::open(address)?.metric("analytics_tails") };
    // Those of other checks are closed, which a service notices within a heartbeat.
    let start = Instant::now();
    while there()? != 0.0 {
        ensure!(start.elapsed() < Duration::from_secs(15), "tails of closed connections are left");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut tails = Vec::new();
    for n in 0..TAILS_MAX {
        tails.push(Tail::open(address, "in.key=many").with_context(|| format!("tail {n}"))?);
    }
    let one_more = api.get("/v1/tail")?;
    refusal(&one_more, 429, "too-many-tails", &json!({}))?;
    ensure!(there()? == TAILS_MAX as f64, "analytics_tails is {}", there()?);
    let event = Event::new(year(2001), "many", 1.0, &[]);
    api.send("POST", "/v1/events", &[("Content-Type", NDJSON)], &lines([&event]))?;
    for tail in &mut tails {
        let item = tail.next_item()?;
        ensure!(item == Item::Event(event.clone()), "{item:?} instead of the event");
    }
    Ok(())
}

fn refused(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    for (parameters, pointer) in [
        ("from=1", "/from"),
        ("limit=1", "/limit"),
        ("in.x=1", "/in.x"),
        ("gt.value=x", "/gt.value"),
    ] {
        invalid_query(&api.get(&format!("/v1/tail?{parameters}"))?, pointer)
            .with_context(|| parameters.to_owned())?;
    }
    Ok(())
}
