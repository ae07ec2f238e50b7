//! Those who watch events come. One thread writes the events' texts, so that commits need not.

use crate::ingest::Batch;
use crate::query::spec::{Condition, Field};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Tails at once.
pub const TAILS_MAX: usize = 256;
/// What waits for a reader.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Batches that wait to be written as text; more are dropped for everybody.
const BATCHES_MAX: usize = 64;
const CHUNK_BYTES: usize = 16 << 10;

/// All tails.
#[derive(Debug)]
pub struct Tails {
    shared: Arc<Shared>,
    batches: SyncSender<(u64, Batch)>,
}

#[derive(Debug, Default)]
struct Shared {
    tails: Mutex<Vec<Arc<Tail>>>,
    /// Batches published so far.
    published: AtomicU64,
    dropped_events: AtomicU64,
}

/// One reader's filter and what waits for it.
#[derive(Debug)]
pub struct Tail {
    conditions: Vec<Condition>,
    /// Batches published before it began are none of its.
    begins_with: u64,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Events dropped since the last chunk.
    dropped: u64,
}

/// A tail for as long as it is read.
#[derive(Debug)]
pub struct Reading {
    tail: Arc<Tail>,
    shared: Arc<Shared>,
}

impl Default for Tails {
    fn default() -> Self {
        let (batches, waiting) = sync_channel(BATCHES_MAX);
        let shared = Arc::new(Shared::default());
        let writing = Arc::clone(&shared);
        // Ends when nobody can publish any more.
        std::thread::spawn(move || write_batches(&writing, &waiting));
        Self { shared, batches }
    }
}

impl Tails {
    /// Shows a batch to all readers.
    pub(crate) fn publish(&self, batch: Batch) {
        let number = self.shared.published.fetch_add(1, Relaxed);
        if self.shared.tails().is_empty() {
            return;
        }
        let rows = batch.rows() as u64;
        if self.batches.try_send((number, batch)).is_err() {
            for tail in self.shared.tails().iter() {
                tail.waiting().dropped += rows;
                self.shared.dropped_events.fetch_add(rows, Relaxed);
                tail.changed.notify_one();
            }
        }
    }

    /// Begins a tail; nothing if there are as many as there may be.
    pub fn begin(&self, conditions: Vec<Condition>) -> Option<Reading> {
        let mut tails = self.shared.tails();
        if tails.len() >= TAILS_MAX {
            return None;
        }
        let tail = Arc::new(Tail {
            conditions,
            begins_with: self.shared.published.load(Relaxed),
            waiting: Mutex::default(),
            changed: Notify::new(),
        });
        tails.push(Arc::clone(&tail));
        Some(Reading { tail, shared: Arc::clone(&self.shared) })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shared.tails().len()
    }

    /// Events that were dropped for readers that were too slow.
    pub fn dropped_events(&self) -> u64 {
        self.shared.dropped_events.load(Relaxed)
    }
}

impl Shared {
    fn tails(&self) -> MutexGuard<'_, Vec<Arc<Tail>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    /// The next text, once there is one.
    pub async fn next(&self) -> Vec<u8> {
        loop {
            {
                let mut waiting = self.tail.waiting();
                if let Some(chunk) = waiting.chunks.pop_front() {
                    waiting.bytes -= chunk.len();
                    return chunk;
                }
                let dropped = std::mem::take(&mut waiting.dropped);
                if dropped > 0 {
                    return format!("event: dropped\ndata: {{\"events\":{dropped}}}\n\n").into();
                }
            }
            self.tail.changed.notified().await;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.shared.tails().retain(|tail| !Arc::ptr_eq(tail, &self.tail));
    }
}

fn write_batches(shared: &Shared, waiting: &Receiver<(u64, Batch)>) {
    while let Ok((number, batch)) = waiting.recv() {
        let tails: Vec<Arc<Tail>> = shared.tails().clone();
        for tail in tails.iter().filter(|tail| tail.begins_with <= number) {
            let dropped = tail.write(&batch);
            shared.dropped_events.fetch_add(dropped, Relaxed);
        }
    }
}

#[derive(Serialize)]
struct Text<'a> {
    ts: i64,
    key: &'a str,
    value: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'a str, &'a str>,
}

impl Tail {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the events that match; gives how many of them were dropped.
    fn write(&self, batch: &Batch) -> u64 {
        let mut chunk = Vec::new();
        let (mut in_chunk, mut dropped) = (0, 0);
        for row in (0..batch.rows()).filter(|&row| self.admits(batch, row)) {
            let tags = batch.tags.iter().filter_map(|tag| {
                let value = tag.places.get(row)?.checked_sub(1)?;
                Some((tag.name.as_str(), tag.values.get(value)))
            });
            let text = Text {
                ts: batch.times_ms.get(row).copied().unwrap_or_default(),
                key: batch.key_table.get(batch.keys.get(row).copied().unwrap_or_default()),
                value: batch.values.get(row).copied().unwrap_or_default(),
                tags: tags.collect(),
            };
            chunk.extend_from_slice(b"data: ");
            // Writing into memory cannot fail.
            let _ = serde_json::to_writer(&mut chunk, &text);
            chunk.extend_from_slice(b"\n\n");
            in_chunk += 1;
            if chunk.len() >= CHUNK_BYTES {
                dropped += self.push(std::mem::take(&mut chunk), in_chunk);
                in_chunk = 0;
            }
        }
        dropped + self.push(chunk, in_chunk)
    }

    /// Lets a chunk wait, if there is room; gives how many events were dropped.
    fn push(&self, chunk: Vec<u8>, events: u64) -> u64 {
        if events == 0 {
            return 0;
        }
        let mut waiting = self.waiting();
        // Once something was dropped, nothing follows before the reader has been told.
        let has_room = waiting.bytes + chunk.len() <= WAITING_BYTES_MAX && waiting.dropped == 0;
        let dropped = if has_room {
            waiting.bytes += chunk.len();
            waiting.chunks.push_back(chunk);
            0
        } else {
            waiting.dropped += events;
            events
        };
        drop(waiting);
        self.changed.notify_one();
        dropped
    }

    fn admits(&self, batch: &Batch, row: usize) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Number { op, than } => {
                op.admits(batch.values.get(row).copied().unwrap_or_default(), *than)
            }
            Condition::Text { field: Field::Key, .. } => {
                let key = batch.keys.get(row).map(|&key| batch.key_table.get(key));
                condition.admits_text(key)
            }
            Condition::Text { field: Field::Tag(name), .. } => {
                let tag = batch.tags.iter().find(|tag| tag.name == *name);
                condition.admits_text(
                    tag.and_then(|tag| Some(tag.values.get(tag.places.get(row)?.checked_sub(1)?))),
                )
            }
        })
    }
}
