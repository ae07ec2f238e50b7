//! From samples to a summary.

use crate::figures::{figure, pooled, ratio};
use crate::gates::{Check, check, check_asked};
use crate::rows::{Row, capacity, half, never_exceeded, rows, saturated, valid};
use crate::sample::{Builds, Load, Sample, Samples, Twin};
use crate::stats::median;
use crate::summary::{
    Better, Figure, Gate, Metric, Profile, Ratio, SCHEMA, Summary, SweepFigures, SweepPoint,
    Timeline, Void, Work, metric,
};
use crate::variant::{Kind, Variant, VariantInfo, VariantMetric};

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
    /// The scenario in words.
    pub title: String,
    /// What is counted.
    pub work: Work,
    /// How many commands were sent as one piece.
    pub pipeline: u32,
    /// `poisson` or `constant`.
    pub schedule: String,
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
    /// What is measured beside the idiomatic pair.
    pub variants: Vec<VariantInfo>,
    /// What the reader must know.
    pub notes: Vec<String>,
}

impl Plan {
    /// The plan that a summary was computed by: with it and the samples, the summary can be
    /// computed again.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        let variant = |variant: &Variant| VariantInfo {
            id: variant.id.clone(),
            language: variant.language,
            kind: variant.kind,
            label: variant.label.clone(),
            why: variant.why.clone(),
        };
        let interrupted = interrupted(summary.blocks, summary.blocks_planned);
        let given = summary.notes.iter().filter(|note| Some(*note) != interrupted.as_ref());
        Self {
            run: summary.run.clone(),
            service: summary.service.clone(),
            workload: summary.workload.clone(),
            scenario: summary.scenario.clone(),
            title: summary.title.clone(),
            work: summary.work,
            pipeline: summary.pipeline,
            schedule: summary.schedule.clone(),
            resident_state: summary.resident_state.clone(),
            profile: summary.profile,
            started: summary.started.clone(),
            blocks: summary.blocks_planned,
            p99_limit_us: summary.p99_limit_us,
            // Without a half load or a question that counts no figure carries it.
            condition: [metric::HALF_P50, metric::BUCKETS_MS, metric::GROUPS_MS]
                .iter()
                .find_map(|id| summary.metric(id))
                .map_or_else(String::new, |metric| metric.note.clone()),
            variants: summary.variants.iter().map(variant).collect(),
            notes: given.cloned().collect(),
        }
    }
}

/// The note of a run that ended early.
fn interrupted(done: u32, planned: u32) -> Option<String> {
    (done < planned).then(|| format!("interrupted: {done} of {planned} blocks were finished"))
}

/// Computes the summary of the samples so far; a block of which one twin is missing does not count.
#[must_use]
pub fn summarise(plan: &Plan, samples: &Samples) -> Summary {
    let blocks = Blocks::new(samples);
    let mut notes = plan.notes.clone();
    let counted = samples.blocks();
    notes.extend(interrupted(counted, plan.blocks));
    let (gates, voids) = gates(&blocks);
    Summary {
        schema: SCHEMA,
        run: plan.run.clone(),
        service: plan.service.clone(),
        workload: plan.workload.clone(),
        scenario: plan.scenario.clone(),
        title: plan.title.clone(),
        work: plan.work,
        pipeline: plan.pipeline,
        schedule: plan.schedule.clone(),
        resident_state: plan.resident_state.clone(),
        profile: plan.profile,
        started: plan.started.clone(),
        blocks_planned: plan.blocks,
        blocks: counted,
        p99_limit_us: plan.p99_limit_us,
        notes,
        metrics: metrics(plan, &blocks, &samples.builds),
        variants: variants(plan, &blocks, &samples.builds),
        sweep: sweep(&blocks),
        gates,
        voids,
        timelines: timelines(plan, &blocks),
    }
}

/// The complete blocks: those in which both idiomatic twins were measured.
struct Blocks<'a>(Vec<Vec<&'a Sample>>);

impl<'a> Blocks<'a> {
    fn new(samples: &'a Samples) -> Self {
        let all = &samples.samples;
        let of = |twin| all.iter().filter(move |sample| sample.is(twin, None));
        let block = |rust: &'a Sample| {
            of(Twin::Go).find(|go| go.block == rust.block)?;
            Some(all.iter().filter(|sample| sample.block == rust.block).collect())
        };
        Self(of(Twin::Rust).filter_map(block).collect())
    }

    /// One figure of a twin or variant from each block; absent where it was not measured there.
    fn take(
        &self,
        twin: Twin,
        variant: Option<&str>,
        take: impl Fn(&Sample) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let find = |block: &Vec<&'a Sample>| {
            block.iter().find(|sample| sample.is(twin, variant)).and_then(|sample| take(sample))
        };
        self.0.iter().map(find).collect()
    }

    /// A row's figure over the blocks.
    fn figure(&self, row: &Row, twin: Twin, variant: Option<&str>) -> Option<Figure> {
        let Some(over) = &row.over else {
            return figure(&self.take(twin, variant, &row.take));
        };
        let own = self.take(twin, variant, &row.take);
        let pairs = own.into_iter().zip(self.take(twin, variant, over));
        pooled(&pairs.filter_map(|(own, over)| own.zip(over)).collect::<Vec<_>>())
    }

    fn samples(&self) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().flatten().copied()
    }

    fn of(&self, twin: Twin, variant: Option<&str>) -> impl Iterator<Item = &'a Sample> {
        self.samples().filter(move |sample| sample.is(twin, variant))
    }

    /// The processes of the idiomatic pair.
    fn pair(&self) -> impl Iterator<Item = &'a Sample> {
        self.samples().filter(|sample| sample.variant.is_none())
    }
}

/// Whether a row's figures are lower bounds.
fn at_least<'a>(row: &Row, plan: &Plan, mut samples: impl Iterator<Item = &'a Sample>) -> bool {
    match row.id {
        metric::CAPACITY => samples.any(|sample| sample.capacity.as_ref().is_some_and(saturated)),
        metric::CAPACITY_P99 => samples.any(|sample| never_exceeded(sample, plan.p99_limit_us)),
        _ => false,
    }
}

fn metrics(plan: &Plan, blocks: &Blocks<'_>, builds: &[Builds]) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for row in rows(plan) {
        let take = |twin| blocks.take(twin, None, |sample| row.of(sample));
        metrics.push(Metric {
            at_least: at_least(&row, plan, blocks.pair()),
            ratio: ratio(&take(Twin::Rust), &take(Twin::Go)),
            rust: blocks.figure(&row, Twin::Rust, None),
            go: blocks.figure(&row, Twin::Go, None),
            id: row.id.to_owned(),
            title: row.title,
            unit: row.unit.to_owned(),
            better: row.better,
            note: row.note,
        });
    }
    if let Some(floor) = Floor::of(plan, blocks) {
        let (rust, go) = (floor.shares(Twin::Rust, None), floor.shares(Twin::Go, None));
        metrics.push(Metric {
            id: metric::CAPACITY_SHARE.into(),
            title: FLOOR_TITLE.into(),
            unit: "share".into(),
            better: Better::Higher,
            note: floor.note,
            at_least: false,
            ratio: ratio(&rust, &go),
            rust: figure(&rust),
            go: figure(&go),
        });
    }
    metrics.extend(build_metrics(builds));
    metrics.retain(|metric| metric.rust.is_some() || metric.go.is_some());
    metrics
}

const FLOOR_TITLE: &str = "Capacity as a share of the floor's";

/// The capacities of the scenario's floor, by block.
struct Floor<'a> {
    blocks: &'a Blocks<'a>,
    work: Work,
    rps: Vec<Option<f64>>,
    note: String,
}

impl<'a> Floor<'a> {
    fn of(plan: &Plan, blocks: &'a Blocks<'a>) -> Option<Self> {
        let floor = plan.variants.iter().find(|variant| variant.kind == Kind::Floor)?;
        let id = Some(floor.id.as_str());
        let rps = blocks.take(floor.language, id, |sample| capacity(plan.work, sample));
        let mut note = format!("the floor: {}", floor.label);
        let gave_out = |sample: &Sample| sample.capacity.as_ref().is_some_and(saturated);
        if blocks.of(floor.language, id).any(gave_out) {
            note.push_str(
                "; the generator gave out before it, so that the shares are upper bounds",
            );
        }
        Some(Self { blocks, work: plan.work, rps, note })
    }

    fn shares(&self, twin: Twin, variant: Option<&str>) -> Vec<Option<f64>> {
        let own = self.blocks.take(twin, variant, |sample| capacity(self.work, sample));
        let share = |(own, floor): (Option<f64>, &Option<f64>)| Some(own? / (*floor)?);
        own.into_iter().zip(&self.rps).map(share).collect()
    }
}

fn variants(plan: &Plan, blocks: &Blocks<'_>, builds: &[Builds]) -> Vec<Variant> {
    let floor = Floor::of(plan, blocks);
    let with_metrics = |info: &VariantInfo| Variant {
        id: info.id.clone(),
        language: info.language,
        kind: info.kind,
        label: info.label.clone(),
        why: info.why.clone(),
        metrics: variant_metrics(plan, blocks, builds, floor.as_ref(), info),
    };
    plan.variants.iter().map(with_metrics).collect()
}

fn variant_metrics(
    plan: &Plan,
    blocks: &Blocks<'_>,
    builds: &[Builds],
    floor: Option<&Floor<'_>>,
    info: &VariantInfo,
) -> Vec<VariantMetric> {
    let (twin, id) = (info.language, Some(info.id.as_str()));
    let mut metrics = Vec::new();
    // A variant is not swept.
    for row in rows(plan).into_iter().filter(|row| row.id != metric::CAPACITY_P99) {
        let take = |twin, variant| blocks.take(twin, variant, |sample| row.of(sample));
        let own = take(twin, id);
        // A program of others has no language of ours: each twin is held against it.
        let other = info.kind == Kind::Other;
        let over = |pair| if other { ratio(&take(pair, None), &own) } else { None };
        metrics.push(VariantMetric {
            at_least: at_least(&row, plan, blocks.of(twin, id)),
            ratio: if other { None } else { ratio(&own, &take(twin, None)) },
            rust_over: over(Twin::Rust),
            go_over: over(Twin::Go),
            figure: blocks.figure(&row, twin, id),
            id: row.id.to_owned(),
            title: row.title,
            unit: row.unit.to_owned(),
            better: row.better,
            note: row.note,
        });
    }
    if let Some(floor) = floor.filter(|_| info.kind != Kind::Floor) {
        let shares = floor.shares(twin, id);
        let other = info.kind == Kind::Other;
        let over = |pair| if other { ratio(&floor.shares(pair, None), &shares) } else { None };
        metrics.push(VariantMetric {
            id: metric::CAPACITY_SHARE.into(),
            title: FLOOR_TITLE.into(),
            unit: "share".into(),
            better: Better::Higher,
            note: floor.note.clone(),
            at_least: false,
            ratio: if other { None } else { ratio(&shares, &floor.shares(twin, None)) },
            rust_over: over(Twin::Rust),
            go_over: over(Twin::Go),
            figure: figure(&shares),
        });
    }
    let of = |variant| builds.iter().find(|build| build.twin == twin && build.variant == variant);
    if let Some((own, twin)) = of(Some(info.id.clone())).zip(of(None)) {
        let size = |build: &Builds| vec![Some(as_f64(build.binary_bytes) / 1e6)];
        metrics.push(VariantMetric {
            id: metric::BINARY.into(),
            title: BINARY_TITLE.into(),
            unit: "MB".into(),
            better: Better::Lower,
            note: String::new(),
            at_least: false,
            ratio: ratio(&size(own), &size(twin)),
            rust_over: None,
            go_over: None,
            figure: figure(&size(own)),
        });
    }
    metrics.retain(|metric| metric.figure.is_some());
    metrics
}

const BINARY_TITLE: &str = "Size of the stripped binary";

/// The first half load of each twin and variant that was recorded over time and counts, or the
/// first recorded.
fn timelines(plan: &Plan, blocks: &Blocks<'_>) -> Vec<Timeline> {
    let of = |(twin, variant): (Twin, Option<&str>)| {
        let recorded = || blocks.of(twin, variant).filter(|sample| sample.timeline.is_some());
        let sample =
            recorded().find(|sample| half(sample).is_some()).or_else(|| recorded().next())?;
        let windows = sample.timeline.clone()?;
        Some(Timeline {
            twin,
            variant: variant.map(str::to_owned),
            block: sample.block,
            window_ms: windows.window_ms,
            p50_us: windows.p50_us,
            max_us: windows.max_us,
            collections: windows.collections,
        })
    };
    let pair = [(Twin::Rust, None), (Twin::Go, None)];
    let variants = plan.variants.iter().map(|info| (info.language, Some(info.id.as_str())));
    pair.into_iter().chain(variants).filter_map(of).collect()
}

fn build_metrics(builds: &[Builds]) -> Vec<Metric> {
    let of = |twin| builds.iter().find(|build| build.twin == twin && build.variant.is_none());
    let make = |id: &str, title: &str, unit: &str, note: &str, take: fn(&Builds) -> Vec<f64>| {
        let values = |twin| of(twin).map(take).unwrap_or_default();
        let (rust, go) = (values(Twin::Rust), values(Twin::Go));
        let of_medians = || {
            let estimate = median(&rust)? / median(&go)?;
            Some(Ratio { estimate, low: None, high: None, level: None, n: 1 })
        };
        let all = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        // Builds depend on nothing they share, so any pairing of six gives a valid interval.
        let paired = ratio(&all(&rust), &all(&go)).filter(|ratio| ratio.low.is_some());
        Metric {
            id: id.into(),
            title: title.into(),
            unit: unit.into(),
            better: Better::Lower,
            note: note.into(),
            at_least: false,
            rust: figure(&all(&rust)),
            go: figure(&all(&go)),
            ratio: paired.or_else(of_medians),
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
        make(metric::BINARY, BINARY_TITLE, "MB", "", |build| {
            vec![as_f64(build.binary_bytes) / 1e6]
        }),
    ]
}

fn sweep(blocks: &Blocks<'_>) -> Vec<SweepPoint> {
    let mut rates: Vec<(f64, f64)> = blocks
        .pair()
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
    let all: Vec<Load> = blocks.of(twin, None).flat_map(at_rate).collect();
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
        let loads = sample.loads.iter().map(|load| (load.rate_rps, check(load)));
        let asked = sample.questions.iter();
        let asked = asked.map(|asked| (1e3 / median(&asked.ms).unwrap_or(1e3), check_asked(asked)));
        for (rate_rps, checks) in loads.chain(asked) {
            for check in &checks {
                tally(&mut gates, check);
            }
            let why: Vec<&str> =
                checks.iter().filter(|c| !c.passed).map(|c| c.seen.as_str()).collect();
            if !why.is_empty() {
                voids.push(Void {
                    block: sample.block,
                    twin: sample.twin,
                    variant: sample.variant.clone(),
                    rate_rps,
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
