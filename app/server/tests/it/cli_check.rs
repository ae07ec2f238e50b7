//! `assay check` as a team's CI uses it: what it finds, where, and how it ends.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::{
    cli::{Desk, stderr},
    support::skip,
};

/// A whole record by hand.
fn record(number: u32, more: &str, triggers: &str) -> String {
    format!(
        "schema = 1\nid = \"0198f2c4-7d1e-7c3a-9b52-{number:012}\"\ntitle = \"Record {number}\"\n\
         status = \"accepted\"\ncreated = 2026-11-21T10:00:00Z\n{more}\n[choice]\noption = \"go\"\n{triggers}"
    )
}

fn keep(desk: &Desk, name: &str, text: &str) {
    fs::create_dir_all(desk.path("decisions")).expect("a folder");
    fs::write(desk.path("decisions").join(name), text).expect("a record");
}

/// The findings as `kind line field`, and the exit code.
fn found(desk: &Desk, arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let all = [&["check", "--json"], arguments].concat();
    let output = desk.run(&all);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = document["findings"].as_array().expect("findings").iter().map(|it| {
        let word = |key: &str| it[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", word("kind"), it["line"], word("field"))
    });
    (findings.collect(), output.status.code())
}

#[test]
fn what_is_due_says_where_and_fails_only_when_asked() {
    let desk = Desk::new();
    keep(&desk, "0001-a.toml", &record(1, "review_by = 2027-01-01", ""));
    let fired = "[[trigger]]\nid = \"slow\"\nkind = \"event\"\nwhen = \"It is slow\"\n\
                 [[event]]\nat = 2026-12-01T00:00:00Z\nkind = \"trigger_fired\"\ntrigger = \"slow\"\n";
    keep(&desk, "0002-b.toml", &record(2, "", fired));
    let answered = format!("{fired}[[event]]\nat = 2026-12-02T00:00:00Z\nkind = \"revisited\"\n");
    keep(&desk, "0003-c.toml", &record(3, "", &answered));
    let day = "[[trigger]]\nid = \"day\"\nkind = \"date\"\nwhen = \"2026-12-31\"\n";
    keep(&desk, "0004-d.toml", &record(4, "", day));
    keep(&desk, "0005-e.toml", &record(5, "review_by = 2020-01-01\ntags = [\"assay\"]", ""));
    let (findings, code) = found(&desk, &["--today", "2027-01-01"]);
    assert_eq!(findings, ["due 6 review_by", "due 10 trigger", "due 12 trigger"]);
    assert_eq!(code, Some(0), "by default only errors fail");
    let (findings, code) = found(&desk, &["--today", "2026-12-30", "--fail-on", "due"]);
    assert_eq!((findings, code), (vec!["due 10 trigger".to_owned()], Some(1)));
    let said = desk.run(&["check", "--today", "2027-01-01", "--format", "github"]);
    let said = String::from_utf8(said.stdout).expect("text");
    assert!(said.contains("::warning file=decisions/0001-a.toml,line=6,col=1::"), "{said}");
    assert!(said.contains("the trigger slow fired on 2026-12-01"), "{said}");
}

#[test]
fn a_superseded_record_is_not_due_and_a_lost_link_is_told() {
    let desk = Desk::new();
    keep(&desk, "0001-a.toml", &record(1, "review_by = 2020-01-01", ""));
    let link = |number: u32| format!("supersedes = [\"0198f2c4-7d1e-7c3a-9b52-{number:012}\"]");
    keep(&desk, "0002-b.toml", &record(2, &link(1), ""));
    assert_eq!(found(&desk, &["--fail-on", "due"]), (Vec::new(), Some(0)));
    // As the index has it, a record that was in force once keeps the old one superseded.
    let deprecated = record(2, &link(1), "").replace("accepted", "deprecated");
    keep(&desk, "0002-b.toml", &deprecated);
    assert_eq!(found(&desk, &["--fail-on", "due"]), (Vec::new(), Some(0)));
    keep(&desk, "0003-c.toml", &record(3, &link(9), ""));
    assert_eq!(found(&desk, &[]), (vec!["warning 6 supersedes".to_owned()], Some(0)));
}

#[test]
fn a_metric_that_prometheus_would_refuse_is_told_with_its_place() {
    let desk = Desk::new();
    let metric = |id: &str, promql: &str| {
        format!(
            "[[trigger]]\nid = \"{id}\"\nkind = \"metric\"\nwhen = \"p99_ms > 10 for 7d\"\n\
             promql = '{promql}'\n"
        )
    };
    let triggers = [metric("open", "rate(x[5m]"), metric("good", "up"), metric("type", "rate(x)")];
    keep(&desk, "0001-a.toml", &record(1, "", &triggers.concat()));
    let open = "warning 13 trigger[0].promql";
    let (findings, code) = found(&desk, &[]);
    assert_eq!((findings[0].as_str(), code), (open, Some(0)));
    let exported = desk.run(&["export", "--format", "prometheus"]);
    let rules = String::from_utf8(exported.stdout.clone()).expect("text");
    assert!(rules.contains("(\\nup\\n)") && !rules.contains("rate(x[5m]"), "{rules}");
    let told = "left out, as its promql is none: `(` in column 5 is never closed: Record 1: open";
    assert!(stderr(&exported).contains(told), "{}", stderr(&exported));
    if Command::new("promtool").arg("--version").output().is_err() {
        return skip("a metric that Prometheus would refuse", "there is no promtool");
    }
    assert_eq!(findings, [open, "warning 20 trigger"]);
    let said = String::from_utf8(desk.run(&["check"]).stdout).expect("text");
    assert!(said.contains("refuses the promql of `type`: expected type range vector"), "{said}");
}

#[test]
fn what_the_program_would_not_take_as_a_record_is_an_error_here_too() {
    let desk = Desk::new();
    keep(&desk, "notes.toml", &record(1, "", ""));
    assert_eq!(found(&desk, &[]), (vec!["error null file name".to_owned()], Some(1)));
    fs::rename(desk.path("decisions/notes.toml"), desk.path("elsewhere.toml")).expect("moved");
    symlink(desk.path("elsewhere.toml"), desk.path("decisions/0001-a.toml")).expect("a link");
    let (findings, code) = found(&desk, &[]);
    assert_eq!((findings.len(), code), (1, Some(1)), "{findings:?}");
    assert_eq!(desk.run(&["check", "nowhere"]).status.code(), Some(2));
    assert_eq!(desk.run(&["check", "--today", "soon"]).status.code(), Some(2));
}

/// The hook and the workflow as the README has them, run by git and by a shell.
#[test]
fn the_documented_hook_and_workflow_run() {
    let test = "the documented hook and workflow";
    let readme = include_str!("../../../../README.md");
    let section = readme.split("### In continuous integration").nth(1).expect("the section");
    let block = |kind: &str| {
        let block = section.split(&format!("```{kind}\n")).nth(1).expect("a block");
        block.split("```").next().expect("its end")
    };
    let desk = Desk::new();
    let program = Path::new(env!("CARGO_BIN_EXE_assay")).parent().expect("a folder");
    let path = format!("{}:/usr/bin:/bin", program.display());
    let run = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(name);
        command.args(arguments).current_dir(desk.path(".")).env_clear();
        command.env("HOME", desk.path(".")).env("PATH", &path);
        let output = command.output().ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Some((output.status.code(), said + &stderr(&output)))
    };
    if run("git", &["init", "-q"]).is_none() {
        return skip(test, "there is no git");
    }
    let hook = desk.path(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    fs::write(&hook, block("sh")).expect("the hook");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("a program");
    let commit = || {
        run("git", &["add", "decisions"]);
        let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        run("git", &[&who[..], &["commit", "-qm", "x"]].concat()).expect("git")
    };
    keep(&desk, "0001-a.toml", &record(1, "", ""));
    let (code, said) = commit();
    assert!(code == Some(0) && said.starts_with("1 record checked: 0 errors"), "{code:?} {said}");
    keep(&desk, "0001-a.toml", &record(1, "team = 7", ""));
    let (code, said) = commit();
    assert!(code == Some(1) && said.contains("decisions/0001-a.toml:6"), "{code:?} {said}");
    let steps = block("yaml").lines().filter_map(|line| line.strip_prefix("- run: "));
    let steps: Vec<&str> = steps.collect();
    assert!(steps[0].starts_with("cargo install --locked --git "), "builds for minutes: not run");
    let (code, said) = run("sh", &["-e", "-c", steps[1]]).expect("a shell");
    assert!(
        code == Some(1) && said.contains("::error file=decisions/0001-a.toml,line=6"),
        "{said}"
    );
}
