//! The claims' file format, and verdicts at the edges of their rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use assay_evidence::{
    Claim, Departure, Environment, Evidence, Outcome, ParseError, Summary, Verdict, builtin_claims,
    judge, metric, parse_claims,
};
use support::{environment, head, metric, summary};

const RATIO: &str = r#"schema = 1
[[claim]]
id = "twice"
statement = "Rust serves 2 to 3 times as many."
kind = "ratio"
metric = "capacity_rps"
service = "fastjson-api"
scenario = "json-quotes"
region = { from = 2.0, to = 3.0 }
margin = 0.05
reading = "As it says."
changes = "Much."
"#;

const ABSOLUTE: &str = r#"schema = 1
[[claim]]
id = "tail"
statement = "Go's p95 breaks 10 ms."
kind = "absolute"
of = "go"
metric = "half_load_p95_us"
unit = "µs"
service = "fastjson-api"
scenario = "json-quotes"
region = { from = 10000.0 }
margin = 0.05
reading = "As it says."
conditions = { cores_min = 2, text = "two cores" }
changes = "Much."
"#;

fn claim(text: &str) -> Claim {
    parse_claims("claims/test.toml", text).unwrap().remove(0)
}

fn verdict_of(claim: &Claim, text: &str) -> Verdict {
    let (summary, environment) = (summary(text), environment());
    judge(claim, &[Evidence { summary: &summary, environment: &environment }])
}

/// The verdict on the ratio claim, perhaps with another region, for a ratio's interval.
fn ratio(region: &str, estimate: f64, low: f64, high: f64) -> Verdict {
    let claim = claim(&RATIO.replace("{ from = 2.0, to = 3.0 }", region));
    let any = [1.0, 0.9, 1.1];
    let figures = metric("capacity_rps", "requests/s", any, any, [estimate, low, high]);
    verdict_of(&claim, &(head("json-quotes") + &figures))
}

const TWO_TO_THREE: &str = "{ from = 2.0, to = 3.0 }";
const HALF_LESS: &str = "{ from = 0.3, to = 0.5 }";

#[test]
fn supported_needs_the_whole_interval_in_the_widened_region() {
    // 2/1.05 = 1.90476…, 3·1.05 = 3.15.
    assert_eq!(ratio(TWO_TO_THREE, 2.4, 1.905, 3.15).outcome, Outcome::Supported);
    assert_eq!(ratio(TWO_TO_THREE, 2.4, 1.904, 3.0).outcome, Outcome::Inconclusive);
    assert_eq!(ratio(TWO_TO_THREE, 2.4, 2.0, 3.151).outcome, Outcome::Inconclusive);
    assert_eq!(ratio("{ from = 2.0 }", 9.0, 2.0, 99.0).outcome, Outcome::Supported);
    assert_eq!(ratio("{ to = 0.5 }", 0.4, 0.01, 0.525).outcome, Outcome::Supported);
}

#[test]
fn contradicted_says_smaller_larger_or_reversed() {
    let how = |region, low: f64, high: f64| {
        let verdict = ratio(region, (low * high).sqrt(), low, high);
        assert_eq!(verdict.outcome == Outcome::Contradicted, verdict.how.is_some());
        verdict.how
    };
    assert_eq!(how(TWO_TO_THREE, 1.5, 1.904), Some(Departure::Smaller));
    assert_eq!(how(TWO_TO_THREE, 1.5, 1.905), None);
    assert_eq!(how(TWO_TO_THREE, 3.151, 3.5), Some(Departure::Larger));
    assert_eq!(how(TWO_TO_THREE, 3.15, 3.5), None);
    assert_eq!(how(TWO_TO_THREE, 0.7, 0.99), Some(Departure::Reversed));
    assert_eq!(how(TWO_TO_THREE, 0.7, 1.01), Some(Departure::Smaller));
    // Less than claimed of a saving is a ratio nearer to 1.
    assert_eq!(how(HALF_LESS, 0.2, 0.2857), Some(Departure::Larger));
    assert_eq!(how(HALF_LESS, 0.526, 0.7), Some(Departure::Smaller));
    assert_eq!(how(HALF_LESS, 1.01, 1.2), Some(Departure::Reversed));
    let reason = ratio(HALF_LESS, 0.27, 0.26, 0.28).reason;
    assert!(reason.contains("larger than claimed") && reason.contains("below"), "{reason}");
}

#[test]
fn swapping_the_twins_inverts_the_verdict() {
    for (low, high) in [(1.5, 1.8), (1.95, 2.2), (3.2, 3.3), (0.5, 0.9), (2.1, 2.9), (0.9, 4.0)] {
        let value: f64 = f64::sqrt(low * high);
        let there = ratio(TWO_TO_THREE, value, low, high);
        let region = format!("{{ from = {:?}, to = {:?} }}", 1.0 / 3.0, 1.0 / 2.0);
        let back = ratio(&region, 1.0 / value, 1.0 / high, 1.0 / low);
        assert_eq!((there.outcome, there.how), (back.outcome, back.how), "{low} {high}");
        assert_eq!(there.needed_n, back.needed_n, "{low} {high}");
    }
}

#[test]
fn an_inconclusive_verdict_says_what_would_settle_it() {
    let verdict = ratio(TWO_TO_THREE, 2.0, 1.88, 2.13);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let needed = verdict.needed_n.unwrap();
    assert!((11..40).contains(&needed), "{needed}");
    assert!(verdict.reason.contains(&format!("{needed} blocks instead of 10")), "{verdict:?}");
    assert!(verdict.reason.contains("1.9×"), "{}", verdict.reason);
    let nearer = ratio(TWO_TO_THREE, 1.95, 1.83, 2.08).needed_n.unwrap();
    assert!(nearer > needed, "the nearer to the end, the more blocks: {nearer}");
    let on_it = ratio(TWO_TO_THREE, 2.0 / 1.05, 1.8, 2.0);
    assert!(on_it.reason.contains("no practical number"), "{}", on_it.reason);
}

#[test]
fn uneven_blocks_get_no_number_that_would_settle_it() {
    let wide = ratio(TWO_TO_THREE, 1.9, 0.6, 6.0);
    assert_eq!((wide.outcome, wide.needed_n), (Outcome::Inconclusive, None));
    assert!(wide.reason.contains("more of them alone may not settle it"), "{}", wide.reason);
    let skewed = ratio(TWO_TO_THREE, 2.0, 1.88, 2.4);
    assert_eq!((skewed.outcome, skewed.needed_n), (Outcome::Inconclusive, None));
    assert!(skewed.reason.contains("unevenly around the estimate"), "{}", skewed.reason);
}

#[test]
fn an_absolute_figure_names_its_machine() {
    let tail = |figure: [f64; 3]| {
        let text = metric("half_load_p95_us", "µs", [1.0; 3], figure, [1.0; 3]);
        verdict_of(&claim(ABSOLUTE), &(head("json-quotes") + &text))
    };
    let kept = tail([1_400.0, 1_200.0, 1_600.0]);
    assert_eq!((kept.outcome, kept.how), (Outcome::Contradicted, Some(Departure::Smaller)));
    assert!(kept.reason.ends_with("On Test CPU, 2 cores."), "{}", kept.reason);
    assert!(kept.reason.contains("1,200") || kept.reason.contains("1200"), "{}", kept.reason);
    assert_eq!(tail([12_000.0, 9_524.0, 15_000.0]).outcome, Outcome::Supported);
    assert_eq!(tail([12_000.0, 9_523.0, 15_000.0]).outcome, Outcome::Inconclusive);
}

#[test]
fn too_little_hardware_is_no_evidence() {
    let claim = claim(&ABSOLUTE.replace("cores_min = 2", "cores_min = 8"));
    let text = metric("half_load_p95_us", "µs", [1.0; 3], [5.0; 3], [1.0; 3]);
    let verdict = verdict_of(&claim, &(head("json-quotes") + &text));
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(verdict.reason.starts_with("Needs other hardware"), "{}", verdict.reason);
    assert!(verdict.reason.contains("2 cores"), "{}", verdict.reason);
}

#[test]
fn what_cannot_be_judged_says_why() {
    let any = [1.0, 0.9, 1.1];
    let capacity = metric("capacity_rps", "requests/s", any, any, [2.4, 2.3, 2.5]);
    let inconclusive = |text: &str, part: &str| {
        let verdict = verdict_of(&claim(RATIO), text);
        assert_eq!(verdict.outcome, Outcome::Inconclusive, "{verdict:?}");
        assert!(verdict.reason.contains(part), "{part:?} in {}", verdict.reason);
        verdict
    };
    inconclusive(&head("json-quotes"), "no figure of capacity_rps");
    let void =
        "[[void]]\nblock = 1\ntwin = \"go\"\nrate_rps = 1.0\nwhy = \"the hypervisor took 9%\"\n";
    inconclusive(&(head("json-quotes") + void), "because the hypervisor took 9%");
    inconclusive(
        &(head("json-quotes") + &capacity.replace("better =", "at_least = true\nbetter =")),
        "lower bounds",
    );
    let single = capacity.replace(", low = 2.3, high = 2.5, level = 0.951, n = 10", ", n = 1");
    let verdict = inconclusive(&(head("json-quotes") + &single), "1 block, too few");
    assert_eq!(verdict.needed_n, Some(6));

    let builds = metric("half_load_p95_us", "ms", any, any, any);
    let verdict = verdict_of(&claim(ABSOLUTE), &(head("json-quotes") + &builds));
    assert!(verdict.reason.contains("in ms, the claim in µs"), "{}", verdict.reason);
    let builds = metric("half_load_p95_us", "µs", any, any, any).replace("n = 10", "n = 3");
    let verdict = verdict_of(&claim(ABSOLUTE), &(head("json-quotes") + &builds));
    assert_eq!((verdict.outcome, verdict.needed_n), (Outcome::Inconclusive, Some(6)));
}

#[test]
fn the_size_of_a_file_needs_no_interval() {
    let text = ABSOLUTE.replace("half_load_p95_us", metric::BINARY).replace("µs", "MB");
    let claim = claim(&text.replace("{ from = 10000.0 }", "{ to = 10.0 }"));
    let size =
        metric(metric::BINARY, "MB", [1.0; 3], [6.0; 3], [1.0; 3]).replace("n = 10", "n = 1");
    assert_eq!(verdict_of(&claim, &(head("json-quotes") + &size)).outcome, Outcome::Supported);
}

#[test]
fn only_the_newest_complete_publish_run_of_the_scenario_counts() {
    let run = |name: &str, started: &str, ratio: f64| {
        let any = [1.0, 0.9, 1.1];
        let figures = metric("capacity_rps", "requests/s", any, any, [ratio, ratio, ratio]);
        head("json-quotes")
            .replace("2026-11-21-json-quotes", name)
            .replace("2026-11-21T04:00:00Z", started)
            + &figures
    };
    let verdict = |runs: &[String]| {
        let runs: Vec<Summary> = runs.iter().map(|text| summary(text)).collect();
        let environment: Environment = environment();
        let evidence: Vec<_> =
            runs.iter().map(|summary| Evidence { summary, environment: &environment }).collect();
        judge(&claim(RATIO), &evidence)
    };
    let old = run("old", "2026-11-20T00:00:00Z", 1.2);
    let new = run("new", "2026-11-21T00:00:00Z", 2.5);
    let both = verdict(&[new.clone(), old.clone()]);
    assert_eq!((both.outcome, both.run.as_deref()), (Outcome::Supported, Some("new")));
    assert_eq!(verdict(&[old.clone(), new.clone()]), both, "their order does not matter");

    let quick = new.replace("\"publish\"", "\"quick\"");
    let cut = new.replace("blocks = 10\np99", "blocks = 9\np99");
    for partial in [&quick, &cut] {
        let alone = verdict(std::slice::from_ref(partial));
        assert_eq!(alone.outcome, Outcome::NotMeasured);
        assert!(alone.reason.contains("quick or interrupted"), "{}", alone.reason);
        let beside = verdict(&[partial.clone(), old.clone()]);
        assert_eq!(beside.run.as_deref(), Some("old"));
    }
    let other = new.replace("scenario = \"json-quotes\"", "scenario = \"json-documents\"");
    assert!(verdict(&[other]).reason.contains("The scenario json-quotes"));
    let nothing = verdict(&[]);
    assert_eq!(nothing.outcome, Outcome::NotMeasured);
    assert!(nothing.reason.contains("The service fastjson-api"), "{}", nothing.reason);
}

#[test]
fn a_broken_claim_says_what_and_where() {
    let fails = |text: &str| parse_claims("claims/test.toml", text).unwrap_err().to_string();
    let says = |text: &str, place: &str, part: &str| {
        let message = fails(text);
        assert!(message.starts_with(&format!("claims/test.toml:{place}:")), "{message}");
        assert!(message.contains(part), "{part:?} in {message}");
    };
    says(&RATIO.replace("margin = 0.05", "margin = 2.0"), "3", "allowed is 0 to 0.5");
    says(&RATIO.replace("margin =", "slack ="), "10", "slack");
    says(&RATIO.replace("{ from = 2.0, to = 3.0 }", "{}"), "3", "open on both ends");
    says(&RATIO.replace("from = 2.0", "from = 4.0"), "3", "backwards");
    says(&RATIO.replace("from = 2.0", "from = 0.0"), "3", "positive");
    says(&RATIO.replace("from = 2.0", "least = 2.0"), "9", "least");
    says(&RATIO.replace("\"ratio\"", "\"share\""), "5", "share");
    says(&RATIO.replace("json-quotes", "JSON quotes"), "3", "scenario is");
    says(&RATIO.replace("\"Much.\"", "\" \""), "3", "changes is empty");
    says(&RATIO.replace("kind =", "unit = \"µs\"\nkind ="), "3", "a ratio is Rust ÷ Go");
    says(&ABSOLUTE.replace("of = \"go\"\n", ""), "3", "it needs `of`");
    let twice = RATIO.to_owned() + RATIO.split_once('\n').unwrap().1;
    says(&twice, "14", "listed twice");
    let newer = RATIO.replace("schema = 1", "schema = 9");
    assert!(matches!(
        parse_claims("claims/test.toml", &newer),
        Err(ParseError::Newer { found: 9, .. })
    ));
}

#[test]
fn the_built_in_claims_are_whole() {
    let claims = builtin_claims().unwrap();
    for part in [
        "json-throughput",
        "json-memory",
        "cpu-bound",
        "gc-tail",
        "gc-tail-resident",
        "gc-cpu",
        "cache-throughput",
        "cache-latency",
        "cache-memory",
        "go-connections",
        "go-rebuild",
        "rust-slow-ci",
        "go-small-binary",
        "go-cold-start",
    ] {
        assert!(claims.iter().any(|claim| claim.id == part), "{part}");
    }
    // The literature's words fix these; a result must never move them.
    let region = |id: &str| {
        let claim = claims.iter().find(|claim| claim.id == id).unwrap();
        (claim.region.from, claim.region.to, claim.margin)
    };
    assert_eq!(region("json-throughput"), (Some(2.0), Some(3.0), 0.05));
    assert_eq!(region("json-memory"), (Some(0.3), Some(0.5), 0.05));
    assert_eq!(region("cpu-bound"), (Some(0.6), Some(0.8), 0.05));
    assert_eq!(region("gc-tail"), (Some(10_000.0), None, 0.05));
    for claim in &claims {
        assert_eq!(judge(claim, &[]).outcome, Outcome::NotMeasured, "{}", claim.id);
    }
}
