//! Runs against services over HTTP: what is kept, what is void, what is named.

use super::*;

pub(super) fn a_finished_run_can_be_read_back(scratch: &Path) {
    let outcome = measured(scratch, ["good", "good"], |_| false).unwrap();
    assert!(!outcome.interrupted);
    assert_eq!(outcome.folder.file_name().unwrap(), "2026-11-21-test-host-stand-in");
    let run = read_back(&outcome.folder);
    assert_eq!(run.summary, outcome.summary);
    assert_eq!(run.summary.blocks, 3);
    // On a busy machine loads may be void; these figures never are.
    for id in [metric::COLD_START, metric::IDLE_PSS, metric::BINARY] {
        let figures = run.summary.metric(id).map(|metric| (metric.rust, metric.go));
        assert!(matches!(figures, Some((Some(_), Some(_)))), "{id}: {figures:?}");
    }
    let order: Vec<Twin> = run.samples.samples.iter().map(|sample| sample.twin).collect();
    assert_eq!(order, [Twin::Rust, Twin::Go, Twin::Go, Twin::Rust, Twin::Rust, Twin::Go]);
    let offered = |at: usize| run.samples.samples[at].loads[0].offered;
    assert_eq!(offered(0), offered(1), "both twins of a block get the same schedule");
    let log = fs::read_to_string(outcome.folder.join("histograms.hlog")).unwrap();
    assert!(log.lines().any(|line| line.starts_with("Tag=rust.1.")), "{log:.200}");
    let left = fs::read_dir(&outcome.folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["environment.toml", "histograms.hlog", "samples.toml", "summary.toml"]);
    // A second run of the day gets a folder of its own.
    let again = measured(scratch, ["good", "good"], |text| text.starts_with("block 2"));
    assert_eq!(again.unwrap().folder.file_name().unwrap(), "2026-11-21-test-host-stand-in-2");
}

pub(super) fn an_interrupted_run(scratch: &Path) {
    let outcome = measured(scratch, ["good", "good"], |text| text.starts_with("block 3")).unwrap();
    assert!(outcome.interrupted);
    assert_eq!((outcome.summary.blocks, outcome.summary.blocks_planned), (2, 3));
    let run = read_back(&outcome.folder);
    assert_eq!((run.summary, run.samples.blocks()), (outcome.summary, 2));
}

pub(super) fn stopped_at_once(scratch: &Path) {
    let error = measured(scratch, ["good", "good"], |text| text.starts_with("block 1"));
    assert!(error.unwrap_err().to_string().contains("interrupted"));
    assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
}

pub(super) fn a_service_that_dies(scratch: &Path) {
    let error = measured(scratch, ["good", "dies"], |text| {
        if text.starts_with("block 2") {
            fs::write(scratch.join("die"), "").unwrap();
        }
        false
    });
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("finished blocks (1) are kept"), "{error}");
    assert!(error.contains("the go twin") && error.contains("out of cheese"), "{error}");
    let text = fs::read_to_string(scratch.join("runs/2026-11-21-test-host-stand-in/summary.toml"));
    assert_eq!(Summary::parse(&text.unwrap()).unwrap().blocks, 1);
}

pub(super) fn different_twins(scratch: &Path) {
    let error = measured(scratch, ["good", "other"], |_| false).unwrap_err().to_string();
    assert!(error.contains("answer differently"), "{error}");
    assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
}

pub(super) fn variants_in_every_block(scratch: &Path) {
    let scenario = format!("{SCENARIO}{VARIANTS}");
    let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |_| false).unwrap();
    let run = read_back(&outcome.folder);
    assert_eq!(run.summary.blocks, 3);
    let order = |block: u32| -> Vec<String> {
        let mut samples: Vec<_> =
            run.samples.samples.iter().filter(|sample| sample.block == block).collect();
        samples.sort_by_key(|sample| sample.position);
        let name = |sample: &&assay_evidence::Sample| {
            sample.variant.clone().unwrap_or_else(|| sample.twin.to_string())
        };
        samples.iter().map(name).collect()
    };
    assert_eq!(order(1), ["rust", "go", "go-other", "rust-again"]);
    assert_eq!(order(2), ["rust-again", "go-other", "go", "rust"]);
    assert_ne!(order(3), order(1));
    let again = run.summary.variant("rust-again").unwrap();
    assert!(again.metric(metric::COLD_START).is_some_and(|metric| metric.ratio.is_some()));
    assert!(again.metric(metric::PSS_PER_CONNECTION).is_none(), "only twins are weighed");
    assert!(run.summary.noise_factor(metric::COLD_START).is_some_and(|noise| noise >= 1.0));
    let whose = |twin: Twin, variant: Option<&str>| {
        let found = run
            .summary
            .timelines
            .iter()
            .filter(|timeline| timeline.twin == twin && timeline.variant.as_deref() == variant);
        found.count()
    };
    assert_eq!(run.summary.timelines.len(), 4);
    assert_eq!((whose(Twin::Go, Some("go-other")), whose(Twin::Rust, None)), (1, 1));
    // Settings reach the process: the stand-in notes what it was given.
    let given = fs::read_to_string(scratch.join("given")).unwrap();
    assert!(given.lines().any(|line| line == "seen --threads 1 --more"), "{given}");
    assert!(given.lines().any(|line| line == " --threads 1"), "{given}");
    let log = fs::read_to_string(outcome.folder.join("histograms.hlog")).unwrap();
    assert!(log.lines().any(|line| line.starts_with("Tag=go-other.1.")), "{log:.200}");
}

const FLOOR: &str = r#"
    [[variant]]
    id = "floor"
    language = "rust"
    kind = "floor"
    label = "A floor"
    why = "what the kernel costs"
    build = { package = "floor" }
"#;

pub(super) fn a_different_variant(scratch: &Path) {
    let scenario = format!("{SCENARIO}{FLOOR}");
    let error = measured_as(scratch, &scenario, ["good", "good"], &[("floor", "other")], |_| false);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the variant floor answer differently"), "{error}");
    let outcome =
        measured_as(scratch, &scenario, ["good", "good"], &[("floor", "good")], |_| false);
    assert_eq!(outcome.unwrap().summary.blocks, 3);
}

pub(super) fn an_interrupted_run_with_variants(scratch: &Path) {
    let scenario = format!("{SCENARIO}{VARIANTS}");
    let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |text| {
        text == "block 2 of 3: rust-again"
    });
    let outcome = outcome.unwrap();
    assert!(outcome.interrupted);
    let run = read_back(&outcome.folder);
    assert_eq!((run.summary.blocks, run.samples.samples.len()), (1, 4));
    assert!(run.summary.notes.iter().any(|note| note.contains("1 of 3")));
}

pub(super) fn a_service_that_lags(scratch: &Path) {
    let outcome = measured(scratch, ["good", "lags"], |text| {
        if text.starts_with("block 2") {
            fs::write(scratch.join("lag"), "").unwrap();
        }
        false
    });
    let summary = read_back(&outcome.unwrap().folder).summary;
    assert_eq!(summary.blocks, 3);
    let void = summary.voids.iter().find(|void| void.block == 2 && void.twin == Twin::Go);
    let why = &void.expect("a lagging load is void").why;
    assert!(why.contains("of the schedule was answered within it"), "{why}");
    // Its figures are kept, though they do not count. Which twin is faster, and so has a rate
    // of its own, is up to the machine.
    let kept = summary.sweep.iter().filter_map(|point| point.go.as_ref());
    assert!(kept.clone().count() >= 2 && kept.clone().all(|figures| figures.blocks > 0));
}

pub(super) fn a_service_that_never_listens(scratch: &Path) {
    let error = format!("{:#}", measured(scratch, ["good", "mute"], |_| false).unwrap_err());
    assert!(error.contains("the go twin") && error.contains("listening on ADDR"), "{error}");
    assert!(error.contains("still thinking"), "{error}");
    let error = format!("{:#}", measured(scratch, ["babbles", "good"], |_| false).unwrap_err());
    assert!(error.contains("the rust twin") && error.contains("\"hello there\""), "{error}");
    assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
}

pub(super) fn resident_state(scratch: &Path) {
    let preload = r#"
        [preload]
        method = "PUT"
        path = "/documents/{n}"
        text = "hello"
        count = 2500
    "#;
    let scenario = format!("{SCENARIO}{preload}");
    let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |_| false).unwrap();
    let resident = outcome.summary.metric(metric::RESIDENT_PSS).unwrap();
    assert!(resident.rust.is_some() && resident.go.is_some());
    let refusing = format!("{SCENARIO}{}", preload.replace("count", "expect = 201\ncount"));
    let error = measured_as(scratch, &refusing, ["good", "good"], &[], |_| false).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("building the resident state, 0 of 2500"), "{error}");
    assert!(error.contains("answered with status 200"), "{error}");
}

pub(super) fn the_collectors_trace(scratch: &Path) {
    let scenario = SCENARIO.replace("seed = 1", "seed = 1\ngc_trace = true");
    let outcome = measured_as(scratch, &scenario, ["good", "collects"], &[], |_| false).unwrap();
    let run = read_back(&outcome.folder);
    let go = run.samples.samples.iter().filter(|sample| sample.twin == Twin::Go);
    for sample in go {
        let gc = sample.gc.as_ref().unwrap();
        // One every 20 ms for 0.3 s, on a machine that may be busy.
        assert!((5..=20).contains(&gc.cycles), "{gc:?}");
        assert_eq!(gc.pause_us_max, Some(300.0));
    }
    assert!(run.samples.samples.iter().all(|s| s.twin == Twin::Go || s.gc.is_none()));
    let timeline = run.summary.timelines.iter().find(|line| line.twin == Twin::Go).unwrap();
    let within = timeline.collections.iter().all(|one| (0.0..=300.0).contains(&one.start_ms));
    assert!(within && timeline.collections.len() >= 5, "{timeline:?}");
}

pub(super) fn a_load_by_itself(scratch: &Path) {
    let mut service = std::process::Command::new(stand_in(scratch, "good"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = service.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let options = LoadOptions {
        addr: line.trim().strip_prefix("listening on ").unwrap().parse().unwrap(),
        request: encode("POST", "/", &[("Content-Type", "text/plain")], Some(b"hello")),
        expect: 200,
        schedule: Schedule::Constant,
        seed: 0,
        rate_rps: 500.0,
        seconds: 0.4,
        connections: 8,
        core: None,
    };
    let seen = load(&options, &AtomicBool::new(false));
    let refused = load(&LoadOptions { expect: 201, ..options }, &AtomicBool::new(false));
    service.kill().unwrap();
    service.wait().unwrap();
    let seen = seen.unwrap();
    assert_eq!((seen.offered, seen.completed, seen.errors), (200, 200, 0));
    assert!(seen.latency.p50 > 0.0 && seen.latency.p50 <= seen.latency.p99);
    assert_eq!(refused.unwrap().errors, 200);
}
