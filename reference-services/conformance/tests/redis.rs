//! The checks of cache-server hold for a real Redis 7.0, so that what they expect of the twins is
//! what Redis does, save where the contract says otherwise.

use conformance::cache_server::{self, Subject};
use conformance::process::start_redis;
use std::process::Command;

/// Whether Redis 7.0 is here; if tools are required, it must be.
fn redis_is_here() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    let version = Command::new("redis-server").arg("--version").output();
    let found = version.is_ok_and(|version| {
        String::from_utf8_lossy(&version.stdout).starts_with("Redis server v=7.0.")
    });
    assert!(found || !required, "there is no redis-server 7.0, and ASSAY_REQUIRE=all");
    if !found {
        println!("skipped: there is no redis-server 7.0");
    }
    found
}

#[test]
fn redis_passes_the_checks_of_cache_server() {
    if !redis_is_here() {
        return;
    }
    let redis = start_redis().unwrap();
    let checks = cache_server::run(redis.address, Subject::Redis);
    assert!(checks.len() > 200, "{} checks", checks.len());
    let failed: Vec<String> = checks
        .iter()
        .filter_map(|check| Some(format!("{}: {:#}", check.name, check.outcome.as_ref().err()?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Whatever two of the same server answer differently is no fault of a twin.
#[test]
fn two_of_redis_pass_the_differential() {
    if !redis_is_here() {
        return;
    }
    let (one, other) = (start_redis().unwrap(), start_redis().unwrap());
    let (one, other) = (one.address, other.address);
    let check = cache_server::differential::run(one, other, Subject::Twin, 1, 20_000);
    check.outcome.unwrap();
}
