//! One shard: a part of the keys of all databases, with everything that belongs to them. It is
//! behind a lock of its own, and no method looks outside.

use super::DATABASES;
use super::budget::{Budget, OutOfMemory};
use super::entry::{self, Entry, FREQUENCY_MAX, Header, NEVER_MS, Shape};
use super::fields::Fields;
use super::ghost::Ghost;
use super::index::{ENTRY_SLOT_BYTES, Index};
use super::log::{Log, Place, Queue};
use super::object::{self, Object, ObjectValue, Objects};
use super::watch::{Watch, Watched};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// What an operation needs beside the shard.
#[derive(Debug)]
pub struct Env<'a> {
    /// The time, in ms since 1970.
    pub now_ms: u64,
    /// Where memory is taken from.
    pub budget: &'a Budget,
    /// Whether entries may be evicted to make room.
    pub evicts: bool,
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

    fn expires_at(&self, place: Place) -> Option<u64> {
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

    /// The shape of a string, in the log or as an object.
    pub(crate) fn shape(&self, key: Key<'_>, value_bytes: usize, expires: bool) -> Shape {
        let db = self.physical(key.db);
        let (key_bytes, object) = (key.bytes.len(), false);
        let shape = Shape { db, expires, object, key_bytes, value_bytes };
        if shape.bytes() <= self.log.entry_bytes_max() {
            shape
        } else {
            self.shape_of_object(key, expires)
        }
    }

    fn shape_of_object(&self, key: Key<'_>, expires: bool) -> Shape {
        let db = self.physical(key.db);
        Shape { db, expires, object: true, key_bytes: 0, value_bytes: size_of::<u32>() }
    }

    /// Sets a key to a string, whatever it held.
    ///
    /// # Errors
    /// When there is no room; the key is then as it was.
    pub fn set(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        value: &[u8],
        expires_ms: Option<u64>,
    ) -> Result<(), OutOfMemory> {
        let shape = self.shape(key, value.len(), expires_ms.is_some());
        if shape.object {
            return self.put(env, key, ObjectValue::String(value.into()), expires_ms);
        }
        if let Some((place, old)) = self.lookup(key) {
            let (needed, has) = (shape.bytes(), old.bytes());
            if !old.is_object() && needed <= has && has - needed <= has / 8 {
                let header = shape.header(has).with_frequency(old.frequency() + 1);
                self.overwrite(place, header, expires_ms, key.bytes, value);
                self.watched.touch(key.db, key.bytes);
                return Ok(());
            }
        }
        self.place_entry(env, key, shape, expires_ms, value)
    }

    /// Writes an entry anew where it is.
    fn overwrite(
        &mut self,
        place: Place,
        header: Header,
        expires_ms: Option<u64>,
        key: &[u8],
        value: &[u8],
    ) {
        let expired = self.expires_at(place).is_some();
        if let Some((bytes, first_expiry_ms)) = self.log.entry_mut(place) {
            entry::write(bytes, header, expires_ms, key, value);
            *first_expiry_ms = (*first_expiry_ms).min(expires_ms.unwrap_or(NEVER_MS));
        }
        self.count_expiring(header.db(), expired, expires_ms.is_some());
    }

    /// Counts an entry that expired before, or does so now.
    fn count_expiring(&mut self, physical: u8, before: bool, now: bool) {
        if let Some(database) = self.database_mut(physical) {
            database.expiring += usize::from(now);
            database.expiring -= usize::from(before);
        }
    }

    /// Sets a key to an object, whatever it held.
    ///
    /// # Errors
    /// When there is no room; the key is then as it was.
    pub fn put(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        value: ObjectValue,
        expires_ms: Option<u64>,
    ) -> Result<(), OutOfMemory> {
        let charged = object::bytes_of(key.bytes.len(), value.bytes());
        self.make_room(env, charged)?;
        let number = self.objects.add(Object { key: key.bytes.into(), value, charged });
        let shape = self.shape_of_object(key, expires_ms.is_some());
        let placed = self.place_entry(env, key, shape, expires_ms, &number.to_le_bytes());
        if placed.is_err() {
            self.remove_object(env, number);
        }
        placed
    }

    /// Writes an entry in a new place, and removes the one the key had.
    fn place_entry(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        shape: Shape,
        expires_ms: Option<u64>,
        value: &[u8],
    ) -> Result<(), OutOfMemory> {
        let mut old = self.lookup(key);
        let bytes = shape.bytes();
        let queue = match old {
            Some((place, _)) => self.log.queue_of(place),
            None if self.ghost.forget(key.hash) => Queue::Main,
            None => Queue::Small,
        };
        let moves = self.moves;
        if old.is_none() {
            self.make_index_room(env, shape.db)?;
        }
        self.make_log_room(env, queue, bytes)?;
        if self.moves != moves {
            let there = old.is_some();
            old = self.lookup(key);
            if there && old.is_none() {
                // The old entry had to go. Its slot is free, but the table may have shrunk.
                self.make_index_room(env, shape.db)?;
                self.make_log_room(env, queue, bytes)?;
            }
        }
        let frequency = old.map_or(0, |(_, header)| header.frequency() + 1);
        let header = shape.header(bytes).with_frequency(frequency);
        let key_bytes: &[u8] = if shape.object { &[] } else { key.bytes };
        let place = self
            .log
            .append(queue, header, expires_ms, key_bytes, value)
            .ok_or(OutOfMemory { bytes: bytes as u64 })?;
        if let Some((old_place, old_header)) = old {
            self.replace_entry(env, key, old_place, place, old_header.db());
        } else {
            let database =
                self.database_mut(shape.db).ok_or(OutOfMemory { bytes: bytes as u64 })?;
            if !database.index.insert(key.slot_hash(), place) {
                // The run of slots reaches the end of the table: only growing helps.
                self.log.kill(place);
                self.grow_index(env, shape.db)?;
                return self.place_entry_again(env, key, shape, expires_ms, value);
            }
            database.expiring += usize::from(expires_ms.is_some());
        }
        self.watched.touch(key.db, key.bytes);
        Ok(())
    }

    #[cold]
    fn place_entry_again(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        shape: Shape,
        expires_ms: Option<u64>,
        value: &[u8],
    ) -> Result<(), OutOfMemory> {
        self.place_entry(env, key, shape, expires_ms, value)
    }

    fn replace_entry(&mut self, env: &Env<'_>, key: Key<'_>, old: Place, new: Place, db: u8) {
        if let Some(database) = self.database_mut(db) {
            database.index.relocate(key.slot_hash(), old, new);
        }
        let entry = |place| self.log.entry(place);
        let expires = |place| entry(place).and_then(Entry::expires_ms).is_some();
        let object = |place| entry(place).and_then(Entry::object);
        let (before, now) = (expires(old), expires(new));
        let dropped = object(old).filter(|_| object(old) != object(new));
        self.count_expiring(db, before, now);
        if let Some(number) = dropped {
            self.remove_object(env, number);
        }
        let freed = self.log.kill(old);
        env.give_back(freed as u64);
    }

    /// Sets or, with `None`, ends the time to live of a key. False when there is no such key.
    ///
    /// # Errors
    /// When there is no room for the time.
    pub fn set_expiry(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        expires_ms: Option<u64>,
    ) -> Result<bool, OutOfMemory> {
        let Some((place, old)) = self.live(env, key) else { return Ok(false) };
        if old.expires() {
            let was_ms = self.expires_at(place);
            if let Some((bytes, first_expiry_ms)) = self.log.entry_mut(place) {
                let expires_ms = expires_ms.unwrap_or(NEVER_MS);
                entry::set_expiry(bytes, expires_ms);
                *first_expiry_ms = (*first_expiry_ms).min(expires_ms);
            }
            self.count_expiring(old.db(), was_ms.is_some(), expires_ms.is_some());
            self.watched.touch(key.db, key.bytes);
            return Ok(true);
        }
        if expires_ms.is_none() {
            return Ok(true);
        }
        let Some(value) = self.log.entry(place).map(|entry| entry.value().to_vec()) else {
            return Ok(false);
        };
        let shape = Shape { expires: true, ..old.shape() };
        if shape.bytes() <= old.bytes() {
            let header = shape.header(old.bytes()).with_frequency(old.frequency());
            let name = if old.is_object() { &[] } else { key.bytes };
            self.overwrite(place, header, expires_ms, name, &value);
            self.watched.touch(key.db, key.bytes);
            return Ok(true);
        }
        self.place_entry(env, key, shape, expires_ms, &value)?;
        Ok(true)
    }

    /// Removes a key; false when there is none.
    pub fn remove(&mut self, env: &Env<'_>, key: Key<'_>) -> bool {
        match self.live(env, key) {
            Some((place, _)) => {
                self.remove_at(env, place, key);
                true
            }
            None => false,
        }
    }

    /// Removes an entry whose place and key are known.
    pub(crate) fn remove_at(&mut self, env: &Env<'_>, place: Place, key: Key<'_>) {
        let Some(entry) = self.log.entry(place) else { return };
        let (header, object, expires_ms) = (entry.header, entry.object(), entry.expires_ms());
        self.forget(env, header, expires_ms, key, place);
        if let Some(number) = object {
            self.remove_object(env, number);
        }
        let freed = self.log.kill(place);
        env.give_back(freed as u64);
    }

    /// Takes an entry out of index and counts.
    pub(crate) fn forget(
        &mut self,
        env: &Env<'_>,
        header: Header,
        expires_ms: Option<u64>,
        key: Key<'_>,
        place: Place,
    ) {
        self.watched.touch(key.db, key.bytes);
        let Some(database) = self.database_mut(header.db()) else { return };
        database.index.remove(key.slot_hash(), place);
        if expires_ms.is_some() {
            database.expiring -= 1;
        }
        // The smaller table is there beside the larger one for a moment.
        let before = database.index.bytes() as u64;
        if let Some(after) = database.index.bytes_shrunk()
            && env.budget.try_take(after as u64)
        {
            database.index.shrink();
            env.settle(before + after as u64, database.index.bytes() as u64);
        }
    }

    pub(crate) fn remove_object(&mut self, env: &Env<'_>, number: u32) {
        if let Some(object) = self.objects.remove(number) {
            env.give_back(object.charged);
        }
    }

    /// The hash of a key, as in [`Key::hash`].
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Notes how often a key was written, and that somebody wants to know.
    pub fn watch(&mut self, db: u8, key: &[u8]) -> Watch {
        let version = self.watched.add(db, key);
        Watch { db, key: key.into(), version }
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
