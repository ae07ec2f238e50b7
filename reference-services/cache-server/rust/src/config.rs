//! Settings: from the command line, and what CONFIG reads and sets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes that `--maxmemory` may be.
pub const MAXMEMORY_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 40;
/// Clients that `--maxclients` may be.
pub const CLIENTS: std::ops::RangeInclusive<u64> = 1..=100_000;
/// Threads that `--threads` may be.
pub const THREADS: std::ops::RangeInclusive<u64> = 1..=256;
/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// After so many seconds a silent client is asked whether it is there still.
pub const TCP_KEEPALIVE_S: u64 = 300;
const TIMEOUT_S_MAX: u64 = i32::MAX as u64;

/// What to do when memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Evict entries of all databases after S3-FIFO.
    Evict,
    /// Refuse writes that need more.
    Refuse,
}

impl Policy {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evict => "allkeys-s3fifo",
            Self::Refuse => "noeviction",
        }
    }

    /// The policy of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Evict, Self::Refuse].into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// What the command line said.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Event loops.
    pub threads: usize,
    /// Accounted bytes.
    pub maxmemory_bytes: u64,
    /// What to do when they are used up.
    pub policy: Policy,
    /// Clients at the same time.
    pub clients_max: u64,
    /// The password of the user `default`, empty for none.
    pub password: String,
    /// Seconds after which an idle client is closed; 0 is never.
    pub timeout_s: u64,
    /// The port that CONFIG GET and INFO tell.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 1,
            maxmemory_bytes: 1 << 30,
            policy: Policy::Evict,
            clients_max: 10_000,
            password: String::new(),
            timeout_s: 0,
            port: 0,
        }
    }
}

/// The settings that may change while the server runs.
#[derive(Debug)]
pub struct Config {
    clients_max: AtomicU32,
    timeout_s: AtomicU64,
    password: Mutex<String>,
    /// Event loops.
    pub threads: usize,
    /// The port.
    pub port: u16,
}

impl Config {
    /// From the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            clients_max: AtomicU32::new(settings.clients_max as u32),
            timeout_s: AtomicU64::new(settings.timeout_s),
            password: Mutex::new(settings.password.clone()),
            threads: settings.threads,
            port: settings.port,
        }
    }

    /// Clients at the same time.
    pub fn clients_max(&self) -> u64 {
        self.clients_max.load(Ordering::Relaxed).into()
    }

    /// Changes how many clients there may be.
    pub fn set_clients_max(&self, clients: u64) {
        self.clients_max.store(clients as u32, Ordering::Relaxed);
    }

    /// Seconds after which an idle client is closed; 0 is never.
    pub fn timeout_s(&self) -> u64 {
        self.timeout_s.load(Ordering::Relaxed)
    }

    /// Changes when an idle client is closed.
    pub fn set_timeout_s(&self, seconds: u64) {
        self.timeout_s.store(seconds, Ordering::Relaxed);
    }

    /// The password, empty for none.
    pub fn password(&self) -> String {
        self.password.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the password.
    pub fn set_password(&self, password: String) {
        *self.password.lock().unwrap_or_else(PoisonError::into_inner) = password;
    }
}

/// Reads an amount of memory: a number with nothing, `b`, `k`, `kb`, `m`, `mb`, `g` or `gb`.
pub fn memory_bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reads a number of seconds for the timeout.
pub fn timeout_s(text: &str) -> Option<u64> {
    text.parse().ok().filter(|&seconds| seconds <= TIMEOUT_S_MAX)
}
