//! Events, as a check sends them and as it finds them again.

use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) ts: i64,
    pub(crate) key: String,
    pub(crate) value: f64,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Event {
    pub(crate) fn new(ts: i64, key: &str, value: f64, tags: &[(&str, &str)]) -> Self {
        let tags = tags.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Self { ts, key: key.to_owned(), value, tags: tags.collect() }
    }

    pub(crate) fn json(&self) -> Value {
        let mut event = json!({"ts": self.ts, "key": self.key, "value": self.value});
        if let (false, Some(members)) = (self.tags.is_empty(), event.as_object_mut()) {
            members.insert("tags".to_owned(), json!(self.tags));
        }
        event
    }

    /// Reads what [`Self::json`] writes.
    pub(crate) fn from_json(event: &Value) -> Option<Self> {
        let tags = match event.get("tags") {
            Some(tags) => tags
                .as_object()?
                .iter()
                .map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
                .collect::<Option<_>>()?,
            None => BTreeMap::new(),
        };
        let key = event.get("key")?.as_str()?.to_owned();
        Some(Self {
            ts: event.get("ts")?.as_i64()?,
            key,
            value: event.get("value")?.as_f64()?,
            tags,
        })
    }
}

/// A batch: one event a line.
pub(crate) fn lines<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<u8> {
    let lines = events.into_iter().flat_map(|event| format!("{}\n", event.json()).into_bytes());
    lines.collect()
}

/// Events in an order that depends on nothing but themselves.
pub(crate) fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by(|a, b| {
        (a.ts, &a.key)
            .cmp(&(b.ts, &b.key))
            .then(a.value.total_cmp(&b.value))
            .then(a.tags.cmp(&b.tags))
    });
    events
}
