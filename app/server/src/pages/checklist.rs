//! `/checklist`: the questions and, beside them, the advice.

use askama::Template;
use assay_advice::{
    Answers, CURRENCY, Choice, Model, Notice, Problem, Question, QuestionKind, Score, presets,
};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use crate::{
    own::Own,
    pages::{
        Page,
        cost::{self, CostView, Field},
        own_nearest::{self, OwnNearestView},
        precedents::nearest::NearestView,
        sheet::{self, Sheet, UNKNOWN},
        words::{self, Headline, Shares},
    },
    state::App,
};

/// The header with which the script asks for the advice alone, and its value.
const FRAGMENT: (&str, &str) = ("x-fragment", "panel");

/// The most reasons shown on either side; the record shows them all.
const REASONS_MAX: usize = 4;
/// A contribution below this would be shown as nothing.
const CONTRIBUTION_MIN: f64 = 0.0005;

#[derive(Template)]
#[template(path = "checklist.html")]
struct View<'a> {
    service: &'a str,
    /// The record that is to be replaced.
    supersedes: Option<Uuid>,
    problems: Vec<ProblemView>,
    nothing_answered: bool,
    presets: Vec<PresetView>,
    core_total: usize,
    core: Vec<GroupView<'a>>,
    sharpen: Vec<QuestionView<'a>>,
    sharpen_total: usize,
    sharpen_open: bool,
    cost_fields: Vec<Field>,
    /// Whether an assumption about cost was said or is wrong.
    cost_open: bool,
    advice: Advice<'a>,
}

/// The advice without the page around it, for the script.
#[derive(Template)]
#[template(path = "checklist/fragment.html")]
struct Fragment<'a> {
    problems: Vec<ProblemView>,
    advice: Advice<'a>,
}

/// What is wrong with an answer, and where to mend it.
pub(crate) struct ProblemView {
    /// The id of the control, if the problem has one.
    pub(crate) target: Option<String>,
    pub(crate) text: String,
}

/// A preset to start from.
pub(crate) struct PresetView {
    pub(crate) query: String,
    pub(crate) title: &'static str,
    pub(crate) summary: &'static str,
}

struct GroupView<'a> {
    id: &'a str,
    name: &'a str,
    questions: Vec<QuestionView<'a>>,
}

struct QuestionView<'a> {
    id: &'a str,
    label: &'a str,
    help: &'a str,
    error: Option<String>,
    /// The kind of control: `radio`, `checkbox` or `text`.
    input: &'static str,
    answers: Vec<AnswerView<'a>>,
    unsure: bool,
    text: &'a str,
    unit: &'a str,
    may_be_must: bool,
    must: bool,
}

struct AnswerView<'a> {
    value: &'a str,
    label: &'a str,
    help: &'a str,
    checked: bool,
}

impl QuestionView<'_> {
    fn is_number(&self) -> bool {
        self.input == "text"
    }

    fn described(&self) -> bool {
        self.error.is_some() || !self.help.is_empty()
    }

    fn number_label(&self) -> String {
        format!("{} {}", self.label, self.unit).trim_end().to_owned()
    }
}

/// The right-hand side.
enum Advice<'a> {
    /// Nothing is answered, so nothing is advised.
    Empty {
        core_total: usize,
    },
    Given(Box<Given<'a>>),
}

struct Given<'a> {
    headline: Headline,
    first: String,
    shares: Shares,
    notices: Vec<Notice>,
    top: Choice,
    runner_up: Choice,
    runner_up_out: bool,
    pro: Vec<String>,
    contra: Vec<String>,
    flips: Vec<String>,
    /// What is said when there is none.
    no_flips: &'static str,
    importance: String,
    next: Option<&'a Question>,
    performance: String,
    /// The reference service whose measurements speak here.
    evidence: Option<String>,
    nearest: NearestView,
    own: OwnNearestView,
    cost: CostView,
    knocked_out: Vec<RuledOut>,
    core_left: usize,
    query: String,
}

struct RuledOut {
    option: Choice,
    why: String,
}

/// `GET /checklist`: the answers are the query.
pub(crate) async fn get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let sheet = Sheet::read(app.model(), query.as_deref().unwrap_or_default());
    let (name, value) = FRAGMENT;
    let fragment = headers.get(name).is_some_and(|sent| sent == value);
    let status = match sheet.problems.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let own = own_nearest::records(&app, &sheet.answers).await;
    let advice = advice(&app, &sheet, &own);
    let problems = problems(app.model(), &sheet.problems);
    if fragment {
        (status, Page(Fragment { problems, advice })).into_response()
    } else {
        (status, Page(view(&app, &sheet, problems, advice))).into_response()
    }
}

fn view<'a>(
    app: &'a App,
    sheet: &'a Sheet,
    problems: Vec<ProblemView>,
    advice: Advice<'a>,
) -> View<'a> {
    let model = app.model();
    let core_of = |group: &str| {
        let asked = model.questions().iter().filter(|q| q.core && q.group == group);
        asked.map(|question| question_view(question, sheet)).collect::<Vec<_>>()
    };
    let core = model.groups().iter().map(|group| GroupView {
        id: &group.id,
        name: &group.name,
        questions: core_of(&group.id),
    });
    let sharpen: Vec<_> =
        by_effect(app, sheet).into_iter().map(|question| question_view(question, sheet)).collect();
    let cost_fields = cost::fields(
        |id| sheet.typed(id).to_owned(),
        |id| sheet.error(id),
        sheet.assumptions.currency(),
    );
    let touched = |field: &Field| !field.text.is_empty() || field.error.is_some();
    View {
        service: &sheet.service,
        supersedes: sheet.supersedes,
        cost_open: cost_fields.iter().any(touched),
        cost_fields,
        problems,
        nothing_answered: matches!(advice, Advice::Empty { .. }),
        presets: preset_views(model),
        core_total: model.questions().iter().filter(|question| question.core).count(),
        core: core.filter(|group| !group.questions.is_empty()).collect(),
        sharpen_total: sharpen.len(),
        sharpen_open: sharpen.iter().any(QuestionView::is_touched),
        sharpen,
        advice,
    }
}

impl QuestionView<'_> {
    fn is_touched(&self) -> bool {
        let chosen = self.answers.iter().any(|answer| answer.checked);
        chosen || self.unsure || !self.text.is_empty() || self.error.is_some()
    }
}

/// The questions beyond the core: those that would change the result most first.
fn by_effect<'a>(app: &'a App, sheet: &Sheet) -> Vec<&'a Question> {
    let mut rest: Vec<_> = app.model().questions().iter().filter(|q| !q.core).collect();
    if !sheet.says_nothing(app.model()) {
        let robustness = app.engine().robustness(&sheet.answers);
        let effect = |question: &Question| {
            let found = robustness.total_effects.iter().find(|(id, _)| *id == question.id);
            found.map_or(0.0, |(_, effect)| *effect)
        };
        rest.sort_by(|a, b| effect(b).total_cmp(&effect(a)));
    }
    rest
}

fn question_view<'a>(question: &'a Question, sheet: &'a Sheet) -> QuestionView<'a> {
    let id = question.id.as_str();
    let (input, unit, may_be_must) = match &question.kind {
        QuestionKind::One(_) => ("radio", "", false),
        QuestionKind::Many { .. } => ("checkbox", "", false),
        QuestionKind::Number { unit, may_be_must, .. } => ("text", unit.as_str(), *may_be_must),
    };
    let answers = question.answers().iter().map(|answer| AnswerView {
        value: &answer.value,
        label: &answer.label,
        help: &answer.help,
        checked: sheet.has(id, &answer.value),
    });
    QuestionView {
        id,
        label: &question.label,
        help: &question.help,
        error: sheet.error(id),
        input,
        answers: answers.collect(),
        unsure: sheet.has(id, UNKNOWN),
        text: if input == "text" { sheet.typed(id) } else { "" },
        unit,
        may_be_must,
        must: sheet.is_must(id),
    }
}

/// The presets as links, with the answers that the model knows.
pub(crate) fn preset_views(model: &Model) -> Vec<PresetView> {
    let link = |preset: &'static assay_advice::Preset| PresetView {
        query: sheet::query(
            &preset.service,
            &Answers::from_pairs(model, preset.answers.to_pairs()).0,
        ),
        title: &preset.title,
        summary: &preset.summary,
    };
    presets().iter().map(link).collect()
}

/// Problems with links to their questions.
pub(crate) fn problems(model: &Model, problems: &[Problem]) -> Vec<ProblemView> {
    let view = |problem: &Problem| {
        let id = sheet::question_id(problem);
        let question = model.question(id);
        let text = match question {
            Some(question) => format!("{} {}", question.label, sheet::explain(problem)),
            None => sheet::explain(problem),
        };
        match (question, cost_label(id)) {
            (None, Some(label)) => {
                let text = format!("{label}: {}", sheet::explain(problem));
                ProblemView { target: Some(id.to_owned()), text }
            }
            _ => ProblemView { target: question.map(|question| question.id.clone()), text },
        }
    };
    problems.iter().map(view).collect()
}

/// The label of a control for an assumption about cost.
fn cost_label(id: &str) -> Option<&'static str> {
    let id = id.strip_prefix(sheet::COST)?;
    let known = assay_advice::assumptions().iter().find(|known| known.id == id);
    known.map(|known| known.label.as_str()).or((id == CURRENCY).then_some("Currency"))
}

fn advice<'a>(app: &'a App, sheet: &Sheet, own: &Own) -> Advice<'a> {
    let model = app.model();
    let core = || model.questions().iter().filter(|question| question.core);
    if sheet.says_nothing(model) {
        return Advice::Empty { core_total: core().count() };
    }
    let score = app.engine().score(&sheet.answers);
    let [top, runner_up] = score.compared();
    let open = |question: &&Question| score.unknown.contains(&question.id);
    let cost = app.engine().cost(&sheet.answers, &sheet.assumptions, score.recommended);
    Advice::Given(Box::new(Given {
        nearest: NearestView::new(model, &sheet.answers, score.recommended),
        own: OwnNearestView::among(app, own, &sheet.answers, score.recommended, None),
        cost: CostView::new(cost, &sheet.assumptions, Some(&score)),
        headline: Headline::new(&score, &sheet.answers),
        first: words::first_sentence(&score),
        shares: words::shares(&score),
        top,
        runner_up,
        runner_up_out: !score.options.get(runner_up).knocked_out.is_empty(),
        pro: reasons(&score, |contribution| contribution >= CONTRIBUTION_MIN),
        contra: reasons(&score, |contribution| contribution <= -CONTRIBUTION_MIN),
        flips: score.flips.iter().map(|flip| flip.text.clone()).collect(),
        no_flips: words::no_flips(&score),
        importance: words::importance_sentence(&score),
        next: score.next_question.as_deref().and_then(|id| model.question(id)),
        performance: words::performance(&score).to_owned(),
        evidence: measured_service(app, sheet),
        knocked_out: ruled_out(model, &score),
        core_left: core().filter(open).count(),
        query: sheet.query(),
        notices: words::notices(&score),
    }))
}

fn reasons(score: &Score, side: impl Fn(f64) -> bool) -> Vec<String> {
    let weighed = words::reasons(score, side).into_iter();
    weighed.take(REASONS_MAX).map(|reason| reason.text.clone()).collect()
}

/// The service measured for the stated workload.
fn measured_service(app: &App, sheet: &Sheet) -> Option<String> {
    let assay_advice::AnswerValue::One(workload) = sheet.answers.value("workload") else {
        return None;
    };
    let engine = app.engine();
    let found = engine
        .measurements()
        .workloads
        .iter()
        .find(|measurement| measurement.workload == workload)?;
    Some(found.service.clone())
}

/// The options certainly ruled out, with every reason.
fn ruled_out(model: &Model, score: &Score) -> Vec<RuledOut> {
    let out = Choice::ALL.into_iter().map(|option| {
        let why = score.ruled_out(model, option);
        RuledOut { option, why }
    });
    out.filter(|out| !out.why.is_empty()).collect()
}
