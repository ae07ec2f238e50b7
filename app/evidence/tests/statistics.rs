//! The statistics against published values, the gates at their limits, and summaries that come
//! back as they were written, or say what is wrong with them.

use assay_evidence::stats::{
    hodges_lehmann, median, signed_rank_interval, signed_rank_ranks, wilson,
};
use assay_evidence::{
    Builds, Capacity, Load, ParseError, Percentiles, Plan, Profile, Sample, Samples, Summary, Twin,
    Work, check, metric, summarise,
};
use proptest::prelude::*;

#[test]
fn exact_signed_rank_ranks_and_coverages() {
    for (n, low, high, level) in
        [(6, 1, 21, 0.969), (10, 9, 47, 0.951), (12, 14, 65, 0.958), (20, 53, 158, 0.952)]
    {
        let (l, h, exact) = signed_rank_ranks(n, 0.95).unwrap();
        assert_eq!((l, h), (low, high), "n = {n}");
        assert!((exact - level).abs() < 0.0005, "n = {n}: {exact}");
    }
    for n in 0..6 {
        assert_eq!(signed_rank_ranks(n, 0.95), None, "n = {n}");
    }
}

#[test]
fn depression_scores_of_hollander_and_wolfe() {
    // Hollander, Wolfe and Chicken, example 3.1 (Hamilton depression scale factor IV, nine
    // patients): the estimate is −0.46 and the 96% interval (−.786, −.010).
    let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
    let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.06 + 0.08, 1.29];
    let differences: Vec<f64> = after.iter().zip(before).map(|(y, x)| y - x).collect();
    let estimate = hodges_lehmann(&differences).unwrap();
    assert!((estimate + 0.46).abs() < 1e-9, "{estimate}");
    let interval = signed_rank_interval(&differences, 0.95).unwrap();
    assert!((interval.low + 0.786).abs() < 1e-9, "{interval:?}");
    assert!((interval.high + 0.010).abs() < 1e-9, "{interval:?}");
    assert!((interval.level - 0.961).abs() < 0.001, "{interval:?}");
}

#[test]
fn wilson_and_median() {
    let (low, high) = wilson(36, 45, 1.96).unwrap();
    assert!((low - 0.66).abs() < 0.005 && (high - 0.89).abs() < 0.005, "{low} {high}");
    assert_eq!(wilson(0, 0, 1.96), None);
    assert_eq!(wilson(2, 1, 1.96), None);
    let (low, _) = wilson(0, 10, 1.96).unwrap();
    assert!(low.abs() < 1e-12);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    assert_eq!(median(&[]), None);
    assert_eq!(hodges_lehmann(&[]), None);
}

proptest! {
    #[test]
    fn an_interval_holds_its_estimate_and_moves_with_the_data(
        values in prop::collection::vec(-5.0..5.0_f64, 6..25), shift in -3.0..3.0_f64,
    ) {
        let estimate = hodges_lehmann(&values).unwrap();
        let interval = signed_rank_interval(&values, 0.95).unwrap();
        prop_assert!(interval.low <= estimate && estimate <= interval.high);
        prop_assert!(interval.level >= 0.95);
        let moved: Vec<f64> = values.iter().map(|value| value + shift).collect();
        prop_assert!((hodges_lehmann(&moved).unwrap() - estimate - shift).abs() < 1e-9);
    }
}

fn load(rate_rps: f64, p99: f64) -> Load {
    Load {
        rate_rps,
        share: rate_rps / 20_000.0,
        half: rate_rps == 10_000.0,
        seconds: 1.0,
        offered: 10_000,
        achieved: 9_990,
        completed: 10_000,
        errors: 0,
        waited: 0,
        cpu_us: 20.0,
        cpu_user_us: 8.0,
        cpu_kernel_us: 12.0,
        generator_busy: 0.4,
        steal: 0.0,
        own_lag_p99_us: 5.0,
        latency: Percentiles { p50: 50.0, p95: 80.0, p99, p999: 2.0 * p99, ..Default::default() },
        service: Percentiles::default(),
        lag: Percentiles::default(),
    }
}

/// Rust at half of Go's figures, with block-to-block drift that pairs away.
fn samples(blocks: u32) -> Samples {
    let mut samples = Samples::new();
    for block in 1..=blocks {
        let drift = 1.0 + 0.1 * f64::from(block);
        for (twin, factor) in [(Twin::Rust, 1.0), (Twin::Go, 2.0)] {
            let p99 = 100.0 * factor * drift;
            samples.samples.push(Sample {
                block,
                position: 1,
                twin,
                variant: None,
                cold_start_ms: 2.0 * factor * drift,
                idle_pss_kib: 1000.0 * factor,
                loaded_pss_kib: 2000.0 * factor,
                peak_rss_kib: 3000.0 * factor,
                pss_kib_per_connection: Some(1.5 * factor),
                resident_pss_kib: None,
                resident_rss_kib: None,
                entries: None,
                flushed_pss_kib: None,
                hits: Vec::new(),
                gc: None,
                timeline: None,
                capacity: Some(Capacity {
                    rps: 40_000.0 / factor,
                    connections: 64,
                    errors: 0,
                    server_busy: 0.99,
                    generator_busy: 0.6,
                    steal: 0.0,
                }),
                questions: Vec::new(),
                loads: vec![load(10_000.0, p99), load(18_000.0, 100.0 * p99)],
            });
        }
    }
    samples
}

fn plan() -> Plan {
    Plan {
        run: "2026-11-21-test".into(),
        service: "fastjson-api".into(),
        workload: "json_api".into(),
        scenario: "json-quotes".into(),
        title: "Price an order".into(),
        work: Work::Request,
        pipeline: 1,
        schedule: "poisson".into(),
        resident_state: "small".into(),
        profile: Profile::Quick,
        started: "2026-11-21T04:00:00Z".into(),
        blocks: 6,
        p99_limit_us: 10_000.0,
        condition: "GOMAXPROCS = 1".into(),
        variants: Vec::new(),
        notes: Vec::new(),
    }
}

#[test]
fn pairing_removes_what_a_block_has_in_common() {
    let summary = summarise(&plan(), &samples(6));
    let p99 = summary.metric(metric::HALF_P99).unwrap();
    assert!(p99.title.contains("GOMAXPROCS = 1"), "{}", p99.title);
    let ratio = p99.ratio.unwrap();
    assert!((ratio.estimate - 0.5).abs() < 1e-9, "{ratio:?}");
    assert!(ratio.high.unwrap() - ratio.low.unwrap() < 1e-9, "{ratio:?}");
    assert_eq!(ratio.n, 6);
    assert!((ratio.level.unwrap() - 0.96875).abs() < 1e-9);
    let rust = p99.rust.unwrap();
    assert!((rust.low - 110.0).abs() < 1e-6 && (rust.high - 160.0).abs() < 1e-6, "{rust:?}");
    assert!(summary.complete() && summary.voids.is_empty());
    // Rust's p99 stays below the limit of 10 ms at the faster rate only in no block.
    let sustained = summary.metric(metric::CAPACITY_P99).unwrap();
    assert!((sustained.rust.unwrap().value - 10_000.0).abs() < 1e-6, "{sustained:?}");
    let idle = summary.metric(metric::IDLE_PSS).unwrap();
    assert!((idle.go.unwrap().value - 2.048).abs() < 1e-9, "{idle:?}");
}

#[test]
fn five_blocks_have_a_ratio_but_no_interval() {
    let summary = summarise(&plan(), &samples(5));
    let ratio = summary.metric(metric::CPU).unwrap().ratio.unwrap();
    assert_eq!((ratio.n, ratio.low, ratio.level), (5, None, None));
    assert!(!summary.complete());
    assert!(summary.notes.iter().any(|note| note.contains("5 of 6")), "{:?}", summary.notes);
}

#[test]
fn a_half_finished_block_does_not_count() {
    let mut samples = samples(3);
    samples.samples.pop();
    assert_eq!(samples.blocks(), 2);
    assert_eq!(summarise(&plan(), &samples).blocks, 2);
    assert_eq!(summarise(&plan(), &Samples::new()).metrics, []);
}

#[test]
fn a_load_that_fails_a_gate_is_void_and_leaves_its_pair_out() {
    let mut samples = samples(7);
    samples.samples[0].loads[0].steal = 0.02;
    let summary = summarise(&plan(), &samples);
    assert_eq!(summary.metric(metric::CPU).unwrap().ratio.unwrap().n, 6);
    assert_eq!(summary.metric(metric::IDLE_PSS).unwrap().ratio.unwrap().n, 7);
    let void = summary.voids.first().unwrap();
    assert_eq!((void.block, void.twin), (1, Twin::Rust));
    assert!(void.why.contains("hypervisor took 2.0%"), "{}", void.why);
    let gate = summary.gates.iter().find(|gate| gate.id == "steal").unwrap();
    assert_eq!((gate.checked, gate.failed), (28, 1));
}

#[test]
fn a_closed_loop_counts_only_where_one_of_the_two_cores_was_full() {
    let mut samples = samples(7);
    samples.samples[0].capacity.as_mut().unwrap().server_busy = 0.7;
    let capacity =
        |samples: &Samples| summarise(&plan(), samples).metric(metric::CAPACITY).unwrap().clone();
    let disturbed = capacity(&samples);
    assert_eq!((disturbed.ratio.unwrap().n, disturbed.at_least), (6, false));
    samples.samples[0].capacity.as_mut().unwrap().generator_busy = 0.97;
    let saturated = capacity(&samples);
    assert_eq!((saturated.ratio.unwrap().n, saturated.at_least), (7, true));
}

#[test]
fn each_gate_has_its_limit() {
    let failed = |change: fn(&mut Load)| -> Vec<&'static str> {
        let mut load = load(10_000.0, 1_000.0);
        change(&mut load);
        check(&load).iter().filter(|check| !check.passed).map(|check| check.id).collect()
    };
    assert!(failed(|_| ()).is_empty());
    assert!(failed(|load| load.achieved = 9_900).is_empty());
    assert_eq!(failed(|load| load.achieved = 9_899), ["achieved"]);
    assert!(failed(|load| load.errors = 9).is_empty());
    assert_eq!(failed(|load| load.errors = 10), ["errors"]);
    assert_eq!(failed(|load| load.steal = 0.01), ["steal"]);
    // 200 µs is more than a tenth of 1 ms; of 10 ms a tenth is more.
    assert!(failed(|load| load.own_lag_p99_us = 199.0).is_empty());
    assert_eq!(failed(|load| load.own_lag_p99_us = 200.0), ["lag"]);
    let slow = |load: &mut Load| (load.latency.p99, load.own_lag_p99_us) = (10_000.0, 900.0);
    assert!(failed(slow).is_empty());
    assert_eq!(failed(|load| load.generator_busy = 0.95), ["generator"]);
}

#[test]
fn files_come_back_as_they_were_written() {
    let samples = samples(6);
    assert_eq!(Samples::parse(&samples.to_toml().unwrap()).unwrap(), samples);
    let summary = summarise(&plan(), &samples);
    let text = summary.to_toml().unwrap();
    assert_eq!(Summary::parse(&text).unwrap(), summary, "{text}");
}

#[test]
fn a_hand_broken_summary_says_what_and_where() {
    let text = summarise(&plan(), &samples(6)).to_toml().unwrap();
    let fails = |text: &str| Summary::parse(text).unwrap_err().to_string();
    let line = |needle: &str| text.lines().position(|line| line == needle).unwrap() + 1;

    let typo = fails(&text.replacen("unit =", "units =", 1));
    assert!(typo.starts_with("summary.toml:") && typo.contains("units"), "{typo}");
    let syntax = fails(&text.replacen("schema = 1", "schema = ", 1));
    assert!(syntax.starts_with("summary.toml:1:"), "{syntax}");
    let missing = fails(&text.replacen("schema = 1", "", 1));
    assert!(missing.contains("schema"), "{missing}");

    let mut broken = summarise(&plan(), &samples(6));
    let cpu = broken.metrics.iter_mut().find(|metric| metric.id == metric::CPU).unwrap();
    cpu.rust.as_mut().unwrap().low = 99.0;
    let order = fails(&broken.to_toml().unwrap());
    let at = line(&format!("id = \"{}\"", metric::CPU));
    assert!(order.starts_with(&format!("summary.toml:{at}:")), "{order}");
    assert!(order.contains("low <= value <= high"), "{order}");

    let mut twice = summarise(&plan(), &samples(6));
    let again = twice.metrics[0].clone();
    twice.metrics.push(again);
    assert!(fails(&twice.to_toml().unwrap()).contains("listed twice"));
    let endless = text.replacen("value = 20.0", "value = inf", 1);
    assert!(fails(&endless).contains("not a finite number"), "{endless}");

    let newer = text.replacen("schema = 1", "schema = 2\nshiny = true", 1);
    assert_eq!(Summary::parse(&newer), Err(ParseError::Newer { file: "summary.toml", found: 2 }));
    assert!(fails(&newer).contains("update assay"));
}

#[test]
fn six_builds_have_an_interval_and_three_have_none() {
    let build = |twin, factor: f64, builds: u32| Builds {
        twin,
        variant: None,
        binary_bytes: 1_000_000,
        clean_s: (1..=builds).map(|at| factor * (10.0 + f64::from(at * 7 % 5))).collect(),
        incremental_s: Vec::new(),
    };
    let clean = |builds: u32| {
        let mut samples = samples(6);
        samples.builds = vec![build(Twin::Rust, 2.0, builds), build(Twin::Go, 1.0, builds)];
        summarise(&plan(), &samples).metric(metric::CLEAN_BUILD).unwrap().clone()
    };
    let few = clean(3);
    assert_eq!((few.ratio.unwrap().low, few.ratio.unwrap().n), (None, 1));
    let six = clean(6).ratio.unwrap();
    assert_eq!(six.n, 6);
    assert!(six.low.unwrap() <= 2.0 && 2.0 <= six.high.unwrap(), "{six:?}");
}
