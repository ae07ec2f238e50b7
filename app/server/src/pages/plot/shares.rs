//! Shares of cases with their intervals, from nothing to all.

use super::{axis::tenths, rows::Rows};

/// A share to be drawn.
pub(crate) struct ShareInput {
    pub(crate) name: String,
    /// In words.
    pub(crate) text: String,
    /// 0 to 1.
    pub(crate) share: f64,
    pub(crate) interval: [f64; 2],
    /// What was expected of it, 0 to 1.
    pub(crate) expected: f64,
}

/// The plot. Positions across are percentages, those down are px.
pub(crate) struct Shares {
    pub(crate) rows: Vec<Row>,
    pub(crate) height: usize,
}

/// A share as it is drawn.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) x: f64,
    pub(crate) expected_x: f64,
    /// Left end and length of the interval.
    pub(crate) interval: (f64, f64),
    pub(crate) text_y: usize,
    pub(crate) figure_y: usize,
    pub(crate) mark_y: usize,
}

/// Lays out the shares.
pub(crate) fn shares(inputs: Vec<ShareInput>) -> Shares {
    let layout = Rows::for_names(inputs.iter().map(|input| input.name.as_str()));
    let at = |share: f64| tenths(share.clamp(0.0, 1.0) * 100.0);
    let height = layout.height(inputs.len());
    let row = |(place, input): (usize, ShareInput)| {
        let [low, high] = input.interval.map(at);
        Row {
            x: at(input.share),
            expected_x: at(input.expected),
            interval: (low, tenths(high - low)),
            name: input.name,
            text: input.text,
            text_y: layout.text_y(place),
            figure_y: layout.figure_y(place),
            mark_y: layout.mark_y(place),
        }
    };
    Shares { rows: inputs.into_iter().enumerate().map(row).collect(), height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_stands_within_its_interval() {
        let input = |share, interval| ShareInput {
            name: "Strong".into(),
            text: String::new(),
            share,
            interval,
            expected: 0.9,
        };
        let plot = shares(vec![input(0.8, [0.55, 0.93]), input(1.0, [0.8, 1.0])]);
        let [first, second] = &plot.rows[..] else { panic!("two rows") };
        assert_eq!((first.x, first.expected_x), (80.0, 90.0));
        assert_eq!(first.interval, (55.0, 38.0));
        assert_eq!(second.interval.0 + second.interval.1, second.x);
        assert!(first.mark_y < second.text_y && second.mark_y < plot.height);
    }
}
