//! Bars with intervals from zero: what each variant reaches.

use assay_advice::Choice;

use super::{
    axis::{Axis, Tick, tenths},
    rows::{Rows, fitted},
};

/// A bar to be drawn.
pub(crate) struct Rung {
    pub(crate) name: String,
    /// The language it is written in; none for what is in neither, such as the floor.
    pub(crate) option: Option<Choice>,
    pub(crate) style: RungStyle,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The value in figures.
    pub(crate) text: String,
}

/// How a bar looks, so that the headline stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RungStyle {
    /// The idiomatic twin: filled.
    Headline,
    /// Tuned, or with other settings: pale, with an outline.
    Variant,
    /// The same binary once more: an outline of dashes.
    Again,
}

impl RungStyle {
    /// The class of its bar.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Headline => "headline",
            Self::Variant => "variant",
            Self::Again => "variant dashed",
        }
    }

    /// Whether it is the idiomatic twin.
    pub(crate) fn is_headline(self) -> bool {
        self == Self::Headline
    }
}

/// The plot. Positions across are percentages, those down are px.
pub(crate) struct Ladder {
    pub(crate) rungs: Vec<Bar>,
    /// The figures stand below the names.
    pub(crate) stacked: bool,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) height: usize,
}

/// A bar as it is drawn.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) option: Option<Choice>,
    pub(crate) style: RungStyle,
    pub(crate) text: String,
    pub(crate) width: f64,
    /// Left end and length of the interval; none when it is a point.
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) text_y: usize,
    pub(crate) figure_y: usize,
    pub(crate) bar_y: usize,
    pub(crate) mark_y: usize,
}

impl Bar {
    /// The class that colours it.
    pub(crate) fn hue(&self) -> &'static str {
        match self.option {
            Some(Choice::Rust) => "hue-rust",
            Some(Choice::Go) => "hue-go",
            Some(Choice::Hybrid) => "hue-hybrid",
            None => "hue-none",
        }
    }
}

/// Lays out the bars; nothing without a value above zero.
pub(crate) fn ladder(rungs: Vec<Rung>, label: impl Fn(f64) -> String) -> Option<Ladder> {
    let axis = Axis::over(rungs.iter().map(|rung| rung.high.max(rung.value)))?;
    let layout = Rows::for_names(rungs.iter().map(|rung| rung.name.as_str()));
    let height = layout.height(rungs.len());
    let bar = |(at, rung): (usize, Rung)| {
        let left = axis.at(rung.low);
        let length = tenths(axis.at(rung.high) - left);
        Bar {
            width: axis.at(rung.value),
            interval: (rung.high > rung.low).then_some((left, length)),
            name: fitted(&rung.name),
            option: rung.option,
            style: rung.style,
            text: rung.text,
            text_y: layout.text_y(at),
            figure_y: layout.figure_y(at),
            bar_y: layout.mark_y(at) - 7,
            mark_y: layout.mark_y(at),
        }
    };
    Some(Ladder {
        rungs: rungs.into_iter().enumerate().map(bar).collect(),
        stacked: layout.stacked,
        ticks: axis.ticks(4, label),
        height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(value: f64, low: f64, high: f64) -> Rung {
        Rung {
            name: "Rust".into(),
            option: Some(Choice::Rust),
            style: RungStyle::Headline,
            value,
            low,
            high,
            text: value.to_string(),
        }
    }

    #[test]
    fn a_longer_bar_is_more_and_ends_within_its_interval() {
        let ladder = ladder(vec![rung(0.3, 0.29, 0.32), rung(0.6, 0.6, 0.6)], |v| v.to_string());
        let ladder = ladder.expect("a plot");
        assert!(ladder.rungs[0].width < ladder.rungs[1].width);
        let (left, length) = ladder.rungs[0].interval.expect("an interval");
        assert!(left < ladder.rungs[0].width && ladder.rungs[0].width < left + length);
        assert!(ladder.rungs[1].interval.is_none(), "a point has no interval");
        assert_eq!(ladder.ticks[0].at, 0.0);
        assert!(ladder.rungs[0].mark_y < ladder.rungs[1].text_y);
    }

    #[test]
    fn no_value_is_no_plot() {
        assert!(ladder(Vec::new(), |v| v.to_string()).is_none());
        assert!(ladder(vec![rung(0.0, 0.0, 0.0)], |v| v.to_string()).is_none());
    }
}
