//! A bare scan, to hold queries against: adds up the times, keys and values of events that stand in
//! memory in plain columns, 16 bytes an event, on so many threads, and does nothing else.
//!
//! `cargo run --release -p analytics-api --example scan -- [EVENTS [THREADS]]` prints the least and
//! the median time of 21 rounds in ms.

use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

const EVENTS: usize = 10_000_000;
const THREADS: usize = 2;
const ROUNDS: usize = 21;
/// Events that a thread takes at a time.
const CHUNK: usize = 65_536;
const LANES: usize = 8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let events = arguments.next().transpose()?.unwrap_or(EVENTS);
    let threads = arguments.next().transpose()?.unwrap_or(THREADS);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;

    let times_ms: Vec<u32> = (0..events).map(|n| (n / 3) as u32).collect();
    let keys: Vec<u32> = (0..events).map(|n| (n * 7_919 % 1_400_000) as u32).collect();
    let values: Vec<f64> = (0..events).map(|n| (n % 1_000) as f64 / 8.0).collect();
    let mut rounds_ms: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(scan(black_box(&times_ms), black_box(&keys), black_box(&values)));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    rounds_ms.sort_by(f64::total_cmp);
    let least = rounds_ms.first().copied().unwrap_or_default();
    let median = rounds_ms.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("{events} events, {threads} threads: least {least:.2} ms, median {median:.2} ms");
    Ok(())
}

/// The sums of all times, keys and values.
fn scan(times_ms: &[u32], keys: &[u32], values: &[f64]) -> (u64, u64, f64) {
    let whole = |numbers: &[u32]| numbers.iter().map(|&it| u64::from(it)).sum::<u64>();
    let chunks = times_ms.par_chunks(CHUNK).zip(keys.par_chunks(CHUNK));
    chunks
        .zip(values.par_chunks(CHUNK))
        .map(|((times_ms, keys), values)| (whole(times_ms), whole(keys), real(values)))
        .reduce(|| (0, 0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2))
}

fn real(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().chain(rest).sum()
}
