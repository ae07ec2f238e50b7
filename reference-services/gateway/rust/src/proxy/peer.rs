//! Connections to one address, kept for the next request.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const IDLE_KEPT: Duration = Duration::from_secs(90);

/// An address with its idle connections. Each thread has its own, since a socket belongs to the event
/// loop that made it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pools: Box<[Mutex<Vec<Idle>>]>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl Idle {
    /// Whether the other side has neither closed it nor said anything unasked.
    fn is_good(&self) -> bool {
        let unasked = self.stream.try_read(&mut [0]);
        unasked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

impl Peer {
    pub(super) fn new(address: SocketAddr, threads: usize) -> Self {
        Self { address, pools: (0..threads).map(|_| Mutex::default()).collect() }
    }

    fn pool(&self, thread: usize) -> Option<MutexGuard<'_, Vec<Idle>>> {
        Some(self.pools.get(thread)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A kept connection, the one that was used last.
    pub(super) fn take(&self, thread: usize) -> Option<TcpStream> {
        let mut pool = self.pool(thread)?;
        while let Some(idle) = pool.pop() {
            if idle.is_good() {
                return Some(idle.stream);
            }
        }
        None
    }

    pub(super) fn keep(&self, thread: usize, stream: TcpStream, now: Instant) {
        if let Some(mut pool) = self.pool(thread) {
            pool.push(Idle { stream, since: now });
        }
    }

    /// Lets go of connections that nobody has needed for long, or that the other side has closed.
    pub(super) fn sweep(&self, thread: usize, now: Instant) {
        if let Some(mut pool) = self.pool(thread) {
            pool.retain(|idle| now.duration_since(idle.since) < IDLE_KEPT && idle.is_good());
        }
    }

    pub(super) async fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
