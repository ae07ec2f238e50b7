//! Settings: from the command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Threads that `--threads` may be.
pub const THREADS: RangeInclusive<u64> = 1..=256;
/// Days that `--retention` may be.
pub const RETENTION_DAYS_MAX: i64 = 36_500;
/// Events that `--max-events` may be.
pub const EVENTS: RangeInclusive<u64> = 1..=10_000_000_000;
/// Strings that `--max-strings` may be.
pub const STRINGS: RangeInclusive<u64> = 1..=1_000_000_000;
/// Cells that `--max-groups` may be.
pub const GROUPS: RangeInclusive<u64> = 1..=100_000_000;
/// Bytes that `--max-pending-bytes` may be.
pub const PENDING_BYTES: RangeInclusive<u64> = 32 << 20..=1 << 40;

/// What the command line said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Threads that parse and answer.
    pub threads: usize,
    /// Events older than this are gone.
    pub retention_ms: Option<i64>,
    /// Whether a batch is on the disk when it is acknowledged.
    pub sync: bool,
    /// Events held.
    pub events_max: u64,
    /// Different keys, plus different values of each tag, held.
    pub strings_max: u64,
    /// Cells of a query, series of a listing.
    pub groups_max: u64,
    /// Bytes of bodies that are not yet answered.
    pub pending_bytes_max: u64,
}

impl Settings {
    /// The defaults, for a data folder.
    pub fn new(data: PathBuf) -> Self {
        Self {
            data,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            retention_ms: None,
            sync: true,
            events_max: 100_000_000,
            strings_max: 16_777_216,
            groups_max: 4_194_304,
            pending_bytes_max: 256 << 20,
        }
    }
}
