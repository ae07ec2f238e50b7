//! Figures out of two looks at the metrics of the gateway and the token service.

use std::{collections::BTreeMap, time::Duration};

/// What was counted between two looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// How long lay between them, in seconds.
    pub window_s: f64,
    /// Requests a second that reached the route.
    pub requests_per_s: f64,
    /// Time within the gateway and behind it, in ms, interpolated in the buckets of its histogram.
    pub p50_ms: Option<f64>,
    /// The same for 99 of a hundred.
    pub p99_ms: Option<f64>,
    /// Answers of 400 to 499 a second.
    pub refused_per_s: f64,
    /// Answers of 500 and more a second.
    pub errors_per_s: f64,
    /// Tokens a second that the token service found good.
    pub good_tokens_per_s: f64,
    /// The same for those that it did not.
    pub bad_tokens_per_s: f64,
    /// Requests since the start.
    pub requests: f64,
}

/// The values of a metrics page by name and labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Look(BTreeMap<String, f64>);

impl Look {
    /// Reads pages in the Prometheus text format.
    pub(super) fn read(pages: &[&str]) -> Self {
        let lines = pages.iter().flat_map(|page| page.lines());
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(lines.filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// The sum of what begins so.
    fn sum(&self, start: &str) -> f64 {
        let all = self.0.range(start.to_owned()..).take_while(|(name, _)| name.starts_with(start));
        // The sum of nothing would be -0.
        all.fold(0.0, |sum, (_, value)| sum + value)
    }

    /// The route's buckets: upper bounds in seconds with the count up to each, rising.
    fn buckets(&self) -> Vec<(f64, f64)> {
        const START: &str = "gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"";
        let all = self.0.iter().filter_map(|(name, count)| {
            let bound = name.strip_prefix(START)?.strip_suffix("\"}")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, *count))
        });
        let mut buckets: Vec<_> = all.collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }

    /// What has come between an earlier look and this one.
    pub(super) fn since(&self, earlier: &Self, window: Duration) -> Figures {
        let window_s = window.as_secs_f64().max(1e-3);
        let per_s = |start: &str| (self.sum(start) - earlier.sum(start)).max(0.0) / window_s;
        let of_status = |digit: char| {
            per_s(&format!("gateway_requests_total{{route=\"quotes\",status=\"{digit}"))
        };
        let all = "gateway_requests_total{route=\"quotes\"";
        let before = earlier.buckets();
        let counted: Vec<(f64, f64)> = self
            .buckets()
            .into_iter()
            .enumerate()
            .map(|(place, (bound, count))| {
                (bound, count - before.get(place).map_or(0.0, |(_, count)| *count))
            })
            .collect();
        Figures {
            window_s,
            requests_per_s: per_s(all),
            p50_ms: quantile(&counted, 0.5).map(|s| s * 1e3),
            p99_ms: quantile(&counted, 0.99).map(|s| s * 1e3),
            refused_per_s: of_status('4'),
            errors_per_s: of_status('5'),
            good_tokens_per_s: per_s("token_checks_total{outcome=\"good\"}"),
            bad_tokens_per_s: per_s("token_checks_total{outcome=\"invalid\"}"),
            requests: self.sum(all),
        }
    }
}

/// A quantile of a histogram with cumulative counts, as Prometheus estimates it: evenly spread within
/// the bucket that holds it; in the last one, its lower bound.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let total = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let rank = share * total;
    let place = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (bound, count) = buckets.get(place).copied()?;
    let lower = place.checked_sub(1).and_then(|place| buckets.get(place)).copied();
    let (from, below) = lower.unwrap_or((0.0, 0.0));
    if bound.is_infinite() {
        return Some(from);
    }
    Some(from + (bound - from) * (rank - below) / (count - below).max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# HELP x\n\
        gateway_requests_total{route=\"other\",status=\"200\"} 9\n\
        gateway_requests_total{route=\"quotes\",status=\"200\"} 100\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"0.001\"} 100\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"0.01\"} 100\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"+Inf\"} 100\n";
    const AFTER: &str = "gateway_requests_total{route=\"quotes\",status=\"200\"} 180\n\
        gateway_requests_total{route=\"quotes\",status=\"401\"} 15\n\
        gateway_requests_total{route=\"quotes\",status=\"503\"} 5\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"0.001\"} 180\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"0.01\"} 200\n\
        gateway_request_duration_seconds_bucket{route=\"quotes\",le=\"+Inf\"} 200\n\
        token_checks_total{outcome=\"good\"} 85\n\
        token_checks_total{outcome=\"invalid\"} 15\n";

    #[test]
    fn figures_are_differences_over_their_time() {
        let look = |page: &str| Look::read(&[page]);
        let figures = look(AFTER).since(&look(BEFORE), Duration::from_secs(10));
        assert_eq!(figures.requests_per_s, 10.0);
        assert_eq!((figures.refused_per_s, figures.errors_per_s), (1.5, 0.5));
        assert_eq!((figures.good_tokens_per_s, figures.bad_tokens_per_s), (8.5, 1.5));
        // Eighty below 1 ms, twenty up to 10 ms: the 50th at 0.625 ms, the 99th at 9.55 ms.
        assert!((figures.p50_ms.unwrap() - 0.625).abs() < 1e-9, "{figures:?}");
        assert!((figures.p99_ms.unwrap() - 9.55).abs() < 1e-9, "{figures:?}");
        let still = look(AFTER).since(&look(AFTER), Duration::from_secs(1));
        assert_eq!((still.requests_per_s, still.p50_ms), (0.0, None));
        let nothing = look("").since(&look(""), Duration::from_secs(1));
        assert_eq!(format!("{:.0}", nothing.requests), "0");
    }
}
