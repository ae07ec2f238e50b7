//! Prints the hit ratios of this cache and of LRU and LFU with as many entries.

mod traces;

use traces::{Ratios, Trace, compare};

const REQUESTS: usize = 1_000_000;

fn main() {
    println!("{:<16}{:>9}{:>10}{:>8}{:>8}", "trace", "entries", "S3-FIFO", "LRU", "LFU");
    for trace in [Trace::Zipf, Trace::ZipfWithScans, Trace::Loop, Trace::OneHitWonders] {
        let ratios = compare(trace, REQUESTS);
        let name = format!("{trace:?}");
        let Ratios { ours, lru, lfu, entries } = ratios;
        println!("{name:<16}{entries:>9}{ours:>10.4}{lru:>8.4}{lfu:>8.4}");
    }
}
