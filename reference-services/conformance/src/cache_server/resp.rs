//! A small client of the Redis protocol that keeps the bytes: it can send what is not quite a
//! request, and reads replies so strictly that equal [`Reply`]s mean equal bytes on the wire.

use anyhow::{Context, Result, bail, ensure};
use std::fmt::{self, Write as _};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than a service may take for anything but reading from a client that does not send.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const LINE_BYTES_MAX: u64 = 64 * 1024;
const BULK_BYTES_MAX: usize = 128 * 1024 * 1024;
const ITEMS_MAX: usize = 16 * 1024 * 1024;
const DEPTH_MAX: usize = 16;

/// A reply as it stood on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    Verbatim(Vec<u8>),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
    /// RESP2's `$-1`.
    NullBulk,
    /// RESP2's `*-1`.
    NullArray,
    /// RESP3's `_`.
    Null,
}

impl Reply {
    pub(crate) fn ok() -> Self {
        Self::Simple(b"OK".to_vec())
    }

    pub(crate) fn bulk(bytes: &[u8]) -> Self {
        Self::Bulk(bytes.to_vec())
    }

    pub(crate) fn error(text: &str) -> Self {
        Self::Error(text.into())
    }

    pub(crate) fn integer(&self) -> Result<i64> {
        match self {
            Self::Integer(value) => Ok(*value),
            other => bail!("{other} instead of an integer"),
        }
    }

    /// The bytes of a bulk or verbatim string.
    pub(crate) fn bytes(&self) -> Result<&[u8]> {
        match self {
            Self::Bulk(bytes) | Self::Verbatim(bytes) => Ok(bytes),
            other => bail!("{other} instead of a string"),
        }
    }

    pub(crate) fn text(&self) -> Result<&str> {
        Ok(std::str::from_utf8(self.bytes()?)?)
    }

    pub(crate) fn items(&self) -> Result<&[Reply]> {
        match self {
            Self::Array(items) | Self::Set(items) => Ok(items),
            other => bail!("{other} instead of an array"),
        }
    }
}

/// The notation of the vectors, cut short for messages.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 12;
        let list = |f: &mut fmt::Formatter<'_>, items: &[Reply]| {
            for item in items.iter().take(SHOWN_MAX) {
                write!(f, " {item}")?;
            }
            if items.len() > SHOWN_MAX { write!(f, " … {} in all", items.len()) } else { Ok(()) }
        };
        match self {
            Self::Simple(text) => write!(f, "+{}", quoted(text)),
            Self::Error(text) => write!(f, "-{}", quoted(text)),
            Self::Integer(value) => write!(f, ":{value}"),
            Self::Bulk(bytes) => f.write_str(&quoted(bytes)),
            Self::Verbatim(bytes) => write!(f, "={}", quoted(bytes)),
            Self::Array(items) => {
                f.write_char('[')?;
                list(f, items)?;
                f.write_str(" ]")
            }
            Self::Set(items) => {
                f.write_str("~[")?;
                list(f, items)?;
                f.write_str(" ]")
            }
            Self::Map(pairs) => {
                f.write_char('{')?;
                for (key, value) in pairs.iter().take(SHOWN_MAX) {
                    write!(f, " {key} {value}")?;
                }
                f.write_str(" }")
            }
            Self::NullBulk => f.write_str("nil ($-1)"),
            Self::NullArray => f.write_str("nil (*-1)"),
            Self::Null => f.write_str("nil (_)"),
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 400;
    let shown = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
    let rest = if bytes.len() > SHOWN_MAX { "…" } else { "" };
    format!("\"{}\"{rest}", shown.escape_ascii())
}

/// The bytes of a request as an array of bulk strings.
pub(crate) fn request<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A connection to the service under test.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_write_timeout(Some(READ_TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Opens a connection that speaks RESP3.
    pub(crate) fn open_resp3(address: SocketAddr) -> Result<Self> {
        let mut connection = Self::open(address)?;
        let reply = connection.call(&["HELLO", "3"])?;
        ensure!(matches!(reply, Reply::Map(_)), "HELLO 3 is answered {reply}");
        Ok(connection)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("cannot send")
    }

    /// Sends a command and reads its reply.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Result<Reply> {
        self.send(&request(arguments))?;
        self.receive()
    }

    /// Sends a command written as words.
    pub(crate) fn words(&mut self, line: &str) -> Result<Reply> {
        let words: Vec<&str> = line.split(' ').collect();
        self.call(&words)
    }

    /// Sends a command written as words and checks its reply.
    pub(crate) fn expect(&mut self, line: &str, expected: &Reply) -> Result<()> {
        let reply = self.words(line)?;
        ensure!(reply == *expected, "{line:.200} is answered {reply} instead of {expected}");
        Ok(())
    }

    /// Sends many commands as one pipeline and reads their replies.
    pub(crate) fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> Result<Vec<Reply>> {
        // In whole pieces: byte by byte it took most of a test's time.
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| bytes.extend(request(command)));
        self.send(&bytes)?;
        commands.iter().map(|_| self.receive()).collect()
    }

    /// Reads one reply.
    pub(crate) fn receive(&mut self) -> Result<Reply> {
        self.reply(DEPTH_MAX)
    }

    pub(crate) fn set_read_timeout(&mut self, timeout: Duration) -> Result<()> {
        Ok(self.stream.get_ref().set_read_timeout(Some(timeout))?)
    }

    /// Checks that the service sends nothing for a while.
    pub(crate) fn expect_silence(&mut self, time: Duration) -> Result<()> {
        self.set_read_timeout(time)?;
        let read = self.stream.fill_buf().map(<[u8]>::len);
        self.set_read_timeout(READ_TIMEOUT)?;
        match read {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(0) => bail!("the connection was closed"),
            Ok(bytes) => bail!("{bytes} bytes came before they were due"),
        }
    }

    /// Checks that the service has closed the connection and sent nothing before.
    pub(crate) fn expect_closed(&mut self) -> Result<()> {
        match self.stream.fill_buf() {
            Ok([]) => Ok(()),
            Ok(bytes) => bail!("{} instead of the end", quoted(bytes)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
            Err(error) => Err(error).context("the connection is still open"),
        }
    }

    /// Reads and forgets up to the end of the connection; says how much that was.
    pub(crate) fn drain(&mut self) -> Result<u64> {
        let mut total = 0;
        loop {
            match self.stream.fill_buf() {
                Ok([]) => return Ok(total),
                Ok(bytes) => {
                    let length = bytes.len();
                    total += length as u64;
                    self.stream.consume(length);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(total),
                Err(error) => return Err(error).context("the connection is still open"),
            }
        }
    }

    fn reply(&mut self, depth: usize) -> Result<Reply> {
        let line = self.line()?;
        let (&kind, rest) = line.split_first().context("an empty line instead of a reply")?;
        Ok(match (kind, rest) {
            (b'+', text) => Reply::Simple(text.to_vec()),
            (b'-', text) => Reply::Error(text.to_vec()),
            (b':', number) => Reply::Integer(integer(number)?),
            (b'$', b"-1") => Reply::NullBulk,
            (b'*', b"-1") => Reply::NullArray,
            (b'_', b"") => Reply::Null,
            (b'$', length) => Reply::Bulk(self.exactly(length)?),
            (b'=', length) => {
                let bytes = self.exactly(length)?;
                let text = bytes.strip_prefix(b"txt:").context("a verbatim string without txt:")?;
                Reply::Verbatim(text.to_vec())
            }
            (b'*', count) => Reply::Array(self.list(count, 1, depth)?),
            (b'~', count) => Reply::Set(self.list(count, 1, depth)?),
            (b'%', count) => {
                let mut items = self.list(count, 2, depth)?.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    pairs.push((key, value));
                }
                Reply::Map(pairs)
            }
            _ => bail!("{} is no reply", quoted(&line)),
        })
    }

    fn list(&mut self, count: &[u8], each: usize, depth: usize) -> Result<Vec<Reply>> {
        let depth = depth.checked_sub(1).context("replies are nested too deeply")?;
        let count = usize::try_from(integer(count)?)?;
        ensure!(count <= ITEMS_MAX, "an array of {count}");
        (0..count * each).map(|_| self.reply(depth)).collect()
    }

    fn exactly(&mut self, length: &[u8]) -> Result<Vec<u8>> {
        let length = usize::try_from(integer(length)?)?;
        ensure!(length <= BULK_BYTES_MAX, "a string of {length} bytes");
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).context("in the middle of a string")?;
        ensure!(bytes.ends_with(b"\r\n"), "a string does not end with CRLF");
        bytes.truncate(length);
        Ok(bytes)
    }

    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut line).context("waiting for a reply")?;
        ensure!(!line.is_empty(), "the connection was closed instead of a reply");
        let text = line.strip_suffix(b"\r\n");
        let text = text.with_context(|| format!("{} does not end with CRLF", quoted(&line)))?;
        ensure!(!text.contains(&b'\r'), "{} has a CR inside", quoted(text));
        Ok(text.to_vec())
    }
}

/// Reads an integer in its only spelling.
fn integer(text: &[u8]) -> Result<i64> {
    let value: i64 = std::str::from_utf8(text)?.parse()?;
    ensure!(value.to_string().as_bytes() == text, "{} is written in another way", quoted(text));
    Ok(value)
}
