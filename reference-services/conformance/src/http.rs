//! A blocking HTTP/1.1 client that can also send what is not quite HTTP.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const READ_TIMEOUT: Duration = Duration::from_secs(30);
const LINE_BYTES_MAX: u64 = 16 * 1024;
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A connection to the service under test.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// A response read whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The values of a field, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!("the body is not JSON: {:?}", String::from_utf8_lossy(&self.body))
        })
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Self::patient(address, READ_TIMEOUT)
    }

    /// A connection that waits so long for what it reads.
    pub(crate) fn patient(address: SocketAddr, timeout: Duration) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Reads the answer to a request of any method but HEAD.
    pub(crate) fn receive(&mut self) -> Result<Response> {
        let mut response = self.receive_head()?;
        response.body = self.receive_body(&response)?;
        Ok(response)
    }

    /// Reads the body that comes after a head.
    pub(crate) fn receive_body(&mut self, head: &Response) -> Result<Vec<u8>> {
        if head.header("transfer-encoding") == Some("chunked") {
            return self.chunks();
        }
        self.exactly(head.header("content-length").unwrap_or("0").parse()?)
    }

    pub(crate) fn receive_head(&mut self) -> Result<Response> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not a status line: {status_line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Response { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Checks that the service has closed the connection and sent nothing before.
    pub(crate) fn expect_closed(&mut self) -> Result<()> {
        let mut rest = Vec::new();
        // A reset is a way of closing, too.
        if self.stream.read_to_end(&mut rest).is_err_and(|error| is_timeout(&error)) {
            bail!("the connection stays open");
        }
        ensure!(rest.is_empty(), "sent {:?} before closing", String::from_utf8_lossy(&rest));
        Ok(())
    }

    /// Checks that the service closes the connection, whatever it sends before.
    pub(crate) fn expect_end(&mut self) -> Result<()> {
        let rest = self.stream.read_to_end(&mut Vec::new());
        ensure!(!rest.is_err_and(|error| is_timeout(&error)), "the connection stays open");
        Ok(())
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let chunk = self.chunk()?;
            if chunk.is_empty() {
                return Ok(body);
            }
            body.extend(chunk);
            ensure!(body.len() <= BODY_BYTES_MAX, "the body is too long");
        }
    }

    /// The next chunk of a body that comes in chunks; empty at its end.
    pub(crate) fn chunk(&mut self) -> Result<Vec<u8>> {
        let size = usize::from_str_radix(self.line()?.trim(), 16)?;
        let chunk = self.exactly(size)?;
        ensure!(self.line()?.is_empty(), "a chunk is longer than it says");
        Ok(chunk)
    }

    fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        ensure!(length <= BODY_BYTES_MAX, "the body is too long");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "the connection ended within a line: {line:?}");
        Ok(line.trim_end().to_owned())
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The bytes of a request. Its length is always given, 0 too.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The bytes of `POST /v1/quotes` with a body.
pub(crate) fn post_quote(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends one request on a connection of its own.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Result<Response> {
    let mut connection = Connection::open(address)?;
    connection.send(request)?;
    connection.receive()
}
