//! Reading request bodies: JSON or TOML, always UTF-8, with faults that say where.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use serde::de::DeserializeOwned;

use crate::error::{Error, FieldError};

/// The kinds of content the API reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
}

/// A request's body as text, of a kind that the API reads.
pub(crate) struct Body {
    pub(crate) format: Format,
    pub(crate) text: String,
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let format = format(&request)?;
        let bytes = Bytes::from_request(request, state).await?;
        let text = String::from_utf8(bytes.into()).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Error::Malformed {
                message: format!("the body is not UTF-8 text: byte {at} does not belong"),
                errors: Vec::new(),
            }
        })?;
        Ok(Self { format, text })
    }
}

impl Body {
    /// The body as a `T`; unknown keys and wrong kinds are refused if `T` refuses them.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self.format {
            Format::Json => serde_json::from_str(&self.text).map_err(|error| json_error(&error)),
            Format::Toml => toml::from_str(&self.text).map_err(|error| {
                let problem = assay_advice::Problem {
                    field: String::new(),
                    span: error.span(),
                    message: error.message().to_owned(),
                    help: String::new(),
                };
                Error::Malformed {
                    message: "the TOML cannot be read".into(),
                    errors: vec![FieldError::new(&problem, Some(&self.text))],
                }
            }),
        }
    }
}

fn json_error(error: &serde_json::Error) -> Error {
    // The place is told apart from the message.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let fault = FieldError {
        field: String::new(),
        message: error.to_string().replace(&place, ""),
        allowed: String::new(),
        line: Some(error.line()),
        column: Some(error.column()),
    };
    if error.is_data() {
        Error::Invalid { message: "the JSON has a wrong field".into(), errors: vec![fault] }
    } else {
        Error::Malformed { message: "the JSON cannot be read".into(), errors: vec![fault] }
    }
}

fn format(request: &Request) -> Result<Format, Error> {
    let got = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = got.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(Format::Json),
        "application/toml" => Ok(Format::Toml),
        _ => Err(Error::UnsupportedMediaType {
            got: got.to_owned(),
            allowed: "application/json or application/toml",
        }),
    }
}
