//! `/method`: how the advice is computed, with an example worked out by the model in use.

mod example;

use std::sync::Arc;

use askama::Template;
use assay_advice::{Backtest, DRAWS, LEAN, OPEN_SHARE, SEED, SETTLED, STRONG, Spread, presets};
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use self::example::Example;
use crate::{
    error::Error,
    judged,
    pages::{Page, precedents::backtest, words::percent},
    precedents,
    state::App,
};

#[derive(Template)]
#[template(path = "method.html")]
struct View {
    /// The model in a line.
    model_words: String,
    draws: String,
    seed: u64,
    strong: String,
    lean: String,
    settled: String,
    open_share: String,
    spread: Spread,
    /// Every sheet that can be worked out: its id and its title.
    examples: Vec<(&'static str, &'static str)>,
    example: Example,
    /// The example asked for, when there is none of that id.
    unknown: String,
    judged: Judged,
    /// How many variants of the built-in model were tried; 0 for another model.
    tried: usize,
}

/// The backtest in a sentence.
struct Judged {
    cases: usize,
    decided: usize,
    agree: usize,
    interval: String,
    strong: usize,
    strong_agree: usize,
    abstained: usize,
    /// That it was tuned on these cases; empty for another model.
    tuned: String,
}

impl Judged {
    fn new(backtest: &Backtest) -> Self {
        let summary = &backtest.summary;
        let interval = summary.agreement_interval.map(|[low, high]| {
            format!("95% interval of that share {}% to {}%", percent(low), percent(high))
        });
        Self {
            cases: summary.cases,
            decided: summary.decided,
            agree: summary.agree,
            interval: interval.unwrap_or_default(),
            strong: summary.strong.cases,
            strong_agree: summary.strong.agree,
            abstained: summary.abstained,
            tuned: judged::tuned(backtest),
        }
    }
}

/// `GET /method`; `?example=` picks the sheet that is worked out. An id that nobody knows is named, and
/// the usual sheet worked out.
pub(crate) async fn get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let query = query.unwrap_or_default();
    let asked = precedents::only(&query, "example")?.unwrap_or_default();
    let there = asked.is_empty() || presets().iter().any(|preset| preset.id == asked);
    let unknown = if there { String::new() } else { asked.clone() };
    let known = app.backtested(false).await?;
    let working = Arc::clone(&known);
    // It takes too long for a thread that serves others as well.
    let example = tokio::task::spawn_blocking(move || Example::work_out(&working, &asked)).await;
    let example = example.map_err(|error| Error::Internal(Box::new(error)))?;
    let view = View {
        model_words: app.model_words(),
        draws: assay_advice::grouped(DRAWS.into()),
        seed: SEED,
        strong: percent(STRONG),
        lean: percent(LEAN),
        settled: percent(SETTLED),
        open_share: percent(OPEN_SHARE),
        spread: app.model().spread(),
        examples: presets().iter().map(|it| (it.id.as_str(), it.title.as_str())).collect(),
        example,
        unknown,
        judged: Judged::new(known.backtest()),
        tried: if app.model().is_builtin() { backtest::variants_tried() } else { 0 },
    };
    let status = if there { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, Page(view)).into_response())
}
