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
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::{CsrfLayer, ProtectionError},
    request_id::{MakeRequestUuid, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use url::Url;

pub use metrics::Metrics;
pub(crate) use present::ProblemDetails;
pub use serve::{Limits, serve};

use crate::{access, error::Error, routes, state::App};

/// The largest request body: a record with all its texts is far smaller.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

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
        .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// A request's span names the path only: the query holds the answers, which are never logged.
fn span(request: &Request) -> tracing::Span {
    let id =
        request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
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
