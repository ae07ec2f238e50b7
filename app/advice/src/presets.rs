//! Realistic sheets to start from.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::{Answers, Model};

const BUILTIN: &str = include_str!("../models/presets.toml");

/// A realistic sheet to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The stable id, used in links.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// One sentence about the service.
    pub summary: String,
    /// A name for the service.
    pub service: String,
    /// The answers.
    pub answers: Answers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    preset: Vec<RawPreset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPreset {
    id: String,
    title: String,
    summary: String,
    service: String,
    answers: toml::Table,
}

/// The presets for the built-in model.
///
/// # Panics
/// Never: a test reads the text that is compiled in.
#[must_use]
pub fn presets() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| match read() {
        Ok(presets) => presets,
        #[expect(clippy::panic, reason = "the text is compiled in and a test reads it")]
        Err(message) => panic!("models/presets.toml: {message}"),
    })
}

fn read() -> Result<Vec<Preset>, String> {
    let file: RawFile = toml::from_str(BUILTIN).map_err(|error| error.to_string())?;
    let make = |raw: RawPreset| {
        let answers = Answers::from_table(Model::builtin(), &raw.answers)
            .map_err(|problems| format!("{}: {problems:?}", raw.id))?;
        let RawPreset { id, title, summary, service, .. } = raw;
        Ok(Preset { id, title, summary, service, answers })
    };
    file.preset.into_iter().map(make).collect()
}
