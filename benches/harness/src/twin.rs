//! Measuring one twin in one block: everything a fresh process is asked for.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use assay_evidence::{Capacity, Load, Sample, Twin};

use crate::generator::{ClosedLoop, Generator, Interrupted, OpenLoop};
use crate::histograms::{self, percentiles};
use crate::process::{self, Service};
use crate::scenario::{Lengths, Scenario};
use crate::schedule;

/// Time for a process to settle before its memory is read.
const SETTLE: Duration = Duration::from_millis(200);

/// What stays the same for every process of a run.
pub(crate) struct Bench<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) lengths: Lengths,
    /// The request, encoded.
    pub(crate) request: Vec<u8>,
    pub(crate) rust: &'a Path,
    pub(crate) go: &'a Path,
    pub(crate) server_core: u32,
    pub(crate) generator_core: u32,
    /// The run folder.
    pub(crate) folder: &'a Path,
    /// Where services complain.
    pub(crate) log: &'a Path,
    pub(crate) stop: &'a AtomicBool,
}

/// The rates of a run, in requests per second, fixed before its first block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rates {
    /// The slower twin's closed-loop capacity.
    pub(crate) slower: f64,
    /// The headline's rate.
    pub(crate) half: f64,
    /// The further rates of the Rust and of the Go twin, rising.
    pub(crate) rust: Vec<f64>,
    pub(crate) go: Vec<f64>,
}

impl Rates {
    /// From the capacities found before the first block.
    pub(crate) fn new(scenario: &Scenario, rust: f64, go: f64) -> Self {
        let load = &scenario.load;
        let (slower, faster) = (rust.min(go), rust.max(go));
        let both: Vec<f64> = load.shares.iter().map(|share| (share * slower).round()).collect();
        let greatest = both.iter().copied().fold(0.0, f64::max);
        let own = load.faster_shares.iter().map(|share| (share * faster).round());
        let mut fast = both.clone();
        // A rate that both twins already cover says nothing new.
        fast.extend(own.filter(|rate| *rate > greatest * 1.05));
        let (rust, go) = if rust > go { (fast, both) } else { (both, fast) };
        Self { slower, half: (load.half * slower).round(), rust, go }
    }

    fn of(&self, twin: Twin) -> &[f64] {
        match twin {
            Twin::Rust => &self.rust,
            Twin::Go => &self.go,
        }
    }

    /// How many rates both twins run in a block, the half load apart.
    pub(crate) fn per_block(&self) -> usize {
        self.rust.len() + self.go.len()
    }
}

impl Bench<'_> {
    /// Starts a twin on the server's core and works with it; what goes wrong then names the twin
    /// and what it last complained of.
    pub(crate) fn with<T>(
        &self,
        twin: Twin,
        work: impl FnOnce(&mut Service) -> Result<T>,
    ) -> Result<T> {
        let binary = match twin {
            Twin::Rust => self.rust,
            Twin::Go => self.go,
        };
        let mut service = Service::start(binary, twin, self.server_core, self.log)?;
        match work(&mut service) {
            Err(error) if !error.is::<Interrupted>() => Err(error.context(service.complaint(twin))),
            other => other,
        }
    }

    /// Keeps the closed loop's connections busy.
    pub(crate) fn closed(&self, service: &Service, seconds: f64) -> Result<ClosedLoop> {
        let connections = self.scenario.load.capacity_connections;
        let mut generator =
            Generator::connect(service.addr, connections, &self.request, self.stop)?;
        generator.closed_loop(seconds)
    }

    /// Measures one fresh process of a twin, which the caller's thread, pinned to the generator's
    /// core, then stops.
    pub(crate) fn measure(
        &self,
        twin: Twin,
        block: u32,
        position: u32,
        rates: &Rates,
    ) -> Result<Sample> {
        let pss_kib_per_connection = self.with(twin, |service| self.weigh_connections(service))?;
        let sample = self.with(twin, |service| self.load(service, twin, block, rates))?;
        Ok(Sample { position, pss_kib_per_connection: Some(pss_kib_per_connection), ..sample })
    }

    fn load(&self, service: &Service, twin: Twin, block: u32, rates: &Rates) -> Result<Sample> {
        let (_, stream) = process::ask(service.addr, &self.request)?;
        let cold_start_ms = service.started.elapsed().as_secs_f64() * 1000.0;
        drop(stream);
        thread::sleep(SETTLE);
        let idle_pss_kib = service.pss_kib()?;
        self.closed(service, self.lengths.warm_up_s)?;

        let half = self.open(service, twin, block, rates, rates.half)?;
        let loaded_pss_kib = service.pss_kib()?;
        let mut loads = vec![Load { half: true, ..half }];
        for rate in rates.of(twin) {
            loads.push(self.open(service, twin, block, rates, *rate)?);
        }
        let capacity = self.capacity(service)?;
        Ok(Sample {
            block,
            position: 0,
            twin,
            cold_start_ms,
            idle_pss_kib,
            loaded_pss_kib,
            peak_rss_kib: service.peak_rss_kib()?,
            pss_kib_per_connection: None,
            variant: None,
            resident_pss_kib: None,
            gc: None,
            timeline: None,
            capacity,
            loads,
        })
    }

    fn capacity(&self, service: &Service) -> Result<Capacity> {
        let (cpu, steal, began) = (service.cpu()?, self.steal()?, Instant::now());
        let seen = self.closed(service, self.lengths.capacity_s)?;
        let elapsed = began.elapsed();
        let spent = service.cpu()?.since(cpu);
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

    /// One open loop, on fresh connections. Both twins of a block get the same schedule.
    fn open(
        &self,
        service: &Service,
        twin: Twin,
        block: u32,
        rates: &Rates,
        rate_rps: f64,
    ) -> Result<Load> {
        let half = rate_rps == rates.half;
        let seconds = if half { self.lengths.half_s } else { self.lengths.sweep_s };
        let seed = self.scenario.seed.wrapping_add(u64::from(block));
        let schedule = schedule::poisson(seed, rate_rps, seconds);
        let mut generator = Generator::connect(
            service.addr,
            self.scenario.load.connections,
            &self.request,
            self.stop,
        )?;
        let (cpu, steal, began) = (service.cpu()?, self.steal()?, Instant::now());
        let seen = generator.open_loop(&schedule, seconds)?;
        let elapsed = began.elapsed();
        let spent = service.cpu()?.since(cpu);
        let steal = process::steal_share(self.steal()?.saturating_sub(steal), elapsed);
        drop(generator);

        let tag = format!("{twin}.{block}.{rate_rps}");
        let log = self.folder.join("histograms.hlog");
        histograms::append(&log, &tag, seconds, &seen.histograms)?;
        let OpenLoop { histograms, achieved, completed, errors, waited, busy } = seen;
        let per_answer = 1.0 / count(completed).max(1.0);
        Ok(Load {
            rate_rps,
            share: rate_rps / rates.slower,
            half: false,
            seconds,
            offered: schedule.len() as u64,
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
        })
    }

    fn steal(&self) -> Result<u64> {
        process::steal_ticks([self.server_core, self.generator_core])
    }

    /// Growth of a fresh process, in KiB, for each connection that has been answered once and then
    /// stays open.
    fn weigh_connections(&self, service: &Service) -> Result<f64> {
        let (_, first) = process::ask(service.addr, &self.request)?;
        thread::sleep(SETTLE);
        let before = service.pss_kib()?;
        let connections = self.scenario.load.idle_connections;
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (_, stream) = process::ask(service.addr, &self.request)
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
