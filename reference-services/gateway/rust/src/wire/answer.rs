//! The head of an upstream's answer.

use super::Framing;
use super::{HEAD_BYTES_MAX, Kind, trimmed};
use httparse::{Header, Response, Status};
use std::mem::MaybeUninit;

/// More fields than fit into a head.
const FIELDS_MAX: usize = 512;

/// An answer that cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadAnswer;

/// What an answer's head says.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the connection may be used again after the body.
    pub(crate) keeps: bool,
    /// The status line and the fields that go back to the client, each with its line's end; without
    /// `Transfer-Encoding` and `X-Request-Id`.
    pub(crate) head: Vec<u8>,
}

/// Takes a head off the front of a buffer, interim answers before it included; none when more must come.
pub(crate) fn read_answer(
    buffer: &mut Vec<u8>,
    to_head: bool,
) -> Result<Option<Answered>, BadAnswer> {
    loop {
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let mut response = Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut response, buffer, &mut fields);
        let length = match status {
            Ok(Status::Complete(length)) if length <= HEAD_BYTES_MAX => length,
            Ok(Status::Partial) if buffer.len() <= HEAD_BYTES_MAX => return Ok(None),
            _ => return Err(BadAnswer),
        };
        let code = response.code.unwrap_or_default();
        // 1xx answers are dropped; nobody asked to switch protocols.
        let answered = match code {
            100 | 102..200 => None,
            200..=999 => Some(translate(code, &response, to_head)?),
            _ => return Err(BadAnswer),
        };
        buffer.drain(..length);
        if answered.is_some() {
            return Ok(answered);
        }
    }
}

fn translate(code: u16, response: &Response<'_, '_>, to_head: bool) -> Result<Answered, BadAnswer> {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(code.to_string().as_bytes());
    head.push(b' ');
    head.extend_from_slice(response.reason.unwrap_or_default().as_bytes());
    head.extend_from_slice(b"\r\n");
    let named = Named::of(response.headers);
    let bodiless = to_head || code == 204 || code == 304;
    let (mut length, mut chunked) = (None, false);
    for field in response.headers.iter() {
        let kind = Kind::of(field.name.as_bytes());
        match kind {
            Kind::ContentLength => {
                let value = digits(field.value).ok_or(BadAnswer)?;
                if length.is_some_and(|other| other != value) {
                    return Err(BadAnswer);
                }
                length = Some(value);
                continue;
            }
            Kind::TransferEncoding => {
                if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadAnswer);
                }
                chunked = true;
                continue;
            }
            Kind::HopByHop | Kind::Connection | Kind::RequestId => continue,
            _ if named.has(field.name) => continue,
            _ => {}
        }
        head.extend_from_slice(field.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(field.value);
        head.extend_from_slice(b"\r\n");
    }
    let framing = match length {
        _ if bodiless => Framing::Length(0),
        _ if chunked => Framing::CHUNKED,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    if let Some(length) = length.filter(|_| !chunked && code != 204) {
        head.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
    }
    let keeps = response.version == Some(1) && !named.close && framing != Framing::UntilClose;
    Ok(Answered { status: code, framing, keeps, head })
}

fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// What the fields `Connection` name.
struct Named<'a> {
    names: Vec<&'a [u8]>,
    close: bool,
}

impl<'a> Named<'a> {
    fn of(fields: &[Header<'a>]) -> Self {
        let mut named = Self { names: Vec::new(), close: false };
        for field in fields {
            if !field.name.eq_ignore_ascii_case("connection") {
                continue;
            }
            for name in field.value.split(|byte| *byte == b',').map(trimmed) {
                if name.eq_ignore_ascii_case(b"close") {
                    named.close = true;
                } else if !name.eq_ignore_ascii_case(b"keep-alive") {
                    named.names.push(name);
                }
            }
        }
        named
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|other| other.eq_ignore_ascii_case(name.as_bytes()))
    }
}
