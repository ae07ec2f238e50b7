//! Times and durations as texts.

use crate::limits::TS_MS_MAX;

const DAY_MS: i64 = 86_400_000;

/// Where the time of day comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_ms(&self) -> i64;
}

/// Reads `YYYY-MM-DDThh:mm:ss[.digits](Z|±hh:mm)` (RFC 3339) as Unix ms; what is finer than a
/// millisecond is cut off. Nothing if it is no such time from 1970 to 9999.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else {
        return None;
    };
    let (clock, mut rest) = rest.split_at_checked(9)?;
    let &[b'T', h1, h2, b':', i1, i2, b':', s1, s2] = clock else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[i1, i2])?, number(&[s1, s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut ms =
        days_since_1970(year, month, day)? * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        let (digits, after) = fraction.split_at_checked(digits)?;
        let mut thousandths = [b'0'; 3];
        thousandths.iter_mut().zip(digits).for_each(|(slot, &digit)| *slot = digit);
        ms += number(&thousandths)?;
        rest = after;
    }
    let ms = match *rest {
        [b'Z'] => ms,
        [sign @ (b'+' | b'-'), h1, h2, b':', i1, i2] => {
            let (hour, minute) = (number(&[h1, h2])?, number(&[i1, i2])?);
            if hour > 23 || minute > 59 {
                return None;
            }
            let offset = (hour * 60 + minute) * 60_000;
            // A clock ahead of UTC shows what UTC will show later.
            if sign == b'+' { ms - offset } else { ms + offset }
        }
        _ => return None,
    };
    (0..=TS_MS_MAX).contains(&ms).then_some(ms)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days of the Gregorian calendar, if it has the date.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day last, and months whose lengths repeat.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

/// Reads a whole number with `s`, `m`, `h` or `d` as ms.
pub fn parse_duration(text: &str) -> Option<i64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1_000,
        b'm' => 60_000,
        b'h' => 3_600_000,
        b'd' => DAY_MS,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if !(1..=12).contains(&digits.len()) {
        return None;
    }
    number(digits.as_bytes())?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.9999Z", 999),
            ("2026-11-21T09:00:00.5+01:00", 1_795_248_000_500),
            ("2000-02-29T23:59:59-00:01", 951_868_859_000),
            ("1969-12-31T23:59:59-01:00", 3_599_000),
            ("9999-12-31T23:59:59.999Z", TS_MS_MAX),
        ] {
            assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0123456789Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59-00:01",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(parse_duration("1s"), Some(1_000));
        assert_eq!(parse_duration("36500d"), Some(36_500 * DAY_MS));
        for text in ["", "s", "1", "-1s", "1.5s", "1w", "9999999999999d", "é"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
