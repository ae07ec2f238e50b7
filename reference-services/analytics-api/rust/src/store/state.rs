//! What is held: parts of logs and segments, and the names of batches.

use crate::limits::BATCH_IDS_MAX;
use crate::store::block::BatchId;
use crate::store::part::Part;
use hashbrown::HashMap;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What one file has brought into memory.
#[derive(Debug, Default)]
pub struct Held {
    /// Its rows: one part for a segment, for a log some.
    pub parts: Vec<Arc<Part>>,
    /// Whether it is a segment.
    pub is_segment: bool,
    /// The names of its batches, in the order of their commit; empty for a segment.
    pub ids: Vec<BatchId>,
}

impl Held {
    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows() as u64).sum()
    }
}

/// All files by their numbers.
#[derive(Debug, Default)]
pub struct State {
    /// The files.
    pub files: BTreeMap<u64, Held>,
    /// The batches remembered.
    pub batches: Remembered,
    /// How many rows there are.
    pub events: u64,
}

impl State {
    /// The rows as they are now.
    pub fn parts(&self) -> Vec<Arc<Part>> {
        self.files.values().flat_map(|held| held.parts.iter().cloned()).collect()
    }

    /// Adds rows to a file.
    pub fn add(&mut self, number: u64, part: Arc<Part>, id: Option<BatchId>) {
        self.events += part.rows() as u64;
        let held = self.files.entry(number).or_default();
        held.parts.push(part);
        if let Some(id) = id {
            self.batches.add(&id, number);
            held.ids.push(id);
        }
    }

    /// Drops a file's rows and the names of its batches.
    pub fn remove(&mut self, number: u64) {
        if let Some(held) = self.files.remove(&number) {
            self.events -= held.rows();
            self.batches.forget(number);
        }
    }
}

/// The last batches with a name.
#[derive(Debug, Default)]
pub struct Remembered {
    by_name: HashMap<String, Body>,
    order: VecDeque<(String, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Body {
    bytes: u32,
    crc: u32,
    file: u64,
}

/// Whether a batch has been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No.
    New,
    /// Yes, with this body.
    Same,
    /// Another body has its name.
    Other,
}

impl Remembered {
    /// Whether this batch has been there.
    pub fn look(&self, id: &BatchId) -> Seen {
        match self.by_name.get(&id.name) {
            None => Seen::New,
            Some(body) if body.bytes == id.body_bytes && body.crc == id.body_crc => Seen::Same,
            Some(_) => Seen::Other,
        }
    }

    /// Remembers a batch of this file, and forgets the oldest beyond the limit.
    pub fn add(&mut self, id: &BatchId, file: u64) {
        let body = Body { bytes: id.body_bytes, crc: id.body_crc, file };
        self.by_name.insert(id.name.clone(), body);
        self.order.push_back((id.name.clone(), file));
        while self.order.len() > BATCH_IDS_MAX {
            if let Some((name, file)) = self.order.pop_front() {
                self.remove(&name, file);
            }
        }
    }

    fn forget(&mut self, file: u64) {
        let gone: Vec<String> =
            self.order.iter().filter(|it| it.1 == file).map(|it| it.0.clone()).collect();
        self.order.retain(|it| it.1 != file);
        for name in gone {
            self.remove(&name, file);
        }
    }

    fn remove(&mut self, name: &str, file: u64) {
        // A name may have come again after it was forgotten.
        if self.by_name.get(name).is_some_and(|body| body.file == file) {
            self.by_name.remove(name);
        }
    }
}
