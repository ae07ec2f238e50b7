//! `/decisions/{id}/history`: what happened to a record, and the texts it has had.

use askama::Template;
use assay_records::{Event, EventKind, Outcome, ReviewVerdict};
use assay_store::{Revision, Stored};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use jiff::tz::TimeZone;

use crate::{
    error::Error,
    pages::{Page, decision, decisions::day_of, signoffs::section_name},
    state::App,
};

#[derive(Template)]
#[template(path = "decisions/history.html")]
struct View<'a> {
    stored: &'a Stored,
    revisions: Vec<RevisionView>,
    known: Vec<String>,
    events: Vec<EventView>,
}

struct RevisionView {
    hash: String,
    short: String,
    at: String,
    /// The commit that has it, in short, with its author.
    commit: String,
    /// The events that came with it, in words.
    events: Vec<String>,
    now: bool,
}

/// An event in words.
pub(crate) struct EventView {
    pub(crate) day: String,
    pub(crate) what: String,
    pub(crate) by: String,
    pub(crate) detail: String,
}

impl EventView {
    pub(crate) fn new(event: &Event) -> Self {
        Self {
            day: day_of(event.at).to_string(),
            what: happened(event),
            by: event.by.clone(),
            detail: event.detail.clone(),
        }
    }
}

/// `GET /decisions/{id}/history`.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let found = app.store.revisions(stored.id).await?;
    let events = |revision: &Revision| {
        let parsed = assay_records::Record::parse(&revision.text, app.model());
        parsed.map(|parsed| parsed.record.events).unwrap_or_default()
    };
    let told: Vec<Vec<Event>> = found.list.iter().map(events).collect();
    let views = found.list.iter().zip(&told).enumerate().map(|(at, (revision, told_then))| {
        let before = told.get(at + 1).map_or(0, Vec::len);
        view(revision, told_then.get(before..).unwrap_or_default(), at == 0)
    });
    let mut events: Vec<EventView> = stored.record.events.iter().map(EventView::new).collect();
    events.reverse();
    let view = View { stored: &stored, revisions: views.collect(), known: found.known, events };
    Ok(Page(view).into_response())
}

fn view(revision: &Revision, new: &[Event], now: bool) -> RevisionView {
    let commit = revision.commit.as_ref().map(|commit| {
        format!("{} by {}", commit.id.get(..10).unwrap_or(&commit.id), commit.author)
    });
    RevisionView {
        short: short(&revision.hash),
        hash: revision.hash.clone(),
        at: revision.at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        commit: commit.unwrap_or_default(),
        events: new.iter().map(happened).collect(),
        now,
    }
}

/// Enough of a hash to tell texts apart.
pub(crate) fn short(hash: &str) -> String {
    hash.chars().take(10).collect()
}

/// What happened, in words.
fn happened(event: &Event) -> String {
    let section = event.section.map(|it| format!(" on {}", section_name(it))).unwrap_or_default();
    let trigger = event.trigger.as_ref().map(|id| format!(": {id}")).unwrap_or_default();
    match (event.kind, event.verdict, event.outcome) {
        (EventKind::Created, ..) => "Created".to_owned(),
        (EventKind::Edited, ..) => "Edited".to_owned(),
        (EventKind::Reviewed, Some(ReviewVerdict::Approve), _) => format!("Approved{section}"),
        (EventKind::Reviewed, Some(ReviewVerdict::RequestChanges), _) => {
            format!("Changes requested{section}")
        }
        (EventKind::Reviewed, ..) => format!("Commented{section}"),
        (EventKind::Status, ..) => "Status changed".to_owned(),
        (EventKind::TriggerFired, ..) => format!("Trigger fired{trigger}"),
        (EventKind::Revisited, _, Some(Outcome::Keep)) => "Revisited and kept".to_owned(),
        (EventKind::Revisited, _, Some(Outcome::Amend)) => "Revisited, to be amended".to_owned(),
        (EventKind::Revisited, _, Some(Outcome::Supersede)) => {
            "Revisited, to be superseded".to_owned()
        }
        (EventKind::Revisited, ..) => "Revisited".to_owned(),
        (EventKind::Rescored, ..) => "Scored again".to_owned(),
    }
}
