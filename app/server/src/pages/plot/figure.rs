//! Numbers as text.

use assay_advice::grouped;

/// A figure with three significant digits, as far as they are needed.
pub(crate) fn significant(value: f64) -> String {
    digits(value, 3)
}

/// A ratio: two decimals, more only where it would else say little.
pub(crate) fn ratio(value: f64) -> String {
    match value {
        v if v.abs() >= 99.5 => significant(v),
        v if v.abs() >= 9.95 => format!("{v:.1}"),
        v if v.abs() >= 0.0995 || v == 0.0 => format!("{v:.2}"),
        v => digits(v, 2),
    }
}

/// A time given in µs, in the unit that reads best.
pub(crate) fn duration_us(us: f64) -> String {
    match us {
        v if v < 1_000.0 => format!("{} µs", significant(v)),
        v if v < 1_000_000.0 => format!("{} ms", significant(v / 1e3)),
        v => format!("{} s", significant(v / 1e6)),
    }
}

/// A count for an axis: 20k, 1.5M.
pub(crate) fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", significant(v / 1e6)),
        v if v >= 1e3 => format!("{}k", significant(v / 1e3)),
        v => significant(v),
    }
}

fn digits(value: f64, wanted: usize) -> String {
    let before_point = match value.abs() {
        v if v >= 100.0 => 3,
        v if v >= 10.0 => 2,
        v if v >= 1.0 || v == 0.0 => 1,
        // Nought before the point, and noughts behind it that do not count.
        v => 1 - (-v.log10()).ceil().clamp(0.0, 6.0) as isize,
    };
    let decimals = usize::try_from(wanted as isize - before_point).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        // From 10,000 on separators help the eye.
        false if value >= 10_000.0 => grouped(value.round() as u64),
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        let shown: Vec<_> =
            [12_345.6, 123.4, 12.34, 1.234, 0.1234, 0.001_234, 5.0, 0.0].map(significant).into();
        assert_eq!(shown, ["12,346", "123", "12.3", "1.23", "0.123", "0.00123", "5", "0"]);
    }

    #[test]
    fn ratios_keep_two_decimals_or_two_digits() {
        let shown: Vec<_> = [0.44383, 1.0, 2.5, 13.384, 0.0493, 0.00471, 250.3].map(ratio).into();
        assert_eq!(shown, ["0.44", "1.00", "2.50", "13.4", "0.049", "0.0047", "250"]);
    }

    #[test]
    fn times_and_counts_take_the_unit_that_reads_best() {
        assert_eq!(
            [50.0, 999.0, 1_000.0, 2_000_000.0].map(duration_us),
            ["50 µs", "999 µs", "1 ms", "2 s"]
        );
        assert_eq!([0.0, 500.0, 20_000.0, 1.5e6].map(short), ["0", "500", "20k", "1.5M"]);
    }
}
