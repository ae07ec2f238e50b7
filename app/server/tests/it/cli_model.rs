//! `assay model`, and a model of one's own wherever advice is given.

use std::fs;

use assay_advice::Model;
use serde_json::Value;

use crate::cli::{Desk, stderr};

/// The built-in model under another version, in which what spoke for Rust speaks for Go.
pub(crate) fn edited() -> String {
    let mut turned = 0;
    let lines = Model::builtin().text().lines().map(|line| match line {
        line if line.starts_with("version = \"") => line.replacen("\"", "\"ours-", 1),
        line if line.starts_with("value = { rust = 1, go = 0.") => {
            turned += 1;
            "value = { rust = 0, go = 1, hybrid = 0 }".to_owned()
        }
        line => line.to_owned(),
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert!(turned >= 2, "{turned} criteria were turned");
    text
}

#[test]
fn a_faulty_model_is_told_fault_by_fault() {
    let desk = Desk::new();
    let text = Model::builtin()
        .text()
        .replacen("core = true", "cor = true", 1)
        .replacen("go = 0.6", "go = 6", 1);
    fs::write(desk.path("ours.toml"), &text).expect("a file");
    let line = |part: &str| text.lines().position(|line| line.contains(part)).expect(part) + 1;
    let told = desk.fails(1, &["model", "check", "ours.toml"]);
    for part in [
        format!("--> ours.toml:{}:1", line("cor = true")),
        "unknown field `cor`".to_owned(),
        "help: allowed: one of `id`, `group`".to_owned(),
        // The number, not the whole of `value = { rust = 1, go = 6, hybrid = 0.98 }`.
        format!("--> ours.toml:{}:26", line("go = 6")),
        "value = { rust = 1, go = 6, hybrid = 0.98 }".to_owned(),
        "help: 0 to 1".to_owned(),
    ] {
        assert!(told.contains(&part), "{part:?} is missing from:\n{told}");
    }
    let output = desk.run(&["model", "check", "ours.toml", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let errors = found["errors"].as_array().expect("errors").iter();
    let lines: Vec<&Value> = errors.map(|error| &error["line"]).collect();
    assert_eq!(lines, [line("cor = true"), line("go = 6")]);
    // The other verbs say the same, and do not run.
    for verb in [
        &["score", "rust.toml"][..],
        &["record", "rust.toml"],
        &["list"],
        &["check", "."],
        &["backtest"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["model", "show"],
    ] {
        let told = desk.fails(2, &[verb, &["--model", "ours.toml"]].concat());
        assert!(told.contains(&format!("--> ours.toml:{}:1", line("cor = true"))), "{told}");
    }
    desk.fails(2, &["model", "check", "absent.toml"]);
    desk.fails(2, &["model"]);
}

#[test]
fn a_model_shown_is_a_model_to_edit() {
    let desk = Desk::new();
    let text = desk.ok(&["model", "show"]);
    assert_eq!(text, Model::builtin().text());
    fs::write(desk.path("copy.toml"), &text).expect("a file");
    let told = desk.ok(&["model", "check", "copy.toml"]);
    assert!(told.contains("They are the same text, so nothing changes."), "{told}");
    assert!(!told.contains("Changed:"), "{told}");
    assert!(told.contains("No records of your own with answers; examples do not count"), "{told}");
    fs::write(desk.path("ours.toml"), edited()).expect("a file");
    assert_eq!(desk.ok(&["model", "show", "--model", "ours.toml"]), edited());
    assert!(!desk.path("decisions").exists(), "looking at a model makes nothing");
}

#[test]
fn an_edited_model_is_held_against_precedents_and_records_before_it_is_adopted() {
    let desk = Desk::new();
    fs::write(desk.path("ours.toml"), edited()).expect("a file");
    let recorded = desk.recorded();
    desk.ok(&["record", "go.toml", "--title", "Back office", "--status", "accepted"]);
    let path = desk.path(recorded["path"].as_str().expect("a path"));
    let before = fs::read_to_string(&path).expect("the record");

    let told = desk.ok(&["model", "check", "ours.toml"]);
    for part in [
        "ours.toml can be used: backend, version ours-",
        "documented decisions\n  in use: of the ",
        "2 records of your own\n",
        "- Language for the session gateway (draft)\n      Rust, strong",
        "  →  ",
        "To adopt it: assay --model ours.toml (or ASSAY_MODEL)",
    ] {
        assert!(told.contains(part), "{part:?} is missing from:\n{told}");
    }
    assert!(!told.contains("warning: "), "it has a version of its own: {told}");
    let found = desk.json(&["model", "check", "ours.toml", "--json"]);
    assert_eq!(found["errors"], serde_json::json!([]));
    assert_eq!(found["warnings"], serde_json::json!([]));
    // Another text under the same version is told as the page tells it.
    let version = Model::builtin().version();
    let alike = edited().replacen("\"ours-", "\"", 1);
    fs::write(desk.path("alike.toml"), alike).expect("a file");
    let told = desk.ok(&["model", "check", "alike.toml"]);
    let warned = format!("warning: Both say they are version {version} of backend.");
    assert!(told.contains(&warned), "{told}");
    let warnings = &desk.json(&["model", "check", "alike.toml", "--json"])["warnings"];
    assert!(warnings[0].as_str().expect("a warning").starts_with("Both say"), "{warnings}");
    let changed = &found["records"]["changed"][0];
    assert_eq!(changed["id"], recorded["id"]);
    assert_eq!(changed["before"]["recommended"], "rust");
    assert_ne!(changed["after"]["recommended"], "rust");
    // A draft has chosen nothing yet, so it agrees with nobody.
    assert_eq!(changed["option"], Value::Null);
    let cases = |side: &str| found["records"][side]["cases"].as_u64();
    assert_eq!((found["records"]["cases"].as_u64(), cases("before")), (Some(2), Some(1)));
    let precedents = &found["precedents"];
    assert!(precedents["before"]["agree"].as_u64() > precedents["after"]["agree"].as_u64());
    assert!(precedents["changed"].as_array().is_some_and(|changed| changed.len() > 5));
    // What the trial says of the model in use is what the backtest says.
    let backtest = desk.json(&["backtest", "--json"]);
    for key in ["cases", "decided", "agree", "abstained"] {
        assert_eq!(precedents["before"][key], backtest[key], "{key}");
    }
    assert_eq!(precedents["before"]["strong"], backtest["strong"]["cases"]);
    assert_eq!(fs::read_to_string(&path).expect("the record"), before, "a record is not rewritten");
}

#[test]
fn a_model_of_ones_own_advises_everywhere_and_is_kept_with_the_advice() {
    let desk = Desk::new();
    fs::write(desk.path("ours.toml"), edited()).expect("a file");
    let digest = Model::parse(&edited()).expect("good").digest().to_owned();
    let ours =
        |arguments: &[&str]| desk.json(&[arguments, &["--model", "ours.toml", "--json"]].concat());
    let score = ours(&["score", "rust.toml"]);
    assert_eq!(score["model"]["digest"], digest.as_str());
    assert_ne!(score["recommended"], "rust");
    let named = desk
        .command(&["score", "rust.toml", "--json"])
        .env("ASSAY_MODEL", "ours.toml")
        .output()
        .expect("the program");
    assert_eq!(serde_json::from_slice::<Value>(&named.stdout).expect("JSON"), score);
    assert_eq!(ours(&["backtest"])["model"]["digest"], digest.as_str());
    let recorded =
        ours(&["record", "rust.toml", "--title", "Ours", "--option", "go", "--why", "."]);
    assert_eq!(recorded["advice"]["model"]["digest"], digest.as_str());
    let path = desk.path(recorded["path"].as_str().expect("a path"));
    assert!(fs::read_to_string(path).expect("the record").contains(&digest));
    // The built-in model reads it as well, and leaves its advice alone.
    let checked = desk.json(&["check", "--json"]);
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(ours(&["list"])["total"], 1);
}

#[test]
fn records_whose_answers_a_model_does_not_know_stay_readable() {
    let desk = Desk::new();
    let renamed = Model::builtin()
        .text()
        .replace("\"catastrophic\"", "\"dreadful\"")
        .replace("catastrophic =", "dreadful =");
    fs::write(desk.path("ours.toml"), renamed).expect("a file");
    let recorded = desk.recorded();
    let told = desk.ok(&["model", "check", "ours.toml"]);
    assert!(told.contains("Not all of whose answers it knows: 1\n  - Language for the"), "{told}");
    assert!(told.contains("`catastrophic`"), "{told}");
    // With that model the record is still listed, and a check says what is odd.
    let list = desk.json(&["list", "--model", "ours.toml", "--json"]);
    assert_eq!(list["items"][0]["id"], recorded["id"]);
    let output = desk.run(&["check", "--model", "ours.toml", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["findings"][0]["kind"], "warning");
}

#[test]
fn accepted_records_are_cases_for_the_backtest() {
    let desk = Desk::new();
    let record = |sheet: &str, title: &str, status: &str, more: &[&str]| {
        let common = ["record", sheet, "--title", title, "--status", status, "--json"];
        desk.json(&[&common[..], more].concat())
    };
    record("rust.toml", "Rust as advised", "accepted", &[]);
    record("go.toml", "Against the advice", "accepted", &["--option", "rust", "--why", "."]);
    record("go.toml", "A draft", "draft", &[]);
    let rejected = record("go.toml", "Not taken", "proposed", &[]);
    let path = desk.path(rejected["path"].as_str().expect("a path"));
    let text = fs::read_to_string(&path).expect("the record");
    fs::write(&path, text.replacen("\"proposed\"", "\"rejected\"", 1)).expect("writing");
    let output = desk.run(&["backtest", "decisions", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("2 of 4 records count"), "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&found["cases"], &found["agree"]), (&2.into(), &1.into()), "{found}");
    let titles: Vec<&Value> =
        found["per_case"].as_array().expect("cases").iter().map(|case| &case["title"]).collect();
    assert!(titles.iter().any(|title| **title == "Rust as advised"), "{titles:?}");

    // What a later accepted record replaces does not count twice.
    let first = text_of(&desk, "decisions", "rust-as-advised");
    let id = first.lines().find_map(|line| line.strip_prefix("id = \"")).expect("an id");
    let id = id.get(..36).expect("an id");
    let later = record("rust.toml", "Again", "accepted", &[]);
    let path = desk.path(later["path"].as_str().expect("a path"));
    let text = fs::read_to_string(&path).expect("the record");
    let text = text.replacen("status = ", &format!("supersedes = [\"{id}\"]\nstatus = "), 1);
    fs::write(&path, text).expect("writing");
    let output = desk.run(&["backtest", "decisions", "--json"]);
    assert!(stderr(&output).contains("2 of 5 records count"), "{}", stderr(&output));
    // A faulty record is told with its place, like a faulty case.
    fs::write(desk.path("decisions/0009-cut.toml"), "schema = 1\nid = 3\n").expect("a file");
    let told = desk.fails(1, &["backtest", "decisions"]);
    assert!(told.contains("--> decisions/0009-cut.toml:2:6"), "{told}");
}

fn text_of(desk: &Desk, folder: &str, name: &str) -> String {
    let mut files = fs::read_dir(desk.path(folder)).expect("the folder");
    let found = files.find_map(|file| {
        let file = file.expect("a file");
        file.file_name().to_string_lossy().contains(name).then(|| file.path())
    });
    fs::read_to_string(found.expect(name)).expect("the record")
}
