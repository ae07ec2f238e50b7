//! Writing replies, in the version of the protocol that the client speaks.

use super::number::digits;

/// The longest reply to one request.
pub(crate) const REPLY_BYTES_MAX: usize = 64 << 20;

/// Writes one client's replies behind each other.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    resp3: bool,
    /// Where the reply to this request starts.
    start: usize,
}

impl<'a> Reply<'a> {
    /// Writes behind what is there, in RESP3 or RESP2.
    pub fn new(out: &'a mut Vec<u8>, resp3: bool) -> Self {
        let start = out.len();
        Self { out, resp3, start }
    }

    /// From now on RESP3 or RESP2.
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }

    /// The same place to write to, for a command within a transaction.
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply { out: self.out, resp3: self.resp3, start: self.start }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes back what was written behind this length.
    pub fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    fn number(&mut self, kind: u8, value: i64) {
        self.line(kind, digits(value).as_bytes());
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A status, without a line end in it.
    pub fn status(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error, each character of which is one byte. As in Redis it ends at a zero byte; line ends
    /// become spaces, and those at its end are dropped.
    pub fn error(&mut self, text: &str) {
        let text = text.split('\0').next().unwrap_or_default().trim_end_matches(['\r', '\n']);
        self.out.push(b'-');
        self.out.extend(text.chars().map(|it| match it {
            '\r' | '\n' => b' ',
            other => u8::try_from(other).unwrap_or(b'?'),
        }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.out.extend_from_slice(&[b':', b'0' + digit, b'\r', b'\n']),
            _ => self.number(b':', value),
        }
    }

    /// A count as an integer.
    pub fn count(&mut self, value: usize) {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// 1 or 0.
    pub fn flag(&mut self, value: bool) {
        self.integer(value.into());
    }

    /// A bulk string. Nothing more is written to a reply that is too long already: the connection
    /// will be closed instead.
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.out.len() - self.start > REPLY_BYTES_MAX {
            return;
        }
        self.out.reserve(bytes.len() + 32);
        self.number(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A bulk string of an integer's digits.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(digits(value).as_bytes());
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Null.
    pub fn null(&mut self) {
        self.out.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Null in place of an array.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The start of an array.
    pub fn array(&mut self, length: usize) {
        self.number(b'*', length as i64);
    }

    /// The start of a map of so many pairs.
    pub fn map(&mut self, pairs: usize) {
        if self.resp3 {
            self.number(b'%', pairs as i64);
        } else {
            self.array(2 * pairs);
        }
    }

    /// The start of a set.
    pub fn set(&mut self, length: usize) {
        if self.resp3 {
            self.number(b'~', length as i64);
        } else {
            self.array(length);
        }
    }

    /// Text for people.
    pub fn verbatim(&mut self, text: &str) {
        if self.resp3 {
            self.number(b'=', text.len() as i64 + 4);
            self.out.extend_from_slice(b"txt:");
            self.out.extend_from_slice(text.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// Elements that were written elsewhere.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An array whose length is known only afterwards: `write` answers it.
    pub fn counted_array(&mut self, write: impl FnOnce(&mut Self) -> usize) {
        let start = self.out.len();
        let length = write(self);
        let mut head = vec![b'*'];
        head.extend_from_slice(digits(length as i64).as_bytes());
        head.extend_from_slice(b"\r\n");
        self.out.splice(start..start, head);
    }
}
