//! A table of the file, whose keys are taken one after the other; what is left at the end is unknown.

use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and at which byte of the file.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) what: String,
}

/// A value with the place of its key.
pub(super) struct Found<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

impl<T> Found<T> {
    pub(super) fn wrong(&self, what: String) -> Wrong {
        Wrong { at: self.at, what }
    }
}

type Entry<'a> = (&'a str, usize, &'a Spanned<DeValue<'a>>);

pub(super) struct Section<'a> {
    /// Where the file names it.
    pub(super) at: usize,
    entries: Vec<Entry<'a>>,
}

impl<'a> Section<'a> {
    pub(super) fn of(table: &'a DeTable<'a>, at: usize) -> Self {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<_>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            (&**name, key.span().start, value)
        };
        Self { at, entries: table.iter().map(entry).collect() }
    }

    pub(super) fn has(&self, key: &str) -> Option<usize> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(_, at, _)| *at)
    }

    fn take(&mut self, key: &str) -> Option<(usize, &'a Spanned<DeValue<'a>>)> {
        let place = self.entries.iter().position(|(name, ..)| *name == key)?;
        let (_, at, value) = self.entries.swap_remove(place);
        Some((at, value))
    }

    /// The tables `[KEY.NAME]` by their names.
    pub(super) fn tables(&mut self, key: &str) -> Result<Vec<(&'a str, Self)>, Wrong> {
        let Some((_, value)) = self.take(key) else { return Ok(Vec::new()) };
        let table = value.get_ref().as_table();
        let all = Section::of(table.ok_or_else(|| of_type(value, "tables"))?, value.span().start);
        let mut tables = Vec::new();
        for (name, at, value) in all.entries {
            let table = value.get_ref().as_table().ok_or_else(|| of_type(value, "a table"))?;
            tables.push((name, Section::of(table, at)));
        }
        tables.sort_by_key(|(name, _)| *name);
        Ok(tables)
    }

    /// The table `[KEY]`.
    pub(super) fn table(&mut self, key: &str) -> Result<Option<Self>, Wrong> {
        let Some((at, value)) = self.take(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| of_type(value, "a table"))?;
        Ok(Some(Section::of(table, at)))
    }

    /// The tables `[[KEY]]`.
    pub(super) fn list(&mut self, key: &str) -> Result<Vec<Self>, Wrong> {
        let Some((_, value)) = self.take(key) else { return Ok(Vec::new()) };
        let list = value.get_ref().as_array().ok_or_else(|| of_type(value, "a list of tables"))?;
        let mut sections = Vec::new();
        for value in list {
            let table = value.get_ref().as_table().ok_or_else(|| of_type(value, "a table"))?;
            sections.push(Section::of(table, value.span().start));
        }
        Ok(sections)
    }

    /// A whole number within a range; without a default it is required.
    pub(super) fn number(
        &mut self,
        key: &str,
        range: RangeInclusive<u64>,
        unset: Option<u64>,
    ) -> Result<u64, Wrong> {
        let (min, max) = (range.start(), range.end());
        let Some((at, value)) = self.take(key) else {
            let missing = || self.wrong(format!("{key} is missing; it is {min} to {max}"));
            return unset.ok_or_else(missing);
        };
        let number =
            value.get_ref().as_integer().ok_or_else(|| of_type(value, "a whole number"))?;
        let parsed = i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX);
        match u64::try_from(parsed) {
            Ok(parsed) if range.contains(&parsed) => Ok(parsed),
            _ => {
                let what = format!("{key} is {}; it must be {min} to {max}", number.as_str());
                Err(Wrong { at, what })
            }
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<Found<String>>, Wrong> {
        let Some((at, value)) = self.take(key) else { return Ok(None) };
        let text = value.get_ref().as_str().ok_or_else(|| of_type(value, "a text"))?;
        Ok(Some(Found { at, value: text.to_owned() }))
    }

    pub(super) fn required(&mut self, key: &str) -> Result<Found<String>, Wrong> {
        let found = self.text(key)?;
        found.ok_or_else(|| self.wrong(format!("{key} is missing")))
    }

    pub(super) fn texts(&mut self, key: &str) -> Result<Option<Found<Vec<String>>>, Wrong> {
        let Some((at, value)) = self.take(key) else { return Ok(None) };
        let list = value.get_ref().as_array().ok_or_else(|| of_type(value, "a list of texts"))?;
        let mut texts = Vec::new();
        for value in list {
            let text = value.get_ref().as_str().ok_or_else(|| of_type(value, "a text"))?;
            texts.push(text.to_owned());
        }
        Ok(Some(Found { at, value: texts }))
    }

    /// That nothing is left.
    pub(super) fn end(self) -> Result<(), Wrong> {
        match self.entries.into_iter().min_by_key(|(_, at, _)| *at) {
            Some((name, at, _)) => Err(Wrong { at, what: format!("there is no key {name}") }),
            None => Ok(()),
        }
    }

    pub(super) fn wrong(&self, what: String) -> Wrong {
        Wrong { at: self.at, what }
    }
}

fn of_type(value: &Spanned<DeValue<'_>>, expected: &str) -> Wrong {
    let found = value.get_ref().type_str();
    Wrong { at: value.span().start, what: format!("this is {found}; it must be {expected}") }
}
