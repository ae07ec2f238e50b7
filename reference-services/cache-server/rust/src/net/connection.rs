//! One connection: what has come in and what still has to go out.

use super::transport::Transport;
use crate::processor::{Processor, Stopped, UNSENT_BYTES_MAX};
use crate::server::Server;
use crate::session::Session;
use crate::stats::Closed;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::atomic::Ordering;

/// Reads of one connection before another one has its turn.
const READS_MAX: usize = 8;
/// What a client's buffers may have without counting against the limit of all.
const FREE_BUFFER_BYTES: usize = 16 << 10;
/// Buffers of all clients beyond that.
const BUFFERS_BYTES_MAX: u64 = 256 << 20;
/// A client that takes nothing of what waits for it is closed after so long.
const STALL_MS_MAX: u64 = 10_000;
/// A client that has not agreed on keys for TLS is closed after so long.
const HANDSHAKE_MS_MAX: u64 = 10_000;
/// A buffer for replies that has grown beyond this is not kept.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// Bytes that are first read of a connection, and then.
pub(super) const FIRST_BYTES: usize = 16 << 10;
const INPUT_BYTES: usize = 64 << 10;

/// What an event loop reads into and writes from; connections only keep what is left over.
#[derive(Debug)]
pub(super) struct Buffers {
    /// For what comes after the first read.
    input: Box<[u8]>,
    output: Vec<u8>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { input: vec![0; INPUT_BYTES].into(), output: Vec::with_capacity(INPUT_BYTES) }
    }
}

/// What is to be done with a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait for the next event.
    Wait,
    /// There is more to read; others go first.
    Again,
    /// Close it; the client left, or broke a rule.
    Close(Option<Closed>),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub transport: Transport,
    pub session: Session,
    unsent: Vec<u8>,
    sent: usize,
    /// When something of it went out last.
    progress_ms: u64,
    /// The session said to close, once all is sent.
    closing: Option<Option<Closed>>,
    /// There may be something to read.
    pub readable: bool,
    /// The client will send nothing more.
    pub input_ended: bool,
    /// It is among those that have something to do.
    pub enlisted: bool,
    /// Requests wait in the session until replies are sent.
    held_back: bool,
    counted_bytes: usize,
}

impl Connection {
    pub(super) fn new(transport: Transport, session: Session) -> Self {
        Self {
            transport,
            session,
            unsent: Vec::new(),
            sent: 0,
            progress_ms: 0,
            closing: None,
            readable: true,
            input_ended: false,
            enlisted: false,
            held_back: false,
            counted_bytes: 0,
        }
    }

    /// Does what goes before running requests: sends, and reads more of them. Answers how many
    /// bytes it read.
    pub(super) fn receive(&mut self, server: &Server, input: &mut [u8]) -> Result<usize, Next> {
        self.send_unsent(server)?;
        if let Some(reason) = self.closing {
            return Err(Next::Close(reason));
        }
        if self.held_back {
            return Ok(0);
        }
        if !self.readable {
            return Err(Next::Wait);
        }
        loop {
            let length = match self.transport.read(input) {
                Ok(0) => return Err(Next::Close(None)),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Err(Next::Wait);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    return Err(Next::Close(Some(Closed::Tls)));
                }
                Err(_) => return Err(Next::Close(None)),
            };
            // When a short read has emptied the socket, the next bytes will be an event.
            let emptied = self.transport.is_emptied_by(length, input.len());
            self.readable = !emptied || self.input_ended;
            return Ok(length);
        }
    }

    /// Runs the requests in what was received first, about which there are hints, and goes on as
    /// long as there is more.
    pub(super) fn turn(
        &mut self,
        server: &Server,
        processor: &mut Processor<'_>,
        buffers: &mut Buffers,
        (received, hints): (Result<&[u8], Next>, Range<usize>),
    ) -> Next {
        let Err(next) = self.work(server, processor, buffers, (received, hints));
        if self.count(server) { next } else { Next::Close(Some(Closed::Buffers)) }
    }

    fn work(
        &mut self,
        server: &Server,
        processor: &mut Processor<'_>,
        Buffers { input, output }: &mut Buffers,
        (received, hints): (Result<&[u8], Next>, Range<usize>),
    ) -> Result<Infallible, Next> {
        self.run(server, processor, received?, output, hints)?;
        for _ in 1..READS_MAX {
            let length = self.receive(server, input)?;
            self.run(server, processor, input.get(..length).unwrap_or_default(), output, 0..0)?;
        }
        Err(if self.readable || self.held_back { Next::Again } else { Next::Wait })
    }

    /// Runs requests, and sends what they answer.
    fn run(
        &mut self,
        server: &Server,
        processor: &mut Processor<'_>,
        input: &[u8],
        out: &mut Vec<u8>,
        hints: Range<usize>,
    ) -> Result<(), Next> {
        out.clear();
        let stopped = processor.feed(&mut self.session, input, out, UNSENT_BYTES_MAX, hints);
        self.held_back = stopped == Stopped::Full;
        if let Stopped::Closing(reason) = stopped {
            self.closing = Some(reason);
        }
        self.send(out, server)?;
        if out.capacity() > KEPT_BYTES_MAX {
            *out = Vec::with_capacity(INPUT_BYTES);
        }
        self.closing.map_or(Ok(()), |reason| Err(Next::Close(reason)))
    }

    /// Sends what a batch of requests answered. What the socket does not take is kept.
    fn send(&mut self, out: &[u8], server: &Server) -> Result<(), Next> {
        let sent = write_some(&mut self.transport, out)?;
        let rest = out.get(sent..).unwrap_or_default();
        if rest.is_empty() && !self.transport.has_unsent() {
            return Ok(());
        }
        self.unsent = rest.to_vec();
        self.sent = 0;
        self.progress_ms = server.clock.now_ms();
        Err(Next::Wait)
    }

    fn send_unsent(&mut self, server: &Server) -> Result<(), Next> {
        if !self.has_unsent() {
            return Ok(());
        }
        let kept = self.transport.flush().map_err(|_| Next::Close(None))?;
        let rest = self.unsent.get(self.sent..).unwrap_or_default();
        let sent = write_some(&mut self.transport, rest)?;
        if kept + sent > 0 {
            self.progress_ms = server.clock.now_ms();
        }
        self.sent += sent;
        if self.sent < self.unsent.len() || self.transport.has_unsent() {
            return Err(Next::Wait);
        }
        self.unsent = Vec::new();
        self.sent = 0;
        Ok(())
    }

    fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || self.transport.has_unsent()
    }

    /// Whether everything has been answered and sent.
    pub(super) fn is_done(&self) -> bool {
        !self.has_unsent() && !self.held_back
    }

    /// Counts its buffers; false when there are too many bytes of all clients.
    fn count(&mut self, server: &Server) -> bool {
        let unsent = self.unsent.len();
        let bytes = unsent + self.session.kept_bytes();
        if bytes == self.counted_bytes {
            return true;
        }
        self.session.client.output_bytes.store(unsent as u64, Ordering::Relaxed);
        let beyond = |bytes: usize| bytes.saturating_sub(FREE_BUFFER_BYTES) as u64;
        let (before, now) = (beyond(self.counted_bytes), beyond(bytes));
        server.stats.buffer_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        server.stats.buffer_bytes.fetch_sub(self.counted_bytes as u64, Ordering::Relaxed);
        let all = server.stats.limited_bytes.fetch_add(now, Ordering::Relaxed) + now - before;
        server.stats.limited_bytes.fetch_sub(before, Ordering::Relaxed);
        self.counted_bytes = bytes;
        now <= before || all <= BUFFERS_BYTES_MAX
    }

    /// Takes its buffers out of the count.
    pub(super) fn uncount(&mut self, server: &Server) {
        self.unsent = Vec::new();
        self.session.drop_kept();
        self.count(server);
    }

    /// Why it is to be closed though nothing happens on it.
    pub(super) fn overdue(&self, server: &Server, now_ms: u64) -> Option<Closed> {
        let client = &self.session.client;
        if client.killed.load(Ordering::Relaxed) {
            return Some(Closed::Killed);
        }
        let since = |ms: u64| now_ms.saturating_sub(ms);
        if self.transport.is_handshaking() && since(client.connected_ms) > HANDSHAKE_MS_MAX {
            return Some(Closed::Tls);
        }
        let idle_ms = since(client.active_ms.load(Ordering::Relaxed));
        if self.has_unsent() && since(self.progress_ms).min(idle_ms) > STALL_MS_MAX {
            return Some(Closed::Stalled);
        }
        let timeout_ms = server.config.timeout_s() * 1_000;
        (timeout_ms > 0 && idle_ms > timeout_ms).then_some(Closed::Timeout)
    }
}

/// Writes until the socket takes no more; answers how many bytes it took.
fn write_some(transport: &mut Transport, bytes: &[u8]) -> Result<usize, Next> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        match transport.write(rest) {
            Ok(0) => return Err(Next::Close(None)),
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Next::Close(None)),
        }
    }
    Ok(sent)
}
