//! One open loop against any address, for comparing this generator with others.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::{Result, anyhow};
use assay_evidence::Percentiles;

use crate::generator::Generator;
use crate::histograms::percentiles;
use crate::process;
use crate::requests::Encoded;
use crate::scenario::Schedule;
use crate::wire::InTurn;

/// What to send, where and when.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// The service.
    pub addr: SocketAddr,
    /// The request, encoded; see [`encode`](crate::encode).
    pub request: Vec<u8>,
    /// The status that answers it well.
    pub expect: u16,
    /// When to send.
    pub schedule: Schedule,
    /// The seed of a Poisson schedule.
    pub seed: u64,
    /// Requests per second.
    pub rate_rps: f64,
    /// Length of the schedule in seconds.
    pub seconds: f64,
    /// Keep-alive connections, each with one request at a time.
    pub connections: usize,
    /// The core to spin on; any when absent.
    pub core: Option<u32>,
}

/// What a load saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Requests in the schedule.
    pub offered: u64,
    /// Good answers before the schedule's end.
    pub achieved: u64,
    /// Good answers in all.
    pub completed: u64,
    /// Failed and unanswered requests.
    pub errors: u64,
    /// Share of the time that the generator did useful work.
    pub generator_busy: f64,
    /// Done − intended.
    pub latency: Percentiles,
    /// Done − sent.
    pub service: Percentiles,
    /// Sent − intended.
    pub lag: Percentiles,
}

/// Sends at the times of a schedule from a thread of its own and blocks until it is done. `stop`
/// ends it with [`Interrupted`](crate::Interrupted).
///
/// # Errors
/// When the service accepts no connection, the core cannot be used, or it was stopped.
pub fn load(options: &LoadOptions, stop: &AtomicBool) -> Result<Loaded> {
    let work = || -> Result<Loaded> {
        if let Some(core) = options.core {
            process::pin(&[core])?;
        }
        let LoadOptions { addr, connections, seconds, .. } = *options;
        let times = options.schedule.times(options.seed, options.rate_rps, seconds)?;
        let request = Encoded { bytes: options.request.clone(), expect: vec![options.expect] };
        let requests = [request];
        let mut generator =
            Generator::connect(addr, connections, Box::new(InTurn::new(&requests)), stop)?;
        let seen = generator.open_loop(&times, seconds, None)?;
        Ok(Loaded {
            offered: times.len() as u64,
            achieved: seen.achieved,
            completed: seen.completed,
            errors: seen.errors,
            generator_busy: seen.busy,
            latency: percentiles(&seen.histograms.latency),
            service: percentiles(&seen.histograms.service),
            lag: percentiles(&seen.histograms.lag),
        })
    };
    thread::scope(|scope| scope.spawn(work).join())
        .map_err(|_| anyhow!("the loading thread failed"))?
}
