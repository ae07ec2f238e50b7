//! How many bytes the cache may hold, over all shards.

use std::sync::atomic::{AtomicU64, Ordering};

/// There is no room for a write, even after evicting what could be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("OOM command not allowed when used memory > 'maxmemory'.")]
pub struct OutOfMemory {
    /// What was asked for, in bytes.
    pub bytes: u64,
}

/// Bytes in use against the most that may be. Shards take from it in large pieces (log segments,
/// index growth, objects), so that this shared counter is off the hot path.
#[derive(Debug)]
pub struct Budget {
    bytes_used: AtomicU64,
    bytes_used_peak: AtomicU64,
    /// `u64::MAX` when there is no limit.
    bytes_max: AtomicU64,
}

impl Budget {
    /// A budget of this many bytes; 0 means no limit.
    pub fn new(bytes_max: u64) -> Self {
        let budget = Self {
            bytes_used: AtomicU64::new(0),
            bytes_used_peak: AtomicU64::new(0),
            bytes_max: AtomicU64::new(0),
        };
        budget.set_bytes_max(bytes_max);
        budget
    }

    /// Changes the limit; 0 means none. What is already in use stays.
    pub fn set_bytes_max(&self, bytes_max: u64) {
        let bytes_max = if bytes_max == 0 { u64::MAX } else { bytes_max };
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
    }

    /// The limit in bytes; 0 means none.
    pub fn bytes_max(&self) -> u64 {
        match self.bytes_max.load(Ordering::Relaxed) {
            u64::MAX => 0,
            bytes => bytes,
        }
    }

    /// Bytes in use now.
    pub fn bytes_used(&self) -> u64 {
        self.bytes_used.load(Ordering::Relaxed)
    }

    /// The most bytes that were ever in use.
    pub fn bytes_used_peak(&self) -> u64 {
        self.bytes_used_peak.load(Ordering::Relaxed)
    }

    /// Whether more is in use than allowed, which only lowering the limit brings about.
    pub fn is_exceeded(&self) -> bool {
        self.bytes_used() > self.bytes_max.load(Ordering::Relaxed)
    }

    /// Takes `bytes`, unless that would exceed the limit.
    pub fn try_take(&self, bytes: u64) -> bool {
        let bytes_max = self.bytes_max.load(Ordering::Relaxed);
        let taken = self.bytes_used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= bytes_max)
        });
        match taken {
            Ok(before) => {
                self.bytes_used_peak.fetch_max(before + bytes, Ordering::Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes `bytes` that are in use already, whatever the limit.
    pub fn take_anyway(&self, bytes: u64) {
        self.bytes_used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives `bytes` back.
    pub fn give_back(&self, bytes: u64) {
        self.bytes_used.fetch_sub(bytes, Ordering::Relaxed);
    }
}
