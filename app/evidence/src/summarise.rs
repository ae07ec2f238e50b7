//! From samples to a summary.

use crate::figures::{figure, range, ratio};
use crate::gates::{Check, LIMITS, check};
use crate::sample::{Builds, Capacity, Load, Sample, Samples, Twin};
use crate::stats::median;
use crate::summary::{
    Better, Gate, Metric, Profile, Ratio, SCHEMA, Summary, SweepFigures, SweepPoint, Void, metric,
};

/// A KiB in MB and in kB.
const MB_PER_KIB: f64 = 1024.0 / 1e6;
const KB_PER_KIB: f64 = 1024.0 / 1e3;

/// A closed loop whose generator was busy for more than this share measured the generator.
const SATURATED_BUSY: f64 = 0.95;

/// A closed loop in which neither core was full was disturbed: the service's must reach this.
const SERVER_BUSY: f64 = 0.9;

/// What a summary says besides its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name of the run folder.
    pub run: String,
    /// The reference service.
    pub service: String,
    /// The checklist's workload.
    pub workload: String,
    /// The scenario's id.
    pub scenario: String,
    /// `small`, `medium` or `large`.
    pub resident_state: String,
    /// How thorough.
    pub profile: Profile,
    /// When it began, RFC 3339.
    pub started: String,
    /// The blocks the profile asks for.
    pub blocks: u32,
    /// The p99 limit in µs of [`metric::CAPACITY_P99`].
    pub p99_limit_us: f64,
    /// The condition that tail figures carry in their title, such as "GOMAXPROCS = 1".
    pub condition: String,
    /// What the reader must know.
    pub notes: Vec<String>,
}

/// Computes the summary of the samples so far; a block of which one twin is missing does not count.
#[must_use]
pub fn summarise(plan: &Plan, samples: &Samples) -> Summary {
    let blocks = Blocks::new(samples);
    let mut notes = plan.notes.clone();
    let counted = samples.blocks();
    if counted < plan.blocks {
        notes.push(format!("interrupted: {counted} of {} blocks were finished", plan.blocks));
    }
    let (gates, voids) = gates(&blocks);
    Summary {
        schema: SCHEMA,
        run: plan.run.clone(),
        service: plan.service.clone(),
        workload: plan.workload.clone(),
        scenario: plan.scenario.clone(),
        resident_state: plan.resident_state.clone(),
        profile: plan.profile,
        started: plan.started.clone(),
        blocks_planned: plan.blocks,
        blocks: counted,
        p99_limit_us: plan.p99_limit_us,
        notes,
        metrics: metrics(plan, &blocks, &samples.builds),
        sweep: sweep(&blocks),
        gates,
        voids,
    }
}

/// The complete blocks, in pairs.
struct Blocks<'a>(Vec<(&'a Sample, &'a Sample)>);

impl<'a> Blocks<'a> {
    fn new(samples: &'a Samples) -> Self {
        let of = |twin| samples.samples.iter().filter(move |sample| sample.twin == twin);
        let pair =
            |rust: &'a Sample| of(Twin::Go).find(|go| go.block == rust.block).map(|go| (rust, go));
        Self(of(Twin::Rust).filter_map(pair).collect())
    }

    fn twin(&self, twin: Twin) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().map(move |(rust, go)| match twin {
            Twin::Rust => *rust,
            Twin::Go => *go,
        })
    }

    fn samples(&self) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().flat_map(|(rust, go)| [*rust, *go])
    }
}

fn valid(load: &Load) -> bool {
    check(load).iter().all(|check| check.passed)
}

fn valid_capacity(capacity: &Capacity) -> bool {
    let full = capacity.server_busy >= SERVER_BUSY || capacity.generator_busy > SATURATED_BUSY;
    full && capacity.errors == 0 && capacity.steal < LIMITS.steal
}

/// A process's half load, where it passed its gates.
fn half(sample: &Sample) -> Option<&Load> {
    sample.loads.iter().find(|load| load.half && valid(load))
}

type Take = Box<dyn Fn(&Sample) -> Option<f64>>;

/// One row of the table of metrics.
struct Row {
    id: &'static str,
    title: String,
    unit: &'static str,
    better: Better,
    note: String,
    take: Take,
}

fn row(id: &'static str, title: &str, unit: &'static str, take: Take) -> Row {
    let (title, note) = (title.to_owned(), String::new());
    Row { id, title, unit, better: Better::Lower, note, take }
}

/// A row read from the half load.
fn at_half(id: &'static str, title: &str, take: fn(&Load) -> f64) -> Row {
    row(id, title, "µs", Box::new(move |sample| half(sample).map(take)))
}

fn rows(plan: &Plan) -> Vec<Row> {
    let limit_us = plan.p99_limit_us;
    let within = format!("Greatest swept rate with p99 within {} ms", limit_us / 1000.0);
    let mut rows = vec![
        at_half(metric::CPU, "CPU time per request", |load| load.cpu_us),
        at_half(metric::CPU_USER, "User CPU time per request", |load| load.cpu_user_us),
        at_half(metric::CPU_KERNEL, "Kernel CPU time per request", |load| load.cpu_kernel_us),
        Row {
            better: Better::Higher,
            ..row(
                metric::CAPACITY,
                "Capacity of one core, closed loop",
                "requests/s",
                Box::new(|sample| valid_capacity(&sample.capacity).then_some(sample.capacity.rps)),
            )
        },
        Row {
            better: Better::Higher,
            note: "on the grid of swept rates".into(),
            ..row(
                metric::CAPACITY_P99,
                &within,
                "requests/s",
                Box::new(move |sample| within_limit(sample, limit_us)),
            )
        },
    ];
    for tail in [
        at_half(metric::HALF_P50, "p50 latency at half load", |load| load.latency.p50),
        at_half(metric::HALF_P95, "p95 latency at half load", |load| load.latency.p95),
        at_half(metric::HALF_P99, "p99 latency at half load", |load| load.latency.p99),
        at_half(metric::HALF_P999, "p99.9 latency at half load", |load| load.latency.p999),
    ] {
        let title = format!("{}, {}", tail.title, plan.condition);
        rows.push(Row { title, note: plan.condition.clone(), ..tail });
    }
    rows.extend([
        row(metric::IDLE_PSS, "Memory idle (PSS)", "MB", kib(|s| s.idle_pss_kib)),
        row(metric::LOADED_PSS, "Memory under half load (PSS)", "MB", kib(|s| s.loaded_pss_kib)),
        row(metric::PEAK_RSS, "Peak memory (RSS)", "MB", kib(|s| s.peak_rss_kib)),
        Row {
            note: "user memory; the kernel's socket buffers are not in it".into(),
            ..row(
                metric::PSS_PER_CONNECTION,
                "Memory per idle connection (PSS)",
                "kB",
                Box::new(|sample| Some(sample.pss_kib_per_connection * KB_PER_KIB)),
            )
        },
        row(
            metric::COLD_START,
            "Start to first answer",
            "ms",
            Box::new(|sample| Some(sample.cold_start_ms)),
        ),
    ]);
    rows
}

fn kib(take: fn(&Sample) -> f64) -> Take {
    Box::new(move |sample| Some(take(sample) * MB_PER_KIB))
}

fn within_limit(sample: &Sample, limit_us: f64) -> Option<f64> {
    let fits = |load: &&Load| valid(load) && load.latency.p99 <= limit_us;
    sample.loads.iter().filter(fits).map(|load| load.rate_rps).max_by(f64::total_cmp)
}

/// True when a twin held the p99 limit at the greatest rate it was offered.
fn never_exceeded(sample: &Sample, limit_us: f64) -> bool {
    let greatest = sample.loads.iter().map(|load| load.rate_rps).max_by(f64::total_cmp);
    greatest.is_some() && within_limit(sample, limit_us) == greatest
}

fn metrics(plan: &Plan, blocks: &Blocks<'_>, builds: &[Builds]) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for row in rows(plan) {
        let take = |twin| blocks.twin(twin).map(&row.take).collect::<Vec<_>>();
        let (rust, go) = (take(Twin::Rust), take(Twin::Go));
        let at_least = match row.id {
            metric::CAPACITY => {
                blocks.samples().any(|s| s.capacity.generator_busy > SATURATED_BUSY)
            }
            metric::CAPACITY_P99 => blocks.samples().any(|s| never_exceeded(s, plan.p99_limit_us)),
            _ => false,
        };
        metrics.push(Metric {
            id: row.id.to_owned(),
            title: row.title,
            unit: row.unit.to_owned(),
            better: row.better,
            note: row.note,
            at_least,
            ratio: ratio(&rust, &go),
            rust: figure(&rust),
            go: figure(&go),
        });
    }
    metrics.extend(build_metrics(builds));
    metrics.retain(|metric| metric.rust.is_some() || metric.go.is_some());
    metrics
}

fn build_metrics(builds: &[Builds]) -> Vec<Metric> {
    let of = |twin| builds.iter().find(|build| build.twin == twin);
    let make = |id: &str, title: &str, unit: &str, note: &str, take: fn(&Builds) -> Vec<f64>| {
        let values = |twin| of(twin).map(take).unwrap_or_default();
        let (rust, go) = (values(Twin::Rust), values(Twin::Go));
        let ratio = median(&rust).zip(median(&go)).map(|(rust, go)| Ratio {
            estimate: rust / go,
            low: None,
            high: None,
            level: None,
            n: 1,
        });
        Metric {
            id: id.into(),
            title: title.into(),
            unit: unit.into(),
            better: Better::Lower,
            note: note.into(),
            at_least: false,
            rust: range(&rust),
            go: range(&go),
            ratio,
        }
    };
    vec![
        make(
            metric::CLEAN_BUILD,
            "Build from nothing",
            "s",
            "release build with empty caches on all cores; dependencies (Rust) and standard \
             library (Go) compiled, nothing downloaded",
            |build| build.clean_s.clone(),
        ),
        make(
            metric::INCREMENTAL_BUILD,
            "Rebuild after adding a function",
            "s",
            "release build on all cores",
            |build| build.incremental_s.clone(),
        ),
        make(metric::BINARY, "Size of the stripped binary", "MB", "", |build| {
            vec![as_f64(build.binary_bytes) / 1e6]
        }),
    ]
}

fn sweep(blocks: &Blocks<'_>) -> Vec<SweepPoint> {
    let mut rates: Vec<(f64, f64)> = blocks
        .samples()
        .flat_map(|sample| sample.loads.iter().map(|load| (load.rate_rps, load.share)))
        .collect();
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    rates.dedup_by(|a, b| a.0 == b.0);
    let point = |(rate_rps, share): (f64, f64)| SweepPoint {
        rate_rps,
        share,
        rust: sweep_figures(blocks, Twin::Rust, rate_rps),
        go: sweep_figures(blocks, Twin::Go, rate_rps),
    };
    rates.into_iter().map(point).collect()
}

fn sweep_figures(blocks: &Blocks<'_>, twin: Twin, rate_rps: f64) -> Option<SweepFigures> {
    let at_rate = |sample: &'_ Sample| -> Vec<Load> {
        sample.loads.iter().filter(|load| load.rate_rps == rate_rps).cloned().collect()
    };
    let all: Vec<Load> = blocks.twin(twin).flat_map(at_rate).collect();
    let good: Vec<&Load> = all.iter().filter(|load| valid(load)).collect();
    let void = good.is_empty();
    let used = if void { all.iter().collect() } else { good };
    let take = |take: fn(&Load) -> f64| {
        figure(&used.iter().map(|load| Some(take(load))).collect::<Vec<_>>())
    };
    Some(SweepFigures {
        p50_us: take(|load| load.latency.p50)?,
        p99_us: take(|load| load.latency.p99)?,
        p999_us: take(|load| load.latency.p999)?,
        cpu_us: take(|load| load.cpu_us)?,
        blocks: u32::try_from(used.len()).unwrap_or(u32::MAX),
        void,
    })
}

fn gates(blocks: &Blocks<'_>) -> (Vec<Gate>, Vec<Void>) {
    let mut gates: Vec<Gate> = Vec::new();
    let mut voids = Vec::new();
    for sample in blocks.samples() {
        for load in &sample.loads {
            let checks = check(load);
            for check in &checks {
                tally(&mut gates, check);
            }
            let why: Vec<&str> =
                checks.iter().filter(|c| !c.passed).map(|c| c.seen.as_str()).collect();
            if !why.is_empty() {
                voids.push(Void {
                    block: sample.block,
                    twin: sample.twin,
                    rate_rps: load.rate_rps,
                    why: why.join("; "),
                });
            }
        }
    }
    (gates, voids)
}

fn tally(gates: &mut Vec<Gate>, check: &Check) {
    let failed = u32::from(!check.passed);
    let Some(gate) = gates.iter_mut().find(|gate| gate.id == check.id) else {
        gates.push(Gate {
            id: check.id.to_owned(),
            title: check.title.to_owned(),
            checked: 1,
            failed,
            worst: check.value,
        });
        return;
    };
    gate.checked += 1;
    gate.failed += failed;
    gate.worst =
        if check.more_is_worse { gate.worst.max(check.value) } else { gate.worst.min(check.value) };
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2⁵³")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
