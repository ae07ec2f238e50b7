//! `/decisions/{id}`: a record for reading, its text, and the next step of its life.

use askama::Template;
use assay_advice::{Choice, ModelRef, Notice, Score};
use assay_records::{Evidence, Record, Section, Standing, Status};
use assay_store::{Link, StoreError, Stored};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    error::{Error, FieldError, sentence},
    pages::{
        Page,
        checklist::ProblemView,
        cost::CostView,
        decisions::day_of,
        history::EventView,
        markdown,
        own_nearest::{self, OwnNearestView},
        plot::{self, Bar},
        precedents::nearest::NearestView,
        sheet,
        signoffs::{self, SignOff, TextSince, section_name},
        then_now::ThenNowView,
        words::{self, Headline, Shares},
    },
    recording,
    state::App,
};

#[derive(Template)]
#[template(path = "decision.html")]
struct View<'a> {
    stored: &'a Stored,
    record: &'a Record,
    problems: Vec<ProblemView>,
    advice: Option<AdviceView<'a>>,
    cost: Option<CostThen>,
    nearest: NearestView,
    own: OwnNearestView,
    rationale: Vec<(&'static str, String)>,
    answers: Vec<(String, String)>,
    again: String,
    supersedes: Vec<Link>,
    /// The statuses that may follow, and what their buttons say.
    moves: Vec<(&'static str, &'static str)>,
    due: bool,
    /// Whether the record is a decision in force.
    in_force: bool,
    /// Whether it can be reviewed.
    in_review: bool,
    sign_offs: Vec<SignOff>,
    then_now: Option<ThenNowView>,
    events: Vec<EventView>,
}

/// The cost as reckoned that day, and what it would be now.
struct CostThen {
    view: CostView,
    /// The same with today's measurements; empty when it says nothing else.
    now: String,
}

struct AdviceView<'a> {
    score: &'a Score,
    headline: Headline,
    first: String,
    shares: Shares,
    notices: Vec<Notice>,
    top: Choice,
    runner_up: Choice,
    bars: Vec<Bar>,
    height: usize,
    importance: String,
    performance: &'a str,
    /// The model in use, when another one advised.
    model_today: Option<ModelRef>,
}

/// `GET /decisions/{id}`, and `GET /decisions/{id}.toml` for the text as it is kept.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    if let Some(id) = id.strip_suffix(".toml") {
        return Ok(download(find(&app, id).await?));
    }
    let stored = find(&app, &id).await?;
    let view = view(&app, &stored, Vec::new()).await?;
    Ok(Page(view).into_response())
}

/// The record whose id stands in the address.
pub(crate) async fn find(app: &App, id: &str) -> Result<Stored, Error> {
    let unknown = || Error::NoSuchRecord(id.to_owned());
    let uuid = Uuid::try_parse(id).map_err(|_| unknown())?;
    match app.store.get(uuid).await {
        Err(StoreError::NotFound(_)) => Err(unknown()),
        found => Ok(found?),
    }
}

fn download(stored: Stored) -> Response {
    // The store makes file names of letters, digits and dashes; others are not repeated here.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = stored.file_name.chars().filter(|c| plain(*c)).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/toml; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, stored.text).into_response()
}

async fn view<'a>(
    app: &'a App,
    stored: &'a Stored,
    problems: Vec<ProblemView>,
) -> Result<View<'a>, Error> {
    let record = &stored.record;
    let mut supersedes = Vec::new();
    for id in &record.supersedes {
        // A record that is gone leaves its id; the relation is still worth showing.
        let link = match app.store.get(*id).await {
            Ok(old) => Link { id: *id, number: old.number, title: old.record.title },
            Err(_) => Link { id: *id, number: 0, title: id.to_string() },
        };
        supersedes.push(link);
    }
    let rationale = Section::ALL
        .into_iter()
        .filter(|section| !record.rationale.get(*section).trim().is_empty())
        .map(|it| (section_name(it), markdown::render(record.rationale.get(it))));
    let questions = app.model().questions().iter();
    let answers = questions
        .filter(|question| !record.answers.value(&question.id).is_open())
        .map(|q| (q.label.clone(), sheet::in_words(app.model(), &record.answers, &q.id)));
    let own = own_nearest::records(app, &record.answers).await;
    // To accept or reject is decided on the review's page, beside what reviewers said.
    let moves = match record.status {
        Status::Proposed => &[],
        status => status.next(),
    };
    let today = app.today();
    let example = record.tags.iter().any(|tag| tag == "assay");
    Ok(View {
        problems,
        advice: record.advice.as_ref().map(|score| advice(app, record, score)),
        cost: cost(app, record),
        nearest: NearestView::new(app.model(), &record.answers, record.recommended()),
        own: OwnNearestView::among(
            app,
            &own,
            &record.answers,
            record.recommended(),
            Some(record.id),
        ),
        rationale: rationale.collect(),
        answers: answers.collect(),
        again: sheet::query_with(
            record.service.as_deref().unwrap_or_default(),
            &record.answers,
            &record.changed_assumptions(),
        ),
        supersedes,
        moves: moves.iter().map(|next| (next.id(), step(*next))).collect(),
        due: !example && (record.has_fired() || record.due_on().is_some_and(|day| day <= today)),
        in_force: stored.standing() == Standing::Accepted,
        in_review: matches!(stored.standing(), Standing::Draft | Standing::Proposed),
        sign_offs: signoffs::of(app, stored).await?,
        then_now: ThenNowView::of(app, stored),
        events: record.events.iter().map(EventView::new).collect(),
        stored,
        record,
    })
}

fn cost(app: &App, record: &Record) -> Option<CostThen> {
    let kept = record.cost.as_ref()?;
    let today = app.engine().cost(&record.answers, &kept.assumptions, record.recommended());
    let (cost, now) = match &kept.given {
        Some(given) if given.summary == today.summary => (given.clone(), String::new()),
        Some(given) => (given.clone(), today.summary),
        None => (today, String::new()),
    };
    let view = CostView::new(cost, &kept.assumptions, record.advice.as_ref());
    Some(CostThen { view, now })
}

fn advice<'a>(app: &App, record: &Record, score: &'a Score) -> AdviceView<'a> {
    let [top, runner_up] = score.compared();
    let name = |id: &str| {
        let criterion = app.model().criteria().iter().find(|criterion| criterion.id == id);
        criterion.map_or_else(|| id.to_owned(), |criterion| criterion.name.clone())
    };
    let (bars, height) = plot::bars(&score.reasons, (top, runner_up), name);
    AdviceView {
        score,
        headline: Headline::new(score, &record.answers),
        first: words::first_sentence(score),
        shares: words::shares(score),
        notices: words::notices(score),
        top,
        runner_up,
        bars,
        height,
        importance: words::importance_sentence(score),
        performance: words::performance(score),
        model_today: Some(app.model().reference()).filter(|today| *today != score.model),
    }
}

/// Enough of a digest to tell models apart.
fn short_digest(model: &ModelRef) -> String {
    model.digest.strip_prefix("sha256:").unwrap_or(&model.digest).chars().take(12).collect()
}

/// `POST /decisions/{id}`: the next status of its life.
pub(crate) async fn set_status(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let stored = find(&app, &id).await?;
    let (mut status, mut hash) = (None, String::new());
    for (key, value) in form_urlencoded::parse(&body) {
        match key.as_ref() {
            "status" => status = Status::from_id(&value),
            "hash" => hash = value.into_owned(),
            _ => {}
        }
    }
    let status = status.ok_or_else(|| Error::Malformed {
        message: "the form names no status".to_owned(),
        errors: Vec::new(),
    })?;
    match recording::set_status(&app, stored.id, Some(&hash), status, "").await {
        Ok(_) => Ok(Redirect::to(&format!("/decisions/{}", stored.id)).into_response()),
        Err(Error::Invalid { errors, .. }) => {
            let view = view(&app, &stored, fault_views(&errors, |_| None)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(view)).into_response())
        }
        Err(error) => Err(error),
    }
}

/// Faults as a page lists them; `control` names the control that a field stands for.
pub(crate) fn fault_views(
    faults: &[FieldError],
    control: impl Fn(&str) -> Option<String>,
) -> Vec<ProblemView> {
    let view = |fault: &FieldError| {
        let mut text = sentence(&fault.message);
        if !fault.allowed.is_empty() {
            text = format!("{text} {}", sentence(&fault.allowed));
        }
        ProblemView { target: control(&fault.field), text }
    };
    faults.iter().map(view).collect()
}

/// What the button to the next status says.
fn step(status: Status) -> &'static str {
    match status {
        Status::Draft => "Back to draft",
        Status::Proposed => "Propose it",
        Status::Accepted => "Accept it",
        Status::Rejected => "Reject it",
        Status::Deprecated => "Deprecate it",
    }
}

/// A figure of an evidence row; a dash when it is not given.
fn figure(value: &Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), plot::significant)
}

/// The ratio of an evidence row with its interval.
fn ratio(row: &Evidence) -> String {
    let ratio = figure(&row.ratio);
    match row.low.zip(row.high) {
        Some((low, high)) => {
            format!("{ratio} [{}, {}]", plot::significant(low), plot::significant(high))
        }
        None => ratio,
    }
}
