//! A client's body on its way to an upstream, with a limit on its length and its pauses.

use super::relay::Fault;
use crate::wire::{Framing, HEAD_BYTES_MAX, fill, write_all, write_chunk, write_last_chunk};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How far a body has come.
const SENDING: u8 = 0;
const WHOLE: u8 = 1;
/// The upstream takes no more of it, but may still answer.
const REFUSED: u8 = 2;

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) framing: Framing,
    /// Bytes that are still allowed.
    pub(super) left: u64,
    /// The client waits for 100 Continue.
    pub(super) expects: bool,
    idle: Duration,
    began: bool,
}

/// Tells those who wait for an answer how far the body has come.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    pub(super) fn is_sent(&self) -> bool {
        self.0.load(Relaxed) != SENDING
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Relaxed) == WHOLE
    }
}

impl Upload {
    pub(super) fn new(framing: Framing, idle: Duration) -> Self {
        Self { framing, left: 0, expects: false, idle, began: false }
    }

    /// Moves what has come of the body, framed for the upstream.
    pub(super) fn pull(&mut self, from: &mut Vec<u8>, to: &mut Vec<u8>) -> Result<(), Fault> {
        self.began |= !from.is_empty();
        if !matches!(self.framing, Framing::Chunked(_)) {
            // Its length was held against the limit before.
            return self.framing.take(from, to).map_err(|_| Fault::Malformed);
        }
        if self.framing.is_done() {
            return Ok(());
        }
        let mut piece = Vec::new();
        self.framing.take(from, &mut piece).map_err(|_| Fault::Malformed)?;
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(Fault::TooLarge)?;
        write_chunk(&piece, to);
        if self.framing.is_done() {
            write_last_chunk(to);
        }
        Ok(())
    }

    /// Passes on the rest, then waits until the client leaves. It only ever ends with a fault.
    pub(super) async fn run(
        &mut self,
        client: &TcpStream,
        buffer: &mut Vec<u8>,
        upstream: &TcpStream,
        progress: &Progress,
    ) -> Fault {
        if self.expects && !self.began {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            if write_all(client, interim, Some(self.idle)).await.is_err() {
                return Fault::Gone;
            }
        }
        let mut piece = Vec::new();
        while !self.framing.is_done() {
            match timeout(self.idle, fill(client, buffer)).await {
                Err(_) => return Fault::Paused,
                Ok(Ok(0) | Err(_)) => return Fault::Gone,
                Ok(Ok(_)) => {}
            }
            if let Err(fault) = self.pull(buffer, &mut piece) {
                return fault;
            }
            if write_all(upstream, &piece, None).await.is_err() {
                progress.0.store(REFUSED, Relaxed);
                return gone(client, buffer).await;
            }
            piece.clear();
        }
        progress.0.store(WHOLE, Relaxed);
        gone(client, buffer).await
    }
}

/// Waits until a client leaves. What it sends for later is kept, up to a limit.
pub(super) async fn gone(client: &TcpStream, buffer: &mut Vec<u8>) -> Fault {
    while buffer.len() <= HEAD_BYTES_MAX {
        if !matches!(fill(client, buffer).await, Ok(1..)) {
            return Fault::Gone;
        }
    }
    std::future::pending().await
}
