//! HTTP/1.1 as bytes: heads, the framing of bodies, reading and writing. There is one reader of a
//! client's bytes, and it takes nothing that another program could read differently: what it does not
//! understand never gets further.

mod answer;
mod framing;
mod head;
mod io;

pub(crate) use answer::{Answered, read_answer};
pub(crate) use framing::{Framing, write_chunk, write_last_chunk};
pub(crate) use head::{Field, Head, Kind};
pub(crate) use io::{fill, write_all};

/// Longest head of a request or an answer, in bytes.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes that break the contract's rules of framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Whether a line holds no control characters, a tab aside.
fn is_text(line: &[u8]) -> bool {
    let bad = |byte: u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    // Without an early end, so that it compiles to a few wide instructions.
    !line.iter().fold(false, |found, byte| found | bad(*byte))
}

/// Whether it is a token (RFC 9110 §5.6.2).
fn is_token(text: &[u8]) -> bool {
    let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(of_token)
}

/// A field's name, and its value without the white space around it.
fn split_field(line: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let colon = memchr::memchr(b':', line).ok_or(Malformed)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Malformed)?;
    if !is_token(name) {
        return Err(Malformed);
    }
    let value = value.get(1..).unwrap_or_default();
    Ok((name, trimmed(value)))
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
