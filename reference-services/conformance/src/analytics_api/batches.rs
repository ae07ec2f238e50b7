//! Batches: what is whole, what is refused, what is told apart, what is seen.

use super::api::{Api, NDJSON, expect_report};
use super::event::{Event, lines};
use super::expect::{allow, plain, refusal, status};
use super::{Test, year};
use crate::http::{Connection, exchange, request};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("batches: what is refused before the body is read", refused),
    ("batches: 32 MiB is taken, a byte more is not", size),
    ("batches: a chunked body is read, and limited too", chunked),
    ("batches: a batch id makes a retry safe", batch_ids),
    ("batches: a batch id that is none is refused", wrong_batch_ids),
    ("batches: one id from many clients at once is stored once", raced),
    ("batches: many ids of many clients are told apart", many_ids),
    ("batches: a question sees whole batches, and all that are acknowledged", whole),
    ("batches: 64 tag names, and no more", tag_names),
    ("batches: /healthz, /metrics and the OpenAPI document", documents),
];

const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

fn report(accepted: usize, duplicate: bool) -> Value {
    json!({"accepted": accepted, "rejected": 0, "duplicate": duplicate, "errors": []})
}

fn refused(address: SocketAddr) -> Result<()> {
    let body = lines(&[Event::new(year(1983), "refused", 1.0, &[])]);
    let send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        exchange(address, &request(method, path, headers, &body))
    };
    let ndjson = [("Content-Type", NDJSON)];
    for path in ["/", "/v1", "/v1/events/", "/v1/event", "/V1/events"] {
        plain(&send("POST", path, &ndjson)?, 404, "Not Found").context(path)?;
    }
    for (method, path, allowed) in [
        ("GET", "/v1/events", "POST"),
        ("PUT", "/v1/events", "POST"),
        ("DELETE", "/v1/query", "GET POST"),
        ("POST", "/v1/series", "GET"),
        ("POST", "/v1/tail", "GET"),
        ("POST", "/v1/export", "GET"),
        ("POST", "/v1/openapi.json", "GET"),
    ] {
        let response = send(method, path, &ndjson)?;
        plain(&response, 405, "Method Not Allowed").context(path)?;
        allow(&response, allowed).context(path)?;
    }
    let wrong: &[&[(&str, &str)]] = &[
        &[],
        &[("Content-Type", "application/json")],
        &[("Content-Type", "application/x-ndjsonx")],
        &[("Content-Type", "")],
        &[("Content-Type", NDJSON), ("Content-Encoding", "gzip")],
    ];
    for headers in wrong {
        let response = send("POST", "/v1/events", headers)?;
        plain(&response, 415, "Unsupported Media Type").with_context(|| format!("{headers:?}"))?;
    }
    for media_type in ["APPLICATION/X-NDJSON", "application/x-ndjson; charset=utf-8"] {
        status(&send("POST", "/v1/events", &[("Content-Type", media_type)])?, 200)?;
    }
    let there = Api::open(address)?.count(year(1983), year(1984))?;
    ensure!(there == 2, "{there} events of two batches that were taken");
    Ok(())
}

fn size(address: SocketAddr) -> Result<()> {
    let line = lines(&[Event::new(year(1984), "large", 1.0, &[])]);
    let pad = |bytes: usize| {
        // Lines of 8,192 bytes, most of it spaces: much to read, little to keep.
        let mut body = Vec::with_capacity(bytes);
        while body.len() + 8_192 <= bytes - line.len() {
            body.extend_from_slice(line.trim_ascii_end());
            body.resize(body.len().next_multiple_of(8_192) - 1, b' ');
            body.push(b'\n');
        }
        body.extend_from_slice(&line);
        body.resize(bytes, b'\n');
        body
    };
    let mut api = Api::open(address)?;
    let response = api.post(&pad(BODY_BYTES_MAX), None)?;
    expect_report(&response, &report(BODY_BYTES_MAX / 8_192, false))?;
    // Told beforehand, and answered without waiting for it.
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n\
         Content-Length: {}\r\n\r\n",
        BODY_BYTES_MAX + 1
    );
    plain(&exchange(address, head.as_bytes())?, 413, "Payload Too Large")?;
    let there = api.count(year(1984), year(1985))?;
    ensure!(there == 4_096, "{there} events are there");
    Ok(())
}

fn in_chunks(body: &[u8], bytes: usize) -> Vec<u8> {
    let mut request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for chunk in body.chunks(bytes) {
        request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

fn chunked(address: SocketAddr) -> Result<()> {
    let events: Vec<Event> =
        (0..50).map(|n| Event::new(year(1985) + n, "chunked", 1.0, &[])).collect();
    let body = lines(&events);
    for bytes in [1, 7, 1_000_000] {
        let response = exchange(address, &in_chunks(&body, bytes))?;
        expect_report(&response, &report(50, false)).with_context(|| format!("by {bytes}"))?;
    }
    let mut broken = in_chunks(&body, 1_000_000);
    broken.truncate(broken.len() - b"0\r\n\r\n".len());
    broken.extend_from_slice(b"zz\r\n");
    let response = exchange(address, &broken)?;
    plain(&response, 400, "Bad Request")?;
    let mut connection = Connection::open(address)?;
    let blank = vec![b'\n'; BODY_BYTES_MAX + 1];
    // The service may close before all of it is sent.
    let _ = connection.send(&in_chunks(&blank, 1 << 20));
    if let Ok(response) = connection.receive() {
        plain(&response, 413, "Payload Too Large")?;
    }
    let there = Api::open(address)?.count(year(1985), year(1986))?;
    ensure!(there == 150, "{there} events are there");
    Ok(())
}

fn batch_ids(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1986);
    let one = lines(&[Event::new(ts, "id", 1.0, &[]), Event::new(ts, "id", 2.0, &[])]);
    let other = lines(&[Event::new(ts, "id", 3.0, &[]), Event::new(ts, "id", 4.0, &[])]);
    let long = "A-z_0.9".repeat(10).chars().take(64).collect::<String>();
    for (n, id) in ["1986", "1986.", &long].into_iter().enumerate() {
        expect_report(&api.post(&one, Some(id))?, &report(2, false))?;
        expect_report(&api.post(&one, Some(id))?, &report(2, true))?;
        refusal(&api.post(&other, Some(id))?, 422, "batch-id-reused", &json!({}))?;
        // The same length and another byte.
        expect_report(&Api::open(address)?.post(&one, Some(id))?, &report(2, true))?;
        let there = api.count(ts, ts + 1)?;
        ensure!(there == 2 * (n as u64 + 1), "{there} events are there");
    }
    // Lines that are wrong are reported again, and what was not stored is not remembered.
    let partly = [&one[..], b"x\n"].concat();
    let expected = |duplicate| {
        let errors = json!([{"line": 3, "code": "bad-json"}]);
        json!({"accepted": 2, "rejected": 1, "duplicate": duplicate, "errors": errors})
    };
    expect_report(&api.post(&partly, Some("1986-partly"))?, &expected(false))?;
    expect_report(&api.post(&partly, Some("1986-partly"))?, &expected(true))?;
    status(&api.post(b"x\n", Some("1986-none"))?, 422)?;
    expect_report(&api.post(b"\n", Some("1986-none"))?, &report(0, false))?;
    expect_report(&api.post(&one, Some("1986-none"))?, &report(2, false))?;
    expect_report(&api.post(&one, Some("1986-none"))?, &report(2, true))?;
    // Without an id every batch is a new one.
    expect_report(&api.post(&one, None)?, &report(2, false))?;
    expect_report(&api.post(&one, None)?, &report(2, false))?;
    let there = api.count(ts, ts + 1)?;
    ensure!(there == 14, "{there} events are there");
    Ok(())
}

fn wrong_batch_ids(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let body = lines(&[Event::new(year(1987), "id", 1.0, &[])]);
    for id in ["", "a b", "a/b", "a,b", "\"a\"", "é", &"x".repeat(65)] {
        let response = api.post(&body, Some(id))?;
        refusal(&response, 400, "invalid-batch-id", &json!({})).context(id.to_owned())?;
    }
    ensure!(api.count(year(1987), year(1988))? == 0, "a refused batch left something");
    Ok(())
}

fn raced(address: SocketAddr) -> Result<()> {
    const CLIENTS: usize = 8;
    let events: Vec<Event> =
        (0..500).map(|n| Event::new(year(1988) + n, "raced", 1.0, &[])).collect();
    let body = lines(&events);
    for round in 0..5_u64 {
        let (body, id) = (body.as_slice(), format!("1988-{round}"));
        let answers = thread::scope(|scope| {
            let send = || -> Result<bool> {
                let mut api = Api::open(address)?;
                let response = api.post(body, Some(&id))?;
                status(&response, 200)?;
                // The first must be there already, also when this is not the first.
                let there = api.count(year(1988), year(1989))?;
                ensure!(there == 500 * (round + 1), "{there} events after round {round}");
                Ok(response.json()?.get("duplicate") == Some(&json!(true)))
            };
            let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let mut repeats = 0;
        for answer in answers {
            let repeat = answer.map_err(|_| anyhow::anyhow!("a client broke off"))??;
            repeats += usize::from(repeat);
        }
        ensure!(repeats == CLIENTS - 1, "{repeats} of {CLIENTS} were told they came later");
    }
    Ok(())
}

fn many_ids(address: SocketAddr) -> Result<()> {
    const CLIENTS: usize = 16;
    const BATCHES: usize = 512;
    let body = lines(&[Event::new(year(1989), "ids", 1.0, &[])]);
    let body = body.as_slice();
    let client = |client: usize| -> Result<()> {
        let mut api = Api::open(address)?;
        for pass in [false, true] {
            for n in (client..BATCHES).step_by(CLIENTS) {
                expect_report(&api.post(body, Some(&format!("1989-{n}")))?, &report(1, pass))?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(move || client(n))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| anyhow::anyhow!("a client broke off"))?
        })
    })?;
    let there = Api::open(address)?.count(year(1989), year(1990))?;
    ensure!(there == BATCHES as u64, "{there} events are there");
    Ok(())
}

/// Each batch has as much above as below zero, so that half of one would show.
fn whole(address: SocketAddr) -> Result<()> {
    const BATCHES: i64 = 60;
    const EVENTS: i64 = 400;
    let (from, to) = (year(1990), year(1991));
    let done = AtomicBool::new(false);
    let write = || -> Result<()> {
        let mut api = Api::open(address)?;
        for batch in 0..BATCHES {
            let events: Vec<Event> = (0..EVENTS)
                .map(|n| {
                    let value = if n % 2 == 0 { 1.0 } else { -1.0 };
                    let key = format!("key{}", (n / 2) % 37);
                    Event::new(from + (n * 977 + batch) % 1_000_000, &key, value, &[])
                })
                .collect();
            api.ingest(&events)?;
            let there = api.count(from, to)?;
            let expected = u64::try_from((batch + 1) * EVENTS)?;
            ensure!(there == expected, "{there} of {expected} acknowledged events are seen");
        }
        Ok(())
    };
    let read = || -> Result<usize> {
        let mut api = Api::open(address)?;
        let (mut before, mut different) = (0, 0);
        while !done.load(Ordering::Relaxed) {
            let question = json!({"from": from, "to": to, "aggregates": ["count", "sum"]});
            let answer = api.answer(&question)?;
            let row = answer.pointer("/rows/0").context("no row")?;
            let count = row.get(0).and_then(Value::as_i64).context("no count")?;
            let sum = row.get(1).and_then(Value::as_f64);
            ensure!(count % EVENTS == 0 && sum == Some(0.0), "a part of a batch is seen: {row}");
            ensure!(count >= before, "{count} events are seen after {before}");
            different += usize::from(count > before);
            before = count;
        }
        Ok(different)
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let written = write();
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            let different = reader.join().map_err(|_| anyhow::anyhow!("a reader broke off"))??;
            ensure!(written.is_err() || different > 1, "the readers saw no batch come");
        }
        written
    })
}

/// Also of use to the checks that follow: a batch that brings too many names leaves nothing.
fn tag_names(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let ts = year(1991);
    let with = |names: std::ops::Range<usize>| {
        let events = names.map(|n| Event::new(ts, "names", 1.0, &[(&format!("name{n}"), "x")]));
        lines(&events.collect::<Vec<_>>())
    };
    let response = api.post(&with(0..65), None)?;
    refusal(&response, 507, "store-full", &json!({"limit": "tag-names"}))?;
    ensure!(api.count(ts, ts + 1)? == 0, "a refused batch left something");
    // Other checks have names of their own, so that what is left is for them.
    expect_report(&api.post(&with(0..8), None)?, &report(8, false))?;
    refusal(&api.post(&with(1..65), None)?, 507, "store-full", &json!({"limit": "tag-names"}))?;
    expect_report(&api.post(&with(0..8), None)?, &report(8, false))
}

fn documents(address: SocketAddr) -> Result<()> {
    let mut api = Api::open(address)?;
    let health = api.get("/healthz")?;
    ensure!(health.status == 200 && health.body == b"ok\n", "/healthz is {health:?}");
    let document = api.get("/v1/openapi.json")?;
    let expected: &[u8] = include_bytes!("../../../analytics-api/openapi.json");
    ensure!(document.status == 200 && document.body == expected, "not openapi.json as it is");
    ensure!(document.header("content-type") == Some("application/json"), "not application/json");
    let before = api.metric("analytics_events_accepted_total")?;
    let rejected = api.metric("analytics_lines_rejected_total")?;
    let (held, commits) = (api.metric("analytics_events")?, api.metric("analytics_commits_total")?);
    let event = String::from_utf8(lines(&[Event::new(year(1992), "metrics", 1.0, &[])]))?;
    status(&api.post(format!("{event}x\n{event}").as_bytes(), None)?, 200)?;
    for (name, expected) in [
        ("analytics_events_accepted_total", before + 2.0),
        ("analytics_lines_rejected_total", rejected + 1.0),
        ("analytics_events", held + 2.0),
        ("analytics_commits_total", commits + 1.0),
    ] {
        let now = api.metric(name)?;
        ensure!(now == expected, "{name} is {now}, not {expected}");
    }
    let text = String::from_utf8(api.get("/metrics")?.body)?;
    for name in [
        "http_requests_total{",
        "http_request_duration_seconds_bucket{",
        "analytics_lines_rejected_total{",
        "analytics_batches_total{",
        "analytics_tail_dropped_events_total ",
        "analytics_strings ",
        "analytics_segments ",
        "analytics_logs ",
        "analytics_pending_bytes ",
        "analytics_tails ",
        "analytics_log_cut_bytes ",
        "process_resident_memory_bytes ",
    ] {
        ensure!(text.lines().any(|line| line.starts_with(name)), "no metric {name}");
    }
    Ok(())
}
