//! The routes.

mod body;
mod events;
mod metrics;
mod problem;
mod reads;
mod serve;
mod tail;

pub use metrics::Routes;
pub use serve::serve;

use crate::limits::QUERIES_MAX;
use crate::store::Store;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use metrics::Metrics;
use problem::Problem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use tokio::sync::{Semaphore, watch};

/// What the handlers share.
pub(crate) struct App {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    /// Bytes of bodies that are not yet answered.
    pending_bytes: AtomicU64,
    queries: Arc<Semaphore>,
    queries_waiting: AtomicUsize,
    /// True once the service is to stop.
    stopping: watch::Sender<bool>,
}

/// The service's routes over a store.
pub fn routes(store: Store) -> Routes {
    let app = Arc::new(App {
        store: Arc::new(store),
        metrics: Arc::new(Metrics::default()),
        pending_bytes: AtomicU64::new(0),
        queries: Arc::new(Semaphore::new(QUERIES_MAX)),
        queries_waiting: AtomicUsize::new(0),
        stopping: watch::Sender::new(false),
    });
    let router = Router::new()
        .route("/v1/events", post(events::take))
        .route("/v1/query", get(reads::query_by_address).post(reads::query_by_body))
        .route("/v1/series", get(reads::series))
        .route("/v1/tail", get(tail::tail))
        .route("/v1/export", get(reads::export))
        .route("/v1/openapi.json", get(openapi))
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics::show))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&app));
    Routes::new(router, app)
}

/// The router adds the `Allow` header.
async fn method_not_allowed() -> Problem {
    let detail = "This path does not take the method; see the Allow header.";
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, detail)
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../openapi.json"))
}
