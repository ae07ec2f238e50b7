//! Programs of others, measured in the same blocks: how the twins stand beside them.

use assay_advice::Choice;
use assay_evidence::{Better, Kind, Metric, Summary, Twin, Variant, Work, metric};

use super::words;
use crate::pages::plot::{self, Forest, ForestRow, Ladder, Rung, RungStyle, Side};

/// The twins beside programs of others.
pub(crate) struct Others<'a> {
    /// How they took part, in words.
    pub(crate) how: &'static str,
    /// What the bars show, in words.
    pub(crate) measure: String,
    /// Which way is better, in words.
    pub(crate) better: &'static str,
    pub(crate) ladder: Option<Ladder>,
    /// Each twin ÷ each program in the same measure.
    pub(crate) forest: Option<Forest>,
    /// Who is better left and right of the line at 1.
    pub(crate) left: &'static str,
    pub(crate) right: &'static str,
    pub(crate) programs: Vec<Program<'a>>,
    pub(crate) rows: Vec<Row<'a>>,
}

/// A program, and how it was run.
pub(crate) struct Program<'a> {
    pub(crate) label: &'a str,
    pub(crate) why: &'a str,
    pub(crate) settings: Option<String>,
}

/// A metric of all of them.
pub(crate) struct Row<'a> {
    pub(crate) title: &'a str,
    pub(crate) unit: &'a str,
    /// Rust, then Go.
    pub(crate) twins: [String; 2],
    /// In the order of the programs.
    pub(crate) cells: Vec<Cell>,
}

/// A program's figure, and each twin's ratio to it.
pub(crate) struct Cell {
    pub(crate) figure: String,
    pub(crate) rust: Option<String>,
    pub(crate) go: Option<String>,
}

/// The metric that says most: what the scenario is about.
const MEASURES: [&str; 5] =
    [metric::HITS_ZIPF, metric::FLUSHED_PSS, metric::BUCKETS_MS, metric::GROUPS_MS, metric::CPU];

const LOADED: &str = "Measured in the same blocks, on the same core, at the same rate, with the same \
                      commands. Each is as its distribution ships it.";
const ASKED: &str = "Asked in the same blocks, on the same two cores, about the same events, one \
                     question at a time. All but a bare scan must give the same rows.";

const TWINS: [Twin; 2] = [Twin::Rust, Twin::Go];

/// The programs of others in a run.
pub(crate) fn programs(summary: &Summary) -> impl Iterator<Item = &Variant> {
    summary.variants.iter().filter(|variant| variant.kind == Kind::Other)
}

/// The twins beside them, if the run has any.
pub(crate) fn others<'a>(
    summary: &'a Summary,
    settings: &dyn Fn(&str) -> Option<String>,
) -> Option<Others<'a>> {
    let programs: Vec<&Variant> = programs(summary).collect();
    if programs.is_empty() {
        return None;
    }
    let about = MEASURES.iter().find(|id| summary.metric(id).is_some())?;
    // Memory is told by entry where it can be.
    let by_entry = summary.metric(metric::RSS_PER_ENTRY);
    let measure = match *about {
        metric::FLUSHED_PSS => by_entry.or_else(|| summary.metric(about))?,
        id => summary.metric(id)?,
    };
    let (better, left, right) = match measure.better {
        Better::Lower => ("Shorter is better", "better for the twin", "better for the other"),
        Better::Higher => ("Longer is better", "better for the other", "better for the twin"),
    };
    let ratios: Vec<ForestRow> = programs
        .iter()
        .flat_map(|program| TWINS.map(|twin| forest_row(summary, measure, program, twin)))
        .flatten()
        .collect();
    Some(Others {
        how: match summary.work {
            Work::Question => ASKED,
            _ => LOADED,
        },
        measure: format!("{}, {}", measure.title, measure.unit),
        better,
        ladder: plot::ladder(rungs(measure, &programs), plot::short),
        forest: plot::forest(&ratios, &[]),
        left,
        right,
        rows: summary.metrics.iter().filter_map(|metric| row(metric, &programs)).collect(),
        programs: programs
            .iter()
            .map(|program| Program {
                label: &program.label,
                why: &program.why,
                settings: settings(&program.id),
            })
            .collect(),
    })
}

fn rungs(measure: &Metric, programs: &[&Variant]) -> Vec<Rung> {
    let twins = TWINS.into_iter().filter_map(|twin| {
        let option = words::option(twin);
        Some((option.name().to_owned(), Some(option), measure.at_least, measure.twin(twin)?))
    });
    let others = programs.iter().filter_map(|program| {
        let own = program.metric(&measure.id)?;
        Some((program.label.clone(), None, own.at_least, own.figure?))
    });
    let rung = |(name, option, at_least, figure): (String, Option<Choice>, bool, _)| {
        let text = words::interval(figure);
        Rung {
            name,
            option,
            style: if option.is_some() { RungStyle::Headline } else { RungStyle::Variant },
            value: figure.value,
            low: figure.low,
            high: figure.high,
            text: if at_least { format!("≥ {text}") } else { text },
        }
    };
    twins.chain(others).map(rung).collect()
}

fn forest_row(
    summary: &Summary,
    measure: &Metric,
    program: &Variant,
    twin: Twin,
) -> Option<ForestRow> {
    let ratio = program.metric(&measure.id)?.twin_over(twin)?;
    let option = words::option(twin);
    let noise = summary.noise_factor(&measure.id);
    let (own, other) = (Side::Better(option), Side::Open);
    Some(ForestRow {
        name: format!("{} ÷ {}", option.name(), program.label),
        estimate: ratio.estimate,
        interval: words::ends(ratio),
        noise: noise.map(|factor| (1.0 / factor, factor)),
        side: words::side(ratio, noise, measure.better, own, other),
    })
}

fn row<'a>(metric: &'a Metric, programs: &[&'a Variant]) -> Option<Row<'a>> {
    let cells: Vec<Cell> = programs.iter().map(|program| cell(metric, program)).collect();
    let some = programs.iter().any(|program| program.metric(&metric.id).is_some());
    some.then(|| Row {
        title: &metric.title,
        unit: &metric.unit,
        twins: TWINS.map(|twin| words::figure(metric.twin(twin))),
        cells,
    })
}

fn cell(metric: &Metric, program: &Variant) -> Cell {
    let own = program.metric(&metric.id);
    let over = |twin| own.and_then(|own| own.twin_over(twin)).map(words::ratio);
    let figure = words::figure(own.and_then(|own| own.figure));
    let at_least = own.is_some_and(|own| own.at_least);
    Cell {
        figure: if at_least { format!("≥ {figure}") } else { figure },
        rust: over(Twin::Rust),
        go: over(Twin::Go),
    }
}

/// What a run says of the Rust twin beside each program, in a sentence for each.
pub(crate) fn sentences(summary: &Summary) -> Vec<String> {
    let of = |program: &Variant| {
        let ratio = |id: &str| program.metric(id)?.rust_over;
        let label = &program.label;
        if let Some(hits) = ratio(metric::HITS_ZIPF) {
            return Some(format!("Beside {label}, Rust hits {} as often.", words::times(hits)));
        }
        if summary.work == Work::Question {
            let part = |id, words| Some(format!("{words} in {}", words::times(ratio(id)?)));
            let parts = [
                part(metric::BUCKETS_MS, "every bucket of every key with p99"),
                part(metric::GROUPS_MS, "very many groups"),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            return (!parts.is_empty()).then(|| {
                format!("Beside {label}, Rust answers {} of its time.", parts.join(" and "))
            });
        }
        let cpu = ratio(metric::CPU)
            .map(|it| format!("{} of its CPU per {}", words::times(it), summary.work.one()));
        let memory = ratio(metric::RSS_PER_ENTRY)
            .map(|it| format!("{} of its memory per entry", words::times(it)));
        let parts: Vec<String> = cpu.into_iter().chain(memory).collect();
        (!parts.is_empty()).then(|| format!("Beside {label}, Rust needs {}.", parts.join(" and ")))
    };
    programs(summary).filter_map(of).collect()
}
