//! The questions of a model, checked.

use toml::Spanned;

use super::{
    check_group,
    faults::Faults,
    raw::{RawBin, RawNumber, RawQuestion},
};
use crate::{Answer, Bin, Group, Question, QuestionKind, wording::exact};

const MAX_ANSWERS: usize = 16;

pub(super) fn question(raw: &RawQuestion, groups: &[Group], faults: &mut Faults) -> Question {
    let field = format!("question.{}", raw.id.get_ref());
    check_group(&raw.group, groups, &field, faults);
    if raw.id.get_ref().is_empty()
        || ["must", "service", "unknown"].contains(&raw.id.get_ref().as_str())
        || !raw
            .id
            .get_ref()
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        let message = format!("`{}` cannot be a question's id", raw.id.get_ref());
        faults.add(
            &field,
            raw.id.span(),
            message,
            "lower-case letters, digits and _; not must, service or unknown",
        );
    }
    let kind = match (&raw.number, raw.at_most) {
        (Some(number), None) if raw.answers.is_empty() => number_kind(&field, number, faults),
        (None, at_most) => {
            let answers = answers(&field, raw, faults);
            match at_most {
                Some(at_most) => QuestionKind::Many { answers, at_most },
                None => QuestionKind::One(answers),
            }
        }
        _ => {
            faults.add(
                &field,
                raw.number.as_ref().map_or(raw.id.span(), Spanned::span),
                "both a number and a choice",
                "keep either `number` or `answers`",
            );
            QuestionKind::One(Vec::new())
        }
    };
    Question {
        id: raw.id.get_ref().clone(),
        label: raw.label.clone(),
        help: raw.help.clone(),
        short: raw.short.clone(),
        group: raw.group.get_ref().clone(),
        core: raw.core,
        settled: raw.settled,
        ordered: raw.ordered,
        kind,
    }
}

/// The weight while a question is open; 1 unless it is stated.
fn prior(field: &str, stated: Option<&Spanned<f64>>, faults: &mut Faults) -> f64 {
    let Some(stated) = stated else { return 1.0 };
    let prior = *stated.get_ref();
    if !(prior > 0.0 && prior <= 1000.0) {
        let message = format!("a prior of {}", exact(prior));
        faults.add(field, stated.span(), message, "greater than 0, at most 1000");
    }
    prior
}

fn answers(field: &str, raw: &RawQuestion, faults: &mut Faults) -> Vec<Answer> {
    if raw.answers.is_empty() || raw.answers.len() > MAX_ANSWERS {
        let help = format!("1 to {MAX_ANSWERS} answers, or `number`");
        let place = raw.answers.get(MAX_ANSWERS).map_or(raw.id.span(), |it| it.value.span());
        faults.add(field, place, "no answers or too many", help);
    }
    let mut answers: Vec<Answer> = Vec::new();
    for answer in &raw.answers {
        let (value, place) = (answer.value.get_ref(), answer.value.span());
        if answers.iter().any(|earlier| earlier.value == *value) {
            faults.add(field, place.clone(), format!("`{value}` is there twice"), "keep one");
        }
        if value.is_empty() || ["unknown", "else", "by"].contains(&value.as_str()) {
            let message = format!("`{value}` cannot be an answer's value");
            faults.add(field, place, message, "anything but unknown, else and by");
        }
        faults.placeholders(field, &answer.phrase, &[]);
        answers.push(Answer {
            value: value.clone(),
            label: answer.label.clone(),
            help: answer.help.clone(),
            phrase: answer.phrase.get_ref().clone(),
            prior: prior(field, answer.prior.as_ref(), faults),
        });
    }
    answers
}

fn number_kind(field: &str, raw: &Spanned<RawNumber>, faults: &mut Faults) -> QuestionKind {
    let number = raw.get_ref();
    let min = *number.min.get_ref();
    if !(min.is_finite() && number.max.is_finite() && min < number.max) {
        let help = "for example min = 0, max = 100";
        faults.add(field, number.min.span(), "min must be below max", help);
    }
    faults.placeholders(field, &number.phrase, &["n"]);
    QuestionKind::Number {
        whole: number.whole,
        min,
        max: number.max,
        unit: number.unit.clone(),
        may_be_must: number.must,
        phrase: number.phrase.get_ref().clone(),
        bins: bins(field, &number.bins, faults),
    }
}

fn bins(field: &str, raw: &[RawBin], faults: &mut Faults) -> Vec<Bin> {
    let mut floor = f64::NEG_INFINITY;
    let mut bins = Vec::new();
    for (at, bin) in raw.iter().enumerate() {
        let value = bin.value.get_ref();
        let below = bin.below.as_ref().map(|below| *below.get_ref());
        let last = at + 1 == raw.len();
        let rising = below.is_none_or(|below| below > floor);
        if below.is_none() != last || !rising || at == MAX_ANSWERS {
            let help = format!("each bin but the last has `below`, rising; at most {MAX_ANSWERS}");
            let place = bin.below.as_ref().map_or(bin.value.span(), Spanned::span);
            faults.add(field, place, format!("bin `{value}` is out of order"), help);
        }
        floor = below.unwrap_or(floor);
        let prior = prior(field, bin.prior.as_ref(), faults);
        bins.push(Bin { value: value.clone(), below, prior });
    }
    bins
}
