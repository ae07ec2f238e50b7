//! What has been measured of the reference services, as the advice needs it.

/// Everything measured that the advice may rest on; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    /// One entry for each scenario of each workload.
    pub workloads: Vec<WorkloadMeasurement>,
}

/// One scenario of one reference service, measured as a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadMeasurement {
    /// The answer to the question `workload` that it stands for, for example `json_api`.
    pub workload: String,
    /// The reference service, for example `fastjson-api`.
    pub service: String,
    /// The scenario's id.
    pub scenario: String,
    /// The run folder's name.
    pub run: String,
    /// What a reader must know about the run, in a sentence; may be empty.
    pub note: String,
    /// The Rust twin.
    pub rust: TwinFigures,
    /// The Go twin.
    pub go: TwinFigures,
}

/// The figures of one twin.
#[derive(Clone, Debug, PartialEq)]
pub struct TwinFigures {
    /// Requests per second and core at the edge of its latency limit.
    pub capacity_rps_per_core: Estimate,
    /// Processor time per request, in ms.
    pub cpu_ms_per_request: Estimate,
    /// Memory (proportional set size) when idle, in MB.
    pub idle_pss_mb: Estimate,
    /// Memory under load, in MB.
    pub loaded_pss_mb: Estimate,
    /// Memory of one more connection, in kB.
    pub pss_kb_per_connection: Option<Estimate>,
    /// p99 latency at half capacity, in ms.
    pub half_load_p99_ms: Estimate,
    /// p99.9 latency at half capacity, in ms.
    pub half_load_p999_ms: Estimate,
    /// The answer to the question `resident_state` that the scenario stands for.
    pub resident_state: String,
    /// Latency against throughput, by rising throughput.
    pub sweep: Vec<SweepPoint>,
    /// A build from nothing, in s.
    pub clean_build_s: Option<Estimate>,
    /// A build after a small change, in s.
    pub incremental_build_s: Option<Estimate>,
}

/// Latency at one throughput.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepPoint {
    /// Requests per second and core.
    pub rps_per_core: f64,
    /// p99 latency, in ms.
    pub p99_ms: f64,
    /// p99.9 latency, in ms.
    pub p999_ms: f64,
}

/// A figure with its 95% interval: `low <= value <= high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Estimate {
    /// A figure taken as exact.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }
}
