//! One request on its way to an upstream: attempts, and which of them may be repeated.

use super::upstream::{Origin, Trial, Upstream};
use crate::wire::{Answered, fill, read_answer, write_all};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{Instant as TokioInstant, timeout_at};

/// A request in bytes, and what decides about repeating it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    /// Where `Host` goes if the client gave none.
    pub(super) host_at: Option<usize>,
    /// A second attempt does no more than the first (RFC 9110 §9.2.2).
    pub(super) idempotent: bool,
    /// GET or HEAD.
    pub(super) reads: bool,
    /// HEAD.
    pub(super) to_head: bool,
    pub(super) has_body: bool,
}

impl Request {
    async fn send(&self, stream: &TcpStream, origin: &Origin) -> io::Result<()> {
        let Some((before, after)) = self.host_at.and_then(|at| self.bytes.split_at_checked(at))
        else {
            return write_all(stream, &self.bytes, None).await;
        };
        let host = format!("Host: {}\r\n", origin.peer.address);
        write_all(stream, &[before, host.as_bytes(), after].concat(), None).await
    }
}

/// A connection to an upstream, with what has come from it and is not used yet.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: TcpStream,
    pub(super) buffer: Vec<u8>,
}

/// The head of an answer, and who gave it.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) origin: &'a Origin,
    pub(super) link: Link,
    pub(super) answered: Answered,
}

/// Why no head of an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Every breaker is open.
    CircuitOpen,
    /// The connection was never made; whether for lack of time.
    Unsent {
        timeout: bool,
    },
    /// Something else went wrong.
    Broken,
    Timeout,
}

impl Failure {
    pub(super) fn is_timeout(self) -> bool {
        matches!(self, Self::Timeout | Self::Unsent { timeout: true })
    }
}

/// What an exchange is allowed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) upstream: &'a Upstream,
    pub(super) request: &'a Request,
    pub(super) thread: usize,
    pub(super) attempts: usize,
    pub(super) hedge: Option<Duration>,
    /// Of the whole exchange.
    pub(super) deadline: Option<Instant>,
}

impl<'a> Call<'a> {
    /// So long from now, but not beyond the deadline.
    pub(super) fn until(&self, pause: Duration) -> TokioInstant {
        let end = Instant::now() + pause;
        self.deadline.map_or(end, |deadline| deadline.min(end)).into()
    }

    /// Makes attempts until one is answered or no more are allowed. All of the request must be at hand.
    pub(super) async fn run(&self) -> Result<Reply<'a>, Failure> {
        self.upstream.budget.deposit();
        if let Some(hedge) = self.hedge.filter(|_| self.request.reads && !self.request.has_body) {
            return Box::pin(self.hedged(hedge)).await;
        }
        let (mut tried, mut last) = (Vec::new(), Failure::CircuitOpen);
        while let Some(trial) = self.upstream.pick(&tried) {
            let place = trial.place;
            match self.attempt(trial).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => last = failure,
            }
            tried.push(place);
            if !self.again(&tried, last) {
                break;
            }
            self.upstream.counts.retries.fetch_add(1, Relaxed);
        }
        Err(last)
    }

    /// Only makes the connection, with the same rules.
    pub(super) async fn connect(&self) -> Result<(Trial<'a>, Link), Failure> {
        self.upstream.budget.deposit();
        let (mut tried, mut last) = (Vec::new(), Failure::CircuitOpen);
        while let Some(trial) = self.upstream.pick(&tried) {
            let place = trial.place;
            match self.link(trial.origin).await {
                Ok(link) => return Ok((trial, link)),
                Err(failure) => last = failure,
            }
            trial.failed(last.is_timeout());
            tried.push(place);
            if !self.again(&tried, last) {
                break;
            }
            self.upstream.counts.retries.fetch_add(1, Relaxed);
        }
        Err(last)
    }

    /// Whether another attempt can do no harm and is allowed; it then counts against the budget.
    fn again(&self, tried: &[usize], failure: Failure) -> bool {
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        let unsent = matches!(failure, Failure::Unsent { .. });
        let harmless = unsent || (self.request.idempotent && !self.request.has_body);
        tried.len() < self.attempts && !late && harmless && self.upstream.budget.take()
    }

    /// The same with a second attempt beside one that is slow.
    async fn hedged(&self, hedge: Duration) -> Result<Reply<'a>, Failure> {
        let first = self.upstream.pick(&[]).ok_or(Failure::CircuitOpen)?;
        let mut tried = vec![first.place];
        let mut running = FuturesUnordered::new();
        running.push(self.attempt(first));
        let slow = tokio::time::sleep(hedge);
        tokio::pin!(slow);
        let mut waits = true;
        loop {
            let (failure, counter): (_, &AtomicU64) = tokio::select! {
                biased;
                ended = running.next() => match ended {
                    // The others are given up.
                    Some(Ok(reply)) => return Ok(reply),
                    Some(Err(failure)) => (failure, &self.upstream.counts.retries),
                    None => return Err(Failure::Broken),
                },
                () = &mut slow, if waits => {
                    waits = false;
                    // It is as free to repeat as one that was never sent.
                    (Failure::Unsent { timeout: true }, &self.upstream.counts.hedges)
                }
            };
            if self.again(&tried, failure)
                && let Some(trial) = self.upstream.pick(&tried)
            {
                counter.fetch_add(1, Relaxed);
                tried.push(trial.place);
                running.push(self.attempt(trial));
            } else if running.is_empty() {
                return Err(failure);
            }
        }
    }

    /// Sends the request to one address and tells its breaker how it went.
    async fn attempt(&self, trial: Trial<'a>) -> Result<Reply<'a>, Failure> {
        match self.exchange(trial.origin).await {
            Ok((link, answered)) => Ok(Reply { origin: trial.answered(), link, answered }),
            Err(failure) => {
                trial.failed(failure.is_timeout());
                Err(failure)
            }
        }
    }

    async fn exchange(&self, origin: &Origin) -> Result<(Link, Answered), Failure> {
        let mut link = self.link(origin).await?;
        let sending = self.request.send(&link.stream, origin);
        match self.deadline {
            Some(deadline) => {
                timeout_at(deadline.into(), sending).await.map_err(|_| Failure::Timeout)?
            }
            None => sending.await,
        }
        .map_err(|_| Failure::Broken)?;
        let end = self.until(self.upstream.conf.head);
        let answered = timeout_at(end, answer_head(&mut link, self.request.to_head)).await;
        Ok((link, answered.map_err(|_| Failure::Timeout)??))
    }

    /// Writes the head, for a body that follows.
    pub(super) async fn send_head(&self, link: &Link, origin: &Origin) -> io::Result<()> {
        self.request.send(&link.stream, origin).await
    }

    async fn link(&self, origin: &Origin) -> Result<Link, Failure> {
        let stream = match origin.peer.take(self.thread) {
            Some(stream) => stream,
            None => {
                let end = self.until(self.upstream.conf.connect);
                let connected = timeout_at(end, origin.peer.connect()).await;
                connected
                    .map_err(|_| Failure::Unsent { timeout: true })?
                    .map_err(|_| Failure::Unsent { timeout: false })?
            }
        };
        Ok(Link { stream, buffer: Vec::new() })
    }
}

/// Reads the head of an answer.
pub(super) async fn answer_head(link: &mut Link, to_head: bool) -> Result<Answered, Failure> {
    let Link { stream, buffer } = link;
    answer_head_from(stream, buffer, to_head).await
}

/// The same for a connection that something else writes to.
pub(super) async fn answer_head_from(
    stream: &TcpStream,
    buffer: &mut Vec<u8>,
    to_head: bool,
) -> Result<Answered, Failure> {
    loop {
        match fill(stream, buffer).await {
            Ok(0) | Err(_) => return Err(Failure::Broken),
            Ok(_) => {}
        }
        if let Some(answered) = read_answer(buffer, to_head).map_err(|_| Failure::Broken)? {
            return Ok(answered);
        }
    }
}
