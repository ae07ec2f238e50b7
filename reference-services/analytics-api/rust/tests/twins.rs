//! Both twins, started from their binaries, keep the contract, answer alike and read each other's
//! folders.
#![expect(clippy::unwrap_used, reason = "a test's way to fail")]

use conformance::analytics_api::{self, Oracle, differential, environment};
use conformance::process::Service;
use conformance::{Check, arguments};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

/// Random batches and questions to both twins, for each seed.
const REQUESTS: usize = 2_000;

fn rust_twin() -> PathBuf {
    env!("CARGO_BIN_EXE_analytics-api").into()
}

/// The Go twin's binary, or none where there is no Go.
fn go_twin() -> Option<&'static Path> {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    BINARY.get_or_init(build_go_twin).as_deref()
}

fn build_go_twin() -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        missing("the Go twin, because there is no go");
        return None;
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("analytics-api-go");
    let built = Command::new("go")
        .args(["build", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/../go"), "-o"])
        .args([binary.as_os_str(), ".".as_ref()])
        .env("GOTOOLCHAIN", "local")
        .status()
        .unwrap();
    assert!(built.success(), "go build: {built}");
    Some(binary)
}

/// Says what is left out, and fails if tools are required.
fn missing(what: &str) {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "skipped: {what}, and ASSAY_REQUIRE=all");
    println!("skipped: {what}");
}

/// DuckDB as the judge, or none where it cannot be had.
fn oracle() -> Option<Oracle> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("duckdb");
    let python = PYTHON.get_or_init(|| environment(&folder).map_err(|error| format!("{error:#}")));
    match python {
        Ok(python) => Some(Oracle::start(python).unwrap()),
        Err(error) => {
            missing(&format!("DuckDB as a judge, because {error}"));
            None
        }
    }
}

/// A service on an empty folder, which is gone when both are dropped.
fn start(binary: &Path, threads: &str) -> (Service, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let service = Service::start(binary, &["--data", data, "--threads", threads]).unwrap();
    (service, folder)
}

fn assert_passed(checks: &[Check]) {
    let failed = checks.iter().filter_map(|check| {
        check.outcome.as_ref().err().map(|error| format!("{}: {error:#}", check.name))
    });
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Most of the contract's checks wait for time limits; those of the folder run meanwhile.
fn keeps_the_contract(binary: &Path, threads: &str) {
    std::thread::scope(|scope| {
        let stored = scope.spawn(|| analytics_api::stored(binary));
        let (service, _folder) = start(binary, threads);
        let mut checks = analytics_api::run(service.address, oracle().as_mut());
        stops_cleanly(service);
        checks.extend(stored.join().unwrap());
        assert_passed(&checks);
    });
}

#[test]
fn the_rust_twin_keeps_the_contract_and_its_folder() {
    keeps_the_contract(&rust_twin(), "2");
}

#[test]
fn the_go_twin_keeps_the_contract_and_its_folder() {
    let Some(go) = go_twin() else { return };
    keeps_the_contract(go, "2");
}

#[test]
fn the_twins_tell_what_is_wrong_with_their_arguments() {
    for binary in [Some(rust_twin()), go_twin().map(Path::to_owned)].into_iter().flatten() {
        assert_passed(&arguments::run(&binary, &arguments::ANALYTICS_API));
    }
}

#[test]
fn the_twins_answer_alike() {
    let Some(go) = go_twin() else { return };
    for seed in 1..=3 {
        let (rust, _rust_folder) = start(&rust_twin(), "3");
        let (go, _go_folder) = start(go, "1");
        assert_passed(&[differential::run(rust.address, go.address, seed, REQUESTS)]);
    }
}

#[test]
fn the_twins_read_each_others_folders() {
    let Some(go) = go_twin() else { return };
    assert_passed(&[analytics_api::exchange(&rust_twin(), go)]);
}

/// An idle connection and a tail do not delay the end; a batch in flight is still taken.
fn stops_cleanly(mut service: Service) {
    let mut idle = TcpStream::connect(service.address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 1024]).unwrap() > 0);
    let mut tail = TcpStream::connect(service.address).unwrap();
    tail.write_all(b"GET /v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(tail.read(&mut [0; 1024]).unwrap() > 0);
    let mut in_flight = TcpStream::connect(service.address).unwrap();
    let line = b"{\"ts\":1,\"key\":\"last\",\"value\":1}\n";
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\n\r\n",
        line.len()
    );
    in_flight.write_all(head.as_bytes()).unwrap();
    sleep(Duration::from_millis(200));
    service.terminate().unwrap();
    sleep(Duration::from_millis(200));
    in_flight.write_all(line).unwrap();
    let mut answer = String::new();
    in_flight.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(TcpStream::connect(service.address).is_err(), "still accepting");
    let status = service.wait().unwrap();
    assert!(status.success(), "{status}");
}
