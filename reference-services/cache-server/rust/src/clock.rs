//! Time, passed in.

use std::sync::atomic::{AtomicU64, Ordering};

/// Tells the time. The server has one; tests have one that they move.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970.
    fn now_us(&self) -> u64;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        self.now_us() / 1_000
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct PausedClock {
    now_us: AtomicU64,
}

impl PausedClock {
    /// A clock that stands at so many ms since 1970.
    pub fn at_ms(now_ms: u64) -> Self {
        Self { now_us: AtomicU64::new(now_ms * 1_000) }
    }

    /// Moves it on.
    pub fn advance_ms(&self, by_ms: u64) {
        self.now_us.fetch_add(by_ms * 1_000, Ordering::Relaxed);
    }
}

impl Clock for PausedClock {
    fn now_us(&self) -> u64 {
        self.now_us.load(Ordering::Relaxed)
    }
}
