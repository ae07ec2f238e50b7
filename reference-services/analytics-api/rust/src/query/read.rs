//! Reading a query from JSON. Parameters become JSON first, see [`super::params`].

use crate::ingest::line::{read_ts, read_value};
use crate::ingest::members;
use crate::limits::TEXT_BYTES_MAX;
use crate::query::readable::readable;
use crate::query::spec::{
    Aggregate, Condition, Field, Format, Invalid, NumberOp, Order, Query, TextOp, Top,
};
use crate::time::parse_duration;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

const BUCKET_MS_MIN: i64 = 1_000;
const BUCKET_MS_MAX: i64 = 86_400_000;
const GROUP_BY_MAX: usize = 4;
const CONDITIONS_MAX: usize = 16;
const CONDITION_VALUES_MAX: usize = 1_000;
const AGGREGATES_MAX: usize = 16;
const TOP_MAX: u64 = 10_000;
const ORDER_MAX: usize = 8;
const LIMIT_MAX: u64 = 1_000_000;
const LIMIT_DEFAULT: usize = 10_000;

const MEMBERS: [&str; 11] = [
    "from",
    "to",
    "bucket",
    "group_by",
    "where",
    "aggregates",
    "top",
    "fill",
    "order",
    "limit",
    "format",
];

type Object = Map<String, Value>;

fn invalid<T>(pointer: impl Into<String>, detail: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid { pointer: pointer.into(), detail: detail.into() })
}

/// Reads a query.
///
/// # Errors
/// The first fault, in the order of the contract.
pub fn query(json: &Value) -> Result<Query, Invalid> {
    let Value::Object(members) = json else {
        return invalid("", "A query is an object.");
    };
    if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let detail = format!("A query has {}, and nothing else.", MEMBERS.join(", "));
        return invalid(format!("/{}", escaped(name)), detail);
    }
    let (from_ms, to_ms) = window(members)?;
    let bucket_ms = members.get("bucket").map(bucket).transpose()?;
    let group_by = members.get("group_by").map_or(Ok(Vec::new()), group_by)?;
    let mut missing = Missing::default();
    let where_ = members.get("where");
    let conditions = where_.map_or(Ok(Vec::new()), |value| conditions(value, &mut missing))?;
    let aggregates =
        members.get("aggregates").map_or_else(|| Ok(vec![Aggregate::Count]), aggregates)?;
    let top = match members.get("top") {
        Some(_) if group_by.is_empty() => return invalid("/top", "top needs group_by."),
        Some(value) => top(value, &aggregates, &mut missing)?,
        None => None,
    };
    let fill = match members.get("fill") {
        None => false,
        Some(Value::Bool(true)) if bucket_ms.is_none() => {
            return invalid("/fill", "fill needs bucket.");
        }
        Some(Value::Bool(fill)) => *fill,
        Some(_) => return invalid("/fill", "fill is true or false."),
    };
    let mut query = Query {
        from_ms: from_ms.unwrap_or_default(),
        to_ms: to_ms.unwrap_or_default(),
        bucket_ms,
        group_by,
        conditions,
        aggregates,
        top,
        fill,
        order: Vec::new(),
        limit: LIMIT_DEFAULT,
        format: Format::Json,
    };
    if let Some(value) = members.get("order") {
        query.order = order(value, &query.columns())?;
    }
    if let Some(value) = members.get("limit") {
        query.limit = whole(value, "/limit", LIMIT_MAX)? as usize;
    }
    query.format = match members.get("format").map(Value::as_str) {
        None | Some(Some("json")) => Format::Json,
        Some(Some("csv")) => Format::Csv,
        Some(_) => return invalid("/format", "format is json or csv."),
    };
    match (from_ms, to_ms) {
        (None, _) => invalid("/from", "from is missing."),
        (_, None) => invalid("/to", "to is missing."),
        _ => missing.0.map_or(Ok(query), Err),
    }
}

/// A name as part of a JSON Pointer (RFC 6901).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members `from` and `to`, each of which may be missing.
///
/// # Errors
/// When one is no time, or they are not in order.
pub fn window(members: &Object) -> Result<(Option<i64>, Option<i64>), Invalid> {
    let time = |name: &str| match members.get(name).map(|value| read_ts(&value.to_string())) {
        Some(None) => {
            let detail = "A time is Unix milliseconds or an RFC 3339 text, from 1970 to 9999.";
            invalid(format!("/{name}"), detail)
        }
        time => Ok(time.flatten()),
    };
    let from_ms = time("from")?;
    let to_ms = time("to")?;
    if let (Some(from), Some(to)) = (from_ms, to_ms)
        && from >= to
    {
        return invalid("/to", "to is later than from.");
    }
    Ok((from_ms, to_ms))
}

fn bucket(value: &Value) -> Result<i64, Invalid> {
    let length = value.as_str().and_then(parse_duration);
    match length.filter(|ms| (BUCKET_MS_MIN..=BUCKET_MS_MAX).contains(ms)) {
        Some(length) => Ok(length),
        None => invalid("/bucket", "bucket is a whole number with s, m, h or d, from 1s to 1d."),
    }
}

/// A list of so many, as it stands there.
fn list<'a>(
    value: &'a Value,
    pointer: &str,
    least: usize,
    most: usize,
) -> Result<&'a [Value], Invalid> {
    match value.as_array() {
        Some(list) if (least..=most).contains(&list.len()) => Ok(list),
        _ => invalid(pointer, format!("A list of {least} to {most} is wanted here.")),
    }
}

fn group_by(value: &Value) -> Result<Vec<Field>, Invalid> {
    let mut fields = Vec::new();
    for (nth, value) in list(value, "/group_by", 0, GROUP_BY_MAX)?.iter().enumerate() {
        let field = value.as_str().and_then(Field::from_name);
        match field.filter(|field| !fields.contains(field)) {
            Some(field) => fields.push(field),
            None => {
                let detail = "A field is key or tags.NAME, and is there once.";
                return invalid(format!("/group_by/{nth}"), detail);
            }
        }
    }
    Ok(fields)
}

/// The first member that is missing. It is told only when nothing else is wrong.
#[derive(Debug, Default)]
pub struct Missing(Option<Invalid>);

impl Missing {
    fn note(&mut self, pointer: String) {
        let detail = "This is missing.".to_owned();
        self.0.get_or_insert(Invalid { pointer, detail });
    }
}

/// The conditions of `where`.
///
/// # Errors
/// The first fault, from left to right; not what is missing.
pub fn conditions(value: &Value, missing: &mut Missing) -> Result<Vec<Condition>, Invalid> {
    let mut conditions = Vec::new();
    let mut values = 0;
    for (nth, value) in list(value, "/where", 0, CONDITIONS_MAX)?.iter().enumerate() {
        conditions.extend(condition(value, &format!("/where/{nth}"), &mut values, missing)?);
    }
    Ok(conditions)
}

enum Op {
    Text(TextOp),
    Number(NumberOp),
}

impl Op {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "in" => Self::Text(TextOp::In),
            "not_in" => Self::Text(TextOp::NotIn),
            "prefix" => Self::Text(TextOp::Prefix),
            "gt" => Self::Number(NumberOp::Gt),
            "gte" => Self::Number(NumberOp::Gte),
            "lt" => Self::Number(NumberOp::Lt),
            "lte" => Self::Number(NumberOp::Lte),
            _ => return None,
        })
    }
}

/// What a condition is about.
enum Subject {
    Text(Field),
    Value,
}

/// A condition, if nothing of it is missing.
fn condition(
    value: &Value,
    at: &str,
    values_before: &mut usize,
    missing: &mut Missing,
) -> Result<Option<Condition>, Invalid> {
    const MEMBERS: [&str; 3] = ["field", "op", "values"];
    let Value::Object(members) = value else {
        return invalid(at, "A condition is an object of field, op and values.");
    };
    for name in MEMBERS.iter().filter(|name| !members.contains_key(**name)) {
        missing.note(format!("{at}/{name}"));
    }
    let subject = match members.get("field").map(|name| name.as_str().unwrap_or_default()) {
        None => None,
        Some("value") => Some(Subject::Value),
        Some(name) => match Field::from_name(name) {
            Some(field) => Some(Subject::Text(field)),
            None => return invalid(format!("{at}/field"), "field is key, tags.NAME or value."),
        },
    };
    let op = members.get("op").map(|name| Op::from_name(name.as_str().unwrap_or_default()));
    let condition = match (subject, op, members.get("values")) {
        (Some(Subject::Text(_)), Some(None | Some(Op::Number(_))), _) => {
            return invalid(format!("{at}/op"), "op is in, not_in or prefix for a text.");
        }
        (Some(Subject::Value), Some(None | Some(Op::Text(_))), _) => {
            return invalid(format!("{at}/op"), "op is gt, gte, lt or lte for value.");
        }
        (None, Some(None), _) => {
            return invalid(format!("{at}/op"), "op is in, not_in, prefix, gt, gte, lt or lte.");
        }
        (Some(Subject::Text(field)), Some(Some(Op::Text(op))), Some(values)) => {
            Some(text_condition(field, op, values, &format!("{at}/values"), values_before)?)
        }
        (Some(Subject::Value), Some(Some(Op::Number(op))), Some(values)) => {
            Some(number_condition(op, values, at)?)
        }
        _ => None,
    };
    match members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        Some(name) => {
            let detail = "A condition has field, op and values, and nothing else.";
            invalid(format!("{at}/{}", escaped(name)), detail)
        }
        None => Ok(condition),
    }
}

fn text_condition(
    field: Field,
    op: TextOp,
    values: &Value,
    at: &str,
    values_before: &mut usize,
) -> Result<Condition, Invalid> {
    let values = list(values, at, 1, CONDITION_VALUES_MAX - *values_before)?;
    *values_before += values.len();
    let mut texts = Vec::with_capacity(values.len());
    for (nth, value) in values.iter().enumerate() {
        let may_be_null = matches!(field, Field::Tag(_)) && op != TextOp::Prefix;
        texts.push(match value {
            Value::String(text) if text.len() <= TEXT_BYTES_MAX => Some(text.clone()),
            Value::Null if may_be_null => None,
            _ => {
                let detail = "A value is a text of at most 255 bytes (null for an absent tag with \
                              in and not_in), 1,000 over all conditions.";
                return invalid(format!("{at}/{nth}"), detail);
            }
        });
    }
    Ok(Condition::Text { field, op, values: texts })
}

fn number_condition(op: NumberOp, values: &Value, at: &str) -> Result<Condition, Invalid> {
    let values = list(values, &format!("{at}/values"), 1, 1)?;
    // The text of a double reads back as the same one.
    let than = values.first().filter(|it| it.is_number()).map(Value::to_string);
    match than.as_deref().and_then(read_value) {
        Some(than) => Ok(Condition::Number { op, than }),
        None => invalid(format!("{at}/values/0"), "A number of at most 1e290 in size is wanted."),
    }
}

fn aggregates(value: &Value) -> Result<Vec<Aggregate>, Invalid> {
    let mut aggregates = Vec::new();
    for (nth, value) in list(value, "/aggregates", 1, AGGREGATES_MAX)?.iter().enumerate() {
        let aggregate = value.as_str().and_then(Aggregate::from_name);
        match aggregate.filter(|it| !aggregates.contains(it)) {
            Some(aggregate) => aggregates.push(aggregate),
            None => {
                let detail = "An aggregate is count, sum, min, max, mean, p50, p90, p99, \
                              distinct(key) or distinct(tags.NAME), and is there once.";
                return invalid(format!("/aggregates/{nth}"), detail);
            }
        }
    }
    Ok(aggregates)
}

fn whole(value: &Value, pointer: &str, most: u64) -> Result<u64, Invalid> {
    match value.as_u64().filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(number),
        None => invalid(pointer, format!("A whole number from 1 to {most} is wanted here.")),
    }
}

/// The greatest groups, if nothing of it is missing.
fn top(
    value: &Value,
    aggregates: &[Aggregate],
    missing: &mut Missing,
) -> Result<Option<Top>, Invalid> {
    let Value::Object(members) = value else {
        return invalid("/top", "top is an object of k and by.");
    };
    for name in ["k", "by"].into_iter().filter(|name| !members.contains_key(*name)) {
        missing.note(format!("/top/{name}"));
    }
    let k = members.get("k").map(|k| whole(k, "/top/k", TOP_MAX)).transpose()?;
    let by = members.get("by").map(|by| {
        let by = by.as_str().and_then(Aggregate::from_name);
        by.and_then(|by| aggregates.iter().position(|it| *it == by))
    });
    if by == Some(None) {
        return invalid("/top/by", "by is one of the aggregates.");
    }
    match members.keys().find(|name| !matches!(name.as_str(), "k" | "by")) {
        Some(name) => {
            invalid(format!("/top/{}", escaped(name)), "top has k and by, and nothing else.")
        }
        None => Ok(k.zip(by.flatten()).map(|(k, by)| Top { k: k as usize, by })),
    }
}

fn order(value: &Value, columns: &[String]) -> Result<Vec<Order>, Invalid> {
    let mut orders: Vec<Order> = Vec::new();
    for (nth, value) in list(value, "/order", 0, ORDER_MAX)?.iter().enumerate() {
        let name = value.as_str().unwrap_or_default();
        let falling = name.starts_with('-');
        let name = name.strip_prefix('-').unwrap_or(name);
        let column = columns.iter().position(|column| column == name);
        match column.filter(|column| orders.iter().all(|it| it.column != *column)) {
            Some(column) => orders.push(Order { column, falling }),
            None => {
                let detail = format!(
                    "A column to sort by is one of {}, with - in front if falling, and is there once.",
                    columns.join(", ")
                );
                return invalid(format!("/order/{nth}"), detail);
            }
        }
    }
    Ok(orders)
}

/// Reads a JSON text, with the numbers of conditions as exact as a double can be.
///
/// # Errors
/// Why it is no JSON text.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut json: Value = match serde_json::from_str(text) {
        Err(_) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            serde_json::from_str(&readable(text))
        }
        json => json,
    }
    .map_err(|error| error.to_string())?;
    let conditions = json.get_mut("where").and_then(Value::as_array_mut);
    for (condition, raw) in conditions.into_iter().flatten().zip(raw_conditions(text)) {
        let Some(Value::Array(values)) = condition.get_mut("values") else {
            continue;
        };
        for (value, raw) in values.iter_mut().zip(raw_values(raw)) {
            if value.is_f64()
                && let Some(exact) = raw.parse().ok().and_then(Number::from_f64)
            {
                *value = Value::Number(exact);
            }
        }
    }
    Ok(json)
}

fn raw_list(text: &str) -> Vec<&str> {
    let list: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    list.into_iter().map(RawValue::get).collect()
}

/// The member of this name that counts, as its text.
fn raw_member<'a>(text: &'a str, wanted: &str) -> &'a str {
    let members = members::read(text).unwrap_or_default();
    let named = |name: &members::Name<'_>| match name {
        members::Name::Text(name) => name == wanted,
        members::Name::NoText => false,
    };
    members.into_iter().rev().find(|(name, _)| named(name)).map_or("", |(_, raw)| raw)
}

fn raw_conditions(text: &str) -> Vec<&str> {
    raw_list(raw_member(text, "where"))
}

fn raw_values(condition: &str) -> Vec<&str> {
    raw_list(raw_member(condition, "values"))
}
