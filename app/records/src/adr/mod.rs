//! Decision records of other tools: reading, planning an import, and writing.
//!
//! An import guesses no status, keeps each original text verbatim, and never lets a bad file keep
//! good ones out. An export carries the whole record, so that importing it again loses nothing; and a
//! record that was imported and not changed is exported as the text it came from.

mod dialect;
mod embedded;
mod found;
mod front_matter;
mod item;
mod json;
mod markdown;
mod plan;
mod radar;
mod read;
mod table;
mod write;

pub use dialect::Dialect;
pub use embedded::Embedded;
pub use found::{Found, FoundStatus, Reference};
pub use item::{Item, Neighbour};
pub use plan::{Entry, Import, Known, New, Outcome, Source, plan};
pub use radar::{backstage_radar, zalando_radar};
pub use read::Unread;
pub use table::{Row, csv, csv_head, csv_line};
pub use write::Exported;

/// A decision within a file.
struct Decision {
    /// The file, with the number behind `#` when it holds several.
    file: String,
    text: String,
    found: Result<Found, Unread>,
}

/// Every decision of a file.
fn read_file(file: &str, text: &str) -> Result<Vec<Decision>, Unread> {
    if !file.to_lowercase().ends_with(".json") {
        let found = Ok(read::read_markdown(file, text)?);
        return Ok(vec![Decision { file: file.to_owned(), text: text.to_owned(), found }]);
    }
    let decisions = json::read(text)?.into_iter().enumerate().map(|(at, text)| {
        let found = json::one(&text);
        let number = found.as_ref().ok().and_then(|found| found.number);
        let number = number.unwrap_or_else(|| u32::try_from(at + 1).unwrap_or(u32::MAX));
        Decision { file: format!("{file}#{number}"), text, found }
    });
    Ok(decisions.collect())
}

/// The decision that an original text holds.
fn read_one(dialect: Dialect, file: &str, text: &str) -> Result<Found, Unread> {
    match dialect {
        Dialect::JsonAdr => json::one(text),
        _ => read::read_markdown(file, text),
    }
}

/// Whether a text is an export of ours that nobody has changed: another may take its place.
#[must_use]
pub fn is_unchanged_export(text: &str) -> bool {
    embedded::take(text, text).0.is_some_and(|embedded| embedded.current)
}

/// Records in another tool's format: a file each, or one file for [`Dialect::JsonAdr`].
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn export(dialect: Dialect, items: &[Item<'_>]) -> serde_json::Result<Vec<Exported>> {
    match dialect {
        Dialect::JsonAdr => {
            Ok(vec![Exported { file: "adrs.json".to_owned(), text: json::write(items)? }])
        }
        _ => Ok(write::markdown(dialect, items)),
    }
}
