//! The decisions as a table for spreadsheets.

use super::Item;

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

/// CSV after RFC 4180 with a heading line. A cell that a spreadsheet would take for a formula gets a
/// `'` before it.
#[must_use]
pub fn csv(items: &[Item<'_>]) -> String {
    let mut out = line(&HEAD.map(str::to_owned));
    for item in items {
        let record = item.record;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        out.push_str(&line(&[
            item.number.to_string(),
            record.id.to_string(),
            record.title.clone(),
            text(&record.service),
            text(&record.team),
            item.standing().id().to_owned(),
            record.choice.as_ref().map(|chosen| chosen.option.id().to_owned()).unwrap_or_default(),
            record.recommended().map(|option| option.id().to_owned()).unwrap_or_default(),
            record.advice.as_ref().map(|advice| advice.verdict.id().to_owned()).unwrap_or_default(),
            record.created.to_string(),
            record.decided.map(|day| day.to_string()).unwrap_or_default(),
            record.review_by.map(|day| day.to_string()).unwrap_or_default(),
            record.tags.join(", "),
        ]));
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
