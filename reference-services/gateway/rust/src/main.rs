//! Starts the gateway: `gateway --listen ADDR` and the options of the contract.

use gateway::{RunError, run};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: gateway --listen ADDR [--threads N] --config FILE";
const THREADS_MAX: usize = 1_024;

fn main() -> ExitCode {
    let Some((listen, threads, file)) = settings(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&listen, threads, Path::new(&file), now) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::from(if matches!(error, RunError::Table(_)) { 2 } else { 1 })
        }
    }
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the service's one clock")]
    SystemTime::now()
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Option<(String, usize, String)> {
    let (mut listen, mut file) = (None, None);
    let mut threads = std::thread::available_parallelism().map_or(1, usize::from);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (argument, arguments.next()?),
        };
        match name.as_str() {
            "--listen" => listen = Some(value),
            "--config" => file = Some(value),
            "--threads" => {
                threads = value.parse().ok().filter(|count| (1..=THREADS_MAX).contains(count))?;
            }
            _ => return None,
        }
    }
    Some((listen?, threads, file?))
}
