//! `/decisions/{id}/edit`: changing what may still be changed, without losing anybody's work.

use askama::Template;
use assay_advice::{CURRENCY, Choice, Problem};
use assay_records::{
    Amendment, Event, EventKind, RecordedCost, SUPERSEDE_INSTEAD, Section, Standing, Status, amend,
};
use assay_store::{StoreError, Stored};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    error::Error,
    pages::{
        Page,
        checklist::ProblemView,
        cost::{self, Field},
        decision,
        form::Form,
        record::{error_at, problem_views},
        sheet,
    },
    state::App,
};

#[derive(Template)]
#[template(path = "decisions/edit.html")]
struct View<'a> {
    stored: &'a Stored,
    problems: Vec<ProblemView>,
    /// Somebody else saved in between; their text is shown beside the form.
    conflict: bool,
    form: Form,
    recommended: Option<Choice>,
    cost_fields: Vec<Field>,
    cost_open: bool,
    choice_is_open: bool,
    /// Whether a new record may supersede it.
    in_force: bool,
}

/// `GET /decisions/{id}/edit`.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let form = Form::from_record(&stored.record, &stored.hash);
    Ok(Page(view(&stored, form, Vec::new(), false)).into_response())
}

/// `POST /decisions/{id}/edit`.
pub(crate) async fn post(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let form = Form::read(&body);
    if form.hash != stored.hash {
        return Ok(conflict(&stored, form));
    }
    let text = match amended(&app, &stored, &form) {
        Ok(text) => text,
        Err(problems) => return Ok(refuse(&app, &stored, form, &problems)),
    };
    match app.store.update(stored.id, &form.hash, text).await {
        Ok(_) => Ok(Redirect::to(&format!("/decisions/{}", stored.id)).into_response()),
        Err(StoreError::Conflict { theirs, .. }) => Ok(conflict(&theirs, form)),
        Err(StoreError::Invalid { problems }) => Ok(refuse(&app, &stored, form, &problems)),
        Err(error) => Err(error.into()),
    }
}

fn conflict(theirs: &Stored, form: Form) -> Response {
    // Sending the form again replaces what the reader has now seen.
    let form = Form { hash: theirs.hash.clone(), ..form };
    (StatusCode::CONFLICT, Page(view(theirs, form, Vec::new(), true))).into_response()
}

fn refuse(app: &App, stored: &Stored, form: Form, problems: &[Problem]) -> Response {
    let problems = problem_views(app.model(), problems);
    (StatusCode::UNPROCESSABLE_ENTITY, Page(view(stored, form, problems, false))).into_response()
}

fn view(stored: &Stored, form: Form, problems: Vec<ProblemView>, conflict: bool) -> View<'_> {
    let typed = |id: &str| {
        let sent = form.costs.iter().find(|(key, _)| key == id);
        sent.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let error = |id: &str| error_at(&problems, id).map(str::to_owned);
    let currency = typed(&format!("{}{CURRENCY}", sheet::COST));
    let cost_fields = cost::fields(typed, error, &currency);
    View {
        cost_open: cost_fields.iter().any(|field| field.error.is_some()),
        cost_fields,
        problems,
        conflict,
        form: form.with_spare_triggers(),
        recommended: stored.record.recommended(),
        choice_is_open: choice_is_open(stored),
        in_force: stored.standing() == Standing::Accepted,
        stored,
    }
}

fn choice_is_open(stored: &Stored) -> bool {
    matches!(stored.record.status, Status::Draft | Status::Proposed)
}

/// The record's text with the form's changes; the same text when the form changes nothing.
fn amended(app: &App, stored: &Stored, form: &Form) -> Result<String, Vec<Problem>> {
    let mut changes = Vec::new();
    let problems = read(app, stored, form, &mut changes);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = amend(&stored.text, app.model(), &changes)?;
    if text == stored.text {
        return Ok(text);
    }
    let event = Event::new(app.now(), &app.by(), EventKind::Edited, "");
    amend(&text, app.model(), &[Amendment::Event(event)])
}

/// The form as changes, and what in it cannot be read.
fn read(app: &App, stored: &Stored, form: &Form, changes: &mut Vec<Amendment>) -> Vec<Problem> {
    let mut draft = assay_records::Draft::default();
    let status = stored.record.status.id().to_owned();
    let mut problems = Form { status, ..form.clone() }.fill(&mut draft, app.model());
    changes.extend([
        Amendment::Title(draft.title),
        Amendment::Service(draft.service),
        Amendment::Team(draft.team),
        Amendment::Tags(draft.tags),
        Amendment::Deciders(draft.deciders),
        Amendment::ReviewBy(draft.review_by),
        Amendment::Triggers(draft.triggers),
    ]);
    let (assumptions, faults) = sheet::assumptions(&form.costs);
    problems.extend(faults);
    let before = stored.record.cost.as_ref().map(|cost| cost.assumptions.clone());
    let said = form.costs.iter().any(|(_, text)| !text.trim().is_empty());
    if said && before.as_ref() != Some(&assumptions) {
        // The figures follow the assumptions, with what is measured today.
        let cost = RecordedCost::reckon(&app.engine(), &stored.record.answers, &assumptions);
        changes.extend(cost.map(|cost| Amendment::Cost(Box::new(cost))));
    }
    let section = |section| Amendment::Rationale(section, draft.rationale.get(section).to_owned());
    let old = &stored.record.rationale;
    // A text that differs in outer white space only is left as its author wrote it.
    let changed = |section: &Section| old.get(*section).trim() != draft.rationale.get(*section);
    changes.extend(Section::ALL.into_iter().filter(changed).map(section));
    let before = stored.record.choice.as_ref().map(|chosen| chosen.option);
    if let Some(chosen) = &draft.choice
        && !choice_is_open(stored)
        && before != Some(chosen.option)
    {
        // Its form has no choice; whoever sends another one all the same is told.
        problems.push(Problem {
            field: "choice".to_owned(),
            span: None,
            message: "the choice of an accepted record is fixed".to_owned(),
            help: SUPERSEDE_INSTEAD.to_owned(),
        });
    }
    if let Some(chosen) = draft.choice.filter(|_| choice_is_open(stored)) {
        changes.push(Amendment::Option(chosen.option));
        let reason = chosen.override_reason.unwrap_or_default();
        let before = stored.record.choice.as_ref().and_then(|old| old.override_reason.as_deref());
        if reason != before.unwrap_or_default().trim() {
            changes.push(Amendment::OverrideReason(reason));
        }
    }
    problems
}
