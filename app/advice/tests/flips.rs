//! What would change the advice: a flip leads where it says.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use std::sync::OnceLock;

use assay_advice::{
    AnswerValue, Answers, Change, Choice, Engine, Estimate, Flip, FlipKind, LEAN, Model,
    QuestionKind, SEED, STRONG, Score, TwinFigures, Usage, Verdict, backtest, precedent_cases,
};
use proptest::prelude::*;
use support::{answers, engine, measured_engine, measurements, sheets, twin};

fn score(lines: &str) -> Score {
    engine().score(&answers(Model::builtin(), lines))
}

fn decided(flip: &Flip) -> bool {
    flip.verdict_after != Verdict::TooClose
}

const RULED_OUT: &str = "constraints = [\"no_rust\", \"no_go\"]\n";

#[test]
fn where_every_option_is_ruled_out_a_flip_brings_one_back() {
    let found = score(RULED_OUT);
    assert!(found.all_ruled_out());
    assert_eq!(found.flips.len(), 2, "giving up either constraint leaves one option");
    for flip in &found.flips {
        assert!(decided(flip), "{flip:?}");
        assert!(flip.changes.iter().any(|change| change.id == "constraints"), "{flip:?}");
    }
    let without_go =
        found.flips.iter().find(|flip| flip.changes[0].from == "no_rust".into()).unwrap();
    assert_eq!(without_go.recommended, Some(Choice::Rust));
    assert!(
        without_go.text.starts_with("If it no longer held that Rust is ruled out beforehand: Rust"),
        "{}",
        without_go.text
    );
    assert_eq!(score("constraints = [\"no_go\"]\n").recommended, Some(Choice::Rust));
}

#[test]
fn where_no_change_brings_an_option_back_there_is_no_flip() {
    // Two lists would have to change, and nobody could review either language within weeks.
    let out = "constraints = [\"no_rust\", \"no_go\", \"no_gc\", \"library_only_go\"]\n\
               go_fluency = \"none\"\nrust_fluency = \"none\"\nfirst_production = \"weeks\"\n";
    let found = score(out);
    assert!(found.all_ruled_out());
    assert_eq!(found.flips, []);
}

#[test]
fn a_flip_says_the_verdict_and_those_too_close_come_last() {
    let engine = measured_engine();
    let mut close = 0;
    for case in precedent_cases() {
        let found = engine.recommend_with_flips(&case.answers);
        assert!(found.flips.is_sorted_by_key(|flip| !decided(flip)), "{}", case.id);
        for flip in &found.flips {
            let says = match (flip.recommended, flip.verdict_after) {
                (Some(option), Verdict::Strong) => format!(": {option} (strong)."),
                (Some(option), Verdict::Lean) => format!(": {option} (a lean)."),
                (None, Verdict::TooClose) => ": too close to call.".to_owned(),
                other => panic!("{}: {other:?}", case.id),
            };
            assert!(flip.text.ends_with(&says), "{}: {}", case.id, flip.text);
            close += usize::from(!decided(flip));
            // What was too close to call and stays so is no change.
            assert!(decided(flip) || found.recommended.is_some(), "{}", case.id);
        }
    }
    assert!(close > 0, "importance turns the order where both are as good");
}

/// A run whose figures have intervals.
fn uncertain() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let about =
            |own: Estimate| Estimate { low: own.value * 0.8, high: own.value * 1.25, ..own };
        let twin = |cpu_ms, memory_mb, p99_ms| {
            let exact = twin(cpu_ms, memory_mb, p99_ms);
            TwinFigures {
                capacity_rps_per_core: about(exact.capacity_rps_per_core),
                loaded_pss_mb: about(exact.loaded_pss_mb),
                half_load_p99_ms: about(exact.half_load_p99_ms),
                half_load_p999_ms: about(exact.half_load_p999_ms),
                ..exact
            }
        };
        let measured = measurements(twin(0.1, 20.0, 2.0), twin(0.2, 60.0, 4.0));
        Engine::new(Model::builtin().clone(), measured, SEED)
    })
}

/// A sheet for a service that is measured, some of its numbers stated.
fn with_numbers() -> impl Strategy<Value = Answers> {
    let number = |low: f64, high: f64| {
        let value = (low.ln()..high.ln()).prop_map(|ln| (ln.exp() * 100.0).round() / 100.0);
        prop::option::of((value, any::<bool>()))
    };
    let numbers = (
        number(50.0, 200_000.0),
        number(1.0, 64.0),
        number(0.05, 2.0),
        number(1.0, 100.0),
        number(10.0, 500.0),
    );
    (sheets(), numbers).prop_map(|(sheet, (peak, cores, cpu, p99, memory))| {
        let model = Model::builtin();
        let sheet = sheet.with(model, "workload", AnswerValue::One("json_api")).expect("an answer");
        let said = [
            ("peak_rps", peak),
            ("cores", cores.map(|(value, _)| (value, false))),
            ("cpu_ms", cpu.map(|(value, _)| (value, false))),
            ("p99_ms", p99),
            ("memory_mb", memory),
        ];
        said.into_iter().fold(sheet, |sheet, (id, said)| {
            let value = said.map_or(AnswerValue::Unanswered, |(value, must)| AnswerValue::Number {
                value,
                must,
            });
            sheet.with(model, id, value).expect("a number in range")
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_range_of_a_number_keeps_its_promise(sheet in with_numbers()) {
        let engine = uncertain();
        let model = engine.model();
        let found = engine.recommend_with_flips(&sheet);
        let told = found.flips.iter().filter(|flip| flip.kind == FlipKind::Number);
        for flip in told.clone() {
            let [change] = &flip.changes[..] else { panic!("one number: {flip:?}") };
            let question = model.question(&change.id).expect("a question");
            let QuestionKind::Number { min, max, whole, .. } = &question.kind else { panic!() };
            let given = sheet.value(&change.id);
            let (now, must) = match given {
                AnswerValue::Number { value, must } => (Some(value), must),
                _ => (None, false),
            };
            let near = change.to.number().expect("a number");
            // Less is tighter but for the peak and what a request costs.
            let tighter_is_less = ["p99_ms", "memory_mb", "cores"].contains(&&*change.id);
            let up = now.map_or(!tighter_is_less, |now| near > now);
            let far = change.until.unwrap_or(if up { *max } else { *min });
            let after = |part: f64, [from, to]: [f64; 2]| {
                let value = (from.ln() + part * (to.max(1e-3).ln() - from.ln())).exp();
                let value = value.clamp(from.min(to), from.max(to));
                let value = if *whole && from < to { value.floor() } else { value };
                let value = if *whole && from > to { value.ceil() } else { value };
                let value = AnswerValue::Number { value, must };
                let sheet = sheet.with(model, &change.id, value).unwrap();
                let score = engine.recommend(&sheet);
                ((score.recommended, score.verdict), is_firm(engine, &sheet, &score))
            };
            for part in [0.0, 0.1, 0.35, 0.6, 0.85, 1.0] {
                let promised = (flip.recommended, flip.verdict_after);
                let (found, firm) = after(part, [near, far]);
                let told = format!("{} at {part}: {found:?}", flip.text);
                prop_assert!(found == promised || !(firm || part == 0.0 || part == 1.0), "{}", told);
            }
            // Nothing is lost before the nearest range of a number, to the next round number.
            let before = if up { near / 1.05 } else { near * 1.05 };
            let nearer = |other: &Flip| {
                let to = other.changes[0].to.number().expect("a number");
                other.changes[0].id == change.id && if up { to < near } else { to > near }
            };
            if let Some(now) = now.filter(|now| (before > *now) == up && !told.clone().any(nearer)) {
                for part in [0.3, 0.7, 1.0] {
                    let ((recommended, verdict), firm) = after(part, [now, before]);
                    let kept = recommended == found.recommended
                        && (verdict == found.verdict || found.verdict != Verdict::Strong);
                    prop_assert!(kept || !firm, "{} at {part}: {recommended:?} {verdict:?}", flip.text);
                }
            }
        }
    }
}

/// Whether the share that makes the verdict is far enough from its limits to stay on its side when a
/// number moves a little.
fn is_firm(engine: &Engine, sheet: &Answers, score: &Score) -> bool {
    let shares = Choice::ALL.map(|option| score.options.get(option).first_share);
    let without = engine.share_without_expected(sheet);
    let near = |share: &f64| [LEAN, STRONG].iter().any(|limit| (share - limit).abs() < 0.02);
    !shares.iter().chain(&without).any(near)
}

#[test]
fn the_first_loss_of_an_advice_is_told_with_both_ends() {
    let engine = uncertain();
    let sheet = |memory: f64| {
        let lines = format!(
            "failure_consequence = \"serious\"\nuntrusted_input = \"some\"\ninvariants = \"some\"\n\
             go_fluency = \"most\"\nrust_fluency = \"most\"\nowners = 6\nworkload = \"json_api\"\n\
             tail_latency = \"relaxed\"\nfirst_production = \"quarter\"\nlibraries = \"cloud_native\"\n\
             paved_road = \"go\"\nseparable_core = \"no\"\nmemory_mb = {memory}\n"
        );
        engine.score(&answers(engine.model(), &lines))
    };
    let roomy = sheet(1000.0);
    assert_eq!(roomy.recommended, Some(Choice::Go));
    let told = roomy.flips.iter().filter(|flip| flip.kind == FlipKind::Number);
    let told: Vec<&Flip> = told.filter(|flip| flip.changes[0].id == "memory_mb").collect();
    let nearest = told.iter().filter_map(|flip| flip.changes[0].to.number()).fold(0.0, f64::max);
    assert!(nearest > 0.0, "{:?}", roomy.flips);
    let verdict = |memory: f64| (sheet(memory).recommended, sheet(memory).verdict);
    assert_eq!(verdict(nearest * 1.06), (roomy.recommended, roomy.verdict));
    assert_ne!(verdict(nearest), (roomy.recommended, roomy.verdict));
    for flip in told {
        let ends = flip.changes[0].until.is_some();
        assert_eq!(ends, flip.text.contains("between"), "{}", flip.text);
    }
}

#[test]
fn what_leads_to_the_choice_is_recommended_then() {
    let engine = measured_engine();
    let cases: Vec<_> = precedent_cases().to_vec();
    let found = backtest(engine, &cases, Usage::Core);
    let mut shown = 0;
    for result in found.per_case.iter().filter(|case| case.agreed() != Some(true)) {
        let Some(flip) = &result.flip else { continue };
        shown += 1;
        assert_eq!(flip.recommended, Some(result.option), "{}", result.id);
        assert!(decided(flip), "{}: {}", result.id, flip.text);
        if flip.kind == FlipKind::Answer && flip.changes[0].id != "priorities" {
            let case = cases.iter().find(|case| case.id == result.id).unwrap();
            let mut sheet = case.answers.to_table();
            let change = &flip.changes[0];
            let value = match change.to.number() {
                Some(number) => toml::Value::Float(number),
                None => toml::Value::String(change.to.to_string()),
            };
            sheet.insert(change.id.clone(), value);
            let changed = Answers::from_table(engine.model(), &sheet).unwrap();
            assert_eq!(engine.recommend(&changed).recommended, Some(result.option));
        }
    }
    assert!(shown > 0);
}

#[test]
fn a_number_is_a_number_to_programs_as_well() {
    let engine = uncertain();
    let sheet = "workload = \"json_api\"\nmemory_mb = 1000\nowners = 6\ngo_fluency = \"most\"\n\
                 rust_fluency = \"most\"\nseparable_core = \"no\"\ncpu_ms = 0.2\n";
    let found = engine.score(&answers(engine.model(), sheet));
    let mut numbers = 0;
    for flip in &found.flips {
        let json = serde_json::to_value(flip).expect("JSON");
        for change in json["changes"].as_array().expect("changes") {
            let question = engine.model().question(change["id"].as_str().expect("an id"));
            let number = question.is_none_or(|q| matches!(q.kind, QuestionKind::Number { .. }));
            assert_eq!(change["to"].is_number(), number, "{change}");
            numbers += usize::from(number);
        }
        assert_eq!(serde_json::from_value::<Flip>(json).expect("a flip"), *flip);
    }
    assert!(numbers > 0, "{:?}", found.flips);
    // Records keep what earlier versions wrote.
    let kept = serde_json::json!({ "id": "p99_ms", "from": "unknown", "to": "9.5" });
    let kept: Change = serde_json::from_value(kept).expect("a change");
    assert_eq!((kept.from.number(), kept.to.number()), (None, Some(9.5)));
}
