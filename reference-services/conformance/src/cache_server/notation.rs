//! How the vectors write commands and expected replies. `vectors/cache/README.md` describes it.

use super::resp::Reply;
use anyhow::{Context, Result, bail, ensure};

/// The protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Resp2,
    Resp3,
}

/// What a reply must look like.
#[derive(Debug)]
pub(crate) enum Pattern {
    Any,
    Nil,
    NilArray,
    Between(i64, i64),
    Text(Kind, Text),
    Array(Vec<Pattern>),
    Set(Vec<Pattern>),
    Map(Vec<Pattern>),
    AnyOrder(Box<Pattern>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Simple,
    Error,
    Bulk,
    Verbatim,
}

#[derive(Debug)]
pub(crate) enum Text {
    Exactly(Vec<u8>),
    /// Parts between which anything may stand.
    Like(Vec<Vec<u8>>),
}

impl Text {
    fn holds(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exactly(expected) => expected == bytes,
            Self::Like(parts) => like(parts, bytes),
        }
    }
}

fn like(parts: &[Vec<u8>], bytes: &[u8]) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == bytes);
    };
    let Some(mut rest) = bytes.strip_prefix(first.as_slice()) else { return false };
    for part in middle.iter().filter(|part| !part.is_empty()) {
        let Some(at) = rest.windows(part.len()).position(|window| window == part.as_slice()) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

impl Pattern {
    /// Whether a reply in this protocol is as it must be.
    pub(crate) fn holds(&self, reply: &Reply, protocol: Protocol) -> bool {
        let resp3 = protocol == Protocol::Resp3;
        match (self, reply) {
            (Self::Any, _) => true,
            (Self::Nil, Reply::NullBulk) | (Self::NilArray, Reply::NullArray) => !resp3,
            (Self::Nil | Self::NilArray, Reply::Null) => resp3,
            (Self::Between(low, high), Reply::Integer(value)) => (*low..=*high).contains(value),
            (Self::Text(kind, text), reply) => match (kind, reply) {
                (Kind::Simple, Reply::Simple(bytes))
                | (Kind::Error, Reply::Error(bytes))
                | (Kind::Bulk, Reply::Bulk(bytes)) => text.holds(bytes),
                (Kind::Verbatim, Reply::Bulk(bytes)) => !resp3 && text.holds(bytes),
                (Kind::Verbatim, Reply::Verbatim(bytes)) => resp3 && text.holds(bytes),
                _ => false,
            },
            (Self::Array(patterns), Reply::Array(items)) => all_hold(patterns, items, protocol),
            (Self::Set(patterns), Reply::Set(items)) => {
                resp3 && all_hold(patterns, items, protocol)
            }
            (Self::Set(patterns) | Self::Map(patterns), Reply::Array(items)) => {
                !resp3 && all_hold(patterns, items, protocol)
            }
            (Self::Map(patterns), Reply::Map(pairs)) => {
                resp3 && all_hold(patterns, &flattened(pairs), protocol)
            }
            (Self::AnyOrder(pattern), reply) => pattern.holds_in_any_order(reply, protocol),
            _ => false,
        }
    }

    fn holds_in_any_order(&self, reply: &Reply, protocol: Protocol) -> bool {
        let resp3 = protocol == Protocol::Resp3;
        let (patterns, items, each) = match (self, reply) {
            (Self::Array(patterns), Reply::Array(items)) => (patterns, items.clone(), 1),
            (Self::Map(patterns), Reply::Array(items)) if !resp3 => (patterns, items.clone(), 2),
            (Self::Map(patterns), Reply::Map(pairs)) if resp3 => (patterns, flattened(pairs), 2),
            _ => return false,
        };
        let mut left: Vec<&[Pattern]> = patterns.chunks(each).collect();
        for group in items.chunks(each) {
            let found = left.iter().position(|patterns| all_hold(patterns, group, protocol));
            let Some(at) = found else { return false };
            left.swap_remove(at);
        }
        left.is_empty()
    }

    /// Reads the notation of a reply.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let line = text.trim_start();
        for (sign, kind) in [('+', Kind::Simple), ('-', Kind::Error)] {
            if let Some(rest) = line.strip_prefix(sign)
                && !rest.starts_with(['"', '~'])
            {
                return Ok(Self::Text(kind, Text::Exactly(rest.trim_end().into())));
            }
        }
        let mut reader = Reader { rest: line };
        let pattern = reader.pattern()?;
        ensure!(reader.rest.trim().is_empty(), "{:?} follows the reply", reader.rest);
        Ok(pattern)
    }
}

fn all_hold(patterns: &[Pattern], items: &[Reply], protocol: Protocol) -> bool {
    patterns.len() == items.len()
        && patterns.iter().zip(items).all(|(pattern, item)| pattern.holds(item, protocol))
}

fn flattened(pairs: &[(Reply, Reply)]) -> Vec<Reply> {
    pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn pattern(&mut self) -> Result<Pattern> {
        self.rest = self.rest.trim_start();
        for (sign, kind) in [("+", Kind::Simple), ("-", Kind::Error), ("=", Kind::Verbatim)] {
            if self.take(sign) {
                return Ok(Pattern::Text(kind, self.text()?));
            }
        }
        if self.take("~[") {
            return Ok(Pattern::Set(self.list("]")?));
        }
        if self.take("[") {
            return Ok(Pattern::Array(self.list("]")?));
        }
        if self.take("{") {
            return Ok(Pattern::Map(self.list("}")?));
        }
        if self.rest.starts_with(['"', '~']) {
            return Ok(Pattern::Text(Kind::Bulk, self.text()?));
        }
        match self.word() {
            "any" => Ok(Pattern::Any),
            "nil" => Ok(Pattern::Nil),
            "nil*" => Ok(Pattern::NilArray),
            "any-order" => Ok(Pattern::AnyOrder(Box::new(self.pattern()?))),
            word => {
                let number = word.strip_prefix(':').with_context(|| format!("{word:?}"))?;
                let (low, high) = number.split_once("..").unwrap_or((number, number));
                Ok(Pattern::Between(low.parse()?, high.parse()?))
            }
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Pattern>> {
        let mut patterns = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.take(end) {
                return Ok(patterns);
            }
            patterns.push(self.pattern()?);
        }
    }

    /// `"…"`, `~"…*…"`, or a word.
    fn text(&mut self) -> Result<Text> {
        if self.take("~\"") {
            let text = self.quoted()?;
            let parts = text.split(|byte| *byte == b'*').map(<[u8]>::to_vec).collect();
            return Ok(Text::Like(parts));
        }
        if self.take("\"") {
            return Ok(Text::Exactly(self.quoted()?));
        }
        Ok(Text::Exactly(self.word().into()))
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find([' ', ']', '}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, prefix: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(prefix) else { return false };
        self.rest = rest;
        true
    }

    /// The bytes up to the closing quote.
    fn quoted(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(bytes);
                }
                '\\' => match characters.next().context("ends with a backslash")?.1 {
                    'n' => bytes.push(b'\n'),
                    'r' => bytes.push(b'\r'),
                    't' => bytes.push(b'\t'),
                    'x' => {
                        let digits = self.rest.get(at + 2..at + 4).context("\\x is cut short")?;
                        bytes.push(u8::from_str_radix(digits, 16)?);
                        characters.nth(1);
                    }
                    other @ ('"' | '\\') => bytes.push(other as u8),
                    other => bail!("\\{other} is no escape"),
                },
                other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bail!("no closing quote")
    }
}

/// Splits a command into its arguments: words, or quoted as replies are.
pub(crate) fn arguments(line: &str) -> Result<Vec<Vec<u8>>> {
    let mut reader = Reader { rest: line.trim() };
    let mut arguments = Vec::new();
    while !reader.rest.is_empty() {
        if reader.take("\"") {
            arguments.push(reader.quoted()?);
        } else {
            let (word, rest) = reader.rest.split_once(' ').unwrap_or((reader.rest, ""));
            arguments.push(word.into());
            reader.rest = rest;
        }
        reader.rest = reader.rest.trim_start();
    }
    Ok(arguments)
}
