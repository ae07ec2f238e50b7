//! Listening, the life of a connection, and the end.

use super::exchange::{Client, End, answer};
use super::gateway::{Gateway, Phase, Worker};
use super::problem::{HEAD_TOO_LARGE, MALFORMED, Manner, Refusal};
use super::trace::Ids;
use crate::config::Fault;
use crate::wire::{HEAD_BYTES_MAX, Head, fill, write_all};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// Connections that may wait to be accepted, if the system allows as many.
const BACKLOG: u32 = 4_096;
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// What a client still sends after a refusal is taken for so long: a reset could overtake the answer.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// Why the gateway does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The table is at fault.
    #[error("{0}")]
    Table(#[from] Fault),
    /// It cannot listen, or not go on.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs a gateway until SIGTERM or SIGINT, on so many threads, each with an event loop of its own.
///
/// # Errors
/// When the table is at fault, or it cannot listen.
pub fn run(
    listen: &str,
    threads: usize,
    file: &Path,
    now: fn() -> SystemTime,
) -> Result<(), RunError> {
    let (gateway, stamps) = Gateway::open(file, threads, now)?;
    let gateway = Arc::new(gateway);
    let runtime = event_loop()?;
    let (listener, signals) =
        runtime.block_on(async { Ok::<_, io::Error>((bind(listen).await?, Signals::new()?)) })?;
    println_now(&format!("listening on {}", listener.local_addr()?))?;
    let slots = Arc::new(Semaphore::new(gateway.server.connections_max));
    let (phase, phases) = watch::channel(Phase::Serving);
    let (accepting, mut accepted_last) = mpsc::channel::<()>(1);
    let listener = listener.into_std()?;
    let part = |thread| {
        let worker = Worker {
            gateway: Arc::clone(&gateway),
            thread,
            ids: Ids::new()?,
            phase: phases.clone(),
        };
        let accepting = accepting.clone();
        Ok::<_, io::Error>(Part {
            worker: Arc::new(worker),
            listener: listener.try_clone()?,
            slots: Arc::clone(&slots),
            accepting,
        })
    };
    let others: Vec<_> = (1..threads)
        .map(|thread| {
            let (part, runtime) = (part(thread)?, event_loop()?);
            Ok(std::thread::spawn(move || runtime.block_on(part.run())))
        })
        .collect::<io::Result<_>>()?;
    let own = part(0)?;
    drop((listener, accepting));
    let outcome = runtime.block_on(async {
        let Signals { mut terminate, mut interrupt, hangup } = signals;
        let watched = Arc::clone(&gateway);
        tokio::spawn(async move { watched.watch(hangup, stamps).await });
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            phase.send_replace(Phase::Closing);
            // When nobody listens any more, a client that is cut off is not accepted again.
            let _ = accepted_last.recv().await;
            phase.send_replace(Phase::Draining);
            std::future::pending::<()>().await;
        });
        own.run().await
    });
    for thread in others {
        if let Ok(Err(error)) = thread.join() {
            return Err(error.into());
        }
    }
    Ok(outcome?)
}

/// Signals that are heeded from before the gateway says that it is there.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

fn println_now(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

fn event_loop() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn bind(address: &str) -> io::Result<TcpListener> {
    let fault = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for candidate in lookup_host(address).await.map_err(fault)? {
        outcome = bind_to(candidate);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map_err(fault)
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What one thread does.
struct Part {
    worker: Arc<Worker>,
    listener: std::net::TcpListener,
    slots: Arc<Semaphore>,
    accepting: mpsc::Sender<()>,
}

impl Part {
    async fn run(self) -> io::Result<()> {
        let Self { worker, listener, slots, accepting } = self;
        let sweeper = Arc::clone(&worker);
        tokio::spawn(async move { sweeper.sweep().await });
        accept(&worker, TcpListener::from_std(listener)?, &slots).await;
        drop(accepting);
        let server = &worker.gateway.server;
        let all = u32::try_from(server.connections_max).unwrap_or(u32::MAX);
        if timeout(server.drain, slots.acquire_many(all)).await.is_err() && worker.thread == 0 {
            eprintln!("gateway: requests still in flight were cut off");
        }
        Ok(())
    }
}

/// Accepts until the end begins; at the limit, new connections wait in the kernel's queue.
async fn accept(worker: &Arc<Worker>, listener: TcpListener, slots: &Arc<Semaphore>) {
    let mut phase = worker.phase.clone();
    loop {
        let accepted = async {
            let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>((stream, address, slot))
        };
        let (stream, address, slot) = tokio::select! {
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a client that has already gone: both pass.
                    eprintln!("gateway: could not accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
        };
        let worker = Arc::clone(worker);
        tokio::spawn(async move {
            let _slot = slot;
            let _counted = worker.gateway.connections.enter();
            let client = Client::new(stream, address.ip(), worker.gateway.server.client_idle);
            serve(&worker, client).await;
        });
    }
}

/// What comes next from a client.
enum Next {
    /// A head of so many bytes.
    Request(usize),
    Refused(Refusal),
    /// Nothing more, or not in time.
    End,
}

/// Answers one request after the other.
async fn serve(worker: &Worker, mut client: Client) {
    let mut head = Head::default();
    let mut phase = worker.phase.clone();
    loop {
        head.clear();
        let end = Instant::now() + worker.gateway.server.head;
        if client.buffer.is_empty() {
            let idle = async {
                tokio::select! {
                    biased;
                    filled = fill(&client.stream, &mut client.buffer) => filled.unwrap_or(0),
                    _ = phase.wait_for(|phase| *phase == Phase::Draining) => 0,
                }
            };
            if !matches!(timeout_at(end, idle).await, Ok(1..)) {
                return;
            }
        }
        let next = timeout_at(end, next_head(&mut client, &mut head)).await.unwrap_or(Next::End);
        let end = match next {
            // In a box, so that a connection that waits takes little room.
            Next::Request(bytes) => Box::pin(answer(worker, &mut client, &head, bytes)).await,
            Next::Refused(refusal) => {
                if refusal.word == MALFORMED.word {
                    worker.gateway.metrics.refused(refusal.word);
                }
                refuse(worker, &client, &refusal).await
            }
            Next::End => End::Close,
        };
        match end {
            End::Keep => {}
            End::Linger => return linger(client).await,
            End::Close => return,
        }
    }
}

async fn next_head(client: &mut Client, head: &mut Head) -> Next {
    loop {
        match head.advance(&client.buffer) {
            Err(_) => return Next::Refused(MALFORMED),
            Ok(Some(bytes)) if bytes <= HEAD_BYTES_MAX => return Next::Request(bytes),
            Ok(None) if client.buffer.len() <= HEAD_BYTES_MAX => {}
            Ok(_) => return Next::Refused(HEAD_TOO_LARGE),
        }
        if !matches!(fill(&client.stream, &mut client.buffer).await, Ok(1..)) {
            return Next::End;
        }
    }
}

async fn refuse(worker: &Worker, client: &Client, refusal: &Refusal) -> End {
    let id = worker.ids.request_id(None);
    let manner = Manner { id: &id, now: (worker.gateway.now)(), to_head: false, closes: true };
    match write_all(&client.stream, &refusal.bytes(&manner), Some(client.idle)).await {
        Ok(()) => End::Linger,
        Err(_) => End::Close,
    }
}

/// Ends a connection whose client may still be sending.
async fn linger(client: Client) {
    let Client { mut stream, mut buffer, .. } = client;
    let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
    let rest = async {
        let mut taken = 0;
        while taken < LINGER_BYTES_MAX {
            buffer.clear();
            match fill(&stream, &mut buffer).await {
                Ok(count @ 1..) => taken += count,
                _ => return,
            }
        }
    };
    let _ = timeout(LINGER, rest).await;
}

/// Cuts a connection so that its client cannot take what it got for a whole answer.
pub(super) fn cut(stream: &TcpStream) {
    // Where that fails it is closed, which is the next best.
    let _ = stream.set_zero_linger();
}
