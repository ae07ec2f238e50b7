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
            readings: readings(&summary.sweep, option, take),
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
        twins: [cells(point.rust.as_ref()), cells(point.go.as_ref())],
    };
    Some(Sweep {
        has_noise: lines().any(|line| line.noise.is_some()),
        has_voids: lines().any(|line| line.readings.iter().any(|reading| reading.void)),
        panels: plot::panels(&inputs, half.map(|point| point.rate_rps)),
        rows: summary.sweep.iter().map(row).collect(),
    })
}

fn readings(
    sweep: &[SweepPoint],
    option: Choice,
    take: fn(&SweepFigures) -> Figure,
) -> Vec<Reading> {
    let reading = |point: &SweepPoint| {
        let figures = match option {
            Choice::Rust => point.rust.as_ref(),
            Choice::Go => point.go.as_ref(),
            Choice::Hybrid => None,
        }?;
        let Figure { value, low, high } = take(figures);
        let rate_rps = point.rate_rps;
        Some(Reading { rate_rps, us: value, low_us: low, high_us: high, void: figures.void })
    };
    sweep.iter().filter_map(reading).collect()
}

fn cells(figures: Option<&SweepFigures>) -> Cells {
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
            blocks: if figures.void { "void".to_owned() } else { figures.blocks.to_string() },
        },
    }
}
