//! Sets of addresses that answer alike, with what is known about them.

use super::breaker::{Breaker, Budget};
use super::gauge::Gauge;
use super::metrics::{Outcome, UpstreamCounts};
use super::peer::Peer;
use crate::config;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) conf: config::Upstream,
    pub(super) origins: Vec<Origin>,
    /// Whose turn it is.
    next: AtomicUsize,
    pub(super) in_flight: Gauge,
    pub(super) budget: Budget,
    pub(super) counts: Arc<UpstreamCounts>,
}

/// One address of an upstream.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) peer: Peer,
    pub(super) breaker: Breaker,
}

impl Upstream {
    pub(super) fn new(
        conf: &config::Upstream,
        counts: Arc<UpstreamCounts>,
        threads: usize,
    ) -> Self {
        let origins = conf.addresses.iter().map(|address| Origin {
            peer: Peer::new(*address, threads),
            breaker: Breaker::new(conf.breaker_failures, conf.breaker_open),
        });
        Self {
            origins: origins.collect(),
            next: AtomicUsize::new(0),
            in_flight: Gauge::new(conf.in_flight_max),
            budget: Budget::new(conf.retry_percent),
            counts,
            conf: conf.clone(),
        }
    }

    /// The next address whose breaker admits a request, one that was not tried if there is.
    pub(super) fn pick(&self, tried: &[usize]) -> Option<Trial<'_>> {
        let now = Instant::now();
        let first = self.next.fetch_add(1, Relaxed);
        for again in [false, true] {
            for step in 0..self.origins.len() {
                let place = first.wrapping_add(step) % self.origins.len();
                let origin = self.origins.get(place)?;
                if tried.contains(&place) == again && origin.breaker.admit(now) {
                    return Some(Trial { upstream: self, origin, place, reported: false });
                }
            }
        }
        None
    }

    /// How long until the first breaker may admit a request, at least a second.
    pub(super) fn wait(&self) -> Duration {
        let now = Instant::now();
        let waits = self.origins.iter().map(|origin| origin.breaker.wait(now));
        waits.min().unwrap_or_default().max(Duration::from_secs(1))
    }
}

/// An attempt at an address, which its breaker hears the end of. One that is dropped without a word was
/// given up.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    upstream: &'a Upstream,
    pub(super) origin: &'a Origin,
    pub(super) place: usize,
    reported: bool,
}

impl<'a> Trial<'a> {
    fn report(&mut self, outcome: Outcome) {
        self.reported = true;
        self.upstream.counts.attempt(outcome);
    }

    /// The head of an answer has come.
    pub(super) fn answered(mut self) -> &'a Origin {
        self.origin.breaker.answered();
        self.report(Outcome::Answered);
        self.origin
    }

    pub(super) fn failed(mut self, timeout: bool) {
        self.origin.breaker.failed(Instant::now());
        self.report(if timeout { Outcome::TimedOut } else { Outcome::Failed });
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.origin.breaker.given_up(Instant::now());
            self.report(Outcome::GivenUp);
        }
    }
}
