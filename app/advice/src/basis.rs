//! What each coded answer of a documented decision rests on: facts by their topics, and words.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Spanned;

use crate::{Fact, Problem, precedents::topic_ids};

/// Written instead of a topic when no fact says it.
const NO_FACT: &str = "-";

/// What one coded answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// The facts it rests on, by topic; empty when no fact says it.
    pub topics: Vec<String>,
    /// How the answer follows, in words; may be empty where the facts say it plainly.
    pub words: String,
    /// Whether it looks like a stated reason for the choice rather than something known before.
    pub like_reason: bool,
}

/// The tables of a precedent that belong together here, with the places of their keys.
pub(crate) struct Coding<'a> {
    pub(crate) answers: &'a BTreeMap<Spanned<String>, toml::Value>,
    pub(crate) basis: &'a BTreeMap<Spanned<String>, Spanned<String>>,
    pub(crate) like_reasons: &'a [Spanned<String>],
    pub(crate) facts: &'a [Fact],
}

impl Coding<'_> {
    /// What each answer rests on, by question. Every answer given has a basis and every basis an
    /// answer; `unknown` and an empty list give none.
    pub(crate) fn read(&self) -> (BTreeMap<String, Basis>, Vec<Problem>) {
        let mut problems = Vec::new();
        let given = |id: &str| {
            let answer = self.answers.iter().find(|(key, _)| key.get_ref() == id);
            answer.is_some_and(|(_, value)| !is_open(value))
        };
        let mut found = BTreeMap::new();
        for (key, written) in self.basis {
            let id = key.get_ref();
            if !given(id) {
                let help = "every basis belongs to an answer that is not open";
                problems.push(problem(id, key.span(), "there is no such answer".to_owned(), help));
                continue;
            }
            match self.one(written.get_ref()) {
                Ok(basis) => _ = found.insert(id.clone(), basis),
                Err((message, help)) => problems.push(problem(id, written.span(), message, &help)),
            }
        }
        for (key, value) in self.answers {
            let id = key.get_ref();
            let missing = !is_open(value) && !self.basis.keys().any(|known| known.get_ref() == id);
            if missing {
                let help = "say which facts the answer rests on: \"TOPIC, TOPIC: words\"";
                problems.push(problem(id, key.span(), "missing".to_owned(), help));
            }
        }
        for like in self.like_reasons {
            match found.get_mut(like.get_ref()) {
                Some(basis) => basis.like_reason = true,
                None => {
                    let message = format!("`{}` has no basis", like.get_ref());
                    let field = "coding.like_reasons".to_owned();
                    let help = "name answers that are not open".to_owned();
                    problems.push(Problem { field, span: Some(like.span()), message, help });
                }
            }
        }
        (found, problems)
    }

    /// Reads `TOPIC, TOPIC: words`; the words may be missing where a fact is known.
    fn one(&self, written: &str) -> Result<Basis, (String, String)> {
        let (topics, words) = topics(written);
        let ids = || topic_ids().collect::<Vec<_>>().join(", ");
        if let Some(other) = topics.iter().find(|topic| !topic_ids().any(|id| id == **topic)) {
            let help = format!("allowed: {}, or - when no fact says it", ids());
            return Err((format!("there is no fact about `{other}`"), help));
        }
        let known = |topic: &String| {
            self.facts.iter().any(|fact| fact.topic == *topic && fact.source != NO_FACT)
        };
        if words.is_empty() && !topics.iter().any(known) {
            let help = "write \"TOPIC: how the answer follows\"".to_owned();
            return Err(("nothing is known of it, so it needs words".to_owned(), help));
        }
        Ok(Basis { topics, words, like_reason: false })
    }
}

/// The topics of `TOPIC, TOPIC: words`, and the words.
pub(crate) fn topics(written: &str) -> (Vec<String>, String) {
    let (named, words) = written.split_once(':').unwrap_or((written, ""));
    let topics = match named.trim() {
        NO_FACT => Vec::new(),
        named => named.split(',').map(|topic| topic.trim().to_owned()).collect(),
    };
    (topics, words.trim().to_owned())
}

/// Whether a source states or implies one of these facts; the others are inferred (`I`), remembered
/// (`M`) or not known.
pub(crate) fn has_source<'a>(
    topics: &'a [String],
    source_of: impl Fn(&'a String) -> Option<&'a str>,
) -> bool {
    let named = |key: &str| !matches!(key, "I" | "M" | NO_FACT);
    topics.iter().filter_map(source_of).flat_map(|source| source.split(", ")).any(named)
}

/// Whether an answer as written leaves its question open.
fn is_open(value: &toml::Value) -> bool {
    value.as_str() == Some("unknown") || value.as_array().is_some_and(Vec::is_empty)
}

fn problem(id: &str, span: std::ops::Range<usize>, message: String, help: &str) -> Problem {
    let field = format!("answer_basis.{id}");
    Problem { field, span: Some(span), message, help: help.to_owned() }
}
