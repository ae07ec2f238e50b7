//! `GET /api/v1/precedents`: documented decisions; and one of them whole.

use std::collections::BTreeMap;

use assay_advice::{Basis, Choice, Decision, Fact, Precedent, Source, Today, Usage, precedents};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    error::Error,
    judged::Judged,
    pages::precedents::{backtest::counts_core, case},
    precedents::{self as filters, Facet, Reading, Wanted},
    state::App,
};

/// The precedents that fit, the latest decision first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PrecedentList {
    total: usize,
    items: Vec<PrecedentEntry>,
}

/// A precedent in a list.
#[derive(Serialize, utoipa::ToSchema)]
struct PrecedentEntry {
    id: &'static str,
    organisation: &'static str,
    component: &'static str,
    /// When, in words.
    year: &'static str,
    decided_year: i64,
    #[schema(value_type = String)]
    option: Choice,
    /// `core` counts when the advice is judged; `pre-rust-era`, `thin-reasons` and `not-a-service`
    /// are shown apart.
    #[serde(rename = "use")]
    #[schema(value_type = String)]
    usage: Usage,
    /// The nearest reference service, or `unknown`.
    workload: &'static str,
    /// How the best source was read: `full`, `part` or `second-hand`.
    sources: Reading,
    /// Whether the stated reason holds today: `yes`, `partly`, `no` or `unknown`.
    today: &'static str,
}

/// A precedent whole.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PrecedentWhole {
    #[serde(flatten)]
    entry: PrecedentEntry,
    /// How far the sources were read, in words.
    verification: &'static str,
    /// Whether Rust was an option at the time, in words.
    rust_available: &'static str,
    server_side: bool,
    /// What was known beforehand: `topic`, `name`, `value` and `source` (`S1` a source's key, `S1~` inferred
    /// from it, `M` from memory, `I` our inference, `-` not known).
    #[schema(value_type = Vec<Object>)]
    facts: &'static [Fact],
    /// The facts coded as answers to the checklist; `POST /api/v1/score` takes them as they are.
    #[schema(value_type = Object)]
    answers: toml::Table,
    /// What the coding rests on.
    basis: &'static str,
    /// What each answer rests on, by question: the `topics` of its facts, how it follows in `words`,
    /// and `like_reason`, whether it looks like a stated reason rather than something known before.
    #[schema(value_type = Object)]
    answer_basis: &'static BTreeMap<String, Basis>,
    /// `kind`, `comparison`, `alternatives`, `reasons`, `figures` and `regret`.
    #[schema(value_type = Object)]
    decision: &'static Decision,
    /// `key`, `title`, `url` and how it was `read`.
    #[schema(value_type = Vec<Object>)]
    documented_in: &'static [Source],
    /// Whether the stated reason `holds` today, `why`, and when that was `checked`.
    #[schema(value_type = Object)]
    holds_today: &'static Today,
}

/// Lists the precedents.
#[utoipa::path(
    get, path = "/api/v1/precedents", tag = "precedents", params(Wanted),
    responses(
        (status = 200, description = "The precedents that fit", body = PrecedentList),
        (status = 422, description = "A filter is not allowed")
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<PrecedentList>, Error> {
    let filter = Wanted::filter(&query.unwrap_or_default(), app.model())?;
    let items: Vec<_> = filters::list(precedents(), &filter).into_iter().map(entry).collect();
    Ok(Json(PrecedentList { total: items.len(), items }))
}

/// Holds the advice against the precedents. Agreement with history is not correctness.
#[utoipa::path(
    get, path = "/api/v1/precedents/backtest", tag = "precedents",
    responses(
        (status = 200, description = "The backtest object", body = Object),
        (status = 422, description = "A `use` other than core")
    )
)]
pub(crate) async fn backtest(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    counts_core(query)?;
    let known = app.backtested(true).await?;
    let judged = Judged::precedents(known.backtest(), known.without_each_criterion());
    Ok(Json(judged).into_response())
}

/// Gives one precedent whole.
#[utoipa::path(
    get, path = "/api/v1/precedents/{id}", tag = "precedents",
    params(("id" = String, Path, description = "The precedent's id")),
    responses(
        (status = 200, description = "The precedent", body = PrecedentWhole),
        (status = 404, description = "No precedent has this id")
    )
)]
pub(crate) async fn get(Path(id): Path<String>) -> Result<Json<PrecedentWhole>, Error> {
    let case = case::find(&id)?;
    Ok(Json(PrecedentWhole {
        entry: entry(case),
        verification: &case.verification,
        rust_available: &case.rust_available,
        server_side: case.server_side,
        facts: &case.facts,
        answers: case.answers.to_table(),
        basis: &case.basis,
        answer_basis: &case.answer_basis,
        decision: &case.decision,
        documented_in: &case.sources,
        holds_today: &case.today,
    }))
}

fn entry(case: &'static Precedent) -> PrecedentEntry {
    PrecedentEntry {
        id: &case.id,
        organisation: &case.organisation,
        component: &case.component,
        year: &case.year,
        decided_year: case.decided_year,
        option: case.option,
        usage: case.usage,
        workload: Facet::Workload.of(case),
        sources: Reading::best(case),
        today: filters::holds(case).id(),
    }
}
