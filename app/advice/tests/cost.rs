//! What an option costs: worked examples, what must hold for any numbers, and what is missing.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use assay_advice::{
    Answers, Assumptions, CURRENCY, Choice, Cost, Engine, Estimate, Measurements, Model, Payback,
    Range, SEED, WorkloadMeasurement, assumptions, cost,
};
use proptest::prelude::*;
use support::{answers, measurements, twin};

fn measured(value: f64, low: f64, high: f64) -> WorkloadMeasurement {
    let Measurements { mut workloads, .. } =
        measurements(twin(0.1, 20.0, 1.0), twin(0.2, 60.0, 3.0));
    let mut workload = workloads.remove(0);
    workload.cpu_ratio = Some(Estimate { value, low, high });
    workload
}

fn said(pairs: &[(&str, f64)]) -> Assumptions {
    let mut assumed = Assumptions::default();
    pairs.iter().for_each(|(id, value)| assumed.set(id, *value).expect("an assumption"));
    assumed
}

fn sheet(lines: &str) -> Answers {
    answers(Model::builtin(), lines)
}

const KEPT_GO: &str = "workload = \"json_api\"\ncores = 40\nowners = 4\nexisting_code = \"go\"\n\
                       rust_fluency = \"few\"\n";

fn close(found: f64, wanted: f64) {
    let off = (found - wanted).abs();
    assert!(off <= 1e-3 * wanted.abs().max(1e-9), "{found} is not {wanted}");
}

fn close_range(found: Range, low: f64, likely: f64, high: f64) {
    close(found.low, low);
    close(found.likely, likely);
    close(found.high, high);
}

/// On paper. 40 cores of Go, Rust ÷ Go 0.44 [0.40, 0.48], 30 a core and month; ramp 6 weeks × 4
/// engineers × 3,000.
///   cores of Rust    40 × 0.44 = 17.6          [40 × 0.40 = 16, 40 × 0.48 = 19.2]
///   saved a month    (40 − 17.6) × 30 = 672    [(40 − 19.2) × 30 = 624, (40 − 16) × 30 = 720]
///   ramp             6 × 4 × 3,000 = 72,000
///   payback          72,000 ÷ 672 = 107.14     [72,000 ÷ 720 = 100, 72,000 ÷ 624 = 115.38] months
///                    = 8.93 years              [8.33, 9.62]
/// Hybrid, 0.7 of the work and half of the people in the core:
///   cores            40 × (0.7 × 0.44 + 0.3) = 24.32   [40 × 0.58 = 23.2, 40 × 0.636 = 25.44]
///   saved a month    15.68 × 30 = 470.4        [14.56 × 30 = 436.8, 16.8 × 30 = 504]
///   ramp             0.5 × 72,000 = 36,000, for the Go half is kept
///   payback          36,000 ÷ 470.4 = 76.53    [71.43, 82.42] months
#[test]
fn the_worked_example_comes_out() {
    let found = cost(Some(&measured(0.44, 0.40, 0.48)), &sheet(KEPT_GO), &said(&[]), None);
    assert_eq!((found.baseline, found.missing.len()), (Choice::Go, 0));
    let options = found.options.expect("figures");
    close_range(options.rust.cores, 16.0, 17.6, 19.2);
    close_range(options.rust.per_month, 480.0, 528.0, 576.0);
    close_range(options.rust.saving_per_month, 624.0, 672.0, 720.0);
    assert_eq!(options.rust.extra_ramp, Some(72_000.0));
    let Payback::Months { low, likely, high } = options.rust.payback else { panic!("months") };
    close(low, 100.0);
    close(likely.expect("likely"), 107.142_857);
    close(high.expect("high"), 115.384_615);
    assert_eq!(options.rust.payback.words(), "8 to 10 years");
    assert_eq!(options.rust.cores.words(), "16–20");
    assert_eq!(options.go.payback, Payback::Baseline);
    close_range(options.go.cores, 40.0, 40.0, 40.0);
    assert_eq!(options.go.ramp, Some(0.0));
    close_range(options.hybrid.cores, 23.2, 24.32, 25.44);
    close_range(options.hybrid.saving_per_month, 436.8, 470.4, 504.0);
    assert_eq!(options.hybrid.extra_ramp, Some(36_000.0));
    let Payback::Months { likely, .. } = options.hybrid.payback else { panic!("months") };
    close(likely.expect("likely"), 76.530_612);
    assert_eq!(
        found.summary,
        "Rust would save about 22 of 40 cores (≈ 670 EUR a month) and the ramp costs about 72,000 \
         EUR: pays back in about 9 years, so cost is no reason to switch."
    );
    assert_eq!(found.short, "Rust pays back in about 9 years");
}

/// 20,000 requests/s × 3 ms = 60 busy cores; at 60% utilisation 100 cores of Go. Rust at 0.5 takes
/// 50, and 50 × 30 = 1,500 a month is saved. Nobody knows Rust: 8 weeks; most know Go: 1 week; two
/// engineers at 3,000: 48,000 − 6,000 = 42,000 more ramp, 28 months.
#[test]
fn cores_follow_from_peak_and_processor_time() {
    let lines = "workload = \"json_api\"\npeak_rps = 20000\ncpu_ms = 3\nowners = 2\n\
                 rust_fluency = \"none\"\ngo_fluency = \"most\"\nexisting_code = \"none\"\n";
    let found = cost(Some(&measured(0.5, 0.5, 0.5)), &sheet(lines), &said(&[]), None);
    let options = found.options.expect("figures");
    close(options.go.cores.likely, 100.0);
    close(options.rust.saving_per_month.likely, 1_500.0);
    assert_eq!(options.rust.extra_ramp, Some(42_000.0));
    let months = Payback::Months { low: 28.0, likely: Some(28.0), high: Some(28.0) };
    assert_eq!(options.rust.payback, months);
    assert!(
        found.summary.contains(
            "42,000 EUR more than Go’s: pays back in about 2.3 years, so cost speaks for it."
        ),
        "{}",
        found.summary
    );
    assert!(found.basis.contains("20,000 requests/s × 3 ms at 60% utilisation"), "{}", found.basis);
    // The twin's own processor time is never used: only the ratio counts.
    let mut other = measured(0.5, 0.5, 0.5);
    other.rust.cpu_ms_per_request = Estimate::exact(77.0);
    let again = cost(Some(&other), &sheet(lines), &said(&[]), None);
    assert_eq!(again.options.expect("figures"), options);
}

/// Existing Rust of 40 cores; Go ÷ Rust = 1 ÷ 0.5 = 2, so Go takes 40 more: 1,200 a month more.
#[test]
fn what_exists_is_the_baseline_and_asks_for_no_ramp() {
    let lines = KEPT_GO.replace("\"go\"", "\"rust\"") + "go_fluency = \"few\"\n";
    let found = cost(Some(&measured(0.5, 0.4, 0.625)), &sheet(&lines), &said(&[]), None);
    let options = found.options.expect("figures");
    assert_eq!((found.baseline, options.rust.ramp), (Choice::Rust, Some(0.0)));
    close_range(options.go.cores, 64.0, 80.0, 100.0);
    close_range(options.go.saving_per_month, -1_800.0, -1_200.0, -720.0);
    assert_eq!(options.go.extra_ramp, Some(36_000.0));
    assert_eq!(options.go.payback, Payback::Never);
    assert!(
        found.summary.starts_with("Go would need about 40 more than 40 cores"),
        "{}",
        found.summary
    );
    assert!(found.notes.iter().any(|note| note.contains("Rewriting the Rust code")));
    // Said, the rewrite is counted: 10 weeks × 4 × 3,000.
    let assumed = said(&[("rewrite_weeks", 10.0)]);
    let found = cost(Some(&measured(0.5, 0.4, 0.625)), &sheet(&lines), &assumed, None);
    assert_eq!(found.options.expect("figures").go.extra_ramp, Some(156_000.0));
    assert!(!found.notes.iter().any(|note| note.contains("Rewriting")));
}

#[test]
fn a_ratio_on_both_sides_of_one_promises_nothing() {
    let found = cost(Some(&measured(0.95, 0.8, 1.1)), &sheet(KEPT_GO), &said(&[]), None);
    let rust = found.options.expect("figures").rust;
    let Payback::Months { likely: Some(_), high: None, .. } = rust.payback else {
        panic!("{:?}", rust.payback)
    };
    assert!(rust.text.contains("about as many cores as Go (32–44 against 40)"), "{}", rust.text);
    assert!(rust.text.contains("if ever"), "{}", rust.text);
    let found = cost(Some(&measured(1.02, 0.9, 1.1)), &sheet(KEPT_GO), &said(&[]), None);
    assert!(found.summary.contains("may never pay back"), "{}", found.summary);
}

#[test]
fn less_ramp_but_more_a_month_is_cheaper_only_so_long() {
    // Rust needs 44 cores, 120 more a month; Go's ramp is 4 × 4 × 3,000 and Rust's 2 × 4 × 3,000.
    let lines = "workload = \"json_api\"\ncores = 40\nowners = 4\nrust_fluency = \"most\"\n\
                 go_fluency = \"none\"\n";
    let found = cost(Some(&measured(1.1, 1.1, 1.1)), &sheet(lines), &said(&[]), None);
    let rust = found.options.expect("figures").rust;
    let months = Payback::CheaperFor { low: 200.0, likely: Some(200.0), high: Some(200.0) };
    assert_eq!((rust.extra_ramp, rust.payback), (Some(-24_000.0), months));
    // And with a saving besides, it costs nothing extra.
    let found = cost(Some(&measured(0.5, 0.5, 0.5)), &sheet(lines), &said(&[]), None);
    assert_eq!(found.options.expect("figures").rust.payback, Payback::NothingExtra);
    assert!(found.summary.contains("less than Go’s: it costs nothing extra"), "{}", found.summary);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_made_up() {
    let ratio = measured(0.44, 0.40, 0.48);
    let ask = |lines: &str| cost(Some(&ratio), &sheet(lines), &said(&[]), None);
    let none = ask("workload = \"json_api\"\n");
    assert!(none.options.is_none() && none.summary.contains("peak_rps and cpu_ms"));
    assert!(ask("workload = \"json_api\"\npeak_rps = 100\n").summary.contains("(cpu_ms)"));
    assert!(ask("workload = \"json_api\"\ncpu_ms = 1\n").summary.contains("(peak_rps)"));
    let no_team = ask("workload = \"json_api\"\ncores = 40\nexisting_code = \"go\"\n");
    let rust = no_team.options.expect("figures").rust;
    assert_eq!((rust.ramp, rust.payback), (None, Payback::Unknown));
    assert!(no_team.summary.contains("save about 22 of 40 cores"));
    assert!(no_team.summary.contains("(owners) and how many could review Rust (rust_fluency)"));
    // Without a measurement there is no number at all.
    let unmeasured = |lines: &str| cost(None, &sheet(lines), &said(&[]), None);
    let gateway = unmeasured("workload = \"gateway\"\ncores = 40\nowners = 4\n");
    assert!(gateway.options.is_none() && gateway.ratio.is_none() && gateway.source.is_empty());
    assert!(gateway.summary.starts_with("No ratio of processor time is measured"));
    assert!(!gateway.summary.contains(|letter: char| letter.is_ascii_digit()));
    assert!(unmeasured("cores = 40\n").missing.concat().contains("(workload)"));
    // A run somebody edited by hand may hold anything.
    for (value, low, high) in
        [(0.0, 0.0, 0.0), (f64::NAN, 0.1, 1.0), (-1.0, -2.0, 1.0), (1.0, 2.0, 0.5)]
    {
        let odd = cost(Some(&measured(value, low, high)), &sheet(KEPT_GO), &said(&[]), None);
        assert!(odd.options.is_none(), "{value} {low} {high}");
    }
}

#[test]
fn without_paired_blocks_the_quotient_is_taken_at_its_widest() {
    let mut workload = measured(0.5, 0.5, 0.5);
    workload.cpu_ratio = None;
    workload.rust.cpu_ms_per_request = Estimate { value: 2.0, low: 1.0, high: 3.0 };
    workload.go.cpu_ms_per_request = Estimate { value: 4.0, low: 2.0, high: 5.0 };
    let found = cost(Some(&workload), &sheet(KEPT_GO), &said(&[]), None);
    let ratio = found.ratio.expect("a ratio");
    close_range(ratio, 1.0 / 5.0, 0.5, 3.0 / 2.0);
}

#[test]
fn the_summary_speaks_of_what_is_advised() {
    let ask =
        |advised| cost(Some(&measured(0.44, 0.40, 0.48)), &sheet(KEPT_GO), &said(&[]), advised);
    assert!(ask(Some(Choice::Hybrid)).summary.starts_with("A hybrid would save about 16 of 40"));
    assert!(ask(Some(Choice::Go)).summary.starts_with("Rust would"), "keeping asks the other way");
}

#[test]
fn assumptions_are_read_kept_and_refused() {
    let pairs =
        [("core_month", "25"), ("currency", "CHF"), ("horizon", ""), ("utilisation", "0.5")];
    let (read, problems) = Assumptions::from_pairs(pairs);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((read.get("core_month"), read.get("horizon")), (Some(25.0), Some(36.0)));
    assert_eq!((read.currency(), read.get("engineers")), ("CHF", None));
    let pairs = read.to_pairs();
    let again = Assumptions::from_pairs(pairs.iter().map(|(id, text)| (*id, text.as_str())));
    assert_eq!(again, (read, Vec::new()));
    for (id, text, help) in [
        ("core_month", "cheap", "from 0 to"),
        ("utilisation", "0", "from 0.05 to 1"),
        ("utilisation", "NaN", "a share"),
        ("hybrid_work", "inf", "from 0 to 1"),
        ("discount", "1", "known: currency, core_month"),
        ("currency", "a currency with a long name", "EUR"),
        ("currency", "E\u{7}R", "EUR"),
    ] {
        let (read, problems) = Assumptions::from_pairs([(id, text), ("engineers", "3")]);
        assert_eq!(problems.len(), 1, "{id} {text}");
        assert!(problems[0].help.contains(help), "{:?}", problems[0]);
        assert_eq!((problems[0].field.as_str(), read.get("engineers")), (id, Some(3.0)));
    }
}

#[test]
fn every_assumption_has_a_reason_and_a_default_in_its_range() {
    let mut seen = std::collections::BTreeSet::new();
    for assumption in assumptions() {
        let id = assumption.id.as_str();
        assert!(seen.insert(id) && id != CURRENCY, "{id} stands twice");
        assert!(assumption.why.len() > 20 && assumption.why.ends_with('.'), "{id}");
        match assumption.default {
            Some(value) => assert!((assumption.min..=assumption.max).contains(&value), "{id}"),
            None => assert_eq!(id, "engineers", "only the engineers follow from the answers"),
        }
    }
    // Every one of them matters to some figure.
    let lines = "workload = \"json_api\"\npeak_rps = 20000\ncpu_ms = 3\nowners = 4\n";
    let ask = |id: &str, value: Option<f64>| -> Vec<Cost> {
        let mut assumed = said(&[("rewrite_weeks", 5.0)]);
        if let Some(value) = value {
            assumed.set(id, value).expect("in range");
        }
        let mut costs = Vec::new();
        for fluency in ["none", "few", "most"] {
            for code in ["go", "none"] {
                let lines = format!(
                    "{lines}rust_fluency = \"{fluency}\"\ngo_fluency = \"{fluency}\"\n\
                     existing_code = \"{code}\"\n"
                );
                costs.push(cost(Some(&measured(0.4, 0.3, 0.5)), &sheet(&lines), &assumed, None));
            }
        }
        costs
    };
    for assumption in assumptions() {
        let (before, after) =
            (ask(&assumption.id, None), ask(&assumption.id, Some(assumption.max)));
        assert_ne!(before, after, "{} changes nothing", assumption.id);
    }
}

#[test]
fn a_cost_survives_json() {
    let found = cost(Some(&measured(0.95, 0.8, 1.1)), &sheet(KEPT_GO), &said(&[]), None);
    let text = serde_json::to_string(&found).expect("JSON");
    assert_eq!(serde_json::from_str::<Cost>(&text).expect("a cost"), found);
}

fn ratios() -> impl Strategy<Value = (f64, f64, f64)> {
    (0.05..3.0, 0.7..1.0, 1.0..1.4).prop_map(|(value, down, up)| (value, value * down, value * up))
}

fn months(found: &Cost) -> Option<f64> {
    match found.options.as_ref()?.rust.payback {
        Payback::Months { likely, .. } => likely,
        _ => None,
    }
}

proptest! {
    #[test]
    fn dearer_cores_pay_back_sooner(price in 1.0..1e4, more in 1.1..10.0, ratio in 0.05..0.95) {
        let ask = |price: f64| {
            cost(Some(&measured(ratio, ratio, ratio)), &sheet(KEPT_GO), &said(&[("core_month", price)]), None)
        };
        let (cheap, dear) = (months(&ask(price)).unwrap(), months(&ask(price * more)).unwrap());
        prop_assert!(dear < cheap, "{dear} months at {more} times the price, {cheap} before");
    }

    #[test]
    fn without_a_ramp_a_saving_costs_nothing_extra((value, low, high) in ratios()) {
        let assumed = said(&[("ramp_rust_few", 0.0)]);
        let found = cost(Some(&measured(value, low, high)), &sheet(KEPT_GO), &assumed, None);
        let payback = found.options.unwrap().rust.payback;
        prop_assert_eq!(payback == Payback::NothingExtra, value <= 1.0);
        prop_assert_eq!(payback == Payback::Never, value > 1.0);
    }

    #[test]
    fn the_same_processor_time_never_pays_back(cores in 0.1..1e5, weeks in 0.1..500.0) {
        let lines = KEPT_GO.replace("cores = 40", &format!("cores = {cores}"));
        let assumed = said(&[("ramp_rust_few", weeks)]);
        let found = cost(Some(&measured(1.0, 1.0, 1.0)), &sheet(&lines), &assumed, None);
        prop_assert_eq!(found.options.unwrap().rust.payback, Payback::Never);
    }

    #[test]
    fn cores_and_engineers_grow_together_without_changing_the_payback(
        times in 1_u32..1000,
        (value, low, high) in ratios(),
    ) {
        let ask = |times: u32| {
            let lines = KEPT_GO
                .replace("cores = 40", &format!("cores = {}", 40 * times))
                .replace("owners = 4", &format!("owners = {}", 4 * times));
            cost(Some(&measured(value, low, high)), &sheet(&lines), &said(&[]), None)
        };
        let (one, many) = (ask(1), ask(times));
        match (months(&one), months(&many)) {
            (Some(one), Some(many)) => prop_assert!((one / many - 1.0).abs() < 2e-3),
            (one, many) => prop_assert_eq!(one, many),
        }
    }

    #[test]
    fn ranges_are_in_order_and_sentences_hold_no_wild_numbers(
        cores in 0.01..1e6,
        (value, low, high) in ratios(),
        price in 0.0..1e6,
        advised in prop::sample::select(vec![None, Some(Choice::Rust), Some(Choice::Go), Some(Choice::Hybrid)]),
        code in prop::sample::select(vec!["none", "go", "rust", "other", "unknown"]),
    ) {
        let lines = format!("workload = \"json_api\"\ncores = {cores}\nowners = 3\n\
            rust_fluency = \"few\"\ngo_fluency = \"few\"\nexisting_code = \"{code}\"\n");
        let found = cost(Some(&measured(value, low, high)), &sheet(&lines), &said(&[("core_month", price)]), advised);
        let options = found.options.unwrap();
        for option in Choice::ALL {
            let own = options.get(option);
            for range in [own.cores, own.per_month, own.saving_per_month] {
                prop_assert!(range.low <= range.likely && range.likely <= range.high, "{range:?}");
            }
            prop_assert!(!own.text.contains("NaN") && !own.text.contains("inf") && !own.text.contains("  "), "{}", own.text);
            prop_assert!(own.text.ends_with('.') && own.text.len() < 400, "{}", own.text);
            if let Payback::Months { low, likely, high } = own.payback {
                prop_assert!(likely.is_none_or(|likely| low <= likely));
                prop_assert!(high.is_none_or(|high| likely.unwrap() <= high));
            }
        }
    }
}

#[test]
fn what_is_ruled_out_is_not_spoken_of() {
    let workload = measured(0.44, 0.40, 0.48);
    let measured = Measurements { workloads: vec![workload], ..Measurements::default() };
    let engine = Engine::new(Model::builtin().clone(), measured, SEED);
    let ask = |constraints: &str, advised| {
        let lines = format!("{KEPT_GO}constraints = [{constraints}]\n");
        engine.cost(&sheet(&lines), &said(&[]), advised)
    };
    let free = ask("", None);
    assert!(free.summary.starts_with("Rust would save"), "{}", free.summary);
    // No Rust rules out the hybrid, too.
    let kept = ask("\"no_rust\"", None);
    assert!(!kept.summary.contains("Rust"), "{}", kept.summary);
    assert!(kept.summary.contains("the other options are ruled out"), "{}", kept.summary);
    assert_eq!(kept.short, "Go alone is left");
    let library = ask("\"library_only_go\"", Some(Choice::Rust));
    assert!(!library.summary.starts_with("Rust"), "{}", library.summary);
    assert!(library.summary.contains("hybrid"), "{}", library.summary);
}

#[test]
fn where_go_is_ruled_out_nothing_is_held_against_it() {
    let measured =
        Measurements { workloads: vec![measured(0.44, 0.40, 0.48)], ..Measurements::default() };
    let engine = Engine::new(Model::builtin().clone(), measured, SEED);
    let ask = |constraints: &str| {
        let lines = format!(
            "workload = \"json_api\"\ncores = 40\nowners = 4\nexisting_code = \"none\"\n\
             rust_fluency = \"few\"\nconstraints = [{constraints}]\n"
        );
        engine.cost(&sheet(&lines), &said(&[]), None)
    };
    let alone = ask("\"no_go\"");
    assert_eq!((alone.baseline, alone.short.as_str()), (Choice::Rust, "Rust alone is left"));
    assert!(!alone.summary.contains("Go"), "{}", alone.summary);
    assert!(alone.missing.is_empty(), "Go's fluency is no matter: {:?}", alone.missing);
    let with_hybrid = ask("\"no_gc\"");
    assert_eq!(with_hybrid.baseline, Choice::Rust);
    assert_eq!(with_hybrid.options.expect("figures").go.text, "Go is ruled out.");
    assert_eq!(ask("").baseline, Choice::Go);
}

#[test]
fn cores_that_carry_the_peak_in_neither_language_save_nothing() {
    let measured =
        Measurements { workloads: vec![measured(0.44, 0.40, 0.48)], ..Measurements::default() };
    let engine = Engine::new(Model::builtin().clone(), measured, SEED);
    // Rust carries 10,000 requests/s on a core, Go 5,000.
    let ask = |peak: u32, cores: u32| {
        let lines = format!("{KEPT_GO}peak_rps = {peak}\n").replace("40", &cores.to_string());
        engine.cost(&sheet(&lines), &said(&[]), Some(Choice::Rust))
    };
    let found = ask(25_000, 2);
    assert_eq!(
        found.summary,
        "Neither twin carries 25,000 requests/s on 2 cores, so there is nothing to save on them: \
         state more cores (cores), or a lower peak (peak_rps)."
    );
    assert_eq!((found.options, found.short.as_str()), (None, "Neither carries the peak"));
    assert_eq!(found.missing.len(), 1);
    for (peak, cores) in [(25_000, 3), (15_000, 2), (9_000, 2)] {
        let carried = ask(peak, cores);
        assert!(carried.summary.starts_with("Rust would save"), "{}", carried.summary);
    }
}
