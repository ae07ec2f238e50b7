//! The YAML in front of a Markdown text: names with a text or a list of texts.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};

/// The greatest length of front matter, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// What stands for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A text; a number or a date is the text it is written as.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// Something deeper. An unfilled template's `{…}` is read as a mapping.
    Deeper,
}

/// The fields by name, in lower case.
pub(super) type Fields = BTreeMap<String, Field>;

/// Splits a text that starts with `---` into its front matter and the rest; absent when it does not
/// start so, or the second `---` is missing.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix("---")?.trim_start_matches([' ', '\t', '\r']);
    let body = after.strip_prefix('\n')?;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((body.get(..at)?, body.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

/// Reads front matter.
///
/// # Errors
/// Where it is not the YAML that front matter needs, with the line within it.
pub(super) fn read(text: &str) -> Result<Fields, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the front matter is longer than {MAX_BYTES} bytes"));
    }
    let mut reader = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line();
            format!("line {line} of the front matter is not YAML: {}", error.info())
        })?;
        // Aliases could stand for far more than was written.
        let told = reader.take(event);
        told.map_err(|what| format!("line {} of the front matter {what}", span.start.line()))?;
    }
    Ok(reader.fields)
}

#[derive(Default)]
struct Builder {
    fields: Fields,
    depth: usize,
    name: Option<String>,
    list: Option<Vec<String>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Alias(_) => return Err("uses an alias (*name), which is not read here"),
            Event::Scalar(text, ..) => self.scalar(&text)?,
            Event::SequenceStart(..) if self.depth == 0 => return Err("is not `name: value`"),
            Event::SequenceStart(..) => {
                if self.depth == 1 {
                    self.list = Some(Vec::new());
                }
                self.depth += 1;
            }
            Event::MappingStart(..) => self.depth += 1,
            Event::SequenceEnd | Event::MappingEnd => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1
                    && let Some(name) = self.name.take()
                {
                    let field = self.list.take().map_or(Field::Deeper, Field::List);
                    self.fields.insert(name, field);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str) -> Result<(), &'static str> {
        match (self.depth, &mut self.list) {
            // An empty text, or only a comment, is an empty scalar.
            (0, _) if matches!(text, "" | "~") => {}
            (0, _) => return Err("is not `name: value`"),
            (1, _) => match self.name.take() {
                None => self.name = Some(text.to_lowercase()),
                Some(name) => {
                    let text = if text == "~" { "" } else { text };
                    self.fields.insert(name, Field::Text(text.trim().to_owned()));
                }
            },
            (2, Some(list)) => list.push(text.trim().to_owned()),
            _ => {}
        }
        Ok(())
    }
}
