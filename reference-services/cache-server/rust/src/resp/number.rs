//! Integers as the protocol writes them.

const DIGITS_MAX: usize = 20;

/// Reads a 64-bit integer in its one canonical form: no plus, no leading zeros, no space.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut value = 0_i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let digit = i64::from(digit - b'0');
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit) } else { value.checked_add(digit) }?;
    }
    Some(value)
}

/// The decimal digits of an integer, without an allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    text: [u8; DIGITS_MAX],
    start: usize,
}

impl Digits {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

/// The digits of an integer.
pub(crate) fn digits(value: i64) -> Digits {
    let mut digits = Digits { text: [b'0'; DIGITS_MAX], start: DIGITS_MAX };
    let mut rest = value.unsigned_abs();
    let mut push = |byte: u8| {
        if let Some(place) = digits.start.checked_sub(1).and_then(|at| {
            digits.start = at;
            digits.text.get_mut(at)
        }) {
            *place = byte;
        }
    };
    loop {
        push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        push(b'-');
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn writes_and_reads_every_integer(value: i64) {
            let written = digits(value).as_bytes().to_vec();
            prop_assert_eq!(&written, &value.to_string().into_bytes());
            prop_assert_eq!(parse_integer(&written), Some(value));
        }

        #[test]
        fn reads_only_what_is_canonical(text in "[-+0-9 ]{0,22}") {
            let expected = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            prop_assert_eq!(parse_integer(text.as_bytes()), expected);
        }
    }

    #[test]
    fn knows_the_edges() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(parse_integer(value.to_string().as_bytes()), Some(value));
        }
        for text in ["", "-", "-0", "00", "+1", "9223372036854775808", "-9223372036854775809"] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }
}
