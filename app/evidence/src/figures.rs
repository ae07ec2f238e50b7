//! Figures and ratios of the blocks, on the log scale.

use crate::stats::{hodges_lehmann, median, signed_rank_interval};
use crate::summary::{Figure, Ratio};

/// The coverage every interval has at least.
const COVERAGE: f64 = 0.95;

/// The estimate of one twin's figure; see [`Figure`] for what the interval is.
pub(crate) fn figure(values: &[Option<f64>]) -> Option<Figure> {
    let values: Vec<f64> = values.iter().flatten().copied().collect();
    if values.iter().any(|value| *value <= 0.0) {
        return range(&values);
    }
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let Some(interval) = signed_rank_interval(&logs, COVERAGE) else {
        return range(&values);
    };
    let value = from_log(hodges_lehmann(&logs)?);
    // exp is monotonic only up to its rounding.
    Some(Figure {
        value,
        low: from_log(interval.low).min(value),
        high: from_log(interval.high).max(value),
    })
}

/// Back from the log scale, with the six digits that a reader could ever use.
fn from_log(log: f64) -> f64 {
    let value = log.exp();
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// The median with the least and the greatest.
fn range(values: &[f64]) -> Option<Figure> {
    Some(Figure {
        value: median(values)?,
        low: values.iter().copied().min_by(f64::total_cmp)?,
        high: values.iter().copied().max_by(f64::total_cmp)?,
    })
}

/// One side ÷ the other over the blocks in which both have a figure.
pub(crate) fn ratio(one: &[Option<f64>], other: &[Option<f64>]) -> Option<Ratio> {
    let logs: Vec<f64> = one
        .iter()
        .zip(other)
        .filter_map(|(one, other)| one.zip(*other))
        .filter(|(one, other)| *one > 0.0 && *other > 0.0)
        .map(|(one, other)| (one / other).ln())
        .collect();
    let interval = signed_rank_interval(&logs, COVERAGE);
    let estimate = from_log(hodges_lehmann(&logs)?);
    Some(Ratio {
        estimate,
        low: interval.map(|interval| from_log(interval.low).min(estimate)),
        high: interval.map(|interval| from_log(interval.high).max(estimate)),
        level: interval.map(|interval| interval.level),
        n: u32::try_from(logs.len()).unwrap_or(u32::MAX),
    })
}
