//! Which runs the advice may use, and a run's figures as the advice reads them.

use assay_advice::{
    Beside, ByOption, Compared, Estimate, Measurements, Part, SweepPoint, TwinFigures, TwoServices,
    WorkloadMeasurement,
};
use assay_evidence::{Figure, Ratio, Summary, Twin, metric, three_digits};

use super::{KnownRun, Paths, Runs};

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
    /// What of the workload is read from it; none where it says what a hybrid of two services costs.
    pub part: Option<Part>,
}

/// The scenarios that the advice reads. Every other one answers a question of its own, such as
/// what tuning or another collector setting brings, and must not stand for a whole workload.
pub const SCENARIOS: [Standing; 7] = [
    Standing {
        scenario: "json-quotes",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "capacity, processor time, memory and latency of a JSON API",
        part: Some(Part::Whole),
    },
    Standing {
        scenario: "json-resident",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "the latency tail of a JSON API with much data in memory",
        part: Some(Part::Tail),
    },
    Standing {
        scenario: "json-canonicalize",
        service: "fastjson-api",
        workload: "json_api",
        stands_for: "capacity, processor time and memory of a JSON API that mostly computes",
        part: Some(Part::Computing),
    },
    Standing {
        scenario: "cache-mixed",
        service: "cache-server",
        workload: "cache",
        stands_for: "capacity, processor time, memory and latency of a cache",
        part: Some(Part::Whole),
    },
    Standing {
        scenario: "analytics-mixed",
        service: "analytics-api",
        workload: "analytics",
        stands_for: "capacity, processor time, memory and latency of an analytics service",
        part: Some(Part::Whole),
    },
    Standing {
        scenario: "gateway-proxy",
        service: "gateway",
        workload: "gateway",
        stands_for: "capacity, processor time, memory and latency of a gateway",
        part: Some(Part::Whole),
    },
    Standing {
        scenario: "gateway-hybrid",
        service: "gateway",
        workload: "gateway",
        stands_for: "what a hybrid of two services costs over all in Rust, whatever it resembles",
        part: None,
    },
];

/// What a scenario stands for, if the advice reads it.
pub(super) fn standing(scenario: &str) -> Option<Standing> {
    SCENARIOS.into_iter().find(|standing| standing.scenario == scenario)
}

/// The workloads that runs are of without one standing for them, such as a cache of which only the
/// hits were measured.
pub(super) fn beside(runs: &Runs, standing: &[WorkloadMeasurement]) -> Vec<Beside> {
    let mut found: Vec<Beside> = Vec::new();
    for Summary { workload, scenario, .. } in runs.runs.iter().map(|run| &run.summary) {
        let stands = |it: &WorkloadMeasurement| it.workload == *workload && it.part != Part::Tail;
        if standing.iter().any(stands) {
            continue;
        }
        let at = found.iter().position(|it| it.workload == *workload).unwrap_or(found.len());
        if at == found.len() {
            let whole = |it: &Standing| it.workload == workload && it.part == Some(Part::Whole);
            let stands = SCENARIOS.into_iter().find(whole).map(|it| it.scenario.to_owned());
            found.push(Beside { workload: workload.clone(), stands, scenarios: Vec::new() });
        }
        let own = self::standing(scenario).is_none();
        if let Some(beside) = found.get_mut(at).filter(|it| own && !it.scenarios.contains(scenario))
        {
            beside.scenarios.push(scenario.clone());
        }
    }
    found
}

/// A run as the advice reads it.
#[derive(Debug)]
pub enum Fitted {
    /// What stands for a workload.
    Workload(Box<WorkloadMeasurement>),
    /// What two services cost.
    TwoServices(Box<TwoServices>),
}

impl Fitted {
    /// The run's name.
    #[must_use]
    pub fn run(&self) -> &str {
        match self {
            Self::Workload(measured) => &measured.run,
            Self::TwoServices(two) => &two.run,
        }
    }

    /// Adds it to what the advice rests on.
    pub(super) fn add_to(self, all: &mut Measurements) {
        match self {
            Self::Workload(measured) => all.workloads.push(*measured),
            Self::TwoServices(two) => all.two_services = Some(*two),
        }
    }
}

/// A run as the advice reads it.
///
/// # Errors
/// Why the advice cannot use it, in words that go on from "because".
pub fn fit(run: &KnownRun) -> Result<Fitted, String> {
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
    let Some(part) = standing.part else {
        return two_services(run).map(|two| Fitted::TwoServices(Box::new(two)));
    };
    Ok(Fitted::Workload(Box::new(WorkloadMeasurement {
        workload: summary.workload.clone(),
        service: summary.service.clone(),
        scenario: summary.scenario.clone(),
        run: run.name.clone(),
        note: summary.notes.join(" "),
        tail_note: tail_note(summary),
        part,
        within_noise: within_noise(summary),
        cpu_ratio: summary.metric(metric::CPU).and_then(|cpu| paired(cpu.ratio?)),
        rust: figures(summary, Twin::Rust)?,
        go: figures(summary, Twin::Go)?,
    })))
}

/// The variant of the scenario that is the hybrid.
const HYBRID: &str = "hybrid";

/// How much less or more memory another service's edge may need than the one measured.
const MEMORY_TIMES: f64 = 2.0;

/// The whole path as a hybrid against the whole path in Rust. What may be noise counts as none. A
/// ratio's range goes from 1, for a Go side that only controls the core, to what was measured, for one
/// that every request goes through; nothing says which, so the middle on a log scale counts.
fn two_services(run: &KnownRun) -> Result<TwoServices, String> {
    let summary = &run.summary;
    let both = |id: &str, words: &str| {
        let rust = summary.metric(id).and_then(|metric| metric.rust);
        let hybrid = summary.variant(HYBRID).and_then(|variant| variant.metric(id)?.figure);
        let rust = rust.ok_or_else(|| missing(summary, words, Twin::Rust))?;
        let lacks = || format!("it has no figure for the {words} of the variant {HYBRID}");
        Ok::<_, String>((rust, hybrid.ok_or_else(lacks)?))
    };
    let noise = |id: &str| summary.noise_factor(id).unwrap_or(1.0);
    let ratio = |id: &str, (over, under): (Figure, Figure)| {
        let value = over.value / under.value;
        match over.low / under.high > noise(id) && value.is_finite() {
            true => Estimate { value: value.sqrt(), low: 1.0, high: value },
            false => Estimate::exact(1.0),
        }
    };
    let slower = |id: &str, words: &str| {
        let (rust, hybrid) = both(id, words)?;
        Ok::<_, String>(ratio(id, (hybrid, rust)))
    };
    let (rust, hybrid) = both(metric::LOADED_PSS, "memory under load")?;
    let memory_mb = match hybrid.low > rust.high * noise(metric::LOADED_PSS) {
        true => Estimate {
            value: hybrid.value - rust.value,
            low: (hybrid.low - rust.high) / MEMORY_TIMES,
            high: (hybrid.high - rust.low) * MEMORY_TIMES,
        },
        false => Estimate::exact(0.0),
    };
    let (rust, hybrid) = both(metric::CPU, "processor time")?;
    let go = summary.metric(metric::CPU).and_then(|metric| metric.go);
    let go = go.ok_or_else(|| missing(summary, "processor time", Twin::Go))?;
    let path_cpu_ms = ByOption { rust, go, hybrid };
    let (rust_capacity, capacity) = both(metric::CAPACITY, "capacity")?;
    Ok(TwoServices {
        scenario: summary.scenario.clone(),
        run: run.name.clone(),
        cpu: ratio(metric::CPU, (hybrid, rust)),
        slowdown: ratio(metric::CAPACITY, (rust_capacity, capacity)),
        p99: slower(metric::HALF_P99, "99th percentile latency")?,
        p999: slower(metric::HALF_P999, "99.9th percentile latency")?,
        memory_mb,
        path_cpu_ms: ByOption::from_fn(|option| path_cpu_ms.get(option).value / 1e3),
        shipped: Paths::committed().shipped(),
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
    let capacity = capacity(summary, twin).ok_or_else(|| missing(summary, "capacity", twin))?;
    Ok(TwinFigures {
        capacity_rps_per_core: capacity,
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

/// The requests per second at the edge of the latency limit. Where every swept rate kept within it,
/// the edge lies between the greatest of them and what the closed loop gave: its middle on a log
/// scale, with both as the interval.
fn capacity(summary: &Summary, twin: Twin) -> Option<Estimate> {
    let figure = |id: &str| summary.metric(id)?.twin(twin).map(|figure| estimate(figure, 1.0));
    let closed = figure(metric::CAPACITY);
    let Some(swept) = figure(metric::CAPACITY_P99) else { return closed };
    let greatest = sweep(summary, twin).last().map(|point| point.p99_ms * 1e3);
    let within = greatest.is_some_and(|p99| p99 <= summary.p99_limit_us);
    let between = closed.filter(|closed| within && closed.high > swept.low);
    Some(between.map_or(swept, |Estimate { high, .. }| Estimate {
        value: (swept.low * high).sqrt(),
        low: swept.low,
        high,
    }))
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
