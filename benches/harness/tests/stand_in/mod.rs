//! A stand-in for a reference service; the name it is called by says how it behaves.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

/// Serves until killed, a thread for each connection.
pub(crate) fn serve() -> Result<()> {
    let name = std::env::args().next().context("a program has a name")?;
    let (good, dies) = (!name.ends_with("other"), name.ends_with("dies"));
    let flag = Path::new(&name).with_file_name("die");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        if dies && flag.exists() {
            eprintln!("out of cheese");
            std::process::exit(3);
        }
        thread::spawn(move || answer(stream, good));
    }
    Ok(())
}

/// Answers each request, which ends in `hello`.
fn answer(mut stream: TcpStream, good: bool) -> std::io::Result<()> {
    let body = if good { "{\"total\":1}" } else { "{\"total\":2}" };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body.as_bytes()].concat();
    let mut received = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if received.ends_with(b"hello") {
            received.clear();
            stream.write_all(&answer)?;
        }
    }
}
