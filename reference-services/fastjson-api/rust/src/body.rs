//! Request bodies: their type, and reading them within limits.

use crate::problem::Problem;
use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// What is taken of a body that is not wanted, so that its answer arrives and the connection goes on.
const UNWANTED_BYTES_MAX: usize = 256 * 1024;

/// A body of which what a handler did not read can be read afterwards.
#[derive(Clone)]
pub(crate) struct Lent(Arc<Mutex<Incoming>>);

impl Lent {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    fn body(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is left of it and forgets it; false when that is too much, too slow or broken.
    pub(crate) async fn read_to_end(mut self) -> bool {
        let reading = async {
            let mut bytes = 0;
            while let Some(frame) = self.frame().await {
                bytes += frame.ok()?.data_ref().map_or(0, Bytes::len);
                if bytes > UNWANTED_BYTES_MAX {
                    return None;
                }
            }
            Some(())
        };
        matches!(tokio::time::timeout(BODY_TIMEOUT, reading).await, Ok(Some(())))
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        HttpBody::size_hint(&*self.body())
    }
}

/// Whether the body says that it is of a media type; parameters are ignored.
pub(crate) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|found| found.trim().eq_ignore_ascii_case(media_type))
}

/// Reads a whole body of at most `bytes_max` bytes.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("A body has at most {bytes_max} bytes here.");
        Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    // A length known beforehand is refused before the body is read.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, bytes_max)).await {
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
