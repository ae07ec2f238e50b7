//! Answers as they were written, in TOML or JSON, before a model is asked what it allows.

use std::{borrow::Cow, ops::Range};

use toml::de::DeValue;

/// A value on its way in, whatever it was written in.
pub(super) struct Raw<'a> {
    pub(super) span: Option<Range<usize>>,
    pub(super) value: RawValue<'a>,
}

pub(super) enum RawValue<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    List(Vec<Raw<'a>>),
    Table(Vec<(String, Raw<'a>)>),
    Other(&'static str),
}

pub(super) fn from_de<'a>(value: &'a toml::Spanned<DeValue<'_>>) -> Raw<'a> {
    let raw = match value.get_ref() {
        DeValue::String(text) => RawValue::Text(Cow::Borrowed(text.as_ref())),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "every allowed number is far below 2^53"
            )]
            Ok(number) => RawValue::Number(number as f64),
            Err(_) => RawValue::Other("a number that long"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => RawValue::Number(number),
            Err(_) => RawValue::Other("that number"),
        },
        DeValue::Boolean(true) => RawValue::Other("true"),
        DeValue::Boolean(false) => RawValue::Other("false"),
        DeValue::Datetime(_) => RawValue::Other("a date"),
        DeValue::Array(items) => RawValue::List(items.iter().map(from_de).collect()),
        DeValue::Table(table) => RawValue::Table(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), from_de(value))).collect(),
        ),
    };
    Raw { span: Some(value.span()), value: raw }
}

pub(super) fn from_toml_value(value: &toml::Value) -> Raw<'_> {
    let value = match value {
        toml::Value::String(text) => RawValue::Text(text.into()),
        #[expect(clippy::cast_precision_loss, reason = "every allowed number is far below 2^53")]
        toml::Value::Integer(number) => RawValue::Number(*number as f64),
        toml::Value::Float(number) => RawValue::Number(*number),
        toml::Value::Boolean(true) => RawValue::Other("true"),
        toml::Value::Boolean(false) => RawValue::Other("false"),
        toml::Value::Datetime(_) => RawValue::Other("a date"),
        toml::Value::Array(items) => RawValue::List(items.iter().map(from_toml_value).collect()),
        toml::Value::Table(table) => RawValue::Table(
            table.iter().map(|(key, value)| (key.clone(), from_toml_value(value))).collect(),
        ),
    };
    Raw { span: None, value }
}

pub(super) fn from_json_value(value: &serde_json::Value) -> Raw<'_> {
    use serde_json::Value;
    let value = match value {
        Value::String(text) => RawValue::Text(text.into()),
        Value::Number(number) => match number.as_f64() {
            Some(number) => RawValue::Number(number),
            None => RawValue::Other("that number"),
        },
        Value::Bool(true) => RawValue::Other("true"),
        Value::Bool(false) => RawValue::Other("false"),
        Value::Null => RawValue::Other("null"),
        Value::Array(items) => RawValue::List(items.iter().map(from_json_value).collect()),
        Value::Object(object) => RawValue::Table(
            object.iter().map(|(key, value)| (key.clone(), from_json_value(value))).collect(),
        ),
    };
    Raw { span: None, value }
}
