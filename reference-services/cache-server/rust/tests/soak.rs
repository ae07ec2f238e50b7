//! Both twins for minutes under connection churn, slow readers, expiry and eviction: memory stays
//! flat. Ignored by default: `SOAK_MINUTES=5 cargo test --release -p cache-server --test soak --
//! --ignored --nocapture`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

#[expect(dead_code, reason = "other tests use the rest of the shared module")]
mod common;

use common::twins;
use conformance::process::Service;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MINUTES: u64 = 2;
const MEMORY_BYTES: u64 = 64 << 20;
/// Beyond 1.15 × the budget: the contract's 32 MiB, and the buffers of slow readers.
const BEYOND_BYTES_MAX: u64 = (32 + 64) << 20;
/// How much more may be resident at most in the last quarter than in the second.
const GROWTH_BYTES_MAX: u64 = 8 << 20;
const KEYS: u64 = 400_000;
const SLOW_READERS: usize = 8;

struct Load {
    address: SocketAddr,
    ended: AtomicBool,
    commands: AtomicU64,
    connections: AtomicU64,
}

/// Pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn request(out: &mut Vec<u8>, words: &[&str]) {
    write!(out, "*{}\r\n", words.len()).unwrap();
    for word in words {
        write!(out, "${}\r\n{word}\r\n", word.len()).unwrap();
    }
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    fn connect(&self) -> TcpStream {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends commands, and reads until as many PONGs came as stand between them.
    fn exchange(&self, stream: &mut TcpStream, commands: &mut Vec<u8>, count: u64) {
        request(commands, &["ECHO", "the end of it"]);
        stream.write_all(commands).unwrap();
        commands.clear();
        let (mut replies, mut piece) = (Vec::new(), [0; 64 << 10]);
        while !replies.ends_with(b"the end of it\r\n") {
            let length = stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "closed in the middle of replies");
            replies.extend_from_slice(piece.get(..length).unwrap_or_default());
            replies.drain(..replies.len().saturating_sub(64));
        }
        self.commands.fetch_add(count, Ordering::Relaxed);
    }

    /// Small strings, some of which expire; more than fit.
    fn strings(&self, seed: u64) {
        let (mut random, mut stream, mut out) = (Random(seed), self.connect(), Vec::new());
        let value = "v".repeat(2_000);
        while self.goes_on() {
            for _ in 0..100 {
                let key = format!("key:{}", random.below(KEYS));
                let value = &value[..random.below(2_000) as usize];
                match random.below(8) {
                    0..3 => request(&mut out, &["GET", &key]),
                    3..5 => request(&mut out, &["SET", &key, value]),
                    5 => request(&mut out, &["SET", &key, value, "PX", "700"]),
                    6 => request(&mut out, &["APPEND", &key, "more"]),
                    _ => request(&mut out, &["DEL", &key]),
                }
            }
            self.exchange(&mut stream, &mut out, 100);
        }
    }

    /// Hashes that grow and shrink, and large strings.
    fn objects(&self, seed: u64) {
        let (mut random, mut stream, mut out) = (Random(seed), self.connect(), Vec::new());
        let large = "v".repeat(1 << 20);
        while self.goes_on() {
            for _ in 0..20 {
                let hash = format!("hash:{}", random.below(200));
                let field = format!("field:{}", random.below(1_000));
                let name = format!("large:{}", random.below(30));
                let large = &large[..random.below(1 << 20) as usize];
                match random.below(10) {
                    0..6 => {
                        request(&mut out, &["HSET", &hash, &field, &large[..large.len() / 9_999]]);
                    }
                    6 => request(&mut out, &["HDEL", &hash, &field]),
                    7 => request(&mut out, &["DEL", &hash]),
                    8 => request(&mut out, &["SET", &name, large]),
                    _ => request(&mut out, &["STRLEN", &name]),
                }
            }
            self.exchange(&mut stream, &mut out, 20);
        }
    }

    /// Clients that come, say little or half of something, and go.
    fn churn(&self, seed: u64) {
        let mut random = Random(seed);
        while self.goes_on() {
            let mut streams: Vec<TcpStream> = (0..20).map(|_| self.connect()).collect();
            for stream in &mut streams {
                let text: &[u8] = match random.below(6) {
                    0 => b"",
                    1 => b"*2\r\n$3\r\nGET\r\n$100",
                    2 => b"MULTI\r\nSET a b\r\nWATCH c\r\n",
                    3 => b"WATCH key:1 key:2 key:3\r\nMULTI\r\nINCR n\r\n",
                    4 => b"*1\r\n$x\r\n",
                    _ => b"PING\r\nSET k v\r\nGET k\r\n",
                };
                // It may be closed already.
                drop(stream.write_all(text));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks for megabytes and takes a little of them now and then.
    fn slow_reader(&self, seed: u64) {
        let mut random = Random(seed);
        let mut piece = [0; 16 << 10];
        while self.goes_on() {
            let mut stream = self.connect();
            let mut out = Vec::new();
            request(&mut out, &["SET", "slow", &"v".repeat(1 << 20)]);
            (0..8).for_each(|_| request(&mut out, &["GET", "slow"]));
            if stream.write_all(&out).is_err() {
                continue;
            }
            for _ in 0..random.below(60) {
                if !self.goes_on() || !matches!(stream.read(&mut piece), Ok(1..)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn info(stream: &mut TcpStream) -> String {
    stream.write_all(b"INFO\r\n").unwrap();
    let (mut text, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        match stream.read(&mut piece) {
            Ok(length) => text.extend_from_slice(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => panic!("INFO: {error}"),
        }
        let text = String::from_utf8_lossy(&text);
        let whole = text.split_once("\r\n").is_some_and(|(head, body)| {
            head.get(1..)
                .and_then(|it| it.parse().ok())
                .is_some_and(|it: usize| body.len() >= it + 2)
        });
        if whole {
            return text.into_owned();
        }
    }
}

fn number(info: &str, name: &str) -> u64 {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

fn soak(twin: &std::path::Path, minutes: u64) -> String {
    let memory = MEMORY_BYTES.to_string();
    let service = Service::start(twin, &["--maxmemory", &memory, "--threads", "2"]).unwrap();
    let load = Load {
        address: service.address,
        ended: AtomicBool::new(false),
        commands: AtomicU64::new(0),
        connections: AtomicU64::new(0),
    };
    let mut watcher = load.connect();
    let idle_bytes = number(&info(&mut watcher), "used_memory_rss");
    let (start, whole) = (Instant::now(), Duration::from_secs(60 * minutes));
    let mut resident = Vec::new();
    let mut last = String::new();
    std::thread::scope(|scope| {
        scope.spawn(|| load.strings(1));
        scope.spawn(|| load.strings(2));
        scope.spawn(|| load.objects(3));
        scope.spawn(|| load.churn(4));
        (0..SLOW_READERS).for_each(|at| {
            let load = &load;
            scope.spawn(move || load.slow_reader(5 + at as u64));
        });
        while start.elapsed() < whole {
            std::thread::sleep(Duration::from_millis(500));
            last = info(&mut watcher);
            assert!(number(&last, "used_memory") <= MEMORY_BYTES, "{last}");
            let bytes = number(&last, "used_memory_rss");
            assert!(bytes <= MEMORY_BYTES * 115 / 100 + BEYOND_BYTES_MAX, "{last}");
            resident.push(bytes);
        }
        load.ended.store(true, Ordering::Relaxed);
    });
    let quarter = resident.len() / 4;
    let most = |from: usize| resident.iter().skip(from).take(quarter).copied().max().unwrap_or(0);
    let (second, fourth) = (most(quarter), most(3 * quarter));
    assert!(fourth <= second + GROWTH_BYTES_MAX, "{second} bytes became {fourth}");
    assert!(number(&last, "evicted_keys") > 0 && number(&last, "expired_keys") > 0, "{last}");
    watcher.write_all(b"FLUSHALL\r\n").unwrap();
    watcher.read_exact(&mut [0; 5]).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let end = info(&mut watcher);
    let left_bytes = number(&end, "used_memory_rss");
    assert!(left_bytes <= idle_bytes + (64 << 20), "{left_bytes} are left of {idle_bytes}");
    assert_eq!(number(&end, "connected_clients"), 1, "clients that went");
    let mut report = String::new();
    let mib = |bytes: u64| bytes >> 20;
    write!(
        report,
        "{minutes} minutes, {} commands, {} connections, {} evicted, {} expired, {} closed as slow; \
         resident MiB: {} idle, {} and {} at most in the second and the last quarter, {} after \
         FLUSHALL",
        load.commands.load(Ordering::Relaxed),
        load.connections.load(Ordering::Relaxed),
        number(&last, "evicted_keys"),
        number(&last, "expired_keys"),
        number(&last, "client_output_buffer_limit_disconnections"),
        mib(idle_bytes),
        mib(second),
        mib(fourth),
        mib(left_bytes),
    )
    .unwrap();
    report
}

#[test]
#[ignore = "it takes minutes"]
fn memory_stays_flat() {
    #[expect(clippy::disallowed_methods, reason = "the test's own argument")]
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|it| it.parse().ok());
    for twin in twins() {
        println!("{}: {}", twin.display(), soak(&twin, minutes.unwrap_or(MINUTES)));
    }
}
