//! What must hold of the built-in model for any sheet, and how well it must at least agree with the
//! documented decisions.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use std::sync::OnceLock;

use assay_advice::{
    AnswerValue, Answers, Choice, Engine, Estimate, Model, QuestionKind, SEED, Score, TwinFigures,
    Usage, Verdict, backtest, committed_leave_one_out, levers, precedent_cases, precedents,
};
use proptest::prelude::*;
use support::{answers, engine, measured_engine, measurements, sheets, twin};

fn with(sheet: &Answers, id: &str, value: &str) -> Score {
    let value = AnswerValue::One(value);
    engine().recommend(&sheet.with(Model::builtin(), id, value).unwrap())
}

/// How far the first option is ahead of the second in value.
fn ahead(score: &Score, first: Choice, second: Choice) -> f64 {
    score.options.get(first).value - score.options.get(second).value
}

fn share(score: &Score, choice: Choice) -> f64 {
    score.options.get(choice).first_share
}

/// Rust keeps every limit many times over; what is known of Go's latency is vague, of its memory exact.
fn vague() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let vague = Estimate { value: 10.0, low: 4.0, high: 25.0 };
        let go = TwinFigures { half_load_p99_ms: vague, ..twin(0.2, 1000.0, 10.0) };
        let measured = measurements(twin(0.1, 1.0, 0.01), go);
        Engine::new(Model::builtin().clone(), measured, SEED)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_fluency_never_hurts_its_language(sheet in sheets()) {
        let pairs = [("rust_fluency", Choice::Rust, Choice::Go), ("go_fluency", Choice::Go, Choice::Rust)];
        for (question, own, other) in pairs {
            let scores = ["none", "few", "most"].map(|fluency| with(&sheet, question, fluency));
            for pair in scores.windows(2) {
                let (less, more) = (&pair[0], &pair[1]);
                prop_assert!(ahead(less, own, other) <= ahead(more, own, other) + 1e-12);
                // The hybrid gains as well, but a language never loses to the other by it.
                prop_assert!(share(more, other) <= share(less, other) + 1e-12, "{question}");
            }
        }
    }

    #[test]
    fn a_harder_need_never_helps_the_language_that_misses_it(sheet in sheets()) {
        // Each is expected or judged to be met better by Rust.
        let harder = [
            ("tail_latency", ["relaxed", "interactive", "tight"]),
            ("embedding", ["none", "maybe", "must"]),
            ("fleet_cores", ["small", "medium", "large"]),
        ];
        let sheet = sheet.with(Model::builtin(), "workload", AnswerValue::One("cache")).unwrap();
        for (question, answers) in harder {
            let scores = answers.map(|answer| with(&sheet, question, answer));
            for pair in scores.windows(2) {
                let gains = share(&pair[1], Choice::Go) - share(&pair[0], Choice::Go);
                prop_assert!(gains <= 1e-12, "{question}: Go gains {gains}");
            }
        }
    }

    #[test]
    fn a_number_that_must_be_kept_never_helps_who_misses_it(
        sheet in sheets(),
        limits in (0.2..20.0_f64, 0.2..20.0_f64),
    ) {
        // In the made-up measurement Go takes three times as long as Rust.
        let fixed = "workload = \"json_api\"\ncpu_ms = 0.2\nresident_state = \"small\"\n";
        let fixed = answers(Model::builtin(), fixed);
        let sheet = ["workload", "cpu_ms", "resident_state"].iter().fold(sheet, |sheet, id| {
            sheet.with(Model::builtin(), id, fixed.value(id)).unwrap()
        });
        let go = |value: f64| {
            let must = AnswerValue::Number { value, must: true };
            let sheet = sheet.with(Model::builtin(), "p99_ms", must).unwrap();
            share(&measured_engine().recommend(&sheet), Choice::Go)
        };
        let (tight, loose) = (limits.0.min(limits.1), limits.0.max(limits.1));
        let rust_keeps_it = tight >= 1.0;
        prop_assert!(!rust_keeps_it || go(tight) <= go(loose) + 1e-12, "{tight} {loose}");
    }

    #[test]
    fn a_tighter_limit_never_helps_who_alone_comes_near_it(
        sheet in sheets(),
        limits in prop::array::uniform2(0.05..2.0_f64),
        other in 0.2..5.0_f64,
        must in any::<bool>(),
    ) {
        let fixed = "workload = \"json_api\"\ncpu_ms = 0.2\nresident_state = \"small\"\n\
                     tail_latency = \"relaxed\"\nseparable_core = \"no\"\n";
        let fixed = answers(Model::builtin(), fixed);
        let ids = ["workload", "cpu_ms", "resident_state", "tail_latency", "separable_core"];
        let sheet = ids.iter().fold(sheet, |sheet, id| {
            sheet.with(Model::builtin(), id, fixed.value(id)).unwrap()
        });
        let go = |memory: f64, p99: f64| {
            let limits = [("memory_mb", 1000.0 * memory, must), ("p99_ms", 10.0 * p99, false)];
            let sheet = limits.iter().fold(sheet.clone(), |sheet, (id, value, must)| {
                let number = AnswerValue::Number { value: *value, must: *must };
                sheet.with(Model::builtin(), id, number).unwrap()
            });
            share(&vague().recommend(&sheet), Choice::Go)
        };
        let (tight, loose) = (limits[0].min(limits[1]), limits[0].max(limits[1]));
        prop_assert!(go(tight, other) <= go(loose, other), "memory {tight} {loose}, p99 {other}");
        prop_assert!(go(other, tight) <= go(other, loose), "p99 {tight} {loose}, memory {other}");
    }

    #[test]
    fn what_is_ruled_out_never_gains(sheet in sheets()) {
        let before = engine().recommend(&sheet);
        for knockout in Model::builtin().question("constraints").unwrap().answers() {
            let value = knockout.value.as_str();
            let list = [value.to_owned()];
            let sheet = sheet.with(Model::builtin(), "constraints", AnswerValue::Many(&list)).unwrap();
            let after = engine().recommend(&sheet);
            for choice in Choice::ALL {
                if !after.options.get(choice).knocked_out.is_empty() {
                    prop_assert!(share(&after, choice) <= share(&before, choice), "{value}");
                }
            }
        }
    }

    #[test]
    fn one_unknown_answer_never_makes_a_verdict_strong(sheet in sheets()) {
        // A sheet with nothing but one answer knows too little to be strong.
        for question in Model::builtin().questions() {
            let only = sheet.value(&question.id);
            let alone = Answers::default().with(Model::builtin(), &question.id, only).unwrap();
            prop_assert_ne!(engine().recommend(&alone).verdict, Verdict::Strong, "{}", question.id);
        }
    }

    #[test]
    fn equal_answers_give_equal_bits(sheet in sheets()) {
        prop_assert_eq!(engine().recommend(&sheet), engine().recommend(&sheet.clone()));
    }
}

#[test]
fn the_hybrid_says_which_kind_it_is() {
    let sheet = "failure_consequence = \"catastrophic\"\nuntrusted_input = \"core_job\"\n\
        invariants = \"intricate\"\ngo_fluency = \"most\"\nrust_fluency = \"few\"\nowners = 12\n\
        libraries = \"split\"\npaved_road = \"both\"\nseparable_core = \"yes\"\n";
    let ids = |lines: &str| {
        let score = engine().recommend(&answers(Model::builtin(), &format!("{sheet}{lines}")));
        assert_eq!(score.recommended, Some(Choice::Hybrid), "{lines}");
        let kinds =
            score.notices.into_iter().filter(|n| ["one_process", "two_services"].contains(&&*n.id));
        kinds.map(|notice| (notice.id, notice.text)).collect::<Vec<_>>()
    };
    let [(id, _)] = &ids("embedding = \"none\"\n")[..] else { unreachable!() };
    assert_eq!(id, "two_services");
    let [(id, text)] = &ids("embedding = \"must\"\n")[..] else { unreachable!() };
    assert!(id == "one_process" && text.contains("it must run inside something else"), "{text}");
    let [(id, text)] = &ids("constraints = [\"library_only_rust\"]\n")[..] else { unreachable!() };
    assert!(id == "one_process" && text.contains("exists only for Rust"), "{text}");
}

/// The figures that no change may worsen unnoticed. They hold without any measurement.
#[test]
fn the_agreement_does_not_fall() {
    let found = backtest(engine(), precedent_cases(), Usage::Core).summary;
    assert!(found.agree >= FLOOR.0, "agrees on {} of {}", found.agree, found.decided);
    assert!(found.abstained <= FLOOR.1, "abstains on {}", found.abstained);
    assert!(found.strong.cases >= FLOOR.2, "strong on {}", found.strong.cases);
    assert_eq!(found.strong.agree, found.strong.cases, "strong and wrong");
    assert!(found.brier.expect("cases") <= FLOOR.3, "{:?}", found.brier);
    assert!(found.credit > found.baselines.four_questions.credit, "no better than four questions");
}

/// Agreed at least, abstained at most, strong at least, Brier at most.
const FLOOR: (usize, usize, usize, f64) = (30, 5, 12, 0.18);

#[test]
fn the_committed_search_belongs_to_this_model() {
    let found = committed_leave_one_out().expect(
        "backend.toml or levers.toml has changed: run `cargo run -p assay --example \
         leave-one-out > app/advice/models/leave-one-out.toml`",
    );
    assert_eq!(found.left_out.cases, 37);
    let model: toml::Table = Model::builtin().text().parse().expect("TOML");
    for lever in levers() {
        let now = lever.setting(&model).expect("one of its settings");
        let mut rows = found.one_at_a_time.iter().filter(|row| row.lever == lever.id);
        assert_eq!(rows.clone().count(), lever.settings.len(), "{}", lever.id);
        assert!(rows.all(|row| row.shipped == (row.setting == now)), "{}", lever.id);
        assert!(lever.reason.ends_with('.') && lever.settings.len() >= 2, "{}", lever.id);
        assert!(lever.settings.iter().all(|s| s.len() == lever.at.len()), "{}", lever.id);
    }
    // What holds for organisations that it has not seen.
    let left_out = &found.left_out;
    assert!(left_out.agree * 100 >= left_out.decided * 85, "{left_out:?}");
    assert!(left_out.strong_agree * 100 >= left_out.strong * 95, "{left_out:?}");
    assert!(left_out.strong * 100 >= left_out.cases * 30, "{left_out:?}");
    // Wanted are 15%, five cases: missed by one since a gateway and a whole path are measured (HISTORY.md).
    assert!(left_out.abstained.len() <= 6, "{left_out:?}");
}

/// Priors are how often documented decisions gave each answer; what was chosen plays no part.
#[test]
fn priors_follow_the_documented_answers() {
    let services = || precedents().iter().filter(|p| p.usage != Usage::NotAService);
    for question in Model::builtin().questions() {
        let QuestionKind::One(choices) = &question.kind else { continue };
        let given = |value: &str| {
            let same = |p: &&assay_advice::Precedent| {
                p.answers.value(&question.id) == AnswerValue::One(value)
            };
            services().filter(same).count()
        };
        let stated: usize = choices.iter().map(|choice| given(&choice.value)).sum();
        let all: f64 = choices.iter().map(|choice| choice.prior).sum();
        for choice in choices {
            let prior = choice.prior / all;
            if question.id != "workload" && stated * 2 >= services().count() {
                let share = given(&choice.value) as f64 / stated as f64;
                assert!(
                    (share - prior).abs() < 0.12,
                    "{} {}: {share:.2} {prior:.2}",
                    question.id,
                    choice.value
                );
            } else {
                assert!((prior - 1.0 / choices.len() as f64).abs() < 1e-9, "{}", question.id);
            }
        }
    }
}
