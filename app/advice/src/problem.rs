//! What is wrong with an input, said so that its author can mend it.

use std::{fmt, ops::Range};

/// One fault in a text or a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key or question id concerned, for example `answers.owners`.
    pub field: String,
    /// Byte range in the source text; absent for forms.
    pub span: Option<Range<usize>>,
    /// What is wrong, naming the offending value.
    pub message: String,
    /// What is allowed instead, or how to mend it; may be empty.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        if !self.help.is_empty() {
            write!(f, " ({})", self.help)?;
        }
        Ok(())
    }
}

/// Line and column, both from 1, of a byte offset; the column counts characters.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).map_or(0, |rest| rest.chars().count()) + 1;
    (line, column)
}
