//! The numbers of keys, tag names and tag values, which all rows in memory use.

use crate::ingest::Batch;
use crate::limits::TAG_NAMES_MAX;
use crate::strings::{Interner, Strings};

/// What a batch may not add, because there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Keys and values of tags.
    Strings,
    /// Names of tags.
    TagNames,
}

/// A batch's strings in the dictionary's numbers.
#[derive(Debug)]
pub struct Numbers {
    /// For each of the batch's keys its number.
    pub keys: Vec<u32>,
    /// For each of the batch's tags the number of its name, and the numbers of its values.
    pub tags: Vec<(u32, Vec<u32>)>,
}

/// All strings of the store.
#[derive(Debug, Default)]
pub struct Dictionary {
    keys: Interner,
    names: Interner,
    values: Vec<Interner>,
}

impl Dictionary {
    /// The numbers of a batch's strings; new ones for those that are new, unless that would make
    /// more than `strings_max` keys and values of tags.
    ///
    /// # Errors
    /// When there is no room; then nothing has been added.
    pub fn intern(&mut self, batch: &Batch, strings_max: u64) -> Result<Numbers, Full> {
        let new_names = batch.tags.iter().filter(|tag| self.names.find(&tag.name).is_none());
        if self.names.strings().len() + new_names.count() > TAG_NAMES_MAX {
            return Err(Full::TagNames);
        }
        let values: usize = batch.tags.iter().map(|tag| tag.values.len()).sum();
        let new_at_most = (batch.key_table.len() + values) as u64;
        // Only close to the limit is it worth counting.
        if self.strings() + new_at_most > strings_max
            && self.strings() + self.count_new(batch) > strings_max
        {
            return Err(Full::Strings);
        }
        let keys = intern_all(&mut self.keys, &batch.key_table)?;
        let mut tags = Vec::with_capacity(batch.tags.len());
        for tag in &batch.tags {
            let name = self.names.intern(&tag.name).ok_or(Full::TagNames)?;
            while self.values.len() <= name as usize {
                self.values.push(Interner::default());
            }
            let values = self.values.get_mut(name as usize).ok_or(Full::TagNames)?;
            tags.push((name, intern_all(values, &tag.values)?));
        }
        Ok(Numbers { keys, tags })
    }

    /// The numbers of a batch's strings, if all of them have one.
    pub fn find(&self, batch: &Batch) -> Option<Numbers> {
        let all = |interner: &Interner, strings: &Strings| -> Option<Vec<u32>> {
            strings.iter().map(|string| interner.find(string)).collect()
        };
        let keys = all(&self.keys, &batch.key_table)?;
        let mut tags = Vec::with_capacity(batch.tags.len());
        for tag in &batch.tags {
            let name = self.names.find(&tag.name)?;
            tags.push((name, all(self.values.get(name as usize)?, &tag.values)?));
        }
        Some(Numbers { keys, tags })
    }

    fn count_new(&self, batch: &Batch) -> u64 {
        let new = |interner: Option<&Interner>, strings: &Strings| {
            strings.iter().filter(|it| interner.and_then(|all| all.find(it)).is_none()).count()
        };
        let values =
            |name: &str| self.names.find(name).and_then(|number| self.values.get(number as usize));
        let tags = batch.tags.iter().map(|tag| new(values(&tag.name), &tag.values));
        (new(Some(&self.keys), &batch.key_table) + tags.sum::<usize>()) as u64
    }

    /// How many keys, and values of tags, there are.
    pub fn strings(&self) -> u64 {
        let values = self.values.iter().map(|values| values.strings().len());
        (self.keys.strings().len() + values.sum::<usize>()) as u64
    }

    /// The keys by their numbers.
    pub fn keys(&self) -> &Strings {
        self.keys.strings()
    }

    /// The number of a key.
    pub fn key(&self, key: &str) -> Option<u32> {
        self.keys.find(key)
    }

    /// The names of tags by their numbers.
    pub fn names(&self) -> &Strings {
        self.names.strings()
    }

    /// The name of a tag.
    pub fn tag_name(&self, name: u32) -> &str {
        self.names.strings().get(name)
    }

    /// The number of a tag's name.
    pub fn tag(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// The values of a tag by their numbers.
    pub fn tag_values(&self, name: u32) -> &Strings {
        static NONE: Strings = Strings::EMPTY;
        self.values.get(name as usize).map_or(&NONE, Interner::strings)
    }
}

fn intern_all(interner: &mut Interner, strings: &Strings) -> Result<Vec<u32>, Full> {
    strings.iter().map(|string| interner.intern(string).ok_or(Full::Strings)).collect()
}
