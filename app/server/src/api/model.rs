//! `POST /api/v1/model/trial`: what an edited model would change, as `/model` shows it.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::body::{Body, Format};
use crate::{
    error::{Error, FieldError},
    state::App,
    trial,
};

/// The model to try.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrialRequest {
    /// The whole text of the model in TOML, at most 256 KiB.
    text: String,
}

/// Tries an edited model: TOML as it is, or JSON with its text. Nothing is kept.
///
/// `precedents` and `records` say which recommendations or verdicts would change, and how both models
/// agree with what was chosen. Of the team's own records the newest 2,000 are looked at; `beyond`
/// counts the others.
#[utoipa::path(
    post, path = "/api/v1/model/trial", tag = "advice",
    request_body(content((TrialRequest = "application/json"), (String = "application/toml"))),
    responses(
        (status = 200, description = "What would change", body = Object),
        (status = 400, description = "The body cannot be read"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "Neither JSON nor TOML"),
        (status = 422, description = "The model is faulty: every fault with its line and column"),
    )
)]
pub(crate) async fn trial(State(app): State<App>, body: Body) -> Result<Response, Error> {
    let text = match body.format {
        Format::Toml => body.text,
        Format::Json => body.parse::<TrialRequest>()?.text,
    };
    match trial::of_text(&app, &text).await? {
        Ok(trial) => Ok(Json(Arc::clone(&trial)).into_response()),
        Err(problems) => Err(Error::Invalid {
            message: "the model is faulty".into(),
            errors: FieldError::all(&problems, Some(&text)),
        }),
    }
}
