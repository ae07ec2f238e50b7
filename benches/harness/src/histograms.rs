//! Latency histograms in ns, their percentiles in µs, and the interval log that keeps them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use assay_evidence::Percentiles;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

/// Greatest latency told apart: two minutes, far above any drain.
pub(crate) const MAX_NS: u64 = 120_000_000_000;

/// Significant decimal digits, so that percentiles are within 0.1%.
const DIGITS: u8 = 3;

/// The histograms of one open loop, in ns.
pub(crate) struct Histograms {
    /// Done − intended: the headline.
    pub(crate) latency: Histogram<u64>,
    /// Done − sent.
    pub(crate) service: Histogram<u64>,
    /// Sent − intended.
    pub(crate) lag: Histogram<u64>,
    /// The generator's own delay: sent − intended, or since a connection came free when all were
    /// busy. Only the gate needs it.
    pub(crate) own_lag: Histogram<u64>,
}

impl Histograms {
    pub(crate) fn new() -> Result<Self> {
        let make = || Histogram::new_with_max(MAX_NS, DIGITS).context("a histogram's bounds");
        Ok(Self { latency: make()?, service: make()?, lag: make()?, own_lag: make()? })
    }
}

/// The percentiles of a histogram, in µs.
pub(crate) fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile| micros(histogram.value_at_quantile(quantile));
    Percentiles {
        mean: histogram.mean() / 1000.0,
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: micros(histogram.max()),
    }
}

/// ns as µs.
#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2⁵³ ns")]
pub(crate) fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}

/// Appends the three histograms of a load to the run's interval log (HdrHistogram's `.hlog`, V2
/// compressed), tagged `twin.block.rate.kind`; values are in ns.
pub(crate) fn append(path: &Path, tag: &str, seconds: f64, histograms: &Histograms) -> Result<()> {
    let fresh = !path.exists();
    let mut text = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    if fresh {
        builder.add_comment("[Histogram log format version 1.3]");
    }
    let mut log = builder.begin_log_with(&mut text, &mut serializer)?;
    for (kind, histogram) in [
        ("latency", &histograms.latency),
        ("service", &histograms.service),
        ("lag", &histograms.lag),
    ] {
        let tag = format!("{tag}.{kind}");
        let tag = Tag::new(&tag).ok_or_else(|| anyhow!("{tag:?} is not a histogram tag"))?;
        log.write_histogram(histogram, Duration::ZERO, Duration::from_secs_f64(seconds), Some(tag))
            .map_err(|error| anyhow!("cannot write a histogram: {error}"))?;
    }
    let write = || -> std::io::Result<()> {
        let mut file = File::options().create(true).append(true).open(path)?;
        let before = file.metadata()?.len();
        file.write_all(&text).inspect_err(|_| {
            // A disk that is full took a part of it, which nobody could read.
            let _ = file.set_len(before);
        })
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
