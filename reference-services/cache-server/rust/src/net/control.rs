//! The control thread: starts the event loops, accepts connections and hands them out in turn,
//! serves metrics, and stops everything.

use super::metrics;
use super::transport::Transport;
use super::worker::{self, Inbox};
use crate::server::Server;
use crate::stats::Closed;
use mio::Poll;
use rustls::ServerConfig;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

/// The sockets that the server listens on.
#[derive(Debug)]
pub struct Bound {
    /// For clients.
    pub clients: TcpListener,
    /// For clients that speak TLS.
    pub tls: Option<TlsListener>,
    /// For metrics over HTTP.
    pub metrics: Option<TcpListener>,
}

/// A socket for clients that speak TLS, and how that is done.
#[derive(Debug)]
pub struct TlsListener {
    /// Where they connect.
    pub listener: TcpListener,
    /// The certificate and its key.
    pub config: Arc<ServerConfig>,
}

/// Serves until `shutdown` completes, then lets clients take the replies that are due.
///
/// # Errors
/// When an event loop cannot be started or fails for good.
pub async fn serve(
    server: Arc<Server>,
    bound: Bound,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut inboxes = Vec::new();
    let mut loops: Vec<JoinHandle<io::Result<()>>> = Vec::new();
    for number in 0..server.config.threads {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(&poll)?);
        inboxes.push(Arc::clone(&inbox));
        let server = Arc::clone(&server);
        let thread = std::thread::Builder::new().name(format!("loop-{number}"));
        loops.push(thread.spawn(move || worker::run(&server, number, poll, &inbox))?);
    }
    let woken = inboxes.clone();
    server.set_wake(Box::new(move |number| {
        if let Some(inbox) = woken.get(number) {
            inbox.wake();
        }
    }));
    tokio::select! {
        () = shutdown => {}
        () = accept(&server, &bound.clients, None, &inboxes) => {}
        () = accept_tls(&server, bound.tls.as_ref(), &inboxes) => {}
        () = metrics::serve(Arc::clone(&server), bound.metrics) => {}
    }
    drop((bound.clients, bound.tls));
    inboxes.iter().for_each(|inbox| inbox.stop());
    for ended in loops {
        ended.join().map_err(|_| io::Error::other("an event loop panicked"))??;
    }
    Ok(())
}

async fn accept_tls(server: &Server, tls: Option<&TlsListener>, inboxes: &[Arc<Inbox>]) {
    let Some(TlsListener { listener, config }) = tls else { return std::future::pending().await };
    accept(server, listener, Some(config), inboxes).await;
}

async fn accept(
    server: &Server,
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    inboxes: &[Arc<Inbox>],
) {
    let mut turns = inboxes.iter().cycle();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                server.stats.connections.fetch_add(1, Ordering::Relaxed);
                let Some(inbox) = turns.next() else { return };
                admit(server, stream, tls, inbox);
            }
            // Out of descriptors, or a client that has already gone: both pass.
            Err(_) => tokio::time::sleep(ACCEPT_RETRY_DELAY).await,
        }
    }
}

fn admit(server: &Server, stream: TcpStream, tls: Option<&Arc<ServerConfig>>, inbox: &Inbox) {
    let full = server.connections.fetch_add(1, Ordering::Relaxed) >= server.config.clients_max();
    let ready = stream.set_nodelay(true).and_then(|()| stream.into_std());
    let ready = ready.and_then(|it| Transport::new(mio::net::TcpStream::from_std(it), tls));
    match ready {
        Ok(transport) if !full => inbox.hand_over(transport),
        Ok(transport) => {
            server.connections.fetch_sub(1, Ordering::Relaxed);
            server.stats.close(Closed::Maxclients);
            // It fits the empty buffer of a new socket; who left already does not miss it. Before
            // keys are agreed on nothing can be said.
            if let Transport::Plain(mut socket) = transport {
                drop(socket.write(TOO_MANY));
            }
        }
        Err(_) => {
            server.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
