//! Request counts and latency in the Prometheus text format.

use crate::dynamic::{CANONICALIZE, DOCUMENT, document_id};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Paths that are told apart; all others are counted as `other`.
const ROUTES: [&str; 6] = ["/v1/quotes", DOCUMENT, CANONICALIZE, "/healthz", "/metrics", "other"];
/// Statuses that are told apart; all others are counted as 500.
const STATUSES: [u16; 15] =
    [200, 201, 204, 304, 400, 404, 405, 408, 409, 412, 413, 415, 422, 507, 500];
/// Upper bounds of the latency buckets, each with its label in seconds.
const BUCKETS: [(Duration, &str); 7] = [
    (Duration::from_micros(10), "0.00001"),
    (Duration::from_micros(30), "0.00003"),
    (Duration::from_micros(100), "0.0001"),
    (Duration::from_millis(1), "0.001"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_secs(1), "1"),
];

/// Counters of every route.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    routes: [RouteMetrics; ROUTES.len()],
}

#[derive(Debug, Default)]
struct RouteMetrics {
    by_status: [AtomicU64; STATUSES.len()],
    by_bucket: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    sum_ns: AtomicU64,
}

/// Counts one request: from its head having been read to its response being ready to send.
pub(crate) async fn record(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let path = request.uri().path();
    let route = if document_id(path).is_some() { DOCUMENT } else { path };
    let route = index_of(&ROUTES, &route);
    let response = next.run(request).await;
    if let Some(route) = metrics.routes.get(route) {
        route.add(response.status().as_u16(), start.elapsed());
    }
    response
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

impl fmt::Display for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("# HELP http_requests_total Requests answered, by route and status.\n")?;
        out.write_str("# TYPE http_requests_total counter\n")?;
        for (name, route) in ROUTES.iter().zip(&self.routes) {
            for (status, counter) in STATUSES.iter().zip(&route.by_status) {
                let count = counter.load(Relaxed);
                if count > 0 {
                    let labels = format_args!("route=\"{name}\",status=\"{status}\"");
                    writeln!(out, "http_requests_total{{{labels}}} {count}")?;
                }
            }
        }
        let family = "http_request_duration_seconds";
        writeln!(out, "# HELP {family} Time from request head to response, by route.")?;
        writeln!(out, "# TYPE {family} histogram")?;
        for (name, route) in ROUTES.iter().zip(&self.routes) {
            let count = route.count.load(Relaxed);
            let mut below = 0;
            for ((_, bound), counter) in BUCKETS.iter().zip(&route.by_bucket) {
                below += counter.load(Relaxed);
                writeln!(out, "{family}_bucket{{route=\"{name}\",le=\"{bound}\"}} {below}")?;
            }
            let sum_s = Duration::from_nanos(route.sum_ns.load(Relaxed)).as_secs_f64();
            writeln!(out, "{family}_bucket{{route=\"{name}\",le=\"+Inf\"}} {count}")?;
            writeln!(out, "{family}_sum{{route=\"{name}\"}} {sum_s:.9}")?;
            writeln!(out, "{family}_count{{route=\"{name}\"}} {count}")?;
        }
        Ok(())
    }
}
