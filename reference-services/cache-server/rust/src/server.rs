//! What all threads share.

use crate::clients::{Client, Clients};
use crate::clock::Clock;
use crate::config::{Config, Policy, Settings};
use crate::stats::Stats;
use crate::store::Store;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A way to wake the event loop of this number.
type Wake = Box<dyn Fn(usize) + Send + Sync>;

/// The server, without its connections.
pub struct Server {
    /// The keys.
    pub store: Store,
    /// Settings.
    pub config: Config,
    /// Who is connected.
    pub clients: Clients,
    /// What was counted.
    pub stats: Stats,
    /// The time.
    pub clock: Box<dyn Clock>,
    /// When it started, in ms since 1970.
    pub started_ms: u64,
    /// Whether expired entries are removed though nobody asks for them.
    pub active_expiry: AtomicBool,
    /// Connections that were admitted and are not closed yet.
    pub connections: AtomicU64,
    wake: OnceLock<Wake>,
}

impl Server {
    /// A server with no keys.
    pub fn new(settings: &Settings, clock: Box<dyn Clock>) -> Self {
        let store = Store::new(settings.maxmemory_bytes, settings.threads);
        store.set_evicts(settings.policy == Policy::Evict);
        Self {
            store,
            config: Config::new(settings),
            clients: Clients::default(),
            stats: Stats::default(),
            started_ms: clock.now_ms(),
            clock,
            active_expiry: AtomicBool::new(true),
            connections: AtomicU64::new(0),
            wake: OnceLock::new(),
        }
    }

    /// Says how to wake an event loop.
    pub fn set_wake(&self, wake: Wake) {
        // It is set once, before the first client.
        drop(self.wake.set(wake));
    }

    /// Has a client closed by its thread.
    pub fn kill(&self, client: &Client) {
        client.killed.store(true, Ordering::Relaxed);
        if let Some(wake) = self.wake.get() {
            wake(client.worker);
        }
    }

    /// The policy when memory is full.
    pub fn policy(&self) -> Policy {
        if self.store.evicts() { Policy::Evict } else { Policy::Refuse }
    }
}
