//! Starts the service: `analytics-api --listen ADDR --data DIR` and the options of the contract.

use analytics_api::config::{
    EVENTS, GROUPS, PENDING_BYTES, RETENTION_DAYS_MAX, STRINGS, Settings, THREADS,
};
use analytics_api::http::{routes, serve};
use analytics_api::store::Store;
use analytics_api::time::{Clock, parse_duration};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: analytics-api --listen ADDR --data DIR [--threads N] \
                     [--retention DURATION] [--sync always|never] [--max-events N] \
                     [--max-strings N] [--max-groups N] [--max-pending-bytes N]";
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
    let (listen, settings) = match read_arguments(std::env::args().skip(1)) {
        Ok(start) => start,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Without one of its threads the service would be half dead.
        report(panic);
        std::process::abort();
    }));
    match start(&listen, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("analytics-api: {message}");
            ExitCode::FAILURE
        }
    }
}

fn read_arguments(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(String, Settings), String> {
    let mut settings = Settings::new(PathBuf::new());
    let mut listen = None;
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, arguments.next()),
        };
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        let amount = |range| amount(&name, &value, range);
        match name.as_str() {
            "--listen" => listen = Some(value),
            "--data" => settings.data = PathBuf::from(value),
            "--threads" => settings.threads = amount(THREADS)? as usize,
            "--retention" => settings.retention_ms = retention_ms(&value)?,
            "--sync" => {
                settings.sync = match value.as_str() {
                    "always" => true,
                    "never" => false,
                    _ => return Err(format!("--sync must be always or never, not {value}")),
                }
            }
            "--max-events" => settings.events_max = amount(EVENTS)?,
            "--max-strings" => settings.strings_max = amount(STRINGS)?,
            "--max-groups" => settings.groups_max = amount(GROUPS)?,
            "--max-pending-bytes" => settings.pending_bytes_max = amount(PENDING_BYTES)?,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    if settings.data.as_os_str().is_empty() {
        return Err("--data is missing".to_owned());
    }
    Ok((listen.ok_or("--listen is missing")?, settings))
}

fn amount(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| range.contains(number));
    number
        .ok_or_else(|| format!("{name} must be {} to {}, not {value}", range.start(), range.end()))
}

fn retention_ms(value: &str) -> Result<Option<i64>, String> {
    if value == "0" {
        return Ok(None);
    }
    let most = RETENTION_DAYS_MAX * 86_400_000;
    match parse_duration(value) {
        Some(0) => Ok(None),
        Some(ms) if ms <= most => Ok(Some(ms)),
        _ => Err(format!(
            "--retention must be a whole number with s, m, h or d, at most \
             {RETENTION_DAYS_MAX}d, or 0, not {value}"
        )),
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
