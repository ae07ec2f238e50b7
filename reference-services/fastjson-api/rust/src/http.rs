//! The routes, and what stands between a request and the pricing.

use crate::body::{is_of_type, read};
use crate::documents::StoreLimits;
use crate::dynamic;
use crate::metrics::{self, Metrics};
use crate::order::{Order, ShapeError};
use crate::pricing::price;
use crate::problem::Problem;
use crate::validate::validate;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use hyper::body::Bytes;
use std::sync::Arc;

const BODY_BYTES_MAX: usize = 16 * 1024;

/// The service's routes, with counters and a document store of their own.
pub fn router(limits: StoreLimits) -> Router {
    let metrics = Arc::new(Metrics::default());
    Router::new()
        .route("/v1/quotes", post(quote))
        .route("/healthz", get(healthz))
        .route("/metrics", get(show_metrics))
        .merge(dynamic::routes(limits))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&metrics), metrics::record))
        .with_state(metrics)
}

async fn quote(JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let order = Order::decode(&body).map_err(|error| match error {
        ShapeError::NotJson(detail) => Problem::malformed_json(detail),
        ShapeError::NotAnOrder(detail) => Problem::not_an_order(detail),
    })?;
    validate(&order).map_err(Problem::invalid_order)?;
    Ok(Json(price(&order)).into_response())
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn show_metrics(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.to_string())
}

async fn not_found() -> Problem {
    Problem::not_found()
}

/// The router adds the `Allow` header.
async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}

/// A body that says it is JSON, read whole. The bytes stay as they came, so that the order can
/// borrow from them.
struct JsonBody(Bytes);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_of_type(request.headers(), "application/json") {
            return Err(Problem::unsupported_media_type("Send the order as application/json."));
        }
        read(request.into_body(), BODY_BYTES_MAX).await.map(JsonBody)
    }
}
