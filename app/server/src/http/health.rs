//! Whether the program lives and can work, and what it counts.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{error::Error, state::App};

/// `GET /healthz`: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the records can be read and written.
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Error> {
    app.store.ready().await?;
    Ok("ready\n")
}

/// `GET /metrics`: the program's figures as OpenMetrics text, for Prometheus.
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Error> {
    let text = app.metrics.text().map_err(|error| Error::Internal(Box::new(error)))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
