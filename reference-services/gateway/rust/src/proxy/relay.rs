//! The exchange with an upstream, both directions at a time.

use super::call::{Call, Failure, Link, Reply, answer_head_from};
use super::exchange::{Client, End, Ended};
use super::gauge::Inside;
use super::problem::{self, Refusal};
use super::serve::cut;
use super::upload::{Progress, Upload, gone};
use super::upstream::Origin;
use crate::wire::{Answered, Framing, fill, write_all, write_chunk, write_last_chunk};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout_at};

/// Longer than any deadline.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// Why an exchange has no answer to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Failed(Failure),
    TooLarge,
    Paused,
    Malformed,
    /// The client has left.
    Gone,
}

impl Fault {
    /// What the client is told; nobody hears it who has left.
    pub(super) fn refusal_or_gone(self) -> Refusal {
        match self {
            Self::TooLarge => problem::BODY_TOO_LARGE,
            Self::Paused => problem::BODY_TIMEOUT,
            Self::Malformed => problem::MALFORMED_BODY,
            Self::Failed(failure) if failure.is_timeout() => problem::UPSTREAM_TIMEOUT,
            Self::Failed(_) | Self::Gone => problem::UPSTREAM_FAILED,
        }
    }
}

/// How an answer that has begun broke off.
enum Break {
    /// The client takes no more, or has left.
    Client,
    Upstream,
    /// The route's time is over.
    Late,
}

/// What a client gets besides the upstream's answer.
struct Back<'a> {
    client: &'a TcpStream,
    idle: Duration,
    id: &'a str,
    old_version: bool,
    to_head: bool,
    closes: bool,
}

/// A request's places in the gateway and at its upstream.
pub(super) type Places<'a> = (Inside<'a>, Inside<'a>);

/// What the client of an exchange asked for.
pub(super) struct Wishes<'a> {
    pub(super) id: &'a str,
    pub(super) old_version: bool,
    pub(super) closes: bool,
}

/// Sends a request with its body, and passes the answer back. The places are given up before the last
/// bytes go out: a client that has its answer may count on them.
pub(super) async fn forward(
    call: &Call<'_>,
    client: &mut Client,
    upload: &mut Upload,
    wishes: Wishes<'_>,
    places: Places<'_>,
) -> Result<Ended, Fault> {
    let Client { stream, buffer, idle, .. } = client;
    let Wishes { id, old_version, closes } = wishes;
    let to_head = call.request.to_head;
    let mut back = Back { client: stream, idle: *idle, id, old_version, to_head, closes };
    if upload.framing.is_done() {
        let mut gone = pin!(gone(stream, buffer));
        let reply = tokio::select! {
            biased;
            reply = call.run() => reply.map_err(Fault::Failed)?,
            fault = &mut gone => return Err(fault),
        };
        let Reply { origin, mut link, answered } = reply;
        let (status, keeps) = (answered.status, answered.keeps);
        let whole = || drop((origin.breaker.finished(), places));
        let ends = (&link.stream, &mut link.buffer);
        let relayed = back.relay(call, answered, ends, gone, whole).await;
        tell(origin, &relayed);
        if relayed.is_ok() && keeps && link.buffer.is_empty() {
            origin.peer.keep(call.thread, link.stream, Instant::now());
        }
        return Ok(back.ended(status, relayed.is_ok(), true));
    }
    let (trial, mut link) = call.connect().await.map_err(Fault::Failed)?;
    if call.send_head(&link, trial.origin).await.is_err() {
        trial.failed(false);
        return Err(Fault::Failed(Failure::Broken));
    }
    let progress = Progress::default();
    let (status, keeps, relayed) = {
        let Link { stream: upstream, buffer: answers } = &mut link;
        let mut client_side = pin!(upload.run(stream, buffer, upstream, &progress));
        let head = first_head(call, upstream, answers, client_side.as_mut(), &progress).await;
        let answered = match head {
            Ok(answered) => answered,
            Err(fault) => {
                // A timeout tells something of the upstream only when it had all of the body.
                if let Fault::Failed(failure) = fault
                    && (progress.is_sent() || !failure.is_timeout())
                {
                    trial.failed(failure.is_timeout());
                }
                return Err(fault);
            }
        };
        let origin = trial.answered();
        let (status, keeps) = (answered.status, answered.keeps);
        back.closes |= !progress.is_whole();
        let whole = || drop((origin.breaker.finished(), places));
        let relayed = back.relay(call, answered, (upstream, answers), client_side, whole).await;
        tell(origin, &relayed);
        (status, keeps.then_some(origin), relayed)
    };
    if let Some(origin) = keeps.filter(|_| progress.is_whole())
        && relayed.is_ok()
        && link.buffer.is_empty()
    {
        origin.peer.keep(call.thread, link.stream, Instant::now());
    }
    Ok(back.ended(status, relayed.is_ok(), progress.is_whole()))
}

/// Tells the breaker of an answer that broke off.
fn tell(origin: &Origin, relayed: &Result<(), Break>) {
    match relayed {
        Err(Break::Upstream) => origin.breaker.failed(Instant::now()),
        Ok(()) | Err(Break::Client | Break::Late) => {}
    }
}

/// Waits for the head of an answer while the body goes on. The upstream's time counts from its end.
async fn first_head<F: Future<Output = Fault>>(
    call: &Call<'_>,
    upstream: &TcpStream,
    buffer: &mut Vec<u8>,
    mut client_side: Pin<&mut F>,
    progress: &Progress,
) -> Result<Answered, Fault> {
    let mut head = pin!(answer_head_from(upstream, buffer, call.request.to_head));
    let mut end = pin!(sleep_until(call.until(NEVER)));
    let mut armed = false;
    poll_fn(|context| {
        if let Poll::Ready(fault) = client_side.as_mut().poll(context) {
            return Poll::Ready(Err(fault));
        }
        if let Poll::Ready(answered) = head.as_mut().poll(context) {
            return Poll::Ready(answered.map_err(Fault::Failed));
        }
        if progress.is_sent() && !armed {
            armed = true;
            end.as_mut().reset(call.until(call.upstream.conf.head));
        }
        end.as_mut().poll(context).map(|()| Err(Fault::Failed(Failure::Timeout)))
    })
    .await
}

/// Waits for something, unless the client's side ends before.
async fn beside<T, F: Future<Output = Fault>>(
    client_side: Pin<&mut F>,
    other: impl Future<Output = io::Result<T>>,
) -> Result<io::Result<T>, Break> {
    tokio::select! {
        biased;
        done = other => Ok(done),
        _ = client_side => Err(Break::Client),
    }
}

impl Back<'_> {
    /// Streams the answer. Once its head is out, a fault can only be shown by cutting the connection.
    async fn relay<F: Future<Output = Fault>>(
        &self,
        call: &Call<'_>,
        answered: Answered,
        (upstream, buffer): (&TcpStream, &mut Vec<u8>),
        mut client_side: Pin<&mut F>,
        whole: impl FnOnce(),
    ) -> Result<(), Break> {
        let Answered { mut framing, head: mut out, .. } = answered;
        let chunked = !matches!(framing, Framing::Length(_)) && !self.old_version;
        self.write_own_fields(chunked, &mut out);
        let (mut piece, mut ended, mut whole) = (Vec::new(), false, Some(whole));
        loop {
            if chunked {
                framing.take(buffer, &mut piece).map_err(|_| Break::Upstream)?;
                write_chunk(&piece, &mut out);
                piece.clear();
            } else {
                framing.take(buffer, &mut out).map_err(|_| Break::Upstream)?;
            }
            let done = ended || framing.is_done();
            if done && chunked {
                write_last_chunk(&mut out);
            }
            if let Some(whole) = whole.take_if(|_| done) {
                whole();
            }
            let writing = write_all(self.client, &out, Some(self.idle));
            beside(client_side.as_mut(), writing).await?.map_err(|_| Break::Client)?;
            if done {
                return Ok(());
            }
            out.clear();
            let end = call.until(call.upstream.conf.body_idle);
            let reading = beside(client_side.as_mut(), fill(upstream, buffer));
            match timeout_at(end, reading).await {
                Ok(Ok(Ok(1..))) => {}
                Ok(Ok(Ok(0))) if framing == Framing::UntilClose => ended = true,
                Ok(Ok(_)) => return Err(Break::Upstream),
                Ok(Err(broke)) => return Err(broke),
                Err(_) if call.deadline.is_some_and(|end| end <= Instant::now()) => {
                    return Err(Break::Late);
                }
                Err(_) => return Err(Break::Upstream),
            }
        }
    }

    fn write_own_fields(&self, chunked: bool, out: &mut Vec<u8>) {
        if chunked && !self.to_head {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        out.extend_from_slice(b"X-Request-Id: ");
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(if self.closes {
            b"\r\nConnection: close\r\n\r\n"
        } else {
            b"\r\n\r\n"
        });
    }

    fn ended(&self, status: u16, is_whole: bool, body_whole: bool) -> Ended {
        let end = match (is_whole, body_whole) {
            (false, _) => {
                if self.old_version {
                    cut(self.client);
                }
                End::Close
            }
            (true, false) => End::Linger,
            (true, true) if self.closes => End::Close,
            (true, true) => End::Keep,
        };
        Ended { status, end }
    }
}
