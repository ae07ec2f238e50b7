//! `summary.toml`: the figures of a run, as the pages and the advice read them.

use serde::{Deserialize, Serialize};

use crate::parse::{self, ParseError};
use crate::sample::{Collection, Twin};
use crate::variant::{Kind, Variant};

pub mod metric;
mod validate;

/// The schema this version of assay writes and reads.
pub const SCHEMA: u32 = 1;

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
