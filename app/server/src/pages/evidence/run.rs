//! `/evidence/runs/{run}`: one run whole.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{Entry, Service, find, report::Report};
use crate::{error::Error, pages::Page, state::App};

#[derive(Template)]
#[template(path = "evidence/run.html")]
struct View<'a> {
    /// The service it measured, where this program knows it.
    service: Option<&'static Service>,
    report: Report<'a>,
}

#[derive(Template)]
#[template(path = "evidence/run_unknown.html")]
struct Unknown<'a> {
    asked: &'a str,
    runs: Vec<Entry<'a>>,
}

/// `GET /evidence/runs/{run}`.
pub(crate) async fn get(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    let known = app.evidence.now();
    let Some(run) = known.runs.get(&name) else {
        let runs = known.runs.runs.iter().map(|run| Entry::new(run, &known.in_use)).collect();
        return Ok((StatusCode::NOT_FOUND, Page(Unknown { asked: &name, runs })).into_response());
    };
    let service = find(&run.summary.service).ok();
    Ok(Page(View { service, report: Report::new(run) }).into_response())
}
