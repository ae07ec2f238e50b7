//! A stand-in for an analytics service, and for a program that is asked the same.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many events it has taken in.
pub(crate) type Count = Arc<AtomicUsize>;

/// Takes in lines and answers every question with their number. One that `lies` counts one more.
pub(crate) fn answer(stream: &TcpStream, count: &Count, lies: bool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        let text = match path.as_str() {
            "/healthz" => "ok\n".to_owned(),
            "/v1/events" => {
                let lines = body.iter().filter(|byte| **byte == b'\n').count();
                count.fetch_add(lines, Ordering::Relaxed);
                format!("{{\"accepted\":{lines}}}")
            }
            "/v1/query" | "/buckets" => {
                let count = count.load(Ordering::Relaxed) + usize::from(lies);
                format!("{{\"rows\":[[\"all\",{count}]]}}")
            }
            _ => return Err(std::io::ErrorKind::InvalidData.into()),
        };
        let length = text.len();
        let mut stream = stream;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}")?;
    }
    Ok(())
}

/// The path and the body of a request; none at the end.
fn request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        head.push_str(&line);
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(Ok(0), str::parse).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some((path, body)))
}
