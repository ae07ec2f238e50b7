//! `/hooks/alertmanager`: alerts that fire the metric triggers of records.

use assay_records::{RECORD_LABEL, TRIGGER_LABEL};
use assay_store::StoreError;
use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request, State},
    http::{HeaderMap, header},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use uuid::Uuid;

use crate::{
    error::Error,
    reviewing::{self, Alert, Heard},
    state::App,
};

/// The longest part of an alert's summary that is kept, in characters.
const NOTE_CHARS_MAX: usize = 500;

/// What Alertmanager sends (webhook version 4), as far as it is used here.
#[derive(Deserialize)]
struct Notification {
    alerts: Vec<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    status: String,
    #[serde(default)]
    labels: HashMap<String, String>,
    #[serde(default)]
    annotations: HashMap<String, String>,
    #[serde(rename = "startsAt")]
    starts_at: Timestamp,
    fingerprint: String,
}

/// What was made of a notification.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    /// Triggers fired now.
    fired: Vec<Named>,
    /// Alerts that add nothing, and why.
    known: Vec<Named>,
    /// Alerts that name nothing here, and why.
    unknown: Vec<Named>,
    /// How many alerts say that a condition no longer holds; that settles nothing.
    resolved: usize,
}

#[derive(Serialize)]
struct Named {
    record: String,
    trigger: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

/// `POST /hooks/alertmanager`. Sent again, it changes nothing.
pub(crate) async fn alertmanager(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Report>, Error> {
    let token = app.hook_token.as_deref().ok_or(Error::NotFound)?;
    // Who has no token has nothing read from them.
    if !has_token(request.headers(), token) {
        return Err(Error::Unauthorized);
    }
    let bytes = Bytes::from_request(request, &()).await?;
    let notification: Notification =
        serde_json::from_slice(&bytes).map_err(|error| Error::Malformed {
            message: format!("this is no notification of Alertmanager: {error}"),
            errors: Vec::new(),
        })?;
    let mut report = Report::default();
    for sent in notification.alerts {
        if sent.status == "firing" {
            hear(&app, &sent, &mut report).await?;
        } else {
            report.resolved += 1;
        }
    }
    for named in &report.unknown {
        // Alertmanager shows nobody what it is answered.
        tracing::warn!(
            record = named.record,
            trigger = named.trigger,
            why = named.why,
            "an alert names nothing here"
        );
    }
    Ok(Json(report))
}

/// Both sides are hashed, so that the time taken tells nothing of the token.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent = sent.and_then(|value| value.split_once(' '));
    sent.is_some_and(|(scheme, sent)| {
        scheme.eq_ignore_ascii_case("bearer")
            && Sha256::digest(sent.trim().as_bytes()) == Sha256::digest(token.as_bytes())
    })
}

async fn hear(app: &App, sent: &Sent, report: &mut Report) -> Result<(), Error> {
    let label = |name: &str| sent.labels.get(name).cloned().unwrap_or_default();
    let named = |why: &str| Named {
        record: label(RECORD_LABEL),
        trigger: label(TRIGGER_LABEL),
        why: why.to_owned(),
    };
    let Ok(id) = Uuid::try_parse(&label(RECORD_LABEL)) else {
        report.unknown.push(named(&format!("its label {RECORD_LABEL} is not a record's id")));
        return Ok(());
    };
    let alert = Alert { fingerprint: sent.fingerprint.clone(), starts_at: sent.starts_at };
    let note = sent.annotations.get("summary").map(String::as_str).unwrap_or_default();
    let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
    match reviewing::fire(app, id, &label(TRIGGER_LABEL), &note, Some(&alert)).await {
        Ok(Heard::Fired) => report.fired.push(named("")),
        Ok(Heard::Known(why)) => report.known.push(named(why)),
        Err(Error::Invalid { message, .. }) => report.unknown.push(named(&message)),
        Err(Error::Store(error @ (StoreError::NotFound(_) | StoreError::Damaged(_)))) => {
            report.unknown.push(named(&error.to_string()));
        }
        // Alertmanager sends it again; what was heard by then counts once.
        Err(error) => return Err(error),
    }
    Ok(())
}
