//! Reads a model's text, noting every fault with its place: teams edit these files.

mod read;

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use toml::Spanned;

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

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawHybrid {
    rust_loaded: f64,
    go_idle: f64,
    in_process: Vec<Spanned<BTreeMap<String, Spanned<String>>>>,
}

impl Default for RawHybrid {
    fn default() -> Self {
        Self { rust_loaded: 1.0, go_idle: 1.0, in_process: Vec::new() }
    }
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
    answers: Vec<Spanned<Answer>>,
    number: Option<Spanned<RawNumber>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNumber {
    #[serde(default)]
    whole: bool,
    min: f64,
    max: f64,
    unit: String,
    #[serde(default)]
    must: bool,
    phrase: String,
    #[serde(default)]
    bins: Vec<Bin>,
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
    when: Spanned<BTreeMap<String, Spanned<String>>>,
    rules_out: Vec<Spanned<String>>,
    text: String,
}

struct Faults(Vec<Problem>);

impl Faults {
    fn add(
        &mut self,
        field: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Problem {
            field: field.to_owned(),
            span: Some(span),
            message: message.into(),
            help: help.into(),
        });
    }

    fn unique(&mut self, field: &str, ids: &[&Spanned<String>]) {
        for (at, id) in ids.iter().enumerate() {
            if ids.iter().take(at).any(|earlier| earlier.get_ref() == id.get_ref()) {
                let message = format!("`{}` is there twice", id.get_ref());
                self.add(field, id.span(), message, "give each its own id");
            }
        }
    }
}

/// Reads a model; its `text` and `digest` are left empty.
pub(crate) fn parse(text: &str) -> Result<Model, Vec<Problem>> {
    let mut faults = Faults(Vec::new());
    let Some(raw) = read::read(text, &mut faults) else {
        return Err(faults.0);
    };
    limits(&raw, text, &mut faults);
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
        hybrid: HybridMemory { rust_loaded: raw.hybrid.rust_loaded, go_idle: raw.hybrid.go_idle },
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
    if faults.0.is_empty() { Ok(model) } else { Err(faults.0) }
}

fn limits(raw: &RawModel, text: &str, faults: &mut Faults) {
    let whole = 0..text.len().min(1);
    if raw.question.len() > MAX_QUESTIONS {
        faults.add(
            "question",
            whole.clone(),
            "too many questions",
            format!("at most {MAX_QUESTIONS}"),
        );
    }
    if raw.criterion.is_empty() || raw.criterion.len() > MAX_CRITERIA {
        faults.add("criterion", whole, "no criteria or too many", format!("1 to {MAX_CRITERIA}"));
    }
    faults.unique("question.id", &raw.question.iter().map(|q| &q.id).collect::<Vec<_>>());
    faults.unique("criterion.id", &raw.criterion.iter().map(|c| &c.id).collect::<Vec<_>>());
    faults.unique("knockout.id", &raw.knockout.iter().map(|k| &k.id).collect::<Vec<_>>());
    for memory in [raw.hybrid.rust_loaded, raw.hybrid.go_idle] {
        if !(0.0..=100.0).contains(&memory) {
            let message = format!("{memory} is not a usable multiple of memory");
            faults.add("hybrid", 0..text.len().min(1), message, "0 to 100");
        }
    }
}

/// Ratios in order, and one tail for each resident state.
fn check_expected(expected: &Expected, model: &Model, faults: &mut Faults) {
    let tails = expected.tail.iter().map(|(state, ratio)| (format!("tail.{state}"), ratio));
    let ratios = [("cpu".to_owned(), &expected.cpu), ("memory".to_owned(), &expected.memory)];
    for (name, ratio) in ratios.into_iter().chain(tails) {
        if let Some(fault) = ratio.get_ref().fault() {
            faults.add(&format!("expected.{name}"), ratio.span(), fault, "Rust ÷ Go, in order");
        }
    }
    let states = model.question_index("resident_state").and_then(|at| model.questions.get(at));
    let states: Vec<&str> =
        states.iter().flat_map(|q| q.answers()).map(|answer| answer.value.as_str()).collect();
    let place = expected.cpu.span();
    for state in states.iter().filter(|state| !expected.tail.contains_key(**state)) {
        let message = format!("no tail is expected for `resident_state = {state}`");
        faults.add("expected.tail", place.clone(), message, "state one for each answer");
    }
    for state in expected.tail.keys().filter(|state| !states.contains(&state.as_str())) {
        let message = format!("`{state}` is no answer to `resident_state`");
        faults.add(
            "expected.tail",
            place.clone(),
            message,
            format!("allowed: {}", states.join(", ")),
        );
    }
    if !(0.0..=1.0).contains(&expected.go_idle) {
        let message = format!("go_idle is {}, not a share", expected.go_idle);
        faults.add("expected.go_idle", place, message, "0 to 1");
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
                raw.id.span(),
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

fn check_prior(field: &str, span: Range<usize>, prior: f64, faults: &mut Faults) {
    if !(prior > 0.0 && prior <= 1000.0) {
        faults.add(field, span, format!("a prior of {prior}"), "greater than 0, at most 1000");
    }
}

fn answers(field: &str, raw: &RawQuestion, faults: &mut Faults) -> Vec<Answer> {
    if raw.answers.is_empty() || raw.answers.len() > MAX_ANSWERS {
        let help = format!("1 to {MAX_ANSWERS} answers, or `number`");
        faults.add(field, raw.id.span(), "no answers or too many", help);
    }
    for (at, answer) in raw.answers.iter().enumerate() {
        let value = &answer.get_ref().value;
        check_prior(field, answer.span(), answer.get_ref().prior, faults);
        if raw.answers.iter().take(at).any(|earlier| earlier.get_ref().value == *value) {
            faults.add(field, answer.span(), format!("`{value}` is there twice"), "keep one");
        }
        if value.is_empty() || ["unknown", "else", "by"].contains(&value.as_str()) {
            let message = format!("`{value}` cannot be an answer's value");
            faults.add(field, answer.span(), message, "anything but unknown, else and by");
        }
    }
    raw.answers.iter().map(|answer| answer.get_ref().clone()).collect()
}

fn number_kind(field: &str, raw: &Spanned<RawNumber>, faults: &mut Faults) -> QuestionKind {
    let number = raw.get_ref();
    if !(number.min.is_finite() && number.max.is_finite() && number.min < number.max) {
        faults.add(field, raw.span(), "min must be below max", "for example min = 0, max = 100");
    }
    let mut floor = f64::NEG_INFINITY;
    for (at, bin) in number.bins.iter().enumerate() {
        check_prior(field, raw.span(), bin.prior, faults);
        let last = at + 1 == number.bins.len();
        let rising = bin.below.is_none_or(|below| below > floor);
        if bin.below.is_none() != last || !rising || number.bins.len() > MAX_ANSWERS {
            let help = "each bin but the last has `below`, rising; at most 16";
            faults.add(field, raw.span(), format!("bin `{}` is out of order", bin.value), help);
        }
        floor = bin.below.unwrap_or(floor);
    }
    QuestionKind::Number {
        whole: number.whole,
        min: number.min,
        max: number.max,
        unit: number.unit.clone(),
        may_be_must: number.must,
        phrase: number.phrase.clone(),
        bins: number.bins.clone(),
    }
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
    check_ranges(&field, raw, &table, faults);
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
        CriterionKind::Headroom => &["workload", "resident_state", "tail_latency"],
        CriterionKind::Tail | CriterionKind::Economy => &["workload", "resident_state"],
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

fn row(factors: &[Factor], states: &[u8], swings: &[Expr], values: &[Expr]) -> Row {
    let state_of = |factor: Factor| {
        let at = factors.iter().position(|f| *f == factor);
        at.and_then(|at| states.get(at)).copied().unwrap_or(0)
    };
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

fn check_ranges(field: &str, raw: &RawCriterion, table: &Table, faults: &mut Faults) {
    let bad_swing = table.rows().flat_map(|row| row.swings).find(|s| !(0.0..=1000.0).contains(s));
    if let Some(swing) = bad_swing {
        let message = format!("{swing} swing points for some answers");
        faults.add(&format!("{field}.swing"), raw.swing.span(), message, "0 to 1000");
    }
    let bad_value = table.rows().flat_map(|row| row.values).find(|v| !(0.0..=1.0).contains(v));
    if let (Some(value), Some(values)) = (bad_value, &raw.value) {
        let message = format!("a value of {value} for some answers");
        faults.add(&format!("{field}.value"), values.span(), message, "0 to 1");
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
    raw: &Spanned<BTreeMap<String, Spanned<String>>>,
    model: &Model,
    faults: &mut Faults,
) -> Vec<(Factor, u8)> {
    if raw.get_ref().is_empty() {
        faults.add(field, raw.span(), "no condition", "write { question = \"answer\" }");
    }
    let mut when = Vec::new();
    for (id, answer) in raw.get_ref() {
        let id = Spanned::new(answer.span(), id.clone());
        let Some(index) = find_question(field, &id, model, faults) else {
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
