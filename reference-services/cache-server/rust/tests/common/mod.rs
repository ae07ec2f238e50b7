//! The twins' binaries, and what may be missing on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

const REDIS_PY: &str = "redis==8.1.0";

/// Whether a missing tool is a failure.
pub(crate) fn required() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the checks' own switch, not a setting")]
    std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all")
}

/// Whether a command can be run; says so if not, and fails if tools are required.
pub(crate) fn is_here(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    found || missing(&format!("there is no {tool}"))
}

/// Always false.
pub(crate) fn missing(reason: &str) -> bool {
    assert!(!required(), "{reason}, and ASSAY_REQUIRE=all");
    println!("skipped: {reason}");
    false
}

pub(crate) fn rust_twin() -> PathBuf {
    env!("CARGO_BIN_EXE_cache-server").into()
}

/// The Go twin's binary, or none where there is no Go.
pub(crate) fn go_twin() -> Option<PathBuf> {
    // `go` knows no `--version`.
    if Command::new("go").arg("version").output().is_err() {
        missing("there is no go");
        return None;
    }
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache-server-go");
    let built = Command::new("go")
        .args(["build", "-C", concat!(env!("CARGO_MANIFEST_DIR"), "/../go"), "-o"])
        .args([binary.as_os_str(), ".".as_ref()])
        .env("GOTOOLCHAIN", "local")
        .status()
        .expect("go ran a moment ago");
    assert!(built.success(), "go build: {built}");
    Some(binary)
}

/// Both twins, or the one there is.
pub(crate) fn twins() -> impl Iterator<Item = PathBuf> {
    [Some(rust_twin()), go_twin()].into_iter().flatten()
}

/// A Python that has redis-py, if it can be fetched.
pub(crate) fn redis_py() -> Option<PathBuf> {
    if !is_here("python3") {
        return None;
    }
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("redis-py");
    let python = environment.join("bin/python");
    let installed = || {
        let import = Command::new(&python).args(["-c", "import redis"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    if !installed() {
        let _ = Command::new("python3").args(["-m", "venv"]).arg(&environment).output();
        let pip = ["-m", "pip", "install", "--quiet", REDIS_PY];
        let _ = Command::new(&python).args(pip).output();
    }
    (installed() || missing("pip cannot fetch redis-py")).then_some(python)
}
