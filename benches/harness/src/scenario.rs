//! Scenarios: `benches/scenarios/*.toml`, the load each service is put under.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use assay_evidence::Profile;
use serde::Deserialize;

/// The scenario schema this version reads.
const SCHEMA: u32 = 1;

/// The most connections a scenario may ask for, well within the ports of one loopback address.
const MAX_CONNECTIONS: usize = 10_000;

/// The most blocks, so that the exact intervals stay cheap.
const MAX_BLOCKS: u32 = 100;

/// A load description.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The schema of the file.
    pub schema: u32,
    /// The scenario's id, its file name without `.toml`.
    pub id: String,
    /// In words.
    pub title: String,
    /// The reference service it loads.
    pub service: String,
    /// The checklist's workload it stands for.
    pub workload: String,
    /// How much long-lived state it keeps: `small`, `medium` or `large`.
    pub resident_state: String,
    /// The seed of the schedules.
    pub seed: u64,
    /// The p99 in milliseconds within which a rate counts as sustained.
    pub p99_limit_ms: f64,
    /// What is sent.
    pub request: Request,
    /// How many connections and which rates.
    pub load: LoadPlan,
    /// Lengths for a quick run.
    pub quick: Lengths,
    /// Lengths for a run to publish.
    pub publish: Lengths,
}

/// The one request a scenario repeats.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The content type of the body.
    pub content_type: String,
    /// The file of the body, from the root of the source tree.
    pub body: PathBuf,
}

/// Connections and rates.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPlan {
    /// Keep-alive connections of the open loops.
    pub connections: usize,
    /// Connections of the closed loop.
    pub capacity_connections: usize,
    /// Connections opened to weigh one.
    pub idle_connections: usize,
    /// The headline's rate as a share of the slower twin's capacity.
    pub half: f64,
    /// Further rates for both twins, as shares of the slower twin's capacity.
    pub shares: Vec<f64>,
    /// Rates for the faster twin alone, as shares of its own capacity.
    pub faster_shares: Vec<f64>,
}

/// How many blocks, and seconds for each part of a process's measurement.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Blocks; each is one fresh process of each twin.
    pub blocks: u32,
    /// Closed-loop warm-up.
    pub warm_up_s: f64,
    /// The half load.
    pub half_s: f64,
    /// Each further rate.
    pub sweep_s: f64,
    /// The closed loop.
    pub capacity_s: f64,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Says what is wrong, with line and column for broken TOML.
    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        ensure!(scenario.schema == SCHEMA, "schema is {}, not {SCHEMA}", scenario.schema);
        ensure!(scenario.p99_limit_ms > 0.0, "p99_limit_ms must be above 0");
        let load = &scenario.load;
        for (name, count) in [
            ("connections", load.connections),
            ("capacity_connections", load.capacity_connections),
            ("idle_connections", load.idle_connections),
        ] {
            ensure!(
                (1..=MAX_CONNECTIONS).contains(&count),
                "load.{name} is {count}, but must be 1 to {MAX_CONNECTIONS}"
            );
        }
        for share in load.shares.iter().chain(&load.faster_shares).chain([&load.half]) {
            ensure!(
                *share > 0.0 && *share < 1.0,
                "a rate is {share} of the capacity, but must lie between 0 and 1"
            );
        }
        for (name, lengths) in [("quick", &scenario.quick), ("publish", &scenario.publish)] {
            ensure!(
                (1..=MAX_BLOCKS).contains(&lengths.blocks),
                "{name}.blocks is {}, but must be 1 to {MAX_BLOCKS}",
                lengths.blocks
            );
            let seconds = [lengths.warm_up_s, lengths.half_s, lengths.sweep_s, lengths.capacity_s];
            ensure!(
                seconds.iter().all(|seconds| (0.05..=600.0).contains(seconds)),
                "{name}: every length must be 0.05 to 600 seconds"
            );
        }
        Ok(scenario)
    }

    /// Finds the scenario of a service, or the one with that id, in a source tree.
    ///
    /// # Errors
    /// When there is none, naming those there are, or when its file is broken.
    pub fn find(root: &Path, name: &str) -> Result<Self> {
        let folder = root.join("benches/scenarios");
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the scenarios in {}", folder.display()))?;
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        let mut known = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let scenario = Self::parse(&text).with_context(|| path.display().to_string())?;
            if scenario.id == name || scenario.service == name {
                return Ok(scenario);
            }
            known.push(scenario.service);
        }
        bail!("there is no scenario for {name:?}; there is one for: {}", known.join(", "))
    }

    /// The lengths of a profile.
    #[must_use]
    pub fn lengths(&self, profile: Profile) -> Lengths {
        match profile {
            Profile::Quick => self.quick,
            Profile::Publish => self.publish,
        }
    }
}

impl Lengths {
    /// About how many seconds one process takes with `rates` further rates.
    #[must_use]
    pub fn process_s(&self, rates: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a handful of rates")]
        let sweep = rates as f64 * (self.sweep_s + 0.05);
        // Starting, stopping and the idle connections take about a second.
        self.warm_up_s + self.half_s + self.capacity_s + sweep + 1.2
    }
}
