//! One shard: a part of the keys of all databases, with everything that belongs to them. It is
//! behind a lock of its own, and no method looks outside. Here is how a key is found and read;
//! `write` changes what it holds.

use super::DATABASES;
use super::budget::Budget;
use super::entry::{FREQUENCY_MAX, Header};
use super::fields::Fields;
use super::ghost::Ghost;
use super::index::{ENTRY_SLOT_BYTES, Index};
use super::log::{Log, Place};
use super::object::{ObjectValue, Objects};
use super::watch::{Watch, Watched};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What an operation needs beside the shard.
#[derive(Debug)]
pub struct Env<'a> {
    /// The time, in ms since 1970.
    pub now_ms: u64,
    /// Where memory is taken from.
    pub budget: &'a Budget,
    /// Whether entries may be evicted to make room; CONFIG SET may change it on the way.
    pub evicts: Cell<bool>,
    /// Bytes taken from the budget beforehand, so that what follows cannot run out of memory.
    pub granted: Cell<u64>,
}

impl Env<'_> {
    pub(crate) fn try_take(&self, bytes: u64) -> bool {
        let granted = self.granted.get();
        let rest = bytes.saturating_sub(granted);
        if rest > 0 && !self.budget.try_take(rest) {
            return false;
        }
        self.granted.set(granted.saturating_sub(bytes));
        true
    }

    /// What was taken for a thing against what it needs in the end.
    pub(crate) fn settle(&self, taken: u64, needed: u64) {
        if needed > taken {
            self.budget.take_anyway(needed - taken);
        }
        self.give_back(taken.saturating_sub(needed));
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        if bytes > 0 {
            self.budget.give_back(bytes);
        }
    }
}

/// A key with its database and its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The database as clients number it.
    pub db: u8,
    /// The keyed hash: its high half finds the slot, its low bits the shard.
    pub hash: u64,
    /// The key itself.
    pub bytes: &'a [u8],
}

impl Key<'_> {
    pub(crate) fn slot_hash(&self) -> u32 {
        (self.hash >> 32) as u32
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    String(&'a [u8]),
    /// A hash.
    Hash(&'a Fields),
}

/// What a shard counts.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ShardStats {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    pub evicted: u64,
}

impl ShardStats {
    /// Adds what another shard counted.
    pub fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.expired += other.expired;
        self.evicted += other.evicted;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Database {
    pub index: Index,
    /// Entries that have a time to live.
    pub expiring: usize,
}

/// One shard.
#[derive(Debug)]
pub struct Shard {
    pub(crate) log: Log,
    pub(crate) databases: [Database; DATABASES],
    /// Which database clients mean by a number; SWAPDB exchanges two.
    pub(crate) physical: [u8; DATABASES],
    pub(crate) objects: Objects,
    pub(crate) ghost: Ghost,
    pub(crate) watched: Watched,
    pub(crate) hasher: RandomState,
    /// Grows whenever entries may have moved.
    pub(crate) moves: u64,
    /// Where the search for expired entries goes on.
    pub(crate) expiry_cursor: usize,
    /// What it counted.
    pub stats: ShardStats,
}

impl Shard {
    pub(crate) fn new(segment_bytes: usize, hasher: RandomState) -> Self {
        Self {
            log: Log::new(segment_bytes),
            databases: Default::default(),
            physical: std::array::from_fn(|db| db as u8),
            objects: Objects::default(),
            ghost: Ghost::default(),
            watched: Watched::default(),
            hasher,
            moves: 0,
            expiry_cursor: 0,
            stats: ShardStats::default(),
        }
    }

    pub(crate) fn physical(&self, db: u8) -> u8 {
        self.physical.get(usize::from(db)).copied().unwrap_or_default()
    }

    pub(crate) fn logical(&self, physical: u8) -> u8 {
        self.physical.iter().position(|&it| it == physical).unwrap_or_default() as u8
    }

    fn database(&self, db: u8) -> Option<&Database> {
        self.databases.get(usize::from(self.physical(db)))
    }

    pub(crate) fn database_mut(&mut self, physical: u8) -> Option<&mut Database> {
        self.databases.get_mut(usize::from(physical))
    }

    /// Entries in a database, those included that have expired but are not removed yet; and how
    /// many have a time to live.
    pub fn len(&self, db: u8) -> (usize, usize) {
        self.database(db).map_or((0, 0), |it| (it.index.len(), it.expiring))
    }

    /// Has what finding a key reads first brought to the cache: its slot.
    pub(crate) fn prefetch_slot(&self, db: u8, hash: u64) {
        if let Some(database) = self.database(db) {
            database.index.prefetch((hash >> 32) as u32);
        }
    }

    /// Has what it reads next brought to the cache: the entry in the slot.
    pub(crate) fn prefetch_entry(&self, db: u8, hash: u64) {
        if let Some(database) = self.database(db)
            && let Some((_, place)) = database.index.matches((hash >> 32) as u32).next()
        {
            self.log.prefetch(place);
        }
    }

    /// Where a key is, expired or not.
    pub(crate) fn lookup(&self, key: Key<'_>) -> Option<(Place, Header)> {
        let database = self.database(key.db)?;
        database.index.matches(key.slot_hash()).find_map(|(_, place)| {
            let entry = self.log.entry(place)?;
            let same = match entry.object() {
                None => entry.key() == key.bytes,
                Some(number) => *self.objects.get(number)?.key == *key.bytes,
            };
            same.then_some((place, entry.header))
        })
    }

    /// Where a key is; an expired one is removed.
    pub(crate) fn live(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<(Place, Header)> {
        let (place, header) = self.lookup(key)?;
        if header.expires() && self.expires_at(place).is_some_and(|at| at <= env.now_ms) {
            self.stats.expired += 1;
            self.remove_at(env, place, key);
            return None;
        }
        Some((place, header))
    }

    pub(crate) fn expires_at(&self, place: Place) -> Option<u64> {
        self.log.entry(place)?.expires_ms()
    }

    /// Counts an access.
    fn touch(&mut self, place: Place, header: Header) {
        if header.frequency() < FREQUENCY_MAX {
            self.log.set_header(place, header.with_frequency(header.frequency() + 1));
        }
    }

    fn value_at(&self, place: Place) -> Option<Value<'_>> {
        let entry = self.log.entry(place)?;
        let Some(number) = entry.object() else { return Some(Value::String(entry.value())) };
        match &self.objects.get(number)?.value {
            ObjectValue::String(bytes) => Some(Value::String(bytes)),
            ObjectValue::Hash(fields) => Some(Value::Hash(fields)),
        }
    }

    /// What a key holds. Counts an access, and a hit or a miss.
    pub fn read(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<Value<'_>> {
        let Some((place, header)) = self.live(env, key) else {
            self.stats.misses += 1;
            return None;
        };
        self.stats.hits += 1;
        self.touch(place, header);
        self.value_at(place)
    }

    /// What a key holds, for a command that will write it or only looks.
    pub fn peek(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<Value<'_>> {
        let (place, _) = self.live(env, key)?;
        self.value_at(place)
    }

    /// When a key expires, in ms since 1970; the inner `None` is never.
    pub fn expiry(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<Option<u64>> {
        let (place, _) = self.live(env, key)?;
        Some(self.expires_at(place))
    }

    /// How often a key was accessed lately (0 to 3), and its bytes.
    pub fn describe(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<(u8, u64)> {
        let (place, header) = self.live(env, key)?;
        let object = self.log.entry(place)?.object().and_then(|number| self.objects.get(number));
        let bytes = (header.bytes() + ENTRY_SLOT_BYTES) as u64;
        let bytes = bytes + object.map_or(0, |object| object.charged);
        Some((header.frequency(), bytes))
    }

    /// The hash of a key, as in [`Key::hash`].
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Notes how often a key was written, and that somebody wants to know.
    pub fn watch(&mut self, db: u8, key: &[u8], changed: &Arc<AtomicBool>) -> Watch {
        let version = self.watched.add(db, key, changed);
        Watch { db, key: key.into(), version, changed: Arc::clone(changed) }
    }

    /// Whether the key of a watch was written since.
    pub fn is_changed(&mut self, env: &Env<'_>, watch: &Watch) -> bool {
        let key = Key { db: watch.db, hash: self.hash(&watch.key), bytes: &watch.key };
        // An expired key that nobody has asked for changes now.
        self.live(env, key);
        self.watched.version(watch) != watch.version
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, watch: &Watch) {
        self.watched.remove(watch);
    }
}
