//! Queries as parameters of an address: they become the JSON that says the same.

use crate::query::read::{Missing, conditions, escaped, query, window};
use crate::query::spec::{Condition, Invalid, Query};
use serde_json::{Map, Value, json};

const OPS: [&str; 7] = ["in", "not_in", "prefix", "gt", "gte", "lt", "lte"];

/// Parameters in their order, and the JSON of those that conditions are made of.
struct Params {
    members: Map<String, Value>,
    conditions: Vec<(String, Value)>,
}

/// Reads a whole query.
///
/// # Errors
/// The first fault; its pointer is `/` and the parameter's name.
pub fn read_query(text: &str) -> Result<Query, Invalid> {
    let names = [
        "from",
        "to",
        "bucket",
        "group_by",
        "aggregates",
        "top.k",
        "top.by",
        "fill",
        "order",
        "limit",
        "format",
    ];
    let mut params = Params::read(text, &names)?;
    let mut top = Map::new();
    for (name, member) in [("top.k", "k"), ("top.by", "by")] {
        if let Some(value) = params.members.remove(name) {
            top.insert(member.to_owned(), value);
        }
    }
    if !top.is_empty() {
        params.members.insert("top".to_owned(), Value::Object(top));
    }
    if !params.conditions.is_empty() {
        params.members.insert("where".to_owned(), params.conditions_json());
    }
    let json = Value::Object(std::mem::take(&mut params.members));
    query(&json).map_err(|invalid| params.by_name(invalid))
}

/// Which events a listing, a tail or an export is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// The window's first ms.
    pub from_ms: Option<i64>,
    /// The ms after the window.
    pub to_ms: Option<i64>,
    /// All hold.
    pub conditions: Vec<Condition>,
    /// How many series, at most.
    pub limit: Option<usize>,
    /// What the last listing ended with.
    pub after: Option<String>,
}

const SERIES_MAX: u64 = 1_000;

/// Reads the parameters of these names, and conditions.
///
/// # Errors
/// The first fault; its pointer is `/` and the parameter's name.
pub fn read_selection(text: &str, names: &[&str]) -> Result<Selection, Invalid> {
    let params = Params::read(text, names)?;
    let (from_ms, to_ms) = window(&params.members)?;
    // Conditions made of parameters have all of their members.
    let conditions = conditions(&params.conditions_json(), &mut Missing::default())
        .map_err(|invalid| params.by_name(invalid))?;
    let limit = match params.members.get("limit").map(Value::as_u64) {
        None => None,
        Some(Some(limit)) if (1..=SERIES_MAX).contains(&limit) => Some(limit as usize),
        Some(_) => {
            let detail = format!("A whole number from 1 to {SERIES_MAX} is wanted here.");
            return Err(Invalid { pointer: "/limit".to_owned(), detail });
        }
    };
    let after = match params.members.get("after") {
        None => None,
        Some(Value::String(after)) => Some(after.clone()),
        Some(_) => {
            let detail = "after is what the last listing said under next.".to_owned();
            return Err(Invalid { pointer: "/after".to_owned(), detail });
        }
    };
    Ok(Selection { from_ms, to_ms, conditions, limit, after })
}

impl Params {
    fn read(text: &str, names: &[&str]) -> Result<Self, Invalid> {
        let pairs = pairs(text)?;
        let mut params = Self { members: Map::new(), conditions: Vec::new() };
        if let Some((name, _)) =
            pairs.iter().find(|(name, _)| !names.contains(&name.as_str()) && op(name).is_none())
        {
            let detail = format!(
                "The parameters here are {} and conditions such as in.key.",
                names.join(", ")
            );
            return Err(Invalid { pointer: format!("/{}", escaped(name)), detail });
        }
        for (name, text) in pairs {
            if names.contains(&name.as_str()) {
                let value = member(&name, &text);
                // A second one makes it something that no member can be.
                let value = if params.members.contains_key(&name) { json!({}) } else { value };
                params.members.insert(name, value);
            } else {
                params.add_condition(name, &text);
            }
        }
        Ok(params)
    }

    fn add_condition(&mut self, name: String, text: &str) {
        let Some((op, field)) = op(&name) else {
            return;
        };
        let value = match field {
            "value" => number(text),
            _ if text.is_empty() && field != "key" && op != "prefix" => Value::Null,
            _ => Value::String(text.to_owned()),
        };
        match self.conditions.iter_mut().find(|(other, _)| *other == name) {
            Some((_, condition)) => {
                if let Some(values) = condition.get_mut("values").and_then(Value::as_array_mut) {
                    values.push(value);
                }
            }
            None => {
                let condition = json!({"field": field, "op": op, "values": [value]});
                self.conditions.push((name, condition));
            }
        }
    }

    fn conditions_json(&self) -> Value {
        Value::Array(self.conditions.iter().map(|(_, condition)| condition.clone()).collect())
    }

    /// The same fault, under the name of the parameter it came from.
    fn by_name(&self, invalid: Invalid) -> Invalid {
        let mut parts = invalid.pointer.split('/').skip(1);
        let name = match (parts.next().unwrap_or_default(), parts.next()) {
            ("where", nth) => {
                let nth = nth.and_then(|nth| nth.parse::<usize>().ok()).unwrap_or(usize::MAX);
                // Too many conditions are the fault of the last.
                let condition = self.conditions.get(nth).or(self.conditions.last());
                condition.map_or_else(String::new, |(name, _)| escaped(name))
            }
            ("top", Some(member)) => format!("top.{member}"),
            // The parameter that is there.
            ("top", None) => "top.k".to_owned(),
            (name, _) => name.to_owned(),
        };
        Invalid { pointer: format!("/{name}"), ..invalid }
    }
}

/// The operator and the field of a condition's name.
fn op(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(op, _)| OPS.contains(op))
}

/// A parameter as the member of the same name would be.
fn member(name: &str, text: &str) -> Value {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name {
        "from" | "to" | "limit" | "top.k" if digits => {
            serde_json::from_str(text).unwrap_or(Value::Null)
        }
        "fill" if text == "true" || text == "false" => Value::Bool(text == "true"),
        "group_by" | "order" if text.is_empty() => json!([]),
        "group_by" | "aggregates" | "order" => text.split(',').collect(),
        _ => Value::String(text.to_owned()),
    }
}

/// A JSON number, as exact as a double can be; false if it is none.
fn number(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Number(number)) if number.is_f64() => {
            text.trim().parse::<f64>().map_or(Value::Bool(false), Value::from)
        }
        Ok(number @ Value::Number(_)) => number,
        _ => Value::Bool(false),
    }
}

/// Names and values of a form-encoded text, decoded.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Invalid> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| Invalid {
            pointer: format!("/{}", escaped(name)),
            detail: "The name is not form-encoded UTF-8.".to_owned(),
        })?;
        let value = decode(value).ok_or_else(|| Invalid {
            pointer: format!("/{}", escaped(&name)),
            detail: "The value is not form-encoded UTF-8.".to_owned(),
        })?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                bytes.push((high? * 16 + low?) as u8);
                rest = after;
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}
