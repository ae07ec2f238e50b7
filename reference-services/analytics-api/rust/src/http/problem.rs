//! Refusals, as problem details (RFC 9457).

use crate::ingest::body::{Parsed, Rejection};
use crate::query::plan::Exceeded;
use crate::query::spec::Invalid;
use crate::store::Refused;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

macro_rules! urn {
    ($name:literal) => {
        concat!("urn:problem-type:analytics-api:", $name)
    };
}

/// One refusal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Value>,
}

/// A rejected line, as reports have it.
pub(crate) fn line_error(rejection: &Rejection) -> Value {
    let Rejection { line, code } = rejection;
    json!({"line": line, "code": code.name(), "detail": code.detail()})
}

impl Problem {
    /// A refusal that HTTP's own status says all about.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new("about:blank", status.canonical_reason().unwrap_or_default(), status, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::of_status(StatusCode::NOT_FOUND, "There is nothing at this path.")
    }

    pub(crate) fn invalid_batch_id() -> Self {
        let detail = "Idempotency-Key is 1 to 64 of A-Z a-z 0-9 . _ -.";
        Self::new(urn!("invalid-batch-id"), "Invalid batch id", StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn too_many_pending() -> Self {
        let detail = "Bodies come faster than they can be stored; try again.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(urn!("too-many-pending"), "Too many pending bytes", status, detail)
    }

    pub(crate) fn too_many_queries() -> Self {
        let detail = "As many queries wait as may; try again.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(urn!("too-many-queries"), "Too many queries", status, detail)
    }

    pub(crate) fn too_many_tails() -> Self {
        let detail = "There are as many tails as there may be; try again.";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(urn!("too-many-tails"), "Too many tails", status, detail)
    }

    pub(crate) fn no_valid_line(parsed: &Parsed) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let detail = "No line is an event; see errors.";
        Self {
            accepted: Some(0),
            // No more lines than a body has bytes.
            rejected: u32::try_from(parsed.rejected_total()).ok(),
            errors: parsed.rejections.iter().map(line_error).collect(),
            ..Self::new(urn!("no-valid-line"), "No valid line", status, detail)
        }
    }

    pub(crate) fn malformed_json(detail: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::new(urn!("malformed-json"), "Malformed JSON", status, detail)
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
            limit: None,
            accepted: None,
            rejected: None,
            errors: Vec::new(),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::BatchIdReused => {
                let detail = "Another batch has this Idempotency-Key.";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(urn!("batch-id-reused"), "Batch id reused", status, detail)
            }
            Refused::Full(limit) => {
                let detail = format!("The store would go beyond its limit {limit}.");
                let status = StatusCode::INSUFFICIENT_STORAGE;
                let problem = Self::new(urn!("store-full"), "Store full", status, detail);
                Self { limit: Some(limit), ..problem }
            }
            Refused::LogFailed => {
                let detail = "The disk failed; batches are refused until a restart.";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(urn!("log-failed"), "Log failed", status, detail)
            }
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let detail = "The query is not one; see errors.";
        let Invalid { pointer, detail: what } = invalid;
        Self {
            errors: vec![json!({"pointer": pointer, "detail": what})],
            ..Self::new(urn!("invalid-query"), "Invalid query", status, detail)
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(Exceeded(limit): Exceeded) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let detail = format!("This goes beyond the limit {limit}; the contract lists the limits.");
        let problem = Self::new(urn!("limit-exceeded"), "Limit exceeded", status, detail);
        Self { limit: Some(limit), ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // The rest of such a body is not read, so that the connection cannot go on.
        if matches!(status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
