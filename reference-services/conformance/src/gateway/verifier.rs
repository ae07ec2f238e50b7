//! A service that checks tokens by what they say: a stand-in for the real one, which can also fail.

use anyhow::Result;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Longer than the table's `verify_ms`.
const STALL: Duration = Duration::from_secs(2);

/// Starts it and returns its address. The token is what it should do.
pub(super) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || drop(serve(&stream)));
        }
    });
    Ok(address)
}

fn serve(mut stream: &TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        anyhow::ensure!(reader.read_line(&mut head)? > 0, "closed");
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.unwrap_or("0").trim().parse()?];
    reader.read_exact(&mut body)?;
    let question: serde_json::Value = serde_json::from_slice(&body)?;
    let well_asked = head.starts_with("post /v1/verify http/1.1\r\n")
        && head.contains("\r\ncontent-type: application/json\r\n")
        && head.contains("\r\nx-request-id: ")
        && head.contains("\r\ntraceparent: 00-");
    let token = question.get("token").and_then(serde_json::Value::as_str).unwrap_or_default();
    let (status, answer) = match token {
        _ if !well_asked => ("400 Bad Request", String::new()),
        "bad" => ("401 Unauthorized", "{}".to_owned()),
        "error" => ("500 Internal Server Error", r#"{"subject":"ann"}"#.to_owned()),
        "elsewhere" => ("302 Found", r#"{"subject":"ann"}"#.to_owned()),
        "no-subject" => ("200 OK", "{}".to_owned()),
        "odd-subject" => ("200 OK", r#"{"subject":"a\r\nX-Admin: 1"}"#.to_owned()),
        "not-json" => ("200 OK", "ann".to_owned()),
        "long" => ("200 OK", format!(r#"{{"subject":"ann","x":"{}"}}"#, "x".repeat(20_000))),
        "stall" => {
            thread::sleep(STALL);
            ("200 OK", r#"{"subject":"ann"}"#.to_owned())
        }
        _ => ("200 OK", r#"{"subject":"ann"}"#.to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat())?;
    // Reads the end, so that closing does not reset what was sent.
    let _ = reader.read(&mut [0]);
    Ok(())
}
