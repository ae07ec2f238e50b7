//! Reading TOML files with errors that say what is wrong and where.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::summary::SCHEMA;

/// Why a file of a run folder could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Broken TOML, a wrong key or a wrong value.
    #[error("{file}:{line}:{column}: {message}")]
    Invalid {
        /// The file's name.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Written by a newer assay.
    #[error("{file} has schema {found}, newer than the {SCHEMA} this assay reads: update assay")]
    Newer {
        /// The file's name.
        file: &'static str,
        /// The schema it states.
        found: u32,
    },
}

/// A fault of meaning, before its place in the text is known.
pub(crate) struct Fault {
    id: Option<String>,
    message: String,
}

impl Fault {
    pub(crate) fn new(message: String) -> Self {
        Self { id: None, message }
    }

    /// A fault of the table that states `id = "…"`.
    pub(crate) fn at_id(id: &str, message: String) -> Self {
        Self { id: Some(id.to_owned()), message }
    }

    pub(crate) fn locate(self, file: &'static str, text: &str) -> ParseError {
        let offset = self.id.and_then(|id| text.rfind(&format!("id = \"{id}\"")));
        invalid(file, text, offset.unwrap_or(0), self.message)
    }
}

#[derive(Deserialize)]
struct Head {
    schema: u32,
}

/// Parses a file that states its `schema` first; a newer one is said plainly rather than as a
/// list of unknown keys.
pub(crate) fn toml<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, ParseError> {
    let fail = |error: &toml::de::Error| {
        let offset = error.span().map_or(0, |span| span.start);
        invalid(file, text, offset, error.message().to_owned())
    };
    let head: Head = toml::from_str(text).map_err(|error| fail(&error))?;
    if head.schema > SCHEMA {
        return Err(ParseError::Newer { file, found: head.schema });
    }
    toml::from_str(text).map_err(|error| fail(&error))
}

fn invalid(file: &'static str, text: &str, offset: usize, message: String) -> ParseError {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    ParseError::Invalid { file, line, column, message }
}
