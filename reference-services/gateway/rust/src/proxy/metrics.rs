//! What is counted, for as long as the process lives, whatever tables come and go.

use super::gateway::Gateway;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const STATUS_MIN: u16 = 100;
const STATUSES: usize = 500;

/// Upper bounds of the latency buckets in microseconds, each with its label in seconds.
const BUCKETS: [(u128, &str); 8] = [
    (100, "0.0001"),
    (300, "0.0003"),
    (1_000, "0.001"),
    (3_000, "0.003"),
    (10_000, "0.01"),
    (100_000, "0.1"),
    (1_000_000, "1"),
    (10_000_000, "10"),
];

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Answered = 0,
    Failed = 1,
    TimedOut = 2,
    GivenUp = 3,
}

const OUTCOMES: [&str; 4] = ["answered", "failed", "timeout", "given-up"];

type ByName<T> = Mutex<BTreeMap<String, Arc<T>>>;

#[derive(Debug)]
pub(super) struct Metrics {
    /// Of requests that no route takes.
    pub(super) none: Arc<RouteCounts>,
    /// Of the gateway's own paths.
    pub(super) own: Arc<RouteCounts>,
    routes: ByName<RouteCounts>,
    upstreams: ByName<UpstreamCounts>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    pub(super) reloads: AtomicU64,
    pub(super) reloads_refused: AtomicU64,
}

#[derive(Debug)]
pub(super) struct RouteCounts {
    by_status: [AtomicU64; STATUSES],
    by_bucket: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    sum_ns: AtomicU64,
}

impl Default for RouteCounts {
    fn default() -> Self {
        Self {
            by_status: [const { AtomicU64::new(0) }; STATUSES],
            by_bucket: Default::default(),
            count: AtomicU64::new(0),
            sum_ns: AtomicU64::new(0),
        }
    }
}

impl RouteCounts {
    pub(super) fn add(&self, status: u16, elapsed: Duration) {
        let place = usize::from(status.saturating_sub(STATUS_MIN)).min(STATUSES - 1);
        if let Some(count) = self.by_status.get(place) {
            count.fetch_add(1, Relaxed);
        }
        let nearest =
            BUCKETS.iter().position(|(bound_us, _)| elapsed.as_nanos() <= bound_us * 1_000);
        if let Some(count) = nearest.and_then(|place| self.by_bucket.get(place)) {
            count.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

#[derive(Debug, Default)]
pub(super) struct UpstreamCounts {
    attempts: [AtomicU64; OUTCOMES.len()],
    pub(super) retries: AtomicU64,
    pub(super) hedges: AtomicU64,
}

impl UpstreamCounts {
    pub(super) fn attempt(&self, outcome: Outcome) {
        if let Some(count) = self.attempts.get(outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// The counters of a name, new ones if it has none.
fn of<T: Default>(all: &ByName<T>, name: &str) -> Arc<T> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(name.to_owned()).or_default())
}

impl Metrics {
    pub(super) fn new() -> Self {
        let (none, own) = (Arc::<RouteCounts>::default(), Arc::<RouteCounts>::default());
        let routes = [("none", &none), ("gateway", &own)];
        let routes = routes.map(|(name, counts)| (name.to_owned(), Arc::clone(counts)));
        Self {
            routes: Mutex::new(routes.into()),
            none,
            own,
            upstreams: Mutex::default(),
            refusals: Mutex::default(),
            reloads: AtomicU64::new(0),
            reloads_refused: AtomicU64::new(0),
        }
    }

    pub(super) fn route(&self, name: &str) -> Arc<RouteCounts> {
        of(&self.routes, name)
    }

    pub(super) fn upstream(&self, name: &str) -> Arc<UpstreamCounts> {
        of(&self.upstreams, name)
    }

    pub(super) fn refused(&self, word: &'static str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(word).or_default() += 1;
    }
}

/// Metrics in the Prometheus text format. Writing to a string cannot fail.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn put(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let _ = match labels.join(",") {
            none if none.is_empty() => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn routes(&mut self, routes: &BTreeMap<String, Arc<RouteCounts>>) {
        const FAMILY: &str = "gateway_request_duration_seconds";
        let requests = "gateway_requests_total";
        self.family(requests, "counter", "Requests, by route and status.");
        for (name, counts) in routes {
            for (status, count) in (STATUS_MIN..).zip(&counts.by_status) {
                let (status, count) = (status.to_string(), count.load(Relaxed));
                if count > 0 {
                    self.put(requests, &[("route", name), ("status", &status)], count);
                }
            }
        }
        let help = "Time from a request's head to the end of its answer, by route.";
        self.family(FAMILY, "histogram", help);
        for (name, counts) in routes {
            let (count, mut below) = (counts.count.load(Relaxed), 0);
            let bucket = format!("{FAMILY}_bucket");
            for ((_, label), inside) in BUCKETS.iter().zip(&counts.by_bucket) {
                below += inside.load(Relaxed);
                self.put(&bucket, &[("route", name), ("le", label)], below);
            }
            self.put(&bucket, &[("route", name), ("le", "+Inf")], count);
            let sum = Duration::from_nanos(counts.sum_ns.load(Relaxed)).as_secs_f64();
            self.put(&format!("{FAMILY}_sum"), &[("route", name)], format_args!("{sum:.9}"));
            self.put(&format!("{FAMILY}_count"), &[("route", name)], count);
        }
    }

    fn upstreams(&mut self, upstreams: &BTreeMap<String, Arc<UpstreamCounts>>) {
        let attempts = "gateway_attempts_total";
        self.family(attempts, "counter", "Attempts at upstreams, by how they ended.");
        for (name, counts) in upstreams {
            for (outcome, count) in OUTCOMES.iter().zip(&counts.attempts) {
                let labels = [("upstream", name.as_str()), ("outcome", outcome)];
                self.put(attempts, &labels, count.load(Relaxed));
            }
        }
        self.family("gateway_retries_total", "counter", "Attempts that were repeated.");
        for (name, counts) in upstreams {
            let count = counts.retries.load(Relaxed);
            self.put("gateway_retries_total", &[("upstream", name)], count);
        }
        self.family("gateway_hedges_total", "counter", "Attempts beside one that was slow.");
        for (name, counts) in upstreams {
            let count = counts.hedges.load(Relaxed);
            self.put("gateway_hedges_total", &[("upstream", name)], count);
        }
    }
}

/// The page as a whole.
pub(super) fn render(gateway: &Gateway) -> String {
    let metrics = &gateway.metrics;
    let mut page = Page(String::new());
    page.routes(&metrics.routes.lock().unwrap_or_else(PoisonError::into_inner));
    let refusals = "gateway_refusals_total";
    page.family(refusals, "counter", "Requests that the gateway refused, by reason.");
    for (word, count) in &*metrics.refusals.lock().unwrap_or_else(PoisonError::into_inner) {
        page.put(refusals, &[("reason", word)], count);
    }
    page.upstreams(&metrics.upstreams.lock().unwrap_or_else(PoisonError::into_inner));
    let state = "gateway_breaker_state";
    page.family(state, "gauge", "0 closed, 1 half-open, 2 open.");
    for (name, upstream) in &gateway.table().upstreams {
        for origin in &upstream.origins {
            let address = origin.peer.address.to_string();
            let labels = [("upstream", name.as_str()), ("address", &address)];
            page.put(state, &labels, origin.breaker.state() as u8);
        }
    }
    page.family("gateway_in_flight", "gauge", "Requests on their way through the gateway.");
    page.put("gateway_in_flight", &[], gateway.in_flight.count());
    page.family("gateway_connections", "gauge", "Connections of clients.");
    page.put("gateway_connections", &[], gateway.connections.count());
    let reloads = "gateway_reloads_total";
    page.family(reloads, "counter", "Times that the table or a key file was read again.");
    page.put(reloads, &[("result", "loaded")], metrics.reloads.load(Relaxed));
    page.put(reloads, &[("result", "refused")], metrics.reloads_refused.load(Relaxed));
    page.0
}
