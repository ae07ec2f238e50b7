//! Two runs side by side.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use assay_evidence::compare::{Comparable, Comparison, compare};
use assay_evidence::stats::Equivalence;
use assay_evidence::{Environment, Evidence};
use support::{ENVIRONMENT, head, metric, summary};

fn run(name: &str, rust: [f64; 3], ratio: [f64; 3]) -> String {
    let head = head("json-quotes").replace("2026-11-21-json-quotes", name);
    head + &metric("cpu_us_per_request", "µs", rust, [40.0, 38.0, 42.0], ratio)
}

fn compared(a: (&str, &str), b: (&str, &str)) -> Comparison {
    let (one, two) = (summary(a.0), summary(b.0));
    let (here, there) = (Environment::parse(a.1).unwrap(), Environment::parse(b.1).unwrap());
    compare(
        Evidence { summary: &one, environment: &here },
        Evidence { summary: &two, environment: &there },
    )
}

#[test]
fn a_change_has_the_worst_of_both_intervals() {
    let a = run("a", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let b = run("b", [10.0, 9.5, 10.5], [0.5, 0.49, 0.51]);
    let comparison = compared((&a, ENVIRONMENT), (&b, ENVIRONMENT));
    assert_eq!(comparison.comparable, Comparable::All);
    assert!(comparison.differences.is_empty() && comparison.unmatched.is_empty());
    let row = &comparison.metrics[0];
    let rust = row.rust.unwrap();
    assert!((rust.change - 0.5).abs() < 1e-12);
    assert!((rust.low.unwrap() - 9.5 / 21.0).abs() < 1e-12);
    assert!((rust.high.unwrap() - 10.5 / 19.0).abs() < 1e-12);
    assert_eq!(rust.says, Some(Equivalence::Different));
    assert_eq!(row.go.unwrap().says, Some(Equivalence::Undecided));
    assert!((row.ratio.unwrap().change - 1.0).abs() < 1e-12);

    let itself = compared((&a, ENVIRONMENT), (&a, ENVIRONMENT));
    assert!(itself.cautions[0].contains("one run beside itself"), "{:?}", itself.cautions);
    assert!(comparison.cautions.is_empty(), "{:?}", comparison.cautions);
    let same = itself.metrics[0].rust.unwrap();
    assert_eq!((same.low, same.change, same.high), (Some(1.0), 1.0, Some(1.0)));
    assert_eq!(same.says, Some(Equivalence::Equivalent), "a run does not differ from itself");
    let back = compared((&b, ENVIRONMENT), (&a, ENVIRONMENT)).metrics[0].rust.unwrap();
    assert!((back.change * rust.change - 1.0).abs() < 1e-12, "the other way is the inverse");
    assert!((back.low.unwrap() * rust.high.unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn too_few_blocks_give_a_change_without_an_interval() {
    let a = run("a", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let few = a
        .replace("\"a\"", "\"few\"")
        .replace(", low = 0.48, high = 0.52, level = 0.951, n = 10", ", n = 5");
    let row = &compared((&a, ENVIRONMENT), (&few, ENVIRONMENT)).metrics[0];
    let (rust, ratio) = (row.rust.unwrap(), row.ratio.unwrap());
    assert_eq!((rust.low, rust.says, ratio.low, ratio.says), (None, None, None, None));
}

#[test]
fn what_differs_around_the_runs_comes_first() {
    let a = run("a", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let b = run("b", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let tuned = ENVIRONMENT.replace("gogc = \"\"", "gogc = \"off\"").replace("1.95.0", "1.96.0");
    let comparison = compared((&a, ENVIRONMENT), (&b, &tuned));
    let differences: Vec<_> =
        comparison.differences.iter().map(|d| (d.what, d.a.as_str(), d.b.as_str())).collect();
    assert_eq!(differences, [("Rust", "rustc 1.95.0", "rustc 1.96.0"), ("GOGC", "unset", "off")]);
    assert_eq!(comparison.comparable, Comparable::All);

    let elsewhere = ENVIRONMENT.replace("Test CPU", "Other CPU");
    let comparison = compared((&a, ENVIRONMENT), (&b, &elsewhere));
    assert_eq!(comparison.comparable, Comparable::RatiosOnly);
    assert!(comparison.cautions[0].contains("machines differ"), "{:?}", comparison.cautions);
    let row = &comparison.metrics[0];
    assert!(row.rust.is_none() && row.go.is_none() && row.ratio.is_some());
}

#[test]
fn runs_of_different_things_are_not_compared() {
    let a = run("a", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let other = a.replace("scenario = \"json-quotes\"", "scenario = \"json-documents\"");
    let comparison = compared((&a, ENVIRONMENT), (&other, ENVIRONMENT));
    assert_eq!(comparison.comparable, Comparable::Nothing);
    assert!(comparison.metrics.is_empty());
    let caution = &comparison.cautions[0];
    assert!(caution.contains("json-documents") && caution.contains("cannot"), "{caution}");
}

#[test]
fn a_metric_of_one_run_alone_is_named() {
    let a = run("a", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let b = a.replace("\"µs\"", "\"ms\"").replace("\"a\"", "\"b\"")
        + &metric("binary_mb", "MB", [1.0; 3], [6.0; 3], [0.2; 3]);
    let comparison = compared((&a, ENVIRONMENT), (&b, ENVIRONMENT));
    assert!(comparison.metrics.is_empty());
    let unmatched: Vec<_> = comparison.unmatched.iter().map(|it| it.why.as_str()).collect();
    assert_eq!(unmatched, ["one run gives it in µs, the other in ms", "only b has it"]);
    let cut = b.replace("blocks = 10\np99", "blocks = 7\np99");
    let comparison = compared((&a, ENVIRONMENT), (&cut, ENVIRONMENT));
    assert!(comparison.cautions[0].contains("7 of 10"), "{:?}", comparison.cautions);
}

/// A run with a variant of Go's, with its figure and its ratio to the twin.
fn with_variant(name: &str, figure: [f64; 3], ratio: [f64; 3]) -> String {
    let [value, low, high] = figure;
    let [estimate, from, to] = ratio;
    run(name, [20.0, 19.0, 21.0], [0.5, 0.48, 0.52])
        + &format!(
            "[[variant]]\nid = \"gc-off\"\nlanguage = \"go\"\nkind = \"runtime\"\n\
             label = \"GOGC=off\"\n[[variant.metric]]\nid = \"cpu_us_per_request\"\n\
             title = \"CPU\"\nunit = \"µs\"\nbetter = \"lower\"\n\
             figure = {{ value = {value:?}, low = {low:?}, high = {high:?} }}\n\
             ratio = {{ estimate = {estimate:?}, low = {from:?}, high = {to:?}, n = 10 }}\n"
        )
}

#[test]
fn variants_are_compared_where_both_ran_them_the_same_way() {
    let a = with_variant("a", [30.0, 29.0, 31.0], [0.75, 0.74, 0.76]);
    let b = with_variant("b", [60.0, 58.0, 62.0], [0.75, 0.74, 0.76]);
    let settings = |env: &str| {
        format!("{ENVIRONMENT}[[variant]]\nid = \"gc-off\"\nbuild = \"same\"\nenv = [{env:?}]\n")
    };
    let comparison = compared((&a, &settings("GOGC=off")), (&b, &settings("GOGC=off")));
    let variant = &comparison.variants[0];
    assert_eq!((variant.id.as_str(), variant.label.as_str()), ("gc-off", "GOGC=off"));
    let row = &variant.metrics[0];
    assert_eq!((row.rust, row.go.unwrap().says), (None, Some(Equivalence::Different)));
    assert!((row.go.unwrap().change - 2.0).abs() < 1e-12);
    assert_eq!(row.ratio.unwrap().says, Some(Equivalence::Equivalent));

    let other = compared((&a, &settings("GOGC=off")), (&b, &settings("GOGC=50")));
    assert!(other.variants.is_empty());
    assert!(other.unmatched[0].why.contains("run otherwise"), "{:?}", other.unmatched);
    let without = run("b", [20.0, 19.0, 21.0], [0.5, 0.48, 0.52]);
    let gone = compared((&a, &settings("GOGC=off")), (&without, ENVIRONMENT));
    assert_eq!(gone.unmatched[0].why, "b does not have it");
    let come = compared((&without, ENVIRONMENT), (&b, &settings("GOGC=off")));
    assert_eq!(come.unmatched[0].why, "only b has it");
}
