//! An object's members: sorted by name in one block of memory. A tree map would spend some 500
//! bytes on an object with one member.

use super::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// From this many members on a text's object is sorted by a tree while it is read, so that names in
/// the worst order cost no more than `n log n`.
const FEW: usize = 64;

/// Values by name, in the order of the names' UTF-8 bytes; no name twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Members(Vec<(Box<str>, Value)>);

impl Members {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(name))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(self.place(name).ok()?).map(|(_, value)| value)
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let place = self.place(name).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of a name.
    pub fn insert(&mut self, name: Box<str>, value: Value) {
        match self.place(&name) {
            Ok(place) => {
                if let Some((_, old)) = self.0.get_mut(place) {
                    *old = value;
                }
            }
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    /// Takes a name out and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    /// Names with their values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// From members that are sorted and have no name twice.
    pub(crate) fn from_sorted(mut members: Vec<(Box<str>, Value)>) -> Self {
        members.shrink_to_fit();
        Self(members)
    }
}

impl IntoIterator for Members {
    type Item = (Box<str>, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The members of an object that is being read.
#[derive(Default)]
pub(super) struct Reading {
    few: Members,
    many: BTreeMap<Box<str>, Value>,
}

impl Reading {
    /// Whether a name was read already.
    pub(super) fn has(&self, name: &str) -> bool {
        if self.many.is_empty() {
            self.few.place(name).is_ok()
        } else {
            self.many.contains_key(name)
        }
    }

    /// Adds a member whose name was not read yet.
    pub(super) fn add(&mut self, name: Box<str>, value: Value) {
        if self.many.is_empty() && self.few.len() < FEW {
            return self.few.insert(name, value);
        }
        self.many.extend(std::mem::take(&mut self.few));
        if let Entry::Vacant(place) = self.many.entry(name) {
            place.insert(value);
        }
    }

    pub(super) fn finish(self) -> Members {
        if self.many.is_empty() {
            Members::from_sorted(self.few.0)
        } else {
            Members::from_sorted(self.many.into_iter().collect())
        }
    }
}
