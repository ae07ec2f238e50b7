//! Dressing errors for whoever asked: problem details (RFC 9457) for `/api/` and for who asks for
//! JSON, else a page. What went wrong inside is logged once with the request id and never shown.

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;
use tower_http::request_id::RequestId;

use crate::error::{Explained, FieldError, Versions};

/// The error page; it stands alone so that it can always be shown.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    status: u16,
    title: &'static str,
    message: &'a str,
    errors: &'a [FieldError],
    versions: Option<&'a Versions>,
    request_id: &'a str,
}

/// Problem details after RFC 9457, with the faults of the input and, after a conflict, both texts.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemDetails<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A few words.
    title: &'static str,
    /// The response's status.
    status: u16,
    /// What happened and what to do.
    detail: &'a str,
    /// Each fault of the input.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// Both versions after a conflict.
    #[serde(flatten)]
    versions: Option<&'a Versions>,
    /// The id under which the log speaks of this request.
    request_id: &'a str,
}

/// Middleware: dresses every error response for whoever asked, and logs what is our own fault.
pub(super) async fn present(request: Request, next: Next) -> Response {
    let json = wants_json(request.uri().path(), request.headers());
    let request_id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let explained = match response.extensions_mut().remove::<Explained>() {
        Some(explained) => explained,
        None if is_bare(response.headers()) => Explained::of_status(status),
        // A handler made its own page, for example a form with its faults.
        None => return response,
    };
    if let Some(cause) = &explained.cause {
        tracing::error!(request_id, cause, "a request failed");
    }
    let mut dressed =
        if json { explained.problem_details(&request_id) } else { explained.page(&request_id) };
    // Keep what a library said beside the status, for example Allow with 405.
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
    dressed
}

impl Explained {
    fn problem_details(&self, request_id: &str) -> Response {
        let problem = ProblemDetails {
            kind: "about:blank",
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.message,
            errors: &self.errors,
            versions: self.versions.as_ref(),
            request_id,
        };
        let mut response = (self.status, axum::Json(problem)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }

    fn page(&self, request_id: &str) -> Response {
        let page = ErrorPage {
            status: self.status.as_u16(),
            title: self.title,
            message: &self.message,
            errors: &self.errors,
            versions: self.versions.as_ref(),
            request_id,
        };
        match page.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!(request_id, %error, "the error page failed");
                (self.status, self.message.clone()).into_response()
            }
        }
    }
}

/// Whether the asker is a program: everything below `/api/`, and who prefers JSON to a page.
fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accept =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    path.starts_with("/api/")
        || path.starts_with("/hooks/")
        || (accept.contains("json") && !accept.contains("text/html"))
}

/// Whether a library answered with a status and at most a line of text.
fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}
