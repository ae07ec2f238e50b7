//! A cache: filled, loaded in pipelines, traced and emptied.

use super::*;

const CACHE: &str = r#"
    schema = 1
    id = "stand-in"
    title = "A stand-in"
    service = "stand-in"
    workload = "cache"
    protocol = "resp"
    resident_state = "small"
    seed = 1
    p99_limit_ms = 1000.0
    command = [
        { command = ["GET", "{key}"], expect = "value", share = 3 },
        { command = ["SET", "{key}", "{value}"], expect = "ok" },
    ]
    data = { keys = 1_000, key_bytes = 16, value_bytes = 64, draw = { zipf = 0.9 }, flush_s = 0.1 }
    trace = [{ id = "loop", keys = 100, reads = 1_000 }]
    load = { connections = 4, capacity_connections = 4, pipeline = 8, half = 0.05 }
    quick = { blocks = 2, warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2 }
    publish = { blocks = 10, warm_up_s = 1.0, half_s = 1.0, sweep_s = 1.0, capacity_s = 1.0 }
    [[variant]]
    id = "elsewhere"
    kind = "other"
    label = "A program of others"
    why = "to stand beside"
    program = { binary = "elsewhere", from = "nowhere", version = [], protocol = "resp", args = ["--listen", "127.0.0.1:{port}"] }
"#;

/// A cache and one that may lie, beside a program of others.
pub(super) fn measured_cache(
    scratch: &Path,
    scenario: &str,
    go: &str,
    watch: impl Fn(&str) -> bool + Send,
) -> Result<Run> {
    let others = [("elsewhere", "cache")];
    let outcome = measured_as(scratch, scenario, ["cache", go], &others, watch)?;
    Ok(read_back(&outcome.folder))
}

pub(super) fn a_cache(scratch: &Path) {
    let Run { samples, summary, .. } = measured_cache(scratch, CACHE, "cache", |_| false).unwrap();
    assert_eq!((summary.work, summary.pipeline, samples.samples.len()), (Work::Command, 8, 6));
    for sample in &samples.samples {
        let load = &sample.loads[0];
        assert_eq!((load.errors, load.offered % 8), (0, 0), "counts are of commands");
        assert_eq!(load.completed, load.offered);
        // 1,000 keys of 100 bytes and what a process of one core needs to answer 8 at a time.
        assert_eq!(sample.entries, Some(1_000));
        assert!(sample.resident_rss_kib.unwrap() >= sample.resident_pss_kib.unwrap());
        assert!(sample.flushed_pss_kib.is_some());
        // Nothing is ever dropped: only the first round of the loop misses.
        let [hits] = sample.hits.as_slice() else { panic!("{:?}", sample.hits) };
        assert_eq!((hits.reads, hits.hits), (1_000, 900));
    }
    let other = summary.variant("elsewhere").unwrap();
    let memory = other.metric(metric::RSS_PER_ENTRY).unwrap();
    assert!(memory.ratio.is_none() && memory.rust_over.is_some() && memory.go_over.is_some());
    let cpu = summary.metric(metric::CPU).map(|cpu| cpu.title.clone());
    // On a busy machine the half loads may be void.
    assert!(cpu.is_none_or(|title| title == "CPU time per command, pipelines of 8"));
    assert!(summary.metric(metric::HITS_LOOP).is_some_and(|hits| hits.rust.is_some()));
    let given = fs::read_to_string(scratch.join("given")).unwrap();
    assert!(given.lines().any(|line| line.trim().is_empty()), "its own arguments: {given}");
}

pub(super) fn a_cache_that_lies(scratch: &Path) {
    let trace = r#"trace = [{ id = "loop", keys = 100, reads = 1_000 }]"#;
    assert!(CACHE.contains(trace));
    let untraced = CACHE.replace(trace, "");
    let run = measured_cache(scratch, &untraced, "lying-cache", |text| {
        if text.starts_with("block 1") {
            fs::write(scratch.join("lie"), "").unwrap();
        }
        false
    });
    let run = run.unwrap();
    let go = run.samples.samples.iter().filter(|sample| sample.twin == Twin::Go);
    for load in go.flat_map(|sample| &sample.loads) {
        // Three of four commands read, and every tenth read is wrong.
        let share = load.errors as f64 / load.offered as f64;
        assert!((0.05..0.1).contains(&share), "{share}");
        assert_eq!(load.errors + load.completed, load.offered);
    }
    let why = run.summary.voids.iter().find(|void| void.twin == Twin::Go);
    assert!(why.is_some_and(|void| void.why.contains("of the requests failed")));
    assert!(run.summary.metric(metric::CPU).is_none_or(|cpu| cpu.go.is_none()));
    // What is tried before anything is timed must hold, or nothing is measured.
    let error = measured_cache(scratch, CACHE, "lying-cache", |_| false);
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("the go twin") && error.contains("with the value"), "{error}");
}

pub(super) fn broken_caches(_: &Path) {
    let fails = |from: &str, to: &str, says: &str| {
        let error = format!("{:#}", Scenario::parse(&CACHE.replace(from, to)).unwrap_err());
        assert!(error.contains(says), "{says:?} is not in: {error}");
    };
    fails("protocol = \"resp\"\n    resident", "resident", "[data] needs protocol");
    fails("pipeline = 8", "pipeline = 0", "load.pipeline is 0, but must be 1 to 1000");
    fails("key_bytes = 16", "key_bytes = 8", "must be 14 to 250");
    fails("value_bytes = 64", "value_bytes = 8", "a value begins with its key");
    fails("zipf = 0.9", "zipf = 9", "exponent is 9");
    fails("expect = \"ok\"", "expect = \"fine\"", "value_or_nothing");
    fails("kind = \"other\"", "kind = \"again\"", "kind other has a program");
    fails("127.0.0.1:{port}", "127.0.0.1:80", "must say {port} somewhere");
    fails("id = \"loop\"", "id = \"scan\"", "scan_every and scan_keys");
    fails("\"GET\", \"{key}\"", "\"GET x\"", "printable ASCII without spaces");
}
