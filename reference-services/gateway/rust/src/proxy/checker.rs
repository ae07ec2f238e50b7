//! Finds out who a request comes from: by the keys of a file, or by asking a service.

use super::peer::Peer;
use crate::config::Auth;
use crate::reload::Watched;
use crate::token::{Expected, TOKEN_BYTES_MAX, check, is_subject};
use crate::wire::{Framing, fill, read_answer, write_all};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// How a check ends that finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    Invalid,
    /// The service did not answer as it should.
    Unchecked,
}

#[derive(Debug)]
pub(super) enum Checker {
    Keys { keys: Watched, expected: Expected },
    Service(Service),
}

/// What goes along with a question.
pub(super) struct Asking<'a> {
    pub(super) id: &'a str,
    pub(super) traceparent: &'a str,
    pub(super) thread: usize,
    pub(super) now: SystemTime,
    /// What is left for the whole exchange.
    pub(super) left: Option<Duration>,
}

impl Checker {
    /// # Errors
    /// What is wrong with the keys, and where the table names them.
    pub(super) fn open(auth: &Auth, threads: usize) -> Result<Self, ((usize, usize), String)> {
        match auth {
            Auth::File { file, line_column, issuer, audience, leeway_s } => {
                let keys = Watched::open(file).map_err(|what| (*line_column, what))?;
                let expected = Expected {
                    issuer: issuer.clone(),
                    audience: audience.clone(),
                    leeway_s: *leeway_s as f64,
                };
                Ok(Self::Keys { keys, expected })
            }
            Auth::Service { address, path, timeout } => {
                Ok(Self::Service(Service::new(*address, path, *timeout, threads)))
            }
        }
    }

    /// The subject of a token.
    pub(super) async fn check(&self, token: &[u8], asking: &Asking<'_>) -> Result<String, Unknown> {
        let token = std::str::from_utf8(token).map_err(|_| Unknown::Invalid)?;
        match self {
            Self::Keys { keys, expected } => {
                let now = asking.now.duration_since(UNIX_EPOCH).unwrap_or_default();
                let checked = check(&keys.keys(), expected, token, now.as_secs_f64());
                checked.map_err(|_| Unknown::Invalid)
            }
            Self::Service(service) => service.check(token, asking).await,
        }
    }

    /// Lets go of connections that nobody needs.
    pub(super) fn sweep(&self, thread: usize, now: Instant) {
        if let Self::Service(service) = self {
            service.peer.sweep(thread, now);
        }
    }
}

/// A service that checks.
#[derive(Debug)]
pub(super) struct Service {
    peer: Peer,
    path: String,
    timeout: Duration,
}

/// The service's answer; it may say more.
#[derive(Deserialize)]
struct Known {
    subject: String,
}

impl Service {
    fn new(address: SocketAddr, path: &str, timeout: Duration, threads: usize) -> Self {
        Self { peer: Peer::new(address, threads), path: path.to_owned(), timeout }
    }

    async fn check(&self, token: &str, asking: &Asking<'_>) -> Result<String, Unknown> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Unknown::Invalid);
        }
        let limit = asking.left.map_or(self.timeout, |left| left.min(self.timeout));
        let asked = timeout(limit, self.ask(token, asking)).await;
        let (status, body) = asked.ok().flatten().ok_or(Unknown::Unchecked)?;
        match status {
            200 => {}
            401 => return Err(Unknown::Invalid),
            _ => return Err(Unknown::Unchecked),
        }
        let known: Known = serde_json::from_slice(&body).map_err(|_| Unknown::Unchecked)?;
        if is_subject(&known.subject) { Ok(known.subject) } else { Err(Unknown::Unchecked) }
    }

    /// The status and the body; none when they do not come whole.
    async fn ask(&self, token: &str, asking: &Asking<'_>) -> Option<(u16, Vec<u8>)> {
        let question = json!({ "token": token }).to_string();
        let text = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nX-Request-Id: {}\r\n\
             traceparent: {}\r\nContent-Length: {}\r\n\r\n{question}",
            self.path,
            self.peer.address,
            asking.id,
            asking.traceparent,
            question.len()
        );
        // The service may just have closed a kept connection. Asking twice does no harm.
        if let Some(kept) = self.peer.take(asking.thread)
            && let Some(answer) = self.exchange(kept, text.as_bytes(), asking.thread).await
        {
            return Some(answer);
        }
        let new = self.peer.connect().await.ok()?;
        self.exchange(new, text.as_bytes(), asking.thread).await
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        text: &[u8],
        thread: usize,
    ) -> Option<(u16, Vec<u8>)> {
        write_all(&stream, text, None).await.ok()?;
        let mut buffer = Vec::new();
        let mut answered = loop {
            if fill(&stream, &mut buffer).await.ok()? == 0 {
                return None;
            }
            if let Some(answered) = read_answer(&mut buffer, false).ok()? {
                break answered;
            }
        };
        let mut body = Vec::new();
        loop {
            answered.framing.take(&mut buffer, &mut body).ok()?;
            if body.len() > ANSWER_BYTES_MAX {
                return None;
            }
            if answered.framing.is_done() {
                break;
            }
            if fill(&stream, &mut buffer).await.ok()? == 0 {
                if answered.framing == Framing::UntilClose {
                    break;
                }
                return None;
            }
        }
        if answered.keeps && buffer.is_empty() {
            self.peer.keep(thread, stream, Instant::now());
        }
        Some((answered.status, body))
    }
}
