//! The claims judged by the runs known: what the page and the API show.

use std::sync::LazyLock;

use assay_evidence::{Claim, Evidence, Outcome, ParseError, Verdict, builtin_claims, judge};

use crate::{error::Error, evidence::Runs};

/// The claims compiled in. A test reads them, so that a fault in them never ships.
static CLAIMS: LazyLock<Result<Vec<Claim>, ParseError>> = LazyLock::new(builtin_claims);

/// A claim and its verdict.
pub(crate) struct Judgement {
    pub(crate) claim: &'static Claim,
    pub(crate) verdict: Verdict,
}

/// Every claim with its verdict, in the order of the files.
pub(crate) fn judgements(runs: &Runs) -> Result<Vec<Judgement>, Error> {
    let claims = CLAIMS.as_ref().map_err(|error| Error::Internal(error.clone().into()))?;
    let evidence: Vec<Evidence<'_>> = runs
        .runs
        .iter()
        .map(|run| Evidence { summary: &run.summary, environment: &run.environment })
        .collect();
    let judged = |claim: &'static Claim| Judgement { claim, verdict: judge(claim, &evidence) };
    Ok(claims.iter().map(judged).collect())
}

/// How many of the judgements came to this.
pub(crate) fn count(judgements: &[Judgement], outcome: Outcome) -> usize {
    judgements.iter().filter(|judged| judged.verdict.outcome == outcome).count()
}
