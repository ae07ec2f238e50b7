//! Prints the hit ratios of this cache and of LRU with as many entries.

mod traces;

use traces::{Trace, compare};

const REQUESTS: usize = 1_000_000;

fn main() {
    println!("{:<16}{:>9}{:>10}{:>8}", "trace", "entries", "S3-FIFO", "LRU");
    for trace in [Trace::Zipf, Trace::ZipfWithScans, Trace::Loop, Trace::OneHitWonders] {
        let ratios = compare(trace, REQUESTS);
        let name = format!("{trace:?}");
        println!("{name:<16}{:>9}{:>10.4}{:>8.4}", ratios.entries, ratios.ours, ratios.lru);
    }
}
