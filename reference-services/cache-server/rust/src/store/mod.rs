//! The store: sixteen databases of keys, in shards.
//!
//! A key's hash chooses its shard, and each shard has a lock of its own. Any thread may work on any
//! shard, so a command over several keys simply holds several shards, and a thread never waits for
//! another thread's event loop.

mod block;
mod budget;
mod edit;
mod entry;
mod evict;
mod fields;
mod ghost;
mod index;
mod locks;
mod log;
mod memory;
mod object;
mod shard;
mod watch;
mod write;

pub use block::Block;
pub use budget::{Budget, OutOfMemory};
pub use edit::Taken;
pub use fields::{Fields, PACKED_BYTES_MAX, PACKED_FIELDS_MAX};
pub use index::Index;
pub use locks::Locks;
pub use object::ObjectValue;
pub use shard::{Env, Key, Shard, ShardStats, Value};
pub use watch::Watch;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Databases that SELECT can choose.
pub const DATABASES: usize = 16;
const SHARDS_MIN: usize = 16;
const SHARDS_MAX: usize = 64;
const SHARDS_PER_THREAD: usize = 8;
const SEGMENT_BYTES_MIN: u64 = 4 << 10;
const SEGMENT_BYTES_MAX: u64 = 1 << 20;
/// Segments up to this size are chosen so that a shard has at least so many.
const SEGMENT_BYTES_PREFERRED: u64 = 64 << 10;
const SEGMENTS_PER_SHARD: u64 = 64;
/// A shard must not have more segments than this, or the system runs out of mappings.
const SEGMENTS_PER_SHARD_MAX: u64 = 1 << 14;

/// All shards, and the budget they share.
#[derive(Debug)]
pub struct Store {
    shards: Box<[Mutex<Shard>]>,
    /// Bytes in use and allowed.
    pub budget: Budget,
    evicts: AtomicBool,
    hasher: RandomState,
    /// The shard that gives room next.
    next_to_evict: AtomicUsize,
}

impl Store {
    /// An empty store of at most so many accounted bytes, for so many threads.
    pub fn new(bytes_max: u64, threads: usize) -> Self {
        let shards =
            (threads * SHARDS_PER_THREAD).next_power_of_two().clamp(SHARDS_MIN, SHARDS_MAX);
        let segment_bytes = segment_bytes(bytes_max, shards as u64);
        let hasher = RandomState::new();
        Self {
            shards: (0..shards)
                .map(|_| Mutex::new(Shard::new(segment_bytes, hasher.clone())))
                .collect(),
            budget: Budget::new(bytes_max),
            evicts: AtomicBool::new(true),
            hasher,
            next_to_evict: AtomicUsize::new(0),
        }
    }

    /// Whether entries are evicted to make room.
    pub fn evicts(&self) -> bool {
        self.evicts.load(Ordering::Relaxed)
    }

    /// Says whether entries are evicted to make room.
    pub fn set_evicts(&self, evicts: bool) {
        self.evicts.store(evicts, Ordering::Relaxed);
    }

    /// What operations at this time need.
    pub fn env(&self, now_ms: u64) -> Env<'_> {
        Env {
            now_ms,
            budget: &self.budget,
            evicts: Cell::new(self.evicts()),
            granted: Cell::new(0),
        }
    }

    /// How many shards there are; at most 64.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The keyed hash of a key.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash_one(bytes)
    }

    /// A key with its hash.
    pub fn key<'a>(&self, db: u8, bytes: &'a [u8]) -> Key<'a> {
        Key { db, hash: self.hash(bytes), bytes }
    }

    /// A key whose hash is known.
    pub fn key_of_hash<'a>(&self, db: u8, bytes: &'a [u8], hash: u64) -> Key<'a> {
        debug_assert_eq!(hash, self.hash(bytes), "the hash of another key");
        Key { db, hash, bytes }
    }

    /// The number of a key's shard.
    pub fn shard_of(&self, key: Key<'_>) -> usize {
        key.hash as usize & (self.shards.len() - 1)
    }

    /// Locks a shard; numbers wrap around.
    pub fn lock(&self, number: usize) -> MutexGuard<'_, Shard> {
        let at = number & (self.shards.len() - 1);
        #[expect(
            clippy::indexing_slicing,
            reason = "there is a power of two of shards, and at least one"
        )]
        let shard = &self.shards[at];
        // A panic elsewhere leaves a shard whose invariants held at every call.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the shard of a key with this hash.
    pub fn lock_of(&self, hash: u64) -> MutexGuard<'_, Shard> {
        self.lock(hash as usize)
    }

    fn try_lock(&self, number: usize) -> Option<MutexGuard<'_, Shard>> {
        match self.shards.get(number & (self.shards.len() - 1))?.try_lock() {
            Ok(shard) => Some(shard),
            Err(std::sync::TryLockError::Poisoned(shard)) => Some(shard.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// Sums up something over all shards, one after the other.
    pub fn sum(&self, mut of: impl FnMut(&Shard) -> u64) -> u64 {
        (0..self.shards()).map(|number| of(&self.lock(number))).sum()
    }
}

fn segment_bytes(bytes_max: u64, shards: u64) -> usize {
    let bytes_max = if bytes_max == 0 { u64::MAX / 2 } else { bytes_max };
    let preferred =
        (bytes_max / shards / SEGMENTS_PER_SHARD).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_PREFERRED);
    let needed = (bytes_max / shards / SEGMENTS_PER_SHARD_MAX).min(SEGMENT_BYTES_MAX);
    preferred.max(needed).next_power_of_two() as usize
}
