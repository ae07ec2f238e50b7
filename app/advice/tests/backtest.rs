//! The backtest: its statistics against published values, and what holds for any set of cases.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use assay_advice::{
    Ablation, AnswerValue, Answers, Baselines, BuiltinCases, ByOption, Case, CaseResult, Choice,
    Engine, Heeded, HybridKind, Measurements, Model, SEED, Summary, Usage, Verdict, backtest,
    precedent_cases, precedents, sign_test, wilson, without_each_criterion,
};
use proptest::prelude::*;
use support::engine;

const RUST: Option<Choice> = Some(Choice::Rust);
const GO: Option<Choice> = Some(Choice::Go);
const HYBRID: Option<Choice> = Some(Choice::Hybrid);

fn near(value: Option<f64>, expected: f64, within: f64) {
    let value = value.expect("a value");
    assert!((value - expected).abs() <= within, "{value} is not {expected}");
}

/// A case with its outcome; the shares are all on what was recommended, or equal.
fn result(chosen: Choice, recommended: Option<Choice>) -> CaseResult {
    CaseResult {
        id: String::new(),
        title: String::new(),
        option: chosen,
        usage: Usage::Core,
        recommended,
        verdict: if recommended.is_some() { Verdict::Strong } else { Verdict::TooClose },
        stay: false,
        held_back: Vec::new(),
        first_share: ByOption::from_fn(|option| match recommended {
            Some(recommended) if recommended == option => 1.0,
            Some(_) => 0.0,
            None => 1.0 / 3.0,
        }),
        baselines: Baselines::default(),
        tipped: None,
        chosen_ruled_out: String::new(),
        flip: None,
        hybrid_kind: None,
        kind_named: None,
        answers: toml::Table::new(),
    }
}

/// Rows: recommended; columns: chosen; both in the options' order.
fn table(rows: [[usize; 3]; 3]) -> Vec<CaseResult> {
    let cells = Choice::ALL.into_iter().zip(rows).flat_map(|(recommended, row)| {
        Choice::ALL.into_iter().zip(row).map(move |(chosen, count)| (recommended, chosen, count))
    });
    cells
        .flat_map(|(recommended, chosen, count)| vec![result(chosen, Some(recommended)); count])
        .collect()
}

#[test]
fn the_statistics_match_published_values() {
    let [low, high] = wilson(36, 45).expect("an interval");
    assert!((low - 0.66).abs() < 0.005 && (high - 0.89).abs() < 0.005, "{low} {high}");
    // Wilson's interval stays within 0 and 1, and is open where normal theory has no width.
    let [low, high] = wilson(0, 10).expect("an interval");
    assert!(low == 0.0 && (high - 0.278).abs() < 0.001, "{low} {high}");
    assert_eq!(wilson(14, 14).map(|[_, high]| high), Some(1.0));
    assert_eq!(wilson(0, 0), None);

    // Two raters on 50 proposals: observed .7, by chance .5.
    near(Summary::of(&table([[20, 5, 0], [10, 15, 0], [0, 0, 0]])).kappa, 0.4, 1e-12);
    // Cohen (1960): observed .70, by chance .41.
    near(Summary::of(&table([[44, 5, 1], [7, 20, 3], [9, 5, 6]])).kappa, 0.4915, 1e-4);
    // Agreement no better than chance.
    near(Summary::of(&table([[4, 4, 0], [4, 4, 0], [0, 0, 0]])).kappa, 0.0, 1e-12);

    near(Summary::of(&[result(Choice::Go, None)]).brier, 0.667, 0.0005);
    near(Summary::of(&[result(Choice::Go, RUST)]).brier, 2.0, 1e-12);
    near(Summary::of(&[result(Choice::Go, GO), result(Choice::Go, RUST)]).brier, 1.0, 1e-12);
}

#[test]
fn abstentions_count_a_third_and_stay_out_of_agreement_and_kappa() {
    let cases = [
        result(Choice::Rust, RUST),
        result(Choice::Go, GO),
        result(Choice::Hybrid, GO),
        result(Choice::Rust, None),
        result(Choice::Go, None),
        result(Choice::Go, None),
    ];
    let summary = Summary::of(&cases);
    assert_eq!((summary.cases, summary.decided, summary.agree, summary.abstained), (6, 3, 2, 3));
    near(summary.agreement, 2.0 / 3.0, 1e-12);
    assert_eq!(summary.agreement_interval, wilson(2, 3));
    assert!((summary.credit - 3.0).abs() < 1e-12);
    // Observed 2/3, by chance (1·1 + 2·1 + 0·1) / 9.
    near(summary.kappa, 0.5, 1e-12);
    assert_eq!(summary.confusion.go, ByOption { rust: 0, go: 1, hybrid: 1 });
    assert_eq!(summary.confusion.abstain, ByOption { rust: 1, go: 2, hybrid: 0 });
    assert_eq!((summary.strong.cases, summary.strong.agree), (3, 2));
    assert_eq!(summary.strong.mean_first_share, Some(1.0));
    assert_eq!((summary.lean.cases, summary.lean.interval), (0, None));
    assert_eq!(summary.too_close.cases, 3);
}

#[test]
fn the_model_is_paired_with_each_baseline_on_every_case() {
    let with = |recommended, said| CaseResult {
        baselines: Baselines { majority: said, ..Baselines::default() },
        ..result(Choice::Rust, recommended)
    };
    // Right beats silent beats wrong; the same is neither.
    let cases = [
        with(RUST, None),
        with(RUST, GO),
        with(None, GO),
        with(None, RUST),
        with(GO, None),
        with(GO, HYBRID),
        with(RUST, RUST),
        with(None, None),
    ];
    let majority = Summary::of(&cases).baselines.majority;
    assert_eq!((majority.wins, majority.losses), (3, 2));
    assert_eq!((majority.decided, majority.agree, majority.abstained), (5, 2, 3));
    assert!((majority.credit - 3.0).abs() < 1e-12);
    near(majority.by_chance, 1.0, 1e-12);
}

#[test]
fn the_sign_test_counts_the_throws_of_a_fair_coin() {
    // Both tails of 14 throws with 4 or fewer on one side: 2 · 1,471 of 16,384.
    near(sign_test(10, 4), 2.0 * 1471.0 / 16384.0, 1e-12);
    assert_eq!(sign_test(4, 10), sign_test(10, 4));
    near(sign_test(5, 0), 2.0 / 32.0, 1e-12);
    near(sign_test(3, 3), 1.0, 1e-12);
    assert_eq!(sign_test(0, 0), None);
}

#[test]
fn the_best_simple_way_has_the_most_credit() {
    let said =
        |majority, four_questions| Baselines { majority, four_questions, ..Baselines::default() };
    let with = |majority, four| CaseResult {
        baselines: said(majority, four),
        ..result(Choice::Rust, RUST)
    };
    let summary = Summary::of(&[with(GO, RUST), with(GO, RUST), with(RUST, GO)]);
    let (words, tally) = summary.baselines.best();
    assert_eq!((words.id, tally.agree), ("four_questions", 2));
    // Of equals the simpler one, which is named first.
    assert_eq!(Summary::of(&[with(RUST, RUST)]).baselines.best().0.id, "majority");
}

#[test]
fn an_abstention_that_says_to_stay_is_counted_apart() {
    let with = |existing: &str, chosen, stay| CaseResult {
        stay,
        answers: toml::Table::from_iter([("existing_code".to_owned(), existing.into())]),
        ..result(chosen, None)
    };
    let cases = [
        with("go", Choice::Go, true),
        with("go", Choice::Rust, true),
        with("other", Choice::Rust, true),
        with("go", Choice::Go, false),
    ];
    let summary = Summary::of(&cases);
    assert_eq!((summary.abstained, summary.stayed.cases, summary.stayed.agree), (4, 3, 1));
    // A case with code in Go and nothing to choose by.
    let found = backtest(engine(), &[case("a", "rust", "existing_code = \"go\"\n")], Usage::Core);
    assert!(found.per_case[0].stay && found.summary.stayed.cases == 1, "{found:#?}");
}

#[test]
fn a_criterion_left_out_counts_for_nothing() {
    let cases: Vec<Case> = precedent_cases().iter().take(20).cloned().collect();
    let found = backtest(engine(), &cases, Usage::Core);
    let without = without_each_criterion(engine(), &cases, &found.per_case, Usage::Core);
    assert_eq!(without.len(), Model::builtin().criteria().len());
    let id = "paved_road";
    let mut model: toml::Table = Model::builtin().text().parse().expect("TOML");
    let criteria = model["criterion"].as_array_mut().expect("criteria");
    for criterion in criteria.iter_mut().filter(|criterion| criterion["id"].as_str() == Some(id)) {
        criterion["swing"] = 0.into();
    }
    let edited = Model::parse(&toml::to_string(&model).expect("TOML")).expect("a model");
    let measured = engine().measurements().clone();
    let plain = backtest(&Engine::new(edited, measured, SEED), &cases, Usage::Core);
    let own = without.iter().find(|own| own.criterion == id).expect("the criterion");
    let Summary { decided, agree, abstained, credit, .. } = plain.summary;
    assert_eq!((own.decided, own.agree, own.abstained), (decided, agree, abstained));
    assert!((own.credit - credit).abs() < 1e-12);
    let pairs = found.per_case.iter().zip(&plain.per_case);
    let moved =
        pairs.filter(|(l, r)| (l.recommended, l.verdict) != (r.recommended, r.verdict)).count();
    assert_eq!(own.moved, moved);
    assert!(without.iter().all(|own| own.turned <= own.moved));
    assert!(without.iter().any(|own| own.moved > 0));
}

#[test]
fn nothing_is_claimed_of_no_cases() {
    let none = Summary::of(&[]);
    assert_eq!((none.cases, none.agreement, none.kappa, none.brier), (0, None, None, None));
    // Both sides say the same throughout: there is nothing that chance could have missed.
    assert_eq!(Summary::of(&table([[3, 0, 0], [0, 0, 0], [0, 0, 0]])).kappa, None);
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec(prop::sample::select(Choice::ALL.to_vec()), 2..40)
}

proptest! {
    #[test]
    fn a_perfect_forecaster_is_perfect(chosen in choices()) {
        let several = chosen.iter().any(|choice| Some(choice) != chosen.first());
        let cases: Vec<CaseResult> = chosen.iter().map(|c| result(*c, Some(*c))).collect();
        let summary = Summary::of(&cases);
        prop_assert_eq!(summary.agree, chosen.len());
        prop_assert_eq!(summary.agreement, Some(1.0));
        prop_assert_eq!(summary.brier, Some(0.0));
        prop_assert_eq!(summary.kappa, several.then_some(1.0));
    }

    #[test]
    fn kappa_and_brier_stay_in_their_ranges(
        chosen in choices(),
        said in prop::collection::vec(prop::option::of(prop::sample::select(Choice::ALL.to_vec())), 40),
    ) {
        let cases: Vec<CaseResult> =
            chosen.iter().zip(said).map(|(chosen, said)| result(*chosen, said)).collect();
        let summary = Summary::of(&cases);
        prop_assert!(summary.kappa.is_none_or(|kappa| (-1.0..=1.0).contains(&kappa)));
        prop_assert!(summary.brier.is_some_and(|brier| (0.0..=2.0).contains(&brier)));
        prop_assert_eq!(summary.decided + summary.abstained, summary.cases);
        let total: usize = [RUST, GO, HYBRID, None]
            .into_iter()
            .flat_map(|row| Choice::ALL.map(|column| *summary.confusion.row(row).get(column)))
            .sum();
        prop_assert_eq!(total, summary.cases);
    }
}

fn case(id: &str, option: &str, answers: &str) -> Case {
    let text = format!("id = \"{id}\"\noption = \"{option}\"\n[answers]\n{answers}");
    Case::parse(Model::builtin(), &text).expect("a good case")
}

/// What a baseline says of these answers, with three other cases: Go, Go and Rust.
fn says(answers: &str) -> Baselines<Option<Choice>> {
    let mut cases = vec![case("x", "hybrid", answers)];
    cases.extend([case("a", "go", ""), case("b", "go", ""), case("c", "rust", "")]);
    let found = backtest(engine(), &cases, Usage::Core);
    found.per_case.into_iter().find(|case| case.id == "x").expect("the case").baselines
}

#[test]
fn the_baselines_do_what_their_rules_say() {
    let empty = says("");
    assert_eq!(empty.majority, GO, "of the others");
    assert_eq!((empty.fluency_only, empty.four_questions), (None, None));

    let more_rust = says("rust_fluency = \"few\"\ngo_fluency = \"none\"\n");
    assert_eq!((more_rust.fluency_only, more_rust.four_questions), (RUST, RUST));
    assert_eq!(says("go_fluency = \"few\"\n").fluency_only, GO, "open counts as nobody");
    assert_eq!(says("go_fluency = \"most\"\nrust_fluency = \"most\"\n").fluency_only, None);

    let critical = "tail_latency = \"tight\"\n";
    let quick = "first_production = \"weeks\"\n";
    assert_eq!(says(critical).four_questions, RUST);
    assert_eq!(says(quick).four_questions, GO);
    assert_eq!(says(&format!("{critical}{quick}")).four_questions, None, "one vote each");
    let both = format!("{critical}{quick}separable_core = \"yes\"\n");
    assert_eq!((says(&both).four_questions, says(&both).two_parts), (None, HYBRID));
    assert_eq!(says(critical).two_parts, RUST, "else the four questions");
    let supplied = format!("{critical}{quick}libraries = \"cloud_native\"\n");
    assert_eq!(says(&supplied).four_questions, GO);
    let barred = format!("{critical}constraints = [\"no_rust\"]\n");
    assert_eq!(says(&barred).four_questions, GO);
    assert_eq!(says(&format!("{barred}separable_core = \"yes\"\n")).two_parts, GO);
    assert_eq!(says("priorities = [\"people\"]\n").four_questions, GO);

    // Two criteria are enough to see: everything counts the same, so what counts little is heard.
    assert_eq!(says("constraints = [\"no_go\"]\n").equal_weights, RUST, "knock-outs hold");
}

#[test]
fn the_order_of_the_cases_changes_nothing() {
    let mut cases: Vec<Case> = BuiltinCases::new(Model::builtin()).cases;
    cases.truncate(12);
    let found = backtest(engine(), &cases, Usage::Core);
    cases.reverse();
    assert_eq!(backtest(engine(), &cases, Usage::Core), found);
    cases.rotate_left(5);
    assert_eq!(backtest(engine(), &cases, Usage::Core), found);
}

#[test]
fn the_documented_decisions_are_counted_by_use() {
    let builtin = BuiltinCases::new(Model::builtin());
    assert!(builtin.left_out.is_empty());
    let found = backtest(engine(), &builtin.cases, Usage::Core);
    let core = found.per_case.iter().filter(|case| case.usage == Usage::Core).count();
    assert_eq!((found.summary.cases, found.separable_unknown.cases), (core, core));
    let apart: usize = found.apart.iter().map(|apart| apart.summary.cases).sum();
    assert_eq!(core + apart, found.per_case.len());
    assert_eq!(found.per_case.len(), builtin.cases.len());
    assert!(found.per_case.is_sorted_by(|l, r| l.id < r.id));
    let Summary { strong, lean, too_close, .. } = found.summary;
    assert_eq!(strong.cases + lean.cases + too_close.cases, core);
    assert_eq!(strong.agree + lean.agree, found.summary.agree);
    for case in &found.per_case {
        assert_eq!(case.recommended.is_none(), case.verdict == Verdict::TooClose, "{}", case.id);
        assert!(case.agreed() != Some(true) || case.flip.is_none(), "{}", case.id);
        let leads = case.flip.as_ref().is_none_or(|flip| flip.recommended == Some(case.option));
        assert!(leads, "{}", case.id);
    }
}

#[test]
fn the_object_has_the_agreed_names() {
    let cases = [case("a", "go", "go_fluency = \"most\"\n"), case("b", "rust", "owners = 3\n")];
    let found = backtest(engine(), &cases, Usage::Core);
    let json = serde_json::to_value(&found).expect("JSON");
    for key in [
        "/cases",
        "/decided",
        "/agree",
        "/abstained",
        "/strong/cases",
        "/strong/agree",
        "/lean/cases",
        "/lean/agree",
        "/kappa",
        "/brier",
        "/agreement_interval",
        "/baselines/majority/agree",
        "/baselines/equal_weights/agree",
        "/baselines/fluency_only/agree",
        "/baselines/four_questions/agree",
        "/baselines/two_parts/agree",
        "/ablations/0/id",
        "/ablations/0/decided",
        "/ablations/0/agree",
        "/ablations/0/abstained",
        "/ablations/0/credit",
        "/ablations/0/baselines/four_questions/agree",
        "/stayed/cases",
        "/baselines/two_parts/by_chance",
        "/per_case/0/stay",
        "/per_case/0/id",
        "/per_case/0/option",
        "/per_case/0/use",
        "/per_case/0/recommended",
        "/per_case/0/verdict",
        "/per_case/0/first_share/rust",
        "/per_case/0/first_share/go",
        "/per_case/0/first_share/hybrid",
    ] {
        assert!(json.pointer(key).is_some(), "{key} is missing in {json}");
    }
    assert_eq!(json.pointer("/per_case/1/answers/owners"), Some(&3.into()));
    assert_eq!(json.pointer("/per_case/0/use"), Some(&"core".into()));
}

#[test]
fn what_is_taken_away_is_gone_for_the_model_and_the_baselines() {
    let core = || precedent_cases().iter().filter(|case| case.usage == Usage::Core).cloned();
    let found = backtest(engine(), &core().collect::<Vec<_>>(), Usage::Core);
    let without = |questions: &[&str]| {
        let unknown = |answers: Answers, id: &&str| {
            answers.with(Model::builtin(), id, AnswerValue::Unknown).expect("a question")
        };
        let cases: Vec<Case> = core()
            .map(|case| Case { answers: questions.iter().fold(case.answers, unknown), ..case })
            .collect();
        backtest(engine(), &cases, Usage::Core).summary
    };
    let own = |id: &str| {
        let of = |ablation: &&Ablation| ablation.id == id;
        &found.ablations.iter().find(of).expect("the ablation").summary
    };
    assert_eq!(*own("without_priorities"), without(&["priorities"]));
    let both_and_parts = ["priorities", "libraries", "separable_core"];
    assert_eq!(*own("without_both_and_parts"), without(&both_and_parts));
    assert_eq!(found.separable_unknown, without(&["separable_core"]));
    let each: Vec<Case> = core()
        .map(|case| {
            let unknown = |answers: Answers, id: &String| {
                answers.with(Model::builtin(), id, AnswerValue::Unknown).expect("a question")
            };
            Case { answers: case.like_reasons.iter().fold(case.answers.clone(), unknown), ..case }
        })
        .collect();
    assert!(each.iter().filter(|case| case.like_reasons.is_empty()).count() < each.len() / 2);
    assert_eq!(*own("without_like_reasons"), backtest(engine(), &each, Usage::Core).summary);
    let inferred = |case: Case| {
        let unknown = |answers: Answers, id: &String| {
            answers.with(Model::builtin(), id, AnswerValue::Unknown).expect("a question")
        };
        Case { answers: case.inferred.iter().fold(case.answers.clone(), unknown), ..case }
    };
    let sourced: Vec<Case> = core().map(inferred).collect();
    assert_eq!(*own("without_inferred"), backtest(engine(), &sourced, Usage::Core).summary);
    // What an answer rests on is no source exactly when every fact it names is inferred, remembered
    // or unknown.
    for precedent in precedents() {
        let case = precedent_cases().iter().find(|case| case.id == precedent.id).expect("it");
        for (id, basis) in &precedent.answer_basis {
            let sources = precedent
                .facts
                .iter()
                .filter(|fact| basis.topics.iter().any(|it| it == fact.topic));
            let sourced =
                sources.flat_map(|fact| fact.source.split(", ")).any(|tag| tag.starts_with('S'));
            assert_eq!(case.inferred.contains(id), !sourced, "{}: {id}", case.id);
        }
    }
    assert!(own("without_both").agree < found.summary.agree, "they carry some of the agreement");
    // Nothing expected: as with a model whose every ratio is 1.
    let mut model: toml::Table = Model::builtin().text().parse().expect("TOML");
    model.remove("expected");
    let model = Model::parse(&toml::to_string(&model).expect("TOML")).expect("a model");
    let plain = Engine::new(model, Measurements::default(), SEED);
    let plain = backtest(&plain, &core().collect::<Vec<_>>(), Usage::Core).summary;
    assert_eq!(*own("without_expectations"), plain);
}

#[test]
fn records_that_took_the_advice_are_counted_apart() {
    let advised = |id: &str, option: &str, advice| Case {
        advice: Some(advice),
        ..case(id, option, "go_fluency = \"most\"\nrust_fluency = \"none\"\npaved_road = \"go\"\n")
    };
    let cases = [
        advised("a", "go", Heeded::Taken),
        advised("b", "go", Heeded::Taken),
        advised("c", "rust", Heeded::Overridden),
        advised("d", "go", Heeded::NoAdvice),
    ];
    let found = backtest(engine(), &cases, Usage::Core);
    let by_advice = found.by_advice.expect("records");
    let counts = [&by_advice.taken, &by_advice.overridden, &by_advice.none].map(|of| of.cases);
    assert_eq!(counts, [2, 1, 1]);
    assert_eq!(by_advice.taken.decided, by_advice.taken.agree);
    assert_eq!(by_advice.overridden.agree, 0);
    // Documented decisions were given none.
    assert_eq!(backtest(engine(), &[case("a", "go", "")], Usage::Core).by_advice, None);
}

#[test]
fn the_kind_of_hybrid_named_is_held_against_the_one_built() {
    let split = "go_fluency = \"most\"\nrust_fluency = \"most\"\nowners = 12\nlibraries = \"split\"\n\
        paved_road = \"both\"\nseparable_core = \"yes\"\nfirst_production = \"later\"\n";
    let built = |id: &str, kind, lines: &str| Case {
        hybrid_kind: Some(kind),
        ..case(id, "hybrid", &format!("{split}{lines}"))
    };
    let cases = [
        built("a", HybridKind::OneProcess, "embedding = \"must\"\n"),
        built("b", HybridKind::OneProcess, "embedding = \"none\"\n"),
        built("c", HybridKind::TwoServices, "embedding = \"none\"\n"),
        built("d", HybridKind::TwoServices, "constraints = [\"no_rust\"]\n"),
        case("e", "hybrid", split),
    ];
    let found = backtest(engine(), &cases, Usage::Core);
    let tally = found.hybrid_kind.expect("hybrids");
    assert_eq!((tally.cases, tally.named, tally.agree), (4, 3, 2));
    let coded = precedent_cases().iter().filter(|case| case.hybrid_kind.is_some());
    assert!(coded.clone().all(|case| case.option == Choice::Hybrid) && coded.count() >= 9);
    let text = "id = \"a\"\noption = \"hybrid\"\n[answers]\n[decision]\nhybrid_kind = \"both\"\n";
    let told = Case::parse(Model::builtin(), text).expect_err("no such kind");
    assert!(told[0].to_string().contains("allowed: one_process, two_services"), "{told:?}");
}

#[test]
fn a_faulty_case_is_told_where_and_what_is_allowed() {
    let told = |text: &str| {
        let problems = Case::parse(Model::builtin(), text).expect_err(text);
        let all = problems.iter().map(|p| (p.span.clone().expect("a place").start, p.to_string()));
        all.collect::<Vec<_>>()
    };
    let good = "id = \"a\"\noption = \"go\"\n[answers]\nowners = 3\n";
    assert_eq!(Case::parse(Model::builtin(), good).expect("good").usage, Usage::Core);
    let noted = format!("note = \"ours\"\nuse = \"thin-reasons\"\n{good}[more]\nx = 1\n");
    assert_eq!(Case::parse(Model::builtin(), &noted).expect("good").usage, Usage::ThinReasons);

    let bad = "id = \"\"\noption = \"zig\"\nuse = \"corr\"\n[answers]\nowners = 0\n";
    let [id, option, usage, owners] = &told(bad)[..] else { unreachable!("four faults") };
    assert_eq!((id.0, option.0, usage.0), (5, 17, 29));
    assert!(option.1.contains("allowed: rust, go, hybrid"), "{}", option.1);
    assert!(usage.1.contains("allowed: core, pre-rust-era"), "{}", usage.1);
    assert!(owners.1.contains("a whole number from 1"), "{}", owners.1);
    for (text, said) in [
        ("option = \"go\"\n[answers]\n", "missing field `id`"),
        ("id = \"a\"\n[answers]\n", "missing field `option`"),
        ("id = \"a\"\noption = \"go\"\n", "there is no [answers] table"),
        ("id = \"a\"\noption = 3\n[answers]\n", "expected a string"),
        ("id = \"a\n", "invalid"),
    ] {
        let faults = told(text);
        assert!(faults.iter().any(|(_, message)| message.contains(said)), "{text}: {faults:?}");
    }
}
