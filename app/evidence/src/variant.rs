//! Variants: what is measured in the same blocks beside the idiomatic pair. One mechanism carries
//! the noise floor (A/A), the tuning ladder, the causes of garbage collection, and the floor.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sample::Twin;
use crate::summary::{Better, Figure, Ratio};

/// What a variant is there to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The same binary once more (A/A): what differs is noise.
    Again,
    /// A rung of the tuning ladder: the same contract, tuned.
    Tuning,
    /// The same binary with other settings at run time.
    Runtime,
    /// A server that answers with fixed bytes: what the kernel alone costs.
    Floor,
    /// A program of others that does the same work. It is held against both twins; where a language
    /// is written down for it, that is the twin it stands beside, not what it is written in.
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Again => "again",
            Self::Tuning => "tuning",
            Self::Runtime => "runtime",
            Self::Floor => "floor",
            Self::Other => "other",
        })
    }
}

/// What a variant is, before it was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantInfo {
    /// Its id, of `a-z 0-9 -`.
    pub id: String,
    /// What it is written in, and whose idiomatic twin it is compared with.
    pub language: Twin,
    /// What it is there to show.
    pub kind: Kind,
    /// Its name for people.
    pub label: String,
    /// Why it is measured, in a sentence.
    pub why: String,
}

/// A variant's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its id, of `a-z 0-9 -`.
    pub id: String,
    /// What it is written in, and whose idiomatic twin it is compared with.
    pub language: Twin,
    /// What it is there to show.
    pub kind: Kind,
    /// Its name for people.
    pub label: String,
    /// Why it is measured, in a sentence.
    #[serde(default)]
    pub why: String,
    /// The figures.
    #[serde(default, rename = "metric")]
    pub metrics: Vec<VariantMetric>,
}

impl Variant {
    /// The metric with an id of [`metric`](crate::metric).
    #[must_use]
    pub fn metric(&self, id: &str) -> Option<&VariantMetric> {
        self.metrics.iter().find(|metric| metric.id == id)
    }
}

/// One metric of a variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantMetric {
    /// One of [`metric`](crate::metric)'s ids.
    pub id: String,
    /// In words.
    pub title: String,
    /// The unit of the figure.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The condition under which the figure holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// True when the generator gave out first, so that the figure is a lower bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// The variant's figure; absent when no sample counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
    /// Variant ÷ the idiomatic twin of its language, paired by block; none of a program of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// The Rust twin ÷ a program of others, paired by block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust_over: Option<Ratio>,
    /// The Go twin ÷ a program of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go_over: Option<Ratio>,
}

impl VariantMetric {
    /// A twin ÷ this program of others.
    #[must_use]
    pub fn twin_over(&self, twin: Twin) -> Option<Ratio> {
        match twin {
            Twin::Rust => self.rust_over,
            Twin::Go => self.go_over,
        }
    }
}
