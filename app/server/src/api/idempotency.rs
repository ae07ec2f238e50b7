//! Idempotency keys: a creating request that is sent again gives the record of the first time.
//!
//! The id of the record to be made is kept beside the key before the record is: whoever sends the same
//! request meanwhile, or after the program was killed between the two, makes the same record.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use assay_store::{
    StoreError, Stored,
    access::{Access, Creating, Key},
};
use axum::http::HeaderMap;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::{
    access::{caller, key as digest},
    error::Error,
    state::AppState,
};

/// The longest key.
const KEY_BYTES_MAX: usize = 255;
/// How many keys a program without a database remembers, while it runs.
const KEYS_MAX: usize = 1024;
/// How long a database remembers a key.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The keys of recent creating requests: in the database, if there is one.
#[derive(Default)]
pub struct Keys {
    database: Option<Arc<dyn Access>>,
    /// The newest first.
    memory: Mutex<VecDeque<(Key, Creating)>>,
}

/// A creating request as far as its key goes.
pub(super) struct Keyed<'a> {
    app: &'a AppState,
    /// Its key's and its own digest, if it has a key.
    digests: Option<(Key, Key)>,
}

impl Keys {
    /// Keys that are kept in a database, if there is one.
    #[must_use]
    pub fn new(database: Option<Arc<dyn Access>>) -> Self {
        Self { database, memory: Mutex::default() }
    }

    async fn find(&self, app: &AppState, key: &Key) -> Result<Option<Creating>, StoreError> {
        match &self.database {
            Some(database) => database.creating(key, app.now()).await,
            None => {
                let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(memory.iter().find(|(known, _)| known == key).map(|(_, creating)| *creating))
            }
        }
    }

    /// Keeps what a key stands for, unless it stands for something already; gives what it stands for.
    async fn claim(
        &self,
        app: &AppState,
        key: &Key,
        new: Creating,
    ) -> Result<Creating, StoreError> {
        if let Some(database) = &self.database {
            return database.claim(key, &new, app.now()).await;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = memory.iter().find(|(known, _)| known == key) {
            return Ok(*known);
        }
        memory.truncate(KEYS_MAX - 1);
        memory.push_front((*key, new));
        Ok(new)
    }
}

impl<'a> Keyed<'a> {
    /// Reads the key of a request, if it has one. Everybody's keys are their own.
    pub(super) fn read(
        app: &'a AppState,
        headers: &HeaderMap,
        request: &str,
    ) -> Result<Self, Error> {
        let Some(key) = headers.get("idempotency-key") else {
            return Ok(Self { app, digests: None });
        };
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
        let Some(key) = key else {
            return Err(Error::Malformed {
                message: "the Idempotency-Key must be 1 to 255 visible ASCII characters".into(),
                errors: Vec::new(),
            });
        };
        let whose = caller().map(|caller| caller.person.subject).unwrap_or_default();
        // A key has no line break.
        let key = digest(&format!("{key}\n{whose}"));
        Ok(Self { app, digests: Some((key, digest(request))) })
    }

    /// What this very request created before, if anything.
    pub(super) async fn created_before(&self) -> Result<Option<Stored>, Error> {
        let Some((key, request)) = &self.digests else { return Ok(None) };
        let Some(known) = self.app.keys.find(self.app, key).await? else { return Ok(None) };
        if known.request != *request {
            return Err(Error::KeyReused);
        }
        match self.app.store.get(known.record).await {
            Ok(stored) => Ok(Some(stored)),
            // It failed before its record was made.
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates the record under this id, or under the one that this very request began with; whether
    /// it was made now.
    pub(super) async fn create<F>(
        self,
        id: Uuid,
        create: impl FnOnce(Uuid) -> F,
    ) -> Result<(bool, Stored), Error>
    where
        F: Future<Output = Result<Stored, Error>>,
    {
        let Some((key, request)) = self.digests else {
            return Ok((true, create(id).await?));
        };
        let until = self.app.now() + KEPT_FOR;
        let known =
            self.app.keys.claim(self.app, &key, Creating { request, record: id, until }).await?;
        if known.request != request {
            return Err(Error::KeyReused);
        }
        match create(known.record).await {
            // The same request was quicker.
            Err(Error::Store(StoreError::IdTaken(_))) if known.record != id => {
                Ok((false, self.app.store.get(known.record).await?))
            }
            made => Ok((true, made?)),
        }
    }
}
