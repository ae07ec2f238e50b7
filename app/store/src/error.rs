//! What can go wrong with a store, said so that a person can act on it.

use std::{io, path::Path};

use assay_records::advice::{Problem, line_column};
use uuid::Uuid;

use crate::{BadFile, Reading, Stored};

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No record has this id.
    #[error("there is no record {0}")]
    NotFound(Uuid),
    /// Somebody else changed the record since the writer read it. Nothing was written.
    #[error("{} was changed by someone else in the meantime", theirs.file_name)]
    Conflict {
        /// The record as it is now.
        theirs: Box<Stored>,
        /// The text that was not written.
        yours: String,
    },
    /// The text is not a record, or its change is not allowed. Nothing was written.
    #[error("the record cannot be kept: {}", first(problems, None))]
    Invalid {
        /// What must be mended; spans are byte ranges of the text given.
        problems: Vec<Problem>,
    },
    /// The record's file on disk cannot be read as a record; it is left as it is.
    #[error("{} must be mended by hand first: {}", .0.file_name, first(&.0.problems, .0.text.as_deref()))]
    Damaged(BadFile),
    /// Another record already has this id. Nothing was written.
    #[error("{0} already has this id")]
    IdTaken(String),
    /// The records are still being read for the first time.
    #[error("the records are being read: {} of {}", .0.done, .0.total)]
    StillReading(Reading),
    /// The folder or a file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// What could not be read.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The folder cannot be written to. Nothing was written.
    #[error("cannot write to {path}: {source}; nothing was changed")]
    Unwritable {
        /// What could not be written.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The disk is full. Nothing was written.
    #[error("cannot write to {path}: the disk is full; nothing was changed")]
    DiskFull {
        /// What could not be written.
        path: String,
    },
    /// The index cannot be used; the records themselves are safe.
    #[error(
        "the index in {path} cannot be used: {message}; delete it or choose another with --data"
    )]
    Index {
        /// The index's file or folder.
        path: String,
        /// Why.
        message: String,
    },
    /// Only a reviewer may accept or reject. Nothing was written.
    #[error("only a reviewer may accept or reject a record")]
    NeedsReviewer,
    /// What should be the address of a database is none.
    #[error("the address of the database cannot be used: {0}")]
    BadAddress(String),
    /// The database cannot be reached just now. What was not confirmed may or may not be kept.
    #[error("the database {place} cannot be reached: {message}")]
    Unreachable {
        /// Which database, without its password.
        place: String,
        /// Why.
        message: String,
    },
    /// The database answers and cannot do its work. Nothing was written.
    #[error("the database {place} cannot be used: {message}")]
    Database {
        /// Which database, without its password.
        place: String,
        /// Why.
        message: String,
    },
}

impl StoreError {
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.display().to_string(), source }
    }

    pub(crate) fn unwritable(path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Unwritable { path, source },
        }
    }
}

/// The first problem, with its place in `text` if it is known.
fn first(problems: &[Problem], text: Option<&str>) -> String {
    let Some(problem) = problems.first() else {
        return "it has a problem".to_owned();
    };
    let mut said = match (&problem.span, text) {
        (Some(span), Some(text)) => {
            let (line, column) = line_column(text, span.start);
            format!("line {line}, column {column}: ")
        }
        _ => String::new(),
    };
    // A fault of the whole text has no field to name.
    said += problem.to_string().trim_start_matches(": ");
    match problems.len() {
        1 => said,
        all => format!("{said} (and {} more)", all - 1),
    }
}
