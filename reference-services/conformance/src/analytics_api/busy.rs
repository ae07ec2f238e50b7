//! Clients that do not take what they asked for, and more questions than may run at once.

use super::api::Api;
use super::event::{Event, lines};
use super::expect::{refusal, status};
use super::folder::{Block, write_file};
use super::stored::{Test, start, stop};
use super::tail::Tail;
use super::year;
use crate::http::{Connection, request};
use crate::random::Random;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Most of their time they wait, so that others can run meanwhile.
pub(super) const TESTS: [(&str, Test); 3] = [
    ("busy: a client that takes nothing of its answer for 30 s is cut off", answer_not_taken),
    ("busy: a tail that takes nothing for 30 s is closed", tail_not_taken),
    ("busy: 8 questions run, 256 wait, more are 429", many_questions),
];

/// A client may take nothing for so long; what a busy machine may add, and what is well below it.
const TOO_LONG: Duration = Duration::from_secs(35);
const SHORT: Duration = Duration::from_secs(20);

fn answer_not_taken(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &[])?;
    // A row for each bucket, about 20 MB: more than sockets hold.
    let path = "/v1/query?from=0&to=1000000000&bucket=1s&fill=true&limit=1000000";
    let ask = || -> Result<_> {
        let mut connection = Connection::open(service.address)?;
        connection.send(&request("GET", path, &[], b""))?;
        let head = connection.receive_head()?;
        status(&head, 200)?;
        Ok((connection, head))
    };
    let (mut patient, patients_head) = ask()?;
    let (mut gone, gones_head) = ask()?;
    sleep(SHORT);
    let body = patient.receive_body(&patients_head).context("within the time")?;
    ensure!(body.ends_with(b"}") || body.ends_with(b"}\n"), "the answer is not whole");
    sleep(TOO_LONG - SHORT);
    let after = gone.receive_body(&gones_head);
    ensure!(after.is_err(), "it was still there after {TOO_LONG:?}");
    stop(service)
}

fn tail_not_taken(binary: &Path) -> Result<()> {
    const BATCHES: i64 = 24;
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &["--sync", "never"])?;
    let mut tail = Tail::open(service.address, "")?;
    let mut api = Api::open(service.address)?;
    let long = "x".repeat(255);
    let names: Vec<String> = (0..8).map(|n| format!("tag{n}")).collect();
    let tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
    // Each batch is as much as may wait, together more than sockets hold.
    for batch in 0..BATCHES {
        let event = |n: i64| Event::new(year(2000) + n, &long, batch as f64, &tags);
        api.ingest(&(0..400).map(event).collect::<Vec<_>>())?;
        sleep(Duration::from_millis(20));
    }
    ensure!(api.metric("analytics_tails")? == 1.0, "the tail is not counted");
    sleep(TOO_LONG);
    let mut api = Api::open(service.address)?;
    ensure!(api.metric("analytics_tails")? == 0.0, "it is still there after {TOO_LONG:?}");
    tail.expect_end()?;
    stop(service)
}

fn many_questions(binary: &Path) -> Result<()> {
    const RUNNING: usize = 8;
    const WAITING: usize = 256;
    const EVENTS: i64 = 600_000;
    let folder = tempfile::tempdir()?;
    let mut random = Random::new(5);
    let event = |n: i64| Event::new(year(2000) + n, "k", random.next() as f64, &[]);
    let block = Block { ids: Vec::new(), events: (0..EVENTS).map(event).collect() };
    write_file(folder.path(), 1, true, &[vec![block]])?;
    let service = start(binary, folder.path(), &[])?;
    // An export takes part for as long as its client does not take it, 10 MB here.
    let mut exports = Vec::new();
    for _ in 0..RUNNING {
        let mut export = Connection::open(service.address)?;
        export.send(&request("GET", "/v1/export", &[], b""))?;
        status(&export.receive_head()?, 200)?;
        exports.push(export);
    }
    let question = request("GET", "/v1/query?from=0&to=1", &[], b"");
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let mut connection = Connection::open(service.address)?;
        connection.send(&question)?;
        waiting.push(connection);
    }
    // They have to arrive.
    sleep(Duration::from_secs(1));
    let mut api = Api::open(service.address)?;
    for path in ["/v1/query?from=0&to=1", "/v1/series", "/v1/export"] {
        refusal(&api.get(path)?, 429, "too-many-queries", &json!({})).context(path)?;
    }
    // Everything else goes on.
    let batch = lines(&[Event::new(0, "k", 1.0, &[])]);
    status(&api.post(&batch, None)?, 200)?;
    status(&api.get("/healthz")?, 200)?;
    drop(exports);
    for connection in &mut waiting {
        status(&connection.receive()?, 200)?;
    }
    status(&api.get("/v1/series")?, 200)?;
    stop(service)
}
