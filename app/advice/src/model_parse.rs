//! Reads a model's text, noting every fault with its place: teams edit these files.

mod criteria;
mod faults;
mod questions;
mod raw;
mod read;
mod unclosed;

use toml::Spanned;

use self::{
    criteria::criterion,
    faults::Faults,
    questions::question,
    raw::{RawConditions, RawKnockout, RawModel, RawSpread},
};
use crate::{
    ByOption, Choice, Group, Knockout, Model, Problem, QuestionKind,
    expected::Expected,
    expr::{Factor, states},
    model::{HybridMemory, Spread},
    wording::exact,
};

/// Limits that keep a model readable and its evaluation quick.
const MAX_QUESTIONS: usize = 64;
const MAX_CRITERIA: usize = 32;

/// Reads a model; its `text` and `digest` are left empty.
pub(crate) fn parse(text: &str) -> Result<Model, Vec<Problem>> {
    let mut faults = Faults::default();
    let Some(raw) = read::read(text, &mut faults) else {
        return Err(faults.in_order(text));
    };
    limits(&raw, &mut faults);
    let times = |times: Option<&Spanned<f64>>| times.map_or(1.0, |times| *times.get_ref());
    let hybrid = HybridMemory {
        rust_loaded: times(raw.hybrid.rust_loaded.as_ref()),
        go_idle: times(raw.hybrid.go_idle.as_ref()),
    };
    let spread = spread(&raw.spread, &mut faults);
    let questions = raw.question.iter().map(|q| question(q, &raw.group, &mut faults)).collect();
    let mut model = Model {
        id: raw.id,
        version: raw.version,
        digest: String::new(),
        text: String::new(),
        groups: raw.group,
        questions,
        criteria: Vec::new(),
        knockouts: Vec::new(),
        hybrid,
        in_process: Vec::new(),
        expected: raw.expected,
        spread,
    };
    model.criteria = raw.criterion.iter().map(|c| criterion(c, &model, &mut faults)).collect();
    if let Some(expected) = &model.expected {
        check_expected(expected, &model, &mut faults);
    }
    model.knockouts = raw.knockout.iter().map(|k| knockout(k, &model, &mut faults)).collect();
    let in_process = raw.hybrid.in_process.iter();
    model.in_process =
        in_process.map(|when| conditions("hybrid.in_process", when, &model, &mut faults)).collect();
    if faults.0.is_empty() { Ok(model) } else { Err(faults.in_order(text)) }
}

fn limits(raw: &RawModel, faults: &mut Faults) {
    if let Some(beyond) = raw.question.get(MAX_QUESTIONS) {
        let help = format!("at most {MAX_QUESTIONS}");
        faults.add("question", beyond.id.span(), "too many questions", help);
    }
    let beyond = raw.criterion.get(MAX_CRITERIA);
    if raw.criterion.is_empty() || beyond.is_some() {
        let place = beyond.map_or(0..0, |criterion| criterion.id.span());
        faults.add("criterion", place, "no criteria or too many", format!("1 to {MAX_CRITERIA}"));
    }
    faults.unique("question.id", &raw.question.iter().map(|q| &q.id).collect::<Vec<_>>());
    faults.unique("criterion.id", &raw.criterion.iter().map(|c| &c.id).collect::<Vec<_>>());
    faults.unique("knockout.id", &raw.knockout.iter().map(|k| &k.id).collect::<Vec<_>>());
    for memory in [&raw.hybrid.rust_loaded, &raw.hybrid.go_idle].into_iter().flatten() {
        if !(0.0..=100.0).contains(memory.get_ref()) {
            let message =
                format!("{} is not a usable multiple of memory", exact(*memory.get_ref()));
            faults.add("hybrid", memory.span(), message, "0 to 100");
        }
    }
}

fn spread(raw: &RawSpread, faults: &mut Faults) -> Spread {
    let mut within = |name: &str, stated: Option<&Spanned<f64>>, otherwise: f64, most: f64| {
        let Some(stated) = stated else { return otherwise };
        let spread = *stated.get_ref();
        if !(0.0..=most).contains(&spread) {
            let message = format!("a spread of {}", exact(spread));
            faults.add(&format!("spread.{name}"), stated.span(), message, format!("0 to {most}"));
        }
        spread
    };
    Spread {
        group: within("group", raw.group.as_ref(), 1.0, 4.0),
        criterion: within("criterion", raw.criterion.as_ref(), 0.5, 4.0),
        value: within("value", raw.value.as_ref(), 0.15, 1.0),
    }
}

/// Ratios in order, one tail for each resident state, and one ratio of processor time by how much
/// of the work computes.
fn check_expected(expected: &Expected, model: &Model, faults: &mut Faults) {
    let memory = [("memory".to_owned(), &expected.memory)];
    let by_answer =
        [("cpu", "cpu_bound", &expected.cpu), ("tail", "resident_state", &expected.tail)];
    let each = by_answer.iter().flat_map(|(name, _, ratios)| {
        ratios.iter().map(move |(answer, ratio)| (format!("{name}.{answer}"), ratio))
    });
    for (name, ratio) in memory.into_iter().chain(each) {
        if let Some(fault) = ratio.get_ref().fault() {
            faults.add(&format!("expected.{name}"), ratio.span(), fault, "Rust ÷ Go, in order");
        }
    }
    for (name, question, ratios) in by_answer {
        let asked = model.question_index(question).and_then(|at| model.questions.get(at));
        let answers: Vec<&str> =
            asked.iter().flat_map(|q| q.answers()).map(|answer| answer.value.as_str()).collect();
        let field = format!("expected.{name}");
        let place = ratios.values().next().map_or(expected.memory.span(), Spanned::span);
        for answer in answers.iter().filter(|answer| !ratios.contains_key(**answer)) {
            let message = format!("no {name} is expected for `{question} = {answer}`");
            faults.add(&field, place.clone(), message, "state one for each answer");
        }
        for (answer, ratio) in ratios.iter().filter(|(a, _)| !answers.contains(&a.as_str())) {
            let message = format!("`{answer}` is no answer to `{question}`");
            faults.add(&field, ratio.span(), message, format!("allowed: {}", answers.join(", ")));
        }
    }
    let go_idle = &expected.go_idle;
    if !(0.0..=1.0).contains(go_idle.get_ref()) {
        let message = format!("go_idle is {}, not a share", exact(*go_idle.get_ref()));
        faults.add("expected.go_idle", go_idle.span(), message, "0 to 1");
    }
}

fn check_group(id: &Spanned<String>, groups: &[Group], field: &str, faults: &mut Faults) {
    if !groups.iter().any(|group| group.id == *id.get_ref()) {
        let known: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        let message = format!("there is no group `{}`", id.get_ref());
        faults.add(field, id.span(), message, format!("known: {}", known.join(", ")));
    }
}

fn find_question(
    field: &str,
    id: &Spanned<String>,
    model: &Model,
    faults: &mut Faults,
) -> Option<usize> {
    let found = model.question_index(id.get_ref());
    if found.is_none() {
        let known: Vec<&str> = model.questions.iter().map(|q| q.id.as_str()).collect();
        let message = format!("there is no question `{}`", id.get_ref());
        faults.add(field, id.span(), message, format!("known: {}", known.join(", ")));
    }
    found
}
fn knockout(raw: &RawKnockout, model: &Model, faults: &mut Faults) -> Knockout {
    let field = format!("knockout.{}", raw.id.get_ref());
    let mut rules_out = ByOption::default();
    for id in &raw.rules_out {
        match Choice::from_id(id.get_ref()) {
            Some(choice) => *rules_out.get_mut(choice) = true,
            None => {
                let message = format!("`{}` is not an option", id.get_ref());
                faults.add(&field, id.span(), message, "allowed: rust, go, hybrid");
            }
        }
    }
    let when = conditions(&field, &raw.when, model, faults);
    faults.placeholders(&field, &raw.text, &[]);
    Knockout { id: raw.id.get_ref().clone(), text: raw.text.get_ref().clone(), rules_out, when }
}

/// Answers that must all be given.
fn conditions(
    field: &str,
    raw: &RawConditions,
    model: &Model,
    faults: &mut Faults,
) -> Vec<(Factor, u8)> {
    if raw.get_ref().is_empty() {
        faults.add(field, raw.span(), "no condition", "write { question = \"answer\" }");
    }
    let mut when = Vec::new();
    for (id, answer) in raw.get_ref() {
        let Some(index) = find_question(field, id, model, faults) else {
            continue;
        };
        let Some(question) = model.questions.get(index) else {
            continue;
        };
        let states = states(question);
        let Some(state) = states.iter().position(|state| state == answer.get_ref()) else {
            let message = format!("`{}` is not an answer to `{}`", answer.get_ref(), id.get_ref());
            faults.add(field, answer.span(), message, format!("allowed: {}", states.join(", ")));
            continue;
        };
        let state = u8::try_from(state).unwrap_or(u8::MAX);
        when.push(if matches!(question.kind, QuestionKind::Many { .. }) {
            (Factor { question: index, holds: Some(state), states: 2 }, 1)
        } else {
            let count = u8::try_from(states.len()).unwrap_or(u8::MAX);
            (Factor { question: index, holds: None, states: count }, state)
        });
    }
    when
}
