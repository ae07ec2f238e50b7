//! Made-up measurement runs, computed from made-up samples as real ones are from real samples: a
//! tuning ladder with its floor and its noise, a cause test of garbage collection over time, and
//! folders that cannot be read.

use std::{fs, path::Path};

use assay_evidence::{
    Asked, Builds, Capacity, Collection, Environment, Gc, Kind, Load, Percentiles, Plan, Profile,
    Sample, Samples, Twin, VariantInfo, VariantSettings, Windows, Work, summarise,
};

const BLOCKS: u32 = 10;
/// The committed run's environment stands for any.
const ENVIRONMENT: &str =
    include_str!("../../../../benches/runs/2026-11-21-amd-epyc-2-cores/environment.toml");

/// A process to make up: what it is, CPU per request in µs, answers per second, p99 in µs.
struct Process {
    twin: Twin,
    variant: Option<&'static str>,
    cpu_us: f64,
    rps: f64,
    p99_us: f64,
}

const fn process(
    twin: Twin,
    variant: Option<&'static str>,
    cpu_us: f64,
    rps: f64,
    p99_us: f64,
) -> Process {
    Process { twin, variant, cpu_us, rps, p99_us }
}

/// The ladder: the pair, each once more, a rung of each, and the floor.
const LADDER: [Process; 7] = [
    process(Twin::Rust, None, 20.0, 70_000.0, 160.0),
    process(Twin::Go, None, 50.0, 29_000.0, 3_000.0),
    process(Twin::Rust, Some("rust-again"), 20.1, 69_800.0, 170.0),
    process(Twin::Go, Some("go-again"), 49.5, 29_200.0, 2_900.0),
    process(Twin::Rust, Some("rust-bytes"), 15.0, 95_000.0, 140.0),
    process(Twin::Go, Some("go-jsonv2"), 38.0, 38_000.0, 2_000.0),
    process(Twin::Rust, Some("floor"), 6.0, 170_000.0, 90.0),
];

/// The cause test: the pair, and Go with two other settings.
const CAUSES: [Process; 4] = [
    process(Twin::Rust, None, 20.0, 70_000.0, 160.0),
    process(Twin::Go, None, 50.0, 29_000.0, 3_000.0),
    process(Twin::Go, Some("go-gc-off"), 44.0, 33_000.0, 400.0),
    process(Twin::Go, Some("go-memlimit"), 45.0, 32_000.0, 900.0),
];

/// A cache: the pair, and two programs of others.
const CACHE: [Process; 4] = [
    process(Twin::Rust, None, 6.0, 150_000.0, 160.0),
    process(Twin::Go, None, 9.0, 100_000.0, 600.0),
    process(Twin::Rust, Some("redis"), 8.0, 120_000.0, 200.0),
    process(Twin::Rust, Some("memcached"), 12.0, 80_000.0, 900.0),
];

/// Bytes of an entry in each of them.
const ENTRY_BYTES: [f64; 4] = [112.0, 113.0, 190.0, 160.0];

/// An analytics service: the pair, a program of others and a bare scan. Of the figures only the first
/// is used: the ms that an answer takes.
const ANALYTICS: [Process; 4] = [
    process(Twin::Rust, None, 40.0, 1.0, 1.0),
    process(Twin::Go, None, 80.0, 1.0, 1.0),
    process(Twin::Rust, Some("duckdb"), 240.0, 1.0, 1.0),
    process(Twin::Rust, Some("scan"), 10.0, 1.0, 1.0),
];

fn info(id: &str, language: Twin, kind: Kind, label: &str) -> VariantInfo {
    let why = format!("Made up, to see how {kind} is shown.");
    VariantInfo { id: id.into(), language, kind, label: label.into(), why }
}

/// Writes the runs into a folder for `--runs`.
pub(crate) fn write(folder: &Path) {
    let ladder = [
        info("rust-again", Twin::Rust, Kind::Again, "Rust twin, once more (A/A)"),
        info("go-again", Twin::Go, Kind::Again, "Go twin, once more (A/A)"),
        info("rust-bytes", Twin::Rust, Kind::Tuning, "Rust, body read in place"),
        info("go-jsonv2", Twin::Go, Kind::Tuning, "Go, GOEXPERIMENT=jsonv2"),
        info("floor", Twin::Rust, Kind::Floor, "The floor: fixed bytes over epoll"),
    ];
    let causes = [
        info("go-gc-off", Twin::Go, Kind::Runtime, "GOGC=off"),
        info("go-memlimit", Twin::Go, Kind::Runtime, "GOMEMLIMIT=1GiB"),
    ];
    run(
        folder,
        "fixture-ladder",
        "json-quotes-ladder",
        "A made-up tuning ladder",
        &LADDER,
        ladder.to_vec(),
    );
    run(
        folder,
        "fixture-causes",
        "json-quotes-gc",
        "A made-up cause test",
        &CAUSES,
        causes.to_vec(),
    );
    let cache = [
        info("redis", Twin::Rust, Kind::Other, "Redis 7"),
        info("memcached", Twin::Rust, Kind::Other, "memcached"),
    ];
    run(folder, "fixture-cache", "cache-get", "A made-up cache", &CACHE, cache.to_vec());
    let analytics = [
        info("duckdb", Twin::Rust, Kind::Other, "DuckDB"),
        info("scan", Twin::Rust, Kind::Other, "Bare scan"),
    ];
    run(
        folder,
        "fixture-analytics",
        "analytics-query",
        "A made-up analytics service",
        &ANALYTICS,
        analytics.to_vec(),
    );
    let broken = |name: &str, summary: Option<&str>| {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("environment.toml"), ENVIRONMENT).expect("a file");
        if let Some(summary) = summary {
            fs::write(folder.join("summary.toml"), summary).expect("a file");
        }
    };
    broken("fixture-half-written", None);
    broken("fixture-newer", Some("schema = 99\n"));
    let edited = fs::read_to_string(folder.join("fixture-causes/summary.toml")).expect("a file");
    broken("fixture-edited", Some(&edited.replacen("low = ", "low = 9", 1)));
    // Older, so that they stand for nothing.
    let renamed = |name: &str| {
        edited
            .replace("fixture-causes", name)
            .replace("2099-01-01T10:00:00Z", "2019-01-01T10:00:00Z")
    };
    broken("fixture-unchecked", Some(&renamed("fixture-unchecked")));
    let retouched = renamed("fixture-retouched").replacen("n = 10", "n = 99", 1);
    broken("fixture-retouched", Some(&retouched));
    let samples = folder.join("fixture-causes/samples.toml");
    fs::copy(samples, folder.join("fixture-retouched/samples.toml")).expect("a file");
}

fn run(
    folder: &Path,
    name: &str,
    scenario: &str,
    title: &str,
    processes: &[Process],
    variants: Vec<VariantInfo>,
) {
    let cache = scenario.starts_with("cache");
    let analytics = scenario.starts_with("analytics");
    let mut samples = Samples {
        builds: vec![built(Twin::Rust, 28.0), built(Twin::Go, 14.0)],
        samples: (1..=BLOCKS)
            .flat_map(|block| processes.iter().zip(1..).map(move |(it, at)| sample(it, block, at)))
            .collect(),
        ..Samples::new()
    };
    if cache {
        let entry_bytes = ENTRY_BYTES.into_iter().cycle();
        for (sample, bytes) in samples.samples.iter_mut().zip(entry_bytes) {
            let kib = blurred(bytes, sample.block, 1) * 1e6 / 1024.0;
            sample.entries = Some(1_000_000);
            (sample.resident_rss_kib, sample.resident_pss_kib) = (Some(kib), Some(kib * 0.99));
            sample.flushed_pss_kib = Some(9_000.0);
            sample.gc = None;
        }
    }
    if analytics {
        for (sample, process) in samples.samples.iter_mut().zip(processes.iter().cycle()) {
            answer(sample, process.cpu_us);
        }
    }
    let mut environment = Environment::parse(ENVIRONMENT).expect("an environment");
    environment.variants = variants
        .iter()
        .map(|variant| VariantSettings {
            id: variant.id.clone(),
            build: "as the idiomatic twin".into(),
            // What is set is what such a variant is called.
            env: match variant.kind {
                Kind::Runtime => vec![variant.label.clone()],
                _ => vec!["MADE=up".into()],
            },
            args: Vec::new(),
        })
        .collect();
    let plan = Plan {
        run: name.into(),
        service: match (cache, analytics) {
            (true, _) => "cache-server".into(),
            (_, true) => "analytics-api".into(),
            _ => "fastjson-api".into(),
        },
        workload: match (cache, analytics) {
            (true, _) => "cache".into(),
            (_, true) => "analytics".into(),
            _ => "json_api".into(),
        },
        scenario: scenario.into(),
        title: title.into(),
        work: match (cache, analytics) {
            (true, _) => Work::Command,
            (_, true) => Work::Question,
            _ => Work::Request,
        },
        pipeline: 1,
        schedule: "poisson".into(),
        resident_state: "small".into(),
        profile: Profile::Publish,
        // Newer than whatever is committed, so that these stand for their scenarios.
        started: "2099-01-01T10:00:00Z".into(),
        blocks: BLOCKS,
        p99_limit_us: 10_000.0,
        condition: if analytics { "GOMAXPROCS = 2" } else { "GOMAXPROCS = 1" }.into(),
        variants,
        notes: vec!["made up by a test".into()],
    };
    let summary = summarise(&plan, &samples);
    let folder = folder.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    let write = |file: &str, text: String| fs::write(folder.join(file), text).expect("a file");
    write("summary.toml", summary.to_toml().expect("a summary"));
    write("samples.toml", samples.to_toml().expect("samples"));
    write("environment.toml", environment.to_toml().expect("an environment"));
}

/// Turns a process that was loaded into one that was asked.
fn answer(sample: &mut Sample, ms: f64) {
    let ms = blurred(ms, sample.block, 1);
    let asked = |question: &str| Asked {
        question: question.into(),
        ms: vec![0.9 * ms, ms, 1.3 * ms],
        cpu_ms: 2.0 * ms,
        steal: 0.0,
    };
    sample.questions = vec![asked("buckets"), asked("groups")];
    sample.entries = Some(10_000_000);
    sample.resident_rss_kib = Some(200_000.0);
    sample.resident_pss_kib = Some(199_000.0);
    (sample.capacity, sample.gc, sample.timeline) = (None, None, None);
    sample.loads.clear();
}

fn built(twin: Twin, clean_s: f64) -> Builds {
    let incremental_s = vec![clean_s / 7.0, clean_s / 6.9, clean_s / 7.1];
    Builds { twin, variant: None, binary_bytes: 1_600_000, clean_s: vec![clean_s], incremental_s }
}

/// A few per cent up or down, the same in every run of the tests.
fn blurred(value: f64, block: u32, salt: u32) -> f64 {
    let phase = f64::from(block * block * 37 + salt * block * 7 + salt) * 1.618;
    value * (1.0 + 0.02 * phase.sin())
}

fn sample(process: &Process, block: u32, position: u32) -> Sample {
    let salt = position;
    let go = process.twin == Twin::Go;
    let pair = process.variant.is_none();
    let shares: &[f64] = if pair { &[0.5, 0.1, 0.25, 0.75, 0.9] } else { &[0.5] };
    let memory = if go { 15_000.0 } else { 4_000.0 };
    Sample {
        block,
        position,
        twin: process.twin,
        variant: process.variant.map(str::to_owned),
        cold_start_ms: blurred(if go { 3.2 } else { 1.6 }, block, salt),
        idle_pss_kib: blurred(memory / 2.0, block, salt),
        resident_pss_kib: None,
        resident_rss_kib: None,
        entries: None,
        flushed_pss_kib: None,
        hits: Vec::new(),
        loaded_pss_kib: blurred(memory, block, salt),
        peak_rss_kib: blurred(memory * 1.5, block, salt),
        pss_kib_per_connection: Some(blurred(memory / 600.0, block, salt)),
        capacity: Some(Capacity {
            rps: blurred(process.rps, block, salt),
            connections: 64,
            errors: 0,
            server_busy: 0.99,
            generator_busy: 0.5,
            steal: 0.0,
        }),
        questions: Vec::new(),
        gc: go.then_some(Gc {
            cycles: 12,
            seconds: 6.0,
            pause_us_max: Some(blurred(400.0, block, salt)),
            cpu_share: 0.08,
            heap_mb_max: Some(9.0),
        }),
        timeline: (block == 1).then(|| windows(process, go)),
        loads: shares.iter().map(|share| load(process, *share, block, salt)).collect(),
    }
}

/// The Go twin cannot keep up at 0.9: its load there is void in every block.
fn load(process: &Process, share: f64, block: u32, salt: u32) -> Load {
    let late = process.twin == Twin::Go && share > 0.8;
    let tail = process.p99_us * (1.0 + 6.0 * share * share);
    let latency = |value: f64| blurred(value, block, salt);
    let percentiles = Percentiles {
        mean: latency(60.0),
        p50: latency(50.0 + 60.0 * share),
        p90: latency(tail / 4.0),
        p95: latency(tail / 2.0),
        p99: latency(tail),
        p999: latency(tail * 2.5),
        max: latency(tail * 4.0),
    };
    let offered = 90_000;
    Load {
        rate_rps: 30_000.0 * share,
        share,
        half: share == 0.5,
        seconds: 6.0,
        offered,
        achieved: if late { 80_000 } else { offered },
        completed: offered,
        errors: 0,
        waited: 0,
        cpu_us: blurred(process.cpu_us, block, salt),
        cpu_user_us: blurred(process.cpu_us * 0.6, block, salt),
        cpu_kernel_us: blurred(process.cpu_us * 0.4, block, salt),
        generator_busy: 0.3,
        steal: 0.0,
        own_lag_p99_us: 12.0,
        latency: percentiles,
        service: percentiles,
        lag: Percentiles::default(),
    }
}

/// Six seconds in windows of 20 ms; a collection of the Go twin each half second lifts the tail.
fn windows(process: &Process, go: bool) -> Windows {
    let collects = go && process.variant.is_none();
    let starts = (0..12).map(|at| 130.0 + 500.0 * f64::from(at));
    let collections: Vec<Collection> = starts
        .filter(|_| collects)
        .map(|start_ms| Collection { start_ms, wall_us: 18_000.0, pause_us: 90.0, heap_mb: 8.0 })
        .collect();
    let window_ms = 20.0;
    let hit = |at: u32| {
        let from_ms = f64::from(at) * window_ms;
        collections
            .iter()
            .any(|it| it.start_ms < from_ms + window_ms && it.start_ms + 18.0 > from_ms)
    };
    let max = |at| if hit(at) { process.p99_us * 2.0 } else { process.p99_us * 0.4 };
    Windows {
        window_ms,
        p50_us: (0..300).map(|at| blurred(60.0, at, 1)).collect(),
        max_us: (0..300).map(|at| blurred(max(at), at, 2)).collect(),
        collections,
    }
}
