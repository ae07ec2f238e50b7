//! Clients that speak TLS, or should.

use crate::clients::Running;
use cache_server::config::Settings;
use cache_server::net::tls_config;
use cache_server::stats::Closed;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

struct Secured {
    running: Running,
    client: Arc<ClientConfig>,
}

impl Secured {
    fn start(settings: &Settings) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
        let certificate = folder.join("one.pem");
        let server = tls_config(&certificate, &folder.join("one-key.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificate).unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let running = Running::start_with(settings, Some(server));
        Self { running, client: Arc::new(client) }
    }

    /// A connection on which nothing has been said.
    fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.running.tls).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        socket
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let name = "localhost".try_into().unwrap();
        let session = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        StreamOwned::new(session, self.socket())
    }
}

fn secured() -> Secured {
    Secured::start(&Settings { threads: 2, maxmemory_bytes: 256 << 20, ..Settings::default() })
}

/// Sends a line and reads the answer, which must be this.
fn expect(stream: &mut impl ReadWrite, line: &str, answer: &str) {
    stream.write_all(line.as_bytes()).unwrap();
    stream.write_all(b"\r\n").unwrap();
    let mut read = vec![0; answer.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8_lossy(&read), answer);
}

trait ReadWrite: Read + Write {}
impl<S: Read + Write> ReadWrite for S {}

/// Nothing but a TLS alert, and the end.
fn assert_told_nothing(mut socket: TcpStream) {
    let mut alert = Vec::new();
    // It may be cut off before it is told why.
    drop(socket.read_to_end(&mut alert));
    assert!(alert.len() <= 7 && !alert.contains(&b'+'), "told {}", alert.escape_ascii());
}

#[test]
fn who_does_not_agree_on_keys_is_closed() {
    let secured = secured();
    let running = &secured.running;
    let mut plain = secured.socket();
    plain.write_all(b"PING\r\n").unwrap();
    assert_told_nothing(plain);
    running.wait_for("it is counted", |server| server.stats.closed(Closed::Tls) == 1);

    let silent = secured.socket();
    let mut served = secured.connect();
    expect(&mut served, "PING", "+PONG\r\n");
    running.ahead_us.store(11_000_000, Ordering::Relaxed);
    assert_told_nothing(silent);
    running.wait_for("it is counted", |server| server.stats.closed(Closed::Tls) == 2);
    expect(&mut served, "PING", "+PONG\r\n");
}

#[test]
fn records_may_come_in_pieces() {
    let secured = secured();
    let mut client = secured.connect();
    expect(&mut client, "PING", "+PONG\r\n");
    let StreamOwned { conn, sock } = &mut client;
    let mut records = Vec::new();
    for text in ["SET k ", "value\r\nGE", "T k\r\n"] {
        conn.writer().write_all(text.as_bytes()).unwrap();
    }
    while conn.wants_write() {
        conn.write_tls(&mut records).unwrap();
    }
    for byte in records {
        sock.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
    expect(&mut client, "", "+OK\r\n$5\r\nvalue\r\n");
}

#[test]
fn a_slow_reader_gets_everything_in_order() {
    let secured = secured();
    let mut slow = secured.connect();
    expect(&mut slow, "SETRANGE large 99999 x", ":100000\r\n");
    let lines: String =
        (0..300).map(|number| format!("GET large\r\nECHO {number:03}\r\n")).collect();
    slow.write_all(lines.as_bytes()).unwrap();
    let waiting =
        |server: &cache_server::server::Server| server.stats.buffer_bytes.load(Ordering::Relaxed);
    secured.running.wait_for("replies wait", |server| waiting(server) > 0);
    let large = format!("$100000\r\n{}x\r\n", "\0".repeat(99_999));
    for number in 0..300 {
        let expected = format!("{large}$3\r\n{number:03}\r\n");
        let mut read = vec![0; expected.len()];
        slow.read_exact(&mut read).unwrap();
        assert!(read == expected.as_bytes(), "reply {number}");
    }
    secured.running.wait_for("none are left", |server| waiting(server) == 0);
}

#[test]
fn a_client_that_takes_nothing_is_closed() {
    let secured = secured();
    let running = &secured.running;
    let mut slow = secured.connect();
    expect(&mut slow, "SETRANGE large 99999 x", ":100000\r\n");
    slow.write_all(&b"GET large\r\n".repeat(400)).unwrap();
    running
        .wait_for("replies wait", |server| server.stats.buffer_bytes.load(Ordering::Relaxed) > 0);
    running.ahead_us.store(11_000_000, Ordering::Relaxed);
    running.wait_for("it is closed", |server| server.stats.closed(Closed::Stalled) == 1);
    running.wait_for("its buffers go", |server| {
        server.stats.buffer_bytes.load(Ordering::Relaxed) == 0
    });
}

#[test]
fn the_end_is_told() {
    let secured = secured();
    let mut client = secured.connect();
    expect(&mut client, "QUIT", "+OK\r\n");
    // Without TLS's own end this would be an error: someone might have cut the connection.
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
    let mut client = secured.connect();
    expect(&mut client, "PING", "+PONG\r\n");
    drop(secured);
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
}

#[test]
fn too_many_clients_are_closed_without_a_word() {
    let secured = Secured::start(&Settings { clients_max: 1, ..Settings::default() });
    let mut first = secured.connect();
    expect(&mut first, "PING", "+PONG\r\n");
    assert_eq!(secured.socket().read(&mut [0; 9]).unwrap_or(0), 0);
    assert_eq!(secured.running.server.stats.closed(Closed::Maxclients), 1);
}
