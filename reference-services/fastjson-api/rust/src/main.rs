//! Starts the service: `fastjson-api --listen ADDR` and the options of the contract.

use clap::{Parser, value_parser};
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

const THREADS_MAX: u64 = 1_024;
const DOCUMENTS_MAX: u64 = 100_000_000;
const DOCUMENTS_BYTES_MAX: u64 = 1 << 40;

/// Prices orders and keeps documents.
#[derive(Parser)]
#[command(name = "fastjson-api", version)]
struct Options {
    /// Where to listen, such as 127.0.0.1:8090
    #[arg(long, value_name = "ADDR")]
    listen: String,
    /// Threads that serve requests; as many as the machine has cores when not given
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=THREADS_MAX))]
    threads: Option<u64>,
    /// Documents to keep
    #[arg(long, value_name = "N", default_value_t = StoreLimits::default().documents_max,
          value_parser = value_parser!(u64).range(1..=DOCUMENTS_MAX))]
    documents_max: u64,
    /// Bytes of the served forms of all documents
    #[arg(long, value_name = "N", default_value_t = StoreLimits::default().bytes_max,
          value_parser = value_parser!(u64).range(1..=DOCUMENTS_BYTES_MAX))]
    documents_bytes_max: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match runtime(options.threads).and_then(|runtime| runtime.block_on(run(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fastjson-api: {}: {error}", options.listen);
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: Option<u64>) -> io::Result<Runtime> {
    let mut builder = match threads {
        Some(1) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if let Some(count) = threads {
        builder.worker_threads(count as usize);
    }
    builder.enable_all().build()
}

async fn run(options: &Options) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(&options.listen).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let limits = StoreLimits {
        documents_max: options.documents_max,
        bytes_max: options.documents_bytes_max,
    };
    fastjson_api::serve(listener, fastjson_api::router(limits), stop).await
}
