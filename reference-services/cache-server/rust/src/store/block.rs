//! The memory of a string that is too large for the log.

use super::memory::allocated;
use memmap2::MmapMut;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Blocks from this size on are mapped straight from the system, so that what is freed is gone at
/// once. The allocator keeps freed memory of this size: 69 MB stayed of 500 strings of 100 KB.
const MAPPED_BYTES_MIN: usize = 32 << 10;
/// Blocks that are mapped at the same time. Linux lets a process have 65,530 mappings, and the log
/// needs some.
const MAPPED_MAX: usize = 1 << 14;
const PAGE_BYTES: usize = 4 << 10;

static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Memory straight from the system.
#[derive(Debug)]
struct Mapping(MmapMut);

impl Mapping {
    fn new(bytes: usize) -> Option<Self> {
        if MAPPED.fetch_add(1, Ordering::Relaxed) < MAPPED_MAX
            && let Ok(mapped) = MmapMut::map_anon(bytes)
        {
            return Some(Self(mapped));
        }
        MAPPED.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        MAPPED.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum Memory {
    Allocated(Box<[u8]>),
    Mapped(Mapping),
}

/// Bytes, with room behind them.
#[derive(Debug)]
pub struct Block {
    memory: Memory,
    len: usize,
}

impl Block {
    /// These bytes, and zeros behind them up to `capacity`.
    pub(crate) fn with_room(bytes: &[u8], capacity: usize) -> Self {
        let mapped = (capacity >= MAPPED_BYTES_MIN).then(|| Mapping::new(capacity)).flatten();
        let memory = match mapped {
            Some(mapped) => Memory::Mapped(mapped),
            None if capacity <= bytes.len() => {
                return Self { memory: Memory::Allocated(bytes.into()), len: bytes.len() };
            }
            None => Memory::Allocated(vec![0; capacity].into()),
        };
        let mut block = Self { memory, len: bytes.len() };
        block.copy_from_slice(bytes);
        block
    }

    fn whole(&self) -> &[u8] {
        match &self.memory {
            Memory::Allocated(bytes) => bytes,
            Memory::Mapped(mapped) => &mapped.0,
        }
    }

    fn whole_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Allocated(bytes) => bytes,
            Memory::Mapped(mapped) => &mut mapped.0,
        }
    }

    /// How long it may become where it is.
    pub(crate) fn capacity(&self) -> usize {
        self.whole().len()
    }

    /// Makes it longer, with zeros, within its capacity.
    pub(crate) fn lengthen(&mut self, len: usize) {
        let (before, after) = (self.len, len.min(self.capacity()));
        self.whole_mut().get_mut(before..after).unwrap_or_default().fill(0);
        self.len = after.max(before);
    }

    /// Makes it shorter; the room stays.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Bytes that it takes from the system or the allocator.
    pub(crate) fn bytes(&self) -> usize {
        match &self.memory {
            Memory::Allocated(bytes) => allocated(bytes.len()),
            Memory::Mapped(mapped) => mapped.0.len().next_multiple_of(PAGE_BYTES),
        }
    }
}

impl From<&[u8]> for Block {
    fn from(bytes: &[u8]) -> Self {
        Self::with_room(bytes, bytes.len())
    }
}

impl Default for Block {
    fn default() -> Self {
        Self { memory: Memory::Allocated(Box::default()), len: 0 }
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.whole().get(..self.len).unwrap_or_default()
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        let len = self.len;
        self.whole_mut().get_mut(..len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_within_its_capacity_and_is_zero_there() {
        for capacity in [4, 100, MAPPED_BYTES_MIN + 1] {
            let mut block = Block::with_room(b"abc", capacity);
            assert_eq!((&block[..], block.capacity()), (&b"abc"[..], capacity));
            block.lengthen(4);
            block[3] = b'd';
            block.truncate(2);
            block.lengthen(4);
            assert_eq!(&block[..], b"ab\0\0");
            block.lengthen(capacity + 1);
            assert_eq!(block.len(), capacity, "no further");
            assert!(block.bytes() >= capacity);
        }
    }

    #[test]
    fn large_blocks_are_mapped_up_to_a_number() {
        let mapped = |block: &Block| matches!(block.memory, Memory::Mapped(_));
        assert!(!mapped(&Block::from(&[0; MAPPED_BYTES_MIN - 1][..])));
        let blocks: Vec<Block> =
            (0..=MAPPED_MAX).map(|_| Block::with_room(b"", MAPPED_BYTES_MIN)).collect();
        assert!(mapped(&blocks[0]));
        assert!(!mapped(&blocks[MAPPED_MAX]), "too many");
        drop(blocks);
        assert!(mapped(&Block::with_room(b"", MAPPED_BYTES_MIN)), "those were given back");
    }
}
