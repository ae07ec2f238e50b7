//! The events: taking batches, keeping them, and showing them as they are at one moment.
//!
//! A batch is read, numbered and sorted on the caller's thread; one thread ([`commit`]) writes and
//! fsyncs what waits and then makes it visible; another ([`tend`]) merges small parts, turns full
//! logs into segments and deletes what is too old.

pub mod ascending;
pub mod block;
mod commit;
pub mod dictionary;
pub mod file;
pub mod open;
pub mod part;
mod state;
mod tend;

use crate::config::Settings;
use crate::ingest::Batch;
use crate::ingest::body::{self, Parsed};
use crate::limits::TS_MS_MAX;
use crate::tail::Tails;
use crate::time::Clock;
use block::BatchId;
use commit::{Job, Outcome};
use dictionary::{Dictionary, Full, Numbers};
use open::{Cut, OpenError};
use part::Part;
use state::{Seen, State};
use std::fs::File;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const DAY_MS: i64 = 86_400_000;

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Another batch has its name.
    BatchIdReused,
    /// No room; the text is the limit's name.
    Full(&'static str),
    /// The log cannot be trusted any more.
    LogFailed,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its lines.
    pub parsed: Parsed,
    /// Whether it had been there already.
    pub duplicate: bool,
}

/// Counts for the metrics.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames written.
    pub commits: AtomicU64,
}

/// What the service's threads share.
pub(crate) struct Shared {
    folder: PathBuf,
    settings: Settings,
    clock: Box<dyn Clock>,
    dictionary: RwLock<Dictionary>,
    state: Mutex<State>,
    /// The number of the log that is written to.
    newest_log: AtomicU64,
    counters: Counters,
    tails: Tails,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dictionary(&self) -> RwLockReadGuard<'_, Dictionary> {
        self.dictionary.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The times that events may have now.
    fn times_ms(&self) -> RangeInclusive<i64> {
        match self.settings.retention_ms {
            Some(retention_ms) => {
                let now_ms = self.clock.now_ms();
                now_ms.saturating_sub(retention_ms).max(0)..=now_ms.saturating_add(DAY_MS)
            }
            None => 0..=TS_MS_MAX,
        }
    }
}

/// The events of a data folder.
pub struct Store {
    shared: Arc<Shared>,
    jobs: Option<Sender<Job>>,
    wake: Option<SyncSender<()>>,
    threads: Vec<JoinHandle<()>>,
    cut: Option<Cut>,
    /// Held for as long as the folder is used.
    _lock: File,
}

/// The rows at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// The rows.
    pub parts: Vec<Arc<Part>>,
    /// The earliest time that may be seen.
    pub oldest_ms: i64,
}

/// A batch that is on its way to the disk.
pub enum Submitted {
    /// Nothing has to be waited for.
    Done(Result<bool, Refused>),
    /// The outcome comes from the commit.
    Waiting(oneshot::Receiver<Result<Outcome, Refused>>),
}

impl Submitted {
    /// Whether the batch had been there, once that is durable.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn outcome(self) -> Result<bool, Refused> {
        match self {
            Self::Done(outcome) => outcome,
            Self::Waiting(outcome) => match outcome.await {
                Ok(outcome) => outcome.map(|it| it == Outcome::Duplicate),
                Err(_) => Err(Refused::LogFailed),
            },
        }
    }
}

impl Store {
    /// Loads the data folder and starts the two threads.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(settings: Settings, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let folder = settings.data.clone();
        let opened = open::open(&folder)?;
        let shared = Arc::new(Shared {
            folder,
            settings,
            clock,
            dictionary: RwLock::new(opened.dictionary),
            state: Mutex::new(opened.state),
            newest_log: AtomicU64::new(opened.log.number),
            counters: Counters::default(),
            tails: Tails::default(),
        });
        let (jobs, waiting): (_, Receiver<Job>) = channel();
        // One wake-up that waits is as good as many.
        let (wake, woken) = sync_channel(1);
        let committer =
            commit::Committer::new(&shared, opened.log, opened.next_number, wake.clone());
        let tending = Arc::clone(&shared);
        let threads = vec![
            std::thread::spawn(move || committer.run(&waiting)),
            std::thread::spawn(move || tend::run(&tending, &woken)),
        ];
        let jobs = Some(jobs);
        Ok(Self { shared, jobs, wake: Some(wake), threads, cut: opened.cut, _lock: opened.lock })
    }

    /// What was cut from the newest log at the start.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Reads a body's lines. Takes long for a large one.
    pub fn read_body(&self, body: &[u8]) -> Parsed {
        body::read(body, &self.shared.times_ms())
    }

    /// Hands a batch of at least one event on. Takes long for a large one.
    pub fn submit(&self, batch: Batch, id: Option<BatchId>, body_bytes: usize) -> Submitted {
        if let Some(id) = &id {
            match self.shared.state().batches.look(id) {
                Seen::New => {}
                Seen::Same => return Submitted::Done(Ok(true)),
                Seen::Other => return Submitted::Done(Err(Refused::BatchIdReused)),
            }
        }
        if self.events() + batch.rows() as u64 > self.shared.settings.events_max {
            return Submitted::Done(Err(Refused::Full("events")));
        }
        let numbers = match self.number(&batch) {
            Ok(numbers) => numbers,
            Err(Full::Strings) => return Submitted::Done(Err(Refused::Full("strings"))),
            Err(Full::TagNames) => return Submitted::Done(Err(Refused::Full("tag-names"))),
        };
        let part = Part::of_batch(&batch, &numbers.keys, &numbers.tags);
        let block = block::encode_batch(&batch, id.as_ref());
        let (reply, outcome) = oneshot::channel();
        let job = Job { block, part, batch, id, body_bytes, reply };
        if self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok()) {
            Submitted::Waiting(outcome)
        } else {
            Submitted::Done(Err(Refused::LogFailed))
        }
    }

    fn number(&self, batch: &Batch) -> Result<Numbers, Full> {
        // Most batches have no new string, and then need not wait for queries.
        if let Some(numbers) = self.shared.dictionary().find(batch) {
            return Ok(numbers);
        }
        let mut dictionary = self.shared.dictionary.write().unwrap_or_else(PoisonError::into_inner);
        dictionary.intern(batch, self.shared.settings.strings_max)
    }

    /// The rows as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let oldest_ms = *self.shared.times_ms().start();
        Snapshot { parts: self.shared.state().parts(), oldest_ms }
    }

    /// The strings. Batches with new strings wait while this is held; numbers never change their
    /// meaning.
    pub fn dictionary(&self) -> RwLockReadGuard<'_, Dictionary> {
        self.shared.dictionary()
    }

    /// How many events are held.
    pub fn events(&self) -> u64 {
        self.shared.state().events
    }

    /// How many keys, and values of tags, are held.
    pub fn strings(&self) -> u64 {
        self.shared.dictionary().strings()
    }

    /// How many segments and logs there are.
    pub fn files(&self) -> (usize, usize) {
        let state = self.shared.state();
        let segments = state.files.values().filter(|held| held.is_segment).count();
        let newest = self.shared.newest_log.load(Relaxed);
        // A new log has no rows yet.
        let unseen = usize::from(!state.files.contains_key(&newest));
        (segments, state.files.len() - segments + unseen)
    }

    /// Frames written.
    pub fn commits(&self) -> u64 {
        self.shared.counters.commits.load(Relaxed)
    }

    /// Those who watch events come.
    pub fn tails(&self) -> &Tails {
        &self.shared.tails
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Without senders both threads finish what they have and end.
        self.jobs.take();
        self.wake.take();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
