//! The hash type: fields with values.
//!
//! A small hash is one block in which the fields lie one behind the other, in the order they came.
//! A larger one has an index over its fields, each in a block of its own.

use super::index::Index;
use super::memory::allocated;
use std::hash::{BuildHasher, RandomState};

/// The most fields of a hash that is one block (`hash-max-listpack-entries`).
pub const PACKED_FIELDS_MAX: usize = 512;
/// The longest name or value in one (`hash-max-listpack-value`), in bytes.
pub const PACKED_BYTES_MAX: usize = 64;

/// A hash. It is never empty in the store.
#[derive(Debug)]
pub enum Fields {
    /// One block: length of the name, length of the value, name, value; and the number of fields.
    Packed(Vec<u8>, usize),
    /// One block a field.
    Table(Box<Table>),
}

/// Fields with an index over them.
#[derive(Debug)]
pub struct Table {
    index: Index,
    /// Length of the name as four bytes, name, value.
    blocks: Vec<Option<Box<[u8]>>>,
    free: Vec<u32>,
    blocks_bytes: usize,
    content_bytes: usize,
    hasher: RandomState,
}

fn fits_packed(name: &[u8], value: &[u8]) -> bool {
    name.len() <= PACKED_BYTES_MAX && value.len() <= PACKED_BYTES_MAX
}

fn packed(block: &[u8]) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (&[name_bytes, value_bytes], rest) = block.get(at..)?.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(name_bytes.into())?;
        let value = rest.get(..value_bytes.into())?;
        let start = at;
        at += 2 + name.len() + value.len();
        Some((start, name, value))
    })
}

fn push_packed(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.extend_from_slice(&[name.len() as u8, value.len() as u8]);
    block.extend_from_slice(name);
    block.extend_from_slice(value);
}

fn split_block(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = block.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl Default for Fields {
    fn default() -> Self {
        Self::Packed(Vec::new(), 0)
    }
}

impl Fields {
    /// How many fields there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(_, fields) => *fields,
            Self::Table(table) => table.index.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is one block.
    pub fn is_packed(&self) -> bool {
        matches!(self, Self::Packed(..))
    }

    /// Bytes of all names and values.
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::Packed(block, fields) => block.len() - 2 * fields,
            Self::Table(table) => table.content_bytes,
        }
    }

    /// Bytes allocated for it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Packed(block, _) => allocated(block.capacity()),
            Self::Table(table) => table.bytes(),
        }
    }

    /// The most bytes that setting so many fields, with so many bytes of names and values, takes.
    pub fn growth(&self, pairs: usize, pairs_bytes: usize) -> usize {
        let slot = size_of::<Option<Box<[u8]>>>();
        // What blocks for so many fields take, rounding included.
        let blocks = |fields: usize, bytes: usize| (bytes + fields * (4 + 16)) * 5 / 4;
        match self {
            Self::Packed(_, fields) => {
                let (fields, bytes) = (fields + pairs, self.content_bytes() + pairs_bytes);
                blocks(fields, bytes) + fields * (2 * slot + 2 * 12) + 1024
            }
            Self::Table(table) => {
                let more = (table.blocks.len() + pairs).saturating_sub(table.blocks.capacity());
                let slots = if more > 0 { (table.blocks.capacity() + pairs) * 3 * slot } else { 0 };
                blocks(pairs, pairs_bytes) + slots + table.index.bytes_to_hold(pairs) * 5 / 4
            }
        }
    }

    /// The value of a field.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Packed(block, _) => {
                packed(block).find(|&(_, other, _)| other == name).map(|(_, _, value)| value)
            }
            Self::Table(table) => table.find(name).map(|(_, value)| value),
        }
    }

    /// Sets a field; true when it is new.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        if let Self::Packed(block, fields) = self {
            let old = packed(block)
                .find(|&(_, other, _)| other == name)
                .map(|(at, _, value)| (at + 2 + name.len(), value.len()));
            let room = old.is_some() || *fields < PACKED_FIELDS_MAX;
            if room && fits_packed(name, value) {
                match old {
                    Some((at, length)) => {
                        block.splice(at..at + length, value.iter().copied());
                        if let Some(of_value) = block.get_mut(at - name.len() - 1) {
                            *of_value = value.len() as u8;
                        }
                    }
                    None => {
                        push_packed(block, name, value);
                        *fields += 1;
                    }
                }
                return old.is_none();
            }
            let mut table = Table::new();
            for (_, name, value) in packed(block) {
                table.set(name, value);
            }
            *self = Self::Table(Box::new(table));
        }
        match self {
            Self::Table(table) => table.set(name, value),
            Self::Packed(..) => false,
        }
    }

    /// Removes a field; false when it was not there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match self {
            Self::Packed(block, fields) => {
                let found = packed(block).find(|&(_, other, _)| other == name);
                let Some((at, _, value)) = found else { return false };
                let end = at + 2 + name.len() + value.len();
                block.drain(at..end);
                *fields -= 1;
                if block.capacity() > 4 * block.len() + PACKED_BYTES_MAX {
                    block.shrink_to(block.len() * 2);
                }
                true
            }
            Self::Table(table) => table.remove(name),
        }
    }

    /// Names and values, one block in the order of insertion, a larger hash in any order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (&[u8], &[u8])> + '_> {
        match self {
            Self::Packed(block, _) => Box::new(packed(block).map(|(_, name, value)| (name, value))),
            Self::Table(table) => {
                Box::new(table.starting_at(0).map(|(_, name, value)| (name, value)))
            }
        }
    }

    /// Calls `each` with the fields from `cursor` on, at least `count` of them if there are so
    /// many; answers the next cursor, 0 at the end. A hash that is one block comes whole.
    pub fn scan(&self, cursor: u64, count: usize, mut each: impl FnMut(&[u8], &[u8])) -> u64 {
        let table = match self {
            Self::Packed(..) => {
                self.iter().for_each(|(name, value)| each(name, value));
                return 0;
            }
            Self::Table(table) => table,
        };
        let Ok(from) = u32::try_from(cursor) else { return 0 };
        let mut last = None;
        for (seen, (hash, name, value)) in table.starting_at(from).enumerate() {
            // Fields of one hash go together, since the cursor cannot tell them apart.
            if seen >= count && last != Some(hash) {
                return hash.into();
            }
            each(name, value);
            last = Some(hash);
        }
        0
    }

    /// A copy with exactly the memory it needs.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Packed(block, fields) => Self::Packed(block.as_slice().to_vec(), *fields),
            Self::Table(table) => {
                let mut copy = Table::new();
                for (_, name, value) in table.starting_at(0) {
                    copy.set(name, value);
                }
                Self::Table(Box::new(copy))
            }
        }
    }
}

impl Table {
    fn new() -> Self {
        Self {
            index: Index::default(),
            blocks: Vec::new(),
            free: Vec::new(),
            blocks_bytes: 0,
            content_bytes: 0,
            hasher: RandomState::new(),
        }
    }

    fn bytes(&self) -> usize {
        let slots = self.blocks.capacity() * size_of::<Option<Box<[u8]>>>();
        allocated(size_of::<Self>())
            + allocated(self.index.bytes())
            + allocated(slots)
            + allocated(self.free.capacity() * size_of::<u32>())
            + self.blocks_bytes
    }

    fn hash(&self, name: &[u8]) -> u32 {
        (self.hasher.hash_one(name) >> 32) as u32
    }

    /// The block at a place; places count from 1.
    fn block(&self, place: u32) -> Option<(&[u8], &[u8])> {
        let block = self.blocks.get((place as usize).checked_sub(1)?)?.as_deref()?;
        split_block(block)
    }

    fn find(&self, name: &[u8]) -> Option<(u32, &[u8])> {
        self.index.matches(self.hash(name)).find_map(|(_, place)| {
            let (other, value) = self.block(place)?;
            (other == name).then_some((place, value))
        })
    }

    fn starting_at(&self, from: u32) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
        self.index.starting_at(from).filter_map(|(hash, place)| {
            let (name, value) = self.block(place)?;
            Some((hash, name, value))
        })
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let found = self.find(name).map(|(place, old)| (place, old.len()));
        let mut block = Vec::with_capacity(4 + name.len() + value.len());
        block.extend_from_slice(&(name.len() as u32).to_le_bytes());
        block.extend_from_slice(name);
        block.extend_from_slice(value);
        let block = block.into_boxed_slice();
        self.blocks_bytes += allocated(block.len());
        if let Some((place, old_bytes)) = found {
            self.content_bytes = self.content_bytes + value.len() - old_bytes;
            self.replace(place, Some(block));
            return false;
        }
        self.content_bytes += name.len() + value.len();
        let place = self.free.pop().unwrap_or_else(|| {
            self.blocks.push(None);
            self.blocks.len() as u32
        });
        self.replace(place, Some(block));
        let hash = self.hash(name);
        if self.index.is_full() {
            self.index.grow();
        }
        while !self.index.insert(hash, place) {
            self.index.grow();
        }
        true
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let Some((place, value)) = self.find(name) else { return false };
        self.content_bytes -= name.len() + value.len();
        let hash = self.hash(name);
        self.index.remove(hash, place);
        self.replace(place, None);
        self.free.push(place);
        if self.index.bytes_shrunk().is_some() {
            self.index.shrink();
        }
        true
    }

    fn replace(&mut self, place: u32, block: Option<Box<[u8]>>) {
        let slot = (place as usize).checked_sub(1).and_then(|at| self.blocks.get_mut(at));
        if let Some(slot) = slot
            && let Some(old) = std::mem::replace(slot, block)
        {
            self.blocks_bytes -= allocated(old.len());
        }
    }
}
