//! Making room: eviction after S3-FIFO (Yang et al., SOSP 2023), closing gaps in the log, and
//! removing what has expired.
//!
//! All three walk over a segment and decide for each entry whether it stays. What stays is poured
//! into another segment or slides to the front of its own, so that none of them needs memory.

use super::budget::OutOfMemory;
use super::entry::{Entry, Header, NEVER_MS};
use super::log::{Place, Queue, Segment};
use super::shard::{Env, Key, Shard};

/// The small queue's share of the log is one part in so many.
const SMALL_SHARE: usize = 10;
/// Accesses in the small queue that take an entry to the main queue.
const PROMOTION_FREQUENCY: u8 = 2;
/// After so many segments without success eviction no longer looks at accesses.
const PATIENCE_SEGMENTS: usize = 16;
/// Gaps are closed when they are more than one part in so many of the log.
const GAPS_SHARE: usize = 6;
/// Segments that closing a gap may move.
const COMPACTED_SEGMENTS_MAX: usize = 16;

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep(Header),
    Evict,
    Expire,
}

/// Why a segment is walked over.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// To free memory; `hard` evicts everything.
    Eviction { hard: bool },
    /// To close gaps.
    Compaction,
}

impl Shard {
    /// Takes bytes from the budget, evicting from this shard if need be.
    ///
    /// # Errors
    /// When that is not enough, or nothing may be evicted.
    pub(crate) fn make_room(&mut self, env: &Env<'_>, bytes: u64) -> Result<(), OutOfMemory> {
        let segment_bytes = self.log.segment_bytes();
        // A shard does not empty itself for one large object: others have to give, too.
        let mut patience = 2 + 2 * bytes as usize / segment_bytes;
        loop {
            if env.try_take(bytes) {
                return Ok(());
            }
            let spare = self.log.drop_spare();
            if spare > 0 {
                env.give_back(spare as u64);
                continue;
            }
            if !env.evicts.get()
                || patience == 0
                || bytes as usize > 4 * segment_bytes
                || !self.evict(env)
            {
                return Err(OutOfMemory { bytes });
            }
            patience -= 1;
        }
    }

    /// Makes sure that an entry can be added to the index.
    pub(crate) fn make_index_room(
        &mut self,
        env: &Env<'_>,
        physical: u8,
    ) -> Result<(), OutOfMemory> {
        let full =
            |shard: &mut Self| shard.database_mut(physical).is_some_and(|db| db.index.is_full());
        if full(self) { self.grow_index(env, physical) } else { Ok(()) }
    }

    pub(crate) fn grow_index(&mut self, env: &Env<'_>, physical: u8) -> Result<(), OutOfMemory> {
        let Some(database) = self.database_mut(physical) else { return Ok(()) };
        let bytes = database.index.bytes_grown() as u64;
        self.make_room(env, bytes)?;
        let Some(database) = self.database_mut(physical) else { return Ok(()) };
        let before = database.index.bytes() as u64;
        database.index.grow();
        env.settle(before + bytes, database.index.bytes() as u64);
        Ok(())
    }

    /// Makes sure that an entry of so many bytes fits the end of a queue.
    pub(crate) fn make_log_room(
        &mut self,
        env: &Env<'_>,
        queue: Queue,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        if self.log.fits(queue, bytes) {
            return Ok(());
        }
        let segment_bytes = self.log.segment_bytes();
        if self.log.bytes_dead() > segment_bytes.max(self.log.bytes_live() / GAPS_SHARE) {
            self.compact(env);
        }
        let mut patience = 2 * PATIENCE_SEGMENTS;
        while !self.log.fits(queue, bytes) {
            let opened = self.log.has_spare() || env.try_take(segment_bytes as u64);
            if opened {
                if !self.log.open_segment(queue) {
                    env.give_back(segment_bytes as u64);
                    return Err(OutOfMemory { bytes: segment_bytes as u64 });
                }
                continue;
            }
            if !env.evicts.get() || patience == 0 || !self.evict_keeping_spare(env) {
                return Err(OutOfMemory { bytes: segment_bytes as u64 });
            }
            patience -= 1;
        }
        Ok(())
    }

    /// Frees memory by evicting entries; false when there is nothing to evict.
    pub fn evict(&mut self, env: &Env<'_>) -> bool {
        let evicted = self.evict_keeping_spare(env);
        let spare = self.log.drop_spare();
        env.give_back(spare as u64);
        evicted
    }

    /// Evicts until a segment is free, which becomes the spare one.
    fn evict_keeping_spare(&mut self, env: &Env<'_>) -> bool {
        self.size_ghost(env);
        self.evict_a_segment(env)
    }

    fn evict_a_segment(&mut self, env: &Env<'_>) -> bool {
        for turn in 0..=PATIENCE_SEGMENTS {
            let small = self.log.queue(Queue::Small).len();
            let main = self.log.queue(Queue::Main).len();
            let small_first = small * SMALL_SHARE > small + main || main == 0;
            let queue = if small_first { Queue::Small } else { Queue::Main };
            let Some((number, segment)) = self.log.take_oldest(queue) else { return false };
            let target = self.log.queue(Queue::Main).back().copied();
            let hard = turn == PATIENCE_SEGMENTS;
            match self.pour(env, number, segment, target, Reason::Eviction { hard }) {
                Some(left) => self.log.attach(number, Segment { queue: Queue::Main, ..left }),
                None => return true,
            }
        }
        false
    }

    fn fate(&self, reason: Reason, queue: Queue, entry: Entry<'_>, now_ms: u64) -> Fate {
        if entry.expires_ms().is_some_and(|at| at <= now_ms) {
            return Fate::Expire;
        }
        let frequency = entry.header.frequency();
        match (reason, queue) {
            (Reason::Compaction, _) => Fate::Keep(entry.header),
            (Reason::Eviction { hard: true }, _) => Fate::Evict,
            (Reason::Eviction { .. }, Queue::Small) if frequency >= PROMOTION_FREQUENCY => {
                Fate::Keep(entry.header.with_frequency(0))
            }
            (Reason::Eviction { .. }, Queue::Main) if frequency > 0 => {
                Fate::Keep(entry.header.with_frequency(frequency - 1))
            }
            _ => Fate::Evict,
        }
    }

    /// Walks over a segment that was taken out. What stays goes to the end of `target` while it
    /// fits, and from then on to the front of this segment, which is then the answer. Otherwise it
    /// was retired.
    fn pour(
        &mut self,
        env: &Env<'_>,
        number: u32,
        mut segment: Segment,
        target: Option<u32>,
        reason: Reason,
    ) -> Option<Segment> {
        self.moves += 1;
        let (queue, bytes_used) = (segment.queue, segment.bytes_used);
        let (mut offset, mut kept_bytes, mut first_expiry_ms) = (0, 0, u64::MAX);
        while offset < bytes_used {
            let Some(entry) = segment.entry(offset) else { break };
            let bytes = entry.header.bytes();
            if !entry.header.is_dead() {
                let from = self.log.place(number, offset);
                match self.fate(reason, queue, entry, env.now_ms) {
                    Fate::Keep(header) => {
                        let hash = self.hash_of(entry);
                        let whole = segment.bytes.get(offset..offset + bytes).unwrap_or_default();
                        let target = target.filter(|_| kept_bytes == 0);
                        let poured = target.and_then(|it| self.log.copy_into(it, whole, header));
                        let to = if let Some(to) = poured {
                            to
                        } else {
                            let at = kept_bytes;
                            first_expiry_ms =
                                first_expiry_ms.min(entry.expires_ms().unwrap_or(NEVER_MS));
                            segment.bytes.copy_within(offset..offset + bytes, at);
                            header.write(segment.bytes.get_mut(at..).unwrap_or_default());
                            kept_bytes += bytes;
                            self.log.place(number, at)
                        };
                        if let Some(database) = self.database_mut(header.db()) {
                            database.index.relocate(hash, from, to);
                        }
                    }
                    fate => self.drop_entry(env, entry, from, fate, queue),
                }
            }
            offset += bytes;
        }
        segment.bytes_used = kept_bytes;
        segment.bytes_live = kept_bytes;
        segment.first_expiry_ms = first_expiry_ms;
        if kept_bytes > 0 {
            return Some(segment);
        }
        let freed = self.log.retire(number, segment, true);
        env.give_back(freed as u64);
        None
    }

    fn key_of<'a>(&'a self, entry: Entry<'a>) -> &'a [u8] {
        match entry.object() {
            None => entry.key(),
            Some(number) => self.objects.get(number).map_or(&[], |object| &object.key),
        }
    }

    fn hash_of(&self, entry: Entry<'_>) -> u32 {
        (self.hash(self.key_of(entry)) >> 32) as u32
    }

    /// Drops an entry of a segment that was taken out.
    fn drop_entry(
        &mut self,
        env: &Env<'_>,
        entry: Entry<'_>,
        from: Place,
        fate: Fate,
        queue: Queue,
    ) {
        let object = entry.object();
        let owned = object.and_then(|number| self.objects.get(number)).map(|it| it.key.clone());
        let bytes = owned.as_deref().unwrap_or(entry.key());
        let hash = self.hash(bytes);
        let key = Key { db: self.logical(entry.header.db()), hash, bytes };
        self.forget(env, entry.header, entry.expires_ms(), key, from);
        if let Some(number) = object {
            self.remove_object(env, number);
        }
        if fate == Fate::Expire {
            self.stats.expired += 1;
            return;
        }
        self.stats.evicted += 1;
        if queue == Queue::Small {
            self.ghost.remember(hash);
        }
    }

    /// Gives the ghost queue as many places as there are entries, evicting for them.
    fn size_ghost(&mut self, env: &Env<'_>) {
        let entries = self.databases.iter().map(|database| database.index.len()).sum();
        let Some(bytes) = self.ghost.bytes_wanted(entries) else { return };
        let segments = 1 + bytes / self.log.segment_bytes();
        for _ in 0..=segments {
            // Not from what was granted to the command.
            if env.budget.try_take(bytes as u64) {
                let before = self.ghost.bytes() as u64;
                self.ghost.resize(entries);
                env.settle(before + bytes as u64, self.ghost.bytes() as u64);
                return;
            }
            if self.log.segments_len() <= segments || !self.evict_a_segment(env) {
                return;
            }
            let spare = self.log.drop_spare();
            env.give_back(spare as u64);
        }
    }

    /// Closes gaps until a segment is free, which becomes the spare one.
    fn compact(&mut self, env: &Env<'_>) {
        let Some(run) = self.run_with_gaps() else { return };
        let mut target = None;
        for number in run {
            let Some(segment) = self.log.take(number) else { return };
            match self.pour(env, number, segment, target, Reason::Compaction) {
                Some(left) => {
                    self.log.put_back(number, left);
                    target = Some(number);
                }
                None => return,
            }
        }
    }

    /// The shortest run of neighbouring segments whose gaps together are worth a segment.
    fn run_with_gaps(&self) -> Option<Vec<u32>> {
        let segment_bytes = self.log.segment_bytes();
        let mut best: Option<(Queue, usize, usize)> = None;
        for queue in [Queue::Small, Queue::Main] {
            let numbers = self.log.queue(queue);
            let gap = |at: usize| {
                let live =
                    numbers.get(at).and_then(|&it| self.log.segment(it)).map(|it| it.bytes_live);
                segment_bytes - live.unwrap_or(segment_bytes)
            };
            // The last segment is being written: its rest is no gap.
            let last = numbers.len().saturating_sub(1);
            let (mut start, mut gaps) = (0, 0);
            for end in 0..last {
                gaps += gap(end);
                while gaps >= segment_bytes + segment_bytes / 8 {
                    let length = end - start + 1;
                    if best.is_none_or(|(_, _, shortest)| length < shortest) {
                        best = Some((queue, start, length));
                    }
                    gaps -= gap(start);
                    start += 1;
                }
            }
        }
        let (queue, start, length) =
            best.filter(|&(.., length)| length <= COMPACTED_SEGMENTS_MAX)?;
        Some(self.log.queue(queue).iter().skip(start).take(length).copied().collect())
    }

    /// Removes expired entries from up to `segments_max` segments that may hold one. Answers
    /// whether there may be more.
    pub fn expire(&mut self, env: &Env<'_>, segments_max: usize) -> bool {
        let small = self.log.queue(Queue::Small).iter();
        let due: Vec<u32> = small
            .chain(self.log.queue(Queue::Main))
            .copied()
            .filter(|&it| self.log.segment(it).is_some_and(|it| it.first_expiry_ms <= env.now_ms))
            .collect();
        let start = self.expiry_cursor % due.len().max(1);
        for &number in due.iter().cycle().skip(start).take(segments_max.min(due.len())) {
            self.expire_segment(env, number);
        }
        self.expiry_cursor = start + segments_max;
        due.len() > segments_max
    }

    fn expire_segment(&mut self, env: &Env<'_>, number: u32) {
        let (mut offset, mut first_expiry_ms) = (0, u64::MAX);
        while let Some(entry) = self.log.segment(number).and_then(|it| it.entry(offset)) {
            let header = entry.header;
            if let Some(at) = entry.expires_ms().filter(|_| !header.is_dead()) {
                if at <= env.now_ms {
                    let bytes = self.key_of(entry).to_vec();
                    let db = self.logical(header.db());
                    let key = Key { db, hash: self.hash(&bytes), bytes: &bytes };
                    let place = self.log.place(number, offset);
                    self.stats.expired += 1;
                    self.remove_at(env, place, key);
                } else {
                    first_expiry_ms = first_expiry_ms.min(at);
                }
            }
            offset += header.bytes();
        }
        if let Some(segment) = self.log.segment_mut(number) {
            segment.first_expiry_ms = first_expiry_ms;
        }
    }
}
