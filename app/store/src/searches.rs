//! What was searched for last: its other pages and filters need no second look into the index, and a
//! database is asked about what has changed since.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::memory::{Found, State};

/// The last searches, the latest first.
pub(crate) struct Searches {
    most: usize,
    list: Mutex<VecDeque<Searched>>,
}

struct Searched {
    of: State,
    words: String,
    found: Arc<Found>,
}

impl Searches {
    /// So many are remembered at most; each takes a byte a record.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, list: Mutex::default() }
    }

    /// What these words found last, of this epoch, and after which change.
    pub(crate) fn find(&self, epoch: u64, words: &str) -> Option<(i64, Arc<Found>)> {
        let searches = self.locked();
        let known = searches.iter().find(|it| it.of.0 == epoch && it.words == words);
        known.map(|it| (it.of.1, Arc::clone(&it.found)))
    }

    /// Remembers what words found that were looked up in this state or a later one.
    pub(crate) fn keep(&self, of: State, words: String, found: &Arc<Found>) {
        let mut searches = self.locked();
        searches.retain(|it| it.words != words);
        searches.truncate(self.most - 1);
        searches.push_front(Searched { of, words, found: Arc::clone(found) });
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Searched>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
