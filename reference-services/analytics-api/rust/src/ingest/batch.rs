//! A batch of events as columns, with tables of its own for the strings.

use crate::ingest::line::Event;
use crate::strings::{Interner, Strings};

/// One tag of a batch's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The values that occur, each once.
    pub values: Strings,
    /// For each row the value's number plus one, or 0 where the row does not have the tag.
    pub places: Vec<u32>,
}

/// Rows in the order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Times, in Unix ms.
    pub times_ms: Vec<i64>,
    /// Values, finite, never −0.
    pub values: Vec<f64>,
    /// The keys that occur, each once.
    pub key_table: Strings,
    /// For each row the key's number.
    pub keys: Vec<u32>,
    /// The tags that any row has, each name once.
    pub tags: Vec<Tag>,
}

impl Batch {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.values.len()
    }
}

/// Makes a batch of events.
#[derive(Debug, Default)]
pub struct Builder {
    times_ms: Vec<i64>,
    values: Vec<f64>,
    key_table: Interner,
    keys: Vec<u32>,
    tags: Vec<BuilderTag>,
}

#[derive(Debug, Default)]
struct BuilderTag {
    name: String,
    values: Interner,
    /// Rows at the end that do not have the tag are not there.
    places: Vec<u32>,
}

impl Builder {
    /// Adds an event. A body of 32 MiB has no more strings than numbers can count.
    pub fn push(&mut self, event: &Event<'_>) {
        let row = self.values.len();
        self.times_ms.push(event.ts_ms);
        self.values.push(event.value);
        self.keys.push(self.key_table.intern(&event.key).unwrap_or_default());
        for (nth, (name, value)) in event.tags.iter().enumerate() {
            self.push_tag(row, nth, name, value);
        }
    }

    fn push_tag(&mut self, row: usize, nth: usize, name: &str, value: &str) {
        // Most lines have the same tags in the same order.
        let column = match self.tags.get(nth) {
            Some(tag) if tag.name == name => nth,
            _ => match self.tags.iter().position(|tag| tag.name == name) {
                Some(column) => column,
                None => {
                    self.tags.push(BuilderTag { name: name.to_owned(), ..BuilderTag::default() });
                    self.tags.len() - 1
                }
            },
        };
        if let Some(tag) = self.tags.get_mut(column) {
            tag.places.resize(row, 0);
            tag.places.push(tag.values.intern(value).map_or(0, |number| number + 1));
        }
    }

    /// Adds all rows of a batch.
    pub fn append(&mut self, batch: &Batch) {
        let before = self.values.len();
        self.times_ms.extend_from_slice(&batch.times_ms);
        self.values.extend_from_slice(&batch.values);
        let numbers = intern_all(&mut self.key_table, &batch.key_table);
        self.keys.extend(batch.keys.iter().map(|&key| at(&numbers, key)));
        for tag in &batch.tags {
            let column = self.tags.iter().position(|it| it.name == tag.name).unwrap_or_else(|| {
                self.tags.push(BuilderTag { name: tag.name.clone(), ..BuilderTag::default() });
                self.tags.len() - 1
            });
            if let Some(own) = self.tags.get_mut(column) {
                let numbers = intern_all(&mut own.values, &tag.values);
                own.places.resize(before, 0);
                own.places.extend(tag.places.iter().map(|&place| match place.checked_sub(1) {
                    Some(value) => at(&numbers, value) + 1,
                    None => 0,
                }));
            }
        }
    }

    /// The batch.
    pub fn finish(self) -> Batch {
        let rows = self.values.len();
        let tags = self.tags.into_iter().map(|mut tag| {
            tag.places.resize(rows, 0);
            Tag { name: tag.name, values: tag.values.into_strings(), places: tag.places }
        });
        Batch {
            times_ms: self.times_ms,
            values: self.values,
            key_table: self.key_table.into_strings(),
            keys: self.keys,
            tags: tags.collect(),
        }
    }
}

fn intern_all(interner: &mut Interner, strings: &Strings) -> Vec<u32> {
    strings.iter().map(|string| interner.intern(string).unwrap_or_default()).collect()
}

fn at(numbers: &[u32], place: u32) -> u32 {
    numbers.get(place as usize).copied().unwrap_or_default()
}
