//! Exports against golden files, and against benchstat itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use assay_evidence::{Summary, export};
use support::{environment, head, metric, samples, summary};

/// The benchstat the format is checked with.
const BENCHSTAT: &str = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da";

fn small() -> Summary {
    let cpu = metric("cpu_us_per_request", "µs", [20.0, 19.5, 20.5], [40.0, 39.0, 41.0], [0.5; 3]);
    summary(&(head("json-quotes") + &cpu))
}

/// Compares with `tests/golden/NAME`; with `UPDATE_GOLDEN` set it writes the file instead.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to take it from")]
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{}", path.display());
}

#[test]
fn go_benchmark_text() {
    golden("go-bench.txt", &export::go_bench(&environment(), &samples(2, 1.0), &small()));
}

#[test]
fn bencher_metric_format() {
    golden("bencher.json", &export::bencher(&small()).unwrap());
}

#[test]
fn hyperfine_json() {
    golden("hyperfine.json", &export::hyperfine(&samples(2, 1.0), &small()).unwrap());
}

#[test]
fn what_is_void_or_half_done_is_left_out() {
    let mut samples = samples(2, 1.0);
    samples.samples[0].loads[0].steal = 0.5;
    samples.samples[1].capacity.as_mut().unwrap().errors = 1;
    let text = export::go_bench(&environment(), &samples, &small());
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("Benchmark")).collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(!lines[0].contains("p99-ns") && lines[0].contains("req/s"), "{}", lines[0]);
    assert!(lines[1].contains("p99-ns") && !lines[1].contains("req/s"), "{}", lines[1]);
    let times = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["results"][0]["times"].as_array().unwrap().len()
    };
    assert_eq!(times(&export::hyperfine(&samples, &small()).unwrap()), 1);

    // A variant has lines of its own and stays out of the twins'.
    let mut variant = samples.samples[1].clone();
    variant.variant = Some("go-again".to_owned());
    samples.samples.push(variant);
    let text = export::go_bench(&environment(), &samples, &small());
    assert_eq!(text.matches("/twin=go ").count(), 2, "{text}");
    assert_eq!(text.matches("/twin=go-again ").count(), 1, "{text}");
    assert_eq!(times(&export::hyperfine(&samples, &small()).unwrap()), 1);

    samples.samples.pop();
    samples.samples.pop();
    let text = export::go_bench(&environment(), &samples, &small());
    assert_eq!(text.lines().filter(|line| line.starts_with("Benchmark")).count(), 2, "{text}");
}

#[test]
fn benchstat_reads_it_and_shows_the_change() {
    let test = "benchstat";
    let Some(benchstat) = benchstat() else {
        return skip(test, "no Go is installed, or its module proxy cannot be reached");
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let write = |name: &str, slower: f64| {
        let path = folder.join(name);
        // Another run of another commit, as is usual.
        let mut environment = environment();
        environment.versions.commit = name.to_owned();
        let summary = Summary { run: name.to_owned(), ..small() };
        let text = export::go_bench(&environment, &samples(10, slower), &summary);
        fs::write(&path, text).unwrap();
        path
    };
    let (a, b) = (write("before.txt", 1.0), write("after.txt", 1.5));
    let table = |arguments: &[&str], files: &[&PathBuf]| {
        let output = Command::new(&benchstat).args(arguments).args(files).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let twins = table(&["-col", "/twin", "-filter", ".unit:(cpu-sec/op OR req/s)"], &[&a]);
    assert!(twins.contains("+100.00% (p=0.000"), "Go costs twice the CPU:\n{twins}");
    assert!(twins.contains("-50.00% (p=0.000"), "Go serves half as many:\n{twins}");
    let runs = table(&["-filter", ".unit:cpu-sec/op"], &[&a, &b]);
    assert_eq!(runs.matches("+50.00% (p=0.000").count(), 2, "both twins became slower:\n{runs}");
}

/// Builds benchstat into the target folder, once.
fn benchstat() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let built = Command::new("go")
        .args(["install", BENCHSTAT])
        .env("GOBIN", &folder)
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()?;
    built.status.success().then(|| folder.join("benchstat"))
}

/// Says why a test proves nothing here; with `ASSAY_REQUIRE=all` that is a failure.
fn skip(test: &str, why: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to take it from")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "{test} is required, but {why}");
    eprintln!("skipped: {test} because {why}");
}
