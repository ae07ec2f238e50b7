//! The floor under the figures of the JSON API and of the cache: `floor --listen ADDR [--threads 1]`.
//!
//! One thread and one epoll set. Each whole request of known length is answered with the bytes of
//! the contract's sample quote; `GET` is answered with `ok`. What begins like a command of the Redis
//! protocol is answered as one: a read with its key and fixed bytes, a pipeline in one write. Nothing is decoded, checked, computed,
//! timed or counted, so what a request costs here is what the kernel asks for moving messages of
//! this size: one `read`, one `write` and a share of one `epoll_wait`. It is no HTTP server: there
//! are no timeouts, no limit on connections and no refusals besides closing. SIGTERM ends it.
//!
//! `floor --listen ADDR --threads N --scan` stands under an analytics service instead: a bare scan
//! of the columns that a question is about.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod connection;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(target_os = "linux")]
mod server;

const USAGE: &str = "usage: floor --listen ADDR [--threads 1]
       floor --listen ADDR --threads N --scan";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["--listen", address] | ["--listen", address, "--threads", "1"] => run(address, None),
        ["--listen", address, "--threads", threads, "--scan"] => match threads.parse() {
            Ok(threads @ 1..=64) => run(address, Some(threads)),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

#[cfg(target_os = "linux")]
fn run(address: &str, scan: Option<usize>) -> ExitCode {
    // Only a failure ends it, or a signal.
    let served =
        scan.map_or_else(|| server::serve(address), |threads| scan::serve(address, threads));
    let error = match served {
        Ok(never) => match never {},
        Err(error) => error,
    };
    eprintln!("floor: {address}: {error}");
    ExitCode::FAILURE
}

#[cfg(not(target_os = "linux"))]
fn run(_: &str, _: Option<usize>) -> ExitCode {
    eprintln!("floor: needs Linux, for epoll");
    ExitCode::FAILURE
}
