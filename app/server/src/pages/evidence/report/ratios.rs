//! The figures of both twins as a table, and their ratios as plots.

use assay_evidence::{Better, Metric, Ratio, Summary, Twin, metric};

use super::{sweep::RATES_MIN, words};
use crate::pages::plot::{self, Forest, ForestRow, Side};

/// Rows of the table that belong together.
pub(crate) struct Group<'a> {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<Row<'a>>,
}

/// A metric of both twins.
pub(crate) struct Row<'a> {
    pub(crate) metric: &'a Metric,
    /// The metric's note, unless its title says it already.
    pub(crate) note: Option<&'a str>,
    pub(crate) rust: String,
    pub(crate) go: String,
    pub(crate) ratio: Option<String>,
    /// The noise floor of the ratio, such as "±3%".
    pub(crate) noise: Option<String>,
    pub(crate) better: &'static str,
}

/// A plot of ratios for which the same direction is better.
pub(crate) struct Ratios {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) caption: String,
    /// Who is better left and right of the line at 1.
    pub(crate) left: &'static str,
    pub(crate) right: &'static str,
    pub(crate) forest: Forest,
}

const GROUPS: [(&str, &[&str]); 8] = [
    (
        "Questions",
        &[metric::BUCKETS_MS, metric::GROUPS_MS, metric::BUCKETS_CPU, metric::GROUPS_CPU],
    ),
    ("CPU time", &[metric::CPU, metric::CPU_USER, metric::CPU_KERNEL]),
    ("Throughput", &[metric::CAPACITY, metric::CAPACITY_P99, metric::CAPACITY_SHARE]),
    (
        "Latency at half load",
        &[metric::HALF_P50, metric::HALF_P95, metric::HALF_P99, metric::HALF_P999],
    ),
    (
        "Memory",
        &[
            metric::IDLE_PSS,
            metric::RESIDENT_PSS,
            metric::LOADED_PSS,
            metric::PEAK_RSS,
            metric::FLUSHED_PSS,
            metric::PSS_PER_ENTRY,
            metric::RSS_PER_ENTRY,
            metric::PSS_PER_CONNECTION,
        ],
    ),
    ("Hits at equal memory", &[metric::HITS_ZIPF, metric::HITS_SCAN, metric::HITS_LOOP]),
    ("Garbage collection", &[metric::GC_CYCLES, metric::GC_PAUSE, metric::GC_CPU]),
    (
        "Start, build and size",
        &[metric::COLD_START, metric::CLEAN_BUILD, metric::INCREMENTAL_BUILD, metric::BINARY],
    ),
];

/// The table's rows in groups; a metric that no group knows comes last.
pub(crate) fn groups(summary: &Summary) -> Vec<Group<'_>> {
    let known: Vec<&str> = GROUPS.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let of = |title, wanted: &dyn Fn(&Metric) -> bool| Group {
        title,
        rows: summary.metrics.iter().filter(|m| wanted(m)).map(|m| row(summary, m)).collect(),
    };
    let named =
        GROUPS.iter().map(|(title, ids)| of(*title, &|metric| ids.contains(&metric.id.as_str())));
    let others = of("Other", &|metric| !known.contains(&metric.id.as_str()));
    named.chain([others]).filter(|group| !group.rows.is_empty()).collect()
}

fn row<'a>(summary: &Summary, metric: &'a Metric) -> Row<'a> {
    Row {
        metric,
        note: Some(metric.note.as_str()).filter(|note| !metric.title.contains(note)),
        rust: words::figure(metric.twin(Twin::Rust)),
        go: words::figure(metric.twin(Twin::Go)),
        ratio: metric.ratio.map(words::ratio),
        noise: summary.noise_factor(&metric.id).map(noise_words),
        better: match words::twins_side(summary, metric) {
            Side::Better(option) => option.name(),
            Side::Open => match metric.ratio {
                None => "–",
                Some(ratio) if words::ends(ratio).is_none() => "no interval",
                Some(ratio) if shows_no_difference(ratio) => "no difference",
                Some(_) => "within the noise",
            },
        },
    }
}

/// Whether a ratio's interval holds 1.
fn shows_no_difference(ratio: Ratio) -> bool {
    words::ends(ratio).is_some_and(|(low, high)| low <= 1.0 && high >= 1.0)
}

/// A factor of noise as a percentage.
pub(crate) fn noise_words(factor: f64) -> String {
    match (factor - 1.0) * 100.0 {
        percent if percent < 10.0 => format!("±{percent:.1}%"),
        percent if percent < 100.0 => format!("±{percent:.0}%"),
        _ => format!("×{}", plot::ratio(factor)),
    }
}

/// The ratios as two plots on one scale: where less is better, and where more is.
pub(crate) fn ratios(summary: &Summary) -> Vec<Ratios> {
    let rows = |better| -> Vec<ForestRow> {
        // The share of the floor has the ratio of the capacity; it would stand there twice. With a
        // single rate there is no greatest one to compare.
        let hidden = |id: &str| {
            id == metric::CAPACITY_SHARE
                || (id == metric::CAPACITY_P99 && summary.sweep.len() < RATES_MIN)
        };
        let shown = |m: &&Metric| m.better == better && !hidden(&m.id);
        summary.metrics.iter().filter(shown).filter_map(|m| forest_row(summary, m)).collect()
    };
    let (less, more) = (rows(Better::Lower), rows(Better::Higher));
    let scale: Vec<f64> = plot::extent(less.iter().chain(&more)).collect();
    let plot = |rows: &[ForestRow], id, title: &'static str, left, right| {
        Some(Ratios {
            id,
            title,
            caption: format!("Rust ÷ Go where {}", title.to_lowercase()),
            left,
            right,
            forest: plot::forest(rows, &scale)?,
        })
    };
    let (rust, go) = ("better for Rust", "better for Go");
    [
        plot(&less, "ratios-less", "Less is better", rust, go),
        plot(&more, "ratios-more", "More is better", go, rust),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn forest_row(summary: &Summary, metric: &Metric) -> Option<ForestRow> {
    let ratio = metric.ratio?;
    Some(ForestRow {
        name: short_title(metric),
        estimate: ratio.estimate,
        interval: words::ends(ratio),
        noise: summary.noise_factor(&metric.id).map(|factor| (1.0 / factor, factor)),
        side: words::twins_side(summary, metric),
    })
}

/// A title that leaves room for the figures on a narrow screen.
pub(crate) fn short_title(metric: &Metric) -> String {
    short_name(&metric.id).map_or_else(|| metric.title.clone(), str::to_owned)
}

/// The short name of a known metric.
pub(crate) fn short_name(id: &str) -> Option<&'static str> {
    Some(match id {
        metric::CPU => "CPU time",
        metric::CPU_USER => "User CPU",
        metric::CPU_KERNEL => "Kernel CPU",
        metric::CAPACITY => "Capacity",
        metric::CAPACITY_P99 => "Rate within limit",
        metric::CAPACITY_SHARE => "Share of the floor",
        metric::HALF_P50 => "p50 latency",
        metric::HALF_P95 => "p95 latency",
        metric::HALF_P99 => "p99 latency",
        metric::HALF_P999 => "p99.9 latency",
        metric::IDLE_PSS => "Memory idle",
        metric::RESIDENT_PSS => "Memory, state built",
        metric::LOADED_PSS => "Memory loaded",
        metric::PEAK_RSS => "Memory at peak",
        metric::PSS_PER_CONNECTION => "Per connection",
        metric::PSS_PER_ENTRY => "Entry beyond idle",
        metric::RSS_PER_ENTRY => "Memory per entry",
        metric::FLUSHED_PSS => "Memory once emptied",
        metric::BUCKETS_MS => "Bucket × key, p99",
        metric::BUCKETS_CPU => "CPU, bucket × key",
        metric::GROUPS_MS => "Very many groups",
        metric::GROUPS_CPU => "CPU, very many groups",
        metric::HITS_ZIPF => "Hits, Zipf",
        metric::HITS_SCAN => "Hits, scans",
        metric::HITS_LOOP => "Hits, loop",
        metric::COLD_START => "Cold start",
        metric::CLEAN_BUILD => "Clean build",
        metric::INCREMENTAL_BUILD => "Rebuild",
        metric::BINARY => "Binary size",
        metric::GC_CYCLES => "Collections",
        metric::GC_PAUSE => "Longest pause",
        metric::GC_CPU => "Collector’s CPU share",
        _ => return None,
    })
}
