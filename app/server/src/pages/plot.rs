//! Geometry of the plots. Positions are percentages of the drawing, so that it fits any width.

use assay_advice::{Choice, Reason, grouped};

/// A contribution as a bar that leaves the middle to the side it speaks for.
pub(crate) struct Bar {
    /// The criterion's name.
    pub(crate) name: String,
    /// The option the bar speaks for; neither when it is nothing.
    pub(crate) favours: Option<Choice>,
    /// In hundredths of value, signed, for example "+4.2".
    pub(crate) points: String,
    /// The reason in a sentence.
    pub(crate) text: String,
    /// The run a measured figure rests on.
    pub(crate) run: Option<String>,
    /// Left end and length of the bar, in percent of the width.
    pub(crate) x: f64,
    pub(crate) width: f64,
    /// Where its text and its bar stand, in px.
    pub(crate) text_y: usize,
    pub(crate) bar_y: usize,
}

/// A row of the chart is this high, in px: a line of text and a bar.
const ROW_PX: usize = 44;
/// A contribution below this is drawn as nothing.
const CONTRIBUTION_MIN: f64 = 0.0005;

/// The contributions as bars, and the height of their chart in px; `a` against `b`.
pub(crate) fn bars(
    reasons: &[Reason],
    (a, b): (Choice, Choice),
    name: impl Fn(&str) -> String,
) -> (Vec<Bar>, usize) {
    let greatest = reasons.iter().map(|reason| reason.contribution.abs()).fold(0.0, f64::max);
    let bars: Vec<_> = reasons
        .iter()
        .enumerate()
        .map(|(row, reason)| {
            let share = if greatest > 0.0 { reason.contribution / greatest * 50.0 } else { 0.0 };
            let favours = match reason.contribution {
                c if c >= CONTRIBUTION_MIN => Some(a),
                c if c <= -CONTRIBUTION_MIN => Some(b),
                _ => None,
            };
            Bar {
                name: name(&reason.criterion),
                favours,
                points: match favours {
                    Some(_) => format!("{:+.1}", reason.contribution * 100.0).replace('-', "−"),
                    None => "0".to_owned(),
                },
                text: reason.text.clone(),
                run: reason.evidence.clone(),
                // The first option's bars go left, towards its word in the heading.
                x: tenths(50.0 - share.max(0.0)),
                width: tenths(share.abs()),
                text_y: row * ROW_PX + 16,
                bar_y: row * ROW_PX + 24,
            }
        })
        .collect();
    let shown = bars.iter().filter(|bar| bar.favours.is_some()).count();
    (bars, shown * ROW_PX)
}

/// A line of a latency plot.
pub(crate) struct Series {
    pub(crate) option: Choice,
    /// `x,y` pairs in a square of 1000 units.
    pub(crate) line: String,
    /// The points in percent, with what they say.
    pub(crate) points: Vec<Point>,
}

/// A point of a plot or a mark on an axis, in percent of the drawing.
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) label: String,
}

/// Latency against throughput; latency on a logarithmic axis.
pub(crate) struct Curves {
    pub(crate) series: Vec<Series>,
    pub(crate) x_marks: Vec<Point>,
    pub(crate) y_marks: Vec<Point>,
}

/// Lays out `(rate, latency in ms)` of each option; nothing without two points.
pub(crate) fn curves(lines: &[(Choice, Vec<(f64, f64)>)]) -> Option<Curves> {
    let all = || lines.iter().flat_map(|(_, points)| points).filter(|(_, y)| *y > 0.0);
    if all().count() < 2 {
        return None;
    }
    let right = all().map(|(x, _)| *x).fold(0.0, f64::max) * 1.04;
    let low = all().map(|(_, y)| y.log10()).fold(f64::INFINITY, f64::min).floor();
    let high = all().map(|(_, y)| y.log10()).fold(f64::NEG_INFINITY, f64::max).ceil();
    let high = high.max(low + 1.0);
    let x_of = |x: f64| tenths(x / right * 100.0);
    let y_of = |y: f64| tenths((high - y.log10()) / (high - low) * 100.0);
    let series = lines.iter().map(|(option, points)| {
        let drawn = points.iter().filter(|(_, y)| *y > 0.0);
        let points: Vec<_> = drawn
            .map(|(x, y)| Point {
                x: x_of(*x),
                y: y_of(*y),
                label: format!(
                    "{option}: {} ms at {} requests/s",
                    significant(*y),
                    significant(*x)
                ),
            })
            .collect();
        let line: Vec<_> =
            points.iter().map(|p| format!("{:.0},{:.0}", p.x * 10.0, p.y * 10.0)).collect();
        Series { option: *option, line: line.join(" "), points }
    });
    Some(Curves {
        series: series.collect(),
        x_marks: rate_marks(right).map(|x| mark(x_of(x), 0.0, significant(x))).collect(),
        y_marks: decades(low, high).map(|y| mark(0.0, y_of(y), format!("{y} ms"))).collect(),
    })
}

fn mark(x: f64, y: f64, label: String) -> Point {
    Point { x, y, label }
}

/// Whole powers of ten from `low` to `high`, both exponents.
fn decades(low: f64, high: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(low), |exponent| Some(exponent + 1.0))
        .take_while(move |exponent| *exponent <= high)
        .map(|exponent| 10f64.powf(exponent))
}

/// Three to six round rates up to `right`.
fn rate_marks(right: f64) -> impl Iterator<Item = f64> {
    let size = 10f64.powf((right / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().rfind(|factor| factor * size <= right / 3.0);
    let step = step.unwrap_or(1.0) * size;
    std::iter::successors(Some(0.0), move |x| Some(x + step)).take_while(move |x| *x <= right)
}

/// A figure with three significant digits, as far as they are needed.
pub(crate) fn significant(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 || v == 0.0 => 2,
        v => 2 + (-v.log10()).ceil().clamp(0.0, 6.0) as usize,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        // From 10,000 on separators help the eye.
        false if value >= 10_000.0 => grouped(value.round() as u64),
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let shown: Vec<_> =
            [12_345.6, 123.4, 12.34, 1.234, 0.1234, 0.001_234, 5.0, 0.0].map(significant).into();
        assert_eq!(shown, ["12,346", "123", "12.3", "1.23", "0.123", "0.00123", "5", "0"]);
    }

    #[test]
    fn a_curve_needs_two_points() {
        assert!(curves(&[(Choice::Rust, vec![(1.0, 1.0)])]).is_none());
        let curves = curves(&[(Choice::Rust, vec![(100.0, 1.0), (200.0, 10.0)])]).expect("curves");
        assert_eq!(curves.y_marks.len(), 2);
        assert!((3..=7).contains(&curves.x_marks.len()), "{}", curves.x_marks.len());
    }

    #[test]
    fn bars_leave_the_middle_to_the_side_they_speak_for() {
        let reason = |contribution| Reason {
            criterion: "c".into(),
            contribution,
            text: String::new(),
            evidence: None,
        };
        let reasons = [reason(0.2), reason(-0.1), reason(0.0)];
        let (bars, height) = bars(&reasons, (Choice::Rust, Choice::Go), str::to_owned);
        assert_eq!(height, 2 * ROW_PX);
        assert_eq!((bars[0].x, bars[0].width), (0.0, 50.0));
        assert_eq!((bars[1].x, bars[1].width), (50.0, 25.0));
        assert_eq!(bars[1].points, "−10.0");
        assert!(bars[2].favours.is_none());
    }
}
