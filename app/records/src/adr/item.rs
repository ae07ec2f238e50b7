//! A record among those that are exported together.

use std::collections::{HashMap, HashSet};

use jiff::{civil::Date, tz::TimeZone};
use uuid::Uuid;

use super::{Dialect, FoundStatus, plan, read_one};
use crate::{Original, Record, Standing, slug};

/// A record to export, with its place among the others.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Its number.
    pub number: u32,
    /// Its file's name.
    pub file_name: &'a str,
    /// Its text, exactly.
    pub text: &'a str,
    /// The text read.
    pub record: &'a Record,
    /// The accepted records that replace it.
    pub superseded_by: Vec<Neighbour>,
    /// The records that it replaces, as far as they are known.
    pub supersedes: Vec<Neighbour>,
}

/// Enough of another record to link to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: u32,
    /// Its title.
    pub title: String,
}

impl<'a> Item<'a> {
    /// Its status as readers see it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(self.record.status, !self.superseded_by.is_empty())
    }

    /// The day other tools show: of the decision, else of the writing.
    #[must_use]
    pub fn day(&self) -> Date {
        self.record.decided.unwrap_or_else(|| self.record.created.to_zoned(TimeZone::UTC).date())
    }

    /// What it was imported from, if that is of this format and the record still says the same; with
    /// the number it has there.
    fn unchanged_original(&self, dialect: Dialect) -> Option<(&'a Original, Option<u32>)> {
        let original = self.record.original.as_ref().filter(|o| o.format == dialect)?;
        let found = read_one(dialect, &original.file, &original.text).ok()?;
        let fields = plan::draft(&found, self.record.status, original.clone());
        let record = self.record;
        let superseded = matches!(found.status, FoundStatus::SupersededBy(_));
        let same = record.events.len() <= 1
            && record.title == fields.title
            && record.tags == fields.tags
            && record.deciders == fields.deciders
            && record.decided == fields.decided
            && record.rationale == fields.rationale
            && record.choice == fields.choice
            && superseded != self.superseded_by.is_empty()
            && match found.status {
                FoundStatus::Known(status) => status == record.status,
                _ => true,
            };
        same.then_some((original, found.number))
    }

    /// The file name this format wants, without regard to others.
    fn wanted_name(&self, dialect: Dialect, number: u32) -> String {
        let title = slug(&self.record.title);
        match dialect {
            Dialect::Log4brains => format!("{}-{title}.md", self.day().strftime("%Y%m%d")),
            _ => format!("{number:04}-{title}.md"),
        }
    }
}

/// Where and as what a record stands in an export.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The file's path within the folder.
    pub(super) file: String,
    /// The number that the format knows it by.
    pub(super) number: u32,
    /// The text that it goes out as: the one it came from.
    pub(super) original: Option<&'a str>,
}

/// The place of each record: the original's where the original is exported, no two of one name, and
/// no new one with a number that an original has.
pub(super) fn places<'a>(dialect: Dialect, items: &[Item<'a>]) -> HashMap<Uuid, Place<'a>> {
    let mut places = HashMap::new();
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    let mut others = Vec::new();
    for item in items {
        let kept = item.unchanged_original(dialect);
        let named = kept.and_then(|(original, _)| kept_name(dialect, &original.file));
        let named = named.filter(|name| names.insert(name.to_lowercase()));
        let original = kept.map(|(original, _)| original.text.as_str());
        let number = kept.and_then(|(_, number)| number).unwrap_or(item.number);
        let Some(file) = named else {
            others.push((item, original));
            continue;
        };
        // Folders number for themselves.
        if !file.contains('/') {
            numbers.insert(number);
        }
        places.insert(item.record.id, Place { file, number, original });
    }
    let last = items.iter().map(|item| item.number).chain(numbers.iter().copied()).max();
    let mut spare = last.unwrap_or(0).saturating_add(1)..;
    for (item, original) in others {
        // Two records may share a number after a merge; their titles tell them apart.
        let number = match numbers.contains(&item.number) {
            true => spare.next().unwrap_or(item.number),
            false => item.number,
        };
        let wanted = item.wanted_name(dialect, number);
        let stem = wanted.trim_end_matches(".md").to_owned();
        let numbered = (2_u32..).map(|n| format!("{stem}-{n}.md"));
        let free =
            [wanted].into_iter().chain(numbered).find(|name| names.insert(name.to_lowercase()));
        let place = free.map(|file| Place { file, number, original });
        places.extend(place.map(|place| (item.record.id, place)));
    }
    places
}

/// An original's name as a path within the folder; it comes from outside and must stay there.
fn kept_name(dialect: Dialect, file: &str) -> Option<String> {
    let within = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    let path = file.split('/').all(within).then_some(file)?;
    // Only MADR 4 has folders for categories; the others read one folder.
    let name = if dialect == Dialect::Madr4 { Some(path) } else { path.rsplit('/').next() };
    name.map(str::to_owned)
}
