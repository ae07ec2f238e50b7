//! Starting a service from its binary and stopping it again.

use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_POLL: Duration = Duration::from_millis(10);

/// A running service; killed when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// Held open: a service may have more to say than where it listens.
    _stdout: Option<BufReader<ChildStdout>>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Service {
    /// Starts `binary --listen 127.0.0.1:0` and waits for its line `listening on ADDR`.
    ///
    /// # Errors
    /// When it does not start, or says something else.
    pub fn start(binary: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn(binary, arguments, Stdio::inherit())
    }

    /// The same for a service that is expected to have something to say on stderr.
    pub(crate) fn start_silenced(binary: &Path, arguments: &[&str]) -> Result<Self> {
        Self::spawn(binary, arguments, Stdio::null())
    }

    /// The same by a command that starts it in its own place; `--listen` is among the arguments.
    pub(crate) fn start_silenced_as(command: &str, arguments: &[&str]) -> Result<Self> {
        Self::run(Path::new(command), Command::new(command).args(arguments).stderr(Stdio::null()))
    }

    fn spawn(binary: &Path, arguments: &[&str], stderr: Stdio) -> Result<Self> {
        let mut command = Command::new(binary);
        Self::run(binary, command.args(["--listen", "127.0.0.1:0"]).args(arguments).stderr(stderr))
    }

    fn run(binary: &Path, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut line = String::new();
        let mut stdout = child.stdout.take().map(BufReader::new);
        if let Some(stdout) = &mut stdout {
            stdout.read_line(&mut line)?;
        }
        let address = line.trim_end().strip_prefix("listening on ").and_then(|at| at.parse().ok());
        match address {
            Some(address) => Ok(Self { child, _stdout: stdout, address }),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("{} said {line:?} instead of where it listens", binary.display())
            }
        }
    }

    /// Sends SIGTERM, without waiting.
    ///
    /// # Errors
    /// When there is no `kill` command, or no such process.
    pub fn terminate(&self) -> Result<()> {
        self.signal("-TERM")
    }

    /// Sends SIGHUP, which asks some services to read their files again.
    pub(crate) fn hang_up(&self) -> Result<()> {
        self.signal("-HUP")
    }

    fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status()?;
        ensure!(status.success(), "kill: {status}");
        Ok(())
    }

    /// Ends the process at once, as a crash would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When it is still there after 15 s.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(STOP_POLL);
        }
        bail!("still running {STOP_TIMEOUT:?} after SIGTERM")
    }
}

/// A Redis 7.0 with the settings that cache-server's contract compares itself with.
///
/// # Errors
/// When it does not start within 15 s.
pub fn start_redis() -> Result<Service> {
    // A port that is free now: Redis cannot say which it got.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lfu"])
        .args(["--proto-max-bulk-len", "16mb", "--enable-debug-command", "local"])
        .args(["--client-output-buffer-limit", "normal 64mb 0 0"])
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start redis-server")?;
    let mut service = Service { child, _stdout: None, address: (Ipv4Addr::LOCALHOST, port).into() };
    let start = Instant::now();
    while TcpStream::connect(service.address).is_err() {
        if let Some(status) = service.child.try_wait()? {
            bail!("redis-server ended: {status}");
        }
        ensure!(start.elapsed() < START_TIMEOUT, "redis-server does not listen");
        sleep(STOP_POLL);
    }
    Ok(service)
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
