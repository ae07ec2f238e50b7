//! `GET /api/v1/evidence/claims`: the claims of the literature with their verdicts.

use assay_evidence::{Claim, Outcome, Verdict};
use axum::{Json, extract::State};
use serde::Serialize;

use crate::{
    claims::{count, judgements},
    error::Error,
    state::App,
};

/// Every claim with its verdict, and how many came to what.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ClaimList {
    supported: usize,
    contradicted: usize,
    inconclusive: usize,
    not_measured: usize,
    claims: Vec<ClaimEntry>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ClaimEntry {
    /// The claim: statement, region, margin, scenario, how it was read, what others published.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    claim: &'static Claim,
    /// `outcome` (`supported`, `contradicted`, `inconclusive`, `not_measured`), `how` (`smaller`,
    /// `larger`, `reversed`), `reason`, `figure`, `run`, `needed_n`.
    #[schema(value_type = Object)]
    verdict: Verdict,
}

/// Judges every claim by the newest complete run of its scenario.
#[utoipa::path(
    get, path = "/api/v1/evidence/claims", tag = "evidence",
    responses((status = 200, description = "The claims", body = ClaimList))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<ClaimList>, Error> {
    let judged = judgements(&app.runs())?;
    let count = |outcome| count(&judged, outcome);
    Ok(Json(ClaimList {
        supported: count(Outcome::Supported),
        contradicted: count(Outcome::Contradicted),
        inconclusive: count(Outcome::Inconclusive),
        not_measured: count(Outcome::NotMeasured),
        claims: judged
            .into_iter()
            .map(|judged| ClaimEntry { claim: judged.claim, verdict: judged.verdict })
            .collect(),
    }))
}
