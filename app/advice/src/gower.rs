//! Gower's distance (1971) between two sheets of answers of mixed kinds.

/// How one variable compares between two cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison<'a> {
    /// Values without an order: equal or not.
    Nominal(&'a str, &'a str),
    /// Ranks on a scale of so many steps.
    Ordinal {
        /// One rank.
        left: f64,
        /// The other.
        right: f64,
        /// The greatest difference there can be.
        range: f64,
    },
    /// Positive numbers on a log scale, clipped to six decades.
    Number(f64, f64),
    /// Lists: one minus their Jaccard similarity; two empty lists are equal.
    List(&'a [String], &'a [String]),
    /// At least one of the two is missing.
    Missing,
}

impl Comparison<'_> {
    /// The distance, 0 to 1; none when a value is missing.
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        const DECADES: f64 = 6.0;
        match self {
            Self::Nominal(left, right) => Some(if left == right { 0.0 } else { 1.0 }),
            Self::Ordinal { left, right, range } if *range > 0.0 => {
                Some(((left - right).abs() / range).min(1.0))
            }
            Self::Ordinal { .. } => Some(0.0),
            Self::Number(left, right) if *left > 0.0 && *right > 0.0 => {
                Some((libm::log10(left / right).abs() / DECADES).min(1.0))
            }
            Self::Number(left, right) => Some(if left == right { 0.0 } else { 1.0 }),
            Self::List(left, right) => {
                let shared = left.iter().filter(|item| right.contains(item)).count();
                let all = left.len() + right.len() - shared;
                #[expect(clippy::cast_precision_loss, reason = "lists are short")]
                Some(if all == 0 { 0.0 } else { 1.0 - shared as f64 / all as f64 })
            }
            Self::Missing => None,
        }
    }
}

/// The weighted mean of distances. A missing one is dropped, or costs `missing` when that is
/// given; none when nothing can be compared.
#[must_use]
pub fn gower(distances: &[(f64, Option<f64>)], missing: Option<f64>) -> Option<f64> {
    let known = distances.iter().filter_map(|(w, d)| d.or(missing).map(|d| (w, d)));
    let (weights, sum) = known.fold((0.0, 0.0), |(ws, sum), (w, d)| (ws + w, sum + w * d));
    (weights > 0.0 && distances.iter().any(|(_, d)| d.is_some())).then(|| sum / weights)
}
