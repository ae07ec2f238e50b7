//! About how long the parts of a run take, for the time left.

use std::time::Duration;

use assay_evidence::Profile;

use crate::scenario::{Lengths, Scenario};

/// The parts besides the blocks, in seconds.
pub(crate) const BUILD_S: f64 = 20.0;
pub(crate) const CHECK_S: f64 = 0.5;
pub(crate) const TIMED_BUILDS_S: f64 = 400.0;

/// Weighing connections takes about as long as this for each.
const CONNECTION_S: f64 = 0.0005;

/// Requests a second at which resident state is about built.
const PRELOAD_RPS: f64 = 7_000.0;

/// Keys a second that a cache stores in pipelines, and reads a second of a trace, about.
const FILL_RPS: f64 = 500_000.0;
const TRACE_RPS: f64 = 250_000.0;

/// Events a second that are stored and put in order, events a second that all questions together go
/// through, and what waiting until all is done takes at least, about.
const STORE_RPS: f64 = 1_500_000.0;
const ASK_RPS: f64 = 15_000_000.0;
const SETTLE_S: f64 = 1.5;

/// Closed loops of each twin from which the rates follow.
pub(crate) const CALIBRATIONS: u32 = 3;

/// About how long a scenario takes in a profile, the first build apart.
pub(crate) fn expected(scenario: &Scenario, profile: Profile) -> Duration {
    let lengths = scenario.lengths(profile);
    let variant_s = process_s(scenario, &lengths, 0);
    // The faster twin has rates of its own, so that a pair shares them evenly in the estimate.
    let extra = count(scenario.load.faster_shares.len()) * lengths.sweep_s;
    let pair_s = 2.0 * twin_s(scenario, &lengths) + extra;
    let block_s = pair_s + count(scenario.variants.len()) * variant_s;
    let timed = profile == Profile::Publish && scenario.build_times;
    let builds = if timed { TIMED_BUILDS_S } else { 0.0 };
    let total = CHECK_S + calibration_s(scenario, &lengths) + f64::from(lengths.blocks) * block_s;
    Duration::from_secs_f64(total + builds)
}

/// About how long one process of an idiomatic twin takes with what it is weighed in, in seconds.
pub(crate) fn twin_s(scenario: &Scenario, lengths: &Lengths) -> f64 {
    let idle = scenario.load.idle_connections;
    let weighing = if idle > 0 { 0.5 + count(idle) * CONNECTION_S } else { 0.0 };
    process_s(scenario, lengths, scenario.load.shares.len()) + weighing
}

/// About how long one process takes with so many further rates, in seconds.
pub(crate) fn process_s(scenario: &Scenario, lengths: &Lengths, rates: usize) -> f64 {
    let asked = f64::from(lengths.stored) * f64::from(lengths.rounds + 1) / ASK_RPS;
    let asked = if scenario.questions.is_empty() { 0.0 } else { asked };
    lengths.process_s(rates) + preload_s(scenario, lengths) + asked
}

/// What a process is filled with before its first load, and emptied of behind its last.
fn preload_s(scenario: &Scenario, lengths: &Lengths) -> f64 {
    let requests = scenario.preload.as_ref().map_or(0, |preload| preload.count);
    let data = scenario.data.as_ref();
    let keys = data.filter(|data| data.preload).map_or(0, |data| data.keys);
    let reads: u32 = scenario.traces.iter().map(|trace| trace.reads).sum();
    let settling = if lengths.stored > 0 { SETTLE_S } else { 0.0 };
    f64::from(requests) / PRELOAD_RPS
        + f64::from(lengths.stored) / STORE_RPS
        + settling
        + f64::from(keys) / FILL_RPS
        + f64::from(reads) / TRACE_RPS
        + data.map_or(0.0, |data| data.flush_s)
}

/// About how long finding the capacities takes, in seconds.
pub(crate) fn calibration_s(scenario: &Scenario, lengths: &Lengths) -> f64 {
    if !scenario.questions.is_empty() {
        return 0.0;
    }
    let others = scenario.variants.iter().filter(|variant| variant.program.is_some()).count();
    let loops = lengths.warm_up_s + f64::from(CALIBRATIONS) * lengths.capacity_s;
    (2.0 + count(others)) * (loops + preload_s(scenario, lengths))
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn count(number: usize) -> f64 {
    number as f64
}
