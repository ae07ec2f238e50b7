//! `samples.toml`: everything measured, one entry a process, as it was read.
//!
//! It is written anew after every block, so that an interrupted run keeps its finished ones.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::{self, ParseError};
use crate::summary::SCHEMA;

/// One of a service's two language versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Twin {
    /// The Rust version.
    Rust,
    /// The Go version.
    Go,
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Go => "go",
        })
    }
}

/// The samples of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// The schema of this file.
    pub schema: u32,
    /// Sizes and build times, which are taken once a run.
    #[serde(default, rename = "build")]
    pub builds: Vec<Builds>,
    /// One entry for each twin of each block, in the order taken.
    #[serde(default, rename = "sample")]
    pub samples: Vec<Sample>,
}

/// What building a twin took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builds {
    /// Whose.
    pub twin: Twin,
    /// The variant's id; absent for the idiomatic twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Size of the stripped binary in bytes.
    pub binary_bytes: u64,
    /// Seconds for a build with every cache empty; nothing when not taken.
    #[serde(default)]
    pub clean_s: Vec<f64>,
    /// Seconds for a build after one function was added; nothing when not taken.
    #[serde(default)]
    pub incremental_s: Vec<f64>,
}

/// One fresh process of one twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The block, from 1.
    pub block: u32,
    /// Which place this process had in its block, from 1.
    pub position: u32,
    /// The language it is written in.
    pub twin: Twin,
    /// The variant's id; absent for the idiomatic twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Milliseconds from starting the process to its first answer.
    pub cold_start_ms: f64,
    /// Proportional set size in KiB after the first answer.
    pub idle_pss_kib: f64,
    /// Proportional set size in KiB when the scenario's resident state had been built; absent
    /// where it builds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_pss_kib: Option<f64>,
    /// Resident set size in KiB at the same time; only where entries are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_rss_kib: Option<f64>,
    /// The entries or events it held then; absent where none were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Proportional set size in KiB at the end of the half load, or after the questions.
    pub loaded_pss_kib: f64,
    /// Peak resident set size in KiB.
    pub peak_rss_kib: f64,
    /// Proportional set size in KiB a while after every entry was removed, last of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flushed_pss_kib: Option<f64>,
    /// Growth of proportional set size in KiB per idle connection, in a process of its own; absent
    /// where it was not weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_kib_per_connection: Option<f64>,
    /// The closed loop; absent where questions are timed instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What the garbage collector did during the half load; absent where it was not traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gc: Option<Gc>,
    /// The reads of a cache's traces that found their key.
    #[serde(default, rename = "hits", skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<Hits>,
    /// Questions that were asked one by one.
    #[serde(default, rename = "question", skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Asked>,
    /// The half load over time; kept for one block of each twin and variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Windows>,
    /// The open loops, in the order taken: the half load first.
    #[serde(default, rename = "load", skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<Load>,
}

/// A trace sent to a cache: reads in a fixed order, in which what is not there is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hits {
    /// `zipf`, `scan` or `loop`.
    pub trace: String,
    /// How many reads.
    pub reads: u64,
    /// How many of them found their key.
    pub hits: u64,
}

/// A question that was asked several times, each time once the answer before had come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `buckets` or `groups`.
    pub question: String,
    /// Milliseconds from the first byte sent to the last byte of the answer, each time.
    pub ms: Vec<f64>,
    /// CPU time of the process in ms for each answer, over all of them.
    pub cpu_ms: f64,
    /// Share of the time taken from our cores by the hypervisor.
    pub steal: f64,
}

/// What Go's garbage collector did during the half load, from its own trace (`gctrace=1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gc {
    /// Collections that began within the load.
    pub cycles: u32,
    /// Length in seconds of the time in which they were counted.
    pub seconds: f64,
    /// The longest stop of all goroutines in µs; absent without a collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_us_max: Option<f64>,
    /// CPU time of the collector, marking by goroutines that allocate included, as a share of all
    /// CPU time of the process.
    pub cpu_share: f64,
    /// The greatest heap in MB at which a collection began; absent without a collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_mb_max: Option<f64>,
}

/// Latency over the time of one load, in windows of equal length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The length of a window in ms. A request falls in the window in which it was meant to be sent.
    pub window_ms: f64,
    /// The median latency of each window in µs; 0 when no request fell in it.
    pub p50_us: Vec<f64>,
    /// The greatest latency of each window in µs; 0 when no request fell in it.
    pub max_us: Vec<f64>,
    /// The collections that began within the load, in order, at most a thousand. Go only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collection>,
}

/// One garbage collection on the clock of a load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// When it began, in ms from the load's start.
    pub start_ms: f64,
    /// How long it went on beside the program, in µs.
    pub wall_us: f64,
    /// The longer of its two stops of all goroutines, in µs.
    pub pause_us: f64,
    /// The heap when it began, in MB.
    pub heap_mb: f64,
}

/// A closed loop: every connection sends again as soon as it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Answers per second.
    pub rps: f64,
    /// Connections in use.
    pub connections: u32,
    /// Requests that failed.
    pub errors: u64,
    /// CPU time of the service as a share of the time: near 1 when it is what limits the loop.
    pub server_busy: f64,
    /// Share of the time that the generator's core did useful work.
    pub generator_busy: f64,
    /// Share of the time taken from our cores by the hypervisor.
    pub steal: f64,
}

/// An open loop at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The rate aimed at in requests, or commands, per second; the same in every block of a run.
    pub rate_rps: f64,
    /// The rate as a share of the slower twin's capacity.
    pub share: f64,
    /// True for the load whose figures are the headline, at half the slower twin's capacity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half: bool,
    /// Length of the schedule in seconds.
    pub seconds: f64,
    /// Requests in the schedule.
    pub offered: u64,
    /// Answers that came before the schedule's end.
    pub achieved: u64,
    /// Answers in all, those after the schedule's end included.
    pub completed: u64,
    /// Requests that failed or were not answered when waiting for stragglers ended.
    pub errors: u64,
    /// Requests that found every connection busy.
    pub waited: u64,
    /// CPU time of the process per answer, in µs.
    pub cpu_us: f64,
    /// The user part of it.
    pub cpu_user_us: f64,
    /// The kernel part of it.
    pub cpu_kernel_us: f64,
    /// Share of the time that the generator's core did useful work.
    pub generator_busy: f64,
    /// Share of the time taken from our cores by the hypervisor.
    pub steal: f64,
    /// 99th percentile in µs of the generator's own delay: sending after the intended time, or
    /// after a connection came free where all were busy.
    pub own_lag_p99_us: f64,
    /// Done − intended: the headline.
    pub latency: Percentiles,
    /// Done − sent.
    pub service: Percentiles,
    /// Sent − intended.
    pub lag: Percentiles,
}

/// Percentiles of a histogram, in µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Percentiles {
    /// The mean.
    pub mean: f64,
    /// 50th percentile.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The greatest.
    pub max: f64,
}

impl Samples {
    /// No samples yet.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: SCHEMA, ..Self::default() }
    }

    /// Reads `samples.toml`.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::toml("samples.toml", text)
    }

    /// The whole text of `samples.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, which would be a fault of ours.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The number of blocks of which both twins are there.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        let of = |twin| self.samples.iter().filter(move |sample| sample.is(twin, None));
        let paired =
            of(Twin::Rust).filter(|rust| of(Twin::Go).any(|go| go.block == rust.block)).count();
        u32::try_from(paired).unwrap_or(u32::MAX)
    }
}

impl Sample {
    /// Whether this is a process of a twin's idiomatic version or of one variant.
    #[must_use]
    pub fn is(&self, twin: Twin, variant: Option<&str>) -> bool {
        self.twin == twin && self.variant.as_deref() == variant
    }

    /// Whether its half load passed every gate.
    #[must_use]
    pub fn half_counts(&self) -> bool {
        crate::rows::half(self).is_some()
    }
}
