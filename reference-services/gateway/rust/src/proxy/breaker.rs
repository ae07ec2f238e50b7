//! What keeps requests from an address that fails, and bounds repeated attempts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// States of a breaker, as the metric shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed = 0,
    HalfOpen = 1,
    Open = 2,
}

/// Keeps requests from an address that fails.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u64,
    open_for: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// In a row, while closed.
    failures: u64,
    until: Instant,
}

impl Breaker {
    pub(super) fn new(failures_max: u64, open_for: Duration) -> Self {
        let inner = Inner { state: State::Closed, failures: 0, until: Instant::now() };
        Self { failures_max, open_for, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may go now. Who is admitted by a breaker that is not closed is its one trial,
    /// and must report back.
    pub(super) fn admit(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        if inner.state == State::Open && now >= inner.until {
            inner.state = State::HalfOpen;
            return true;
        }
        inner.state == State::Closed
    }

    /// How long until it may admit a request; nothing when it may now.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let inner = self.lock();
        match inner.state {
            State::Open => inner.until.saturating_duration_since(now),
            // The trial may fail.
            State::HalfOpen => self.open_for,
            State::Closed => Duration::ZERO,
        }
    }

    /// The head of an answer has come.
    pub(super) fn answered(&self) {
        let mut inner = self.lock();
        if inner.state == State::HalfOpen {
            inner.state = State::Closed;
            inner.failures = 0;
        }
    }

    /// An answer came whole.
    pub(super) fn finished(&self) {
        self.lock().failures = 0;
    }

    pub(super) fn failed(&self, now: Instant) {
        let mut inner = self.lock();
        inner.failures += 1;
        let full = inner.state == State::Closed && inner.failures >= self.failures_max;
        if full || inner.state == State::HalfOpen {
            inner.state = State::Open;
            inner.until = now + self.open_for;
        }
    }

    /// An attempt ended without telling anything; a trial is then free again.
    pub(super) fn given_up(&self, now: Instant) {
        let mut inner = self.lock();
        if inner.state == State::HalfOpen {
            inner.state = State::Open;
            inner.until = now;
        }
    }

    pub(super) fn state(&self) -> State {
        self.lock().state
    }
}

const BUDGET_HUNDREDTHS_MAX: u64 = 1_000;
const ATTEMPT_HUNDREDTHS: u64 = 100;

/// Bounds repeated attempts to a share of the requests.
#[derive(Debug)]
pub(super) struct Budget {
    percent: u64,
    hundredths: Mutex<u64>,
}

impl Budget {
    pub(super) fn new(percent: u64) -> Self {
        Self { percent, hundredths: Mutex::new(BUDGET_HUNDREDTHS_MAX) }
    }

    pub(super) fn deposit(&self) {
        let mut left = self.hundredths.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + self.percent).min(BUDGET_HUNDREDTHS_MAX);
    }

    pub(super) fn take(&self) -> bool {
        let mut left = self.hundredths.lock().unwrap_or_else(PoisonError::into_inner);
        match left.checked_sub(ATTEMPT_HUNDREDTHS) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}
