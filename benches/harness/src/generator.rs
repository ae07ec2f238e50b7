//! The load generator: one thread that spins on a core of its own.
//!
//! A [`Wire`] says what is sent and what answers it well; each connection carries one request, or one
//! pipeline of commands, at a time. The open loop sends at the times of a schedule whatever the
//! answers do: what finds every connection busy waits for one and keeps its intended time, so that
//! the wait counts as latency. A pipeline is one send at one time, answered with its last answer;
//! counts are of requests or commands.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::histograms::Histograms;
use crate::windows::Recorder;
use crate::wire::{Ticket, Wire};

/// How long stragglers are waited for after a schedule's end.
const DRAIN_NS: u64 = 2_000_000_000;

/// Time between setting up a loop and its first request.
const LEAD_NS: u64 = 1_000_000;

/// Events taken from the kernel at a time, few enough that sending is never late by much.
const MAX_EVENTS: usize = 32;

/// A connection's buffer; grows to hold a longer response.
const BUFFER: usize = 16 * 1024;

/// How long requests that are sent once each may go on without a single answer.
const STUCK_NS: u64 = 10_000_000_000;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The caller asked to stop.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// What is on its way; times in ns since the generator was made.
#[derive(Clone, Copy)]
struct Flight {
    intended: u64,
    sent: u64,
    ticket: Ticket,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    flight: Option<Flight>,
    /// The bytes of what is on its way, and how many of them the socket has not taken yet.
    out: Vec<u8>,
    unsent: usize,
    /// When it last came free.
    free_since: u64,
}

/// What came of a connection's readiness.
enum Received {
    /// The response is not complete.
    Partly,
    /// The answer, of which so many parts are wrong, or a failure that ended the connection.
    Done { index: usize, flight: Flight, wrong: u32 },
}

/// What an open loop saw.
pub(crate) struct OpenLoop {
    /// When its schedule began.
    pub(crate) started: Instant,
    /// The latencies.
    pub(crate) histograms: Histograms,
    /// Good answers before the schedule's end.
    pub(crate) achieved: u64,
    /// Good answers in all.
    pub(crate) completed: u64,
    /// Failed and unanswered requests.
    pub(crate) errors: u64,
    /// Requests that found every connection busy.
    pub(crate) waited: u64,
    /// Share of the time spent on useful work rather than spinning.
    pub(crate) busy: f64,
}

/// What a closed loop saw.
pub(crate) struct ClosedLoop {
    /// Good answers per second.
    pub(crate) rps: f64,
    /// Failed requests.
    pub(crate) errors: u64,
    /// Share of the time spent on useful work rather than spinning.
    pub(crate) busy: f64,
}

/// Keep-alive connections to one service and the loop that drives them.
pub(crate) struct Generator<'a> {
    addr: SocketAddr,
    wire: Box<dyn Wire + 'a>,
    stop: &'a AtomicBool,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    connections: Vec<Connection>,
    free: VecDeque<usize>,
    clock: Instant,
}

impl<'a> Generator<'a> {
    /// Opens the connections. `stop` ends any loop with [`Interrupted`].
    pub(crate) fn connect(
        addr: SocketAddr,
        connections: usize,
        wire: Box<dyn Wire + 'a>,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let mut generator = Self {
            addr,
            wire,
            stop,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(MAX_EVENTS),
            connections: Vec::with_capacity(connections),
            free: (0..connections).collect(),
            clock: Instant::now(),
        };
        for index in 0..connections {
            let stream = generator.open(index)?;
            generator.connections.push(Connection {
                stream,
                buffer: vec![0; BUFFER],
                filled: 0,
                flight: None,
                out: Vec::new(),
                unsent: 0,
                free_since: 0,
            });
        }
        Ok(generator)
    }

    fn open(&self, index: usize) -> Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.addr, CONNECT_TIMEOUT)
            .with_context(|| format!("the service at {} accepts no connection", self.addr))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &stream, data, epoll::EventFlags::IN)?;
        Ok(stream)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sends at the times of a schedule (ns from its start) that lasts `seconds`, then waits a
    /// bounded time for what is still on its way. A recorder, if given, sees each latency with the
    /// time it was meant to begin.
    pub(crate) fn open_loop(
        &mut self,
        schedule: &[u64],
        seconds: f64,
        mut recorder: Option<&mut Recorder>,
    ) -> Result<OpenLoop> {
        let began = self.now();
        let start = began + LEAD_NS;
        let end = start + nanoseconds(seconds);
        let mut seen = OpenLoop {
            started: self.clock,
            histograms: Histograms::new()?,
            achieved: 0,
            completed: 0,
            errors: 0,
            waited: 0,
            busy: 0.0,
        };
        seen.started = self.clock + Duration::from_nanos(start);
        let mut due = schedule.iter().map(|time| start + time).peekable();
        let mut idle = 0;
        let finished = loop {
            let now = self.now();
            let mut worked = self.send_due(&mut due, &mut seen)?;
            self.poll()?;
            while let Some(event) = self.events.pop() {
                worked = true;
                let answered = self.answered(event, end, &mut seen)?;
                if let (Some(recorder), Some((intended, latency))) = (&mut recorder, answered) {
                    recorder.record(intended.saturating_sub(start), latency);
                }
                self.send_due(&mut due, &mut seen)?;
            }
            if !worked {
                idle += self.now() - now;
            }
            let all_answered = due.peek().is_none() && self.free.len() == self.connections.len();
            if all_answered || now > end + DRAIN_NS {
                break now;
            }
            self.check_stop()?;
        };
        // What was never answered counts as an error, with the time waited so far.
        let unanswered = self.connections.iter().filter_map(|connection| connection.flight);
        let unanswered = unanswered.map(|flight| (flight.intended, flight.ticket.count));
        let depth = self.wire.depth();
        for (intended, count) in unanswered.chain(due.map(|intended| (intended, depth))) {
            seen.errors += u64::from(count);
            let latency = finished.saturating_sub(intended);
            seen.histograms.latency.saturating_record(latency);
            if let Some(recorder) = &mut recorder {
                recorder.record(intended.saturating_sub(start), latency);
            }
        }
        seen.busy = busy_share(idle, finished - began);
        Ok(seen)
    }

    /// Sends what is due on the connections that have been free the longest.
    fn send_due(
        &mut self,
        due: &mut std::iter::Peekable<impl Iterator<Item = u64>>,
        seen: &mut OpenLoop,
    ) -> Result<bool> {
        let mut worked = false;
        while let Some(intended) = due.peek().copied() {
            let sent = self.now();
            if intended > sent {
                break;
            }
            let Some(index) = self.free.pop_front() else {
                break;
            };
            due.next();
            worked = true;
            let free_since = self.connections.get(index).map_or(0, |c| c.free_since);
            if free_since > intended {
                seen.waited += u64::from(self.wire.depth());
            }
            let histograms = &mut seen.histograms;
            histograms.lag.saturating_record(sent - intended);
            histograms.own_lag.saturating_record(sent.saturating_sub(intended.max(free_since)));
            seen.errors += u64::from(self.send(index, intended, sent)?);
        }
        Ok(worked)
    }

    /// The intended time and the latency of a request that was answered or failed.
    fn answered(
        &mut self,
        event: epoll::Event,
        end: u64,
        seen: &mut OpenLoop,
    ) -> Result<Option<(u64, u64)>> {
        let Received::Done { index, flight, wrong } = self.ready(event)? else {
            return Ok(None);
        };
        let done = self.release(index);
        let latency = done.saturating_sub(flight.intended);
        seen.histograms.latency.saturating_record(latency);
        seen.histograms.service.saturating_record(done.saturating_sub(flight.sent));
        let good = u64::from(flight.ticket.count.saturating_sub(wrong));
        seen.completed += good;
        seen.errors += u64::from(wrong);
        if done <= end {
            seen.achieved += good;
        }
        Ok(Some((flight.intended, latency)))
    }

    /// Keeps every connection busy for `seconds`.
    pub(crate) fn closed_loop(&mut self, seconds: f64) -> Result<ClosedLoop> {
        let start = self.now();
        let end = start + nanoseconds(seconds);
        let (mut completed, mut errors, mut idle) = (0_u32, 0, 0);
        while let Some(index) = self.free.pop_front() {
            self.send(index, start, start)?;
        }
        let finished = loop {
            let now = self.now();
            self.poll()?;
            if self.events.is_empty() {
                idle += self.now() - now;
            }
            while let Some(event) = self.events.pop() {
                let Received::Done { index, flight, wrong } = self.ready(event)? else {
                    continue;
                };
                let done = self.release(index);
                if done <= end {
                    completed += flight.ticket.count.saturating_sub(wrong);
                    errors += u64::from(wrong);
                    self.free.pop_back();
                    self.send(index, done, done)?;
                }
            }
            if now > end && (self.free.len() == self.connections.len() || now > end + DRAIN_NS) {
                break now;
            }
            self.check_stop()?;
        };
        let rps = f64::from(completed) / seconds;
        Ok(ClosedLoop { rps, errors, busy: busy_share(idle, finished - start) })
    }

    /// Sends so many times what is next, over all connections, and waits for the answers.
    ///
    /// # Errors
    /// When one fails or is answered otherwise than expected, or nothing is answered for a while.
    pub(crate) fn each_once(&mut self, mut to_send: usize) -> Result<()> {
        let mut last = self.now();
        loop {
            while to_send > 0
                && let Some(index) = self.free.pop_front()
            {
                let now = self.now();
                ensure!(self.send(index, now, now)? == 0, "a request failed");
                to_send -= 1;
            }
            if to_send == 0 && self.free.len() == self.connections.len() {
                return Ok(());
            }
            self.poll()?;
            while let Some(event) = self.events.pop() {
                let Received::Done { index, wrong, .. } = self.ready(event)? else {
                    continue;
                };
                match self.wire.unexpected() {
                    Some(answer) => ensure!(wrong == 0, "a request was answered {answer}"),
                    None => ensure!(wrong == 0, "a request failed"),
                }
                last = self.release(index);
            }
            ensure!(
                self.now() < last + STUCK_NS,
                "no request was answered for {} s",
                STUCK_NS / 1_000_000_000
            );
            self.check_stop()?;
        }
    }

    fn check_stop(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Interrupted.into());
        }
        Ok(())
    }

    /// Takes what is ready without waiting.
    fn poll(&mut self) -> Result<()> {
        const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&AT_ONCE)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("waiting for answers failed"),
        }
    }

    /// Sends what is next on a connection, and says how much of it failed: all of it when the
    /// connection had failed, which is then open again and free.
    fn send(&mut self, index: usize, intended: u64, sent: u64) -> Result<u32> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(0);
        };
        connection.out.clear();
        let ticket = self.wire.next(&mut connection.out);
        connection.unsent = connection.out.len();
        if self.write(index)? {
            if let Some(connection) = self.connections.get_mut(index) {
                connection.flight = Some(Flight { intended, sent, ticket });
            }
            return Ok(0);
        }
        self.reopen(index)?;
        self.release(index);
        Ok(ticket.count)
    }

    /// Gives the socket what it takes of what is on its way; much needs several goes. False when
    /// the connection has failed.
    fn write(&mut self, index: usize) -> Result<bool> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(false);
        };
        let out = &connection.out;
        let first = connection.unsent == out.len();
        let rest = out.get(out.len() - connection.unsent..).unwrap_or_default();
        let written = match connection.stream.write(rest) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return Ok(false),
        };
        connection.unsent -= written;
        // Only a request that did not fit at once waits for room, and stops waiting once it is out.
        let (done, mut flags) = (connection.unsent == 0, epoll::EventFlags::IN);
        if done != first {
            flags.set(epoll::EventFlags::OUT, !done);
            let data = epoll::EventData::new_u64(index as u64);
            epoll::modify(&self.epoll, &connection.stream, data, flags)?;
        }
        Ok(true)
    }

    /// Goes on with a connection that can be written or read.
    fn ready(&mut self, event: epoll::Event) -> Result<Received> {
        let Some(index) = index_of(event) else {
            return Ok(Received::Partly);
        };
        let unsent = self.connections.get(index).is_some_and(|connection| connection.unsent > 0);
        let flags = event.flags;
        if unsent && !flags.contains(epoll::EventFlags::IN) && self.write(index)? {
            return Ok(Received::Partly);
        }
        self.receive(index)
    }

    /// Reads what has come on a connection; one that failed is reopened.
    fn receive(&mut self, index: usize) -> Result<Received> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(Received::Partly);
        };
        if connection.filled == connection.buffer.len() {
            connection.buffer.resize(connection.filled * 2, 0);
        }
        let room = connection.buffer.get_mut(connection.filled..).unwrap_or_default();
        let read = match connection.stream.read(room) {
            Ok(0) => None,
            Ok(count) => {
                connection.filled += count;
                let received = connection.buffer.get(..connection.filled).unwrap_or_default();
                // Bytes that nobody asked for break the connection.
                connection.flight.and_then(|flight| self.wire.read(flight.ticket, received).ok())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Partly),
            Err(_) => None,
        };
        let flight = connection.flight;
        let wrong = match read {
            Some(None) => return Ok(Received::Partly),
            Some(Some(wrong)) if connection.unsent == 0 => wrong,
            // Closed, broken, an answer before the request's end, or one that nobody asked for.
            None | Some(Some(_)) => {
                self.reopen(index)?;
                flight.map_or(0, |flight| flight.ticket.count)
            }
        };
        Ok(flight.map_or(Received::Partly, |flight| Received::Done { index, flight, wrong }))
    }

    /// Marks a connection free and says when.
    fn release(&mut self, index: usize) -> u64 {
        let now = self.now();
        if let Some(connection) = self.connections.get_mut(index) {
            connection.flight = None;
            connection.filled = 0;
            connection.free_since = now;
        }
        self.free.push_back(index);
        now
    }

    fn reopen(&mut self, index: usize) -> Result<()> {
        self.check_stop()?;
        // Dropping the old stream closes it, which also takes it out of the epoll set.
        let stream = self.open(index)?;
        if let Some(connection) = self.connections.get_mut(index) {
            connection.stream = stream;
            connection.filled = 0;
            connection.unsent = 0;
        }
        Ok(())
    }
}

fn index_of(event: epoll::Event) -> Option<usize> {
    let data = event.data;
    usize::try_from(data.u64()).ok()
}

#[expect(clippy::cast_precision_loss, reason = "a loop lasts far less than 2⁵³ ns")]
fn busy_share(idle: u64, elapsed: u64) -> f64 {
    1.0 - idle as f64 / elapsed.max(1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are positive and checked to be at most minutes"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
