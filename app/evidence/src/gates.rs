//! The gates a load must pass before its figures count.

use crate::sample::{Asked, Load};

/// The limits behind the gates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Least share of the schedule answered within it.
    pub achieved: f64,
    /// Errors must stay below this share of the schedule.
    pub errors: f64,
    /// Time taken by the hypervisor must stay below this share.
    pub steal: f64,
    /// The generator's own delay at p99 must stay below this share of the headline p99 …
    pub lag_share: f64,
    /// … or below this many µs, whichever is more.
    pub lag_us: f64,
    /// The generator's useful work must stay below this share of its core.
    pub generator_busy: f64,
}

/// The limits every run is held to, fixed before measuring.
pub const LIMITS: Limits = Limits {
    achieved: 0.99,
    errors: 0.001,
    steal: 0.01,
    lag_share: 0.10,
    lag_us: 200.0,
    generator_busy: 0.95,
};

/// One gate applied to one load.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// `achieved`, `errors`, `steal`, `lag` or `generator`.
    pub id: &'static str,
    /// What is required, in words.
    pub title: &'static str,
    /// The value seen; for `lag` as a share of its limit.
    pub value: f64,
    /// Whether more is worse.
    pub more_is_worse: bool,
    /// Whether the load passed.
    pub passed: bool,
    /// What was seen, in words.
    pub seen: String,
}

/// Applies every gate to a load, always in the same order.
#[must_use]
pub fn check(load: &Load) -> Vec<Check> {
    let offered = as_f64(load.offered).max(1.0);
    let achieved = as_f64(load.achieved) / offered;
    let errors = as_f64(load.errors) / offered;
    let lag_limit = (LIMITS.lag_share * load.latency.p99).max(LIMITS.lag_us);
    let lag = load.own_lag_p99_us / lag_limit;
    vec![
        Check {
            id: "achieved",
            title: "at least 99% of the schedule answered within it",
            value: achieved,
            more_is_worse: false,
            passed: achieved >= LIMITS.achieved,
            seen: format!("only {:.1}% of the schedule was answered within it", achieved * 100.0),
        },
        Check {
            id: "errors",
            title: "errors below 0.1%",
            value: errors,
            more_is_worse: true,
            passed: errors < LIMITS.errors,
            seen: format!("{:.2}% of the requests failed", errors * 100.0),
        },
        steal(load.steal),
        Check {
            id: "lag",
            title: "the generator's own delay at p99 below 200 µs or a tenth of the p99",
            value: lag,
            more_is_worse: true,
            passed: lag < 1.0,
            seen: format!(
                "the generator was {:.0} µs late at p99, where {lag_limit:.0} µs is allowed",
                load.own_lag_p99_us
            ),
        },
        Check {
            id: "generator",
            title: "the generator busy less than 95% of its core",
            value: load.generator_busy,
            more_is_worse: true,
            passed: load.generator_busy < LIMITS.generator_busy,
            seen: format!("the generator was busy {:.0}% of its core", load.generator_busy * 100.0),
        },
    ]
}

/// Applies to a question what applies to it: nothing else runs while it is answered, and a wrong
/// answer ends the run.
pub(crate) fn check_asked(asked: &Asked) -> Vec<Check> {
    vec![steal(asked.steal)]
}

fn steal(share: f64) -> Check {
    Check {
        id: "steal",
        title: "less than 1% of the time taken by the hypervisor",
        value: share,
        more_is_worse: true,
        passed: share < LIMITS.steal,
        seen: format!("the hypervisor took {:.1}% of the time", share * 100.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
