//! New records: what is written is what is read, whatever it holds; drafts from real advice.

use crate::{model, parse};
use assay_advice::{
    AnswerValue, Answers, Change, Choice, Engine, Flip, FlipKind, Measurements, SEED, Score,
    Verdict, presets,
};
use assay_records::{Chosen, Condition, Draft, Rationale, Record, Status, Trigger, draft_from};
use jiff::{Timestamp, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0x0198_f2c4_7d1e_7c3a_9b52_3f1d_2e4c_5b6a);

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn engine() -> Engine {
    Engine::new(model().clone(), Measurements::default(), SEED)
}

fn score(preset: usize) -> (Score, Answers) {
    let answers = presets()[preset].answers.clone();
    (engine().score(&answers), answers)
}

#[test]
fn a_draft_from_advice_is_a_whole_record() {
    let engine = engine();
    for preset in presets() {
        let score = engine.score(&preset.answers);
        let service = Some(preset.service.as_str());
        let today = date(2026, 11, 21);
        let draft = draft_from(&score, &preset.answers, model(), service, None, today);
        let text = draft.to_toml(ID, now(), "ada");
        let parsed = parse(&text);
        let record = parsed.record;
        assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        assert_eq!(record.answers, preset.answers);
        assert_eq!(
            record.advice,
            Some(Score { precedents: Vec::new(), same_as: None, ..score.clone() })
        );
        assert_eq!(record.review_by, Some(date(2027, 5, 21)));
        assert_eq!(record.choice.map(|chosen| chosen.option), score.recommended);
        assert_eq!(record.status, Status::Draft);
        assert_eq!(record.events.len(), 1);
        assert_eq!(record.triggers, draft.triggers);
        assert_eq!(record.rationale, draft.rationale);
        assert!(record.rationale.context.contains("What we know of it"));
        let reason = &score.reasons[0];
        assert!(record.rationale.decision.contains(&reason.text), "{}", reason.text);
        for flip in score.flips.iter().take(1) {
            assert!(record.rationale.consequences.contains(&flip.text));
        }
    }
}

#[test]
fn flips_become_triggers() {
    let (mut score, answers) = score(0);
    let flip = |kind, id: &str, from: &str, to: &str| Flip {
        kind,
        changes: vec![Change { id: id.to_owned(), from: from.into(), to: to.into(), until: None }],
        recommended: Some(Choice::Hybrid),
        verdict_after: Verdict::Lean,
        text: format!("{id} to {to}"),
    };
    score.recommended = Some(Choice::Go);
    score.flips = vec![
        flip(FlipKind::Answer, "rust_fluency", "few", "most"),
        flip(FlipKind::Number, "p99_ms", "20", "9.5"),
        flip(FlipKind::Number, "peak_rps", "90", "40"),
        flip(FlipKind::Number, "owners", "4", "9"),
        flip(FlipKind::Importance, "hiring", "20", "41"),
    ];
    let today = date(2026, 11, 21);
    let draft = draft_from(&score, &answers, model(), Some("a\"b"), None, today);
    let written: Vec<String> = draft.triggers.iter().map(|t| t.condition.to_string()).collect();
    assert_eq!(
        written,
        ["rust_fluency = most", "p99_ms > 9.5 for 7d", "peak_rps < 40 for 7d", "owners to 9"]
    );
    assert!(draft.triggers[1].promql.as_ref().is_some_and(|promql| promql.contains("job=\"ab\"")));
    parse(&draft.to_toml(ID, now(), "ada"));
    let against = draft_from(&score, &answers, model(), None, Some(Choice::Hybrid), today);
    assert!(against.triggers.is_empty(), "a flip to what was chosen anyway needs no trigger");
}

/// The example of a new record's whole text, to be read by people.
#[test]
fn a_new_record_reads_well() {
    let (_, answers) = score(0);
    let answers = answers.with(model(), "owners", AnswerValue::Unknown).unwrap();
    let draft = Draft {
        title: "Language for the gateway".to_owned(),
        tags: vec!["auth".to_owned()],
        choice: Some(Chosen { option: Choice::Rust, override_reason: None }),
        rationale: Rationale {
            context: "One line".to_owned(),
            decision: "Two\r\nlines \\ with a backslash".to_owned(),
            consequences: String::new(),
        },
        answers,
        ..Draft::default()
    };
    let text = draft.to_toml(ID, now(), "ada");
    let expected = include_str!("new.toml");
    let answers_at = text.find("[answers]").unwrap();
    let events_at = text.find("# What happened").unwrap();
    let shown = format!("{}{}", &text[..answers_at], &text[events_at..]);
    assert_eq!(shown, expected);
    assert!(text[answers_at..].contains("owners = \"unknown\"\n"));
}

fn hostile_line() -> impl Strategy<Value = String> {
    "([^\\p{Cc}]|['\"\\\\\u{1f389}\u{202e}]){0,40}[a-z]"
}

fn hostile_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            any::<char>().prop_map(String::from),
            Just("'''".to_owned()),
            Just("\"\"\"".to_owned()),
            Just("\\".to_owned()),
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\0\u{7f}\u{1b}".to_owned()),
            Just("🎉".to_owned()),
        ],
        0..30,
    )
    // Only the line ends of forms change: they are made those of files.
    .prop_map(|parts| parts.concat().replace('\r', "\r-"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hostile_strings_come_back_exactly(
        title in hostile_line(),
        team in hostile_line(),
        tags in proptest::collection::vec(hostile_line(), 0..3),
        context in hostile_text(),
        decision in hostile_text(),
        reason in hostile_text(),
        note in hostile_text(),
        by in hostile_line(),
    ) {
        let draft = Draft {
            title: title.clone(),
            team: Some(team.clone()),
            tags: tags.clone(),
            choice: Some(Chosen { option: Choice::Go, override_reason: Some(reason.clone()) }),
            rationale: Rationale {
                context: context.clone(),
                decision: decision.clone(),
                consequences: String::new(),
            },
            triggers: vec![Trigger {
                id: "t".to_owned(),
                condition: Condition::Event(title.trim().to_owned()),
                flips_to: None,
                owner: Some(team.clone()),
                note: Some(note.clone()).filter(|note| !note.is_empty()),
                promql: None,
            }],
            ..Draft::default()
        };
        let text = draft.to_toml(ID, now(), &by);
        let record = Record::parse(&text, model()).map_err(|p| TestCaseError::fail(format!("{p:?}\n{text}")))?.record;
        prop_assert_eq!(record.title, title);
        prop_assert_eq!(record.team, Some(team));
        prop_assert_eq!(record.tags, tags);
        prop_assert_eq!(&record.rationale.context, &context);
        prop_assert_eq!(&record.rationale.decision, &decision);
        let kept = record.choice.and_then(|chosen| chosen.override_reason).unwrap_or_default();
        prop_assert!(kept == reason || reason.trim().is_empty());
        prop_assert_eq!(record.triggers, draft.triggers);
        prop_assert_eq!(&record.events[0].by, &by);
    }
}
