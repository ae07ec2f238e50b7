//! The hybrid, running on this machine: a Go gateway in front of a token service and a JSON API in
//! Rust, under a little load, and what they say about themselves.

mod client;
mod figures;
mod start;
mod token;
mod watch;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdout, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::watch::{Receiver, Sender};

pub use figures::Figures;
pub use start::{Start, Stopped};

/// How long a part may take to stop when told to, before it is killed; longer than the gateway drains.
const STOP_LIMIT: Duration = Duration::from_secs(8);
const STOP_PAUSE: Duration = Duration::from_millis(10);

/// Three services and what is known of them. They end with it.
#[derive(Debug)]
pub struct Hybrid {
    /// In the order in which they stop: who asks goes before who is asked.
    parts: Mutex<Vec<Part>>,
    gateway: SocketAddr,
    token_service: SocketAddr,
    token: String,
    /// A file with a good token, to try the gateway by hand.
    pub token_file: PathBuf,
    /// Requests a second that are sent to it; 0 for none.
    pub rate: u32,
    state: Sender<Snapshot>,
    _folder: TempDir,
}

/// One service.
#[derive(Debug)]
struct Part {
    about: About,
    child: Child,
    /// Held open: it may have more to say than where it listens.
    _stdout: Option<ChildStdout>,
}

/// What there is to know of a service.
#[derive(Clone, Debug)]
pub struct About {
    /// What it does.
    pub role: &'static str,
    /// What it is written in.
    pub language: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// How it has ended, if it has.
    pub ended: Option<ExitStatus>,
}

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Rises with each look.
    pub number: u64,
    /// What the services counted of late; none before two looks, or when the gateway does not answer.
    pub figures: Option<Figures>,
    /// The services.
    pub parts: Vec<About>,
}

impl Hybrid {
    /// The gateway's address.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// How things stand now, and every change from now on.
    #[must_use]
    pub fn watch(&self) -> Receiver<Snapshot> {
        self.state.subscribe()
    }

    fn parts(&self) -> Vec<About> {
        let look = |part: &mut Part| {
            part.about.ended = part.child.try_wait().ok().flatten();
            part.about.clone()
        };
        self.lock().iter_mut().map(look).collect()
    }

    /// Stops the services one after the other, and says which had to be killed.
    pub fn stop(&self) -> Vec<&'static str> {
        let mut parts = std::mem::take(&mut *self.lock());
        parts.iter_mut().filter_map(|part| (!part.stop()).then_some(part.about.role)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        // The value is replaced whole, so a panic elsewhere cannot have left it half changed.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Asks it to stop, and makes it after a while. False when it had to be made.
    fn stop(&mut self) -> bool {
        if let Ok(Some(_)) = self.child.try_wait() {
            return true;
        }
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok();
        let end = Instant::now() + STOP_LIMIT;
        while asked && Instant::now() < end {
            if let Ok(Some(_)) = self.child.try_wait() {
                return true;
            }
            thread::sleep(STOP_PAUSE);
        }
        // Errors mean that it has just ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.stop();
    }
}
