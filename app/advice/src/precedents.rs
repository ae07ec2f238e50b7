//! Publicly documented decisions: what was known beforehand, coded as answers, and what came of it.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use toml::Spanned;

use crate::{
    Answers, Choice, Model, Problem,
    basis::{Basis, Coding, has_source},
};

/// Every precedent compiled in: its id and its text.
const BUILTIN: &[(&str, &str)] = &[
    ("amex", include_str!("../precedents/amex.toml")),
    ("anycable", include_str!("../precedents/anycable.toml")),
    ("apollo-router", include_str!("../precedents/apollo-router.toml")),
    ("arcjet", include_str!("../precedents/arcjet.toml")),
    ("badger", include_str!("../precedents/badger.toml")),
    ("boringtun", include_str!("../precedents/boringtun.toml")),
    ("boulder", include_str!("../precedents/boulder.toml")),
    ("bpfman", include_str!("../precedents/bpfman.toml")),
    ("bytedance-rpc", include_str!("../precedents/bytedance-rpc.toml")),
    ("capitalone", include_str!("../precedents/capitalone.toml")),
    ("classes-wtf", include_str!("../precedents/classes-wtf.toml")),
    ("dd-intake", include_str!("../precedents/dd-intake.toml")),
    ("ddlambda", include_str!("../precedents/ddlambda.toml")),
    ("deepflow", include_str!("../precedents/deepflow.toml")),
    ("discord-dataservices", include_str!("../precedents/discord-dataservices.toml")),
    ("discord-readstates", include_str!("../precedents/discord-readstates.toml")),
    ("dragonfly", include_str!("../precedents/dragonfly.toml")),
    ("esbuild", include_str!("../precedents/esbuild.toml")),
    ("etcd", include_str!("../precedents/etcd.toml")),
    ("farside", include_str!("../precedents/farside.toml")),
    ("fly", include_str!("../precedents/fly.toml")),
    ("fullstory", include_str!("../precedents/fullstory.toml")),
    ("govuk", include_str!("../precedents/govuk.toml")),
    ("grab", include_str!("../precedents/grab.toml")),
    ("khan", include_str!("../precedents/khan.toml")),
    ("linkerd2", include_str!("../precedents/linkerd2.toml")),
    ("magicpocket", include_str!("../precedents/magicpocket.toml")),
    ("meli", include_str!("../precedents/meli.toml")),
    ("mononoke", include_str!("../precedents/mononoke.toml")),
    ("nats", include_str!("../precedents/nats.toml")),
    ("netflix-rend", include_str!("../precedents/netflix-rend.toml")),
    ("nucleus", include_str!("../precedents/nucleus.toml")),
    ("octorpki", include_str!("../precedents/octorpki.toml")),
    ("onepush", include_str!("../precedents/onepush.toml")),
    ("openshift", include_str!("../precedents/openshift.toml")),
    ("paypal", include_str!("../precedents/paypal.toml")),
    ("pingora", include_str!("../precedents/pingora.toml")),
    ("podman", include_str!("../precedents/podman.toml")),
    ("qdrant", include_str!("../precedents/qdrant.toml")),
    ("reddit", include_str!("../precedents/reddit.toml")),
    ("relay", include_str!("../precedents/relay.toml")),
    ("riot-deploy", include_str!("../precedents/riot-deploy.toml")),
    ("salesforce", include_str!("../precedents/salesforce.toml")),
    ("slim-cp", include_str!("../precedents/slim-cp.toml")),
    ("smarty", include_str!("../precedents/smarty.toml")),
    ("spicedb", include_str!("../precedents/spicedb.toml")),
    ("stream", include_str!("../precedents/stream.toml")),
    ("teleport-desktop", include_str!("../precedents/teleport-desktop.toml")),
    ("tidb", include_str!("../precedents/tidb.toml")),
    ("tikv", include_str!("../precedents/tikv.toml")),
    ("turborepo", include_str!("../precedents/turborepo.toml")),
    ("typescript", include_str!("../precedents/typescript.toml")),
    ("uber-geofence", include_str!("../precedents/uber-geofence.toml")),
    ("youki", include_str!("../precedents/youki.toml")),
    ("ztunnel", include_str!("../precedents/ztunnel.toml")),
];

/// What is known of every precedent, in the order shown: the topic's id and its name.
const TOPICS: [(&str, &str); 15] = [
    ("what", "What it is"),
    ("exposure", "Exposure"),
    ("safety", "What a fault would do"),
    ("latency", "Latency"),
    ("throughput", "Throughput"),
    ("memory", "Memory"),
    ("bound", "Where time goes"),
    ("concurrency", "Concurrency"),
    ("rust", "Rust in the team"),
    ("go", "Go in the team"),
    ("team", "Team"),
    ("delivery", "Delivery"),
    ("ecosystem", "Ecosystem"),
    ("runtimes", "Runtimes in use"),
    ("lifetime", "Lifetime"),
];

/// The topics' ids, in the order shown.
pub(crate) fn topic_ids() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(id, _)| *id)
}

/// A documented decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Precedent {
    /// The stable id, its file's name.
    pub id: String,
    /// Who decided.
    pub organisation: String,
    /// What was built.
    pub component: String,
    /// When, in words, for example `2019 (published 2020)`.
    pub year: String,
    /// The year of the decision.
    pub decided_year: i64,
    /// What was chosen.
    pub option: Choice,
    /// How it counts when the model is judged.
    pub usage: Usage,
    /// How far the sources were read, in words.
    pub verification: String,
    /// Whether Rust was an option at the time, in words.
    pub rust_available: String,
    /// Whether it runs on servers.
    pub server_side: bool,
    /// What was known before the decision, topic by topic.
    pub facts: Vec<Fact>,
    /// The facts coded as answers to the checklist, without looking at the outcome.
    pub answers: Answers,
    /// What the coding as a whole rests on.
    pub basis: String,
    /// What each answer rests on, by question; those left open have none.
    pub answer_basis: BTreeMap<String, Basis>,
    /// The decision: its reasons, figures and what became of it.
    pub decision: Decision,
    /// Where it is documented.
    pub sources: Vec<Source>,
    /// Whether the stated reason holds today.
    pub today: Today,
}

/// How a case counts when the model is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// It counts.
    Core,
    /// Rust could not have been chosen at the time: shown apart.
    PreRustEra,
    /// Its reasons are not documented well enough: shown apart.
    ThinReasons,
    /// It is no backend service: shown apart.
    NotAService,
}

impl Usage {
    /// Every use, the one that counts first.
    pub const ALL: [Self; 4] = [Self::Core, Self::PreRustEra, Self::ThinReasons, Self::NotAService];

    /// As files and the command line write it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::PreRustEra => "pre-rust-era",
            Self::ThinReasons => "thin-reasons",
            Self::NotAService => "not-a-service",
        }
    }

    /// The use with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|usage| usage.id() == id)
    }
}

/// One fact known beforehand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The topic's id, for example `latency`.
    pub topic: &'static str,
    /// The topic's name, for example `Latency`.
    pub name: &'static str,
    /// In words.
    pub value: String,
    /// The key of its source; `S1~` inferred from it, `M` from memory, `I` inferred, `-` unknown.
    pub source: String,
}

/// How the two parts of a hybrid run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HybridKind {
    /// A Rust library inside a Go program.
    OneProcess,
    /// Two programs, with a wire or a pipe between them.
    TwoServices,
}

impl HybridKind {
    /// As files and the notices of a score write it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::OneProcess => "one_process",
            Self::TwoServices => "two_services",
        }
    }

    /// The kind with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        [Self::OneProcess, Self::TwoServices].into_iter().find(|kind| kind.id() == id)
    }
}

/// What was decided and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// New, a rewrite, a port, in words.
    pub kind: String,
    /// For a hybrid, how its two parts run, where the sources say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid_kind: Option<HybridKind>,
    /// How directly Rust and Go were compared.
    pub comparison: String,
    /// What else was considered.
    pub alternatives: Vec<String>,
    /// The stated reasons.
    pub reasons: Vec<String>,
    /// Published figures, as published.
    pub figures: Vec<String>,
    /// What became of it.
    pub regret: String,
}

/// Where a decision is documented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The key that facts and figures name.
    pub key: String,
    /// The title.
    pub title: String,
    /// The address.
    pub url: String,
    /// How it was read, in words.
    pub read: String,
}

/// Whether the stated reason would still hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Today {
    /// The short answer.
    pub holds: Holds,
    /// Why, in a sentence or two.
    pub why: String,
    /// The day this was last looked at, for example `2026-11-21`.
    #[serde(deserialize_with = "day")]
    pub checked: String,
}

/// The short answer to whether a reason still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// It does.
    Yes,
    /// In part.
    Partly,
    /// It no longer does.
    No,
    /// Nobody can say.
    Unknown,
}

impl Holds {
    /// As files write it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// A TOML date without a time.
fn day<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let written = toml::value::Datetime::deserialize(input)?;
    match (written.date, written.time) {
        (Some(date), None) => Ok(date.to_string()),
        _ => Err(D::Error::custom("not a date without a time, such as 2026-11-21")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    organisation: String,
    component: String,
    year: String,
    decided_year: i64,
    option: Choice,
    #[serde(rename = "use")]
    usage: Usage,
    verification: String,
    rust_available: String,
    server_side: bool,
    facts: BTreeMap<Spanned<String>, RawFact>,
    /// Read by `Answers`, which knows the places of its faults; here for what each rests on.
    answers: BTreeMap<Spanned<String>, toml::Value>,
    answer_basis: BTreeMap<Spanned<String>, Spanned<String>>,
    coding: RawCoding,
    decision: Decision,
    sources: Vec<Source>,
    today: Today,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFact {
    value: String,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCoding {
    basis: String,
    #[serde(default)]
    like_reasons: Vec<Spanned<String>>,
}

impl Precedent {
    /// Reads a precedent, in which nothing may be missing and nothing may be added.
    ///
    /// # Errors
    /// Every fault of the answers and facts, or the first of the rest, with its place in `text`.
    pub fn parse(model: &Model, text: &str) -> Result<Self, Vec<Problem>> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let help = "every precedent has the same keys".to_owned();
            vec![Problem {
                field: String::new(),
                span: error.span().or(Some(0..0)),
                message: error.message().trim().to_owned(),
                help,
            }]
        })?;
        let (facts, mut problems) = facts(raw.facts, &raw.sources);
        let coding = Coding {
            answers: &raw.answers,
            basis: &raw.answer_basis,
            like_reasons: &raw.coding.like_reasons,
            facts: &facts,
        };
        let (answer_basis, found) = coding.read();
        problems.extend(found);
        let answers = match Answers::from_toml(model, text) {
            Ok(sheet) => sheet.answers,
            Err(found) => {
                problems.extend(found);
                Answers::default()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            id: raw.id,
            organisation: raw.organisation,
            component: raw.component,
            year: raw.year,
            decided_year: raw.decided_year,
            option: raw.option,
            usage: raw.usage,
            verification: raw.verification,
            rust_available: raw.rust_available,
            server_side: raw.server_side,
            facts,
            answers,
            basis: raw.coding.basis,
            answer_basis,
            decision: raw.decision,
            sources: raw.sources,
            today: raw.today,
        })
    }
}

impl Precedent {
    /// The questions whose answers look like stated reasons rather than something known before.
    pub fn like_reasons(&self) -> impl Iterator<Item = &str> {
        let like = self.answer_basis.iter().filter(|(_, basis)| basis.like_reason);
        like.map(|(id, _)| id.as_str())
    }
}

impl Precedent {
    /// The questions whose answers no source states or implies.
    pub fn inferred(&self) -> impl Iterator<Item = &str> {
        let fact = |topic: &String| self.facts.iter().find(|fact| fact.topic == *topic);
        let source = move |topic| fact(topic).map(|fact| fact.source.as_str());
        let inferred =
            self.answer_basis.iter().filter(move |(_, own)| !has_source(&own.topics, source));
        inferred.map(|(id, _)| id.as_str())
    }
}

/// The facts in the order of their topics; each topic once, each source one that is listed.
fn facts(
    mut raw: BTreeMap<Spanned<String>, RawFact>,
    sources: &[Source],
) -> (Vec<Fact>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut facts = Vec::new();
    let problem = |topic: &str, span, message: String, help: String| Problem {
        field: format!("facts.{topic}"),
        span,
        message,
        help,
    };
    for (topic, name) in TOPICS {
        let at = raw.keys().find(|key| key.get_ref() == topic).cloned();
        let Some(fact) = at.and_then(|key| raw.remove(&key)) else {
            let help = "write value = \"unknown\" and source = \"-\" when nothing is known";
            problems.push(problem(topic, Some(0..0), "missing".to_owned(), help.to_owned()));
            continue;
        };
        let keys = || sources.iter().map(|source| source.key.as_str());
        let known = |key: &str| {
            matches!(key, "M" | "I" | "-") || keys().any(|k| k == key.trim_end_matches('~'))
        };
        if !fact.source.get_ref().split(", ").all(known) {
            let message = format!("`{}` is no source", fact.source.get_ref());
            let listed = keys().collect::<Vec<_>>().join(", ");
            let help = format!("allowed: {listed}, each also with ~; M, I, -");
            problems.push(problem(topic, Some(fact.source.span()), message, help));
        }
        let source = fact.source.into_inner();
        facts.push(Fact { topic, name, value: fact.value, source });
    }
    for key in raw.keys() {
        let help = format!("known: {}", TOPICS.map(|(topic, _)| topic).join(", "));
        let message = "there is no such topic".to_owned();
        problems.push(problem(key.get_ref(), Some(key.span()), message, help));
    }
    (facts, problems)
}

/// The precedents compiled in, by id, for the built-in model.
///
/// # Panics
/// Never: a test reads the texts that are compiled in.
#[must_use]
pub fn precedents() -> &'static [Precedent] {
    static PRECEDENTS: OnceLock<Vec<Precedent>> = OnceLock::new();
    PRECEDENTS.get_or_init(|| {
        let read = |(id, text): &(&str, &str)| match Precedent::parse(Model::builtin(), text) {
            Ok(precedent) => precedent,
            #[expect(clippy::panic, reason = "the text is compiled in and a test reads it")]
            Err(problems) => panic!("precedents/{id}.toml: {problems:?}"),
        };
        BUILTIN.iter().map(read).collect()
    })
}

/// The precedent with this id.
#[must_use]
pub fn precedent(id: &str) -> Option<&'static Precedent> {
    precedents().iter().find(|precedent| precedent.id == id)
}
