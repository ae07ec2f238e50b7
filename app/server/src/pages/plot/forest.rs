//! Ratios with their intervals on one logarithmic axis, and the line at 1.

use assay_advice::Choice;

use super::{
    axis::{LogAxis, Tick, tenths},
    figure::ratio,
    rows::{Rows, fitted},
};

/// Whom a ratio speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Its whole interval does.
    Better(Choice),
    /// Its interval holds 1, or there is none.
    Open,
}

impl Side {
    /// The class that colours its mark.
    pub(crate) fn tone(self) -> &'static str {
        match self {
            Self::Better(Choice::Rust) => "fill-rust",
            Self::Better(Choice::Go) => "fill-go",
            Self::Better(Choice::Hybrid) => "fill-hybrid",
            Self::Open => "open",
        }
    }

    /// The shape of its mark: never colour alone.
    pub(crate) fn shape(self) -> &'static str {
        match self {
            Self::Better(Choice::Rust) => "circle",
            Self::Better(_) => "square",
            Self::Open => "diamond",
        }
    }
}

/// A ratio to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct ForestRow {
    pub(crate) name: String,
    pub(crate) estimate: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// The interval of the same ratio between two runs of one binary.
    pub(crate) noise: Option<(f64, f64)>,
    pub(crate) side: Side,
}

/// The plot. Positions across are percentages, those down are px.
pub(crate) struct Forest {
    pub(crate) rows: Vec<Row>,
    /// The figures stand below the names.
    pub(crate) stacked: bool,
    pub(crate) ticks: Vec<Tick>,
    /// Where 1 stands.
    pub(crate) one_x: f64,
    /// Height of the rows.
    pub(crate) height: usize,
}

/// A row: a line of text, its mark below.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The ratio in figures.
    pub(crate) text: String,
    pub(crate) side: Side,
    pub(crate) x: f64,
    /// Left end and length of the interval.
    pub(crate) interval: Option<(f64, f64)>,
    /// Left end and length of the noise band.
    pub(crate) noise: Option<(f64, f64)>,
    /// Where its texts, its mark and its top stand.
    pub(crate) text_y: usize,
    pub(crate) figure_y: usize,
    pub(crate) mark_y: usize,
    pub(crate) top_y: usize,
}

/// Marks on the axis keep this much of its length, in percent.
const GAP: f64 = 11.0;

/// Lays out the rows; `scale` holds further values that the axis must reach, so that several plots
/// share one. Nothing without a ratio above zero.
pub(crate) fn forest(rows: &[ForestRow], scale: &[f64]) -> Option<Forest> {
    let rows: Vec<&ForestRow> = rows.iter().filter(|row| row.estimate > 0.0).collect();
    if rows.is_empty() {
        return None;
    }
    let axis =
        LogAxis::over(extent(rows.iter().copied()).chain(scale.iter().copied()).chain([1.0]))?;
    let span = |(low, high): (f64, f64)| {
        let left = axis.at(low);
        (left, tenths(axis.at(high) - left))
    };
    let layout = Rows::for_names(rows.iter().map(|row| row.name.as_str()));
    let drawn = rows.iter().enumerate().map(|(at, row)| Row {
        name: fitted(&row.name),
        text: match row.interval {
            Some((low, high)) => {
                format!("{} [{}, {}]", ratio(row.estimate), ratio(low), ratio(high))
            }
            None => format!("{}, no interval", ratio(row.estimate)),
        },
        side: row.side,
        x: axis.at(row.estimate),
        interval: row.interval.map(span),
        noise: row.noise.map(span),
        text_y: layout.text_y(at),
        figure_y: layout.figure_y(at),
        mark_y: layout.mark_y(at),
        top_y: layout.mark_y(at) - 8,
    });
    Some(Forest {
        rows: drawn.collect(),
        ticks: axis.ticks(GAP, short_ratio),
        one_x: axis.at(1.0),
        height: layout.height(rows.len()),
        stacked: layout.stacked,
    })
}

/// Every value that the axis of these rows must reach.
pub(crate) fn extent<'a>(
    rows: impl IntoIterator<Item = &'a ForestRow>,
) -> impl Iterator<Item = f64> {
    rows.into_iter().flat_map(|row| {
        let ends = |span: Option<(f64, f64)>| span.into_iter().flat_map(|(low, high)| [low, high]);
        std::iter::once(row.estimate).chain(ends(row.interval)).chain(ends(row.noise))
    })
}

/// A round ratio for the axis.
fn short_ratio(value: f64) -> String {
    super::figure::significant(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(estimate: f64, interval: Option<(f64, f64)>) -> ForestRow {
        let noise = Some((0.98, 1.02));
        ForestRow { name: "CPU".into(), estimate, interval, noise, side: Side::Open }
    }

    #[test]
    fn a_ratio_stands_within_its_interval_and_on_its_side_of_one() {
        let forest = forest(
            &[row(0.44, Some((0.43, 0.46))), row(2.4, Some((2.3, 2.6))), row(13.4, None)],
            &[],
        )
        .expect("a plot");
        for row in &forest.rows[..2] {
            let (left, width) = row.interval.expect("an interval");
            assert!(left <= row.x && row.x <= left + width + 0.1, "{left} {} {width}", row.x);
        }
        assert!(forest.rows[0].x < forest.one_x && forest.rows[1].x > forest.one_x);
        assert_eq!(forest.rows[0].text, "0.44 [0.43, 0.46]");
        assert_eq!(forest.rows[2].text, "13.4, no interval");
        assert!(forest.rows[2].interval.is_none());
        assert!(forest.ticks.iter().any(|tick| tick.label == "1" && tick.at == forest.one_x));
        let (left, width) = forest.rows[0].noise.expect("noise");
        assert!(left < forest.one_x && forest.one_x < left + width);
        assert!(forest.rows.windows(2).all(|pair| pair[0].mark_y < pair[1].text_y - 13));
    }

    #[test]
    fn degenerate_ratios() {
        assert!(forest(&[], &[]).is_none());
        assert!(forest(&[row(0.0, None), row(f64::NAN, None)], &[]).is_none());
        let equal = forest(&[row(1.0, Some((1.0, 1.0)))], &[]).expect("a plot");
        assert_eq!(equal.rows[0].x, equal.one_x);
        assert_eq!(equal.rows[0].interval.map(|(_, width)| width), Some(0.0));
        assert!(equal.ticks.len() >= 2);
    }

    #[test]
    fn plots_share_a_scale() {
        let (a, b) = (row(0.5, None), row(4.0, None));
        let scale: Vec<f64> = extent([&a, &b]).collect();
        let alone = forest(std::slice::from_ref(&a), &scale).expect("a plot");
        let other = forest(std::slice::from_ref(&b), &scale).expect("a plot");
        assert_eq!(alone.one_x, other.one_x);
        assert_eq!(alone.ticks, other.ticks);
    }
}
