//! What the server counts. Each event loop has counters of its own, so that counting a command
//! touches no memory that another core writes.

use crate::command::COMMANDS;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Why a connection was closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Closed {
    Maxclients,
    Protocol,
    Reply,
    Stalled,
    Buffers,
    Timeout,
    Killed,
    Tls,
}

impl Closed {
    /// All reasons, in the order of their numbers.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Maxclients, "maxclients"),
        (Self::Protocol, "protocol"),
        (Self::Reply, "reply"),
        (Self::Stalled, "stalled"),
        (Self::Buffers, "buffers"),
        (Self::Timeout, "timeout"),
        (Self::Killed, "killed"),
        (Self::Tls, "tls"),
    ];
}

/// The counters of one thread.
#[derive(Debug)]
pub struct Counters {
    commands: Box<[AtomicU64]>,
    errors: AtomicU64,
}

fn add_own(counter: &AtomicU64) {
    // Only one thread writes here, so that nothing gets lost between reading and writing.
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Counters {
    /// Counts a command, by its number in the table. Only the owning thread may.
    pub fn command(&self, number: usize) {
        if let Some(counter) = self.commands.get(number) {
            add_own(counter);
        }
    }

    /// Counts a command that answered with an error. Only the owning thread may.
    pub fn error(&self) {
        add_own(&self.errors);
    }
}

/// The counters of the server.
#[derive(Debug, Default)]
pub struct Stats {
    threads: Mutex<Vec<Arc<Counters>>>,
    /// Connections accepted.
    pub connections: AtomicU64,
    closed: [AtomicU64; Closed::ALL.len()],
    /// Bytes of buffers of all clients.
    pub buffer_bytes: AtomicU64,
    /// Those of each client beyond what it has freely.
    pub limited_bytes: AtomicU64,
}

impl Stats {
    /// Counters for one more thread.
    pub fn thread(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters {
            commands: COMMANDS.iter().map(|_| AtomicU64::new(0)).collect(),
            errors: AtomicU64::new(0),
        });
        self.all().push(Arc::clone(&counters));
        counters
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Counters>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each command ran, by its number in the table.
    pub fn commands(&self) -> Vec<u64> {
        let mut sums = vec![0; COMMANDS.len()];
        for counters in self.all().iter() {
            for (sum, counter) in sums.iter_mut().zip(&counters.commands) {
                *sum += counter.load(Ordering::Relaxed);
            }
        }
        sums
    }

    /// Commands that answered with an error.
    pub fn errors(&self) -> u64 {
        self.all().iter().map(|counters| counters.errors.load(Ordering::Relaxed)).sum()
    }

    /// Counts a connection that the server closed.
    pub fn close(&self, reason: Closed) {
        if let Some(counter) = self.closed.get(reason as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Connections that the server closed for this reason.
    pub fn closed(&self, reason: Closed) -> u64 {
        self.closed.get(reason as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Sets the counters back to 0. A thread that counts meanwhile may win.
    pub fn reset(&self) {
        for counters in self.all().iter() {
            let counters = counters.commands.iter().chain([&counters.errors]);
            counters.for_each(|counter| counter.store(0, Ordering::Relaxed));
        }
        self.connections.store(0, Ordering::Relaxed);
        self.closed.iter().for_each(|counter| counter.store(0, Ordering::Relaxed));
    }
}
