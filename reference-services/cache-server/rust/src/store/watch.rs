//! Watched keys: what WATCH needs to know whether a key was written since.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A watch of one client on one key: its database, the key, and how often it had been written.
#[derive(Debug)]
pub struct Watch {
    /// The database as the client numbers it.
    pub db: u8,
    /// The key.
    pub key: Box<[u8]>,
    /// What [`Watched::add`] answered.
    pub version: u64,
    /// Told as soon as the key is written, for CLIENT LIST.
    pub changed: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    /// What is to be told, one for each watch.
    watchers: Vec<Arc<AtomicBool>>,
    version: u64,
}

/// The watched keys of one shard. It is empty on nearly every server, and then costs one branch.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    keys: HashMap<(u8, Box<[u8]>), State>,
}

impl Watched {
    pub(crate) fn add(&mut self, db: u8, key: &[u8], changed: &Arc<AtomicBool>) -> u64 {
        let state = self.keys.entry((db, key.into())).or_default();
        state.watchers.push(Arc::clone(changed));
        state.version
    }

    pub(crate) fn remove(&mut self, watch: &Watch) {
        let name = (watch.db, watch.key.clone());
        if let Some(state) = self.keys.get_mut(&name) {
            let own = state.watchers.iter().position(|it| Arc::ptr_eq(it, &watch.changed));
            own.map(|at| state.watchers.swap_remove(at));
            if state.watchers.is_empty() {
                self.keys.remove(&name);
            }
        }
    }

    pub(crate) fn version(&self, watch: &Watch) -> u64 {
        self.keys.get(&(watch.db, watch.key.clone())).map_or(0, |state| state.version)
    }

    /// Says that a key was written or deleted.
    pub(crate) fn touch(&mut self, db: u8, key: &[u8]) {
        if self.keys.is_empty() {
            return;
        }
        if let Some(state) = self.keys.get_mut(&(db, key.into())) {
            state.version += 1;
            state.watchers.iter().for_each(|watcher| watcher.store(true, Ordering::Relaxed));
        }
    }

    /// The watched keys of a database.
    pub(crate) fn keys_of(&self, db: u8) -> Vec<Box<[u8]>> {
        self.keys.keys().filter(|(of, _)| *of == db).map(|(_, key)| key.clone()).collect()
    }
}
