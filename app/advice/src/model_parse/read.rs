//! From text to the raw parts of a model, with every fault of its shape at once.
//!
//! The reader of TOML stops at the first key or value that does not fit. So what does not fit is
//! noted, taken out, and the rest is read again, until all of it fits. A text that is no TOML is
//! different: behind its first fault nothing can be told, so only that one is.

use std::ops::Range;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, Deserializer, Error};

use super::{
    faults::Faults,
    raw::RawModel,
    unclosed::{Unclosed, unclosed},
};
use crate::{line_column, wording::join};

/// The most faults of shape that are told at once.
const MAX_FAULTS: usize = 50;

/// The longest text that is read; the built-in model has some 40 KiB.
const MAX_TEXT_BYTES: usize = 256 * 1024;

const HELP: &str = "see the comments at the top of the built-in model";

/// What a model cannot be without.
const TABLES: [&str; 5] = ["id", "version", "group", "question", "criterion"];

const FROM_BUILT_IN: &str = "begin with a copy of the built-in model: assay model show > ours.toml";

const STOPPED: &str = "nothing behind it was checked";

/// A place within the document.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// The raw model if it is whole enough to look for further faults in it: a text in which only keys
/// that nobody knows were found is, one that lacks a question is not.
pub(super) fn read(text: &str, faults: &mut Faults) -> Option<RawModel> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the text is {} bytes long", text.len());
        faults.add("", 0..0, message, format!("at most {} KiB", MAX_TEXT_BYTES / 1024));
        return None;
    }
    let (mut document, broken) = DeTable::parse_recoverable(text);
    let start = |error: &&Error| error.span().map_or(0, |span| span.start);
    if let Some(first) = broken.iter().min_by_key(start) {
        no_toml(text, first, faults);
        return None;
    }
    let missing: Vec<&str> =
        TABLES.into_iter().filter(|key| !document.get_ref().contains_key(*key)).collect();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().map(|key| format!("`{key}`")).collect();
        let message = match document.get_ref().is_empty() {
            true => format!("there is nothing in it: a model has {}", join(&names)),
            false if names.len() == 1 => format!("missing field {}", join(&names)),
            false => format!("missing fields {}", join(&names)),
        };
        faults.add("", 0..0, message, FROM_BUILT_IN);
        if missing.len() == TABLES.len() {
            return None;
        }
    }
    let mut whole = true;
    let mut taken: Vec<(Range<usize>, String)> = Vec::new();
    for _ in 0..MAX_FAULTS {
        let error = match RawModel::deserialize(Deserializer::from(document.clone())) {
            Ok(raw) => return whole.then_some(raw),
            Err(error) => error,
        };
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        // A key that was taken out for its value is missing now: that is told already.
        let names = |key: &str| message.contains(&format!("`{key}`"));
        let told = taken.iter().any(|(table, key)| *table == span && names(key))
            || message.starts_with("missing field") && missing.iter().any(|key| names(key));
        if !told {
            add(faults, &error, HELP);
        }
        whole &= message.starts_with("unknown field");
        let mut found = None;
        search_table(document.get_ref(), &mut Vec::new(), &span, &mut found);
        let (_, path) = found?;
        let parent = take_out(document.get_mut(), &path)?;
        if let Some(Step::Key(key)) = path.last() {
            taken.push((parent, key.clone()));
        }
    }
    None
}

/// The first place at which a text is no TOML, or the brace left open before it.
fn no_toml(text: &str, error: &Error, faults: &mut Faults) {
    let at = error.span().unwrap_or(0..0);
    match unclosed(text).filter(|open| open.at <= at.start) {
        Some(Unclosed { at: open, closing }) => {
            let (line, _) = line_column(text, at.start);
            let help = format!("write `{closing}` before line {line} goes on; {STOPPED}");
            faults.add("", open..open + 1, format!("no `{closing}` closes this"), help);
        }
        None => {
            let message = error.message().trim().replace('\n', "; ");
            faults.add(
                "",
                at,
                message,
                format!("the text must be TOML, https://toml.io; {STOPPED}"),
            );
        }
    }
}

fn add(faults: &mut Faults, error: &Error, help: &str) {
    let message = error.message().trim().replace('\n', "; ");
    // What is allowed belongs to the remedy.
    let (message, help) = match message.split_once(", expected ") {
        Some((what, allowed)) => (what.to_owned(), format!("allowed: {allowed}")),
        None => (message, help.to_owned()),
    };
    faults.add("", error.span().unwrap_or(0..0), message, help);
}

/// The smallest part that holds the place, with its length.
type Found = Option<(usize, Vec<Step>)>;

fn offer(outer: &Range<usize>, span: &Range<usize>, path: &[Step], found: &mut Found) {
    let length = outer.len();
    let holds = outer.start <= span.start && span.end <= outer.end;
    if holds && found.as_ref().is_none_or(|(least, _)| length < *least) {
        *found = Some((length, path.to_vec()));
    }
}

/// Tables written in several places do not hold their parts, so everything is looked at.
fn search_table(table: &DeTable<'_>, path: &mut Vec<Step>, span: &Range<usize>, found: &mut Found) {
    for (key, value) in table {
        path.push(Step::Key(key.get_ref().to_string()));
        offer(&key.span(), span, path, found);
        offer(&value.span(), span, path, found);
        search(value.get_ref(), path, span, found);
        path.pop();
    }
}

fn search(value: &DeValue<'_>, path: &mut Vec<Step>, span: &Range<usize>, found: &mut Found) {
    match value {
        DeValue::Table(table) => search_table(table, path, span, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                offer(&item.span(), span, path, found);
                search(item.get_ref(), path, span, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Takes out what is at the path and gives the span of the table it was in.
fn take_out(table: &mut DeTable<'_>, path: &[Step]) -> Option<Range<usize>> {
    let [Step::Key(key), rest @ ..] = path else { return None };
    if rest.is_empty() {
        return table.remove(key.as_str()).map(|_| 0..0);
    }
    let mut span = 0..0;
    let mut value = table.get_mut(key.as_str())?;
    let (last, way) = rest.split_last()?;
    for step in way {
        span = value.span();
        value = match (value.get_mut(), step) {
            (DeValue::Table(table), Step::Key(key)) => table.get_mut(key.as_str())?,
            (DeValue::Array(items), Step::Index(index)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    let parent = value.span();
    match (value.get_mut(), last) {
        (DeValue::Table(table), Step::Key(key)) => table.remove(key.as_str()).map(|_| parent),
        (DeValue::Array(items), Step::Index(index)) => {
            let kept = items.iter().enumerate().filter(|(at, _)| at != index);
            *items = kept.map(|(_, item)| item.clone()).collect();
            Some(span)
        }
        _ => None,
    }
}
