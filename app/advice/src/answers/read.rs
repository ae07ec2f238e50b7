//! One answer as written against what its question allows.

use std::ops::Range;

use super::{
    Given, UNKNOWN,
    raw::{Raw, RawValue},
};
use crate::{
    Model, Problem, Question, QuestionKind,
    wording::{exact, shorten},
};

/// A fault of one answer; a nested one may have its own place.
pub(super) struct Fault {
    span: Option<Range<usize>>,
    message: String,
    help: String,
}

impl Fault {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { span: None, message, help: help.into() }
    }

    pub(super) fn at(self, id: &str, span: Option<Range<usize>>) -> Problem {
        Problem {
            field: format!("answers.{}", shorten(id)),
            span: self.span.or(span),
            message: self.message,
            help: self.help,
        }
    }
}

pub(super) fn find<'m>(model: &'m Model, id: &str) -> Result<(usize, &'m Question), Fault> {
    let mut questions = model.questions().iter().enumerate();
    questions.find(|(_, question)| question.id == id).ok_or_else(|| {
        let known: Vec<&str> = model.questions().iter().map(|q| q.id.as_str()).collect();
        let message = format!("there is no question `{}`", shorten(id));
        Fault::new(message, format!("known: {}", known.join(", ")))
    })
}

fn allowed(question: &Question) -> String {
    let number = |whole: bool, min: f64, max: f64, unit: &str| {
        let whole = if whole { "a whole number" } else { "a number" };
        let [min, max] = [min, max].map(exact);
        format!("allowed: {whole} from {min} to {max} ({unit}), or unknown")
    };
    match &question.kind {
        QuestionKind::Number { whole, min, max, unit, .. } => number(*whole, *min, *max, unit),
        QuestionKind::One(answers) => {
            let values: Vec<&str> = answers.iter().map(|answer| answer.value.as_str()).collect();
            format!("allowed: {}, unknown", values.join(", "))
        }
        QuestionKind::Many { answers, at_most } => {
            let values: Vec<&str> = answers.iter().map(|answer| answer.value.as_str()).collect();
            format!("allowed: up to {at_most} of {}", values.join(", "))
        }
    }
}

/// The question of a number that may be marked as a must.
pub(super) fn may_be_must<'m>(model: &'m Model, id: &str) -> Result<&'m Question, Fault> {
    let musts = model.questions().iter().filter(|question| is_may_be_must(question));
    let found = musts.clone().find(|question| question.id == id);
    found.ok_or_else(|| {
        let message = format!("`{}` cannot be marked as a must", shorten(id));
        let musts: Vec<&str> = musts.map(|question| question.id.as_str()).collect();
        let only = format!("only a number with a limit to keep can: {}", musts.join(", "));
        Fault::new(message, if musts.is_empty() { "no number can".to_owned() } else { only })
    })
}

const fn is_may_be_must(question: &Question) -> bool {
    matches!(question.kind, QuestionKind::Number { may_be_must: true, .. })
}

fn not_must(question: &Question) -> Fault {
    let message = format!("`{}` cannot be marked as a must", question.id);
    Fault::new(message, "only a number with a limit to keep can: peak_rps, p99_ms, memory_mb")
}

/// A form's values, all texts.
pub(super) fn read_texts(question: &Question, values: &[String]) -> Result<Given, Fault> {
    match (&question.kind, values) {
        (_, [value]) if value == UNKNOWN => Ok(Given::Unknown),
        (QuestionKind::Many { .. }, values) => read_many(question, values),
        (QuestionKind::One(_), [value]) => match question.answer(value) {
            Some(answer) => Ok(Given::One(answer.value.clone())),
            None => {
                let message = format!("`{}` is not an answer", shorten(value));
                Err(Fault::new(message, allowed(question)))
            }
        },
        (QuestionKind::Number { .. }, [value]) => match value.parse::<f64>() {
            Ok(number) => read_number(question, number, false),
            Err(_) => {
                let message = format!("`{}` is not a number", shorten(value));
                Err(Fault::new(message, allowed(question)))
            }
        },
        (_, values) => {
            let message = format!("{} answers to a question that takes one", values.len());
            Err(Fault::new(message, allowed(question)))
        }
    }
}

pub(super) fn read_many(question: &Question, values: &[String]) -> Result<Given, Fault> {
    let QuestionKind::Many { answers, at_most } = &question.kind else {
        let message = "a list where one answer is expected".to_owned();
        return Err(Fault::new(message, allowed(question)));
    };
    if let Some(value) = values.iter().find(|value| question.answer(value).is_none()) {
        let message = format!("`{}` is not an answer", shorten(value));
        return Err(Fault::new(message, allowed(question)));
    }
    let chosen: Vec<String> = answers
        .iter()
        .filter(|answer| values.contains(&answer.value))
        .map(|answer| answer.value.clone())
        .collect();
    if chosen.len() > *at_most {
        return Err(Fault::new(
            format!("{} answers are too many", chosen.len()),
            allowed(question),
        ));
    }
    Ok(Given::Many(chosen))
}

pub(super) fn read_number(question: &Question, value: f64, must: bool) -> Result<Given, Fault> {
    let QuestionKind::Number { whole, min, max, may_be_must, .. } = &question.kind else {
        let message = format!("{} is not an answer", exact(value));
        return Err(Fault::new(message, allowed(question)));
    };
    if !(*min..=*max).contains(&value) {
        // Some write it with more digits than a number here can have.
        let told = match value {
            value if value.is_infinite() => "a number that large".to_owned(),
            value => exact(value),
        };
        return Err(Fault::new(format!("{told} is out of range"), allowed(question)));
    }
    if *whole && libm::trunc(value) != value {
        return Err(Fault::new(format!("{} is not whole", exact(value)), allowed(question)));
    }
    if must && !may_be_must {
        return Err(not_must(question));
    }
    // Zero has one sign, so that equal answers read equal.
    Ok(Given::Number { value: if value == 0.0 { 0.0 } else { value }, must })
}

pub(super) fn read(question: &Question, raw: Raw<'_>) -> Result<Given, Fault> {
    match raw.value {
        RawValue::Text(text) if text == UNKNOWN => Ok(Given::Unknown),
        RawValue::Text(text) => {
            if let QuestionKind::Number { .. } = question.kind {
                let message = format!("`{}` is a text, not a number", shorten(&text));
                return Err(Fault::new(message, allowed(question)));
            }
            if let QuestionKind::Many { .. } = question.kind {
                let message = format!("`{}` is not a list", shorten(&text));
                return Err(Fault::new(message, allowed(question)));
            }
            read_texts(question, &[text.into_owned()])
        }
        RawValue::Number(value) => read_number(question, value, false),
        RawValue::List(items) => {
            let mut values = Vec::new();
            for item in items {
                let span = item.span.clone();
                let place = |fault: Fault| Fault { span: span.clone(), ..fault };
                let RawValue::Text(text) = item.value else {
                    let message = "a list holds texts".to_owned();
                    return Err(place(Fault::new(message, allowed(question))));
                };
                let text = text.into_owned();
                if question.answer(&text).is_none() {
                    let message = format!("`{}` is not an answer", shorten(&text));
                    return Err(place(Fault::new(message, allowed(question))));
                }
                values.push(text);
            }
            read_many(question, &values)
        }
        RawValue::Table(entries) => read_must(question, entries),
        RawValue::Other(kind) => {
            Err(Fault::new(format!("{kind} is not an answer"), allowed(question)))
        }
    }
}

/// `{ value = NUMBER, must = true }`.
fn read_must(question: &Question, entries: Vec<(String, Raw<'_>)>) -> Result<Given, Fault> {
    const FORM: &str = "write { value = NUMBER, must = true }";
    let (mut value, mut must) = (None, false);
    for (key, raw) in entries {
        let fault = |message: String| Fault { span: raw.span.clone(), ..Fault::new(message, FORM) };
        match (key.as_str(), &raw.value) {
            ("value", RawValue::Number(number)) => value = Some(*number),
            ("value", RawValue::Text(text)) if text == UNKNOWN => {
                return Err(fault("an unknown number cannot be a must".to_owned()));
            }
            ("must", RawValue::Other("true")) => must = true,
            ("must", RawValue::Other("false")) => must = false,
            _ => return Err(fault(format!("`{}` is not expected here", shorten(&key)))),
        }
    }
    match value {
        Some(value) => read_number(question, value, must),
        None => Err(Fault::new("there is no number".to_owned(), FORM)),
    }
}
