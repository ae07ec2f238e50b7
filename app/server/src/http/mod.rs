//! Serving and protecting: the limits, the middleware and the accept loop.

mod guard;
mod headers;
pub(crate) mod health;
mod metrics;
mod present;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderValue, StatusCode},
    middleware,
    response::{IntoResponse, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::{CsrfLayer, ProtectionError},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use url::Url;

pub(crate) use guard::WATCHED;
pub use metrics::Metrics;
pub(crate) use present::ProblemDetails;
pub use serve::{Limits, serve};

use crate::{access, error::Error, routes, state::App, telemetry};

/// The largest request body: a record with all its texts is far smaller.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The longest id of a request that is taken from who asks.
const REQUEST_ID_BYTES_MAX: usize = 100;

/// How long a request may take until its answer starts.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The whole application: every route behind every protection.
pub fn app(state: App) -> Router {
    let admit = middleware::from_fn_with_state(Arc::clone(&state), access::admit);
    let public = state.shared.as_ref().map(|shared| shared.public.clone());
    protected(routes::table(Arc::clone(&state)).layer(admit), public)
        .layer(middleware::from_fn_with_state(state, metrics::count))
}

/// Routes behind every protection, in shared mode for the address that people know assay by; the
/// outermost layer is the last.
pub fn protected(routes: Router, public: Option<Url>) -> Router {
    let tls = public.as_ref().is_some_and(|public| public.scheme() == "https");
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(CsrfLayer::new().with_rejection_response(refuse_foreign_origin))
        .layer(middleware::from_fn_with_state(public.map(Arc::new), guard::host))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(middleware::from_fn(present::present))
        .layer(middleware::from_fn_with_state(tls, headers::protect))
        .layer(CompressionLayer::new())
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(telemetry::span)
                .on_request(())
                .on_response(telemetry::answered)
                .on_failure(()),
        )
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(middleware::map_request(plain_request_id))
}

/// Forgets a request's id that the trail and the log would rather not hold.
async fn plain_request_id(mut request: Request) -> Request {
    let is_plain = |id: &HeaderValue| {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        id.len() <= REQUEST_ID_BYTES_MAX && id.as_bytes().iter().all(part)
    };
    if !request.headers().get("x-request-id").is_some_and(is_plain) {
        request.headers_mut().remove("x-request-id");
    }
    request
}

/// The answer to a writing request that another site's page caused.
fn refuse_foreign_origin(_error: ProtectionError) -> Response {
    Error::Refused(
        "the request comes from a page of another site; open assay itself and try again there",
    )
    .into_response()
}

/// The answer when a handler panics; the panic hook has printed where.
fn panicked(_cause: Box<dyn std::any::Any + Send>) -> Response {
    Error::Internal("a handler panicked".into()).into_response()
}
