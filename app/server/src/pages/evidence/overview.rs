//! `/evidence`: what is measured, when, and on what; and what is not.

use askama::Template;
use assay_evidence::metric;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use super::{Entry, SERVICES, Scene, Service, report::words, scenes};
use crate::{
    evidence::{InUse, KnownRun, RunFault},
    pages::{
        Page,
        plot::{self, Forest, ForestRow},
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
    measured: Vec<Measured<'a>>,
    missing: Vec<Scene<'a>>,
    /// CPU per request by scenario, where there are several to compare.
    forest: Option<Forest>,
}

impl Card<'_> {
    fn forest_id(&self) -> String {
        format!("by-scenario-{}", self.service.id)
    }
}

struct Measured<'a> {
    id: String,
    title: String,
    entry: Entry<'a>,
    headline: Option<String>,
    others: Vec<String>,
}

/// `GET /evidence`.
pub(crate) async fn get(State(app): State<App>) -> Response {
    let known = app.evidence.now();
    let card = |service| card(service, scenes(&known.runs, service), &known.in_use);
    let services = SERVICES.iter().map(card).collect();
    Page(View { services, faults: &known.runs.faults }).into_response()
}

fn card<'a>(service: &'static Service, scenes: Vec<Scene<'a>>, in_use: &InUse) -> Card<'a> {
    let (mut measured, mut missing) = (Vec::new(), Vec::new());
    let mut rows = Vec::new();
    for scene in scenes {
        let Some(run) = scene.run else {
            missing.push(scene);
            continue;
        };
        rows.extend(forest_row(run, scene.id.clone()));
        let mut said = words::headlines(&run.summary).into_iter();
        measured.push(Measured {
            id: scene.id,
            title: scene.title,
            entry: Entry::new(run, in_use),
            headline: said.next(),
            others: said.collect(),
        });
    }
    let forest = if rows.len() > 1 { plot::forest(&rows, &[]) } else { None };
    Card { service, measured, missing, forest }
}

fn forest_row(run: &KnownRun, name: String) -> Option<ForestRow> {
    let cpu = run.summary.metric(metric::CPU)?;
    let ratio = cpu.ratio?;
    Some(ForestRow {
        name,
        estimate: ratio.estimate,
        interval: words::ends(ratio),
        noise: run.summary.noise_factor(metric::CPU).map(|factor| (1.0 / factor, factor)),
        side: words::twins_side(&run.summary, cpu),
    })
}
