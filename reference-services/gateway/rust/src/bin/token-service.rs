//! Starts the token service: `token-service --listen ADDR` and the options of the contract.

use gateway::{Expected, Service, Watched, serve, watch};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: token-service --listen ADDR [--threads N] --jwks FILE --issuer TEXT \
                     --audience TEXT [--leeway-s N]";
const THREADS_MAX: u64 = 1_024;
const LEEWAY_S_MAX: u64 = 300;
const LEEWAY_S: u64 = 30;
const TEXT_BYTES_MAX: usize = 255;

struct Settings {
    listen: String,
    /// As many as the machine has cores when not given.
    threads: Option<usize>,
    jwks: PathBuf,
    expected: Expected,
}

fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let keys = match Watched::open(&settings.jwks) {
        Ok(keys) => keys,
        Err(message) => {
            eprintln!("token-service: {message}");
            return ExitCode::from(2);
        }
    };
    let service = Arc::new(Service::new(keys, settings.expected, now_s));
    let listen = settings.listen;
    match runtime(settings.threads).and_then(|runtime| runtime.block_on(run(&listen, service))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("token-service: {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn now_s() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "the service's one clock")]
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Settings, String> {
    let (mut listen, mut threads, mut jwks) = (None, None, None);
    let (mut issuer, mut audience, mut leeway_s) = (None, None, LEEWAY_S);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.next()),
        };
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" => listen = Some(value),
            "--threads" => threads = usize::try_from(amount(&name, &value, 1, THREADS_MAX)?).ok(),
            "--jwks" => jwks = Some(PathBuf::from(value)),
            "--issuer" => issuer = Some(text(&name, value)?),
            "--audience" => audience = Some(text(&name, value)?),
            "--leeway-s" => leeway_s = amount(&name, &value, 0, LEEWAY_S_MAX)?,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    let expected = Expected {
        issuer: issuer.ok_or("--issuer is missing")?,
        audience: audience.ok_or("--audience is missing")?,
        leeway_s: leeway_s as f64,
    };
    let listen = listen.ok_or("--listen is missing")?;
    Ok(Settings { listen, threads, jwks: jwks.ok_or("--jwks is missing")?, expected })
}

fn amount(name: &str, value: &str, min: u64, max: u64) -> Result<u64, String> {
    match value.parse() {
        Ok(amount) if (min..=max).contains(&amount) => Ok(amount),
        _ => Err(format!("{name} must be {min} to {max}, not {value}")),
    }
}

fn text(name: &str, value: String) -> Result<String, String> {
    if (1..=TEXT_BYTES_MAX).contains(&value.len()) {
        return Ok(value);
    }
    Err(format!("{name} must have 1 to {TEXT_BYTES_MAX} bytes"))
}

fn runtime(threads: Option<usize>) -> io::Result<Runtime> {
    let mut builder = match threads {
        Some(1) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if let Some(count) = threads {
        builder.worker_threads(count);
    }
    builder.enable_all().build()
}

async fn run(listen: &str, service: Arc<Service>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let listener = TcpListener::bind(listen).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let watched = Arc::clone(&service);
    tokio::spawn(async move {
        watch(&watched.keys, hangup, |outcome| {
            watched.count_reload(outcome.is_ok());
            if let Err(message) = outcome {
                eprintln!("token-service: {message}");
            }
        })
        .await;
    });
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(listener, service, stop).await
}
