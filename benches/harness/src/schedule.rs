//! The times at which an open loop intends to send.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The most requests in one schedule.
const MAX_REQUESTS: usize = 50_000_000;

/// Intended send times of a Poisson process, in ns from the start, in order: the gaps are
/// exponential with mean 1/`rate_rps`. The same seed gives the same schedule.
#[must_use]
pub(crate) fn poisson(seed: u64, rate_rps: f64, seconds: f64) -> Vec<u64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut times = Vec::new();
    let mut at_s = 0.0;
    loop {
        // 1 − U lies in (0, 1], so that its logarithm is finite.
        let uniform: f64 = random.random();
        at_s -= (1.0 - uniform).ln() / rate_rps;
        if at_s >= seconds || times.len() >= MAX_REQUESTS {
            return times;
        }
        times.push(nanoseconds(at_s));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a schedule's times are positive and far below 2⁶⁴ ns"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_exponential_with_the_rate_asked_for() {
        let times = poisson(7, 10_000.0, 20.0);
        assert!(times.is_sorted());
        let n = times.len() as f64;
        // 200,000 arrivals: five standard deviations are 1.1%.
        assert!((n / 200_000.0 - 1.0).abs() < 0.012, "{n} arrivals");
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!((variation - 1.0).abs() < 0.02, "coefficient of variation {variation}");
        let above = gaps.iter().filter(|gap| **gap > mean).count() as f64 / gaps.len() as f64;
        assert!((above - (-1.0_f64).exp()).abs() < 0.01, "share above the mean {above}");
    }

    #[test]
    fn the_seed_fixes_the_schedule() {
        assert_eq!(poisson(1, 1000.0, 1.0), poisson(1, 1000.0, 1.0));
        assert_ne!(poisson(1, 1000.0, 1.0), poisson(2, 1000.0, 1.0));
        assert!(poisson(1, 1000.0, 1.0).iter().all(|time| *time < 1_000_000_000));
    }
}
