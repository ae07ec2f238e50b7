//! A whole run: build, check, calibrate, interleaved blocks, build times, summary.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use assay_evidence::{
    Environment, GoSettings, Pinning, Plan, Profile, Samples, Twin, VariantSettings, Versions,
    summarise,
};

use crate::events::Events;
use crate::folder::{self, RunFolder};
use crate::generator::Interrupted;
use crate::length::{
    BUILD_S, CALIBRATIONS, CHECK_S, TIMED_BUILDS_S, calibration_s, expected, process_s, twin_s,
};
use crate::machine;
use crate::participant::{Participant, order};
use crate::process::{self, Service};
use crate::questions::Questions;
use crate::requests::{self, Encoded};
use crate::response;
use crate::scenario::{Lengths, Protocol, Scenario, VariantPlan};
use crate::tools::{self, Binaries};
use crate::twin::{Bench, Cache, Rates};
use crate::wire::InTurn;
use crate::{Options, Outcome, Progress};

type Report<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// How far the run is, in expected seconds.
struct Clock<'a> {
    report: Report<'a>,
    folder: std::path::PathBuf,
    done_s: f64,
    total_s: f64,
    /// How long the blocks took so far as a share of what was expected.
    pace: f64,
}

impl Clock<'_> {
    /// Says what begins now, and counts its expected length as done once the next thing begins.
    fn begin(&mut self, text: impl Into<String>, length_s: f64) {
        let left = Duration::from_secs_f64((self.total_s - self.done_s).max(0.0) * self.pace);
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
    let scenario = tools::with_programs(&options.root, scenario, options.profile)?;
    let cores = process::cores()?;
    let pinning = machine::pinning(&cores).context(
        "measuring needs two cores, one for the service and one for the load generator; this \
         process may use one",
    )?;
    folder::check(options)?;
    let versions = tools::toolchains(&options.root, &scenario.service)?;
    let left = Duration::from_secs_f64(total_s(options, &scenario) + BUILD_S);
    let mut say = |text: &str| {
        report(Progress { text: text.into(), share: 0.0, left, folder: None });
    };
    let mut prepare = || {
        scenario.absent.iter().for_each(|absent| say(absent));
        let binaries = tools::build(&options.root, &scenario, &options.stop, &mut say)?;
        say("checking every version against the contract");
        conform(options, &scenario, &binaries, &server_cores(&scenario, &pinning))?;
        Ok(binaries)
    };
    let binaries = prepare().map_err(|error| stopped_or(options, error))?;
    let environment = environment(options, &scenario, &cores, pinning, versions)?;
    measure(options, &scenario, &environment, &binaries, report)
}

/// Being asked to stop reaches builds and services too; their end must not hide it.
fn stopped_or(options: &Options, error: anyhow::Error) -> anyhow::Error {
    if options.stop.load(Ordering::Relaxed) { Interrupted.into() } else { error }
}

/// Measures binaries as the twins and variants of a scenario's service; see [`crate::measure`].
pub(crate) fn measure(
    options: &Options,
    scenario: &Scenario,
    environment: &Environment,
    binaries: &Binaries,
    report: Report<'_>,
) -> Result<Outcome> {
    raise_file_limit()?;
    let lengths = scenario.lengths(options.profile);
    let events = scenario.events.as_ref().map(|plan| {
        let made_up = scenario.requests.iter().filter_map(|request| request.events).max();
        let of = lengths.stored.max(made_up.unwrap_or(0).saturating_mul(scenario.load.ids));
        Events::new(plan, scenario.seed, of)
    });
    let mut requests = requests::sequence(&options.root, scenario, events.as_ref())?;
    if requests.is_empty() {
        requests.push(process::healthz());
    }
    let preload = scenario.preload.as_ref();
    let preload = preload.map(|plan| requests::preload(&options.root, plan)).transpose()?;
    let all = Participant::all(scenario, binaries);
    let mut samples = Samples::new();
    samples.builds = tools::sizes(&all, binaries)?;
    let folder = RunFolder::create(options, environment, &scenario.id)?;
    let plan = plan(options, scenario, &folder, environment, &lengths);
    let bench = Bench {
        scenario,
        lengths,
        requests,
        preload,
        cache: Cache::new(scenario)?,
        events,
        questions: Questions::new(&scenario.questions),
        server_cores: server_cores(scenario, &environment.pinning),
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
        pace: 1.0,
    };
    clock.begin("checking that all give the same answers", CHECK_S);
    let measured = check(&bench, &all)
        .and_then(|()| blocks(&bench, &all, &folder, &plan, &mut samples, &mut clock));
    if let Err(error) = measured {
        return folder.give_up(stopped_or(options, error), &plan, &samples);
    }
    if timed_builds(options, scenario) {
        let timed = time_builds(options, scenario, &mut samples, &mut clock)
            .and_then(|()| folder.write(&plan, &samples));
        if let Err(error) = timed {
            return folder.give_up(error, &plan, &samples);
        }
    }
    let summary = summarise(&plan, &samples);
    clock.finish("done");
    let interrupted = options.stop.load(Ordering::Relaxed);
    Ok(Outcome { folder: folder.path.clone(), summary, interrupted })
}

/// A service with two threads has the generator's core too, which is idle while questions are
/// answered.
fn server_cores(scenario: &Scenario, pinning: &Pinning) -> Vec<u32> {
    match scenario.threads {
        1 => vec![pinning.server_core],
        _ => vec![pinning.server_core, pinning.generator_core],
    }
}

fn total_s(options: &Options, scenario: &Scenario) -> f64 {
    expected(scenario, options.profile).as_secs_f64()
}

fn timed_builds(options: &Options, scenario: &Scenario) -> bool {
    options.profile == Profile::Publish && scenario.build_times
}

/// Runs the contract's conformance checks against every distinct binary that is a service, beside
/// the idiomatic twin of the other language.
fn conform(
    options: &Options,
    scenario: &Scenario,
    binaries: &Binaries,
    server_cores: &[u32],
) -> Result<()> {
    let conformance = tools::build_conformance(&options.root, &options.stop)?;
    let logs = tempfile::tempdir().context("cannot make a temporary folder")?;
    let log = |name: &str| logs.path().join(name);
    // Checked as a user would run it: without the scenario's arguments, which change limits.
    let plain = Scenario { args: Vec::new(), gc_trace: false, ..scenario.clone() };
    let idiomatic = |twin| Participant::idiomatic(&plain, binaries, twin);
    let (rust, go) = (idiomatic(Twin::Rust), idiomatic(Twin::Go));
    let distinct = |plan: &&VariantPlan| binaries.variants.contains_key(&plan.id);
    let variants = scenario.variants.iter().filter(distinct);
    let variants = variants.map(|plan| Participant::variant(&plain, binaries, plan));
    let services = variants.filter(|who| !who.floor && !who.other);
    for who in [rust.clone(), go.clone()].into_iter().chain(services) {
        if !scenario.behind.is_empty() {
            let (service, stop) = (scenario.service.as_str(), options.stop.as_ref());
            tools::conform_binary(&conformance, service, &who.binary, stop)
                .with_context(|| format!("{who} does not keep its contract"))?;
            continue;
        }
        let other = if who.twin == Twin::Rust { &go } else { &rust };
        let one = Service::start(&who, server_cores, &log("one"))?;
        let twin = Service::start(other, server_cores, &log("other"))?;
        // Some checks take minutes, most of them filling memory and waiting: all of them belong to
        // the run that others look at first.
        let whole = options.profile == Profile::Publish && scenario.headline;
        let long = scenario.protocol == Protocol::Resp || scenario.data_folder;
        let brief = long && !whole;
        let (service, stop) = (scenario.service.as_str(), options.stop.as_ref());
        tools::conform(&conformance, service, one.addr, twin.addr, brief, stop)
            .with_context(|| format!("{who} does not keep its contract"))?;
    }
    Ok(())
}

fn time_builds(
    options: &Options,
    scenario: &Scenario,
    samples: &mut Samples,
    clock: &mut Clock<'_>,
) -> Result<()> {
    for build in samples.builds.iter_mut().filter(|build| build.variant.is_none()) {
        clock.begin(format!("timing builds of the {} twin", build.twin), TIMED_BUILDS_S / 2.0);
        tools::time_builds(&options.root, &scenario.service, build, &options.stop)?;
    }
    Ok(())
}

/// Runs the blocks on a thread pinned to the generator's core.
fn blocks(
    bench: &Bench<'_>,
    all: &[Participant],
    folder: &RunFolder,
    plan: &Plan,
    samples: &mut Samples,
    clock: &mut Clock<'_>,
) -> Result<()> {
    let work = || -> Result<()> {
        process::pin(&[bench.generator_core])?;
        // Questions come one by one, at no rate.
        let rates = match bench.questions {
            Some(_) => Rates::default(),
            None => find_rates(bench, all, clock)?,
        };
        let (began, before_s) = (Instant::now(), clock.done_s);
        for block in 1..=plan.blocks {
            let kept = samples.samples.len();
            measure_block(bench, all, block, &rates, plan, samples, clock)?;
            // A block that is not on the disk must not be said to be kept.
            folder.write(plan, samples).inspect_err(|_| samples.samples.truncate(kept))?;
            let expected_s = (clock.done_s - before_s).max(1e-3);
            clock.pace = began.elapsed().as_secs_f64() / expected_s;
        }
        Ok(())
    };
    thread::scope(|scope| scope.spawn(work).join())
        .map_err(|_| anyhow!("the measuring thread failed"))?
}

fn find_rates(bench: &Bench<'_>, all: &[Participant], clock: &mut Clock<'_>) -> Result<Rates> {
    clock.begin("finding the capacities", calibration_s(bench.scenario, &bench.lengths));
    let mut capacities = Vec::with_capacity(all.len());
    for who in all.iter().filter(|who| who.variant.is_none() || who.other) {
        capacities.push(calibrate(bench, who)?);
    }
    let [rust, go, others @ ..] = capacities.as_slice() else {
        return Err(anyhow!("there must be one twin of each language"));
    };
    Ok(Rates::new(bench.scenario, *rust, *go, others))
}

fn measure_block(
    bench: &Bench<'_>,
    all: &[Participant],
    block: u32,
    rates: &Rates,
    plan: &Plan,
    samples: &mut Samples,
    clock: &mut Clock<'_>,
) -> Result<()> {
    let twin_s = twin_s(bench.scenario, &bench.lengths);
    let variant_s = process_s(bench.scenario, &bench.lengths, 0);
    let mut taken = Vec::with_capacity(all.len());
    for (index, position) in order(all.len(), block).into_iter().zip(1..) {
        let Some(who) = all.get(index) else { continue };
        let expected_s = if who.variant.is_some() { variant_s } else { twin_s };
        clock.begin(format!("block {block} of {}: {}", plan.blocks, who.name()), expected_s);
        let mut sample = bench.measure(who, block, position, rates)?;
        // One time line of each is enough, of a half load that counts if there is one.
        let has_one = samples.samples.iter().any(|earlier| {
            earlier.is(who.twin, who.variant.as_deref())
                && earlier.timeline.is_some()
                && earlier.half_counts()
        });
        if has_one {
            sample.timeline = None;
        }
        taken.push(sample);
    }
    samples.samples.extend(taken);
    Ok(())
}

/// The closed-loop capacity that fixes the rates: the best of a few, since other work on the
/// machine can only lower it.
fn calibrate(bench: &Bench<'_>, who: &Participant) -> Result<f64> {
    let capacity = bench.with(who, |service| {
        bench.preload(service, who)?;
        let mut best = bench.closed(service, who, 0, bench.lengths.warm_up_s)?;
        for _ in 0..CALIBRATIONS {
            let next = bench.closed(service, who, 0, bench.lengths.capacity_s)?;
            if next.rps > best.rps {
                best = next;
            }
        }
        Ok(best)
    })?;
    ensure!(
        capacity.rps >= 20.0 && capacity.errors == 0,
        "{who} gave {:.0} good answers/s and {} errors: too poor to measure",
        capacity.rps,
        capacity.errors
    );
    Ok(capacity.rps)
}

/// All must give the same good answers before anything is timed.
fn check(bench: &Bench<'_>, all: &[Participant]) -> Result<()> {
    let count = bench.scenario.requests.len();
    let some = bench.requests.get(..count).unwrap_or_default();
    let answers = |who: &Participant| {
        bench.with(who, |service| {
            bench.try_questions(service, who)?;
            let mut answers = Vec::new();
            // A refusal is in each program's own words.
            let served = |request: &&Encoded| request.expect.iter().all(|status| *status < 300);
            for request in some.iter().filter(served) {
                answers.push(Answer::of(service, request)?);
            }
            bench.try_commands(service, who)?;
            ensure!(service.stop(), "it did not stop on SIGTERM");
            Ok(answers)
        })
    };
    let Some((rust, others)) = all.split_first() else { return Ok(()) };
    let expected = answers(rust)?;
    for who in others {
        let seen = answers(who)?;
        for (one, other) in expected.iter().zip(&seen) {
            ensure!(one == other, "{rust} and {who} answer differently:\n{one:?}\n{other:?}");
        }
    }
    Ok(())
}

/// A body, compared as JSON where it is JSON.
#[derive(Debug, PartialEq)]
enum Answer {
    Json(serde_json::Value),
    Text(String),
}

impl Answer {
    fn of(service: &Service, request: &Encoded) -> Result<Self> {
        let mut wire = InTurn::new(std::slice::from_ref(request));
        let (received, _) = process::ask(service.addr, &mut wire)?;
        let response = response::read(&received).ok().flatten();
        let body = response.map(|response| response.content(&received)).unwrap_or_default();
        Ok(match serde_json::from_slice(&body) {
            Ok(value) => Self::Json(value),
            Err(_) => Self::Text(String::from_utf8_lossy(&body).into_owned()),
        })
    }
}

fn environment(
    options: &Options,
    scenario: &Scenario,
    cores: &[u32],
    pinning: Pinning,
    versions: Versions,
) -> Result<Environment> {
    let machine = machine::machine(cores, pinning.server_core);
    let host = options.host.clone().unwrap_or_else(|| machine::name(&machine));
    Ok(Environment {
        schema: assay_evidence::SCHEMA,
        started: rfc3339(options),
        host,
        pinning,
        versions,
        go: GoSettings {
            gomaxprocs: scenario.threads.to_string(),
            gogc: String::new(),
            gomemlimit: String::new(),
            goexperiment: tools::go_experiment()?,
        },
        variants: scenario
            .variants
            .iter()
            .map(|plan| settings(&options.root, plan))
            .collect::<Result<_>>()?,
        machine,
    })
}

fn settings(root: &Path, plan: &VariantPlan) -> Result<VariantSettings> {
    if let Some(program) = &plan.program {
        let build = tools::program_version(root, program)?;
        let args = program.args.clone();
        return Ok(VariantSettings { id: plan.id.clone(), build, env: Vec::new(), args });
    }
    let build = plan.build.as_ref().map(ToString::to_string).filter(|build| !build.is_empty());
    Ok(VariantSettings {
        id: plan.id.clone(),
        build: build.unwrap_or_else(|| "as the idiomatic twin".into()),
        env: plan.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        args: plan.args.clone(),
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
    lengths: &Lengths,
) -> Plan {
    let cores = environment.machine.cores;
    let mut notes = vec![match scenario.threads {
        1 => format!(
            "one core for the service, one for the generator; loopback network; {cores} cores in all"
        ),
        _ => format!(
            "two cores for the service, one of them shared with a client that waits; loopback \
             network; {cores} cores in all"
        ),
    }];
    if let Some(events) = scenario.events.as_ref().filter(|_| lengths.stored > 0) {
        let (keys, users) = (events.keys, events.users);
        notes.push(format!(
            "{} events stored beforehand, of {keys} keys and {users} values of a tag",
            lengths.stored
        ));
    }
    if environment.pinning.same_physical_core {
        notes.push("service and generator share a physical core and disturb each other".into());
    }
    if scenario.gc_trace {
        notes.push(
            "Go reports each collection on stderr (gctrace=1), which costs it a little".into(),
        );
    }
    notes.extend(scenario.absent.iter().cloned());
    let work = scenario.work();
    Plan {
        work,
        pipeline: scenario.depth(),
        run: folder.name.clone(),
        service: scenario.service.clone(),
        workload: scenario.workload.clone(),
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        schedule: scenario.load.schedule.to_string(),
        resident_state: scenario.resident_state.clone(),
        profile: options.profile,
        started: rfc3339(options),
        blocks: lengths.blocks,
        p99_limit_us: scenario.p99_limit_ms * 1000.0,
        condition: match scenario.depth() {
            1 => format!("GOMAXPROCS = {}", scenario.threads),
            many => format!("GOMAXPROCS = {}, {} of {many}", scenario.threads, work.pieces()),
        },
        variants: scenario.variants.iter().map(VariantPlan::info).collect(),
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
