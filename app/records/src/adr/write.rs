//! From a record to another tool's Markdown.

use std::{collections::HashMap, fmt::Write as _};

use assay_advice::Choice;
use uuid::Uuid;

use super::{
    Dialect, embedded,
    item::{Item, Neighbour, Place, places},
    markdown::{below, title_line},
};
use crate::{Record, Standing, Trigger};

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its path within the folder, with `/` between folders.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Every record as a file of a Markdown format. One that was imported from this format and still
/// says the same is the text it was imported from.
pub(super) fn markdown(dialect: Dialect, items: &[Item<'_>]) -> Vec<Exported> {
    let places = places(dialect, items);
    let file = |item: &Item<'_>| {
        let place = places.get(&item.record.id)?;
        let text = match place.original {
            Some(text) => text.to_owned(),
            None => embedded::put(&visible(dialect, item, &places), item),
        };
        Some(Exported { file: place.file.clone(), text })
    };
    items.iter().filter_map(file).collect()
}

/// The places of the records that are exported together.
pub(super) type Places<'a> = HashMap<Uuid, Place<'a>>;

/// What readers of the format see.
fn visible(dialect: Dialect, item: &Item<'_>, places: &Places<'_>) -> String {
    let mut out = String::new();
    head(dialect, item, places, &mut out);
    let record = item.record;
    if dialect == Dialect::AdrTools {
        // Its readers expect all three, written or not.
        for (heading, text) in [
            ("## Context", record.rationale.context.clone()),
            ("## Decision", decision(record)),
            ("## Consequences", consequences(record)),
        ] {
            match text.trim().is_empty() {
                true => out.push_str(&format!("\n{heading}\n")),
                false => section(&mut out, heading, &text, 3),
            }
        }
        return out;
    }
    section(&mut out, "## Context and Problem Statement", &record.rationale.context, 3);
    let options: Vec<String> = options(record).into_iter().map(bullet).collect();
    section(&mut out, "## Considered Options", &options.join("\n"), 3);
    section(&mut out, "## Decision Outcome", &decision(record), 3);
    section(&mut out, "### Consequences", &consequences(record), 4);
    let named = |old: &Neighbour| format!("- Supersedes {}", link(dialect, old, places));
    let links: Vec<String> = item.supersedes.iter().map(named).collect();
    let title = match dialect {
        Dialect::Madr4 | Dialect::Madr3 => "## More Information",
        _ => "## Links",
    };
    section(&mut out, title, &links.join("\n"), 3);
    out
}

/// Title, status, day and people.
fn head(dialect: Dialect, item: &Item<'_>, places: &Places<'_>, out: &mut String) {
    let record = item.record;
    let (title, day) = (title_line(&record.title), item.day());
    let status = match item.superseded_by.first() {
        Some(later) => format!("superseded by {}", link(dialect, later, places)),
        None => item.standing().id().to_owned(),
    };
    let line = |name: &str, value: &str| match value.is_empty() {
        true => String::new(),
        false => format!("{name}: {value}\n"),
    };
    let people = record.deciders.join(", ");
    // Writing to a String cannot fail.
    let _ = match dialect {
        Dialect::Madr4 | Dialect::Madr3 => {
            let who = if dialect == Dialect::Madr4 { "decision-makers" } else { "deciders" };
            let people = line(who, &plain_or_quoted(&people));
            write!(out, "---\nstatus: {status}\ndate: {day}\n{people}---\n\n{title}\n")
        }
        Dialect::Madr2 => {
            let people = line("* Deciders", &people);
            write!(out, "{title}\n\n* Status: {status}\n{people}* Date: {day}\n")
        }
        Dialect::Log4brains => {
            let people = line("- Deciders", &people);
            let tags: Vec<String> = record.tags.iter().map(|tag| tag.replace(' ', "-")).collect();
            let tags = line("- Tags", &tags.join(", "));
            write!(out, "{title}\n\n- Status: {status}\n{people}- Date: {day}\n{tags}")
        }
        Dialect::AdrTools | Dialect::JsonAdr => {
            let lines = status_paragraphs(dialect, item, places).join("\n\n");
            let number = number_of(places, item.record.id, item.number);
            let title = title_line(&format!("{number}. {}", record.title));
            write!(out, "{title}\n\nDate: {day}\n\n## Status\n\n{lines}\n")
        }
    };
}

/// The status of adr-tools: being superseded takes the place of `Accepted`.
fn status_paragraphs(dialect: Dialect, item: &Item<'_>, places: &Places<'_>) -> Vec<String> {
    let own = (item.standing() != Standing::Superseded).then(|| item.standing().name().to_owned());
    let later = |to: &Neighbour| format!("Superceded by {}", link(dialect, to, places));
    let earlier = |to: &Neighbour| format!("Supercedes {}", link(dialect, to, places));
    own.into_iter()
        .chain(item.superseded_by.iter().map(later))
        .chain(item.supersedes.iter().map(earlier))
        .collect()
}

/// How this format names another decision: a link where it is exported beside, else words.
fn link(dialect: Dialect, to: &Neighbour, places: &Places<'_>) -> String {
    let file = places.get(&to.id).map(|place| &place.file);
    let number = number_of(places, to.id, to.number);
    let words = match (dialect, file) {
        (Dialect::AdrTools, _) => format!("{number}. {}", to.title),
        (Dialect::Log4brains, Some(file)) => file.trim_end_matches(".md").to_owned(),
        _ => format!("ADR-{number:04}"),
    };
    match (dialect, file) {
        // MADR 4 and 3 keep the status in front matter, where a link would need quotes.
        (Dialect::Madr4 | Dialect::Madr3, _) | (_, None) => words,
        (_, Some(file)) => format!("[{words}]({file})"),
    }
}

/// The number by which an export knows a record; its own when it is not exported beside.
pub(super) fn number_of(places: &Places<'_>, id: Uuid, own: u32) -> u32 {
    places.get(&id).map_or(own, |place| place.number)
}

/// A YAML scalar: plain where that is safe, since some readers keep the quotes.
fn plain_or_quoted(text: &str) -> String {
    let first = text.chars().next().is_none_or(char::is_alphabetic);
    let words = ["yes", "no", "true", "false", "null", "on", "off"];
    let plain = first
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.contains(char::is_control)
        && !words.contains(&text.to_lowercase().as_str());
    // JSON's strings are YAML's double-quoted ones.
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn section(out: &mut String, heading: &str, body: &str, level: usize) {
    if !body.trim().is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{heading}\n\n{}\n", below(body.trim(), level));
    }
}

/// The options with what the advice gave each, when the record is about them.
pub(super) fn options(record: &Record) -> Vec<(String, Option<String>)> {
    if record.choice.is_none() && record.advice.is_none() {
        return Vec::new();
    }
    let share = |option: Choice| {
        let share = record.advice.as_ref()?.options.get(option).first_share * 100.0;
        Some(format!("first in {share:.0}% of the plausible readings of the answers"))
    };
    Choice::ALL.into_iter().map(|option| (option.name().to_owned(), share(option))).collect()
}

fn bullet((name, description): (String, Option<String>)) -> String {
    match description {
        Some(description) => format!("* {name}: {description}"),
        None => format!("* {name}"),
    }
}

/// The decision, led by the option where the text does not say it in these words.
pub(super) fn decision(record: &Record) -> String {
    let text = record.rationale.decision.trim();
    let Some(chosen) = record.choice.as_ref().filter(|_| !text.contains("Chosen option:")) else {
        return text.to_owned();
    };
    let why = match (&chosen.override_reason, record.recommended()) {
        (Some(reason), _) => reason.trim(),
        (None, Some(advised)) if advised == chosen.option => {
            "it was advised, for the reasons below."
        }
        _ => "of the reasons below.",
    };
    let name = chosen.option.name();
    format!("Chosen option: \"{name}\", because {why}\n\n{text}").trim().to_owned()
}

/// The consequences, and what would bring the decision back.
pub(super) fn consequences(record: &Record) -> String {
    let mut lines: Vec<String> = record.triggers.iter().map(trigger).collect();
    lines.extend(record.review_by.map(|day| format!("* {day} has come")));
    let text = record.rationale.consequences.trim();
    match lines.is_empty() {
        true => text.to_owned(),
        false => format!("{text}\n\nTo be looked at again when:\n\n{}", lines.join("\n")),
    }
}

fn trigger(trigger: &Trigger) -> String {
    let to = trigger.flips_to.map(|option| format!(" (then {})", option.name()));
    format!("* {}{}", trigger.condition, to.unwrap_or_default())
}
