//! What a file of another tool says, before anything is made of it.

use jiff::civil::Date;

use super::{Dialect, Embedded};
use crate::{Rationale, Status};

/// A decision as another tool recorded it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The format it is in.
    pub dialect: Dialect,
    /// Its number, where the file name or the text has one.
    pub number: Option<u32>,
    /// The title without its number.
    pub title: String,
    /// The status.
    pub status: FoundStatus,
    /// The day it names.
    pub date: Option<Date>,
    /// Who decided.
    pub deciders: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// The sections, gathered into ours.
    pub rationale: Rationale,
    /// The option it says was chosen, in its words.
    pub chosen: Option<String>,
    /// The decisions it says it replaces.
    pub supersedes: Vec<Reference>,
    /// The record that assay wrote into the file when it exported it.
    pub embedded: Option<Embedded>,
    /// What could not be read, in words; the original keeps it.
    pub warnings: Vec<String>,
}

/// What a file says its status is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundStatus {
    /// One of ours.
    Known(Status),
    /// Replaced by another decision.
    SupersededBy(Reference),
    /// Another word.
    Other(String),
    /// Nothing.
    Missing,
}

/// How one file names another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// The words.
    pub text: String,
    /// The file a link points to, without folders.
    pub file: Option<String>,
    /// The number named.
    pub number: Option<u32>,
}

impl FoundStatus {
    /// Reads a status as written, whatever its case, quotes and emphasis.
    #[must_use]
    pub fn read(written: &str) -> Self {
        let bare = written.trim().trim_matches(['"', '\'', '*', '_', '`', '.']).trim();
        let lower = bare.to_lowercase();
        // A template lists the words to choose from.
        if bare.is_empty() || super::markdown::is_hint(bare) || lower.contains(" | ") {
            return Self::Missing;
        }
        if let Some(status) = Status::from_id(&lower) {
            return Self::Known(status);
        }
        for words in ["superseded by", "superceded by"] {
            if let Some(at) = lower.find(words)
                && let Some(rest) = bare.get(at + words.len()..)
            {
                return Self::SupersededBy(Reference::read(rest));
            }
        }
        Self::Other(bare.to_owned())
    }
}

impl Reference {
    /// Reads `[words](file)`, `ADR-0123`, `12` or a slug.
    #[must_use]
    pub fn read(written: &str) -> Self {
        let written = written.trim().trim_start_matches(':').trim();
        let link = written.split_once("](").and_then(|(words, target)| {
            let target = target.split_once(')')?.0;
            Some((words.trim_start_matches('['), target))
        });
        let (text, file) = match link {
            Some((words, target)) => {
                let path = target.split(['#', '?']).next().unwrap_or_default();
                let name = path.rsplit('/').next().unwrap_or_default();
                (words, Some(name.to_owned()).filter(|name| !name.is_empty()))
            }
            None => (written, None),
        };
        let digits = text.find(|c: char| c.is_ascii_digit()).map(|at| {
            let from = text.get(at..).unwrap_or_default();
            from.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()
        });
        // Eight digits are the day in a log4brains slug.
        let number = digits.filter(|digits| digits.len() < 8).and_then(|d| d.parse().ok());
        Self { text: text.trim().to_owned(), file, number }
    }
}

/// Reads `YYYY-MM-DD`, with a time after it or not, or `DD/MM/YYYY`.
pub(super) fn date(written: &str) -> Option<Date> {
    let written = written.trim().trim_matches(['"', '\'']);
    let day = written.split(['T', ' ']).next().unwrap_or_default();
    if let Some((d, rest)) = day.split_once('/') {
        let (m, y) = rest.split_once('/')?;
        return Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok();
    }
    let shape = day.len() == 10 && day.bytes().filter(|byte| *byte == b'-').count() == 2;
    day.parse().ok().filter(|_| shape)
}

/// Names from a scalar: separated by commas, each without quotes.
pub(super) fn names(written: &str) -> Vec<String> {
    let names = written.split([',', '\n']).map(|name| name.trim().trim_matches(['"', '\'']));
    names
        .filter(|name| !name.is_empty() && !super::markdown::is_hint(name))
        .map(str::to_owned)
        .collect()
}
