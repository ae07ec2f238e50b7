//! A minimal reader of HTTP/1.1 responses: the status, and where the response ends.
//!
//! It understands what the reference services send to a keep-alive client: a status line, headers
//! with a `Content-Length`, a body. A 204 or 304 has no body (RFC 9110 §6.4.1), whatever its length
//! says. Anything else is a fault of that response.

/// The longest head and the longest body accepted.
const MAX_HEAD: usize = 16 * 1024;
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Why a response cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The head is not HTTP/1.1, or has no status.
    NotHttp,
    /// No valid `Content-Length`.
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
    /// The length of the body in bytes.
    pub(crate) body: usize,
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
    let body = match status {
        204 | 304 => 0,
        _ => lines.find_map(content_length).ok_or(Fault::NoLength)?,
    };
    if body > MAX_BODY {
        return Err(Fault::TooLong);
    }
    match received.len().cmp(&(end + body)) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => Ok(Some(Response { status, head: end, body })),
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

/// The value when the line is `Content-Length: N`.
fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let name = line.get(..NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let value = std::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim();
    value.parse().ok()
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
        assert_eq!(read(ANSWER), Ok(Some(Response { status: 200, head, body })));
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
