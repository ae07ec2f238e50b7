//! Numbers that are never rounded.

/// A number as it was written. Equal are numbers of the same decimal value, however written.
#[derive(Debug, Clone)]
pub struct Number(Box<str>);

impl Number {
    /// `text` is a JSON number within the limits; only the parser makes one.
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The number's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest double; infinite beyond the greatest one.
    pub fn to_f64(&self) -> f64 {
        // Every JSON number is in the grammar that the standard library reads.
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || Decimal::of(&self.0) == Decimal::of(&other.0)
    }
}

/// ±0.d₁d₂…dₙ × 10^point with d₁ and dₙ not 0; zero has no digits.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let zeros = all.clone().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = all.skip(zeros).collect();
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Self { negative: false, digits, point: 0 };
        }
        // Nine digits at most: the parser has seen to it.
        let exponent: i64 = exponent.parse().unwrap_or(0);
        let length = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self { negative, digits, point: exponent + length(whole.len()) - length(zeros) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_value() {
        let groups: [&[&str]; 8] = [
            &["0", "-0", "0.000", "0e5", "-0.0E-999999999", "0e999999999"],
            &["1", "1.0", "10e-1", "0.01E2", "0.1e+01", "1e-0", "1000e-0000000000003"],
            &["-1", "-1.0"],
            &["9007199254740992"],
            &["9007199254740993", "9007199254740.993e3"],
            &["1e400", "10e399", "0.1e401"],
            &["1e-400", "0.001e-397"],
            &["123456789012345678901234567890", "1.2345678901234567890123456789e29"],
        ];
        for (i, one) in groups.iter().enumerate() {
            for (j, other) in groups.iter().enumerate() {
                for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                    assert_eq!(Number::new(a) == Number::new(b), i == j, "{a} and {b}");
                }
            }
        }
    }
}
