//! The tests of records, and what they share.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test's helper fails the test"
)]

mod adr;
mod amend;
mod cost;
mod parse;
mod schema;
mod write;

use assay_advice::{Model, Problem, line_column};
use assay_records::{Parsed, Record};

/// A record with something in every field, comments and an unknown key, as a person may leave it.
const FULL: &str = include_str!("full.toml");

fn model() -> &'static Model {
    Model::builtin()
}

fn parse(text: &str) -> Parsed {
    Record::parse(text, model()).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"))
}

/// Each problem of a text as `line:column field: message (help)`.
fn problems(text: &str) -> Vec<String> {
    match Record::parse(text, model()) {
        Ok(parsed) => panic!("no problems: {parsed:?}"),
        Err(problems) => problems.iter().map(|problem| placed(text, problem)).collect(),
    }
}

fn placed(text: &str, problem: &Problem) -> String {
    let (line, column) = line_column(text, problem.span.clone().unwrap_or_default().start);
    format!("{line}:{column} {problem}")
}
