//! The documented decisions that come with assay, and what is said of a faulty one.
#![expect(clippy::expect_used, reason = "helpers of tests may fail loudly")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use assay_advice::{AnswerValue, Choice, Model, Precedent, Usage, line_column, precedents};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("precedents")
}

fn text(id: &str) -> String {
    fs::read_to_string(folder().join(format!("{id}.toml"))).expect("a precedent's text")
}

#[test]
fn every_file_is_compiled_in_under_its_own_name() {
    let files = fs::read_dir(folder()).expect("the folder");
    let files: BTreeSet<String> = files
        .map(|file| file.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let known: Vec<String> = precedents().iter().map(|precedent| precedent.id.clone()).collect();
    assert!(known.is_sorted(), "in the order of their names");
    assert_eq!(files, known.iter().cloned().collect());
    assert_eq!(known.len(), files.len(), "each once");
    for precedent in precedents() {
        let read = Precedent::parse(Model::builtin(), &text(&precedent.id)).expect("a precedent");
        assert_eq!(&read, precedent, "the file of this name has this id");
    }
}

#[test]
fn every_precedent_is_documented() {
    let count = |usage: Usage, option: Choice| {
        precedents().iter().filter(|p| p.usage == usage && p.option == option).count()
    };
    assert_eq!(Choice::ALL.map(|option| count(Usage::Core, option)), [16, 14, 7]);
    for precedent in precedents() {
        let id = &precedent.id;
        assert!(!precedent.sources.is_empty() && !precedent.decision.reasons.is_empty(), "{id}");
        let web =
            |url: &str| url.is_empty() || url.starts_with("https://") || url.starts_with("http://");
        assert!(precedent.sources.iter().all(|source| web(&source.url)), "{id}");
        assert!(precedent.year.contains(&precedent.decided_year.to_string()), "{id}");
        assert!(precedent.answers.answered() >= 10, "{id}: enough to compare with");
        assert_eq!(precedent.facts.len(), 15, "{id}");
        let today = &precedent.today;
        assert!((40..300).contains(&today.why.len()), "{id}: a sentence or two");
        assert_eq!(today.checked.len(), "2026-11-21".len(), "{id}");
    }
}

#[test]
fn a_faulty_precedent_is_told_where() {
    let good = text("discord-readstates");
    let told = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        let changed = good.replacen(from, to, 1);
        let problems = Precedent::parse(Model::builtin(), &changed).expect_err(to);
        let problem = problems.first().expect("a problem").clone();
        let span = problem.span.clone().expect("a place");
        (line_column(&changed, span.start), format!("{problem}"))
    };
    let cases = [
        (
            "option = \"rust\"",
            "option = \"zig\"",
            (6, 10),
            "expected one of `rust`, `go`, `hybrid`",
        ),
        ("use = \"core\"", "use = \"corr\"", (7, 7), "expected one of `core`, `pre-rust-era`"),
        ("year = \"2019 (published 2020)\"\n", "", (1, 1), "missing field `year`"),
        ("verification", "verified", (8, 1), "unknown field `verified`"),
        ("server_side = true", "server_side = 1", (10, 15), "expected a boolean"),
        ("invariants = \"intricate\"", "invariants = \"hard\"", (75, 14), "allowed: crud, some"),
        ("[facts.team]", "[facts.crew]", (1, 1), "facts.team: missing"),
        ("source = \"S1\"", "source = \"S9\"", (14, 10), "allowed: S1, S2, each also with ~"),
        ("[decision]\nkind", "[decision]\nsort", (126, 1), "unknown field `sort`"),
        ("read = \"read", "read_as = \"read", (149, 1), "unknown field `read_as`"),
    ];
    for (from, to, place, said) in cases {
        let (at, message) = told(from, to);
        assert!(message.contains(said), "{to}: {message}");
        assert_eq!(at, place, "{to}: {message}");
    }
}

#[test]
fn every_answer_names_what_it_rests_on() {
    for precedent in precedents() {
        let given = |id: &str| match precedent.answers.value(id) {
            AnswerValue::Many(named) => !named.is_empty(),
            value => !value.is_open(),
        };
        let ids = Model::builtin().questions().iter().map(|question| question.id.as_str());
        let given: BTreeSet<&str> = ids.filter(|id| given(id)).collect();
        let based: BTreeSet<&str> = precedent.answer_basis.keys().map(String::as_str).collect();
        assert_eq!(based, given, "{}", precedent.id);
    }
}

#[test]
fn a_basis_belongs_to_an_answer_and_an_answer_has_a_basis() {
    let good = text("nats");
    let told = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        let changed = good.replacen(from, to, 1);
        let problems = Precedent::parse(Model::builtin(), &changed).expect_err(to);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let problem = problems.first().expect("a problem").clone();
        let span = problem.span.clone().expect("a place");
        (changed[span].to_owned(), format!("{problem}"))
    };
    let owners = "owners = \"team: small, read as 6\"\n";
    for (from, to, at, said) in [
        (owners, "", "owners", "answer_basis.owners: missing"),
        ("owners = 6", "owners = \"unknown\"", "owners", "owners: there is no such answer"),
        ("[coding]", "cores = \"team\"\n[coding]", "cores", "cores: there is no such answer"),
        (owners, "owners = \"crew: six\"\n", "\"crew: six\"", "there is no fact about `crew`"),
        (owners, "owners = \"\"\n", "\"\"", "there is no fact about ``"),
        (owners, "owners = \"-\"\n", "\"-\"", "so it needs words"),
        ("[\"priorities\"]", "[\"cores\"]", "\"cores\"", "`cores` has no basis"),
    ] {
        let (place, message) = told(from, to);
        assert!(message.contains(said), "{to}: {message}");
        assert_eq!(place, at, "{to}: {message}");
    }
    let without = good.split("[answer_basis]").next().expect("a beginning");
    let rest = good.split("[coding]").nth(1).expect("a rest");
    let problems = Precedent::parse(Model::builtin(), &format!("{without}[coding]{rest}"));
    let message = format!("{:?}", problems.expect_err("no table at all"));
    assert!(message.contains("missing field `answer_basis`"), "{message}");
}

#[test]
fn a_check_has_a_day() {
    let good = text("khan");
    let with = |today: &str| {
        let all = good.split("[today]").next().expect("a beginning").to_owned();
        Precedent::parse(Model::builtin(), &format!("{all}\n[today]\n{today}"))
    };
    let read = with("holds = \"partly\"\nwhy = \"So.\"\nchecked = 2026-11-21\n").expect("good");
    assert_eq!((read.today.holds.id(), read.today.checked.as_str()), ("partly", "2026-11-21"));
    let unchecked = good.split("\n[today]").next().expect("a beginning");
    let problems = Precedent::parse(Model::builtin(), unchecked).expect_err("no check");
    assert!(problems.iter().any(|p| p.message.contains("missing field `today`")), "{problems:?}");
    for bad in [
        "holds = \"maybe\"\nwhy = \"So.\"\nchecked = 2026-11-21\n",
        "holds = \"yes\"\nwhy = \"So.\"\nchecked = 2026-11-21T10:00:00Z\n",
        "holds = \"yes\"\nwhy = \"So.\"\nchecked = \"2026-11-21\"\n",
        "holds = \"yes\"\nchecked = 2026-11-21\n",
    ] {
        let problems = with(bad).expect_err(bad);
        let span = problems.first().and_then(|p| p.span.clone()).expect("a place");
        assert!(line_column(&good, span.start).0 > 100, "{bad}");
    }
}
