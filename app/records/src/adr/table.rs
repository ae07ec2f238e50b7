//! The decisions as a table for spreadsheets.

use assay_advice::{Choice, Verdict};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::Item;
use crate::Standing;

const HEAD: [&str; 13] = [
    "number",
    "id",
    "title",
    "service",
    "team",
    "status",
    "option",
    "recommended",
    "verdict",
    "created",
    "decided",
    "review_by",
    "tags",
];

/// A decision as a line of the table.
pub struct Row<'a> {
    /// The number shown to people.
    pub number: u32,
    /// The id.
    pub id: Uuid,
    /// The title.
    pub title: &'a str,
    /// The service decided about.
    pub service: Option<&'a str>,
    /// The team that owns it.
    pub team: Option<&'a str>,
    /// The status as readers see it.
    pub status: Standing,
    /// The option chosen.
    pub option: Option<Choice>,
    /// The option advised.
    pub recommended: Option<Choice>,
    /// How firmly it was advised.
    pub verdict: Option<Verdict>,
    /// When it was written.
    pub created: Timestamp,
    /// The day of the decision.
    pub decided: Option<Date>,
    /// The day by which it should be looked at again.
    pub review_by: Option<Date>,
    /// The tags.
    pub tags: Vec<&'a str>,
}

/// The heading line of [`csv`].
#[must_use]
pub fn csv_head() -> String {
    line(&HEAD.map(str::to_owned))
}

/// One line of [`csv`].
#[must_use]
pub fn csv_line(row: &Row<'_>) -> String {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let option = |option: Option<Choice>| text(option.map(Choice::id));
    line(&[
        row.number.to_string(),
        row.id.to_string(),
        row.title.to_owned(),
        text(row.service),
        text(row.team),
        row.status.id().to_owned(),
        option(row.option),
        option(row.recommended),
        text(row.verdict.map(Verdict::id)),
        row.created.to_string(),
        day(row.decided),
        day(row.review_by),
        row.tags.join(", "),
    ])
}

/// CSV after RFC 4180 with a heading line. A cell that a spreadsheet would take for a formula gets a
/// `'` before it.
#[must_use]
pub fn csv(items: &[Item<'_>]) -> String {
    let mut out = csv_head();
    for item in items {
        let record = item.record;
        out.push_str(&csv_line(&Row {
            number: item.number,
            id: record.id,
            title: &record.title,
            service: record.service.as_deref(),
            team: record.team.as_deref(),
            status: item.standing(),
            option: record.choice.as_ref().map(|chosen| chosen.option),
            recommended: record.recommended(),
            verdict: record.advice.as_ref().map(|advice| advice.verdict),
            created: record.created,
            decided: record.decided,
            review_by: record.review_by,
            tags: record.tags.iter().map(String::as_str).collect(),
        }));
    }
    out
}

fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\r\n"
}

fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains(['"', ',', '\n', '\r', '\'']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}
