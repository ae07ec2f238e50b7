//! What a hybrid of two services costs, once a whole path of them is measured.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use std::sync::OnceLock;

use assay_advice::{
    Answers, Assumptions, ByOption, Choice, Engine, Estimate, FlipKind, Measurements, Model, SEED,
    Score, Shipped, TwoServices, measured_digest, precedent_cases,
};
use support::{answers, measured_engine, measurements, twin};

/// On the path all in Rust a request takes more than the made-up service's 0.1 ms, so that all of its
/// ratios counts.
fn two() -> TwoServices {
    let times = |value: f64| Estimate { value, low: 1.0, high: value * value };
    TwoServices {
        scenario: "path".to_owned(),
        run: "made-up-path".to_owned(),
        cpu: times(2.0),
        slowdown: times(2.5),
        p99: times(3.0),
        p999: times(4.0),
        memory_mb: Estimate { value: 14.0, low: 7.0, high: 28.0 },
        path_cpu_ms: ByOption { rust: 0.16, go: 0.34, hybrid: 0.32 },
        shipped: None,
    }
}

fn measured(two_services: Option<TwoServices>) -> Measurements {
    let workloads = measurements(twin(0.1, 20.0, 1.0), twin(0.2, 60.0, 3.0));
    Measurements { two_services, ..workloads }
}

/// The same measurements as those of [`measured_engine`], and the path.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(Model::builtin().clone(), measured(Some(two())), SEED))
}

fn score(engine: &Engine, lines: &str) -> Score {
    engine.score(&answers(engine.model(), &format!("workload = \"json_api\"\n{lines}")))
}

fn notice<'a>(score: &'a Score, id: &str) -> Option<&'a str> {
    score.notices.iter().find(|notice| notice.id == id).map(|notice| notice.text.as_str())
}

fn reason<'a>(score: &'a Score, criterion: &str) -> &'a str {
    let found = score.reasons.iter().find(|reason| reason.criterion == criterion);
    found.map_or("", |reason| reason.text.as_str())
}

/// What the hybrid offers of each stated need, and its headroom.
fn offered(score: &Score) -> (Vec<Option<f64>>, Option<f64>) {
    let needs = score.performance.needs.iter().map(|need| need.measured.hybrid);
    (needs.collect(), score.performance.headroom.hybrid)
}

const NEEDS: &str = "existing_code = \"go\"\npeak_rps = 3000\ncores = 1\np99_ms = 12\nmemory_mb = 88\nconnections = 1000\n";

#[test]
fn stated_needs_are_held_against_what_the_path_says() {
    let found = score(engine(), &format!("{NEEDS}cpu_ms = 0.2\n"));
    // 10,000 ÷ 2.5, 1 ms × 3, and 20 + 14 MB with 10 MB for the connections.
    let (needs, headroom) = offered(&found);
    assert_eq!(needs, [Some(4000.0), Some(3.0), Some(44.0)]);
    assert!((headroom.expect("a headroom") - 4.0 / 3.0).abs() < 1e-9, "{headroom:?}");
    let summary = &found.performance.summary;
    let said = "The hybrid as two services has 1.33× what is needed on throughput.";
    assert!(summary.contains(said), "{summary}");
    let without = score(measured_engine(), &format!("{NEEDS}cpu_ms = 0.2\n"));
    let (needs, _) = offered(&without);
    assert_eq!(needs, [Some(10_000.0), Some(1.0), Some(60.0)], "Rust's, and an idle Go process");
    assert_eq!(without.performance.headroom.rust, found.performance.headroom.rust);
    assert!(!without.performance.summary.contains("two services"));
    // Twice the load is more than two services carry, but not more than Rust does.
    let busy = NEEDS.replace("3000", "6000");
    let (needs, headroom) = offered(&score(engine(), &format!("{busy}cpu_ms = 0.2\n")));
    assert_eq!(needs, [Some(4000.0), None, Some(44.0)], "overloaded, so it has no latency");
    assert!(headroom.expect("a headroom") < 0.01);
}

#[test]
fn the_more_a_request_computes_the_less_its_edge_matters() {
    // 10 ms in Rust, where the path takes 0.16: 0.016 of what the ratios are beyond 1.
    let heavy = score(engine(), &format!("{NEEDS}cpu_ms = 20\n"));
    let (needs, _) = offered(&heavy);
    let capacity = needs[0].expect("a capacity");
    assert!((capacity - 100.0 / 1.024).abs() < 1e-9, "{capacity}");
    let fleet = "fleet_cores = \"large\"\nseparable_core = \"yes\"\n";
    let values = |engine: &Engine, lines: &str| {
        let lines = format!("workload = \"json_api\"\nexisting_code = \"go\"\n{fleet}{lines}");
        let details = engine.explain(&answers(engine.model(), &lines));
        let economy = details.into_iter().find(|detail| detail.id == "economy");
        economy.expect("economy").values.hybrid.expect("a value")
    };
    // Nothing but processor time counts here.
    let lines = "memory_tight = \"no\"\ncpu_bound = \"no\"\npriorities = []\n";
    let of = |ms: &str| values(engine(), &format!("{lines}{ms}"));
    let close =
        |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
    close(of(""), 1.0 / 2.0);
    close(of("cpu_ms = 0.2\n"), 1.0 / 2.0);
    close(of("cpu_ms = 0.64\n"), 1.0 / 1.5);
    close(of("cpu_ms = 20\n"), 1.0 / 1.016);
    close(values(measured_engine(), lines), 1.0);
}

#[test]
fn what_it_rests_on_is_named_where_it_is_shown() {
    let lines = "fleet_cores = \"large\"\ntail_latency = \"tight\"\nresident_state = \"small\"\n\
                 separable_core = \"yes\"\ngo_fluency = \"most\"\nrust_fluency = \"most\"\n\
                 libraries = \"split\"\npaved_road = \"both\"\nowners = 12\n";
    let found = score(engine(), lines);
    assert!(found.compared().contains(&Choice::Hybrid), "{:?}", found.compared());
    let told = notice(&found, "hybrid_two_services").expect("a notice");
    assert!(told.contains("(path, made-up-path): 0.32 ms"), "{told}");
    assert!(told.contains("all in Rust took 0.16 ms and all in Go 0.34 ms"), "{told}");
    let economy = reason(&found, "economy");
    let said = "the hybrid as two services is taken to need 2 (1 to 4) times Rust's processor time \
                and 14 MB more (path, made-up-path)";
    assert!(economy.contains(said), "{economy}");
    let tail = reason(&found, "tail");
    assert!(tail.contains("need 4 (1 to 16) times Rust's time (path, made-up-path)"), "{tail}");
    assert_eq!(notice(&found, "hybrid_as_rust"), None);
    // Of a workload that nothing is measured of, its share of the work is not known.
    let other = answers(engine().model(), &format!("workload = \"other\"\n{lines}cpu_ms = 5\n"));
    let other = engine().score(&other);
    let economy = reason(&other, "economy");
    assert!(economy.contains("at most 2 (1 to 4) times") && !economy.contains("MB"), "{economy}");
    // Where the difference may be noise it counts as none.
    let noise = TwoServices { p999: Estimate::exact(1.0), ..two() };
    let noise = Engine::new(Model::builtin().clone(), measured(Some(noise)), SEED);
    let tail = score(&noise, lines);
    let tail = reason(&tail, "tail");
    assert!(tail.contains("taken to need Rust's time (path, made-up-path)"), "{tail}");
}

#[test]
fn one_process_keeps_what_it_had() {
    for lines in ["embedding = \"must\"\n", "constraints = [\"library_only_rust\"]\n"] {
        let lines = format!("{NEEDS}{lines}fleet_cores = \"large\"\ntail_latency = \"tight\"\n");
        let [with, without] = [engine(), measured_engine()].map(|it| score(it, &lines));
        assert_eq!(with.options, without.options, "{lines}");
        assert_eq!(with.performance, without.performance, "{lines}");
        assert_eq!(notice(&with, "hybrid_two_services"), None);
        let told = notice(&with, "hybrid_as_rust").expect("a notice");
        assert!(told.starts_with("A hybrid in one process has not been measured"), "{told}");
    }
}

#[test]
fn a_must_that_lies_within_what_is_uncertain_rules_nothing_out() {
    // Rust has twice what is needed, two services 0.8 times, but their range reaches up to Rust's.
    let must = "peak_rps = { value = 5000, must = true }\ncores = 1\ncpu_ms = 0.2\n\
                existing_code = \"go\"\nseparable_core = \"yes\"\n";
    let found = score(engine(), must);
    assert_eq!(found.options.hybrid.knocked_out, Vec::<String>::new());
    assert!(notice(&found, "measure_first").is_some() || found.recommended.is_none());
    let sure = score(measured_engine(), must);
    assert!(sure.options.hybrid.first_share > found.options.hybrid.first_share);
}

#[test]
fn draws_and_values_agree_on_two_services() {
    // With every interval closed and nothing else varied each draw has the central values.
    let exact = |it: Estimate| Estimate::exact(it.value);
    let two = two();
    let closed = TwoServices {
        cpu: exact(two.cpu),
        p999: exact(two.p999),
        memory_mb: exact(two.memory_mb),
        ..two
    };
    let spread = "group = 1\ncriterion = 0.5\nvalue = 0.15";
    let text = Model::builtin().text();
    assert!(text.contains(spread));
    let still = text.replace(spread, "group = 0\ncriterion = 0\nvalue = 0");
    let model = Model::parse(&still).expect("a model");
    let engine = Engine::new(model, measured(Some(closed)), SEED);
    for case in precedent_cases() {
        let mut sheet = case.answers.to_table();
        let given =
            [("workload", "json_api"), ("separable_core", "yes"), ("resident_state", "small")];
        for (id, value) in given {
            sheet.insert(id.to_owned(), toml::Value::String(value.to_owned()));
        }
        sheet.insert("owners".to_owned(), toml::Value::Integer(5));
        // An answer for each question with answers, so that nothing is drawn.
        for question in engine.model().questions() {
            let first = question.answers().first().map(|answer| answer.value.clone());
            let listed = matches!(question.kind, assay_advice::QuestionKind::Many { .. });
            if let (Some(first), false, true) = (first, listed, is_open(&sheet, &question.id)) {
                sheet.insert(question.id.clone(), toml::Value::String(first));
            }
        }
        let sheet = Answers::from_table(engine.model(), &sheet).expect("answers");
        let found = engine.recommend(&sheet);
        let [first, second] = found.compared();
        let apart = found.options.get(first).value - found.options.get(second).value;
        let share = found.options.get(first).first_share;
        if apart > 1e-3 && found.options.get(first).knocked_out.is_empty() {
            assert!((share - 1.0).abs() < 1e-9, "{}: {first} by {apart} in {share}", case.id);
        }
    }
}

fn is_open(sheet: &toml::Table, id: &str) -> bool {
    sheet.get(id).is_none_or(|value| value.as_str() == Some("unknown"))
}

#[test]
fn a_flip_to_or_from_one_process_comes_true() {
    let lines = "fleet_cores = \"large\"\ntail_latency = \"tight\"\nresident_state = \"small\"\n\
                 separable_core = \"yes\"\ncpu_ms = 0.5\n";
    let mut shown = 0;
    for case in precedent_cases() {
        let mut sheet = case.answers.to_table();
        sheet.extend(lines.parse::<toml::Table>().expect("TOML"));
        let of =
            |sheet: &toml::Table| Answers::from_table(engine().model(), sheet).expect("answers");
        for flip in engine().recommend_with_flips(&of(&sheet)).flips {
            let [change] = flip.changes.as_slice() else { continue };
            if flip.kind != FlipKind::Answer || change.id != "embedding" {
                continue;
            }
            shown += 1;
            let mut changed = sheet.clone();
            changed.insert(change.id.clone(), toml::Value::String(change.to.to_string()));
            let found = engine().recommend(&of(&changed));
            assert_eq!(found.verdict, flip.verdict_after, "{}: {}", case.id, flip.text);
        }
    }
    assert!(shown > 0);
}

#[test]
fn the_cost_names_what_no_share_of_the_work_says() {
    let assumptions = &Assumptions::default();
    let note = |engine: &Engine, lines: &str| {
        let lines = format!("workload = \"json_api\"\ncores = 8\npeak_rps = 25000\n{lines}");
        let cost = engine.cost(&answers(engine.model(), &lines), assumptions, None);
        cost.notes.into_iter().find(|note| note.contains("two services"))
    };
    let told = note(engine(), "").expect("a note");
    assert!(told.contains("0.16 ms more of processor time a request"), "{told}");
    assert!(told.contains("(path, made-up-path); at your peak that is 4 cores."), "{told}");
    assert_eq!(note(engine(), "embedding = \"must\"\n"), None);
    assert_eq!(note(engine(), "separable_core = \"no\"\n"), None);
    assert_eq!(note(measured_engine(), ""), None);
}

#[test]
fn the_search_knows_whether_a_path_is_measured() {
    let with = measured_digest(&measured(Some(two())));
    assert_ne!(measured_digest(&measured(None)), with);
    let shipped = |images, clean_build_s| Shipped { images, image_mb: 10.0, clean_build_s };
    let shipped =
        ByOption { rust: shipped(2, 80.0), go: shipped(2, 20.0), hybrid: shipped(3, 90.0) };
    let told = measured(Some(TwoServices { shipped: Some(shipped), ..two() }));
    assert_eq!(measured_digest(&told), with, "it is only told");
    let lines =
        "separable_core = \"yes\"\nlibraries = \"split\"\npaved_road = \"both\"\nowners = 12\n";
    let told = score(&Engine::new(Model::builtin().clone(), told, SEED), lines);
    let text = reason(&told, "two_runtimes");
    let said = "that was 3 images of 10 MB built from nothing in 90 s, all in Rust 2 images of 10 MB \
                built from nothing in 80 s, all in Go";
    assert!(text.contains(said), "{text}");
}
