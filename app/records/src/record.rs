//! The record's fields.

use assay_advice::{Answers, Assumptions, Choice, Model, Problem, Score};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    Condition, Dialect, Event, EventKind, Parsed, RecordedCost, Status, Trigger, cost::owners,
    parse,
};

/// The tag of the records that come with the program.
pub const EXAMPLE_TAG: &str = "assay";

/// A decision: what was asked, advised, chosen and why, and what would change it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The stable id, a version 7 UUID.
    pub id: Uuid,
    /// The title, one line.
    pub title: String,
    /// The service decided about.
    pub service: Option<String>,
    /// The team that owns it.
    pub team: Option<String>,
    /// Where the record is in its life.
    pub status: Status,
    /// Free words to find it by; `assay` marks the examples that come with the program.
    pub tags: Vec<String>,
    /// When it was written.
    pub created: Timestamp,
    /// The day of the decision.
    pub decided: Option<Date>,
    /// The day by which it should be looked at again.
    pub review_by: Option<Date>,
    /// Who decided.
    pub deciders: Vec<String>,
    /// The records that this one replaces once it is accepted.
    pub supersedes: Vec<Uuid>,
    /// What was chosen; an accepted record always has it.
    pub choice: Option<Chosen>,
    /// Why, in Markdown.
    pub rationale: Rationale,
    /// The checklist's answers.
    pub answers: Answers,
    /// The advice as it was given that day, without precedents.
    pub advice: Option<Score>,
    /// What the options were reckoned to cost.
    pub cost: Option<RecordedCost>,
    /// The measurements relied on.
    pub evidence: Vec<Evidence>,
    /// What makes the record due for review.
    pub triggers: Vec<Trigger>,
    /// The text that this record was imported from, as it was found.
    pub original: Option<Original>,
    /// What happened to the record, oldest first; only ever added to.
    pub events: Vec<Event>,
}

/// The text of another tool that a record was imported from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// What wrote it.
    pub format: Dialect,
    /// Its file's name within the folder that was imported, with `/` between folders.
    pub file: String,
    /// Its text, exactly.
    pub text: String,
}

impl Original {
    /// Where it came from, in words.
    pub(crate) fn detail(&self) -> String {
        format!("imported from {} ({})", self.file, self.format.name())
    }
}

/// The option chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The option.
    pub option: Choice,
    /// Why it differs from the recommendation; present exactly when said.
    pub override_reason: Option<String>,
}

/// The reasoning, in Markdown; an unwritten section is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rationale {
    /// What the situation is.
    pub context: String,
    /// What was decided and why.
    pub decision: String,
    /// What follows from it.
    pub consequences: String,
}

/// A section of the rationale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// What the situation is.
    Context,
    /// What was decided and why.
    Decision,
    /// What follows from it.
    Consequences,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 3] = [Self::Context, Self::Decision, Self::Consequences];

    /// The key in the file.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Decision => "decision",
            Self::Consequences => "consequences",
        }
    }

    /// The section with this key.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.id() == id)
    }
}

impl Rationale {
    /// The text of one section.
    #[must_use]
    pub fn get(&self, section: Section) -> &str {
        match section {
            Section::Context => &self.context,
            Section::Decision => &self.decision,
            Section::Consequences => &self.consequences,
        }
    }

    /// The text of one section, to change.
    pub const fn get_mut(&mut self, section: Section) -> &mut String {
        match section {
            Section::Context => &mut self.context,
            Section::Decision => &mut self.decision,
            Section::Consequences => &mut self.consequences,
        }
    }
}

/// A measured figure relied on, as it was that day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The run folder's name.
    pub run: String,
    /// The scenario within the run.
    pub scenario: Option<String>,
    /// What was measured, for example `p99_ms`.
    pub metric: String,
    /// The unit of `rust` and `go`.
    pub unit: Option<String>,
    /// The figure of the Rust twin.
    pub rust: Option<f64>,
    /// The figure of the Go twin.
    pub go: Option<f64>,
    /// `rust ÷ go`.
    pub ratio: Option<f64>,
    /// The lower end of the ratio's interval.
    pub low: Option<f64>,
    /// The upper end of the ratio's interval.
    pub high: Option<f64>,
}

impl Record {
    /// Reads a record's text, with every problem at its place.
    ///
    /// # Errors
    /// What must be mended before the text is a record; spans are byte ranges of `text`.
    pub fn parse(text: &str, model: &Model) -> Result<Parsed, Vec<Problem>> {
        parse::parse(text, model)
    }

    /// The option advised, if the advice named one.
    #[must_use]
    pub fn recommended(&self) -> Option<Choice> {
        self.advice.as_ref().and_then(|advice| advice.recommended)
    }

    /// Whether the record is one of the examples that come with the program.
    #[must_use]
    pub fn is_example(&self) -> bool {
        self.tags.iter().any(|tag| tag == EXAMPLE_TAG)
    }

    /// Whether another option was chosen than the one advised.
    #[must_use]
    pub fn overridden(&self) -> bool {
        match (&self.choice, self.recommended()) {
            (Some(chosen), Some(advised)) => chosen.option != advised,
            _ => false,
        }
    }

    /// The assumptions about cost that differ from the defaults.
    #[must_use]
    pub fn changed_assumptions(&self) -> Assumptions {
        let kept = self.cost.as_ref().map(|cost| &cost.assumptions);
        kept.map(|kept| kept.changed(owners(&self.answers))).unwrap_or_default()
    }

    /// The first day on which the record is due for review: its review date, or a date trigger that
    /// no later revisit has answered.
    #[must_use]
    pub fn due_on(&self) -> Option<Date> {
        let settled = self
            .events
            .iter()
            .filter(|event| event.kind == EventKind::Revisited)
            .map(|event| event.at.to_zoned(TimeZone::UTC).date())
            .max();
        let dates = self.triggers.iter().filter_map(|trigger| match trigger.condition {
            Condition::Date(date) if settled.is_none_or(|day| day < date) => Some(date),
            _ => None,
        });
        self.review_by.into_iter().chain(dates).min()
    }

    /// The triggers' firings since the record was last revisited, oldest first. The order of the
    /// events counts, not their times: they are only ever added to.
    pub fn fired(&self) -> impl Iterator<Item = &Event> {
        let revisited = self.events.iter().rposition(|event| event.kind == EventKind::Revisited);
        let since = self.events.iter().skip(revisited.map_or(0, |at| at + 1));
        since.filter(|event| event.kind == EventKind::TriggerFired)
    }

    /// Whether a trigger has fired since the record was last revisited.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        self.fired().next().is_some()
    }

    /// What reviewers said of it, oldest first.
    pub fn reviews(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.kind == EventKind::Reviewed)
    }

    /// The advice that its keepers last looked at: as given, or as it was when somebody scored the
    /// record again and noted it. None when no advice is kept; `Some(None)` is too close to call.
    #[must_use]
    pub fn last_advised(&self) -> Option<Option<Choice>> {
        let rescored = self.events.iter().rev().find_map(|event| event.advised);
        rescored.or_else(|| self.advice.as_ref().map(|advice| advice.recommended))
    }
}
