//! The gateway keeps the contract, alone and with the token service.
#![expect(clippy::unwrap_used, reason = "a test's way to fail")]

use conformance::{Check, gateway};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const RUST: &str = env!("CARGO_BIN_EXE_gateway");
const TOKEN_SERVICE: &str = env!("CARGO_BIN_EXE_token-service");

/// The Go gateway's binary, or none where there is no Go.
static GO: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    if Command::new("go").arg("version").output().is_err() {
        assert!(!required, "there is no go, and ASSAY_REQUIRE=all");
        println!("skipped: the Go gateway, because there is no go");
        return None;
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gateway-go");
    let built = Command::new("go")
        .args(["build", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/../go"), "-o"])
        .args([binary.as_os_str(), ".".as_ref()])
        .env("GOTOOLCHAIN", "local")
        .status()
        .unwrap();
    assert!(built.success(), "go build: {built}");
    Some(binary)
});

fn expect_all(checks: &[Check]) {
    let failed: Vec<String> = checks
        .iter()
        .filter_map(|check| Some(format!("{}: {:#}", check.name, check.outcome.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_go_gateway_keeps_the_contract() {
    let Some(binary) = GO.as_deref() else { return };
    expect_all(&gateway::run(binary));
}

#[test]
fn the_rust_gateway_keeps_the_contract() {
    expect_all(&gateway::run(RUST.as_ref()));
}

#[test]
fn the_rust_gateway_asks_the_token_service() {
    expect_all(&gateway::run_split(RUST.as_ref(), TOKEN_SERVICE.as_ref()));
}

#[test]
fn the_twins_take_shaped_requests_alike() {
    let Some(go) = GO.as_deref() else { return };
    expect_all(&[gateway::run_differential(RUST.as_ref(), go, 1, 400)]);
}

#[test]
fn the_token_service_keeps_the_contract() {
    expect_all(&gateway::run_token_service(TOKEN_SERVICE.as_ref()));
}

#[test]
fn the_go_gateway_asks_the_token_service() {
    let Some(binary) = GO.as_deref() else { return };
    expect_all(&gateway::run_split(binary, TOKEN_SERVICE.as_ref()));
}
