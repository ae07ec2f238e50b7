//! Idempotency keys: a creating request that is sent again gives the record of the first time.

use std::collections::VecDeque;

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::error::Error;

/// The longest key.
const KEY_BYTES_MAX: usize = 255;
/// How many keys are remembered, newest first out last, while the program runs.
const KEYS_MAX: usize = 1024;

/// The keys of recent creating requests, with what they created.
#[derive(Default)]
pub struct Keys(Mutex<VecDeque<Entry>>);

struct Entry {
    key: String,
    request: [u8; 32],
    created: Uuid,
}

/// One creating request's hold on the keys: a second request waits until the first has created
/// its record or failed.
pub(super) struct Turn<'a> {
    keys: MutexGuard<'a, VecDeque<Entry>>,
    key: String,
    request: [u8; 32],
}

impl Keys {
    /// Takes a turn if the request has a key.
    pub(super) async fn turn(
        &self,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Option<Turn<'_>>, Error> {
        let Some(key) = headers.get("idempotency-key") else {
            return Ok(None);
        };
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX);
        let Some(key) = key else {
            return Err(Error::Malformed {
                message: "the Idempotency-Key must be 1 to 255 visible ASCII characters".into(),
                errors: Vec::new(),
            });
        };
        let request = Sha256::digest(body.as_bytes()).into();
        Ok(Some(Turn { keys: self.0.lock().await, key: key.to_owned(), request }))
    }
}

impl Turn<'_> {
    /// What this very request created before, if anything.
    pub(super) fn created_before(&self) -> Result<Option<Uuid>, Error> {
        match self.keys.iter().find(|entry| entry.key == self.key) {
            None => Ok(None),
            Some(entry) if entry.request == self.request => Ok(Some(entry.created)),
            Some(_) => Err(Error::KeyReused),
        }
    }

    /// Remembers what the request created.
    pub(super) fn remember(mut self, created: Uuid) {
        self.keys.truncate(KEYS_MAX - 1);
        self.keys.push_front(Entry { key: self.key, request: self.request, created });
    }
}
