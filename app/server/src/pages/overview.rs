//! `/`: what assay is for, where to begin, and what is waiting.

use askama::Template;
use assay_store::{Filter, Summary};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;

use crate::{
    error::Error,
    pages::{
        Page,
        checklist::{self, PresetView},
        decisions::Line,
    },
    state::App,
};

/// The most records shown in each part.
const SHOWN_MAX: usize = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    today: Date,
    due: Vec<Line>,
    due_total: u64,
    recent: Vec<Line>,
    recent_more: bool,
    examples: Vec<Line>,
    bad_files: usize,
    folder: String,
    presets: Vec<PresetView>,
}

/// `GET /`.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, Error> {
    let today = app.today();
    let page = |due| Filter { due, per_page: Filter::PER_PAGE, ..Filter::default() };
    let due = app.store.list(&page(Some(today))).await?;
    let all = app.store.list(&page(None)).await?;
    let examples = Filter { tag: Some("assay".to_owned()), ..page(None) };
    let examples = app.store.list(&examples).await?;
    let lines = |items: Vec<Summary>| -> Vec<Line> {
        items.into_iter().take(SHOWN_MAX).map(|item| Line::new(item, today)).collect()
    };
    let own: Vec<_> = all.items.into_iter().filter(|item| !item.is_example()).collect();
    let view = View {
        today,
        due_total: due.total,
        due: lines(due.items),
        recent_more: own.len() > SHOWN_MAX,
        recent: lines(own),
        examples: lines(examples.items),
        bad_files: app.store.bad_files().await?.len(),
        folder: app.decisions.display().to_string(),
        presets: checklist::preset_views(app.model()),
    };
    Ok(Page(view).into_response())
}
