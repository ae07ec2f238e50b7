//! Two runs side by side: first what differs around them, then metric by metric.
//!
//! The runs are unpaired. Each figure has an interval of at least 95% within its own run; the
//! change's interval takes the worst of both, `b.low / a.high ..= b.high / a.low`, which covers at
//! least 90% (Bonferroni) and is therefore conservative.

use serde::Serialize;

use crate::environment::Environment;
use crate::environment::VariantSettings;
use crate::sample::Twin;
use crate::stats::{Equivalence, PAIRS_MIN, equivalence};
use crate::summary::{Better, Figure, Metric, Ratio, Summary};
use crate::variant::{Kind, Variant, VariantMetric};
use crate::verdict::Evidence;

/// A change within this share is too small to matter.
pub const MARGIN: f64 = 0.05;

/// The coverage a change's interval has at least.
pub const CHANGE_LEVEL: f64 = 0.9;

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The name of the first run, the one compared with.
    pub a: String,
    /// The name of the second run.
    pub b: String,
    /// What of them can be compared.
    pub comparable: Comparable,
    /// Why not all of it can be, in words; empty when all can.
    pub cautions: Vec<String>,
    /// What differs around them.
    pub differences: Vec<Difference>,
    /// The metrics of both, none when nothing can be compared.
    pub metrics: Vec<Compared>,
    /// What both measured beside the pair, none when nothing can be compared.
    pub variants: Vec<ComparedVariant>,
    /// The titles of metrics and labels of variants that only one of them has, or has otherwise.
    pub unmatched: Vec<Unmatched>,
}

/// What of two runs can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparable {
    /// Figures and ratios.
    All,
    /// Ratios of Rust to Go only: the machine differs.
    RatiosOnly,
    /// Nothing: they measured different things.
    Nothing,
}

/// Something around the runs that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What, in words.
    pub what: &'static str,
    /// As it was in the first run.
    pub a: String,
    /// As it was in the second.
    pub b: String,
}

/// A metric of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The metric's id.
    pub id: String,
    /// In words.
    pub title: String,
    /// The unit of the figures.
    pub unit: String,
    /// Which direction is better.
    pub better: Better,
    /// The Rust twin's figures; absent when they cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust: Option<Pair>,
    /// The Go twin's figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Pair>,
    /// The figures of a program of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<Pair>,
    /// Rust ÷ Go in both runs; the Rust twin ÷ a program of others; of any other variant, its figure ÷ that of its language's idiomatic twin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Pair>,
}

/// A variant of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedVariant {
    /// The variant's id.
    pub id: String,
    /// Its name for people.
    pub label: String,
    /// What the ratios of its metrics are, in words.
    pub over: &'static str,
    /// Its metrics; the figures stand in the place of its language, or for themselves.
    pub metrics: Vec<Compared>,
}

/// A figure of both runs, with the change from the first to the second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pair {
    /// The first run's.
    pub a: Figure,
    /// The second run's.
    pub b: Figure,
    /// `b ÷ a`.
    pub change: f64,
    /// The change's interval; absent when a run has too few blocks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The interval's upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// What the interval says of a margin of [`MARGIN`]; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<Equivalence>,
}

/// A metric or variant that cannot be set against the other run's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// In words.
    pub title: String,
    /// Why, in words.
    pub why: String,
}

/// Compares run `b` with run `a`.
#[must_use]
pub fn compare(a: Evidence<'_>, b: Evidence<'_>) -> Comparison {
    let differences = differences(a, b);
    let (comparable, cautions) = comparable(a, b);
    let (mut metrics, mut variants, mut unmatched) = (Vec::new(), Vec::new(), Vec::new());
    if comparable != Comparable::Nothing {
        for first in &a.summary.metrics {
            match matching(first, b.summary) {
                Ok(second) => metrics.push(row(first, second, (a, b), comparable)),
                Err(why) => unmatched.push(Unmatched { title: first.title.clone(), why }),
            }
        }
        let only_b = b.summary.metrics.iter().filter(|it| a.summary.metric(&it.id).is_none());
        unmatched.extend(only_b.map(|it| Unmatched {
            title: it.title.clone(),
            why: format!("only {} has it", b.summary.run),
        }));
        metrics.retain(Compared::says_something);
        for first in &a.summary.variants {
            match matching_variant(first, a, b) {
                Ok(second) => variants.push(variant(first, second, (a, b), comparable)),
                Err(why) => unmatched.push(Unmatched { title: first.label.clone(), why }),
            }
        }
        let only_b = b.summary.variants.iter().filter(|it| a.summary.variant(&it.id).is_none());
        unmatched.extend(only_b.map(|it| Unmatched {
            title: it.label.clone(),
            why: format!("only {} has it", b.summary.run),
        }));
    }
    Comparison {
        a: a.summary.run.clone(),
        b: b.summary.run.clone(),
        comparable,
        cautions,
        differences,
        metrics,
        variants,
        unmatched,
    }
}

/// Whether both are one and the same run.
fn one_run(a: Evidence<'_>, b: Evidence<'_>) -> bool {
    (&a.summary.run, &a.summary.started) == (&b.summary.run, &b.summary.started)
}

fn matching<'a>(first: &Metric, other: &'a Summary) -> Result<&'a Metric, String> {
    let second =
        other.metric(&first.id).ok_or_else(|| format!("{} does not have it", other.run))?;
    if second.unit != first.unit {
        return Err(format!("one run gives it in {}, the other in {}", first.unit, second.unit));
    }
    Ok(second)
}

fn comparable(a: Evidence<'_>, b: Evidence<'_>) -> (Comparable, Vec<String>) {
    let (one, two) = (a.summary, b.summary);
    if (&one.service, &one.scenario) != (&two.service, &two.scenario) {
        let caution = format!(
            "These runs measured different things and cannot be compared: {} is scenario {} of \
             {}, {} is scenario {} of {}.",
            one.run, one.scenario, one.service, two.run, two.scenario, two.service
        );
        return (Comparable::Nothing, vec![caution]);
    }
    let mut cautions = Vec::new();
    if one_run(a, b) {
        cautions.push("This is one run beside itself.".to_owned());
    }
    for run in [one, two].into_iter().filter(|run| !run.complete()) {
        let (done, planned) = (run.blocks, run.blocks_planned);
        cautions.push(format!("{} was interrupted after {done} of {planned} blocks.", run.run));
    }
    let machine = |it: Evidence<'_>| {
        let machine = &it.environment.machine;
        (machine.cpu.clone(), machine.cores, machine.virtualisation.clone())
    };
    if machine(a) == machine(b) {
        return (Comparable::All, cautions);
    }
    cautions.push(
        "The machines differ, so that figures cannot be compared; only the ratios of Rust to Go, \
         each taken within its own machine, are shown."
            .to_owned(),
    );
    (Comparable::RatiosOnly, cautions)
}

/// The same variant of the other run, when it was built and run the same way.
fn matching_variant<'a>(
    first: &Variant,
    a: Evidence<'_>,
    b: Evidence<'a>,
) -> Result<&'a Variant, String> {
    let second = b.summary.variant(&first.id);
    let second = second.ok_or_else(|| format!("{} does not have it", b.summary.run))?;
    let settings = |run: Evidence<'_>| -> Option<VariantSettings> {
        run.environment.variants.iter().find(|it| it.id == first.id).cloned()
    };
    if (first.language, first.kind) != (second.language, second.kind) || settings(a) != settings(b)
    {
        return Err("it was built or run otherwise in the other run".to_owned());
    }
    Ok(second)
}

fn variant(
    first: &Variant,
    second: &Variant,
    runs: (Evidence<'_>, Evidence<'_>),
    comparable: Comparable,
) -> ComparedVariant {
    // As a metric of a pair that only its own language has.
    let as_metric = |metric: &VariantMetric| {
        let of = |twin| metric.figure.filter(|_| first.language == twin);
        Metric {
            id: metric.id.clone(),
            title: metric.title.clone(),
            unit: metric.unit.clone(),
            better: metric.better,
            note: metric.note.clone(),
            at_least: metric.at_least,
            rust: of(Twin::Rust),
            go: of(Twin::Go),
            ratio: metric.ratio.or(metric.rust_over),
        }
    };
    let of_others = first.kind == Kind::Other;
    let both = first.metrics.iter().filter_map(|one| {
        let other = second.metric(&one.id).filter(|other| other.unit == one.unit)?;
        let row = row(&as_metric(one), &as_metric(other), runs, comparable);
        Some(if of_others { Compared { own: row.rust, rust: None, ..row } } else { row })
    });
    ComparedVariant {
        id: first.id.clone(),
        label: first.label.clone(),
        over: if of_others { "Rust ÷ it" } else { "÷ its twin" },
        metrics: both.filter(Compared::says_something).collect(),
    }
}

impl Compared {
    fn says_something(&self) -> bool {
        [self.rust, self.go, self.own, self.ratio].iter().any(Option::is_some)
    }
}

fn row(
    first: &Metric,
    second: &Metric,
    (a, b): (Evidence<'_>, Evidence<'_>),
    comparable: Comparable,
) -> Compared {
    let enough = |metric: &Metric, run: Evidence<'_>| {
        metric.ratio.map_or(run.summary.blocks, |ratio| ratio.n) >= PAIRS_MIN
    };
    let intervals = enough(first, a) && enough(second, b);
    let itself = one_run(a, b);
    let figures = |one: Option<Figure>, two: Option<Figure>| {
        let (one, two) = one.zip(two).filter(|_| comparable == Comparable::All)?;
        pair(one, two, intervals, itself)
    };
    let ratio = first.ratio.zip(second.ratio).and_then(|(one, two)| {
        let bounded = one.low.is_some() && two.low.is_some();
        pair(as_figure(one), as_figure(two), bounded, itself)
    });
    Compared {
        id: first.id.clone(),
        title: first.title.clone(),
        unit: first.unit.clone(),
        better: first.better,
        rust: figures(first.rust, second.rust),
        go: figures(first.go, second.go),
        own: None,
        ratio,
    }
}

fn as_figure(ratio: Ratio) -> Figure {
    let value = ratio.estimate;
    Figure { value, low: ratio.low.unwrap_or(value), high: ratio.high.unwrap_or(value) }
}

/// Both figures and their change; none where a figure is not above zero. A run does not differ from
/// itself, whatever its intervals.
fn pair(a: Figure, b: Figure, intervals: bool, itself: bool) -> Option<Pair> {
    if a.low <= 0.0 || b.low <= 0.0 {
        return None;
    }
    if itself {
        let (one, says) = (Some(1.0), Some(Equivalence::Equivalent));
        return Some(Pair { a, b, change: 1.0, low: one, high: one, says });
    }
    let low = intervals.then_some(b.low / a.high);
    let high = intervals.then_some(b.high / a.low);
    let says = low.zip(high).map(|(low, high)| equivalence(low, high, MARGIN));
    Some(Pair { a, b, change: b.value / a.value, low, high, says })
}

fn differences(a: Evidence<'_>, b: Evidence<'_>) -> Vec<Difference> {
    let rows = describe(a).into_iter().zip(describe(b));
    rows.filter(|((_, a), (_, b))| a != b)
        .map(|((what, a), (_, b))| Difference { what, a, b })
        .collect()
}

/// What is around a run, the most telling first.
fn describe(run: Evidence<'_>) -> Vec<(&'static str, String)> {
    let Environment { machine, pinning, versions, go, .. } = run.environment;
    let summary = run.summary;
    let setting = |text: &str| if text.is_empty() { "unset".to_owned() } else { text.to_owned() };
    let sides = if pinning.same_physical_core { "one physical core" } else { "cores of their own" };
    vec![
        ("Service", summary.service.clone()),
        ("Scenario", summary.scenario.clone()),
        ("Processor", machine.cpu.clone()),
        ("Cores", machine.cores.to_string()),
        ("Memory, MB", machine.memory_mb.to_string()),
        ("Virtualisation", machine.virtualisation.clone()),
        ("Kernel", machine.kernel.clone()),
        ("Frequency governor", machine.governor.clone()),
        ("Clock source", machine.clock.clone()),
        ("Server and generator on", sides.to_owned()),
        ("Rust", versions.rustc.clone()),
        ("Go", versions.go.clone()),
        ("Source", versions.commit.clone()),
        ("GOMAXPROCS", setting(&go.gomaxprocs)),
        ("GOGC", setting(&go.gogc)),
        ("GOMEMLIMIT", setting(&go.gomemlimit)),
        ("GOEXPERIMENT", setting(&go.goexperiment)),
        ("Schedule", summary.schedule.clone()),
        ("Measured beside the pair", list(summary.variants.iter().map(|it| it.id.as_str()))),
        ("Profile", format!("{:?}", summary.profile).to_lowercase()),
        ("Blocks", summary.blocks.to_string()),
        ("p99 limit, µs", summary.p99_limit_us.to_string()),
        ("Begun", summary.started.clone()),
    ]
}

fn list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() { "nothing".to_owned() } else { ids.join(", ") }
}
