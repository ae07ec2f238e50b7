//! Numbers in sentences.

/// A figure with three significant digits, with separators from 10,000 on, and no digit that a
/// reader could not use.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        s if s >= 99.95 || s == 0.0 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=6"
        )]
        s => 2 + (-s.log10()).ceil().clamp(0.0, 6.0) as usize,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    if size < 10_000.0 { text } else { grouped(&text) }
}

/// A whole number with a comma between each three digits.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::three_digits;

    #[test]
    fn three_digits_and_no_more() {
        let shown: Vec<_> =
            [1_175_706.0, 12_345.6, 9_999.6, 123.4, 12.34, 2.436, 0.952_38, 0.012_34, 3.0, 0.0]
                .map(three_digits)
                .into();
        let expected =
            ["1,175,706", "12,346", "10000", "123", "12.3", "2.44", "0.952", "0.0123", "3", "0"];
        assert_eq!(shown, expected);
    }
}
