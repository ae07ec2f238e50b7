//! What `--metrics` serves, over HTTP.

use super::resp::{Connection, Reply};
use crate::Check;
use crate::http::{Connection as Http, Response};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;

const NAMES: [&str; 14] = [
    "cache_commands_total",
    "cache_command_errors_total",
    "cache_hits_total",
    "cache_misses_total",
    "cache_evictions_total",
    "cache_expirations_total",
    "cache_connections_total",
    "cache_connections_closed_total",
    "cache_connections",
    "cache_entries",
    "cache_accounted_bytes",
    "cache_maxmemory_bytes",
    "cache_client_buffer_bytes",
    "process_resident_memory_bytes",
];

/// Checks the metrics of a twin that serves the protocol at one address and metrics at another.
pub fn run(address: SocketAddr, metrics: SocketAddr) -> Check {
    Check::new("metrics: health and counters", check(address, metrics))
}

fn get(metrics: SocketAddr, path: &str) -> Result<Response> {
    let mut http = Http::open(metrics)?;
    http.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    http.receive()
}

fn value(text: &str, series: &str) -> Result<f64> {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Ok(found.with_context(|| format!("no {series}"))?.parse()?)
}

fn check(address: SocketAddr, metrics: SocketAddr) -> Result<()> {
    let health = get(metrics, "/healthz")?;
    ensure!(health.status == 200 && health.body == b"ok\n", "/healthz is {health:?}");
    ensure!(get(metrics, "/nothing")?.status == 404, "/nothing is there");
    let read = || -> Result<String> {
        let response = get(metrics, "/metrics")?;
        let kind = response.header("content-type").unwrap_or_default();
        ensure!(kind.starts_with("text/plain; version=0.0.4"), "/metrics is {kind}");
        Ok(String::from_utf8(response.body)?)
    };
    let before = read()?;
    for name in NAMES {
        ensure!(before.contains(&format!("# TYPE {name} ")), "no # TYPE {name}");
    }
    let mut connection = Connection::open(address)?;
    connection.expect("FLUSHALL", &Reply::ok())?;
    for _ in 0..10 {
        connection.expect("SET k v", &Reply::ok())?;
    }
    connection.expect("GET k", &Reply::bulk(b"v"))?;
    connection.expect("GET missing", &Reply::NullBulk)?;
    connection.words("GET")?;
    let after = read()?;
    for (series, grown) in [
        ("cache_commands_total{command=\"set\"}", 10.0),
        ("cache_hits_total", 1.0),
        ("cache_misses_total", 1.0),
        ("cache_connections_total", 1.0),
    ] {
        let (old, new) = (value(&before, series).unwrap_or(0.0), value(&after, series)?);
        ensure!(new - old == grown, "{series} went from {old} to {new}");
    }
    let errors = "cache_command_errors_total";
    ensure!(value(&after, errors)? > value(&before, errors)?, "{errors} did not grow");
    ensure!(value(&after, "cache_entries{db=\"0\"}")? == 1.0, "another number of entries");
    ensure!(value(&after, "cache_connections")? >= 1.0, "no connections");
    ensure!(value(&after, "process_resident_memory_bytes")? > 1e6, "no resident memory");
    Ok(())
}
