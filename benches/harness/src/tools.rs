//! Building the twins, and asking the toolchains for their versions.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use assay_evidence::{Builds, Twin, Versions};

/// Rebuilds timed after a function was added.
const INCREMENTAL_BUILDS: u32 = 3;

/// Folders of the source tree that a build of a service needs, besides the two cargo files.
const SOURCES: [&str; 3] = ["app", "benches", "reference-services"];

/// Folders never copied for a timed build.
const SKIPPED: [&str; 4] = ["target", "node_modules", "runs", ".git"];

/// The two binaries of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The Rust twin.
    pub rust: PathBuf,
    /// The Go twin.
    pub go: PathBuf,
}

/// Runs a tool and returns what it prints; a failure shows the end of its complaint.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| missing(&name, &error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = complaint.trim_end().lines().collect();
        let end = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
        bail!("{name} failed ({}):\n{end}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn missing(name: &str, error: &std::io::Error) -> anyhow::Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return anyhow!("cannot run {name}: {error}");
    }
    match name {
        "go" => {
            anyhow!("Go is not installed: measuring builds the Go twin with `go`, 1.26 or newer")
        }
        "cargo" | "rustc" => {
            anyhow!("Rust is not installed: measuring builds the Rust twin with `cargo`")
        }
        _ => anyhow!("{name} is not installed"),
    }
}

/// Builds both twins as they are measured: `target/release/SERVICE` and `target/go/SERVICE`.
pub(crate) fn build(root: &Path, service: &str) -> Result<Binaries> {
    let target = target_dir(root)?;
    output(&mut cargo_build(root, service, &target))?;
    let rust = target.join("release").join(service);
    let go = target.join("go").join(service);
    output(&mut go_build(root, service, &go))?;
    for binary in [&rust, &go] {
        ensure!(binary.is_file(), "the build left no {}", binary.display());
    }
    Ok(Binaries { rust, go })
}

/// Builds the conformance checks.
pub(crate) fn build_conformance(root: &Path) -> Result<PathBuf> {
    let target = target_dir(root)?;
    output(&mut cargo_build(root, "conformance", &target))?;
    Ok(target.join("release/conformance"))
}

/// Checks a running service against its contract and its twin; the checks it fails are named.
pub(crate) fn conform(
    conformance: &Path,
    service: &str,
    addr: SocketAddr,
    twin: SocketAddr,
) -> Result<()> {
    let mut command = Command::new(conformance);
    command.arg(service).arg(addr.to_string()).arg("--against").arg(twin.to_string());
    let output = command.stdin(Stdio::null()).output().context("cannot run the checks")?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let failed: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ")).collect();
    bail!("{}", failed.join("\n"))
}

fn cargo_build(root: &Path, service: &str, target: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--release", "--package", service, "--target-dir"]);
    command.arg(target).current_dir(root);
    command
}

/// Stripped like the Rust twin, whose profile says `strip`.
fn go_build(root: &Path, service: &str, binary: &Path) -> Command {
    let mut command = Command::new("go");
    command.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(binary).arg(".");
    command.current_dir(go_folder(root, service)).env("GOTOOLCHAIN", "local");
    command
}

fn go_folder(root: &Path, service: &str) -> PathBuf {
    root.join("reference-services").join(service).join("go")
}

/// Cargo's target folder, wherever its settings put it.
fn target_dir(root: &Path) -> Result<PathBuf> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
    let metadata: serde_json::Value = serde_json::from_str(&output(&mut command)?)?;
    let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(target.context("cargo metadata names no target_directory")?.into())
}

/// The sizes of the binaries as they are measured.
pub(crate) fn sizes(binaries: &Binaries) -> Result<Vec<Builds>> {
    let size = |twin, path: &Path| -> Result<Builds> {
        let binary_bytes = fs::metadata(path)?.len();
        Ok(Builds {
            twin,
            variant: None,
            binary_bytes,
            clean_s: Vec::new(),
            incremental_s: Vec::new(),
        })
    };
    Ok(vec![size(Twin::Rust, &binaries.rust)?, size(Twin::Go, &binaries.go)?])
}

/// Times a clean build and rebuilds of a twin in a copy of the sources with empty caches.
/// Downloads do not count: they were made for the build that was measured.
pub(crate) fn time_builds(root: &Path, service: &str, build: &mut Builds) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let copy = scratch.path().join("source");
    copy_sources(root, &copy)?;
    let out = scratch.path().join("out");
    let mut command = match build.twin {
        Twin::Rust => cargo_build(&copy, service, &out),
        Twin::Go => go_build(&copy, service, &out.join(service)),
    };
    command.env("CARGO_NET_OFFLINE", "true").env("GOCACHE", scratch.path().join("go-cache"));
    build.clean_s.push(timed(&mut command)?);
    for round in 1..=INCREMENTAL_BUILDS {
        add_function(&copy, service, build.twin, round)?;
        build.incremental_s.push(timed(&mut command)?);
    }
    Ok(())
}

fn timed(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    output(command)?;
    Ok(began.elapsed().as_secs_f64())
}

/// Adds a public function, so that the change cannot be optimised away before the binary is linked.
fn add_function(root: &Path, service: &str, twin: Twin, round: u32) -> Result<()> {
    let (path, text) = match twin {
        Twin::Rust => (
            root.join("reference-services").join(service).join("rust/src/lib.rs"),
            format!("\n/// Added.\npub fn added_{round}() -> u32 {{ {round} }}\n"),
        ),
        Twin::Go => (
            go_folder(root, service).join("main.go"),
            format!("\nfunc Added{round}() int {{ return {round} }}\n"),
        ),
    };
    let mut file = fs::File::options()
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot change {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

fn copy_sources(root: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), to.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    for folder in SOURCES {
        copy_folder(&root.join(folder), &to.join(folder))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if SKIPPED.iter().any(|skipped| name == *skipped) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &to.join(&name))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}

/// Versions of compilers and sources.
pub(crate) fn versions(root: &Path, service: &str) -> Result<Versions> {
    Ok(Versions {
        rustc: output(Command::new("rustc").arg("--version").current_dir(root))?,
        go: output(Command::new("go").arg("version").env("GOTOOLCHAIN", "local"))?,
        commit: commit(root, service),
    })
}

/// The commit, marked when what is measured or measures differs from it.
fn commit(root: &Path, service: &str) -> String {
    let git = |args: &[&str]| output(Command::new("git").args(args).current_dir(root));
    let Ok(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".into();
    };
    let folder = format!("reference-services/{service}");
    let status = git(&[
        "status",
        "--porcelain",
        "--",
        &folder,
        "benches/harness",
        "benches/scenarios",
        "app/evidence",
        "Cargo.lock",
    ]);
    match status {
        Ok(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+changes"),
    }
}

/// The experiments the Go toolchain has on, such as `jsonv2`.
pub(crate) fn go_experiment() -> Result<String> {
    output(Command::new("go").args(["env", "GOEXPERIMENT"]).env("GOTOOLCHAIN", "local"))
}
