//! Keeping decisions: what the command line, the JSON API and the forms share.

use assay_advice::{Answers, Assumptions, Choice, Problem, Score};
use assay_records::{
    Amendment, Chosen, Draft, Event, EventKind, Record, RecordedCost, SUPERSEDE_INSTEAD, Status,
    amend, draft_from,
};
use assay_store::{StoreError, Stored};
use jiff::civil::Date;
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    error::{Error, FieldError},
    state::AppState,
};

/// What may be said of a new decision besides its answers. What is not said is drafted from the
/// advice.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wishes {
    /// The title, one line.
    pub title: String,
    /// The service decided about.
    pub service: Option<String>,
    /// The team that owns it.
    pub team: Option<String>,
    /// The option chosen; the recommended one unless said.
    #[schema(value_type = Option<String>)]
    pub option: Option<Choice>,
    /// Why; required when the option differs from the recommendation.
    pub why: Option<String>,
    /// Where the record starts in its life; `draft` unless said.
    #[schema(value_type = Option<String>)]
    pub status: Option<Status>,
    /// Free words to find it by.
    pub tags: Vec<String>,
    /// Who decides.
    pub deciders: Vec<String>,
    /// The day of the decision.
    #[schema(value_type = Option<String>)]
    pub decided: Option<Date>,
    /// The day by which it should be looked at again.
    #[schema(value_type = Option<String>)]
    pub review_by: Option<Date>,
    /// The records that this one replaces once it is accepted.
    pub supersedes: Vec<Uuid>,
}

/// A draft from answers and what is said beside them. It can be shown and edited before it is kept.
///
/// # Errors
/// When there is no option to record, or the choice goes against the advice without a reason.
pub fn draft(app: &AppState, answers: &Answers, wishes: Wishes) -> Result<Draft, Error> {
    let score = app.engine().score(answers);
    let option = chosen(&score, &wishes)?;
    let service = wishes.service.as_deref();
    let today = app.today();
    let mut draft = draft_from(&score, answers, app.model(), service, Some(option), today);
    if !wishes.title.trim().is_empty() {
        draft.title = wishes.title;
    }
    let why = wishes.why.filter(|why| !why.trim().is_empty());
    if overrides(&score, option) {
        draft.choice = Some(Chosen { option, override_reason: why });
    } else if let Some(why) = why {
        draft.rationale.decision = format!("{why}\n\n{}", draft.rationale.decision);
    }
    draft.cost = RecordedCost::reckon(&app.engine(), answers, &Assumptions::default());
    draft.status = wishes.status.unwrap_or_default();
    let in_force = matches!(draft.status, Status::Accepted | Status::Deprecated);
    draft.decided = wishes.decided.or(in_force.then_some(today));
    draft.review_by = wishes.review_by.or(draft.review_by);
    draft.team = wishes.team;
    draft.tags = wishes.tags;
    draft.deciders = wishes.deciders;
    draft.supersedes = wishes.supersedes;
    Ok(draft)
}

/// The option wished for, else the recommended one.
fn chosen(score: &Score, wishes: &Wishes) -> Result<Choice, Error> {
    let Some(option) = wishes.option.or(score.recommended) else {
        let allowed = Choice::ALL.map(Choice::id).join(", ");
        return Err(refused("option", "it is too close to call, so say what you chose", &allowed));
    };
    let reason = wishes.why.as_deref().unwrap_or_default();
    if overrides(score, option) && reason.trim().is_empty() {
        let advised = score.recommended.map_or("another option", Choice::name);
        let message = format!("the advice is {advised}; choosing {option} needs a reason");
        return Err(refused("why", &message, "a sentence that a reader can weigh"));
    }
    Ok(option)
}

fn overrides(score: &Score, option: Choice) -> bool {
    score.recommended.is_some_and(|advised| advised != option)
}

pub(crate) fn refused(field: &str, message: &str, allowed: &str) -> Error {
    Error::Invalid {
        message: message.to_owned(),
        errors: vec![FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
            allowed: allowed.to_owned(),
            line: None,
            column: None,
        }],
    }
}

/// Keeps a new record under an id.
///
/// # Errors
/// What is not allowed in the draft, by field; what the store says.
pub async fn create(app: &AppState, id: Uuid, draft: &Draft) -> Result<Stored, Error> {
    let text = text(app, id, draft)?;
    Ok(app.store.create(&draft.title, id, text).await?)
}

/// The text of a new record.
///
/// # Errors
/// What is not allowed in the draft, by field.
pub fn text(app: &AppState, id: Uuid, draft: &Draft) -> Result<String, Error> {
    let text = draft.to_toml(id, app.now(), &app.by());
    // The text was made here: its places would mean nothing to the writer.
    Record::parse(&text, app.model()).map_err(|problems| invalid(&problems, None))?;
    Ok(text)
}

/// Reads the text of a whole record.
///
/// # Errors
/// What is not allowed in the text, with its places.
pub fn read(app: &AppState, text: &str) -> Result<Record, Error> {
    let parsed = Record::parse(text, app.model());
    Ok(parsed.map_err(|problems| invalid(&problems, Some(text)))?.record)
}

/// Whether a TOML text means to be a whole record rather than answers.
#[must_use]
pub fn is_record(text: &str) -> bool {
    text.parse::<toml::Table>()
        .is_ok_and(|table| table.contains_key("schema") && table.contains_key("id"))
}

/// Keeps the text of a whole record as it is, under its own id.
///
/// # Errors
/// What is not allowed in the text, with its places; what the store says.
pub async fn keep_text(app: &AppState, text: String) -> Result<Stored, Error> {
    let Record { id, title, .. } = read(app, &text)?;
    Ok(app.store.create(&title, id, text).await?)
}

/// Replaces a record's text if it is still the version that was read.
///
/// # Errors
/// What is not allowed in the text or the change, with its places; a conflict with both versions;
/// what the store says.
pub async fn replace(
    app: &AppState,
    id: Uuid,
    expected_hash: &str,
    text: String,
) -> Result<Stored, Error> {
    let sent = text.clone();
    app.store.update(id, expected_hash, text).await.map_err(|error| match error {
        StoreError::Invalid { problems } => with_way_forward(invalid(&problems, Some(&sent)), id),
        other => other.into(),
    })
}

/// Says how to decide anew where what is fixed was to be changed.
fn with_way_forward(error: Error, id: Uuid) -> Error {
    let Error::Invalid { message, mut errors } = error else { return error };
    for fault in errors.iter_mut().filter(|fault| fault.allowed == SUPERSEDE_INSTEAD) {
        fault.allowed = format!("{SUPERSEDE_INSTEAD}: POST /api/v1/decisions/{id}/supersede");
    }
    Error::Invalid { message, errors }
}

/// Moves a record along its life and notes it in the history.
///
/// # Errors
/// When the lifecycle does not allow it; a conflict with both versions; what the store says.
pub async fn set_status(
    app: &AppState,
    id: Uuid,
    expected_hash: Option<&str>,
    status: Status,
    note: &str,
) -> Result<Stored, Error> {
    let old = app.store.get(id).await?;
    let mut detail = format!("{} to {}", old.record.status.id(), status.id());
    if !note.trim().is_empty() {
        detail = format!("{detail}: {}", note.trim());
    }
    let event = Event::new(app.now(), &app.by(), EventKind::Status, detail);
    let mut changes = vec![Amendment::Status(status), Amendment::Event(event)];
    if status == Status::Accepted && old.record.decided.is_none() {
        changes.push(Amendment::Decided(Some(app.today())));
    }
    let text =
        amend(&old.text, app.model(), &changes).map_err(|problems| invalid(&problems, None))?;
    Ok(app.store.update(id, expected_hash.unwrap_or(&old.hash), text).await?)
}

pub(crate) fn invalid(problems: &[Problem], text: Option<&str>) -> Error {
    Error::Invalid {
        message: "the record is not kept, because something in it is not allowed".to_owned(),
        errors: FieldError::all(problems, text),
    }
}
