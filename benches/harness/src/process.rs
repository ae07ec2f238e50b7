//! A service under test: a fresh process pinned to one core, and what the kernel says about it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::io::{Seek as _, SeekFrom};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use procfs::ProcError;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;

use crate::commands::Plain;
use crate::gc;
use crate::participant::Participant;
use crate::requests::{self, Encoded};
use crate::scenario::Protocol;
use crate::wire::{InTurn, Wire};

/// How long a service may take to say that it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a service may take to stop when told to, before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of the end of a service's complaint is read.
const COMPLAINT_BYTES: u64 = 64 * 1024;

/// The variables that change how either language runs, unset unless a run says otherwise.
const UNSET: [&str; 5] = ["GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "MALLOC_ARENA_MAX"];

/// A process that took less than this much CPU time in a window does nothing any more; how long that
/// is waited for.
const SETTLED_US: f64 = 5_000.0;
const SETTLE_WINDOW: Duration = Duration::from_millis(300);
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one answer may take outside the load loops.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of the end of a wrong answer is shown.
const SHOWN: usize = 500;

/// CPU time of a process so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// All of it in ns, from the scheduler's own account of each thread.
    total_ns: u64,
    /// User and kernel parts in clock ticks, good for their proportion only.
    user_ticks: u64,
    kernel_ticks: u64,
}

/// CPU time spent between two readings, in µs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuSpent {
    pub(crate) total_us: f64,
    pub(crate) user_us: f64,
}

/// A running service; stopped when dropped.
pub(crate) struct Service {
    child: Child,
    pid: i32,
    log: PathBuf,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// When the process was started.
    pub(crate) started: Instant,
    /// Where it keeps its data; gone with it.
    _data: Option<TempDir>,
    /// The files that its arguments name; gone with it.
    _files: Option<TempDir>,
    /// What stands behind it; ended after it.
    behind: Vec<Self>,
    whole_path: bool,
}

/// The cores this process may use, in order.
pub(crate) fn cores() -> Result<Vec<u32>> {
    let set = sched_getaffinity(None).context("cannot ask which cores may be used")?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).flat_map(u32::try_from).collect())
}

/// Keeps the calling thread, and the processes it will start, on some cores.
pub(crate) fn pin(cores: &[u32]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core as usize));
    sched_setaffinity(None, &set).with_context(|| format!("cannot use core {cores:?}"))
}

impl Service {
    /// Starts a participant on some cores and waits until it listens; what it says on stderr goes to
    /// `log`, and its data beside it.
    pub(crate) fn start(who: &Participant, cores: &[u32], log: &Path) -> Result<Self> {
        let mut behind = Vec::new();
        for (id, service) in &who.behind {
            behind.push(Self::start(service, cores, &log.with_extension(id))?);
        }
        let mut command = Command::new(&who.binary);
        let complaints =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let port = if who.told_port { Some(free_port()?) } else { None };
        let data = who.data_folder.then(|| data_folder(log)).transpose()?;
        let mut places: Vec<(String, String)> = who
            .behind
            .iter()
            .zip(&behind)
            .map(|((id, _), service)| (format!("{{{id}}}"), service.addr.to_string()))
            .collect();
        places.extend(port.map(|port| ("{port}".to_owned(), port.to_string())));
        let files = files(who, log, &mut places)?;
        let args = who.args.iter().map(|argument| filled(argument, &places));
        match port {
            Some(_) => {
                command.args(args);
                // It may say there what it has to say.
                command.stdout(complaints.try_clone()?);
            }
            None => {
                command.args(["--listen", "127.0.0.1:0", "--threads", &who.threads.to_string()]);
                if let Some(data) = &data {
                    command.arg("--data").arg(data.path());
                }
                command.args(args).stdout(Stdio::piped());
            }
        }
        command.stdin(Stdio::null()).stderr(complaints);
        for name in UNSET {
            command.env_remove(name);
        }
        command.envs(&who.env);
        // A child inherits the affinity of the thread that starts it.
        let spawn = || -> Result<(Child, Instant)> {
            pin(cores)?;
            let started = Instant::now();
            Ok((command.spawn()?, started))
        };
        let (mut child, started) = thread::scope(|scope| scope.spawn(spawn).join())
            .map_err(|_| anyhow!("the thread that starts {who} failed"))?
            .with_context(|| format!("cannot start {}", who.binary.display()))?;
        let pid = Pid::from_child(&child).as_raw_nonzero().get();
        let stdout = child.stdout.take();
        let addr = ([127, 0, 0, 1], port.unwrap_or(0)).into();
        let mut service = Self {
            child,
            pid,
            log: log.to_owned(),
            addr,
            started,
            _data: data,
            _files: files,
            behind,
            whole_path: who.whole_path,
        };
        let ready = match stdout {
            Some(stdout) => listening(stdout),
            None => service.answering(who).map(|()| addr),
        };
        service.addr = ready.with_context(|| service.complaint(who))?;
        Ok(service)
    }

    /// Waits until a program of others answers.
    fn answering(&mut self, who: &Participant) -> Result<()> {
        let deadline = self.started + START_TIMEOUT;
        let asked = [healthz()];
        loop {
            let mut wire: Box<dyn Wire> = match who.protocol {
                Protocol::Http => Box::new(InTurn::new(&asked)),
                cache => Box::new(Plain::ping(cache)),
            };
            let Err(error) = ask(self.addr, &mut *wire) else {
                return Ok(());
            };
            let ended = matches!(self.child.try_wait(), Ok(Some(_)));
            if ended || Instant::now() > deadline {
                return Err(error.context("it answers nothing"));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What to say about a service that failed, with the last line of its own complaint.
    pub(crate) fn complaint(&mut self, who: &Participant) -> String {
        // A process that is ending needs a moment before its status can be had.
        thread::sleep(Duration::from_millis(50));
        let state = match self.child.try_wait() {
            Ok(Some(status)) => format!("has ended ({status})"),
            Ok(None) | Err(_) => "is running".into(),
        };
        // A log that cannot be read has nothing to add.
        let end = end_of(&self.log).unwrap_or_default();
        let last = end.lines().rfind(|line| !line.trim().is_empty() && !gc::is_trace(line));
        let last = last.map(|line| format!("; it said: {line}")).unwrap_or_default();
        format!("{who} {state}{last}")
    }

    /// What is weighed: the service, and all behind it where the whole path counts.
    fn weighed(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.behind.iter().filter(|_| self.whole_path))
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        self.weighed().try_fold(Cpu::NONE, |sum, service| Ok(sum.and(service.own_cpu()?)))
    }

    /// CPU time so far, with that of all behind it: what keeps the core busy.
    pub(crate) fn core_cpu(&self) -> Result<Cpu> {
        let mut all = std::iter::once(self).chain(&self.behind);
        all.try_fold(Cpu::NONE, |sum, service| Ok(sum.and(service.own_cpu()?)))
    }

    fn own_cpu(&self) -> Result<Cpu> {
        let process = procfs::process::Process::new(self.pid)?;
        let mut total_ns = 0;
        for task in process.tasks()? {
            match task.and_then(|task| task.schedstat()) {
                Ok(stat) => total_ns += stat.sum_exec_runtime,
                // The thread has just ended.
                Err(ProcError::NotFound(_)) => {}
                Err(error) if is_no_such_process(&error) => {}
                Err(error) => return Err(error).context("cannot read the service's CPU time"),
            }
        }
        let stat = process.stat()?;
        Ok(Cpu { total_ns, user_ticks: stat.utime, kernel_ticks: stat.stime })
    }

    /// Waits until the process does nothing any more, or for a while.
    pub(crate) fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        loop {
            let before = self.cpu()?;
            thread::sleep(SETTLE_WINDOW);
            let idle = self.cpu()?.since(before).total_us < SETTLED_US;
            if idle || Instant::now() > deadline {
                return Ok(());
            }
        }
    }

    /// Proportional set size in KiB.
    pub(crate) fn pss_kib(&self) -> Result<f64> {
        let own = |service: &Self| {
            let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", service.pid))
                .context("cannot read the service's memory")?;
            kib(&text, "Pss:")
        };
        self.weighed().map(own).sum()
    }

    /// Resident set size in KiB.
    pub(crate) fn rss_kib(&self) -> Result<f64> {
        self.weighed().map(|service| kib(&service.status()?, "VmRSS:")).sum()
    }

    /// Peak resident set size in KiB.
    pub(crate) fn peak_rss_kib(&self) -> Result<f64> {
        self.weighed().map(|service| kib(&service.status()?, "VmHWM:")).sum()
    }

    fn status(&self) -> Result<String> {
        std::fs::read_to_string(format!("/proc/{}/status", self.pid))
            .context("cannot read the service's memory")
    }

    /// Asks the service to stop, and makes it after a while. False when it had to be made.
    pub(crate) fn stop(&mut self) -> bool {
        if let Ok(Some(_)) = self.child.try_wait() {
            return true;
        }
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok();
        let deadline = Instant::now() + STOP_TIMEOUT;
        while asked && Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        // Errors mean that it has just ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Cpu {
    const NONE: Self = Self { total_ns: 0, user_ticks: 0, kernel_ticks: 0 };

    fn and(self, other: Self) -> Self {
        Self {
            total_ns: self.total_ns + other.total_ns,
            user_ticks: self.user_ticks + other.user_ticks,
            kernel_ticks: self.kernel_ticks + other.kernel_ticks,
        }
    }

    /// What was spent since an earlier reading. The user part is the whole times the proportion of
    /// user ticks.
    pub(crate) fn since(self, earlier: Self) -> CpuSpent {
        let user = float(self.user_ticks.saturating_sub(earlier.user_ticks));
        let kernel = float(self.kernel_ticks.saturating_sub(earlier.kernel_ticks));
        let total_us = float(self.total_ns.saturating_sub(earlier.total_ns)) / 1000.0;
        let ticks = user + kernel;
        let share = if ticks > 0.0 { user / ticks } else { 0.0 };
        CpuSpent { total_us, user_us: total_us * share }
    }
}

/// The end of a file, which may be long.
fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(COMPLAINT_BYTES)))?;
    let mut end = Vec::new();
    file.take(COMPLAINT_BYTES).read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}

/// Reading the file of a thread that ended after it was opened.
fn is_no_such_process(error: &ProcError) -> bool {
    let ProcError::Io(error, _) = error else { return false };
    error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

#[expect(clippy::cast_precision_loss, reason = "ticks and ns are far below 2⁵³")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The value in KiB after a label of a `/proc` file.
fn kib(text: &str, label: &str) -> Result<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(label)?.trim().strip_suffix(" kB"))
        .and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| anyhow!("the kernel does not say {label}"))
}

/// Waits for the line `listening on ADDR`; the rest of the output is read and dropped.
fn listening(stdout: ChildStdout) -> Result<SocketAddr> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        let read = reader.read_line(&mut line).map(|_| line);
        // The receiver may have given up, and then nobody wants the line.
        let _ = send.send(read);
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    let Ok(line) = receive.recv_timeout(START_TIMEOUT) else {
        bail!("it did not say `listening on ADDR` within {} s", START_TIMEOUT.as_secs());
    };
    let line = line?;
    line.trim()
        .strip_prefix("listening on ")
        .and_then(|addr| addr.parse().ok())
        .ok_or_else(|| anyhow!("it did not say `listening on ADDR`, but {:?}", line.trim()))
}

/// What asks a service over HTTP whether it is well.
pub(crate) fn healthz() -> Encoded {
    Encoded { bytes: requests::encode("GET", "/healthz", &[], None), expect: vec![200] }
}

/// A fresh folder beside a log, on the disk that the run folder is on.
fn data_folder(log: &Path) -> Result<TempDir> {
    let beside = log.parent().context("a log lies in a folder")?;
    let folder = tempfile::Builder::new().prefix("data-").tempdir_in(beside);
    folder.with_context(|| format!("cannot make a folder in {}", beside.display()))
}

/// Writes the files of a participant, filled in, and adds to the places where each one is.
fn files(
    who: &Participant,
    log: &Path,
    places: &mut Vec<(String, String)>,
) -> Result<Option<TempDir>> {
    if who.files.is_empty() {
        return Ok(None);
    }
    let folder = data_folder(log)?;
    places.push(("{folder}".to_owned(), folder.path().display().to_string()));
    for (name, text) in &who.files {
        let path = folder.path().join(name);
        std::fs::write(&path, filled(text, places))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let paths = who
        .files
        .keys()
        .map(|name| (format!("{{file:{name}}}"), folder.path().join(name).display().to_string()));
    places.extend(paths);
    Ok(Some(folder))
}

/// A text with what stands for something replaced by it.
fn filled(text: &str, places: &[(String, String)]) -> String {
    places.iter().fold(text.to_owned(), |text, (word, place)| text.replace(word, place))
}

/// A port of 127.0.0.1 that nobody uses just now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Sends what is next on a connection of its own and returns the bytes of a good answer, and the
/// connection, still open.
pub(crate) fn ask(addr: SocketAddr, wire: &mut dyn Wire) -> Result<(Vec<u8>, TcpStream)> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let mut out = Vec::new();
    let ticket = wire.next(&mut out);
    stream.write_all(&out)?;
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).context("no answer")?;
        ensure!(count > 0, "the connection was closed before an answer");
        received.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let wrong = wire.read(ticket, &received).map_err(|broken| anyhow!("{broken}"))?;
        if let Some(wrong) = wrong {
            if wrong > 0 {
                let first = out.split(|byte| *byte == b'\r').next().unwrap_or_default();
                let first = String::from_utf8_lossy(first);
                let answer = wire.unexpected().unwrap_or_default();
                let end = received.iter().rev().take(SHOWN).rev().copied().collect::<Vec<u8>>();
                bail!("{first} was answered {answer}: {}", String::from_utf8_lossy(&end));
            }
            return Ok((received, stream));
        }
    }
}

/// Time taken from two cores by the hypervisor, in clock ticks.
pub(crate) fn steal_ticks(cores: [u32; 2]) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let of = |core: u32| {
        let label = format!("cpu{core} ");
        let line = text.lines().find_map(|line| line.strip_prefix(label.as_str()));
        // user nice system idle iowait irq softirq steal
        line.and_then(|rest| rest.split_whitespace().nth(7)?.parse::<u64>().ok()).unwrap_or(0)
    };
    Ok(cores.into_iter().map(of).sum())
}

/// The share of two cores' time behind so many ticks over `elapsed`.
pub(crate) fn steal_share(ticks: u64, elapsed: Duration) -> f64 {
    let seconds = float(ticks) / float(procfs::ticks_per_second());
    seconds / (2.0 * elapsed.as_secs_f64()).max(1e-9)
}
