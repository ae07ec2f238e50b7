//! Paired statistics: Hodges–Lehmann estimates with exact signed-rank intervals, equivalence, how
//! many pairs a question needs, a ratio of sums, and Wilson's interval for a share.
//!
//! Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods* (3rd edition), §3.2–3.3;
//! Schuirmann (1987), "A comparison of the two one-sided tests procedure";
//! Cochran (1977), *Sampling Techniques* (3rd edition), §2.11 and §6.3;
//! Wilson (1927), "Probable inference, the law of succession, and statistical inference".

use serde::Serialize;

/// An interval with its exact coverage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The probability that such an interval covers the centre.
    pub level: f64,
}

/// The ranks, from 1, of the ordered Walsh averages that bound the centre of `n` differences with
/// at least the coverage asked for, and the exact coverage. None when `n` is too small to have any:
/// below six for 95%.
#[must_use]
pub fn signed_rank_ranks(n: usize, coverage: f64) -> Option<(usize, usize, f64)> {
    let averages = n * (n + 1) / 2;
    let probabilities = signed_rank_distribution(n);
    let tail = (1.0 - coverage) / 2.0;
    let mut cumulative = 0.0;
    let mut found = None;
    for (sum, probability) in probabilities.iter().enumerate() {
        cumulative += probability;
        let low = sum + 1;
        if cumulative > tail || low > averages / 2 {
            break;
        }
        found = Some((low, averages + 1 - low, 1.0 - 2.0 * cumulative));
    }
    found
}

/// P(T = t) for t = 0..=n(n+1)/2 of the signed-rank statistic T under symmetry.
fn signed_rank_distribution(n: usize) -> Vec<f64> {
    let mut probabilities = vec![0.0; n * (n + 1) / 2 + 1];
    if let Some(first) = probabilities.first_mut() {
        *first = 1.0;
    }
    for rank in 1..=n {
        let before = probabilities.clone();
        for (sum, probability) in probabilities.iter_mut().enumerate() {
            let with = sum.checked_sub(rank).and_then(|rest| before.get(rest)).unwrap_or(&0.0);
            *probability = 0.5 * (*probability + with);
        }
    }
    probabilities
}

/// The averages of all pairs of values, each with itself included, in order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> = values
        .iter()
        .enumerate()
        .flat_map(|(at, a)| values.iter().skip(at).map(move |b| 0.5 * (a + b)))
        .collect();
    averages.sort_by(f64::total_cmp);
    averages
}

/// What an interval of a ratio says about a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Equivalence {
    /// The whole interval is within the margin: any difference is too small to matter.
    Equivalent,
    /// The whole interval is beyond the margin, on one side: a difference that matters.
    Different,
    /// The interval crosses the margin: the data say neither.
    Undecided,
}

/// Whether a ratio with the interval `low..=high` is 1 within a `margin` such as 0.05, on the log
/// scale: within `1/(1 + margin) ..= 1 + margin`.
///
/// This is Schuirmann's two one-sided tests: an interval of coverage 1 − 2α tests at level α, so
/// that an interval of at least 95% decides equivalence at α ≤ 2.5%, stricter than the usual 5%.
#[must_use]
pub fn equivalence(low: f64, high: f64, margin: f64) -> Equivalence {
    let (least, greatest) = (1.0 / (1.0 + margin), 1.0 + margin);
    if least <= low && high <= greatest {
        Equivalence::Equivalent
    } else if high < least || low > greatest {
        Equivalence::Different
    } else {
        Equivalence::Undecided
    }
}

/// The two-sided 95% quantile of the normal distribution.
const Z: f64 = 1.96;

/// What the signed-rank interval costs in pairs against the normal one: its asymptotic relative
/// efficiency under normality is 3/π = 0.955.
const SIGNED_RANK_COST: f64 = 1.05;

/// The least number of pairs that have an exact 95% interval.
pub const PAIRS_MIN: u32 = 6;

/// The pairs needed for a 95% interval of half-width `half_width`, when the differences have the
/// standard deviation `spread`; both on the log scale, where 0.05 is about 5%. None when either is
/// no positive number, or the answer is beyond `u32`.
#[must_use]
pub fn pairs_needed(spread: f64, half_width: f64) -> Option<u32> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    if !positive(spread) || !positive(half_width) {
        return None;
    }
    let pairs = (SIGNED_RANK_COST * (Z * spread / half_width).powi(2)).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range just before"
    )]
    (pairs < f64::from(u32::MAX)).then(|| (pairs as u32).max(PAIRS_MIN))
}

/// The standard deviation of `n` differences, read back from the width of their interval on the
/// log scale; `Z + 2.37/(n − 1)` approaches Student's quantile (Cornish and Fisher's expansion).
/// None below [`PAIRS_MIN`] or for an interval without width.
#[must_use]
pub fn spread_of_interval(low: f64, high: f64, n: u32) -> Option<f64> {
    if n < PAIRS_MIN || low >= high {
        return None;
    }
    let n = f64::from(n);
    let quantile = Z + 2.37 / (n - 1.0);
    Some(0.5 * (high - low) / (quantile * (SIGNED_RANK_COST / n).sqrt()))
}

/// The standard deviation of paired differences around their mean; none of fewer than two.
#[must_use]
pub fn spread(differences: &[f64]) -> Option<f64> {
    if differences.len() < 2 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (n - 1.0)).sqrt())
}

/// The middle of the values, the mean of the two middle ones for an even count; none of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    middle(&sorted)
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(half - 1).map(|lower| 0.5 * (lower + upper))
}

/// The Hodges–Lehmann estimate of the centre: the median of the Walsh averages.
#[must_use]
pub fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    middle(&walsh_averages(values))
}

/// The exact signed-rank interval of the centre with at least the coverage asked for.
#[must_use]
pub fn signed_rank_interval(values: &[f64], coverage: f64) -> Option<Interval> {
    let (low, high, level) = signed_rank_ranks(values.len(), coverage)?;
    let averages = walsh_averages(values);
    Some(Interval { low: *averages.get(low - 1)?, high: *averages.get(high - 1)?, level })
}

/// Student's two-sided 95% quantile at some degrees of freedom, within 0.2% from five on (Cornish
/// and Fisher's expansion around the normal one).
fn student(freedom: f64) -> f64 {
    let z = Z;
    z + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z)
            / (384.0 * freedom.powi(3))
}

/// The sum of the pairs' first values ÷ the sum of their second ones, with Cochran's interval of
/// about 95% from the scatter of the pairs around that ratio; without an interval below
/// [`PAIRS_MIN`]. It is approximate, the more so the rarer what is counted. None when the second
/// values do not sum to a positive number.
#[must_use]
pub fn ratio_of_sums(pairs: &[(f64, f64)]) -> Option<(f64, Option<Interval>)> {
    let (own, over) = pairs.iter().fold((0.0, 0.0), |(a, b), (own, over)| (a + own, b + over));
    if !(over.is_finite() && over > 0.0) {
        return None;
    }
    let ratio = own / over;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    let n = pairs.len() as f64;
    if n < f64::from(PAIRS_MIN) {
        return Some((ratio, None));
    }
    // The residuals sum to zero, so that their spread is that around their mean.
    let residuals: Vec<f64> = pairs.iter().map(|(own, over)| own - ratio * over).collect();
    let half_width = student(n - 1.0) * spread(&residuals)? * n.sqrt() / over;
    let (low, high) = (ratio - half_width, ratio + half_width);
    Some((ratio, Some(Interval { low, high, level: 0.95 })))
}

/// Wilson's interval for a share of `hits` in `n` at normal quantile `z` (1.96 for 95%).
#[must_use]
pub fn wilson(hits: u64, n: u64, z: f64) -> Option<(f64, f64)> {
    if n == 0 || hits > n {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    let (hits, n) = (hits as f64, n as f64);
    let share = hits / n;
    let centre = share + z * z / (2.0 * n);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some((((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)))
}
