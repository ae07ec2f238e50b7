//! Decimal numbers with up to twenty digits before the point and seventeen behind it, exactly.

/// What INCRBYFLOAT answers to what is no such number.
pub(super) const NOT_A_FLOAT: &str = "ERR value is not a valid float";

const DECIMALS: u32 = 17;
const ONE: i128 = 10_i128.pow(DECIMALS);
/// Amounts stay below 10^20.
const AMOUNT_MAX: i128 = 10_i128.pow(20 + DECIMALS);
/// An exponent beyond this makes any number that fits a request 0 or too large.
const EXPONENT_MAX: i64 = 10_000_000_000;

/// Reads a decimal number, in units of 10^-17, rounding half to even.
pub(super) fn read(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let exponent_at = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = match exponent_at {
        None => (text, 0),
        Some(at) => (text.get(..at)?, read_exponent(text.get(at + 1..)?)?),
    };
    let point = number.iter().position(|&byte| byte == b'.').unwrap_or(number.len());
    let whole = number.get(..point)?;
    let behind = number.get(point + 1..).unwrap_or_default();
    let mut digits = whole.iter().chain(behind);
    if whole.len() + behind.len() == 0 || !digits.clone().all(u8::is_ascii_digit) {
        return None;
    }
    // The place of the first digit, counted in units of 10^-17.
    let mut place = i64::try_from(whole.len()).ok()? - 1 + exponent + i64::from(DECIMALS);
    let mut amount = 0_i128;
    for &digit in digits.by_ref() {
        if place < 0 {
            return finish(amount, place, digit, digits, negative);
        }
        amount = amount.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        if amount >= AMOUNT_MAX {
            return None;
        }
        place -= 1;
    }
    // The digits ended before the place of 10^-17.
    while place >= 0 && amount != 0 {
        amount = amount.checked_mul(10).filter(|&amount| amount < AMOUNT_MAX)?;
        place -= 1;
    }
    Some(if negative { -amount } else { amount })
}

/// Rounds by the first digit that was left out, and those behind it.
fn finish<'a>(
    amount: i128,
    place: i64,
    digit: u8,
    mut rest: impl Iterator<Item = &'a u8>,
    negative: bool,
) -> Option<i128> {
    let more = rest.any(|&digit| digit != b'0');
    let up = place == -1 && (digit > b'5' || (digit == b'5' && (more || amount % 2 == 1)));
    let amount = amount + i128::from(up);
    (amount < AMOUNT_MAX).then_some(if negative { -amount } else { amount })
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = digits
        .iter()
        .fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX));
    Some(if negative { -exponent } else { exponent })
}

/// The sum, if it stays below 10^20.
pub(super) fn add(first: i128, second: i128) -> Option<i128> {
    first.checked_add(second).filter(|sum| sum.abs() < AMOUNT_MAX)
}

/// Writes a number without exponent, and without zeros at the end of its decimals.
pub(super) fn write(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let (whole, decimals) = (amount.abs() / ONE, amount.abs() % ONE);
    let decimals = format!("{decimals:017}");
    match decimals.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        decimals => format!("{sign}{whole}.{decimals}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_decimals() {
        for (text, written) in [
            ("1", "1"),
            ("-.5", "-0.5"),
            ("5.", "5"),
            ("5.0e3", "5000"),
            ("+3.10", "3.1"),
            ("0e9", "0"),
            ("-0", "0"),
            ("1e-17", "0.00000000000000001"),
            ("5e-18", "0"),
            ("15e-18", "0.00000000000000002"),
            ("5.1e-18", "0.00000000000000001"),
            ("4.9e-18", "0"),
            ("9e-18", "0.00000000000000001"),
            ("9e-19", "0"),
            ("1e-999999999999", "0"),
            ("0e999999999999", "0"),
            ("99999999999999999999", "99999999999999999999"),
            ("0.1e20", "10000000000000000000"),
            ("000000000000000000000000000000000000000000001", "1"),
            ("1234.5678E-2", "12.345678"),
        ] {
            assert_eq!(read(text.as_bytes()).map(write).as_deref(), Some(written), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "e5",
            "1e",
            "1e+",
            "1 ",
            " 1",
            "0x10",
            "inf",
            "nan",
            "1e20",
            "100000000000000000000",
            "1e999999999999",
            "1.2.3",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
