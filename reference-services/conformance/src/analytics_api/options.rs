//! Options that bound what is held: retention, limits, pending bodies.

use super::api::{Api, expect_report};
use super::event::{Event, lines};
use super::expect::{refusal, status};
use super::folder::{BatchId, Block, write_file};
use super::stored::{Test, start, stop};
use super::year;
use crate::http::Connection;
use anyhow::{Result, bail, ensure};
use serde_json::json;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("options: events beyond the retention are gone", retention),
    ("options: a full store has room again when all of its log is too old", full_of_old),
    ("options: --max-events, --max-strings, --max-groups", limits),
    ("options: bodies beyond --max-pending-bytes are 429", pending),
];

fn now_ms() -> Result<i64> {
    #[expect(clippy::disallowed_methods, reason = "retention is by the wall clock")]
    let now = std::time::SystemTime::now();
    Ok(i64::try_from(now.duration_since(std::time::UNIX_EPOCH)?.as_millis())?)
}

fn retention(binary: &Path) -> Result<()> {
    const DAY_MS: i64 = 86_400_000;
    let folder = tempfile::tempdir()?;
    let now = now_ms()?;
    // A segment that is too old, one that is so in part, and one that is not.
    for (number, ages) in [(1, [40_000, 9_000]), (2, [9_000, 0]), (3, [0, -1_000])] {
        let mut events = ages.map(|age| Event::new(now - age, &format!("s{number}"), 1.0, &[]));
        events.sort_by_key(|event| event.ts);
        let ids = vec![BatchId::new(&format!("id{number}"), b"x")];
        let block = Block { ids, events: events.to_vec() };
        write_file(folder.path(), number, true, &[vec![block]])?;
    }
    let service = start(binary, folder.path(), &["--retention", "6s"])?;
    let mut api = Api::open(service.address)?;
    let event = |age: i64| Event::new(now - age, "sent", 1.0, &[]);
    let batch = lines(&[event(60_000), event(0), event(-2 * DAY_MS), event(-DAY_MS / 2)]);
    let errors =
        json!([{"line": 1, "code": "out-of-retention"}, {"line": 3, "code": "out-of-retention"}]);
    let expected = json!({"accepted": 2, "rejected": 2, "duplicate": false, "errors": errors});
    expect_report(&api.post(&batch, None)?, &expected)?;
    let (from, to) = (now - 100_000, now + 2 * DAY_MS);
    let seen = api.count(from, to)?;
    ensure!(seen == 5, "{seen} events are seen, not 5");
    let start_of_wait = Instant::now();
    let gone = folder.path().join("0000000000000001.seg");
    while gone.exists() || api.metric("analytics_segments")? > 2.0 {
        ensure!(start_of_wait.elapsed() < Duration::from_secs(15), "the old segment stays");
        thread::sleep(Duration::from_millis(100));
    }
    // All but the one half a day ahead are beyond the retention in the end, whatever file is left.
    while api.count(from, to)? > 1 {
        ensure!(start_of_wait.elapsed() < Duration::from_secs(15), "old events are still seen");
        thread::sleep(Duration::from_millis(100));
    }
    let answer = api.answer(&json!({"from": from, "to": to, "group_by": ["key"]}))?;
    ensure!(answer.get("rows") == Some(&json!([["sent", 1]])), "left are {answer}");
    let page = api.get(&format!("/v1/series?from={from}&to={to}"))?.json()?;
    ensure!(page.pointer("/series/1").is_none(), "old series are listed: {page}");
    stop(service)?;
    // Without the option what is left of the files is seen again.
    let service = start(binary, folder.path(), &[])?;
    let seen = Api::open(service.address)?.count(from, to)?;
    ensure!(seen >= 2, "{seen} events are left in the files");
    stop(service)
}

fn full_of_old(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &["--retention", "2s", "--max-events", "3"])?;
    let mut api = Api::open(service.address)?;
    let batch = |count: usize| -> Result<Vec<u8>> {
        let now = now_ms()?;
        Ok(lines(&vec![Event::new(now, "now", 1.0, &[]); count]))
    };
    status(&api.post(&batch(3)?, Some("first"))?, 200)?;
    let full = json!({"limit": "events"});
    refusal(&api.post(&batch(1)?, None)?, 507, "store-full", &full)?;
    let start_of_wait = Instant::now();
    while api.post(&batch(1)?, None)?.status != 200 {
        ensure!(start_of_wait.elapsed() < Duration::from_secs(30), "it stays full");
        thread::sleep(Duration::from_millis(200));
    }
    let gone = folder.path().join("0000000000000001.log");
    while gone.exists() {
        ensure!(start_of_wait.elapsed() < Duration::from_secs(30), "the log that is too old stays");
        thread::sleep(Duration::from_millis(100));
    }
    // What was named in it may come again.
    let report = api.post(&batch(1)?, Some("first"))?;
    let expected = json!({"accepted": 1, "rejected": 0, "duplicate": false, "errors": []});
    expect_report(&report, &expected)?;
    stop(service)
}

fn limits(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = ["--max-events", "10", "--max-strings", "6", "--max-groups", "3"];
    let service = start(binary, folder.path(), &options)?;
    let mut api = Api::open(service.address)?;
    let ts = year(2023);
    let batch = |events: &[(&str, &str)]| -> Vec<Event> {
        let event = |(n, (key, host)): (usize, &(&str, &str))| {
            Event::new(ts + n as i64 * 1_000, key, 1.0, &[("host", host)])
        };
        events.iter().enumerate().map(event).collect()
    };
    api.ingest(&batch(&[("a", "a"), ("b", "b"), ("a", "c")]))?;
    let full = |limit: &str| json!({"limit": limit});
    // 2 keys and 3 values are there: 2 new ones are too many, 1 is not.
    let response = api.post(&lines(&batch(&[("a", "d"), ("c", "a")])), Some("full"))?;
    refusal(&response, 507, "store-full", &full("strings"))?;
    ensure!(api.count(ts, year(2024))? == 3, "a refused batch left something");
    api.ingest(&batch(&[("a", "d"), ("b", "a")]))?;
    let response = api.post(&lines(&batch(&[("a", "a"); 6])), None)?;
    refusal(&response, 507, "store-full", &full("events"))?;
    api.ingest(&batch(&[("a", "a"); 5]))?;
    refusal(&api.post(&lines(&batch(&[("a", "a")])), None)?, 507, "store-full", &full("events"))?;
    let question = |field: &str, bucket: bool| {
        let mut question = json!({"from": ts, "to": ts + 10_000, "group_by": [field]});
        if let (true, Some(members)) = (bucket, question.as_object_mut()) {
            members.insert("bucket".to_owned(), json!("1s"));
        }
        question
    };
    status(&api.ask(&question("key", false))?, 200)?;
    for (field, bucket) in [("tags.host", false), ("key", true)] {
        let response = api.ask(&question(field, bucket))?;
        refusal(&response, 422, "limit-exceeded", &full("groups"))?;
    }
    let series = api.get("/v1/series?limit=1")?;
    refusal(&series, 422, "limit-exceeded", &full("groups"))?;
    status(&api.get("/v1/series?in.tags.host=a")?, 200)?;
    service.kill()?;
    // A folder that holds more than the limits is served, and takes nothing.
    let service = start(binary, folder.path(), &["--max-events", "5"])?;
    let mut api = Api::open(service.address)?;
    ensure!(api.count(ts, year(2024))? == 10, "not all events are there");
    refusal(&api.post(&lines(&batch(&[("a", "a")])), None)?, 507, "store-full", &full("events"))
}

fn pending(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &["--max-pending-bytes", "33554432"])?;
    let mut slow = Connection::open(service.address)?;
    let body = lines(&[Event::new(year(2024), "pending", 1.0, &[])]);
    let head = |bytes: usize| {
        format!(
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
             Content-Length: {bytes}\r\n\r\n"
        )
    };
    slow.send(head(33_554_432 - 2 * body.len()).as_bytes())?;
    slow.send(&body)?;
    let mut api = Api::open(service.address)?;
    let start = Instant::now();
    while api.metric("analytics_pending_bytes")? == 0.0 {
        ensure!(start.elapsed() < Duration::from_secs(5), "a body that comes is not pending");
        thread::sleep(Duration::from_millis(10));
    }
    // Two more of its size fit, a third byte more does not; nor does a chunked one.
    api.ingest(&[Event::new(year(2024), "pending", 1.0, &[])])?;
    let larger = [&body[..], &body[..], b"\n"].concat();
    refusal(
        &Api::open(service.address)?.post(&larger, None)?,
        429,
        "too-many-pending",
        &json!({}),
    )?;
    let mut chunked = Connection::open(service.address)?;
    chunked.send(
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
          Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    )?;
    refusal(&chunked.receive()?, 429, "too-many-pending", &json!({}))?;
    // Questions go on, and a client that is gone makes room.
    ensure!(api.count(year(2024), year(2025))? == 1, "not the one event");
    drop(slow);
    let start = Instant::now();
    loop {
        match Api::open(service.address)?.post(&larger, None)?.status {
            200 => break,
            429 => ensure!(start.elapsed() < Duration::from_secs(10), "the room is not given back"),
            other => bail!("status {other}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
    stop(service)
}
