//! The schema that editors read says the same as the parser.

use std::{collections::BTreeSet, fs, path::Path};

use assay_records::{Record, json_schema};
use serde_json::Value;

#[test]
fn the_checked_in_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("record.schema.json");
    let current = format!("{:#}\n", json_schema());
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept != current {
        // The next run passes; the change shows in the diff to be reviewed.
        fs::write(&path, current).unwrap();
        panic!("{} was out of date and has been rewritten", path.display());
    }
}

/// The keys the parser names when it meets one that it does not know.
fn parsers_keys(section: &str) -> BTreeSet<String> {
    let text = if section == "[cost]" {
        crate::FULL.replace("cost_centre = 4711 # ours, not assay's\n", "").replacen(
            "[[evidence]]",
            "[cost]\nzzz = 1\n[[evidence]]",
            1,
        )
    } else if section.is_empty() {
        crate::FULL.replace("cost_centre", "zzz")
    } else {
        let written = crate::FULL.replace("cost_centre = 4711 # ours, not assay's\n", "");
        written.replacen(&format!("{section}\n"), &format!("{section}\nzzz = 1\n"), 1)
    };
    let parsed = Record::parse(&text, crate::model()).unwrap();
    let help = &parsed.warnings.first().unwrap().help;
    let keys = help.strip_prefix("known here: ").unwrap().split(';').next().unwrap();
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_schema_knows_the_keys_that_the_parser_knows() {
    let schema = json_schema();
    let keys = |value: &Value| -> BTreeSet<String> {
        value["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let definition = |name: &str| keys(&schema["definitions"][name]);
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(parsers_keys(""), keys(&schema));
    assert_eq!(parsers_keys("[choice]"), definition("Chosen"));
    assert_eq!(parsers_keys("[rationale]"), definition("Rationale"));
    assert_eq!(parsers_keys("[[evidence]]"), definition("Evidence"));
    assert_eq!(parsers_keys("[cost]"), definition("Cost"));
    assert_eq!(parsers_keys("[[trigger]]"), definition("Trigger"));
    assert_eq!(parsers_keys("[[event]]"), definition("Event"));
    let questions: BTreeSet<String> =
        crate::model().questions().iter().map(|question| question.id.clone()).collect();
    assert_eq!(keys(&schema["properties"]["answers"]), questions);
    let mut assumptions: BTreeSet<String> =
        assay_advice::assumptions().iter().map(|assumption| assumption.id.clone()).collect();
    assumptions.insert("currency".to_owned());
    let kept = &schema["definitions"]["Cost"]["properties"]["assumptions"];
    assert_eq!(keys(kept), assumptions);
}
