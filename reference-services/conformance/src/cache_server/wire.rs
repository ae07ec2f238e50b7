//! Bytes on the wire: pieces, pipelines, inline requests, and what is no request.

use super::resp::{Connection, Reply, request};
use super::{Subject, Test};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("wire: requests may be split at every byte", split_at_every_byte),
    ("wire: requests may arrive byte by byte", byte_by_byte),
    ("wire: a pipeline is answered in order", pipeline),
    ("wire: a pipeline is answered with one write", one_write),
    ("wire: inline requests", inline),
    ("wire: empty requests are passed over", empty_requests),
    ("wire: what is no request is refused, and the connection closed", refusals),
    ("wire: a request of HTTP ends the connection", http),
    ("wire: replies due before a protocol error come first", replies_before_an_error),
    ("wire: an unfinished request holds up nobody else", unfinished),
    ("wire: a value of 16 MiB", big_value),
    ("wire: RESP2 and RESP3 side by side", both_protocols),
];

/// Array and inline requests of every kind, and their replies.
fn mixed() -> (Vec<u8>, Vec<Reply>) {
    let mut bytes = request(&["SET", "k", "v"]);
    bytes.extend(request(&[&b"SET"[..], b"\x00\r\n$1\r\n", b"a\r\nb\xff"]));
    bytes.extend_from_slice(b"\r\n*0\r\n*-1\r\nGET k\r\nECHO \"a\\x41 'b\"  'c'\n");
    bytes.extend(request(&["ECHO", ""]));
    bytes.extend_from_slice(b"ECHO 'it\\'s'\r\n");
    bytes.extend(request(&[&b"GET"[..], b"\x00\r\n$1\r\n"]));
    bytes.extend(request(&["MGET", "k", "missing", "k"]));
    bytes.extend_from_slice(b"FOO\r\n");
    let arity = "ERR wrong number of arguments for 'echo' command";
    let replies = vec![
        Reply::ok(),
        Reply::ok(),
        Reply::bulk(b"v"),
        Reply::error(arity),
        Reply::bulk(b""),
        Reply::bulk(b"it's"),
        Reply::bulk(b"a\r\nb\xff"),
        Reply::Array(vec![Reply::bulk(b"v"), Reply::NullBulk, Reply::bulk(b"v")]),
        Reply::error("ERR unknown command 'FOO', with args beginning with: "),
    ];
    (bytes, replies)
}

fn expect_all(connection: &mut Connection, expected: &[Reply]) -> Result<()> {
    for (n, expected) in (1..).zip(expected) {
        let reply = connection.receive().with_context(|| format!("reply {n}"))?;
        ensure!(reply == *expected, "reply {n} is {reply} instead of {expected}");
    }
    Ok(())
}

fn split_at_every_byte(address: SocketAddr, _: Subject) -> Result<()> {
    let (bytes, replies) = mixed();
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        let mut connection = Connection::open(address)?;
        connection.send(head)?;
        // Long enough for the service to have read the head alone, nearly always.
        sleep(Duration::from_millis(1));
        connection.send(tail)?;
        expect_all(&mut connection, &replies).with_context(|| format!("split at {at}"))?;
    }
    Ok(())
}

fn byte_by_byte(address: SocketAddr, _: Subject) -> Result<()> {
    let (bytes, replies) = mixed();
    let mut connection = Connection::open(address)?;
    for byte in bytes {
        connection.send(&[byte])?;
        sleep(Duration::from_micros(200));
    }
    expect_all(&mut connection, &replies)
}

fn pipeline(address: SocketAddr, _: Subject) -> Result<()> {
    const COMMANDS: usize = 20_000;
    let mut connection = Connection::open(address)?;
    let commands: Vec<Vec<String>> = (0..COMMANDS)
        .map(|n| match n % 3 {
            0 => vec!["SET".into(), format!("k{}", n / 3), n.to_string()],
            1 => vec!["GET".into(), format!("k{}", n / 3)],
            _ => vec!["ECHO".into(), n.to_string()],
        })
        .collect();
    for (n, reply) in (0..).zip(connection.pipeline(&commands)?) {
        let expected = match n % 3 {
            0 => Reply::ok(),
            1 => Reply::bulk((n - 1).to_string().as_bytes()),
            _ => Reply::bulk(n.to_string().as_bytes()),
        };
        ensure!(reply == expected, "reply {n} is {reply} instead of {expected}");
    }
    Ok(())
}

/// A read that begins when the first reply is there finds the others too, if they were written
/// together. The kernel may tear them apart, so that most of the tries must do.
fn one_write(address: SocketAddr, _: Subject) -> Result<()> {
    const TRIES: usize = 50;
    const DEPTH: usize = 64;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let pings = request(&["PING"]).repeat(DEPTH);
    let pongs = b"+PONG\r\n".repeat(DEPTH);
    let mut together = 0;
    for _ in 0..TRIES {
        stream.write_all(&pings)?;
        let mut replies = vec![0; pongs.len()];
        let first = stream.read(&mut replies)?;
        together += usize::from(first == pongs.len());
        stream.read_exact(replies.get_mut(first..).unwrap_or_default())?;
        ensure!(replies == pongs, "other replies than PONG");
    }
    ensure!(together > TRIES / 2, "{together} of {TRIES} pipelines were answered in one piece");
    Ok(())
}

fn inline(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    for (line, expected) in [
        (&b"PING\r\n"[..], Reply::Simple(b"PONG".to_vec())),
        (b"PING\n", Reply::Simple(b"PONG".to_vec())),
        (b"  ping \t x  \r\n", Reply::bulk(b"x")),
        (b"ECHO \"a b\"\r\n", Reply::bulk(b"a b")),
        (
            b"ECHO \"\\n\\r\\t\\b\\a\\x7F\\xfF\\q\\\"\\\\\"\r\n",
            Reply::bulk(b"\n\r\t\x08\x07\x7f\xffq\"\\"),
        ),
        (b"ECHO \"\\x4g\"\r\n", Reply::bulk(b"x4g")),
        (b"ECHO 'a\\nb\\'\"'\r\n", Reply::bulk(b"a\\nb'\"")),
        (b"ECHO a\"b c\"\r\n", Reply::bulk(b"ab c")),
        (b"ECHO a\\nb\r\n", Reply::bulk(b"a\\nb")),
        (b"ECHO \"\"\r\n", Reply::bulk(b"")),
        (b"ECHO ''\r\n", Reply::bulk(b"")),
        (b"SET k v EX 10 NX\r\n", Reply::ok()),
        (b"\"GET\" 'k'\n", Reply::bulk(b"v")),
        (b"ECHO \xff\xfe\r\n", Reply::bulk(b"\xff\xfe")),
    ] {
        connection.send(line)?;
        let reply = connection.receive()?;
        let line = line.escape_ascii();
        ensure!(reply == expected, "{line} is answered {reply} instead of {expected}");
    }
    Ok(())
}

fn empty_requests(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.send(b"\r\n\n   \r\n*0\r\n*-1\r\n*-1000\r\n\t\n")?;
    connection.expect_silence(Duration::from_millis(100))?;
    connection.expect("PING", &Reply::Simple(b"PONG".to_vec()))
}

fn refusals(address: SocketAddr, subject: Subject) -> Result<()> {
    let long = |start: &[u8], byte: u8| [start, &vec![byte; 70_000][..]].concat();
    let mut cases = vec![
        (b"*x\r\n".to_vec(), "invalid multibulk length"),
        (b"*\r\n".to_vec(), "invalid multibulk length"),
        (b"*1 \r\n".to_vec(), "invalid multibulk length"),
        (b"*+1\r\n".to_vec(), "invalid multibulk length"),
        (b"*01\r\n".to_vec(), "invalid multibulk length"),
        (b"*1.0\r\n".to_vec(), "invalid multibulk length"),
        (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
        (b"*9223372036854775808\r\n".to_vec(), "invalid multibulk length"),
        (b"*1\r\n$x\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$+4\r\nPING\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$16777217\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$9223372036854775807\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$99999999999999999999\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n:1\r\n".to_vec(), "expected '$', got ':'"),
        (b"*2\r\n$4\r\nECHO\r\nhello\r\n".to_vec(), "expected '$', got 'h'"),
        (b"*1\r\n\r\n".to_vec(), "expected '$', got '\r'"),
        (b"ECHO \"a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"ECHO 'a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"ECHO \"a\"b\r\n".to_vec(), "unbalanced quotes in request"),
        (b"ECHO 'a'b\r\n".to_vec(), "unbalanced quotes in request"),
        (long(b"ECHO ", b'x'), "too big inline request"),
        (long(b"*", b'1'), "too big mbulk count string"),
        (long(b"*1\r\n$", b'1'), "too big bulk count string"),
    ];
    if subject == Subject::Twin {
        cases.push((b"*1048577\r\n".to_vec(), "invalid multibulk length"));
    }
    for (bytes, message) in cases {
        let shown = bytes.get(..20).unwrap_or(&bytes).escape_ascii();
        let context = || format!("after {shown}");
        let mut connection = Connection::open(address)?;
        connection.send(&bytes).with_context(context)?;
        expect_refusal(&mut connection, message).with_context(context)?;
    }
    Ok(())
}

/// A page in somebody's browser could send one: its body must not be read as commands.
fn http(address: SocketAddr, _: Subject) -> Result<()> {
    let set = "SET from-a-page 1\r\n";
    for start in ["POST / HTTP/1.1\r\n", "post\r\n", "Host: localhost\r\n", "HOST:\r\n"] {
        let mut connection = Connection::open(address)?;
        connection.send(format!("{start}\r\n{set}").as_bytes())?;
        connection.expect_closed().with_context(|| format!("after {start:?}"))?;
        let mut other = Connection::open(address)?;
        other.expect("EXISTS from-a-page", &Reply::Integer(0))?;
    }
    Ok(())
}

/// A protocol error and the end of the connection.
pub(super) fn expect_refusal(connection: &mut Connection, message: &str) -> Result<()> {
    // A line end within the message is sent as a space.
    let message = message.replace('\r', " ");
    let expected = Reply::error(&format!("ERR Protocol error: {message}"));
    let reply = connection.receive()?;
    ensure!(reply == expected, "{reply} instead of {expected}");
    connection.expect_closed()
}

fn replies_before_an_error(address: SocketAddr, _: Subject) -> Result<()> {
    let mut connection = Connection::open(address)?;
    connection.send(b"PING\r\n*2\r\n$4\r\nECHO\r\n$1\r\nx\r\n*1\r\n$-5\r\nPING\r\n")?;
    expect_all(&mut connection, &[Reply::Simple(b"PONG".to_vec()), Reply::bulk(b"x")])?;
    expect_refusal(&mut connection, "invalid bulk length")
}

fn unfinished(address: SocketAddr, _: Subject) -> Result<()> {
    let mut waiting = Vec::new();
    for half in [
        &b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16777216\r\nabc"[..],
        b"*3\r\n$3\r\nSE",
        b"GET",
        b"*1048576\r\n",
    ] {
        let mut connection = Connection::open(address)?;
        connection.send(half)?;
        waiting.push(connection);
    }
    let mut other = Connection::open(address)?;
    other.expect("SET k v", &Reply::ok())?;
    for connection in &mut waiting {
        connection.expect_silence(Duration::from_millis(20))?;
    }
    drop(waiting);
    other.expect("GET k", &Reply::bulk(b"v"))
}

fn big_value(address: SocketAddr, _: Subject) -> Result<()> {
    const LENGTH: usize = 16 * 1024 * 1024;
    let value: Vec<u8> = (0..LENGTH).map(|n| (n % 251) as u8).collect();
    let mut connection = Connection::open(address)?;
    let bytes = request(&[&b"SET"[..], b"big", &value]);
    for piece in bytes.chunks(1_000_003) {
        connection.send(piece)?;
    }
    ensure!(connection.receive()? == Reply::ok(), "SET is not answered OK");
    let mut other = Connection::open(address)?;
    ensure!(other.words("GET big")?.bytes()? == value, "GET gives other bytes");
    other.expect("STRLEN big", &Reply::Integer(16 * 1024 * 1024))?;
    let slice = other.words("GETRANGE big 16777210 16777300")?;
    ensure!(Some(slice.bytes()?) == value.get(16_777_210..), "the end of it is {slice}");
    let echoed = other.call(&[b"ECHO", value.as_slice()])?;
    ensure!(echoed.bytes()? == value, "ECHO gives other bytes");
    Ok(())
}

fn both_protocols(address: SocketAddr, _: Subject) -> Result<()> {
    let mut resp2 = Connection::open(address)?;
    let mut resp3 = Connection::open_resp3(address)?;
    resp2.expect("HSET h f v", &Reply::Integer(1))?;
    let (f, v) = (Reply::bulk(b"f"), Reply::bulk(b"v"));
    for _ in 0..3 {
        resp2.expect("HGETALL h", &Reply::Array(vec![f.clone(), v.clone()]))?;
        resp3.expect("HGETALL h", &Reply::Map(vec![(f.clone(), v.clone())]))?;
        resp2.expect("GET missing", &Reply::NullBulk)?;
        resp3.expect("GET missing", &Reply::Null)?;
    }
    // A switch takes effect within a pipeline.
    let mut connection = Connection::open(address)?;
    connection.send(b"GET missing\r\nHELLO 3\r\nGET missing\r\nHELLO 2\r\nGET missing\r\n")?;
    ensure!(connection.receive()? == Reply::NullBulk, "before HELLO 3");
    ensure!(matches!(connection.receive()?, Reply::Map(_)), "HELLO 3");
    ensure!(connection.receive()? == Reply::Null, "after HELLO 3");
    ensure!(matches!(connection.receive()?, Reply::Array(_)), "HELLO 2");
    ensure!(connection.receive()? == Reply::NullBulk, "after HELLO 2");
    Ok(())
}
