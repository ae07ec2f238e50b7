//! Measures the twins of a reference service against each other: builds them, loads each fresh
//! process from another core, and leaves a run folder with every sample and a summary.
//!
//! `benches/METHOD.md` says how and why. Measuring needs Linux; elsewhere the crate compiles and
//! [`bench()`] says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail};
use assay_evidence::{Profile, Summary};

mod length;
mod progress;
mod scenario;

#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
mod gc;
#[cfg(target_os = "linux")]
mod generator;
#[cfg(target_os = "linux")]
mod histograms;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod participant;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod questions;
#[cfg(target_os = "linux")]
mod reply;
#[cfg(target_os = "linux")]
mod requests;
#[cfg(target_os = "linux")]
mod response;
#[cfg(target_os = "linux")]
mod runner;
#[cfg(target_os = "linux")]
mod schedule;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod self_test;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod trace;
#[cfg(target_os = "linux")]
mod twin;
#[cfg(target_os = "linux")]
mod windows;
#[cfg(target_os = "linux")]
mod wire;

pub use progress::{Progress, on_stderr};
pub use scenario::{
    Behind, Build, CommandPlan, DataPlan, Draw, EventPlan, Expect, Lengths, LoadPlan, Preload,
    Program, Protocol, QuestionId, QuestionPlan, Request, Scenario, Schedule, TraceId, TracePlan,
    VariantPlan, scenarios,
};

#[cfg(target_os = "linux")]
pub use generator::Interrupted;
#[cfg(target_os = "linux")]
pub use load::{LoadOptions, Loaded, load};
#[cfg(target_os = "linux")]
pub use requests::encode;
#[cfg(target_os = "linux")]
pub use tools::Binaries;

/// What to measure and where to put it.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root of assay's source tree; see [`find_root`].
    pub root: PathBuf,
    /// Where run folders go; `benches/runs` of the source tree when absent.
    pub out: Option<PathBuf>,
    /// A service such as `fastjson-api`, or a scenario such as `json-quotes`.
    pub service: String,
    /// How thorough.
    pub profile: Profile,
    /// The time of the start, which names the folder.
    pub started: jiff::Timestamp,
    /// A name for the machine; its processor and number of cores when absent.
    pub host: Option<String>,
    /// Set to true, by a handler of Ctrl-C say, to stop soon and keep the finished blocks.
    pub stop: Arc<AtomicBool>,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run folder.
    pub folder: PathBuf,
    /// Its summary, as in `summary.toml`.
    pub summary: Summary,
    /// True when it was stopped, so that the summary covers the finished blocks only.
    pub interrupted: bool,
}

/// The source tree that a path lies in: the nearest folder above with `reference-services` and
/// `benches/scenarios`.
#[must_use]
pub fn find_root(from: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        folder.join("reference-services").is_dir() && folder.join("benches/scenarios").is_dir()
    };
    from.ancestors().find(is_root).map(Path::to_owned)
}

/// Measures the twins of a service in interleaved pairs and leaves a run folder.
///
/// Blocks the calling thread for minutes. A run that is stopped, or in which something fails,
/// keeps its finished blocks.
///
/// # Errors
/// In words for the user: not Linux, fewer than two cores, no source tree, Go or Rust missing, a
/// build that fails, twins that answer wrongly or differently, a service that dies, a folder that
/// cannot be written, or stopped before the first block was finished.
pub fn bench(options: &Options, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Outcome> {
    if find_root(&options.root).as_deref() != Some(options.root.as_path()) {
        bail!(
            "{} is not assay's source tree: measuring builds the reference services, so run it \
             inside a checkout",
            options.root.display()
        );
    }
    #[cfg(target_os = "linux")]
    return runner::bench(options, report);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = report;
        bail!("measuring needs Linux: it pins processes to cores and reads /proc");
    }
}

/// About how long measuring a scenario takes on the machine it was written on, the first build
/// apart.
#[must_use]
pub fn expected(scenario: &Scenario, profile: Profile) -> std::time::Duration {
    length::expected(scenario, profile)
}

/// Measures two binaries as the twins of a scenario's service, without building or checking them
/// against the contract: only that both give the same answer.
///
/// # Errors
/// As [`bench()`], without what concerns the source tree.
#[cfg(target_os = "linux")]
pub fn measure(
    options: &Options,
    scenario: &Scenario,
    environment: &assay_evidence::Environment,
    binaries: &Binaries,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome> {
    runner::measure(options, scenario, environment, binaries, report)
}
