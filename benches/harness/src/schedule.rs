//! The times at which an open loop intends to send.

use anyhow::{Result, ensure};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::scenario::Schedule;

/// The most requests in one schedule, which is kept in memory at 8 bytes each.
const MAX_REQUESTS: f64 = 10_000_000.0;

impl Schedule {
    /// Intended send times in ns from the start, in order. The same seed gives the same times.
    pub(crate) fn times(self, seed: u64, rate_rps: f64, seconds: f64) -> Result<Vec<u64>> {
        let requests = rate_rps * seconds;
        ensure!(
            requests > 0.0 && requests <= MAX_REQUESTS,
            "{rate_rps} requests/s for {seconds} s is beyond the {MAX_REQUESTS} requests of one load"
        );
        Ok(match self {
            Self::Poisson => poisson(seed, rate_rps, seconds),
            Self::Constant => constant(rate_rps, seconds),
        })
    }
}

/// A Poisson process: the gaps are exponential with mean 1/`rate_rps`.
fn poisson(seed: u64, rate_rps: f64, seconds: f64) -> Vec<u64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut times = Vec::new();
    let mut at_s = 0.0;
    loop {
        // 1 − U lies in (0, 1], so that its logarithm is finite.
        let uniform: f64 = random.random();
        at_s -= (1.0 - uniform).ln() / rate_rps;
        if at_s >= seconds {
            return times;
        }
        times.push(nanoseconds(at_s));
    }
}

/// Equal gaps. Each time is computed from its number, so that no error adds up.
fn constant(rate_rps: f64, seconds: f64) -> Vec<u64> {
    let times = (0_u32..).map(|number| f64::from(number) / rate_rps);
    times.take_while(|at_s| *at_s < seconds).map(nanoseconds).collect()
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

    #[test]
    fn constant_gaps_are_equal_and_do_not_drift() {
        let times = Schedule::Constant.times(7, 3000.0, 10.0).unwrap();
        assert_eq!(times.len(), 30_000);
        assert!(times.windows(2).all(|pair| (333_333..=333_334).contains(&(pair[1] - pair[0]))));
        // The last is where it belongs to the nanosecond.
        assert_eq!(times.last(), Some(&9_999_666_666));
        assert_eq!(times, Schedule::Constant.times(8, 3000.0, 10.0).unwrap());
    }

    #[test]
    fn a_schedule_too_long_to_keep_is_refused() {
        let error = Schedule::Poisson.times(1, 1e6, 60.0).unwrap_err().to_string();
        assert!(error.contains("10000000 requests of one load"), "{error}");
    }
}
