//! An upstream that does what the last segment of a path says, and remembers what it was asked.

use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than most timeouts of the table under test.
pub(super) const STALL: Duration = Duration::from_secs(4);
/// How long `slow` takes to answer.
const SLOW: Duration = Duration::from_millis(1_000);

/// What the upstream was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) request_line: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the body has come to its end.
    pub(super) whole: bool,
}

impl Asked {
    /// The values of a field, in their order.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }
}

type Log = Arc<Mutex<Vec<Asked>>>;

pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    log: Log,
}

impl Upstream {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let log = Log::default();
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = Arc::clone(&shared);
                // What goes wrong here shows in the gateway's answer.
                thread::spawn(move || drop(serve(&stream, &log)));
            }
        });
        Ok(Self { address, log })
    }

    /// Everything asked with this request id.
    pub(super) fn asked(&self, id: &str) -> Vec<Asked> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|asked| asked.all("x-request-id") == [id]).cloned().collect()
    }

    /// Everything asked after so many others.
    pub(super) fn since(&self, count: usize) -> Vec<Asked> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.get(count..).unwrap_or_default().to_vec()
    }

    /// The one request asked with this id.
    pub(super) fn asked_once(&self, id: &str) -> Result<Asked> {
        let mut asked = self.asked(id);
        anyhow::ensure!(asked.len() == 1, "the upstream was asked {} times, not once", asked.len());
        asked.pop().context("nothing was asked")
    }

    /// Waits until something was asked with this id.
    pub(super) fn wait_for(&self, id: &str) -> Result<()> {
        let start = Instant::now();
        while self.asked(id).is_empty() {
            anyhow::ensure!(start.elapsed() < STALL, "the request does not arrive");
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Whether any request line holds this text.
    pub(super) fn heard(&self, text: &str) -> bool {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().any(|asked| asked.request_line.contains(text))
    }
}

fn serve(stream: &TcpStream, log: &Log) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    // Nothing of the next request is ever in it: a gateway first waits for the answer.
    let mut reader = BufReader::new(stream);
    loop {
        let behaviour = behaviour(&peeked(stream)?);
        if behaviour == "reset" {
            return Ok(()); // what is not read makes the kernel reset the connection
        }
        let place = head(&mut reader, log)?;
        let seen = log.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        let seen = seen.context("nothing was logged")?;
        if behaviour != "early" {
            body(&mut reader, &seen, log, place)?;
        }
        if !act(&behaviour, stream, log, place)? {
            return Ok(());
        }
    }
}

/// The start of a request, still unread.
fn peeked(stream: &TcpStream) -> Result<String> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = stream.peek(&mut buffer)?;
        anyhow::ensure!(length > 0, "closed");
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        if text.contains("\r\n\r\n") {
            return Ok(text);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn behaviour(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Reads a head into the log and returns its place there.
fn head(reader: &mut impl BufRead, log: &Log) -> Result<usize> {
    let request_line = line(reader)?;
    let mut fields = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').context("a field without a colon")?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    let asked = Asked { request_line, fields, body: Vec::new(), whole: false };
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    log.push(asked);
    Ok(log.len() - 1)
}

fn line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.strip_suffix("\r\n").context("the line does not end")?.to_owned())
}

/// Reads a body into the log as it comes.
fn body(reader: &mut impl BufRead, asked: &Asked, log: &Log, place: usize) -> Result<()> {
    let chunked = asked.all("transfer-encoding") == ["chunked"];
    if chunked {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16)?;
            take(reader, size, log, place)?;
            anyhow::ensure!(line(reader)?.is_empty(), "a chunk is longer than it says");
            if size == 0 {
                break;
            }
        }
    } else {
        let length = asked.all("content-length").first().map_or(Ok(0), |length| length.parse())?;
        take(reader, length, log, place)?;
    }
    update(log, place, |asked| asked.whole = true);
    Ok(())
}

fn take(reader: &mut impl Read, mut length: usize, log: &Log, place: usize) -> Result<()> {
    let mut buffer = [0; 4096];
    while length > 0 {
        let wanted = length.min(buffer.len());
        let read = reader.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        anyhow::ensure!(read > 0, "the body ends early");
        length -= read;
        let piece = buffer.get(..read).unwrap_or_default().to_vec();
        update(log, place, |asked| {
            asked.body.extend(piece);
        });
    }
    Ok(())
}

fn update(log: &Log, place: usize, change: impl FnOnce(&mut Asked)) {
    if let Some(asked) = log.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
        change(asked);
    }
}

/// Whether this is the first request with its id.
fn is_first(log: &Log, place: usize) -> bool {
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let id = |asked: &Asked| asked.all("x-request-id").join(",");
    let own = log.get(place).map(id);
    log.iter().position(|asked| Some(id(asked)) == own) == Some(place)
}

/// Waits for another request whose id says that it comes next.
fn wait_for_next(log: &Log, place: usize) -> Result<()> {
    let start = Instant::now();
    loop {
        let heard = {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let id = log.get(place).map(|asked| asked.all("x-request-id").join(","));
            let next = id.map(|id| format!("{id}-next")).unwrap_or_default();
            log.iter().any(|asked| asked.all("x-request-id") == [next.as_str()])
        };
        if heard {
            return Ok(());
        }
        anyhow::ensure!(start.elapsed() < STALL, "nothing comes next");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Does what the path says. Returns whether the connection goes on.
fn act(behaviour: &str, mut stream: &TcpStream, log: &Log, place: usize) -> Result<bool> {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = || {
        let log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.get(place).map(|asked| asked.body.clone()).unwrap_or_default()
    };
    match behaviour {
        "close" => return Ok(false),
        "garbage" => stream.write_all(b"this is not HTTP\r\n\r\n")?,
        "stall" => thread::sleep(STALL),
        "first-close" if is_first(log, place) => return Ok(false),
        "first-stall" if is_first(log, place) => thread::sleep(STALL),
        "half" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")?;
            return Ok(false);
        }
        "half-chunked" => {
            stream.write_all(&[CHUNKED, b"4\r\nhalf\r\n"].concat())?;
            return Ok(false);
        }
        "pause" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")?;
            thread::sleep(STALL);
        }
        "trickle" => {
            stream.write_all(&[CHUNKED, b"5\r\nfirst\r\n"].concat())?;
            wait_for_next(log, place)?;
            stream.write_all(b"4\r\nlast\r\n0\r\n\r\n")?;
            return Ok(true);
        }
        "flood" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")?;
            for _ in 0..1024 {
                stream.write_all(&[b'x'; 65_536])?;
            }
            return Ok(true);
        }
        "huge-head" => {
            let filler = "x".repeat(20 * 1024);
            stream.write_all(format!("HTTP/1.1 200 OK\r\nX: {filler}\r\n\r\n").as_bytes())?;
            return Ok(false);
        }
        "switch" => {
            stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
            )?;
            return Ok(false);
        }
        "hints" => {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")?;
            stream.write_all(OK)?;
            return Ok(true);
        }
        "until-close" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok")?;
            return Ok(false);
        }
        "busy" => {
            stream
                .write_all(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        "nothing" => {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
            return Ok(true);
        }
        "head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")?;
            return Ok(true);
        }
        "early" => {
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")?;
            thread::sleep(Duration::from_millis(200));
            return Ok(false);
        }
        "slow" => {
            thread::sleep(SLOW);
            stream.write_all(OK)?;
            return Ok(true);
        }
        "echo" => {
            let body = body();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: keep-alive, X-Named\r\n\
                 Keep-Alive: timeout=5\r\nX-Named: 1\r\nX-Kept: a\r\nX-Kept: b\r\n\
                 Proxy-Authenticate: Basic\r\nX-Request-Id: of-the-upstream\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat())?;
            return Ok(true);
        }
        _ => {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let to_head = log.get(place).is_some_and(|it| it.request_line.starts_with("HEAD "));
            drop(log);
            // A body that nobody asked for would be read as the next answer.
            stream.write_all(if to_head { OK.strip_suffix(b"ok").unwrap_or(OK) } else { OK })?;
            return Ok(true);
        }
    }
    Ok(false)
}
