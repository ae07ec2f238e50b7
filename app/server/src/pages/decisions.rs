//! `/decisions`: the records, filtered, and the files that need mending beside them.

use askama::Template;
use assay_advice::{Choice, line_column};
use assay_records::Standing;
use assay_store::{BadFile, Facet, Facets, Filter, Summary};
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan as _, civil::Date};
use url::form_urlencoded;

use crate::{
    error::{Error, FieldError},
    listing::Wanted,
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
    previous: Option<String>,
    next: Option<String>,
    page: u32,
    pages: u32,
    folder: String,
}

/// A record in a list.
pub(crate) struct Line {
    pub(crate) item: Summary,
    pub(crate) due: bool,
    today: Date,
}

impl Line {
    pub(crate) fn new(item: Summary, today: Date) -> Self {
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
        let day = self.item.decided.unwrap_or_else(|| day_of(self.item.created));
        let parts = [self.item.service.clone(), self.item.team.clone(), Some(day.to_string())];
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
struct Asked {
    filter: Filter,
    problems: Vec<ProblemView>,
}

impl Asked {
    fn read(query: &str, today: Date) -> Self {
        let mut wanted = Wanted::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(slot) = wanted.slot(&key) {
                value.trim().clone_into(slot);
            }
        }
        let (filter, faults) = wanted.lenient(today);
        Self { filter, problems: faults.iter().map(problem_view).collect() }
    }

    fn is(&self, field: &str, value: &str) -> bool {
        let filter = &self.filter;
        let asked = match field {
            "status" => filter.status.map(Standing::id),
            "option" => filter.option.map(Choice::id),
            "team" => filter.team.as_deref(),
            "tag" => filter.tag.as_deref(),
            _ => None,
        };
        asked == Some(value)
    }

    fn is_filtered(&self) -> bool {
        let all =
            Filter { page: self.filter.page, per_page: self.filter.per_page, ..Filter::default() };
        self.filter != all
    }

    /// The query of another page of the same list.
    fn query(&self, page: u32) -> String {
        let filter = &self.filter;
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let per_page = (filter.per_page != Filter::PER_PAGE).then_some(filter.per_page);
        let pairs = [
            ("q", filter.q.clone()),
            ("status", filter.status.map(|status| status.id().to_owned())),
            ("option", filter.option.map(|option| option.id().to_owned())),
            ("team", filter.team.clone()),
            ("tag", filter.tag.clone()),
            ("due", filter.due.map(|day| day.to_string())),
            ("overridden", filter.overridden.map(yes_no)),
            ("page", Some(page.to_string())),
            ("per_page", per_page.map(|number| number.to_string())),
        ];
        let said = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish()
    }
}

/// What is wrong with a filter, with a link to its control if it has one.
fn problem_view(fault: &FieldError) -> ProblemView {
    let target = matches!(fault.field.as_str(), "status" | "option").then(|| fault.field.clone());
    let text = format!("Filter {}: {}. Allowed: {}.", fault.field, fault.message, fault.allowed);
    ProblemView { target, text }
}

/// `GET /decisions`. A value that is not allowed is named, and the list shown without it.
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let today = app.today();
    let asked = Asked::read(query.as_deref().unwrap_or_default(), today);
    let found = app.store.list(&asked.filter).await?;
    let pages = found.total.div_ceil(u64::from(asked.filter.per_page)).max(1);
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    let page = asked.filter.page;
    let status =
        if asked.problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let view = View {
        previous: (page > 1).then(|| asked.query(pages.min(page - 1))),
        next: (page < pages).then(|| asked.query(page + 1)),
        page,
        pages,
        facets: found.facets,
        lines: found.items.into_iter().map(|item| Line::new(item, today)).collect(),
        total: found.total,
        bad_files: app.store.bad_files().await?.into_iter().map(bad_view).collect(),
        folder: app.decisions.display().to_string(),
        asked,
    };
    Ok((status, Page(view)).into_response())
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

/// A facet's words: the name of an id, or the value itself.
fn facet_name(facet: &Facet) -> String {
    let value = facet.value.as_str();
    let standing = Standing::from_id(value).map(Standing::name);
    let option = Choice::from_id(value).map(Choice::name);
    standing.or(option).unwrap_or(value).to_owned()
}
