//! The part of a scenario that loads an analytics service: made-up events, and questions about them.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// The most different keys, and different values of the tag.
const MAX_STRINGS: u32 = 10_000_000;

/// The longest stretch of time that events cover, in seconds: 31 days.
const MAX_SPAN_S: u32 = 31 * 86_400;

/// The most events of one batch: their lines take less than the 32 MiB a batch may have.
pub(super) const MAX_BATCH: u32 = 100_000;

/// The most events stored before anything is timed.
pub(super) const MAX_STORED: u32 = 50_000_000;

/// The most times that a question is asked in one process.
pub(super) const MAX_ROUNDS: u32 = 1_000;

/// Events as a seed makes them: a time, a key, a value of three decimals, and one tag, `user`. They
/// come in the order of their times, give or take 5 s, and in no order of anything else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventPlan {
    /// How many different keys there are, `key-0` and so on, each as often as any other.
    pub keys: u32,
    /// How many different values the tag has, `u0` and so on.
    pub users: u32,
    /// The stretch of time they cover in seconds, from the beginning of 2026.
    pub span_s: u32,
}

/// A question that is asked again and again, each time once the answer before has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionPlan {
    /// Which of the two.
    pub id: QuestionId,
    /// What the service is asked, the body of `POST /v1/query`.
    pub query: String,
    /// What a program of others is asked instead. Both must give the same rows.
    pub sql: String,
}

/// The questions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuestionId {
    /// Every bucket of every key, with a 99th percentile.
    Buckets,
    /// Very many groups.
    Groups,
}

impl fmt::Display for QuestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buckets => "buckets",
            Self::Groups => "groups",
        })
    }
}

impl EventPlan {
    pub(super) fn check(&self) -> Result<()> {
        for (name, count, most) in [
            ("keys", self.keys, MAX_STRINGS),
            ("users", self.users, MAX_STRINGS),
            ("span_s", self.span_s, MAX_SPAN_S),
        ] {
            ensure!(
                (1..=most).contains(&count),
                "events.{name} is {count}, but must be 1 to {most}"
            );
        }
        Ok(())
    }
}

impl QuestionPlan {
    pub(super) fn check(&self) -> Result<()> {
        let id = self.id;
        let query = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&self.query);
        ensure!(query.is_ok(), "question {id}: query must be a JSON object");
        ensure!(!self.sql.trim().is_empty(), "question {id}: sql must ask the same");
        Ok(())
    }
}
