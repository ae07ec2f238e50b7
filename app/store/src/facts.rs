//! What is counted of a record besides what a list shows.

use std::sync::Arc;

use assay_records::advice::{AnswerValue, Model};
use assay_records::{EventKind, Outcome, Record};
use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// What is counted of a record besides what a list shows of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The day of the decision; of the writing (UTC), where no decision was made.
    pub day: Date,
    /// The engineers who own the service, as answered.
    pub owners: Option<f32>,
    /// How many of them could review a change in Go, as answered.
    pub go_fluency: Option<Fluency>,
    /// How many of them could review a change in Rust, as answered.
    pub rust_fluency: Option<Fluency>,
    /// The questions that were open when the advice was given, as [`question_bits`]; none without
    /// advice.
    pub unknown: u64,
    /// What came of the last revisit; absent when it never was revisited.
    pub outcome: Option<Outcome>,
    /// Whether a trigger has ever fired.
    pub ever_fired: bool,
    /// The names of the runs relied on, each once.
    pub runs: Box<[Arc<str>]>,
}

/// How many of a team could review a change in a language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fluency {
    /// Nobody.
    None,
    /// Under half.
    Few,
    /// Half or more.
    Most,
}

impl Fluency {
    /// Every one, in order.
    pub const ALL: [Self; 3] = [Self::None, Self::Few, Self::Most];

    /// The answer in the checklist.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Few => "few",
            Self::Most => "most",
        }
    }
}

impl Facts {
    /// The facts of a record, read with this model.
    #[must_use]
    pub fn of(record: &Record, model: &Model) -> Self {
        let fluency = |id: &str| match record.answers.value(id) {
            AnswerValue::One(value) => Fluency::ALL.into_iter().find(|known| known.id() == value),
            _ => None,
        };
        let revisit = record.events.iter().rev().find(|event| event.kind == EventKind::Revisited);
        Self {
            day: record.decided.unwrap_or_else(|| record.created.to_zoned(TimeZone::UTC).date()),
            #[expect(clippy::cast_possible_truncation, reason = "a count of people")]
            owners: match record.answers.value("owners") {
                AnswerValue::Number { value, .. } => Some(value as f32),
                _ => None,
            },
            go_fluency: fluency("go_fluency"),
            rust_fluency: fluency("rust_fluency"),
            unknown: record.advice.as_ref().map_or(0, |advice| {
                question_bits(model, advice.unknown.iter().map(String::as_str))
            }),
            // A revisit written by hand may say no outcome; then it stands.
            outcome: revisit.map(|event| event.outcome.unwrap_or(Outcome::Keep)),
            ever_fired: record.events.iter().any(|event| event.kind == EventKind::TriggerFired),
            runs: runs(record),
        }
    }

    /// Whether it relies on any of these runs.
    #[must_use]
    pub fn rest_on(&self, runs: &[Arc<str>]) -> bool {
        self.runs.iter().any(|own| runs.contains(own))
    }
}

/// The runs that a record relies on: those of its figures, and of the reasons it was given.
fn runs(record: &Record) -> Box<[Arc<str>]> {
    let figures = record.evidence.iter().map(|row| row.run.as_str());
    let reasons = record.advice.iter().flat_map(|advice| &advice.reasons);
    let reasons = reasons
        .filter_map(|reason| reason.evidence.as_deref())
        .map(|run| run.split('/').next().unwrap_or(run));
    let mut names: Vec<&str> = figures.chain(reasons).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(Arc::from).collect()
}

/// A bit for each of these questions: its place among the questions of the model. Those that the
/// model does not ask have none, nor have those beyond the 63rd.
#[must_use]
pub fn question_bits<'a>(model: &Model, ids: impl IntoIterator<Item = &'a str>) -> u64 {
    let place = |id: &str| model.questions().iter().position(|question| question.id == id);
    let places = ids.into_iter().filter_map(place).filter(|place| *place < 63);
    places.fold(0, |bits, place| bits | 1 << place)
}
