//! `/decisions/{id}/supersede`: a new decision in place of one in force. It begins as a checklist
//! with the old answers; the new record names the old one, and that is the only thing written.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    error::Error,
    pages::{decision, sheet},
    reviewing,
    state::App,
};

/// `GET /decisions/{id}/supersede`: leads to the form of a new record, filled in from the old one.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let old = decision::find(&app, &id).await?;
    reviewing::may_supersede(&old)?;
    let record = &old.record;
    let service = record.service.as_deref().unwrap_or_default();
    let query = sheet::query_with(service, &record.answers, &record.changed_assumptions());
    let supersedes = sheet::SUPERSEDES;
    let query = format!("{supersedes}={}&{query}", old.id);
    Ok(Redirect::to(&format!("/checklist/record?{query}")).into_response())
}
