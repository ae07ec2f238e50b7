//! Refusals as problem details (RFC 9457).

use crate::validate::Violation;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Names the patches a resource takes (RFC 5789 §3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const PATCHES: &str = "application/merge-patch+json, application/json-patch+json";

/// The types of refusals that HTTP's status does not say all about.
macro_rules! urn {
    ($word:literal) => {
        concat!("urn:problem-type:fastjson-api:", $word)
    };
}

/// A refusal. Everything but the free text is the same in the Go twin.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
    /// What of I-JSON is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// The limit that is exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    /// Bytes of the body before what is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// The operation of a JSON Patch that failed, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<usize>,
    #[serde(skip)]
    accept_patch: bool,
}

impl Problem {
    pub(crate) fn malformed_json(detail: String) -> Self {
        Self::new(urn!("malformed-json"), "Malformed JSON", StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn invalid_order(errors: Vec<Violation>) -> Self {
        let detail = "The order breaks the contract; see errors.";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { errors, ..Self::new(urn!("invalid-order"), "Invalid order", status, detail) }
    }

    /// The order has another shape: one error, which points at the whole document.
    pub(crate) fn not_an_order(detail: String) -> Self {
        Self::invalid_order(vec![Violation { pointer: String::new(), detail }])
    }

    /// JSON that programs would read differently.
    pub(crate) fn not_i_json(rule: &'static str) -> Self {
        let detail = match rule {
            "duplicate-name" => "A name stands twice in one object.",
            "lone-surrogate" => "An escape is half of a surrogate pair.",
            _ => "A number is beyond what a double can hold.",
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { rule: Some(rule), ..Self::new(urn!("not-i-json"), "Not I-JSON", status, detail) }
    }

    pub(crate) fn limit_exceeded(limit: &'static str) -> Self {
        let detail = format!("This goes beyond the limit {limit}; the contract lists the limits.");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self {
            limit: Some(limit),
            ..Self::new(urn!("limit-exceeded"), "Limit exceeded", status, detail)
        }
    }

    /// The body is JSON but not a JSON Patch.
    pub(crate) fn invalid_patch(pointer: String, detail: &str) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let title = "Invalid patch";
        Self::new(
            urn!("invalid-patch"),
            title,
            status,
            "The patch is not a JSON Patch; see errors.",
        )
        .about(pointer, detail)
    }

    /// An operation points at nothing.
    pub(crate) fn patch_conflict(pointer: String) -> Self {
        let title = "Patch does not apply";
        let detail = "An operation finds no place in the document; see errors.";
        Self::new(urn!("patch-conflict"), title, StatusCode::CONFLICT, detail)
            .about(pointer, "The document has no such place.")
    }

    pub(crate) fn test_failed(pointer: String) -> Self {
        let detail = "The document is not what the patch expects; see errors.";
        Self::new(urn!("test-failed"), "Test failed", StatusCode::CONFLICT, detail)
            .about(pointer, "The value there is another.")
    }

    pub(crate) fn store_full(limit: &'static str) -> Self {
        let detail = format!("The store would go beyond its limit {limit}.");
        let status = StatusCode::INSUFFICIENT_STORAGE;
        Self { limit: Some(limit), ..Self::new(urn!("store-full"), "Store full", status, detail) }
    }

    pub(crate) fn invalid_precondition(detail: String) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::new(urn!("invalid-precondition"), "Invalid precondition", status, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::of_status(StatusCode::NOT_FOUND, "There is nothing at this path.")
    }

    /// The router adds the `Allow` header.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not take the method; see the Allow header.";
        Self::of_status(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    pub(crate) fn unsupported_media_type(detail: &str) -> Self {
        Self::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// Names the patches that are taken.
    pub(crate) fn unsupported_patch() -> Self {
        let detail = format!("Send one of {PATCHES}.");
        Self { accept_patch: true, ..Self::unsupported_media_type(&detail) }
    }

    /// A refusal that HTTP's own status says all about.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new("about:blank", status.canonical_reason().unwrap_or_default(), status, detail)
    }

    /// Says which byte of the body the refusal is about.
    pub(crate) fn at(self, position: usize) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Says which operation of a JSON Patch failed.
    pub(crate) fn in_operation(self, operation: usize) -> Self {
        Self { operation: Some(operation), ..self }
    }

    fn new(
        r#type: &'static str,
        title: &'static str,
        status: StatusCode,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            r#type,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            rule: None,
            limit: None,
            position: None,
            operation: None,
            accept_patch: false,
        }
    }

    fn about(self, pointer: String, detail: &str) -> Self {
        Self { errors: vec![Violation { pointer, detail: detail.to_owned() }], ..self }
    }
}
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let accept_patch = self.accept_patch;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if accept_patch {
            headers.insert(ACCEPT_PATCH, HeaderValue::from_static(PATCHES));
        }
        // The rest of such a body is not read, so that the connection cannot go on.
        if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
