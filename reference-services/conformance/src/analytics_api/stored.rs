//! What a folder holds after a restart: everything acknowledged, also by the other twin.

use super::api::{Api, expect_report};
use super::event::{Event, lines, sorted};
use super::expect::status;
use super::folder::{BatchId, Block, File, read_folder, write_file};
use super::questions::Spelling;
use super::random_questions::random_events;
use super::{busy, damage, options, year};
use crate::Check;
use crate::process::Service;
use crate::random::Random;
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

pub(super) type Test = fn(&Path) -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("stored: a restart keeps events and batch ids, in files as the contract has them", restart),
    ("stored: kill -9 while batches come in loses none and halves none", crashes),
    ("stored: a folder written by hand is read", by_hand),
    ("stored: the last 65,536 batch ids are remembered", window_of_ids),
    ("stored: a full log becomes a segment", sealed),
];

/// The events of a log, beyond which it becomes a segment.
const LOG_EVENTS: usize = 1_048_576;
const IDS_REMEMBERED: usize = 65_536;
const SEAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs the checks that start a twin themselves. Takes about 40 s.
pub fn run(binary: &Path) -> Vec<Check> {
    thread::scope(|scope| {
        let waiting = busy::TESTS.map(|(name, test)| (name, scope.spawn(move || test(binary))));
        let tests = TESTS.iter().chain(options::TESTS).chain(damage::TESTS);
        let mut checks: Vec<Check> =
            tests.map(|(name, test)| Check::new(*name, test(binary))).collect();
        checks.extend(waiting.map(|(name, thread)| {
            let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("the check broke off")));
            Check::new(name, outcome)
        }));
        checks
    })
}

pub(super) fn start(binary: &Path, folder: &Path, options: &[&str]) -> Result<Service> {
    let folder = folder.to_str().context("a folder's name")?;
    Service::start_silenced(binary, &[&["--data", folder, "--threads", "2"], options].concat())
}

pub(super) fn stop(mut service: Service) -> Result<()> {
    service.terminate()?;
    let status = service.wait()?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

/// Answers that say together what a service holds.
fn answers(service: &Service) -> Result<Vec<Value>> {
    let mut api = Api::open(service.address)?;
    let all = json!({"from": 0, "to": 253_402_300_799_999_i64});
    let mut answers = Vec::new();
    for more in [
        json!({"aggregates": ["count", "sum", "min", "max", "p50", "p90", "p99", "distinct(key)"]}),
        json!({"group_by": ["key", "tags.region"], "aggregates": ["count", "sum", "p50"]}),
        json!({"group_by": ["tags.host", "tags.user"], "aggregates": ["count", "min", "max"]}),
        json!({"group_by": ["key"], "bucket": "1h", "aggregates": ["count", "p99"],
            "from": year(2020), "to": year(2021)}),
    ] {
        let mut question = all.clone();
        let members = question.as_object_mut().context("no object")?;
        members.extend(more.as_object().cloned().unwrap_or_default());
        answers.push(api.answer(&question)?);
    }
    Ok(answers)
}

fn expect_same(before: &[Value], after: &[Value]) -> Result<()> {
    for (before, after) in before.iter().zip(after) {
        // Twins may write a number differently; sums here are exact.
        Spelling::Json.compare(after, before, 0.0)?;
    }
    Ok(())
}

pub(super) fn report(accepted: usize, duplicate: bool) -> Value {
    json!({"accepted": accepted, "rejected": 0, "duplicate": duplicate, "errors": []})
}

/// Random events as batches with ids.
fn batches(seed: u64) -> Vec<(String, Vec<Event>)> {
    let events = random_events(seed, year(2020));
    let parts = events.chunks(501).enumerate();
    parts.map(|(n, part)| (format!("batch-{seed}-{n}"), part.to_vec())).collect()
}

fn send(service: &Service, batches: &[(String, Vec<Event>)], duplicate: bool) -> Result<()> {
    let mut api = Api::open(service.address)?;
    for (id, events) in batches {
        let response = api.post(&lines(events), Some(id))?;
        expect_report(&response, &report(events.len(), duplicate)).with_context(|| id.clone())?;
    }
    Ok(())
}

fn restart(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nested = folder.path().join("made/by the service");
    let service = start(binary, &nested, &[])?;
    let batches = batches(1);
    send(&service, &batches, false)?;
    let before = answers(&service)?;
    stop(service)?;
    as_described(&read_folder(&nested)?, &batches)?;
    for _ in 0..2 {
        let service = start(binary, &nested, &[])?;
        expect_same(&before, &answers(&service)?)?;
        send(&service, &batches, true)?;
        expect_same(&before, &answers(&service)?)?;
        let other = Api::open(service.address)?.post(b"\n{}\n", Some("batch-1-0"))?;
        ensure!(other.status == 422, "status {} for a batch of another body", other.status);
        service.kill()?;
    }
    as_described(&read_folder(&nested)?, &batches)
}

/// The folder holds these batches and nothing else.
fn as_described(files: &[File], batches: &[(String, Vec<Event>)]) -> Result<()> {
    let blocks = files.iter().flat_map(|file| &file.frames).flat_map(|frame| &frame.blocks);
    let (mut ids, mut events) = (Vec::new(), Vec::new());
    for block in blocks {
        ids.extend(block.ids.iter().cloned());
        events.extend(block.events.iter().cloned());
    }
    let expected: Vec<BatchId> =
        batches.iter().map(|(id, events)| BatchId::new(id, &lines(events))).collect();
    ensure!(ids == expected, "{} batch ids, not {}: {:?}", ids.len(), expected.len(), ids.first());
    let sent: Vec<Event> = batches.iter().flat_map(|(_, events)| events.clone()).collect();
    let logged = files.iter().all(|file| !file.is_segment);
    ensure!(
        !logged || events == sent,
        "the events of the logs are not in the order of their lines"
    );
    ensure!(sorted(events) == sorted(sent), "other events than were sent");
    Ok(())
}

/// Batches of one id and tag each, so that a part of one would show.
fn crashes(binary: &Path) -> Result<()> {
    const ROUNDS: u64 = 6;
    const CLIENTS: u64 = 3;
    const EVENTS: usize = 150;
    let folder = tempfile::tempdir()?;
    let mut random = Random::new(9);
    let batch = |id: &str| -> Vec<u8> {
        let event = |n: usize| Event::new(year(2021) + n as i64, "crash", 1.0, &[("batch", id)]);
        lines(&(0..EVENTS).map(event).collect::<Vec<_>>())
    };
    // Whether each batch sent was acknowledged.
    let sent: Mutex<Vec<(String, bool)>> = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        let service = start(binary, folder.path(), &[])?;
        expect_whole(&service, &sent.lock().map_err(|_| anyhow::anyhow!("poisoned"))?, EVENTS)?;
        let address = service.address;
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (sent, batch) = (&sent, &batch);
                scope.spawn(move || {
                    let Ok(mut api) = Api::open(address) else { return };
                    for n in 0.. {
                        let id = format!("{round}.{client}.{n}");
                        let answer = api.post(&batch(&id), Some(&id));
                        let acknowledged = answer.is_ok_and(|answer| answer.status == 200);
                        if let Ok(mut sent) = sent.lock() {
                            sent.push((id, acknowledged));
                        }
                        if !acknowledged {
                            return;
                        }
                    }
                });
            }
            thread::sleep(Duration::from_millis(60 + random.below(200) as u64));
            service.kill()
        })?;
    }
    let service = start(binary, folder.path(), &[])?;
    let sent = sent.into_inner().map_err(|_| anyhow::anyhow!("poisoned"))?;
    expect_whole(&service, &sent, EVENTS)?;
    let acknowledged = sent.iter().filter(|(_, acknowledged)| *acknowledged).count();
    ensure!(acknowledged as u64 > 2 * ROUNDS, "only {acknowledged} batches got through");
    // What was sent again under its id is there once.
    let mut api = Api::open(service.address)?;
    for (id, acknowledged) in &sent {
        let response = api.post(&batch(id), Some(id))?;
        status(&response, 200)?;
        let duplicate = response.json()?.get("duplicate") == Some(&json!(true));
        ensure!(duplicate || !acknowledged, "{id} was acknowledged, and is taken again");
    }
    let all: Vec<(String, bool)> = sent.into_iter().map(|(id, _)| (id, true)).collect();
    expect_whole(&service, &all, EVENTS)?;
    stop(service)?;
    read_folder(folder.path()).map(drop)
}

fn expect_whole(service: &Service, sent: &[(String, bool)], events: usize) -> Result<()> {
    let question = json!({"from": year(2021), "to": year(2022), "group_by": ["tags.batch"],
        "limit": 1_000_000});
    let answer = Api::open(service.address)?.answer(&question)?;
    let rows = answer.get("rows").and_then(Value::as_array).context("no rows")?;
    let there: std::collections::BTreeMap<&str, u64> = rows
        .iter()
        .filter_map(|row| Some((row.get(0)?.as_str()?, row.get(1)?.as_u64()?)))
        .collect();
    for (id, acknowledged) in sent {
        match there.get(id.as_str()) {
            Some(count) => ensure!(*count == events as u64, "{count} of {events} events of {id}"),
            None => ensure!(!acknowledged, "{id} was acknowledged, and is not there"),
        }
    }
    let known = |id: &&str| sent.iter().any(|(sent, _)| sent == id);
    ensure!(there.keys().all(known), "batches that nobody sent");
    Ok(())
}

/// Segments, logs, one that a crash left beside its segment, and what is no part of the folder.
fn by_hand(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let batches = batches(2);
    let block = |(id, events): &(String, Vec<Event>)| Block {
        ids: vec![BatchId::new(id, &lines(events))],
        events: events.clone(),
    };
    let (first, rest) = batches.split_at(2);
    let (second, rest) = rest.split_at(2);
    let segment = |batches: &[(String, Vec<Event>)]| {
        let ids = batches.iter().flat_map(|batch| block(batch).ids).collect();
        let mut events: Vec<Event> =
            batches.iter().flat_map(|(_, events)| events.clone()).collect();
        // Keys in an order that is not that of their bytes.
        events.sort_by(|a, b| (&b.key, a.ts).cmp(&(&a.key, b.ts)));
        Block { ids, events }
    };
    write_file(folder.path(), 2, true, &[vec![segment(first)]])?;
    write_file(folder.path(), 0xa0, true, &[vec![segment(second)]])?;
    let stale: Vec<Vec<Block>> = second.iter().map(|batch| vec![block(batch)]).collect();
    let stale = write_file(folder.path(), 0xa0, false, &stale)?;
    let (full, newest) = rest.split_at(2);
    // A frame of two blocks, as two batches at once make it; then frames of one.
    write_file(folder.path(), 0xa1, false, &[full.iter().map(block).collect()])?;
    let frames: Vec<Vec<Block>> = newest.iter().map(|batch| vec![block(batch)]).collect();
    write_file(folder.path(), 0x1_0000_0000, false, &frames)?;
    let tmp = folder.path().join("00000000000000a1.tmp");
    fs::write(&tmp, b"half a segment")?;
    let others = [folder.path().join("notes.txt"), folder.path().join("1.seg")];
    for other in &others {
        fs::write(other, b"not ours")?;
    }
    // The same events, sent.
    let sent_to = tempfile::tempdir()?;
    let service = start(binary, sent_to.path(), &[])?;
    send(&service, &batches, false)?;
    let expected = answers(&service)?;
    stop(service)?;

    let service = start(binary, folder.path(), &[])?;
    expect_same(&expected, &answers(&service)?)?;
    send(&service, &batches, true)?;
    ensure!(!tmp.exists() && !stale.exists(), "what a crash left is still there");
    ensure!(others.iter().all(|other| other.exists()), "files that are not the service's are gone");
    let segments = Api::open(service.address)?.metric("analytics_segments")?;
    ensure!(segments >= 2.0, "analytics_segments is {segments}");
    let more = [("more".to_owned(), vec![Event::new(year(2020), "more", 1.0, &[])])];
    send(&service, &more, false)?;
    service.kill()?;
    let service = start(binary, folder.path(), &[])?;
    send(&service, &more, true)?;
    send(&service, &batches, true)
}

fn window_of_ids(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let body = lines(&[Event::new(year(2022), "ids", 1.0, &[])]);
    let id = |n: usize| BatchId::new(&format!("id-{n}"), &body);
    let events = vec![Event::new(year(2022), "ids", 1.0, &[])];
    let block = |ids| Block { ids, events: events.clone() };
    // The window and 10 more: 5 of a segment and 5 of another are forgotten.
    let half = IDS_REMEMBERED / 2;
    write_file(folder.path(), 1, true, &[vec![block((0..5).map(id).collect())]])?;
    write_file(folder.path(), 2, true, &[vec![block((5..half).map(id).collect())]])?;
    write_file(
        folder.path(),
        3,
        true,
        &[vec![block((half..IDS_REMEMBERED + 10).map(id).collect())]],
    )?;
    let service = start(binary, folder.path(), &[])?;
    let mut api = Api::open(service.address)?;
    for n in [10, 11, half - 1, half, IDS_REMEMBERED + 9] {
        let response = api.post(&body, Some(&format!("id-{n}")))?;
        expect_report(&response, &report(1, true)).with_context(|| format!("the {n}th"))?;
    }
    // Each that comes puts the oldest out.
    for n in [9, 10, 11] {
        let response = api.post(&body, Some(&format!("id-{n}")))?;
        expect_report(&response, &report(1, false)).with_context(|| format!("the {n}th"))?;
    }
    expect_report(&api.post(&body, Some("id-9"))?, &report(1, true))?;
    stop(service)
}

fn sealed(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = start(binary, folder.path(), &[])?;
    full_log(&service)?;
    let before = answers(&service)?;
    stop(service)?;
    let files = read_folder(folder.path())?;
    ensure!(files.iter().filter(|file| file.is_segment).count() == 1, "not one segment");
    let rows = |file: &File| {
        let blocks = file.frames.iter().flat_map(|frame| &frame.blocks);
        blocks.map(|block| block.events.len()).sum::<usize>()
    };
    let rows: usize = files.iter().map(rows).sum();
    ensure!(rows == LOG_EVENTS + 1_000, "{rows} events are in the files");
    let service = start(binary, folder.path(), &[])?;
    expect_same(&before, &answers(&service)?)?;
    let response = Api::open(service.address)?.post(&full_log_batch(0), Some("full-0"))?;
    ensure!(response.json()?.get("duplicate") == Some(&json!(true)), "batch 0 is forgotten");
    stop(service)
}

const FULL_LOG_BATCH: usize = 65_536;

/// A batch of events whose times and keys go up and down.
fn full_log_batch(batch: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for n in batch * FULL_LOG_BATCH..(batch + 1) * FULL_LOG_BATCH {
        let ts = year(2020) + (n * 7_919 % 9_000_000) as i64;
        let (key, value) = (n * 31 % 251, n % 1_000);
        let line = format!(
            r#"{{"ts":{ts},"key":"k{key}","value":{value},"tags":{{"host":"h{}"}}}}"#,
            n % 300
        );
        body.extend_from_slice(line.as_bytes());
        body.push(b'\n');
    }
    body
}

/// Sends so many events that the first log is full, and some more, and waits for the segment.
fn full_log(service: &Service) -> Result<()> {
    let mut api = Api::open(service.address)?;
    for batch in 0..LOG_EVENTS / FULL_LOG_BATCH {
        let response = api.post(&full_log_batch(batch), Some(&format!("full-{batch}")))?;
        expect_report(&response, &report(FULL_LOG_BATCH, false))?;
    }
    let more: Vec<Event> =
        (0..1_000).map(|n| Event::new(year(2020) + n, "more", 1.0, &[])).collect();
    api.ingest(&more)?;
    let start = Instant::now();
    while api.metric("analytics_segments")? != 1.0 || api.metric("analytics_logs")? != 1.0 {
        ensure!(start.elapsed() < SEAL_TIMEOUT, "no segment after {SEAL_TIMEOUT:?}");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Each twin reads what the other wrote, in turns, also a segment.
pub fn exchange(one: &Path, other: &Path) -> Check {
    Check::new("stored: each twin reads the other's folder", turns(one, other))
}

fn turns(one: &Path, other: &Path) -> Result<()> {
    for (first, second) in [(one, other), (other, one)] {
        let folder = tempfile::tempdir()?;
        let service = start(first, folder.path(), &[])?;
        full_log(&service)?;
        let mut sent = batches(3);
        let later = sent.split_off(sent.len() / 2);
        send(&service, &sent, false)?;
        let before = answers(&service)?;
        service.kill()?;
        let service = start(second, folder.path(), &[])?;
        expect_same(&before, &answers(&service)?).context("the second twin")?;
        send(&service, &sent, true)?;
        send(&service, &later, false)?;
        let before = answers(&service)?;
        stop(service)?;
        let service = start(first, folder.path(), &[])?;
        expect_same(&before, &answers(&service)?).context("the first twin again")?;
        send(&service, &sent, true)?;
        send(&service, &later, true)?;
        stop(service)?;
        read_folder(folder.path())?;
    }
    Ok(())
}
