//! Latency against throughput.

use assay_advice::Choice;
use assay_evidence::{Figure, Summary, SweepFigures, SweepPoint, metric};

use super::words;
use crate::pages::plot::{self, Line, Panel, PanelInput, Reading, significant};

/// The sweep as plots and as a table.
pub(crate) struct Sweep {
    pub(crate) panels: Vec<Panel>,
    pub(crate) rows: Vec<Row>,
    pub(crate) has_noise: bool,
    pub(crate) has_voids: bool,
    /// The points that rest on fewer blocks than the run has, in words: the others failed a gate,
    /// so that the curve there is of the blocks that kept up.
    pub(crate) partial: Vec<String>,
}

/// A rate of the table.
pub(crate) struct Row {
    pub(crate) rate: String,
    /// Rust, then Go.
    pub(crate) twins: [Cells; 2],
}

/// One twin's latencies at a rate, in ms, with their intervals.
pub(crate) struct Cells {
    pub(crate) p50: String,
    pub(crate) p99: String,
    pub(crate) p999: String,
    /// How many blocks count, or why none does.
    pub(crate) blocks: String,
}

/// A percentile: its title, the metric of its noise, and where it is read.
type Percentile = (&'static str, &'static str, fn(&SweepFigures) -> Figure);

const PERCENTILES: [Percentile; 3] = [
    ("p50", metric::HALF_P50, |figures| figures.p50_us),
    ("p99", metric::HALF_P99, |figures| figures.p99_us),
    ("p99.9", metric::HALF_P999, |figures| figures.p999_us),
];

/// With fewer rates there is no sweep: the tables say all of it.
pub(crate) const RATES_MIN: usize = 2;

/// The sweep of a run, if it has one.
pub(crate) fn sweep(summary: &Summary) -> Option<Sweep> {
    if summary.sweep.len() < RATES_MIN {
        return None;
    }
    let panel = |&(title, id, take): &Percentile| {
        let factor = summary.noise_factor(id);
        let line = |option| Line {
            option,
            readings: readings(summary, option, take),
            noise: factor.map(|factor| (1.0 / factor, factor)),
        };
        PanelInput {
            title,
            lines: vec![line(Choice::Rust), line(Choice::Go)],
            limit_us: (id == metric::HALF_P99).then_some(summary.p99_limit_us),
        }
    };
    let inputs: Vec<PanelInput> = PERCENTILES.iter().map(panel).collect();
    let lines = || inputs.iter().flat_map(|input| &input.lines);
    let half = summary.sweep.iter().find(|point| (point.share - 0.5).abs() < 0.005);
    let row = |point: &SweepPoint| Row {
        rate: significant(point.rate_rps),
        twins: [
            cells(point.rust.as_ref(), summary.blocks),
            cells(point.go.as_ref(), summary.blocks),
        ],
    };
    Some(Sweep {
        partial: partial(summary),
        has_noise: lines().any(|line| line.noise.is_some()),
        has_voids: lines().any(|line| line.readings.iter().any(|reading| reading.void)),
        panels: plot::panels(&inputs, half.map(|point| point.rate_rps)),
        rows: summary.sweep.iter().map(row).collect(),
    })
}

/// Such as "Go at 26,100 requests/s: 7 of 10 blocks".
fn partial(summary: &Summary) -> Vec<String> {
    let of = |option: Choice, figures: &SweepFigures, point: &SweepPoint| {
        let blocks = counted(figures, summary.blocks)?;
        let unit = summary.work.per_second();
        Some(format!("{option} at {} {unit}: {blocks}", significant(point.rate_rps)))
    };
    let both = |point: &SweepPoint| {
        let rust = point.rust.as_ref().and_then(|it| of(Choice::Rust, it, point));
        let go = point.go.as_ref().and_then(|it| of(Choice::Go, it, point));
        [rust, go]
    };
    summary.sweep.iter().flat_map(both).flatten().collect()
}

/// How many blocks count where it is some of them: "7 of 10 blocks".
fn counted(figures: &SweepFigures, blocks: u32) -> Option<String> {
    let some = !figures.void && figures.blocks < blocks;
    some.then(|| format!("{} of {blocks} blocks", figures.blocks))
}

fn readings(summary: &Summary, option: Choice, take: fn(&SweepFigures) -> Figure) -> Vec<Reading> {
    let reading = |point: &SweepPoint| {
        let figures = match option {
            Choice::Rust => point.rust.as_ref(),
            Choice::Go => point.go.as_ref(),
            Choice::Hybrid => None,
        }?;
        let Figure { value, low, high } = take(figures);
        let rate_rps = point.rate_rps;
        let some = counted(figures, summary.blocks).unwrap_or_default();
        Some(Reading { rate_rps, us: value, low_us: low, high_us: high, void: figures.void, some })
    };
    summary.sweep.iter().filter_map(reading).collect()
}

fn cells(figures: Option<&SweepFigures>, blocks: u32) -> Cells {
    let ms = |figure: Figure| {
        let Figure { value, low, high } = figure;
        words::interval(Figure { value: value / 1e3, low: low / 1e3, high: high / 1e3 })
    };
    let dash = || "–".to_owned();
    match figures {
        None => Cells { p50: dash(), p99: dash(), p999: dash(), blocks: "not offered".to_owned() },
        Some(figures) => Cells {
            p50: ms(figures.p50_us),
            p99: ms(figures.p99_us),
            p999: ms(figures.p999_us),
            blocks: match counted(figures, blocks) {
                Some(_) => format!("{} of {blocks}", figures.blocks),
                None if figures.void => "void".to_owned(),
                None => figures.blocks.to_string(),
            },
        },
    }
}
