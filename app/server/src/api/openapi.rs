//! `GET /api/v1/openapi.json`: the contract of the JSON API, made from the handlers.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "assay",
        description = "Score a service between Rust, Go and a hybrid, and keep the decisions. \
                       Errors are problem details (RFC 9457)."
    ),
    paths(
        super::score::post,
        super::decisions::list,
        super::decisions::create,
        super::decision::get,
        super::decision::put,
        super::decision::history,
        super::decision::set_status,
        super::evidence::runs,
    ),
    components(schemas(crate::error::FieldError, crate::http::ProblemDetails))
)]
struct Document;

static TEXT: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| Document::openapi().to_json());

pub(crate) async fn document() -> Response {
    match &*TEXT {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response(),
        Err(error) => crate::error::Error::Internal(error.to_string().into()).into_response(),
    }
}
