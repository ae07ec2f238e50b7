//! Taking batches.

use crate::http::App;
use crate::http::body::{check_announced, is_of_type, read};
use crate::http::problem::{Problem, line_error};
use crate::ingest::body::Parsed;
use crate::limits::{BATCH_BYTES_MAX, is_name};
use crate::store::Submitted;
use crate::store::block::BatchId;
use axum::Json;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a body that is not yet answered.
struct Pending {
    app: Arc<App>,
    bytes: u64,
}

impl Pending {
    fn reserve(app: &Arc<App>, bytes: u64) -> Result<Self, Problem> {
        let bytes_max = app.store.settings().pending_bytes_max;
        let pending = Self { app: Arc::clone(app), bytes };
        if app.pending_bytes.fetch_add(bytes, Relaxed) + bytes > bytes_max {
            // Dropping it takes the bytes back.
            return Err(Problem::too_many_pending());
        }
        Ok(pending)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.app.pending_bytes.fetch_sub(self.bytes, Relaxed);
    }
}

/// `POST /v1/events`.
pub(super) async fn take(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let outcome = take_batch(&app, request).await;
    let counters = &app.metrics.batches;
    match &outcome {
        Ok((_, true)) => counters.duplicate.fetch_add(1, Relaxed),
        Ok((report, false)) if report.accepted > 0 => counters.stored.fetch_add(1, Relaxed),
        Ok(_) => 0,
        Err(_) => counters.refused.fetch_add(1, Relaxed),
    };
    let (report, duplicate) = outcome?;
    Ok(Json(json!({
        "accepted": report.accepted,
        "rejected": report.rejected,
        "duplicate": duplicate,
        "errors": report.errors,
    })))
}

/// What the answer says of the lines.
struct Report {
    accepted: u64,
    rejected: u64,
    errors: Vec<Value>,
}

async fn take_batch(app: &Arc<App>, request: Request) -> Result<(Report, bool), Problem> {
    let (head, body) = request.into_parts();
    if !is_of_type(&head.headers, "application/x-ndjson") {
        return Err(unsupported("Send events as application/x-ndjson."));
    }
    if head.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unsupported("Send events without a Content-Encoding."));
    }
    let name = batch_name(&head.headers)?;
    check_announced(&body, BATCH_BYTES_MAX)?;
    let announced = body.size_hint().exact().unwrap_or(BATCH_BYTES_MAX as u64);
    let pending = Pending::reserve(app, announced)?;
    let body = read(body, BATCH_BYTES_MAX, BODY_TIMEOUT).await?;

    let on_thread = Arc::clone(app);
    let work = tokio::task::spawn_blocking(move || {
        let parsed = on_thread.store.read_body(&body);
        let id = name.map(|name| BatchId {
            name,
            body_bytes: body.len() as u32,
            body_crc: crc32c::crc32c(&body),
        });
        submit(&on_thread, parsed, id, body.len())
    });
    let (report, submitted) = work.await.map_err(|_| broken())??;
    let Some(submitted) = submitted else {
        return Ok((report, false));
    };
    let duplicate = submitted.outcome().await?;
    if !duplicate {
        app.metrics.accepted_events.fetch_add(report.accepted, Relaxed);
    }
    drop(pending);
    Ok((report, duplicate))
}

fn submit(
    app: &App,
    parsed: Parsed,
    id: Option<BatchId>,
    body_bytes: usize,
) -> Result<(Report, Option<Submitted>), Problem> {
    for (counter, count) in app.metrics.rejected_lines.iter().zip(parsed.rejected) {
        counter.fetch_add(count, Relaxed);
    }
    let report = Report {
        accepted: parsed.batch.rows() as u64,
        rejected: parsed.rejected_total(),
        errors: parsed.rejections.iter().map(line_error).collect(),
    };
    if report.accepted > 0 {
        return Ok((report, Some(app.store.submit(parsed.batch, id, body_bytes))));
    }
    if report.rejected > 0 {
        return Err(Problem::no_valid_line(&parsed));
    }
    Ok((report, None))
}

fn unsupported(detail: &str) -> Problem {
    Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// A thread that ended without an answer.
pub(super) fn broken() -> Problem {
    Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR, "The request could not be answered.")
}

fn batch_name(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(name) if is_name(name) => Ok(Some(name.to_owned())),
        _ => Err(Problem::invalid_batch_id()),
    }
}
