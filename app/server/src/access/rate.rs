//! How often something may happen in a second.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

/// At most so many a second, in this copy of the program.
pub struct Rate {
    most: u32,
    /// When the second began, and how many there were in it.
    second: Mutex<(Instant, u32)>,
}

impl Rate {
    /// At most this many a second.
    #[must_use]
    pub fn per_second(most: u32) -> Self {
        Self { most, second: Mutex::new((Instant::now(), 0)) }
    }

    /// Counts one more; whether it still may be.
    pub fn admits(&self) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0.elapsed() >= Duration::from_secs(1) {
            *second = (Instant::now(), 0);
        }
        second.1 = second.1.saturating_add(1);
        second.1 <= self.most
    }
}
