//! A case to judge a model by: what was answered, and what was chosen in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    Answers, Choice, HybridKind, Model, Precedent, Problem, Usage, basis, precedents,
    wording::shorten,
};

/// A decision whose outcome is known: the answers beforehand and the option chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The stable id.
    pub id: String,
    /// Who decided about what, in words; may be empty.
    pub title: String,
    /// What was chosen.
    pub option: Choice,
    /// How it counts.
    pub usage: Usage,
    /// What was answered, for the model it was read with.
    pub answers: Answers,
    /// For a hybrid, how its two parts run, where that is known.
    pub hybrid_kind: Option<HybridKind>,
    /// The questions whose answers look like stated reasons for the choice rather than something
    /// known before, where whoever coded the case says so.
    pub like_reasons: Vec<String>,
    /// The questions whose answers no source states or implies: what they rest on was inferred by
    /// whoever coded the case, or remembered.
    pub inferred: Vec<String>,
    /// What became of the advice that was given when it was decided; absent when it was not decided
    /// with assay.
    pub advice: Option<Heeded>,
}

/// What became of the advice that a record was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heeded {
    /// What was advised was chosen.
    Taken,
    /// Something else was chosen.
    Overridden,
    /// It was too close to call, or none was given.
    NoAdvice,
}

/// The documented decisions as cases for a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuiltinCases {
    /// One for each precedent.
    pub cases: Vec<Case>,
    /// Questions the precedents answer and the model does not ask in that way: those answers are
    /// left out. Empty for the built-in model.
    pub left_out: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Raw {
    id: Spanned<String>,
    option: Spanned<String>,
    #[serde(rename = "use")]
    usage: Option<Spanned<String>>,
    #[serde(default)]
    organisation: String,
    #[serde(default)]
    component: String,
    #[serde(default)]
    decision: RawDecision,
    #[serde(default)]
    coding: RawCoding,
    #[serde(default)]
    facts: BTreeMap<String, RawFact>,
    #[serde(default)]
    answer_basis: BTreeMap<String, String>,
}

/// Where a precedent's fact comes from.
#[derive(Deserialize)]
struct RawFact {
    source: String,
}

/// The one thing read of a precedent's `[coding]`.
#[derive(Default, Deserialize)]
struct RawCoding {
    #[serde(default)]
    like_reasons: Vec<Spanned<String>>,
}

/// The one thing read of a precedent's `[decision]`.
#[derive(Default, Deserialize)]
struct RawDecision {
    hybrid_kind: Option<Spanned<String>>,
}

impl Case {
    /// Reads a case in the format of the precedents. `id`, `option` and `[answers]` must be there;
    /// `use` is `core` unless said, `hybrid_kind` of `[decision]` and `like_reasons` of `[coding]` may
    /// be; any other key is passed over.
    ///
    /// # Errors
    /// Every fault found, with its place in `text`.
    pub fn parse(model: &Model, text: &str) -> Result<Self, Vec<Problem>> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let help =
                "a case has id = \"…\", option = \"rust\", \"go\" or \"hybrid\", and [answers]";
            vec![Problem {
                field: String::new(),
                span: error.span().or(Some(0..0)),
                message: error.message().trim().to_owned(),
                help: help.to_owned(),
            }]
        })?;
        let mut problems = Vec::new();
        let mut not_allowed = |field: &str, said: &Spanned<String>, allowed: String| {
            problems.push(Problem {
                field: field.to_owned(),
                span: Some(said.span()),
                message: format!("`{}` is not allowed", shorten(said.get_ref())),
                help: format!("allowed: {allowed}"),
            });
        };
        if raw.id.get_ref().trim().is_empty() || raw.id.get_ref().chars().any(char::is_control) {
            not_allowed("id", &raw.id, "a name of one line".to_owned());
        }
        let option = Choice::from_id(raw.option.get_ref());
        if option.is_none() {
            not_allowed("option", &raw.option, Choice::ALL.map(Choice::id).join(", "));
        }
        let usage = match &raw.usage {
            None => Some(Usage::Core),
            Some(said) => {
                let usage = Usage::from_id(said.get_ref());
                if usage.is_none() {
                    not_allowed("use", said, Usage::ALL.map(Usage::id).join(", "));
                }
                usage
            }
        };
        let kind = raw.decision.hybrid_kind.as_ref();
        let hybrid_kind = kind.and_then(|said| HybridKind::from_id(said.get_ref()));
        if let (Some(said), None) = (kind, hybrid_kind) {
            not_allowed("decision.hybrid_kind", said, "one_process, two_services".to_owned());
        }
        for like in
            raw.coding.like_reasons.iter().filter(|id| model.question(id.get_ref()).is_none())
        {
            let known: Vec<&str> = model.questions().iter().map(|q| q.id.as_str()).collect();
            not_allowed("coding.like_reasons", like, known.join(", "));
        }
        match (Answers::from_toml(model, text), option, usage) {
            (Ok(sheet), Some(option), Some(usage)) if problems.is_empty() => Ok(Self {
                id: raw.id.into_inner(),
                title: title(&raw.organisation, &raw.component),
                option,
                usage,
                answers: sheet.answers,
                hybrid_kind,
                like_reasons: raw
                    .coding
                    .like_reasons
                    .into_iter()
                    .map(Spanned::into_inner)
                    .collect(),
                inferred: raw
                    .answer_basis
                    .iter()
                    .filter(|(id, basis)| {
                        let (topics, _) = basis::topics(basis);
                        let source = |topic: &String| Some(raw.facts.get(topic)?.source.as_str());
                        model.question(id).is_some() && !basis::has_source(&topics, source)
                    })
                    .map(|(id, _)| id.clone())
                    .collect(),
                advice: None,
            }),
            (sheet, ..) => {
                problems.extend(sheet.err().unwrap_or_default());
                Err(problems)
            }
        }
    }
}

impl BuiltinCases {
    /// The precedents' answers as far as the model asks for them.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let mut found = Self { cases: precedent_cases().to_vec(), left_out: BTreeSet::new() };
        if !model.is_builtin() {
            for case in &mut found.cases {
                case.answers = known(model, &case.answers, &mut found.left_out);
            }
        }
        found
    }
}

/// The precedents as cases, by id, for the built-in model.
#[must_use]
pub fn precedent_cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| precedents().iter().map(Case::from).collect())
}

/// The answers a model knows; the ids of the others are noted.
fn known(model: &Model, answers: &Answers, left_out: &mut BTreeSet<String>) -> Answers {
    let mut kept = toml::Table::new();
    for (id, value) in answers.to_table() {
        let alone: toml::Table = [(id.clone(), value.clone())].into_iter().collect();
        if Answers::from_table(model, &alone).is_ok() {
            kept.insert(id, value);
        } else {
            left_out.insert(id);
        }
    }
    // Each was read alone, so together they can be read as well.
    Answers::from_table(model, &kept).unwrap_or_default()
}

impl From<&Precedent> for Case {
    fn from(precedent: &Precedent) -> Self {
        Self {
            id: precedent.id.clone(),
            title: title(&precedent.organisation, &precedent.component),
            option: precedent.option,
            usage: precedent.usage,
            answers: precedent.answers.clone(),
            hybrid_kind: precedent.decision.hybrid_kind,
            like_reasons: precedent.like_reasons().map(str::to_owned).collect(),
            inferred: precedent.inferred().map(str::to_owned).collect(),
            advice: None,
        }
    }
}

fn title(organisation: &str, component: &str) -> String {
    match (organisation, component) {
        ("", other) | (other, "") => other.to_owned(),
        (organisation, component) => format!("{organisation}: {component}"),
    }
}
