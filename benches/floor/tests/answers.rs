//! The floor looks like the service to a client, whatever it is sent.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test's way to fail")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const ORDER: &str = include_str!("../../../reference-services/fastjson-api/sample-order.json");
const QUOTE: &str = include_str!("../../../reference-services/fastjson-api/sample-quote.json");

/// Killed when dropped.
struct Floor {
    child: Child,
    address: String,
}

impl Floor {
    fn start() -> Self {
        Self::with(&["--threads", "1"])
    }

    fn with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_floor"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn post() -> String {
    format!("POST /v1/quotes HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{ORDER}", ORDER.len())
}

/// Head and body of the next answer.
fn receive(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "closed after {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn without_white_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn every_whole_request_is_answered_with_the_sample_quote() {
    let floor = Floor::start();
    let mut stream = BufReader::new(TcpStream::connect(&floor.address).unwrap());
    stream.get_mut().set_nodelay(true).unwrap();
    let request = post();
    // Two at once and the start of a third, whose rest comes in pieces.
    let (start, rest) = request.split_at(30);
    stream.get_mut().write_all(format!("{request}{request}{start}").as_bytes()).unwrap();
    for answer in 0..2 {
        let (head, body) = receive(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"));
        assert_eq!(without_white_space(&body), without_white_space(QUOTE), "answer {answer}");
        assert!(!body.contains([' ', '\n']), "as compact as the services send it: {body}");
    }
    for byte in rest.as_bytes() {
        stream.get_mut().write_all(&[*byte]).unwrap();
    }
    assert_eq!(without_white_space(&receive(&mut stream).1), without_white_space(QUOTE));
}

#[test]
fn commands_are_answered_like_a_caches() {
    let floor = Floor::start();
    let mut stream = TcpStream::connect(&floor.address).unwrap();
    let get = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000042\r\n";
    let set = "*3\r\n$3\r\nSET\r\n$3\r\nk:1\r\n$2\r\nhi\r\n";
    let value = "$64\r\nkey:000000000042abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv\r\n";
    // A pipeline that ends within a command, and then its rest.
    let (start, rest) = get.split_at(20);
    stream.write_all(format!("{get}{set}{start}").as_bytes()).unwrap();
    let mut read = |expected: &str| {
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
        stream.write_all(rest.as_bytes()).unwrap();
    };
    read(&format!("{value}+OK\r\n"));
    read(value);
}

/// Row n has n mod 1,400 in each column; the sum of the whole numbers is shown by its last three digits.
#[test]
fn a_scan_adds_up_as_many_rows_as_came() {
    let floor = Floor::with(&["--threads", "2", "--scan"]);
    let mut stream = BufReader::new(TcpStream::connect(&floor.address).unwrap());
    let mut ask = |path: &str, body: &str| {
        let length = body.len();
        let request = format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        receive(&mut stream).1
    };
    assert_eq!(ask("/v1/events", &"{}\n".repeat(1_000)), r#"{"accepted":1000,"rejected":0}"#);
    ask("/v1/events", &"{}\n".repeat(1_000));
    // The first half: 0 to 999; the second: 1,000 to 1,399 and 0 to 599.
    let (first, second) = (499_500.0, 479_800.0 + 179_700.0);
    let shown = 500.0 + 500.0;
    for question in ["/buckets", "/groups"] {
        assert_eq!(ask(question, ""), format!("{{\"sum\":{}}}", first + second + shown));
    }
}

#[test]
fn it_is_healthy_and_outlives_its_clients() {
    let floor = Floor::start();
    for _ in 0..3 {
        let mut stream = BufReader::new(TcpStream::connect(&floor.address).unwrap());
        stream.get_mut().write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(receive(&mut stream).1, "ok\n");
    }
    let mut endless = TcpStream::connect(&floor.address).unwrap();
    // Closed when it holds more than any request may have; what is still on its way is reset.
    let flood = endless.write_all(&[b'x'; 1 << 20]);
    let end = endless.read(&mut [0]);
    assert!(flood.is_err() || matches!(end, Ok(0) | Err(_)), "{flood:?}, {end:?}");
    let mut stream = BufReader::new(TcpStream::connect(&floor.address).unwrap());
    stream.get_mut().write_all(post().as_bytes()).unwrap();
    assert_eq!(without_white_space(&receive(&mut stream).1), without_white_space(QUOTE));
}

#[test]
fn other_arguments_are_refused() {
    for arguments in [
        &["--threads", "1"][..],
        &["--listen", "127.0.0.1:0", "--threads", "2"],
        &["--listen", "127.0.0.1:0", "--threads", "0", "--scan"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_floor")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: floor"));
    }
}
