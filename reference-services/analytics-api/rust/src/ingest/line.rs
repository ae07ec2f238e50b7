//! One line of a batch.
//!
//! [`read_plain`] takes lines of the form that programs write: no escapes, no odd spaces. What it
//! does not take, right or wrong, goes to [`read_any`], which decides. A property test holds the two
//! against each other.

use crate::ingest::members::{self, Name};
use crate::limits::{TAGS_MAX, TS_MS_MAX, VALUE_MAX, is_name, is_text};
use crate::time::parse_rfc3339;
use std::borrow::Cow;

/// What is wrong with a line. The names are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// More than 8,192 bytes.
    LineTooLong,
    /// Not an object of RFC 8259 in UTF-8.
    BadJson,
    /// A name that is none of the four.
    UnknownField,
    /// A name that was there before.
    RepeatedField,
    /// `ts` outside its range.
    BadTs,
    /// `key` that is no text.
    BadKey,
    /// `value` outside its range.
    BadValue,
    /// `tags` with a name or value outside its range.
    BadTags,
    /// A ninth tag.
    TooManyTags,
    /// No `ts`, `key` or `value`.
    MissingField,
    /// Too old or too far ahead.
    OutOfRetention,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LineTooLong,
        Self::BadJson,
        Self::UnknownField,
        Self::RepeatedField,
        Self::BadTs,
        Self::BadKey,
        Self::BadValue,
        Self::BadTags,
        Self::TooManyTags,
        Self::MissingField,
        Self::OutOfRetention,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::LineTooLong => "line-too-long",
            Self::BadJson => "bad-json",
            Self::UnknownField => "unknown-field",
            Self::RepeatedField => "repeated-field",
            Self::BadTs => "bad-ts",
            Self::BadKey => "bad-key",
            Self::BadValue => "bad-value",
            Self::BadTags => "bad-tags",
            Self::TooManyTags => "too-many-tags",
            Self::MissingField => "missing-field",
            Self::OutOfRetention => "out-of-retention",
        }
    }

    /// What is allowed, for people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::LineTooLong => "A line has at most 8,192 bytes.",
            Self::BadJson => "The line is not one JSON object in UTF-8.",
            Self::UnknownField => "An event has ts, key, value and tags, and nothing else.",
            Self::RepeatedField => "A field is there twice.",
            Self::BadTs => {
                "ts is Unix milliseconds as an integer from 0 to 253402300799999, or an RFC 3339 text."
            }
            Self::BadKey => "key is a string of 1 to 255 bytes without control characters.",
            Self::BadValue => "value is a number of at most 1e290 in size.",
            Self::BadTags => {
                "tags is an object; a name, which is there once, is 1 to 64 of A-Z a-z 0-9 _ . -, \
                 and its value a string of 1 to 255 bytes without control characters."
            }
            Self::TooManyTags => "An event has at most 8 tags.",
            Self::MissingField => "An event needs ts, key and value.",
            Self::OutOfRetention => {
                "ts is older than the retention, or more than a day ahead of the server's clock."
            }
        }
    }
}

/// A tag's name and value.
pub type TagText<'a> = (Cow<'a, str>, Cow<'a, str>);

/// One event, as it stands in its line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event<'a> {
    /// Unix ms.
    pub ts_ms: i64,
    /// Its key.
    pub key: Cow<'a, str>,
    /// Its value, finite, never −0.
    pub value: f64,
    /// Its tags, each name once.
    pub tags: Vec<TagText<'a>>,
}

/// Reads a line into `event`, whose room it uses again.
///
/// # Errors
/// What is wrong with the line first.
pub fn read<'a>(line: &'a str, event: &mut Event<'a>) -> Result<(), Code> {
    match read_plain(line, event) {
        Some(()) => Ok(()),
        None => {
            *event = read_any(line)?;
            Ok(())
        }
    }
}

/// Reads any line.
///
/// # Errors
/// What is wrong with the line first.
pub fn read_any(line: &str) -> Result<Event<'_>, Code> {
    let members = members::read(line).ok_or(Code::BadJson)?;
    let (mut ts, mut key, mut value, mut tags) = (None, None, None, None);
    for (name, raw) in members {
        let Name::Text(name) = name else {
            return Err(Code::UnknownField);
        };
        match name.as_ref() {
            "ts" if ts.is_none() => ts = Some(read_ts(raw).ok_or(Code::BadTs)?),
            "key" if key.is_none() => {
                key = Some(members::text(raw).filter(|it| is_text(it)).ok_or(Code::BadKey)?);
            }
            "value" if value.is_none() => value = Some(read_value(raw).ok_or(Code::BadValue)?),
            "tags" if tags.is_none() => tags = Some(read_tags(raw)?),
            "ts" | "key" | "value" | "tags" => return Err(Code::RepeatedField),
            _ => return Err(Code::UnknownField),
        }
    }
    match (ts, key, value) {
        (Some(ts_ms), Some(key), Some(value)) => {
            Ok(Event { ts_ms, key, value, tags: tags.unwrap_or_default() })
        }
        _ => Err(Code::MissingField),
    }
}

/// Reads a time from its JSON text: whole milliseconds, or a text of RFC 3339.
pub fn read_ts(raw: &str) -> Option<i64> {
    match raw.as_bytes().first()? {
        b'"' => parse_rfc3339(&members::text(raw)?),
        b'0'..=b'9' => raw.parse().ok().filter(|ms| (0..=TS_MS_MAX).contains(ms)),
        _ => None,
    }
}

/// Reads a value from its JSON text, a number.
pub fn read_value(raw: &str) -> Option<f64> {
    matches!(raw.as_bytes().first()?, b'-' | b'0'..=b'9').then(|| raw.parse().ok())?.and_then(fits)
}

fn fits(value: f64) -> Option<f64> {
    // Adding 0 makes 0 of −0.
    (value.abs() <= VALUE_MAX).then_some(value + 0.0)
}

fn read_tags(raw: &str) -> Result<Vec<TagText<'_>>, Code> {
    let mut tags: Vec<TagText<'_>> = Vec::new();
    for (name, raw) in members::read(raw).ok_or(Code::BadTags)? {
        if tags.len() == TAGS_MAX {
            return Err(Code::TooManyTags);
        }
        let Name::Text(name) = name else {
            return Err(Code::BadTags);
        };
        let value = members::text(raw).filter(|it| is_text(it)).ok_or(Code::BadTags)?;
        if !is_name(&name) || tags.iter().any(|(other, _)| *other == name) {
            return Err(Code::BadTags);
        }
        tags.push((name, value));
    }
    Ok(tags)
}

/// Reads a line of the plain form, or gives up.
pub fn read_plain<'a>(line: &'a str, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor { line, at: 0 };
    let (mut ts, mut key, mut value) = (None, None, None);
    let mut tags_seen = false;
    event.tags.clear();
    cursor.expect(b'{')?;
    loop {
        match cursor.string()? {
            "ts" if ts.is_none() => {
                cursor.expect(b':')?;
                ts = Some(cursor.whole_number()?);
            }
            "key" if key.is_none() => {
                cursor.expect(b':')?;
                key = Some(cursor.string().filter(|key| is_text(key))?);
            }
            "value" if value.is_none() => {
                cursor.expect(b':')?;
                value = Some(cursor.number().and_then(fits)?);
            }
            "tags" if !tags_seen => {
                cursor.expect(b':')?;
                tags_seen = true;
                cursor.tags(&mut event.tags)?;
            }
            _ => return None,
        }
        match cursor.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    if cursor.at != line.len() {
        return None;
    }
    event.ts_ms = ts?;
    event.key = Cow::Borrowed(key?);
    event.value = value?;
    Some(())
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            self.at += 1;
            if byte != b' ' {
                return Some(byte);
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = self.line.as_bytes().get(start..)?;
        let length = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        if *rest.get(length)? != b'"' {
            return None;
        }
        self.at = start + length + 1;
        self.line.get(start..start + length)
    }

    fn digits(&mut self) -> &'a [u8] {
        let rest = self.line.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Digits of which the first is not 0 unless it is the only one.
    fn whole(&mut self) -> Option<&'a [u8]> {
        let digits = self.digits();
        match digits {
            [] | [b'0', _, ..] => None,
            _ => Some(digits),
        }
    }

    fn whole_number(&mut self) -> Option<i64> {
        self.skip_spaces();
        let digits = self.whole()?;
        if digits.len() > 15 || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        Some(fold(0, digits) as i64).filter(|ms| *ms <= TS_MS_MAX)
    }

    /// A number; exact powers of ten make most of them cheap (Clinger, 1990).
    fn number(&mut self) -> Option<f64> {
        self.skip_spaces();
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let whole = self.whole()?;
        let mut fraction: &[u8] = &[];
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction = self.digits();
            if fraction.is_empty() {
                return None;
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits().is_empty() {
                return None;
            }
        } else if whole.len() + fraction.len() <= 15
            && let Some(&power) = POWERS.get(fraction.len())
        {
            // Both fit a double exactly, so that the division rounds once.
            let value = fold(fold(0, whole), fraction) as f64 / power;
            return Some(if negative { -value } else { value });
        }
        self.line.get(start..self.at)?.parse().ok()
    }

    fn tags(&mut self, tags: &mut Vec<TagText<'a>>) -> Option<()> {
        self.expect(b'{')?;
        self.skip_spaces();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.string().filter(|name| is_name(name))?;
            self.expect(b':')?;
            let value = self.string().filter(|value| is_text(value))?;
            if tags.len() == TAGS_MAX || tags.iter().any(|(other, _)| other == name) {
                return None;
            }
            tags.push((Cow::Borrowed(name), Cow::Borrowed(value)));
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }
}

const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

fn fold(start: u64, digits: &[u8]) -> u64 {
    digits.iter().fold(start, |sum, &digit| sum * 10 + u64::from(digit - b'0'))
}
