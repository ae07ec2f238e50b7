//! Runs as text, as a run folder holds them.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fmt::Write as _;

use assay_evidence::{Environment, Samples, Summary};

/// The head of a summary: a complete publish run of ten blocks.
pub(crate) fn head(scenario: &str) -> String {
    format!(
        "schema = 1\nrun = \"2026-11-21-{scenario}\"\nservice = \"fastjson-api\"\n\
         workload = \"json_api\"\nscenario = \"{scenario}\"\nresident_state = \"small\"\n\
         profile = \"publish\"\nstarted = \"2026-11-21T04:00:00Z\"\nblocks_planned = 10\n\
         blocks = 10\np99_limit_us = 10000.0\n"
    )
}

/// A metric with figures of both twins and their ratio, each as value, low, high.
pub(crate) fn metric(
    id: &str,
    unit: &str,
    rust: [f64; 3],
    go: [f64; 3],
    ratio: [f64; 3],
) -> String {
    let figure = |[value, low, high]: [f64; 3]| {
        format!("{{ value = {value:?}, low = {low:?}, high = {high:?} }}")
    };
    let [estimate, low, high] = ratio;
    format!(
        "[[metric]]\nid = \"{id}\"\ntitle = \"Title of {id}\"\nunit = \"{unit}\"\n\
         better = \"lower\"\nrust = {}\ngo = {}\n\
         ratio = {{ estimate = {estimate:?}, low = {low:?}, high = {high:?}, level = 0.951, n = 10 }}\n",
        figure(rust),
        figure(go)
    )
}

pub(crate) fn summary(text: &str) -> Summary {
    Summary::parse(text).unwrap()
}

pub(crate) const ENVIRONMENT: &str = r#"schema = 1
started = "2026-11-21T04:00:00Z"
host = "test"
[machine]
cpu = "Test CPU"
cores = 2
memory_mb = 8000
kernel = "Linux 6.1"
governor = "performance"
virtualisation = "none"
clock = "tsc"
[pinning]
server_core = 0
generator_core = 1
same_physical_core = false
[versions]
rustc = "rustc 1.95.0"
go = "go version go1.26.8 linux/amd64"
commit = "0123456789ab"
[go]
gomaxprocs = "1"
gogc = ""
gomemlimit = ""
goexperiment = ""
"#;

pub(crate) fn environment() -> Environment {
    Environment::parse(ENVIRONMENT).unwrap()
}

/// Samples of both twins with a little difference between blocks; Go at twice Rust's figures.
/// `slower` scales all latencies and CPU times.
pub(crate) fn samples(blocks: u32, slower: f64) -> Samples {
    let mut text = String::from("schema = 1\n");
    for block in 1..=blocks {
        // Some order of the blocks that is neither rising nor falling.
        let drift = 1.0 + 0.01 * f64::from(block * 7 % 5);
        for (position, twin, factor) in [(1, "rust", 1.0), (2, "go", 2.0)] {
            let scale = factor * drift * slower;
            let rps = 40_000.0 / scale;
            write!(
                text,
                "[[sample]]\nblock = {block}\nposition = {position}\ntwin = \"{twin}\"\n\
                 cold_start_ms = {:?}\nidle_pss_kib = {:?}\nloaded_pss_kib = {:?}\n\
                 peak_rss_kib = 4000.0\npss_kib_per_connection = 16.0\n\
                 [sample.capacity]\nrps = {rps:?}\nconnections = 64\nerrors = 0\n\
                 server_busy = 0.99\ngenerator_busy = 0.5\nsteal = 0.0\n\
                 [[sample.load]]\nrate_rps = 10000.0\nshare = 0.5\nhalf = true\nseconds = 1.0\n\
                 offered = 10000\nachieved = 9990\ncompleted = 10000\nerrors = 0\nwaited = 0\n\
                 cpu_us = {:?}\ncpu_user_us = {:?}\ncpu_kernel_us = {:?}\ngenerator_busy = 0.4\n\
                 steal = 0.0\nown_lag_p99_us = 5.0\n\
                 latency = {{ mean = {:?}, p50 = {:?}, p90 = 70.0, p95 = 80.0, p99 = {:?}, p999 = {:?}, max = 1000.0 }}\n\
                 service = {{ mean = 0.0, p50 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0 }}\n\
                 lag = {{ mean = 0.0, p50 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0 }}\n",
                2.0 * scale,
                2000.0 * factor,
                4000.0 * factor,
                20.0 * scale,
                12.0 * scale,
                8.0 * scale,
                60.0 * scale,
                50.0 * scale,
                100.0 * scale,
                400.0 * scale,
            )
            .unwrap();
        }
    }
    Samples::parse(&text).unwrap()
}
