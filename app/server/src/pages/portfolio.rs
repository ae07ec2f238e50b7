//! `/portfolio`: what all decisions amount to, for those who look after more than one of them. Each
//! number leads to the records behind it.

mod timeline;
mod tree;

use std::collections::BTreeSet;

use askama::Template;
use assay_advice::{Assumptions, Choice, Model, grouped};
use assay_records::{Outcome, Standing};
use assay_store::{Facets, Facts, Filter, Fluency, question_bits};
use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};

use crate::{
    error::Error,
    evidence::void,
    listing::{NO_TEAM, Wanted, core_questions},
    pages::{
        Page,
        decisions::{Asked, Line, offered, team_name},
    },
    portfolio::{Fate, Portfolio, TeamUse},
    state::App,
};
use timeline::Timeline;
use tree::Tree;

/// The most teams shown; the filter leads to the others.
const TEAMS_MAX: usize = 200;
/// The overrides shown beside the counts.
const OVERRIDES_MAX: u32 = 5;
/// The criterion of the model that weighs a second runtime.
const TWO_RUNTIMES: &str = "two_runtimes";

#[derive(Template)]
#[template(path = "portfolio.html")]
struct View {
    asked: Asked,
    facets: Facets,
    total: u64,
    /// Whether only the examples are here to show.
    examples_only: bool,
    /// Whether the examples are left out.
    without_examples: bool,
    teams: Vec<Team>,
    teams_more: usize,
    runtimes: Vec<Runtime>,
    currency: String,
    engineer_week: String,
    two_runtimes: Option<f64>,
    fates: [FateRow; 2],
    overrides: Vec<Line>,
    in_force: Count,
    unknown_any: Count,
    unknown: Vec<OpenQuestion>,
    relied_on: u64,
    voids: Vec<VoidRow>,
    void_any: Count,
    timeline: Timeline,
    tree: Tree,
}

/// A number, and the query of the list behind it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) n: u64,
    pub(crate) query: String,
}

struct Team {
    name: String,
    options: [Count; 3],
    runtimes: &'static str,
    /// What the runtime it has not got would cost, in words.
    new: Option<String>,
    all: u64,
}

/// What it costs one engineer to take up a language.
struct Runtime {
    option: Choice,
    /// Weeks and money when nobody, under half, half or more of the owners could review a change.
    ramps: [(String, String); 3],
}

struct FateRow {
    name: &'static str,
    all: Count,
    each: [(&'static str, Count); 7],
}

struct OpenQuestion {
    label: String,
    count: Count,
}

struct VoidRow {
    run: String,
    why: String,
    known: bool,
    count: Count,
}

/// `GET /portfolio`, with the filters of the list.
pub(crate) async fn get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let mut asked = Asked::read(&app, query.as_deref()).await?;
    let mut counted = Portfolio::of(app.store.as_ref(), &asked.filter).await?;
    // Decisions about assay itself are examples, and no part of anybody's portfolio but its own.
    let without_examples =
        asked.filter.examples.is_none() && 0 < counted.examples && counted.examples < counted.total;
    if without_examples {
        "no".clone_into(&mut asked.wanted.examples);
        asked.filter.examples = Some(false);
        counted = Portfolio::of(app.store.as_ref(), &asked.filter).await?;
    }
    let page = app.store.list(&Filter { per_page: 1, ..asked.filter.clone() }).await?;
    let overridden = Filter {
        decided: true,
        overridden: Some(true),
        page: 1,
        per_page: OVERRIDES_MAX,
        ..asked.filter.clone()
    };
    let overrides = app.store.list(&overridden).await?.items;
    let today = app.today();
    let view = View {
        overrides: overrides.into_iter().map(|line| Line::new(line, today)).collect(),
        facets: page.facets,
        ..view(&app, asked, &counted, without_examples)
    };
    Ok((view.asked.status(), Page(view)).into_response())
}

fn view(app: &App, asked: Asked, counted: &Portfolio, without_examples: bool) -> View {
    let wanted = &asked.wanted;
    let assumptions = Assumptions::default();
    let mut teams = teams(wanted, counted, &assumptions);
    let teams_more = teams.len().saturating_sub(TEAMS_MAX);
    teams.truncate(TEAMS_MAX);
    let criteria = app.model().criteria();
    let in_force = counted.fared(|fate| fate.standing == Standing::Accepted);
    let (voids, void_any) = voids(app, wanted, counted);
    View {
        total: counted.total,
        examples_only: counted.examples > 0 && counted.examples == counted.total,
        without_examples,
        teams,
        teams_more,
        runtimes: [Choice::Rust, Choice::Go].map(|it| runtime(it, &assumptions)).into(),
        currency: assumptions.currency().to_owned(),
        engineer_week: money(assumptions.get("engineer_week").unwrap_or_default()),
        two_runtimes: criteria
            .iter()
            .find(|it| it.id == TWO_RUNTIMES)
            .map(assay_advice::Criterion::greatest_swing),
        fates: [
            fate_row("Against the advice", true, wanted, counted),
            fate_row("Not against it", false, wanted, counted),
        ],
        overrides: Vec::new(),
        in_force: count(wanted, in_force, &[IN_FORCE]),
        unknown_any: count(
            wanted,
            counted.open(core_questions(app.model())),
            &[IN_FORCE, ("unknown", "yes")],
        ),
        unknown: unknown(app.model(), wanted, counted),
        relied_on: counted.resting_on(|_| true),
        voids,
        void_any,
        timeline: Timeline::new(wanted, &counted.months),
        tree: Tree::new(&counted.successions, counted.successions_cut),
        facets: Facets::default(),
        asked,
    }
}

const IN_FORCE: (&str, &str) = ("status", "accepted");

/// A number with the query that narrows what is looked at to the records behind it.
fn count(wanted: &Wanted, n: u64, changes: &[(&str, &str)]) -> Count {
    let first = [("page", ""), ("per_page", "")];
    Count { n, query: wanted.query_with(&[&first[..], changes].concat()) }
}

/// Each team with decisions in force: the most first, those without a team last.
fn teams(wanted: &Wanted, counted: &Portfolio, assumptions: &Assumptions) -> Vec<Team> {
    let mut teams: Vec<Team> =
        counted.teams.iter().map(|(name, used)| team(wanted, name, used, assumptions)).collect();
    teams.sort_by(|a, b| {
        (a.name == NO_TEAM, b.all, &a.name).cmp(&(b.name == NO_TEAM, a.all, &b.name))
    });
    teams
}

fn team(wanted: &Wanted, name: &str, used: &TeamUse, assumptions: &Assumptions) -> Team {
    let name = if name.is_empty() { NO_TEAM } else { name };
    let options = Choice::ALL.map(|option| {
        let n = used.options.get(&option).copied().unwrap_or_default();
        count(wanted, n, &[IN_FORCE, ("team", name), ("option", option.id())])
    });
    let [rust, go, hybrid] = options.each_ref().map(|count| count.n);
    let (has_rust, has_go) = (rust + hybrid > 0, go + hybrid > 0);
    // Records without a team may be of many.
    let missing = match (has_rust, has_go) {
        _ if name == NO_TEAM => None,
        (false, _) => Some(Choice::Rust),
        (_, false) => Some(Choice::Go),
        _ => None,
    };
    Team {
        name: name.to_owned(),
        all: rust + go + hybrid,
        options,
        runtimes: match (has_rust, has_go) {
            (true, true) => "Rust and Go",
            (true, false) => "Rust",
            _ => "Go",
        },
        new: missing.map(|option| cost_of(option, &used.newest.1, assumptions)),
    }
}

/// What a runtime that a team has not got would cost it.
fn cost_of(option: Choice, team: &Facts, assumptions: &Assumptions) -> String {
    let fluency = match option {
        Choice::Go => team.go_fluency,
        _ => team.rust_fluency,
    };
    let weeks = weeks(option, fluency.unwrap_or(Fluency::None), assumptions);
    let spent = in_units(weeks, "week");
    let week = assumptions.get("engineer_week").unwrap_or_default();
    let assumed = if fluency.is_some() { "" } else { ", if nobody knows it" };
    let (name, currency) = (option.name(), assumptions.currency());
    match team.owners.map(f64::from) {
        Some(owners) => {
            let amount = money(owners * weeks * week);
            format!(
                "{name}: {amount} {currency} ({} × {spent}{assumed})",
                in_units(owners, "engineer")
            )
        }
        None => {
            let amount = money(weeks * week);
            format!("{name}: {amount} {currency} for each engineer ({spent}{assumed})")
        }
    }
}

fn weeks(option: Choice, fluency: Fluency, assumptions: &Assumptions) -> f64 {
    assumptions.get(&format!("ramp_{}_{}", option.id(), fluency.id())).unwrap_or_default()
}

fn runtime(option: Choice, assumptions: &Assumptions) -> Runtime {
    let week = assumptions.get("engineer_week").unwrap_or_default();
    let ramp = |fluency| {
        let weeks = weeks(option, fluency, assumptions);
        (in_units(weeks, "week"), money(weeks * week))
    };
    Runtime { option, ramps: Fluency::ALL.map(ramp) }
}

/// "1 week", "2 weeks".
fn in_units(number: f64, unit: &str) -> String {
    let plural = if number == 1.0 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and clamped")]
fn money(amount: f64) -> String {
    grouped(amount.round().clamp(0.0, 1e15) as u64)
}

fn fate_row(name: &'static str, overridden: bool, wanted: &Wanted, counted: &Portfolio) -> FateRow {
    let sum = |of: &dyn Fn(&Fate) -> bool| {
        counted.fared(|fate| fate.overridden == overridden && of(fate))
    };
    let side = ("overridden", if overridden { "yes" } else { "no" });
    let made = ("decided", "yes");
    let standing = |standing: Standing| {
        count(wanted, sum(&|it| it.standing == standing), &[side, made, ("status", standing.id())])
    };
    let outcome = |outcome: Outcome| {
        let n = sum(&|it| it.outcome == Some(outcome));
        count(wanted, n, &[side, made, ("revisited", outcome.id())])
    };
    FateRow {
        name,
        all: count(wanted, sum(&|_| true), &[side, made]),
        each: [
            ("In force", standing(Standing::Accepted)),
            ("Superseded", standing(Standing::Superseded)),
            ("Deprecated", standing(Standing::Deprecated)),
            (
                "A trigger fired",
                count(wanted, sum(&|it| it.fired), &[side, made, ("fired", "yes")]),
            ),
            ("Revisited, kept", outcome(Outcome::Keep)),
            ("Revisited, amended", outcome(Outcome::Amend)),
            ("Revisited, to be superseded", outcome(Outcome::Supersede)),
        ],
    }
}

/// The starred questions that decisions in force left open, the most often open first.
fn unknown(model: &Model, wanted: &Wanted, counted: &Portfolio) -> Vec<OpenQuestion> {
    let core = model.questions().iter().filter(|question| question.core);
    let rows = core.map(|question| {
        let n = counted.open(question_bits(model, [question.id.as_str()]));
        let count = count(wanted, n, &[IN_FORCE, ("unknown", &question.id)]);
        OpenQuestion { label: question.short.clone(), count }
    });
    let mut rows: Vec<OpenQuestion> = rows.filter(|row| row.count.n > 0).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count.n));
    rows
}

/// The runs that decisions in force rest on and that no longer count, and the decisions that rest
/// on any of them.
fn voids(app: &App, wanted: &Wanted, counted: &Portfolio) -> (Vec<VoidRow>, Count) {
    let known = app.runs();
    let names: BTreeSet<&str> = counted.runs.keys().flatten().map(|run| &**run).collect();
    let row = |name: &str| {
        let why = void::why(&known, name)?;
        let n = counted.resting_on(|run| run == name);
        let count = count(wanted, n, &[IN_FORCE, ("evidence", name)]);
        Some(VoidRow { run: name.to_owned(), why, known: known.get(name).is_some(), count })
    };
    let rows: Vec<VoidRow> = names.into_iter().filter_map(row).collect();
    let n = counted.resting_on(|run| rows.iter().any(|row| row.run == run));
    let any = count(wanted, n, &[IN_FORCE, ("evidence", void::WORD)]);
    (rows, any)
}
