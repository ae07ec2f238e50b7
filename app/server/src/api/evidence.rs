//! `GET /api/v1/evidence/runs`: what is measured.

use assay_evidence::Metric;
use axum::{Json, extract::State};
use serde::Serialize;

use crate::state::App;

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
