//! `/model`: the decision model laid out, its text, and a place to try an edited one.

mod levers;
mod tables;
mod try_out;

use askama::Template;
use assay_advice::{CriterionKind, Model, Question, QuestionKind};
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

pub(crate) use try_out::post;

use self::{
    levers::LeversView,
    tables::{TableView, decimals, swing_tables, value_table},
};
use crate::{
    pages::{Page, precedents::backtest},
    state::App,
};

#[derive(Template)]
#[template(path = "model.html")]
struct View<'a> {
    model: &'a Model,
    /// The file it was read from; empty for the built-in model.
    file: String,
    built_in: bool,
    variants: usize,
    groups: Vec<GroupView<'a>>,
    criteria: Vec<CriterionView<'a>>,
    knockouts: Vec<KnockoutView<'a>>,
    stated: Vec<StatedView>,
    /// The numbers chosen with cases in view; none for a model of one's own.
    chosen: Option<LeversView>,
    /// The text of the form: the model in use, to begin with.
    text: &'a str,
}

struct GroupView<'a> {
    name: &'a str,
    questions: Vec<QuestionView<'a>>,
}

struct QuestionView<'a> {
    question: &'a Question,
    /// What may be answered, when that is not a choice of one.
    kind: String,
    answers: Vec<AnswerView<'a>>,
}

impl QuestionView<'_> {
    /// Whether an answer is drawn while the question is open.
    fn is_drawn(&self) -> bool {
        self.answers.iter().any(|answer| !answer.prior.is_empty())
    }
}

/// An answer, or a range of a number, with its weight while the question is open.
struct AnswerView<'a> {
    value: &'a str,
    label: String,
    /// In percent; empty for a list, whose answers are not drawn.
    prior: String,
}

struct CriterionView<'a> {
    id: &'a str,
    name: &'a str,
    group: &'a str,
    greatest: String,
    kind: &'static str,
    swings: Vec<TableView>,
    values: Option<TableView>,
}

/// What the model takes for granted until it is measured.
struct StatedView {
    id: String,
    words: String,
    value: String,
    interval: String,
}

struct KnockoutView<'a> {
    text: &'a str,
    when: Vec<(&'a str, String)>,
    out: String,
}

/// `GET /model`.
pub(crate) async fn get(State(app): State<App>) -> Response {
    Page(view(&app)).into_response()
}

/// `GET /model.toml`: the text of the model in use, to edit a copy of.
pub(crate) async fn text(State(app): State<App>) -> Response {
    let model = app.model();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let name: String = format!("{}-{}", model.id(), model.version()).chars().map(plain).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/toml; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.toml\"")),
    ];
    (headers, model.text().to_owned()).into_response()
}

fn view(app: &App) -> View<'_> {
    let model = app.model();
    let groups = model.groups().iter().map(|group| GroupView {
        name: &group.name,
        questions: model
            .questions()
            .iter()
            .filter(|question| question.group == group.id)
            .map(question_view)
            .collect(),
    });
    let knockouts = model.knockouts().iter().map(|knockout| KnockoutView {
        text: &knockout.text,
        when: knockout.conditions(model),
        out: assay_advice::Choice::ALL
            .into_iter()
            .filter(|option| *knockout.rules_out.get(*option))
            .map(assay_advice::Choice::name)
            .collect::<Vec<_>>()
            .join(", "),
    });
    View {
        model,
        file: app.model_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        built_in: model.is_builtin(),
        variants: backtest::variants_tried(),
        groups: groups.filter(|group| !group.questions.is_empty()).collect(),
        criteria: criteria(model),
        knockouts: knockouts.collect(),
        stated: model.stated().into_iter().map(stated).collect(),
        chosen: LeversView::new(model),
        text: model.text(),
    }
}

fn stated(number: assay_advice::Stated) -> StatedView {
    let words = match number.id.as_str() {
        "hybrid.rust_loaded" => "The hybrid’s core holds so many times Rust’s memory".to_owned(),
        "hybrid.go_idle" => "and its edge so many times what an idle Go process holds".to_owned(),
        "expected.cpu.no" => {
            "Processor time per request, Rust ÷ Go, mostly waiting on others".to_owned()
        }
        "expected.cpu.mixed" => "the same, part waiting and part computing".to_owned(),
        "expected.cpu.yes" => "the same, mostly computing".to_owned(),
        "expected.memory" => "Memory under load, Rust ÷ Go".to_owned(),
        "expected.go_idle" => "Go’s memory when idle, as a share of that under load".to_owned(),
        other => match other.strip_prefix("expected.tail.") {
            Some(state) => {
                format!("The slowest 1 in 1000 requests, Rust ÷ Go, with {state} resident state")
            }
            None => String::new(),
        },
    };
    let interval =
        number.interval.map(|[low, high]| format!("{} to {}", decimals(low), decimals(high)));
    StatedView {
        words,
        value: decimals(number.value),
        interval: interval.unwrap_or_default(),
        id: number.id,
    }
}

fn criteria(model: &Model) -> Vec<CriterionView<'_>> {
    let group = |id: &str| {
        let group = model.groups().iter().find(|group| group.id == id);
        group.map_or("", |group| group.name.as_str())
    };
    let view = |criterion: &'_ assay_advice::Criterion| -> (String, &'static str) {
        let kind = match criterion.kind {
            CriterionKind::Judged => "Judged",
            CriterionKind::Build => "Judged, shown beside measured build times",
            CriterionKind::Headroom => "Measured: headroom over the stated needs",
            CriterionKind::Tail => "Measured: the slowest 1 in 1000 requests at half load",
            CriterionKind::Economy => "Measured: processor time and memory",
        };
        (decimals(criterion.greatest_swing()), kind)
    };
    let views = model.criteria().iter().map(|criterion| {
        let (greatest, kind) = view(criterion);
        CriterionView {
            id: &criterion.id,
            name: &criterion.name,
            group: group(&criterion.group),
            greatest,
            kind,
            swings: swing_tables(model, criterion),
            values: value_table(model, criterion),
        }
    });
    views.collect()
}

fn question_view(question: &Question) -> QuestionView<'_> {
    let percent = |prior: f64, total: f64| format!("{:.0}%", 100.0 * prior / total);
    let (kind, answers) = match &question.kind {
        QuestionKind::One(answers) => {
            let total: f64 = answers.iter().map(|answer| answer.prior).sum();
            let answers = answers.iter().map(|answer| AnswerView {
                value: &answer.value,
                label: answer.label.clone(),
                prior: percent(answer.prior, total),
            });
            (String::new(), answers.collect())
        }
        QuestionKind::Many { answers, at_most } => {
            let answers = answers.iter().map(|answer| AnswerView {
                value: &answer.value,
                label: answer.label.clone(),
                prior: String::new(),
            });
            (format!("Up to {at_most} of these; left empty it means none."), answers.collect())
        }
        QuestionKind::Number { whole, min, max, unit, may_be_must, bins, .. } => {
            let number = if *whole { "A whole number" } else { "A number" };
            let must = if *may_be_must { " It may be marked as a must." } else { "" };
            let kind = format!("{number} from {min} to {max} ({unit}).{must}");
            let total: f64 = bins.iter().map(|bin| bin.prior).sum();
            let mut floor = None;
            let ranges = bins.iter().map(|bin| {
                let label = match (floor, bin.below) {
                    (None, Some(below)) => format!("below {below}"),
                    (Some(floor), Some(below)) => format!("from {floor} to below {below}"),
                    (Some(floor), None) => format!("{floor} or more"),
                    (None, None) => "any".to_owned(),
                };
                floor = bin.below;
                AnswerView { value: &bin.value, label, prior: percent(bin.prior, total) }
            });
            (kind, ranges.collect())
        }
    };
    QuestionView { question, kind, answers }
}
