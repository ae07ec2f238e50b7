//! Picking the run the advice uses: what `parts/use_run.html` shows, and `POST /evidence/use`.

use assay_evidence::Profile;
use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use tokio::task;
use url::form_urlencoded;

use crate::{
    error::Error,
    evidence::{Known, KnownRun, PickError, SCENARIOS, Standing, fit},
    state::App,
};

/// The choice for one scenario.
pub(crate) struct UseRun {
    pub(crate) scenario: &'static str,
    pub(crate) stands_for: &'static str,
    /// The run that is used unless one is picked.
    pub(crate) default: Option<String>,
    /// Whether that is the case.
    pub(crate) is_default: bool,
    /// The runs that may be picked, newest first.
    pub(crate) fit: Vec<RunChoice>,
    /// Those that may not, and why.
    pub(crate) unfit: Vec<(String, String)>,
    /// The page to go back to.
    pub(crate) back: String,
}

/// A run that may be picked.
pub(crate) struct RunChoice {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) picked: bool,
}

/// The choices for each scenario of a service that the advice reads, or of all services.
pub(crate) fn choices(known: &Known, service: Option<&str>, back: &str) -> Vec<UseRun> {
    let wanted = |standing: &Standing| service.is_none_or(|service| service == standing.service);
    let scenarios = SCENARIOS.into_iter().filter(wanted);
    scenarios.map(|standing| choice(known, standing, back)).collect()
}

fn choice(known: &Known, standing: Standing, back: &str) -> UseRun {
    let picked = known.in_use.of(standing.scenario).filter(|used| used.picked);
    let mut choice = UseRun {
        scenario: standing.scenario,
        stands_for: standing.stands_for,
        default: known.default_of(standing.scenario),
        is_default: picked.is_none(),
        fit: Vec::new(),
        unfit: Vec::new(),
        back: back.to_owned(),
    };
    for run in known.runs.runs.iter().filter(|run| run.summary.scenario == standing.scenario) {
        match fit(run) {
            Ok(_) => choice.fit.push(RunChoice {
                name: run.name.clone(),
                about: about(run),
                picked: picked.is_some_and(|used| used.run == run.name),
            }),
            Err(why) => choice.unfit.push((run.name.clone(), why)),
        }
    }
    choice
}

/// A run in a line.
pub(crate) fn about(run: &KnownRun) -> String {
    let kind = match run.summary.profile {
        Profile::Quick => "quick run",
        Profile::Publish => "full run",
    };
    let from = if run.folder.is_some() { "measured here or added" } else { "shipped with assay" };
    let blocks = match run.summary.blocks {
        1 => "1 block".to_owned(),
        blocks => format!("{blocks} blocks"),
    };
    format!("{kind}, {blocks}, begun {}; {from}", run.summary.started)
}

/// `POST /evidence/use`: takes a run into use for a scenario; without a run the default.
pub(crate) async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Error> {
    super::live::local(&app)?;
    let (mut scenario, mut run, mut back) = (String::new(), String::new(), String::new());
    for (key, value) in form_urlencoded::parse(&body) {
        match key.as_ref() {
            "scenario" => scenario = value.into_owned(),
            "run" => run = value.into_owned(),
            "back" => back = value.into_owned(),
            _ => {}
        }
    }
    let to = format!("{}#use-{scenario}", page(&back));
    let pick =
        move || app.evidence.pick(&scenario, Some(run.as_str()).filter(|run| !run.is_empty()));
    let picked = task::spawn_blocking(pick).await.map_err(|fault| Error::Internal(fault.into()))?;
    picked.map_err(|error| match error {
        PickError::Unwritable { .. } => Error::Internal(error.into()),
        other => Error::Invalid { message: other.to_string(), errors: Vec::new() },
    })?;
    Ok(Redirect::to(&to).into_response())
}

/// The page a form came from, if it is one about evidence.
fn page(back: &str) -> &str {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.?=".contains(c));
    let ours = back.strip_prefix("/evidence/").is_some_and(plain);
    if ours { back } else { "/evidence/live" }
}
