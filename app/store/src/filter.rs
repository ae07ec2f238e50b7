//! What to list, and what a list holds.

use std::sync::Arc;

use assay_records::advice::{Choice, Verdict};
use assay_records::{EXAMPLE_TAG, Outcome, Standing};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Facts, TextHash};

/// Which records to list. The default lets every record through.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Words that must all occur; the last may be the beginning of a word.
    pub q: Option<String>,
    /// The status as readers see it.
    pub status: Option<Standing>,
    /// The option chosen.
    pub option: Option<Choice>,
    /// The team; an empty one stands for records that name none.
    pub team: Option<String>,
    /// A tag.
    pub tag: Option<String>,
    /// Only records due for review on this day: their date has come or a trigger has fired. Examples
    /// (tagged `assay`) and records no longer in force are never due.
    pub due: Option<Date>,
    /// Whether the choice went against the advice.
    pub overridden: Option<bool>,
    /// Only decisions that were made: accepted once, whatever became of them since.
    pub decided: bool,
    /// The first [`Facts::day`].
    pub from: Option<Date>,
    /// The last [`Facts::day`].
    pub to: Option<Date>,
    /// What came of revisiting it.
    pub revisited: Option<Revisited>,
    /// Whether a trigger has ever fired.
    pub fired: Option<bool>,
    /// Questions, any of which was open when the advice was given, as [`crate::question_bits`]; none
    /// does not matter.
    pub unknown: u64,
    /// Names of runs, any of which it relies on; absent does not matter.
    pub runs: Option<Vec<Arc<str>>>,
    /// Whether it is an example that comes with the program.
    pub examples: Option<bool>,
    /// The page, from 1.
    pub page: u32,
    /// The records on a page, at most [`Filter::MAX_PER_PAGE`].
    pub per_page: u32,
}

impl Filter {
    /// The records on a page unless said otherwise.
    pub const PER_PAGE: u32 = 50;
    /// The most records on a page.
    pub const MAX_PER_PAGE: u32 = 1000;

    /// Whether the filter lets a record through, as far as its line tells: all but the words.
    #[must_use]
    pub fn lets_through(&self, line: &Summary) -> bool {
        let facts = &line.facts;
        let team = line.team.as_deref().unwrap_or_default();
        self.status.is_none_or(|status| line.standing == status)
            && self.option.is_none_or(|option| line.option == Some(option))
            && self.team.as_ref().is_none_or(|wanted| wanted == team)
            && self.tag.as_ref().is_none_or(|tag| line.has_tag(tag))
            && self.due.is_none_or(|day| line.is_due(day))
            && self.overridden.is_none_or(|overridden| line.overridden == overridden)
            && (!self.decided || line.is_decided())
            && self.from.is_none_or(|from| facts.day >= from)
            && self.to.is_none_or(|to| facts.day <= to)
            && self.revisited.is_none_or(|revisited| revisited.is(facts.outcome))
            && self.fired.is_none_or(|fired| facts.ever_fired == fired)
            && (self.unknown == 0 || facts.unknown & self.unknown != 0)
            && self.runs.as_ref().is_none_or(|runs| facts.rest_on(runs))
            && self.examples.is_none_or(|examples| line.is_example() == examples)
    }
}

/// What came of revisiting a record, as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revisited {
    /// It was revisited, whatever came of it.
    Yes,
    /// It never was.
    No,
    /// This came of it the last time.
    To(Outcome),
}

impl Revisited {
    /// Whether this is what came of the last revisit.
    #[must_use]
    pub fn is(self, outcome: Option<Outcome>) -> bool {
        match self {
            Self::Yes => outcome.is_some(),
            Self::No => outcome.is_none(),
            Self::To(wanted) => outcome == Some(wanted),
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            q: None,
            status: None,
            option: None,
            team: None,
            tag: None,
            due: None,
            overridden: None,
            decided: false,
            from: None,
            to: None,
            revisited: None,
            fired: None,
            unknown: 0,
            runs: None,
            examples: None,
            page: 1,
            per_page: Self::PER_PAGE,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The records: the best match first when words were given; of those due, the most urgent; else
    /// the newest number first.
    pub items: Vec<Arc<Summary>>,
    /// All records that the filter lets through.
    pub total: u64,
    /// What the list could be narrowed to.
    pub facets: Facets,
}

/// For each filter, the values it could take and how many records each would leave, given the other
/// filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Ids of [`Standing`].
    pub statuses: Vec<Facet>,
    /// Ids of [`Choice`].
    pub options: Vec<Facet>,
    /// Teams, most records first.
    pub teams: Vec<Facet>,
    /// Tags, most records first.
    pub tags: Vec<Facet>,
}

/// One value a filter could take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// How many records it would leave.
    pub count: u64,
}

/// A line of a list. The lines of all records are in memory, so that each is kept small: texts of which
/// many records share one are there once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The record's id.
    pub id: Uuid,
    /// The number shown to people.
    pub number: u32,
    /// The file's name within the folder.
    pub file_name: Arc<str>,
    /// The hash of the record's text: another hash, another text.
    pub hash: TextHash,
    /// The title.
    pub title: String,
    /// The service decided about.
    pub service: Option<Arc<str>>,
    /// The team that owns it.
    pub team: Option<Arc<str>>,
    /// The status as readers see it.
    pub standing: Standing,
    /// The option chosen.
    pub option: Option<Choice>,
    /// The option advised, if the advice named one.
    pub recommended: Option<Choice>,
    /// How firmly it was advised.
    pub verdict: Option<Verdict>,
    /// Whether the choice went against the advice.
    pub overridden: bool,
    /// The tags; `assay` marks the examples that come with the program.
    pub tags: Box<[Arc<str>]>,
    /// When it was written.
    pub created: Timestamp,
    /// The day of the decision.
    pub decided: Option<Date>,
    /// The day by which it should be looked at again.
    pub review_by: Option<Date>,
    /// The first day on which it is due for review.
    pub due_on: Option<Date>,
    /// Whether a trigger has fired since the last review.
    pub fired: bool,
    /// The records that it names as replaced.
    pub supersedes: Box<[Uuid]>,
    /// What is counted of it besides.
    pub facts: Facts,
}

impl Summary {
    /// Whether the record is one of the examples that come with the program.
    #[must_use]
    pub fn is_example(&self) -> bool {
        self.has_tag(EXAMPLE_TAG)
    }

    /// Whether it has this tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| **own == *tag)
    }

    /// Whether it is a decision that was made: accepted once, whatever became of it since.
    #[must_use]
    pub const fn is_decided(&self) -> bool {
        self.standing.is_decided()
    }

    /// The first day on which it is due for review: every day, once a trigger has fired.
    #[must_use]
    pub fn due_from(&self) -> Option<Date> {
        let alive =
            matches!(self.standing, Standing::Draft | Standing::Proposed | Standing::Accepted);
        let day = if self.fired { Some(Date::MIN) } else { self.due_on };
        day.filter(|_| alive && !self.is_example())
    }

    /// Whether the record is due for review on this day.
    #[must_use]
    pub fn is_due(&self, today: Date) -> bool {
        self.due_from().is_some_and(|day| day <= today)
    }
}
