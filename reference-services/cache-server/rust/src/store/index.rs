//! The hash index: ordered linear probing, eight bytes a slot.
//!
//! A slot holds 32 bits of the key's hash above 32 bits that say where the entry is, and 0 when it
//! is empty. The home of a hash is `hash × slots / 2³²`, so homes rise with the hash, and keeping
//! each run of full slots sorted keeps the whole table sorted. Three things follow. The table may
//! have any size, so it grows by a quarter and stays well filled. Growing streams from the old
//! table to the new without looking at a key. And a scan is a walk in hash order, whose cursor
//! stays right whatever the table does meanwhile.

use memmap2::MmapMut;
use prefetch_index::prefetch_index;

/// Slots behind the last home, for the run that reaches past it.
const TAIL_SLOTS: usize = 16;
const SLOTS_FIRST: usize = 16;
/// The table grows when more than this share of its slots is full.
const FULL_MAX: (usize, usize) = (17, 20);
/// The table shrinks when fewer than this share of its slots are full.
const FULL_MIN: (usize, usize) = (1, 4);
const SLOT_BYTES: usize = size_of::<u64>();
/// What an entry takes in a table that is as full as it gets.
pub(crate) const ENTRY_SLOT_BYTES: usize = (SLOT_BYTES * FULL_MAX.1).div_ceil(FULL_MAX.0);

/// Tables from this size on are mapped straight from the system, so that an outgrown one is gone at
/// once instead of staying with the allocator.
const MAPPED_BYTES_MIN: usize = 16 << 10;
const PAGE_BYTES: usize = 4 << 10;

/// The memory of a table.
#[derive(Debug)]
enum Slots {
    Allocated(Vec<u8>),
    Mapped(MmapMut),
}

impl Default for Slots {
    fn default() -> Self {
        Self::Allocated(Vec::new())
    }
}

impl Slots {
    fn new(slots: usize) -> Self {
        let bytes = slots * SLOT_BYTES;
        let mapped = (bytes >= MAPPED_BYTES_MIN).then(|| MmapMut::map_anon(bytes).ok()).flatten();
        mapped.map_or_else(|| Self::Allocated(vec![0; bytes]), Self::Mapped)
    }

    fn get(&self) -> &[Slot] {
        match self {
            Self::Allocated(bytes) => bytes.as_chunks().0,
            Self::Mapped(bytes) => bytes.as_chunks().0,
        }
    }

    fn get_mut(&mut self) -> &mut [Slot] {
        match self {
            Self::Allocated(bytes) => bytes.as_chunks_mut().0,
            Self::Mapped(bytes) => bytes.as_chunks_mut().0,
        }
    }
}

/// A slot as it lies in memory: hash above place.
type Slot = [u8; SLOT_BYTES];

fn word(slot: &Slot) -> u64 {
    u64::from_le_bytes(*slot)
}

/// An index from 32-bit hashes to 32-bit places. A place is never 0.
#[derive(Debug, Default)]
pub struct Index {
    slots: Slots,
    /// Homes: the slots less the tail.
    homes: usize,
    len: usize,
}

const fn pack(hash: u32, place: u32) -> u64 {
    (hash as u64) << 32 | place as u64
}

const fn hash_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

const fn place_of(slot: u64) -> u32 {
    (slot & 0xffff_ffff) as u32
}

const fn home(hash: u32, homes: usize) -> usize {
    ((hash as u64 * homes as u64) >> 32) as usize
}

/// Bytes of a table with so many homes.
const fn bytes_of(homes: usize) -> usize {
    let bytes = if homes == 0 { 0 } else { (homes + TAIL_SLOTS) * SLOT_BYTES };
    if bytes < MAPPED_BYTES_MIN { bytes } else { bytes.next_multiple_of(PAGE_BYTES) }
}

const fn larger(homes: usize) -> usize {
    if homes == 0 { SLOTS_FIRST } else { homes + homes / 4 + 8 }
}

impl Index {
    /// Entries in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        bytes_of(self.homes)
    }

    /// The places whose hash is this one, each with its slot.
    pub fn matches(&self, hash: u32) -> impl Iterator<Item = (usize, u32)> {
        let start = home(hash, self.homes);
        let run = self.slots.get().get(start..).unwrap_or_default();
        run.iter()
            .map(word)
            .enumerate()
            .take_while(move |&(_, slot)| slot != 0 && hash_of(slot) <= hash)
            .filter(move |&(_, slot)| hash_of(slot) == hash)
            .map(move |(offset, slot)| (start + offset, place_of(slot)))
    }

    /// Has the place where a hash is looked for brought to the cache.
    pub(crate) fn prefetch(&self, hash: u32) {
        prefetch_index(self.slots.get(), home(hash, self.homes));
    }

    /// The slot that holds this hash and place.
    fn slot_of(&self, hash: u32, place: u32) -> Option<usize> {
        self.matches(hash).find(|&(_, at)| at == place).map(|(slot, _)| slot)
    }

    /// Whether `insert` needs the table to grow first.
    pub fn is_full(&self) -> bool {
        (self.len + 1) * FULL_MAX.1 > self.homes * FULL_MAX.0
    }

    /// Bytes of the table after the next growth.
    pub fn bytes_grown(&self) -> usize {
        bytes_of(larger(self.homes))
    }

    /// Bytes that growing to hold so many entries more takes at most, the old table beside it.
    pub fn bytes_to_hold(&self, more: usize) -> usize {
        let homes = (self.len + more + 1) * FULL_MAX.1 / FULL_MAX.0;
        if homes <= self.homes { 0 } else { bytes_of(larger(larger(homes))) }
    }

    /// Grows the table by one step, a quarter of its size.
    pub fn grow(&mut self) {
        self.resize(larger(self.homes));
    }

    /// Bytes of the table after `shrink`, if it is so empty that it should.
    pub fn bytes_shrunk(&self) -> Option<usize> {
        let sparse =
            self.homes > SLOTS_FIRST * 4 && self.len * FULL_MIN.1 < self.homes * FULL_MIN.0;
        sparse.then(|| bytes_of(self.homes_shrunk()))
    }

    fn homes_shrunk(&self) -> usize {
        self.len * 3 / 2 + SLOTS_FIRST
    }

    /// Makes the table half as large again as its content.
    pub fn shrink(&mut self) {
        self.resize(self.homes_shrunk());
    }

    fn resize(&mut self, homes_new: usize) {
        let mut slots = Slots::new(homes_new + TAIL_SLOTS);
        let new = slots.get_mut();
        let mut next = 0;
        for slot in self.slots.get().iter().map(word).filter(|&slot| slot != 0) {
            let at = home(hash_of(slot), homes_new).max(next);
            match new.get_mut(at) {
                Some(free) => *free = slot.to_le_bytes(),
                // A run past the tail, which takes a very uneven hash: more slots disperse it.
                None => return self.resize(larger(homes_new)),
            }
            next = at + 1;
        }
        self.slots = slots;
        self.homes = homes_new;
    }

    /// Adds a place. False, and nothing done, when the table must grow first.
    pub fn insert(&mut self, hash: u32, place: u32) -> bool {
        let start = home(hash, self.homes);
        let Some(run) = self.slots.get_mut().get_mut(start..) else { return false };
        let Some(end) = run.iter().position(|slot| word(slot) == 0) else { return false };
        let Some(run) = run.get_mut(..=end) else { return false };
        let new = pack(hash, place);
        let at = run.iter().map(word).position(|slot| slot == 0 || slot > new).unwrap_or(end);
        if let Some(moved) = run.get_mut(at..) {
            moved.rotate_right(1);
        }
        if let Some(slot) = run.get_mut(at) {
            *slot = new.to_le_bytes();
        }
        self.len += 1;
        true
    }

    /// Takes a place out; false when it was not there.
    pub fn remove(&mut self, hash: u32, place: u32) -> bool {
        let Some(mut at) = self.slot_of(hash, place) else { return false };
        let homes = self.homes;
        // What stands behind its home moves up, so that no run has a gap.
        let slots = self.slots.get_mut();
        while let Some(next) = slots.get(at + 1).map(word) {
            if next == 0 || home(hash_of(next), homes) > at {
                break;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = next.to_le_bytes();
            }
            at += 1;
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = [0; SLOT_BYTES];
        }
        self.len -= 1;
        true
    }

    /// Says that what was at `from` is now at `to`; false when it was not there.
    pub fn relocate(&mut self, hash: u32, from: u32, to: u32) -> bool {
        let Some(slot) = self.slot_of(hash, from) else { return false };
        self.set_place(slot, to);
        true
    }

    /// Replaces the place in a slot. The order within one hash does not matter.
    pub fn set_place(&mut self, slot: usize, place: u32) {
        if let Some(slot) = self.slots.get_mut().get_mut(slot) {
            *slot = pack(hash_of(word(slot)), place).to_le_bytes();
        }
    }

    /// Hash and place of every entry whose hash is `from` or more, in order of the hash.
    pub fn starting_at(&self, from: u32) -> impl Iterator<Item = (u32, u32)> {
        let slots = self.slots.get().get(home(from, self.homes)..).unwrap_or_default();
        slots
            .iter()
            .map(word)
            .filter(move |&slot| slot != 0 && hash_of(slot) >= from)
            .map(|slot| (hash_of(slot), place_of(slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn add(index: &mut Index, hash: u32, place: u32) {
        if index.is_full() {
            index.grow();
        }
        while !index.insert(hash, place) {
            index.grow();
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_pairs(
            steps in prop::collection::vec((0_u32..4, 0_u32..40, 1_u32..60), 0..400),
            spread in prop::sample::select(vec![1_u32, 1 << 20, 107_374_182]),
        ) {
            let mut index = Index::default();
            let mut model = BTreeSet::new();
            for (step, hash, place) in steps {
                let hash = hash.wrapping_mul(spread);
                if step == 0 {
                    prop_assert_eq!(index.remove(hash, place), model.remove(&(hash, place)));
                    if index.bytes_shrunk().is_some() {
                        index.shrink();
                    }
                } else if model.insert((hash, place)) {
                    add(&mut index, hash, place);
                }
                prop_assert_eq!(index.len(), model.len());
                let found: BTreeSet<_> = index.matches(hash).map(|(_, at)| (hash, at)).collect();
                let expected: BTreeSet<_> =
                    model.iter().copied().filter(|&(other, _)| other == hash).collect();
                prop_assert_eq!(found, expected);
            }
            let walked: Vec<_> = index.starting_at(0).collect();
            prop_assert!(walked.is_sorted_by_key(|&(hash, _)| hash));
            prop_assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), model);
        }
    }

    #[test]
    fn stays_well_filled_however_large() {
        let mut index = Index::default();
        for place in 1..200_000_u32 {
            add(&mut index, place.wrapping_mul(2_654_435_761), place);
        }
        let bytes_each = index.bytes() as f64 / index.len() as f64;
        assert!(bytes_each < 12.0, "{bytes_each}");
        assert!(index.matches(2_654_435_761_u32.wrapping_mul(77)).any(|(_, place)| place == 77));
    }
}
