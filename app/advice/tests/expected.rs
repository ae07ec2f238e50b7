//! What stands in where nothing was measured, and what may be no more than noise: neither speaks
//! louder than it may.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

#[expect(dead_code, reason = "other tests share more of it")]
mod support;

use assay_advice::{
    AnswerValue, Answers, Beside, Choice, Compared, Engine, Estimate, Measurements, Model, Part,
    Reason, SEED, Score, Verdict, WorkloadMeasurement, held_back_by, precedent_cases,
};
use support::{answers, engine, measured_engine, measurements, twin};

/// Everything that is judged is even; what is left is the tail, processor time and memory.
const EVEN: &str = "failure_consequence = \"minor\"\nuntrusted_input = \"framework_only\"\n\
    invariants = \"crud\"\ngo_fluency = \"most\"\nrust_fluency = \"most\"\nowners = 6\n\
    newcomers = \"none\"\ntail_latency = \"tight\"\nresident_state = \"small\"\nmemory_tight = \"yes\"\n\
    fleet_cores = \"large\"\nfirst_production = \"later\"\nchange_rate = \"stable\"\n\
    libraries = \"mainstream\"\nembedding = \"none\"\npaved_road = \"both\"\nexisting_code = \"none\"\n\
    separable_core = \"no\"\npriorities = [\"efficiency\", \"latency\"]\n";

fn sheet(lines: &str) -> Answers {
    answers(Model::builtin(), &format!("{EVEN}{lines}"))
}

fn reason<'a>(score: &'a Score, criterion: &str) -> &'a Reason {
    score.reasons.iter().find(|reason| reason.criterion == criterion).expect("a reason")
}

fn engine_with(measured: Measurements) -> Engine {
    Engine::new(Model::builtin().clone(), measured, SEED)
}

#[test]
fn less_is_expected_of_rust_where_both_mostly_compute() {
    let model: toml::Table = Model::builtin().text().parse().unwrap();
    let stated = |answer: &str| {
        let ratio = &model["expected"]["cpu"][answer];
        let [value, low, high] = ["value", "low", "high"].map(|key| ratio[key].to_string());
        format!("{value} times ({low} to {high}) Go's processor time")
    };
    let value = |answer: &str| model["expected"]["cpu"][answer]["value"].as_float().unwrap();
    assert!(value("no") < value("mixed") && value("mixed") < value("yes"));
    for answer in ["no", "mixed", "yes"] {
        let lines = format!("workload = \"cache\"\ncpu_bound = \"{answer}\"\n");
        let text = engine().recommend(&sheet(&lines));
        let text = &reason(&text, "economy").text;
        let says = stated(answer).replace(".0 to", " to").replace("to 1.0)", "to 1)");
        assert!(text.contains(&says), "{says}: {text}");
    }
    let open = engine().recommend(&sheet("workload = \"cache\"\n"));
    let text = &reason(&open, "economy").text;
    assert!(text.contains("0.5 to 0.75 times Go's processor time (by how much of it"), "{text}");
}

#[test]
fn what_is_only_expected_never_makes_a_verdict_strong() {
    let of = |engine: &Engine, workload: &str| {
        engine.recommend(&sheet(&format!("workload = \"{workload}\"\ncpu_bound = \"no\"\n")))
    };
    let capped = |score: &Score| score.notices.iter().any(|n| n.id == "capped_expected");
    // Everything that speaks for Rust is expected.
    let expected = of(engine(), "cache");
    assert!(expected.options.rust.first_share > 0.9, "{:?}", expected.options.rust);
    assert_eq!((expected.recommended, expected.verdict), (Some(Choice::Rust), Verdict::Lean));
    assert!(capped(&expected));
    let why = held_back_by(&expected.held_back);
    assert!(why.contains("without what is only expected it would be too close"), "{why}");
    // The same, measured, may be strong.
    let measured = of(measured_engine(), "json_api");
    assert_eq!((measured.recommended, measured.verdict), (Some(Choice::Rust), Verdict::Strong));
    assert!(!capped(&measured));
    // So may what would hold without the expectation.
    let judged = "failure_consequence = \"catastrophic\"\nuntrusted_input = \"core_job\"\n\
        invariants = \"intricate\"\ngo_fluency = \"few\"\nrust_fluency = \"most\"\nowners = 5\n\
        workload = \"gateway\"\ntail_latency = \"tight\"\nfirst_production = \"later\"\n\
        libraries = \"systems\"\npaved_road = \"rust\"\nseparable_core = \"no\"\n";
    let judged = engine().recommend(&answers(Model::builtin(), judged));
    assert_eq!((judged.verdict, capped(&judged)), (Verdict::Strong, false));
}

/// A run with these figures, in which the differences of some may be noise.
fn noisy(within_noise: &[Compared]) -> Engine {
    let about = |value: f64| Estimate { value, low: value * 0.6, high: value * 1.6 };
    let twin = |cpu, memory, p99: f64| assay_advice::TwinFigures {
        half_load_p99_ms: about(p99),
        half_load_p999_ms: about(p99 * 2.0),
        ..twin(cpu, memory, p99)
    };
    let mut measured = measurements(twin(0.1, 20.0, 3.0), twin(0.2, 60.0, 8.0));
    measured.workloads.iter_mut().for_each(|run| run.within_noise = within_noise.to_vec());
    engine_with(measured)
}

#[test]
fn a_difference_that_may_be_noise_counts_as_none() {
    let lines = "workload = \"json_api\"\ncpu_bound = \"no\"\npeak_rps = 1000\ncores = 1\n";
    let latency = [Compared::P99, Compared::P999];
    let (loud, mute) = (noisy(&[]), noisy(&latency));
    let [loud, muted] = [&loud, &mute].map(|engine| engine.recommend(&sheet(lines)));
    assert!(reason(&loud, "tail").contribution > 0.0);
    assert!(reason(&loud, "feasibility").contribution > 0.0);
    for criterion in ["tail", "feasibility"] {
        assert_eq!(reason(&muted, criterion).contribution, 0.0, "{criterion}");
    }
    let text = &reason(&muted, "tail").text;
    assert!(text.contains("a difference that may be noise, which does not separate"), "{text}");
    assert!(!reason(&loud, "tail").text.contains("noise"));
    // √(3 × 8) = 4.9 ms and twice that, against 10 ms.
    let said = "The comparison takes both at the geometric mean of their figures where the twins' \
                difference may be noise: 2.04\u{d7} on p99 and 1.02\u{d7} on p99.9.";
    assert!(muted.performance.summary.contains(said), "{}", muted.performance.summary);
    assert!(!loud.performance.summary.contains("geometric"));
    // Each twin is told with its own figure all the same: 10 ÷ 6 and 10 ÷ 16.
    for own in ["Rust has 1.67\u{d7} what is needed on p99.9", "Go has 0.62\u{d7} what is needed"] {
        let [loud, muted] = [&loud, &muted].map(|score| score.performance.summary.as_str());
        assert!(loud.contains(own) && muted.contains(own), "{own}: {loud} {muted}");
    }
    // What was measured is shown as it was.
    assert_eq!(loud.performance.needs, muted.performance.needs);
    // No draw tells the twins apart either: equal figures give the same shares.
    let mut equal = measurements(twin(0.1, 20.0, 4.0), twin(0.2, 60.0, 4.0));
    let workload = &mut equal.workloads[0];
    for twin in [&mut workload.rust, &mut workload.go] {
        twin.half_load_p999_ms = Estimate::exact(9.0);
    }
    let no_need = sheet("workload = \"json_api\"\ncpu_bound = \"no\"\n");
    let relaxed = no_need.with(Model::builtin(), "p99_ms", AnswerValue::Unanswered);
    let shares = |engine: &Engine| {
        let parts = engine.explain(&relaxed.clone().unwrap());
        let tail = parts.into_iter().find(|part| part.id == "tail").expect("the tail");
        (tail.values, tail.contribution)
    };
    assert_eq!(shares(&mute), shares(&engine_with(equal)));
}

#[test]
fn an_overloaded_twin_does_not_hide_behind_noise() {
    // Go carries 5,000 requests/s, Rust 10,000; each has 50 ms of p99 to stay within.
    let lines = "workload = \"json_api\"\ncpu_bound = \"no\"\npeak_rps = 7000\ncores = 1\n\
                 p99_ms = { value = 50, must = true }\ncpu_ms = 0.2\n";
    let score = noisy(&[Compared::P99, Compared::P999]).recommend(&sheet(lines));
    let summary = &score.performance.summary;
    assert!(summary.starts_with("Rust meets the stated need"), "{summary}");
    assert!(summary.contains("Go is overloaded on p99"), "{summary}");
    assert!(!summary.contains("noise"), "{summary}");
    assert!(score.options.rust.knocked_out.is_empty(), "{:?}", score.options.rust);
    assert_eq!(score.options.go.knocked_out, ["must_missed"]);
}

#[test]
fn noise_mutes_processor_time_and_memory_as_well() {
    let cpu = noisy(&[Compared::Cpu]).recommend(&sheet("workload = \"json_api\"\n"));
    let text = &reason(&cpu, "economy").text;
    assert!(text.contains("0.2 ms a request, which may be noise)"), "{text}");
    assert!(!text.contains("60 MB, which may be noise"), "{text}");
    let both = noisy(&[Compared::Cpu, Compared::Memory]);
    let both = both.recommend(&sheet("workload = \"json_api\"\n"));
    assert_eq!(reason(&both, "economy").contribution, 0.0);
    // The twins are alike in every draw, so nothing but noise on judgements is left of the rest.
    assert!(reason(&cpu, "economy").contribution > 0.0, "memory still speaks");
}

#[test]
fn a_run_of_computing_work_stands_for_that_work_alone() {
    let mut measured = measurements(twin(0.1, 20.0, 1.0), twin(0.4, 60.0, 3.0));
    let computing = WorkloadMeasurement {
        scenario: "computing".to_owned(),
        run: "made-up-computing".to_owned(),
        part: Part::Computing,
        rust: twin(5.0, 30.0, 9.0),
        go: twin(6.0, 40.0, 9.0),
        ..measured.workloads[0].clone()
    };
    let without = engine_with(measured.clone());
    // It comes first, and still stands only where the service computes.
    measured.workloads.insert(0, computing);
    let with = engine_with(measured);
    let needs = "workload = \"json_api\"\npeak_rps = 1000\ncores = 1\ncpu_ms = 1\n";
    let score = |engine: &Engine, lines: &str| engine.recommend(&sheet(&format!("{needs}{lines}")));
    for lines in ["cpu_bound = \"no\"\n", "cpu_bound = \"mixed\"\n"] {
        assert_eq!(score(&with, lines), score(&without, lines), "{lines}");
    }
    let computes = score(&with, "cpu_bound = \"yes\"\n");
    let economy = reason(&computes, "economy");
    assert_eq!(economy.evidence.as_deref(), Some("made-up-computing/computing"));
    assert!(economy.text.contains("0.83 times Go's processor time"), "{}", economy.text);
    assert_eq!(computes.performance.work_factor, Some(1.0 / 6.0), "of the computing twin");
    let tail = reason(&computes, "tail").evidence.clone();
    assert_eq!(tail.as_deref(), Some("made-up/quotes"), "the tail goes by what stays in memory");
    let answers = sheet(&format!("{needs}cpu_bound = \"yes\"\n"));
    assert_eq!(with.measured(&answers).map(|run| run.scenario.as_str()), Some("computing"));
}

#[test]
fn open_questions_hold_back_only_what_an_answer_to_them_could_turn() {
    // Only Go is left, so nothing that is open matters, although most is.
    let alone = "go_fluency = \"few\"\nseparable_core = \"no\"\nconstraints = [\"no_rust\"]\n";
    let score = engine().recommend(&answers(Model::builtin(), alone));
    assert_eq!((score.recommended, score.verdict), (Some(Choice::Go), Verdict::Strong));
    assert!(score.notices.iter().all(|notice| notice.id != "capped_unknown"));
    // Wherever they do hold it back, there is an answer that turns it.
    let model = Model::builtin();
    let mut held = 0;
    let core = || model.questions().iter().filter(|question| question.core);
    for (case, question) in precedent_cases().iter().flat_map(|case| core().map(move |q| (case, q)))
    {
        let open =
            case.answers.with(model, &question.id, AnswerValue::Unknown).expect("a question");
        let score = engine().recommend(&open);
        if !score.held_back.iter().any(|cap| cap == "capped_unknown") {
            continue;
        }
        held += 1;
        let turns = |id: &str, answer: &str| {
            let answered = open.with(model, id, AnswerValue::One(answer)).expect("an answer");
            let after = engine().recommend(&answered);
            after.all_ruled_out() || after.compared()[0] != score.compared()[0]
        };
        let mut unknown = score.unknown.iter().filter_map(|id| model.question(id));
        let turned = unknown.any(|q| q.answers().iter().any(|a| turns(&q.id, &a.value)));
        assert!(turned, "{} without {}", case.id, question.id);
    }
    assert!(held > 0);
}

#[test]
fn runs_that_do_not_stand_for_a_workload_are_told() {
    let beside = |stands: Option<&str>, scenarios: &[&str]| Beside {
        workload: "analytics".to_owned(),
        stands: stands.map(str::to_owned),
        scenarios: scenarios.iter().map(|it| (*it).to_owned()).collect(),
    };
    let summary = |beside: Vec<Beside>, workload: &str| {
        let measured = Measurements { beside, ..Measurements::default() };
        let engine = Engine::new(Model::builtin().clone(), measured, SEED);
        let sheet = answers(engine.model(), &format!("workload = \"{workload}\"\n"));
        engine.recommend(&sheet).performance.summary
    };
    let nothing = "Nothing has been measured for a service like this yet.";
    assert_eq!(summary(Vec::new(), "analytics"), nothing);
    assert_eq!(
        summary(vec![beside(Some("mixed"), &["query", "ingest"])], "analytics"),
        "Nothing measured so far stands for a service like this: only a run of mixed would, and none \
         is in use; what was measured with query and ingest answers questions of their own."
    );
    assert_eq!(
        summary(vec![beside(None, &["query"])], "analytics"),
        "Nothing measured so far stands for a service like this: no scenario stands for it yet; what \
         was measured with query answers a question of its own."
    );
    assert_eq!(summary(vec![beside(None, &["query"])], "gateway"), nothing);
}
