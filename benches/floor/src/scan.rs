//! A bare scan of the columns that a question needs: what reading the memory alone costs.
//!
//! It takes the same batches of events as an analytics service, keeps columns of as many rows, and
//! answers a question by adding up those it is about. A thread for each connection, no limits.

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

/// The longest body taken: a batch may have 32 MiB.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// As wide as the services keep them: times as distances, tags as codes.
#[derive(Default)]
struct Columns {
    times: Vec<u32>,
    values: Vec<f64>,
    tags: Vec<u16>,
}

impl Columns {
    fn add(&mut self, rows: usize) {
        for row in self.times.len()..self.times.len() + rows {
            // Any numbers do, so long as they are there.
            let low = u16::try_from(row % 1_400).unwrap_or(0);
            self.times.push(u32::from(low));
            self.values.push(f64::from(low));
            self.tags.push(low);
        }
    }

    /// Adds up a part of the columns that a question is about: `/buckets` about times and values, any
    /// other one about values and tags.
    fn scan(&self, buckets: bool, part: Part) -> f64 {
        let whole: u64 = if buckets {
            part.of(&self.times).iter().map(|time| u64::from(*time)).sum()
        } else {
            part.of(&self.tags).iter().map(|tag| u64::from(*tag)).sum()
        };
        sum(part.of(&self.values)) + f64::from(u32::try_from(whole % 1_000).unwrap_or(0))
    }
}

/// One of so many equal parts.
#[derive(Clone, Copy)]
struct Part {
    at: usize,
    of: usize,
}

impl Part {
    fn of<T>(self, all: &[T]) -> &[T] {
        all.get(all.len() * self.at / self.of..all.len() * (self.at + 1) / self.of)
            .unwrap_or_default()
    }
}

/// What a thread that stays is asked: whether it is about buckets, and where its sum goes.
type Job = (bool, Sender<f64>);

/// The columns, and the threads beside the one that answers. They stay, since the processor time of
/// those that end could not be read.
struct Scanner {
    columns: Arc<RwLock<Columns>>,
    others: Vec<Sender<Job>>,
}

impl Scanner {
    fn new(threads: usize) -> Self {
        let columns = Arc::new(RwLock::new(Columns::default()));
        let other = |at| {
            let (send, jobs) = mpsc::channel::<Job>();
            let columns = Arc::clone(&columns);
            thread::spawn(move || {
                for (buckets, answer) in jobs {
                    let columns = columns.read().unwrap_or_else(PoisonError::into_inner);
                    // Whoever asked may have gone.
                    let _ = answer.send(columns.scan(buckets, Part { at, of: threads }));
                }
            });
            send
        };
        let others = (1..threads).map(other).collect();
        Self { columns, others }
    }

    fn add(&self, rows: usize) {
        self.columns.write().unwrap_or_else(PoisonError::into_inner).add(rows);
    }

    fn scan(&self, buckets: bool) -> f64 {
        let (send, sums) = mpsc::channel();
        for other in &self.others {
            // It lives as long as this does.
            let _ = other.send((buckets, send.clone()));
        }
        drop(send);
        let part = Part { at: 0, of: self.others.len() + 1 };
        let columns = self.columns.read().unwrap_or_else(PoisonError::into_inner);
        columns.scan(buckets, part) + sums.iter().sum::<f64>()
    }
}

/// Doubles are not added in another order unless one says so: eight sums side by side.
fn sum(values: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum += value;
        }
    }
    sums.iter().chain(rest).sum()
}

/// Serves until something fails.
pub(crate) fn serve(address: &str, threads: usize) -> io::Result<Infallible> {
    let listener = TcpListener::bind(address)?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    let scanner = Arc::new(Scanner::new(threads));
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let scanner = Arc::clone(&scanner);
        // A connection that fails is closed, and that is all.
        thread::spawn(move || drop(answer(&stream, &scanner)));
    }
}

fn answer(stream: &TcpStream, scanner: &Scanner) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    while let Some((path, body)) = request(&mut reader)? {
        let text = match path.as_str() {
            "/healthz" => "ok\n".to_owned(),
            "/v1/events" => {
                let rows = body.iter().filter(|byte| **byte == b'\n').count();
                scanner.add(rows);
                format!("{{\"accepted\":{rows},\"rejected\":0}}")
            }
            question => format!("{{\"sum\":{}}}", scanner.scan(question == "/buckets")),
        };
        let length = text.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}");
        let mut stream = stream;
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The path and the body of a request; none at the end.
fn request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<(String, Vec<u8>)>> {
    let (mut first, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(usize::MAX);
        }
        first.get_or_insert_with(|| line.to_owned());
    }
    let path = first.as_deref().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if length > BODY_BYTES_MAX {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path.to_owned(), body)))
}
