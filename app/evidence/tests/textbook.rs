//! The statistics against published tables and classic paired data, and what must hold of any data.

use assay_evidence::stats::{
    Equivalence, equivalence, hodges_lehmann, pairs_needed, ratio_of_sums, signed_rank_interval,
    signed_rank_ranks, spread, spread_of_interval,
};
use proptest::prelude::*;

/// Critical values of Wilcoxon's signed-rank statistic T, two-sided, by n: Wilcoxon and Wilcox
/// (1964), "Some Rapid Approximate Statistical Procedures", reprinted in most textbooks. The
/// interval's lower rank is one above.
#[test]
fn the_tables_of_critical_values() {
    let at_5_percent: [(usize, usize); 16] = [
        (6, 0),
        (7, 2),
        (8, 3),
        (9, 5),
        (10, 8),
        (11, 10),
        (12, 13),
        (13, 17),
        (14, 21),
        (15, 25),
        (16, 29),
        (17, 34),
        (18, 40),
        (19, 46),
        (20, 52),
        (25, 89),
    ];
    let at_1_percent =
        [(8, 0), (9, 1), (10, 3), (11, 5), (12, 7), (13, 9), (14, 12), (15, 15), (20, 37)];
    for (coverage, table) in [(0.95, &at_5_percent[..]), (0.99, &at_1_percent[..])] {
        for (n, critical) in table {
            let (low, high, level) = signed_rank_ranks(*n, coverage).unwrap();
            assert_eq!((low - 1, low + high), (*critical, n * (n + 1) / 2 + 1), "n = {n}");
            assert!(level >= coverage, "n = {n}: {level}");
        }
    }
    assert_eq!(signed_rank_ranks(7, 0.99), None);
}

/// Darwin's maize (1876), crossed minus self-fertilised plants of 15 pairs in eighths of an inch,
/// as in Fisher (1935), "The Design of Experiments", §17. The signed-rank test has T = 24 and, by
/// R's `wilcox.test`, V = 96 and p = 0.04126. By duality the interval of coverage 1 − p ends just
/// above zero, and the next wider one includes it.
#[test]
fn darwins_maize() {
    let eighths =
        [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let just = signed_rank_interval(&eighths, 1.0 - 0.041_27).unwrap();
    assert!((1.0 - just.level - 0.041_26).abs() < 5e-6, "{just:?}");
    assert!(just.low > 0.0, "{just:?}");
    let wider = signed_rank_interval(&eighths, 1.0 - 0.041_25).unwrap();
    assert!(wider.low <= 0.0, "{wider:?}");
    let mean = eighths.iter().sum::<f64>() / 15.0;
    assert!((mean - 20.93).abs() < 0.005, "Fisher gives 20.93: {mean}");
    // Fisher's t = 2.148 rests on this standard deviation.
    let t = mean / (spread(&eighths).unwrap() / 15f64.sqrt());
    assert!((t - 2.148).abs() < 0.0005, "{t}");
}

/// Cushny and Peebles' sleep data (1905), as in Student (1908): extra hours with the second drug
/// less those with the first. Student gives mean 1.58 and, with n in the divisor, s = 1.17.
#[test]
fn students_sleep() {
    let hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
    let s = spread(&hours).unwrap() * (9f64 / 10.0).sqrt();
    assert!((s - 1.17).abs() < 0.005, "{s}");
    let estimate = hodges_lehmann(&hours).unwrap();
    assert!((estimate - 1.3).abs() < 1e-12, "one patient's 4.6 does not move it: {estimate}");
    let interval = signed_rank_interval(&hours, 0.95).unwrap();
    assert!(interval.low > 0.0 && interval.high < 4.6, "{interval:?}");
}

/// With one and the same second value the ratio of sums is the mean, and its interval Student's. R's
/// `t.test` of the sleep data gives 0.7001142 to 2.4598858.
#[test]
fn a_ratio_of_sums_over_equal_parts_is_students_mean() {
    let hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
    let (ratio, interval) = ratio_of_sums(&hours.map(|hours| (hours, 1.0))).unwrap();
    let interval = interval.unwrap();
    assert!((ratio - 1.58).abs() < 1e-12, "{ratio}");
    assert!((interval.low - 0.700_114_2).abs() < 1e-3, "{interval:?}");
    assert!((interval.high - 2.459_885_8).abs() < 1e-3, "{interval:?}");
    // Six pairs: t = 2.571 at five degrees of freedom.
    let six: Vec<_> = hours.iter().take(6).map(|hours| (*hours, 1.0)).collect();
    let (mean, interval) = ratio_of_sums(&six).unwrap();
    let values: Vec<f64> = six.iter().map(|pair| pair.0).collect();
    let half = 2.571 * spread(&values).unwrap() / 6f64.sqrt();
    assert!((interval.unwrap().high - mean - half).abs() < 0.003 * half, "{interval:?}");
    // What is in proportion does not scatter, whatever the sizes.
    let even: Vec<_> = (1..=8).map(|size| (0.1 * f64::from(size), f64::from(size))).collect();
    let (ratio, interval) = ratio_of_sums(&even).unwrap();
    assert!((ratio - 0.1).abs() < 1e-12 && (interval.unwrap().high - 0.1).abs() < 1e-9);
    assert_eq!(ratio_of_sums(&[(1.0, 2.0), (3.0, 2.0)]), Some((1.0, None)));
    assert_eq!(ratio_of_sums(&[(1.0, 0.0)]), None);
    assert_eq!(ratio_of_sums(&[]), None);
}

#[test]
fn equivalence_at_its_edges() {
    let says = |low, high| equivalence(low, high, 0.05);
    assert_eq!(says(1.0 / 1.05, 1.05), Equivalence::Equivalent);
    assert_eq!(says(1.01, 1.04), Equivalence::Equivalent, "small, though not zero");
    assert_eq!(says(0.952, 1.05), Equivalence::Undecided);
    assert_eq!(says(1.0, 1.051), Equivalence::Undecided);
    assert_eq!(says(1.04, 1.3), Equivalence::Undecided, "not shown to be beyond the margin");
    assert_eq!(says(0.5, 2.0), Equivalence::Undecided);
    assert_eq!(says(1.051, 1.3), Equivalence::Different);
    assert_eq!(says(0.3, 0.952), Equivalence::Different);
}

#[test]
fn pairs_needed_as_worked_out_by_hand() {
    assert_eq!(pairs_needed(0.08, 0.05), Some(11));
    assert_eq!(pairs_needed(0.08, f64::ln(1.05)), Some(11));
    assert_eq!(pairs_needed(0.02, 0.05), Some(6), "fewer than six have no interval");
    assert_eq!(pairs_needed(0.08, 0.025), Some(42), "half the width takes four times the pairs");
    for (spread, half_width) in
        [(0.0, 0.05), (0.08, 0.0), (f64::NAN, 0.05), (0.08, f64::INFINITY), (1.0, 1e-9)]
    {
        assert_eq!(pairs_needed(spread, half_width), None, "{spread} {half_width}");
    }
}

/// Ten and twenty normal scores (Blom's), which have a known spread.
#[test]
fn the_spread_behind_an_interval() {
    // Positive halves of the expected order statistics of normal samples: Harter (1961).
    let ten = [0.1227, 0.3758, 0.6561, 1.0014, 1.5388];
    let twenty = [0.0620, 0.1870, 0.3149, 0.4483, 0.5903, 0.7454, 0.9210, 1.1309, 1.4076, 1.8675];
    for half in [&ten[..], &twenty[..]] {
        let sample: Vec<f64> = half.iter().flat_map(|x| [0.08 * x, -0.08 * x]).collect();
        let interval = signed_rank_interval(&sample, 0.95).unwrap();
        let n = u32::try_from(sample.len()).unwrap();
        let read = spread_of_interval(interval.low, interval.high, n).unwrap();
        let actual = spread(&sample).unwrap();
        assert!((read / actual - 1.0).abs() < 0.15, "n = {n}: {read} for {actual}");
    }
    assert_eq!(spread_of_interval(0.0, 1.0, 5), None);
    assert_eq!(spread_of_interval(1.0, 1.0, 10), None);
    assert_eq!(spread(&[1.0]), None);
}

proptest! {
    #[test]
    fn neither_order_nor_scale_nor_which_twin_comes_first_matters(
        values in prop::collection::vec(0.1..10.0_f64, 6..22),
        turn in 0usize..22,
        factor in 0.01..100.0_f64,
    ) {
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        let interval = signed_rank_interval(&logs, 0.95).unwrap();
        let estimate = hodges_lehmann(&logs).unwrap();
        prop_assert!(interval.low <= estimate && estimate <= interval.high);

        let mut turned = logs.clone();
        turned.rotate_left(turn % logs.len());
        prop_assert_eq!(signed_rank_interval(&turned, 0.95).unwrap(), interval);

        // Twice the unit is the same ratio, shifted: microseconds or milliseconds.
        let scaled: Vec<f64> = values.iter().map(|value| (value * factor).ln()).collect();
        let there = signed_rank_interval(&scaled, 0.95).unwrap();
        prop_assert!((there.low - interval.low - factor.ln()).abs() < 1e-9);
        prop_assert!((there.high - interval.high - factor.ln()).abs() < 1e-9);

        // Go ÷ Rust is one over Rust ÷ Go.
        let swapped: Vec<f64> = logs.iter().map(|log| -log).collect();
        let mirrored = signed_rank_interval(&swapped, 0.95).unwrap();
        prop_assert!((mirrored.low + interval.high).abs() < 1e-12);
        prop_assert!((mirrored.high + interval.low).abs() < 1e-12);
        prop_assert_eq!(
            equivalence(interval.low.exp(), interval.high.exp(), 0.05),
            equivalence((-interval.high).exp(), (-interval.low).exp(), 0.05)
        );
    }
}
