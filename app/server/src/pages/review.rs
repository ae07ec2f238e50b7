//! `/decisions/{id}/review`: reviewing a proposal and deciding on it; looking at a decision in force
//! again.

use askama::Template;
use assay_records::{
    Condition, Outcome, Record, ReviewVerdict, Section, Standing, Status, Trigger, signed_digest,
};
use assay_store::Stored;
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::ToSpan as _;
use url::form_urlencoded;

use crate::{
    error::Error,
    pages::{
        Page,
        checklist::ProblemView,
        decision::{self, fault_views},
        decisions::day_of,
        markdown,
        signoffs::{self, SignOff, TextSince, section_name},
        then_now::ThenNowView,
    },
    recording,
    reviewing::{self, Review, Revisit},
    state::App,
};

#[derive(Template)]
#[template(path = "decisions/review.html")]
struct View<'a> {
    stored: &'a Stored,
    record: &'a Record,
    problems: Vec<ProblemView>,
    /// The text was changed between reading and signing.
    text_changed: bool,
    stage: Stage,
    digest: String,
    typed: Typed,
    sign_offs: Vec<SignOff>,
    approved: bool,
    rationale: Vec<(&'static str, String)>,
    /// Why it is waiting to be looked at again.
    reasons: Vec<String>,
    to_fire: Vec<&'a Trigger>,
    then_now: Option<ThenNowView>,
}

/// What can be done with the record here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Draft,
    Proposed,
    InForce,
    Over,
}

impl Stage {
    fn of(stored: &Stored) -> Self {
        match stored.standing() {
            Standing::Draft => Self::Draft,
            Standing::Proposed => Self::Proposed,
            Standing::Accepted => Self::InForce,
            Standing::Rejected | Standing::Deprecated | Standing::Superseded => Self::Over,
        }
    }
}

/// Everything typed into the page's forms, as text.
#[derive(Default)]
struct Typed {
    /// Which form was sent.
    form: String,
    hash: String,
    digest: String,
    verdict: String,
    section: String,
    comment: String,
    status: String,
    note: String,
    outcome: String,
    reason: String,
    review_by: String,
    trigger: String,
}

impl Typed {
    fn read(body: &[u8]) -> Self {
        let mut typed = Self::default();
        for (key, value) in form_urlencoded::parse(body) {
            let slot = match key.as_ref() {
                "form" => &mut typed.form,
                "hash" => &mut typed.hash,
                "digest" => &mut typed.digest,
                "verdict" => &mut typed.verdict,
                "section" => &mut typed.section,
                "comment" => &mut typed.comment,
                "status" => &mut typed.status,
                "note" => &mut typed.note,
                "outcome" => &mut typed.outcome,
                "reason" => &mut typed.reason,
                "review_by" => &mut typed.review_by,
                "trigger" => &mut typed.trigger,
                _ => continue,
            };
            *slot = value.replace("\r\n", "\n");
        }
        typed
    }
}

/// `GET /decisions/{id}/review`.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let next = app.today().checked_add(6.months()).unwrap_or(app.today());
    let typed = Typed { review_by: next.to_string(), ..Typed::default() };
    Ok(Page(view(&app, &stored, typed, Vec::new(), false).await?).into_response())
}

/// `POST /decisions/{id}/review`.
pub(crate) async fn post(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let typed = Typed::read(&body);
    let (status, problems, changed) = match act(&app, &stored, &typed).await {
        Ok(to) => return Ok(Redirect::to(&to).into_response()),
        Err(Error::Invalid { errors, .. }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, fault_views(&errors, control), false)
        }
        Err(Error::TextChanged { .. }) => (StatusCode::CONFLICT, Vec::new(), true),
        Err(error) => return Err(error),
    };
    let stored = decision::find(&app, &id).await?;
    Ok((status, Page(view(&app, &stored, typed, problems, changed).await?)).into_response())
}

/// Does what was sent, and says where to go then.
async fn act(app: &App, stored: &Stored, typed: &Typed) -> Result<String, Error> {
    let id = stored.id;
    let record = format!("/decisions/{id}");
    match typed.form.as_str() {
        "review" => {
            let verdict = ReviewVerdict::from_id(&typed.verdict);
            let verdict = verdict.ok_or_else(|| choose("verdict"))?;
            let section = Section::from_id(&typed.section);
            let (comment, digest) = (typed.comment.clone(), typed.digest.clone());
            let review = Review { verdict, section, comment, digest };
            reviewing::review(app, id, &review).await?;
            Ok(format!("{record}/review"))
        }
        "status" => {
            let status = Status::from_id(&typed.status).ok_or_else(|| choose("status"))?;
            recording::set_status(app, id, Some(&typed.hash), status, &typed.note).await?;
            Ok(record)
        }
        "revisit" => {
            let outcome = Outcome::from_id(&typed.outcome).ok_or_else(|| choose("outcome"))?;
            let date = typed.review_by.trim().parse();
            let date = date.map_err(|_| {
                let message = format!("“{}” is not a date", typed.review_by.trim());
                recording::refused("review_by", &message, "a day such as 2027-05-24")
            })?;
            let reason = typed.reason.clone();
            let revisit = Revisit { outcome, reason, review_by: Some(date) };
            reviewing::revisit(app, id, &revisit).await?;
            Ok(match outcome {
                Outcome::Keep => record,
                Outcome::Amend => format!("{record}/edit"),
                Outcome::Supersede => format!("{record}/supersede"),
            })
        }
        "fire" => {
            reviewing::fire(app, id, &typed.trigger, &typed.note, None).await?;
            Ok(format!("{record}/review"))
        }
        _ => Err(Error::Malformed {
            message: "the form does not say what it is".to_owned(),
            errors: Vec::new(),
        }),
    }
}

fn choose(field: &str) -> Error {
    recording::refused(field, "nothing is chosen", "one of those offered")
}

/// The control that a fault speaks of.
fn control(field: &str) -> Option<String> {
    Some(match field {
        "verdict" => "verdict-approve".to_owned(),
        "outcome" => "outcome-keep".to_owned(),
        "comment" | "reason" | "review_by" => field.to_owned(),
        _ => return None,
    })
}

async fn view<'a>(
    app: &App,
    stored: &'a Stored,
    typed: Typed,
    problems: Vec<ProblemView>,
    text_changed: bool,
) -> Result<View<'a>, Error> {
    let record = &stored.record;
    let sections = Section::ALL
        .into_iter()
        .map(|section| (section_name(section), record.rationale.get(section).trim()));
    let rationale = sections.filter(|(_, text)| !text.is_empty());
    let stage = Stage::of(stored);
    let sign_offs = signoffs::of(app, stored).await?;
    let by_hand = |trigger: &&Trigger| !matches!(trigger.condition, Condition::Date(_));
    Ok(View {
        record,
        problems,
        text_changed,
        stage,
        digest: signed_digest(&stored.text).unwrap_or_default(),
        typed,
        approved: sign_offs.iter().any(SignOff::approves),
        sign_offs,
        rationale: rationale.map(|(title, text)| (title, markdown::render(text))).collect(),
        reasons: reasons(app, record),
        to_fire: record.triggers.iter().filter(by_hand).filter(|_| stage != Stage::Over).collect(),
        then_now: ThenNowView::of(app, stored),
        stored,
    })
}

/// Why a record is due, in sentences.
pub(crate) fn reasons(app: &App, record: &Record) -> Vec<String> {
    let today = app.today();
    let fired = record.fired().map(|event| {
        let day = day_of(event.at);
        let trigger = event.trigger.as_deref();
        let known = record.triggers.iter().find(|known| Some(known.id.as_str()) == trigger);
        let what = known.map(|known| known.condition.to_string());
        let what = what.or_else(|| trigger.map(str::to_owned)).unwrap_or_default();
        let note =
            if event.detail.is_empty() { String::new() } else { format!(" {}", event.detail) };
        format!("The trigger “{what}” fired on {day}, noted by {}.{note}", event.by)
    });
    let mut reasons: Vec<String> = fired.collect();
    if let Some(day) = record.due_on().filter(|day| *day <= today) {
        reasons.push(format!("Its day has come: {day}."));
    }
    reasons
}
