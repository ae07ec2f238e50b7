//! Which runs the advice may use, and a run's figures as the advice reads them.

use assay_advice::{Compared, Estimate, Part, SweepPoint, TwinFigures, WorkloadMeasurement};
use assay_evidence::{Figure, Ratio, Summary, Twin, metric, three_digits};

use super::KnownRun;

/// What a scenario's figures stand for in the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The scenario's id.
    pub scenario: &'static str,
    /// The reference service.
    pub service: &'static str,
    /// The answer to the question `workload` it stands for.
    pub workload: &'static str,
    /// In words, what it stands for.
    pub stands_for: &'static str,
    /// What is read from it.
    pub part: Part,
}

/// The scenarios that the advice reads. Every other one answers a question of its own, such as
/// what tuning or another collector setting brings, and must not stand for a whole workload.
pub const SCENARIOS: [Standing; 5] = [
    Standing {
        scenario: "json-quotes",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "capacity, processor time, memory and latency of a JSON API",
        part: Part::Whole,
    },
    Standing {
        scenario: "json-resident",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "the latency tail of a JSON API with much data in memory",
        part: Part::Tail,
    },
    Standing {
        scenario: "json-canonicalize",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "capacity, processor time and memory of a JSON API that mostly computes",
        part: Part::Computing,
    },
    Standing {
        scenario: "cache-mixed",
        service: "cache-server",
        workload: "cache",
        stands_for: "capacity, processor time, memory and latency of a cache",
        part: Part::Whole,
    },
    Standing {
        scenario: "analytics-mixed",
        service: "analytics-api",
        workload: "analytics",
        stands_for: "capacity, processor time, memory and latency of an analytics service",
        part: Part::Whole,
    },
];

/// What a scenario stands for, if the advice reads it.
pub(super) fn standing(scenario: &str) -> Option<Standing> {
    SCENARIOS.into_iter().find(|standing| standing.scenario == scenario)
}

/// A run as the advice reads it.
///
/// # Errors
/// Why the advice cannot use it, in words that go on from "because".
pub fn fit(run: &KnownRun) -> Result<WorkloadMeasurement, String> {
    let summary = &run.summary;
    let Some(standing) = standing(&summary.scenario) else {
        let read = super::scenario_names();
        return Err(format!(
            "the scenario {} answers a question of its own; the advice reads {read}",
            summary.scenario
        ));
    };
    if summary.workload != standing.workload {
        return Err(format!(
            "it says that it stands for the workload {}, but {} stands for {}",
            summary.workload, standing.scenario, standing.workload
        ));
    }
    if !summary.complete() {
        let (done, planned) = (summary.blocks, summary.blocks_planned);
        return Err(format!("it is not complete: {done} of {planned} blocks were finished"));
    }
    Ok(WorkloadMeasurement {
        workload: summary.workload.clone(),
        service: summary.service.clone(),
        scenario: summary.scenario.clone(),
        run: run.name.clone(),
        note: summary.notes.join(" "),
        tail_note: tail_note(summary),
        part: standing.part,
        within_noise: within_noise(summary),
        cpu_ratio: summary.metric(metric::CPU).and_then(|cpu| paired(cpu.ratio?)),
        rust: figures(summary, Twin::Rust)?,
        go: figures(summary, Twin::Go)?,
    })
}

/// The condition of the p99.9, and how far one binary measured twice differs from itself there.
fn tail_note(summary: &Summary) -> String {
    let condition = summary.metric(metric::HALF_P999).map(|metric| metric.note.clone());
    let noise = summary.noise_factor(metric::HALF_P999).map(|factor| {
        format!("one binary differed from itself by up to {}×", three_digits(factor))
    });
    let parts: Vec<String> =
        condition.into_iter().chain(noise).filter(|it| !it.is_empty()).collect();
    parts.join("; ")
}

/// What may be no more than noise: the interval of the ratio reaches into the run's noise floor.
fn within_noise(summary: &Summary) -> Vec<Compared> {
    let capacity = match summary.metric(metric::CAPACITY_P99) {
        Some(_) => metric::CAPACITY_P99,
        None => metric::CAPACITY,
    };
    let compared = [
        (Compared::Capacity, capacity),
        (Compared::Cpu, metric::CPU),
        (Compared::Memory, metric::LOADED_PSS),
        (Compared::P99, metric::HALF_P99),
        (Compared::P999, metric::HALF_P999),
    ];
    let noisy = compared.into_iter().filter(|(_, id)| summary.may_be_noise(id));
    noisy.map(|(compared, _)| compared).collect()
}

/// A ratio that has an interval.
fn paired(ratio: Ratio) -> Option<Estimate> {
    Some(Estimate { value: ratio.estimate, low: ratio.low?, high: ratio.high? })
}

/// One twin's figures, from µs to ms where the advice counts in ms.
fn figures(summary: &Summary, twin: Twin) -> Result<TwinFigures, String> {
    let figure = |id: &str| summary.metric(id)?.twin(twin).map(|figure| estimate(figure, 1.0));
    let needed = |id: &str, factor: f64, words: &str| {
        let found = summary.metric(id).and_then(|metric| metric.twin(twin));
        found.map(|figure| estimate(figure, factor)).ok_or_else(|| missing(summary, words, twin))
    };
    let capacity = figure(metric::CAPACITY_P99).or_else(|| figure(metric::CAPACITY));
    Ok(TwinFigures {
        capacity_rps_per_core: capacity.ok_or_else(|| missing(summary, "capacity", twin))?,
        cpu_ms_per_request: needed(metric::CPU, 1e-3, "processor time")?,
        idle_pss_mb: needed(metric::IDLE_PSS, 1.0, "idle memory")?,
        loaded_pss_mb: needed(metric::LOADED_PSS, 1.0, "memory under load")?,
        pss_kb_per_connection: figure(metric::PSS_PER_CONNECTION),
        half_load_p99_ms: needed(metric::HALF_P99, 1e-3, "99th percentile latency")?,
        half_load_p999_ms: needed(metric::HALF_P999, 1e-3, "99.9th percentile latency")?,
        resident_state: summary.resident_state.clone(),
        sweep: sweep(summary, twin),
        clean_build_s: figure(metric::CLEAN_BUILD),
        incremental_build_s: figure(metric::INCREMENTAL_BUILD),
    })
}

fn missing(summary: &Summary, what: &str, twin: Twin) -> String {
    let language = match twin {
        Twin::Rust => "Rust",
        Twin::Go => "Go",
    };
    let why = match summary.voids.len() {
        0 => String::new(),
        1 => "; a load failed a validity gate".to_owned(),
        voids => format!("; {voids} loads failed a validity gate"),
    };
    format!("it has no figure for the {what} of the {language} service{why}")
}

/// The rates of the sweep that passed the gates, rising.
fn sweep(summary: &Summary, twin: Twin) -> Vec<SweepPoint> {
    let points = summary.sweep.iter().filter_map(|point| {
        let figures = match twin {
            Twin::Rust => point.rust.as_ref(),
            Twin::Go => point.go.as_ref(),
        }?;
        (!figures.void).then(|| SweepPoint {
            rps_per_core: point.rate_rps,
            p99_ms: figures.p99_us.value / 1e3,
            p999_ms: figures.p999_us.value / 1e3,
        })
    });
    points.collect()
}

fn estimate(figure: Figure, factor: f64) -> Estimate {
    Estimate { value: figure.value * factor, low: figure.low * factor, high: figure.high * factor }
}
