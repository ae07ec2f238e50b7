//! An event loop: serves its connections, and removes expired entries while it has time.

use super::connection::{Buffers, Connection, FIRST_BYTES, Next};
use super::transport::Transport;
use crate::processor::{self, Processor};
use crate::server::Server;
use crate::session::Session;
use crate::stats::Closed;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use slab::Slab;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const EVENTS_MAX: usize = 1_024;
/// Connections that are read before the first of them has its turn.
const AHEAD_MAX: usize = 32;
const WAKE: Token = Token(usize::MAX);
/// How often a loop looks for clients that are overdue. All loops do at the same moment, so that
/// clients that are overdue together go together.
const SWEEP_MS: u64 = 100;
/// How often it looks for expired entries, and how long at most.
const EXPIRY_MS: u64 = 100;
const EXPIRY_BUSY_MS: u64 = 20;
const EXPIRY_US_MAX: u64 = 2_000;
/// After being told to stop, clients have so long to take their replies.
const STOP_MS_MAX: u64 = 5_000;

/// How other threads reach an event loop.
#[derive(Debug)]
pub(super) struct Inbox {
    accepted: Mutex<Vec<Transport>>,
    stop: AtomicBool,
    waker: Waker,
}

impl Inbox {
    /// The inbox of the loop that waits with this poll.
    pub(super) fn new(poll: &Poll) -> io::Result<Self> {
        let waker = Waker::new(poll.registry(), WAKE)?;
        Ok(Self { accepted: Mutex::default(), stop: AtomicBool::new(false), waker })
    }

    /// Hands a connection over.
    pub(super) fn hand_over(&self, transport: Transport) {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(transport);
        self.wake();
    }

    /// Makes the loop look around.
    pub(super) fn wake(&self) {
        // It fails only when the loop is gone.
        drop(self.waker.wake());
    }

    /// Makes the loop end.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }
}

/// Runs an event loop until its inbox says to stop.
pub(super) fn run(server: &Server, number: usize, mut poll: Poll, inbox: &Inbox) -> io::Result<()> {
    let mut events = Events::with_capacity(EVENTS_MAX);
    let mut worker = Worker {
        server,
        number,
        processor: Processor::new(server),
        buffers: Buffers::new(),
        first: vec![0; AHEAD_MAX * FIRST_BYTES].into(),
        received: Vec::with_capacity(AHEAD_MAX),
        connections: Slab::new(),
        ready: Vec::new(),
        expiry_due_ms: 0,
        sweep_due_ms: 0,
    };
    while !inbox.stop.load(Ordering::Relaxed) {
        let wait = if worker.ready.is_empty() { worker.wait() } else { Duration::ZERO };
        wait_for_events(&mut poll, &mut events, wait)?;
        let mut woken = false;
        for event in &events {
            let Token(number) = event.token();
            if event.token() == WAKE {
                woken = true;
            } else if let Some(connection) = worker.connections.get_mut(number) {
                connection.readable |= event.is_readable();
                connection.input_ended |= event.is_read_closed();
                worker.enlist(number);
            }
        }
        if woken {
            worker.adopt(inbox, poll.registry());
            worker.close_overdue(poll.registry());
        }
        worker.turns(poll.registry());
        worker.housekeeping(poll.registry());
    }
    worker.finish(&mut poll, &mut events)
}

fn wait_for_events(poll: &mut Poll, events: &mut Events, wait: Duration) -> io::Result<()> {
    match poll.poll(events, Some(wait)) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

struct Worker<'s> {
    server: &'s Server,
    number: usize,
    processor: Processor<'s>,
    buffers: Buffers,
    /// What was first read of each connection of a group, `FIRST_BYTES` for each.
    first: Box<[u8]>,
    /// Those connections, how many bytes there are, and hints about them.
    received: Vec<(usize, Result<usize, Next>, Range<usize>)>,
    connections: Slab<Connection>,
    /// Connections with something to do.
    ready: Vec<usize>,
    expiry_due_ms: u64,
    sweep_due_ms: u64,
}

impl Worker<'_> {
    fn wait(&self) -> Duration {
        let due_ms = self.expiry_due_ms.min(self.sweep_due_ms);
        let wait_ms = due_ms.saturating_sub(self.server.clock.now_ms());
        Duration::from_millis(wait_ms.clamp(1, EXPIRY_MS))
    }

    /// Takes over the connections in the inbox.
    fn adopt(&mut self, inbox: &Inbox, registry: &Registry) {
        let accepted =
            std::mem::take(&mut *inbox.accepted.lock().unwrap_or_else(PoisonError::into_inner));
        for transport in accepted {
            match self.register(transport, registry) {
                Ok(number) => self.enlist(number),
                // It left meanwhile.
                Err(_) => drop(self.server.connections.fetch_sub(1, Ordering::Relaxed)),
            }
        }
    }

    fn register(&mut self, mut transport: Transport, registry: &Registry) -> io::Result<usize> {
        let socket = transport.socket();
        let (peer, local) = (socket.peer_addr()?, socket.local_addr()?);
        let entry = self.connections.vacant_entry();
        let number = entry.key();
        registry.register(socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        let now_ms = self.server.clock.now_ms();
        let client = self.server.clients.add(peer, local, self.number, now_ms);
        let open = self.server.config.password().is_empty();
        entry.insert(Connection::new(transport, Session::new(client, open)));
        Ok(number)
    }

    /// Notes that a connection has something to do. It has one turn, however often that is said: of
    /// two it could read in both before it runs what came first.
    fn enlist(&mut self, number: usize) {
        if let Some(connection) = self.connections.get_mut(number)
            && !std::mem::replace(&mut connection.enlisted, true)
        {
            self.ready.push(number);
        }
    }

    /// Gives every connection that is ready its turn. They are read in groups before the first of
    /// a group runs its requests, so that the memory which those need comes for all at once.
    fn turns(&mut self, registry: &Registry) {
        let mut ready = std::mem::take(&mut self.ready);
        let mut first = std::mem::take(&mut self.first);
        let mut rest = ready.drain(..).peekable();
        while rest.peek().is_some() {
            for (input, number) in first.chunks_mut(FIRST_BYTES).zip(rest.by_ref()) {
                self.receive(number, input);
                if self.processor.hints() >= processor::AHEAD_MAX {
                    break;
                }
            }
            self.processor.fetch(0..self.processor.hints());
            self.run_received(&first, registry);
            self.processor.forget_hints();
        }
        drop(rest);
        // Some have more to do, and are there already.
        if self.ready.is_empty() {
            self.ready = ready;
        }
        self.first = first;
    }

    fn receive(&mut self, number: usize, input: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(number) else {
            return self.received.push((number, Err(Next::Wait), 0..0));
        };
        let received = connection.receive(self.server, input);
        let input = input.get(..received.unwrap_or_default()).unwrap_or_default();
        let hints = self.processor.look_ahead(&connection.session, input);
        self.received.push((number, received, hints));
    }

    fn run_received(&mut self, first: &[u8], registry: &Registry) {
        let mut group = std::mem::take(&mut self.received);
        for ((number, received, hints), input) in group.drain(..).zip(first.chunks(FIRST_BYTES)) {
            let Some(connection) = self.connections.get_mut(number) else { continue };
            let input = received.map(|length| input.get(..length).unwrap_or_default());
            connection.enlisted = false;
            let (processor, buffers) = (&mut self.processor, &mut self.buffers);
            match connection.turn(self.server, processor, buffers, (input, hints)) {
                Next::Wait => {}
                Next::Again => self.enlist(number),
                Next::Close(reason) => self.close(number, reason, registry),
            }
        }
        self.received = group;
    }

    fn close(&mut self, number: usize, reason: Option<Closed>, registry: &Registry) {
        let Some(mut connection) = self.connections.try_remove(number) else { return };
        if let Some(reason) = reason {
            self.server.stats.close(reason);
        }
        connection.uncount(self.server);
        self.processor.close(&mut connection.session);
        self.server.connections.fetch_sub(1, Ordering::Relaxed);
        connection.transport.end();
        // The socket is closed all the same.
        drop(registry.deregister(connection.transport.socket()));
    }

    fn close_overdue(&mut self, registry: &Registry) {
        let now_ms = self.server.clock.now_ms();
        let overdue = self.connections.iter();
        let overdue: Vec<_> = overdue
            .filter_map(|(number, it)| Some((number, it.overdue(self.server, now_ms)?)))
            .collect();
        for (number, reason) in overdue {
            self.close(number, Some(reason), registry);
        }
        if self.connections.is_empty() {
            self.connections.shrink_to_fit();
        }
    }

    fn housekeeping(&mut self, registry: &Registry) {
        let now_ms = self.server.clock.now_ms();
        if now_ms >= self.sweep_due_ms {
            self.sweep_due_ms = (now_ms / SWEEP_MS + 1) * SWEEP_MS;
            self.close_overdue(registry);
        }
        if now_ms >= self.expiry_due_ms {
            let more = self.expire();
            self.expiry_due_ms = now_ms + if more { EXPIRY_BUSY_MS } else { EXPIRY_MS };
        }
    }

    /// Removes expired entries for a while; answers whether there may be more.
    fn expire(&mut self) -> bool {
        if !self.server.active_expiry.load(Ordering::Relaxed) {
            return false;
        }
        let threads = self.server.config.threads;
        let end_us = self.server.clock.now_us() + EXPIRY_US_MAX;
        loop {
            let more = self.processor.expire(self.number, threads, 1);
            if !more || self.server.clock.now_us() >= end_us {
                return more;
            }
        }
    }

    /// Answers what was received whole, and closes.
    fn finish(&mut self, poll: &mut Poll, events: &mut Events) -> io::Result<()> {
        let end_ms = self.server.clock.now_ms() + STOP_MS_MAX;
        let mut open: Vec<usize> = self.connections.iter().map(|(number, _)| number).collect();
        while !open.is_empty() && self.server.clock.now_ms() < end_ms {
            for &number in &open {
                if let Some(connection) = self.connections.get_mut(number) {
                    connection.readable = true;
                }
                self.enlist(number);
            }
            self.turns(poll.registry());
            open.retain(|&number| self.connections.get(number).is_some_and(|it| !it.is_done()));
            if !open.is_empty() {
                wait_for_events(poll, events, Duration::from_millis(EXPIRY_BUSY_MS))?;
            }
        }
        self.connections.iter_mut().for_each(|(_, connection)| connection.transport.end());
        Ok(())
    }
}
