//! A run in the formats that other tools read.
//!
//! - Go's benchmark text format, for benchstat: one line for each process, so that it finds the
//!   repetitions. <https://go.dev/design/14313-benchmark-format>
//! - Bencher Metric Format: the summary's figures with their bounds.
//!   <https://bencher.dev/docs/reference/bencher-metric-format>
//! - hyperfine's `--export-json`: one entry for each twin, one time for each block.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::environment::Environment;
use crate::rows::{capacity, half};
use crate::sample::{Load, Sample, Samples, Twin};
use crate::stats::{median, spread};
use crate::summary::{Figure, Summary, Work};
use crate::variant::Kind;

const BYTES_PER_KIB: f64 = 1024.0;
const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;
const S_PER_US: f64 = 1e-6;

/// The units of [`go_bench`]'s lines that are not lower-is-better, which is benchstat's default.
const fn more_is_better(work: Work) -> &'static [&'static str] {
    match work {
        Work::Request => &["req/s"],
        Work::Command => &["cmd/s", "zipf-hits/read", "scan-hits/read", "loop-hits/read"],
        Work::Event => &["events/s"],
        Work::Question => &[],
    }
}

/// The run as Go benchmark text. Each process of a complete block is one line, a variant's with its
/// id as the twin; what a gate made void is left out of it. `benchstat -col /twin FILE` sets the
/// twins side by side, and `benchstat A B` two runs. benchstat takes the lines as unpaired, so that
/// its intervals are wider than those of the summary.
#[must_use]
pub fn go_bench(environment: &Environment, samples: &Samples, summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {}", value.replace('\n', " "));
    };
    line("goos", "linux");
    line("pkg", &summary.service);
    line("cpu", &environment.machine.cpu);
    // benchstat sets runs apart by every key of the configuration; what may differ between two
    // runs that are to be compared is therefore a comment.
    line("# run", &summary.run);
    line("# commit", &environment.versions.commit);
    line("# rust", &environment.versions.rustc);
    line("# go", &environment.versions.go);
    for unit in more_is_better(summary.work) {
        let _ = writeln!(text, "Unit {unit} better=higher");
    }
    text.push('\n');
    let name = benchmark_name(&summary.scenario);
    for sample in complete(samples) {
        let twin = sample.variant.clone().unwrap_or_else(|| sample.twin.to_string());
        let iterations = half(sample).map_or(1, |load| load.completed.max(1));
        let _ = write!(text, "Benchmark{name}/twin={twin} {iterations}");
        for (value, unit) in measured(sample, summary.work) {
            let _ = write!(text, " {value} {unit}");
        }
        text.push('\n');
    }
    text
}

/// `json-quotes` as `JsonQuotes`: a benchmark's name begins in upper case.
fn benchmark_name(scenario: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    scenario.split(['-', '_']).map(word).collect()
}

/// The samples of blocks that have both twins, block by block.
fn complete(samples: &Samples) -> impl Iterator<Item = &Sample> {
    let has = |block, twin| {
        let twin = |it: &&Sample| it.twin == twin && it.variant.is_none();
        samples.samples.iter().filter(twin).any(|it| it.block == block)
    };
    samples.samples.iter().filter(move |it| has(it.block, Twin::Rust) && has(it.block, Twin::Go))
}

/// What a process measured, in units that benchstat scales: ns and bytes.
fn measured(sample: &Sample, work: Work) -> Vec<(f64, &'static str)> {
    let mut values = Vec::new();
    if let Some(load) = half(sample) {
        values.extend([
            (load.cpu_us * NS_PER_US, "cpu-ns/op"),
            (load.cpu_user_us * NS_PER_US, "user-cpu-ns/op"),
            (load.latency.p50 * NS_PER_US, "p50-ns"),
            (load.latency.p99 * NS_PER_US, "p99-ns"),
            (load.latency.p999 * NS_PER_US, "p99.9-ns"),
        ]);
    }
    let per_second = match work {
        Work::Request => "req/s",
        Work::Command => "cmd/s",
        Work::Event | Work::Question => "events/s",
    };
    values.extend(capacity(work, sample).map(|rps| (rps, per_second)));
    values.extend(sample.questions.iter().filter_map(|asked| {
        let unit = match asked.question.as_str() {
            "buckets" => "buckets-ns",
            "groups" => "groups-ns",
            _ => return None,
        };
        Some((median(&asked.ms)? * NS_PER_MS, unit))
    }));
    values.extend(sample.hits.iter().filter_map(|hits| {
        let unit = match hits.trace.as_str() {
            "zipf" => "zipf-hits/read",
            "scan" => "scan-hits/read",
            "loop" => "loop-hits/read",
            _ => return None,
        };
        Some((float(hits.hits) / float(hits.reads.max(1)), unit))
    }));
    values.extend(
        sample
            .entries
            .zip(sample.resident_rss_kib)
            .map(|(entries, kib)| (kib * BYTES_PER_KIB / float(entries.max(1)), "rss-B/entry")),
    );
    values.extend([
        (sample.idle_pss_kib * BYTES_PER_KIB, "idle-pss-B"),
        (sample.loaded_pss_kib * BYTES_PER_KIB, "loaded-pss-B"),
        (sample.cold_start_ms * NS_PER_MS, "start-ns"),
    ]);
    values
}

/// The run in Bencher Metric Format: benchmark `scenario/twin`, and `scenario/id` of a program of
/// others, measures by the metrics' ids with
/// hyphens, values in the summary's units with the interval's ends as bounds.
///
/// # Errors
/// When a figure cannot be written as JSON, which would be a fault of ours.
pub fn bencher(summary: &Summary) -> Result<String, serde_json::Error> {
    let mut benchmarks: BTreeMap<String, BTreeMap<String, BencherMetric>> = BTreeMap::new();
    for twin in [Twin::Rust, Twin::Go] {
        let measures = summary.metrics.iter().filter_map(|metric| {
            let Figure { value, low, high } = metric.twin(twin)?;
            let measure = BencherMetric { value, lower_value: low, upper_value: high };
            Some((metric.id.replace('_', "-"), measure))
        });
        benchmarks.insert(format!("{}/{twin}", summary.scenario), measures.collect());
    }
    for program in summary.variants.iter().filter(|variant| variant.kind == Kind::Other) {
        let measures = program.metrics.iter().filter_map(|metric| {
            let Figure { value, low, high } = metric.figure?;
            let measure = BencherMetric { value, lower_value: low, upper_value: high };
            Some((metric.id.replace('_', "-"), measure))
        });
        benchmarks.insert(format!("{}/{}", summary.scenario, program.id), measures.collect());
    }
    Ok(serde_json::to_string_pretty(&benchmarks)? + "\n")
}

#[derive(Serialize)]
struct BencherMetric {
    value: f64,
    lower_value: f64,
    upper_value: f64,
}

/// The run as hyperfine writes it: for each twin one request at half load as the command. `times`
/// are the blocks' mean latencies, `user` and `system` the mean CPU time of a request, all in
/// seconds. Blocks whose half load is void are left out.
///
/// # Errors
/// When a figure cannot be written as JSON, which would be a fault of ours.
pub fn hyperfine(samples: &Samples, summary: &Summary) -> Result<String, serde_json::Error> {
    let results = [Twin::Rust, Twin::Go].into_iter().filter_map(|twin| {
        let loads: Vec<&Load> = complete(samples)
            .filter(|it| it.twin == twin && it.variant.is_none())
            .filter_map(half)
            .collect();
        timed(
            format!(
                "{} ({twin}): one {}, {} at half load",
                summary.service,
                summary.work.one(),
                summary.scenario
            ),
            &loads,
        )
    });
    let document = Hyperfine { results: results.collect() };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[derive(Serialize)]
struct Hyperfine {
    results: Vec<Timed>,
}

#[derive(Serialize)]
struct Timed {
    command: String,
    mean: f64,
    stddev: Option<f64>,
    median: f64,
    user: f64,
    system: f64,
    min: f64,
    max: f64,
    times: Vec<f64>,
}

fn timed(command: String, loads: &[&Load]) -> Option<Timed> {
    let seconds = |take: fn(&Load) -> f64| -> Vec<f64> {
        loads.iter().map(|load| take(load) * S_PER_US).collect()
    };
    let times = seconds(|load| load.latency.mean);
    Some(Timed {
        command,
        mean: mean(&times)?,
        stddev: spread(&times),
        median: median(&times)?,
        user: mean(&seconds(|load| load.cpu_user_us))?,
        system: mean(&seconds(|load| load.cpu_kernel_us))?,
        min: times.iter().copied().min_by(f64::total_cmp)?,
        max: times.iter().copied().max_by(f64::total_cmp)?,
        times,
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn float(count: u64) -> f64 {
    count as f64
}

fn mean(values: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
    let n = values.len() as f64;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / n)
}
