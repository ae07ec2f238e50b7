//! What was measured in the same blocks beside the idiomatic pair: the same binary once more, the
//! tuning ladder with its floor, other settings at run time.

use assay_advice::Choice;
use assay_evidence::{Better, Figure, Kind, Ratio, Summary, Twin, Variant, metric};

use super::{ratios, words};
use crate::pages::plot::{self, Forest, ForestRow, Ladder, Rung, RungStyle, Side};

/// A table of versions by metrics, and a plot.
pub(crate) struct Variants<'a> {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row<'a>>,
}

/// A metric that some version has.
pub(crate) struct Column {
    id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: String,
}

/// A version.
pub(crate) struct Row<'a> {
    pub(crate) label: String,
    /// The language it is written in; none for the floor, which is no service.
    pub(crate) option: Option<Choice>,
    pub(crate) why: &'a str,
    /// How it was built and run, where that differs from the idiomatic twin.
    pub(crate) settings: Option<String>,
    pub(crate) cells: Vec<Cell>,
}

/// A figure, and its ratio to the idiomatic twin.
pub(crate) struct Cell {
    pub(crate) figure: String,
    pub(crate) ratio: Option<String>,
}

/// The tuning ladder.
pub(crate) struct Tuning<'a> {
    pub(crate) ladder: Option<Ladder>,
    /// What the bars show.
    pub(crate) measure: &'static str,
    pub(crate) of_floor: bool,
    /// CPU per request of each rung ÷ that of its idiomatic twin.
    pub(crate) forest: Option<Forest>,
    pub(crate) table: Variants<'a>,
}

/// Other settings at run time.
pub(crate) struct Runtime<'a> {
    /// Whether they are settings of Go's garbage collector: the cause test.
    pub(crate) of_collector: bool,
    pub(crate) causes: Vec<Cause>,
    pub(crate) table: Variants<'a>,
}

/// What other settings do to a metric.
pub(crate) struct Cause {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) forest: Forest,
}

/// The same binary once more.
pub(crate) struct Noise<'a> {
    pub(crate) table: Variants<'a>,
    /// The noise of CPU per request, such as "±1.2%".
    pub(crate) cpu: Option<String>,
}

/// A version of a run: an idiomatic twin or a variant.
#[derive(Clone, Copy)]
enum Version<'a> {
    Twin(Twin),
    Variant(&'a Variant),
}

struct Read {
    figure: Option<Figure>,
    ratio: Option<Ratio>,
    better: Better,
    unit: String,
    at_least: bool,
}

impl Version<'_> {
    fn read(self, summary: &Summary, id: &str) -> Option<Read> {
        match self {
            Self::Twin(twin) => summary.metric(id).map(|metric| Read {
                figure: metric.twin(twin),
                ratio: None,
                better: metric.better,
                unit: metric.unit.clone(),
                at_least: metric.at_least,
            }),
            Self::Variant(variant) => variant.metric(id).map(|metric| Read {
                figure: metric.figure,
                ratio: metric.ratio,
                better: metric.better,
                unit: metric.unit.clone(),
                at_least: metric.at_least,
            }),
        }
    }

    fn label(self) -> String {
        match self {
            Self::Twin(twin) => format!("{}, idiomatic", words::option(twin).name()),
            Self::Variant(variant) => variant.label.clone(),
        }
    }

    fn option(self) -> Option<Choice> {
        match self {
            Self::Twin(twin) => Some(words::option(twin)),
            Self::Variant(variant) => {
                let own = !matches!(variant.kind, Kind::Floor | Kind::Other);
                Some(words::option(variant.language)).filter(|_| own)
            }
        }
    }

    fn is_floor(self) -> bool {
        matches!(self, Self::Variant(variant) if variant.kind == Kind::Floor)
    }

    fn style(self) -> RungStyle {
        match self {
            Self::Twin(_) => RungStyle::Headline,
            Self::Variant(variant) if variant.kind == Kind::Again => RungStyle::Again,
            Self::Variant(_) => RungStyle::Variant,
        }
    }
}

/// The idiomatic twins that variants of these kinds are compared with, then those variants, each
/// language together.
fn versions<'a>(summary: &'a Summary, kinds: &[Kind]) -> Vec<Version<'a>> {
    let of = |language: Twin, kind: Kind| {
        summary.variants.iter().filter(move |v| v.language == language && v.kind == kind)
    };
    let languages = [Twin::Rust, Twin::Go];
    let twins = languages.into_iter().filter(|language| {
        kinds.iter().any(|kind| *kind != Kind::Floor && of(*language, *kind).next().is_some())
    });
    let twins: Vec<_> = twins.map(Version::Twin).collect();
    let variants = kinds.iter().flat_map(|kind| {
        languages.into_iter().flat_map(move |language| of(language, *kind).map(Version::Variant))
    });
    let variants: Vec<_> = variants.collect();
    // With a floor alone both twins are held against it.
    let twins = if twins.is_empty() && !variants.is_empty() {
        languages.map(Version::Twin).to_vec()
    } else {
        twins
    };
    twins.into_iter().chain(variants).collect()
}

fn has(summary: &Summary, kinds: &[Kind]) -> bool {
    summary.variants.iter().any(|variant| kinds.contains(&variant.kind))
}

/// The tuning ladder of a run, if it has one.
pub(crate) fn tuning<'a>(
    summary: &'a Summary,
    settings: &dyn Fn(&str) -> Option<String>,
) -> Option<Tuning<'a>> {
    let kinds = [Kind::Tuning, Kind::Floor];
    if !has(summary, &kinds) {
        return None;
    }
    let versions = versions(summary, &kinds);
    let of_floor = versions.iter().any(|it| it.read(summary, metric::CAPACITY_SHARE).is_some());
    let (id, measure) = if of_floor {
        (metric::CAPACITY_SHARE, "Capacity of one core as a share of the floor’s")
    } else {
        (metric::CAPACITY, "Closed-loop capacity of one core")
    };
    let rungs = versions.iter().filter_map(|it| rung(summary, *it, id)).collect();
    let label = |value: f64| if of_floor { plot::ratio(value) } else { plot::short(value) };
    // The floor is no tuned twin: its CPU is in the table, and no ratio to one of the two.
    let rungs_only = versions.iter().filter(|it| !it.is_floor());
    let rows = rungs_only.filter_map(|it| forest_row(summary, *it, metric::CPU));
    Some(Tuning {
        ladder: plot::ladder(rungs, label),
        measure,
        of_floor,
        forest: plot::forest(&rows.collect::<Vec<_>>(), &[]),
        table: table(
            summary,
            &versions,
            settings,
            &[
                metric::CAPACITY_SHARE,
                metric::CAPACITY,
                metric::CPU,
                metric::HALF_P99,
                metric::LOADED_PSS,
            ],
        ),
    })
}

/// Other settings at run time, if the run has any, such as those of the garbage collector.
pub(crate) fn runtime<'a>(
    summary: &'a Summary,
    settings: &dyn Fn(&str) -> Option<String>,
) -> Option<Runtime<'a>> {
    let kinds = [Kind::Runtime];
    if !has(summary, &kinds) {
        return None;
    }
    let mut versions = versions(summary, &kinds);
    let of_collector = versions.iter().any(|it| match it {
        Version::Twin(_) => false,
        Version::Variant(variant) => settings(&variant.id)
            .is_some_and(|text| text.contains("GOGC") || text.contains("GOMEMLIMIT")),
    });
    // Rust, which has no collector, shows what is left when there is none.
    if of_collector && !versions.iter().any(|it| matches!(it, Version::Twin(Twin::Rust))) {
        versions.insert(0, Version::Twin(Twin::Rust));
    }
    let cause = |id: &'static str| {
        let rows =
            versions.iter().filter_map(|it| forest_row(summary, *it, id)).collect::<Vec<_>>();
        Some(Cause { id, name: ratios::short_name(id)?, forest: plot::forest(&rows, &[])? })
    };
    let asked = [metric::HALF_P99, metric::HALF_P999, metric::CPU, metric::LOADED_PSS];
    Some(Runtime {
        of_collector,
        causes: asked.into_iter().filter_map(cause).collect(),
        table: table(
            summary,
            &versions,
            settings,
            &[
                metric::HALF_P50,
                metric::HALF_P99,
                metric::HALF_P999,
                metric::CPU,
                metric::LOADED_PSS,
                metric::GC_CYCLES,
                metric::GC_PAUSE,
                metric::GC_CPU,
            ],
        ),
    })
}

/// The same binary once more, if the run has it.
pub(crate) fn noise<'a>(
    summary: &'a Summary,
    settings: &dyn Fn(&str) -> Option<String>,
) -> Option<Noise<'a>> {
    let kinds = [Kind::Again];
    if !has(summary, &kinds) {
        return None;
    }
    let columns =
        [metric::CPU, metric::CAPACITY, metric::HALF_P50, metric::HALF_P99, metric::LOADED_PSS];
    Some(Noise {
        table: table(summary, &versions(summary, &kinds), settings, &columns),
        cpu: summary.noise_factor(metric::CPU).map(ratios::noise_words),
    })
}

fn rung(summary: &Summary, version: Version<'_>, id: &str) -> Option<Rung> {
    // The floor is what the others are shares of.
    let floor = (version.is_floor() && id == metric::CAPACITY_SHARE).then(|| Read {
        figure: Some(Figure::once(1.0)),
        ratio: None,
        better: Better::Higher,
        unit: String::new(),
        at_least: false,
    });
    let read = floor.or_else(|| version.read(summary, id))?;
    let Figure { value, low, high } = read.figure?;
    Some(Rung {
        name: version.label(),
        option: version.option(),
        style: version.style(),
        value,
        low,
        high,
        text: shown(&read),
    })
}

fn shown(read: &Read) -> String {
    let Some(figure) = read.figure else { return "–".to_owned() };
    let text = words::interval(figure);
    if read.at_least { format!("≥ {text}") } else { text }
}

fn forest_row(summary: &Summary, version: Version<'_>, id: &str) -> Option<ForestRow> {
    let read = version.read(summary, id)?;
    let ratio = read.ratio?;
    let this = version.option().map_or(Side::Open, Side::Better);
    let noise = summary.noise_factor(id);
    Some(ForestRow {
        name: version.label(),
        estimate: ratio.estimate,
        interval: words::ends(ratio),
        noise: noise.map(|factor| (1.0 / factor, factor)),
        side: words::side(ratio, noise, read.better, this, this),
    })
}

fn table<'a>(
    summary: &'a Summary,
    versions: &[Version<'a>],
    settings: &dyn Fn(&str) -> Option<String>,
    ids: &[&'static str],
) -> Variants<'a> {
    let column = |id: &&'static str| {
        let read =
            versions.iter().find_map(|it| it.read(summary, id).filter(|r| r.figure.is_some()));
        Some(Column { id, title: ratios::short_name(id)?, unit: read?.unit })
    };
    let columns: Vec<Column> = ids.iter().filter_map(column).collect();
    let cell = |version: Version<'_>, column: &Column| {
        let read = version.read(summary, column.id);
        Cell {
            figure: read.as_ref().map_or_else(|| "–".to_owned(), shown),
            // The floor is held against both languages; a ratio to one of them would mislead.
            ratio: read.filter(|_| !version.is_floor()).and_then(|it| it.ratio).map(words::ratio),
        }
    };
    let row = |version: &Version<'a>| Row {
        label: version.label(),
        option: version.option(),
        why: match version {
            Version::Twin(_) => "",
            Version::Variant(variant) => variant.why.as_str(),
        },
        settings: match version {
            Version::Twin(_) => None,
            Version::Variant(variant) => settings(&variant.id),
        },
        cells: columns.iter().map(|column| cell(*version, column)).collect(),
    };
    Variants { rows: versions.iter().map(row).collect(), columns }
}
