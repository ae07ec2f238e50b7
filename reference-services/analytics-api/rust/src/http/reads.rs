//! Queries, listings and exports: so many run at once, the others wait.

use crate::http::App;
use crate::http::body::{is_of_type, read};
use crate::http::events::broken;
use crate::http::problem::Problem;
use crate::limits::QUERY_BYTES_MAX;
use crate::query::params::{read_query, read_selection};
use crate::query::spec::{Format, Query};
use crate::query::{answer, export, read as query_json, series};
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

const WAITING_MAX: usize = 256;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pieces of an export that wait for the client.
const EXPORT_PIECES: usize = 4;

/// Waits for the turn of a query.
async fn turn(app: &App) -> Result<OwnedSemaphorePermit, Problem> {
    if let Ok(permit) = Arc::clone(&app.queries).try_acquire_owned() {
        return Ok(permit);
    }
    if app.queries_waiting.fetch_add(1, Relaxed) >= WAITING_MAX {
        app.queries_waiting.fetch_sub(1, Relaxed);
        return Err(Problem::too_many_queries());
    }
    let waiting = Waiting(app);
    let permit = Arc::clone(&app.queries).acquire_owned().await;
    drop(waiting);
    permit.map_err(|_| broken())
}

/// One that waits; a client may go away meanwhile.
struct Waiting<'a>(&'a App);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.queries_waiting.fetch_sub(1, Relaxed);
    }
}

/// `GET /v1/query`.
pub(super) async fn query_by_address(
    State(app): State<Arc<App>>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    run(app, read_query(text.as_deref().unwrap_or_default())?).await
}

/// `POST /v1/query`.
pub(super) async fn query_by_body(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    if !is_of_type(request.headers(), "application/json") {
        let detail = "Send the query as application/json.";
        return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let body = read(request.into_body(), QUERY_BYTES_MAX, BODY_TIMEOUT).await?;
    let json = query_json::parse(&body).map_err(Problem::malformed_json)?;
    run(app, query_json::query(&json)?).await
}

async fn run(app: Arc<App>, query: Query) -> Result<Response, Problem> {
    let permit = turn(&app).await?;
    let format = query.format;
    let work = tokio::task::spawn_blocking(move || {
        let answer = answer::answer(&app.store, &query);
        drop(permit);
        answer
    });
    let answer = work.await.map_err(|_| broken())??;
    Ok(match format {
        Format::Json => ([(header::CONTENT_TYPE, "application/json")], answer.body).into_response(),
        Format::Csv => {
            let mut response =
                ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], answer.body).into_response();
            response.headers_mut().insert("rows-total", HeaderValue::from(answer.rows_total));
            response
        }
    })
}

/// `GET /v1/series`.
pub(super) async fn series(
    State(app): State<Arc<App>>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    let names = ["from", "to", "limit", "after"];
    let selection = read_selection(text.as_deref().unwrap_or_default(), &names)?;
    let permit = turn(&app).await?;
    let work = tokio::task::spawn_blocking(move || {
        let listing = series::list(&app.store, &selection);
        drop(permit);
        listing.map(|listing| serde_json::to_vec(&listing))
    });
    match work.await.map_err(|_| broken())? {
        Ok(Ok(json)) => Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response()),
        Ok(Err(_)) => Err(broken()),
        Err(series::NoListing::Invalid(invalid)) => Err(invalid.into()),
        Err(series::NoListing::Exceeded(exceeded)) => Err(exceeded.into()),
    }
}

/// `GET /v1/export`.
pub(super) async fn export(
    State(app): State<Arc<App>>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    let selection = read_selection(text.as_deref().unwrap_or_default(), &["from", "to"])?;
    let permit = turn(&app).await?;
    let (pieces, mut written) = tokio::sync::mpsc::channel::<Bytes>(EXPORT_PIECES);
    let work = tokio::task::spawn_blocking(move || {
        let outcome = export::write(&app.store, &selection, export::Pieces::new(pieces));
        drop(permit);
        outcome
    });
    let mut work = Some(work);
    let body = futures_util::stream::poll_fn(move |context| {
        use std::task::{Poll, ready};
        if let Some(piece) = ready!(written.poll_recv(context)) {
            return Poll::Ready(Some(Ok(piece)));
        }
        // The end: a file that could not be finished must not look as if it were.
        let Some(handle) = work.as_mut() else {
            return Poll::Ready(None);
        };
        let outcome = ready!(std::pin::Pin::new(handle).poll(context));
        work = None;
        match outcome {
            Ok(Ok(())) => Poll::Ready(None),
            Ok(Err(error)) => Poll::Ready(Some(Err(std::io::Error::other(error)))),
            Err(error) => Poll::Ready(Some(Err(std::io::Error::other(error)))),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.apache.parquet"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"events.parquet\""),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}
