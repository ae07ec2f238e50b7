//! The `[cost]` table: written, read, edited by hand and amended.

use assay_advice::{Answers, Assumptions, Choice, Payback};
use assay_records::{Amendment, Draft, Record, RecordedCost, amend};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{model, parse, problems};

const GIVEN: &str = r#"
[cost] # ours to amend
note_of_ours = "kept"
summary = "Rust would save about 20 of 40 cores."
short = "Rust pays back in about 9 years"
baseline = "go"
currency = "EUR"
ratio = { low = 0.4, likely = 0.5, high = 0.6 }

[cost.assumptions]
core_month = 30 # the reserved price
engineers = 4
"#;

fn written(cost: RecordedCost) -> String {
    let answers = "[answers]\nowners = 4\n";
    let answers = Answers::from_toml(model(), answers).unwrap().answers;
    let draft = Draft { title: "T".to_owned(), answers, cost: Some(cost), ..Draft::default() };
    draft.to_toml(Uuid::from_u128(7), Timestamp::UNIX_EPOCH, "ada")
}

fn by_hand() -> String {
    written(RecordedCost::default()).split("\n[cost]").next().unwrap().to_owned() + GIVEN
}

#[test]
fn a_cost_reads_back_as_it_was_written() {
    let given = parse(&by_hand()).record.cost.unwrap();
    assert_eq!(given.assumptions.get("core_month"), Some(30.0));
    let kept = given.given.clone().unwrap();
    assert_eq!((kept.baseline, kept.ratio.unwrap().high), (Choice::Go, 0.6));
    let again = parse(&written(given.clone())).record.cost;
    let spelled = RecordedCost { assumptions: given.assumptions.clone(), ..given };
    let currency = |cost: &RecordedCost| cost.assumptions.currency().to_owned();
    let again = again.unwrap();
    assert_eq!(
        (again.given.clone(), currency(&again)),
        (spelled.given.clone(), currency(&spelled))
    );
    assert!(again.assumptions.numbers().eq(spelled.assumptions.numbers()));
    let parsed = parse(&written(again.clone()));
    assert_eq!((parsed.record.cost, parsed.warnings.len()), (Some(again), 0));
}

#[test]
fn figures_survive_the_text() {
    let cost = r#"{"summary": "S.", "short": "s", "baseline": "go", "currency": "EUR", "options": {
        "rust": {"cores": {"low": 16, "likely": 17.6, "high": 19.2},
                 "per_month": {"low": 480, "likely": 528, "high": 576},
                 "saving_per_month": {"low": 624, "likely": 672, "high": 720},
                 "ramp": 72000, "extra_ramp": 72000,
                 "payback": {"kind": "months", "low": 100, "likely": 107.1}, "text": "R."},
        "go": {"cores": {"low": 40, "likely": 40, "high": 40},
               "per_month": {"low": 1200, "likely": 1200, "high": 1200},
               "saving_per_month": {"low": 0, "likely": 0, "high": 0},
               "payback": {"kind": "baseline"}, "text": "G."},
        "hybrid": {"cores": {"low": 30, "likely": 30, "high": 30},
                   "per_month": {"low": 900, "likely": 900, "high": 900},
                   "saving_per_month": {"low": 300, "likely": 300, "high": 300},
                   "payback": {"kind": "never"}, "text": "H."}}}"#;
    let cost: assay_advice::Cost = serde_json::from_str(cost).unwrap();
    let mut assumptions = Assumptions::default();
    assumptions.set_currency("EUR").unwrap();
    assumptions.set("utilisation", 0.65).unwrap();
    let recorded = RecordedCost { assumptions, given: Some(cost) };
    let text = written(recorded.clone());
    let parsed = parse(&text);
    assert!(parsed.warnings.is_empty(), "{:?}\n{text}", parsed.warnings);
    let found = parsed.record.cost.unwrap();
    assert_eq!(found, recorded, "{text}");
    let rust = found.given.unwrap().options.unwrap().rust;
    assert_eq!(rust.payback, Payback::Months { low: 100.0, likely: Some(107.1), high: None });
}

#[test]
fn what_is_wrong_by_hand_is_said_at_its_place() {
    let text = by_hand();
    let warnings: Vec<String> =
        parse(&text).warnings.iter().map(|warning| warning.field.clone()).collect();
    assert_eq!(warnings, ["cost.note_of_ours"]);
    for (was, is, field) in [
        ("core_month = 30", "core_month = -1", "cost.assumptions.core_month"),
        ("core_month = 30", "core_month = \"30\"", "cost.assumptions.core_month"),
        ("baseline = \"go\"", "baseline = \"java\"", "cost"),
        ("ratio = { low = 0.4,", "ratio = {", "cost"),
    ] {
        let text = text.replace(was, is);
        let found = problems(&text);
        assert_eq!(found.len(), 1, "{is}: {found:?}");
        let line: usize = found[0].split(':').next().unwrap().parse().unwrap();
        assert!(found[0].contains(field) && line > 10, "{is}: {}", found[0]);
    }
    let unknown = parse(&text.replace("engineers = 4", "colour = 4"));
    assert_eq!(unknown.warnings.last().unwrap().field, "cost.assumptions.colour");
}

#[test]
fn an_amendment_keeps_comments_and_keys_of_others() {
    let text = by_hand();
    let mut cost = parse(&text).record.cost.unwrap();
    cost.assumptions.set("core_month", 25.0).unwrap();
    cost.assumptions.set("horizon", 12.0).unwrap();
    let amended = amend(&text, model(), &[Amendment::Cost(Box::new(cost.clone()))]).unwrap();
    assert!(amended.contains("core_month = 25 # the reserved price"), "{amended}");
    assert!(amended.contains("note_of_ours = \"kept\"") && amended.contains("# ours to amend"));
    let found = Record::parse(&amended, model()).unwrap().record.cost.unwrap();
    assert!(found.assumptions.numbers().eq(cost.assumptions.numbers()));
    assert_eq!(found.given, cost.given);
    // A record without the table gets one.
    let bare = text.split("\n[cost]").next().unwrap();
    let amended = amend(bare, model(), &[Amendment::Cost(Box::new(cost.clone()))]).unwrap();
    let found = Record::parse(&amended, model()).unwrap().record.cost.unwrap();
    assert_eq!(found.given, cost.given, "{amended}");
    // The same again changes nothing.
    let same = amend(&amended, model(), &[Amendment::Cost(Box::new(found))]).unwrap();
    assert_eq!(same, amended);
}
