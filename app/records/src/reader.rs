//! Reads typed values out of a spanned TOML table and gathers every problem on the way.

use std::ops::Range;

use assay_advice::Problem;
use jiff::{Timestamp, civil::Date};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::limits::{MAX_LINE_CHARS, MAX_PROBLEMS, MAX_TEXT_CHARS};

/// What was found wrong so far.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Findings {
    pub(crate) fn problem(
        &mut self,
        field: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(fault(field, span, message, help));
        }
    }

    pub(crate) fn warning(
        &mut self,
        field: impl Into<String>,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.warnings.len() < MAX_PROBLEMS {
            self.warnings.push(fault(field, span, message, help));
        }
    }
}

fn fault(
    field: impl Into<String>,
    span: Range<usize>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Problem {
    Problem { field: field.into(), span: Some(span), message: message.into(), help: help.into() }
}

/// One table of the text: where it is, and what it holds.
pub(crate) struct Reader<'a, 'i> {
    table: &'a DeTable<'i>,
    /// The dotted path with a trailing dot; empty at the top.
    path: String,
    /// Where the table is written, for problems with what is missing from it.
    span: Range<usize>,
}

impl<'a, 'i> Reader<'a, 'i> {
    pub(crate) fn top(table: &'a DeTable<'i>) -> Self {
        Self { table, path: String::new(), span: 0..0 }
    }

    /// The full name of a key of this table.
    pub(crate) fn field(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// Where a key's value is; where the table is when the key is missing.
    pub(crate) fn span(&self, key: &str) -> Range<usize> {
        self.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Warns of every key that is not in `known`.
    pub(crate) fn warn_unknown(&self, known: &[&str], found: &mut Findings) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let help = format!("known here: {}; the key is kept as it is", known.join(", "));
                let field = self.field(&shorten(name));
                found.warning(field, key.span(), "this key is not known", help);
            }
        }
    }

    pub(crate) fn missing(&self, key: &str, help: &str, found: &mut Findings) {
        let message = format!("`{}` is missing", self.field(key));
        found.problem(self.field(key), self.span.clone(), message, help);
    }

    pub(crate) fn mistyped(&self, key: &str, wanted: &str, help: &str, found: &mut Findings) {
        if let Some(value) = self.get(key) {
            let kind = value.get_ref().type_str();
            let message = format!("this is {} {kind}, not {wanted}", article(kind));
            found.problem(self.field(key), value.span(), message, help);
        }
    }

    /// Text without limits of its own; absent when missing or not text.
    pub(crate) fn string(&self, key: &str, found: &mut Findings) -> Option<&'a str> {
        let text = self.get(key)?.get_ref().as_str();
        if text.is_none() {
            self.mistyped(key, "text", &format!("write {key} = \"…\""), found);
        }
        text
    }

    /// Text of one line; absent when missing or blank.
    pub(crate) fn line(&self, key: &str, found: &mut Findings) -> Option<String> {
        let text = self.string(key, found)?;
        check_line(&self.field(key), self.span(key), text, found);
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// Text of any number of lines; empty when missing.
    pub(crate) fn text(&self, key: &str, found: &mut Findings) -> String {
        let text = self.string(key, found).unwrap_or_default();
        if text.chars().count() > MAX_TEXT_CHARS {
            let message = format!("this is longer than {MAX_TEXT_CHARS} characters");
            found.problem(self.field(key), self.span(key), message, "shorten it, or link to it");
        }
        text.to_owned()
    }

    /// One of a few words; absent when missing or wrong.
    pub(crate) fn word<T>(
        &self,
        key: &str,
        allowed: &[&str],
        read: impl Fn(&str) -> Option<T>,
        found: &mut Findings,
    ) -> Option<T> {
        let text = self.string(key, found)?;
        let value = read(text);
        if value.is_none() {
            let message = format!("`{}` is not allowed", shorten(text));
            let help = format!("allowed: {}", allowed.join(", "));
            found.problem(self.field(key), self.span(key), message, help);
        }
        value
    }

    pub(crate) fn date(&self, key: &str, found: &mut Findings) -> Option<Date> {
        let value = self.get(key)?.get_ref();
        let help = format!("write {key} = 2026-11-24, without quotes");
        let date = value
            .as_datetime()
            .filter(|moment| moment.time.is_none())
            .and_then(|moment| moment.to_string().parse().ok());
        if date.is_none() {
            self.mistyped(key, "a date", &help, found);
        }
        date
    }

    pub(crate) fn moment(&self, key: &str, found: &mut Findings) -> Option<Timestamp> {
        let value = self.get(key)?.get_ref();
        let help = format!("write {key} = 2026-11-21T10:00:00Z, without quotes");
        let moment = value
            .as_datetime()
            .filter(|moment| moment.offset.is_some())
            .and_then(|moment| moment.to_string().parse().ok());
        if moment.is_none() {
            self.mistyped(key, "a moment with its offset from UTC", &help, found);
        }
        moment
    }

    pub(crate) fn number(&self, key: &str, found: &mut Findings) -> Option<f64> {
        let number = match self.get(key)?.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(whole) if whole.radix() == 10 => whole.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.mistyped(key, "a finite number", &format!("write {key} = 1.5"), found);
        }
        number
    }

    /// Every element of a list with its index and place; a list too long is one problem.
    pub(crate) fn list(
        &self,
        key: &str,
        at_most: usize,
        found: &mut Findings,
    ) -> &'a [Spanned<DeValue<'i>>] {
        let Some(value) = self.get(key) else {
            return &[];
        };
        let Some(list) = value.get_ref().as_array() else {
            self.mistyped(key, "a list", &format!("write {key} = [\"…\"]"), found);
            return &[];
        };
        if list.len() > at_most {
            let message = format!("there are {}; at most {at_most} are kept", list.len());
            found.problem(self.field(key), value.span(), message, "take some out");
        }
        list.get(..at_most).unwrap_or(list)
    }

    /// A list of lines of text.
    pub(crate) fn lines(&self, key: &str, at_most: usize, found: &mut Findings) -> Vec<String> {
        let mut lines = Vec::new();
        for item in self.list(key, at_most, found) {
            let field = self.field(key);
            match item.get_ref().as_str() {
                Some(line) if line.trim().is_empty() => {
                    found.problem(field, item.span(), "this is empty", "take it out or fill it in");
                }
                Some(line) => {
                    check_line(&field, item.span(), line, found);
                    lines.push(line.to_owned());
                }
                None => found.problem(field, item.span(), "this is not text", "write \"…\""),
            }
        }
        lines
    }

    /// A table under this one; absent when missing or not a table.
    pub(crate) fn table(&self, key: &str, found: &mut Findings) -> Option<Reader<'a, 'i>> {
        let value = self.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.mistyped(key, "a table", &format!("write [{key}] and its keys below"), found);
        }
        let path = format!("{}{key}.", self.path);
        Some(Reader { table: table?, path, span: value.span() })
    }

    /// The tables of a `[[key]]`.
    pub(crate) fn tables(
        &self,
        key: &str,
        at_most: usize,
        found: &mut Findings,
    ) -> Vec<Reader<'a, 'i>> {
        let mut tables = Vec::new();
        for (index, item) in self.list(key, at_most, found).iter().enumerate() {
            let path = format!("{}{key}[{index}].", self.path);
            if let Some(table) = item.get_ref().as_table() {
                tables.push(Reader { table, path, span: item.span() });
            } else {
                let help = format!("write [[{key}]] and its keys below");
                found.problem(self.field(key), item.span(), "this is not a table", help);
            }
        }
        tables
    }
}

fn check_line(field: &str, span: Range<usize>, text: &str, found: &mut Findings) {
    if text.chars().any(char::is_control) {
        let message = "this holds a line break or another control character";
        found.problem(field, span, message, "write it on one line");
    } else if text.chars().count() > MAX_LINE_CHARS {
        let message = format!("this is longer than {MAX_LINE_CHARS} characters");
        found.problem(field, span, message, "shorten it");
    }
}

/// At most forty characters of someone else's text, fit to stand in a message.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 40;
    let mut short: String =
        text.chars().take(MOST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
