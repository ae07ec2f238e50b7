//! The criteria of a model, checked: every combination of answers is worked out beforehand.

use toml::Spanned;

use super::{check_group, faults::Faults, find_question, raw::RawCriterion};
use crate::{
    Criterion, CriterionKind, Model,
    expr::{Checker, Expr, Factor, RawExpr, Row, Table},
    wording::exact,
};

pub(super) fn criterion(raw: &RawCriterion, model: &Model, faults: &mut Faults) -> Criterion {
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
    for (key, text) in raw.claims.each() {
        let filled: &[&str] = if key == "unknown" { &["better", "worse"] } else { &[] };
        faults.placeholders(&format!("{field}.claims.{key}"), text, filled);
    }
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
        let number = exact(number(row));
        if at < 2 {
            let message = format!("{number} swing points for some answers");
            faults.add(&format!("{field}.swing"), place, message, "0 to 1000");
        } else {
            let message = format!("a value of {number} for some answers");
            faults.add(&format!("{field}.value"), place, message, "0 to 1");
        }
    }
}
