//! Tables of strings, and giving strings small numbers.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Strings behind one another in one buffer; a string's place is its id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// No strings.
    pub const EMPTY: Self = Self { text: String::new(), ends: Vec::new() };

    /// The strings of a text that end at these rising places, all of them between characters.
    pub(crate) fn from_parts(text: String, ends: Vec<u32>) -> Self {
        Self { text, ends }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string of this id; empty for an id that was never given.
    pub fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = match id.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(id).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Adds a string and gives its id, or nothing when 4 GiB of text are full.
    pub fn push(&mut self, string: &str) -> Option<u32> {
        let end = u32::try_from(self.text.len().checked_add(string.len())?).ok()?;
        let id = u32::try_from(self.ends.len()).ok()?;
        self.text.push_str(string);
        self.ends.push(end);
        Some(id)
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|id| self.get(id as u32))
    }

    /// Bytes of text.
    pub fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}

/// Gives equal strings equal ids.
#[derive(Debug, Default)]
pub struct Interner {
    strings: Strings,
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The id of a string that has one.
    pub fn find(&self, string: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(string.as_bytes());
        self.ids.find(hash, |&id| self.strings.get(id) == string).copied()
    }

    /// The id of a string, a new one if it has none; nothing when 4 GiB of text are full.
    pub fn intern(&mut self, string: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(string.as_bytes());
        let strings = &self.strings;
        if let Some(&id) = self.ids.find(hash, |&id| strings.get(id) == string) {
            return Some(id);
        }
        let id = self.strings.push(string)?;
        let (strings, hasher) = (&self.strings, &self.hasher);
        self.ids.insert_unique(hash, id, |&id| hasher.hash_one(strings.get(id).as_bytes()));
        Some(id)
    }

    /// The strings by their ids.
    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    /// The strings by their ids, without the way back.
    pub fn into_strings(self) -> Strings {
        self.strings
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        self.strings.memory_bytes() + self.ids.capacity() * 5
    }
}
