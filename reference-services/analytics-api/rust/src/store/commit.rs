//! The one thread that writes: batches that wait go into one frame, one write, one fsync.

use crate::ingest::Batch;
use crate::limits::{FRAME_BODY_BYTES, LOG_BYTES, LOG_EVENTS};
use crate::store::block::BatchId;
use crate::store::open::{OpenLog, create_log};
use crate::store::part::Part;
use crate::store::state::Seen;
use crate::store::tend::PERIOD;
use crate::store::{Refused, Shared, file};
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use tokio::sync::oneshot;

/// A batch that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the disk now.
    Stored,
    /// It had been there already.
    Duplicate,
}

/// Where the outcome goes.
pub(super) type Reply = oneshot::Sender<Result<Outcome, Refused>>;

/// A batch that waits.
pub(super) struct Job {
    pub block: Vec<u8>,
    pub part: Part,
    pub batch: Batch,
    pub id: Option<BatchId>,
    pub body_bytes: usize,
    pub reply: Reply,
}

/// What the thread needs.
pub(super) struct Committer {
    shared: Arc<Shared>,
    log: OpenLog,
    next_number: u64,
    wake: SyncSender<()>,
    /// Whether the disk has failed in a way after which nothing is sure.
    failed: bool,
}

/// The jobs of one frame, and the repeats that wait for it.
#[derive(Default)]
struct Group {
    jobs: Vec<Job>,
    repeats: Vec<(Reply, Result<Outcome, Refused>)>,
    events: u64,
}

impl Committer {
    pub(super) fn new(
        shared: &Arc<Shared>,
        log: OpenLog,
        next_number: u64,
        wake: SyncSender<()>,
    ) -> Self {
        Self { shared: Arc::clone(shared), log, next_number, wake, failed: false }
    }

    /// Commits until nobody can send any more.
    pub(super) fn run(mut self, waiting: &Receiver<Job>) {
        self.rotate_if_full();
        loop {
            let first = match waiting.recv_timeout(PERIOD) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.rotate_if_old();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut bytes = first.body_bytes;
            let mut jobs = vec![first];
            while bytes < FRAME_BODY_BYTES
                && let Ok(job) = waiting.try_recv()
            {
                bytes += job.body_bytes;
                jobs.push(job);
            }
            let group = self.admit(jobs);
            self.commit(group);
        }
    }

    /// Those of the jobs that will be written; the others are answered.
    fn admit(&self, jobs: Vec<Job>) -> Group {
        let mut group = Group::default();
        let state = self.shared.state();
        for job in jobs {
            match job.id.as_ref().map_or(Seen::New, |id| state.batches.look(id)) {
                Seen::New => {}
                Seen::Same => {
                    answer(job.reply, Ok(Outcome::Duplicate));
                    continue;
                }
                Seen::Other => {
                    answer(job.reply, Err(Refused::BatchIdReused));
                    continue;
                }
            }
            let named = job.id.as_ref().and_then(|id| {
                group.jobs.iter().filter_map(|it| it.id.as_ref()).find(|it| it.name == id.name)
            });
            if let Some(first) = named {
                let same = Some(first) == job.id.as_ref();
                let outcome =
                    if same { Ok(Outcome::Duplicate) } else { Err(Refused::BatchIdReused) };
                group.repeats.push((job.reply, outcome));
                continue;
            }
            let events = group.events + job.part.rows() as u64;
            if state.events + events > self.shared.settings.events_max {
                answer(job.reply, Err(Refused::Full("events")));
                continue;
            }
            group.events = events;
            group.jobs.push(job);
        }
        group
    }

    fn commit(&mut self, group: Group) {
        if group.jobs.is_empty() {
            return;
        }
        let outcome = if self.failed { Err(Refused::LogFailed) } else { self.write(&group.jobs) };
        if let Err(refused) = outcome {
            let replies = group.jobs.into_iter().map(|job| job.reply);
            let repeats = group.repeats.into_iter().map(|(reply, _)| reply);
            replies.chain(repeats).for_each(|reply| answer(reply, Err(refused)));
            return;
        }
        self.log.events += group.events;
        self.shared.counters.commits.fetch_add(1, Relaxed);
        let mut replies = Vec::with_capacity(group.jobs.len());
        let mut state = self.shared.state();
        for job in group.jobs {
            state.add(self.log.number, Arc::new(job.part), job.id);
            self.shared.tails.publish(job.batch);
            replies.push(job.reply);
        }
        drop(state);
        replies.into_iter().for_each(|reply| answer(reply, Ok(Outcome::Stored)));
        group.repeats.into_iter().for_each(|(reply, outcome)| answer(reply, outcome));
        self.rotate_if_full();
        // A full channel means that it will wake anyway.
        let _ = self.wake.try_send(());
    }

    fn write(&mut self, jobs: &[Job]) -> Result<(), Refused> {
        let blocks: Vec<&[u8]> = jobs.iter().map(|job| job.block.as_slice()).collect();
        let frame = file::frame(&blocks);
        if let Err(error) = self.log.file.write_all(&frame) {
            tracing::warn!(%error, "a batch could not be written");
            return Err(match self.take_back() {
                Ok(()) => Refused::Full("disk"),
                Err(error) => self.fail(&error),
            });
        }
        if self.shared.settings.sync
            && let Err(error) = self.log.file.sync_data()
        {
            return Err(self.fail(&error));
        }
        self.log.bytes += frame.len() as u64;
        Ok(())
    }

    /// Cuts the log to where the frame began.
    fn take_back(&mut self) -> io::Result<()> {
        self.log.file.set_len(self.log.bytes)?;
        self.log.file.seek(SeekFrom::Start(self.log.bytes)).map(|_| ())
    }

    fn fail(&mut self, error: &io::Error) -> Refused {
        tracing::error!(%error, "the log failed; batches are refused until a restart");
        self.failed = true;
        Refused::LogFailed
    }

    fn rotate_if_full(&mut self) {
        if self.log.events >= LOG_EVENTS || self.log.bytes >= LOG_BYTES {
            self.rotate();
        }
    }

    /// A store that is full takes nothing that would fill its log, and must not stay full for that.
    fn rotate_if_old(&mut self) {
        let oldest_ms = *self.shared.times_ms().start();
        let is_old = self.shared.state().files.get(&self.log.number).is_some_and(|held| {
            !held.parts.is_empty() && held.parts.iter().all(|part| part.last_ms < oldest_ms)
        });
        if is_old {
            self.rotate();
        }
    }

    fn rotate(&mut self) {
        match create_log(&self.shared.folder, self.next_number) {
            Ok(log) => {
                self.next_number += 1;
                self.log = log;
                self.shared.newest_log.store(self.log.number, Relaxed);
            }
            // The log that is there will do until there is room.
            Err(error) => tracing::warn!(%error, "no new log"),
        }
    }
}

fn answer(reply: Reply, outcome: Result<Outcome, Refused>) {
    // Whoever asked may have gone.
    let _ = reply.send(outcome);
}
