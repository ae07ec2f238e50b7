//! `assay score`: what it says of a sheet, a record or a precedent, and of what it cannot read.

use std::{collections::BTreeSet, fs, io::Write, process::Stdio};

use serde_json::Value;

use crate::{
    cli::{Desk, stderr},
    support::RUST_SHEET,
};

#[test]
fn a_precedent_is_scored_by_its_id() {
    let desk = Desk::new();
    let told = desk.ok(&["score", "grab"]);
    assert!(told.starts_with("Grab: Counter Service: "), "{told}");
    let json = desk.json(&["score", "grab", "--json"]);
    assert_eq!(json["precedents"].as_array().map(Vec::is_empty), Some(false), "{json}");
    // What is neither a file nor an id is told what may be meant.
    let told = desk.fails(2, &["score", "grabb"]);
    assert!(told.contains("grabb cannot be read"), "{told}");
    assert!(told.contains("Did you mean the documented decision grab?"), "{told}");
    let told = desk.fails(2, &["score", "something-else"]);
    assert!(told.contains("Nor is something-else the id of a documented"), "{told}");
    assert!(!told.contains("khan"), "no ids that are nothing like it: {told}");
    let told = desk.fails(2, &["score", "discord"]);
    let near = "documented decision discord-dataservices or discord-readstates?";
    assert!(told.contains(near) && !told.contains("khan"), "{told}");
    let recorded = desk.recorded();
    let (id, path) = (&recorded["id"], recorded["path"].as_str().expect("a path"));
    for said in ["1", "0001", id.as_str().expect("an id")] {
        let told = desk.fails(2, &["score", said]);
        assert!(told.contains(&format!("Did you mean the record {path}?")), "{told}");
    }
    for said in ["0002", "0198f2c4-0000-7000-8000-000000000000"] {
        let told = desk.fails(2, &["score", said]);
        assert!(told.contains("none here has that number or id"), "{told}");
        assert!(!told.contains("khan"), "{told}");
    }
    assert!(!desk.fails(2, &["score", "absent.toml"]).contains("documented decision"));
    // A file of that name goes before.
    fs::copy(desk.path("go.toml"), desk.path("grab")).expect("a file");
    assert!(desk.ok(&["score", "grab"]).starts_with("back-office: "));
}

#[test]
fn a_precedent_is_not_near_itself() {
    let desk = Desk::new();
    let told = desk.ok(&["score", "pingora"]);
    assert!(told.contains("These are the answers of Cloudflare: Pingora"), "{told}");
    let near = told.split("Nearest documented decisions").nth(1).expect("the nearest");
    assert!(!near.contains("Pingora") && near.contains("% alike"), "{near}");
    assert_eq!(desk.json(&["score", "pingora", "--json"])["same_as"], "pingora");
    assert!(desk.json(&["score", "rust.toml", "--json"])["same_as"].is_null());
}

/// The sweep ends before the latency limit does, so the greatest swept rate is no bound from above.
#[test]
fn a_must_is_not_missed_by_what_the_sweep_did_not_reach() {
    let desk = Desk::new();
    let at = |rps: u32| {
        let sheet = format!(
            "[answers]\nworkload = \"json_api\"\ncpu_bound = \"yes\"\nexisting_code = \"go\"\n\
             cores = 4\ncpu_ms = 0.4\ntail_latency = \"relaxed\"\ngo_fluency = \"most\"\n\
             peak_rps = {{ value = {rps}, must = true }}\nseparable_core = \"no\"\n"
        );
        fs::write(desk.path("must.toml"), sheet).expect("a sheet");
        desk.ok(&["score", "must.toml"])
    };
    let told = at(7_000);
    assert!(told.contains("Measure first: a limit that must be kept"), "{told}");
    assert!(!told.contains("it misses a number marked as a must"), "{told}");
    // More than the closed loop gave is missed.
    let told = at(20_000);
    assert!(told.contains("it misses a number marked as a must"), "{told}");
}

#[test]
fn the_last_option_left_is_called_that() {
    let desk = Desk::new();
    let sheet = "[answers]\nconstraints = [\"no_go\"]\n";
    fs::write(desk.path("last.toml"), sheet).expect("a sheet");
    let told = desk.ok(&["score", "last.toml"]);
    assert!(told.contains("The only option left: first in "), "{told}");
    assert!(told.contains(" (-), which is ruled out\n"), "{told}");
}

#[test]
fn what_would_change_it_says_what_comes_then() {
    let desk = Desk::new();
    // Hybrid has the greatest value, and Go comes first more often: neither is called the advice.
    let sheet = "[answers]\nworkload = \"other\"\ntail_latency = \"tight\"\n";
    fs::write(desk.path("open.toml"), sheet).expect("a sheet");
    let told = desk.ok(&["score", "open.toml"]);
    let score = desk.json(&["score", "open.toml", "--json"]);
    assert_eq!(score["verdict"], "too_close", "{told}");
    let heading = "What speaks for Hybrid (+) and for Go (-)\n";
    assert!(told.contains(heading) && !told.contains("Why "), "{told}");
    assert!(
        told.contains("Hybrid has the greatest value, but Go comes first more often"),
        "{told}"
    );
    let flips = score["flips"].as_array().expect("flips");
    assert!(!flips.is_empty(), "{told}");
    for flip in flips {
        let text = flip["text"].as_str().expect("a text");
        // It is too close already: only what settles it would change it.
        assert!(flip["verdict_after"] != "too_close" && !flip["recommended"].is_null(), "{text}");
    }
}

#[test]
fn nothing_tips_it_once_every_option_is_ruled_out() {
    let desk = Desk::new();
    let told = desk.ok(&["score", "fullstory"]);
    assert!(
        told.lines().next().expect("a line").ends_with(": Every option is ruled out"),
        "{told}"
    );
    let (advice, flips) = told.split_once("What would change it\n").expect("flips");
    for part in ["too close to call", "ruled out in 100%", "answers that are open", "Why ", " lean"]
    {
        assert!(!advice.contains(part), "{part:?} stands in:\n{advice}");
    }
    assert!(advice.contains("Loosen one of these"), "{advice}");
    // A flip lifts what rules the options out, and the advice that it promises comes.
    let promised = "  - If it must run within a quarter: Go (a lean).";
    assert!(flips.contains(promised), "{flips}");
    let answers = desk.json(&["backtest", "--json"])["per_case"].clone();
    let cases = answers.as_array().expect("cases").iter();
    let case = cases.clone().find(|case| case["id"] == "fullstory").expect("the case");
    let lines = case["answers"].as_object().expect("answers").iter();
    let lines =
        lines.filter(|(id, _)| *id != "first_production").map(|(id, it)| format!("{id} = {it}\n"));
    let later = format!("[answers]\nfirst_production = \"quarter\"\n{}", lines.collect::<String>());
    fs::write(desk.path("later.toml"), later).expect("a sheet");
    let after = desk.ok(&["score", "later.toml"]);
    assert!(after.lines().next().expect("a line").ends_with(": Go — a lean"), "{after}");
    let told = desk.ok(&["backtest"]);
    let case = told.split("  fullstory  ").nth(1).expect("the case");
    let words = case.lines().nth(1).expect("what tipped it");
    assert!(words.contains("Nothing tips it: every option is ruled out."), "{words}");
    assert!(words.contains("rules out Go, which was chosen: nobody could review Go"), "{words}");
    // Where answers that are open rule all out now and then, both are still said.
    let open = "[answers]\ngo_fluency = \"none\"\nrust_fluency = \"none\"\n\
                constraints = [\"no_rust\"]\n";
    fs::write(desk.path("open.toml"), open).expect("a sheet");
    let told = desk.ok(&["score", "open.toml"]);
    assert!(told.contains("All three are ruled out in ") && told.contains("Why "), "{told}");
}

#[test]
fn score_says_the_cost_when_asked() {
    let desk = Desk::new();
    let sheet = "[answers]\nworkload = \"json_api\"\ncores = 40\nowners = 4\n\
                 existing_code = \"go\"\nrust_fluency = \"few\"\n";
    fs::write(desk.path("cost.toml"), sheet).expect("a sheet");
    assert!(!desk.ok(&["score", "cost.toml"]).contains("What it costs"));
    let mut asked = vec!["score", "cost.toml", "--cost"];
    asked.extend(["--assume", "engineer_week=1000", "--assume", "currency=GBP"]);
    let text = desk.ok(&asked);
    asked.push("--json");
    assert!(text.contains("What it costs\n  Rust would save about"), "{text}");
    assert!(text.contains("24,000 GBP") && text.contains("One engineer for a week: 1000 GBP"));
    let (plain, with) = (desk.json(&["score", "cost.toml", "--json"]), desk.json(&asked));
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert!(!keys(&plain).contains("cost"), "the score object is as it was");
    assert_eq!(&keys(&with) - &keys(&plain), BTreeSet::from(["cost".to_owned()]));
    assert_eq!(with["cost"]["options"]["rust"]["extra_ramp"], 24_000.0);
    for (said, why) in [
        ("core_month", "ID=VALUE"),
        ("core_month=cheap", "is not a number"),
        ("discount=1", "there is no assumption"),
    ] {
        let told = desk.fails(1, &["score", "cost.toml", "--cost", "--assume", said]);
        assert!(told.contains(why), "{told}");
    }
    desk.fails(2, &["score", "cost.toml", "--assume", "core_month=1"]);
}

#[test]
fn score_speaks_to_people_and_to_programs() {
    let desk = Desk::new();
    let text = desk.ok(&["score", "rust.toml"]);
    assert!(text.starts_with("session-gateway: "), "{text}");
    assert!(text.contains("of 16,384 plausible readings"), "{text}");
    let score = desk.json(&["score", "rust.toml", "--json"]);
    assert_eq!(score["recommended"], "rust");
    assert!(score["precedents"][0]["id"].is_string(), "{}", score["precedents"]);
    assert!(text.contains("Nearest documented decisions") && text.contains("% alike  "), "{text}");
    assert_eq!(desk.json(&["score", "go.toml", "--json"])["recommended"], "go");

    let mut child = desk
        .command(&["score", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    child.stdin.take().expect("stdin").write_all(RUST_SHEET.as_bytes()).expect("writing");
    let output = child.wait_with_output().expect("the program");
    let piped: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(piped, score);
}

#[test]
fn score_follows_the_run_picked_in_the_browser_or_says_why_not() {
    let desk = Desk::new();
    let sheet = "[answers]\nworkload = \"json_api\"\nowners = 3\n";
    fs::write(desk.path("api.toml"), sheet).expect("a sheet");
    let shipped = desk.json(&["score", "api.toml", "--json"]);
    fs::create_dir(desk.path("data")).expect("a folder");
    for (text, warning) in [
        ("[use]\njson-quotes = \"gone\"\n", "there is no such run any more"),
        ("[use\n", "runs-in-use.toml cannot be read, so the advice uses the default runs: line 1"),
    ] {
        fs::write(desk.path("data/runs-in-use.toml"), text).expect("a file");
        let output = desk.run(&["score", "api.toml", "--json", "--data", "data"]);
        assert!(stderr(&output).contains(warning), "{}", stderr(&output));
        let score: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(score, shipped, "{text}");
    }
}

#[test]
fn score_takes_a_record_and_gives_the_same() {
    let desk = Desk::new();
    let recorded = desk.recorded();
    let path = recorded["path"].as_str().expect("a path");
    let again = desk.json(&["score", path, "--json"]);
    assert_eq!(again, desk.json(&["score", "rust.toml", "--json"]));
}

#[test]
fn a_broken_sheet_is_shown_with_line_caret_and_remedy() {
    let desk = Desk::new();
    fs::write(desk.path("broken.toml"), "[answers]\ngo_fluency = \"lots\"\n").expect("a file");
    let expected = "\
error: answers.go_fluency: `lots` is not an answer
 --> broken.toml:2:14
  |
2 | go_fluency = \"lots\"
  |              ^^^^^^
  |
help: allowed: none, few, most, unknown

";
    assert_eq!(desk.fails(1, &["score", "broken.toml"]), expected);
    fs::write(desk.path("broken.toml"), "[answers\n").expect("a file");
    let text = desk.fails(1, &["score", "broken.toml"]);
    assert!(text.contains("--> broken.toml:1:"), "{text}");
}

#[test]
fn unreadable_input_is_said_plainly() {
    let desk = Desk::new();
    assert!(desk.fails(2, &["score", "absent.toml"]).contains("absent.toml cannot be read"));
    assert!(desk.fails(2, &["score", "."]).contains("is a folder"));
    fs::write(desk.path("bytes.toml"), b"[answers]\n\xff\n").expect("a file");
    assert!(desk.fails(1, &["score", "bytes.toml"]).contains("line 2"));
    fs::write(desk.path("huge.toml"), vec![b'#'; 10_000_000]).expect("a file");
    assert!(desk.fails(1, &["score", "huge.toml"]).contains("larger than 1024 KiB"));
    desk.fails(2, &["score"]);
    desk.fails(2, &["score", "rust.toml", "--colour"]);
    fs::write(desk.path("model.toml"), "id = 3\n").expect("a file");
    let text = desk.fails(2, &["score", "rust.toml", "--model", "model.toml"]);
    assert!(text.contains("model.toml"), "{text}");
}
