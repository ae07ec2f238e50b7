//! Changing a value where it is.

use super::block::Block;
use super::budget::OutOfMemory;
use super::entry::{self, Entry};
use super::fields::Fields;
use super::object::{self, ObjectValue};
use super::shard::{Env, Key, Shard};
use super::watch::Watch;

/// Room left behind a string that grew, one part in so many.
const GROWTH_SHARE: usize = 4;

/// A value that was taken out of the store.
#[derive(Debug)]
pub enum Taken {
    /// A string.
    String(Block),
    /// A hash.
    Hash(Fields),
}

impl Shard {
    /// Makes the string of a key at least `bytes_min` long, with zero bytes behind what it has, and
    /// hands it out to be written. A missing key becomes a string without a time to live.
    ///
    /// # Errors
    /// When there is no room; the key is then as it was.
    pub fn edit_string(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        bytes_min: usize,
    ) -> Result<&mut [u8], OutOfMemory> {
        let Some((place, header)) = self.live(env, key) else {
            self.set(env, key, &vec![0; bytes_min], None)?;
            return Ok(self.string_mut(key));
        };
        let number = self.log.entry(place).and_then(Entry::object);
        if let Some(number) = number {
            self.grow_object(env, key, number, bytes_min)?;
        } else if bytes_min > header.value_bytes() {
            let shape = entry::Shape { value_bytes: bytes_min, ..header.shape() };
            if shape.bytes() <= header.bytes() {
                let grown = shape.header(header.bytes()).with_frequency(header.frequency());
                self.log.set_header(place, grown);
                if let Some((bytes, _)) = self.log.entry_mut(place) {
                    let value = entry::value_mut(bytes);
                    value.get_mut(header.value_bytes()..).unwrap_or_default().fill(0);
                }
            } else {
                self.move_string(env, key, bytes_min)?;
            }
        }
        self.watched.touch(key.db, key.bytes);
        Ok(self.string_mut(key))
    }

    /// Copies a string of the log to where it has room for more.
    fn move_string(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        let expires_ms = self.expiry(env, key).flatten();
        let mut value = Vec::with_capacity(bytes + bytes / GROWTH_SHARE);
        if let Some(entry) = self.lookup(key).and_then(|(place, _)| self.log.entry(place)) {
            value.extend_from_slice(entry.value());
        }
        let roomy = bytes + bytes / GROWTH_SHARE;
        value.resize(roomy, 0);
        self.set(env, key, &value, expires_ms)?;
        // The room stays with the entry when the value becomes shorter.
        let Some((place, header)) = self.lookup(key) else { return Ok(()) };
        match self.log.entry(place).and_then(Entry::object) {
            Some(number) => {
                if let Some(object) = self.objects.get_mut(number)
                    && let ObjectValue::String(value) = &mut object.value
                {
                    value.truncate(bytes);
                }
            }
            None => {
                let shape = entry::Shape { value_bytes: bytes, ..header.shape() };
                let shorter = shape.header(header.bytes()).with_frequency(header.frequency());
                self.log.set_header(place, shorter);
            }
        }
        Ok(())
    }

    fn grow_object(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        number: u32,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        let Some(object) = self.objects.get(number) else { return Ok(()) };
        let ObjectValue::String(value) = &object.value else { return Ok(()) };
        if bytes > value.capacity() {
            let capacity = bytes + bytes / GROWTH_SHARE;
            let taken = object::bytes_of(key.bytes.len(), capacity * 5 / 4);
            self.make_room(env, taken)?;
            let Some(object) = self.objects.get_mut(number) else {
                // It had to go to make room for itself.
                env.give_back(taken);
                return Err(OutOfMemory { bytes: taken });
            };
            if let ObjectValue::String(value) = &mut object.value {
                *value = Block::with_room(value, capacity);
            }
            let charged = object.bytes();
            env.settle(taken + object.charged, charged);
            object.charged = charged;
        }
        if let Some(object) = self.objects.get_mut(number)
            && let ObjectValue::String(value) = &mut object.value
            && bytes > value.len()
        {
            value.lengthen(bytes);
        }
        Ok(())
    }

    fn string_mut(&mut self, key: Key<'_>) -> &mut [u8] {
        let Some((place, header)) = self.lookup(key) else { return &mut [] };
        if header.is_object() {
            let number = self.log.entry(place).and_then(Entry::object);
            let object = number.and_then(|number| self.objects.get_mut(number));
            return match object.map(|object| &mut object.value) {
                Some(ObjectValue::String(value)) => value,
                _ => &mut [],
            };
        }
        self.log.entry_mut(place).map_or(&mut [], |(bytes, _)| entry::value_mut(bytes))
    }

    /// Changes the hash of a key by adding at most `pairs` fields whose names and values have
    /// `pairs_bytes`, or by removing some. A missing key is an empty hash, and an empty hash is no
    /// key. `edit` says whether it changed anything.
    ///
    /// # Errors
    /// When there is no room; nothing is then changed.
    pub fn edit_fields(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        (pairs, pairs_bytes): (usize, usize),
        edit: impl FnOnce(&mut Fields) -> bool,
    ) -> Result<(), OutOfMemory> {
        let mut taken = 0;
        if pairs > 0
            && let Some(fields) = self.fields(env, key)
        {
            taken = fields.growth(pairs, pairs_bytes) as u64;
            self.make_room(env, taken)?;
        }
        // Making room may have evicted it.
        let found = self
            .live(env, key)
            .and_then(|(place, _)| Some((place, self.log.entry(place)?.object()?)));
        let Some((place, number)) = found else {
            env.give_back(taken);
            let mut fields = Fields::default();
            edit(&mut fields);
            if fields.is_empty() {
                return Ok(());
            }
            return self.put(env, key, ObjectValue::Hash(fields), None);
        };
        let Some(object) = self.objects.get_mut(number) else { return Ok(()) };
        let ObjectValue::Hash(fields) = &mut object.value else { return Ok(()) };
        let changed = edit(fields);
        let emptied = fields.is_empty();
        let charged = object.bytes();
        env.settle(taken + object.charged, charged);
        object.charged = charged;
        if emptied {
            self.remove_at(env, place, key);
        } else if changed {
            self.watched.touch(key.db, key.bytes);
        }
        Ok(())
    }

    fn fields(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<&Fields> {
        let (place, _) = self.live(env, key)?;
        match &self.objects.get(self.log.entry(place)?.object()?)?.value {
            ObjectValue::Hash(fields) => Some(fields),
            ObjectValue::String(_) => None,
        }
    }

    /// Takes a key out, with its value and when it expires.
    pub fn take(&mut self, env: &Env<'_>, key: Key<'_>) -> Option<(Taken, Option<u64>)> {
        let (place, _) = self.live(env, key)?;
        let entry = self.log.entry(place)?;
        let expires_ms = entry.expires_ms();
        let taken = match entry.object() {
            None => Taken::String(entry.value().into()),
            Some(number) => match &mut self.objects.get_mut(number)?.value {
                ObjectValue::String(value) => Taken::String(std::mem::take(value)),
                ObjectValue::Hash(fields) => Taken::Hash(std::mem::take(fields)),
            },
        };
        self.remove_at(env, place, key);
        Some((taken, expires_ms))
    }

    /// Puts a value in under a key, whatever it held.
    ///
    /// # Errors
    /// When there is no room; the value is then lost.
    pub fn put_taken(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        value: Taken,
        expires_ms: Option<u64>,
    ) -> Result<(), OutOfMemory> {
        match value {
            Taken::String(value) if self.shape(key, value.len(), expires_ms.is_some()).object => {
                self.put(env, key, ObjectValue::String(value), expires_ms)
            }
            Taken::String(value) => self.set(env, key, &value, expires_ms),
            Taken::Hash(fields) => self.put(env, key, ObjectValue::Hash(fields), expires_ms),
        }
    }

    /// The most bytes that adding so many entries with so many bytes of keys and values may take.
    pub fn bytes_to_add(&self, db: u8, entries: usize, bytes: usize) -> u64 {
        let segment_bytes = self.log.segment_bytes();
        let in_log = bytes + entries * 32;
        // An eighth of a segment may stay empty at its end; one more for each queue.
        let log = (in_log / (segment_bytes - segment_bytes / 8) + 3) * segment_bytes;
        let objects = bytes * 5 / 4 + entries * (2 * object::OBJECT_BYTES + 64);
        let index = self.databases.get(usize::from(self.physical(db)));
        let index = index.map_or(0, |it| it.index.bytes_to_hold(entries));
        (log + objects + index) as u64
    }

    /// Removes all keys of one database, or of all.
    pub fn flush(&mut self, env: &Env<'_>, db: Option<u8>) {
        let Some(db) = db else { return self.flush_all(env) };
        self.touch_all(env, db);
        let physical = self.physical(db);
        let places: Vec<(u32, u32)> = match self.databases.get(usize::from(physical)) {
            Some(database) => database.index.starting_at(0).collect(),
            None => return,
        };
        let alone = self.databases.iter().map(|it| it.index.len()).sum::<usize>() == places.len();
        if alone {
            return self.drop_everything(env);
        }
        for (_, place) in places {
            if let Some(number) = self.log.entry(place).and_then(Entry::object) {
                self.remove_object(env, number);
            }
            let freed = self.log.kill(place);
            env.give_back(freed as u64);
        }
        self.moves += 1;
        if let Some(database) = self.database_mut(physical) {
            env.give_back(database.index.bytes() as u64);
            *database = Default::default();
        }
    }

    fn flush_all(&mut self, env: &Env<'_>) {
        for db in 0..self.physical.len() {
            self.touch_all(env, db as u8);
        }
        self.drop_everything(env);
    }

    fn drop_everything(&mut self, env: &Env<'_>) {
        self.moves += 1;
        let tables: usize = self.databases.iter().map(|it| it.index.bytes()).sum();
        let objects = self.objects.clear();
        let bytes = tables + self.ghost.bytes() + self.log.clear();
        self.databases = Default::default();
        self.ghost = Default::default();
        env.give_back(bytes as u64 + objects);
    }

    /// Counts the watched keys that are in a database as written.
    fn touch_all(&mut self, env: &Env<'_>, db: u8) {
        for bytes in self.watched.keys_of(db) {
            let key = Key { db, hash: self.hash(&bytes), bytes: &bytes };
            if self.live(env, key).is_some() {
                self.watched.touch(db, &bytes);
            }
        }
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, env: &Env<'_>, first: u8, second: u8) {
        self.touch_all(env, first);
        self.touch_all(env, second);
        self.physical.swap(usize::from(first), usize::from(second));
        self.touch_all(env, first);
        self.touch_all(env, second);
    }

    /// Calls `each` with every key of a database from `from_hash` on that has not expired, at least
    /// `count` of them if there are so many; answers where to go on, `None` at the end.
    pub fn scan(
        &self,
        env: &Env<'_>,
        db: u8,
        from_hash: u32,
        count: usize,
        mut each: impl FnMut(&[u8], bool),
    ) -> (usize, Option<u32>) {
        let mut last = None;
        let mut seen = 0;
        let physical = usize::from(self.physical(db));
        let Some(database) = self.databases.get(physical) else { return (0, None) };
        for (hash, place) in database.index.starting_at(from_hash) {
            // Keys of one hash go together, since the cursor cannot tell them apart.
            if seen >= count && last != Some(hash) {
                return (seen, Some(hash));
            }
            (seen, last) = (seen + 1, Some(hash));
            let Some(entry) = self.log.entry(place) else { continue };
            if entry.expires_ms().is_some_and(|at| at <= env.now_ms) {
                continue;
            }
            let object = entry.object().and_then(|number| self.objects.get(number));
            let is_hash = object.is_some_and(|it| matches!(it.value, ObjectValue::Hash(_)));
            each(object.map_or(entry.key(), |object| &object.key), is_hash);
        }
        (seen, None)
    }

    /// Ends the watches of a client on keys of this shard.
    pub fn unwatch_all(&mut self, watches: &[Watch]) {
        watches.iter().for_each(|watch| self.unwatch(watch));
    }
}
