//! The record within the text that was exported from it, so that an import loses nothing.
//!
//! It stands in a comment at the end, in base64: readers of these formats look for headings and list
//! items line by line, inside code blocks too, and must not find any in here.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Item;
use crate::{content_hash, file_name, name_parts};

const OPENING: &str = "<!-- The record in assay: importing this file restores it, as long as the text \
                       above is as it was.\nassay-record sha256:";
const CLOSING: &str = "\n-->";
/// The length of a line of base64, in characters.
const LINE: usize = 96;

/// The record that assay put into a file as it exported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// The record's TOML.
    pub toml: String,
    /// The name of its own file, with its number; absent in exports that do not tell.
    pub file_name: Option<String>,
    /// Whether the rest of the file is as it was when it was exported.
    pub current: bool,
}

impl Embedded {
    /// As a file holds it; a name that no record's file could have counts as none.
    pub(super) fn new(toml: String, file_name: Option<&str>, current: bool) -> Self {
        let file_name = file_name.filter(|name| name_parts(name).is_some()).map(str::to_owned);
        Self { toml, file_name, current }
    }
}

/// The name of a record's own file as exports tell it: with its number, however somebody named it.
pub(super) fn name_of(item: &Item<'_>) -> String {
    match name_parts(item.file_name) {
        Some(_) => item.file_name.to_owned(),
        None => file_name(item.number, &item.record.title),
    }
}

/// The text with the record behind it.
pub(super) fn put(text: &str, item: &Item<'_>) -> String {
    let visible = text.trim_end();
    let mut lines = String::new();
    for (at, letter) in STANDARD.encode(item.text).chars().enumerate() {
        if at % LINE == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    let (digest, name) = (content_hash(visible), name_of(item));
    format!("{visible}\n\n{OPENING}{digest} {name}{lines}{CLOSING}\n")
}

/// Takes the record out of a text; the rest is what stands before it. `whole` is the text with its
/// front matter, `body` the text behind that.
pub(super) fn take<'a>(whole: &str, body: &'a str) -> (Option<Embedded>, &'a str) {
    let found = body.rfind(OPENING).and_then(|start| Some((start, read(body.get(start..)?)?)));
    let Some((start, Read { digest, name, toml, ends_text })) = found else {
        return (None, body);
    };
    // The digest is over everything before, front matter included.
    let before = whole.len() - (body.len() - start);
    let before = whole.get(..before).unwrap_or_default().trim_end();
    let current = ends_text && content_hash(before) == digest;
    (Some(Embedded::new(toml, name, current)), body.get(..start).unwrap_or(body))
}

/// What a comment says, and whether nothing follows.
struct Read<'a> {
    digest: &'a str,
    name: Option<&'a str>,
    toml: String,
    ends_text: bool,
}

fn read(block: &str) -> Option<Read<'_>> {
    let (within, after) = block.strip_prefix(OPENING)?.split_once(CLOSING)?;
    let (first, lines) = within.split_once('\n')?;
    let (digest, name) =
        first.split_once(' ').map_or((first, None), |(digest, name)| (digest, Some(name)));
    let bytes = STANDARD.decode(lines.replace('\n', "")).ok()?;
    let toml = String::from_utf8(bytes).ok()?;
    Some(Read { digest, name, toml, ends_text: after.trim().is_empty() })
}
