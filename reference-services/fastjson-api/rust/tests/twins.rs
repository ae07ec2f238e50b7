//! Both twins, started from their binaries, keep the contract and answer alike.
#![expect(clippy::unwrap_used, reason = "a test's way to fail")]

use conformance::process::Service;
use conformance::{Check, arguments, differential, differential_documents, fastjson_api};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const SEEDS: [u64; 3] = [1, 2, 3];
const ORDERS: usize = 1_000;
const DOCUMENT_REQUESTS: usize = 3_000;

fn rust_twin() -> PathBuf {
    env!("CARGO_BIN_EXE_fastjson-api").into()
}

/// The Go twin's binary, or none where there is no Go.
fn go_twin() -> Option<PathBuf> {
    go_binary("")
}

/// The Go twin built with these tags, which choose a rung of the tuning ladder.
fn go_binary(tags: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    if Command::new("go").arg("version").output().is_err() {
        assert!(!required, "there is no go, and ASSAY_REQUIRE=all");
        println!("skipped: the Go twin, because there is no go");
        return None;
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fastjson-api-go-{tags}"));
    let built = Command::new("go")
        .args(["build", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/../go"), "-tags", tags, "-o"])
        .args([binary.as_os_str(), ".".as_ref()])
        .env("GOTOOLCHAIN", "local")
        .status()
        .unwrap();
    assert!(built.success(), "go build: {built}");
    Some(binary)
}

fn assert_passed(checks: &[Check]) {
    let failed = checks.iter().filter_map(|check| {
        check.outcome.as_ref().err().map(|error| format!("{}: {error:#}", check.name))
    });
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_rust_twin_keeps_the_contract() {
    let service = Service::start(&rust_twin(), &["--threads", "1"]).unwrap();
    assert_passed(&fastjson_api::run(service.address));
    stops_cleanly(service);
}

#[test]
fn the_go_twin_keeps_the_contract_and_answers_as_rust_does() {
    let Some(go) = go_twin() else { return };
    let go = Service::start(&go, &["--threads", "1"]).unwrap();
    let rust = Service::start(&rust_twin(), &["--threads", "2"]).unwrap();
    for seed in SEEDS {
        let (rust, go) = (rust.address, go.address);
        assert_passed(&[
            differential::run(rust, go, seed, ORDERS),
            differential_documents::run(rust, go, seed, DOCUMENT_REQUESTS),
        ]);
    }
    assert_passed(&fastjson_api::run(go.address));
    stops_cleanly(go);
    stops_cleanly(rust);
}

/// The best rung of Go's ladder. Rust's are the same tests, run with `--all-features`.
#[test]
fn the_tuned_go_twin_keeps_the_contract_and_answers_as_rust_does() {
    let Some(go) = go_binary("direct,codec") else { return };
    let go = Service::start(&go, &["--threads", "1"]).unwrap();
    let rust = Service::start(&rust_twin(), &["--threads", "2"]).unwrap();
    assert_passed(&[differential::run(rust.address, go.address, SEEDS[0], ORDERS)]);
    assert_passed(&fastjson_api::run(go.address));
    stops_cleanly(go);
}

#[test]
fn the_twins_tell_what_is_wrong_with_their_arguments() {
    for binary in [Some(rust_twin()), go_twin()].into_iter().flatten() {
        assert_passed(&arguments::run(&binary, &arguments::FASTJSON_API));
    }
}

#[test]
fn the_store_keeps_its_limits() {
    for binary in [Some(rust_twin()), go_twin()].into_iter().flatten() {
        let limits = ["--documents-max", "3", "--documents-bytes-max=100"];
        let service = Service::start(&binary, &limits).unwrap();
        assert_passed(&[fastjson_api::store_limits(service.address)]);
    }
}

/// An idle connection does not delay the end; a request in flight is still answered.
fn stops_cleanly(mut service: Service) {
    let mut idle = TcpStream::connect(service.address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0; 1024]).unwrap() > 0);
    let mut in_flight = TcpStream::connect(service.address).unwrap();
    let order = fastjson_api::SAMPLE_ORDER;
    let head = format!(
        "POST /v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        order.len()
    );
    in_flight.write_all(head.as_bytes()).unwrap();
    sleep(Duration::from_millis(200));
    service.terminate().unwrap();
    sleep(Duration::from_millis(200));
    in_flight.write_all(order.as_bytes()).unwrap();
    let mut answer = String::new();
    in_flight.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(TcpStream::connect(service.address).is_err(), "still accepting");
    let status = service.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn a_port_in_use_is_named() {
    for binary in [Some(rust_twin()), go_twin()].into_iter().flatten() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let output = Command::new(&binary).args(["--listen", &address]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "a port in use");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
    }
}
