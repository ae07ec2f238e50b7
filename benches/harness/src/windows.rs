//! Latency over the time of a load, in windows of equal length.

use anyhow::Result;
use assay_evidence::Windows;
use hdrhistogram::Histogram;

use crate::histograms::{MAX_NS, micros};

/// About how many windows a load is cut into.
const WINDOWS: f64 = 120.0;

/// The shortest window, in ms.
const SHORTEST_MS: f64 = 5.0;

/// About the fewest requests that make a window's median mean something.
const REQUESTS: f64 = 20.0;

/// Significant digits of a window's median: within 1%.
const DIGITS: u8 = 2;

/// Sorts latencies into windows by the time each request was meant to be sent. Its memory is fixed
/// by the number of windows.
pub(crate) struct Recorder {
    window_ms: f64,
    window_ns: u64,
    windows: Vec<Histogram<u32>>,
}

impl Recorder {
    /// For a load of so many seconds at a rate, which may lengthen the windows.
    pub(crate) fn new(rate_rps: f64, seconds: f64) -> Result<Self> {
        let by_time = seconds * 1000.0 / WINDOWS;
        let by_rate = REQUESTS * 1000.0 / rate_rps;
        let window_ms = by_time.max(by_rate).max(SHORTEST_MS).ceil().min(seconds * 1000.0);
        let (window_ns, count) = whole(window_ms, seconds);
        let make = |_| Ok(Histogram::new_with_max(MAX_NS, DIGITS)?);
        let windows = (0..count).map(make).collect::<Result<_>>()?;
        Ok(Self { window_ms, window_ns, windows })
    }

    /// A latency in ns of a request meant for `intended` ns after the load's start.
    pub(crate) fn record(&mut self, intended: u64, latency: u64) {
        let window = usize::try_from(intended / self.window_ns).unwrap_or(usize::MAX);
        if let Some(histogram) = self.windows.get_mut(window) {
            histogram.saturating_record(latency);
        }
    }

    /// What was seen, without collections.
    pub(crate) fn finish(&self) -> Windows {
        let each = |take: fn(&Histogram<u32>) -> u64| {
            self.windows.iter().map(|window| micros(take(window))).collect()
        };
        Windows {
            window_ms: self.window_ms,
            p50_us: each(|window| window.value_at_quantile(0.5)),
            max_us: each(Histogram::max),
            collections: Vec::new(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are positive and at most minutes"
)]
fn whole(window_ms: f64, seconds: f64) -> (u64, usize) {
    let window_ns = (window_ms * 1e6).max(1.0) as u64;
    (window_ns, (seconds * 1000.0 / window_ms).ceil().max(1.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_lies_in_the_window_it_was_meant_to_begin_in() {
        let mut recorder = Recorder::new(10_000.0, 6.0).unwrap();
        recorder.record(49_999_999, 1_000_000);
        recorder.record(50_000_000, 3_000_000);
        recorder.record(50_000_001, 3_000_000);
        recorder.record(99_000_000, 7_000_000);
        // Later than the load: nowhere.
        recorder.record(6_100_000_000, 9_000_000);
        let windows = recorder.finish();
        assert_eq!((windows.window_ms, windows.p50_us.len()), (50.0, 120));
        let near = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 0.01);
        near(windows.max_us[0], 1000.0);
        near(windows.p50_us[1], 3000.0);
        near(windows.max_us[1], 7000.0);
        assert!(windows.max_us[2..].iter().all(|max| *max == 0.0));
    }

    #[test]
    fn few_requests_make_long_windows() {
        let windows = Recorder::new(100.0, 6.0).unwrap().finish();
        assert_eq!((windows.window_ms, windows.p50_us.len()), (200.0, 30));
        let short = Recorder::new(1.0, 0.05).unwrap().finish();
        assert_eq!((short.window_ms, short.p50_us.len()), (50.0, 1));
    }
}
