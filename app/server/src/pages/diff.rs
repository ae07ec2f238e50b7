//! `/decisions/{id}/diff?a=&b=`: what changed between two texts of a record.

use std::time::Duration;

use askama::Template;
use assay_records::changed_fields;
use assay_store::{Revision, Stored};
use axum::{
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use similar::{ChangeTag, TextDiff};
use url::form_urlencoded;

use crate::{
    error::Error,
    pages::{Page, checklist::ProblemView, decision, history},
    state::App,
};

/// Lines shown around a change.
const AROUND: usize = 3;
/// Finding the smallest difference is given up after this; what is shown then is right but longer.
const SEARCH_MAX: Duration = Duration::from_millis(500);
/// The most lines shown.
const LINES_MAX: usize = 4000;

#[derive(Template)]
#[template(path = "decisions/diff.html")]
struct View<'a> {
    stored: &'a Stored,
    problems: Vec<ProblemView>,
    sides: Option<Sides>,
    /// Whether only one text is known, so that there is nothing to compare.
    only: bool,
}

/// Both texts and how they differ.
struct Sides {
    old: Side,
    new: Side,
    fields: Vec<String>,
    lines: Vec<Line>,
    more: bool,
}

struct Side {
    hash: String,
    short: String,
    at: String,
}

/// A line of the difference, or a gap between two parts of it.
struct Line {
    kind: &'static str,
    /// What a screen reader says of it.
    said: &'static str,
    sign: &'static str,
    old: String,
    new: String,
    text: String,
}

/// `GET /decisions/{id}/diff`. Without `a` and `b`, the last change.
pub(crate) async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let stored = decision::find(&app, &id).await?;
    let list = app.store.revisions(stored.id).await?.list;
    let (mut a, mut b) = (String::new(), String::new());
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "a" => a = value.into_owned(),
            "b" => b = value.into_owned(),
            _ => {}
        }
    }
    let mut problems = Vec::new();
    let mut pick = |asked: &str, otherwise: usize| match asked {
        "" => list.get(otherwise).or(list.last()).map(|_| otherwise.min(list.len() - 1)),
        hash => {
            let at = list.iter().position(|revision| revision.hash == hash);
            if at.is_none() {
                let shown: String = hash.chars().take(70).collect();
                let text = format!("No text of this record is known that has the hash “{shown}”.");
                problems.push(ProblemView { target: None, text });
            }
            at
        }
    };
    let new = pick(&b, 0);
    let old = pick(&a, new.map_or(1, |at| at + 1));
    let only = list.len() == 1 && problems.is_empty();
    let sides = old.zip(new).filter(|_| !only).and_then(|(old, new)| {
        // The list has the newest first; the older text stands on the left.
        let (old, new) = (list.get(old.max(new))?, list.get(old.min(new))?);
        Some(compare(old, new))
    });
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok((status, Page(View { stored: &stored, problems, sides, only })).into_response())
}

fn side(revision: &Revision) -> Side {
    let at = revision.at.to_zoned(jiff::tz::TimeZone::system());
    Side {
        hash: revision.hash.clone(),
        short: history::short(&revision.hash),
        at: at.strftime("%Y-%m-%d %H:%M").to_string(),
    }
}

fn compare(old: &Revision, new: &Revision) -> Sides {
    let diff = TextDiff::configure().timeout(SEARCH_MAX).diff_lines(&old.text, &new.text);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            lines.push(Line::gap());
        }
        for change in group.iter().flat_map(|part| diff.iter_changes(part)) {
            lines.push(Line::new(
                change.tag(),
                change.old_index(),
                change.new_index(),
                change.value(),
            ));
        }
    }
    let more = lines.len() > LINES_MAX;
    lines.truncate(LINES_MAX);
    Sides {
        old: side(old),
        new: side(new),
        fields: changed_fields(&old.text, &new.text),
        lines,
        more,
    }
}

impl Line {
    fn new(tag: ChangeTag, old: Option<usize>, new: Option<usize>, text: &str) -> Self {
        let (kind, said, sign) = match tag {
            ChangeTag::Delete => ("gone", "taken out", "−"),
            ChangeTag::Insert => ("come", "put in", "+"),
            ChangeTag::Equal => ("same", "", ""),
        };
        let number =
            |index: Option<usize>| index.map(|at| (at + 1).to_string()).unwrap_or_default();
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        Self { kind, said, sign, old: number(old), new: number(new), text }
    }

    fn gap() -> Self {
        let text = "…".to_owned();
        let (old, new) = (String::new(), String::new());
        Self { kind: "gap", said: "unchanged lines left out", sign: "", old, new, text }
    }
}
