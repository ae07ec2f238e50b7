//! `POST /api/v1/cost`: what the options cost, from answers and assumptions.

use assay_advice::{Assumptions, CURRENCY, Cost, Problem};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{body::Body, score::answers};
use crate::{
    error::{Error, FieldError},
    state::App,
};

/// What to reckon with.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostRequest {
    /// What the service is called; it does not change the cost.
    #[serde(default, rename = "service")]
    _service: Option<String>,
    /// Question ids with their answers; what is missing is unanswered.
    #[schema(value_type = Object)]
    answers: Value,
    /// Assumption ids with their values, numbers except for `currency`; what is missing has its
    /// default. Ids, units, ranges and defaults are in `app/advice/models/cost.toml`.
    #[serde(default)]
    #[schema(value_type = Object)]
    assumptions: Map<String, Value>,
}

/// What each option costs in cores and money, and when it pays back its ramp.
///
/// The figures rest on the measured ratio of processor time. `options` is missing while it or the
/// cores are not known; `missing` then says what to state.
#[utoipa::path(
    post, path = "/api/v1/cost", tag = "advice",
    request_body(content((CostRequest = "application/json"), (CostRequest = "application/toml"))),
    responses(
        (status = 200, description = "The cost, with ranges from the measured ratio", body = Object),
        (status = 400, description = "The body cannot be read"),
        (status = 415, description = "Neither JSON nor TOML"),
        (status = 422, description = "An unknown question or assumption, or a value that is not allowed"),
    )
)]
pub(crate) async fn post(State(app): State<App>, body: Body) -> Result<Json<Cost>, Error> {
    let request: CostRequest = body.parse()?;
    let answers = answers(&app, &request.answers)?;
    let assumptions = assumptions(&request.assumptions)?;
    let advised = app.engine().recommend(&answers).recommended;
    Ok(Json(app.engine().cost(&answers, &assumptions, advised)))
}

/// Assumptions given as JSON.
fn assumptions(given: &Map<String, Value>) -> Result<Assumptions, Error> {
    let mut read = Assumptions::default();
    let mut problems = Vec::new();
    for (id, value) in given {
        let kept = match (id.as_str(), value) {
            (CURRENCY, Value::String(text)) => read.set_currency(text),
            (id, Value::Number(number)) if id != CURRENCY => {
                read.set(id, number.as_f64().unwrap_or(f64::NAN))
            }
            (id, value) => Err(Problem {
                field: id.to_owned(),
                span: None,
                message: format!("{} is not expected here", kind(value)),
                help: "allowed: a number, or for currency a text".to_owned(),
            }),
        };
        let named = |problem: Problem| Problem {
            field: format!("assumptions.{}", problem.field),
            ..problem
        };
        problems.extend(kept.err().map(named));
    }
    if problems.is_empty() {
        return Ok(read);
    }
    Err(Error::Invalid {
        message: "the assumptions are not all allowed".into(),
        errors: FieldError::all(&problems, None),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
