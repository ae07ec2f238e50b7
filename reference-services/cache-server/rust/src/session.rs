//! What one connection has said so far.

use crate::clients::Client;
use crate::command::Command;
use crate::resp::{Args, Parser, Span};
use crate::store::{Locks, Watch};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A command that waits for EXEC.
#[derive(Debug)]
pub struct Queued {
    /// Its number in the table.
    pub number: usize,
    /// What to run.
    pub command: &'static Command,
    bytes: Box<[u8]>,
    spans: Box<[Span]>,
}

impl Queued {
    /// Keeps a command for later.
    pub fn new(number: usize, command: &'static Command, args: Args<'_>) -> Self {
        let (bytes, spans) = args.to_owned();
        Self { number, command, bytes, spans }
    }

    /// Its arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.spans)
    }

    /// Bytes of its arguments.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// What MULTI started.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The commands so far.
    pub queue: Vec<Queued>,
    /// Bytes of their arguments.
    pub bytes: usize,
    /// A command could not be queued, so EXEC will refuse.
    pub failed: bool,
}

/// Input that ends within a request, and how far it was read.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub input: Vec<u8>,
    pub parser: Parser,
}

/// A connection's state.
#[derive(Debug)]
pub struct Session {
    /// What others see of it.
    pub client: Arc<Client>,
    /// The database that SELECT chose.
    pub db: u8,
    /// Whether replies are in RESP3.
    pub resp3: bool,
    /// Whether it may run commands.
    pub authenticated: bool,
    /// The connection is to be closed after its replies.
    pub closing: bool,
    /// Time has passed within a command.
    pub slept: bool,
    /// What MULTI started.
    pub transaction: Option<Box<Transaction>>,
    /// What WATCH watches.
    pub watches: Vec<Watch>,
    /// The last command and its subcommand, as in [`Client::command`].
    pub(crate) last_command: u16,
    pub(crate) pending: Option<Box<Pending>>,
}

impl Session {
    /// The state of a new connection.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Self {
            client,
            db: 0,
            resp3: false,
            authenticated,
            closing: false,
            slept: false,
            transaction: None,
            watches: Vec::new(),
            last_command: u16::MAX,
            pending: None,
        }
    }

    /// Ends all watches.
    pub fn unwatch(&mut self, locks: &mut Locks<'_>) {
        for watch in self.watches.drain(..) {
            locks.of_watch(&watch).unwatch(&watch);
        }
        self.client.watch_failed.store(false, Ordering::Relaxed);
    }

    /// Bytes of input that wait for the rest of their request, or for EXEC.
    pub fn kept_bytes(&self) -> usize {
        let pending = self.pending.as_ref().map_or(0, |pending| pending.input.capacity());
        pending + self.transaction.as_ref().map_or(0, |transaction| transaction.bytes)
    }

    /// Drops them.
    pub fn drop_kept(&mut self) {
        self.pending = None;
        self.transaction = None;
    }

    /// Shows others what has changed.
    pub fn publish(&self, now_ms: u64) {
        let client = &*self.client;
        let queued = self.transaction.as_ref().map_or(-1, |it| it.queue.len() as i32);
        client.db.store(self.db, Ordering::Relaxed);
        client.resp3.store(self.resp3, Ordering::Relaxed);
        client.command.store(self.last_command, Ordering::Relaxed);
        client.queued.store(queued, Ordering::Relaxed);
        client.watched.store(self.watches.len() as u16, Ordering::Relaxed);
        let pending = self.pending.as_ref().map_or(0, |pending| pending.input.len());
        client.input_bytes.store(pending as u64, Ordering::Relaxed);
        client.active_ms.store(now_ms, Ordering::Relaxed);
    }
}
