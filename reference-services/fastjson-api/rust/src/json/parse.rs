//! From bytes to a tree, or to one refusal and its place.

use super::members::Reading;
use super::syntax::first_fault;
use super::{DEPTH_MAX, EXPONENT_DIGITS_MAX, NUMBER_BYTES_MAX, Number, VALUES_MAX, Value};
use std::sync::Arc;

/// Which numbers are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// All of them.
    Any,
    /// Those that round to a finite double.
    Doubles,
}

/// Why a text is refused. Positions count the bytes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON; no JSON text begins with more of it.
    Malformed {
        /// The first byte that cannot be right, or the text's length.
        position: usize,
    },
    /// It is JSON that programs would read differently.
    NotIJson {
        /// `duplicate-name`, `lone-surrogate` or `number-range`.
        rule: &'static str,
        /// The name, escape or number.
        position: usize,
    },
    /// It is JSON beyond a limit.
    Limit {
        /// The limit's name.
        limit: &'static str,
        /// The value that is too much.
        position: usize,
    },
}

/// Reads one JSON text, strictly: RFC 8259 in UTF-8, each name once, whole surrogate pairs,
/// within the limits.
///
/// # Errors
/// When it is not JSON, wherever the fault is; else with the refusal that comes first in the text.
pub fn parse(text: &[u8], numbers: Numbers) -> Result<Value, Refusal> {
    let stop = match std::str::from_utf8(text) {
        Ok(text) => match Parser::new(text, numbers).document() {
            Ok(value) => return Ok(value),
            Err(stop) => stop,
        },
        Err(error) => Stop::Syntax(error.valid_up_to()),
    };
    match (first_fault(text), stop) {
        (Some(position), _) | (None, Stop::Syntax(position)) => {
            Err(Refusal::Malformed { position })
        }
        (None, Stop::Refused(refusal)) => Err(refusal),
    }
}

/// Where and why the parser went no further.
enum Stop {
    /// Not JSON, about here: [`first_fault`] says where exactly.
    Syntax(usize),
    Refused(Refusal),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    numbers: Numbers,
    values: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, numbers: Numbers) -> Self {
        Self { text, at: 0, numbers, values: 0, depth: 0 }
    }

    fn document(&mut self) -> Result<Value, Stop> {
        self.white_space();
        let value = self.value()?;
        self.white_space();
        if self.at == self.text.len() { Ok(value) } else { Err(self.syntax()) }
    }

    fn value(&mut self) -> Result<Value, Stop> {
        let Some(byte) = self.peek() else { return Err(self.syntax()) };
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(self.beyond("values", self.at));
        }
        match byte {
            b'"' => self.string().map(Value::String),
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            _ => self.number(),
        }
    }

    /// The only way to recurse, and so the place that limits it.
    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Stop>) -> Result<Value, Stop> {
        if self.depth == DEPTH_MAX {
            return Err(self.beyond("depth", self.at));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        self.white_space();
        if self.accept(b']') {
            return Ok(Value::Array(Arc::default()));
        }
        loop {
            self.white_space();
            items.push(self.value()?);
            self.white_space();
            if self.accept(b']') {
                items.shrink_to_fit();
                return Ok(Value::Array(items.into()));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self) -> Result<Value, Stop> {
        let mut members = Reading::default();
        self.white_space();
        if self.accept(b'}') {
            return Ok(Value::Object(Arc::default()));
        }
        loop {
            self.white_space();
            let position = self.at;
            let name = self.string()?;
            if members.has(&name) {
                return Err(not_i_json("duplicate-name", position));
            }
            self.white_space();
            self.expect(b':')?;
            self.white_space();
            let value = self.value()?;
            members.add(name, value);
            self.white_space();
            if self.accept(b'}') {
                return Ok(Value::Object(members.finish().into()));
            }
            self.expect(b',')?;
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Stop> {
        if !self.rest().starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let start = self.at;
        self.accept(b'-');
        if !self.accept(b'0') {
            self.digits()?;
        }
        if self.accept(b'.') {
            self.digits()?;
        }
        let mut exponent = "";
        if self.accept(b'e') || self.accept(b'E') {
            if !self.accept(b'+') {
                self.accept(b'-');
            }
            exponent = self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if text.len() > NUMBER_BYTES_MAX {
            return Err(self.beyond("number-bytes", start));
        }
        if exponent.trim_start_matches('0').len() > EXPONENT_DIGITS_MAX {
            return Err(self.beyond("exponent", start));
        }
        let number = Number::new(text);
        if self.numbers == Numbers::Doubles && !number.to_f64().is_finite() {
            return Err(not_i_json("number-range", start));
        }
        Ok(Value::Number(number))
    }

    fn digits(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        match rest.get(..count) {
            None | Some("") => Err(self.syntax()),
            Some(digits) => Ok(digits),
        }
    }

    fn string(&mut self) -> Result<Box<str>, Stop> {
        self.expect(b'"')?;
        let plain = self.plain()?;
        if self.accept(b'"') {
            return Ok(plain.into());
        }
        let mut text = plain.to_owned();
        loop {
            // Only an escape or the end can stop plain text.
            if self.accept(b'"') {
                return Ok(text.into());
            }
            text.push(self.escape()?);
            text.push_str(self.plain()?);
        }
    }

    /// Text up to the next quote or escape.
    fn plain(&mut self) -> Result<&'a str, Stop> {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let end = end.unwrap_or(rest.len());
        self.at += end;
        match self.peek() {
            Some(b'"' | b'\\') => Ok(rest.get(..end).unwrap_or_default()),
            _ => Err(self.syntax()),
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let position = self.at;
        self.expect(b'\\')?;
        let Some(kind) = self.peek() else { return Err(self.syntax()) };
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(position),
            _ => return Err(self.syntax()),
        })
    }

    /// The digits of one `\u` escape, or of the two of a surrogate pair.
    fn code_point(&mut self, position: usize) -> Result<char, Stop> {
        let lone = || not_i_json("lone-surrogate", position);
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(lone);
        }
        if !self.rest().starts_with("\\u") {
            return Err(lone());
        }
        self.at += 2;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone());
        }
        let combined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(combined).ok_or_else(lone)
    }

    fn four_digits(&mut self) -> Result<u32, Stop> {
        let digits =
            self.rest().get(..4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|four| u32::from_str_radix(four, 16).ok());
        let code = code.ok_or_else(|| self.syntax())?;
        self.at += 4;
        Ok(code)
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What is left; empty within a character, where the parser never stands.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.accept(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    fn syntax(&self) -> Stop {
        Stop::Syntax(self.at)
    }

    fn beyond(&self, limit: &'static str, position: usize) -> Stop {
        Stop::Refused(Refusal::Limit { limit, position })
    }
}

fn not_i_json(rule: &'static str, position: usize) -> Stop {
    Stop::Refused(Refusal::NotIJson { rule, position })
}
