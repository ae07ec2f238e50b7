//! `/evidence/{service}`: a scenario of the service with everything its run says, every other
//! scenario a link away; and the service to try.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use super::{
    Entry, Service,
    claims::{self, ClaimView},
    find,
    report::Report,
    scenes,
    tryit::{self, Outcome, TryIt},
    use_run::{self, UseRun},
};
use crate::{
    error::Error,
    evidence::{Paths, Used},
    pages::Page,
    state::App,
};

#[derive(Template)]
#[template(path = "evidence/service.html")]
struct View<'a> {
    service: &'static Service,
    scenes: Vec<Tab>,
    title: String,
    /// The scenario's id, for the command that measures it.
    scenario: String,
    /// Nothing when the scenario is not measured yet.
    report: Option<Report<'a>>,
    /// The run that the advice uses for the scenario, if it uses one.
    used: Option<&'a Used>,
    /// Which run the advice uses for this scenario, if it reads the scenario at all.
    choices: Vec<UseRun>,
    /// What is claimed of the service.
    claims: Vec<ClaimView>,
    runs: Vec<Entry<'a>>,
    tryit: TryIt,
    /// What whole paths cost to build, where the scenario measures them.
    paths: Option<&'static Paths>,
}

/// A link to a scenario.
struct Tab {
    id: String,
    measured: bool,
    here: bool,
}

/// `GET /evidence/{service}?scenario=`.
pub(crate) async fn get(
    State(app): State<App>,
    Path(service): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let service = find(&service)?;
    let query = query.unwrap_or_default();
    let mut fields = form_urlencoded::parse(query.as_bytes());
    let scenario = fields.find(|(key, _)| key == "scenario").map(|(_, value)| value);
    show(&app, service, scenario.as_deref(), TryIt::new(&app))
}

/// `POST /evidence/{service}`: starts, stops or asks the service that runs inside assay.
pub(crate) async fn post(
    State(app): State<App>,
    Path(service): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let service = find(&service)?;
    if !service.inside {
        return Err(Error::NotFound);
    }
    match tryit::act(&app, &body).await? {
        Outcome::Done => Ok(Redirect::to(&format!("/evidence/{}#try", service.id)).into_response()),
        Outcome::Show(tryit) => show(&app, service, None, tryit),
    }
}

fn show(
    app: &App,
    service: &'static Service,
    scenario: Option<&str>,
    tryit: TryIt,
) -> Result<Response, Error> {
    let known = app.evidence.now();
    let runs = &known.runs;
    let scenes = scenes(runs, service);
    let chosen = match scenario {
        Some(id) => scenes.iter().find(|scene| scene.id == id).ok_or(Error::NotFound)?,
        None => scenes.first().ok_or(Error::NotFound)?,
    };
    let status = match tryit.failure {
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        None => StatusCode::OK,
    };
    let tab = |scene: &super::Scene<'_>| Tab {
        id: scene.id.clone(),
        measured: scene.run.is_some(),
        here: scene.id == chosen.id,
    };
    let back = format!("/evidence/{}?scenario={}", service.id, chosen.id);
    let mut choices = use_run::choices(&known, Some(service.id), &back);
    choices.retain(|choice| app.local && choice.scenario == chosen.id);
    let of_service = runs.runs.iter().filter(|run| run.summary.service == service.id);
    let paths = Paths::committed();
    let view = View {
        service,
        scenes: scenes.iter().map(tab).collect(),
        title: chosen.title.clone(),
        scenario: chosen.id.clone(),
        report: chosen.run.map(Report::new),
        used: known.in_use.of(&chosen.id),
        choices,
        claims: claims::of_service(runs, service.id)?,
        runs: of_service.map(|run| Entry::new(run, &known.in_use)).collect(),
        tryit,
        paths: (chosen.id == "gateway-hybrid" && !paths.paths.is_empty()).then_some(paths),
    };
    Ok((status, Page(view)).into_response())
}
