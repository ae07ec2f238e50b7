//! Request bodies: their type, and reading them within limits.

use crate::http::problem::Problem;
use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use hyper::body::Bytes;
use std::error::Error;
use std::time::Duration;

/// Whether the body says that it is of a media type; parameters are ignored.
pub(crate) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|found| found.trim().eq_ignore_ascii_case(media_type))
}

/// Refuses a body that says beforehand that it is too large.
pub(crate) fn check_announced(body: &Body, bytes_max: usize) -> Result<(), Problem> {
    if body.size_hint().lower() > bytes_max as u64 { Err(too_large(bytes_max)) } else { Ok(()) }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("A body has at most {bytes_max} bytes here.");
    Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Reads a whole body of at most `bytes_max` bytes.
pub(crate) async fn read(
    body: Body,
    bytes_max: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    check_announced(&body, bytes_max)?;
    match tokio::time::timeout(timeout, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
            Err(too_large(bytes_max))
        }
        Ok(Err(_)) => {
            Err(Problem::of_status(StatusCode::BAD_REQUEST, "The body could not be read."))
        }
        Err(_) => {
            Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."))
        }
    }
}
