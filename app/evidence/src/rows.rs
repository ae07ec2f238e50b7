//! The table of metrics: what is read from each process, and whether it counts.

use crate::gates::{LIMITS, check, check_asked};
use crate::sample::{Asked, Capacity, Gc, Load, Sample};
use crate::stats::median;
use crate::summarise::Plan;
use crate::summary::{Better, Work, metric};

/// A KiB in MB and in kB.
const MB_PER_KIB: f64 = 1024.0 / 1e6;
const KB_PER_KIB: f64 = 1024.0 / 1e3;
const BYTES_PER_KIB: f64 = 1024.0;

/// A closed loop whose generator was busy for more than this share measured the generator.
const SATURATED_BUSY: f64 = 0.95;

/// A closed loop in which neither core was full was disturbed: the service's must reach this.
const SERVER_BUSY: f64 = 0.9;

pub(crate) fn valid(load: &Load) -> bool {
    check(load).iter().all(|check| check.passed)
}

/// Taking in events waits for the disk, so that its core need not be full.
fn valid_capacity(work: Work, capacity: &Capacity) -> bool {
    let full = work == Work::Event || capacity.server_busy >= SERVER_BUSY || saturated(capacity);
    full && capacity.errors == 0 && capacity.steal < LIMITS.steal
}

/// Whether the generator gave out before the service.
pub(crate) fn saturated(capacity: &Capacity) -> bool {
    capacity.generator_busy > SATURATED_BUSY
}

/// Closed-loop answers per second, where they count.
pub(crate) fn capacity(work: Work, sample: &Sample) -> Option<f64> {
    let capacity = sample.capacity.as_ref()?;
    valid_capacity(work, capacity).then_some(capacity.rps)
}

/// A process's half load, where it passed its gates.
pub(crate) fn half(sample: &Sample) -> Option<&Load> {
    sample.loads.iter().find(|load| load.half && valid(load))
}

pub(crate) type Take = Box<dyn Fn(&Sample) -> Option<f64>>;

/// One row of the table of metrics.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) note: String,
    pub(crate) take: Take,
    /// Where present, the figure is the sum of what is taken ÷ the sum of this, over all blocks
    /// together. A block in which a rare thing did not happen then counts by its length, where a
    /// middle of the blocks would say that it never happens.
    pub(crate) over: Option<Take>,
}

impl Row {
    /// One block's own figure.
    pub(crate) fn of(&self, sample: &Sample) -> Option<f64> {
        let value = (self.take)(sample)?;
        self.over.as_ref().map_or(Some(value), |over| Some(value / over(sample)?))
    }
}

fn row(id: &'static str, title: &str, unit: &'static str, take: Take) -> Row {
    let (title, note) = (title.to_owned(), String::new());
    Row { id, title, unit, better: Better::Lower, note, take, over: None }
}

/// A row read from the half load.
fn at_half(id: &'static str, title: &str, take: fn(&Load) -> f64) -> Row {
    row(id, title, "µs", Box::new(move |sample| half(sample).map(take)))
}

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let limit_us = plan.p99_limit_us;
    let within = format!("Greatest swept rate with p99 within {} ms", limit_us / 1000.0);
    let (one, per_second) = (plan.work.one(), plan.work.per_second());
    let pieces = match plan.pipeline {
        1 => String::new(),
        many => format!(", {} of {many}", plan.work.pieces()),
    };
    let cpu = |id, title: &str, take| at_half(id, &format!("{title} per {one}{pieces}"), take);
    let capacity_title = format!("Capacity of one core, closed loop{pieces}");
    let mut rows = vec![
        cpu(metric::CPU, "CPU time", |load| load.cpu_us),
        cpu(metric::CPU_USER, "User CPU time", |load| load.cpu_user_us),
        cpu(metric::CPU_KERNEL, "Kernel CPU time", |load| load.cpu_kernel_us),
        Row {
            better: Better::Higher,
            ..row(metric::CAPACITY, &capacity_title, per_second, {
                let work = plan.work;
                Box::new(move |sample| capacity(work, sample))
            })
        },
        Row {
            better: Better::Higher,
            note: "read off the swept rates in each block; over the blocks the estimate may lie between \
                   two of them"
                .into(),
            ..row(
                metric::CAPACITY_P99,
                &within,
                per_second,
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
    rows.extend(question_rows(plan));
    let entry = plan.work.entry();
    let loaded = match plan.work {
        Work::Question => "Memory after the questions (PSS)",
        _ => "Memory under half load (PSS)",
    };
    rows.extend([
        row(metric::IDLE_PSS, "Memory idle (PSS)", "MB", kib(|s| s.idle_pss_kib)),
        row(
            metric::RESIDENT_PSS,
            "Memory with the resident state built (PSS)",
            "MB",
            Box::new(|sample| sample.resident_pss_kib.map(|kib| kib * MB_PER_KIB)),
        ),
        row(
            metric::PSS_PER_ENTRY,
            &format!("Memory per {entry} beyond the idle process (PSS)"),
            "bytes",
            {
                let grown = |sample: &Sample| {
                    let kib = sample.resident_pss_kib? - sample.idle_pss_kib;
                    Some(kib * BYTES_PER_KIB / entries(sample)?)
                };
                Box::new(grown)
            },
        ),
        row(
            metric::RSS_PER_ENTRY,
            &format!("Resident memory per {entry}, all of the process (RSS)"),
            "bytes",
            {
                let whole = |sample: &Sample| {
                    Some(sample.resident_rss_kib? * BYTES_PER_KIB / entries(sample)?)
                };
                Box::new(whole)
            },
        ),
        row(metric::LOADED_PSS, loaded, "MB", kib(|s| s.loaded_pss_kib)),
        row(metric::PEAK_RSS, "Peak memory (RSS)", "MB", kib(|s| s.peak_rss_kib)),
        row(
            metric::FLUSHED_PSS,
            "Memory once every entry was removed (PSS)",
            "MB",
            Box::new(|sample| sample.flushed_pss_kib.map(|kib| kib * MB_PER_KIB)),
        ),
        Row {
            note: "user memory; the kernel's socket buffers are not in it".into(),
            ..row(
                metric::PSS_PER_CONNECTION,
                "Memory per idle connection (PSS)",
                "kB",
                Box::new(|sample| sample.pss_kib_per_connection.map(|kib| kib * KB_PER_KIB)),
            )
        },
        row(
            metric::COLD_START,
            "Start to first answer",
            "ms",
            Box::new(|sample| Some(sample.cold_start_ms)),
        ),
    ]);
    rows.extend(hit_rows());
    rows.extend(gc_rows(plan));
    rows
}

/// How long questions took; the middle of the times one process was asked stands for it.
fn question_rows(plan: &Plan) -> [Row; 4] {
    let of = |question: &'static str, take: fn(&Asked) -> Option<f64>| -> Take {
        Box::new(move |sample| {
            let asked = sample.questions.iter().find(|asked| asked.question == question)?;
            check_asked(asked).iter().all(|check| check.passed).then(|| take(asked)).flatten()
        })
    };
    let make = |id, title: &str, question, take| Row {
        note: plan.condition.clone(),
        ..row(id, &format!("{title}, {}", plan.condition), "ms", of(question, take))
    };
    let ms = |asked: &Asked| median(&asked.ms);
    let cpu = |asked: &Asked| Some(asked.cpu_ms);
    [
        make(metric::BUCKETS_MS, "Bucket × key with p99, time to the answer", "buckets", ms),
        make(metric::GROUPS_MS, "Very many groups, time to the answer", "groups", ms),
        make(metric::BUCKETS_CPU, "Bucket × key with p99, CPU time", "buckets", cpu),
        make(metric::GROUPS_CPU, "Very many groups, CPU time", "groups", cpu),
    ]
}

/// How many entries it held when it was weighed.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn entries(sample: &Sample) -> Option<f64> {
    sample.entries.filter(|entries| *entries > 0).map(|entries| entries as f64)
}

/// What traces hit. Equal memory is what the programs were told to keep to.
fn hit_rows() -> [Row; 3] {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    let share = |trace: &'static str| -> Take {
        Box::new(move |sample| {
            let hits = sample.hits.iter().find(|hits| hits.trace == trace)?;
            Some(hits.hits as f64 / hits.reads.max(1) as f64)
        })
    };
    let row = |id, title: &str, trace| Row {
        better: Better::Higher,
        ..row(id, title, "share", share(trace))
    };
    [
        row(metric::HITS_ZIPF, "Hits of a Zipf trace", "zipf"),
        row(metric::HITS_SCAN, "Hits of a Zipf trace with scans", "scan"),
        row(metric::HITS_LOOP, "Hits of a loop larger than the cache", "loop"),
    ]
}

/// What the collector did during the half load, where that load counts.
fn gc_rows(plan: &Plan) -> [Row; 3] {
    let traced = |take: fn(&Gc, &Load) -> Option<f64>| -> Take {
        Box::new(move |sample| half(sample).zip(sample.gc.as_ref()).and_then(|(l, gc)| take(gc, l)))
    };
    let make = |id, title: &str, unit, take| Row {
        note: plan.condition.clone(),
        ..row(id, &format!("{title}, {}", plan.condition), unit, traced(take))
    };
    let cycles =
        make(metric::GC_CYCLES, "Garbage collections at half load", "per second", |gc, _| {
            Some(f64::from(gc.cycles))
        });
    let cpu = make(
        metric::GC_CPU,
        "Collector's share of the CPU time at half load",
        "share",
        |gc, load| Some(gc.cpu_share * cpu_us(load)),
    );
    [
        Row { note: POOLED.into(), over: Some(traced(|gc, _| Some(gc.seconds))), ..cycles },
        make(metric::GC_PAUSE, "Longest collector pause at half load", "µs", |gc, _| {
            gc.pause_us_max
        }),
        Row { note: POOLED.into(), over: Some(traced(|_, load| Some(cpu_us(load)))), ..cpu },
    ]
}

const POOLED: &str = "over all blocks together";

/// CPU time of the process in µs over a load.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn cpu_us(load: &Load) -> f64 {
    load.cpu_us * load.completed as f64
}

fn kib(take: fn(&Sample) -> f64) -> Take {
    Box::new(move |sample| Some(take(sample) * MB_PER_KIB))
}

fn within_limit(sample: &Sample, limit_us: f64) -> Option<f64> {
    let fits = |load: &&Load| valid(load) && load.latency.p99 <= limit_us;
    sample.loads.iter().filter(fits).map(|load| load.rate_rps).max_by(f64::total_cmp)
}

/// True when a process held the p99 limit at the greatest rate it was offered.
pub(crate) fn never_exceeded(sample: &Sample, limit_us: f64) -> bool {
    let greatest = sample.loads.iter().map(|load| load.rate_rps).max_by(f64::total_cmp);
    greatest.is_some() && within_limit(sample, limit_us) == greatest
}
