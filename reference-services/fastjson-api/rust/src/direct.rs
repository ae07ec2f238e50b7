//! Tuning rung `direct`: a connection loop of our own for the one hot request.
//!
//! A connection begins here. As long as whole, plain `POST /v1/quotes` requests come on it and
//! are answered 200, they are read, priced and written without hyper or a router in between.
//! Whatever else comes, a request in pieces, another route, a refusal, is not answered here: the
//! connection goes over to hyper for good, with the bytes read so far. So every answer but the
//! plain 200 is the idiomatic service's own, at the price that a client whose requests arrive in
//! pieces gains nothing.

use crate::http::quote_json;
use crate::metrics::Routes;
use std::io::{self, Write as _};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant as Deadline, sleep};

const PATH: &str = "/v1/quotes";
/// Larger requests are hyper's. Also how much is read at a time.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Requests with more are hyper's.
const HEADERS_MAX: usize = 16;
const DATE_AGE_MAX: Duration = Duration::from_secs(1);

/// Answers plain requests until something else comes: then the stream for hyper, on which what has
/// been read comes again. None when the connection is over: it failed, it was idle for too long,
/// or the service stops.
pub(crate) async fn start(
    mut stream: TcpStream,
    routes: &Routes,
    stop: watch::Receiver<bool>,
    idle_max: Duration,
) -> Option<Rewound> {
    match answer_plain(&mut stream, routes, stop, idle_max).await {
        Ok(read) => read.map(|read| Rewound { read, at: 0, stream }),
        Err(error) => {
            tracing::debug!(%error, "connection ended");
            None
        }
    }
}

/// The bytes that hyper shall begin with, if it shall.
async fn answer_plain(
    stream: &mut TcpStream,
    routes: &Routes,
    mut stop: watch::Receiver<bool>,
    idle_max: Duration,
) -> io::Result<Option<Vec<u8>>> {
    let mut input = Vec::with_capacity(REQUEST_BYTES_MAX);
    let mut output = Vec::with_capacity(1024);
    let mut date = Date::new();
    let mut idle = pin!(sleep(idle_max));
    loop {
        input.clear();
        let read = tokio::select! {
            biased;
            read = stream.read_buf(&mut input) => read?,
            () = &mut idle => return Ok(None),
            _ = stop.wait_for(|stop| *stop) => return Ok(None),
        };
        if read == 0 {
            return Ok(None);
        }
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            let start = Instant::now();
            let Some((order, after)) = plain_request(rest) else {
                return Ok(Some(rest.to_vec()));
            };
            let Ok(quote) = quote_json(order) else {
                return Ok(Some(rest.to_vec()));
            };
            output.clear();
            let (length, date) = (quote.len(), date.at(start));
            write!(
                output,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 date: {date}\r\n\r\n"
            )?;
            output.extend_from_slice(&quote);
            routes.count_quote(start);
            stream.write_all(&output).await?;
            rest = after;
        }
        idle.as_mut().reset(Deadline::now() + idle_max);
    }
}

/// The body of the request at the start of `input`, and what follows it. None unless the request
/// is whole and nothing about it needs a decision.
fn plain_request(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(input).ok()? else { return None };
    if request.method != Some("POST") || request.path != Some(PATH) || request.version != Some(1) {
        return None;
    }
    let (mut length, mut json) = (None, false);
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let digits = std::str::from_utf8(header.value).ok()?;
            let plain = length.is_none() && digits.bytes().all(|digit| digit.is_ascii_digit());
            length = Some(digits.parse::<usize>().ok().filter(|_| plain)?);
        } else if is("content-type") {
            if json || header.value != b"application/json" {
                return None;
            }
            json = true;
        } else if ["connection", "expect", "transfer-encoding", "upgrade"].into_iter().any(is) {
            return None;
        }
    }
    let body = input.get(head..)?;
    body.split_at_checked(length.filter(|_| json)?)
}

/// The `Date` header's value, made anew each second.
struct Date {
    text: String,
    made: Instant,
}

impl Date {
    fn new() -> Self {
        Self { text: now(), made: Instant::now() }
    }

    fn at(&mut self, instant: Instant) -> &str {
        if instant.duration_since(self.made) >= DATE_AGE_MAX {
            *self = Self { text: now(), made: instant };
        }
        &self.text
    }
}

#[expect(clippy::disallowed_methods, reason = "the header says the time of day")]
fn now() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// A stream some of whose bytes have been read already: they come again first.
pub(crate) struct Rewound {
    read: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.read.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, out);
        }
        let taken = rest.get(..out.remaining()).unwrap_or(rest);
        out.put_slice(taken);
        self.at += taken.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &str, body: &str) -> String {
        format!("POST /v1/quotes HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}")
    }

    #[test]
    fn a_plain_request_ends_where_its_length_says() {
        let plain = request("content-length: 2\r\nContent-Type: application/json\r\n", "{}next");
        let expected = (b"{}".as_slice(), b"next".as_slice());
        assert_eq!(plain_request(plain.as_bytes()), Some(expected));
        let whole = plain.len() - "next".len();
        for end in 0..whole {
            assert_eq!(plain_request(&plain.as_bytes()[..end]), None, "the first {end} bytes");
        }
    }

    #[test]
    fn whatever_needs_a_decision_is_not_plain() {
        let json = "Content-Type: application/json\r\n";
        for headers in [
            "Content-Length: 2\r\n",
            json,
            &format!("{json}{json}Content-Length: 2\r\n"),
            &format!("{json}Content-Length: 2\r\nContent-Length: 2\r\n"),
            &format!("{json}Content-Length: +2\r\n"),
            &format!("{json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
            &format!("{json}Content-Length: 2\r\nExpect: 100-continue\r\n"),
            &format!("{json}Content-Length: 2\r\nConnection: close\r\n"),
        ] {
            assert_eq!(plain_request(request(headers, "{}").as_bytes()), None, "{headers}");
        }
        let plain = request(&format!("{json}Content-Length: 2\r\n"), "{}");
        for (from, to) in [("POST", "PUT"), ("quotes", "quotes?a"), ("1.1", "1.0")] {
            assert_eq!(plain_request(plain.replace(from, to).as_bytes()), None, "{to}");
        }
    }
}
