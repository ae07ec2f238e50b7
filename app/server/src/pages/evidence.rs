//! `/evidence` and `/evidence/{service}`: what is measured, when, on what; and a service to try.

use askama::Template;
use assay_advice::Choice;
use assay_evidence::{Figure, Metric, Profile, SweepPoint, Twin};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;

use crate::{
    demo::{self, Answer},
    error::Error,
    evidence::{KnownRun, RunFault},
    pages::{
        Page,
        plot::{self, Curves, significant},
    },
    state::App,
};

/// The reference services that exist so far, and what each stands for.
const SERVICES: [(&str, &str, &str); 1] = [(
    "fastjson-api",
    "JSON API",
    "Reads a nested order of about 1 KB, checks and prices it, answers about 600 bytes.",
)];

#[derive(Template)]
#[template(path = "evidence.html")]
struct ListView<'a> {
    services: Vec<ServiceCard<'a>>,
    faults: &'a [RunFault],
}

struct ServiceCard<'a> {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    newest: Option<&'a KnownRun>,
    cpu: Option<String>,
}

/// `GET /evidence`.
pub(crate) async fn list(State(app): State<App>) -> Response {
    let card = |(id, name, summary): (&'static str, _, _)| {
        let newest = runs_of(&app, id).next();
        let cpu = newest
            .and_then(|run| run.summary.metric(assay_evidence::metric::CPU))
            .and_then(ratio_words);
        ServiceCard { id, name, summary, newest, cpu }
    };
    let services = SERVICES.into_iter().map(card).collect();
    Page(ListView { services, faults: &app.runs.faults }).into_response()
}

fn runs_of<'a>(app: &'a App, service: &str) -> impl Iterator<Item = &'a KnownRun> {
    app.runs.runs.iter().filter(move |run| run.summary.service == service)
}

#[derive(Template)]
#[template(path = "evidence/service.html")]
struct ServiceView<'a> {
    id: &'static str,
    name: &'static str,
    summary: &'static str,
    runs: Vec<RunView<'a>>,
    tryit: TryIt,
}

struct RunView<'a> {
    run: &'a KnownRun,
    folder: String,
    profile: &'static str,
    rows: Vec<Row<'a>>,
    curves: Option<Curves>,
    sweep: &'a [SweepPoint],
}

struct Row<'a> {
    metric: &'a Metric,
    /// The metric's note, unless its title says it already.
    note: Option<&'a str>,
    rust: String,
    go: String,
    ratio: Option<String>,
}

struct TryIt {
    running: Option<String>,
    order: String,
    answer: Option<Answer>,
    failure: Option<String>,
}

/// `GET /evidence/{service}`.
pub(crate) async fn service(
    State(app): State<App>,
    Path(service): Path<String>,
) -> Result<Response, Error> {
    show(&app, &service, None, None, demo::SAMPLE_ORDER.to_owned())
}

/// `POST /evidence/{service}`: starts, stops or asks the service that runs inside assay.
pub(crate) async fn tryit(
    State(app): State<App>,
    Path(service): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    find(&service)?;
    let mut action = String::new();
    let mut order = demo::SAMPLE_ORDER.to_owned();
    for (key, value) in form_urlencoded::parse(&body) {
        match key.as_ref() {
            "action" => action = value.into_owned(),
            "order" => order = value.into_owned(),
            _ => {}
        }
    }
    let back = || Redirect::to(&format!("/evidence/{service}#try")).into_response();
    match action.as_str() {
        "stop" => {
            app.demo.stop();
            Ok(back())
        }
        "start" => match app.demo.start().await {
            Ok(_) => Ok(back()),
            Err(error) => show(&app, &service, None, Some(error.to_string()), order),
        },
        "send" => match app.demo.quote(order.clone()).await {
            Ok(answer) => show(&app, &service, Some(answer), None, order),
            Err(error) => show(&app, &service, None, Some(error.to_string()), order),
        },
        other => Err(Error::Malformed {
            message: format!("the action {other:?} is not one of start, send, stop"),
            errors: Vec::new(),
        }),
    }
}

fn find(service: &str) -> Result<(&'static str, &'static str, &'static str), Error> {
    SERVICES.into_iter().find(|(id, _, _)| *id == service).ok_or(Error::NotFound)
}

fn show(
    app: &App,
    service: &str,
    answer: Option<Answer>,
    failure: Option<String>,
    order: String,
) -> Result<Response, Error> {
    let (id, name, summary) = find(service)?;
    let status = if failure.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let running = app.demo.address().map(|address| address.to_string());
    let view = ServiceView {
        id,
        name,
        summary,
        runs: runs_of(app, id).map(run_view).collect(),
        tryit: TryIt { running, order, answer, failure },
    };
    Ok((status, Page(view)).into_response())
}

fn run_view(run: &KnownRun) -> RunView<'_> {
    let line = |option: Choice| {
        let points = run.summary.sweep.iter().filter_map(|point| {
            let figures = sweep_of(point, option).filter(|figures| !figures.void)?;
            Some((point.rate_rps, figures.p99_us.value / 1e3))
        });
        (option, points.collect::<Vec<_>>())
    };
    RunView {
        run,
        folder: run.folder.as_ref().map_or_else(
            || format!("benches/runs/{}/", run.name),
            |folder| folder.display().to_string(),
        ),
        profile: match run.summary.profile {
            Profile::Quick => "A quick look, not for publishing",
            Profile::Publish => "A full run",
        },
        rows: run.summary.metrics.iter().map(row).collect(),
        curves: plot::curves(&[line(Choice::Rust), line(Choice::Go)]),
        sweep: &run.summary.sweep,
    }
}

fn sweep_of(point: &SweepPoint, option: Choice) -> Option<&assay_evidence::SweepFigures> {
    match option {
        Choice::Rust => point.rust.as_ref(),
        Choice::Go => point.go.as_ref(),
        Choice::Hybrid => None,
    }
}

fn row(metric: &Metric) -> Row<'_> {
    let figure = |twin| metric.twin(twin).map_or_else(|| "–".to_owned(), interval);
    let ratio = metric.ratio.map(|ratio| match (ratio.low, ratio.high) {
        (Some(low), Some(high)) => {
            format!("{:.2} [{low:.2}, {high:.2}]", ratio.estimate)
        }
        _ if ratio.n == 1 => format!("{:.2}, one pair", ratio.estimate),
        _ => format!("{:.2}, {} pairs", ratio.estimate, ratio.n),
    });
    let note = Some(metric.note.as_str()).filter(|note| !metric.title.contains(note));
    Row { metric, note, rust: figure(Twin::Rust), go: figure(Twin::Go), ratio }
}

/// A figure with its interval, once when they agree.
fn interval(figure: Figure) -> String {
    let value = significant(figure.value);
    let (low, high) = (significant(figure.low), significant(figure.high));
    if low == value && high == value { value } else { format!("{value} [{low}, {high}]") }
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

/// A sweep's p99 for the table, marked when it does not count.
fn p99(point: &SweepPoint, option: Choice) -> String {
    match sweep_of(point, option) {
        None => "not offered".to_owned(),
        Some(figures) if figures.void => "void".to_owned(),
        Some(figures) => significant(figures.p99_us.value / 1e3),
    }
}
