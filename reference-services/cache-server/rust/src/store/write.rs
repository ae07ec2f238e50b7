//! Writing and removing entries of a shard. What finds no room changes nothing.

use super::budget::OutOfMemory;
use super::entry::{self, Entry, Header, NEVER_MS, Shape};
use super::log::{Place, Queue};
use super::object::{self, Object, ObjectValue};
use super::shard::{Env, Key, Shard};

impl Shard {
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
            .or_else(|full| self.set_in_place(env, key, shape, expires_ms, value).ok_or(full))
    }

    /// Where nothing may be evicted for a new place, a much shorter value leaves a gap in the old one.
    #[cold]
    fn set_in_place(
        &mut self,
        env: &Env<'_>,
        key: Key<'_>,
        shape: Shape,
        expires_ms: Option<u64>,
        value: &[u8],
    ) -> Option<()> {
        let (place, old) = self.lookup(key)?;
        if env.evicts.get() || old.is_object() || shape.bytes() > old.bytes() {
            return None;
        }
        let header = shape.header(old.bytes()).with_frequency(old.frequency() + 1);
        self.overwrite(place, header, expires_ms, key.bytes, value);
        self.watched.touch(key.db, key.bytes);
        Some(())
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
                return self.place_entry(env, key, shape, expires_ms, value);
            }
            database.expiring += usize::from(expires_ms.is_some());
        }
        self.watched.touch(key.db, key.bytes);
        Ok(())
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
}
