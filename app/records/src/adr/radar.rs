//! The decisions as a technology radar: a blip for each, a quadrant for each option, a ring for how
//! far the decision has come.

use assay_advice::Choice;
use serde::Serialize;

use super::Item;
use crate::{EventKind, Standing};

/// A ring: id, name, and what it means here.
const RINGS: [(&str, &str, &str); 4] = [
    ("adopt", "Adopt", "The decision is accepted and in force."),
    ("trial", "Trial", "The decision is proposed."),
    ("assess", "Assess", "The decision is a draft."),
    ("hold", "Hold", "The decision was rejected, deprecated or superseded."),
];
const COLOURS: [&str; 4] = ["#2e7d32", "#1565c0", "#b26a00", "#b3261e"];
/// The quadrants: the options, and decisions about something else.
const QUADRANTS: [(&str, &str); 4] =
    [("rust", "Rust"), ("go", "Go"), ("hybrid", "Hybrid"), ("other", "Something else")];

/// A ring's place and id.
const fn ring(standing: Standing) -> (usize, &'static str) {
    match standing {
        Standing::Accepted => (0, "adopt"),
        Standing::Proposed => (1, "trial"),
        Standing::Draft => (2, "assess"),
        Standing::Rejected | Standing::Deprecated | Standing::Superseded => (3, "hold"),
    }
}

/// A quadrant's place and id.
fn quadrant(item: &Item<'_>) -> (usize, &'static str) {
    match item.record.choice.as_ref().map(|chosen| chosen.option) {
        Some(Choice::Rust) => (0, "rust"),
        Some(Choice::Go) => (1, "go"),
        Some(Choice::Hybrid) => (2, "hybrid"),
        None => (3, "other"),
    }
}

fn label<'a>(item: &Item<'a>) -> &'a str {
    item.record.service.as_deref().unwrap_or(&item.record.title)
}

/// Whether a ring was reached by coming closer (1), by going away (-1), or at once (0).
fn moved(item: &Item<'_>) -> i8 {
    let changed = item.record.events.iter().any(|event| event.kind == EventKind::Status);
    match item.standing() {
        Standing::Draft => 0,
        Standing::Accepted | Standing::Proposed => i8::from(changed),
        Standing::Superseded => -1,
        Standing::Rejected | Standing::Deprecated => -i8::from(changed),
    }
}

#[derive(Serialize)]
struct Backstage<'a> {
    quadrants: Vec<Named>,
    rings: Vec<Ring>,
    entries: Vec<Blip<'a>>,
}

#[derive(Serialize)]
struct Named {
    id: &'static str,
    name: &'static str,
}

#[derive(Serialize)]
struct Ring {
    id: &'static str,
    name: &'static str,
    color: &'static str,
    description: &'static str,
}

#[derive(Serialize)]
struct Blip<'a> {
    key: String,
    id: String,
    title: &'a str,
    quadrant: &'static str,
    timeline: [Moment; 1],
    description: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    date: String,
    ring_id: &'static str,
    description: String,
    moved: i8,
}

/// The radar Backstage's plugin loads.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn backstage_radar(items: &[Item<'_>]) -> serde_json::Result<String> {
    let entries = items.iter().map(|item| Blip {
        key: item.record.id.to_string(),
        id: item.record.id.to_string(),
        title: label(item),
        quadrant: quadrant(item).1,
        timeline: [Moment {
            date: item.day().to_string(),
            ring_id: ring(item.standing()).1,
            description: item.standing().name().to_owned(),
            moved: moved(item),
        }],
        description: &item.record.title,
    });
    let radar = Backstage {
        quadrants: QUADRANTS.iter().map(|(id, name)| Named { id, name }).collect(),
        rings: RINGS
            .iter()
            .zip(COLOURS)
            .map(|((id, name, description), color)| Ring { id, name, color, description })
            .collect(),
        entries: entries.collect(),
    };
    Ok(serde_json::to_string_pretty(&radar)? + "\n")
}

#[derive(Serialize)]
struct Zalando<'a> {
    date: String,
    entries: Vec<ZalandoEntry<'a>>,
}

#[derive(Serialize)]
struct ZalandoEntry<'a> {
    label: &'a str,
    quadrant: usize,
    ring: usize,
    moved: i8,
    active: bool,
}

/// The configuration Zalando's radar draws; quadrants and rings by their place, Rust, Go, Hybrid and
/// something else, from adopt to hold. Its date is the latest decision's.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn zalando_radar(items: &[Item<'_>]) -> serde_json::Result<String> {
    let entries = items.iter().map(|item| ZalandoEntry {
        label: label(item),
        quadrant: quadrant(item).0,
        ring: ring(item.standing()).0,
        moved: moved(item),
        active: ring(item.standing()).0 < 3,
    });
    let entries = entries.collect();
    let date = items.iter().map(Item::day).max();
    let date = date.map(|day| day.strftime("%Y.%m").to_string()).unwrap_or_default();
    Ok(serde_json::to_string_pretty(&Zalando { date, entries })? + "\n")
}
