//! One connection: requests are found by their length alone.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::commands;

/// The longest request taken, head and body.
const REQUEST_BYTES_MAX: usize = 32 * 1024;

/// A request that begins so is never answered, to try what stands in front.
const STALLED: &[u8] = b"GET /stall ";

const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &[u8] = b"content-length:";
const SAMPLE_QUOTE: &str =
    include_str!("../../../reference-services/fastjson-api/sample-quote.json");

/// The two answers, encoded, with the headers that the services send.
pub(crate) struct Answers {
    quote: Vec<u8>,
    ok: Vec<u8>,
}

impl Answers {
    pub(crate) fn new() -> Self {
        let quote = answer("application/json", &compact(SAMPLE_QUOTE));
        Self { quote, ok: answer("text/plain; charset=utf-8", "ok\n") }
    }
}

/// The date has the length of a real one, and nobody reads it.
fn answer(content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A JSON text without the white space between its tokens; none of its strings holds a quotation
/// mark.
fn compact(json: &str) -> String {
    let mut in_string = false;
    let keep = |c: &char| {
        in_string ^= *c == '"';
        in_string || !c.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

/// A connection and what has come on it without being answered yet.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// The answers to a pipeline of commands.
    out: Vec<u8>,
}

impl Connection {
    /// On a stream that does not block.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: vec![0; REQUEST_BYTES_MAX], filled: 0, out: Vec::new() }
    }

    /// Reads once and answers what is whole. An error ends the connection: also its orderly end,
    /// a request that is too long, and a client that does not take its answers.
    pub(crate) fn ready(&mut self, answers: &Answers) -> io::Result<()> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let mut answered = 0;
        let received = self.buffer.get(..self.filled).unwrap_or_default();
        if received.starts_with(b"*") {
            self.out.clear();
            answered = commands::answer(received, &mut self.out);
            self.stream.write_all(&self.out)?;
        }
        loop {
            let pending = self.buffer.get(answered..self.filled).unwrap_or_default();
            let Some(length) = length(pending).filter(|length| *length <= pending.len()) else {
                break;
            };
            let answer = if pending.starts_with(b"GET ") { &answers.ok } else { &answers.quote };
            if !pending.starts_with(STALLED) {
                self.stream.write_all(answer)?;
            }
            answered += length;
        }
        self.buffer.copy_within(answered..self.filled, 0);
        self.filled -= answered;
        Ok(())
    }
}

/// The length of the request that begins here, once its head is whole.
fn length(pending: &[u8]) -> Option<usize> {
    let head = pending.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let lines = pending.get(..head)?.split(|byte| *byte == b'\n');
    let body = lines.filter_map(content_length).next().unwrap_or(0);
    Some((head + HEAD_END.len()).saturating_add(body))
}

/// The value when the line is `Content-Length: N`.
fn content_length(line: &[u8]) -> Option<usize> {
    let (name, value) = line.split_at_checked(LENGTH.len())?;
    if !name.eq_ignore_ascii_case(LENGTH) {
        return None;
    }
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}
