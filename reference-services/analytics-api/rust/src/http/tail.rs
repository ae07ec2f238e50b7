//! Events as they come, as server-sent events.

use crate::http::App;
use crate::http::problem::Problem;
use crate::query::params::read_selection;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const PING_PERIOD: Duration = Duration::from_secs(5);

/// `GET /v1/tail`.
pub(super) async fn tail(
    State(app): State<Arc<App>>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    let selection = read_selection(text.as_deref().unwrap_or_default(), &[])?;
    let begun = app.store.tails().begin(selection.conditions);
    let reading = begun.ok_or_else(Problem::too_many_tails)?;
    let stopping = app.stopping.subscribe();
    let begin = Some(Bytes::from_static(b": tail\n\n"));
    let texts = futures_util::stream::unfold(
        (begin, reading, stopping),
        |(begin, reading, mut stopping)| async move {
            if let Some(begin) = begin {
                return Some((Ok::<_, Infallible>(begin), (None, reading, stopping)));
            }
            let next = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return None,
                next = tokio::time::timeout(PING_PERIOD, reading.next()) => next,
            };
            let text = next.map_or(Bytes::from_static(b": ping\n\n"), Bytes::from);
            Some((Ok(text), (None, reading, stopping)))
        },
    );
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(texts)).into_response())
}
