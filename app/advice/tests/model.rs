//! The built-in model and presets, and what is said of a broken model.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

use assay_advice::{Model, Problem, line_column, presets};

#[test]
fn the_built_in_model_and_presets_are_whole() {
    let model = Model::builtin();
    assert_eq!((model.id(), model.version()), ("backend", "5"));
    assert_eq!((model.questions().len(), model.criteria().len()), (28, 14));
    assert_eq!(model.knockouts().len(), 8);
    assert!(model.digest().starts_with("sha256:") && model.digest().len() == 71);
    let core: Vec<&str> =
        model.questions().iter().filter(|q| q.core).map(|q| q.id.as_str()).collect();
    assert_eq!(core.len(), 13, "{core:?}");
    let groups: Vec<&str> = model.groups().iter().map(|group| group.id.as_str()).collect();
    assert_eq!(groups, ["risk", "team", "performance", "delivery", "ecosystem", "operations"]);
    assert!(model.questions().is_sorted_by_key(|q| groups.iter().position(|g| *g == q.group)));
    assert_eq!(presets().len(), 8);
}

/// What is said of the built-in model with one place changed: message, help and the text there.
fn broken(from: &str, to: &str) -> (Problem, String) {
    let text = Model::builtin().text();
    assert!(text.contains(from), "{from}");
    let changed = text.replacen(from, to, 1);
    let problems = Model::parse(&changed).expect_err(to);
    let problem = problems.into_iter().next().expect("a problem");
    let span = problem.span.clone().expect("a place");
    let place = changed.get(span).expect("within the text").to_owned();
    (problem, place)
}

#[test]
fn a_broken_model_is_told_where() {
    let cases = [
        (
            "by = \"failure_consequence\"",
            "by = \"failure\"",
            "no question `failure`",
            "\"failure\"",
        ),
        ("minor = 10, serious = 30", "minor = 10, sever = 30", "`sever` is not an answer", "sever"),
        ("minor = 10, serious", "serious", "`minor` is not covered", "\"failure_consequence\""),
        ("{ rust = 1, go = 0.6", "{ rust = 1.5, go = 0.6", "a value of 1.5", "1.5"),
        ("catastrophic = 60", "catastrophic = -60", "swing points", "-60"),
        ("min = [\"go\"", "min = [\"java\"", "`java` is not an option", "\"java\""),
        (
            "value = { rust = 1, go = 0.6",
            "value = { rust = { times = [1] }, go = 0.6",
            "`times` is not a form",
            "times",
        ),
        ("rules_out = [\"go\"]", "rules_out = [\"ruby\"]", "`ruby` is not an option", "\"ruby\""),
        ("constraints = \"no_gc\"", "constraints = \"gc\"", "`gc` is not an answer", "\"gc\""),
        ("kind = \"tail\"", "kind = \"tale\"", "unknown variant `tale`", "\"tale\""),
        ("value = 0.15", "value = 1.5", "a spread of 1.5", "1.5"),
        ("group = 1\n", "group = -1\n", "a spread of -1", "-1"),
        ("group = 1\n", "grop = 1\n", "unknown field `grop`", "grop"),
        ("safety = 1.5, else = 1", "safety = 1.5", "one answer at a time", "\"priorities\""),
        (
            "id = \"untrusted_input\"",
            "id = \"failure_consequence\"",
            "there twice",
            "\"failure_consequence\"",
        ),
        ("id = \"invariants\"", "id = \"must\"", "cannot be a question's id", "\"must\""),
        ("group = \"team\"", "group = \"taem\"", "no group `taem`", "\"taem\""),
        ("names = [\"invariants\"]", "names = [\"state\"]", "no question `state`", "\"state\""),
        ("below = 9", "below = 3", "out of order", "3"),
        ("minor = 10", "minor = nan", "not a usable number", "nan"),
        ("go_idle = 1.0", "go_idle = -1.0", "not a usable multiple", "-1.0"),
        (
            "yes = { value = 0.75, low = 0.5",
            "yes = { value = 0.75, low = 0.8",
            "low <= value",
            "yes",
        ),
        ("\nlarge = { value", "\nhuge = { value", "no tail is expected for", "huge"),
        ("\nmixed = { value", "\nmost = { value", "no cpu is expected for", "most"),
        ("go_idle = 0.3 ", "go_idle = 3 ", "not a share", "3"),
        ("prior = 8", "prior = -8", "a prior of -8", "-8"),
        ("{ embedding =", "{ ebedding =", "no question `ebedding`", "ebedding"),
        ("when = { constraints = \"no_gc\" }", "when = {}", "no condition", "when"),
        ("value = \"none\", prior = 8,", "prior = 8,", "missing field `value`", "{"),
        ("core = true", "cor = true", "unknown field `cor`", "cor"),
    ];
    for (from, to, message, place) in cases {
        let (problem, at) = broken(from, to);
        assert!(problem.message.contains(message), "{to}: {problem:?}");
        assert_eq!(at, place, "{to}: {problem:?}");
        assert!(!problem.help.is_empty(), "{to}");
    }
}

#[test]
fn every_fault_of_a_model_is_told_at_once_from_the_top() {
    let parts = ["{ embedding = \"mist\" }", "mino = 10", "go = 6,"];
    let text = Model::builtin()
        .text()
        .replace("go = 0.6,", parts[2])
        .replace("minor = 10", parts[1])
        .replace("{ embedding = \"must\" }", parts[0]);
    let problems = Model::parse(&text).unwrap_err();
    let line = |at| line_column(&text, at).0;
    let lines: Vec<usize> =
        problems.iter().map(|problem| line(problem.span.clone().unwrap().start)).collect();
    assert_eq!(lines, parts.map(|part| line(text.find(part).expect(part))), "{problems:?}");
}
