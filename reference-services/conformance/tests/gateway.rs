//! The Go gateway, built here and started from its binary, keeps the contract.
#![expect(clippy::unwrap_used, reason = "a test's way to fail")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Go gateway's binary, or none where there is no Go.
fn go_gateway() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    if Command::new("go").arg("version").output().is_err() {
        assert!(!required, "there is no go, and ASSAY_REQUIRE=all");
        println!("skipped: the Go gateway, because there is no go");
        return None;
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gateway-go");
    let built = Command::new("go")
        .args(["build", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/go"), "-o"])
        .args([binary.as_os_str(), ".".as_ref()])
        .env("GOTOOLCHAIN", "local")
        .status()
        .unwrap();
    assert!(built.success(), "go build: {built}");
    Some(binary)
}

#[test]
fn the_go_gateway_keeps_the_contract() {
    let Some(binary) = go_gateway() else { return };
    let checks = conformance::gateway::run(&binary);
    let failed: Vec<String> = checks
        .iter()
        .filter_map(|check| Some(format!("{}: {:#}", check.name, check.outcome.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
