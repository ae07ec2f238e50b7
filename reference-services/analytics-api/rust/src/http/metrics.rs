//! What the service counts, in the Prometheus text format.

use crate::http::App;
use crate::http::body::Lent;
use crate::ingest::line::Code;
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Paths that are told apart; all others are counted as `other`.
const ROUTES: [&str; 9] = [
    "/v1/events",
    "/v1/query",
    "/v1/series",
    "/v1/tail",
    "/v1/export",
    "/v1/openapi.json",
    "/healthz",
    "/metrics",
    "other",
];
/// Statuses that are told apart; all others are counted as 500.
const STATUSES: [u16; 12] = [200, 400, 404, 405, 408, 413, 415, 422, 429, 503, 507, 500];
/// Upper bounds of the latency buckets, each with its label in seconds.
const BUCKETS: [(Duration, &str); 7] = [
    (Duration::from_micros(100), "0.0001"),
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_secs(1), "1"),
    (Duration::from_secs(10), "10"),
];
const PAGE_BYTES: u64 = 4_096;

/// Counters of every route and of batches.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    routes: [RouteMetrics; ROUTES.len()],
    pub(super) batches: Batches,
    pub(super) accepted_events: AtomicU64,
    pub(super) rejected_lines: [AtomicU64; Code::ALL.len()],
}

/// Batches by what became of them.
#[derive(Debug, Default)]
pub(super) struct Batches {
    pub(super) stored: AtomicU64,
    pub(super) duplicate: AtomicU64,
    pub(super) refused: AtomicU64,
}

#[derive(Debug, Default)]
struct RouteMetrics {
    by_status: [AtomicU64; STATUSES.len()],
    by_bucket: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    sum_ns: AtomicU64,
}

/// The service's routes with the counters around them.
pub struct Routes {
    router: TowerToHyperService<Router>,
    app: Arc<App>,
}

impl Routes {
    pub(super) fn new(router: Router, app: Arc<App>) -> Self {
        Self { router: TowerToHyperService::new(router), app }
    }

    /// Ends the tails.
    pub(super) fn stop(&self) {
        self.app.stopping.send_replace(true);
    }

    /// Answers one request and counts it: from its head having been read to its response being
    /// ready to send. What a refusal left of the body is read first, or its sender might be cut off
    /// before it sees the answer; a sender who asked whether to go on is told by the answer.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let start = Instant::now();
        let route = index_of(&ROUTES, &request.uri().path());
        let asked = request.headers().contains_key(header::EXPECT);
        let (head, body) = request.into_parts();
        let body = Lent::new(body);
        let mut response = self.router.call(Request::from_parts(head, body.clone())).await?;
        if let Some(route) = self.app.metrics.routes.get(route) {
            route.add(response.status().as_u16(), start.elapsed());
        }
        let refused = response.status().is_client_error() && !body.is_end_stream();
        let closes = response.headers().contains_key(header::CONNECTION);
        if refused && !closes && (asked || !body.read_to_end().await) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}

impl RouteMetrics {
    fn add(&self, status: u16, elapsed: Duration) {
        if let Some(counter) = self.by_status.get(index_of(&STATUSES, &status)) {
            counter.fetch_add(1, Relaxed);
        }
        let bucket = BUCKETS.iter().position(|(bound, _)| elapsed <= *bound);
        if let Some(counter) = bucket.and_then(|bucket| self.by_bucket.get(bucket)) {
            counter.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

/// The place of an item; the last place for one that is not listed.
fn index_of<T: PartialEq>(items: &[T], item: &T) -> usize {
    items.iter().position(|other| other == item).unwrap_or(items.len() - 1)
}

/// `GET /metrics`.
pub(super) async fn show(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_all(&app, &mut text);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn write_all(app: &App, out: &mut String) -> fmt::Result {
    app.metrics.write_routes(out)?;
    let (metrics, store) = (&app.metrics, &app.store);
    let accepted = metrics.accepted_events.load(Relaxed);
    write_one(out, "analytics_events_accepted_total", "counter", "Events stored.", accepted)?;
    let name = "analytics_lines_rejected_total";
    write_head(out, name, "counter", "Lines left out, by what is wrong with them.")?;
    for (code, counter) in Code::ALL.iter().zip(&metrics.rejected_lines) {
        writeln!(out, "{name}{{code=\"{}\"}} {}", code.name(), counter.load(Relaxed))?;
    }
    let name = "analytics_batches_total";
    write_head(out, name, "counter", "Batches, by what became of them.")?;
    let batches = &metrics.batches;
    for (outcome, counter) in [
        ("stored", &batches.stored),
        ("duplicate", &batches.duplicate),
        ("refused", &batches.refused),
    ] {
        writeln!(out, "{name}{{outcome=\"{outcome}\"}} {}", counter.load(Relaxed))?;
    }
    write_one(out, "analytics_commits_total", "counter", "Frames written.", store.commits())?;
    let dropped = store.tails().dropped_events();
    let help = "Events dropped for tails that were too slow.";
    write_one(out, "analytics_tail_dropped_events_total", "counter", help, dropped)?;
    let (segments, logs) = store.files();
    let pending = app.pending_bytes.load(Relaxed);
    let cut = store.cut().map_or(0, |cut| cut.bytes);
    for (name, help, value) in [
        ("analytics_events", "Events held.", store.events()),
        ("analytics_strings", "Different keys and values of tags held.", store.strings()),
        ("analytics_segments", "Segments.", segments as u64),
        ("analytics_logs", "Logs.", logs as u64),
        ("analytics_pending_bytes", "Bytes of bodies not yet answered.", pending),
        ("analytics_tails", "Tails.", store.tails().count() as u64),
        ("analytics_log_cut_bytes", "Bytes cut from the newest log at the start.", cut),
        ("process_resident_memory_bytes", "Resident memory.", resident_bytes()),
    ] {
        write_one(out, name, "gauge", help, value)?;
    }
    Ok(())
}

fn write_head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn write_one(out: &mut String, name: &str, kind: &str, help: &str, value: u64) -> fmt::Result {
    write_head(out, name, kind, help)?;
    writeln!(out, "{name} {value}")
}

/// Bytes that the kernel says are in memory; 0 where it does not say.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

impl Metrics {
    fn write_routes(&self, out: &mut String) -> fmt::Result {
        let name = "http_requests_total";
        write_head(out, name, "counter", "Requests answered, by route and status.")?;
        for (path, route) in ROUTES.iter().zip(&self.routes) {
            for (status, counter) in STATUSES.iter().zip(&route.by_status) {
                let count = counter.load(Relaxed);
                if count > 0 {
                    writeln!(out, "{name}{{route=\"{path}\",status=\"{status}\"}} {count}")?;
                }
            }
        }
        let family = "http_request_duration_seconds";
        write_head(out, family, "histogram", "Time from request head to response, by route.")?;
        for (path, route) in ROUTES.iter().zip(&self.routes) {
            let count = route.count.load(Relaxed);
            let mut below = 0;
            for ((_, bound), counter) in BUCKETS.iter().zip(&route.by_bucket) {
                below += counter.load(Relaxed);
                writeln!(out, "{family}_bucket{{route=\"{path}\",le=\"{bound}\"}} {below}")?;
            }
            let sum_s = Duration::from_nanos(route.sum_ns.load(Relaxed)).as_secs_f64();
            writeln!(out, "{family}_bucket{{route=\"{path}\",le=\"+Inf\"}} {count}")?;
            writeln!(out, "{family}_sum{{route=\"{path}\"}} {sum_s:.9}")?;
            writeln!(out, "{family}_count{{route=\"{path}\"}} {count}")?;
        }
        Ok(())
    }
}
