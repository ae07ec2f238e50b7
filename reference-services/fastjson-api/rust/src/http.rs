//! The routes, and what stands between a request and the pricing.

use crate::body::{is_of_type, read};
use crate::documents::StoreLimits;
use crate::dynamic;
use crate::metrics::{Metrics, Routes};
use crate::order::{Order, ShapeError};
use crate::pricing::price;
use crate::problem::Problem;
use crate::validate::validate;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Bytes;
use std::sync::Arc;

const BODY_BYTES_MAX: usize = 16 * 1024;
/// Holds most quotes without growing.
const QUOTE_BYTES_USUAL: usize = 1024;

/// The service's routes, with counters and a document store of their own.
pub fn router(limits: StoreLimits) -> Routes {
    let metrics = Arc::new(Metrics::default());
    let router = Router::new()
        .route("/v1/quotes", post(quote))
        .route("/healthz", get(healthz))
        .route("/metrics", get(show_metrics))
        .merge(dynamic::routes(limits))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&metrics));
    Routes::new(router, metrics)
}

async fn quote(JsonBody(body): JsonBody) -> Result<Response, Problem> {
    let quote = quote_json(&body).map_err(|problem| *problem)?;
    let content_type = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, content_type)], Body::from(quote)).into_response())
}

/// Tuning rung `no-router`: what the router would do for this route.
#[cfg(feature = "no-router")]
pub(crate) async fn answer_quote(request: Request) -> Response {
    match JsonBody::from_request(request, &()).await {
        Ok(body) => quote(body).await.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Decodes, checks and prices an order, and encodes its quote into one buffer.
pub(crate) fn quote_json(order: &[u8]) -> Result<Vec<u8>, Box<Problem>> {
    let order = Order::decode(order).map_err(|error| match error {
        ShapeError::NotJson(detail) => Problem::malformed_json(detail),
        ShapeError::NotAnOrder(detail) => Problem::not_an_order(detail),
    })?;
    validate(&order).map_err(Problem::invalid_order)?;
    let mut quote = Vec::with_capacity(QUOTE_BYTES_USUAL);
    serde_json::to_writer(&mut quote, &price(&order)).map_err(|_| {
        Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR, "The quote could not be written.")
    })?;
    Ok(quote)
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
