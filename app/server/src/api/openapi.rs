//! `GET /api/v1/openapi.json`: the contract of the JSON API, made from the handlers.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{self, ContentBuilder, Ref, RefOr},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "assay",
        description = "Score a service between Rust, Go and a hybrid, and keep the decisions. \
                       Errors are problem details (RFC 9457)."
    ),
    paths(
        super::score::post,
        super::cost::post,
        super::model::trial,
        super::decisions::list,
        super::decisions::create,
        super::decision::get,
        super::decision::put,
        super::decision::history,
        super::decision::set_status,
        super::decision::review,
        super::decision::revisit,
        super::decision::fire,
        super::decisions::supersede,
        super::queue::get,
        super::evidence::runs,
        super::claims::list,
        super::evidence::run,
        super::precedents::list,
        super::precedents::backtest,
        super::precedents::get,
    ),
    modifiers(&Problems),
    components(schemas(crate::error::FieldError, crate::http::ProblemDetails))
)]
struct Document;

/// Every error is problem details; said here once instead of at each response.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let operations = document
            .paths
            .paths
            .values_mut()
            .flat_map(|path| [&mut path.get, &mut path.put, &mut path.post])
            .flatten();
        for (status, response) in operations.flat_map(|it| &mut it.responses.responses) {
            if let RefOr::T(response) = response
                && status.starts_with(['4', '5'])
            {
                let problem = Ref::from_schema_name("ProblemDetails");
                let content = RefOr::T(ContentBuilder::new().schema(Some(problem)).build());
                response.content.insert("application/problem+json".to_owned(), content);
            }
        }
    }
}

static TEXT: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| Document::openapi().to_json());

pub(crate) async fn document() -> Response {
    match &*TEXT {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response(),
        Err(error) => crate::error::Error::Internal(error.to_string().into()).into_response(),
    }
}
