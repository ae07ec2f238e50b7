//! The shards that one command, or one transaction, holds.

use super::{Env, Key, Shard, Store, Watch};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

/// Shards are locked one at a time, or several at once in the order of their numbers; so no two
/// threads can wait for each other.
#[derive(Debug)]
pub struct Locks<'s> {
    store: &'s Store,
    held: Vec<(usize, MutexGuard<'s, Shard>)>,
    /// Several are held on purpose, and no other may be added.
    pinned: bool,
}

impl<'s> Locks<'s> {
    /// Holding nothing yet.
    pub fn new(store: &'s Store) -> Self {
        Self { store, held: Vec::new(), pinned: false }
    }

    /// The set of a key's shard, to be united with those of other keys.
    pub fn set_of(&self, key: Key<'_>) -> u64 {
        1 << self.store.shard_of(key)
    }

    /// The set of all shards.
    pub fn set_of_all(&self) -> u64 {
        u64::MAX >> (64 - self.store.shards())
    }

    /// Holds these shards until [`Locks::release`]. Nothing may be held.
    pub fn hold(&mut self, set: u64) {
        debug_assert!(self.held.is_empty(), "shards are locked in order");
        self.held.clear();
        self.pinned = true;
        let mut rest = set;
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            self.held.push((number, self.store.lock(number)));
            rest &= rest - 1;
        }
    }

    /// Whether several shards are held on purpose.
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// The shard of a key.
    pub fn of(&mut self, key: Key<'_>) -> &mut Shard {
        self.shard(self.store.shard_of(key))
    }

    /// The shard of this number. Unless several are held on purpose, it is the only one held.
    pub fn shard(&mut self, number: usize) -> &mut Shard {
        if !self.pinned && self.held.last().is_none_or(|&(held, _)| held != number) {
            self.held.clear();
            self.held.push((number, self.store.lock(number)));
        }
        let at = self.held.iter().position(|&(held, _)| held == number);
        debug_assert!(at.is_some(), "the shards of all keys are held");
        #[expect(clippy::indexing_slicing, reason = "the shards of all keys are held")]
        &mut self.held[at.unwrap_or_default()].1
    }

    /// The shard of a watched key.
    pub fn of_watch(&mut self, watch: &Watch) -> &mut Shard {
        self.of(self.store.key(watch.db, &watch.key))
    }

    /// Calls `each` with every shard, one after the other.
    pub fn each(&mut self, mut each: impl FnMut(&mut Shard)) {
        for number in 0..self.store.shards() {
            each(self.shard(number));
        }
    }

    /// Lets go of everything.
    pub fn release(&mut self) {
        self.held.clear();
        self.pinned = false;
    }

    /// Evicts until no more is in use than allowed, after the limit was lowered or evicting was allowed.
    pub fn shrink_to_limit(&mut self, env: &Env<'_>) {
        let mut idle = 0;
        while env.evicts.get() && self.store.budget.is_exceeded() && idle < self.store.shards() {
            idle = if self.evict_next(env) { 0 } else { idle + 1 };
        }
    }

    /// Evicts from the shard whose turn it is.
    fn evict_next(&mut self, env: &Env<'_>) -> bool {
        let next = self.store.next_to_evict.fetch_add(1, Ordering::Relaxed);
        let number = next & (self.store.shards() - 1);
        match self.held.iter_mut().find(|(held, _)| *held == number) {
            Some((_, shard)) => shard.evict(env),
            // While others are held, waiting for one out of order could be for ever.
            None if self.pinned => {
                self.store.try_lock(number).is_some_and(|mut shard| shard.evict(env))
            }
            None => {
                self.held.clear();
                self.store.lock(number).evict(env)
            }
        }
    }

    /// Takes bytes from the budget for what comes next, evicting from all shards in turn. False
    /// when that is not enough.
    pub fn grant(&mut self, env: &Env<'_>, bytes: u64) -> bool {
        let missing = bytes.saturating_sub(env.granted.get());
        let mut idle = 0;
        while !self.store.budget.try_take(missing) {
            if !env.evicts.get()
                || missing > self.store.budget.bytes_max()
                || idle >= 2 * self.store.shards()
            {
                return false;
            }
            idle = if self.evict_next(env) { 0 } else { idle + 1 };
        }
        env.granted.set(env.granted.get() + missing);
        true
    }
}
