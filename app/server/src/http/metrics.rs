//! What the program counts about itself.

use std::fmt;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use tokio::time::Instant;

use crate::state::App;

/// Upper bounds of the duration histogram, in seconds.
const BOUNDS_S: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

/// A status as a label. Paths and methods are no labels: clients could make them up without end.
type StatusLabel = [(&'static str, u16); 1];

/// The program's figures.
pub struct Metrics {
    registry: Registry,
    requests: Family<StatusLabel, Counter>,
    duration: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("assay");
        let requests = Family::default();
        registry.register("http_requests", "Requests answered, by status", requests.clone());
        let duration = Histogram::new(BOUNDS_S);
        registry.register_with_unit(
            "http_request_duration",
            "From a request's headers to its answer's",
            Unit::Seconds,
            duration.clone(),
        );
        Self { registry, requests, duration }
    }
}

impl Metrics {
    /// All figures as OpenMetrics text.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Middleware: counts every request and how long its answer took.
pub(super) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.metrics.requests.get_or_create(&[("status", status)]).inc();
    app.metrics.duration.observe(started.elapsed().as_secs_f64());
    response
}
