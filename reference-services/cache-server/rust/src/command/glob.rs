//! Patterns of KEYS, SCAN and CONFIG GET: `*`, `?`, `[a-c]`, `[^a]`, and `\` before any byte.

/// Whether a text fits a pattern. After a `*` it goes back to the last one at most, so the time is
/// no more than the product of both lengths, and there is no recursion.
pub(crate) fn fits(pattern: &[u8], text: &[u8], any_case: bool) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on when what follows the last star does not fit.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let fitted = match (pattern.get(at), text.get(read)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                at += 1;
                retry = Some((at, read));
                continue;
            }
            (Some(_), Some(&byte)) => fit_one(pattern, at, byte, any_case),
            _ => None,
        };
        match (fitted, retry) {
            (Some(next), _) => (at, read) = (next, read + 1),
            (None, Some((after_star, from))) if from < text.len() => {
                (at, read) = (after_star, from + 1);
                retry = Some((after_star, from + 1));
            }
            _ => return false,
        }
    }
}

/// Whether one byte fits the pattern here; answers where the pattern goes on.
fn fit_one(pattern: &[u8], at: usize, byte: u8, any_case: bool) -> Option<usize> {
    let fold = |byte: u8| if any_case { byte.to_ascii_lowercase() } else { byte };
    let same = |wanted: u8| fold(wanted) == fold(byte);
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => fit_set(pattern, at + 1, fold(byte), fold),
        b'\\' if at + 1 < pattern.len() => {
            pattern.get(at + 1).filter(|&&wanted| same(wanted)).map(|_| at + 2)
        }
        wanted => same(wanted).then_some(at + 1),
    }
}

/// Whether a byte is in the set that starts here. A set that does not end goes to the last byte.
fn fit_set(pattern: &[u8], at: usize, byte: u8, fold: impl Fn(u8) -> u8) -> Option<usize> {
    let negated = pattern.get(at) == Some(&b'^');
    let mut at = at + usize::from(negated);
    let mut found = false;
    loop {
        match (pattern.get(at), pattern.get(at + 1), pattern.get(at + 2)) {
            (None, ..) => break,
            (Some(b'\\'), Some(&escaped), _) => {
                found |= fold(escaped) == byte;
                at += 2;
            }
            (Some(b']'), ..) => {
                at += 1;
                break;
            }
            (Some(&from), Some(b'-'), Some(&to)) => {
                let (from, to) = (fold(from), fold(to));
                found |= (from.min(to)..=from.max(to)).contains(&byte);
                at += 3;
            }
            (Some(&one), ..) => {
                found |= fold(one) == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn fits_what_it_should() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "xxaxxcxxbxx", false),
            ("[a", "a", true),
            ("[a", "b", false),
            ("[^]", "a", true),
            ("[]", "a", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("**", "a", true),
            ("a[", "a", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), text.as_bytes(), false),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(fits(b"MaX*", b"maxMEMORY", true));
        let evil = "a*".repeat(40) + "b";
        assert!(!fits(evil.as_bytes(), "a".repeat(4_000).as_bytes(), false));
    }
}
