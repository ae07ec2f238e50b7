//! The recommendation's promises, for any sheet.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail loudly")]

mod support;

use std::collections::BTreeSet;

use assay_advice::{
    AnswerValue, Answers, Choice, Engine, Estimate, FlipKind, Measurements, Model, QuestionKind,
    SEED, Score, Settled, Told, Verdict,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use support::{answers, engine, judged, measured_engine, measurements, sheets, twin};

fn order(score: &Score) -> Vec<Choice> {
    let mut order = Choice::ALL.to_vec();
    order.sort_by(|l, r| {
        let key = |c: &Choice| {
            (!score.options.get(*c).knocked_out.is_empty(), -score.options.get(*c).value)
        };
        let ((lo, lv), (ro, rv)) = (key(l), key(r));
        lo.cmp(&ro).then(lv.total_cmp(&rv))
    });
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn contributions_sum_to_the_difference(sheet in sheets()) {
        let score = measured_engine().recommend(&sheet);
        let [first, second, _] = order(&score)[..] else { unreachable!() };
        let difference = score.options.get(first).value - score.options.get(second).value;
        let sum: f64 = score.reasons.iter().map(|reason| reason.contribution).sum();
        prop_assert!((sum - difference).abs() < 1e-12, "{sum} {difference}");
        prop_assert_eq!(score.reasons.len(), 14);
        let sizes: Vec<f64> = score.reasons.iter().map(|r| r.contribution.abs()).collect();
        prop_assert!(sizes.is_sorted_by(|l, r| l >= r));
        prop_assert_eq!(score.recommended.is_none(), score.verdict == Verdict::TooClose);
    }

    #[test]
    fn more_rust_fluency_never_hurts_rust(sheet in sheets()) {
        let share = |fluency| {
            let sheet = sheet.with(Model::builtin(), "rust_fluency", AnswerValue::One(fluency)).unwrap();
            let rust = engine().recommend(&sheet).options.rust;
            (rust.value, rust.first_share)
        };
        let (none, few, most) = (share("none"), share("few"), share("most"));
        prop_assert!(none.0 <= few.0 && few.0 <= most.0);
        // A more fluent team helps the hybrid too, but never more than Rust by over the noise.
        prop_assert!(none.1 <= most.1 + 0.02, "{none:?} {most:?}");
    }

    #[test]
    fn no_importance_within_the_factor_changes_the_order(
        swings in prop::array::uniform4(1.0..50.0_f64),
        values in prop::array::uniform4((0.0..1.0_f64, 0.0..1.0_f64)),
        powers in prop::array::uniform4(-0.999..0.999_f64),
    ) {
        let score = |swings: [f64; 4]| {
            let criteria: Vec<_> =
                swings.into_iter().zip(values).map(|(s, (r, g))| (s, r, g, 0.0)).collect();
            let engine = engine_of(&judged(&criteria));
            engine.explain(&Answers::default())
        };
        let before = score(swings);
        let contributions: Vec<f64> = before.iter().map(|detail| detail.contribution).collect();
        // The hybrid's zeros keep it last, so the order is that of Rust and Go.
        prop_assume!(values.iter().all(|(r, g)| *r > 0.0 && *g > 0.0));
        let Some(factor) = assay_advice::importance_factor(&contributions) else { return Ok(()) };
        let mut scaled = swings;
        for (swing, power) in scaled.iter_mut().zip(powers) {
            *swing *= libm::pow(factor, power);
        }
        prop_assert_eq!(score(scaled)[0].compared.0, before[0].compared.0);
    }

    #[test]
    fn every_flip_changes_the_advice(sheet in sheets()) {
        let engine = measured_engine();
        let score = engine.score(&sheet);
        for flip in &score.flips {
            let after = (flip.recommended, flip.verdict_after);
            prop_assert_ne!((score.recommended, score.verdict), after, "{}", flip.text);
            prop_assert_eq!(flip.recommended.is_none(), flip.verdict_after == Verdict::TooClose);
            if !matches!(flip.kind, FlipKind::Answer | FlipKind::Pair) {
                continue;
            }
            let mut changed = sheet.clone();
            for change in &flip.changes {
                let question = engine.model().question(&change.id).unwrap();
                let value = match &question.kind {
                    QuestionKind::One(_) => {
                        let Told::Text(to) = &change.to else { unreachable!() };
                        AnswerValue::One(to)
                    }
                    QuestionKind::Number { .. } => {
                        AnswerValue::Number { value: change.to.number().unwrap(), must: false }
                    }
                    QuestionKind::Many { .. } => continue,
                };
                changed = changed.with(engine.model(), &change.id, value).unwrap();
            }
            if changed != sheet && flip.changes.iter().all(|c| c.id != "priorities") {
                let after = engine.recommend(&changed);
                prop_assert_eq!(after.recommended, flip.recommended, "{}", flip.text);
                prop_assert_eq!(after.verdict, flip.verdict_after, "{}", flip.text);
            }
        }
    }
}

fn engine_of(text: &str) -> Engine {
    Engine::new(Model::parse(text).unwrap(), Measurements::default(), SEED)
}

#[test]
fn a_copy_never_reverses_the_others() {
    let values = |third: [f64; 3]| {
        let [x, y, z] = third;
        let text = judged(&[(30.0, 0.9, 0.4, x), (20.0, 0.2, 0.7, y), (10.0, 0.5, 0.6, z)]);
        let options = engine_of(&text).recommend(&Answers::default()).options;
        (options.rust.value, options.go.value)
    };
    let alone = values([0.0, 0.0, 0.0]);
    assert_eq!(values([0.9, 0.2, 0.5]), alone, "a copy of Rust");
    assert_eq!(values([0.4, 0.7, 0.6]), alone, "a copy of Go");
}

/// The first-rank shares' bits on every platform.
#[test]
fn the_same_seed_gives_the_same_bits() {
    let mut hash = Sha256::new();
    for preset in assay_advice::presets() {
        for engine in [engine(), measured_engine()] {
            let score = engine.score(&preset.answers);
            for choice in Choice::ALL {
                let option = score.options.get(choice);
                hash.update(option.value.to_bits().to_le_bytes());
                hash.update(option.first_share.to_bits().to_le_bytes());
            }
        }
    }
    for (_, effect) in engine().total_effects(&Answers::default()) {
        hash.update(effect.to_bits().to_le_bytes());
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "162dc01d932e64c25d3c9ed142ac60b78ad4a15c11d766abb21d1a91ed34def3");
    let again = Engine::new(Model::builtin().clone(), Measurements::default(), SEED);
    assert_eq!(again.score(&Answers::default()), engine().score(&Answers::default()));
}

const BASE: &str = "workload = \"json_api\"\nseparable_core = \"no\"\nresident_state = \"small\"\n";

#[test]
fn equal_headroom_decides_nothing() {
    let engine = measured_engine();
    let score =
        engine.score(&answers(engine.model(), &format!("{BASE}tail_latency = \"interactive\"\n")));
    let reason = score.reasons.iter().find(|r| r.criterion == "feasibility").unwrap();
    assert_eq!(reason.contribution, 0.0);
    assert!(reason.text.contains("performance does not decide"), "{}", reason.text);
    assert!(reason.text.contains("an upper bound"), "{}", reason.text);
    assert_eq!(reason.evidence.as_deref(), Some("made-up/quotes"));
    assert!(score.notices.iter().any(|notice| notice.id == "both_meet"));
    assert!(score.performance.headroom.go.unwrap() > 2.0);
    assert!(reason.text.contains("\u{d7} headroom: performance"), "one need: {}", reason.text);
}

#[test]
fn headroom_over_several_needs_names_the_one_it_is_least_on() {
    let engine = measured_engine();
    let said = |lines: &str| {
        let score = engine.score(&answers(engine.model(), &format!("{BASE}{lines}")));
        score.performance.summary
    };
    let memory = said("tail_latency = \"relaxed\"\ncpu_ms = 0.2\nmemory_mb = 500\n");
    assert!(memory.contains("headroom on memory: performance does not decide"), "{memory}");
    assert!(memory.contains("\u{d7} on memory and Go"), "{memory}");
    let busy = said("tail_latency = \"relaxed\"\ncpu_ms = 0.2\npeak_rps = 6000\ncores = 1\n");
    assert!(busy.contains("what is needed on throughput"), "{busy}");
}

#[test]
fn a_must_rules_out_only_when_the_work_is_known() {
    let engine = measured_engine();
    let score = |lines: &str| engine.score(&answers(engine.model(), &format!("{BASE}{lines}")));
    let missed = score("p99_ms = { value = 2, must = true }\ncpu_ms = 0.2\n");
    assert_eq!(missed.options.go.knocked_out, ["must_missed"]);
    assert_eq!(missed.options.go.first_share, 0.0);
    assert!(missed.options.rust.knocked_out.is_empty());
    assert_eq!(missed.performance.work_factor, Some(1.0));
    let bound = score("p99_ms = { value = 2, must = true }\n");
    assert!(bound.options.go.knocked_out.is_empty());
    assert!(bound.notices.iter().any(|notice| notice.id == "upper_bound"));
    let neither = score("p99_ms = 0.5\ncpu_ms = 0.2\n");
    assert!(neither.notices.iter().any(|notice| notice.id == "neither_meets"));
}

#[test]
fn throughput_scales_with_the_work_and_the_cores() {
    let engine = measured_engine();
    let lines = "peak_rps = 10000\ncores = 4\ncpu_ms = 0.4\nexisting_code = \"go\"\n";
    let score = engine.score(&answers(engine.model(), &format!("{BASE}{lines}")));
    let need = score.performance.needs.iter().find(|need| need.id == "throughput").unwrap();
    assert_eq!(score.performance.work_factor, Some(2.0));
    // Rust: 10,000 requests/s and core ÷ 2 × 4 cores.
    assert_eq!(need.measured.rust, Some(20_000.0));
    assert_eq!(need.measured.go, Some(10_000.0));
    assert!(score.notices.iter().any(|n| n.id == "keep" || n.id == "rewrite"));
}

#[test]
fn an_interval_across_one_says_measure_first() {
    let mut go = twin(0.2, 60.0, 3.0);
    go.half_load_p99_ms = Estimate { value: 3.0, low: 2.0, high: 4.5 };
    let measured = measurements(twin(0.1, 20.0, 1.0), go);
    let engine = Engine::new(Model::builtin().clone(), measured, SEED);
    let lines = format!("{BASE}{RUST}p99_ms = {{ value = 3, must = true }}\ncpu_ms = 0.2\n");
    let lines = lines.replace("workload = \"other\"\n", "");
    let score = engine.score(&answers(engine.model(), &lines));
    assert!(score.notices.iter().any(|notice| notice.id == "measure_first"), "{:?}", score.notices);
    assert_eq!((score.recommended, score.verdict), (Some(Choice::Rust), Verdict::Lean));
}

const RUST: &str = "failure_consequence = \"catastrophic\"\nuntrusted_input = \"core_job\"\n\
    invariants = \"intricate\"\ngo_fluency = \"few\"\nrust_fluency = \"most\"\nowners = 6\n\
    newcomers = \"none\"\nworkload = \"other\"\nfirst_production = \"later\"\n\
    change_rate = \"stable\"\nlibraries = \"systems\"\nembedding = \"maybe\"\n\
    paved_road = \"both\"\nexisting_code = \"none\"\ntail_latency = \"relaxed\"\n";

const GO: &str = "failure_consequence = \"minor\"\nuntrusted_input = \"framework_only\"\n\
    invariants = \"crud\"\ngo_fluency = \"most\"\nrust_fluency = \"few\"\nowners = 6\n\
    newcomers = \"many\"\nworkload = \"other\"\nfirst_production = \"quarter\"\n\
    change_rate = \"weekly\"\nlibraries = \"cloud_native\"\nembedding = \"none\"\n\
    paved_road = \"go\"\nexisting_code = \"none\"\ntail_latency = \"relaxed\"\nseparable_core = \"no\"\n";

const HYBRID: &str = "failure_consequence = \"catastrophic\"\nuntrusted_input = \"core_job\"\n\
    invariants = \"intricate\"\ngo_fluency = \"most\"\nrust_fluency = \"few\"\nowners = 12\n\
    newcomers = \"some\"\nworkload = \"other\"\nfirst_production = \"quarter\"\n\
    change_rate = \"weekly\"\nlibraries = \"split\"\nembedding = \"must\"\n\
    paved_road = \"both\"\nexisting_code = \"none\"\ntail_latency = \"relaxed\"\nseparable_core = \"yes\"\n";

fn swapped(sheet: &str, changes: &[(&str, &str)]) -> Score {
    let model = Model::builtin();
    let start = answers(model, sheet);
    let changed = changes
        .iter()
        .fold(start, |sheet, (id, value)| sheet.with(model, id, AnswerValue::One(value)).unwrap());
    engine().score(&changed)
}

/// The presets and the sheets above.
fn plausible() -> Vec<Answers> {
    let presets = assay_advice::presets().iter().map(|preset| preset.answers.clone());
    let own = [RUST, GO, HYBRID].map(|sheet| answers(Model::builtin(), sheet));
    presets.chain(own).collect()
}

/// Every sheet that differs from this one in at most one answer of one question.
fn neighbours(start: &Answers) -> Vec<Answers> {
    let mut sheets = vec![start.clone()];
    for question in Model::builtin().questions() {
        if let QuestionKind::One(choices) = &question.kind {
            let other = |answer: &assay_advice::Answer| {
                start.with(Model::builtin(), &question.id, AnswerValue::One(&answer.value)).unwrap()
            };
            sheets.extend(choices.iter().map(other).filter(|sheet| sheet != start));
        }
    }
    sheets
}

#[test]
fn every_option_and_verdict_is_reachable() {
    let rust = format!("{RUST}separable_core = \"no\"\n");
    let mut reached = BTreeSet::new();
    for (sheet, option) in [(&*rust, Choice::Rust), (GO, Choice::Go), (HYBRID, Choice::Hybrid)] {
        let score = swapped(sheet, &[]);
        assert_eq!((score.recommended, score.verdict), (Some(option), Verdict::Strong));
    }
    for sheet in plausible().iter().flat_map(neighbours) {
        let score = engine().recommend(&sheet);
        reached.insert(format!("{:?} {:?}", score.recommended, score.verdict));
    }
    for option in Choice::ALL {
        for verdict in [Verdict::Strong, Verdict::Lean] {
            let wanted = format!("{:?} {verdict:?}", Some(option));
            assert!(reached.contains(&wanted), "{wanted} is not among {reached:?}");
        }
    }
    assert!(reached.contains("None TooClose"), "{reached:?}");
    let empty = engine().score(&Answers::default());
    assert_eq!((empty.verdict, empty.recommended, empty.settled), (Verdict::TooClose, None, None));
}

#[test]
fn the_core_or_the_edge_may_be_settled_alone() {
    let mut reached = BTreeSet::new();
    for sheet in plausible().iter().flat_map(neighbours) {
        let score = engine().recommend(&sheet);
        let Some(settled) = score.settled else { continue };
        assert_eq!((score.verdict, score.recommended), (Verdict::TooClose, None));
        let share = match settled {
            Settled::RustInCore => score.rust_in_core,
            Settled::GoAtEdge => score.go_at_edge,
        };
        assert!(share >= 0.85, "{settled:?} {share}");
        reached.insert(format!("{settled:?}"));
    }
    assert_eq!(Vec::from_iter(reached), ["GoAtEdge", "RustInCore"]);
}

#[test]
fn all_may_be_knocked_out() {
    let lines = format!("{GO}constraints = [\"no_rust\", \"no_go\"]\n");
    let score = engine().score(&answers(Model::builtin(), &lines));
    assert_eq!((score.verdict, score.recommended), (Verdict::TooClose, None));
    assert!(score.notices.iter().any(|notice| notice.id == "all_knocked_out"));
    assert!(Choice::ALL.iter().all(|c| !score.options.get(*c).knocked_out.is_empty()));
    assert!(Choice::ALL.iter().all(|c| score.options.get(*c).first_share == 0.0));
}

#[test]
fn staying_is_considered_when_neither_language_fits() {
    let score = swapped(GO, &[("go_fluency", "none"), ("rust_fluency", "none")]);
    assert_eq!(score.notices[0].id, "consider_staying");
    assert_ne!(score.verdict, Verdict::Strong);
}

#[test]
fn what_is_not_known_is_carried_through() {
    let score = engine().score(&Answers::default());
    // Lists left empty mean none; everything else is open.
    assert_eq!(score.unknown.len(), Model::builtin().questions().len() - 2);
    assert_eq!(score.next_question.as_deref(), Some("rust_fluency"));
    let robustness = engine().robustness(&Answers::default());
    for choice in Choice::ALL {
        let [first, ..] = *robustness.ranks.get(choice);
        let share = score.options.get(choice).first_share;
        assert!((first - share).abs() < 1e-3, "{choice}: {first} {share}");
        let weights: f64 = robustness.central_weights.get(choice).iter().map(|(_, w)| w).sum();
        assert!((weights - 1.0).abs() < 1e-9);
    }
    let full = assay_advice::presets().iter().find(|preset| preset.id == "cache-layer").unwrap();
    assert_eq!(engine().score(&full.answers).next_question, None);
}

#[test]
fn a_reason_names_the_answers() {
    let score = swapped(&format!("{RUST}separable_core = \"no\"\n"), &[]);
    let reason = score.reasons.iter().find(|reason| reason.criterion == "exposure").unwrap();
    assert_eq!(
        reason.text,
        "Errors would be catastrophic and handling outside bytes is the job: Rust rules out \
         memory and data-race faults that Go leaves to tests."
    );
}

/// A sheet that is strongly Rust's, for a service that has been measured.
fn rust_json(lines: &str) -> Score {
    let engine = measured_engine();
    let sheet = format!("{RUST}separable_core = \"no\"\nresident_state = \"small\"\n{lines}")
        .replace("workload = \"other\"", "workload = \"json_api\"")
        .replace("tail_latency = \"relaxed\"\n", "");
    engine.recommend(&answers(engine.model(), &sheet))
}

#[test]
fn a_must_that_cannot_be_checked_holds_the_verdict_back_and_says_why() {
    let free = rust_json("peak_rps = 300\ncpu_ms = 0.2\n");
    assert_eq!((free.recommended, free.verdict), (Some(Choice::Rust), Verdict::Strong));
    let must = "peak_rps = { value = 300, must = true }\n";
    let cases = [
        ("cpu_ms = 0.2\n", "how many cores it may use."),
        ("cpu_ms = 0.2\ntail_latency = \"relaxed\"\n", "how many cores it may use."),
        ("cpu_ms = 0.2\np99_ms = 50\n", "how many cores it may use."),
        ("cores = 4\n", "how much processor time one request takes."),
        ("", "how many cores it may use and how much processor time one request takes."),
    ];
    for (lines, missing) in cases {
        let score = rust_json(&format!("{must}{lines}"));
        assert_eq!(score.verdict, Verdict::Lean, "{lines}");
        let notice = score.notices.iter().find(|notice| notice.id == "must_unchecked");
        assert!(notice.is_some_and(|n| n.text.contains(missing)), "{lines}: {:?}", score.notices);
    }
    let checked = rust_json(&format!("{must}cpu_ms = 0.2\ncores = 4\n"));
    assert_eq!(checked.verdict, Verdict::Strong);
    assert!(!checked.notices.iter().any(|notice| notice.id == "must_unchecked"));
}

#[test]
fn an_open_answer_is_not_asserted() {
    let score = measured_engine().recommend(&Answers::default());
    let text = |id| score.reasons.iter().find(|r| r.criterion == id).unwrap().text.as_str();
    for (criterion, unknown, asserted) in [
        ("existing", "whether code exists; ", ["keeps it", "nothing in either language"]),
        ("libraries", "which libraries it needs; ", ["has the libraries", "has them"]),
        ("embedding", "whether it must run inside something else; ", ["brings", "embedded"]),
        ("paved_road", "what the organisation already runs; ", ["stays on", "readier"]),
    ] {
        let text = text(criterion);
        assert!(text.starts_with(&format!("It is unknown {unknown}")), "{text}");
        assert!(asserted.iter().all(|claim| !text.contains(claim)), "{text}");
    }
    let open = |text: &str| {
        ["over all answers, ", "where it must, ", "it does not separate "]
            .iter()
            .any(|words| text.contains(words))
    };
    assert!(open(text("existing")) && open(text("embedding")), "{}", text("existing"));
    // What is so for every answer may be said.
    let newcomers = text("onboarding");
    assert!(newcomers.starts_with("It is unknown how many newcomers to expect; newcomers"));
}

#[test]
fn measured_reasons_end_in_a_verdict() {
    let score = rust_json("fleet_cores = \"large\"\npeak_rps = 1\n");
    let text = |id| score.reasons.iter().find(|r| r.criterion == id).unwrap().text.as_str();
    assert!(text("economy").ends_with(", so Rust costs less to run."), "{}", text("economy"));
    assert!(text("feasibility").starts_with("The peak of 1 request/s is not checked"));
}

#[test]
fn what_is_expected_is_not_called_measured() {
    let sheet = |lines: &str| {
        let sheet = format!(
            "workload = \"cache\"\nfleet_cores = \"large\"\ncpu_bound = \"no\"\n\
             separable_core = \"no\"\n{lines}"
        );
        let score = measured_engine().score(&answers(Model::builtin(), &sheet));
        let reason = |id| score.reasons.iter().find(|r| r.criterion == id).unwrap().clone();
        let notice = score.notices.iter().find(|n| n.id == "not_measured").unwrap().text.clone();
        (reason("tail"), reason("economy"), reason("feasibility"), notice)
    };
    let (tail, economy, feasibility, notice) =
        sheet("resident_state = \"large\"\ntail_latency = \"tight\"\n");
    for reason in [&tail, &economy] {
        assert!(reason.contribution != 0.0 && reason.evidence.is_none(), "{reason:?}");
        assert!(reason.text.contains("it is expected, not measured, that"), "{}", reason.text);
    }
    // Tail and economy say the ratio and its interval, as the model has them.
    let stated = |text: &str, place: &str| {
        let table: toml::Table = Model::builtin().text().parse().unwrap();
        let ratio = place.split('.').fold(&table["expected"], |at, key| &at[key]);
        let [value, low, high] = ["value", "low", "high"].map(|key| &ratio[key]);
        text.contains(&format!("{value} times ({low} to {high})"))
    };
    assert!(stated(&tail.text, "tail.large"), "{}", tail.text);
    assert!(stated(&economy.text, "cpu.no") && stated(&economy.text, "memory"), "{}", economy.text);
    assert_eq!(feasibility.contribution, 0.0, "what it can carry is not guessed");
    assert!(feasibility.text.starts_with("Not measured yet"), "{}", feasibility.text);
    assert!(notice.ends_with("Tail and resource use are expected, not measured."), "{notice}");
    let (tail, ..) = sheet("tail_latency = \"tight\"\n");
    assert!(tail.text.contains("by how much data stays in memory"), "{}", tail.text);
}

#[test]
fn an_expectation_never_lets_a_must_be_strong() {
    let sheet = format!("{RUST}separable_core = \"no\"\n");
    let score = |lines: &str| {
        let sheet = sheet.replace("\"other\"", "\"cache\"");
        engine().recommend(&answers(Model::builtin(), &format!("{sheet}{lines}")))
    };
    assert_eq!(score("").verdict, Verdict::Strong);
    let must = score("p99_ms = { value = 5, must = true }\n");
    assert_eq!((must.recommended, must.verdict), (Some(Choice::Rust), Verdict::Lean));
}

#[test]
fn large_numbers_have_separators() {
    let shown = [999, 16_384, 1_000_000].map(assay_advice::grouped);
    assert_eq!(shown, ["999", "16,384", "1,000,000"]);
}

#[test]
fn a_scenario_of_the_tail_speaks_only_for_the_tail_of_its_data() {
    let small = measurements(twin(0.1, 20.0, 1.0), twin(0.2, 60.0, 3.0));
    let mut both = small.clone();
    let large = |figures| assay_advice::TwinFigures { resident_state: "large".into(), ..figures };
    // It comes first, and its capacity, processor time and memory would say the opposite.
    both.workloads.insert(
        0,
        assay_advice::WorkloadMeasurement {
            scenario: "resident".to_owned(),
            run: "made-up-large".to_owned(),
            part: assay_advice::Part::Tail,
            tail_note: "GOMAXPROCS = 1".to_owned(),
            rust: large(twin(5.0, 900.0, 1.0)),
            go: large(twin(0.5, 90.0, 8.0)),
            ..small.workloads[0].clone()
        },
    );
    let [one, two] =
        [small, both].map(|measured| Engine::new(Model::builtin().clone(), measured, SEED));
    let needs = "workload = \"json_api\"\npeak_rps = 1000\ncores = 1\ncpu_ms = 0.1\nmemory_mb = 100\n\
                 tail_latency = \"tight\"\nfleet_cores = \"large\"\n";
    let score = |engine: &Engine, resident: &str| {
        engine.score(&answers(engine.model(), &format!("{needs}resident_state = \"{resident}\"\n")))
    };
    assert_eq!(score(&one, "small"), score(&two, "small"), "it has no part in small data");
    let (before, after) = (score(&one, "large"), score(&two, "large"));
    assert_eq!(before.performance, after.performance, "needs are held against the workload's own");
    let evidence = |score: &Score, criterion: &str| {
        let reason = score.reasons.iter().find(|reason| reason.criterion == criterion);
        reason.and_then(|reason| reason.evidence.clone())
    };
    assert_eq!(evidence(&before, "tail"), None, "not measured with so much data");
    assert_eq!(evidence(&after, "tail").as_deref(), Some("made-up-large/resident"));
    assert_eq!(evidence(&after, "economy").as_deref(), Some("made-up/quotes"));
    let tail = after.reasons.iter().find(|reason| reason.criterion == "tail").expect("a reason");
    let said = "16 ms in Go (resident, made-up-large; GOMAXPROCS = 1)";
    assert!(tail.text.contains(said), "{}", tail.text);
    assert!(after.notices.iter().all(|notice| notice.id != "tail_not_measured"));
}
