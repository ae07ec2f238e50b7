//! The record within the text that was exported from it, so that an import loses nothing.
//!
//! It stands in a comment at the end, in base64: readers of these formats look for headings and list
//! items line by line, inside code blocks too, and must not find any in here.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::content_hash;

const OPENING: &str = "<!-- The record in assay: importing this file restores it, as long as the text \
                       above is as it was.\nassay-record sha256:";
const CLOSING: &str = "\n-->";
/// The length of a line of base64, in characters.
const LINE: usize = 96;

/// The text with the record behind it.
pub(super) fn put(text: &str, toml: &str) -> String {
    let visible = text.trim_end();
    let mut lines = String::new();
    for (at, letter) in STANDARD.encode(toml).chars().enumerate() {
        if at % LINE == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    format!("{visible}\n\n{OPENING}{}{lines}{CLOSING}\n", content_hash(visible))
}

/// What [`put`] had put behind a text.
pub(super) struct Taken {
    /// The record's TOML.
    pub(super) toml: String,
    /// Whether the rest of the text is as it was when it was exported.
    pub(super) unchanged: bool,
}

/// Takes the record out of a text; the rest is what stands before it. `whole` is the text with its
/// front matter, `body` the text behind that.
pub(super) fn take<'a>(whole: &str, body: &'a str) -> (Option<Taken>, &'a str) {
    let found = body.rfind(OPENING).and_then(|start| Some((start, read(body.get(start..)?)?)));
    let Some((start, (digest, toml, ends_text))) = found else {
        return (None, body);
    };
    // The digest is over everything before, front matter included.
    let before = whole.len() - (body.len() - start);
    let before = whole.get(..before).unwrap_or_default().trim_end();
    let unchanged = ends_text && content_hash(before) == digest;
    (Some(Taken { toml, unchanged }), body.get(..start).unwrap_or(body))
}

/// The digest, the record, and whether nothing follows.
fn read(block: &str) -> Option<(&str, String, bool)> {
    let (within, after) = block.strip_prefix(OPENING)?.split_once(CLOSING)?;
    let (digest, lines) = within.split_once('\n')?;
    let bytes = STANDARD.decode(lines.replace('\n', "")).ok()?;
    Some((digest, String::from_utf8(bytes).ok()?, after.trim().is_empty()))
}
