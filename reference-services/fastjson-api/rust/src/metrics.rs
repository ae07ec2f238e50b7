//! Request counts and latency in the Prometheus text format.

use crate::body::Lent;
use crate::dynamic::{CANONICALIZE, DOCUMENT, document_id};
use axum::Router;
use axum::body::HttpBody as _;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Paths that are told apart; all others are counted as `other`.
const ROUTES: [&str; 6] = ["/v1/quotes", DOCUMENT, CANONICALIZE, "/healthz", "/metrics", "other"];
/// The place of the typed path among them.
#[cfg(any(feature = "direct", feature = "no-router"))]
const QUOTES: usize = 0;
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

/// The service's routes with the counters around them. The counters stand outside the router,
/// where they cost no boxed future of their own.
#[derive(Debug)]
pub struct Routes {
    router: TowerToHyperService<Router>,
    metrics: Arc<Metrics>,
}

impl Routes {
    pub(crate) fn new(router: Router, metrics: Arc<Metrics>) -> Self {
        Self { router: TowerToHyperService::new(router), metrics }
    }

    /// Answers one request and counts it: from its head having been read to its response being
    /// ready to send. What a refusal left of the body is read first, or its sender might be cut off
    /// before it sees the answer; a sender who asked whether to go on is told by the answer.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let start = Instant::now();
        let path = request.uri().path();
        let route = if document_id(path).is_some() { DOCUMENT } else { path };
        let route = index_of(&ROUTES, &route);
        let asked = request.headers().contains_key(header::EXPECT);
        let (head, body) = request.into_parts();
        let body = Lent::new(body);
        let request = Request::from_parts(head, body.clone());
        let mut response = self.routed(route, request).await?;
        self.metrics.count(route, response.status().as_u16(), start);
        let refused = response.status().is_client_error() && !body.is_end_stream();
        let late = response.status() == StatusCode::REQUEST_TIMEOUT;
        if refused && (asked || late || !body.read_to_end().await) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    async fn routed(&self, route: usize, request: Request<Lent>) -> Result<Response, Infallible> {
        #[cfg(feature = "no-router")]
        if request.method() == hyper::Method::POST && route == QUOTES {
            return Ok(crate::http::answer_quote(request.map(axum::body::Body::new)).await);
        }
        #[cfg(not(feature = "no-router"))]
        let _ = route;
        self.router.call(request).await
    }

    /// Counts a quote that was answered without the routes.
    #[cfg(feature = "direct")]
    pub(crate) fn count_quote(&self, start: Instant) {
        self.metrics.count(QUOTES, 200, start);
    }
}

impl Metrics {
    fn count(&self, route: usize, status: u16, start: Instant) {
        if let Some(route) = self.routes.get(route) {
            route.add(status, start.elapsed());
        }
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
