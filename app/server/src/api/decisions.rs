//! `/api/v1/decisions`: the list, and new records.

use assay_advice::{Choice, Verdict};
use assay_records::Standing;
use assay_store::{Facet, Page, StoreError, Stored, Summary};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    body::{Body, Format, from_fields},
    decision::{Resource, record_id},
    etag,
    idempotency::Keyed,
};
use crate::{
    error::Error,
    listing::Wanted,
    recording::{self, Wishes},
    reviewing,
    state::App,
};

/// A page of the list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct List {
    /// All records that the filters let through.
    total: u64,
    /// The page, from 1.
    page: u32,
    /// The records on a page.
    per_page: u32,
    /// The records: the best match first when words were given; of those due, the most urgent; else
    /// the newest first.
    items: Vec<Item>,
    /// What the list could be narrowed to.
    facets: Facets,
}

/// A line of the list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Item {
    id: Uuid,
    number: u32,
    file_name: String,
    title: String,
    service: Option<String>,
    team: Option<String>,
    /// `draft`, `proposed`, `accepted`, `rejected`, `deprecated` or `superseded`.
    #[schema(value_type = String)]
    status: Standing,
    /// The option chosen.
    #[schema(value_type = Option<String>)]
    option: Option<Choice>,
    /// The option advised.
    #[schema(value_type = Option<String>)]
    recommended: Option<Choice>,
    #[schema(value_type = Option<String>)]
    verdict: Option<Verdict>,
    overridden: bool,
    tags: Vec<String>,
    #[schema(value_type = String)]
    created: Timestamp,
    #[schema(value_type = Option<String>)]
    decided: Option<Date>,
    /// The first day on which it is due for review.
    #[schema(value_type = Option<String>)]
    due_on: Option<Date>,
    /// Whether it is due for review today.
    due: bool,
}

/// For each filter, the values it could take and the records each would leave.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Facets {
    statuses: Vec<Count>,
    options: Vec<Count>,
    teams: Vec<Count>,
    tags: Vec<Count>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Count {
    value: String,
    count: u64,
}

impl List {
    /// A page of the store as the API shows it.
    pub(crate) fn new(page: Page, number: u32, per_page: u32, today: Date) -> Self {
        let counts = |facets: Vec<Facet>| {
            facets.into_iter().map(|facet| Count { value: facet.value, count: facet.count })
        };
        Self {
            total: page.total,
            page: number,
            per_page,
            items: page.items.iter().map(|item| Item::new(item, today)).collect(),
            facets: Facets {
                statuses: counts(page.facets.statuses).collect(),
                options: counts(page.facets.options).collect(),
                teams: counts(page.facets.teams).collect(),
                tags: counts(page.facets.tags).collect(),
            },
        }
    }
}

impl Item {
    fn new(summary: &Summary, today: Date) -> Self {
        Self {
            due: summary.is_due(today),
            id: summary.id,
            number: summary.number,
            file_name: summary.file_name.to_string(),
            title: summary.title.clone(),
            service: summary.service.as_deref().map(str::to_owned),
            team: summary.team.as_deref().map(str::to_owned),
            status: summary.standing,
            option: summary.option,
            recommended: summary.recommended,
            verdict: summary.verdict,
            overridden: summary.overridden,
            tags: summary.tags.iter().map(|tag| String::from(&**tag)).collect(),
            created: summary.created,
            decided: summary.decided,
            due_on: summary.due_on,
        }
    }
}

/// Lists the records.
#[utoipa::path(
    get, path = "/api/v1/decisions", tag = "decisions", params(Wanted),
    responses(
        (status = 200, description = "A page of records", body = List),
        (status = 422, description = "A filter that is not allowed"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<List>, Error> {
    let filter = Wanted::parse(query.as_deref()).filter_in(&app).await?;
    let page = app.store.list(&filter).await?;
    Ok(Json(List::new(page, filter.page, filter.per_page, app.today())))
}

/// A new decision: what is said of it, and the answers that it rests on.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read key by key")]
pub(crate) struct NewDecision {
    /// Question ids with their answers; what is missing is unanswered.
    #[schema(value_type = Object)]
    answers: Value,
    #[schema(inline)]
    #[serde(flatten)]
    wishes: Wishes,
}

/// Records a decision. The advice, the triggers and the rationale are drafted from the answers.
/// TOML takes the same keys, or the text of a whole record, which is kept as it is.
#[utoipa::path(
    post, path = "/api/v1/decisions", tag = "decisions",
    params(("Idempotency-Key" = Option<String>, Header,
            description = "Sent again with the same body, gives the record of the first time")),
    request_body(content((NewDecision = "application/json"), (String = "application/toml"))),
    responses(
        (status = 201, description = "The record, its address and its ETag", body = Resource),
        (status = 200, description = "The record that this key created before", body = Resource),
        (status = 400, description = "The body cannot be read"),
        (status = 409, description = "The id of the record sent is taken"),
        (status = 415, description = "Neither JSON nor TOML"),
        (status = 422, description = "Something in it is not allowed, or the key is used"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let keyed = Keyed::read(&app, &headers, &body.text)?;
    if let Some(stored) = keyed.created_before().await? {
        return Ok(created((false, stored)));
    }
    if body.format == Format::Toml && recording::is_record(&body.text) {
        let record = recording::read(&app, &body.text)?;
        // A key must not come to stand for a record that another request made.
        if let Ok(taken) = app.store.get(record.id).await {
            return Err(StoreError::IdTaken(taken.file_name).into());
        }
        let keep = |_| recording::keep_text(&app, body.text);
        return Ok(created(keyed.create(record.id, keep).await?));
    }
    let mut fields = body.fields()?;
    let answers = fields.remove("answers").unwrap_or_else(|| json!({}));
    let answers = super::score::answers(&app, &answers)?;
    let draft = recording::draft(&app, &answers, from_fields(fields)?)?;
    recording::text(&app, app.new_id(), &draft)?;
    let create = |id| recording::create(&app, id, &draft);
    Ok(created(keyed.create(app.new_id(), create).await?))
}

/// Records a decision that replaces one in force, in one write: the old record reads as superseded
/// once the new one is accepted. What is not said is taken over from the old record.
#[utoipa::path(
    post, path = "/api/v1/decisions/{id}/supersede", tag = "decisions",
    params(
        ("id" = Uuid, Path, description = "The id of the record to replace"),
        ("Idempotency-Key" = Option<String>, Header,
         description = "Sent again with the same body, gives the record of the first time"),
    ),
    request_body(content((NewDecision = "application/json"), (NewDecision = "application/toml"))),
    responses(
        (status = 201, description = "The new record, its address and its ETag", body = Resource),
        (status = 404, description = "No record has this id"),
        (status = 422, description = "The old record cannot be replaced, or something is not allowed"),
    )
)]
pub(crate) async fn supersede(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let id = record_id(&id)?;
    let keyed = Keyed::read(&app, &headers, &format!("{id} {}", body.text))?;
    if let Some(stored) = keyed.created_before().await? {
        return Ok(created((false, stored)));
    }
    let old = app.store.get(id).await?;
    reviewing::may_supersede(&old)?;
    let mut fields = body.fields()?;
    let answers = match fields.remove("answers") {
        Some(answers) => super::score::answers(&app, &answers)?,
        None => old.record.answers.clone(),
    };
    let mut wishes: Wishes = from_fields(fields)?;
    let old = old.record;
    if wishes.title.trim().is_empty() {
        wishes.title = old.title;
    }
    wishes.service = wishes.service.or(old.service);
    wishes.team = wishes.team.or(old.team);
    let or = |said: Vec<String>, before| if said.is_empty() { before } else { said };
    wishes.tags = or(wishes.tags, old.tags);
    wishes.deciders = or(wishes.deciders, old.deciders);
    if !wishes.supersedes.contains(&id) {
        wishes.supersedes.push(id);
    }
    let draft = recording::draft(&app, &answers, wishes)?;
    recording::text(&app, app.new_id(), &draft)?;
    let create = |id| recording::create(&app, id, &draft);
    Ok(created(keyed.create(app.new_id(), create).await?))
}

/// The answer to a creating request: the record, and whether it was made now.
fn created((now, stored): (bool, Stored)) -> Response {
    let status = if now { StatusCode::CREATED } else { StatusCode::OK };
    let resource = Resource::new(stored);
    let location = format!("/api/v1/decisions/{}", resource.id);
    let headers = [(header::LOCATION, location), (header::ETAG, etag(&resource.hash))];
    (status, headers, Json(resource)).into_response()
}
