//! Axes: where a value stands, in percent of the drawing, and which marks say so without crowding.

/// A mark on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// In percent of the axis, from its low end.
    pub(crate) at: f64,
    /// What it says.
    pub(crate) label: String,
}

/// The parts of a logarithmic axis by which the outermost values keep from its ends.
const PAD: f64 = 0.05;
/// A logarithmic axis spans at least this factor, so that noise does not fill it.
const FACTOR_MIN: f64 = 1.5;
/// Ten thousand decades cannot be drawn, nor can a factor of one.
const DECADES_MAX: f64 = 24.0;

/// A logarithmic axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LogAxis {
    low: f64,
    high: f64,
}

impl LogAxis {
    /// An axis that holds all values, or nothing if none of them is above zero.
    pub(crate) fn over(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let logs = values.into_iter().filter(|v| v.is_finite() && *v > 0.0).map(f64::log10);
        let (low, high) = logs
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let low = low.max(high - DECADES_MAX);
        let pad = ((high - low) * PAD).max((FACTOR_MIN.log10() - (high - low)) / 2.0);
        Some(Self { low: low - pad, high: high + pad })
    }

    /// Where a value stands, in percent from the low end; values beyond an end stand on it.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let log = if value > 0.0 { value.log10() } else { self.low };
        tenths(((log - self.low) / (self.high - self.low) * 100.0).clamp(0.0, 100.0))
    }

    /// Round values at least `gap` percent apart: 1-2-5 steps where they fit, else fewer.
    pub(crate) fn ticks(&self, gap: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
        const STEPS: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let decades = STEPS.iter().map(|steps| self.round_values(steps, 1));
        let sparse = (2..=6).map(|stride| self.round_values(&[1.0], stride));
        let fits = |values: &Vec<f64>| {
            let apart = |pair: &[f64]| match pair {
                [a, b] => self.at(*b) - self.at(*a) >= gap,
                _ => true,
            };
            values.windows(2).all(apart)
        };
        let mut values = decades.chain(sparse).find(fits).unwrap_or_default();
        if values.len() < 2 {
            // Less than a step: even values, which are nearly even on the axis as well.
            let (low, high) = (10f64.powf(self.low), 10f64.powf(self.high));
            values = even_values(low, high, 3);
            values.retain(|value| *value > 0.0);
        }
        values.into_iter().map(|value| Tick { at: self.at(value), label: label(value) }).collect()
    }

    /// `steps` times every `stride`th power of ten, within the axis.
    fn round_values(&self, steps: &[f64], stride: usize) -> Vec<f64> {
        let exponents = std::iter::successors(Some(self.low.floor()), |e| Some(e + 1.0))
            .take_while(|exponent| *exponent <= self.high);
        let within = |value: &f64| {
            let log = value.log10();
            log >= self.low - 1e-9 && log <= self.high + 1e-9
        };
        let stride = stride as f64;
        exponents
            .filter(|exponent| (exponent / stride).fract() == 0.0)
            .flat_map(|exponent| steps.iter().map(move |step| step * 10f64.powf(exponent)))
            .filter(within)
            .collect()
    }
}

/// An axis from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    high: f64,
}

impl Axis {
    /// An axis that holds all values, or nothing if none of them is above zero.
    pub(crate) fn over(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let high = values.into_iter().filter(|v| v.is_finite()).fold(0.0, f64::max);
        (high > 0.0).then_some(Self { high: high * (1.0 + PAD) })
    }

    /// Where a value stands, in percent from zero; values beyond the end stand on it.
    pub(crate) fn at(&self, value: f64) -> f64 {
        tenths((value / self.high * 100.0).clamp(0.0, 100.0))
    }

    /// About `count` round values.
    pub(crate) fn ticks(&self, count: usize, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let values = even_values(0.0, self.high, count);
        values.into_iter().map(|value| Tick { at: self.at(value), label: label(value) }).collect()
    }
}

/// Between `count` and about twice as many multiples of 1, 2 or 5 times a power of ten.
fn even_values(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return Vec::new();
    }
    let most = span / count.max(1) as f64;
    let size = 10f64.powf(most.log10().floor());
    let step = [5.0, 2.0, 1.0].into_iter().find(|f| f * size <= most * (1.0 + 1e-9));
    let step = step.unwrap_or(1.0) * size;
    // Adding zero turns -0 into 0.
    let first = (low / step - 1e-9).ceil() + 0.0;
    std::iter::successors(Some(first), |at| Some(at + 1.0))
        .map(|at| at * step)
        .take_while(|value| *value <= high * (1.0 + 1e-12))
        .take(4 * count.max(1))
        .collect()
}

/// To a tenth: what a drawing can show, and short in the page.
pub(crate) fn tenths(value: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (value * 10.0).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn greater_values_stand_further_and_all_stand_inside() {
        let axis = LogAxis::over([0.04, 0.44, 1.0, 13.4]).expect("an axis");
        let at = [0.04, 0.44, 1.0, 13.4].map(|value| axis.at(value));
        assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "{at:?}");
        assert!(at[0] > 0.0 && at[3] < 100.0, "{at:?}");
        assert_eq!((axis.at(0.0), axis.at(-1.0), axis.at(1e9)), (0.0, 0.0, 100.0));
        let axis = Axis::over([3.0, 7.0]).expect("an axis");
        assert!(axis.at(3.0) < axis.at(7.0) && axis.at(7.0) < 100.0);
        assert_eq!((axis.at(0.0), axis.at(9.0)), (0.0, 100.0));
    }

    #[test]
    fn marks_thin_out_as_the_axis_grows() {
        let ticks = |low: f64, high: f64| {
            let axis = LogAxis::over([low, high]).expect("an axis");
            axis.ticks(12.0, |value| value.to_string())
        };
        assert_eq!(labels(&ticks(0.3, 3.0)), ["0.5", "1", "2"]);
        assert_eq!(labels(&ticks(0.01, 300.0)), ["0.01", "0.1", "1", "10", "100"]);
        for (low, high) in [(0.04, 14.0), (50.0, 60_000.0), (1.0, 1e9), (0.9, 1.1), (1.0, 1.0)] {
            let ticks = ticks(low, high);
            assert!((2..=11).contains(&ticks.len()), "{low}–{high}: {ticks:?}");
            for pair in ticks.windows(2) {
                assert!(pair[1].at - pair[0].at >= 11.9, "{low}–{high}: {ticks:?}");
            }
        }
    }

    #[test]
    fn nothing_to_draw_is_no_axis() {
        assert_eq!(LogAxis::over([]), None);
        assert_eq!(LogAxis::over([0.0, -1.0, f64::NAN, f64::INFINITY]), None);
        assert_eq!(Axis::over([]), None);
        assert_eq!(Axis::over([0.0, f64::NAN]), None);
        let one = LogAxis::over([5.0]).expect("an axis");
        assert_eq!(one.at(5.0), 50.0);
        assert!(
            LogAxis::over([1e-300, 1e300]).expect("an axis").ticks(9.0, |_| "x".into()).len() < 20
        );
    }

    #[test]
    fn an_axis_from_zero_has_round_marks() {
        for (high, expected) in [(64_263.0, 4..=7), (0.55, 3..=7), (1.0, 3..=7), (7.0, 3..=7)] {
            let axis = Axis::over([high]).expect("an axis");
            let ticks = axis.ticks(3, |value| format!("{value}"));
            assert!(expected.contains(&ticks.len()), "{high}: {ticks:?}");
            assert_eq!((ticks[0].at, ticks[0].label.as_str()), (0.0, "0"));
        }
    }
}
