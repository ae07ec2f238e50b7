//! A record among those that are exported together.

use std::collections::{HashMap, HashSet};

use jiff::{civil::Date, tz::TimeZone};
use uuid::Uuid;

use super::{Dialect, FoundStatus, plan, read_one};
use crate::{Record, Standing, slug};

/// A record to export, with its place among the others.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Its number.
    pub number: u32,
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

    /// The text it was imported from, if that is of this format and the record still says the same.
    #[must_use]
    pub fn unchanged_original(&self, dialect: Dialect) -> Option<&'a str> {
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
        same.then_some(original.text.as_str())
    }

    /// The file name this format wants, without regard to others.
    fn wanted_name(&self, dialect: Dialect) -> String {
        let title = slug(&self.record.title);
        match dialect {
            Dialect::Log4brains => format!("{}-{title}.md", self.day().strftime("%Y%m%d")),
            _ => format!("{:04}-{title}.md", self.number),
        }
    }
}

/// The file name of each record: the original's where the original is exported, and no two alike.
pub(super) fn names(dialect: Dialect, items: &[Item<'_>]) -> HashMap<Uuid, String> {
    let original = |item: &Item<'_>| {
        let kept = item.unchanged_original(dialect).and(item.record.original.as_ref())?;
        // The name comes from outside: it must stay within the folder.
        let within =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
        let path = kept.file.split('/').all(within).then_some(kept.file.as_str())?;
        // Only MADR 4 has folders for categories; the others read one folder.
        let name = if dialect == Dialect::Madr4 { Some(path) } else { path.rsplit('/').next() };
        name.map(str::to_owned)
    };
    let mut taken = HashSet::new();
    let mut names = HashMap::new();
    for item in items {
        if let Some(name) = original(item).filter(|name| taken.insert(name.to_lowercase())) {
            names.insert(item.record.id, name);
        }
    }
    for item in items {
        if names.contains_key(&item.record.id) {
            continue;
        }
        let wanted = item.wanted_name(dialect);
        let stem = wanted.trim_end_matches(".md").to_owned();
        let numbered = (2_u32..).map(|n| format!("{stem}-{n}.md"));
        let free =
            [wanted].into_iter().chain(numbered).find(|name| taken.insert(name.to_lowercase()));
        names.extend(free.map(|name| (item.record.id, name)));
    }
    names
}
