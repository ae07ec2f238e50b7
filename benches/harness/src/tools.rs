//! Building the twins, and asking the toolchains for their versions.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use assay_evidence::{Builds, Profile, Twin, Versions};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::generator::Interrupted;
use crate::participant::Participant;
use crate::scenario::{Behind, Build, Program, Scenario, VariantPlan};

/// Builds timed of each kind: the fewest that have a signed-rank interval.
const TIMED_BUILDS: u32 = 6;

/// Folders of the source tree that a build of a service needs, besides the two cargo files.
const SOURCES: [&str; 3] = ["app", "benches", "reference-services"];

/// Folders never copied for a timed build.
const SKIPPED: [&str; 4] = ["target", "node_modules", "runs", ".git"];

/// The binaries of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The Rust twin.
    pub rust: PathBuf,
    /// The Go twin.
    pub go: PathBuf,
    /// The variants that are not one of these, by id.
    pub variants: BTreeMap<String, PathBuf>,
    /// What stands behind them, by program and language.
    pub behind: BTreeMap<String, PathBuf>,
}

impl Binaries {
    /// The idiomatic twin of a language.
    #[must_use]
    pub fn twin(&self, twin: Twin) -> &Path {
        match twin {
            Twin::Rust => &self.rust,
            Twin::Go => &self.go,
        }
    }
}

/// How often a build looks whether it was asked to stop.
const STOP_POLL: Duration = Duration::from_millis(20);

/// How long a build that was asked to stop may take to clean up behind it.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Runs a short tool and returns what it prints; a failure shows the end of its complaint.
fn output(command: &mut Command) -> Result<String> {
    said(command, Command::output)
}

/// Runs a tool that may take minutes, as [`output`]. When `stop` becomes true, the tool and
/// whatever it has started end, and the error is [`Interrupted`].
fn long_output(command: &mut Command, stop: &AtomicBool) -> Result<String> {
    if stop.load(Ordering::Relaxed) {
        return Err(Interrupted.into());
    }
    let said = said(command, |command| run_until(command, stop));
    if stop.load(Ordering::Relaxed) { Err(Interrupted.into()) } else { said }
}

fn said(
    command: &mut Command,
    run: impl FnOnce(&mut Command) -> io::Result<Output>,
) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = run(command.stdin(Stdio::null())).map_err(|error| missing(&name, &error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = complaint.trim_end().lines().collect();
        let end = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
        bail!("{name} failed ({}):\n{end}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command in a process group of its own, and ends the whole group once `stop` is true.
fn run_until(command: &mut Command, stop: &AtomicBool) -> io::Result<Output> {
    let command = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn()?;
    let group = Pid::from_child(&child);
    thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut asked: Option<Instant> = None;
            while end.recv_timeout(STOP_POLL) == Err(RecvTimeoutError::Timeout) {
                let signal = match asked {
                    None if stop.load(Ordering::Relaxed) => Signal::INT,
                    Some(at) if at.elapsed() >= STOP_GRACE => Signal::KILL,
                    _ => continue,
                };
                asked.get_or_insert_with(Instant::now);
                // A group that has ended by now needs no signal.
                let _ = kill_process_group(group, signal);
            }
        });
        let output = child.wait_with_output();
        drop(ended);
        output
    })
}

fn missing(name: &str, error: &io::Error) -> anyhow::Error {
    if error.kind() != io::ErrorKind::NotFound {
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

/// Says what is missing before anything is built, by the versions found.
pub(crate) fn toolchains(root: &Path, service: &str) -> Result<Versions> {
    output(Command::new("cargo").arg("--version").current_dir(root))?;
    versions(root, service)
}

/// Builds both twins as they are measured, `target/release/SERVICE` and `target/go/SERVICE`, and
/// the scenario's variants beside them in `target/variants`, so that none overwrites another.
pub(crate) fn build(
    root: &Path,
    scenario: &Scenario,
    stop: &AtomicBool,
    say: &mut dyn FnMut(&str),
) -> Result<Binaries> {
    let (service, target) = (scenario.service.as_str(), target_dir(root)?);
    say(&format!("building both twins of {service}"));
    long_output(&mut cargo_build(root, service, &target), stop)?;
    let rust = target.join("release").join(service);
    let go = target.join("go").join(service);
    long_output(&mut go_build(root, service, &go), stop)?;
    let mut variants = BTreeMap::new();
    for variant in &scenario.variants {
        if let Some(program) = &variant.program {
            let path = find_program(root, program);
            variants.insert(variant.id.clone(), path.with_context(|| missing_program(program))?);
        }
        let Some(spec) = &variant.build else {
            continue;
        };
        say(&format!("building the variant {}", variant.id));
        let binary = build_variant(root, service, variant, spec, &target.join("variants"), stop)
            .with_context(|| format!("the variant {} cannot be built", variant.id))?;
        variants.insert(variant.id.clone(), binary);
    }
    let mut behind = BTreeMap::new();
    for plan in &scenario.behind {
        say(&format!("building {}, which stands behind", plan.key()));
        behind.insert(plan.key(), build_behind(root, plan, &target, stop)?);
    }
    for binary in [&rust, &go].into_iter().chain(variants.values()).chain(behind.values()) {
        ensure!(binary.is_file(), "the build left no {}", binary.display());
    }
    Ok(Binaries { rust, go, variants, behind })
}

/// Builds a service that stands behind others, as a user would.
fn build_behind(root: &Path, plan: &Behind, target: &Path, stop: &AtomicBool) -> Result<PathBuf> {
    match plan.language {
        Twin::Rust => {
            long_output(&mut cargo_build(root, &plan.service, target), stop)?;
            Ok(target.join("release").join(plan.binary.as_ref().unwrap_or(&plan.service)))
        }
        Twin::Go => {
            let binary = target.join("go").join(&plan.service);
            long_output(&mut go_build(root, &plan.service, &binary), stop)?;
            Ok(binary)
        }
    }
}

/// A scenario with those programs of others that are installed. What is missing is said in a quick
/// run, and refused in one to publish, whose figures are there to be compared.
///
/// # Errors
/// Names the program that is missing, and where it comes from.
pub(crate) fn with_programs(
    root: &Path,
    mut scenario: Scenario,
    profile: Profile,
) -> Result<Scenario> {
    let absent = |variant: &VariantPlan| -> Option<String> {
        let program = variant.program.as_ref()?;
        program_version(root, program).is_err().then(|| missing_program(program))
    };
    scenario.absent = scenario.variants.iter().filter_map(absent).collect();
    if let Some(first) = scenario.absent.first().filter(|_| profile == Profile::Publish) {
        bail!("{first}; a run to publish needs it");
    }
    scenario.variants.retain(|variant| absent(variant).is_none());
    Ok(scenario)
}

fn missing_program(program: &Program) -> String {
    format!("{} cannot be run ({}), so it takes no part", program.binary, program.from)
}

/// Where a program of others lies on the path, or in the source tree.
#[expect(clippy::disallowed_methods, reason = "where programs are is a matter of the environment")]
fn find_program(root: &Path, program: &Program) -> Option<PathBuf> {
    if program.binary.contains('/') {
        return Some(root.join(&program.binary)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&program.binary)).find(|it| it.is_file())
}

/// The first line of what a program says its version is.
pub(crate) fn program_version(root: &Path, program: &Program) -> Result<String> {
    let path = find_program(root, program).with_context(|| missing_program(program))?;
    let mut command = Command::new(path);
    let said = command.args(&program.version).stdin(Stdio::null()).output()?;
    ensure!(said.status.success(), "{} does not say its version", program.binary);
    // Some say it on stderr.
    let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

fn build_variant(
    root: &Path,
    service: &str,
    variant: &VariantPlan,
    spec: &Build,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<PathBuf> {
    let binary = folder.join(format!("{service}-{}", variant.id));
    match variant.twin() {
        Twin::Rust => {
            let package = spec.package.as_deref().unwrap_or(service);
            let mut command = cargo_build(root, package, folder);
            if !spec.features.is_empty() {
                command.arg("--features").arg(spec.features.join(","));
            }
            long_output(&mut command, stop)?;
            // A copy, since the next build may have other features. One that runs is unlinked.
            let built = folder.join("release").join(package);
            if let Err(error) = fs::remove_file(&binary)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error).with_context(|| format!("cannot replace {}", binary.display()));
            }
            fs::copy(&built, &binary)
                .with_context(|| format!("cannot copy {}", built.display()))?;
        }
        Twin::Go => {
            let package = spec.package.as_deref().unwrap_or(".");
            let mut command = Command::new("go");
            command.args(["build", "-trimpath", "-ldflags=-s -w"]);
            if !spec.go_tags.is_empty() {
                command.arg("-tags").arg(spec.go_tags.join(","));
            }
            command.arg("-o").arg(&binary).arg(package);
            command.current_dir(go_folder(root, service)).env("GOTOOLCHAIN", "local");
            if let Some(experiment) = &spec.go_experiment {
                command.env("GOEXPERIMENT", experiment);
            }
            long_output(&mut command, stop)?;
        }
    }
    Ok(binary)
}

/// Builds the conformance checks.
pub(crate) fn build_conformance(root: &Path, stop: &AtomicBool) -> Result<PathBuf> {
    let target = target_dir(root)?;
    long_output(&mut cargo_build(root, "conformance", &target), stop)?;
    Ok(target.join("release/conformance"))
}

/// Checks a service whose checks start it themselves, with what they put behind it.
pub(crate) fn conform_binary(
    conformance: &Path,
    service: &str,
    binary: &Path,
    stop: &AtomicBool,
) -> Result<()> {
    let mut command = Command::new(conformance);
    checked(command.arg(service).arg(binary), stop)
}

/// Checks a running service against its contract and, unless `brief`, its twin; the checks it fails are named.
pub(crate) fn conform(
    conformance: &Path,
    service: &str,
    addr: SocketAddr,
    twin: SocketAddr,
    brief: bool,
    stop: &AtomicBool,
) -> Result<()> {
    let mut command = Command::new(conformance);
    command.arg(service).arg(addr.to_string());
    if brief {
        command.arg("--brief");
    } else {
        command.arg("--against").arg(twin.to_string());
    }
    checked(&mut command, stop)
}

fn checked(command: &mut Command, stop: &AtomicBool) -> Result<()> {
    let output = run_until(command.stdin(Stdio::null()), stop).context("cannot run the checks")?;
    if stop.load(Ordering::Relaxed) {
        return Err(Interrupted.into());
    }
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

/// The sizes of the distinct binaries as they are measured; a floor is no service, and has none.
pub(crate) fn sizes(all: &[Participant], binaries: &Binaries) -> Result<Vec<Builds>> {
    let size = |who: &Participant| -> Result<Builds> {
        let path = &who.binary;
        let binary_bytes =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        let (clean_s, incremental_s) = (Vec::new(), Vec::new());
        let variant = who.variant.clone();
        Ok(Builds { twin: who.twin, variant, binary_bytes, clean_s, incremental_s })
    };
    let own = |who: &&Participant| {
        who.variant.as_ref().is_none_or(|id| binaries.variants.contains_key(id))
    };
    all.iter().filter(|who| !who.floor && !who.other).filter(own).map(size).collect()
}

/// Times clean builds of a twin, and then rebuilds after a change, in a copy of the sources with
/// caches of its own. Downloads do not count: they were made for the build that was measured. What
/// was timed before an error is not kept: half of the builds are no figure.
pub(crate) fn time_builds(
    root: &Path,
    service: &str,
    build: &mut Builds,
    stop: &AtomicBool,
) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let copy = scratch.path().join("source");
    copy_sources(root, &copy)?;
    let out = scratch.path().join("out");
    let cache = scratch.path().join("go-cache");
    let mut command = match build.twin {
        Twin::Rust => cargo_build(&copy, service, &out),
        Twin::Go => go_build(&copy, service, &out.join(service)),
    };
    command.env("CARGO_NET_OFFLINE", "true").env("GOCACHE", &cache);
    let (mut clean_s, mut incremental_s) = (Vec::new(), Vec::new());
    for _ in 0..TIMED_BUILDS {
        for folder in [&out, &cache] {
            if folder.exists() {
                fs::remove_dir_all(folder).context("cannot empty a build's caches")?;
            }
        }
        clean_s.push(timed(&mut command, stop)?);
    }
    for round in 1..=TIMED_BUILDS {
        add_function(&copy, service, build.twin, round)?;
        incremental_s.push(timed(&mut command, stop)?);
    }
    (build.clean_s, build.incremental_s) = (clean_s, incremental_s);
    Ok(())
}

fn timed(command: &mut Command, stop: &AtomicBool) -> Result<f64> {
    let began = Instant::now();
    long_output(command, stop)?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_checks_a_service_fails_are_named() {
        let scratch = tempfile::tempdir().unwrap();
        let checks = scratch.path().join("conformance");
        let addr: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let run = |script: &str| {
            fs::write(&checks, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&checks, fs::Permissions::from_mode(0o755)).unwrap();
            conform(&checks, "fastjson-api", addr, addr, false, &AtomicBool::new(false))
        };
        assert!(run("echo 'ok a b'; exit 0").is_ok());
        let error = run("echo 'ok a'; echo 'FAILED rounding: 3 is not 2'; exit 1").unwrap_err();
        assert_eq!(error.to_string(), "FAILED rounding: 3 is not 2");
    }

    #[test]
    fn a_tool_that_is_missing_is_named_with_what_it_is_for() {
        let error = missing("go", &io::Error::from(io::ErrorKind::NotFound)).to_string();
        assert!(error.contains("Go is not installed"), "{error}");
    }
}
