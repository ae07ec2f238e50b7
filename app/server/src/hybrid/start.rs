//! Building the services, where need be, and starting them on free ports.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::sync::watch;

use super::{About, Hybrid, Part, Snapshot, token};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "quotes";

/// How often a build, or a start, looks whether it was asked to stop.
const STOP_POLL: Duration = Duration::from_millis(50);

/// How long a service may take to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The longest line a service may say.
const LINE_BYTES_MAX: u64 = 1024;

/// What is needed to start.
#[derive(Debug)]
pub struct Start {
    /// The source tree, to build in.
    pub root: Option<PathBuf>,
    /// A folder with the programs, instead of building them.
    pub binaries: Option<PathBuf>,
    /// Requests a second to send.
    pub rate: u32,
    /// The time, for the token.
    pub now: Timestamp,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The person wanted it to end.
    #[error("stopped")]
    Asked,
    /// In words.
    #[error("{0}")]
    Fault(String),
}

impl From<String> for Stopped {
    fn from(fault: String) -> Self {
        Self::Fault(fault)
    }
}

/// Where the three programs are.
struct Programs {
    gateway: PathBuf,
    token_service: PathBuf,
    api: PathBuf,
}

impl Hybrid {
    /// Builds what is not given, and starts the services, each when the one it asks is there. It may
    /// take minutes; `stop` ends it soon.
    ///
    /// # Errors
    /// When something cannot be built or started, in words, or when it was stopped.
    pub fn start(
        start: &Start,
        stop: &AtomicBool,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, Stopped> {
        let programs = match (&start.binaries, &start.root) {
            (Some(folder), _) => given(folder)?,
            (None, Some(root)) => built(root, stop, say)?,
            (None, None) => {
                let why = "the services are built from assay's source tree; start it inside a checkout, \
                           or say with --binaries where they are";
                return Err(why.to_owned().into());
            }
        };
        let fault = |error: io::Error| format!("cannot prepare a folder: {error}");
        let folder = tempfile::tempdir().map_err(fault)?;
        let file = |name: &str| folder.path().join(name);
        let identity = token::make(ISSUER, AUDIENCE, start.now)?;
        fs::write(file("keys.json"), &identity.jwks).map_err(fault)?;
        fs::write(file("token"), &identity.token).map_err(fault)?;

        let api = part("JSON API", "Rust", &programs.api, &[], stop)?;
        let keys = file("keys.json").display().to_string();
        let arguments = ["--jwks", &keys, "--issuer", ISSUER, "--audience", AUDIENCE];
        let checker = part("token service", "Rust", &programs.token_service, &arguments, stop)?;
        let table = table(api.about.address, checker.about.address);
        fs::write(file("gateway.toml"), table).map_err(fault)?;
        let table = file("gateway.toml").display().to_string();
        let gateway = part("gateway", "Go", &programs.gateway, &["--config", &table], stop)?;
        if stop.load(Ordering::Relaxed) {
            return Err(Stopped::Asked);
        }
        Ok(Self {
            gateway: gateway.about.address,
            token_service: checker.about.address,
            token: identity.token,
            token_file: file("token"),
            rate: start.rate,
            state: watch::Sender::new(Snapshot::default()),
            parts: Mutex::new(vec![gateway, checker, api]),
            _folder: folder,
        })
    }
}

fn table(api: SocketAddr, checker: SocketAddr) -> String {
    format!(
        r#"[server]
drain_ms = 3000
[upstream.api]
addresses = ["{api}"]
[auth.people]
verify_url = "http://{checker}/v1/verify"
[[route]]
name = "quotes"
path = "/v1/quotes"
methods = ["POST"]
upstream = "api"
auth = "people"
"#
    )
}

fn given(folder: &Path) -> Result<Programs, String> {
    let find = |name: &str| {
        let path = folder.join(name);
        let missing = || {
            format!(
                "there is no {}; it needs gateway, token-service and fastjson-api",
                path.display()
            )
        };
        path.is_file().then(|| path.clone()).ok_or_else(missing)
    };
    Ok(Programs {
        gateway: find("gateway")?,
        token_service: find("token-service")?,
        api: find("fastjson-api")?,
    })
}

fn built(root: &Path, stop: &AtomicBool, say: &mut dyn FnMut(&str)) -> Result<Programs, Stopped> {
    let target = target_folder(root)?;
    say("building the gateway in Go");
    let gateway = target.join("go").join("gateway");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&gateway).arg(".");
    go.current_dir(root.join("reference-services/gateway/go")).env("GOTOOLCHAIN", "local");
    build(&mut go, stop)?;
    say(
        "building the token service and the JSON API in Rust; the first time takes a minute or two",
    );
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "gateway",
        "--package",
        "fastjson-api",
    ]);
    build(cargo.current_dir(root), stop)?;
    let release = target.join("release");
    let (token_service, api) = (release.join("token-service"), release.join("fastjson-api"));
    Ok(Programs { gateway, token_service, api })
}

/// Cargo's target folder, wherever its settings put it.
fn target_folder(root: &Path) -> Result<PathBuf, String> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let target = metadata.get("target_directory").and_then(Value::as_str).map(PathBuf::from);
    let complaint =
        || format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    target.ok_or_else(complaint)
}

/// Runs a build in a process group of its own, which ends as a whole.
fn build(command: &mut Command, stop: &AtomicBool) -> Result<(), Stopped> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = match command.process_group(0).stdin(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("{name} is not installed, and the hybrid is built with it").into());
        }
        Err(error) => return Err(format!("cannot run {name}: {error}").into()),
    };
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{name} failed ({status}); see above").into()),
            Ok(None) => {}
            Err(error) => return Err(format!("cannot wait for {name}: {error}").into()),
        }
        if stop.load(Ordering::Relaxed) {
            // A group that has ended by now needs no signal.
            let _ = kill_process_group(Pid::from_child(&child), Signal::INT);
            let _ = child.wait();
            return Err(Stopped::Asked);
        }
        thread::sleep(STOP_POLL);
    }
}

/// Starts a service on a free port of this machine. It gets a process group of its own, so that Ctrl-C in
/// a terminal reaches assay alone, which stops everything in order.
fn part(
    role: &'static str,
    language: &'static str,
    binary: &Path,
    arguments: &[&str],
    stop: &AtomicBool,
) -> Result<Part, Stopped> {
    let fault = |error: io::Error| format!("cannot start {}: {error}", binary.display());
    let mut child = Command::new(binary)
        .args(["--listen", "127.0.0.1:0"])
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(fault)?;
    let stdout = child.stdout.take();
    let pid = child.id();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let about = About { role, language, address, pid, ended: None };
    // From here on it ends with the part.
    let mut part = Part { about, child, _stdout: None };
    let stdout = stdout.ok_or_else(|| "a service without an output".to_owned())?;
    let (line, stdout) = first_line(binary, stdout, stop)?;
    let address = line.trim_end().strip_prefix("listening on ").and_then(|at| at.parse().ok());
    part.about.address = address.ok_or_else(|| {
        format!("{} said {:?} instead of where it listens", binary.display(), line.trim_end())
    })?;
    part._stdout = Some(stdout);
    Ok(part)
}

/// The first line that a service says, with what it says it on.
fn first_line(
    binary: &Path,
    stdout: ChildStdout,
    stop: &AtomicBool,
) -> Result<(String, ChildStdout), Stopped> {
    let fault = |why: &str| Stopped::Fault(format!("{} {why}", binary.display()));
    let (tell, told) = mpsc::channel();
    // It ends with the service, at the latest.
    thread::spawn(move || {
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
        // Nobody may wait any more.
        let _ = tell.send(read.map(|_| (line, reader.into_inner())));
    });
    let end = Instant::now() + START_LIMIT;
    loop {
        match told.recv_timeout(STOP_POLL) {
            Ok(read) => return read.map_err(|error| fault(&format!("cannot be read: {error}"))),
            Err(RecvTimeoutError::Disconnected) => return Err(fault("cannot be read")),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                return Err(Stopped::Asked);
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() >= end => {
                let limit_s = START_LIMIT.as_secs();
                return Err(fault(&format!("did not say within {limit_s} s where it listens")));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
