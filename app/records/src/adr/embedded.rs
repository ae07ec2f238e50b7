//! The record within the text that was exported from it, so that an import loses nothing.

use crate::content_hash;

const HEADING: &str = "## The record in assay\n";
const WORD: &str = "toml assay-record";

/// The text with the record's TOML behind it.
pub(super) fn put(text: &str, toml: &str) -> String {
    let visible = text.trim_end();
    let longest = toml.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let digest = content_hash(visible);
    format!(
        "{visible}\n\n{HEADING}\nExported from assay. Importing this file restores the whole record \
         from here, as long as the text above is as it was.\n\n{fence}{WORD} sha256:{digest}\n{toml}{}{fence}\n",
        if toml.ends_with('\n') { "" } else { "\n" },
    )
}

/// What [`put`] had put behind a text.
pub(super) struct Taken {
    /// The record's TOML.
    pub(super) toml: String,
    /// Whether the text before it is as it was when it was exported.
    pub(super) unchanged: bool,
}

/// Takes the record out of a text; the rest is what stands before it. `whole` is the text with its
/// front matter, `body` the text behind that.
pub(super) fn take<'a>(whole: &str, body: &'a str) -> (Option<Taken>, &'a str) {
    let starts = body.match_indices(HEADING).map(|(at, _)| at);
    let starts = starts.filter(|at| *at == 0 || body.get(..*at).is_some_and(|b| b.ends_with('\n')));
    let blocks: Vec<Block<'_>> = starts.filter_map(|at| Block::at(body, at)).collect();
    // The record may hold the text of such a block, which then ends before the text does; and the
    // text before may hold the heading, so that the last is meant.
    let Some(block) = blocks.iter().rfind(|block| block.ends_text).or(blocks.last()) else {
        return (None, body);
    };
    // The digest is over everything before, front matter included.
    let before = whole.len() - (body.len() - block.start);
    let before = whole.get(..before).unwrap_or_default().trim_end();
    let unchanged = block.ends_text && content_hash(before) == block.digest;
    let toml = block.toml.to_owned();
    (Some(Taken { toml, unchanged }), body.get(..block.start).unwrap_or(body))
}

/// A heading with a fenced record below it.
struct Block<'a> {
    start: usize,
    toml: &'a str,
    digest: &'a str,
    ends_text: bool,
}

impl<'a> Block<'a> {
    fn at(body: &'a str, start: usize) -> Option<Self> {
        let section = body.get(start + HEADING.len()..)?;
        // An introduction, and then the fence.
        let opening = section.find("\n```")? + 1;
        let (line, after) = section.get(opening..)?.split_once('\n')?;
        let fence = line.get(..line.find(|c| c != '`')?)?;
        let digest = line.get(fence.len()..)?.strip_prefix(WORD)?.trim().strip_prefix("sha256:")?;
        // The record may have become empty under somebody's hands.
        let end = match after.starts_with(&format!("{fence}\n")) {
            true => 0,
            false => after.find(&format!("\n{fence}\n"))? + 1,
        };
        let rest = after.get(end + fence.len()..)?;
        let toml = after.get(..end)?;
        Some(Self { start, toml, digest, ends_text: rest.trim().is_empty() })
    }
}
