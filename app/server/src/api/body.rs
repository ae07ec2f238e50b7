//! Reading request bodies: JSON or TOML, always UTF-8, with faults that say where.

use assay_advice::Problem;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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
            // A list would be taken for the fields in their order.
            Format::Json if self.is_no_object() => Err(no_object()),
            Format::Json => serde_json::from_str(&self.text).map_err(|error| {
                let fields = serde_json::from_str(&self.text).unwrap_or_default();
                json_error::<T>(&error, &fields)
            }),
            Format::Toml => from_fields(self.fields()?),
        }
    }

    /// Whether it is JSON, but another thing than an object.
    fn is_no_object(&self) -> bool {
        !self.text.trim_start().starts_with('{')
            && serde_json::from_str::<serde::de::IgnoredAny>(&self.text).is_ok()
    }

    /// The keys of the body with their values; a TOML date is its text.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Error> {
        match self.format {
            Format::Json if self.is_no_object() => Err(no_object()),
            Format::Json => serde_json::from_str(&self.text)
                .map_err(|error| json_error::<Value>(&error, &Map::new())),
            Format::Toml => match self.text.parse::<toml::Table>() {
                Ok(table) => {
                    Ok(table.into_iter().map(|(key, value)| (key, json_of(value))).collect())
                }
                Err(error) => Err(toml_error(&error, &self.text)),
            },
        }
    }
}

fn no_object() -> Error {
    let fault = FieldError {
        field: String::new(),
        message: "the body is not an object".to_owned(),
        allowed: "an object: { … }".to_owned(),
        line: Some(1),
        column: Some(1),
    };
    Error::Invalid { message: "the body is not an object".into(), errors: vec![fault] }
}

/// A `T` from its keys and values.
pub(crate) fn from_fields<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Error> {
    let fields = Value::Object(fields);
    T::deserialize(&fields).map_err(|error| {
        let none = Map::new();
        json_error::<T>(&error, fields.as_object().unwrap_or(&none))
    })
}

/// TOML as JSON; dates become their text, and numbers that JSON lacks become null.
pub(crate) fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, json_of(value))).collect()
        }
    }
}

fn toml_error(error: &toml::de::Error, text: &str) -> Error {
    let problem = Problem {
        field: String::new(),
        span: error.span(),
        message: error.message().to_owned(),
        help: String::new(),
    };
    Error::Malformed {
        message: "the TOML cannot be read".into(),
        errors: vec![FieldError::new(&problem, Some(text))],
    }
}

/// Why the `fields`, or the text that they are in, are no `T`.
fn json_error<T: DeserializeOwned>(
    error: &serde_json::Error,
    fields: &Map<String, Value>,
) -> Error {
    let said = message(error);
    // serde does not name the field; it is the one that alone is refused for the same reason.
    let alone = |(key, value): &(&String, &Value)| {
        let alone = Map::from_iter([((*key).clone(), (*value).clone())]);
        T::deserialize(Value::Object(alone)).is_err_and(|error| message(&error) == said)
    };
    let field = fields.iter().find(alone).map(|(key, _)| key.clone()).unwrap_or_default();
    let (said, allowed) = said.split_once(", expected ").unwrap_or((&said, ""));
    let allowed = allowed.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ");
    // What a type is called here says nothing to who sends it.
    let allowed = match allowed.starts_with("struct ") || allowed == "a map" {
        true => "an object".to_owned(),
        false => allowed,
    };
    let fault = FieldError {
        field,
        message: said.to_owned(),
        allowed,
        // A value that is no longer text has no place.
        line: Some(error.line()).filter(|line| *line > 0),
        column: Some(error.column()).filter(|_| error.line() > 0),
    };
    if error.is_data() {
        Error::Invalid {
            message: "a field is not allowed or is of the wrong kind".into(),
            errors: vec![fault],
        }
    } else {
        Error::Malformed { message: "the JSON cannot be read".into(), errors: vec![fault] }
    }
}

/// What serde says, without the place, which is told apart.
fn message(error: &serde_json::Error) -> String {
    error.to_string().replace(&format!(" at line {} column {}", error.line(), error.column()), "")
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
