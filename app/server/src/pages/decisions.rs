//! `/decisions`: the records, filtered, and the files that cannot be read beside them.

use askama::Template;
use assay_advice::{Choice, line_column};
use assay_records::Standing;
use assay_store::{BadFile, Facet, Facets, Filter, Summary};
use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use url::form_urlencoded;

use crate::{error::Error, pages::Page, state::App};

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
}

impl Line {
    pub(crate) fn new(item: Summary, today: Date) -> Self {
        Self { due: item.is_due(today), item }
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

/// A file that is no record, with what to mend and where.
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

/// The filters as asked; a value that is none counts as not asked.
#[derive(Default)]
struct Asked {
    q: String,
    status: String,
    option: String,
    team: String,
    tag: String,
    due: bool,
    overridden: bool,
    page: u32,
}

impl Asked {
    fn read(query: &str) -> Self {
        let mut asked = Self { page: 1, ..Self::default() };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            match key.as_ref() {
                "q" => value.clone_into(&mut asked.q),
                "status" => value.clone_into(&mut asked.status),
                "option" => value.clone_into(&mut asked.option),
                "team" => value.clone_into(&mut asked.team),
                "tag" => value.clone_into(&mut asked.tag),
                "due" => asked.due = is_yes(value),
                "overridden" => asked.overridden = is_yes(value),
                "page" => asked.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        asked
    }

    fn filter(&self, today: Date) -> Filter {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Filter {
            q: text(&self.q),
            status: Standing::from_id(&self.status),
            option: Choice::from_id(&self.option),
            team: text(&self.team),
            tag: text(&self.tag),
            due: self.due.then_some(today),
            overridden: self.overridden.then_some(true),
            page: self.page,
            per_page: Filter::PER_PAGE,
        }
    }

    fn is_filtered(&self) -> bool {
        let texts = [&self.q, &self.status, &self.option, &self.team, &self.tag];
        texts.iter().any(|text| !text.is_empty()) || self.due || self.overridden
    }

    /// The query of another page of the same list.
    fn query(&self, page: u32) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let yes = |asked: bool| if asked { "yes" } else { "" };
        for (key, value) in [
            ("q", self.q.as_str()),
            ("status", &self.status),
            ("option", &self.option),
            ("team", &self.team),
            ("tag", &self.tag),
            ("due", yes(self.due)),
            ("overridden", yes(self.overridden)),
        ] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        query.append_pair("page", &page.to_string()).finish()
    }
}

fn is_yes(value: &str) -> bool {
    matches!(value, "yes" | "true" | "1" | "on")
}

/// `GET /decisions`.
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let today = app.today();
    let asked = Asked::read(query.as_deref().unwrap_or_default());
    let found = app.store.list(&asked.filter(today)).await?;
    let pages = found.total.div_ceil(u64::from(Filter::PER_PAGE)).max(1);
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    let page = asked.page;
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
    Ok(Page(view).into_response())
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
