//! A new record before it has a text.

use assay_advice::{Answers, Score};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use crate::{Chosen, Evidence, Original, Rationale, RecordedCost, Status, Trigger, write};

/// What a new record will say.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The title, one line.
    pub title: String,
    /// The service decided about.
    pub service: Option<String>,
    /// The team that owns it.
    pub team: Option<String>,
    /// Where the record starts.
    pub status: Status,
    /// Free words to find it by.
    pub tags: Vec<String>,
    /// The day of the decision.
    pub decided: Option<Date>,
    /// The day by which it should be looked at again.
    pub review_by: Option<Date>,
    /// Who decides.
    pub deciders: Vec<String>,
    /// The records that this one replaces once it is accepted.
    pub supersedes: Vec<Uuid>,
    /// What is chosen.
    pub choice: Option<Chosen>,
    /// Why, in Markdown.
    pub rationale: Rationale,
    /// The checklist's answers.
    pub answers: Answers,
    /// The advice as given; its precedents are left out.
    pub advice: Option<Score>,
    /// What the options are reckoned to cost.
    pub cost: Option<RecordedCost>,
    /// The measurements relied on.
    pub evidence: Vec<Evidence>,
    /// What makes the record due for review.
    pub triggers: Vec<Trigger>,
    /// The text that it is imported from.
    pub original: Option<Original>,
}

impl Draft {
    /// The record's text, with `by` having created it at `now`. It is laid out for reading and
    /// commented where that helps. Whether it keeps the rules is for [`crate::Record::parse`] to
    /// say, so that a form can show its problems.
    #[must_use]
    pub fn to_toml(&self, id: Uuid, now: Timestamp, by: &str) -> String {
        write::record(self, id, now, by)
    }
}
