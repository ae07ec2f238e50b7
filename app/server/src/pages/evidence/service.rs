//! `/evidence/{service}`: everything measured of one service; and the service to try.

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
    evidence::KnownRun,
    pages::{
        Page,
        evidence::{Service, find, runs_of},
        plot::{self, Curves, significant},
    },
    state::App,
};

#[derive(Template)]
#[template(path = "evidence/service.html")]
struct ServiceView<'a> {
    service: &'static Service,
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
pub(crate) async fn get(
    State(app): State<App>,
    Path(service): Path<String>,
) -> Result<Response, Error> {
    show(&app, &service, None, None, demo::SAMPLE_ORDER.to_owned())
}

/// `POST /evidence/{service}`: starts, stops or asks the service that runs inside assay.
pub(crate) async fn post(
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

fn show(
    app: &App,
    service: &str,
    answer: Option<Answer>,
    failure: Option<String>,
    order: String,
) -> Result<Response, Error> {
    let service = find(service)?;
    let status = if failure.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let known = app.runs();
    let running = app.demo.address().map(|address| address.to_string());
    let view = ServiceView {
        service,
        runs: runs_of(&known, service.id).map(run_view).collect(),
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

/// A sweep's p99 for the table, marked when it does not count.
fn p99(point: &SweepPoint, option: Choice) -> String {
    match sweep_of(point, option) {
        None => "not offered".to_owned(),
        Some(figures) if figures.void => "void".to_owned(),
        Some(figures) => significant(figures.p99_us.value / 1e3),
    }
}
