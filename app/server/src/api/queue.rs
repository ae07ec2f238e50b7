//! `GET /api/v1/review-queue`: what waits to be looked at again.

use std::sync::Arc;

use assay_advice::{Choice, Verdict};
use assay_store::{Filter, Summary};
use axum::{Json, extract::State};
use jiff::civil::Date;
use serde::Serialize;
use uuid::Uuid;

use crate::{error::Error, queue::Queue, rescoring::Changed, state::App};

/// The review queue.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ReviewQueue {
    /// The day it is of.
    #[schema(value_type = String)]
    today: Date,
    /// Records whose trigger fired or whose day has come, the most urgent first; at most 1000.
    due: Vec<Waiting>,
    /// Records whose day comes within thirty days, the nearest first.
    soon: Vec<Waiting>,
    /// Records whose recommendation would be another one with today's model and runs, the newest
    /// first; at most 1000.
    changed: Vec<ChangedAdvice>,
    /// How many there are of those.
    changed_total: usize,
    /// How many records were scored again for that so far; the rest follows in the background.
    compared: usize,
    /// How many records there are to compare.
    to_compare: usize,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Waiting {
    id: Uuid,
    number: u32,
    title: String,
    service: Option<String>,
    team: Option<String>,
    /// Whether a trigger fired since it was last revisited.
    fired: bool,
    /// The first day on which it is due.
    #[schema(value_type = Option<String>)]
    due_on: Option<Date>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ChangedAdvice {
    id: Uuid,
    number: u32,
    title: String,
    /// The option chosen.
    #[schema(value_type = Option<String>)]
    option: Option<Choice>,
    /// What was last advised; null when it was too close to call.
    #[schema(value_type = Option<String>)]
    before: Option<Choice>,
    /// What is advised today.
    #[schema(value_type = Option<String>)]
    now: Option<Choice>,
    #[schema(value_type = String)]
    verdict: Verdict,
    /// What differs around the advice, in sentences.
    causes: Vec<String>,
}

impl From<&Arc<Summary>> for Waiting {
    fn from(line: &Arc<Summary>) -> Self {
        Self {
            id: line.id,
            number: line.number,
            title: line.title.clone(),
            service: line.service.as_deref().map(str::to_owned),
            team: line.team.as_deref().map(str::to_owned),
            fired: line.fired,
            due_on: line.due_on,
        }
    }
}

impl ChangedAdvice {
    fn new(change: &Changed) -> Self {
        let Changed { line, before, now, verdict, causes } = change;
        Self {
            id: line.id,
            number: line.number,
            title: line.title.clone(),
            option: line.option,
            before: *before,
            now: *now,
            verdict: *verdict,
            causes: causes.to_vec(),
        }
    }
}

/// Gives the review queue of today.
#[utoipa::path(
    get, path = "/api/v1/review-queue", tag = "decisions",
    responses((status = 200, description = "What waits to be looked at again", body = ReviewQueue))
)]
pub(crate) async fn get(State(app): State<App>) -> Result<Json<ReviewQueue>, Error> {
    let queue = Queue::today(&app, Filter::MAX_PER_PAGE).await?;
    Ok(Json(ReviewQueue {
        today: queue.today,
        due: queue.due.iter().map(Waiting::from).collect(),
        soon: queue.soon.iter().map(Waiting::from).collect(),
        changed: queue.compared.changed.iter().map(|it| ChangedAdvice::new(it)).collect(),
        changed_total: queue.compared.changed_total,
        compared: queue.compared.done,
        to_compare: queue.compared.total,
    }))
}
