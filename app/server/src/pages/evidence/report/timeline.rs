//! Latency over time in one half load, and where garbage collections fell.

use assay_evidence::{Kind, Summary, Timeline, Twin, metric};

use super::words;
use crate::pages::plot::{self, Collection, TimelineInput, duration_us, significant};

/// A half load over time.
pub(crate) struct OverTime {
    pub(crate) plot: plot::Timeline,
    pub(crate) block: u32,
    pub(crate) window: String,
    /// What its collections came to, in a sentence.
    pub(crate) collections: String,
    /// At most [`ROWS_MAX`] rows: a row stands for some windows.
    pub(crate) rows: Vec<Row>,
}

/// Some windows of the table.
pub(crate) struct Row {
    pub(crate) from_s: String,
    pub(crate) p50: String,
    pub(crate) max: String,
    pub(crate) collections: usize,
}

/// The most rows of a table: a long load is told in longer stretches.
const ROWS_MAX: usize = 60;

/// The half loads that the run kept over time.
pub(crate) fn over_time(summary: &Summary) -> Vec<OverTime> {
    let title = |timeline: &Timeline| match &timeline.variant {
        None => format!("{}, idiomatic", words::option(timeline.twin).name()),
        Some(id) => summary.variant(id).map_or_else(|| id.clone(), |it| it.label.clone()),
    };
    // Programs of others have figures enough.
    let ours = |timeline: &&Timeline| {
        let variant = timeline.variant.as_deref().and_then(|id| summary.variant(id));
        variant.is_none_or(|variant| variant.kind != Kind::Other)
    };
    let inputs = summary.timelines.iter().filter(ours).map(|timeline| TimelineInput {
        title: title(timeline),
        option: words::option(timeline.twin),
        window_ms: timeline.window_ms,
        p50_us: timeline.p50_us.clone(),
        max_us: timeline.max_us.clone(),
        collections: timeline
            .collections
            .iter()
            .map(|it| Collection { start_ms: it.start_ms, wall_ms: it.wall_us / 1e3 })
            .collect(),
    });
    // A run that did not ask Go for its collections has no figure of them.
    let traced = summary.metric(metric::GC_CYCLES).is_some();
    let plots = plot::timelines(inputs.collect());
    let shown =
        plots.into_iter().zip(summary.timelines.iter().filter(ours)).map(|(plot, timeline)| {
            OverTime {
                plot,
                block: timeline.block,
                window: significant(timeline.window_ms),
                collections: collections(timeline, traced),
                rows: rows(timeline),
            }
        });
    shown.collect()
}

fn collections(timeline: &Timeline, traced: bool) -> String {
    let all = &timeline.collections;
    let most = |take: fn(&assay_evidence::Collection) -> f64| {
        duration_us(all.iter().map(take).fold(0.0, f64::max))
    };
    match all.len() {
        0 if timeline.twin == Twin::Rust => "Rust has no collector.".to_owned(),
        0 if !traced => "Collections were not recorded.".to_owned(),
        0 => "No collection began within it.".to_owned(),
        1 => format!("One collection began within it; it took {}.", most(|it| it.wall_us)),
        count => format!(
            "{count} collections began within it; the longest took {} and the longest stop was {}.",
            most(|it| it.wall_us),
            most(|it| it.pause_us)
        ),
    }
}

fn rows(timeline: &Timeline) -> Vec<Row> {
    let windows: Vec<(f64, f64)> =
        timeline.p50_us.iter().copied().zip(timeline.max_us.iter().copied()).collect();
    let together = windows.len().div_ceil(ROWS_MAX).max(1);
    let length_ms = timeline.window_ms * together as f64;
    let row = |(at, windows): (usize, &[(f64, f64)])| {
        let from_ms = at as f64 * length_ms;
        let within = |start_ms: f64| start_ms >= from_ms && start_ms < from_ms + length_ms;
        let greatest = |take: fn(&(f64, f64)) -> f64| {
            let greatest = windows.iter().map(take).fold(0.0, f64::max);
            if greatest > 0.0 { duration_us(greatest) } else { "none".to_owned() }
        };
        Row {
            from_s: significant(from_ms / 1e3),
            p50: greatest(|window| window.0),
            max: greatest(|window| window.1),
            collections: timeline.collections.iter().filter(|it| within(it.start_ms)).count(),
        }
    };
    windows.chunks(together).enumerate().map(row).collect()
}
