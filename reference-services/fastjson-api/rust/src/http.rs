//! The routes, and what stands between a request and the pricing.

use crate::metrics::{self, Metrics};
use crate::order::{Order, ShapeError};
use crate::pricing::price;
use crate::problem::Problem;
use crate::validate::validate;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use http_body_util::LengthLimitError;
use hyper::body::Bytes;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

const BODY_BYTES_MAX: usize = 16 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The service's routes, with counters of their own.
pub fn router() -> Router {
    let metrics = Arc::new(Metrics::default());
    Router::new()
        .route("/v1/quotes", post(quote))
        .route("/healthz", get(healthz))
        .route("/metrics", get(show_metrics))
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
    Problem::of_status(StatusCode::NOT_FOUND, "There is nothing at this path.")
}

/// The router adds the `Allow` header.
async fn method_not_allowed() -> Problem {
    let detail = "This path does not take the method; see the Allow header.";
    Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// A body that says it is JSON, read whole. The bytes stay as they came, so that the order can
/// borrow from them.
struct JsonBody(Bytes);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the order as application/json.";
            return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        read(request.into_body()).await.map(JsonBody)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("An order has at most {BODY_BYTES_MAX} bytes.");
        Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    // A length known beforehand is refused before the body is read.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            Err(too_large())
        }
        Ok(Err(_)) => {
            Err(Problem::of_status(StatusCode::BAD_REQUEST, "The body could not be read."))
        }
        Err(_) => {
            Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."))
        }
    }
}
