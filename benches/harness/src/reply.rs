//! A minimal reader of a cache's replies, in the Redis protocol (version 2) and in memcached's meta
//! commands: what the commands of a scenario are answered with, and nothing nested.

use std::fmt;

use crate::scenario::Protocol;
use crate::wire::Broken;

/// The longest line, and the longest value accepted.
const MAX_LINE: usize = 16 * 1024;
const MAX_VALUE: usize = 16 * 1024 * 1024;

/// How much of a reply a complaint shows.
const SHOWN: usize = 120;

/// A reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// Done: `+OK`, `+PONG`, `HD`, `MN`, `OK`.
    Ok,
    /// A whole number.
    Number,
    /// A value.
    Value(&'a [u8]),
    /// There is none.
    Nothing,
    /// Refused, with the reason.
    Error(&'a [u8]),
}

impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short =
            |text: &[u8]| String::from_utf8_lossy(text.get(..SHOWN).unwrap_or(text)).into_owned();
        match self {
            Self::Ok => f.write_str("with OK"),
            Self::Number => f.write_str("with a number"),
            Self::Value(value) => write!(f, "with the value {:?}", short(value)),
            Self::Nothing => f.write_str("with nothing"),
            Self::Error(reason) => write!(f, "with the error {:?}", short(reason)),
        }
    }
}

/// The reply that begins here and what follows it. None: more must come.
///
/// # Errors
/// When it can never become a reply that we accept.
pub(crate) fn read(
    protocol: Protocol,
    received: &[u8],
) -> Result<Option<(Reply<'_>, &[u8])>, Broken> {
    let Some(end) = received.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
        return if received.len() > MAX_LINE { Err(Broken) } else { Ok(None) };
    };
    let (line, rest) = received.split_at_checked(end + 1).ok_or(Broken)?;
    let line = line.strip_suffix(b"\r\n").ok_or(Broken)?;
    match protocol {
        Protocol::Resp => resp(line, rest),
        Protocol::Memcached => memcached(line, rest),
        Protocol::Http => Err(Broken),
    }
}

type Read<'a> = Result<Option<(Reply<'a>, &'a [u8])>, Broken>;

fn resp<'a>(line: &'a [u8], rest: &'a [u8]) -> Read<'a> {
    let (kind, text) = line.split_first().ok_or(Broken)?;
    let reply = match kind {
        b'$' if text == b"-1" => Reply::Nothing,
        b'$' => return value(text, rest),
        b'+' if [b"OK".as_slice(), b"PONG"].contains(&text) => Reply::Ok,
        b':' => number(text).map(|_| Reply::Number).ok_or(Broken)?,
        b'+' | b'-' => Reply::Error(text),
        _ => return Err(Broken),
    };
    Ok(Some((reply, rest)))
}

fn memcached<'a>(line: &'a [u8], rest: &'a [u8]) -> Read<'a> {
    if let Some(length) = line.strip_prefix(b"VA ") {
        return value(length, rest);
    }
    let reply = match line {
        b"HD" | b"MN" | b"OK" => Reply::Ok,
        b"EN" => Reply::Nothing,
        reason => Reply::Error(reason),
    };
    Ok(Some((reply, rest)))
}

/// So many bytes and the end of their line.
fn value<'a>(length: &[u8], rest: &'a [u8]) -> Read<'a> {
    let length = number(length).and_then(|length| usize::try_from(length).ok()).ok_or(Broken)?;
    if length > MAX_VALUE {
        return Err(Broken);
    }
    let Some((value, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    match rest {
        [b'\r', b'\n', rest @ ..] => Ok(Some((Reply::Value(value), rest))),
        [] | [b'\r'] => Ok(None),
        _ => Err(Broken),
    }
}

/// A decimal number without spaces.
fn number(text: &[u8]) -> Option<i64> {
    // Nearly all are lengths of two digits, and this runs once for each command.
    if let [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = text {
        return Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'));
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply is read only with its last byte, leaves what follows, and says what it is.
    fn reads(protocol: Protocol, text: &str, expected: Reply<'_>) {
        for end in 0..text.len() {
            assert_eq!(read(protocol, &text.as_bytes()[..end]), Ok(None), "{text:?} up to {end}");
        }
        let followed = format!("{text}+more");
        let (reply, rest) = read(protocol, followed.as_bytes()).unwrap().unwrap();
        assert_eq!((reply, rest), (expected, "+more".as_bytes()), "{text:?}");
    }

    #[test]
    fn replies_of_both_protocols_are_read_whole() {
        let resp = |text, expected| reads(Protocol::Resp, text, expected);
        resp("+OK\r\n", Reply::Ok);
        resp(":-12\r\n", Reply::Number);
        resp("$-1\r\n", Reply::Nothing);
        resp("$0\r\n\r\n", Reply::Value(b""));
        resp("$5\r\nab\r\nc\r\n", Reply::Value(b"ab\r\nc"));
        resp("-OOM no room\r\n", Reply::Error(b"OOM no room"));
        let memcached = |text, expected| reads(Protocol::Memcached, text, expected);
        memcached("VA 5\r\nhello\r\n", Reply::Value(b"hello"));
        memcached("EN\r\n", Reply::Nothing);
        memcached("HD\r\n", Reply::Ok);
        memcached("MN\r\n", Reply::Ok);
        memcached("SERVER_ERROR out of memory\r\n", Reply::Error(b"SERVER_ERROR out of memory"));
    }

    #[test]
    fn what_is_no_reply_breaks() {
        for text in
            ["hello\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "$3\r\nabcd\r\n", ":1 2\r\n", "*1\r\n"]
        {
            assert_eq!(read(Protocol::Resp, text.as_bytes()), Err(Broken), "{text:?}");
        }
        assert_eq!(read(Protocol::Memcached, b"VA x\r\n"), Err(Broken));
        assert_eq!(read(Protocol::Resp, b"$99999999999\r\n"), Err(Broken));
        assert_eq!(read(Protocol::Resp, &vec![b'x'; MAX_LINE + 1]), Err(Broken));
    }
}
