//! A stand-in for a cache that speaks the Redis protocol.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

/// What is stored.
pub(crate) type Entries = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

/// Answers PING, GET, SET and FLUSHALL. One that `lies` gives every tenth read another value.
pub(crate) fn answer(stream: &TcpStream, entries: &Entries, lies: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut out, mut reads) = (Vec::new(), 0_u32);
    while let Some(words) = request(&mut reader)? {
        let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
        match (words.first().map(Vec::as_slice), words.get(1), words.get(2)) {
            (Some(b"PING"), ..) => out.extend_from_slice(b"+PONG\r\n"),
            (Some(b"FLUSHALL"), ..) => {
                entries.clear();
                out.extend_from_slice(b"+OK\r\n");
            }
            (Some(b"SET"), Some(key), Some(value)) => {
                entries.insert(key.clone(), value.clone());
                out.extend_from_slice(b"+OK\r\n");
            }
            (Some(b"GET"), Some(key), _) => match entries.get(key) {
                None => out.extend_from_slice(b"$-1\r\n"),
                Some(value) => {
                    reads += 1;
                    let mut value = value.clone();
                    if lies && reads.is_multiple_of(10) {
                        value.rotate_left(1);
                    }
                    out.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
                    out.extend_from_slice(&value);
                    out.extend_from_slice(b"\r\n");
                }
            },
            _ => out.extend_from_slice(b"-ERR unknown command\r\n"),
        }
        // One write for a whole pipeline.
        if reader.buffer().is_empty() {
            let mut stream = stream;
            stream.write_all(&out)?;
            out.clear();
        }
    }
    Ok(())
}

/// An array of bulk strings; none at the end.
fn request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Vec<Vec<u8>>>> {
    let Some(count) = number(reader, '*')? else { return Ok(None) };
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(length) = number(reader, '$')? else { return Ok(None) };
        let mut word = vec![0; length + 2];
        reader.read_exact(&mut word)?;
        word.truncate(length);
        words.push(word);
    }
    Ok(Some(words))
}

/// The number of a line that begins so; none at the end.
fn number(reader: &mut BufReader<&TcpStream>, kind: char) -> std::io::Result<Option<usize>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let number = line.trim_end().strip_prefix(kind).and_then(|number| number.parse().ok());
    number.map(Some).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}
