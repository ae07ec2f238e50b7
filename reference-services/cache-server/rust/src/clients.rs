//! Who is connected: what CLIENT LIST shows and CLIENT KILL ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest name of a client or of its library, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// What a client calls itself.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Names {
    pub name: String,
    pub library: String,
    pub library_version: String,
}

/// One client, as others see it. Its own thread publishes what changes after each batch of
/// commands.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Client {
    pub id: u64,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub worker: usize,
    pub connected_ms: u64,
    pub names: Mutex<Names>,
    pub db: AtomicU8,
    pub resp3: AtomicBool,
    pub no_evict: AtomicBool,
    /// A key that it watches was written.
    pub watch_failed: Arc<AtomicBool>,
    /// The last command, by its number in the table, and its subcommand.
    pub command: AtomicU16,
    /// Queued commands; -1 outside of MULTI.
    pub queued: AtomicI32,
    pub watched: AtomicU16,
    pub input_bytes: AtomicU64,
    pub output_bytes: AtomicU64,
    pub active_ms: AtomicU64,
    /// Somebody killed it; its thread will close it.
    pub killed: AtomicBool,
}

/// All clients, by number.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: Mutex<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
}

impl Clients {
    fn map(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one.
    pub fn add(
        &self,
        peer: SocketAddr,
        local: SocketAddr,
        worker: usize,
        now_ms: u64,
    ) -> Arc<Client> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client {
            id,
            peer,
            local,
            worker,
            connected_ms: now_ms,
            names: Mutex::default(),
            db: AtomicU8::new(0),
            resp3: AtomicBool::new(false),
            no_evict: AtomicBool::new(false),
            watch_failed: Arc::default(),
            command: AtomicU16::new(u16::MAX),
            queued: AtomicI32::new(-1),
            watched: AtomicU16::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            active_ms: AtomicU64::new(now_ms),
            killed: AtomicBool::new(false),
        });
        self.map().insert(id, Arc::clone(&client));
        client
    }

    /// Takes one out.
    pub fn remove(&self, id: u64) {
        self.map().remove(&id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, by number.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.map().values().cloned().collect()
    }
}

impl Client {
    /// What it calls itself.
    pub fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
