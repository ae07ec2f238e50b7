//! The part of a scenario that loads a service over HTTP: requests, and those that build its state.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Deserializer};

use super::{Scenario, analytics};

/// The most requests that build resident state.
const MAX_PRELOAD: u32 = 10_000_000;

/// A request. `{n}` in its path runs through the numbers below
/// [`LoadPlan::ids`](super::LoadPlan::ids).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The content type of the body.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The file of the body, from the root of the source tree.
    #[serde(default)]
    pub body: Option<PathBuf>,
    /// The body itself, instead of a file.
    #[serde(default)]
    pub text: Option<String>,
    /// So many made-up events as the body instead, other ones for each of the numbers.
    #[serde(default)]
    pub events: Option<u32>,
    /// The statuses of a good answer.
    #[serde(default = "ok", deserialize_with = "one_or_many")]
    pub expect: Vec<u16>,
}

fn ok() -> Vec<u16> {
    vec![200]
}

/// A request sent `count` times to each fresh process, `{n}` in its path running from 0.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preload {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The content type of the body.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The file of the body, from the root of the source tree.
    #[serde(default)]
    pub body: Option<PathBuf>,
    /// The body itself, instead of a file.
    #[serde(default)]
    pub text: Option<String>,
    /// The statuses of a good answer.
    #[serde(default = "ok", deserialize_with = "one_or_many")]
    pub expect: Vec<u16>,
    /// How many times.
    pub count: u32,
}

impl Preload {
    pub(crate) fn request(&self) -> Request {
        Request {
            method: self.method.clone(),
            path: self.path.clone(),
            content_type: self.content_type.clone(),
            headers: BTreeMap::new(),
            body: self.body.clone(),
            text: self.text.clone(),
            events: None,
            expect: self.expect.clone(),
        }
    }
}

/// One value, or a list of them.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);

    // Written out rather than an untagged enum, whose errors would not say what is wrong.
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one value or a list")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
            Deserialize::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            let value = T::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
            Ok(vec![value])
        }

        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Vec<T>, E> {
            let value = serde::de::IntoDeserializer::<E>::into_deserializer(value);
            Ok(vec![T::deserialize(value)?])
        }
    }
    deserializer.deserialize_any(Visitor(std::marker::PhantomData))
}

impl Scenario {
    pub(super) fn check_requests(&self) -> Result<()> {
        let preload = self.preload.as_ref().map(Preload::request);
        for request in self.requests.iter().chain(&preload) {
            let named = format!("{} {}", request.method, request.path);
            ensure!(request.path.starts_with('/'), "{named}: a path begins with /");
            let bodies = [request.body.is_some(), request.text.is_some(), request.events.is_some()];
            ensure!(
                bodies.into_iter().filter(|body| *body).count() <= 1,
                "{named}: body names a file, text is the body itself, events are made up: give one"
            );
            let events = request.events.unwrap_or(1);
            ensure!(
                (1..=analytics::MAX_BATCH).contains(&events),
                "{named}: events is {events}, but must be 1 to {}",
                analytics::MAX_BATCH
            );
            ensure!(
                request.events.is_none() || self.events.is_some(),
                "{named}: events need a table [events]"
            );
            let expected = !request.expect.is_empty()
                && request.expect.iter().all(|status| (200..600).contains(status));
            ensure!(expected, "{named}: expect must hold statuses of 200 to 599");
            let words = [Some(&request.method), Some(&request.path), request.content_type.as_ref()];
            let headers = request.headers.iter().flat_map(|(name, value)| [name, value]);
            let clean = words
                .into_iter()
                .flatten()
                .chain(headers)
                .all(|word| !word.contains(char::is_control) && word.is_ascii());
            ensure!(clean, "{named}: method, path and headers are plain ASCII on one line");
        }
        if let Some(preload) = &self.preload {
            ensure!(
                (1..=MAX_PRELOAD).contains(&preload.count),
                "preload.count is {}, but must be 1 to {MAX_PRELOAD}",
                preload.count
            );
        }
        Ok(())
    }
}
