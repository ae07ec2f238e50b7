//! Starts the service: `fastjson-api --listen ADDR` and the options of the contract.

use fastjson_api::StoreLimits;
use std::io::{self, Write};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Tuning rung `mimalloc`.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: fastjson-api --listen ADDR [--threads N] [--documents-max N] \
                     [--documents-bytes-max N]";
const THREADS_MAX: u64 = 1_024;
const DOCUMENTS_MAX: u64 = 100_000_000;
const DOCUMENTS_BYTES_MAX: u64 = 1 << 40;

struct Settings {
    listen: String,
    /// Threads that serve requests; as many as the machine has cores when not given.
    threads: Option<usize>,
    documents: StoreLimits,
}

fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match runtime(settings.threads).and_then(|runtime| runtime.block_on(run(&settings))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fastjson-api: {}: {error}", settings.listen);
            ExitCode::FAILURE
        }
    }
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Settings, String> {
    let mut listen = None;
    let mut threads = None;
    let mut documents = StoreLimits::default();
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.next()),
        };
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" => listen = Some(value),
            "--threads" => threads = usize::try_from(amount(&name, &value, THREADS_MAX)?).ok(),
            "--documents-max" => documents.documents_max = amount(&name, &value, DOCUMENTS_MAX)?,
            "--documents-bytes-max" => {
                documents.bytes_max = amount(&name, &value, DOCUMENTS_BYTES_MAX)?;
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    let listen = listen.ok_or("--listen is missing")?;
    Ok(Settings { listen, threads, documents })
}

fn amount(name: &str, value: &str, max: u64) -> Result<u64, String> {
    match value.parse() {
        Ok(amount) if (1..=max).contains(&amount) => Ok(amount),
        _ => Err(format!("{name} must be 1 to {max}, not {value}")),
    }
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

async fn run(settings: &Settings) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(&settings.listen).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    fastjson_api::serve(listener, fastjson_api::router(settings.documents), stop).await
}
