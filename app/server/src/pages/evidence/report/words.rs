//! Figures, ratios and whom they speak for, in words.

use assay_advice::Choice;
use assay_evidence::{Better, Figure, Metric, Ratio, Summary, Twin, metric};
use jiff::{Timestamp, tz::TimeZone};

use super::others;
use crate::pages::plot::{self, Side, significant};

/// A figure with its interval, once when they agree.
pub(crate) fn interval(figure: Figure) -> String {
    let value = significant(figure.value);
    let (low, high) = (significant(figure.low), significant(figure.high));
    if low == value && high == value { value } else { format!("{value} [{low}, {high}]") }
}

/// A figure, or a dash.
pub(crate) fn figure(figure: Option<Figure>) -> String {
    figure.map_or_else(|| "–".to_owned(), interval)
}

/// A ratio with its interval, or with how many pairs it rests on.
pub(crate) fn ratio(ratio: Ratio) -> String {
    let estimate = plot::ratio(ratio.estimate);
    match (ratio.low, ratio.high) {
        (Some(low), Some(high)) => {
            format!("{estimate} [{}, {}]", plot::ratio(low), plot::ratio(high))
        }
        _ if ratio.n == 1 => format!("{estimate}, one pair"),
        _ => format!("{estimate}, {} pairs", ratio.n),
    }
}

/// The ends of a ratio's interval.
pub(crate) fn ends(ratio: Ratio) -> Option<(f64, f64)> {
    ratio.low.zip(ratio.high)
}

/// Whether a ratio may be noise: its interval reaches into what one binary measured twice gives.
pub(crate) fn within_noise(ratio: Ratio, noise: Option<f64>) -> bool {
    noise.is_some_and(|factor| ratio.reaches_into(factor))
}

/// Whom a ratio `over` ÷ `under` speaks for: only where its whole interval does, and lies beyond
/// the noise.
pub(crate) fn side(
    ratio: Ratio,
    noise: Option<f64>,
    better: Better,
    over: Side,
    under: Side,
) -> Side {
    if within_noise(ratio, noise) {
        return Side::Open;
    }
    let less = match better {
        Better::Lower => (over, under),
        Better::Higher => (under, over),
    };
    match ends(ratio) {
        Some((_, high)) if high < 1.0 => less.0,
        Some((low, _)) if low > 1.0 => less.1,
        _ => Side::Open,
    }
}

/// Whom a metric of both twins speaks for.
pub(crate) fn twins_side(summary: &Summary, metric: &Metric) -> Side {
    let (rust, go) = (Side::Better(Choice::Rust), Side::Better(Choice::Go));
    let noise = summary.noise_factor(&metric.id);
    metric.ratio.map_or(Side::Open, |ratio| side(ratio, noise, metric.better, rust, go))
}

/// The option that a language is.
pub(crate) fn option(twin: Twin) -> Choice {
    match twin {
        Twin::Rust => Choice::Rust,
        Twin::Go => Choice::Go,
    }
}

/// The metrics that say most about a run, in the order in which they are said.
const HEADLINES: [&str; 9] = [
    metric::HITS_ZIPF,
    metric::BUCKETS_MS,
    metric::GROUPS_MS,
    metric::CPU,
    metric::CAPACITY,
    metric::HALF_P99,
    metric::RSS_PER_ENTRY,
    metric::RESIDENT_PSS,
    metric::LOADED_PSS,
];

/// What a run says in a few sentences, the headline first.
pub(crate) fn headlines(summary: &Summary) -> Vec<String> {
    let twins = HEADLINES.iter().filter_map(|id| sentence(summary, summary.metric(id)?));
    twins.chain(others::sentences(summary)).collect()
}

/// What a metric says of the twins, with its interval.
pub(crate) fn sentence(summary: &Summary, metric: &Metric) -> Option<String> {
    let ratio = metric.ratio?;
    let times = times(ratio);
    let said = match metric.id.as_str() {
        metric::CPU => format!("Rust needs {times} of Go’s CPU per {}", summary.work.one()),
        metric::CAPACITY => {
            format!("one core of Rust serves {times} Go’s {}s per second", summary.work.one())
        }
        metric::RSS_PER_ENTRY => {
            format!("an {} takes {times} of Go’s memory", summary.work.entry())
        }
        metric::BUCKETS_MS => {
            format!(
                "Rust answers for every bucket of every key, p99 included, in {times} of Go’s time"
            )
        }
        metric::GROUPS_MS => format!("Rust answers for very many groups in {times} of Go’s time"),
        metric::HITS_ZIPF => format!("Rust’s cache hits {times} as often as Go’s"),
        metric::HALF_P99 => format!("Rust’s p99 latency at half load is {times} Go’s"),
        metric::RESIDENT_PSS => {
            format!("once the state is built, Rust holds {times} of Go’s memory")
        }
        metric::LOADED_PSS => format!("Rust holds {times} of Go’s memory under half load"),
        _ => format!("Rust ÷ Go in {}: {times}", decapitalised(&metric.title)),
    };
    let noise = summary.noise_factor(&metric.id);
    let within_noise = || noise.filter(|_| within_noise(ratio, noise));
    let doubt = match ends(ratio) {
        None if ratio.n == 1 => "; taken once, so without an interval".to_owned(),
        None => format!("; {} pairs are too few for an interval", ratio.n),
        Some((low, high)) if low <= 1.0 && high >= 1.0 => {
            ": the interval holds 1, so no difference is shown".to_owned()
        }
        Some(_) => within_noise().map_or_else(String::new, |factor| {
            format!("; one binary differed from itself by up to {}×", plot::ratio(factor))
        }),
    };
    Some(format!("{}{doubt}.", capitalised(&said)))
}

/// Such as "0.44× [0.44, 0.45]".
pub(super) fn times(ratio: Ratio) -> String {
    let estimate = plot::ratio(ratio.estimate);
    match ends(ratio) {
        Some((low, high)) => format!("{estimate}× [{}, {}]", plot::ratio(low), plot::ratio(high)),
        None => format!("{estimate}×"),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// For the middle of a sentence; "CPU" and "PSS" keep their capitals.
fn decapitalised(text: &str) -> String {
    let capitals = text.chars().take_while(|c| c.is_uppercase()).count();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if capitals == 1 => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}

/// A time of a run for people, in UTC; what cannot be read is shown as it is.
pub(crate) fn when(started: &str) -> String {
    started.parse::<Timestamp>().map_or_else(
        |_| started.to_owned(),
        |time| time.to_zoned(TimeZone::UTC).strftime("%-d %B %Y, %H:%M UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(estimate: f64, ends: Option<(f64, f64)>, n: u32) -> Ratio {
        let (low, high) = ends.unzip();
        Ratio { estimate, low, high, level: None, n }
    }

    #[test]
    fn a_ratio_speaks_for_a_side_only_with_its_whole_interval() {
        let (rust, go) = (Side::Better(Choice::Rust), Side::Better(Choice::Go));
        let noisy = |ratio, noise| side(ratio, Some(noise), Better::Lower, rust, go);
        assert_eq!(noisy(of(0.8, Some((0.7, 0.85)), 10), 1.1), rust);
        assert_eq!(noisy(of(0.8, Some((0.7, 0.95)), 10), 1.1), Side::Open, "it may be noise");
        let side = |ratio, better| side(ratio, None, better, rust, go);
        let below = of(0.5, Some((0.4, 0.9)), 10);
        assert_eq!(side(below, Better::Lower), rust);
        assert_eq!(side(below, Better::Higher), go);
        assert_eq!(side(of(0.9, Some((0.8, 1.0)), 10), Better::Lower), Side::Open);
        assert_eq!(side(of(2.0, None, 3), Better::Lower), Side::Open);
        assert_eq!(side(of(2.0, Some((1.5, 3.0)), 10), Better::Lower), go);
    }

    #[test]
    fn a_ratio_without_an_interval_says_what_it_rests_on() {
        assert_eq!(ratio(of(0.44383, Some((0.4359, 0.4536)), 10)), "0.44 [0.44, 0.45]");
        assert_eq!(ratio(of(13.38, None, 1)), "13.4, one pair");
        assert_eq!(ratio(of(1.5, None, 4)), "1.50, 4 pairs");
    }

    #[test]
    fn times_are_told_in_utc_and_bad_ones_as_they_are() {
        assert_eq!(when("2026-11-21T05:14:01Z"), "21 November 2026, 05:14 UTC");
        assert_eq!(when("yesterday"), "yesterday");
    }

    #[test]
    fn titles_fit_into_a_sentence() {
        assert_eq!(decapitalised("Memory idle (PSS)"), "memory idle (PSS)");
        assert_eq!(decapitalised("CPU time per request"), "CPU time per request");
    }
}
