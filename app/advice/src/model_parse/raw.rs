//! A model as its text has it, before anything is checked but its shape.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::{CriterionKind, Group, expected::Expected, expr::RawExpr, model::Claims};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    pub(super) id: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) hybrid: RawHybrid,
    pub(super) expected: Option<Expected>,
    #[serde(default)]
    pub(super) spread: RawSpread,
    pub(super) group: Vec<Group>,
    pub(super) question: Vec<RawQuestion>,
    pub(super) criterion: Vec<RawCriterion>,
    #[serde(default)]
    pub(super) knockout: Vec<RawKnockout>,
}

/// Answers by question, all of which must be given.
pub(super) type RawConditions = Spanned<BTreeMap<Spanned<String>, Spanned<String>>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawHybrid {
    pub(super) rust_loaded: Option<Spanned<f64>>,
    pub(super) go_idle: Option<Spanned<f64>>,
    pub(super) in_process: Vec<RawConditions>,
}

/// What is not stated is varied as in the built-in model's first version.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSpread {
    pub(super) group: Option<Spanned<f64>>,
    pub(super) criterion: Option<Spanned<f64>>,
    pub(super) value: Option<Spanned<f64>>,
}

const fn ordered() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuestion {
    pub(super) id: Spanned<String>,
    pub(super) group: Spanned<String>,
    pub(super) label: String,
    #[serde(default)]
    pub(super) help: String,
    pub(super) short: String,
    #[serde(default)]
    pub(super) core: bool,
    #[serde(default)]
    pub(super) settled: bool,
    #[serde(default = "ordered")]
    pub(super) ordered: bool,
    pub(super) at_most: Option<usize>,
    #[serde(default)]
    pub(super) answers: Vec<RawAnswer>,
    pub(super) number: Option<Spanned<RawNumber>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnswer {
    pub(super) value: Spanned<String>,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) phrase: Spanned<String>,
    pub(super) prior: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNumber {
    #[serde(default)]
    pub(super) whole: bool,
    pub(super) min: Spanned<f64>,
    pub(super) max: f64,
    pub(super) unit: String,
    #[serde(default)]
    pub(super) must: bool,
    pub(super) phrase: Spanned<String>,
    #[serde(default)]
    pub(super) bins: Vec<RawBin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBin {
    pub(super) value: Spanned<String>,
    pub(super) below: Option<Spanned<f64>>,
    pub(super) prior: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCriterion {
    pub(super) id: Spanned<String>,
    pub(super) name: String,
    pub(super) group: Spanned<String>,
    pub(super) kind: Option<CriterionKind>,
    pub(super) swing: Spanned<RawExpr>,
    pub(super) value: Option<Spanned<RawValues>>,
    pub(super) names: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) claims: Claims,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawValues {
    pub(super) rust: Spanned<RawExpr>,
    pub(super) go: Spanned<RawExpr>,
    pub(super) hybrid: Spanned<RawExpr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKnockout {
    pub(super) id: Spanned<String>,
    pub(super) when: RawConditions,
    pub(super) rules_out: Vec<Spanned<String>>,
    pub(super) text: Spanned<String>,
}
