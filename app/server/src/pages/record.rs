//! `/checklist/record`: the answers to check, and the form that makes a record of them.

use askama::Template;
use assay_advice::{Choice, Model, Problem};
use assay_records::{Draft, Record, RecordedCost, Status, TriggerKind, draft_from};
use assay_store::{Link, StoreError, Stored};
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use uuid::Uuid;

use crate::{
    error::Error,
    pages::{
        Page,
        checklist::{self, ProblemView},
        cost::CostView,
        form::{self, Form},
        sheet::{self, Sheet},
        words::{self, Headline, Shares},
    },
    reviewing,
    state::App,
};

/// The statuses a new record may begin with.
const FIRST_STATUSES: [(Status, &str); 3] = [
    (Status::Draft, "Still being written"),
    (Status::Proposed, "Put to those who decide"),
    (Status::Accepted, "Decided; choice and answers are fixed from now on"),
];

#[derive(Template)]
#[template(path = "checklist/record.html")]
struct View {
    problems: Vec<ProblemView>,
    query: String,
    /// The record that this one is to replace.
    replaces: Option<Link>,
    answered: Vec<Check>,
    open: Vec<Check>,
    headline: Headline,
    first: String,
    shares: Shares,
    recommended: Option<Choice>,
    cost: CostView,
    form: Form,
    statuses: [(Status, &'static str); 3],
    /// Always true here: a new record's choice is open.
    choice_is_open: bool,
}

/// An answer to look over, with its question.
struct Check {
    id: String,
    label: String,
    answer: String,
}

/// `GET /checklist/record`: the query is the answers.
pub(crate) async fn get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let sheet = Sheet::read(app.model(), query.as_deref().unwrap_or_default());
    if !sheet.problems.is_empty() || sheet.answers.answered() == 0 {
        // The checklist says what is missing or wrong, beside the questions.
        let query = query.unwrap_or_default();
        return Ok(Redirect::to(&format!("/checklist?{query}")).into_response());
    }
    let old = replaced(&app, &sheet).await?;
    let draft = Draft { deciders: vec![app.by()], ..draft(&app, &sheet, None) };
    let draft = match &old {
        Some(old) => like(&old.record, draft),
        None => draft,
    };
    let form = Form { id: app.new_id().to_string(), ..Form::from_draft(&draft) };
    let form = Form { answers: sheet.query(), ..form }.with_spare_triggers();
    Ok(Page(view(&app, &sheet, form, Vec::new(), old.as_ref())).into_response())
}

/// The record that is to be replaced, if one is named.
async fn replaced(app: &App, sheet: &Sheet) -> Result<Option<Stored>, Error> {
    let Some(id) = sheet.supersedes else { return Ok(None) };
    let old = app.store.get(id).await?;
    reviewing::may_supersede(&old)?;
    Ok(Some(old))
}

/// A draft with what stays the same when a decision is made anew.
fn like(old: &Record, draft: Draft) -> Draft {
    Draft {
        title: old.title.clone(),
        team: old.team.clone(),
        tags: old.tags.clone(),
        deciders: if old.deciders.is_empty() { draft.deciders } else { old.deciders.clone() },
        ..draft
    }
}

/// `POST /checklist/record`: keeps the record and leads to it.
pub(crate) async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Error> {
    let form = Form::read(&body);
    let sheet = Sheet::read(app.model(), &form.answers);
    let old = match replaced(&app, &sheet).await {
        // The form was sent twice: the first time replaced the record.
        Err(_) if already_kept(&app, &form).await => {
            return Ok(Redirect::to(&format!("/decisions/{}", form.id)).into_response());
        }
        old => old?,
    };
    match create(&app, &sheet, &form).await {
        Ok(id) => Ok(Redirect::to(&format!("/decisions/{id}")).into_response()),
        Err(Refusal::Problems(problems)) => {
            let views = problem_views(app.model(), &problems);
            let view = view(&app, &sheet, form.with_spare_triggers(), views, old.as_ref());
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Page(view)).into_response())
        }
        Err(Refusal::Store(error)) => Err(error.into()),
    }
}

async fn already_kept(app: &App, form: &Form) -> bool {
    match Uuid::try_parse(&form.id) {
        Ok(id) => app.store.get(id).await.is_ok(),
        Err(_) => false,
    }
}

enum Refusal {
    Problems(Vec<Problem>),
    Store(StoreError),
}

async fn create(app: &App, sheet: &Sheet, form: &Form) -> Result<Uuid, Refusal> {
    let mut problems = sheet.problems.clone();
    let id = Uuid::try_parse(&form.id).unwrap_or_else(|_| app.new_id());
    let drafted = draft(app, sheet, None);
    let mut draft = drafted.clone();
    problems.extend(form.fill(&mut draft, app.model()));
    let chosen = draft.choice.as_ref().map(|chosen| chosen.option);
    follow_choice(&mut draft, &drafted, &self::draft(app, sheet, chosen));
    draft.supersedes = sheet.supersedes.into_iter().collect();
    if draft.status == Status::Accepted {
        draft.decided = Some(app.today());
    }
    let text = draft.to_toml(id, app.now(), &app.by());
    if let Err(others) = Record::parse(&text, app.model()) {
        problems.extend(others);
    }
    if !problems.is_empty() {
        return Err(Refusal::Problems(problems));
    }
    match app.store.create(&draft.title, id, text).await {
        Ok(stored) => Ok(stored.id),
        // The form was sent twice: the first time made the record.
        Err(StoreError::IdTaken(_)) => Ok(id),
        Err(StoreError::Invalid { problems }) => Err(Refusal::Problems(problems)),
        Err(error) => Err(Refusal::Store(error)),
    }
}

/// What was left as it was drafted for the recommended option follows the option chosen; what was
/// edited stays, but for the drafted sentence that names the other option.
fn follow_choice(draft: &mut Draft, drafted: &Draft, redrafted: &Draft) {
    let (text, before, after) = (&mut draft.rationale, &drafted.rationale, &redrafted.rationale);
    if text.decision == before.decision.trim() {
        text.decision.clone_from(&after.decision);
    } else if let Some(named) = before.decision.lines().next().filter(|_| drafted.choice.is_some())
    {
        let names_now = after.decision.lines().next().unwrap_or_default();
        text.decision = text.decision.replacen(named, names_now, 1);
    }
    if text.consequences == before.consequences.trim() {
        text.consequences.clone_from(&after.consequences);
    }
    if draft.triggers == drafted.triggers {
        draft.triggers.clone_from(&redrafted.triggers);
    }
}

fn draft(app: &App, sheet: &Sheet, option: Option<Choice>) -> Draft {
    let score = app.engine().score(&sheet.answers);
    let service = (!sheet.service.is_empty()).then_some(sheet.service.as_str());
    let cost = RecordedCost::reckon(&app.engine(), &sheet.answers, &sheet.assumptions);
    let draft = draft_from(&score, &sheet.answers, app.model(), service, option, app.today());
    Draft { cost, ..draft }
}

fn view(
    app: &App,
    sheet: &Sheet,
    form: Form,
    problems: Vec<ProblemView>,
    old: Option<&Stored>,
) -> View {
    let score = app.engine().score(&sheet.answers);
    let check = |question: &assay_advice::Question| Check {
        id: question.id.clone(),
        label: question.label.clone(),
        answer: sheet::in_words(app.model(), &sheet.answers, &question.id),
    };
    let (answered, open) = app
        .model()
        .questions()
        .iter()
        .partition::<Vec<_>, _>(|question| !sheet.answers.value(&question.id).is_open());
    let cost = app.engine().cost(&sheet.answers, &sheet.assumptions, score.recommended);
    View {
        cost: CostView::new(cost, &sheet.assumptions, Some(&score)),
        problems,
        query: sheet.query(),
        replaces: old.map(|old| Link {
            id: old.id,
            number: old.number,
            title: old.record.title.clone(),
        }),
        answered: answered.into_iter().map(check).collect(),
        open: open.into_iter().map(check).collect(),
        headline: Headline::new(&score, &sheet.answers),
        first: words::first_sentence(&score),
        shares: words::shares(&score),
        recommended: score.recommended,
        form,
        statuses: FIRST_STATUSES,
        choice_is_open: true,
    }
}

/// Problems of a record's form, with links to its controls.
pub(crate) fn problem_views(model: &Model, problems: &[Problem]) -> Vec<ProblemView> {
    let view = |problem: &Problem| match form::control(&problem.field) {
        Some(target) => ProblemView { target: Some(target), text: sheet::explain(problem) },
        None => {
            let mut views = checklist::problems(model, std::slice::from_ref(problem));
            let text = views.pop().map(|view| view.text).unwrap_or_default();
            ProblemView { target: None, text: format!("{}: {text}", problem.field) }
        }
    };
    let mut seen = Vec::new();
    for view in problems.iter().map(view) {
        if !seen.iter().any(|other: &ProblemView| other.text == view.text) {
            seen.push(view);
        }
    }
    seen
}

/// What is wrong with the control of this id.
pub(crate) fn error_at<'a>(problems: &'a [ProblemView], id: &str) -> Option<&'a str> {
    let problem = problems.iter().find(|problem| problem.target.as_deref() == Some(id))?;
    Some(&problem.text)
}

/// The kinds of trigger with their words and how they are written.
pub(crate) fn trigger_kinds() -> [(TriggerKind, &'static str); 4] {
    [
        (TriggerKind::Metric, "A figure crosses a limit"),
        (TriggerKind::Answer, "An answer changes"),
        (TriggerKind::Date, "A day comes"),
        (TriggerKind::Event, "Something happens"),
    ]
}
