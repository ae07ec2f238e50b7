//! A whole run: build, check, calibrate, interleaved blocks, build times, summary.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use assay_evidence::{Environment, GoSettings, Pinning, Plan, Profile, Samples, Twin, summarise};

use crate::generator::Interrupted;
use crate::machine;
use crate::process::{self, GOMAXPROCS, Service};
use crate::scenario::{Lengths, Scenario};
use crate::tools::{self, Binaries};
use crate::twin::{Bench, Rates};
use crate::{Options, Outcome, Progress};

/// About how long the parts besides the blocks take, in seconds, for the time left.
const BUILD_S: f64 = 20.0;
const CHECK_S: f64 = 0.5;

/// Closed loops of each twin from which the rates follow.
const CALIBRATIONS: u32 = 3;
const TIMED_BUILDS_S: f64 = 150.0;

type Report<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// How far the run is, in expected seconds.
struct Clock<'a> {
    report: Report<'a>,
    folder: PathBuf,
    done_s: f64,
    total_s: f64,
}

impl Clock<'_> {
    /// Says what begins now, and counts its expected length as done once the next thing begins.
    fn begin(&mut self, text: impl Into<String>, length_s: f64) {
        let left = Duration::from_secs_f64((self.total_s - self.done_s).max(0.0));
        let share = (self.done_s / self.total_s).min(0.999);
        let folder = Some(self.folder.clone());
        (self.report)(Progress { text: text.into(), share, left, folder });
        self.done_s += length_s;
    }

    fn finish(&mut self, text: &str) {
        let folder = Some(self.folder.clone());
        (self.report)(Progress { text: text.into(), share: 1.0, left: Duration::ZERO, folder });
    }
}

/// Builds the twins of a service and measures them; see [`crate::bench()`].
pub(crate) fn bench(options: &Options, report: Report<'_>) -> Result<Outcome> {
    let scenario = Scenario::find(&options.root, &options.service)?;
    let cores = process::cores()?;
    let pinning = machine::pinning(&cores).context(
        "measuring needs two cores, one for the service and one for the load generator; this \
         process may use one",
    )?;
    let building = |text: &str| Progress {
        text: text.into(),
        share: 0.0,
        folder: None,
        left: Duration::from_secs_f64(total_s(options, &scenario) + BUILD_S),
    };
    report(building(&format!("building both twins of {}", scenario.service)));
    let binaries = tools::build(&options.root, &scenario.service)?;
    report(building("checking both twins against the contract"));
    conform(options, &scenario, &binaries, pinning.server_core)?;
    let environment = environment(options, &scenario, &cores, pinning)?;
    measure(options, &scenario, &environment, &binaries, report)
}

/// Measures two binaries as the twins of a scenario's service; see [`crate::measure`].
pub(crate) fn measure(
    options: &Options,
    scenario: &Scenario,
    environment: &Environment,
    binaries: &Binaries,
    report: Report<'_>,
) -> Result<Outcome> {
    raise_file_limit()?;
    let lengths = scenario.lengths(options.profile);
    let request = request(&options.root, scenario)?;
    let mut samples = Samples::new();
    samples.builds = tools::sizes(binaries)?;
    let folder = RunFolder::create(options, environment)?;
    let plan = plan(options, scenario, &folder, environment, lengths.blocks);
    let bench = Bench {
        scenario,
        lengths,
        request,
        rust: &binaries.rust,
        go: &binaries.go,
        server_core: environment.pinning.server_core,
        generator_core: environment.pinning.generator_core,
        folder: &folder.path,
        log: &folder.log(),
        stop: &options.stop,
    };
    let mut clock = Clock {
        report,
        folder: folder.path.clone(),
        done_s: 0.0,
        total_s: total_s(options, scenario),
    };
    clock.begin("checking that both twins give the same answer", CHECK_S);
    let measured =
        check(&bench).and_then(|()| blocks(&bench, &folder, &plan, &mut samples, &mut clock));
    if let Err(error) = measured {
        // Ctrl-C reaches the service too, whose end must not hide that we were asked to stop.
        let stopped = options.stop.load(Ordering::Relaxed);
        let error = if stopped { Interrupted.into() } else { error };
        return folder.give_up(error, &plan, &samples);
    }
    if options.profile == Profile::Publish {
        time_builds(options, scenario, binaries, &mut samples, &mut clock)?;
        folder.write(&plan, &samples)?;
    }
    let summary = summarise(&plan, &samples);
    clock.finish("done");
    let interrupted = options.stop.load(Ordering::Relaxed);
    Ok(Outcome { folder: folder.path.clone(), summary, interrupted })
}

/// About how long measuring takes, in seconds, the first build apart.
fn total_s(options: &Options, scenario: &Scenario) -> f64 {
    let lengths = scenario.lengths(options.profile);
    // The faster twin has rates of its own, so that a pair shares them evenly in the estimate.
    #[expect(clippy::cast_precision_loss, reason = "a handful of rates")]
    let extra = scenario.load.faster_shares.len() as f64 * lengths.sweep_s;
    let pair = 2.0 * lengths.process_s(scenario.load.shares.len()) + extra;
    let builds = if options.profile == Profile::Publish { TIMED_BUILDS_S } else { 0.0 };
    CHECK_S + calibration_s(&lengths) + f64::from(lengths.blocks) * pair + builds
}

/// About how long finding the capacities takes, in seconds.
fn calibration_s(lengths: &Lengths) -> f64 {
    2.0 * (lengths.warm_up_s + f64::from(CALIBRATIONS) * lengths.capacity_s)
}

/// Runs the contract's conformance checks against both twins, and one against the other.
fn conform(
    options: &Options,
    scenario: &Scenario,
    binaries: &Binaries,
    server_core: u32,
) -> Result<()> {
    let conformance = tools::build_conformance(&options.root)?;
    let logs = tempfile::tempdir().context("cannot make a temporary folder")?;
    let start = |twin, binary| Service::start(binary, twin, server_core, &logs.path().join("log"));
    let (rust, go) = (start(Twin::Rust, &binaries.rust)?, start(Twin::Go, &binaries.go)?);
    for (twin, one, other) in [(Twin::Rust, &rust, &go), (Twin::Go, &go, &rust)] {
        tools::conform(&conformance, &scenario.service, one.addr, other.addr)
            .with_context(|| format!("the {twin} twin does not keep its contract"))?;
    }
    Ok(())
}

fn time_builds(
    options: &Options,
    scenario: &Scenario,
    binaries: &Binaries,
    samples: &mut Samples,
    clock: &mut Clock<'_>,
) -> Result<()> {
    let mut builds = tools::sizes(binaries)?;
    for build in &mut builds {
        if options.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        clock.begin(format!("timing builds of the {} twin", build.twin), TIMED_BUILDS_S / 2.0);
        tools::time_builds(&options.root, &scenario.service, build)?;
    }
    samples.builds = builds;
    Ok(())
}

/// Runs the blocks on a thread pinned to the generator's core.
fn blocks(
    bench: &Bench<'_>,
    folder: &RunFolder,
    plan: &Plan,
    samples: &mut Samples,
    clock: &mut Clock<'_>,
) -> Result<()> {
    let work = || -> Result<()> {
        process::pin(bench.generator_core)?;
        clock.begin("finding the capacity of both twins", calibration_s(&bench.lengths));
        let rust = calibrate(bench, Twin::Rust)?;
        let rates = Rates::new(bench.scenario, rust, calibrate(bench, Twin::Go)?);
        let per_process = bench.lengths.process_s(rates.per_block() / 2);
        for block in 1..=plan.blocks {
            // AB, BA, AB, …: what drifts over time falls on both alike.
            let order =
                if block % 2 == 1 { [Twin::Rust, Twin::Go] } else { [Twin::Go, Twin::Rust] };
            let mut pair = Vec::with_capacity(2);
            for (twin, position) in order.into_iter().zip(1..) {
                clock.begin(format!("block {block} of {}: {twin}", plan.blocks), per_process);
                pair.push(bench.measure(twin, block, position, &rates)?);
            }
            samples.samples.extend(pair);
            folder.write(plan, samples)?;
        }
        Ok(())
    };
    thread::scope(|scope| scope.spawn(work).join())
        .map_err(|_| anyhow!("the measuring thread failed"))?
}

/// The closed-loop capacity that fixes the rates: the best of a few, since other work on the
/// machine can only lower it.
fn calibrate(bench: &Bench<'_>, twin: Twin) -> Result<f64> {
    let capacity = bench.with(twin, |service| {
        let mut best = bench.closed(service, bench.lengths.warm_up_s)?;
        for _ in 0..CALIBRATIONS {
            let next = bench.closed(service, bench.lengths.capacity_s)?;
            if next.rps > best.rps {
                best = next;
            }
        }
        Ok(best)
    })?;
    ensure!(
        capacity.rps >= 100.0 && capacity.errors == 0,
        "the {twin} twin gave {:.0} good answers/s and {} errors: too poor to measure",
        capacity.rps,
        capacity.errors
    );
    Ok(capacity.rps)
}

/// Both twins must give the same good answer before anything is timed.
fn check(bench: &Bench<'_>) -> Result<()> {
    let answer = |twin| -> Result<serde_json::Value> {
        let body = bench.with(twin, |service| {
            let (body, _) = process::ask(service.addr, &bench.request)?;
            ensure!(service.stop(), "it did not stop on SIGTERM");
            Ok(body)
        })?;
        serde_json::from_slice(&body).with_context(|| format!("the {twin} twin sent no JSON"))
    };
    let (rust, go) = (answer(Twin::Rust)?, answer(Twin::Go)?);
    ensure!(rust == go, "the twins answer differently:\nrust: {rust}\ngo:   {go}");
    Ok(())
}

/// The scenario's request, encoded.
fn request(root: &Path, scenario: &Scenario) -> Result<Vec<u8>> {
    let request = &scenario.request;
    let path = root.join(&request.body);
    let body = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut encoded = format!(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        request.method,
        request.path,
        request.content_type,
        body.len()
    )
    .into_bytes();
    encoded.extend_from_slice(&body);
    Ok(encoded)
}

fn environment(
    options: &Options,
    scenario: &Scenario,
    cores: &[u32],
    pinning: Pinning,
) -> Result<Environment> {
    let machine = machine::machine(cores, pinning.server_core);
    let host = options.host.clone().unwrap_or_else(|| machine::name(&machine));
    Ok(Environment {
        schema: assay_evidence::SCHEMA,
        started: rfc3339(options),
        host,
        pinning,
        versions: tools::versions(&options.root, &scenario.service)?,
        go: GoSettings {
            gomaxprocs: GOMAXPROCS.into(),
            gogc: String::new(),
            gomemlimit: String::new(),
            goexperiment: tools::go_experiment()?,
        },
        variants: Vec::new(),
        machine,
    })
}

fn rfc3339(options: &Options) -> String {
    options.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn plan(
    options: &Options,
    scenario: &Scenario,
    folder: &RunFolder,
    environment: &Environment,
    blocks: u32,
) -> Plan {
    let mut notes = vec![format!(
        "one core for the service, one for the generator; loopback network; {} cores in all",
        environment.machine.cores
    )];
    if environment.pinning.same_physical_core {
        notes.push("service and generator share a physical core and disturb each other".into());
    }
    Plan {
        run: folder.name.clone(),
        service: scenario.service.clone(),
        workload: scenario.workload.clone(),
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        schedule: "poisson".into(),
        resident_state: scenario.resident_state.clone(),
        profile: options.profile,
        started: rfc3339(options),
        blocks,
        p99_limit_us: scenario.p99_limit_ms * 1000.0,
        condition: format!("GOMAXPROCS = {GOMAXPROCS}"),
        variants: Vec::new(),
        notes,
    }
}

/// Lets this process open as many connections as the system allows it.
fn raise_file_limit() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("cannot raise the limit of open files")
}

/// `benches/runs/<date>-<host>`, where a run keeps what it found.
struct RunFolder {
    name: String,
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder, with a number behind its name when there is one for the day already.
    fn create(options: &Options, environment: &Environment) -> Result<Self> {
        let out = options.out.clone().unwrap_or_else(|| options.root.join("benches/runs"));
        fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let host = machine::slug(&environment.host);
        ensure!(!host.is_empty(), "the host name {:?} has no letter or digit", environment.host);
        let base = format!("{}-{host}", options.started.strftime("%Y-%m-%d"));
        for number in 1..1000 {
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            let path = out.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let folder = Self { name, path };
                    folder.replace("environment.toml", &environment.to_toml()?)?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make {}", path.display()));
                }
            }
        }
        Err(anyhow!("{} has too many runs of one day", out.display()))
    }

    /// What the services said on stderr, kept while measuring only.
    fn log(&self) -> PathBuf {
        self.path.join("service.log")
    }

    /// Writes the samples so far and their summary.
    fn write(&self, plan: &Plan, samples: &Samples) -> Result<()> {
        self.replace("samples.toml", &samples.to_toml()?)?;
        self.replace("summary.toml", &summarise(plan, samples).to_toml()?)
    }

    /// Replaces a file as a whole, so that an interruption leaves the old or the new one.
    fn replace(&self, name: &str, text: &str) -> Result<()> {
        let (path, fresh) = (self.path.join(name), self.path.join(format!("{name}.new")));
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Ends a run early: its finished blocks are kept; a run without any leaves nothing behind.
    fn give_up(&self, error: anyhow::Error, plan: &Plan, samples: &Samples) -> Result<Outcome> {
        if samples.blocks() == 0 {
            // Only what this run wrote is in the folder, and none of it is of use.
            fs::remove_dir_all(&self.path).context("cannot remove the empty run folder")?;
            return Err(error);
        }
        let folder = self.path.clone();
        if error.is::<Interrupted>() {
            let summary = summarise(plan, samples);
            return Ok(Outcome { folder, summary, interrupted: true });
        }
        let kept = samples.blocks();
        let kept = format!("the finished blocks ({kept}) are kept in {}", folder.display());
        Err(error.context(kept))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // Gone already when the run came to nothing.
        let _ = fs::remove_file(self.log());
    }
}
