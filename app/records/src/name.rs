//! File names and digests.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The greatest length of the readable part of a file name, in bytes.
const MAX_SLUG_BYTES: usize = 60;
/// The greatest number that a record brings along; [`number_of`] reads numbers up to ten times that.
const MAX_KEPT_NUMBER: u32 = 99_999_999;

/// The readable part of a file name: lower-case ASCII words of the title joined by `-`. Never empty,
/// never a path, whatever the title holds.
#[must_use]
pub fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        let room = MAX_SLUG_BYTES.saturating_sub(slug.len() + usize::from(!slug.is_empty()));
        if word.len() > room && !slug.is_empty() {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(word.chars().take(room).map(|c| c.to_ascii_lowercase()));
    }
    if slug.is_empty() { "record".to_owned() } else { slug }
}

/// The file name of a record: `NNNN-slug.toml`.
#[must_use]
pub fn file_name(number: u32, title: &str) -> String {
    format!("{number:04}-{}.toml", slug(title))
}

/// The number in a record's file name; absent when the name is not `NNNN-….toml`.
#[must_use]
pub fn number_of(file_name: &str) -> Option<u32> {
    let (number, _) = file_name.strip_suffix(".toml")?.split_once('-')?;
    let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok())?
}

/// The number and the readable part of a name that [`file_name`] could have made. A number with little
/// room above it is none to go on from.
#[must_use]
pub fn name_parts(name: &str) -> Option<(u32, &str)> {
    let number = number_of(name).filter(|number| *number <= MAX_KEPT_NUMBER)?;
    let (_, readable) = name.strip_suffix(".toml")?.split_once('-')?;
    (file_name(number, readable) == name).then_some((number, readable))
}

/// The SHA-256 digest of a text, in hex: two texts with the same digest are the same text.
#[must_use]
pub fn content_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_safe_whatever_the_title() {
        assert_eq!(slug("Language for the session gateway"), "language-for-the-session-gateway");
        assert_eq!(slug("🎉🎉"), "record");
        assert_eq!(slug(""), "record");
        assert_eq!(slug("../../etc/passwd"), "etc-passwd");
        assert_eq!(slug("C:\\x\0y\n.toml"), "c-x-y-toml");
        assert_eq!(slug(&"a".repeat(500)), "a".repeat(60));
        assert!(slug(&"word ".repeat(100)).len() <= 60);
    }

    #[test]
    fn a_file_name_carries_its_number() {
        assert_eq!(file_name(7, "A b"), "0007-a-b.toml");
        assert_eq!(number_of("0007-a-b.toml"), Some(7));
        assert_eq!(number_of("12345-a.toml"), Some(12345));
        assert_eq!(number_of("0007.toml"), None);
        assert_eq!(number_of("x-7.toml"), None);
        assert_eq!(number_of("+7-x.toml"), None);
        assert_eq!(number_of("99999999999-x.toml"), None);
        assert_eq!(name_parts("0007-a-b.toml"), Some((7, "a-b")));
        assert_eq!(name_parts("12345-a.toml"), Some((12345, "a")));
        for other in ["007-a.toml", "0007-A.toml", "0007-../a.toml", "999999999-a.toml", "A b"] {
            assert_eq!(name_parts(other), None, "{other}");
        }
    }
}
