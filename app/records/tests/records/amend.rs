//! Edits: only what was asked for changes; comments, order and unknown keys stay.

use crate::{FULL, model, parse};
use assay_advice::{AnswerValue, Choice};
use assay_records::{
    Amendment, Condition, Event, EventKind, Outcome, ReviewVerdict, Section, Status, Trigger,
    amend, check_revision,
};
use jiff::civil::date;
use proptest::prelude::*;

fn amended(changes: &[Amendment]) -> String {
    amend(FULL, model(), changes).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Lines only in the first, and only in the second.
fn difference<'t>(before: &'t str, after: &'t str) -> (Vec<&'t str>, Vec<&'t str>) {
    let only = |a: &'t str, b: &'t str| {
        a.lines().filter(|line| !b.lines().any(|other| other == *line)).collect()
    };
    (only(before, after), only(after, before))
}

#[test]
fn each_edit_touches_only_its_lines() {
    let title = "It's \"quoted\"\\";
    let cases: Vec<(Amendment, Vec<&str>, Vec<&str>)> = vec![
        (
            Amendment::Title(title.to_owned()),
            vec!["title = 'Language for the session gateway'     # one line"],
            vec![r#"title = '''It's "quoted"\'''     # one line"#],
        ),
        (
            Amendment::Status(Status::Accepted),
            vec!["status = \"proposed\""],
            vec!["status = \"accepted\""],
        ),
        (Amendment::Service(None), vec!["service = \"session-gateway\""], vec![]),
        (
            Amendment::ReviewBy(Some(date(2028, 1, 1))),
            vec!["review_by = 2027-05-24"],
            vec!["review_by = 2028-01-01"],
        ),
        (Amendment::Option(Choice::Go), vec!["option = \"rust\""], vec!["option = \"go\""]),
        (
            Amendment::Rationale(Section::Context, "Two\nlines".to_owned()),
            vec!["Sessions are checked on every request.\"\"\""],
            vec!["Two", "lines\"\"\""],
        ),
        (
            Amendment::Tags(vec!["auth".to_owned(), "edge".to_owned()]),
            vec!["    \"gateway\","],
            vec!["    \"edge\","],
        ),
        (Amendment::Title("Language for the session gateway".to_owned()), vec![], vec![]),
        (Amendment::Tags(vec!["auth".to_owned(), "gateway".to_owned()]), vec![], vec![]),
    ];
    for (change, gone, come) in cases {
        let text = amended(std::slice::from_ref(&change));
        assert_eq!(difference(FULL, &text), (gone, come), "{change:?}\n{text}");
    }
}

#[test]
fn answers_triggers_and_events_are_edited_in_place() {
    let record = parse(FULL).record;
    let answers = record.answers.with(model(), "failure_consequence", AnswerValue::One("minor"));
    let answers =
        answers.unwrap().with(model(), "cores", AnswerValue::Number { value: 8.0, must: false });
    let answers = answers.unwrap().with(model(), "priorities", AnswerValue::Unanswered).unwrap();
    let mut triggers = record.triggers.clone();
    triggers.remove(1);
    triggers[0].flips_to = None;
    triggers[0].owner = Some("Grace".to_owned());
    triggers.push(Trigger {
        id: "year".to_owned(),
        condition: Condition::Date(date(2027, 1, 1)),
        flips_to: None,
        owner: None,
        note: None,
        promql: None,
    });
    let at = "2026-11-22T09:00:00Z".parse().unwrap();
    let event = Event {
        verdict: Some(ReviewVerdict::RequestChanges),
        section: Some(Section::Context),
        digest: Some("sha256:ab".to_owned()),
        trigger: Some("p99".to_owned()),
        alert: Some("f 1".to_owned()),
        outcome: Some(Outcome::Amend),
        advised: Some(None),
        ..Event::new(at, "grace", EventKind::Edited, "answers")
    };
    let text = amended(&[
        Amendment::Answers(answers.clone()),
        Amendment::Triggers(triggers.clone()),
        Amendment::Event(event.clone()),
    ]);
    let after = parse(&text).record;
    assert_eq!(after.answers, answers);
    assert_eq!(after.triggers, triggers);
    assert_eq!(after.events.last(), Some(&event));
    assert_eq!(after.events.len(), 2);
    for kept in [
        "failure_consequence = \"minor\" # an outage logs everybody out",
        "when = \"p99_ms > 10 for 7d\" # as agreed",
        "# Watch this one.",
        "cost_centre = 4711 # ours, not assay's",
    ] {
        assert!(text.lines().any(|line| line == kept), "{kept}\n{text}");
    }
    assert!(text.find("cores = 8").unwrap() > text.find("[answers]").unwrap());
}

#[test]
fn missing_tables_are_made_and_odd_layouts_are_kept() {
    let short = "schema = 1\nid = \"0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a\"\ntitle = \"a\"\n\
        status = \"draft\"\ncreated = 2026-11-21T10:00:00Z\nrationale = { context = \"c\" }\n\
        trigger = [{ id = \"a\", kind = \"event\", when = \"x\" }]";
    let changes = [
        Amendment::Option(Choice::Go),
        Amendment::Rationale(Section::Decision, "d".to_owned()),
        Amendment::Team(Some("t".to_owned())),
        Amendment::Triggers(parse(short).record.triggers),
    ];
    let text = amend(short, model(), &changes).unwrap();
    let record = parse(&text).record;
    assert_eq!(record.choice.map(|chosen| chosen.option), Some(Choice::Go));
    assert_eq!(record.rationale.decision, "d");
    assert_eq!(record.rationale.context, "c");
    assert_eq!(record.team.as_deref(), Some("t"));
    assert_eq!(record.triggers.len(), 1);
    let windows = FULL.replace('\n', "\r\n");
    let text = amend(&windows, model(), &[Amendment::Title("b".to_owned())]).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert_eq!(text.lines().count(), windows.lines().count());
}

#[test]
fn what_is_not_allowed_is_refused_with_the_way_forward() {
    let refused = |text: &str, change: Amendment| {
        let problems = amend(text, model(), &[change]).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let accepted = FULL.replace("\"proposed\"", "\"accepted\"");
    let said = refused(&accepted, Amendment::Option(Choice::Go));
    assert!(said.contains("fixed") && said.contains("supersedes"), "{said}");
    let said = refused(&accepted, Amendment::Answers(assay_advice::Answers::default()));
    assert!(said.contains("answers"), "{said}");
    let said = refused(&accepted, Amendment::Status(Status::Draft));
    assert!(said.contains("it may become: deprecated"), "{said}");
    let said = refused(FULL, Amendment::Title("a\nb".to_owned()));
    assert!(said.contains("title: this holds a line break"), "{said}");
    let said = refused("nonsense", Amendment::Title("a".to_owned()));
    assert!(said.contains("not TOML"), "{said}");
    let (old, mut new) = (parse(FULL).record, parse(FULL).record);
    new.events.clear();
    new.id = uuid::Uuid::nil();
    let fields: Vec<String> = check_revision(&old, &new).into_iter().map(|p| p.field).collect();
    assert_eq!(fields, ["id", "event"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written, it comes back, and every comment and foreign key is still there.
    #[test]
    fn comments_survive_any_edit(
        title in "[^\\p{Cc}]{0,30}[a-z]",
        tags in proptest::collection::vec("[a-z\"' ]{0,8}[a-z]", 0..4),
        text in "[^\r]{0,60}",
        section in prop_oneof![
            Just(Section::Context), Just(Section::Decision), Just(Section::Consequences)
        ],
    ) {
        let after = amended(&[
            Amendment::Title(title.clone()),
            Amendment::Tags(tags.clone()),
            Amendment::Rationale(section, text.clone()),
        ]);
        let record = parse(&after).record;
        prop_assert_eq!(record.title, title);
        prop_assert_eq!(record.tags, tags);
        prop_assert_eq!(record.rationale.get(section), text);
        for comment in [
            "# Kept by the identity team.", "# never changes", "# one line", "# Chosen in the meeting.",
            "# Short, please.", "# an outage logs everybody out", "# Watch this one.", "# as agreed",
            "cost_centre = 4711 # ours, not assay's",
        ] {
            prop_assert!(after.contains(comment), "{} in\n{}", comment, after);
        }
    }
}
