//! The head of a request.

use super::{Malformed, is_text, is_token, split_field};
use std::ops::Range;

const LENGTH_DIGITS_MAX: usize = 18;

/// What a field is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Passed on as it came.
    Other,
    Host,
    Authorization,
    Connection,
    ContentLength,
    TransferEncoding,
    Expect,
    RequestId,
    Traceparent,
    Tracestate,
    /// Concerns one connection only (RFC 9110 §7.6.1).
    HopByHop,
    /// What only the gateway may say.
    Own,
}

const KINDS: [(&[u8], Kind); 23] = [
    (b"host", Kind::Host),
    (b"authorization", Kind::Authorization),
    (b"connection", Kind::Connection),
    (b"content-length", Kind::ContentLength),
    (b"transfer-encoding", Kind::TransferEncoding),
    (b"expect", Kind::Expect),
    (b"x-request-id", Kind::RequestId),
    (b"traceparent", Kind::Traceparent),
    (b"tracestate", Kind::Tracestate),
    (b"keep-alive", Kind::HopByHop),
    (b"proxy-connection", Kind::HopByHop),
    (b"proxy-authenticate", Kind::HopByHop),
    (b"proxy-authorization", Kind::HopByHop),
    (b"te", Kind::HopByHop),
    (b"trailer", Kind::HopByHop),
    (b"upgrade", Kind::HopByHop),
    (b"forwarded", Kind::Own),
    (b"x-forwarded-for", Kind::Own),
    (b"x-forwarded-host", Kind::Own),
    (b"x-forwarded-port", Kind::Own),
    (b"x-forwarded-proto", Kind::Own),
    (b"x-real-ip", Kind::Own),
    (b"x-auth-subject", Kind::Own),
];

impl Kind {
    pub(crate) fn of(name: &[u8]) -> Self {
        let same = |other: &[u8]| other.len() == name.len() && other.eq_ignore_ascii_case(name);
        let known = KINDS.iter().find(|(other, _)| same(other)).map(|(_, kind)| *kind);
        match known {
            Some(kind) => kind,
            // Some upstreams cannot tell X_Auth_Subject from X-Auth-Subject.
            None if name.contains(&b'_') => Self::Own,
            None => Self::Other,
        }
    }
}

/// A field by its places in the buffer.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

/// A request's head as far as it has come; places count from the head's first byte.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: Range<usize>,
    pub(crate) target: Range<usize>,
    /// HTTP/1.0.
    pub(crate) old_version: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) length: Option<u64>,
    pub(crate) chunked: bool,
    hosts: usize,
    began: bool,
    line_start: usize,
    scanned: usize,
}

impl Head {
    /// Makes room for the next one.
    pub(crate) fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }

    /// Takes the lines that have come since; returns the head's length once it is whole.
    pub(crate) fn advance(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        loop {
            let rest = buffer.get(self.scanned..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'\n', rest) else {
                self.scanned = buffer.len();
                return Ok(None);
            };
            let (start, end) = (self.line_start, self.scanned + at);
            let line = buffer.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(Malformed)?;
            self.scanned = end + 1;
            self.line_start = end + 1;
            if !is_text(line) {
                return Err(Malformed);
            }
            if !self.began {
                self.request_line(line, start)?;
                self.began = true;
            } else if line.is_empty() {
                self.check()?;
                return Ok(Some(end + 1));
            } else {
                self.field(line, start)?;
            }
        }
    }

    fn request_line(&mut self, line: &[u8], start: usize) -> Result<(), Malformed> {
        let space = memchr::memchr(b' ', line).ok_or(Malformed)?;
        let last = memchr::memrchr(b' ', line).ok_or(Malformed)?;
        let method = line.get(..space).unwrap_or_default();
        // Nothing is between them if there is one space only.
        let target = line.get(space + 1..last).unwrap_or_default();
        let visible = !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
        if !is_token(method) || !visible {
            return Err(Malformed);
        }
        self.old_version = match line.get(last + 1..) {
            Some(b"HTTP/1.1") => false,
            Some(b"HTTP/1.0") => true,
            _ => return Err(Malformed),
        };
        self.method = start..start + space;
        self.target = start + space + 1..start + last;
        Ok(())
    }

    fn field(&mut self, line: &[u8], start: usize) -> Result<(), Malformed> {
        let (name, value) = split_field(line)?;
        let kind = Kind::of(name);
        match kind {
            Kind::Host => {
                self.hosts += 1;
                if !is_host(value) {
                    return Err(Malformed);
                }
            }
            Kind::ContentLength => self.content_length(value)?,
            Kind::TransferEncoding => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed);
                }
                self.chunked = true;
            }
            _ => {}
        }
        let name_end = start + name.len();
        // The value stands behind the name, the colon and white space.
        let behind = line.get(name.len() + 1..).unwrap_or_default();
        let blank = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let value_start = name_end + 1 + blank;
        let value = value_start..value_start + value.len();
        self.fields.push(Field { kind, name: start..name_end, value });
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let digits =
            (1..=LENGTH_DIGITS_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        if self.length.is_some() || !digits {
            return Err(Malformed);
        }
        let length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        self.length = Some(length.ok_or(Malformed)?);
        Ok(())
    }

    /// Looks at the head as a whole.
    fn check(&self) -> Result<(), Malformed> {
        let two_lengths = self.chunked && (self.length.is_some() || self.old_version);
        let hosts_allowed = if self.old_version { 0..=1 } else { 1..=1 };
        if two_lengths || !hosts_allowed.contains(&self.hosts) {
            return Err(Malformed);
        }
        Ok(())
    }

    /// The fields of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.kind == kind)
    }

    /// The value of the only field of a kind.
    pub(crate) fn only<'a>(&self, kind: Kind, buffer: &'a [u8]) -> Option<&'a [u8]> {
        let mut found = self.of_kind(kind);
        let field = found.next()?;
        if found.next().is_some() { None } else { buffer.get(field.value.clone()) }
    }

    /// Whether the client wants an answer and then the end.
    pub(crate) fn closes(&self, buffer: &[u8]) -> bool {
        self.old_version
            || self.connection_names(buffer).any(|name| name.eq_ignore_ascii_case(b"close"))
    }

    /// What the fields `Connection` name.
    pub(crate) fn connection_names<'a>(&self, buffer: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.of_kind(Kind::Connection);
        fields.flat_map(|field| {
            let value = buffer.get(field.value.clone()).unwrap_or_default();
            value.split(|byte| *byte == b',').map(super::trimmed)
        })
    }
}

/// Whether these bytes may stand in a host with a port (RFC 3986 §3.2.2); none at all may, too.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!$%&()*+,-.:;=[]'_~".contains(byte))
}
