//! Whatever a file holds, planning ends; whatever a record holds, it comes back.

use assay_records::{Dialect, Draft, Rationale, Status, adr::export};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Shelf, Source, new, planned, source};

/// Lines that mean something to a reader of Markdown, YAML or this format.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,8}",
        prop::sample::select(vec![
            "---",
            "...",
            "# T",
            "## Status",
            "## Decision Outcome",
            "### Consequences",
            "- Status: accepted",
            "* Status: superseded by [x](0001-a.md)",
            "status: accepted",
            "status: [a, b",
            "```",
            "assay-record sha256:00",
            "<!-- The record in assay: importing this file restores it, as long as the text above is as it was.",
            "<!--",
            "-->",
            "> # q",
            "===",
            "---\r",
            "date: 2024-13-01",
            "x: &a [*a]",
            "{…}",
            "Superseded by",
        ])
        .prop_map(str::to_owned),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..14).prop_map(|lines| lines.join("\n"))
}

/// Titles, often with what means something at their ends, or as a whole.
fn title() -> impl Strategy<Value = String> {
    let any = "[#*<\\[{]{0,2}[ -~]{1,40}[#>\\]}]{0,2}";
    prop_oneof![9 => any, 1 => "(Index|Read[Mm]e|template|#|\\[a\\]|\\{a\\}|<b>)"]
        .prop_filter("a title has words", |title| !title.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_texts_are_planned(texts in prop::collection::vec(text(), 1..4)) {
        let sources: Vec<Source> = texts
            .iter()
            .zip(["0001-a.md", "0002-b.md", "20240101-c.md"])
            .map(|(text, file)| source(file, text))
            .collect();
        let statuses = [("", Status::Draft), ("superseded", Status::Deprecated)];
        let plan = planned(&sources, &[], &statuses);
        prop_assert_eq!(plan.len(), sources.len());
    }

    #[test]
    fn any_json_is_planned(text in "\\{\"version\":\"1.0.0\",\"adrs?\":[ -~]{0,60}\\}") {
        prop_assert!(!planned(&[source("a.json", &text)], &[], &[]).is_empty());
    }

    #[test]
    fn any_record_comes_back(
        title in title(),
        context in text(), decision in text(), consequences in text(),
        deciders in prop::collection::vec("[!-~][ -~]{0,12}", 0..3),
        tags in prop::collection::vec("[a-z]{1,6}", 0..3),
    ) {
        let rationale = Rationale { context, decision, consequences };
        let draft = Draft { title, rationale, deciders, tags, ..Draft::default() };
        let record = draft.to_toml(Uuid::from_u128(7), Timestamp::UNIX_EPOCH, "ada");
        let shelf = Shelf::of([record.clone()]);
        for dialect in Dialect::ALL {
            let exported = export(dialect, &shelf.items()).unwrap();
            let files = [source(&exported[0].file, &exported[0].text)];
            let plan = planned(&files, &[], &[]);
            prop_assert_eq!(&new(&plan[0]).text, &record, "{:?}\n{}", dialect, &exported[0].text);
        }
    }

    #[test]
    fn a_title_comes_back_from_what_readers_see(
        title in "[#*_`\\[<!&{C~]{0,3} ?[a-zA-Z]{1,6}[ #*`_\\]>\\\\.;=-]{0,4}[b#]{1,3}",
    ) {
        let draft = Draft { title: title.clone(), ..Draft::default() };
        let record = draft.to_toml(Uuid::from_u128(7), Timestamp::UNIX_EPOCH, "ada");
        let shelf = Shelf::of([record]);
        for dialect in [Dialect::Madr4, Dialect::Madr2, Dialect::AdrTools, Dialect::Log4brains] {
            let exported = export(dialect, &shelf.items()).unwrap();
            let (seen, _) = exported[0].text.split_once("<!-- The record").unwrap();
            let plan = planned(&[source(&exported[0].file, seen)], &[], &[]);
            prop_assert_eq!(plan[0].title.as_deref(), Some(title.trim()), "{:?}\n{}", dialect, seen);
        }
    }
}
