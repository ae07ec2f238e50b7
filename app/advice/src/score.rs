//! The score object: what `assay score --json` prints, the API returns and a record keeps.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ByOption, Choice, Model};

/// How firmly the model recommends its first option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The lower 95% bound of the first-rank share is at least 0.85.
    Strong,
    /// The bound is at least 0.65, or something caps a stronger verdict.
    Lean,
    /// Neither, or every option is knocked out: nothing is recommended.
    TooClose,
}

impl Verdict {
    /// The id used in files and JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Strong => "strong",
            Self::Lean => "lean",
            Self::TooClose => "too_close",
        }
    }
}

/// The part that is settled although the verdict is `too_close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Rust in the core; the edge is open.
    RustInCore,
    /// Go at the edge; the core is open.
    GoAtEdge,
}

/// The model that gave an advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    /// The model's id, for example `backend`.
    pub id: String,
    /// Its version, for example `1`.
    pub version: String,
    /// `sha256:` and the hex digest of the model's text.
    pub digest: String,
}

/// What the model says of one option.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OptionScore {
    /// `V(a)`, 0 to 1.
    pub value: f64,
    /// The share of draws in which the option ranks first, 0 to 1.
    pub first_share: f64,
    /// What rules the option out for certain: ids of knock-outs; empty when it is in.
    #[serde(default)]
    pub knocked_out: Vec<String>,
}

/// Something the reader must know beside the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// A stable id, for example `not_measured`, `consider_staying` or `all_knocked_out`.
    pub id: String,
    /// The sentence shown.
    pub text: String,
}

/// One criterion's share of the difference between the first and the second option.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The criterion's id.
    pub criterion: String,
    /// `w (v(a) − v(b))`; positive speaks for the first option. The contributions of all reasons
    /// sum to `V(a) − V(b)`.
    pub contribution: f64,
    /// The reason in a sentence.
    pub text: String,
    /// The run a measured criterion rests on, for example `2026-11-21-host/json-quotes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// What is changed in a flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlipKind {
    /// One answer.
    Answer,
    /// Two answers at once.
    Pair,
    /// A number within a range.
    Number,
    /// A criterion's importance (swing points) changes.
    Importance,
}

/// What an answer is, or would be: a number as a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Told {
    /// A number in its question's unit, or swing points.
    Number(f64),
    /// An answer's value; `unknown` while it is open; empty where a list gains or loses one.
    Text(String),
}

impl Told {
    /// The number; advice kept by earlier versions has it as a text.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<&str> for Told {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One change within a flip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// A question's id, or a criterion's for importance.
    pub id: String,
    /// The answer, number or swing as it is.
    pub from: Told,
    /// What it would have to be; of a range of numbers the nearer end.
    pub to: Told,
    /// Of a range of numbers the other end, included like the first; absent where what is said holds
    /// as far as the number may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

impl Change {
    /// A change to one value.
    pub(crate) fn new(id: String, from: impl Into<Told>, to: impl Into<Told>) -> Self {
        Self { id, from: from.into(), to: to.into(), until: None }
    }
}

/// A change after which the advice is another: another option, or another verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flip {
    /// What is changed.
    pub kind: FlipKind,
    /// The change, or both changes of a pair.
    pub changes: Vec<Change>,
    /// The option advised after the change; absent exactly when it is too close to call.
    pub recommended: Option<Choice>,
    /// The verdict after the change.
    pub verdict_after: Verdict,
    /// The flip in a sentence.
    pub text: String,
}

/// One stated need held against what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// `throughput`, `p99_ms`, `p999_ms` or `memory_mb`.
    pub id: String,
    /// The number needed.
    pub need: f64,
    /// The unit of `need` and of the capacities.
    pub unit: String,
    /// Whether missing it rules an option out.
    pub must: bool,
    /// What each option offers, in the same unit; absent when not measured.
    pub measured: ByOption<Option<f64>>,
}

/// The stated needs and the headroom over them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Each stated need.
    pub needs: Vec<Need>,
    /// Least capacity ÷ need over the needs, as it counts: of both twins' geometric mean where their
    /// difference may be noise; absent without a need or a measurement.
    pub headroom: ByOption<Option<f64>>,
    /// The user's CPU time per request ÷ the twin's; absent when not stated.
    pub work_factor: Option<f64>,
    /// What the measurement means for the stated need, in words.
    #[serde(default)]
    pub summary: String,
}

/// A documented decision near to this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecedentRef {
    /// The precedent's id.
    pub id: String,
    /// 1 − Gower distance, 0 to 1.
    pub similarity: f64,
    /// What was chosen there.
    pub option: Choice,
}

/// The recommendation in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The model that gave it.
    pub model: ModelRef,
    /// Value, first-rank share and knock-outs of each option.
    pub options: ByOption<OptionScore>,
    /// The option advised; absent exactly when the verdict is `too_close`.
    pub recommended: Option<Choice>,
    /// How firmly.
    pub verdict: Verdict,
    /// What made a lean of a verdict whose share is that of a strong one: ids, for example
    /// `capped_unknown`; [`crate::held_back_by`] has the words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// What is settled although the verdict is `too_close`.
    pub settled: Option<Settled>,
    /// First-rank share of Rust and hybrid together.
    pub rust_in_core: f64,
    /// First-rank share of Go and hybrid together.
    pub go_at_edge: f64,
    /// What the reader must know beside the verdict.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// Every criterion's contribution, greatest magnitude first.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// What would change the advice.
    #[serde(default)]
    pub flips: Vec<Flip>,
    /// The common factor within which all importances may vary without a change of order.
    pub importance_factor: Option<f64>,
    /// The unanswered question most worth answering next.
    pub next_question: Option<String>,
    /// The questions without an answer.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Needs, headroom and work factor.
    #[serde(default)]
    pub performance: Performance,
    /// The nearest documented decisions; not kept in records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precedents: Vec<PrecedentRef>,
    /// The documented decision with exactly these answers, by id: it is not among the nearest, being
    /// this very case; not kept in records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// The number of draws.
    pub draws: u32,
    /// The seed of the draws.
    pub seed: u64,
}

impl Score {
    /// Why an option is certainly ruled out, in words; empty when it is not.
    #[must_use]
    pub fn ruled_out(&self, model: &Model, option: Choice) -> String {
        let why = |id: &String| {
            let stated = model.knockouts().iter().find(|knockout| knockout.id == *id);
            match (stated, id.as_str()) {
                (Some(knockout), _) => knockout.text.clone(),
                (None, "must_missed") => "it misses a number marked as a must".to_owned(),
                // Advice of an older model may name what this one no longer knows.
                (None, other) => other.to_owned(),
            }
        };
        self.options.get(option).knocked_out.iter().map(why).collect::<Vec<_>>().join("; ")
    }

    /// Whether every option is certainly ruled out, so that nothing tips the scales.
    #[must_use]
    pub fn all_ruled_out(&self) -> bool {
        Choice::ALL.iter().all(|option| !self.options.get(*option).knocked_out.is_empty())
    }

    /// The two options that reasons compare: greatest and second value, those certainly ruled out
    /// last; ties in the options' order.
    #[must_use]
    pub fn compared(&self) -> [Choice; 2] {
        let mut order = Choice::ALL;
        order.sort_by(|left, right| {
            let (left, right) = (self.options.get(*left), self.options.get(*right));
            let out = right.knocked_out.is_empty().cmp(&left.knocked_out.is_empty());
            out.then(right.value.total_cmp(&left.value))
        });
        let [first, second, _] = order;
        [first, second]
    }

    /// The option that comes first in most readings of the answers; not always the one of the
    /// greatest value.
    #[must_use]
    pub fn most_often_first(&self) -> Choice {
        let share = |option: &Choice| self.options.get(*option).first_share;
        let most = Choice::ALL.into_iter().max_by(|l, r| share(l).total_cmp(&share(r)));
        most.unwrap_or(Choice::Rust)
    }
}
