//! Figures and ratios of the blocks, on the log scale.

use crate::stats::{hodges_lehmann, median, ratio_of_sums, signed_rank_interval};
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

/// The figure of all blocks together: a sum of pairs' first values ÷ that of their second ones.
/// Too few blocks for an interval show the least and the greatest block.
pub(crate) fn pooled(pairs: &[(f64, f64)]) -> Option<Figure> {
    let (value, interval) = ratio_of_sums(pairs)?;
    let value = six_digits(value);
    let blocks = || range(&pairs.iter().map(|(own, over)| own / over).collect::<Vec<_>>());
    let (low, high) = match interval {
        Some(interval) => (interval.low.max(0.0), interval.high),
        None => blocks().map(|it| (it.low, it.high))?,
    };
    Some(Figure { value, low: six_digits(low).min(value), high: six_digits(high).max(value) })
}

/// Back from the log scale.
fn from_log(log: f64) -> f64 {
    six_digits(log.exp())
}

/// The six digits that a reader could ever use.
fn six_digits(value: f64) -> f64 {
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

/// One side ÷ the other over the blocks in which both have a figure; none where one of them is
/// zero, which has no place on the log scale and must not be left out for its value.
pub(crate) fn ratio(one: &[Option<f64>], other: &[Option<f64>]) -> Option<Ratio> {
    let pairs: Vec<(f64, f64)> =
        one.iter().zip(other).filter_map(|(one, other)| one.zip(*other)).collect();
    if pairs.iter().any(|(one, other)| *one <= 0.0 || *other <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = pairs.iter().map(|(one, other)| (one / other).ln()).collect();
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
