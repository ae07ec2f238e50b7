//! `/evidence/live`: start a run, watch it, cancel it, and pick the run the advice uses.

use askama::Template;
use assay_evidence::{Figure, Metric, Profile, Summary, metric};
use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::Timestamp;
use url::form_urlencoded;

use crate::{
    error::{Error, sentence},
    evidence::{Known, KnownRun, RunFault, fit},
    live::{Live, NotStarted, Offers, Plan, Snapshot, Stage},
    pages::{
        Page,
        evidence::{
            run_href,
            use_run::{self, UseRun},
        },
        plot::significant,
        stream,
    },
    state::App,
};

/// The figures shown while a run goes on; the run's own page has all.
const SHOWN: [&str; 9] = [
    metric::BUCKETS_MS,
    metric::GROUPS_MS,
    metric::CPU,
    metric::CAPACITY,
    metric::HALF_P50,
    metric::HALF_P99,
    metric::HALF_P999,
    metric::IDLE_PSS,
    metric::LOADED_PSS,
];

#[derive(Template)]
#[template(path = "evidence/live.html")]
struct View<'a> {
    live: Present,
    /// Why a run was not started.
    refused: Option<String>,
    choices: Vec<UseRun>,
    warnings: &'a [String],
    own: Vec<Own>,
    faults: Vec<&'a RunFault>,
}

/// The part that changes while a run goes on, alone: what the page's stream carries.
#[derive(Template)]
#[template(path = "parts/live.html")]
struct Fragment {
    live: Present,
}

/// How things stand, in words.
struct Present {
    /// Changes when the part must be replaced as a whole.
    key: String,
    /// For those who listen: changes with the blocks, not with each step.
    say: String,
    running: Option<Now>,
    end: Option<End>,
    /// What can be started; only while nothing runs.
    start: Option<Start>,
    figures: Option<Figures>,
    steps: Vec<(String, String)>,
}

struct Now {
    what: String,
    step: String,
    /// Whole per cent.
    percent: u32,
    left: String,
    stopping: bool,
}

struct End {
    good: bool,
    /// Why the advice cannot use the run; empty when it can.
    unfit: String,
    heading: &'static str,
    what: String,
    /// What happened, and what is kept.
    text: String,
    /// A tool's complaint, line by line.
    detail: String,
    run: Option<RunLinks>,
}

/// Where a run can be looked at.
struct RunLinks {
    name: String,
    href: String,
    /// Side by side with the newest run of the scenario that came with assay.
    compare: Option<String>,
}

enum Start {
    Here(Offers),
    NoSourceTree,
}

struct Figures {
    blocks: u32,
    planned: u32,
    /// Loads that failed a validity gate and do not count.
    void: usize,
    rows: Vec<Row>,
}

struct Row {
    title: String,
    unit: String,
    rust: String,
    go: String,
    ratio: String,
}

/// A run of the user's own.
struct Own {
    links: RunLinks,
    scenario: String,
    about: String,
    interrupted: Option<String>,
}

/// Measuring is for the person at this machine: elsewhere the address does not exist.
pub(super) fn local(app: &App) -> Result<(), Error> {
    if app.local { Ok(()) } else { Err(Error::NotFound) }
}

/// `GET /evidence/live`.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, Error> {
    local(&app)?;
    Ok(show(&app, None).into_response())
}

/// `POST /evidence/live`: starts a run or cancels it.
pub(crate) async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Error> {
    local(&app)?;
    let (mut action, mut scenario, mut profile) = (String::new(), String::new(), String::new());
    for (key, value) in form_urlencoded::parse(&body) {
        match key.as_ref() {
            "action" => action = value.into_owned(),
            "scenario" => scenario = value.into_owned(),
            "profile" => profile = value.into_owned(),
            _ => {}
        }
    }
    let wrong = |what: &str, got: &str, allowed: &str| Error::Malformed {
        message: format!("the {what} {got:?} is not one of {allowed}"),
        errors: Vec::new(),
    };
    match action.as_str() {
        "cancel" => app.live.cancel(),
        "start" => {
            let profile = match profile.as_str() {
                "quick" => Profile::Quick,
                "publish" => Profile::Publish,
                other => return Err(wrong("length", other, "quick, publish")),
            };
            if let Err(why) = Live::start(&app, &scenario, profile) {
                let status = match why {
                    NotStarted::Busy(_) => StatusCode::CONFLICT,
                    NotStarted::NoSuchScenario { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                    NotStarted::NoSourceTree | NotStarted::Ending | NotStarted::NoThread(_) => {
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                };
                return Ok((status, show(&app, Some(sentence(&why.to_string())))).into_response());
            }
        }
        other => return Err(wrong("action", other, "start, cancel")),
    }
    Ok(Redirect::to("/evidence/live").into_response())
}

/// `GET /evidence/live/events`: the changing part of the page, now and whenever it changes, until
/// the page goes away or assay ends.
pub(crate) async fn events(State(app): State<App>) -> Result<Response, Error> {
    local(&app)?;
    let (states, ending) = (app.live.watch(), app.live.ending());
    let render = move |snapshot: &Snapshot| {
        let html = Fragment { live: present(&app, snapshot) }.render().ok()?;
        Some((snapshot.number, html))
    };
    Ok(stream::changes(states, ending, render))
}

fn show(app: &App, refused: Option<String>) -> Response {
    let known = app.evidence.now();
    let snapshot = app.live.now();
    let going_on = snapshot.running().is_some();
    let own = known.runs.runs.iter().filter(|run| run.folder.is_some());
    let view = View {
        live: present(app, &snapshot),
        refused,
        choices: use_run::choices(&known, None, "/evidence/live"),
        warnings: &known.in_use.warnings,
        own: own.map(|run| own_run(&known, run)).collect(),
        // The folder of a run that goes on is no fault.
        faults: known.runs.faults.iter().filter(|_| !going_on).collect(),
    };
    Page(view).into_response()
}

fn own_run(known: &Known, run: &KnownRun) -> Own {
    let (done, planned) = (run.summary.blocks, run.summary.blocks_planned);
    let interrupted = format!("interrupted after {done} of {planned} blocks, which are kept");
    Own {
        links: links(known, run),
        scenario: run.summary.scenario.clone(),
        about: use_run::about(run),
        interrupted: (!run.summary.complete()).then_some(interrupted),
    }
}

fn links(known: &Known, run: &KnownRun) -> RunLinks {
    let shipped = known
        .runs
        .runs
        .iter()
        .find(|other| other.folder.is_none() && other.summary.scenario == run.summary.scenario);
    let compare = |shipped: &KnownRun| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("a", &shipped.name)
            .append_pair("b", &run.name)
            .finish();
        format!("/evidence/compare?{query}")
    };
    RunLinks { name: run.name.clone(), href: run_href(&run.name), compare: shipped.map(compare) }
}

fn present(app: &App, snapshot: &Snapshot) -> Present {
    let running = snapshot.running().map(|plan| now(plan, snapshot));
    let known = app.evidence.now();
    let start = running.is_none().then(|| match app.live.offers() {
        Some(offers) => Start::Here(offers),
        None => Start::NoSourceTree,
    });
    let began = snapshot.plan.as_ref().map(|plan| plan.began);
    let steps = snapshot.steps.iter();
    Present {
        key: format!("{}-{}", snapshot.runs, running.is_some()),
        say: say(snapshot),
        running,
        end: snapshot.plan.as_ref().and_then(|plan| end(&known, plan, snapshot)),
        start,
        figures: snapshot.figures.as_deref().map(figures),
        steps: steps.map(|step| (since(began, step.at), step.text.clone())).collect(),
    }
}

fn what(plan: &Plan) -> String {
    let length = match plan.profile {
        Profile::Quick => "quick",
        Profile::Publish => "full",
    };
    let began = plan.began.strftime("%H:%M:%S UTC");
    format!("{} ({}, {length}, {} blocks), begun {began}", plan.title, plan.scenario, plan.blocks)
}

fn now(plan: &Plan, snapshot: &Snapshot) -> Now {
    let step = snapshot.steps.back().map_or_else(|| "starting".to_owned(), |s| s.text.clone());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let percent = (snapshot.share.clamp(0.0, 1.0) * 100.0) as u32;
    let left = clock(i64::try_from(snapshot.left.as_secs()).unwrap_or(i64::MAX));
    Now { what: what(plan), step, percent, left, stopping: snapshot.stopping }
}

/// What is worth interrupting somebody for.
fn say(snapshot: &Snapshot) -> String {
    let Some(plan) = &snapshot.plan else { return String::new() };
    match &snapshot.stage {
        Stage::Idle => String::new(),
        Stage::Running if snapshot.stopping => "The run is being stopped.".to_owned(),
        Stage::Running => {
            let planned = snapshot.figures.as_ref().map_or(plan.blocks, |f| f.blocks_planned);
            format!("Measuring: {} of {planned} blocks are finished.", snapshot.blocks())
        }
        Stage::Finished { .. } => "The run is finished.".to_owned(),
        Stage::Cancelled { .. } => "The run was cancelled.".to_owned(),
        Stage::Failed { .. } => "The run failed.".to_owned(),
    }
}

fn end(known: &Known, plan: &Plan, snapshot: &Snapshot) -> Option<End> {
    let (heading, run) = match &snapshot.stage {
        Stage::Idle | Stage::Running => return None,
        Stage::Finished { run } => ("The run is finished", run),
        Stage::Cancelled { run } => ("The run was cancelled", run),
        Stage::Failed { run, .. } => ("The run failed", run),
    };
    let run = run.as_deref().and_then(|name| known.runs.get(name));
    let kept = run.map_or_else(
        || "No block was finished, so nothing is kept.".to_owned(),
        |run| {
            let (done, planned) = (run.summary.blocks, run.summary.blocks_planned);
            format!("{done} of {planned} blocks were finished and are kept.")
        },
    );
    let (text, detail) = match &snapshot.stage {
        Stage::Failed { why, .. } => {
            let (first, rest) = why.split_once('\n').unwrap_or((why, ""));
            let first = sentence(first.trim_end_matches(':'));
            (format!("{first} {kept}"), rest.to_owned())
        }
        _ => (kept, String::new()),
    };
    let good = matches!(snapshot.stage, Stage::Finished { .. });
    let unfit = run.and_then(|run| fit(run).err()).unwrap_or_default();
    let run = run.map(|run| links(known, run));
    Some(End { good, unfit, heading, what: what(plan), text, detail, run })
}

fn figures(summary: &Summary) -> Figures {
    let shown = SHOWN.iter().filter_map(|id| summary.metric(id));
    Figures {
        blocks: summary.blocks,
        planned: summary.blocks_planned,
        void: summary.voids.len(),
        rows: shown.map(row).collect(),
    }
}

fn row(metric: &Metric) -> Row {
    let shown = |figure: Option<Figure>| {
        figure.map_or_else(|| "–".to_owned(), |figure| significant(figure.value))
    };
    Row {
        title: metric.title.clone(),
        unit: metric.unit.clone(),
        rust: shown(metric.rust),
        go: shown(metric.go),
        ratio: metric.ratio.map_or_else(|| "–".to_owned(), |r| format!("{:.2}", r.estimate)),
    }
}

/// Minutes and seconds into the run.
fn since(began: Option<Timestamp>, at: Timestamp) -> String {
    clock(began.map_or(0, |began| at.as_second() - began.as_second()))
}

/// `1:05` for 65 seconds.
fn clock(seconds: i64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
