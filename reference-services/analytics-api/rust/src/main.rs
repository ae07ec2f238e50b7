//! Starts the service: `analytics-api --listen ADDR --data DIR` and the options of the contract.

use analytics_api::config::{
    EVENTS, GROUPS, PENDING_BYTES, RETENTION_DAYS_MAX, STRINGS, Settings, THREADS,
};
use analytics_api::http::{routes, serve};
use analytics_api::limits::QUERIES_MAX;
use analytics_api::store::Store;
use analytics_api::time::{Clock, parse_duration};
use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, ValueEnum, value_parser};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its bindings do not name: for how many ms memory that is
/// free stays with the process.
const PURGE_DELAY: i32 = 15;
/// What a write beyond the limit of a file's size raises; unless it is taken, the process ends.
const SIGXFSZ: i32 = 25;

/// The wall clock.
struct WallClock;

impl Clock for WallClock {
    fn now_ms(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}

/// Takes events in and answers questions about them.
#[derive(Parser)]
#[command(name = "analytics-api", version)]
struct Options {
    /// Where to listen, such as 127.0.0.1:8080
    #[arg(long, value_name = "ADDR")]
    listen: String,
    /// The data folder
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new())]
    data: String,
    /// Threads that parse and answer; as many as the machine has cores when not given
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(THREADS))]
    threads: Option<u64>,
    /// Events older than this are gone: a whole number with s, m, h or d, or 0 for never
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = retention)]
    retention: Retention,
    /// Whether a batch is on the disk when it is acknowledged, or only handed to the kernel
    #[arg(long, value_name = "always|never", value_enum, default_value = "always")]
    sync: Sync,
    /// Events held
    #[arg(long, value_name = "N", default_value_t = 100_000_000, value_parser = value_parser!(u64).range(EVENTS))]
    max_events: u64,
    /// Different keys, plus different values of each tag, held
    #[arg(long, value_name = "N", default_value_t = 16_777_216, value_parser = value_parser!(u64).range(STRINGS))]
    max_strings: u64,
    /// Cells of a query, series of a listing
    #[arg(long, value_name = "N", default_value_t = 4_194_304, value_parser = value_parser!(u64).range(GROUPS))]
    max_groups: u64,
    /// Bytes of bodies that are not yet answered
    #[arg(long, value_name = "N", default_value_t = 256 << 20, value_parser = value_parser!(u64).range(PENDING_BYTES))]
    max_pending_bytes: u64,
}

/// How long events are kept, in ms; nothing for ever.
#[derive(Clone, Copy)]
struct Retention(Option<i64>);

fn retention(text: &str) -> Result<Retention, String> {
    let most = RETENTION_DAYS_MAX * 86_400_000;
    let ms = if text == "0" { Some(0) } else { parse_duration(text) };
    match ms {
        Some(0) => Ok(Retention(None)),
        Some(ms) if ms <= most => Ok(Retention(Some(ms))),
        _ => Err(format!(
            "must be a whole number with s, m, h or d, at most {RETENTION_DAYS_MAX}d, or 0"
        )),
    }
}

/// When a batch is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sync {
    /// Once it is on the disk
    Always,
    /// Once the kernel has it
    Never,
}

/// Gives memory back as soon as it is free. Batches and merges need much for a moment, and what they
/// leave would stand beside the events: a quarter to twice as much again, as measured. Huge pages would
/// bring back whole what was given back in part. In the environment `MIMALLOC_PURGE_DELAY` wins.
fn give_memory_back() {
    // Where the kernel knows no huge pages there is nothing to leave out.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    #[expect(unsafe_code, reason = "sets a number; there is no safe binding")]
    // SAFETY: it takes any option and any number, at any time.
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 0);
    }
}

fn main() -> ExitCode {
    give_memory_back();
    let options = Options::parse();
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings {
        data: options.data.into(),
        threads: options.threads.map_or_else(cores, |threads| threads as usize),
        retention_ms: options.retention.0,
        sync: options.sync == Sync::Always,
        events_max: options.max_events,
        strings_max: options.max_strings,
        groups_max: options.max_groups,
        pending_bytes_max: options.max_pending_bytes,
    };
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Without one of its threads the service would be half dead.
        report(panic);
        std::process::abort();
    }));
    match start(&options.listen, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("analytics-api: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(listen: &str, settings: Settings) -> Result<(), String> {
    let threads = settings.threads;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        // Each keeps some of the allocator's memory; more than can work would keep more.
        .max_blocking_threads(QUERIES_MAX + threads)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(run(listen, settings))
}

async fn run(listen: &str, settings: Settings) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut terminate = signal(SignalKind::terminate()).map_err(text)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(text)?;
    // Taking it is enough: the write then fails, and the batch is refused.
    let _file_size = signal(SignalKind::from_raw(SIGXFSZ)).map_err(text)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    let opened = tokio::task::spawn_blocking(move || Store::open(settings, Box::new(WallClock)));
    let store =
        opened.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    if let Some(cut) = store.cut() {
        eprintln!("cut {} bytes at byte {} of {}", cut.bytes, cut.at, cut.path.display());
    }
    writeln!(io::stdout(), "listening on {}", listener.local_addr().map_err(text)?)
        .map_err(text)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve(listener, routes(store), stop).await.map_err(text)
}
