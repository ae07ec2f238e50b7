//! JSON Pointer (RFC 6901).

use crate::json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// A place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: Box<str>,
    tokens: Vec<Box<str>>,
}

impl Pointer {
    /// Reads a pointer; none if the text is not one (RFC 6901 §3).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        if parts.next() != Some("") {
            return None;
        }
        let tokens = parts.map(|token| unescape(token).map(Into::into)).collect::<Option<_>>()?;
        Some(Self { text: text.into(), tokens })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names and indices from the root on, without escapes.
    pub fn tokens(&self) -> &[Box<str>] {
        &self.tokens
    }

    /// Whether `other` is within the value this one points at, and not that value itself.
    pub fn is_proper_prefix_of(&self, other: &Self) -> bool {
        self.tokens.len() < other.tokens.len() && other.tokens.starts_with(&self.tokens)
    }

    /// The value there, if there is one.
    pub fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.tokens.iter().try_fold(document, |value, token| match value {
            Value::Object(members) => members.get(token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }

    /// The value there, to be changed.
    pub fn find_mut<'a>(&self, document: &'a mut Value) -> Option<&'a mut Value> {
        find_mut(document, &self.tokens)
    }

    /// What holds the value, and its name or index there. None for the whole document, and where
    /// nothing is.
    pub(crate) fn find_parent<'a>(&self, document: &'a mut Value) -> Option<(&'a mut Value, &str)> {
        let (last, parents) = self.tokens.split_last()?;
        Some((find_mut(document, parents)?, last))
    }
}

fn find_mut<'a>(document: &'a mut Value, tokens: &[Box<str>]) -> Option<&'a mut Value> {
    tokens.iter().try_fold(document, |value, token| match value {
        Value::Object(members) => Arc::make_mut(members).get_mut(token),
        Value::Array(items) => Arc::make_mut(items).get_mut(index(token)?),
        _ => None,
    })
}

/// An array index: decimal digits without a leading zero. None also for one beyond every array.
pub(crate) fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (token == "0" || !token.starts_with('0'));
    if plain { token.parse().ok() } else { None }
}

/// `~1` is a slash and `~0` a tilde; a tilde alone is not allowed.
fn unescape(token: &str) -> Option<Cow<'_, str>> {
    let mut parts = token.split('~');
    let first = parts.next()?;
    let mut name = Cow::Borrowed(first);
    for part in parts {
        let (escaped, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            (None, None) => return None,
        };
        name.to_mut().push(escaped);
        name.to_mut().push_str(rest);
    }
    Some(name)
}
