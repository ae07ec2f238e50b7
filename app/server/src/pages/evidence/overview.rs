//! `/evidence`: what is measured, when, and on what.

use askama::Template;
use assay_evidence::Metric;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    evidence::{KnownRun, RunFault},
    pages::{
        Page,
        evidence::{SERVICES, Service, runs_of},
    },
    state::App,
};

#[derive(Template)]
#[template(path = "evidence/overview.html")]
struct View<'a> {
    services: Vec<Card<'a>>,
    faults: &'a [RunFault],
}

struct Card<'a> {
    service: &'static Service,
    newest: Option<&'a KnownRun>,
    cpu: Option<String>,
}

/// `GET /evidence`.
pub(crate) async fn get(State(app): State<App>) -> Response {
    let known = app.runs();
    let card = |service: &'static Service| {
        let newest = runs_of(&known, service.id).next();
        let cpu = newest
            .and_then(|run| run.summary.metric(assay_evidence::metric::CPU))
            .and_then(ratio_words);
        Card { service, newest, cpu }
    };
    let services = SERVICES.iter().map(card).collect();
    Page(View { services, faults: &known.faults }).into_response()
}

/// What a ratio says, only where its interval leaves no doubt about the direction.
fn ratio_words(metric: &Metric) -> Option<String> {
    let ratio = metric.ratio?;
    let (low, high) = (ratio.low?, ratio.high?);
    let title = metric.title.to_lowercase();
    if low <= 1.0 && high >= 1.0 {
        return Some(format!("No difference shown in {title}."));
    }
    let (more, less) = if ratio.estimate > 1.0 { ("Rust", "Go") } else { ("Go", "Rust") };
    let factor = if ratio.estimate > 1.0 { ratio.estimate } else { 1.0 / ratio.estimate };
    Some(format!("{more} is at {factor:.2}× {less} in {title}."))
}
