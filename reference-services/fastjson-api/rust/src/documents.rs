//! The documents in memory.

use crate::json::{Value, to_bytes};
use crate::preconditions::{ETag, Preconditions, Unmet};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How much may be stored.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Documents.
    pub documents_max: u64,
    /// Bytes of all documents' served forms together.
    pub bytes_max: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { documents_max: 100_000, bytes_max: 64 * 1024 * 1024 }
    }
}

/// One state of a document; it never changes.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) etag: ETag,
    /// The length of its served form.
    bytes: u64,
}

impl Document {
    /// A document from its value and that value's served form.
    pub(crate) fn new(value: Value, served: &[u8]) -> Self {
        Self { value, etag: ETag::of(served), bytes: served.len().try_into().unwrap_or(u64::MAX) }
    }

    pub(crate) fn served(&self) -> Vec<u8> {
        to_bytes(&self.value)
    }
}

/// Why a change was not made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such document.
    Missing,
    Unmet(Unmet),
    /// The name of the limit.
    Full(&'static str),
}

/// All documents, by id. Trees are built and dropped outside the lock.
#[derive(Debug)]
pub(crate) struct Store {
    limits: StoreLimits,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    documents: HashMap<Box<str>, Arc<Document>>,
    bytes: u64,
}

/// Whether a document is new at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Created,
    Replaced,
}

impl Store {
    pub(crate) fn new(limits: StoreLimits) -> Self {
        Self { limits, state: RwLock::default() }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Document>> {
        self.read().documents.get(id).map(Arc::clone)
    }

    /// Stores a document in place of whatever is there.
    pub(crate) fn put(
        &self,
        id: &str,
        document: Arc<Document>,
        preconditions: &Preconditions,
    ) -> Result<Put, Refused> {
        let mut state = self.write();
        let current = state.documents.get(id);
        preconditions.check(current.map(|current| &current.etag)).map_err(Refused::Unmet)?;
        let old = state.replace(id, document, self.limits)?;
        drop(state);
        Ok(if old.is_some() { Put::Replaced } else { Put::Created })
    }

    /// Stores a document in place of one state of it. Says false when there is another one now.
    pub(crate) fn swap(
        &self,
        id: &str,
        from: &Arc<Document>,
        to: Arc<Document>,
    ) -> Result<bool, Refused> {
        let mut state = self.write();
        let unchanged = state.documents.get(id).is_some_and(|current| Arc::ptr_eq(current, from));
        if unchanged {
            let old = state.replace(id, to, self.limits)?;
            drop(state);
            drop(old);
        }
        Ok(unchanged)
    }

    pub(crate) fn delete(&self, id: &str, preconditions: &Preconditions) -> Result<(), Refused> {
        let mut state = self.write();
        let current = state.documents.get(id).ok_or(Refused::Missing)?;
        preconditions.check(Some(&current.etag)).map_err(Refused::Unmet)?;
        let old = state.documents.remove(id);
        state.bytes -= old.as_ref().map_or(0, |old| old.bytes);
        drop(state);
        drop(old);
        Ok(())
    }

    // Nothing panics while it holds the lock, so that what it guards is whole.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Stores a document and returns the one it replaces, unless a limit would be broken.
    fn replace(
        &mut self,
        id: &str,
        document: Arc<Document>,
        limits: StoreLimits,
    ) -> Result<Option<Arc<Document>>, Refused> {
        let old_bytes = self.documents.get(id).map(|old| old.bytes);
        let count = self.documents.len() as u64 + u64::from(old_bytes.is_none());
        let bytes = self.bytes - old_bytes.unwrap_or(0) + document.bytes;
        if count > limits.documents_max {
            return Err(Refused::Full("documents"));
        }
        if bytes > limits.bytes_max {
            return Err(Refused::Full("documents-bytes"));
        }
        self.bytes = bytes;
        Ok(self.documents.insert(id.into(), document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Numbers, parse};

    fn document(text: &str) -> Arc<Document> {
        Arc::new(Document::new(parse(text.as_bytes(), Numbers::Any).unwrap(), text.as_bytes()))
    }

    #[test]
    fn limits_count_what_would_be_there() {
        let store = Store::new(StoreLimits { documents_max: 2, bytes_max: 10 });
        let put = |id, text| store.put(id, document(text), &Preconditions::default());
        assert_eq!(put("a", "12345"), Ok(Put::Created));
        assert_eq!(put("b", "12345"), Ok(Put::Created));
        assert_eq!(put("c", "1"), Err(Refused::Full("documents")));
        assert_eq!(put("a", "123456"), Err(Refused::Full("documents-bytes")));
        assert_eq!(put("a", "1"), Ok(Put::Replaced));
        assert_eq!(put("b", "123456789"), Ok(Put::Replaced));
        assert_eq!(store.delete("b", &Preconditions::default()), Ok(()));
        assert_eq!(store.delete("b", &Preconditions::default()), Err(Refused::Missing));
        assert_eq!(put("c", "123456789"), Ok(Put::Created));
        assert_eq!(store.read().bytes, 10);
    }

    #[test]
    fn a_swap_needs_the_state_it_began_with() {
        let store = Store::new(StoreLimits::default());
        store.put("a", document("1"), &Preconditions::default()).unwrap();
        let first = store.get("a").unwrap();
        assert_eq!(store.swap("a", &first, document("2")), Ok(true));
        assert_eq!(store.swap("a", &first, document("3")), Ok(false));
        assert_eq!(store.get("a").unwrap().served(), b"2");
    }
}
