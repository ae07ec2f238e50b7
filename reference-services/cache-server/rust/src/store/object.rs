//! Objects: what is too large for the log, and hashes. The log keeps an entry for each, with its
//! number in place of key and value.

use super::block::Block;
use super::fields::Fields;
use super::memory::allocated;

/// What a key can hold, when it is not a string in the log.
#[derive(Debug)]
pub enum ObjectValue {
    /// A string.
    String(Block),
    /// A hash.
    Hash(Fields),
}

impl ObjectValue {
    /// Bytes allocated for it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::String(bytes) => bytes.bytes(),
            Self::Hash(fields) => fields.bytes(),
        }
    }
}

/// A key with its value.
#[derive(Debug)]
pub(crate) struct Object {
    pub key: Box<[u8]>,
    pub value: ObjectValue,
    /// What was taken from the budget for it.
    pub charged: u64,
}

/// Bytes of an object beside its key and value.
pub(crate) const OBJECT_BYTES: usize = size_of::<Object>();

impl Object {
    pub(crate) fn bytes(&self) -> u64 {
        bytes_of(self.key.len(), self.value.bytes())
    }
}

/// Bytes of an object whose value takes `value_bytes`.
pub(crate) fn bytes_of(key_bytes: usize, value_bytes: usize) -> u64 {
    // Twice the slot: the table of objects doubles when it grows.
    (2 * size_of::<Option<Box<Object>>>()
        + allocated(OBJECT_BYTES)
        + allocated(key_bytes)
        + value_bytes) as u64
}

/// The objects of one shard, by number.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    objects: Vec<Option<Box<Object>>>,
    free: Vec<u32>,
}

impl Objects {
    pub(crate) fn get(&self, number: u32) -> Option<&Object> {
        self.objects.get(number as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Object> {
        self.objects.get_mut(number as usize)?.as_deref_mut()
    }

    pub(crate) fn add(&mut self, object: Object) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.objects.push(None);
            self.objects.len() as u32 - 1
        });
        if let Some(slot) = self.objects.get_mut(number as usize) {
            *slot = Some(Box::new(object));
        }
        number
    }

    /// Drops them all; answers what they were charged.
    pub(crate) fn clear(&mut self) -> u64 {
        let objects = std::mem::take(&mut self.objects);
        self.free = Vec::new();
        objects.into_iter().flatten().map(|object| object.charged).sum()
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<Object> {
        let object = self.objects.get_mut(number as usize)?.take()?;
        self.free.push(number);
        if self.free.len() == self.objects.len() {
            *self = Self::default();
        }
        Some(*object)
    }
}
