//! `assay backtest`: the built-in precedents, a folder of one's own, and what is wrong in it.

use std::fs;

use serde_json::Value;

use crate::cli::{Desk, stderr};

const GO_CASE: &str = r#"id = "back-office"
option = "go"
[answers]
failure_consequence = "minor"
untrusted_input = "framework_only"
invariants = "crud"
go_fluency = "most"
rust_fluency = "none"
owners = 3
newcomers = "many"
tail_latency = "relaxed"
first_production = "weeks"
libraries = "cloud_native"
paved_road = "go"
separable_core = "no"
"#;

/// A desk with a folder of these cases.
fn desk(cases: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path("cases")).expect("a folder");
    for (name, text) in cases {
        fs::write(desk.path("cases").join(name), text).expect("a case");
    }
    desk
}

#[test]
fn the_documented_decisions_are_judged_by_default() {
    let desk = Desk::new();
    let text = desk.ok(&["backtest"]);
    for part in [
        "The model backend",
        "core cases",
        "By verdict",
        "were chosen",
        "Four questions",
        "Without separable core",
        "Without priorities, libraries or parts",
        "Without what is like a reason",
        "Without what no source says",
        "Nothing expected",
        "Nothing measured",
        "The model was tuned on these cases. With its numbers chosen anew without each of ",
        "organisations in turn",
        "Without one criterion",
        "What follows\n  - With all answers the model earns ",
        "of “Two parts first”, the best of the simple ways",
        "agreeing with Go there follows from the coding",
        "Three shares may add up to less than 100",
        "One process or two services: of 6 hybrids built",
        "pre-rust-era",
        "discord-readstates",
        "is not correctness",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(text.lines().all(|line| line == line.trim_end()), "no line ends in spaces");

    let once = desk.ok(&["backtest", "--json"]);
    assert_eq!(desk.ok(&["backtest", "--json"]), once, "the same bytes each time");
    let all: Value = serde_json::from_str(&once).expect("JSON");
    assert_eq!(all["tuned_on_cases"], true);
    assert_eq!(all["leave_one_out"]["left_out"]["cases"], all["cases"]);
    assert!(all["leave_one_out"]["left_out"]["agree"].is_u64(), "{}", all["leave_one_out"]);
    assert!(all["criteria"].as_array().expect("criteria").len() > 10);
    // The same cases from their files say the same; what is known of the choice of the model's
    // numbers is not said of a folder.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../advice/precedents");
    let files = desk.json(&["backtest", folder, "--json"]);
    assert_eq!(files["ablations"], all["ablations"]);
    assert_eq!(files["per_case"], all["per_case"]);
    assert!(files["tuned_on_cases"].is_null() && files["leave_one_out"].is_null());
    let core = desk.json(&["backtest", "--use", "core", "--json"]);
    let count = |found: &Value| found["per_case"].as_array().expect("cases").len();
    assert_eq!(all["cases"], core["cases"], "only core cases count either way");
    assert_eq!(core["cases"], count(&core));
    assert!(count(&all) > count(&core));
    let apart: u64 = all["apart"]
        .as_array()
        .expect("the others")
        .iter()
        .map(|apart| apart["cases"].as_u64().expect("a count"))
        .sum();
    assert_eq!(apart as usize + count(&core), count(&all));

    let old = desk.json(&["backtest", "--use", "pre-rust-era", "--json"]);
    assert_eq!(old["cases"], count(&old));
    assert_eq!(old["use"], "pre-rust-era");
    assert!(desk.fails(2, &["backtest", "--use", "all"]).contains("allowed: core, pre-rust-era"));
}

#[test]
fn a_folder_of_ones_own_needs_little() {
    let hidden = ("..draft.toml", "no TOML");
    let desk = desk(&[("a.toml", GO_CASE), ("README.md", "not a case"), hidden]);
    let found = desk.json(&["backtest", "cases", "--json"]);
    assert_eq!((&found["cases"], &found["agree"]), (&1.into(), &1.into()));
    let case = &found["per_case"][0];
    assert_eq!(case["id"], "back-office");
    assert_eq!(case["use"], "core");
    assert_eq!(case["recommended"], "go");
    assert_eq!(case["answers"]["owners"], 3);
    assert_eq!(found["baselines"]["majority"]["abstained"], 1, "there is no other case");
    assert!(desk.ok(&["backtest", "cases"]).contains("agrees    back-office  chosen go"));
    let told = desk.fails(1, &["backtest", "cases", "--use", "thin-reasons"]);
    assert!(told.contains("no case whose use is thin-reasons"), "{told}");
}

#[test]
fn a_faulty_case_hides_no_good_one() {
    let bad = GO_CASE.replace("\"back-office\"", "\"b\"").replace("\"crud\"", "\"easy\"");
    let desk = desk(&[
        ("a.toml", GO_CASE),
        ("b.toml", &bad),
        ("c.toml", "id = \"c\"\noption = \"zig\"\n[answers]\n"),
        ("d.toml", GO_CASE),
        ("e.toml", "id = \n"),
        ("f.toml", "option = \"go\"\n[answers]\n"),
    ]);
    let output = desk.run(&["backtest", "cases", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["cases"], 1, "the good one was scored");
    let told = stderr(&output);
    for part in [
        "cases/b.toml:6:14",
        "allowed: crud, some, intricate",
        "cases/c.toml:2:10",
        "allowed: rust, go, hybrid",
        "cases/a.toml has the same id",
        "cases/d.toml:1:7",
        "cases/e.toml:1:",
        "cases/f.toml:1:1",
        "missing field `id`",
        "error: 5 faulty files left out",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
}

#[test]
fn the_heading_says_how_much_was_judged() {
    let one = desk(&[("a.toml", GO_CASE)]);
    let model =
        format!("The model backend {} on 1 core case", assay_advice::Model::builtin().version());
    assert!(one.ok(&["backtest", "cases"]).starts_with(&format!("{model}\n")));
    let faulty = desk(&[("a.toml", GO_CASE), ("b.toml", "id = \n")]);
    let output = faulty.run(&["backtest", "cases"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with(&format!("{model}, 1 faulty file left out\n")), "{text}");
}

#[test]
fn records_that_took_the_advice_are_told_apart() {
    let desk = Desk::new();
    for (sheet, more) in [
        ("rust.toml", &["--status", "accepted"][..]),
        ("rust.toml", &["--status", "accepted", "--option", "go", "--why", "We know Go."]),
    ] {
        let mut arguments = vec!["record", sheet, "--title", "A decision"];
        arguments.extend(more);
        desk.ok(&arguments);
    }
    let found = desk.json(&["backtest", "decisions", "--json"]);
    assert_eq!(found["cases"], 2);
    let by_advice = &found["by_advice"];
    assert_eq!(
        (&by_advice["taken"]["cases"], &by_advice["taken"]["agree"]),
        (&1.into(), &1.into())
    );
    assert_eq!(by_advice["overridden"]["cases"], 1);
    assert_eq!(by_advice["overridden"]["agree"], 0);
    let text = desk.ok(&["backtest", "decisions"]);
    for part in ["took it          1 of 1 case agrees", "1 record simply took the advice"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(desk.json(&["backtest", "--json"])["by_advice"].is_null(), "no record among them");
    // People know a record by its number and title, programs by its id.
    let id = found["per_case"][0]["id"].as_str().expect("an id");
    assert!(text.contains("agrees    0001 A decision  chosen") && !text.contains(id), "{text}");
    assert!(text.contains("Tables begin at 10 cases") && !text.contains("By verdict"), "{text}");
}

#[test]
fn a_folder_without_cases_is_said_plainly() {
    let desk = desk(&[]);
    let told = desk.fails(1, &["backtest", "cases"]);
    assert!(told.contains("there is no case in cases: a case is a .toml file with id"), "{told}");
    assert!(desk.fails(2, &["backtest", "gone"]).contains("the folder gone cannot be read"));
    let told = desk.fails(2, &["backtest", "rust.toml"]);
    assert!(told.contains("rust.toml is a file; name the folder that holds it"), "{told}");
    assert!(!told.contains("os error"), "{told}");
}

#[test]
fn another_model_can_be_judged() {
    let desk = desk(&[("a.toml", GO_CASE)]);
    let model = assay_advice::Model::builtin().text();
    let renamed = model.replacen("id = \"backend\"", "id = \"ours\"", 1);
    fs::write(desk.path("ours.toml"), &renamed).expect("a model");
    let found = desk.json(&["backtest", "cases", "--model", "ours.toml", "--json"]);
    assert_eq!(found["model"]["id"], "ours");
    assert_eq!(found["cases"], 1);

    // A model that asks one question less is still judged by what it does ask.
    let fewer = renamed.replace("change_rate", "pace_of_change");
    fs::write(desk.path("fewer.toml"), fewer).expect("a model");
    let output = desk.run(&["backtest", "--model", "fewer.toml", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.contains("does not know some answers to `change_rate`"), "{told}");
    assert!(desk.fails(2, &["backtest", "--model", "gone.toml"]).contains("gone.toml"));
}
