//! Over sockets: a client library, pipelines, slow readers, churn, and what is given back.

use cache_server::clock::Clock;
use cache_server::config::Settings;
use cache_server::net::{Bound, TlsListener, serve};
use cache_server::server::Server;
use cache_server::stats::Closed;
use rustls::ServerConfig;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(20);

/// The wall clock, which can be set forward.
struct Forward {
    started: Instant,
    ahead_us: Arc<AtomicU64>,
}

impl Clock for Forward {
    fn now_us(&self) -> u64 {
        1_800_000_000_000_000
            + self.started.elapsed().as_micros() as u64
            + self.ahead_us.load(Ordering::Relaxed)
    }
}

/// A server on a port of its own, which stops when it is dropped.
pub(crate) struct Running {
    pub(crate) server: Arc<Server>,
    address: SocketAddr,
    metrics: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) ahead_us: Arc<AtomicU64>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(settings: &Settings) -> Self {
        Self::start_with(settings, None)
    }

    pub(crate) fn start_with(settings: &Settings, tls: Option<Arc<ServerConfig>>) -> Self {
        let ahead_us = Arc::new(AtomicU64::new(0));
        let clock = Forward { started: Instant::now(), ahead_us: Arc::clone(&ahead_us) };
        let server = Arc::new(Server::new(settings, Box::new(clock)));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let serving = Arc::clone(&server);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let bind = || tokio::net::TcpListener::bind("127.0.0.1:0");
                let (clients, metrics) = (bind().await.unwrap(), bind().await.unwrap());
                let listener = bind().await.unwrap();
                tell.send([&clients, &metrics, &listener].map(|it| it.local_addr().unwrap()))
                    .unwrap();
                let tls = tls.map(|config| TlsListener { listener, config });
                let bound = Bound { clients, tls, metrics: Some(metrics) };
                serve(serving, bound, async { drop(stopped.await) }).await.unwrap();
            });
        });
        let [address, metrics, tls] = told.recv().unwrap();
        let (stop, thread) = (Some(stop), Some(thread));
        Self { server, address, metrics, tls, ahead_us, stop, thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    fn library(&self) -> redis::Connection {
        let client = redis::Client::open(format!("redis://{}/", self.address)).unwrap();
        client.get_connection().unwrap()
    }

    pub(crate) fn wait_for(&self, what: &str, mut holds: impl FnMut(&Server) -> bool) {
        let start = Instant::now();
        while !holds(&self.server) {
            assert!(start.elapsed() < DEADLINE, "{what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn running() -> Running {
    Running::start(&Settings { threads: 2, maxmemory_bytes: 256 << 20, ..Settings::default() })
}

/// Sends a line and reads the answer, which must be this.
fn expect(stream: &mut TcpStream, line: &str, answer: &str) {
    stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let mut read = vec![0; answer.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8_lossy(&read), answer);
}

#[test]
fn a_client_library_works_unchanged() {
    let running = running();
    let mut connection = running.library();
    let set: String = redis::cmd("SET").arg("key").arg("value").query(&mut connection).unwrap();
    assert_eq!(set, "OK");
    let all: (String, i64, Option<String>) = redis::pipe()
        .cmd("GET")
        .arg("key")
        .cmd("INCR")
        .arg("count")
        .cmd("GET")
        .arg("nothing")
        .query(&mut connection)
        .unwrap();
    assert_eq!(all, ("value".to_owned(), 1, None));
    let in_transaction: (i64, i64) = redis::pipe()
        .atomic()
        .cmd("INCR")
        .arg("count")
        .cmd("HSET")
        .arg("hash")
        .arg("field")
        .arg(1)
        .query(&mut connection)
        .unwrap();
    assert_eq!(in_transaction, (2, 1));
    let wrong: redis::RedisResult<i64> = redis::cmd("INCR").arg("hash").query(&mut connection);
    assert_eq!(wrong.unwrap_err().code(), Some("WRONGTYPE"));
}

#[test]
fn what_one_client_writes_the_next_command_sees_on_any_thread() {
    let running = running();
    let mut clients: Vec<TcpStream> = (0..8).map(|_| running.connect()).collect();
    for round in 0..200 {
        let (writer, reader) = (round % 8, (round * 3 + 1) % 8);
        expect(&mut clients[writer], &format!("SET key{} {round}", round % 5), "+OK\r\n");
        let answer = format!("${}\r\n{round}\r\n", round.to_string().len());
        expect(&mut clients[reader], &format!("GET key{}", round % 5), &answer);
    }
}

#[test]
fn counting_from_all_threads_loses_nothing() {
    let running = running();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut stream = running.connect();
            scope.spawn(move || {
                let lines = "MULTI\r\nINCR a\r\nINCR b\r\nEXEC\r\nINCR c\r\n".repeat(500);
                let mut writer = stream.try_clone().unwrap();
                let sending =
                    std::thread::spawn(move || writer.write_all(lines.as_bytes()).unwrap());
                let mut answered = 0;
                let mut buffer = [0; 4_096];
                while answered < 500 {
                    let length = stream.read(&mut buffer).unwrap();
                    assert!(length > 0);
                    answered += buffer[..length].iter().filter(|&&byte| byte == b'*').count();
                }
                sending.join().unwrap();
            });
        }
    });
    let mut stream = running.connect();
    for key in ["a", "b", "c"] {
        expect(&mut stream, &format!("GET {key}"), "$4\r\n2000\r\n");
    }
}

#[test]
fn a_client_that_takes_nothing_is_held_back_and_then_closed() {
    let running = running();
    let mut slow = running.connect();
    expect(&mut slow, &format!("SET large {}", "v".repeat(60_000)), "+OK\r\n");
    slow.set_nonblocking(true).unwrap();
    let lines = b"GET large\r\n".repeat(1_000);
    let start = Instant::now();
    // It sends requests until nobody takes them any more.
    loop {
        match slow.write(&lines) {
            Ok(_) => assert!(start.elapsed() < DEADLINE, "requests are taken without end"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    running
        .wait_for("replies wait", |server| server.stats.buffer_bytes.load(Ordering::Relaxed) > 0);
    let waiting = running.server.stats.buffer_bytes.load(Ordering::Relaxed);
    assert!(waiting < 2 << 20, "{waiting} bytes wait for one client");
    let mut other = running.connect();
    expect(&mut other, "PING", "+PONG\r\n");
    running.ahead_us.store(11_000_000, Ordering::Relaxed);
    running.wait_for("it is closed", |server| server.stats.closed(Closed::Stalled) == 1);
    running.wait_for("its buffers go", |server| {
        server.stats.buffer_bytes.load(Ordering::Relaxed) == 0
    });
    expect(&mut other, "PING", "+PONG\r\n");
}

#[test]
fn a_slow_reader_gets_everything_in_order() {
    let running = running();
    let mut slow = running.connect();
    expect(&mut slow, "SETRANGE large 99999 x", ":100000\r\n");
    let mut writer = slow.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let lines: String =
            (0..300).map(|number| format!("GET large\r\nECHO {number:03}\r\n")).collect();
        writer.write_all(lines.as_bytes()).unwrap();
    });
    let large = format!("$100000\r\n{}x\r\n", "\0".repeat(99_999));
    for number in 0..300 {
        let expected = format!("{large}$3\r\n{number:03}\r\n");
        let mut read = vec![0; expected.len()];
        slow.read_exact(&mut read).unwrap();
        assert!(read == expected.as_bytes(), "reply {number}");
    }
    sending.join().unwrap();
}

#[test]
fn connections_come_and_go() {
    let running = running();
    for round in 0..30 {
        let mut clients: Vec<TcpStream> = (0..20).map(|_| running.connect()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            match (round + number) % 4 {
                0 => expect(client, "INCR visits", ":"),
                1 => client.write_all(b"*2\r\n$3\r\nGET\r\n$100\r\nbegun").unwrap(),
                2 => expect(client, "QUIT", "+OK\r\n"),
                _ => expect(client, "WATCH visits", "+OK\r\n"),
            }
        }
    }
    running.wait_for("all are gone", |server| server.clients.is_empty());
    assert_eq!(running.server.stats.buffer_bytes.load(Ordering::Relaxed), 0);
    assert_eq!(running.server.stats.connections.load(Ordering::Relaxed), 600);
    let mut client = running.connect();
    expect(&mut client, "GET visits", "$3\r\n150\r\n");
}

#[test]
fn too_many_clients_are_told_so() {
    let running = Running::start(&Settings { clients_max: 2, ..Settings::default() });
    let mut first = running.connect();
    let mut second = running.connect();
    expect(&mut first, "PING", "+PONG\r\n");
    expect(&mut second, "PING", "+PONG\r\n");
    let mut third = running.connect();
    let mut text = String::new();
    third.read_to_string(&mut text).unwrap();
    assert_eq!(text, "-ERR max number of clients reached\r\n");
    drop(second);
    running.wait_for("there is room", |server| server.clients.len() == 1);
    expect(&mut running.connect(), "PING", "+PONG\r\n");
}

#[test]
fn a_client_can_be_killed_and_idle_ones_time_out() {
    let running = running();
    let (mut first, mut second, mut third) =
        (running.connect(), running.connect(), running.connect());
    for client in [&mut first, &mut second, &mut third] {
        expect(client, "PING", "+PONG\r\n");
    }
    let address = second.local_addr().unwrap();
    expect(&mut first, &format!("CLIENT KILL ADDR {address}"), ":1\r\n");
    assert_eq!(second.read(&mut [0; 9]).unwrap_or(0), 0);
    expect(&mut first, "CONFIG SET timeout 5", "+OK\r\n");
    running.ahead_us.store(6_000_000, Ordering::Relaxed);
    assert_eq!(third.read(&mut [0; 9]).unwrap_or(0), 0);
    assert_eq!(running.server.stats.closed(Closed::Killed), 1);
    running.wait_for("both time out", |server| server.stats.closed(Closed::Timeout) == 2);
}

#[test]
fn replies_due_are_sent_before_it_stops() {
    let running = running();
    let mut client = running.connect();
    expect(&mut client, "SET key value", "+OK\r\n");
    client.write_all(&b"GET key\r\n".repeat(1_000)).unwrap();
    // What has arrived is answered, whatever of it was read before.
    expect(&mut client, "", "$5\r\nvalue\r\n");
    let address = running.address;
    drop(running);
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "$5\r\nvalue\r\n".repeat(999));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn metrics_and_health_are_served() {
    let running = running();
    expect(&mut running.connect(), "SET key value", "+OK\r\n");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(running.metrics).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(ask("/healthz").ends_with("\r\n\r\nok\n"));
    assert!(ask("/nothing").starts_with("HTTP/1.1 404"));
    let text = ask("/metrics");
    assert!(text.contains("cache_commands_total{command=\"set\"} 1\n"), "{text}");
    assert!(text.contains("cache_entries{db=\"0\"} 1\n"), "{text}");
}
