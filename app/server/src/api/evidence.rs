//! `GET /api/v1/evidence/runs`: what is measured; and one run whole.

use assay_evidence::{Environment, Metric, Summary};
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{error::Error, state::App};

/// The runs known, newest first, and those that could not be read.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RunList {
    runs: Vec<RunEntry>,
    faults: Vec<Fault>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct RunEntry {
    run: String,
    service: String,
    workload: String,
    scenario: String,
    /// `publish` or `quick`.
    #[schema(value_type = String)]
    profile: assay_evidence::Profile,
    started: String,
    complete: bool,
    /// Each metric with both twins' figures and their ratio.
    #[schema(value_type = Vec<Object>)]
    metrics: Vec<Metric>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Fault {
    run: String,
    message: String,
}

/// Lists the measurement runs.
#[utoipa::path(
    get, path = "/api/v1/evidence/runs", tag = "evidence",
    responses((status = 200, description = "The runs", body = RunList))
)]
pub(crate) async fn runs(State(app): State<App>) -> Json<RunList> {
    let known = app.runs();
    let runs = known.runs.iter().map(|run| RunEntry {
        run: run.name.clone(),
        service: run.summary.service.clone(),
        workload: run.summary.workload.clone(),
        scenario: run.summary.scenario.clone(),
        profile: run.summary.profile,
        started: run.summary.started.clone(),
        complete: run.summary.complete(),
        metrics: run.summary.metrics.clone(),
    });
    let faults = known
        .faults
        .iter()
        .map(|fault| Fault { run: fault.run.clone(), message: fault.message.clone() });
    Json(RunList { runs: runs.collect(), faults: faults.collect() })
}

/// One run whole.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Run<'a> {
    run: &'a str,
    /// `summary.toml`: every figure, with variants, sweep, gates, void loads and time lines.
    #[schema(value_type = Object)]
    summary: &'a Summary,
    /// `environment.toml`: machine, versions and settings.
    #[schema(value_type = Object)]
    environment: &'a Environment,
}

/// Gives one measurement run whole.
#[utoipa::path(
    get, path = "/api/v1/evidence/runs/{run}", tag = "evidence",
    params(("run" = String, Path, description = "The run's name")),
    responses(
        (status = 200, description = "The run", body = Run),
        (status = 404, description = "No run has this name; the known ones are listed")
    )
)]
pub(crate) async fn run(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Response, Error> {
    let runs = app.runs();
    let run = runs.get(&name).ok_or_else(|| Error::NoSuchRun {
        run: name,
        known: runs.runs.iter().map(|run| run.name.clone()).collect(),
    })?;
    let body = Run { run: &run.name, summary: &run.summary, environment: &run.environment };
    Ok(Json(body).into_response())
}
