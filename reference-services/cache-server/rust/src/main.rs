//! Starts the service: `cache-server --listen ADDR` and the options of the contract.

mod allocator;

use cache_server::clock::Clock;
use cache_server::config::{
    self, CLIENTS, MAXMEMORY_BYTES, PASSWORD_BYTES_MAX, Policy, Settings, THREADS,
};
use cache_server::net::{Bound, TlsListener, serve, tls_config};
use cache_server::server::Server;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: cache-server --listen ADDR [--threads N] [--maxmemory BYTES] \
                     [--maxmemory-policy NAME] [--maxclients N] [--requirepass TEXT] \
                     [--timeout SECONDS] [--metrics ADDR] \
                     [--tls-listen ADDR --tls-cert FILE --tls-key FILE]";

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

struct Start {
    listen: String,
    metrics: Option<String>,
    tls: Option<Tls>,
    settings: Settings,
}

/// What clients need that speak TLS.
struct Tls {
    listen: String,
    certificate: PathBuf,
    key: PathBuf,
}

fn main() -> ExitCode {
    allocator::give_memory_back();
    let start = match read_arguments(std::env::args().skip(1)) {
        Ok(start) => start,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Without one of its loops the server would be half dead.
        report(panic);
        std::process::abort();
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(start)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cache-server: {message}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Start, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut settings = Settings { threads, ..Settings::default() };
    let (mut listen, mut metrics) = (None, None);
    let (mut tls_listen, mut certificate, mut key) = (None, None, None);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.next()),
        };
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" => listen = Some(value),
            "--metrics" => metrics = Some(value),
            "--tls-listen" => tls_listen = Some(value),
            "--tls-cert" => certificate = Some(value.into()),
            "--tls-key" => key = Some(value.into()),
            "--threads" => settings.threads = number(&name, &value, THREADS)? as usize,
            "--maxclients" => settings.clients_max = number(&name, &value, CLIENTS)?,
            "--timeout" => {
                settings.timeout_s = config::timeout_s(&value)
                    .ok_or_else(|| format!("{name} must be 0 to {}, not {value}", i32::MAX))?;
            }
            "--maxmemory" => {
                let bytes = config::memory_bytes(&value).filter(|it| MAXMEMORY_BYTES.contains(it));
                settings.maxmemory_bytes =
                    bytes.ok_or_else(|| format!("{name} must be 1mb to 1tb, not {value}"))?;
            }
            "--maxmemory-policy" => {
                settings.policy = Policy::from_name(&value).ok_or_else(|| {
                    let (evict, refuse) = (Policy::Evict.name(), Policy::Refuse.name());
                    format!("{name} must be {evict} or {refuse}, not {value}")
                })?;
            }
            "--requirepass" if value.len() <= PASSWORD_BYTES_MAX => settings.password = value,
            "--requirepass" => {
                return Err(format!("{name} has at most {PASSWORD_BYTES_MAX} bytes"));
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    let tls = match (tls_listen, certificate, key) {
        (None, None, None) => None,
        (Some(listen), Some(certificate), Some(key)) => Some(Tls { listen, certificate, key }),
        _ => return Err("--tls-listen, --tls-cert and --tls-key go together".to_owned()),
    };
    Ok(Start { listen: listen.ok_or("--listen is missing")?, metrics, tls, settings })
}

fn number(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number
        .ok_or_else(|| format!("{name} must be {} to {}, not {value}", range.start(), range.end()))
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
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn run(mut start: Start) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut terminate = signal(SignalKind::terminate()).map_err(text)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(text)?;
    let clients = bind(&start.listen).await?;
    let metrics = match &start.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let tls = match &start.tls {
        Some(tls) => {
            let config = tls_config(&tls.certificate, &tls.key).map_err(|it| it.to_string())?;
            Some(TlsListener { listener: bind(&tls.listen).await?, config })
        }
        None => None,
    };
    let address = clients.local_addr().map_err(text)?;
    start.settings.port = address.port();
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
    let server = Arc::new(Server::new(&start.settings, Box::new(WallClock)));
    serve(server, Bound { clients, tls, metrics }, stop).await.map_err(text)
}
