//! Models that teams edit: every fault at once at its place, and what a good one would change.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

use assay_advice::{
    Answers, Choice, Decided, Engine, Measurements, Model, SEED, Verdict, advise, line_column,
    tally, try_model,
};

/// Each fault as `line:column message (help)`.
fn faults(text: &str) -> Vec<String> {
    let told = |problem: &assay_advice::Problem| {
        let at = problem.span.clone().expect("a place").start;
        let (line, column) = line_column(text, at);
        format!("{line}:{column} {} ({})", problem.message, problem.help)
    };
    Model::parse(text).expect_err("faults").iter().map(told).collect()
}

/// Where a part of the text begins, as the faults say it.
fn place(text: &str, part: &str) -> String {
    let (line, column) = line_column(text, text.find(part).expect(part));
    format!("{line}:{column} ")
}

#[test]
fn faults_of_every_kind_are_told_at_once() {
    let mut text = Model::builtin().text().to_owned();
    for (from, to) in [
        ("core = true", "cor = true"),
        ("whole = true", "whole = \"yes\""),
        ("kind = \"tail\"", "kind = \"tale\""),
        ("short = \"how many will own it\"\n", ""),
        ("at_most = 2", "at_mots = 2"),
        ("label = \"Prob", "label = \"Prob"),
        ("text = \"Rust is ruled out beforehand\"", "text = 7"),
    ] {
        if from != to {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
    }
    let found = faults(&text);
    for (part, message) in [
        ("cor = true", "unknown field `cor` (allowed: "),
        ("\"yes\"\nmin", "invalid type: string \"yes\" (allowed: a boolean"),
        ("\"tale\"", "unknown variant `tale` (allowed: "),
        ("at_mots", "unknown field `at_mots`"),
        ("7\n", "invalid type: integer `7`"),
    ] {
        let expected = place(&text, part) + message;
        assert!(found.iter().any(|fault| fault.starts_with(&expected)), "{expected}\n{found:#?}");
    }
    assert!(found.iter().any(|fault| fault.contains("missing field `short`")), "{found:#?}");
    assert_eq!(found.len(), 6, "each once: {found:#?}");
    assert!(found.iter().all(|fault| !fault.ends_with("()")), "each with a remedy: {found:#?}");
}

#[test]
fn an_unknown_key_does_not_hide_a_wrong_number() {
    let text = Model::builtin().text();
    let edited = text.replacen("core = true", "cor = true", 1).replacen("go = 0.6", "go = 6", 1);
    let found = faults(&edited);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|fault| fault.contains("unknown field `cor`")), "{found:#?}");
    assert!(found.iter().any(|fault| fault.contains("a value of 6")), "{found:#?}");
}

#[test]
fn a_name_in_braces_that_nothing_fills_in_is_refused() {
    let text = Model::builtin().text();
    for (from, to, told) in [
        (
            "{better} is easier",
            "{bettr} is easier",
            "`{bettr}` is filled in with nothing (allowed: {better}, {worse})",
        ),
        ("{better} is easier", "{better is easier", "(allowed: {better}, {worse})"),
        (
            "\"the peak is {n}\"",
            "\"the peak is {m}\"",
            "`{m}` is filled in with nothing (allowed: {n})",
        ),
        ("even = \"", "even = \"{better} and ", "no name in braces is filled in here"),
        ("text = \"Rust is", "text = \"{language} is", "`{language}` is filled in with nothing"),
        ("phrase = \"nobody could review Go\"", "phrase = \"{who} could\"", "`{who}`"),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, to, 1);
        let found = faults(&edited);
        let line = line_column(&edited, edited.find(to).expect(to)).0;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with(&format!("{line}:")) && found[0].contains(told), "{found:#?}");
    }
}

#[test]
fn a_number_beyond_all_sense_is_told_in_few_digits() {
    let text = Model::builtin().text();
    for (from, to, told) in [
        ("product = [60,", "product = [1e308,", "1e308 swing points for some answers (0 to 1000)"),
        ("product = [60,", "product = [1e308, 1e308,", "inf swing points"),
        ("prior = 4", "prior = 1e200", "a prior of 1e200 (greater than 0, at most 1000)"),
        ("group = 1\n", "group = 1e99\n", "a spread of 1e99 (0 to 4)"),
        ("value = 0.6, low", "value = 1e300, low", "but has 0.25, 1e300, 1.3"),
    ] {
        let from = if text.contains(from) { from } else { panic!("{from}") };
        let edited = text.replacen(from, to, 1);
        let found = faults(&edited).concat();
        let line = line_column(&edited, edited.find(to).expect(to)).0;
        assert!(found.starts_with(&format!("{line}:")) && found.contains(told), "{found}");
        assert!(found.len() < 200, "{found}");
    }
}

#[test]
fn an_empty_model_is_told_all_that_it_lacks() {
    let keys = ["id", "version", "group", "question", "criterion"];
    for text in ["", "# nothing yet\n", "[spread]\n"] {
        let found = faults(text);
        let [fault] = found.as_slice() else { panic!("one fault: {found:#?}") };
        assert!(fault.starts_with("1:1 "), "{fault}");
        assert!(keys.iter().all(|key| fault.contains(&format!("`{key}`"))), "{fault}");
        assert!(fault.contains("assay model show > ours.toml"), "{fault}");
    }
    // One that lacks a part of it is told that once, beside its other faults.
    let text = Model::builtin().text();
    let edited =
        text.replacen("id = \"backend\"\n", "", 1).replacen("core = true", "cor = true", 1);
    let found = faults(&edited);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("missing field `id`") && found[1].contains("`cor`"), "{found:#?}");
}

/// The faults of a text, and what the first of them marks.
fn marked(text: &str) -> (Vec<String>, String) {
    let problems = Model::parse(text).expect_err("faults");
    let span = problems.first().and_then(|first| first.span.clone()).expect("a place");
    (faults(text), text.get(span).expect("within the text").to_owned())
}

#[test]
fn a_text_that_is_no_toml_is_told_at_its_first_fault_only() {
    let (found, _) = marked("id = \"a\nversion = 1.2.3\n[[group]\n");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("1:") && found[0].contains("nothing behind it"), "{found:#?}");
    // The fault itself, where every brace is closed.
    let text = Model::builtin().text();
    for (from, to, at) in [
        ("core = true", "core = tru", "tru\n"),
        ("rust = 1, go = 0.6", "rust = 1 go = 0.6", "rust = 1 go"),
        ("id = \"team\"", "id = \"team", "id = \"team\n"),
        ("rust = 1, go = 0.6", "rust = \"1, go = 0.6", "rust = \"1"),
        ("hybrid = 0.98 }", "hybrid = 0.98 }}", "hybrid = 0.98 }}"),
    ] {
        let edited = text.replacen(from, to, 1);
        let (found, mark) = marked(&edited);
        let line = line_column(&edited, edited.find(at).expect(at)).0;
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        assert!(found[0].starts_with(&format!("{line}:")), "{to}: {found:#?}");
        assert!(!["{", "["].contains(&mark.as_str()), "{to}: {found:#?}");
    }
}

#[test]
fn a_brace_or_bracket_left_open_is_told_where_it_opens() {
    let text = Model::builtin().text();
    for (from, to, open) in [
        // On its line, with the next criterion behind it.
        ("go = 0.6, hybrid = 0.98 }", "go = 0.6, hybrid = 0.98", "{ rust = 1, go = 0.6"),
        // Within a list within braces.
        ("catastrophic = 60 },", "catastrophic = 60,", "{ by = \"failure_consequence\""),
        ("catastrophic = 60 },", "catastrophic = 60", "{ by = \"failure_consequence\""),
        // A list with the next table behind it, and the head of a table.
        ("\"library_only_rust\" }]", "\"library_only_rust\" }", "[{ embedding"),
        ("[[criterion]]", "[[criterion]", "[[criterion]\n"),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = text.replacen(from, to, 1);
        let (found, mark) = marked(&edited);
        assert_eq!(found.len(), 1, "{to}: {found:#?}");
        let expected = place(&edited, open);
        assert!(found[0].starts_with(&expected), "{to}: {expected} {found:#?}");
        assert_eq!(mark, open.get(..1).expect("a brace"), "{to}");
        assert!(found[0].contains("closes this"), "{found:#?}");
    }
    // At the end of the text as well, whatever stands in strings and comments.
    let end = "x = \"}\" # }\ny = '''\n]}'''\nz = { a = [1, 2]\n";
    let (found, mark) = marked(end);
    assert!(found[0].starts_with("4:5 no `}` closes this"), "{found:#?}");
    assert_eq!((found.len(), mark.as_str()), (1, "{"));
}

#[test]
fn a_text_that_would_take_long_is_refused() {
    let built_in = Model::builtin().text();
    let long = format!("{built_in}\n# {}", "x".repeat(256 * 1024));
    assert!(faults(&long).concat().contains("at most 256 KiB"));
    // Each `else` is written out for three answers: 3 to the power of 24 parts.
    let open = "{ by = \"invariants\", crud = 1, else = ".repeat(24);
    let nested = format!("{open}1{}", " }".repeat(24));
    let edited = built_in.replacen(
        "swing = { product = [\n",
        &format!("swing = {{ product = [{nested},\n"),
        1,
    );
    assert_ne!(edited, built_in);
    let found = faults(&edited);
    assert!(found.iter().any(|fault| fault.contains("too large an expression")), "{found:#?}");
}

/// A case whose answers and choice are given.
fn case(id: &str, lines: &str, option: Option<Choice>) -> Decided {
    let sheet = Answers::from_toml(Model::builtin(), &format!("[answers]\n{lines}"));
    let answers = sheet.expect("good answers").answers;
    Decided { id: id.to_owned(), answers, option }
}

#[test]
fn a_trial_finds_what_an_edited_model_would_change() {
    const GO: &str = "go_fluency = \"most\"\nrust_fluency = \"few\"\npaved_road = \"go\"\n\
        first_production = \"weeks\"\nseparable_core = \"no\"\nlibraries = \"cloud_native\"\n";
    let text = Model::builtin().text();
    // Nothing that Rust offers counts any more, and one answer has another name.
    let edited = text
        .replace("rust = { by = \"rust_fluency\"", "rust = { min = [0, { by = \"rust_fluency\"")
        .replace(
            "most = 1 }\ngo = { by = \"go_fluency\"",
            "most = 1 }] }\ngo = { by = \"go_fluency\"",
        )
        .replace("rust = 1, go = 0.6", "rust = 0, go = 1")
        .replace("\"catastrophic\"", "\"dreadful\"")
        .replace("catastrophic =", "dreadful =");
    assert_ne!(edited, text);
    let edited = Model::parse(&edited).expect("a good model");
    let engine = |model: Model| Engine::new(model, Measurements::default(), SEED);
    let (before, after) = (engine(Model::builtin().clone()), engine(edited));
    let rust = "failure_consequence = \"serious\"\nuntrusted_input = \"core_job\"\n\
        rust_fluency = \"most\"\ngo_fluency = \"few\"\npaved_road = \"rust\"\n\
        first_production = \"weeks\"\nseparable_core = \"no\"\n";
    let gone = "failure_consequence = \"catastrophic\"\n";
    let cases = [
        case("to-go", GO, Some(Choice::Go)),
        case("to-rust", rust, Some(Choice::Rust)),
        case("open", rust, None),
        case("gone", gone, Some(Choice::Rust)),
    ];
    let tried = try_model(&before, &after, &cases);
    let changes: Vec<bool> = tried.iter().map(assay_advice::Tried::changes).collect();
    assert_eq!(changes, [false, true, true, false], "{tried:#?}");
    let problems = tried[3].after.as_ref().expect_err("the answer is not known any more");
    assert!(problems[0].message.contains("`catastrophic`"), "{problems:?}");
    let (then, now) = (tally(&tried, |case| &case.before), tally(&tried, |case| &case.after));
    assert_eq!((then.cases, then.decided + then.abstained, now.cases), (3, 3, 2));
    assert_eq!((then.agree, now.agree), (2, 1));
    let same = try_model(&before, &before, &cases);
    assert!(same.iter().all(|case| !case.changes() && case.before == case.after));
    // What is advised here is what a score says.
    let score = before.score(&cases[1].answers);
    let advised = advise(&before, &cases[1].answers).expect("known answers");
    assert_eq!((advised.recommended, advised.verdict), (score.recommended, score.verdict));
    assert_ne!(advised.verdict, Verdict::TooClose);
}
