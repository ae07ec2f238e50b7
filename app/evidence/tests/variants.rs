//! Variants beside the pair, the floor, the collector's figures and the time line; and that every
//! committed summary follows from its samples.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};

use assay_evidence::{
    Asked, Capacity, Collection, Gc, Kind, Load, Percentiles, Plan, Profile, Run, Sample, Samples,
    Summary, Twin, VariantInfo, Windows, Work, metric, summarise,
};

fn load() -> Load {
    Load {
        rate_rps: 1000.0,
        share: 0.5,
        half: true,
        seconds: 1.0,
        offered: 1000,
        achieved: 1000,
        completed: 1000,
        errors: 0,
        waited: 0,
        cpu_us: 20.0,
        cpu_user_us: 8.0,
        cpu_kernel_us: 12.0,
        generator_busy: 0.4,
        steal: 0.0,
        own_lag_p99_us: 5.0,
        latency: Percentiles { p50: 50.0, p95: 80.0, p99: 90.0, p999: 99.0, ..Default::default() },
        service: Percentiles::default(),
        lag: Percentiles::default(),
    }
}

fn sample(block: u32, twin: Twin, variant: Option<&str>, rps: f64) -> Sample {
    Sample {
        block,
        position: 1,
        twin,
        variant: variant.map(str::to_owned),
        cold_start_ms: 2.0,
        idle_pss_kib: 1000.0,
        resident_pss_kib: None,
        resident_rss_kib: None,
        entries: None,
        flushed_pss_kib: None,
        hits: Vec::new(),
        loaded_pss_kib: 2000.0,
        peak_rss_kib: 3000.0,
        pss_kib_per_connection: None,
        capacity: Some(Capacity {
            rps,
            connections: 64,
            errors: 0,
            server_busy: 0.99,
            generator_busy: 0.6,
            steal: 0.0,
        }),
        questions: Vec::new(),
        gc: None,
        timeline: None,
        loads: vec![load()],
    }
}

fn info(id: &str, language: Twin, kind: Kind) -> VariantInfo {
    let (label, why) = (format!("label of {id}"), "because".to_owned());
    VariantInfo { id: id.into(), language, kind, label, why }
}

fn plan(variants: Vec<VariantInfo>) -> Plan {
    Plan {
        run: "2026-11-21-test".into(),
        service: "fastjson-api".into(),
        workload: "json_api".into(),
        scenario: "json-quotes".into(),
        title: "Price an order".into(),
        work: Work::Request,
        pipeline: 1,
        schedule: "constant".into(),
        resident_state: "small".into(),
        profile: Profile::Quick,
        started: "2026-11-21T04:00:00Z".into(),
        blocks: 6,
        p99_limit_us: 10_000.0,
        condition: "GOMAXPROCS = 1".into(),
        variants,
        notes: Vec::new(),
    }
}

/// Capacities that drift from block to block: Rust 40, Go 20, Go again 22, the floor 100.
fn with_floor() -> (Plan, Samples) {
    let plan =
        plan(vec![info("go-again", Twin::Go, Kind::Again), info("floor", Twin::Rust, Kind::Floor)]);
    let mut samples = Samples::new();
    for block in 1..=6 {
        let drift = 1.0 + 0.1 * f64::from(block);
        samples.samples.extend([
            sample(block, Twin::Rust, Some("floor"), 100.0 * drift),
            sample(block, Twin::Rust, None, 40.0 * drift),
            sample(block, Twin::Go, Some("go-again"), 22.0 * drift),
            sample(block, Twin::Go, None, 20.0 * drift),
        ]);
    }
    (plan, samples)
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-4 * expected, "{value} is not {expected}");
}

#[test]
fn variants_stay_apart_from_the_pair_and_are_compared_with_their_own_language() {
    let (plan, samples) = with_floor();
    assert_eq!(samples.blocks(), 6);
    let summary = summarise(&plan, &samples);
    let capacity = summary.metric(metric::CAPACITY).unwrap();
    near(capacity.ratio.unwrap().estimate, 2.0);
    assert_eq!(capacity.ratio.unwrap().n, 6);
    let again = summary.variant("go-again").unwrap();
    let ratio = again.metric(metric::CAPACITY).unwrap().ratio.unwrap();
    near(ratio.estimate, 1.1);
    // The drift of the blocks pairs away, so that the interval is a point.
    near(ratio.high.unwrap(), 1.1);
    near(summary.noise_factor(metric::CAPACITY).unwrap(), 1.1);
    let floor = summary.variant("floor").unwrap().metric(metric::CAPACITY).unwrap();
    near(floor.ratio.unwrap().estimate, 2.5);
    assert_eq!(again.metric(metric::CAPACITY_P99), None, "variants are not swept");
    // One rate in the sweep, of the pair alone.
    assert_eq!(summary.sweep.len(), 1);
    assert_eq!(summary.sweep[0].rust.as_ref().unwrap().blocks, 6);
    // The gates look at every process.
    assert_eq!(summary.gates[0].checked, 24);
}

#[test]
fn capacities_are_shares_of_the_floor_by_block() {
    let (plan, mut samples) = with_floor();
    let share = |samples: &Samples| {
        let summary = summarise(&plan, samples);
        summary.metric(metric::CAPACITY_SHARE).unwrap().clone()
    };
    let metric = share(&samples);
    near(metric.rust.unwrap().value, 0.4);
    near(metric.rust.unwrap().high, 0.4);
    near(metric.go.unwrap().value, 0.2);
    assert!(metric.note.contains("label of floor"), "{}", metric.note);
    let summary = summarise(&plan, &samples);
    let again = summary.variant("go-again").unwrap().metric(metric::CAPACITY_SHARE).unwrap();
    near(again.figure.unwrap().value, 0.22);
    assert_eq!(summary.variant("floor").unwrap().metric(metric::CAPACITY_SHARE), None);
    // A floor that outran the generator makes the shares upper bounds, and says so.
    samples.samples[0].capacity.as_mut().unwrap().generator_busy = 0.99;
    assert!(share(&samples).note.contains("upper bounds"));
    // Without a floor there is no such metric.
    assert_eq!(summarise(&self::plan(Vec::new()), &samples).metric(metric::CAPACITY_SHARE), None);
}

#[test]
fn a_noise_floor_needs_the_same_binary_twice() {
    let (mut plan, samples) = with_floor();
    plan.variants.remove(0);
    assert_eq!(summarise(&plan, &samples).noise_factor(metric::CAPACITY), None);
}

#[test]
fn a_void_variant_is_named() {
    let (plan, mut samples) = with_floor();
    samples.samples[2].loads[0].steal = 0.5;
    let summary = summarise(&plan, &samples);
    assert_eq!(summary.voids[0].variant.as_deref(), Some("go-again"));
    let cpu = summary.variant("go-again").unwrap().metric(metric::CPU).unwrap();
    assert_eq!(cpu.ratio.unwrap().n, 5);
    assert_eq!(summary.metric(metric::CPU).unwrap().ratio.unwrap().n, 6);
}

fn windows(at: f64) -> Windows {
    Windows {
        window_ms: 50.0,
        p50_us: vec![at, at],
        max_us: vec![2.0 * at, 900.0],
        collections: vec![Collection {
            start_ms: 60.0,
            wall_us: 800.0,
            pause_us: 90.0,
            heap_mb: 4.0,
        }],
    }
}

#[test]
fn collections_are_counted_per_second_and_lie_on_the_time_line() {
    let (plan, mut samples) = with_floor();
    for sample in samples.samples.iter_mut().filter(|sample| sample.is(Twin::Go, None)) {
        sample.gc = Some(Gc {
            cycles: 30,
            seconds: 2.0,
            pause_us_max: Some(90.0),
            cpu_share: 0.07,
            heap_mb_max: Some(4.0),
        });
        sample.timeline = Some(windows(f64::from(sample.block)));
        // The first block's half load fails a gate.
        sample.loads[0].steal = if sample.block == 1 { 0.5 } else { 0.0 };
    }
    let summary = summarise(&plan, &samples);
    let cycles = summary.metric(metric::GC_CYCLES).unwrap();
    near(cycles.go.unwrap().value, 15.0);
    assert_eq!((cycles.rust, cycles.ratio), (None, None));
    assert!(cycles.title.contains("GOMAXPROCS = 1"));
    near(summary.metric(metric::GC_CPU).unwrap().go.unwrap().value, 0.07);
    near(summary.metric(metric::GC_PAUSE).unwrap().go.unwrap().value, 90.0);
    let timeline = &summary.timelines[0];
    assert_eq!(summary.timelines.len(), 1);
    assert_eq!((timeline.twin, timeline.block), (Twin::Go, 2), "the first block that counts");
    assert_eq!(timeline.p50_us, [2.0, 2.0]);
    assert_eq!(timeline.collections, windows(1.0).collections);
    assert_eq!(Summary::parse(&summary.to_toml().unwrap()).unwrap(), summary);
    assert_eq!(Samples::parse(&samples.to_toml().unwrap()).unwrap(), samples);
}

/// Ten blocks, a collection in three of them: the share is that of all CPU time, where the middle
/// of the blocks would be zero.
#[test]
fn a_collector_that_seldom_runs_is_weighed_over_all_blocks() {
    let plan = plan(vec![info("go-more", Twin::Go, Kind::Runtime)]);
    let mut samples = Samples::new();
    for block in 1..=10 {
        let gc = |cycles: u32| Gc {
            cycles,
            seconds: 2.0,
            pause_us_max: (cycles > 0).then_some(90.0),
            cpu_share: 0.3 * f64::from(cycles),
            heap_mb_max: None,
        };
        samples.samples.push(sample(block, Twin::Rust, None, 40.0));
        for (variant, cycles) in [(None, u32::from(block % 3 == 0)), (Some("go-more"), 1)] {
            let mut go = Sample { gc: Some(gc(cycles)), ..sample(block, Twin::Go, variant, 20.0) };
            // The blocks with a collection answered half as many, and weigh half as much.
            go.loads[0].completed = if cycles == 1 { 500 } else { 1000 };
            samples.samples.push(go);
        }
    }
    let summary = summarise(&plan, &samples);
    let share = summary.metric(metric::GC_CPU).unwrap();
    let figure = share.go.unwrap();
    near(figure.value, 3.0 * 0.3 * 500.0 / (3.0 * 500.0 + 7.0 * 1000.0));
    assert!(figure.low < figure.value && 2.0 * figure.value < figure.high, "{figure:?}");
    assert!(share.note.contains("over all blocks"), "{}", share.note);
    near(summary.metric(metric::GC_CYCLES).unwrap().go.unwrap().value, 3.0 / 20.0);
    // A variant ÷ a twin of which some blocks had none is no ratio.
    let more = summary.variant("go-more").unwrap().metric(metric::GC_CPU).unwrap();
    near(more.figure.unwrap().value, 0.3);
    assert_eq!(more.ratio, None);
    // Below six blocks the ends are those of the blocks.
    samples.samples.retain(|sample| sample.block <= 5);
    let few = summarise(&plan, &samples).metric(metric::GC_CPU).unwrap().go.unwrap();
    near(few.value, 0.3 * 500.0 / 4500.0);
    assert_eq!((few.low, few.high), (0.0, 0.3));
}

#[test]
fn no_collection_is_a_figure_too() {
    let (plan, mut samples) = with_floor();
    for sample in samples.samples.iter_mut().filter(|sample| sample.is(Twin::Go, None)) {
        let (pause_us_max, heap_mb_max) = (None, None);
        sample.gc = Some(Gc { cycles: 0, seconds: 2.0, pause_us_max, cpu_share: 0.0, heap_mb_max });
    }
    let summary = summarise(&plan, &samples);
    let none = summary.metric(metric::GC_CYCLES).unwrap().go.unwrap();
    assert_eq!((none.low, none.value, none.high), (0.0, 0.0, 0.0));
    assert_eq!(summary.metric(metric::GC_PAUSE), None);
}

#[test]
fn broken_variants_and_time_lines_are_refused_with_their_place() {
    let (plan, samples) = with_floor();
    let summary = summarise(&plan, &samples);
    let fails = |change: &dyn Fn(&mut Summary)| {
        let mut broken = summary.clone();
        change(&mut broken);
        Summary::parse(&broken.to_toml().unwrap()).unwrap_err().to_string()
    };
    let twice = fails(&|broken| broken.variants.push(broken.variants[1].clone()));
    assert!(twice.contains("variant \"floor\": is listed twice"), "{twice}");
    let order = fails(&|broken| {
        broken.variants[0].metrics[0].figure.as_mut().unwrap().low = 1e9;
    });
    assert!(order.contains("\"go-again\"") && order.contains("low <= value"), "{order}");
    assert!(!order.starts_with("summary.toml:1:"), "{order}");
    let text = summary.to_toml().unwrap().replacen("kind = \"again\"", "kind = \"agane\"", 1);
    let kind = Summary::parse(&text).unwrap_err().to_string();
    assert!(kind.contains("agane") && kind.contains("tuning"), "{kind}");

    let (plan, mut samples) = with_floor();
    samples.samples[0].timeline = Some(Windows { max_us: Vec::new(), ..windows(1.0) });
    let text = summarise(&plan, &samples).to_toml().unwrap();
    let lengths = Summary::parse(&text).unwrap_err().to_string();
    assert!(lengths.contains("timeline of floor"), "{lengths}");
}

/// Anyone can compute a committed summary again from the samples beside it.
#[test]
fn committed_summaries_follow_from_their_samples() {
    let mut seen = 0;
    for folder in committed() {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let run =
            Run::parse(&read("environment.toml"), &read("samples.toml"), &read("summary.toml"));
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let summary = run.summary;
        assert!(summary.complete(), "{} is not complete", folder.display());
        // Not assert_eq!: nobody reads two summaries that fail to be equal.
        let again = summarise(&Plan::of(&summary), &run.samples);
        assert!(again == summary, "{}: run write_committed_summaries", folder.display());
        seen += 1;
    }
    assert!(seen > 0, "no committed run");
}

/// Not a check: `cargo test -p assay-evidence -- --ignored write_committed` computes the committed
/// summaries anew from their samples, for when the rules have changed.
#[test]
#[ignore = "writes into benches/runs"]
fn write_committed_summaries() {
    for folder in committed() {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let plan = Plan::of(&Summary::parse(&read("summary.toml")).unwrap());
        let samples = Samples::parse(&read("samples.toml")).unwrap();
        let summary = summarise(&plan, &samples).to_toml().unwrap();
        fs::write(folder.join("summary.toml"), summary).unwrap();
    }
}

fn committed() -> impl Iterator<Item = PathBuf> {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/runs");
    fs::read_dir(runs).unwrap().map(|folder| folder.unwrap().path())
}

/// Questions stand for themselves, one process by the middle of its times: Rust takes 40 ms, Go 80,
/// the other program 240.
#[test]
fn questions_are_timed_beside_a_program_of_others() {
    let plan = Plan {
        work: Work::Question,
        condition: "GOMAXPROCS = 2".into(),
        ..plan(vec![info("other", Twin::Rust, Kind::Other)])
    };
    let asked = |ms: f64| Asked {
        question: "buckets".into(),
        ms: vec![9.0 * ms, ms, 0.9 * ms],
        cpu_ms: 2.0 * ms,
        steal: 0.0,
    };
    let mut samples = Samples::new();
    for block in 1..=6 {
        for (twin, variant, ms) in
            [(Twin::Rust, None, 40.0), (Twin::Go, None, 80.0), (Twin::Rust, Some("other"), 240.0)]
        {
            samples.samples.push(Sample {
                capacity: None,
                loads: Vec::new(),
                questions: vec![asked(ms * (1.0 + 0.1 * f64::from(block)))],
                entries: Some(1_000_000),
                resident_rss_kib: Some(20_000.0),
                ..sample(block, twin, variant, 1.0)
            });
        }
    }
    let summary = summarise(&plan, &samples);
    let buckets = summary.metric(metric::BUCKETS_MS).unwrap();
    near(buckets.ratio.unwrap().estimate, 0.5);
    assert!(buckets.title.ends_with("GOMAXPROCS = 2"), "{}", buckets.title);
    near(summary.metric(metric::BUCKETS_CPU).unwrap().rust.unwrap().low, 88.0);
    let other = summary.variant("other").unwrap().metric(metric::BUCKETS_MS).unwrap();
    near(other.rust_over.unwrap().estimate, 1.0 / 6.0);
    let memory = summary.metric(metric::RSS_PER_ENTRY).unwrap();
    assert_eq!(memory.title, "Resident memory per event, all of the process (RSS)");
    near(memory.rust.unwrap().value, 20.48);
    for absent in [metric::GROUPS_MS, metric::CAPACITY, metric::CPU] {
        assert_eq!(summary.metric(absent), None, "{absent}");
    }
    // The summary can be computed again from itself and the samples, also once written down.
    let text = samples.to_toml().unwrap();
    assert_eq!(summarise(&Plan::of(&summary), &Samples::parse(&text).unwrap()), summary);
    samples.samples[0].questions[0].steal = 0.05;
    let disturbed = summarise(&plan, &samples);
    assert_eq!(disturbed.metric(metric::BUCKETS_MS).unwrap().ratio.unwrap().n, 5);
    assert!(disturbed.voids[0].why.contains("hypervisor"), "{:?}", disturbed.voids);
}

#[test]
fn taking_in_events_may_wait_for_the_disk() {
    let (mut plan, mut samples) = with_floor();
    for sample in &mut samples.samples {
        sample.capacity.as_mut().unwrap().server_busy = 0.5;
    }
    assert_eq!(summarise(&plan, &samples).metric(metric::CAPACITY), None);
    plan.work = Work::Event;
    plan.pipeline = 1_000;
    let summary = summarise(&plan, &samples);
    let capacity = summary.metric(metric::CAPACITY).unwrap();
    assert_eq!(capacity.title, "Capacity of one core, closed loop, batches of 1000");
    assert_eq!(capacity.unit, "events/s");
    assert!(summary.metric(metric::CPU).is_some_and(|cpu| cpu.title.contains("per event")));
}
