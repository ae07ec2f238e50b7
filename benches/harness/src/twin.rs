//! Measuring one participant in one block: everything a fresh process is asked for.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use assay_evidence::{Asked, Capacity, Gc, Hits, Load, Sample, Twin, Windows};

use crate::commands::{Commands, Drawn, Draws, Filled, Plain};
use crate::events::{Events, Stored};
use crate::gc::{self, Span};
use crate::generator::{ClosedLoop, Generator, Interrupted, OpenLoop};
use crate::histograms::{self, percentiles};
use crate::participant::Participant;
use crate::process::{self, Service};
use crate::questions::{self, Questions, Session};
use crate::requests::{Encoded, Template};
use crate::scenario::{Lengths, Protocol, Scenario};
use crate::trace;
use crate::windows::Recorder;
use crate::wire::{InTurn, Wire};

/// Time for a process to settle before its memory is read.
const SETTLE: Duration = Duration::from_millis(200);

/// How many requests that build resident state are encoded at a time.
const PRELOAD_AT_ONCE: u32 = 1000;

/// How many keys are tried before anything is timed, and how many events are asked about.
const CHECKED_KEYS: u32 = 100;
const CHECKED_EVENTS: u32 = 20_000;

/// What stays the same for every process of a run.
pub(crate) struct Bench<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) lengths: Lengths,
    /// The requests, encoded, in the order they are sent; where there are none, what asks a service
    /// whether it is well.
    pub(crate) requests: Vec<Encoded>,
    /// What builds the resident state.
    pub(crate) preload: Option<Template>,
    /// What is sent instead where the service is a cache.
    pub(crate) cache: Option<Cache>,
    /// The events of an analytics service.
    pub(crate) events: Option<Events>,
    /// What is asked about them.
    pub(crate) questions: Option<Questions<'a>>,
    /// One core, or where the service has two threads the generator's as well.
    pub(crate) server_cores: Vec<u32>,
    pub(crate) server_core: u32,
    pub(crate) generator_core: u32,
    /// The run folder.
    pub(crate) folder: &'a Path,
    /// Where services complain.
    pub(crate) log: &'a Path,
    pub(crate) stop: &'a AtomicBool,
}

/// What a cache is sent.
pub(crate) struct Cache {
    resp: Commands,
    /// For memcached, where it takes part.
    memcached: Option<Commands>,
    draws: Draws,
}

impl Cache {
    /// What a scenario sends to a cache; none where the service is none.
    pub(crate) fn new(scenario: &Scenario) -> Result<Option<Self>> {
        let Some(data) = &scenario.data else { return Ok(None) };
        let commands = |protocol| Commands::new(&scenario.commands, data, protocol);
        let mut programs = scenario.variants.iter().filter_map(|variant| variant.program.as_ref());
        let memcached = programs.any(|program| program.protocol == Protocol::Memcached);
        Ok(Some(Self {
            resp: commands(Protocol::Resp)?,
            memcached: memcached.then(|| commands(Protocol::Memcached)).transpose()?,
            draws: Draws::new(scenario.seed, &scenario.commands, data),
        }))
    }

    fn commands(&self, protocol: Protocol) -> &Commands {
        match &self.memcached {
            Some(memcached) if protocol == Protocol::Memcached => memcached,
            _ => &self.resp,
        }
    }
}

/// The half load as its process saw it.
struct Half {
    load: Load,
    windows: Windows,
    span: Span,
}

/// What a process showed under load, or when asked.
struct Seen {
    loaded_pss_kib: f64,
    capacity: Option<Capacity>,
    gc: Option<Gc>,
    questions: Vec<Asked>,
    timeline: Option<Windows>,
    loads: Vec<Load>,
}

impl Seen {
    fn questions(questions: Vec<Asked>, service: &Service) -> Result<Self> {
        let loaded_pss_kib = service.pss_kib()?;
        let (loads, timeline) = (Vec::new(), None);
        Ok(Self { loaded_pss_kib, capacity: None, gc: None, questions, timeline, loads })
    }
}

/// The rates of a run, in requests per second, fixed before its first block.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rates {
    /// The closed-loop capacity of the slowest of the pair and the programs of others.
    pub(crate) slowest: f64,
    /// The headline's rate.
    pub(crate) half: f64,
    /// The further rates of the Rust and of the Go twin, rising.
    pub(crate) rust: Vec<f64>,
    pub(crate) go: Vec<f64>,
}

impl Rates {
    /// From the capacities found before the first block: the pair's, and those of others.
    pub(crate) fn new(scenario: &Scenario, rust: f64, go: f64, others: &[f64]) -> Self {
        let load = &scenario.load;
        let slowest = others.iter().copied().fold(rust.min(go), f64::min);
        let faster = rust.max(go);
        let both: Vec<f64> = load.shares.iter().map(|share| (share * slowest).round()).collect();
        let greatest = both.iter().copied().fold(0.0, f64::max);
        let own = load.faster_shares.iter().map(|share| (share * faster).round());
        let mut fast = both.clone();
        // A rate that both twins already cover says nothing new.
        fast.extend(own.filter(|rate| *rate > greatest * 1.05));
        let (rust, go) = if rust > go { (fast, both) } else { (both, fast) };
        Self { slowest, half: (load.half * slowest).round(), rust, go }
    }

    /// The rates of the sweep, which variants are left out of.
    fn of(&self, who: &Participant) -> &[f64] {
        match (who.twin, &who.variant) {
            (_, Some(_)) => &[],
            (Twin::Rust, None) => &self.rust,
            (Twin::Go, None) => &self.go,
        }
    }
}

impl Bench<'_> {
    /// Starts a participant on the server's core and works with it; what goes wrong then names it
    /// and what it last complained of.
    pub(crate) fn with<T>(
        &self,
        who: &Participant,
        work: impl FnOnce(&mut Service) -> Result<T>,
    ) -> Result<T> {
        let mut service = Service::start(who, &self.server_cores, self.log)?;
        match work(&mut service) {
            Err(error) if !error.is::<Interrupted>() => Err(error.context(service.complaint(who))),
            other => other,
        }
    }

    /// What a fresh process is asked first.
    fn first(&self, who: &Participant) -> Box<dyn Wire + '_> {
        match who.protocol {
            Protocol::Http => Box::new(InTurn::new(&self.requests)),
            cache => Box::new(Plain::ping(cache)),
        }
    }

    /// What loads a participant in a block; all get the same.
    fn wire(&self, who: &Participant, block: u32) -> Box<dyn Wire + '_> {
        let Some(cache) = &self.cache else {
            return Box::new(InTurn::weighing(&self.requests, self.scenario.depth()));
        };
        let depth = self.scenario.load.pipeline;
        Box::new(Drawn::new(cache.commands(who.protocol), &cache.draws, block, depth))
    }

    /// Keeps the closed loop's connections busy.
    pub(crate) fn closed(
        &self,
        service: &Service,
        who: &Participant,
        block: u32,
        seconds: f64,
    ) -> Result<ClosedLoop> {
        let connections = self.scenario.load.capacity_connections;
        let wire = self.wire(who, block);
        Generator::connect(service.addr, connections, wire, self.stop)?.closed_loop(seconds)
    }

    /// Tries each of the scenario's commands with a few keys that were stored.
    pub(crate) fn try_commands(&self, service: &Service, who: &Participant) -> Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let commands = cache.commands(who.protocol);
        let filled = Filled::new(commands, CHECKED_KEYS);
        let pieces = filled.pieces();
        Generator::connect(service.addr, 1, Box::new(filled), self.stop)?.each_once(pieces)?;
        let draws = Draws::each(self.scenario.commands.len(), CHECKED_KEYS);
        let drawn = Drawn::new(commands, &draws, 0, 1);
        Generator::connect(service.addr, 1, Box::new(drawn), self.stop)?.each_once(draws.len())
    }

    /// Stores a few events where the scenario has some, and asks everything about them.
    pub(crate) fn try_questions(&self, service: &Service, who: &Participant) -> Result<()> {
        let Some(events) = &self.events else { return Ok(()) };
        self.store(service, events, CHECKED_EVENTS)?;
        let Some(questions) = &self.questions else { return Ok(()) };
        let session = Session { stored: CHECKED_EVENTS, rounds: 0, ..self.session() };
        questions.ask(service, who, session).map(drop)
    }

    fn session(&self) -> Session<'_> {
        let cores = [self.server_core, self.generator_core];
        let Lengths { stored, rounds, .. } = self.lengths;
        Session { stored, rounds, cores, stop: self.stop }
    }

    /// Stores events, and waits until the service has put them in order.
    fn store(&self, service: &Service, events: &Events, count: u32) -> Result<()> {
        let wire = Stored::new(events, count);
        let (pieces, connections) = (wire.pieces(), self.scenario.load.capacity_connections);
        Generator::connect(service.addr, connections, Box::new(wire), self.stop)?
            .each_once(pieces)
            .with_context(|| format!("storing {count} events"))?;
        questions::ready(service)?;
        service.settle()
    }

    /// Builds the scenario's resident state in a fresh process.
    pub(crate) fn preload(&self, service: &Service, who: &Participant) -> Result<()> {
        if let Some(events) = self.events.as_ref().filter(|_| self.lengths.stored > 0) {
            return self.store(service, events, self.lengths.stored);
        }
        if let Some((cache, data)) = self.cache.as_ref().zip(self.scenario.data.as_ref()) {
            if !data.preload {
                return Ok(());
            }
            if !self.scenario.traces.is_empty() {
                process::ask(service.addr, &mut Plain::flush(who.protocol))?;
            }
            let filled = Filled::new(cache.commands(who.protocol), data.keys);
            let (pieces, connections) = (filled.pieces(), self.scenario.load.capacity_connections);
            return Generator::connect(service.addr, connections, Box::new(filled), self.stop)?
                .each_once(pieces)
                .with_context(|| format!("storing {} keys", data.keys));
        }
        let (Some(template), Some(plan)) = (&self.preload, &self.scenario.preload) else {
            return Ok(());
        };
        let connections = self.scenario.load.capacity_connections;
        let mut from = 0;
        while from < plan.count {
            let to = plan.count.min(from + PRELOAD_AT_ONCE);
            let some: Vec<Encoded> = (from..to).map(|number| template.encode(number)).collect();
            let wire = Box::new(InTurn::new(&some));
            let mut generator = Generator::connect(service.addr, connections, wire, self.stop)?;
            generator.each_once(some.len()).with_context(|| {
                format!("building the resident state, {from} of {} requests done", plan.count)
            })?;
            from = to;
        }
        Ok(())
    }

    /// Measures one fresh process, which the caller's thread, pinned to the generator's core, then
    /// stops. The connections of a twin are weighed in a process of their own before.
    pub(crate) fn measure(
        &self,
        who: &Participant,
        block: u32,
        position: u32,
        rates: &Rates,
    ) -> Result<Sample> {
        let weigh = (who.variant.is_none() || who.other) && self.scenario.load.idle_connections > 0;
        let pss_kib_per_connection = if weigh {
            Some(self.with(who, |service| self.weigh_connections(service, who))?)
        } else {
            None
        };
        let sample = self.with(who, |service| self.load(service, who, block, rates))?;
        Ok(Sample { position, pss_kib_per_connection, ..sample })
    }

    fn load(
        &self,
        service: &Service,
        who: &Participant,
        block: u32,
        rates: &Rates,
    ) -> Result<Sample> {
        let (_, stream) = process::ask(service.addr, &mut *self.first(who))?;
        let cold_start_ms = service.started.elapsed().as_secs_f64() * 1000.0;
        drop(stream);
        thread::sleep(SETTLE);
        let idle_pss_kib = service.pss_kib()?;
        let hits = self.traces(service, who)?;
        self.preload(service, who)?;
        let data = self.scenario.data.as_ref();
        let stored = self.questions.as_ref().map(|_| u64::from(self.lengths.stored));
        let entries = data.filter(|data| data.preload).map(|data| u64::from(data.keys)).or(stored);
        let built = self.preload.is_some() || entries.is_some() || !hits.is_empty();
        let resident =
            built.then(|| Ok::<_, anyhow::Error>((service.pss_kib()?, service.rss_kib()?)));
        let (resident_pss_kib, resident_rss_kib) = resident.transpose()?.unzip();
        let seen = match &self.questions {
            Some(questions) => {
                Seen::questions(questions.ask(service, who, self.session())?, service)?
            }
            None => self.loads(service, who, block, rates)?,
        };
        let peak_rss_kib = service.peak_rss_kib()?;
        let flushed_pss_kib = self.flushed(service, who)?;
        Ok(Sample {
            block,
            position: 0,
            twin: who.twin,
            variant: who.variant.clone(),
            cold_start_ms,
            idle_pss_kib,
            resident_pss_kib,
            // Where nothing is counted only the proportional size is kept.
            resident_rss_kib: resident_rss_kib.filter(|_| entries.is_some()),
            entries,
            loaded_pss_kib: seen.loaded_pss_kib,
            peak_rss_kib,
            flushed_pss_kib,
            pss_kib_per_connection: None,
            capacity: seen.capacity,
            gc: seen.gc,
            hits,
            questions: seen.questions,
            timeline: seen.timeline,
            loads: seen.loads,
        })
    }

    /// The loads of a process, the half load first.
    fn loads(
        &self,
        service: &Service,
        who: &Participant,
        block: u32,
        rates: &Rates,
    ) -> Result<Seen> {
        self.closed(service, who, block, self.lengths.warm_up_s)?;
        let Half { load, mut windows, span } = self.half(service, who, block, rates)?;
        let loaded_pss_kib = service.pss_kib()?;
        let mut loads = vec![load];
        for rate in rates.of(who) {
            loads.push(self.open(service, who, block, rates, *rate, None)?.0);
        }
        let capacity = Some(self.capacity(service, who, block)?);
        // By now the last collection of the half load has been reported.
        let mut gc = None;
        if who.gc_trace {
            let (seen, collections) = gc::read(self.log, span)?;
            windows.collections = collections;
            gc = Some(seen);
        }
        let (questions, timeline) = (Vec::new(), Some(windows));
        Ok(Seen { loaded_pss_kib, capacity, gc, questions, timeline, loads })
    }

    /// Sends the scenario's traces in turn.
    fn traces(&self, service: &Service, who: &Participant) -> Result<Vec<Hits>> {
        let Some(cache) = &self.cache else { return Ok(Vec::new()) };
        let commands = cache.commands(who.protocol);
        let run = |plan| trace::run(service.addr, commands, plan, self.scenario.seed, self.stop);
        self.scenario.traces.iter().map(run).collect()
    }

    /// Removes every entry and weighs what is left after a while, where the scenario asks for it.
    fn flushed(&self, service: &Service, who: &Participant) -> Result<Option<f64>> {
        let seconds = self.scenario.data.as_ref().map_or(0.0, |data| data.flush_s);
        if seconds <= 0.0 {
            return Ok(None);
        }
        process::ask(service.addr, &mut Plain::flush(who.protocol))?;
        thread::sleep(Duration::from_secs_f64(seconds));
        service.pss_kib().map(Some)
    }

    /// The half load, over time too.
    fn half(
        &self,
        service: &Service,
        who: &Participant,
        block: u32,
        rates: &Rates,
    ) -> Result<Half> {
        let mut recorder = Recorder::new(rates.half, self.lengths.half_s)?;
        let (load, span) =
            self.open(service, who, block, rates, rates.half, Some(&mut recorder))?;
        let load = Load { half: true, ..load };
        Ok(Half { load, windows: recorder.finish(), span })
    }

    fn capacity(&self, service: &Service, who: &Participant, block: u32) -> Result<Capacity> {
        let (cpu, steal, began) = (service.core_cpu()?, self.steal()?, Instant::now());
        let seen = self.closed(service, who, block, self.lengths.capacity_s)?;
        let elapsed = began.elapsed();
        let spent = service.core_cpu()?.since(cpu);
        let steal = process::steal_share(self.steal()?.saturating_sub(steal), elapsed);
        Ok(Capacity {
            rps: seen.rps,
            connections: u32::try_from(self.scenario.load.capacity_connections)?,
            errors: seen.errors,
            server_busy: spent.total_us / 1e6 / elapsed.as_secs_f64(),
            generator_busy: seen.busy,
            steal,
        })
    }

    /// One open loop, on fresh connections. All participants of a block get the same schedule.
    fn open(
        &self,
        service: &Service,
        who: &Participant,
        block: u32,
        rates: &Rates,
        rate_rps: f64,
        recorder: Option<&mut Recorder>,
    ) -> Result<(Load, Span)> {
        let plan = &self.scenario.load;
        let seconds = if recorder.is_some() { self.lengths.half_s } else { self.lengths.sweep_s };
        let seed = self.scenario.seed.wrapping_add(u64::from(block));
        let schedule =
            plan.schedule.times(seed, rate_rps / f64::from(self.scenario.depth()), seconds)?;
        let wire = self.wire(who, block);
        let mut generator = Generator::connect(service.addr, plan.connections, wire, self.stop)?;
        let (cpu, steal, began) = (service.cpu()?, self.steal()?, Instant::now());
        let seen = generator.open_loop(&schedule, seconds, recorder)?;
        let elapsed = began.elapsed();
        let spent = service.cpu()?.since(cpu);
        let steal = process::steal_share(self.steal()?.saturating_sub(steal), elapsed);
        drop(generator);

        let tag = format!("{}.{block}.{rate_rps}", who.name());
        let log = self.folder.join("histograms.hlog");
        histograms::append(&log, &tag, seconds, &seen.histograms)?;
        let OpenLoop { started, histograms, achieved, completed, errors, waited, busy } = seen;
        let per_answer = 1.0 / count(completed).max(1.0);
        let load = Load {
            rate_rps,
            share: rate_rps / rates.slowest,
            half: false,
            seconds,
            offered: schedule.len() as u64 * u64::from(self.scenario.depth()),
            achieved,
            completed,
            errors,
            waited,
            cpu_us: spent.total_us * per_answer,
            cpu_user_us: spent.user_us * per_answer,
            cpu_kernel_us: (spent.total_us - spent.user_us) * per_answer,
            generator_busy: busy,
            steal,
            own_lag_p99_us: percentiles(&histograms.own_lag).p99,
            latency: percentiles(&histograms.latency),
            service: percentiles(&histograms.service),
            lag: percentiles(&histograms.lag),
        };
        Ok((load, Span::new(service.started, started, seconds, spent.total_us)))
    }

    fn steal(&self) -> Result<u64> {
        process::steal_ticks([self.server_core, self.generator_core])
    }

    /// Growth of a fresh process, in KiB, for each connection that has been answered once and then
    /// stays open.
    fn weigh_connections(&self, service: &Service, who: &Participant) -> Result<f64> {
        let (_, first) = process::ask(service.addr, &mut *self.first(who))?;
        thread::sleep(SETTLE);
        let before = service.pss_kib()?;
        let connections = self.scenario.load.idle_connections;
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (_, stream) = process::ask(service.addr, &mut *self.first(who))
                .with_context(|| format!("with {} connections open", open.len()))?;
            open.push(stream);
        }
        thread::sleep(SETTLE);
        let grown = service.pss_kib()? - before;
        drop((first, open));
        Ok(grown / count(connections as u64))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn count(value: u64) -> f64 {
    value as f64
}
