//! Scenarios: `benches/scenarios/*.toml`, the load each service is put under and what is measured
//! beside the idiomatic pair.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use assay_evidence::{Profile, Work};
use serde::Deserialize;

mod analytics;
mod behind;
mod commands;
mod http;
mod variants;

pub use analytics::{EventPlan, QuestionId, QuestionPlan};
pub use behind::Behind;
pub use commands::{CommandPlan, DataPlan, Draw, Expect, Program, Protocol, TraceId, TracePlan};
pub use http::{Preload, Request};
pub use variants::{Build, VariantPlan};

use http::one_or_many;

/// The scenario schema this version reads.
const SCHEMA: u32 = 1;

/// The most connections a scenario may ask for, well within the ports of one loopback address.
const MAX_CONNECTIONS: usize = 10_000;

/// The most blocks, so that the exact intervals stay cheap.
const MAX_BLOCKS: u32 = 100;

/// The most numbers a path may run through.
const MAX_IDS: u32 = 1_000_000;

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
    /// What a reader must know of it beside the title, in a sentence or two.
    #[serde(default)]
    pub about: String,
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
    /// What the service speaks: requests are for HTTP, commands for the Redis protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Threads of the service, and cores: with two it shares the generator's.
    #[serde(default = "one")]
    pub threads: u32,
    /// Whether the service is given a fresh folder for its data, as `--data`.
    #[serde(default)]
    pub data_folder: bool,
    /// Further arguments of the service, in either language and every variant but a floor.
    #[serde(default)]
    pub args: Vec<String>,
    /// Whether it is the one that its service is measured by, where no scenario is named.
    #[serde(default)]
    pub headline: bool,
    /// Whether a run to publish times builds, too.
    #[serde(default)]
    pub build_times: bool,
    /// Whether Go runs with `GODEBUG=gctrace=1`, so that collections are counted.
    #[serde(default)]
    pub gc_trace: bool,
    /// What is sent: one table, or a list that is sent in turn.
    #[serde(default, rename = "request", deserialize_with = "one_or_many")]
    pub requests: Vec<Request>,
    /// What a cache is sent instead: commands that are drawn.
    #[serde(default, rename = "command")]
    pub commands: Vec<CommandPlan>,
    /// The keys and values of the commands.
    #[serde(default)]
    pub data: Option<DataPlan>,
    /// Reads that fill the cache on a miss, for the share of hits.
    #[serde(default, rename = "trace")]
    pub traces: Vec<TracePlan>,
    /// The events of an analytics service, those stored beforehand and those of requests.
    #[serde(default)]
    pub events: Option<EventPlan>,
    /// Questions about stored events, timed one by one instead of any load.
    #[serde(default, rename = "question")]
    pub questions: Vec<QuestionPlan>,
    /// What builds the resident state of a fresh process before its first load.
    #[serde(default)]
    pub preload: Option<Preload>,
    /// Services that stand behind the one that is measured.
    #[serde(default)]
    pub behind: Vec<Behind>,
    /// Whether CPU time and memory are those of the service and all behind it, and not its own.
    #[serde(default)]
    pub whole_path: bool,
    /// Files that arguments name as `{file:NAME}`; `{ID}` in them is the address of what stands
    /// behind, `{port}` that of a program of others.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// How many connections and which rates.
    pub load: LoadPlan,
    /// Lengths for a quick run.
    pub quick: Lengths,
    /// Lengths for a run to publish.
    pub publish: Lengths,
    /// What is measured in the same blocks beside the idiomatic pair.
    #[serde(default, rename = "variant")]
    pub variants: Vec<VariantPlan>,
    /// What could not take part, in words.
    #[serde(skip)]
    pub absent: Vec<String>,
}

/// When an open loop sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Like users who know nothing of each other: exponential gaps from a seed.
    #[default]
    Poisson,
    /// At equal gaps; needs no seed.
    Constant,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Poisson => "poisson",
            Self::Constant => "constant",
        })
    }
}

/// Connections and rates.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPlan {
    /// When the open loops send.
    #[serde(default)]
    pub schedule: Schedule,
    /// Keep-alive connections of the open loops.
    pub connections: usize,
    /// Connections of the closed loop.
    pub capacity_connections: usize,
    /// Connections opened to weigh one; 0 weighs none.
    #[serde(default)]
    pub idle_connections: usize,
    /// How many numbers `{n}` in the requests' paths runs through.
    #[serde(default = "one")]
    pub ids: u32,
    /// How many commands are sent as one piece, at one time. Rates are of commands, latencies those
    /// of the last answer.
    #[serde(default = "one")]
    pub pipeline: u32,
    /// The headline's rate as a share of the slower twin's capacity.
    #[serde(default = "half")]
    pub half: f64,
    /// Further rates for both twins, as shares of the slower twin's capacity.
    #[serde(default)]
    pub shares: Vec<f64>,
    /// Rates for the faster twin alone, as shares of its own capacity.
    #[serde(default)]
    pub faster_shares: Vec<f64>,
}

fn one() -> u32 {
    1
}

fn half() -> f64 {
    0.5
}

/// How many blocks, and seconds for each part of a process's measurement.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Blocks; each is one fresh process of each twin and variant.
    pub blocks: u32,
    /// Closed-loop warm-up.
    #[serde(default)]
    pub warm_up_s: f64,
    /// The half load.
    #[serde(default)]
    pub half_s: f64,
    /// Each further rate.
    #[serde(default)]
    pub sweep_s: f64,
    /// The closed loop.
    #[serde(default)]
    pub capacity_s: f64,
    /// Events stored in a fresh process before anything is timed.
    #[serde(default)]
    pub stored: u32,
    /// How often each question is asked in one process; the first time of all is not counted.
    #[serde(default)]
    pub rounds: u32,
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
        ensure!(
            ["small", "medium", "large"].contains(&scenario.resident_state.as_str()),
            "resident_state is {:?}, but must be small, medium or large",
            scenario.resident_state
        );
        ensure!((1..=2).contains(&scenario.threads), "threads is {}, not 1 or 2", scenario.threads);
        scenario.check_work()?;
        scenario.load.check()?;
        for (name, lengths) in [("quick", &scenario.quick), ("publish", &scenario.publish)] {
            lengths.check(name, &scenario)?;
        }
        scenario.check_variants()?;
        scenario.check_behind()?;
        Ok(scenario)
    }

    /// What is sent, and on what it works.
    fn check_work(&self) -> Result<()> {
        match (self.protocol, &self.data) {
            (Protocol::Http, None) => {
                if let Some(events) = &self.events {
                    events.check()?;
                }
                self.questions.iter().try_for_each(QuestionPlan::check)?;
                ensure!(
                    self.requests.is_empty() != self.questions.is_empty(),
                    "there must be a request or a question, and not both"
                );
                let of_cache = self.commands.is_empty() && self.traces.is_empty();
                ensure!(of_cache, "commands and traces need protocol = \"resp\"");
                ensure!(self.load.pipeline == 1, "load.pipeline needs protocol = \"resp\"");
                self.check_requests()
            }
            (Protocol::Resp, Some(data)) => {
                let of_http = self.requests.is_empty() && self.preload.is_none();
                ensure!(of_http, "request and preload are for HTTP; a cache has command and data");
                data.check(&self.commands)?;
                self.traces.iter().try_for_each(TracePlan::check)
            }
            (Protocol::Resp, None) => bail!("protocol \"resp\" needs [data]: its keys and values"),
            (Protocol::Http, Some(_)) => bail!("[data] needs protocol = \"resp\""),
            (Protocol::Memcached, _) => {
                bail!("a service of ours speaks http or resp; memcached is for another program")
            }
        }
    }

    /// Finds the scenario with that id, or a service's headline, in a source tree; of a service
    /// without one the first by name.
    ///
    /// # Errors
    /// When there is none, naming those there are, or when a file is broken.
    pub fn find(root: &Path, name: &str) -> Result<Self> {
        let all = scenarios(root)?;
        let of_service = || all.iter().filter(|scenario| scenario.service == name);
        let found = all
            .iter()
            .find(|scenario| scenario.id == name)
            .or_else(|| of_service().find(|scenario| scenario.headline))
            .or_else(|| of_service().next());
        if let Some(scenario) = found {
            return Ok(scenario.clone());
        }
        let ids: Vec<&str> = all.iter().map(|scenario| scenario.id.as_str()).collect();
        let mut services: Vec<&str> =
            all.iter().map(|scenario| scenario.service.as_str()).collect();
        services.dedup();
        bail!(
            "there is no service and no scenario {name:?}; services: {}; scenarios: {}",
            services.join(", "),
            ids.join(", ")
        )
    }

    /// What is counted: rates and CPU time are for each.
    #[must_use]
    pub fn work(&self) -> Work {
        let batches = self.requests.iter().all(|request| request.events.is_some());
        match self.protocol {
            Protocol::Resp | Protocol::Memcached => Work::Command,
            Protocol::Http if !self.questions.is_empty() => Work::Question,
            Protocol::Http if batches => Work::Event,
            Protocol::Http => Work::Request,
        }
    }

    /// How many of them are sent as one piece: the commands of a pipeline, the events of a batch.
    #[must_use]
    pub fn depth(&self) -> u32 {
        match self.work() {
            Work::Event => self.requests.first().and_then(|request| request.events).unwrap_or(1),
            _ => self.load.pipeline,
        }
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

/// The scenarios of a source tree, by id.
///
/// # Errors
/// When the folder cannot be read or a file is broken; says which and where.
pub fn scenarios(root: &Path) -> Result<Vec<Scenario>> {
    let folder = root.join("benches/scenarios");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read the scenarios in {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let scenario = Scenario::parse(&text).with_context(|| path.display().to_string())?;
        let named = path.file_stem().is_some_and(|stem| stem == scenario.id.as_str());
        ensure!(named, "{} must be named {}.toml, after its id", path.display(), scenario.id);
        found.push(scenario);
    }
    Ok(found)
}

impl LoadPlan {
    fn check(&self) -> Result<()> {
        for (name, count) in
            [("connections", self.connections), ("capacity_connections", self.capacity_connections)]
        {
            ensure!(
                (1..=MAX_CONNECTIONS).contains(&count),
                "load.{name} is {count}, but must be 1 to {MAX_CONNECTIONS}"
            );
        }
        let idle = self.idle_connections;
        ensure!(
            idle <= MAX_CONNECTIONS,
            "load.idle_connections is {idle}, but must be 0 to {MAX_CONNECTIONS}"
        );
        let pipeline = self.pipeline;
        ensure!(
            (1..=commands::MAX_PIPELINE).contains(&pipeline),
            "load.pipeline is {pipeline}, but must be 1 to {}",
            commands::MAX_PIPELINE
        );
        let ids = self.ids;
        ensure!((1..=MAX_IDS).contains(&ids), "load.ids is {ids}, but must be 1 to {MAX_IDS}");
        for share in self.shares.iter().chain(&self.faster_shares).chain([&self.half]) {
            ensure!(
                *share > 0.0 && *share < 1.0,
                "a rate is {share} of the capacity, but must lie between 0 and 1"
            );
        }
        Ok(())
    }
}

impl Lengths {
    fn check(&self, name: &str, scenario: &Scenario) -> Result<()> {
        ensure!(
            (1..=MAX_BLOCKS).contains(&self.blocks),
            "{name}.blocks is {}, but must be 1 to {MAX_BLOCKS}",
            self.blocks
        );
        ensure!(
            self.stored <= analytics::MAX_STORED && (self.stored == 0 || scenario.events.is_some()),
            "{name}.stored is {}, but must be at most {}, and 0 without [events]",
            self.stored,
            analytics::MAX_STORED
        );
        let seconds = [self.warm_up_s, self.half_s, self.sweep_s, self.capacity_s];
        if !scenario.questions.is_empty() {
            ensure!(
                self.stored > 0 && (1..=analytics::MAX_ROUNDS).contains(&self.rounds),
                "{name}: questions need stored events and 1 to {} rounds",
                analytics::MAX_ROUNDS
            );
            ensure!(
                seconds == [0.0; 4],
                "{name}: questions have rounds, and no lengths in seconds"
            );
            return Ok(());
        }
        ensure!(self.rounds == 0, "{name}.rounds are for questions");
        ensure!(
            seconds.iter().all(|seconds| (0.05..=600.0).contains(seconds)),
            "{name}: every length must be 0.05 to 600 seconds"
        );
        Ok(())
    }

    /// About how many seconds one process takes with `rates` further rates.
    #[must_use]
    pub fn process_s(&self, rates: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a handful of rates")]
        let sweep = rates as f64 * (self.sweep_s + 0.05);
        // Starting, settling and stopping take most of a second.
        self.warm_up_s + self.half_s + self.capacity_s + sweep + 0.7
    }
}
