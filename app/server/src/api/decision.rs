//! `/api/v1/decisions/{id}`: one record, its history and its status.

use assay_records::{
    Event, Outcome, Record, ReviewVerdict, Section, Standing, Status, signed_digest,
};
use assay_store::{Revision, Stored};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    body::{Body, Format, json_of},
    etag,
};
use crate::{
    error::{Error, FieldError},
    recording,
    reviewing::{self, Review, Revisit},
    state::App,
};

/// One record.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Resource {
    /// The stable id.
    pub(crate) id: Uuid,
    /// The number shown to people.
    number: u32,
    /// The file's name within the decisions folder.
    file_name: String,
    /// The SHA-256 of the text in hex; in quotes, the ETag.
    pub(crate) hash: String,
    /// The digest that a review of this text carries.
    digest: Option<String>,
    /// The status as readers see it.
    #[schema(value_type = String)]
    standing: Standing,
    /// The accepted records that replace this one.
    superseded_by: Vec<Uuid>,
    /// What is odd in the text but allowed.
    warnings: Vec<FieldError>,
    /// The record's fields, as in its TOML text.
    #[schema(value_type = Object)]
    record: Value,
    /// The TOML text, exactly.
    text: String,
}

impl Resource {
    pub(crate) fn new(stored: Stored) -> Self {
        Self {
            id: stored.id,
            number: stored.number,
            digest: signed_digest(&stored.text),
            standing: stored.standing(),
            superseded_by: stored.superseded_by.iter().map(|link| link.id).collect(),
            warnings: FieldError::all(&stored.warnings, Some(&stored.text)),
            // The text was read as a record, so it reads as a table.
            record: json_of(toml::Value::Table(stored.text.parse().unwrap_or_default())),
            file_name: stored.file_name,
            hash: stored.hash,
            text: stored.text,
        }
    }
}

/// Gives one record: JSON, or its text for `Accept: application/toml`.
#[utoipa::path(
    get, path = "/api/v1/decisions/{id}", tag = "decisions",
    params(("id" = Uuid, Path, description = "The record's id")),
    responses(
        (status = 200, description = "The record with its ETag",
         content((Resource = "application/json"), (String = "application/toml"))),
        (status = 304, description = "Not changed since the version in If-None-Match"),
        (status = 404, description = "No record has this id"),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let stored = app.store.get(record_id(&id)?).await?;
    let tag = etag(&stored.hash);
    if names(&headers, header::IF_NONE_MATCH, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    Ok(answer(&headers, stored))
}

/// Replaces a record's text, sent as TOML or as JSON `{"text": "…"}`.
#[utoipa::path(
    put, path = "/api/v1/decisions/{id}", tag = "decisions",
    params(
        ("id" = Uuid, Path, description = "The record's id"),
        ("If-Match" = String, Header, description = "The ETag of the version that was read"),
    ),
    request_body(content((String = "application/toml"), (TextBody = "application/json"))),
    responses(
        (status = 200, description = "The record as it is now", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 412, description = "Somebody else changed it: both versions"),
        (status = 422, description = "Not a record, or a change that is not allowed"),
        (status = 428, description = "If-Match is missing"),
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let id = record_id(&id)?;
    let expected = if_match(&headers)?.ok_or(Error::PreconditionRequired)?;
    let text = match body.format {
        Format::Toml => body.text,
        Format::Json => body.parse::<TextBody>()?.text,
    };
    Ok(answer(&headers, recording::replace(&app, id, &expected, text).await?))
}

/// A record's text within JSON.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextBody {
    /// The whole TOML text.
    text: String,
}

/// What happened to a record, and the texts it has had.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct History {
    /// The oldest first.
    events: Vec<HistoryEvent>,
    /// The texts known, the newest first; the first is the text as it is now.
    revisions: Vec<HistoryRevision>,
    /// Where the texts come from and what is not known, in sentences.
    known: Vec<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct HistoryEvent {
    #[schema(value_type = String)]
    at: Timestamp,
    by: String,
    /// `created`, `edited`, `reviewed`, `status`, `trigger_fired`, `revisited` or `rescored`.
    kind: &'static str,
    detail: String,
    /// Of a review: `approve`, `request_changes` or `comment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    verdict: Option<ReviewVerdict>,
    /// Of a review: the section it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'static str>,
    /// Of a review: the digest of the text that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Of a firing: the trigger's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    /// Of a revisit: `keep`, `amend` or `supersede`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
}

/// One text that a record has had.
#[derive(Serialize, utoipa::ToSchema)]
struct HistoryRevision {
    /// The SHA-256 of the text in hex.
    hash: String,
    /// Since when it was so.
    #[schema(value_type = String)]
    at: Timestamp,
    /// The commit that has it, when it comes from git.
    commit: Option<String>,
}

impl From<Event> for HistoryEvent {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            by: event.by,
            kind: event.kind.id(),
            detail: event.detail,
            verdict: event.verdict,
            section: event.section.map(Section::id),
            digest: event.digest,
            trigger: event.trigger,
            outcome: event.outcome,
        }
    }
}

/// Gives a record's history.
#[utoipa::path(
    get, path = "/api/v1/decisions/{id}/history", tag = "decisions",
    params(("id" = Uuid, Path, description = "The record's id")),
    responses(
        (status = 200, description = "The events, oldest first, and the texts known", body = History),
        (status = 404, description = "No record has this id"),
    )
)]
pub(crate) async fn history(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<History>, Error> {
    let id = record_id(&id)?;
    let Record { events, .. } = app.store.get(id).await?.record;
    let found = app.store.revisions(id).await?;
    let revision = |it: Revision| HistoryRevision {
        hash: it.hash,
        at: it.at,
        commit: it.commit.map(|commit| commit.id),
    };
    Ok(Json(History {
        events: events.into_iter().map(HistoryEvent::from).collect(),
        revisions: found.list.into_iter().map(revision).collect(),
        known: found.known,
    }))
}

/// A review.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReview {
    /// `approve`, `request_changes` or `comment`.
    #[schema(value_type = String)]
    verdict: ReviewVerdict,
    /// `context`, `decision` or `consequences`; none for the whole record.
    #[schema(value_type = Option<String>)]
    section: Option<Section>,
    /// In words; required unless it approves.
    #[serde(default)]
    comment: String,
    /// The `digest` of the record as it was read.
    digest: Option<String>,
}

/// Adds a review to a draft or a proposal. It says which text was read: by its digest, or by the
/// ETag in `If-Match`.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/reviews", tag = "decisions",
    params(
        ("id" = Uuid, Path, description = "The record's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version read"),
    ),
    request_body(content((NewReview = "application/json"), (NewReview = "application/toml"))),
    responses(
        (status = 201, description = "The record with the review", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 412, description = "The text is another one by now"),
        (status = 422, description = "The record is past reviewing, or nothing is said"),
        (status = 428, description = "Neither a digest nor If-Match"),
    )
)]
pub(crate) async fn review(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let id = record_id(&id)?;
    let NewReview { verdict, section, comment, digest } = body.parse()?;
    let read = if_match(&headers)?;
    let stored = app.store.get(id).await?;
    if read.as_ref().is_some_and(|hash| *hash != stored.hash) {
        return Err(Error::TextChanged { theirs: Box::new(stored) });
    }
    let of_read = read.and_then(|_| signed_digest(&stored.text));
    let digest = digest.or(of_read).ok_or(Error::PreconditionRequired)?;
    let review = Review { verdict, section, comment, digest };
    let stored = reviewing::review(&app, id, &review).await?;
    Ok((StatusCode::CREATED, answer(&headers, stored)).into_response())
}

/// What came of looking at a decision again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRevisit {
    /// `keep`, `amend` or `supersede`.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// Why.
    reason: String,
    /// The next review date; six months from today unless said.
    #[schema(value_type = Option<String>)]
    review_by: Option<Date>,
}

/// Notes what came of looking at a decision in force again, and moves its review date.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/revisits", tag = "decisions",
    params(("id" = Uuid, Path, description = "The record's id")),
    request_body(content((NewRevisit = "application/json"), (NewRevisit = "application/toml"))),
    responses(
        (status = 201, description = "The record as it is now", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 422, description = "It is not in force, or reason or date are missing or wrong"),
    )
)]
pub(crate) async fn revisit(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let NewRevisit { outcome, reason, review_by } = body.parse()?;
    let revisit = Revisit { outcome, reason, review_by };
    let stored = reviewing::revisit(&app, record_id(&id)?, &revisit).await?;
    Ok((StatusCode::CREATED, answer(&headers, stored)).into_response())
}

/// What was noticed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Firing {
    /// In words, for the history.
    #[serde(default)]
    note: String,
}

/// Fires a trigger by hand: somebody noticed that its condition came true.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/triggers/{trigger}", tag = "decisions",
    params(
        ("id" = Uuid, Path, description = "The record's id"),
        ("trigger" = String, Path, description = "The trigger's id within the record"),
    ),
    request_body(content((Firing = "application/json"), (Firing = "application/toml"))),
    responses(
        (status = 200, description = "The record as it is now", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 422, description = "It has no such trigger, or is not in force"),
    )
)]
pub(crate) async fn fire(
    State(app): State<App>,
    Path((id, trigger)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let id = record_id(&id)?;
    let Firing { note } = body.parse()?;
    reviewing::fire(&app, id, &trigger, &note, None).await?;
    Ok(answer(&headers, app.store.get(id).await?))
}

/// The status to go to.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStatus {
    /// `proposed`, `accepted`, `rejected` or `deprecated`, as the lifecycle allows.
    #[schema(value_type = String)]
    status: Status,
    /// Why, for the history.
    #[serde(default)]
    note: String,
}

/// Moves a record along its life. With `If-Match`, only if it is still that version.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/status", tag = "decisions",
    params(
        ("id" = Uuid, Path, description = "The record's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the version read"),
    ),
    request_body(content((NewStatus = "application/json"), (NewStatus = "application/toml"))),
    responses(
        (status = 200, description = "The record as it is now", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 412, description = "Somebody else changed it: both versions"),
        (status = 422, description = "The lifecycle does not allow it"),
    )
)]
pub(crate) async fn set_status(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let id = record_id(&id)?;
    let NewStatus { status, note } = body.parse()?;
    let expected = if_match(&headers)?;
    let stored = recording::set_status(&app, id, expected.as_deref(), status, &note).await?;
    Ok(answer(&headers, stored))
}

/// The record as JSON or, when asked, as its text.
fn answer(headers: &HeaderMap, stored: Stored) -> Response {
    let tag = [(header::ETAG, etag(&stored.hash)), (header::VARY, "accept".to_owned())];
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("application/toml")) {
        return (tag, [(header::CONTENT_TYPE, "application/toml")], stored.text).into_response();
    }
    (tag, Json(Resource::new(stored))).into_response()
}

/// The id in an address. What is not an id names no record, so it is not found.
pub(crate) fn record_id(text: &str) -> Result<Uuid, Error> {
    // Only the hyphenated form: one record has one address.
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.hyphenated().to_string() == text)
        .ok_or_else(|| Error::NoSuchRecord(text.chars().take(64).collect()))
}

/// The hash in If-Match, if it is sent.
fn if_match(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let hash = value
        .to_str()
        .ok()
        .and_then(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"'))
        .filter(|hash| !hash.contains('"'));
    match hash {
        Some(hash) => Ok(Some(hash.to_owned())),
        None => Err(Error::Malformed {
            message: "If-Match takes the one ETag that was read, in its quotes".into(),
            errors: Vec::new(),
        }),
    }
}

/// Whether a header of entity tags names this one, or any.
fn names(headers: &HeaderMap, name: header::HeaderName, tag: &str) -> bool {
    let Some(tags) = headers.get(name).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    tags.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
