//! The decision model as data: questions, criteria and knock-outs, read from TOML.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::{
    ByOption, Choice, ModelRef, Problem,
    expr::{Factor, Table},
    model_parse,
};

const BUILTIN: &str = include_str!("../models/backend.toml");

/// A decision model: what is asked, what counts how much, and what rules an option out.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) text: String,
    pub(crate) groups: Vec<Group>,
    pub(crate) questions: Vec<Question>,
    pub(crate) criteria: Vec<Criterion>,
    pub(crate) knockouts: Vec<Knockout>,
    pub(crate) hybrid: HybridMemory,
    /// Answers that point to a hybrid in one process; any of these, all of one.
    pub(crate) in_process: Vec<Vec<(Factor, u8)>>,
    pub(crate) expected: Option<crate::expected::Expected>,
    pub(crate) spread: Spread,
}

impl Model {
    /// The model that comes with assay, `models/backend.toml`.
    ///
    /// # Panics
    /// Never: a test parses the text that is compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| match Self::parse(BUILTIN) {
            Ok(model) => model,
            #[expect(clippy::panic, reason = "the text is compiled in and a test parses it")]
            Err(problems) => panic!("models/backend.toml: {problems:?}"),
        })
    }

    /// Reads a model.
    ///
    /// # Errors
    /// Every fault found, with its place in `text`.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut model = model_parse::parse(text)?;
        model.text = text.to_owned();
        model.digest = sha256(text);
        Ok(model)
    }

    /// The model's id, for example `backend`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The model's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `sha256:` and the hex digest of the model's text.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether it is the built-in model: what is known of how that one came about holds of no other.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.digest == Self::builtin().digest
    }

    /// The text the model was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Id, version and digest together.
    #[must_use]
    pub fn reference(&self) -> ModelRef {
        ModelRef { id: self.id.clone(), version: self.version.clone(), digest: self.digest.clone() }
    }

    /// The groups in display order.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The questions in display order, group by group.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The question with this id.
    #[must_use]
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }

    /// The criteria in display order.
    #[must_use]
    pub fn criteria(&self) -> &[Criterion] {
        &self.criteria
    }

    /// How far importance and judged values are varied from draw to draw.
    #[must_use]
    pub const fn spread(&self) -> Spread {
        self.spread
    }

    /// What rules an option out, beside a missed `must`.
    #[must_use]
    pub fn knockouts(&self) -> &[Knockout] {
        &self.knockouts
    }

    pub(crate) fn question_index(&self, id: &str) -> Option<usize> {
        self.questions.iter().position(|question| question.id == id)
    }
}

/// `sha256:` and the hex digest of a text.
pub(crate) fn sha256(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A heading that questions and criteria share.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The id, for example `risk`.
    pub id: String,
    /// The heading shown.
    pub name: String,
}

/// One item of the checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The stable id, used in files and links.
    pub id: String,
    /// The question as asked.
    pub label: String,
    /// A sentence that helps to answer it.
    pub help: String,
    /// A noun phrase that completes "… is unknown".
    pub short: String,
    /// The id of its group.
    pub group: String,
    /// Whether it is asked first rather than under "Sharpen the answer".
    pub core: bool,
    /// Whether a known answer is a fact that no flip proposes to change.
    pub settled: bool,
    /// Whether its answers stand in an order, from least to most or back.
    pub ordered: bool,
    /// What may be answered.
    pub kind: QuestionKind,
}

impl Question {
    /// The answers to choose from; empty for a number.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        match &self.kind {
            QuestionKind::One(answers) | QuestionKind::Many { answers, .. } => answers,
            QuestionKind::Number { .. } => &[],
        }
    }

    /// The answer with this value.
    #[must_use]
    pub fn answer(&self, value: &str) -> Option<&Answer> {
        self.answers().iter().find(|answer| answer.value == value)
    }
}

/// What may be answered to a question; "don't know" always may.
#[derive(Clone, Debug, PartialEq)]
pub enum QuestionKind {
    /// One of these.
    One(Vec<Answer>),
    /// Several of these.
    Many {
        /// The answers to choose from.
        answers: Vec<Answer>,
        /// The most that may be chosen.
        at_most: usize,
    },
    /// A number.
    Number {
        /// Whether only whole numbers are allowed.
        whole: bool,
        /// The least allowed.
        min: f64,
        /// The greatest allowed.
        max: f64,
        /// The unit, for example `ms`.
        unit: String,
        /// Whether it may be marked `must`: missing it rules an option out.
        may_be_must: bool,
        /// A phrase with `{n}` for the number and its unit.
        phrase: String,
        /// The ranges that criteria distinguish; empty when none does.
        bins: Vec<Bin>,
    },
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The stable value, used in files and links.
    pub value: String,
    /// The answer in words.
    pub label: String,
    /// A few words more.
    pub help: String,
    /// A phrase that completes "If …".
    pub phrase: String,
    /// Its relative weight while the question is unanswered.
    pub prior: f64,
}

/// A range of a number that criteria treat alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// The name, used in the model's expressions.
    pub value: String,
    /// The first number above the range; absent for the last.
    pub below: Option<f64>,
    /// Its relative weight while the question is unanswered.
    pub prior: f64,
}

/// Where a criterion's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CriterionKind {
    /// Judgement, stated in the model.
    Judged,
    /// Measured headroom over the stated needs.
    Headroom,
    /// Measured p99.9 at half load.
    Tail,
    /// Measured processor time per request and loaded memory.
    Economy,
    /// Judgement, shown beside measured build times.
    Build,
}

impl CriterionKind {
    /// Whether the values come from measurements, so that without them the criterion is mute.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Headroom | Self::Tail | Self::Economy)
    }
}

/// Something valued: how much it counts and what each option offers.
#[derive(Clone, Debug)]
pub struct Criterion {
    /// The stable id.
    pub id: String,
    /// The name shown.
    pub name: String,
    /// The id of its group.
    pub group: String,
    /// Where its values come from.
    pub kind: CriterionKind,
    /// The questions whose answers a reason names, as indices.
    pub(crate) names: Vec<usize>,
    pub(crate) claims: Claims,
    /// Everything it depends on, and a row for each combination of answers.
    pub(crate) factors: Vec<Factor>,
    pub(crate) table: Table,
}

/// What measured criteria depend on beside their factors, in two situations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SameMeasured {
    /// Whether the stated needs are the same.
    pub(crate) needs: bool,
    /// Whether the hybrid is, as far as it is measured.
    pub(crate) hybrid: bool,
}

impl Criterion {
    /// Whether two situations come to the same for it: what its numbers depend on is the same, and
    /// what the measured ones do as well.
    pub(crate) fn is_same_in(
        &self,
        [one, two]: [&crate::situation::Situation; 2],
        same: SameMeasured,
    ) -> bool {
        let measured = match self.kind {
            CriterionKind::Headroom => same.needs && same.hybrid,
            kind => same.hybrid || !kind.is_measured(),
        };
        let mut factors = self.factors.iter();
        measured && factors.all(|factor| one.factor(*factor) == two.factor(*factor))
    }

    /// The greatest swing points it can have.
    #[must_use]
    pub fn greatest_swing(&self) -> f64 {
        self.table.rows().map(crate::expr::Row::swing).fold(0.0, f64::max)
    }
}

/// Sentences for each outcome of a comparison; they finish a reason.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Claims {
    pub(crate) rust_over_go: Option<Spanned<String>>,
    pub(crate) go_over_rust: Option<Spanned<String>>,
    pub(crate) rust_over_hybrid: Option<Spanned<String>>,
    pub(crate) hybrid_over_rust: Option<Spanned<String>>,
    pub(crate) go_over_hybrid: Option<Spanned<String>>,
    pub(crate) hybrid_over_go: Option<Spanned<String>>,
    pub(crate) even: Option<Spanned<String>>,
    /// For answers that are open, with `{better}` and `{worse}`.
    pub(crate) unknown: Option<Spanned<String>>,
}

impl Claims {
    /// Each sentence that is there, with its key.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&'static str, &Spanned<String>)> {
        let all = [
            ("rust_over_go", &self.rust_over_go),
            ("go_over_rust", &self.go_over_rust),
            ("rust_over_hybrid", &self.rust_over_hybrid),
            ("hybrid_over_rust", &self.hybrid_over_rust),
            ("go_over_hybrid", &self.go_over_hybrid),
            ("hybrid_over_go", &self.hybrid_over_go),
            ("even", &self.even),
            ("unknown", &self.unknown),
        ];
        all.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)))
    }
}

/// A condition that rules options out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knockout {
    /// The stable id.
    pub id: String,
    /// Why, as a clause.
    pub text: String,
    /// Which options it rules out.
    pub rules_out: ByOption<bool>,
    /// Factors that must all have these states.
    pub(crate) when: Vec<(Factor, u8)>,
}

impl Knockout {
    pub(crate) fn mask(&self) -> u8 {
        Choice::ALL
            .into_iter()
            .enumerate()
            .filter(|(_, choice)| *self.rules_out.get(*choice))
            .fold(0, |mask, (bit, _)| mask | 1 << bit)
    }
}

/// How far importance and judged values are varied from draw to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A group's swings are multiplied by up to 2 to the power of this, or divided by it.
    pub group: f64,
    /// The same for each criterion by itself, on top.
    pub criterion: f64,
    /// At most this is added to a judged value or taken from it, most often less.
    pub value: f64,
}

/// What the hybrid's memory is made of while no gateway has been measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HybridMemory {
    /// How many times Rust's loaded memory.
    pub(crate) rust_loaded: f64,
    /// How many times Go's idle memory.
    pub(crate) go_idle: f64,
}
