//! `/precedents`: every documented decision, filtered; and what the collection is and is not.

use askama::Template;
use assay_advice::{AnswerValue, Choice, Model, Precedent, Usage, precedents};
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::Mark;
use crate::{
    error::FieldError,
    pages::{Page, checklist::ProblemView},
    precedents::{Facet, Filter, Reading, Wanted, Years, list, when},
    state::App,
};

#[derive(Template)]
#[template(path = "precedents/list.html")]
struct View {
    problems: Vec<ProblemView>,
    /// What the address asks for that is no filter, and what the filters are.
    passed_over: Vec<String>,
    filters: String,
    q: String,
    selects: Vec<Select>,
    filtered: bool,
    rows: Vec<Row>,
    total: usize,
    by_option: Vec<(Choice, usize)>,
    core: usize,
}

/// A filter to choose from.
struct Select {
    id: &'static str,
    label: &'static str,
    groups: Vec<Group>,
}

/// Some of its values; without a name they stand by themselves.
struct Group {
    name: &'static str,
    values: Vec<Value>,
}

struct Value {
    id: String,
    words: String,
    /// How many precedents would fit.
    count: usize,
    selected: bool,
}

struct Row {
    precedent: &'static Precedent,
    /// When, what it resembles and how it is known, in one line.
    meta: String,
    marks: Vec<Mark>,
}

/// What there was of Rust: stable since May 2015, async and await since November 2019.
const ERAS: [(&str, &str); 3] = [
    ("-2014", "to 2014: before Rust 1.0"),
    ("2015-2019", "2015–2019: no stable async Rust"),
    ("2020-", "since 2020: async Rust is stable"),
];

/// The filters with their labels, in the order shown; the year comes second.
const FACETS: [(Facet, &str); 5] = [
    (Facet::Option, "Chosen"),
    (Facet::Workload, "Resembles"),
    (Facet::Today, "Reason today"),
    (Facet::Sources, "Sources"),
    (Facet::Usage, "Use"),
];

/// `GET /precedents`. A value that is not allowed is named, and the list shown without it; so is what is
/// no filter, which is no fault: links may carry other things.
pub(crate) async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let (wanted, passed_over, twice) = Wanted::read(&query.unwrap_or_default());
    let (filter, mut faults) = wanted.lenient(app.model());
    faults.extend(twice);
    let status = match faults.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = view(app.model(), &wanted, &filter, &faults, &passed_over);
    (status, Page(page)).into_response()
}

fn view(
    model: &Model,
    wanted: &Wanted,
    filter: &Filter,
    faults: &[FieldError],
    passed_over: &[FieldError],
) -> View {
    let all = precedents();
    let row =
        |precedent| Row { precedent, meta: meta(precedent, model), marks: super::marks(precedent) };
    let chosen = |option| all.iter().filter(|precedent| precedent.option == option).count();
    let mut selects: Vec<_> =
        FACETS.map(|(facet, label)| select(facet, label, model, filter)).into();
    selects.insert(1, years(wanted, filter));
    View {
        problems: faults.iter().map(problem_view).collect(),
        passed_over: passed_over.iter().map(|fault| fault.field.clone()).collect(),
        filters: passed_over.first().map(|fault| fault.allowed.clone()).unwrap_or_default(),
        q: filter.q.clone().unwrap_or_default(),
        selects,
        filtered: *filter != Filter::default(),
        rows: list(all, filter).into_iter().map(row).collect(),
        total: all.len(),
        by_option: Choice::ALL.map(|option| (option, chosen(option))).into(),
        core: all.iter().filter(|precedent| precedent.usage == Usage::Core).count(),
    }
}

fn meta(precedent: &Precedent, model: &Model) -> String {
    let workload = match precedent.answers.value("workload") {
        AnswerValue::One("other") => None,
        AnswerValue::One(workload) => model.question("workload").and_then(|it| it.answer(workload)),
        _ => None,
    };
    let workload = workload.map(|answer| answer.label.clone());
    let sources = Reading::best(precedent).words().to_owned();
    [Some(when(precedent)), workload, Some(sources)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

/// A facet's values, each with how many precedents the other filters leave of it.
fn select(facet: Facet, label: &'static str, model: &Model, filter: &Filter) -> Select {
    let left = list(precedents(), &filter.without(facet));
    let value = |(id, words): (String, String)| {
        let count = left.iter().filter(|precedent| facet.of(precedent) == id).count();
        let selected = filter.wants(facet) == Some(&id);
        Value { id, words, count, selected }
    };
    let values = facet.values(model).into_iter().map(value);
    let there = values.filter(|value| value.count > 0 || value.selected).collect();
    Select { id: facet.key(), label, groups: vec![Group { name: "", values: there }] }
}

fn years(wanted: &Wanted, filter: &Filter) -> Select {
    let left = list(precedents(), &Filter { years: None, ..filter.clone() });
    let value = |id: String, words: String| {
        let years = Years::parse(&id);
        let holds = |year| years.is_some_and(|years| years.hold(year));
        Value {
            count: left.iter().filter(|precedent| holds(precedent.decided_year)).count(),
            selected: filter.years.is_some() && wanted.year == id,
            id,
            words,
        }
    };
    let eras = ERAS.map(|(id, words)| value(id.to_owned(), words.to_owned()));
    let mut each: Vec<_> = precedents().iter().map(|precedent| precedent.decided_year).collect();
    each.sort_unstable();
    each.dedup();
    let each = each.into_iter().rev().map(|year| value(year.to_string(), year.to_string()));
    let mut groups = vec![
        Group { name: "By what Rust was", values: eras.into() },
        Group { name: "By year", values: each.collect() },
    ];
    let listed = |value: &Value| value.selected;
    if filter.years.is_some() && !groups.iter().any(|group| group.values.iter().any(listed)) {
        // A range from a link stays chosen.
        let own = value(wanted.year.clone(), wanted.year.clone());
        groups.push(Group { name: "From the link", values: vec![own] });
    }
    for group in &mut groups {
        group.values.retain(|value| value.count > 0 || value.selected);
    }
    groups.retain(|group| !group.values.is_empty());
    Select { id: "year", label: "Decided", groups }
}

/// What is wrong with a filter, with a link to its control.
fn problem_view(fault: &FieldError) -> ProblemView {
    let text = format!("Filter {}: {}. Allowed: {}.", fault.field, fault.message, fault.allowed);
    ProblemView { target: Some(fault.field.clone()), text }
}
