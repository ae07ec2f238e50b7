//! `summary.toml`: the figures of a run, as the pages and the advice read them.

use serde::{Deserialize, Serialize};

use crate::parse::{self, ParseError};
use crate::sample::{Collection, Twin};
use crate::variant::{Kind, Variant};

/// The schema this version of assay writes and reads.
pub const SCHEMA: u32 = 1;

/// The metric ids that other crates look up.
pub mod metric {
    /// Requests per second of one core, closed loop.
    pub const CAPACITY: &str = "capacity_rps";
    /// The greatest swept rate, requests per second, whose p99 stayed within the scenario's limit.
    pub const CAPACITY_P99: &str = "capacity_p99_rps";
    /// CPU time per request in µs, user and kernel, at the half-load rate.
    pub const CPU: &str = "cpu_us_per_request";
    /// User CPU time per request in µs at the half-load rate.
    pub const CPU_USER: &str = "cpu_user_us_per_request";
    /// Kernel CPU time per request in µs at the half-load rate.
    pub const CPU_KERNEL: &str = "cpu_kernel_us_per_request";
    /// Median latency in µs from the intended send time, at the half-load rate.
    pub const HALF_P50: &str = "half_load_p50_us";
    /// 95th percentile latency in µs at the half-load rate.
    pub const HALF_P95: &str = "half_load_p95_us";
    /// 99th percentile latency in µs at the half-load rate.
    pub const HALF_P99: &str = "half_load_p99_us";
    /// 99.9th percentile latency in µs at the half-load rate.
    pub const HALF_P999: &str = "half_load_p999_us";
    /// Proportional set size in MB (10⁶ bytes) after the first answer.
    pub const IDLE_PSS: &str = "idle_pss_mb";
    /// Proportional set size in MB at the end of the half load.
    pub const LOADED_PSS: &str = "loaded_pss_mb";
    /// Peak resident set size in MB over the process's life.
    pub const PEAK_RSS: &str = "peak_rss_mb";
    /// Proportional set size per idle keep-alive connection, in kB (10³ bytes).
    pub const PSS_PER_CONNECTION: &str = "pss_kb_per_connection";
    /// Milliseconds from starting the process to its first answer.
    pub const COLD_START: &str = "cold_start_ms";
    /// Seconds to build everything from nothing.
    pub const CLEAN_BUILD: &str = "clean_build_s";
    /// Seconds to rebuild after one function was added.
    pub const INCREMENTAL_BUILD: &str = "incremental_build_s";
    /// Size of the stripped binary in MB.
    pub const BINARY: &str = "binary_mb";
    /// Proportional set size in MB once the scenario's resident state has been built.
    pub const RESIDENT_PSS: &str = "resident_pss_mb";
    /// Closed-loop capacity ÷ that of the scenario's floor, 0 to 1.
    pub const CAPACITY_SHARE: &str = "capacity_share_of_floor";
    /// Growth of the proportional set size from idle in bytes for each entry stored beforehand.
    pub const PSS_PER_ENTRY: &str = "pss_bytes_per_entry";
    /// Resident set size in bytes for each entry stored beforehand, the whole process included.
    pub const RSS_PER_ENTRY: &str = "rss_bytes_per_entry";
    /// Proportional set size in MB a while after every entry was removed.
    pub const FLUSHED_PSS: &str = "flushed_pss_mb";
    /// Share of a trace's reads that found their key, 0 to 1: some keys far more often than others.
    pub const HITS_ZIPF: &str = "hit_share_zipf";
    /// The same, interrupted by scans.
    pub const HITS_SCAN: &str = "hit_share_scan";
    /// The same for keys in turn, more than fit.
    pub const HITS_LOOP: &str = "hit_share_loop";
    /// Milliseconds until the answer about every bucket of every key, with a 99th percentile.
    pub const BUCKETS_MS: &str = "buckets_ms";
    /// CPU time of that answer in ms.
    pub const BUCKETS_CPU: &str = "buckets_cpu_ms";
    /// Milliseconds until the answer about very many groups.
    pub const GROUPS_MS: &str = "groups_ms";
    /// CPU time of that answer in ms.
    pub const GROUPS_CPU: &str = "groups_cpu_ms";
    /// Garbage collections per second at the half-load rate. Go only.
    pub const GC_CYCLES: &str = "gc_cycles";
    /// The longest stop of all goroutines in µs at the half-load rate. Go only.
    pub const GC_PAUSE: &str = "gc_pause_us_max";
    /// CPU time of the collector as a share of the process's, at the half-load rate. Go only.
    pub const GC_CPU: &str = "gc_cpu_share";
}

/// How thorough a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A minute or two: enough to see whether a machine behaves as the shipped run says.
    Quick,
    /// At least ten blocks and the build times: enough to publish.
    Publish,
}

/// What is counted: rates and CPU time are for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Requests over HTTP.
    #[default]
    Request,
    /// Commands of a cache.
    Command,
    /// Events that are taken in, in batches.
    Event,
    /// Questions about events, asked one by one.
    Question,
}

impl Work {
    /// One of them.
    #[must_use]
    pub const fn one(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Command => "command",
            Self::Event => "event",
            Self::Question => "question",
        }
    }

    /// The unit of a rate of them.
    #[must_use]
    pub const fn per_second(self) -> &'static str {
        match self {
            Self::Request => "requests/s",
            Self::Command => "commands/s",
            Self::Event => "events/s",
            Self::Question => "questions/s",
        }
    }

    /// What is kept in memory, one of them.
    #[must_use]
    pub const fn entry(self) -> &'static str {
        match self {
            Self::Request | Self::Command => "entry",
            Self::Event | Self::Question => "event",
        }
    }

    /// What several of them sent as one piece are called.
    #[must_use]
    pub const fn pieces(self) -> &'static str {
        match self {
            Self::Request | Self::Command | Self::Question => "pipelines",
            Self::Event => "batches",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_request(&self) -> bool {
        *self == Self::Request
    }
}

/// Which direction of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// A run's figures: `summary.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The schema of this file, [`SCHEMA`].
    pub schema: u32,
    /// The name of the run folder.
    pub run: String,
    /// The reference service, such as `fastjson-api`.
    pub service: String,
    /// The checklist's workload it stands for, such as `json_api`.
    pub workload: String,
    /// The scenario's id, such as `json-quotes`.
    pub scenario: String,
    /// The scenario in words; empty in runs older than it.
    #[serde(default)]
    pub title: String,
    /// What is counted.
    #[serde(default, skip_serializing_if = "Work::is_request")]
    pub work: Work,
    /// How many commands or events were sent as one piece, at one time; latencies are those of the last answer.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub pipeline: u32,
    /// `poisson` or `constant`: when the open loops send.
    #[serde(default = "poisson")]
    pub schedule: String,
    /// How much long-lived state the scenario keeps: `small`, `medium` or `large`.
    pub resident_state: String,
    /// How thorough the run was.
    pub profile: Profile,
    /// When it began, RFC 3339.
    pub started: String,
    /// The blocks the profile asks for. A block is one fresh process of each twin.
    pub blocks_planned: u32,
    /// The blocks that were finished.
    pub blocks: u32,
    /// The p99 limit in µs behind [`metric::CAPACITY_P99`].
    pub p99_limit_us: f64,
    /// What the reader must know before relying on the figures.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The figures.
    #[serde(default, rename = "metric")]
    pub metrics: Vec<Metric>,
    /// Versions measured in the same blocks beside the idiomatic pair, in the scenario's order.
    #[serde(default, rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Latency against throughput, by rising rate.
    #[serde(default)]
    pub sweep: Vec<SweepPoint>,
    /// The validity gates and how the loads fared.
    #[serde(default, rename = "gate")]
    pub gates: Vec<Gate>,
    /// The loads that failed a gate, and why.
    #[serde(default, rename = "void")]
    pub voids: Vec<Void>,
    /// One block's half load over time, of each twin and variant.
    #[serde(default, rename = "timeline", skip_serializing_if = "Vec::is_empty")]
    pub timelines: Vec<Timeline>,
}

fn single() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_single(pipeline: &u32) -> bool {
    *pipeline == 1
}

fn poisson() -> String {
    "poisson".into()
}

/// One metric of both twins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// One of [`metric`]'s ids.
    pub id: String,
    /// In words.
    pub title: String,
    /// The unit of the figures.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The condition under which the figure holds, such as "GOMAXPROCS = 1".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// True when the generator gave out first, so that the figures are lower bounds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// The Rust twin's figure; absent when no sample counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<Figure>,
    /// The Go twin's figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<Figure>,
    /// Rust ÷ Go over the paired blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

/// A figure of one twin over the blocks, `low <= value <= high`.
///
/// From six blocks on, the Hodges–Lehmann estimate and its exact signed-rank interval on the log
/// scale; below that the median with the least and greatest; a figure taken once stands for all
/// three.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Rust ÷ Go, from paired blocks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// The Hodges–Lehmann estimate.
    pub estimate: f64,
    /// The lower end; absent with fewer than six pairs, which have no 95% interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The interval's exact coverage, such as 0.951.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The number of pairs.
    pub n: u32,
}

/// One rate of the latency–throughput sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPoint {
    /// Requests per second offered to one core.
    pub rate_rps: f64,
    /// The rate as a share of the slower twin's closed-loop capacity.
    pub share: f64,
    /// The Rust twin's latencies; absent when it was not offered this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<SweepFigures>,
    /// The Go twin's latencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<SweepFigures>,
}

/// Latencies of one twin at one rate, from the intended send time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepFigures {
    /// Median in µs.
    pub p50_us: Figure,
    /// 99th percentile in µs.
    pub p99_us: Figure,
    /// 99.9th percentile in µs.
    pub p999_us: Figure,
    /// CPU time per request in µs.
    pub cpu_us: Figure,
    /// The blocks behind the figures.
    pub blocks: u32,
    /// True when no block passed the gates at this rate, so that the figures do not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub void: bool,
}

/// A validity gate over all loads of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// `achieved`, `errors`, `steal`, `lag` or `generator`.
    pub id: String,
    /// What is required, in words.
    pub title: String,
    /// How many loads were checked.
    pub checked: u32,
    /// How many of them failed.
    pub failed: u32,
    /// The worst value seen, in the gate's own unit; for `lag` relative to its limit.
    pub worst: f64,
}

/// A load that failed a gate: kept among the samples, left out of the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// The block, from 1.
    pub block: u32,
    /// Whose sample.
    pub twin: Twin,
    /// The variant's id; absent for the idiomatic twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The offered rate in requests per second.
    pub rate_rps: f64,
    /// Why, in words.
    pub why: String,
}

/// Latency over the time of one block's half load, and where collections fell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// The language.
    pub twin: Twin,
    /// The variant's id; absent for the idiomatic twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The block, from 1.
    pub block: u32,
    /// The length of a window in ms. A request falls in the window in which it was meant to be sent.
    pub window_ms: f64,
    /// The median latency of each window in µs; 0 when no request fell in it.
    pub p50_us: Vec<f64>,
    /// The greatest latency of each window in µs; as many as medians.
    pub max_us: Vec<f64>,
    /// The collections that began within the load, in order. Go only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
}

impl Summary {
    /// Reads `summary.toml`.
    ///
    /// # Errors
    /// Says what is wrong and where: TOML syntax, an unknown or missing key, a figure out of
    /// order, a metric listed twice, or a newer schema.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let summary: Self = parse::toml("summary.toml", text)?;
        summary.validate().map_err(|fault| fault.locate("summary.toml", text))?;
        Ok(summary)
    }

    /// The text of `summary.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, which would be a fault of ours.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The metric with an id of [`metric`].
    #[must_use]
    pub fn metric(&self, id: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.id == id)
    }

    /// Whether every planned block was finished.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.blocks >= self.blocks_planned
    }

    /// The variant with an id.
    #[must_use]
    pub fn variant(&self, id: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == id)
    }

    /// The noise floor of a metric: the greatest factor, 1 or more, by which one binary measured
    /// twice in every block could still differ from itself. It is read from the far ends of the
    /// A/A intervals, or from the estimates where blocks were too few for one. None without A/A.
    #[must_use]
    pub fn noise_factor(&self, id: &str) -> Option<f64> {
        let again = self.variants.iter().filter(|variant| variant.kind == Kind::Again);
        let ratios = again.filter_map(|variant| variant.metric(id)?.ratio);
        ratios
            .flat_map(|ratio| {
                [ratio.low.unwrap_or(ratio.estimate), ratio.high.unwrap_or(ratio.estimate)]
            })
            .filter(|end| *end > 0.0)
            .map(|end| end.max(1.0 / end))
            .max_by(f64::total_cmp)
    }

    /// Whether the difference of the twins in a metric may be noise: the interval of their ratio
    /// reaches into the noise floor. False without an interval or without A/A.
    #[must_use]
    pub fn may_be_noise(&self, id: &str) -> bool {
        let ratio = self.metric(id).and_then(|metric| metric.ratio);
        ratio.zip(self.noise_factor(id)).is_some_and(|(ratio, factor)| ratio.reaches_into(factor))
    }

    fn validate(&self) -> Result<(), parse::Fault> {
        for (at, metric) in self.metrics.iter().enumerate() {
            let fault = |message: String| {
                parse::Fault::at_id(&metric.id, format!("metric \"{}\": {message}", metric.id))
            };
            if self.metrics.iter().take(at).any(|other| other.id == metric.id) {
                return Err(fault("is listed twice".into()));
            }
            for (name, figure) in [("rust", metric.rust), ("go", metric.go)] {
                if let Some(message) = figure.and_then(|figure| figure.fault(name)) {
                    return Err(fault(message));
                }
            }
            if let Some(message) = metric.ratio.and_then(Ratio::fault) {
                return Err(fault(message));
            }
        }
        self.validate_variants()?;
        self.validate_sweep()?;
        self.validate_timelines()
    }

    fn validate_variants(&self) -> Result<(), parse::Fault> {
        for (at, variant) in self.variants.iter().enumerate() {
            let fault = |message: String| {
                parse::Fault::at_id(&variant.id, format!("variant \"{}\": {message}", variant.id))
            };
            if self.variants.iter().take(at).any(|other| other.id == variant.id) {
                return Err(fault("is listed twice".into()));
            }
            for (at, metric) in variant.metrics.iter().enumerate() {
                let fault = |message: String| fault(format!("metric \"{}\" {message}", metric.id));
                if variant.metrics.iter().take(at).any(|other| other.id == metric.id) {
                    return Err(fault("is listed twice".into()));
                }
                let figure = metric.figure.and_then(|figure| figure.fault("figure"));
                let ratios = [metric.ratio, metric.rust_over, metric.go_over];
                let ratio = || ratios.into_iter().flatten().find_map(Ratio::fault);
                if let Some(message) = figure.or_else(ratio) {
                    return Err(fault(message));
                }
            }
        }
        Ok(())
    }

    fn validate_sweep(&self) -> Result<(), parse::Fault> {
        for point in &self.sweep {
            for (name, figures) in [("rust", &point.rust), ("go", &point.go)] {
                let Some(figures) = figures else { continue };
                let all = [figures.p50_us, figures.p99_us, figures.p999_us, figures.cpu_us];
                if let Some(message) = all.iter().find_map(|figure| figure.fault(name)) {
                    let rate = point.rate_rps;
                    return Err(parse::Fault::new(format!("sweep at {rate} rps: {message}")));
                }
            }
        }
        Ok(())
    }

    fn validate_timelines(&self) -> Result<(), parse::Fault> {
        for timeline in &self.timelines {
            let whose = timeline.variant.clone().unwrap_or_else(|| timeline.twin.to_string());
            let fault = |message: &str| {
                Err(parse::Fault::new(format!("the timeline of {whose} {message}")))
            };
            if timeline.p50_us.len() != timeline.max_us.len() {
                return fault("needs as many values in max_us as in p50_us");
            }
            if !(timeline.window_ms.is_finite() && timeline.window_ms > 0.0) {
                return fault("needs a window_ms above 0");
            }
            let collections = timeline
                .collections
                .iter()
                .flat_map(|one| [one.start_ms, one.wall_us, one.pause_us, one.heap_mb]);
            let mut all =
                timeline.p50_us.iter().chain(&timeline.max_us).copied().chain(collections);
            if !all.all(f64::is_finite) {
                return fault("has a value that is not a finite number");
            }
        }
        Ok(())
    }
}

impl Metric {
    /// The figure of a twin.
    #[must_use]
    pub fn twin(&self, twin: Twin) -> Option<Figure> {
        match twin {
            Twin::Rust => self.rust,
            Twin::Go => self.go,
        }
    }
}

impl Figure {
    /// A figure taken once.
    #[must_use]
    pub fn once(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    pub(crate) fn fault(self, name: &str) -> Option<String> {
        let Self { value, low, high } = self;
        let finite = value.is_finite() && low.is_finite() && high.is_finite();
        if !finite {
            return Some(format!("{name} has a figure that is not a finite number"));
        }
        (low > value || value > high)
            .then(|| format!("{name} needs low <= value <= high, but has {low}, {value}, {high}"))
    }
}

impl Ratio {
    /// Whether its interval reaches into a noise floor, a factor of 1 or more. False without an
    /// interval.
    #[must_use]
    pub fn reaches_into(self, noise: f64) -> bool {
        self.low.zip(self.high).is_some_and(|(low, high)| high >= 1.0 / noise && low <= noise)
    }

    fn fault(self) -> Option<String> {
        let low = self.low.unwrap_or(self.estimate);
        let high = self.high.unwrap_or(self.estimate);
        Figure { value: self.estimate, low, high }.fault("ratio")
    }
}
