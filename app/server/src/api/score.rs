//! `POST /api/v1/score`: answers in, the recommendation out.

use assay_advice::{Answers, Score, Sheet};
use axum::{Json, extract::State};
use serde_json::Value;

use super::body::{Body, Format};
use crate::{
    error::{Error, FieldError},
    state::{App, AppState},
};

/// The answers to score.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreRequest {
    /// What the service is called; it does not change the score.
    #[serde(default)]
    service: Option<String>,
    /// Question ids with their answers; what is missing is unanswered.
    #[schema(value_type = Object)]
    answers: Value,
}

/// Scores an answers file: JSON as below, or TOML as `assay score` reads it.
#[utoipa::path(
    post, path = "/api/v1/score", tag = "advice",
    request_body(content((ScoreRequest = "application/json"), (String = "application/toml"))),
    responses(
        (status = 200, description = "The score object", body = Object),
        (status = 400, description = "The body cannot be read"),
        (status = 415, description = "Neither JSON nor TOML"),
        (status = 422, description = "An unknown question or a value that is not allowed"),
    )
)]
pub(crate) async fn post(State(app): State<App>, body: Body) -> Result<Json<Score>, Error> {
    let sheet = sheet(&app, &body)?;
    Ok(Json(app.engine().score_with_precedents(&sheet.answers)))
}

fn sheet(app: &AppState, body: &Body) -> Result<Sheet, Error> {
    match body.format {
        Format::Toml => {
            Answers::from_toml(app.model(), &body.text).map_err(|problems| Error::Invalid {
                message: "the answers are not all allowed".into(),
                errors: FieldError::all(&problems, Some(&body.text)),
            })
        }
        Format::Json => {
            let request: ScoreRequest = body.parse()?;
            let answers = answers(app, &request.answers)?;
            Ok(Sheet { service: request.service, answers })
        }
    }
}

/// Answers given as JSON.
pub(super) fn answers(app: &AppState, answers: &Value) -> Result<Answers, Error> {
    Answers::from_json(app.model(), answers).map_err(|problems| Error::Invalid {
        message: "the answers are not all allowed".into(),
        errors: FieldError::all(&problems, None),
    })
}
