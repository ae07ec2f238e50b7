//! A count of what is inside, with a limit.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[derive(Debug)]
pub(super) struct Gauge {
    count: AtomicUsize,
    max: usize,
}

/// Counts as inside until it is dropped.
#[derive(Debug)]
pub(super) struct Inside<'a>(&'a Gauge);

impl Gauge {
    pub(super) fn new(max: usize) -> Self {
        Self { count: AtomicUsize::new(0), max }
    }

    /// Counts one in, unless it is full.
    pub(super) fn enter(&self) -> Option<Inside<'_>> {
        // Dropping it counts it out again.
        let inside = Inside(self);
        (self.count.fetch_add(1, Relaxed) < self.max).then_some(inside)
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
    }
}
