//! The runs, and what they share.

mod analytics;
mod caches;
pub(super) mod refused;
mod runs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use assay_evidence::{
    Environment, GoSettings, Machine, Pinning, Profile, Run, Summary, Twin, Versions, Work, metric,
};
use assay_harness::{
    Binaries, LoadOptions, Options, Outcome, Progress, Scenario, Schedule, bench, encode, load,
    measure, scenarios,
};

const SCENARIO: &str = r#"
    schema = 1
    id = "stand-in"
    title = "A stand-in"
    service = "stand-in"
    workload = "json_api"
    resident_state = "small"
    seed = 1
    p99_limit_ms = 1000.0
    request = { method = "POST", path = "/", content_type = "text/plain", body = "body.txt" }
    load = { connections = 8, capacity_connections = 4, idle_connections = 5, half = 0.01, shares = [0.005], faster_shares = [0.02] }
    quick = { blocks = 3, warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2 }
    publish = { blocks = 10, warm_up_s = 1.0, half_s = 1.0, sweep_s = 1.0, capacity_s = 1.0 }
"#;

/// An A/A variant and one with other settings at run time.
const VARIANTS: &str = r#"
    [[variant]]
    id = "rust-again"
    language = "rust"
    kind = "again"
    label = "The same once more"
    why = "noise"
    [[variant]]
    id = "go-other"
    language = "go"
    kind = "runtime"
    label = "With other settings"
    why = "cause"
    env = { STAND_IN = "seen" }
    args = ["--more"]
"#;

/// A test, given a folder of its own.
type Test = fn(&Path);

pub(super) fn run() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        println!("skipped: whole runs, because this process may use one core only");
        return required();
    }
    let tests: [(&str, Test); 27] = [
        ("a finished run can be read back", runs::a_finished_run_can_be_read_back),
        ("an interrupted run keeps its finished blocks", runs::an_interrupted_run),
        ("a run stopped before its first block leaves nothing", runs::stopped_at_once),
        ("a service that dies is named and its blocks are kept", runs::a_service_that_dies),
        ("twins that answer differently are not timed", runs::different_twins),
        ("outside the source tree it says so", refused::outside_the_source_tree),
        ("variants run in the same blocks, in a balanced order", runs::variants_in_every_block),
        ("a variant that answers differently is not timed", runs::a_different_variant),
        ("Ctrl-C keeps whole blocks with their variants", runs::an_interrupted_run_with_variants),
        ("a service that lags makes void loads that are kept", runs::a_service_that_lags),
        ("a service that never listens is said to", runs::a_service_that_never_listens),
        ("resident state is built first, and a refusal is named", runs::resident_state),
        ("the collector's trace lands on the load's clock", runs::the_collectors_trace),
        ("a folder that cannot be written is said early", refused::an_unwritable_folder),
        ("with one core it says so", refused::with_one_core),
        ("without Go it says so before anything is built", refused::without_go),
        ("a stop during a build ends it and begins no other", refused::stopped_during_a_build),
        ("a full disk is said and keeps the finished blocks", refused::a_full_disk),
        ("broken scenarios are refused with what is allowed", refused::broken_scenarios),
        ("the committed scenarios and their bodies can be read", refused::committed_scenarios),
        ("a load can be made against any address", runs::a_load_by_itself),
        ("a cache is filled, loaded in pipelines, traced and emptied", caches::a_cache),
        ("a wrong answer of a cache is an error", caches::a_cache_that_lies),
        ("broken scenarios of a cache are refused", caches::broken_caches),
        ("events are stored and asked about beside others", analytics::questions),
        ("events are taken in, counted one by one", analytics::taking_in),
        ("broken scenarios of analytics are refused", analytics::broken_analytics),
    ];
    for (name, test) in tests {
        let scratch = tempfile::tempdir()?;
        fs::write(scratch.path().join("body.txt"), "hello")?;
        test(scratch.path());
        println!("test {name} ... ok");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the switch that makes a skip a failure")]
fn required() -> Result<()> {
    anyhow::ensure!(std::env::var_os("ASSAY_REQUIRE").is_none(), "a skip counts as a failure");
    Ok(())
}

fn stand_in(scratch: &Path, behaviour: &str) -> std::path::PathBuf {
    let path = scratch.join(behaviour);
    if !path.exists() {
        symlink(std::env::current_exe().unwrap(), &path).unwrap();
    }
    path
}

fn options(scratch: &Path) -> Options {
    Options {
        root: scratch.to_owned(),
        out: Some(scratch.join("runs")),
        service: "stand-in".into(),
        profile: Profile::Quick,
        started: "2026-11-21T04:00:00Z".parse().unwrap(),
        host: None,
        stop: Arc::new(AtomicBool::new(false)),
    }
}

fn environment() -> Environment {
    let text = || "test".to_owned();
    Environment {
        schema: 1,
        started: "2026-11-21T04:00:00Z".into(),
        host: "Test host".into(),
        machine: Machine {
            cpu: text(),
            cores: 2,
            memory_mb: 1,
            kernel: text(),
            governor: text(),
            virtualisation: text(),
            clock: text(),
        },
        pinning: Pinning { server_core: 0, generator_core: 1, same_physical_core: false },
        versions: Versions { rustc: text(), go: text(), commit: text() },
        go: GoSettings {
            gomaxprocs: "1".into(),
            gogc: String::new(),
            gomemlimit: String::new(),
            goexperiment: String::new(),
        },
        variants: Vec::new(),
    }
}

/// Measures two stand-ins; `watch` sees each step and may ask to stop.
fn measured(
    scratch: &Path,
    behaviours: [&str; 2],
    watch: impl Fn(&str) -> bool + Send,
) -> Result<Outcome> {
    measured_as(scratch, SCENARIO, behaviours, &[], watch)
}

/// The same with a scenario's text and the stand-ins of its variants that are binaries of
/// their own.
fn measured_as(
    scratch: &Path,
    scenario: &str,
    behaviours: [&str; 2],
    variants: &[(&str, &str)],
    watch: impl Fn(&str) -> bool + Send,
) -> Result<Outcome> {
    let options = options(scratch);
    let [rust, go] = behaviours.map(|behaviour| stand_in(scratch, behaviour));
    let variants = variants
        .iter()
        .map(|(id, behaviour)| ((*id).to_owned(), stand_in(scratch, behaviour)))
        .collect();
    let scenario = Scenario::parse(scenario)?;
    let stop = Arc::clone(&options.stop);
    let mut report = move |progress: Progress| {
        assert!((0.0..=1.0).contains(&progress.share));
        if watch(&progress.text) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    measure(
        &options,
        &scenario,
        &environment(),
        &Binaries { rust, go, variants, behind: BTreeMap::new() },
        &mut report,
    )
}

fn read_back(folder: &Path) -> Run {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let run = Run::parse(&read("environment.toml"), &read("samples.toml"), &read("summary.toml"));
    run.unwrap()
}
