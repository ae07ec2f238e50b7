//! `/decisions`: the records, filtered, and the files that need mending beside them.

use askama::Template;
use assay_advice::{Choice, line_column};
use assay_records::{Outcome, Standing, adr};
use std::sync::Arc;

use assay_store::{BadFile, Facet, Facets, Filter, Reading, Summary};
use axum::{
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    error::{Error, FieldError},
    evidence::void,
    listing::{NO_TEAM, Wanted},
    pages::{Page, checklist::ProblemView},
    queue::SOON_DAYS,
    state::App,
};

#[derive(Template)]
#[template(path = "decisions.html")]
struct View {
    asked: Asked,
    facets: Facets,
    lines: Vec<Line>,
    total: u64,
    bad_files: Vec<BadView>,
    reading: Option<Reading>,
    previous: Option<String>,
    next: Option<String>,
    page: u32,
    pages: u32,
    folder: Option<String>,
}

/// A record in a list.
pub(crate) struct Line {
    pub(crate) item: Arc<Summary>,
    pub(crate) due: bool,
    today: Date,
}

impl Line {
    pub(crate) fn new(item: Arc<Summary>, today: Date) -> Self {
        Self { due: item.is_due(today), item, today }
    }

    /// The day of its review, when that is near.
    pub(crate) fn near(&self) -> Option<Date> {
        let near = self.today.checked_add(SOON_DAYS.days()).ok()?;
        let in_force =
            matches!(self.item.standing, Standing::Accepted | Standing::Proposed | Standing::Draft);
        self.item.due_on.filter(|day| in_force && !self.item.is_example() && *day <= near)
    }

    /// Service, team and day in one line.
    pub(crate) fn meta(&self) -> String {
        let day = self.item.decided.unwrap_or_else(|| day_of(self.item.created)).to_string();
        let parts = [self.item.service.as_deref(), self.item.team.as_deref(), Some(day.as_str())];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// The day of a moment where the program runs.
pub(crate) fn day_of(moment: jiff::Timestamp) -> Date {
    moment.to_zoned(jiff::tz::TimeZone::system()).date()
}

/// A file with what to mend in it and where.
struct BadView {
    file_name: String,
    problems: Vec<BadProblem>,
}

struct BadProblem {
    place: String,
    field: String,
    message: String,
    help: String,
}

/// The filters as asked, without the values that are not allowed.
pub(crate) struct Asked {
    pub(crate) wanted: Wanted,
    pub(crate) filter: Filter,
    pub(crate) problems: Vec<ProblemView>,
    /// What narrows the list and has no control of its own in the form.
    pub(crate) others: Vec<Other>,
}

/// A filter in words, and the list without it.
pub(crate) struct Other {
    pub(crate) field: &'static str,
    pub(crate) value: String,
    pub(crate) words: String,
    /// The query of the list without it.
    pub(crate) without: String,
}

/// The filters with controls of their own; the first page is the one shown after a change.
const CONTROLS: [&str; 11] =
    ["q", "status", "option", "team", "tag", "from", "to", "due", "overridden", "page", "per_page"];

impl Asked {
    pub(crate) async fn read(app: &App, query: Option<&str>) -> Result<Self, Error> {
        let mut wanted = Wanted::parse(query);
        let (filter, faults) = wanted.lenient(app).await?;
        for fault in &faults {
            if let Some(slot) = wanted.slot(&fault.field) {
                slot.clear();
            }
        }
        let other = |(field, value): (&'static str, String)| {
            let shown = match field {
                "overridden" => filter.overridden == Some(true),
                // A day in the past or the future is no tick.
                "due" => filter.due.is_none_or(|day| day == app.today()),
                field => CONTROLS.contains(&field),
            };
            let words = || in_words(app, field, &value);
            let without = || wanted.query_with(&[(field, ""), ("page", "")]);
            (!shown).then(|| Other {
                field,
                words: words(),
                without: without(),
                value: value.clone(),
            })
        };
        let others = wanted.pairs().into_iter().filter_map(other).collect();
        let problems = faults.iter().map(problem_view).collect();
        Ok(Self { wanted, filter, problems, others })
    }

    /// The status of an answer to this.
    pub(crate) fn status(&self) -> StatusCode {
        match self.problems.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    pub(crate) fn is(&self, field: &str, value: &str) -> bool {
        let asked = match field {
            "status" => &self.wanted.status,
            "option" => &self.wanted.option,
            "team" => &self.wanted.team,
            "tag" => &self.wanted.tag,
            _ => return false,
        };
        asked == value
    }

    fn due_ticked(&self) -> bool {
        self.filter.due.is_some() && self.others.iter().all(|other| other.field != "due")
    }

    pub(crate) fn is_filtered(&self) -> bool {
        let page = ["page", "per_page"];
        self.wanted.pairs().iter().any(|(key, _)| !page.contains(key))
    }

    /// The query of another page of the same list.
    fn query(&self, page: u32) -> String {
        self.wanted.query_with(&[("page", &page.to_string())])
    }

    /// The query of the whole list.
    pub(crate) fn whole(&self) -> String {
        self.wanted.query_with(&[("page", ""), ("per_page", "")])
    }
}

/// A filter that has no control, in words.
fn in_words(app: &App, field: &str, value: &str) -> String {
    let no = matches!(value, "no" | "false" | "0");
    match field {
        "due" => format!("Due by {value}"),
        "overridden" => "Not against the advice".to_owned(),
        "decided" => "Decisions that were made, whatever became of them".to_owned(),
        "revisited" if no => "Never revisited".to_owned(),
        "revisited" => match Outcome::from_id(value) {
            Some(outcome) => format!("Last revisited with the outcome “{}”", outcome.id()),
            None => "Revisited".to_owned(),
        },
        "fired" if no => "No trigger ever fired".to_owned(),
        "fired" => "A trigger has fired".to_owned(),
        "unknown" => match app.model().question(value) {
            Some(question) => format!("Advised without knowing: {}", question.short),
            None => "Advised with a starred question open".to_owned(),
        },
        "evidence" if value == void::WORD => "Rests on a run that no longer counts".to_owned(),
        "evidence" => format!("Rests on the run {value}"),
        "examples" if no => "Without the examples that come with assay".to_owned(),
        "examples" => "Only the examples that come with assay".to_owned(),
        _ => format!("{field}: {value}"),
    }
}

/// What is wrong with a filter, with a link to its control if it has one.
fn problem_view(fault: &FieldError) -> ProblemView {
    let controls = ["status", "option", "from", "to"];
    let target = controls.contains(&fault.field.as_str()).then(|| fault.field.clone());
    let text = format!("Filter {}: {}. Allowed: {}.", fault.field, fault.message, fault.allowed);
    ProblemView { target, text }
}

/// `GET /decisions`. A value that is not allowed is named, and the list shown without it.
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let today = app.today();
    let asked = Asked::read(&app, query.as_deref()).await?;
    let found = app.store.list(&asked.filter).await?;
    let pages = found.total.div_ceil(u64::from(asked.filter.per_page)).max(1);
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    let page = asked.filter.page;
    let view = View {
        previous: (page > 1).then(|| asked.query(pages.min(page - 1))),
        next: (page < pages).then(|| asked.query(page + 1)),
        page,
        pages,
        facets: found.facets,
        lines: found.items.into_iter().map(|item| Line::new(item, today)).collect(),
        total: found.total,
        bad_files: app.store.bad_files().await?.into_iter().map(bad_view).collect(),
        reading: app.store.reading(),
        folder: app.decisions.as_ref().map(|folder| folder.display().to_string()),
        asked,
    };
    Ok((view.asked.status(), Page(view)).into_response())
}

/// `GET /decisions.csv`: the whole list that the filters let through, whatever page they name.
pub(crate) async fn csv(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let filter = Wanted::parse(query.as_deref()).filter_in(&app).await?;
    let mut table = adr::csv_head();
    let mut add = |line: &Arc<Summary>| {
        table.push_str(&adr::csv_line(&adr::Row {
            number: line.number,
            id: line.id,
            title: &line.title,
            service: line.service.as_deref(),
            team: line.team.as_deref(),
            status: line.standing,
            option: line.option,
            recommended: line.recommended,
            verdict: line.verdict,
            created: line.created,
            decided: line.decided,
            review_by: line.review_by,
            tags: line.tags.iter().map(|tag| &**tag).collect(),
        }));
    };
    app.store.each(&filter, &mut add).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"decisions.csv\""),
    ];
    Ok((headers, table).into_response())
}

fn bad_view(file: BadFile) -> BadView {
    let problems = file.problems.into_iter().map(|problem| {
        let place = match (&file.text, &problem.span) {
            (Some(text), Some(span)) => {
                let (line, column) = line_column(text, span.start);
                format!("Line {line}, column {column}")
            }
            _ => String::new(),
        };
        BadProblem { place, field: problem.field, message: problem.message, help: problem.help }
    });
    BadView { problems: problems.collect(), file_name: file.file_name }
}

/// The words of a status or an option.
fn facet_name(facet: &Facet) -> &str {
    let value = facet.value.as_str();
    let standing = Standing::from_id(value).map(Standing::name);
    standing.or(Choice::from_id(value).map(Choice::name)).unwrap_or(value)
}

/// A team's name, or words for having none.
pub(crate) fn team_name(value: &str) -> &str {
    if value == NO_TEAM { "None named" } else { value }
}

/// The values offered: those of records, and the one asked for, whose records are the whole list.
pub(crate) fn offered(facets: &[Facet], asked: &str, total: &u64) -> Vec<Facet> {
    let mut offered = facets.to_vec();
    if !asked.is_empty() && facets.iter().all(|facet| facet.value != asked) {
        offered.push(Facet { value: asked.to_owned(), count: *total });
    }
    offered
}
