//! `/`: what assay is for, where to begin, and what is waiting.

use std::sync::Arc;

use askama::Template;
use assay_store::{Filter, Reading, Summary};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    error::Error,
    pages::{
        Page,
        checklist::{self, PresetView},
        decisions::Line,
    },
    queue::{Queue, SOON_DAYS},
    rescoring::{Changed, Compared},
    state::App,
};

/// The most records shown in each part.
const SHOWN_MAX: u32 = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    today: Date,
    due: Vec<Line>,
    due_total: u64,
    soon: Vec<Line>,
    soon_total: u64,
    /// The day up to which a review counts as near.
    near: Date,
    changed: Vec<(Line, Arc<Changed>)>,
    compared: Compared,
    recent: Vec<Line>,
    recent_more: bool,
    examples: Vec<Line>,
    bad_files: usize,
    reading: Option<Reading>,
    folder: Option<String>,
    presets: Vec<PresetView>,
}

/// `GET /`.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, Error> {
    let today = app.today();
    let page = || Filter { per_page: Filter::PER_PAGE, ..Filter::default() };
    let queue = Queue::today(&app, SHOWN_MAX).await?;
    let all = app.store.list(&page()).await?;
    let examples = Filter { tag: Some("assay".to_owned()), ..page() };
    let examples = app.store.list(&examples).await?;
    let lines = |items: Vec<Arc<Summary>>| -> Vec<Line> {
        items.into_iter().take(SHOWN_MAX as usize).map(|item| Line::new(item, today)).collect()
    };
    let mut compared = queue.compared;
    let changed = std::mem::take(&mut compared.changed);
    let own: Vec<_> = all.items.into_iter().filter(|item| !item.is_example()).collect();
    let view = View {
        today,
        due_total: queue.due_total,
        due: lines(queue.due),
        soon_total: queue.soon_total,
        soon: lines(queue.soon),
        near: today.checked_add(SOON_DAYS.days()).unwrap_or(today),
        changed: changed
            .into_iter()
            .map(|change| (Line::new(Arc::clone(&change.line), today), change))
            .collect(),
        compared,
        recent_more: own.len() > SHOWN_MAX as usize,
        recent: lines(own),
        examples: lines(examples.items),
        bad_files: app.store.bad_files().await?.len(),
        reading: app.store.reading(),
        folder: app.decisions.as_ref().map(|folder| folder.display().to_string()),
        presets: checklist::preset_views(app.model()),
    };
    Ok(Page(view).into_response())
}
