//! Both twins, started from their binaries, keep the contract and answer alike.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's way to fail")]

#[expect(dead_code, reason = "other tests use the rest of the shared module")]
mod common;

use common::{go_twin, is_here, rust_twin, twins};
use conformance::cache_server::{self, Subject, differential};
use conformance::process::{Service, start_redis};
use conformance::{Check, arguments};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

const COMMANDS: usize = 20_000;

fn assert_passed(checks: &[Check]) {
    let failed = checks.iter().filter_map(|check| {
        check.outcome.as_ref().err().map(|error| format!("{}: {error:#}", check.name))
    });
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_rust_twin_keeps_the_contract() {
    let service = Service::start(&rust_twin(), &["--threads", "2"]).unwrap();
    assert_passed(&cache_server::run(service.address, Subject::Twin));
    stops_cleanly(service);
}

#[test]
fn the_rust_twin_keeps_the_contract_on_one_thread() {
    let service = Service::start(&rust_twin(), &["--threads", "1"]).unwrap();
    // What has to do with threads: one client must not hold up another that shares its loop.
    assert_passed(&cache_server::brief(service.address, Subject::Twin));
    assert_passed(&cache_server::wire(service.address, Subject::Twin));
}

#[test]
fn the_go_twin_keeps_the_contract() {
    let Some(go) = go_twin() else { return };
    let service = Service::start(&go, &["--threads", "2"]).unwrap();
    assert_passed(&cache_server::run(service.address, Subject::Twin));
    stops_cleanly(service);
}

#[test]
fn the_twins_tell_what_is_wrong_with_their_arguments() {
    for binary in [Some(rust_twin()), go_twin()].into_iter().flatten() {
        assert_passed(&arguments::run(&binary, &arguments::CACHE_SERVER));
    }
}

#[test]
fn the_twins_answer_alike() {
    let Some(go) = go_twin() else { return };
    let go = Service::start(&go, &["--threads", "1"]).unwrap();
    let rust = Service::start(&rust_twin(), &["--threads", "3"]).unwrap();
    for seed in 1..=2 {
        let (rust, go) = (rust.address, go.address);
        assert_passed(&[differential::run(rust, go, Subject::Twin, seed, COMMANDS)]);
    }
}

#[test]
fn each_twin_answers_as_redis_does() {
    if !is_here("redis-server") {
        return;
    }
    let redis = start_redis().unwrap();
    for (seed, twin) in (11..).step_by(10).zip(twins()) {
        let twin = Service::start(&twin, &["--threads", "2"]).unwrap();
        for seed in seed..seed + 2 {
            let (twin, redis) = (twin.address, redis.address);
            assert_passed(&[differential::run(twin, redis, Subject::Redis, seed, COMMANDS)]);
        }
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn metrics_are_served() {
    for twin in twins() {
        let metrics = free_address();
        let service = Service::start(&twin, &["--metrics", &metrics.to_string()]).unwrap();
        assert_passed(&[cache_server::metrics(service.address, metrics)]);
    }
}

/// An idle client, half a command and an open transaction do not delay the end; whole commands are
/// still answered.
fn stops_cleanly(mut service: Service) {
    let connect = || TcpStream::connect(service.address).unwrap();
    let _idle = connect();
    connect().write_all(b"*2\r\n$3\r\nGE").unwrap();
    let mut half = connect();
    half.write_all(b"*2\r\n$3\r\nGE").unwrap();
    let mut open = connect();
    open.write_all(b"MULTI\r\nSET k v\r\n").unwrap();
    let mut last = connect();
    last.write_all(&b"PING\r\n".repeat(1_000)).unwrap();
    service.terminate().unwrap();
    let mut replies = String::new();
    last.read_to_string(&mut replies).unwrap();
    assert_eq!(replies.len(), 7 * 1_000, "of 1,000 commands sent before the end");
    let status = service.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(TcpStream::connect(service.address).is_err(), "still accepting");
}

#[test]
fn options_are_taken() {
    for twin in twins() {
        let options = ["--maxmemory", "16mb", "--maxmemory-policy", "noeviction"];
        let more = ["--maxclients", "7", "--timeout", "60", "--requirepass", "secret"];
        let service = Service::start(&twin, &[&options[..], &more].concat()).unwrap();
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream
            .write_all(b"AUTH secret\r\nCONFIG GET max* timeout requirepass\r\nQUIT\r\n")
            .unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).unwrap();
        let words: Vec<&str> =
            replies.split("\r\n").filter(|word| !word.starts_with(['$', '*'])).collect();
        for (name, value) in [
            ("maxmemory", "16777216"),
            ("maxmemory-policy", "noeviction"),
            ("maxclients", "7"),
            ("timeout", "60"),
            ("requirepass", "secret"),
        ] {
            let pair = words.windows(2).any(|pair| pair == [name, value]);
            assert!(pair, "no {name} {value} in {words:?}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused() {
    for twin in twins() {
        let listen = ["--listen", "127.0.0.1:0"];
        let password = "x".repeat(513);
        let arguments = [&listen[..], &["--requirepass", &password]].concat();
        let output = Command::new(&twin).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "a password that is too long");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains("-requirepass") && !message.contains(&password), "{message}");
        // A number below what may be is the option's fault, and no option itself.
        for option in ["--threads", "--maxmemory", "--maxclients", "--timeout"] {
            let output =
                Command::new(&twin).args([&listen[..], &[option, "-1"]].concat()).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{option} -1");
            let message = String::from_utf8_lossy(&output.stderr);
            let message = message.split("sage:").next().unwrap();
            assert!(message.contains(option.trim_start_matches('-')), "{option} -1: {message}");
        }
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = taken.local_addr().unwrap().to_string();
        for arguments in
            [&["--listen", &address][..], &[&listen[..], &["--metrics", &address]].concat()]
        {
            let output = Command::new(&twin).args(arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "a port in use");
            assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
        }
    }
}
