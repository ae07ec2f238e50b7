//! What an import would do with the samples of each tool.

use assay_records::{Dialect, Record, Status, adr::Outcome};

use super::{Shelf, new, planned, source, sources, told};
use crate::{model, parse};

#[test]
fn madr_4() {
    let plan = planned(&sources("madr4"), &[], &[]);
    assert_eq!(
        told(&plan),
        [
            "0000-adr-template.md: left out: `0000-adr-template.md` is a page or a template of the \
             tool",
            "0001-keep-sessions-in-a-cache.md: new, superseded, Keep sessions in a cache",
            "0002-write-the-session-gateway-in-rust.md: new, accepted, Write the session gateway \
             in Rust",
            "README.md: left out: `README.md` is a page or a template of the tool",
            "notes.md: left out: it has none of what a decision has: front matter, a list with \
             `Status:`, or a section such as `Status`, `Context`, `Decision` or `Decision Outcome`",
            "storage/0001-say-the-status.md: status of `in review`? its status is `in review`, \
             which is none of ours (`2025-11-31` is not a date (YYYY-MM-DD or DD/MM/YYYY) and was \
             left out)",
        ]
    );
    let cache = parse(&new(&plan[1]).text).record;
    assert_eq!(cache.deciders, ["Ada Moreau", "Bo, of platform"]);
    assert_eq!(cache.decided.unwrap().to_string(), "2025-03-04");
    assert_eq!(cache.status, Status::Accepted, "that it is superseded follows from the other side");
    assert_eq!(cache.choice, None);
    let Rationale { context, decision, consequences } = &cache.rationale;
    assert!(context.starts_with("Consulted: the on-call rota\n\nEach request reads"), "{context}");
    assert!(context.contains("### Decision Drivers\n\n* reads within"), "{context}");
    assert!(!context.contains("optional"), "{context}");
    assert!(decision.starts_with("Chosen option: \"A cache beside the service\""), "{decision}");
    assert!(consequences.starts_with("* Good, because the table is quiet"), "{consequences}");
    assert!(consequences.contains("### Confirmation\n\nA dashboard"), "{consequences}");
    assert!(consequences.contains("#### A table in memory"), "{consequences}");
    assert!(consequences.contains("```md\n## This heading is code\n```"), "{consequences}");
    let gateway = parse(&new(&plan[2]).text).record;
    assert_eq!(gateway.deciders, ["Ada Moreau", "Chi Okafor"]);
    assert_eq!(gateway.choice.unwrap().option.id(), "rust");
    assert_eq!(gateway.supersedes, [cache.id]);
    assert_eq!(
        gateway.events[0].detail,
        "imported from 0002-write-the-session-gateway-in-rust.md (MADR 4)"
    );
}

use assay_records::Rationale;

#[test]
fn madr_3_and_2() {
    let plan = planned(&sources("madr3"), &[], &[]);
    let lines = told(&plan);
    assert_eq!(lines[0], "0007-cache-quotes.md: new, proposed, Cache quotes");
    assert!(lines[1].starts_with("0008-broken.md: faulty: line "), "{}", lines[1]);
    assert!(lines[1].contains("of the front matter is not YAML"), "{}", lines[1]);
    let record = parse(&new(&plan[0]).text).record;
    assert_eq!(record.original.as_ref().unwrap().format, Dialect::Madr3);
    assert_eq!(record.choice.unwrap().option.id(), "go");
    assert_eq!(record.decided, None, "what is proposed is not decided");

    let plan = planned(&sources("madr2"), &[], &[]);
    assert_eq!(told(&plan), ["0003-use-one-queue.md: new, accepted, Use one queue"]);
    let record = parse(&new(&plan[0]).text).record;
    assert_eq!(record.original.as_ref().unwrap().format, Dialect::Madr2);
    assert_eq!(record.deciders, ["Eve Tanaka", "Femi Adler"]);
    assert!(record.rationale.context.starts_with("Technical Story: every team"));
    let consequences = &record.rationale.consequences;
    assert_eq!(consequences, "### Positive Consequences\n\n* one thing to learn");
}

#[test]
fn adr_tools() {
    let plan = planned(&sources("adr-tools"), &[], &[]);
    assert_eq!(
        told(&plan),
        [
            "0001-record-decisions.md: new, accepted, Record decisions",
            "0002-poll-the-ledger.md: new, superseded, Poll the ledger",
            "0003-stream-the-ledger.md: new, accepted, Stream the ledger",
            "0004-no-status.md: status of ``? it says no status",
        ]
    );
    let poll = parse(&new(&plan[1]).text).record;
    assert_eq!(poll.decided.unwrap().to_string(), "2019-10-09");
    assert_eq!(poll.rationale.decision, "We poll.");
    let original = poll.original.unwrap();
    assert!(original.text.contains("\r\n"), "the text is kept as it was, line ends and all");
    let stream = parse(&new(&plan[2]).text).record;
    assert_eq!(stream.supersedes, [poll.id]);
    assert!(stream.rationale.consequences.contains("Amends [1. Record decisions]"));
}

#[test]
fn log4brains() {
    let plan = planned(&sources("log4brains"), &[], &[]);
    assert_eq!(
        told(&plan),
        [
            "20220304-shard-by-tenant.md: new, superseded, Shard by tenant",
            "20230506-shard-by-region.md: new, accepted, Shard by region",
            "template.md: left out: `template.md` is a page or a template of the tool",
        ]
    );
    let tenant = parse(&new(&plan[0]).text).record;
    assert_eq!(tenant.tags, ["storage", "scaling"]);
    assert_eq!(tenant.original.unwrap().format, Dialect::Log4brains);
    assert_eq!(parse(&new(&plan[1]).text).record.tags, ["storage", "law"]);
}

#[test]
fn json_adr() {
    let plan = planned(&sources("json-adr"), &[], &[]);
    assert_eq!(
        told(&plan),
        [
            "decisions.json#1: new, superseded, Use one log format",
            "decisions.json#2: new, accepted, Use the platform's log format",
            "decisions.json#3: faulty: `title` is missing",
        ]
    );
    let second = parse(&new(&plan[1]).text).record;
    assert_eq!(second.tags, ["logging"]);
    assert!(second.rationale.consequences.contains("### negative\n\n* more bytes"));
    assert!(second.rationale.consequences.contains("### Cost\n\nNothing."));
}

#[test]
fn a_status_that_is_not_ours_is_asked_for_and_never_guessed() {
    let files = [
        source("0001-a.md", "# A\n\n* Status: Approved\n* Date: 2024-01-02\n"),
        source("0002-b.md", "# B\n\n* Date: 2024-01-02\n"),
        source("0003-c.md", "# C\n\n* Status: superseded by [x](0099-x.md)\n"),
        source("0004-d.md", "# D\n\n* Status: superseded by [5](0005-e.md)\n"),
        source("0005-e.md", "# E\n\n* Status: proposed\n"),
    ];
    assert_eq!(
        told(&planned(&files, &[], &[])),
        [
            "0001-a.md: status of `approved`? its status is `approved`, which is none of ours",
            "0002-b.md: status of ``? it says no status",
            "0003-c.md: status of `superseded`? it is superseded by `x`, which is not in force here",
            "0004-d.md: status of `superseded`? it is superseded by `5`, which is not in force here",
            "0005-e.md: new, proposed, E",
        ]
    );
    let said =
        [("approved", Status::Accepted), ("", Status::Draft), ("superseded", Status::Deprecated)];
    assert_eq!(
        told(&planned(&files, &[], &said)),
        [
            "0001-a.md: new, accepted, A",
            "0002-b.md: new, draft, B",
            "0003-c.md: new, deprecated, C",
            "0004-d.md: new, deprecated, D",
            "0005-e.md: new, proposed, E",
        ]
    );
}

#[test]
fn the_same_folder_twice_makes_nothing_new() {
    for folder in ["madr4", "madr2", "adr-tools", "log4brains", "json-adr"] {
        let files = sources(folder);
        let first = planned(&files, &[], &[]);
        let texts = first.iter().filter_map(|entry| match &entry.outcome {
            Outcome::New(new) => Some(new.text.clone()),
            _ => None,
        });
        let shelf = Shelf::of(texts);
        let again = planned(&files, &shelf.known(), &[]);
        let here = again.iter().filter(|entry| matches!(entry.outcome, Outcome::Here(_))).count();
        assert_eq!(here, shelf.kept.len(), "{:#?}", told(&again));
        assert!(!again.iter().any(|entry| matches!(entry.outcome, Outcome::New(_))));
    }
}

#[test]
fn a_file_that_changed_since_it_was_imported_is_not_replaced() {
    let old = [source("0001-a.md", "# A\n\n* Status: accepted\n")];
    let shelf = Shelf::of([new(&planned(&old, &[], &[])[0]).text.clone()]);
    let changed = [
        source("0001-a.md", "# A\n\n* Status: superseded by [B](0002-b.md)\n"),
        source("0002-b.md", "# B\n\n* Status: accepted\n"),
    ];
    let plan = planned(&changed, &shelf.known(), &[]);
    assert_eq!(
        told(&plan),
        [
            "0001-a.md: faulty: it was imported as record 0001 and changed since; bring the change \
             into the record",
            "0002-b.md: new, accepted, B",
        ]
    );
    // The new one replaces the record of the old file, as both files say.
    let new = parse(&new(&plan[1]).text).record;
    assert_eq!(new.supersedes, [shelf.kept[0].2.id]);
}

#[test]
fn what_cannot_be_read_is_told_beside_what_can() {
    let long = format!("# {}\n\n* Status: accepted\n", "t".repeat(300));
    let mut files = vec![
        source("a.md", ""),
        source("b.md", "---\nstatus: *all\n---\n\n# B\n"),
        source("c.json", "{\"version\": \"2.0\", \"adr\": {}}"),
        source("d.json", "[]"),
        source("e.md", &long),
        source("f.md", "# F\n\n* Status: accepted\n"),
    ];
    files.push(super::Source { file: "g.md".to_owned(), text: Err("it is not UTF-8".to_owned()) });
    let lines = told(&planned(&files, &[], &[]));
    assert_eq!(lines[0], "a.md: faulty: it has no title: a line `# Title`");
    assert!(lines[1].starts_with("b.md: faulty: line 1 of the front matter"), "{}", lines[1]);
    assert_eq!(lines[2], "c.json: faulty: JSON-ADR 2.0 is not known; 1.0.0 is");
    assert!(lines[3].starts_with("d.json: left out: it is not JSON-ADR"), "{}", lines[3]);
    assert!(lines[4].starts_with("e.md: faulty: as a record: title"), "{}", lines[4]);
    assert_eq!(lines[5], "f.md: new, accepted, F");
    assert_eq!(lines[6], "g.md: faulty: it is not UTF-8");
}

#[test]
fn an_imported_record_keeps_its_original_and_may_be_about_something_else() {
    let text = new(&planned(&sources("madr2"), &[], &[])[0]).text.clone();
    let record = parse(&text).record;
    assert!(record.choice.is_none(), "an accepted record without a choice, since it is imported");
    let without: String = text.split("[original]").next().unwrap().to_owned();
    let problems = Record::parse(&without, model()).unwrap_err();
    assert!(problems.iter().any(|problem| problem.field == "choice.option"), "{problems:?}");
}
