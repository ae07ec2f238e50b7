//! Entity tags, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3 and §13).

use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

/// Half of the hash is far more than chance can meet, and keeps the header short.
const HASH_BYTES: usize = 16;

/// A document's strong entity tag: a hash of its served form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag([u8; 2 * HASH_BYTES + 2]);

impl ETag {
    pub(crate) fn of(served: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        let mut tag = [b'"'; 2 * HASH_BYTES + 2];
        let hash = Sha256::digest(served);
        let pairs = tag.get_mut(1..).unwrap_or_default().chunks_exact_mut(2);
        for (pair, byte) in pairs.zip(hash.iter().take(HASH_BYTES)) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self(tag)
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static("\"\""))
    }
}

/// What a request asks to hold before it is carried out.
#[derive(Debug, Default)]
pub(crate) struct Preconditions {
    if_match: Option<Condition>,
    if_none_match: Option<Condition>,
}

#[derive(Debug)]
enum Condition {
    /// `*`: any document at all.
    Any,
    Tags(Vec<Tag>),
}

#[derive(Debug)]
struct Tag {
    weak: bool,
    /// With its quotes.
    opaque: Vec<u8>,
}

/// A precondition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    IfMatch,
    IfNoneMatch,
}

impl Preconditions {
    /// Reads both fields.
    ///
    /// # Errors
    /// With the name of the field that is neither `*` nor a list of entity tags.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, HeaderName> {
        let read = |name: HeaderName| {
            let mut lines = headers.get_all(&name).iter().map(HeaderValue::as_bytes).peekable();
            if lines.peek().is_none() {
                return Ok(None);
            }
            let field = lines.collect::<Vec<_>>().join(&b',');
            Condition::parse(&field).map(Some).ok_or(name)
        };
        Ok(Self { if_match: read(IF_MATCH)?, if_none_match: read(IF_NONE_MATCH)? })
    }

    /// Judges them against the document there is, if any.
    pub(crate) fn check(&self, current: Option<&ETag>) -> Result<(), Unmet> {
        let holds = |condition: &Condition, strongly| match (condition, current) {
            (_, None) => false,
            (Condition::Any, _) => true,
            (Condition::Tags(tags), Some(etag)) => {
                tags.iter().any(|tag| tag.opaque == etag.0 && !(strongly && tag.weak))
            }
        };
        if self.if_match.as_ref().is_some_and(|condition| !holds(condition, true)) {
            return Err(Unmet::IfMatch);
        }
        if self.if_none_match.as_ref().is_some_and(|condition| holds(condition, false)) {
            return Err(Unmet::IfNoneMatch);
        }
        Ok(())
    }
}

impl Condition {
    fn parse(field: &[u8]) -> Option<Self> {
        if field.trim_ascii() == b"*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = field;
        loop {
            rest = rest.trim_ascii_start();
            match rest {
                [] => break,
                [b',', after @ ..] => rest = after,
                _ => {
                    let (tag, after) = Tag::parse(rest)?;
                    tags.push(tag);
                    rest = after.trim_ascii_start();
                    if !matches!(rest, [] | [b',', ..]) {
                        return None;
                    }
                }
            }
        }
        if tags.is_empty() { None } else { Some(Self::Tags(tags)) }
    }
}

impl Tag {
    /// The tag that a text begins with, and what follows it. Tags may contain commas.
    fn parse(text: &[u8]) -> Option<(Self, &[u8])> {
        let weak = text.starts_with(b"W/");
        let text = if weak { text.get(2..)? } else { text };
        let inner = text.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let (opaque, after) = text.split_at_checked(end + 2)?;
        let allowed = |byte: &u8| matches!(byte, 0x21..=0x7e | 0x80..);
        let whole = inner.get(..end)?.iter().all(allowed);
        whole.then(|| (Self { weak, opaque: opaque.to_vec() }, after))
    }
}
