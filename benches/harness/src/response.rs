//! A minimal reader of HTTP/1.1 responses: the status, and where the response ends.
//!
//! It understands what the reference services send to a keep-alive client: a status line, headers
//! with a `Content-Length`, a body, or one in chunks without trailers (RFC 9112 §7.1). A 204 or 304 has no body (RFC 9110 §6.4.1), whatever its length
//! says. Anything else is a fault of that response.

use std::borrow::Cow;

/// The longest head and the longest body accepted.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The longest line that says how long a chunk is.
const MAX_CHUNK_LINE: usize = 32;

/// Why a response cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The head is not HTTP/1.1, or has no status.
    NotHttp,
    /// No valid `Content-Length`, nor chunks.
    NoLength,
    /// The head or body is longer than we accept.
    TooLong,
    /// More bytes came than the response has.
    Trailing,
}

/// A complete response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The length of the head in bytes, its empty line included.
    pub(crate) head: usize,
    /// The length of the body in bytes, as it came.
    pub(crate) body: usize,
    /// Whether it came in chunks.
    chunked: bool,
}

impl Response {
    /// What the body says, from the bytes that this response was read from.
    pub(crate) fn content<'a>(&self, received: &'a [u8]) -> Cow<'a, [u8]> {
        let body = received.get(self.head..).unwrap_or_default();
        if !self.chunked {
            return Cow::Borrowed(body);
        }
        let mut content = Vec::with_capacity(body.len());
        // It was read before, so that it is whole.
        let _ = chunks(body, |chunk| content.extend_from_slice(chunk));
        Cow::Owned(content)
    }
}

/// Looks for a complete response at the start of what has been received. None: more must come.
///
/// # Errors
/// When what is there can never become a response that we accept.
pub(crate) fn read(received: &[u8]) -> Result<Option<Response>, Fault> {
    let Some(end) = find_end(received) else {
        return if received.len() > MAX_HEAD { Err(Fault::TooLong) } else { Ok(None) };
    };
    let mut lines = received.get(..end).unwrap_or_default().split(|byte| *byte == b'\n');
    let status = lines.next().and_then(status).ok_or(Fault::NotHttp)?;
    let framing = match status {
        204 | 304 => Framing::Length(0),
        _ => lines.find_map(framing).ok_or(Fault::NoLength)?,
    };
    let chunked = framing == Framing::Chunks;
    let body = match framing {
        Framing::Length(length) => length,
        Framing::Chunks => match chunks(received.get(end..).unwrap_or_default(), |_| ())? {
            Some(length) => length,
            None => return Ok(None),
        },
    };
    if body > MAX_BODY {
        return Err(Fault::TooLong);
    }
    match received.len().cmp(&(end + body)) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => Ok(Some(Response { status, head: end, body, chunked })),
        std::cmp::Ordering::Greater => Err(Fault::Trailing),
    }
}

/// The index after the empty line that ends the head.
fn find_end(received: &[u8]) -> Option<usize> {
    received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The code of `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ")?;
    let digits = rest.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// How a body's end is known.
#[derive(PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunks,
}

/// What the line says of it, if it is `Content-Length: N` or `Transfer-Encoding: chunked`.
fn framing(line: &[u8]) -> Option<Framing> {
    let value = |name: &[u8]| {
        let (own, value) = line.split_at_checked(name.len())?;
        own.eq_ignore_ascii_case(name).then(|| std::str::from_utf8(value).ok().map(str::trim))?
    };
    if let Some(length) = value(b"content-length:") {
        return length.parse().ok().map(Framing::Length);
    }
    let encoding = value(b"transfer-encoding:")?;
    encoding.eq_ignore_ascii_case("chunked").then_some(Framing::Chunks)
}

/// Goes through chunks and says how long all of them are; none until the last has come.
fn chunks(body: &[u8], mut each: impl FnMut(&[u8])) -> Result<Option<usize>, Fault> {
    let mut rest = body;
    loop {
        let Some(end) = rest.iter().take(MAX_CHUNK_LINE).position(|byte| *byte == b'\n') else {
            let broken = rest.len() > MAX_CHUNK_LINE;
            return if broken { Err(Fault::NoLength) } else { Ok(None) };
        };
        let (line, after) = rest.split_at_checked(end + 1).ok_or(Fault::NoLength)?;
        let size = line.strip_suffix(b"\r\n").and_then(|size| std::str::from_utf8(size).ok());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or(Fault::NoLength)?;
        if size > MAX_BODY {
            return Err(Fault::TooLong);
        }
        let Some((chunk, after)) = after.split_at_checked(size) else { return Ok(None) };
        match after {
            [b'\r', b'\n', after @ ..] => rest = after,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(Fault::NoLength),
        }
        if size == 0 {
            return Ok(Some(body.len() - rest.len()));
        }
        each(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-LENGTH:  5 \r\n\r\nhello";

    #[test]
    fn a_response_is_complete_only_with_its_last_byte() {
        for end in 0..ANSWER.len() {
            assert_eq!(read(&ANSWER[..end]), Ok(None), "after {end} bytes");
        }
        let body = 5;
        let head = ANSWER.len() - body;
        assert_eq!(read(ANSWER), Ok(Some(Response { status: 200, head, body, chunked: false })));
    }

    #[test]
    fn chunks_are_put_together() {
        const CHUNKED: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\nA\r\nlo chunks!\r\n0\r\n\r\n";
        for end in 0..CHUNKED.len() {
            assert_eq!(read(&CHUNKED[..end]), Ok(None), "after {end} bytes");
        }
        let response = read(CHUNKED).unwrap().unwrap();
        assert_eq!(response.head + response.body, CHUNKED.len());
        assert_eq!(response.content(CHUNKED).as_ref(), b"hello chunks!");
        assert_eq!(read(&[CHUNKED, b"x"].concat()), Err(Fault::Trailing));
        let broken = |from, to| String::from_utf8_lossy(CHUNKED).replace(from, to);
        assert_eq!(read(broken("3\r\nhel", "4\r\nhel").as_bytes()), Err(Fault::NoLength));
        assert_eq!(read(broken("A\r\n", "ten\r\n").as_bytes()), Err(Fault::NoLength));
    }

    #[test]
    fn answers_without_a_body_end_with_their_head() {
        for text in
            ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n"]
        {
            let read = read(text.as_bytes()).unwrap().unwrap();
            assert_eq!((read.head, read.body), (text.len(), 0));
        }
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(read(b"SSH-2.0-x\r\n\r\n"), Err(Fault::NotHttp));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nDate: x\r\n\r\nhi"), Err(Fault::NoLength));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Err(Fault::NoLength));
        assert_eq!(read(b"HTTP/1.1 201 No\r\nContent-Length: 0\r\n\r\nx"), Err(Fault::Trailing));
        let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
        assert_eq!(read(huge), Err(Fault::TooLong));
        assert_eq!(read(&[b'x'; MAX_HEAD + 1]), Err(Fault::TooLong));
    }
}
