//! Answers as they travel in a link or a form, with what is wrong among them.

use std::collections::BTreeSet;

use assay_advice::{AnswerValue, Answers, Assumptions, Model, Problem, QuestionKind, quantity};
use url::form_urlencoded;
use uuid::Uuid;

/// The answer that says so: nobody knows.
pub(crate) const UNKNOWN: &str = "unknown";
/// The key whose values are the questions that are musts.
const MUST: &str = "must";
/// What the keys of the cost's assumptions begin with.
pub(crate) const COST: &str = "cost_";
/// The key of the service's name.
const SERVICE: &str = "service";

/// The key of the record that the new one is to replace.
pub(crate) const SUPERSEDES: &str = "supersedes";

/// What a query string says, good or not.
pub(crate) struct Sheet {
    /// The service's name; may be empty.
    pub(crate) service: String,
    /// The record to be replaced; it is no answer but travels with them.
    pub(crate) supersedes: Option<Uuid>,
    /// Every pair as sent, so that nothing typed is lost on an error.
    raw: Vec<(String, String)>,
    /// The good answers.
    pub(crate) answers: Answers,
    /// The good assumptions about cost, which are no answers but travel with them.
    pub(crate) assumptions: Assumptions,
    /// What is wrong with the others.
    pub(crate) problems: Vec<Problem>,
}

impl Sheet {
    /// Reads a query string; bytes that are not UTF-8 become replacement characters.
    pub(crate) fn read(model: &Model, query: &str) -> Self {
        let mut service = String::new();
        let mut supersedes = None;
        let mut raw = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            if key == SERVICE {
                value.trim().clone_into(&mut service);
            } else if key == SUPERSEDES {
                supersedes = Uuid::try_parse(value.trim()).ok();
            } else if !value.trim().is_empty() {
                raw.push((key, value));
            }
        }
        drop_idle_ticks(model, &mut raw);
        let (costs, pairs): (Vec<_>, Vec<_>) =
            raw.iter().cloned().partition(|(key, _)| key.starts_with(COST));
        let (answers, mut problems) = Answers::from_pairs(model, pairs);
        let (assumptions, faults) = assumptions(&costs);
        problems.extend(faults);
        Self { service, supersedes, raw, answers, assumptions, problems }
    }

    /// The query that leads back here with the good answers.
    pub(crate) fn query(&self) -> String {
        let query = query_with(&self.service, &self.answers, &self.assumptions);
        match self.supersedes {
            Some(id) => format!("{SUPERSEDES}={id}&{query}"),
            None => query,
        }
    }

    /// Whether this value was sent for this question.
    pub(crate) fn has(&self, id: &str, value: &str) -> bool {
        self.raw.iter().any(|(key, sent)| key == id && sent == value)
    }

    /// What was typed for a number; empty when nothing was.
    pub(crate) fn typed(&self, id: &str) -> &str {
        let mut sent = self.raw.iter().filter(|(key, value)| key == id && value != UNKNOWN);
        sent.next().map_or("", |(_, value)| value)
    }

    /// Whether a number is marked a must.
    pub(crate) fn is_must(&self, id: &str) -> bool {
        self.has(MUST, id)
    }

    /// What is wrong with a question's answer, in one text.
    pub(crate) fn error(&self, id: &str) -> Option<String> {
        let problem = self.problems.iter().find(|problem| question_id(problem) == id)?;
        Some(explain(problem))
    }

    /// Whether no question has an answer other than "don't know".
    pub(crate) fn says_nothing(&self, model: &Model) -> bool {
        !model.questions().iter().any(|question| is_answered(&self.answers, &question.id))
    }
}

/// Reads assumptions from pairs whose keys begin with `cost_`; so do the problems' fields.
pub(crate) fn assumptions(pairs: &[(String, String)]) -> (Assumptions, Vec<Problem>) {
    let ids = pairs.iter().filter_map(|(key, text)| Some((key.strip_prefix(COST)?, text.as_str())));
    let (assumptions, problems) = Assumptions::from_pairs(ids);
    let prefixed =
        |problem: Problem| Problem { field: format!("{COST}{}", problem.field), ..problem };
    (assumptions, problems.into_iter().map(prefixed).collect())
}

/// The query string of `/checklist` for these answers.
pub(crate) fn query(service: &str, answers: &Answers) -> String {
    query_with(service, answers, &Assumptions::default())
}

/// The query string of `/checklist` for these answers and assumptions about cost.
pub(crate) fn query_with(service: &str, answers: &Answers, assumptions: &Assumptions) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !service.is_empty() {
        query.append_pair(SERVICE, service);
    }
    query.extend_pairs(answers.to_pairs());
    for (id, text) in assumptions.to_pairs() {
        query.append_pair(&format!("{COST}{id}"), &text);
    }
    query.finish()
}

/// Whether a question has an answer that says something.
pub(crate) fn is_answered(answers: &Answers, id: &str) -> bool {
    !matches!(answers.value(id), AnswerValue::Unanswered | AnswerValue::Unknown)
}

/// The id of the question a problem speaks of.
pub(crate) fn question_id(problem: &Problem) -> &str {
    problem.field.strip_prefix("answers.").unwrap_or(&problem.field)
}

/// A problem and its remedy in one text.
pub(crate) fn explain(problem: &Problem) -> String {
    match problem.help.as_str() {
        "" => problem.message.clone(),
        help => {
            let message = problem.message.trim_end_matches('.');
            format!("{message}. {}.", capitalised(help.trim_end_matches('.')))
        }
    }
}

/// A text that begins with a capital letter.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// An answer in words, for people: "Half or more", "5 engineers (a must)", "Don’t know".
pub(crate) fn in_words(model: &Model, answers: &Answers, id: &str) -> String {
    let Some(question) = model.question(id) else {
        return String::new();
    };
    let label = |value: &str| {
        question.answer(value).map_or_else(|| value.to_owned(), |answer| answer.label.clone())
    };
    match answers.value(id) {
        AnswerValue::Unanswered => "Not answered".to_owned(),
        AnswerValue::Unknown => "Don’t know".to_owned(),
        AnswerValue::One(value) => label(value),
        AnswerValue::Many([]) => "None".to_owned(),
        AnswerValue::Many(values) => {
            values.iter().map(|value| label(value)).collect::<Vec<_>>().join("; ")
        }
        AnswerValue::Number { value, must } => {
            let unit = match &question.kind {
                QuestionKind::Number { unit, .. } => unit.as_str(),
                QuestionKind::One(_) | QuestionKind::Many { .. } => "",
            };
            let must = if must { " (a must)" } else { "" };
            quantity(value, unit) + must
        }
    }
}

/// Without a script, "don't know" may stay ticked beside an answer, and "must" without a number:
/// the answer counts, the tick does not.
fn drop_idle_ticks(model: &Model, raw: &mut Vec<(String, String)>) {
    let answered: BTreeSet<String> = raw
        .iter()
        .filter(|(key, value)| key != MUST && value != UNKNOWN)
        .map(|(key, _)| key.clone())
        .collect();
    raw.retain(|(key, value)| {
        let idle = match (key.as_str(), value.as_str()) {
            (MUST, id) => model.question(id).is_some() && !answered.contains(id),
            (id, UNKNOWN) => answered.contains(id),
            _ => false,
        };
        !idle
    });
}
