//! Hit ratios against LRU, on traces that a seed makes.

#[path = "../../examples/hit_ratio/traces.rs"]
mod shared;

use shared::{Trace, compare};

#[test]
fn resists_scans_better_than_lru() {
    let ratios = compare(Trace::ZipfWithScans, 200_000);
    assert!(ratios.ours > ratios.lru + 0.01, "{ratios:?}");
}

#[test]
fn is_no_worse_on_skewed_access_and_loops() {
    for trace in [Trace::Zipf, Trace::Loop] {
        let ratios = compare(trace, 200_000);
        assert!(ratios.ours >= ratios.lru - 0.005, "{trace:?} {ratios:?}");
    }
}
