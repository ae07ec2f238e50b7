//! Reads a model's text, noting every fault with its place: teams edit these files.

mod faults;
mod read;
mod unclosed;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use self::faults::Faults;
use crate::{
    Answer, Bin, ByOption, Choice, Criterion, CriterionKind, Group, Knockout, Model, Problem,
    Question, QuestionKind,
    expected::Expected,
    expr::{Checker, Expr, Factor, RawExpr, Row, Table, states},
    model::{Claims, HybridMemory},
};

/// Limits that keep a model readable and its evaluation quick.
const MAX_QUESTIONS: usize = 64;
const MAX_CRITERIA: usize = 32;
const MAX_ANSWERS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    id: String,
    version: String,
    #[serde(default)]
    hybrid: RawHybrid,
    expected: Option<Expected>,
    group: Vec<Group>,
    question: Vec<RawQuestion>,
    criterion: Vec<RawCriterion>,
    #[serde(default)]
    knockout: Vec<RawKnockout>,
}

/// Answers by question, all of which must be given.
type RawConditions = Spanned<BTreeMap<Spanned<String>, Spanned<String>>>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawHybrid {
    rust_loaded: Option<Spanned<f64>>,
    go_idle: Option<Spanned<f64>>,
    in_process: Vec<RawConditions>,
}

const fn ordered() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuestion {
    id: Spanned<String>,
    group: Spanned<String>,
    label: String,
    #[serde(default)]
    help: String,
    short: String,
    #[serde(default)]
    core: bool,
    #[serde(default)]
    settled: bool,
    #[serde(default = "ordered")]
    ordered: bool,
    at_most: Option<usize>,
    #[serde(default)]
    answers: Vec<RawAnswer>,
    number: Option<Spanned<RawNumber>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    value: Spanned<String>,
    label: String,
    help: String,
    phrase: String,
    prior: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNumber {
    #[serde(default)]
    whole: bool,
    min: Spanned<f64>,
    max: f64,
    unit: String,
    #[serde(default)]
    must: bool,
    phrase: String,
    #[serde(default)]
    bins: Vec<RawBin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBin {
    value: Spanned<String>,
    below: Option<Spanned<f64>>,
    prior: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCriterion {
    id: Spanned<String>,
    name: String,
    group: Spanned<String>,
    kind: Option<CriterionKind>,
    swing: Spanned<RawExpr>,
    value: Option<Spanned<RawValues>>,
    names: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    claims: Claims,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValues {
    rust: Spanned<RawExpr>,
    go: Spanned<RawExpr>,
    hybrid: Spanned<RawExpr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnockout {
    id: Spanned<String>,
    when: RawConditions,
    rules_out: Vec<Spanned<String>>,
    text: String,
}

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
            let message = format!("{} is not a usable multiple of memory", memory.get_ref());
            faults.add("hybrid", memory.span(), message, "0 to 100");
        }
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
        let message = format!("go_idle is {}, not a share", go_idle.get_ref());
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

fn question(raw: &RawQuestion, groups: &[Group], faults: &mut Faults) -> Question {
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
        let message = format!("a prior of {prior}");
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
        answers.push(Answer {
            value: value.clone(),
            label: answer.label.clone(),
            help: answer.help.clone(),
            phrase: answer.phrase.clone(),
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
    QuestionKind::Number {
        whole: number.whole,
        min,
        max: number.max,
        unit: number.unit.clone(),
        may_be_must: number.must,
        phrase: number.phrase.clone(),
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

fn criterion(raw: &RawCriterion, model: &Model, faults: &mut Faults) -> Criterion {
    let field = format!("criterion.{}", raw.id.get_ref());
    let kind = raw.kind.unwrap_or(CriterionKind::Judged);
    check_group(&raw.group, &model.groups, &field, faults);
    let swings = swings(&field, raw, kind, model, faults);
    let values = values(&field, raw, kind, model, faults);
    let mut factors = Vec::new();
    swings.iter().chain(&values).for_each(|expr| expr.factors(&mut factors));
    measured_factors(kind, model, &mut factors);
    let table = Table::build(&factors, |states| row(&factors, states, &swings, &values));
    let table = table.unwrap_or_else(|| {
        faults.add(
            &field,
            raw.id.span(),
            "depends on too many answers at once",
            "use fewer questions",
        );
        Table::default()
    });
    check_ranges(&field, &factors, &table, [&swings, &values], faults);
    let names = match &raw.names {
        None => factors.iter().filter(|f| f.holds.is_none()).map(|f| f.question).collect(),
        Some(names) => {
            names.iter().filter_map(|name| find_question(&field, name, model, faults)).collect()
        }
    };
    Criterion {
        id: raw.id.get_ref().clone(),
        name: raw.name.clone(),
        group: raw.group.get_ref().clone(),
        kind,
        names,
        claims: raw.claims.clone(),
        factors,
        table,
    }
}

/// What the measurement itself is chosen by.
fn measured_factors(kind: CriterionKind, model: &Model, factors: &mut Vec<Factor>) {
    let ids: &[&str] = match kind {
        CriterionKind::Judged | CriterionKind::Build => &[],
        CriterionKind::Headroom => &["workload", "cpu_bound", "tail_latency"],
        CriterionKind::Tail => &["workload", "resident_state"],
        CriterionKind::Economy => &["workload", "cpu_bound"],
    };
    for question in ids.iter().filter_map(|id| model.question_index(id)) {
        let states = model.questions.get(question).map_or(0, |q| q.answers().len());
        let states = u8::try_from(states).unwrap_or(u8::MAX);
        let factor = Factor { question, holds: None, states };
        if states > 0 && !factors.contains(&factor) {
            factors.push(factor);
        }
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

/// One expression; for economy one for CPU and one for memory.
fn swings(
    field: &str,
    raw: &RawCriterion,
    kind: CriterionKind,
    model: &Model,
    faults: &mut Faults,
) -> Vec<Expr> {
    let mut checker = Checker { questions: &model.questions, problems: &mut faults.0 };
    let field = format!("{field}.swing");
    if kind != CriterionKind::Economy {
        return vec![checker.check(&field, &raw.swing, &[])];
    }
    let part = |name: &str| match raw.swing.get_ref() {
        RawExpr::Map(entries) if entries.len() == 2 => {
            entries.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, value)| {
                value.get_ref().expression().map(|e| Spanned::new(value.span(), e))
            })
        }
        _ => None,
    };
    match (part("cpu"), part("memory")) {
        (Some(cpu), Some(memory)) => {
            vec![checker.check(&field, &cpu, &[]), checker.check(&field, &memory, &[])]
        }
        _ => {
            let help = "write swing = { cpu = …, memory = … }";
            faults.add(&field, raw.swing.span(), "economy states its points by part", help);
            Vec::new()
        }
    }
}

fn values(
    field: &str,
    raw: &RawCriterion,
    kind: CriterionKind,
    model: &Model,
    faults: &mut Faults,
) -> Vec<Expr> {
    match &raw.value {
        None if kind.is_measured() => Vec::new(),
        None => {
            let help = "add value = { rust = …, go = …, hybrid = … }";
            faults.add(field, raw.id.span(), "has no values", help);
            Vec::new()
        }
        Some(values) if kind.is_measured() => {
            faults.add(
                field,
                values.span(),
                "is measured, so it takes no values",
                "remove `value`",
            );
            Vec::new()
        }
        Some(values) => {
            let mut checker = Checker { questions: &model.questions, problems: &mut faults.0 };
            let values = values.get_ref();
            vec![
                checker.check(&format!("{field}.value.rust"), &values.rust, &[]),
                checker.check(&format!("{field}.value.go"), &values.go, &[]),
                checker.check(&format!("{field}.value.hybrid"), &values.hybrid, &["rust", "go"]),
            ]
        }
    }
}

/// The state of one of the factors, given those of all.
fn state_of(factors: &[Factor], states: &[u8], factor: Factor) -> u8 {
    let at = factors.iter().position(|known| *known == factor);
    at.and_then(|at| states.get(at)).copied().unwrap_or(0)
}

fn row(factors: &[Factor], states: &[u8], swings: &[Expr], values: &[Expr]) -> Row {
    let state_of = |factor| state_of(factors, states, factor);
    let of = |expr: Option<&Expr>, options: &[f64; 2]| {
        expr.map_or(0.0, |expr| expr.evaluate(&state_of, options))
    };
    let none = [0.0, 0.0];
    let languages = [of(values.first(), &none), of(values.get(1), &none)];
    let [rust, go] = languages;
    Row {
        swings: [of(swings.first(), &none), of(swings.get(1), &none)],
        values: [rust, go, of(values.get(2), &languages)],
    }
}

/// Each expression that comes to a number that is not allowed, once, at the part it is due to.
fn check_ranges(
    field: &str,
    factors: &[Factor],
    table: &Table,
    [swings, values]: [&[Expr]; 2],
    faults: &mut Faults,
) {
    let exprs = [swings.first(), swings.get(1), values.first(), values.get(1), values.get(2)];
    for (at, expr) in exprs.into_iter().enumerate() {
        let allowed = if at < 2 { 0.0..=1000.0 } else { 0.0..=1.0 };
        let number = |row: &Row| row.numbers().get(at).copied().unwrap_or(0.0);
        let mut rows = table.rows().enumerate();
        let bad = rows.find(|(_, row)| !allowed.contains(&number(row)));
        let (Some(expr), Some((index, row))) = (expr, bad) else { continue };
        let states = Table::states(factors, index);
        let [rust, go, _] = row.values;
        let state_of = |factor| state_of(factors, &states, factor);
        let Some(place) = expr.culprit(&state_of, &[rust, go], &allowed) else { continue };
        let number = number(row);
        if at < 2 {
            let message = format!("{number} swing points for some answers");
            faults.add(&format!("{field}.swing"), place, message, "0 to 1000");
        } else {
            let message = format!("a value of {number} for some answers");
            faults.add(&format!("{field}.value"), place, message, "0 to 1");
        }
    }
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
    Knockout { id: raw.id.get_ref().clone(), text: raw.text.clone(), rules_out, when }
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
