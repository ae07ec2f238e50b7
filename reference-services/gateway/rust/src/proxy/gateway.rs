//! The gateway as a whole: its table, which may change at any time, and what it counts.

use super::checker::Checker;
use super::gauge::Gauge;
use super::metrics::Metrics;
use super::table::Table;
use super::trace::Ids;
use crate::config::{Auth, Config, Fault, Server};
use crate::reload::{Stamp, stamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

const LOOK_PAUSE: Duration = Duration::from_millis(500);
const SWEEP_PAUSE: Duration = Duration::from_secs(5);

type Stamps = BTreeMap<PathBuf, Stamp>;

#[derive(Debug)]
pub(super) struct Gateway {
    file: PathBuf,
    pub(super) server: Server,
    pub(super) threads: usize,
    table: RwLock<Arc<Table>>,
    pub(super) metrics: Metrics,
    pub(super) in_flight: Gauge,
    pub(super) connections: Gauge,
    /// The wall clock, from whoever has one.
    pub(super) now: fn() -> SystemTime,
}

/// What a thread that runs requests has for itself.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) gateway: Arc<Gateway>,
    pub(super) thread: usize,
    pub(super) ids: Ids,
    pub(super) phase: watch::Receiver<Phase>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// Nothing more is accepted.
    Closing,
    /// Idle connections are closed.
    Draining,
}

impl Gateway {
    /// Loads the table from a file; the stamps are for `watch`.
    pub(super) fn open(
        file: &Path,
        threads: usize,
        now: fn() -> SystemTime,
    ) -> Result<(Self, Stamps), Fault> {
        let metrics = Metrics::new();
        let (table, stamps) = load(file, None, &metrics, threads);
        let table = table?;
        let server = table.conf.server.clone();
        let gateway = Self {
            file: file.to_owned(),
            in_flight: Gauge::new(server.in_flight_max),
            connections: Gauge::new(usize::MAX),
            server,
            threads,
            table: RwLock::new(Arc::new(table)),
            metrics,
            now,
        };
        Ok((gateway, stamps))
    }

    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads the table and the key files again when they change, and on each hangup.
    pub(super) async fn watch(&self, mut hangup: Signal, mut seen: Stamps) {
        loop {
            let forced = tokio::time::timeout(LOOK_PAUSE, hangup.recv()).await.is_ok();
            if forced || seen.get(&self.file) != Some(&stamp(&self.file)) {
                let (outcome, stamps) = self.reload();
                match &outcome {
                    Ok(()) => seen = stamps,
                    // The keys of the table that stays are watched on.
                    Err(_) => {
                        seen.insert(self.file.clone(), stamps.get(&self.file).copied().flatten());
                    }
                }
                self.report(outcome.map_err(|fault| fault.to_string()));
            } else {
                self.reload_keys(&mut seen);
            }
        }
    }

    fn reload(&self) -> (Result<(), Fault>, Stamps) {
        let old = self.table();
        let (next, stamps) = load(&self.file, Some(&old), &self.metrics, self.threads);
        let outcome = next.map(|next| {
            if next.conf.server != self.server {
                let file = self.file.display();
                eprintln!("gateway: {file}: [server] has changed; it is read at the start only");
            }
            *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        });
        (outcome, stamps)
    }

    /// Takes the stamps first, so that auths that share a file all see its change.
    fn reload_keys(&self, seen: &mut Stamps) {
        let table = self.table();
        let now: Stamps = key_files(&table.conf).map(|file| (file.clone(), stamp(file))).collect();
        for checker in table.checkers.values() {
            if let Checker::Keys { keys, .. } = &**checker
                && seen.get(keys.file()) != now.get(keys.file())
            {
                self.report(keys.reload());
            }
        }
        seen.extend(now);
    }

    /// Says and counts how a reload went.
    fn report(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.metrics.reloads.fetch_add(1, Relaxed),
            Err(what) => {
                eprintln!("gateway: {what}");
                self.metrics.reloads_refused.fetch_add(1, Relaxed)
            }
        };
    }
}

impl Worker {
    /// Lets go of connections to upstreams that nobody needs, again and again.
    pub(super) async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP_PAUSE).await;
            let (table, now) = (self.gateway.table(), Instant::now());
            let origins = table.upstreams.values().flat_map(|upstream| &upstream.origins);
            origins.for_each(|origin| origin.peer.sweep(self.thread, now));
            table.checkers.values().for_each(|checker| checker.sweep(self.thread, now));
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }
}

/// Reads the table and the key files that it names. The stamps are older than what was read, so that a
/// change in between is seen later.
fn load(
    file: &Path,
    old: Option<&Table>,
    metrics: &Metrics,
    threads: usize,
) -> (Result<Table, Fault>, Stamps) {
    let mut stamps = Stamps::from([(file.to_owned(), stamp(file))]);
    let conf = match Config::load(file) {
        Ok(conf) => conf,
        Err(fault) => return (Err(fault), stamps),
    };
    stamps.extend(key_files(&conf).map(|file| (file.clone(), stamp(file))));
    (Table::build(conf, old, metrics, threads), stamps)
}

fn key_files(conf: &Config) -> impl Iterator<Item = &PathBuf> {
    conf.auths.values().filter_map(|auth| match auth {
        Auth::File { file, .. } => Some(file),
        Auth::Service { .. } => None,
    })
}
