//! Starts the service: `cache-server --listen ADDR` and the options of the contract.

mod allocator;

use cache_server::clock::Clock;
use cache_server::config::{
    self, CLIENTS, MAXMEMORY_BYTES, PASSWORD_BYTES_MAX, Policy, Settings, TCP_KEEPALIVE_S, THREADS,
};
use cache_server::net::{Bound, TlsListener, serve, tls_config};
use cache_server::server::Server;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, value_parser};
use rustix::net::sockopt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{SignalKind, signal};

/// Connections that may wait to be accepted, if the system allows as many. With the usual 128 the
/// last of a few hundred clients that come at once would try again a second later.
const BACKLOG: u32 = 4_096;

/// The wall clock.
struct WallClock;

impl Clock for WallClock {
    fn now_us(&self) -> u64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
    }
}

/// A cache that speaks the Redis protocol.
#[derive(Parser)]
#[command(name = "cache-server", version)]
struct Options {
    /// Where to listen, such as 127.0.0.1:6379
    #[arg(long, value_name = "ADDR")]
    listen: String,
    /// Event loops; as many as the machine has cores when not given
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(THREADS), allow_negative_numbers = true)]
    threads: Option<u64>,
    /// What all entries may take, 1mb to 1tb
    #[arg(long, value_name = "BYTES", default_value = "1gb", value_parser = maxmemory, allow_negative_numbers = true)]
    maxmemory: u64,
    /// What to do when memory is full: allkeys-s3fifo or noeviction
    #[arg(long, value_name = "NAME", default_value = Policy::Evict.name(), value_parser = policy)]
    maxmemory_policy: Policy,
    /// Clients at the same time
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u64).range(CLIENTS), allow_negative_numbers = true)]
    maxclients: u64,
    /// The password of clients; empty for none
    #[arg(long, value_name = "TEXT", default_value = "")]
    requirepass: String,
    /// Seconds after which an idle client is closed; 0 is never
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = timeout, allow_negative_numbers = true)]
    timeout: u64,
    /// Where Prometheus finds /metrics
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// Where to listen for TLS
    #[arg(long, value_name = "ADDR")]
    tls_listen: Option<String>,
    /// Its certificates, as PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Its key, as PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
}

impl Options {
    /// What no option shows by itself. A refused password is not repeated.
    fn fault(&self) -> Option<String> {
        if self.requirepass.len() > PASSWORD_BYTES_MAX {
            return Some(format!("--requirepass must have at most {PASSWORD_BYTES_MAX} bytes"));
        }
        let given = [self.tls_listen.is_some(), self.tls_cert.is_some(), self.tls_key.is_some()];
        let some = given.contains(&true) && given.contains(&false);
        some.then(|| "--tls-listen, --tls-cert and --tls-key go together".to_owned())
    }
}

fn maxmemory(text: &str) -> Result<u64, &'static str> {
    let bytes = config::memory_bytes(text).filter(|it| MAXMEMORY_BYTES.contains(it));
    bytes.ok_or("must be 1mb to 1tb")
}

fn policy(text: &str) -> Result<Policy, String> {
    let (evict, refuse) = (Policy::Evict.name(), Policy::Refuse.name());
    Policy::from_name(text).ok_or_else(|| format!("must be {evict} or {refuse}"))
}

fn timeout(text: &str) -> Result<u64, String> {
    config::timeout_s(text).ok_or_else(|| format!("must be 0 to {}", i32::MAX))
}

fn main() -> ExitCode {
    allocator::give_memory_back();
    let options = Options::parse();
    if let Some(message) = options.fault() {
        Options::command().error(ErrorKind::ValueValidation, message).exit();
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Without one of its loops the server would be half dead.
        report(panic);
        std::process::abort();
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(options)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cache-server: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn bind(address: &str) -> Result<TcpListener, String> {
    let fault = |error: io::Error| format!("{address}: {error}");
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    for socket_address in lookup_host(address).await.map_err(fault)? {
        outcome = listen(socket_address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map_err(fault)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Those it accepts inherit it. As in Redis, a client is asked three times, a third of the time apart.
    socket.set_keepalive(true)?;
    sockopt::set_tcp_keepidle(&socket, Duration::from_secs(TCP_KEEPALIVE_S))?;
    sockopt::set_tcp_keepintvl(&socket, Duration::from_secs(TCP_KEEPALIVE_S / 3))?;
    sockopt::set_tcp_keepcnt(&socket, 3)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn run(options: Options) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut terminate = signal(SignalKind::terminate()).map_err(text)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(text)?;
    let clients = bind(&options.listen).await?;
    let metrics = match &options.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let tls = match (&options.tls_listen, &options.tls_cert, &options.tls_key) {
        (Some(listen), Some(certificate), Some(key)) => {
            let config = tls_config(certificate, key).map_err(|it| it.to_string())?;
            Some(TlsListener { listener: bind(listen).await?, config })
        }
        _ => None,
    };
    let address = clients.local_addr().map_err(text)?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        threads: options.threads.map_or_else(cores, |threads| threads as usize),
        maxmemory_bytes: options.maxmemory,
        policy: options.maxmemory_policy,
        clients_max: options.maxclients,
        password: options.requirepass,
        timeout_s: options.timeout,
        port: address.port(),
    };
    let mut out = io::stdout();
    writeln!(out, "listening on {address}").map_err(text)?;
    if let Some(tls) = &tls {
        writeln!(out, "tls on {}", tls.listener.local_addr().map_err(text)?).map_err(text)?;
    }
    if let Some(metrics) = &metrics {
        writeln!(out, "metrics on {}", metrics.local_addr().map_err(text)?).map_err(text)?;
    }
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let server = Arc::new(Server::new(&settings, Box::new(WallClock)));
    serve(server, Bound { clients, tls, metrics }, stop).await.map_err(text)
}
