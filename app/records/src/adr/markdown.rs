//! The parts of a Markdown text: what stands before the first section, and the sections.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

/// A heading and what stands below it, up to the next heading of its level or a higher one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The heading's text without marks.
    pub(super) title: String,
    /// What stands below it, trimmed; deeper headings included.
    pub(super) body: String,
}

/// A text taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// The first heading of level one.
    pub(super) title: Option<String>,
    /// What stands between the title and the first section.
    pub(super) head: String,
    /// The sections of level two.
    pub(super) sections: Vec<Section>,
}

struct Heading {
    level: usize,
    title: String,
    range: Range<usize>,
}

/// Takes a text apart at its headings; what looks like one inside code is none.
pub(super) fn parts(text: &str) -> Parts {
    let headings = headings(text);
    let title = headings.iter().position(|heading| heading.level == 1);
    let after_title = title.and_then(|at| headings.get(at)).map_or(0, |h| h.range.end);
    let first = title.map_or(0, |at| at + 1);
    let later = headings.get(first..).unwrap_or_default();
    let head_end = later.first().map_or(text.len(), |heading| heading.range.start);
    Parts {
        title: title.and_then(|at| headings.get(at)).map(|heading| heading.title.clone()),
        head: text.get(after_title..head_end).unwrap_or_default().trim().to_owned(),
        sections: sections(text, later, 2),
    }
}

/// The sections of level three within a section's text, and what stands before the first.
pub(super) fn subsections(body: &str) -> (String, Vec<Section>) {
    let headings = headings(body);
    let end = headings.iter().find(|heading| heading.level <= 3).map(|h| h.range.start);
    let before = body.get(..end.unwrap_or(body.len())).unwrap_or_default();
    (before.trim().to_owned(), sections(body, &headings, 3))
}

fn sections(text: &str, headings: &[Heading], level: usize) -> Vec<Section> {
    let tops: Vec<&Heading> = headings.iter().filter(|heading| heading.level <= level).collect();
    let ends = tops.iter().skip(1).map(|heading| heading.range.start).chain([text.len()]);
    tops.iter()
        .zip(ends)
        .map(|(heading, end)| Section {
            title: heading.title.clone(),
            body: text.get(heading.range.end..end).unwrap_or_default().trim().to_owned(),
        })
        .collect()
}

fn headings(text: &str) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut open = false;
    // Headings within lists and quotations are not the text's own.
    let mut within = 0_usize;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if within == 0 => {
                open = true;
                found.push(Heading { level: level as usize, title: String::new(), range });
            }
            Event::End(TagEnd::Heading(_)) => {
                open = false;
                if let Some(heading) = found.last_mut() {
                    heading.title = heading.title.trim().to_owned();
                }
            }
            Event::Start(Tag::List(_) | Tag::BlockQuote(_)) => within += 1,
            Event::End(TagEnd::List(_) | TagEnd::BlockQuote(_)) => {
                within = within.saturating_sub(1);
            }
            Event::Text(words) | Event::Code(words) if open => {
                if let Some(heading) = found.last_mut() {
                    heading.title.push_str(&words);
                }
            }
            _ => {}
        }
    }
    found
}

/// The text with its headings pushed down so that none is above `level`.
pub(super) fn below(text: &str, level: usize) -> String {
    let headings = headings(text);
    let Some(top) = headings.iter().map(|heading| heading.level).min() else {
        return text.to_owned();
    };
    let by = level.saturating_sub(top);
    let mut out = String::with_capacity(text.len() + by * headings.len());
    let mut at = 0;
    for heading in &headings {
        out.push_str(text.get(at..heading.range.start).unwrap_or_default());
        let marks = "#".repeat((heading.level + by).min(HeadingLevel::H6 as usize));
        let written = text.get(heading.range.clone()).unwrap_or_default();
        let line_end = if written.ends_with('\n') { "\n" } else { "" };
        out.push_str(&format!("{marks} {}{line_end}", words_of(written)));
        at = heading.range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The line of a title, with a backslash before what readers would take for marks.
pub(super) fn title_line(title: &str) -> String {
    let plain = format!("# {title}");
    if parts(&plain).title.as_deref() == Some(title.trim()) {
        return plain;
    }
    let mut escaped = String::from("# ");
    for c in title.chars() {
        if "\\`*_[]<>#!&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A heading's words as they are written, marks within them kept.
fn words_of(written: &str) -> String {
    let trimmed = written.trim();
    if trimmed.starts_with('#') {
        return trimmed.trim_matches('#').trim().to_owned();
    }
    // Underlined: everything but the last line, on one line.
    let lines: Vec<&str> = trimmed.lines().collect();
    let words = lines.split_last().map_or(&[][..], |(_, words)| words);
    words.iter().map(|line| line.trim()).collect::<Vec<&str>>().join(" ")
}

/// The text without HTML comments, which templates use for hints.
pub(super) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        let Some(length) = rest.get(start..).and_then(|from| from.find("-->")) else {
            break;
        };
        out.push_str(rest.get(..start).unwrap_or_default());
        rest = rest.get(start + length + 3..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The text, or nothing where a template was not filled in: `{…}`, `[…]` that is no link, comments.
pub(super) fn filled(text: &str) -> String {
    let text = without_comments(text);
    let trimmed = text.trim();
    if is_hint(trimmed) {
        return String::new();
    }
    let is_hint_item =
        |line: &&str| is_hint(line.trim_start().trim_start_matches(['*', '-']).trim());
    let kept: Vec<&str> = trimmed.lines().filter(|line| !is_hint_item(line)).collect();
    kept.join("\n").trim().to_owned()
}

/// Whether a text is a template's hint and nothing else: `{…}`, or `[…]` that is neither a link nor a
/// box to tick.
pub(super) fn is_hint(text: &str) -> bool {
    let braces = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    if braces.is_some_and(|within| !within.contains(['{', '}'])) {
        return true;
    }
    let groups: Vec<&str> = text.split_inclusive(']').collect();
    let is_group = |group: &&str| {
        let group = group.trim();
        group.starts_with('[') && group.ends_with(']') && group.len() > 3
    };
    !groups.is_empty() && groups.iter().all(is_group)
}

/// The `name: value` of each list item before the first section, names in lower case.
pub(super) fn listed(head: &str) -> Vec<(String, String)> {
    let text = without_comments(head);
    let item = |line: &str| {
        let line = line.trim();
        let rest = line.strip_prefix(['*', '-', '+']).filter(|rest| rest.starts_with(' '))?;
        let (name, value) =
            rest.replace("**", "").split_once(':').map(|(n, v)| (n.to_owned(), v.to_owned()))?;
        Some((name.trim().to_lowercase(), value.trim().to_owned()))
    };
    text.lines().filter_map(item).collect()
}

/// Adds a block, with a blank line before it; an empty one is nothing.
pub(super) fn push_block(to: &mut String, block: &str) {
    if block.trim().is_empty() {
        return;
    }
    if !to.is_empty() {
        to.push_str("\n\n");
    }
    to.push_str(block.trim());
}
