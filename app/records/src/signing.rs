//! What a reviewer signs: what a record says, apart from what happens to it.

use std::fmt::Write as _;

use toml::{Table, Value};

use crate::content_hash;

/// What a sign-off does not speak of: the record moves on through these while its text stays.
const APART: [&str; 3] = ["status", "decided", "event"];

/// `sha256:` and the digest of what a record's text says: its keys and values as JSON with sorted
/// keys, without `status`, `decided` and the events. Comments and layout do not count. None when the
/// text is not TOML.
#[must_use]
pub fn signed_digest(text: &str) -> Option<String> {
    let mut table: Table = text.parse().ok()?;
    for key in APART {
        table.remove(key);
    }
    let mut json = String::new();
    write_sorted(&mut json, &Value::Table(table));
    Some(format!("sha256:{}", content_hash(&json)))
}

/// The keys in which two texts say something else, in the order of the newer one, those of the
/// rationale one by one. What a sign-off does not speak of is left out.
#[must_use]
pub fn changed_fields(old: &str, new: &str) -> Vec<String> {
    let read = |text: &str| text.parse::<Table>().unwrap_or_default();
    let (old, new) = (flat(&read(old)), flat(&read(new)));
    let value = |list: &[(String, Value)], key: &str| {
        list.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    let mut keys: Vec<String> = new.iter().map(|(key, _)| key.clone()).collect();
    keys.extend(old.iter().map(|(key, _)| key.clone()).filter(|key| value(&new, key).is_none()));
    keys.retain(|key| value(&old, key) != value(&new, key));
    keys
}

fn flat(table: &Table) -> Vec<(String, Value)> {
    let mut list = Vec::new();
    for (key, value) in table.iter().filter(|(key, _)| !APART.contains(&key.as_str())) {
        match value {
            Value::Table(inner) if key == "rationale" || key == "choice" => {
                let inner = inner.iter().map(|(name, v)| (format!("{key}.{name}"), v.clone()));
                list.extend(inner);
            }
            other => list.push((key.clone(), other.clone())),
        }
    }
    list
}

fn write_sorted(out: &mut String, value: &Value) {
    // Writing to a String cannot fail.
    let _ = match value {
        Value::String(text) => write!(out, "{}", serde_json::json!(text.replace("\r\n", "\n"))),
        Value::Datetime(moment) => write!(out, "{}", serde_json::json!(moment.to_string())),
        Value::Integer(whole) => write!(out, "{whole}"),
        Value::Float(number) => write!(out, "{number:?}"),
        Value::Boolean(truth) => write!(out, "{truth}"),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_sorted(out, item);
            }
            write!(out, "]")
        }
        Value::Table(table) => {
            let mut keys: Vec<&String> = table.keys().collect();
            keys.sort();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                let _ = write!(out, "{}:", serde_json::json!(key));
                table.get(key).into_iter().for_each(|value| write_sorted(out, value));
            }
            write!(out, "}}")
        }
    };
}
