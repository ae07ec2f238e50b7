//! The load generator: one thread that spins on a core of its own.
//!
//! Requests are encoded once; each connection carries one at a time. The open loop sends at the
//! times of a schedule whatever the answers do: a request that finds every connection busy waits
//! for one and keeps its intended time, so that the wait counts as latency.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::histograms::Histograms;
use crate::response;

/// How long stragglers are waited for after a schedule's end.
const DRAIN_NS: u64 = 2_000_000_000;

/// Time between setting up a loop and its first request.
const LEAD_NS: u64 = 1_000_000;

/// Events taken from the kernel at a time, few enough that sending is never late by much.
const MAX_EVENTS: usize = 32;

/// A connection's buffer; grows to hold a longer response.
const BUFFER: usize = 16 * 1024;

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

/// A request on its way; times in ns since the generator was made.
#[derive(Clone, Copy)]
struct Flight {
    intended: u64,
    sent: u64,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    flight: Option<Flight>,
    /// When it last came free.
    free_since: u64,
}

/// What came of a connection's readiness.
enum Received {
    /// The response is not complete.
    Partly,
    /// A response, or a failure that ended the connection.
    Done { flight: Flight, ok: bool },
}

/// What an open loop saw.
pub(crate) struct OpenLoop {
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
    request: &'a [u8],
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
        request: &'a [u8],
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let mut generator = Self {
            addr,
            request,
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
    /// bounded time for what is still on its way.
    pub(crate) fn open_loop(&mut self, schedule: &[u64], seconds: f64) -> Result<OpenLoop> {
        let began = self.now();
        let start = began + LEAD_NS;
        let end = start + nanoseconds(seconds);
        let mut seen = OpenLoop {
            histograms: Histograms::new()?,
            achieved: 0,
            completed: 0,
            errors: 0,
            waited: 0,
            busy: 0.0,
        };
        let mut due = schedule.iter().map(|time| start + time).peekable();
        let mut idle = 0;
        let finished = loop {
            let now = self.now();
            let mut worked = self.send_due(&mut due, &mut seen)?;
            self.poll()?;
            while let Some(event) = self.events.pop() {
                worked = true;
                self.answered(event, end, &mut seen)?;
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
        let unanswered = self.connections.iter().filter_map(|c| c.flight.map(|f| f.intended));
        for intended in unanswered.chain(due) {
            seen.errors += 1;
            seen.histograms.latency.saturating_record(finished.saturating_sub(intended));
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
            seen.waited += u64::from(free_since > intended);
            let histograms = &mut seen.histograms;
            histograms.lag.saturating_record(sent - intended);
            histograms.own_lag.saturating_record(sent.saturating_sub(intended.max(free_since)));
            if !self.send(index, Flight { intended, sent })? {
                seen.errors += 1;
            }
        }
        Ok(worked)
    }

    fn answered(&mut self, event: epoll::Event, end: u64, seen: &mut OpenLoop) -> Result<()> {
        let Some(index) = index_of(event) else {
            return Ok(());
        };
        let received = self.receive(index)?;
        let Received::Done { flight, ok } = received else {
            return Ok(());
        };
        let done = self.release(index);
        seen.histograms.latency.saturating_record(done.saturating_sub(flight.intended));
        seen.histograms.service.saturating_record(done.saturating_sub(flight.sent));
        if ok {
            seen.completed += 1;
            seen.achieved += u64::from(done <= end);
        } else {
            seen.errors += 1;
        }
        Ok(())
    }

    /// Keeps every connection busy for `seconds`.
    pub(crate) fn closed_loop(&mut self, seconds: f64) -> Result<ClosedLoop> {
        let start = self.now();
        let end = start + nanoseconds(seconds);
        let (mut completed, mut errors, mut idle) = (0_u32, 0, 0);
        while let Some(index) = self.free.pop_front() {
            self.send(index, Flight { intended: start, sent: start })?;
        }
        let finished = loop {
            let now = self.now();
            self.poll()?;
            if self.events.is_empty() {
                idle += self.now() - now;
            }
            while let Some(event) = self.events.pop() {
                let Some(index) = index_of(event) else {
                    continue;
                };
                let Received::Done { ok, .. } = self.receive(index)? else {
                    continue;
                };
                let done = self.release(index);
                if done <= end {
                    completed += u32::from(ok);
                    errors += u64::from(!ok);
                    self.free.pop_back();
                    self.send(index, Flight { intended: done, sent: done })?;
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

    /// Sends the request on a connection. False when the connection had failed: it is reopened and
    /// free again.
    fn send(&mut self, index: usize, flight: Flight) -> Result<bool> {
        let request = self.request;
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(false);
        };
        // With one request at a time the socket's buffer is empty and takes it whole.
        if connection.stream.write(request).is_ok_and(|written| written == request.len()) {
            connection.flight = Some(flight);
            return Ok(true);
        }
        self.reopen(index)?;
        self.release(index);
        Ok(false)
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
                response::read(connection.buffer.get(..connection.filled).unwrap_or_default()).ok()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Received::Partly),
            Err(_) => None,
        };
        let flight = connection.flight;
        let ok = match (read, flight) {
            (Some(None), _) => return Ok(Received::Partly),
            (Some(Some(response)), Some(_)) => response.status == 200,
            // Closed, broken, or an answer that nobody asked for.
            (None, _) | (Some(Some(_)), None) => {
                self.reopen(index)?;
                false
            }
        };
        Ok(flight.map_or(Received::Partly, |flight| Received::Done { flight, ok }))
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
