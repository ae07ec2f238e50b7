//! What becomes of a record once it is written: sign-offs, firings, revisits, and its successor.

use assay_records::{
    Amendment, Condition, Event, EventKind, Outcome, Record, ReviewVerdict, Section, Standing,
    Status, amend, signed_digest,
};
use assay_store::{StoreError, Stored};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    error::Error,
    recording::{invalid, refused},
    state::AppState,
};

/// How often a change that rests on no particular version is tried again after somebody else wrote.
const TRIES_MAX: usize = 5;
/// Months until a record that was kept should be looked at again, unless said otherwise.
const REVIEW_AFTER_MONTHS: i32 = 6;

/// What a reviewer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether they agree.
    pub verdict: ReviewVerdict,
    /// The section spoken of; none for the whole record.
    pub section: Option<Section>,
    /// In words; required unless they agree.
    pub comment: String,
    /// [`signed_digest`] of the text that they read.
    pub digest: String,
}

/// What came of looking at a decision again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revisit {
    /// What came of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// When to look at it next; six months from today unless said.
    pub review_by: Option<Date>,
}

/// An alert that says a metric trigger's condition holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Alert {
    /// What tells one alert from another: its labels' fingerprint.
    pub fingerprint: String,
    /// Since when it has been firing.
    pub starts_at: Timestamp,
}

impl Alert {
    /// The key under which the history names this firing: the same for every report of it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.fingerprint, self.starts_at)
    }
}

/// What was made of a firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is in the history now.
    Fired,
    /// It was known already, or the record waits for its revisit anyway; why, in words.
    Known(&'static str),
}

/// Keeps what a reviewer says of a draft or a proposal, with the digest of the text they read.
///
/// # Errors
/// When the text is another one by now, or the record is past reviewing; what the store says.
pub async fn review(app: &AppState, id: Uuid, review: &Review) -> Result<Stored, Error> {
    add(app, id, |old| {
        may_review(&old.record, review)?;
        if signed_digest(&old.text).as_deref() != Some(&review.digest) {
            return Err(Error::TextChanged { theirs: Box::new(old.clone()) });
        }
        let comment = review.comment.trim();
        Ok(vec![Amendment::Event(Event {
            verdict: Some(review.verdict),
            section: review.section,
            digest: Some(review.digest.clone()),
            ..Event::new(app.now(), &app.by(), EventKind::Reviewed, comment)
        })])
    })
    .await
}

fn may_review(record: &Record, review: &Review) -> Result<(), Error> {
    match (record.status, review.verdict) {
        (Status::Proposed, _) | (Status::Draft, ReviewVerdict::Comment) => {}
        (Status::Draft, _) => {
            return Err(refused(
                "verdict",
                "a draft is not put to reviewers yet",
                "propose it first",
            ));
        }
        (status, _) => {
            let message = format!("this record is {}: it is past reviewing", status.id());
            return Err(refused("verdict", &message, "revisit it if it is in force"));
        }
    }
    if review.verdict != ReviewVerdict::Approve && review.comment.trim().is_empty() {
        return Err(refused("comment", "nothing is said", "a sentence that its author can act on"));
    }
    Ok(())
}

/// Notes that a trigger's condition came true. The same alert counts once; while a trigger waits to
/// be answered, further firings of it add nothing.
///
/// # Errors
/// When the record has no such trigger or is not in force; what the store says.
pub async fn fire(
    app: &AppState,
    id: Uuid,
    trigger: &str,
    note: &str,
    alert: Option<&Alert>,
) -> Result<Heard, Error> {
    let mut heard = Heard::Fired;
    add(app, id, |old| {
        may_fire(old, trigger)?;
        heard = hear(&old.record, trigger, alert);
        if heard != Heard::Fired {
            return Ok(Vec::new());
        }
        let by = if alert.is_some() { "alertmanager".to_owned() } else { app.by() };
        Ok(vec![Amendment::Event(Event {
            trigger: Some(trigger.to_owned()),
            alert: alert.map(Alert::key),
            ..Event::new(app.now(), &by, EventKind::TriggerFired, note.trim())
        })])
    })
    .await?;
    Ok(heard)
}

fn may_fire(stored: &Stored, trigger: &str) -> Result<(), Error> {
    let Some(known) = stored.record.triggers.iter().find(|known| known.id == trigger) else {
        let ids: Vec<&str> = stored.record.triggers.iter().map(|known| known.id.as_str()).collect();
        let message = format!("the record has no trigger `{trigger}`");
        return Err(refused("trigger", &message, &ids.join(", ")));
    };
    if matches!(known.condition, Condition::Date(_)) {
        return Err(refused("trigger", "a day comes by itself", "another trigger"));
    }
    if !matches!(stored.standing(), Standing::Draft | Standing::Proposed | Standing::Accepted) {
        let message = format!("this record is {}: nothing reopens it", stored.standing().id());
        return Err(refused("trigger", &message, "a record in force"));
    }
    Ok(())
}

/// What is to be made of a firing, given what the history says already.
fn hear(record: &Record, trigger: &str, alert: Option<&Alert>) -> Heard {
    let of_trigger = |event: &&Event| event.trigger.as_deref() == Some(trigger);
    if record.fired().any(|event| of_trigger(&event)) {
        return Heard::Known("the trigger has fired and waits for its revisit");
    }
    let Some(alert) = alert else {
        return Heard::Fired;
    };
    let earlier = || record.events.iter().filter(of_trigger);
    let key = alert.key();
    if earlier().any(|event| event.alert.as_deref() == Some(&key)) {
        return Heard::Known("this alert was answered by a revisit");
    }
    // An alert that was already firing when people looked is not news to them.
    let revisited = record.events.iter().rfind(|event| event.kind == EventKind::Revisited);
    if earlier().next().is_some() && revisited.is_some_and(|it| alert.starts_at <= it.at) {
        return Heard::Known("the record was revisited while this alert was firing");
    }
    Heard::Fired
}

/// Keeps what came of looking at a decision in force again, and when to look next. When the advice
/// is another one today than its keepers last saw, that is noted as well: they have seen it now.
///
/// # Errors
/// When the record is not in force, no reason is given, or the next date has passed; what the store
/// says.
pub async fn revisit(app: &AppState, id: Uuid, revisit: &Revisit) -> Result<Stored, Error> {
    let today = app.today();
    let in_half_a_year = || today.checked_add(REVIEW_AFTER_MONTHS.months()).unwrap_or(today);
    let review_by = revisit.review_by.unwrap_or_else(in_half_a_year);
    add(app, id, |old| {
        if old.standing() != Standing::Accepted {
            let message = format!("this record is {}, not in force", old.standing().id());
            return Err(refused("outcome", &message, "an accepted record that nothing replaced"));
        }
        if revisit.reason.trim().is_empty() {
            let allowed = "a sentence for whoever looks at it next";
            return Err(refused("reason", "no reason is given", allowed));
        }
        if review_by <= today {
            let message = format!("{review_by} is not after today, {today}");
            return Err(refused("review_by", &message, "a later day"));
        }
        let mut changes = vec![Amendment::ReviewBy(Some(review_by))];
        changes.extend(rescored(app, &old.record).map(Amendment::Event));
        changes.push(Amendment::Event(Event {
            outcome: Some(revisit.outcome),
            ..Event::new(app.now(), &app.by(), EventKind::Revisited, revisit.reason.trim())
        }));
        Ok(changes)
    })
    .await
}

/// The event that says what is advised today, when that is not what was last seen.
fn rescored(app: &AppState, record: &Record) -> Option<Event> {
    let before = record.last_advised()?;
    let now = app.engine().recommend(&record.answers);
    if now.recommended == before {
        return None;
    }
    let name = |option: Option<_>| option.map_or("too close to call", assay_advice::Choice::name);
    let model = &now.model;
    let detail = format!(
        "{} before, {} now, by model {} version {} ({})",
        name(before),
        name(now.recommended),
        model.id,
        model.version,
        model.digest
    );
    Some(Event {
        advised: Some(now.recommended),
        ..Event::new(app.now(), &app.by(), EventKind::Rescored, detail)
    })
}

/// Whether a record can be replaced by a new one.
///
/// # Errors
/// Why not, and what to do instead.
pub fn may_supersede(old: &Stored) -> Result<(), Error> {
    if let Some(link) = old.superseded_by.first() {
        let message = format!("{:04} {} replaces this record already", link.number, link.title);
        return Err(refused("supersedes", &message, "supersede that one instead"));
    }
    match old.record.status {
        Status::Accepted | Status::Deprecated => Ok(()),
        Status::Draft | Status::Proposed => {
            let message = format!("this record is only {}", old.record.status.id());
            Err(refused("supersedes", &message, "edit it instead"))
        }
        Status::Rejected => {
            let message = "this record was rejected, so there is nothing to replace";
            Err(refused("supersedes", message, "record a new decision"))
        }
    }
}

/// Changes a record as it is now; when somebody else writes in between, what is to change is asked
/// anew.
async fn add(
    app: &AppState,
    id: Uuid,
    mut change: impl FnMut(&Stored) -> Result<Vec<Amendment>, Error>,
) -> Result<Stored, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let old = app.store.get(id).await?;
        let changes = change(&old)?;
        if changes.is_empty() {
            return Ok(old);
        }
        let text =
            amend(&old.text, app.model(), &changes).map_err(|problems| invalid(&problems, None))?;
        match app.store.update(id, &old.hash, text).await {
            Err(StoreError::Conflict { .. }) if tries < TRIES_MAX => {}
            written => return Ok(written?),
        }
    }
}
