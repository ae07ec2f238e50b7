//! Metrics in the Prometheus text format, over HTTP.

use crate::command::{COMMANDS, resident_bytes};
use crate::server::Server;
use crate::stats::Closed;
use crate::store::{DATABASES, ShardStats};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const CONNECTIONS_MAX: usize = 64;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Serves `/healthz` and `/metrics`; without a listener it never ends.
pub(super) async fn serve(server: Arc<Server>, listener: Option<TcpListener>) {
    let Some(listener) = listener else { return std::future::pending().await };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        let (http, server) = (http.clone(), Arc::clone(&server));
        tokio::spawn(async move {
            let _slot = slot;
            let service = service_fn(|request| {
                std::future::ready(Ok::<_, Infallible>(answer(&server, &request)))
            });
            // What goes wrong here is the client's.
            drop(http.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

fn answer(server: &Server, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match request.uri().path() {
        "/healthz" if reads => (StatusCode::OK, "ok\n".to_owned()),
        "/metrics" if reads => (StatusCode::OK, metrics(server)),
        "/healthz" | "/metrics" => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, label: Option<(&str, &dyn Display)>, value: u64) {
        let _ = match label {
            Some((label, of)) => writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}"),
            None => writeln!(self.0, "{name} {value}"),
        };
    }

    fn one(&mut self, name: &str, kind: &str, value: u64) {
        self.family(name, kind);
        self.line(name, None, value);
    }
}

fn metrics(server: &Server) -> String {
    let (mut counted, mut entries) = (ShardStats::default(), [0; DATABASES]);
    for number in 0..server.store.shards() {
        let shard = server.store.lock(number);
        counted.add(&shard.stats);
        for (db, sum) in entries.iter_mut().enumerate() {
            *sum += shard.len(db as u8).0 as u64;
        }
    }
    let (stats, budget) = (&server.stats, &server.store.budget);
    let mut text = Text(String::new());
    text.family("cache_commands_total", "counter");
    for (command, count) in COMMANDS.iter().zip(stats.commands()) {
        text.line("cache_commands_total", Some(("command", &command.name)), count);
    }
    text.one("cache_command_errors_total", "counter", stats.errors());
    text.one("cache_hits_total", "counter", counted.hits);
    text.one("cache_misses_total", "counter", counted.misses);
    text.one("cache_evictions_total", "counter", counted.evicted);
    text.one("cache_expirations_total", "counter", counted.expired);
    text.one("cache_connections_total", "counter", stats.connections.load(Relaxed));
    text.family("cache_connections_closed_total", "counter");
    for (reason, name) in Closed::ALL {
        let name: &dyn Display = &name;
        text.line("cache_connections_closed_total", Some(("reason", name)), stats.closed(reason));
    }
    text.one("cache_connections", "gauge", server.clients.len() as u64);
    text.family("cache_entries", "gauge");
    for (db, entries) in entries.into_iter().enumerate() {
        text.line("cache_entries", Some(("db", &db)), entries);
    }
    text.one("cache_accounted_bytes", "gauge", budget.bytes_used());
    text.one("cache_maxmemory_bytes", "gauge", budget.bytes_max());
    text.one("cache_client_buffer_bytes", "gauge", stats.buffer_bytes.load(Relaxed));
    text.one("process_resident_memory_bytes", "gauge", resident_bytes());
    text.0
}
