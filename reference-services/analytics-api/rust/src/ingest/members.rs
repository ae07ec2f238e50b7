//! The members of a JSON object in their order, each value as its text.

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A member's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// A text, escapes resolved.
    Text(Cow<'a, str>),
    /// One with half of a surrogate pair, which no text has.
    NoText,
}

/// Reads a whole JSON text (RFC 8259) that is an object. Repeated names are all there.
pub fn read(text: &str) -> Option<Vec<(Name<'_>, &str)>> {
    // Names are read as bytes below, which lets raw control characters pass; this does not.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Members).ok()?;
    json.end().ok()?;
    Some(members)
}

/// The text of a JSON string, escapes resolved; nothing if it is none, or has half of a surrogate
/// pair.
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Name<'de>, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(NameSeed)? {
            members.push((name, map.next_value::<&RawValue>()?.get()));
        }
        Ok(members)
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Name<'de>, D::Error> {
        // As bytes, since only they can have half of a surrogate pair.
        name.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Name<'de>, E> {
        Ok(std::str::from_utf8(bytes).map_or(Name::NoText, |it| Name::Text(Cow::Borrowed(it))))
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Name<'de>, E> {
        let text = std::str::from_utf8(bytes).map(str::to_owned);
        Ok(text.map_or(Name::NoText, |text| Name::Text(Cow::Owned(text))))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
        Ok(Name::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
        Ok(Name::Text(Cow::Owned(text.to_owned())))
    }
}
