//! Reading answers: what is right is kept, what is wrong is said with its place.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

use assay_advice::{AnswerValue, Answers, Model, Problem, QuestionKind, line_column, presets};
use proptest::prelude::*;

fn model() -> &'static Model {
    Model::builtin()
}

fn problem(text: &str) -> Problem {
    let problems = Answers::from_toml(model(), text).expect_err("a fault");
    problems.into_iter().next().expect("one problem")
}

#[test]
fn each_fault_names_its_place_and_what_is_allowed() {
    let cases = [
        ("[answers]\nowner = 3\n", "no question `owner`", "owners", 2),
        ("[answers]\n\nworkload = \"web\"\n", "`web` is not an answer", "json_api", 3),
        ("[answers]\nowners = 2.5\n", "2.5 is not whole", "a whole number from 1", 2),
        ("[answers]\nowners = 0\n", "0 is out of range", "1 to 10000", 2),
        ("[answers]\np99_ms = -1\n", "-1 is out of range", "0.001 to 3600000", 2),
        ("[answers]\np99_ms = inf\n", "a number that large is out of range", "ms", 2),
        ("[answers]\np99_ms = nan\n", "NaN is out of range", "ms", 2),
        ("[answers]\np99_ms = \"fast\"\n", "is a text, not a number", "a number from", 2),
        ("[answers]\nworkload = 3\n", "3 is not an answer", "json_api", 2),
        ("[answers]\nworkload = true\n", "true is not an answer", "json_api", 2),
        ("[answers]\nworkload = 2026-11-21\n", "a date is not an answer", "json_api", 2),
        ("[answers]\nworkload = [\"cache\"]\n", "a list where one", "json_api", 2),
        ("[answers]\npriorities = \"safety\"\n", "is not a list", "safety", 2),
        ("[answers]\npriorities = [\n\"safety\",\n\"speed\"]\n", "`speed` is not", "latency", 4),
        (
            "[answers]\npriorities = [\"safety\", \"latency\", \"people\"]\n",
            "3 answers",
            "up to 2",
            2,
        ),
        ("[answers]\nconstraints = [1]\n", "a list holds texts", "no_rust", 2),
        ("[answers]\nowners = { value = 3, must = true }\n", "cannot be marked", "p99_ms", 2),
        ("[answers]\np99_ms = { must = true }\n", "no number", "value = NUMBER", 2),
        (
            "[answers]\np99_ms = { value = \"unknown\", must = true }\n",
            "unknown number",
            "value",
            2,
        ),
        ("[answers]\np99_ms = { value = 3, must = \"yes\" }\n", "`must` is not", "value", 2),
        ("[answers]\nworkload = \"cache\"\nworkload = \"other\"\n", "duplicate", "TOML", 3),
        ("[answers\n", "", "TOML", 1),
        ("answers = 3\n", "not a table", "[answers]", 1),
        ("service = 3\n[answers]\n", "not a text", "service", 1),
        ("", "no [answers]", "[answers]", 1),
    ];
    for (text, message, help, line) in cases {
        let found = problem(text);
        assert!(found.message.contains(message), "{text:?}: {found:?}");
        assert!(found.help.contains(help), "{text:?}: {found:?}");
        let span = found.span.clone().unwrap_or_else(|| panic!("{text:?}: no span"));
        assert_eq!(line_column(text, span.start).0, line, "{text:?}: {found:?}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let text = "[answers]\na = 1\nb = 2\nworkload = \"x\"\n";
    assert_eq!(Answers::from_toml(model(), text).unwrap_err().len(), 3);
}

#[test]
fn a_record_a_precedent_and_a_sheet_read_alike() {
    let sheet = "service = \"s\"\n[answers]\nowners = 3\n";
    let record = "schema = 1\nservice = \"s\"\n[choice]\noption = \"go\"\n[answers]\nowners = 3\n";
    let read = |text| Answers::from_toml(model(), text).unwrap();
    assert_eq!(read(sheet), read(record));
    assert_eq!(read(sheet).service.as_deref(), Some("s"));
}

#[test]
fn presets_survive_every_form() {
    for preset in presets() {
        let answers = &preset.answers;
        assert_eq!(Answers::from_table(model(), &answers.to_table()).as_ref(), Ok(answers));
        let json = serde_json::to_value(answers.to_table()).unwrap();
        assert_eq!(Answers::from_json(model(), &json).as_ref(), Ok(answers));
        let (read, problems) = Answers::from_pairs(model(), answers.to_pairs());
        assert_eq!((&read, problems.as_slice()), (answers, [].as_slice()), "{}", preset.id);
        let mut sheet = toml::Table::new();
        sheet.insert("answers".to_owned(), answers.to_table().into());
        let read = Answers::from_toml(model(), &toml::to_string(&sheet).unwrap()).unwrap();
        assert_eq!(read.answers, *answers);
    }
}

fn pairs(pairs: &[(&str, &str)]) -> (Answers, Vec<Problem>) {
    let owned = pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned()));
    Answers::from_pairs(model(), owned)
}

#[test]
fn a_form_keeps_what_is_good() {
    let (answers, problems) = pairs(&[
        ("workload", ""),
        ("owners", " 4 "),
        ("p99_ms", "10"),
        ("must", "p99_ms"),
        ("tail_latency", "unknown"),
        ("constraints", "no_gc"),
        ("constraints", "no_go"),
        ("cores", "many"),
        ("service", "x"),
        ("nonsense", "1"),
    ]);
    assert_eq!(answers.value("workload"), AnswerValue::Unanswered);
    assert_eq!(answers.value("owners"), AnswerValue::Number { value: 4.0, must: false });
    assert_eq!(answers.value("p99_ms"), AnswerValue::Number { value: 10.0, must: true });
    assert_eq!(answers.value("tail_latency"), AnswerValue::Unknown);
    let AnswerValue::Many(constraints) = answers.value("constraints") else { panic!("a list") };
    assert_eq!(constraints, ["no_go", "no_gc"]);
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["answers.cores", "answers.nonsense"]);
}

#[test]
fn a_tick_beside_an_empty_number_is_no_fault() {
    let (answers, problems) = pairs(&[("p99_ms", ""), ("must", "p99_ms")]);
    assert!(answers.is_empty() && problems.is_empty());
    assert_eq!(pairs(&[("must", "owners")]).1.len(), 1);
    assert_eq!(pairs(&[("workload", "cache"), ("workload", "other")]).1.len(), 1);
}

#[test]
fn with_changes_one_answer_and_checks_it() {
    let empty = Answers::default();
    let one = empty.with(model(), "workload", AnswerValue::One("cache")).unwrap();
    assert_eq!(one.answered(), 1);
    assert_eq!(one.with(model(), "workload", AnswerValue::Unanswered).unwrap(), empty);
    assert!(empty.with(model(), "workload", AnswerValue::One("x")).is_err());
    assert!(empty.with(model(), "x", AnswerValue::Unknown).is_err());
    let number = AnswerValue::Number { value: 1.0, must: true };
    assert!(empty.with(model(), "cores", number).is_err());
}

#[test]
fn a_text_too_long_is_refused() {
    let long = format!("[answers]\n# {}\n", "x".repeat(10 << 20));
    assert!(problem(&long).help.contains("1 MiB"));
}

#[test]
fn unknown_is_an_answer_to_everything() {
    for question in model().questions() {
        let text = format!("[answers]\n{} = \"unknown\"\n", question.id);
        let sheet = Answers::from_toml(model(), &text).unwrap();
        assert_eq!(sheet.answers.value(&question.id), AnswerValue::Unknown);
        if let QuestionKind::Number { may_be_must: true, .. } = question.kind {
            let text =
                format!("[answers]\n{} = {{ value = \"unknown\", must = true }}\n", question.id);
            assert!(Answers::from_toml(model(), &text).is_err());
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_every_place_is_in_the_text(text in ".{0,300}") {
        for text in [text.clone(), format!("[answers]\n{text}"), format!("[answers]\nworkload = {text}")] {
            if let Err(problems) = Answers::from_toml(model(), &text) {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(!problem.message.is_empty());
                    prop_assert!(problem.span.is_none_or(|span| span.end <= text.len() && text.is_char_boundary(span.start)));
                }
            }
        }
    }

    #[test]
    fn no_pair_panics(pairs in prop::collection::vec((".{0,20}", ".{0,80}"), 0..8)) {
        let (_, problems) = Answers::from_pairs(model(), pairs);
        prop_assert!(problems.iter().all(|problem| problem.message.len() < 400));
    }

    #[test]
    fn no_model_panics(at in 0..30_000_usize, insert in "[a-z0-9\"{}=,.\\[\\]\n-]{0,6}") {
        let text = Model::builtin().text();
        let at = (at..).find(|at| text.is_char_boundary(*at)).unwrap().min(text.len());
        let broken = format!("{}{insert}{}", &text[..at], &text[at..]);
        if let Err(problems) = Model::parse(&broken) {
            prop_assert!(!problems.is_empty());
        }
    }
}

#[test]
fn a_must_and_a_number_too_large_are_told_in_plain_words() {
    let model = Model::builtin();
    let told = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned()));
        let (_, problems) = Answers::from_pairs(model, pairs.collect::<Vec<_>>());
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for id in ["zzz", "owners", "workload"] {
        let must = told(&[("must", id)]);
        assert!(must.contains("`") && must.contains(id), "{must}");
        assert!(must.contains("peak_rps, p99_ms, memory_mb"), "{must}");
        assert!(!must.contains("go_fluency"), "other questions are no help: {must}");
    }
    for huge in ["1e999", "-1e999", "inf"] {
        let said = told(&[("p99_ms", huge)]);
        assert!(said.contains("a number that large is out of range"), "{said}");
        assert!(!said.contains("inf "), "{said}");
    }
}
