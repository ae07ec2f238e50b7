//! Refusals as problem details (RFC 9457).

use crate::validate::Violation;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A refusal. Everything but the free text is the same in the Go twin.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
}

impl Problem {
    pub(crate) fn malformed_json(detail: String) -> Self {
        let r#type = "urn:problem-type:fastjson-api:malformed-json";
        Self { r#type, title: "Malformed JSON", status: 400, detail, errors: Vec::new() }
    }

    pub(crate) fn invalid_order(errors: Vec<Violation>) -> Self {
        let r#type = "urn:problem-type:fastjson-api:invalid-order";
        let detail = "The order breaks the contract; see errors.".to_owned();
        Self { r#type, title: "Invalid order", status: 422, detail, errors }
    }

    /// The order has another shape: one error, which points at the whole document.
    pub(crate) fn not_an_order(detail: String) -> Self {
        Self::invalid_order(vec![Violation { pointer: String::new(), detail }])
    }

    /// A refusal that HTTP's own status says all about.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        let (status, detail) = (status.as_u16(), detail.into());
        Self { r#type: "about:blank", title, status, detail, errors: Vec::new() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        // The rest of such a body is not read, so that the connection cannot go on.
        if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
