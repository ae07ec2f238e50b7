//! Reading a record: every field, every kind of fault at its place, nothing ever panics.

use crate::{FULL, model, parse, placed, problems};
use assay_advice::Choice;
use assay_records::{
    Comparison, Condition, MAX_RECORD_BYTES, Standing, Status, TriggerKind, Window,
};
use proptest::prelude::*;

#[test]
fn every_field_is_read() {
    let parsed = parse(FULL);
    let record = &parsed.record;
    assert_eq!(record.title, "Language for the session gateway");
    assert_eq!(record.service.as_deref(), Some("session-gateway"));
    assert_eq!(record.status, Status::Proposed);
    assert_eq!(record.tags, ["auth", "gateway"]);
    assert_eq!(record.created, "2026-11-21T10:00:00Z".parse().unwrap());
    assert_eq!(record.decided, Some("2026-11-24".parse().unwrap()));
    assert_eq!(record.deciders, ["Ada", "Grace"]);
    assert_eq!(record.supersedes.len(), 1);
    assert_eq!(record.choice.as_ref().map(|c| c.option), Some(Choice::Rust));
    assert_eq!(record.rationale.context, "Sessions are checked on every request.");
    assert_eq!(record.answers.answered(), 4);
    assert_eq!(record.evidence[0].rust, Some(3.0));
    assert_eq!(record.evidence[0].high, Some(0.52));
    let Condition::Metric { comparison, threshold, window, .. } = &record.triggers[0].condition
    else {
        panic!("{:?}", record.triggers[0])
    };
    assert_eq!((*comparison, *threshold), (Comparison::Above, 10.0));
    assert_eq!(window.seconds, 7 * 24 * 3600);
    assert_eq!(record.events[0].by, "ada");
    assert_eq!(record.due_on(), Some("2027-05-24".parse().unwrap()));
    assert!(!record.overridden() && !record.has_fired());
    let warnings: Vec<String> = parsed.warnings.iter().map(|w| placed(FULL, w)).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("18:1 cost_centre: this key is not known"), "{warnings:?}");
}

#[test]
fn what_another_model_asked_is_odd_but_no_fault() {
    let score = assay_advice::Engine::new(model().clone(), Default::default(), 1)
        .recommend(&assay_advice::Answers::default());
    let advised = |digest: &str| {
        let mut score = score.clone();
        digest.clone_into(&mut score.model.digest);
        let advice = toml::to_string(&score).unwrap();
        let advice: toml::Table = advice.parse().unwrap();
        let mut top = toml::Table::new();
        top.insert("advice".to_owned(), advice.into());
        // Before the record's own tables, whose keys would else be the advice's.
        let asked = "[answers]\nowners = 5\nregion = \"eu\"\nrust_fluency = \"lots\"\n\
             [[trigger]]\nid = \"a\"\nkind = \"answer\"\nwhen = \"region = us\"\n";
        let head: String = FULL
            .lines()
            .take_while(|line| !line.starts_with('['))
            .fold(String::new(), |head, line| head + line + "\n");
        head + asked + &top.to_string()
    };
    let text = advised("sha256:another");
    let parsed = parse(&text);
    assert_eq!(parsed.record.answers.answered(), 1, "what this model knows is read");
    let asked = Condition::Answer { question: "region".to_owned(), value: "us".to_owned() };
    assert_eq!(parsed.record.triggers[0].condition, asked);
    let warnings: Vec<String> = parsed.warnings.iter().map(|w| placed(&text, w)).collect();
    for part in ["answers.region: there is no question", "`lots` is not", "no question `region`"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:#?}");
    }
    // The same text is faulty where this very model gave the advice.
    assert_eq!(problems(&advised(model().digest())).len(), 3);
}

#[test]
fn every_fault_is_found_at_once_and_at_its_place() {
    let text = r#"schema = 2
id = "7"
title = "a
status = "acceptd"
"#
    .replace("\"a\n", "\"a\\nb\"\n")
        + "created = 2026-11-21\ndecided = \"2026-11-24\"\ntags = [1, \"\"]\n\
           [choice]\noption = \"java\"\n[answers]\nowners = \"many\"\nfast = 1\n\
           [[trigger]]\nid = \"A b\"\nkind = \"metric\"\nwhen = \"p99 above 10\"\n\
           [[event]]\nat = 2026-11-21T10:00:00Z\nkind = \"born\"\n";
    let found = problems(&text);
    let expected = [
        ("1:10 schema", "newer assay"),
        ("2:6 id: `7` is not an id", "UUID"),
        ("3:9 title: this holds a line break", "one line"),
        ("4:10 status: `acceptd` is not allowed", "draft, proposed, accepted"),
        ("5:11 created: this is a datetime, not a moment", "2026-11-21T10:00:00Z"),
        ("6:11 decided: this is a string, not a date", "decided = 2026-11-24"),
        ("7:9 tags: this is not text", ""),
        ("7:12 tags: this is empty", ""),
        ("9:10 choice.option: `java` is not allowed", "rust, go, hybrid"),
        ("11:10 answers.owners", "whole number"),
        ("12:8 answers.fast: there is no question `fast`", "known: "),
        ("14:6 trigger[0].id: `A b` is not a trigger's id", "lower-case"),
        ("16:8 trigger[0].when: `p99 above 10` is not a condition", "NAME OP NUMBER for DURATION"),
        ("19:8 event[0].kind: `born` is not allowed", "created, edited"),
    ];
    for (index, (start, within)) in expected.iter().enumerate() {
        let problem = found.get(index).map_or("nothing", String::as_str);
        assert!(problem.starts_with(start) && problem.contains(within), "{start}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn what_is_required_is_named() {
    let found = problems("");
    for key in ["schema", "id", "title", "status", "created"] {
        assert!(found.iter().any(|p| p.contains(&format!("`{key}` is missing"))), "{found:?}");
    }
    let accepted = FULL.replace("\"proposed\"", "\"accepted\"").replace("[choice]", "[chosen]");
    assert!(problems(&accepted)[0].contains("says what was chosen"));
}

#[test]
fn broken_toml_is_reported_where_it_breaks() {
    let found = problems(&FULL.replace("owners = 4", "owners = = 4\nowners"));
    assert!(found[0].starts_with("33:10 : this is not TOML"), "{found:?}");
    let twice = problems(&FULL.replace("team = \"identity\"", "team = \"identity\"\nteam = \"b\""));
    assert!(twice[0].starts_with("8:1 : this is not TOML: duplicate key"), "{twice:?}");
}

#[test]
fn limits_are_stated() {
    let long = FULL.replace("Language for", &"x".repeat(300));
    assert!(problems(&long)[0].contains("longer than 200 characters"));
    let huge = format!("# {}\n{FULL}", "x".repeat(MAX_RECORD_BYTES));
    assert!(problems(&huge)[0].contains("1048576"));
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!problems(&deep).is_empty());
    let dotted = format!("{}x = 1", "a.".repeat(100_000));
    assert!(!problems(&dotted).is_empty());
}

#[test]
fn choosing_against_the_advice_needs_a_reason() {
    let advice = "[advice]\nrecommended = \"go\"\nverdict = \"lean\"\nrust_in_core = 0.3\n\
        go_at_edge = 0.7\ndraws = 16384\nseed = 1\nmodel = { id = \"m\", version = \"1\", \
        digest = \"d\" }\noptions.rust = { value = 0.5, first_share = 0.3 }\n\
        options.go = { value = 0.6, first_share = 0.7 }\n\
        options.hybrid = { value = 0.4, first_share = 0 }\n\n[rationale]";
    let against = FULL.replace("[rationale]", advice);
    let found = problems(&against);
    assert!(
        found[0].starts_with("22:10 choice.override_reason: Rust was chosen against"),
        "{found:?}"
    );
    let reasoned =
        against.replace("option = \"rust\"", "option = \"rust\"\noverride_reason = \"ffi\"");
    assert!(parse(&reasoned).record.overridden());
    let too_close = against.replace("recommended = \"go\"\n", "").replace("lean", "too_close");
    assert!(!parse(&too_close).record.overridden());
    let broken = against.replace("\"lean\"", "\"sure\"");
    assert!(problems(&broken).iter().any(|p| p.contains("advice: ")), "{:?}", problems(&broken));
}

#[test]
fn conditions_say_what_is_allowed() {
    let read = |kind, when: &str| {
        Condition::parse(kind, when, model()).map(|c| c.to_string()).map_err(|p| p.to_string())
    };
    for (kind, when, kept) in [
        (TriggerKind::Metric, "p99_ms>10 for 7d", "p99_ms > 10 for 7d"),
        (TriggerKind::Metric, " rps:max <= 1.5e3 for 90m ", "rps:max <= 1500 for 90m"),
        (TriggerKind::Metric, "x >= -1 for 2w", "x >= -1 for 14d"),
        (TriggerKind::Answer, "rust_fluency=most", "rust_fluency = most"),
        (TriggerKind::Answer, "owners = 9", "owners = 9"),
        (TriggerKind::Answer, "constraints = no_gc", "constraints = no_gc"),
        (TriggerKind::Date, "2027-05-24", "2027-05-24"),
        (TriggerKind::Event, "Go 2 is out", "Go 2 is out"),
    ] {
        assert_eq!(read(kind, when).as_deref(), Ok(kept));
        assert_eq!(read(kind, kept).as_deref(), Ok(kept), "what is written can be read");
    }
    for (kind, when, help) in [
        (TriggerKind::Metric, "p99_ms > 10", "for DURATION"),
        (TriggerKind::Metric, "p99-ms > 10 for 7d", "NAME OP NUMBER"),
        (TriggerKind::Metric, "p99 > inf for 7d", "NAME OP NUMBER"),
        (TriggerKind::Metric, "p99 > 1 for 0d", "DURATION"),
        (TriggerKind::Metric, "p99 > 1 for 99999999w", "DURATION"),
        (TriggerKind::Metric, "p99 > 1 for é", "DURATION"),
        (TriggerKind::Answer, "rust_fluency", "QUESTION = VALUE"),
        (TriggerKind::Answer, "rust = most", "questions: failure_consequence"),
        (TriggerKind::Answer, "rust_fluency = all", "none, few, most, unknown"),
        (TriggerKind::Answer, "owners = lots", "a number from"),
        (TriggerKind::Date, "next year", "YYYY-MM-DD"),
        (TriggerKind::Event, "  ", "not empty"),
    ] {
        let problem = read(kind, when).unwrap_err();
        assert!(problem.contains(help), "{when}: {problem}");
    }
    assert_eq!(Window::parse("1h").map(|w| w.seconds), Some(3600));
}

#[test]
fn the_lifecycle_goes_one_way() {
    let allowed = |from: Status| Status::ALL.into_iter().filter(move |to| from.may_become(*to));
    let ids = |from| allowed(from).map(Status::id).collect::<Vec<_>>();
    assert_eq!(ids(Status::Draft), ["draft", "proposed"]);
    assert_eq!(ids(Status::Proposed), ["proposed", "accepted", "rejected"]);
    assert_eq!(ids(Status::Accepted), ["accepted", "deprecated"]);
    assert_eq!(ids(Status::Rejected), ["rejected"]);
    assert_eq!(ids(Status::Deprecated), ["deprecated"]);
    for standing in Standing::ALL {
        assert_eq!(Standing::from_id(standing.id()), Some(standing));
    }
}

#[test]
fn a_fired_trigger_stays_until_a_revisit() {
    let event = |day: u32, kind: &str| {
        format!("\n[[event]]\nat = 2026-12-{day:02}T00:00:00Z\nby = \"x\"\nkind = \"{kind}\"\n")
    };
    let fired = FULL.to_owned() + &event(1, "trigger_fired");
    assert!(parse(&fired).record.has_fired());
    let read = fired + &event(2, "reviewed");
    assert!(parse(&read).record.has_fired(), "a review of the text answers no trigger");
    let revisited = read + &event(3, "revisited");
    assert!(!parse(&revisited).record.has_fired());
    let again = revisited + &event(3, "trigger_fired");
    assert!(parse(&again).record.has_fired(), "in the same second, the order counts");
    let dated = FULL.replace("kind = \"event\"", "kind = \"date\"");
    let dated = dated.replace("Two Go engineers join", "2027-01-02");
    assert_eq!(parse(&dated).record.due_on(), Some("2027-01-02".parse().unwrap()));
    let answered = dated + "\n[[event]]\nat = 2027-01-03T00:00:00Z\nkind = \"revisited\"\n";
    assert_eq!(parse(&answered).record.due_on(), Some("2027-05-24".parse().unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_never_panics(text in "[\\PC\n\t\r\0=\\[\\]{}\"'#.,]{0,200}") {
        let _ = assay_records::Record::parse(&text, model());
    }

    /// Spans stay within the text and on its character boundaries, whatever was cut or pasted.
    #[test]
    fn a_mutated_record_never_panics(
        at in 0..FULL.len(),
        cut in 0..60usize,
        paste in "[\\PC\n=\\[\\]{}\"'#.,0-9-]{0,20}",
    ) {
        let end = (at + cut).min(FULL.len());
        let (start, end) = (FULL.floor_char_boundary(at), FULL.floor_char_boundary(end));
        let text = format!("{}{paste}{}", &FULL[..start], &FULL[end..]);
        if let Err(problems) = assay_records::Record::parse(&text, model()) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                if let Some(span) = problem.span {
                    prop_assert!(text.get(span).is_some());
                }
            }
        }
    }
}
