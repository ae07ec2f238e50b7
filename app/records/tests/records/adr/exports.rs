//! Exports: golden texts, links, radars, and what comes back.

use std::{fs, path::Path};

use assay_records::{
    Dialect, Status,
    adr::{Exported, Outcome, Source, backstage_radar, csv, export, zalando_radar},
};
use serde_json::Value;

use super::{Shelf, new, planned, sources, told};
use crate::FULL;

/// A superseded record, the one that replaced it, and one with hard characters in it.
fn shelf() -> Shelf {
    let second = include_str!("second.toml").to_owned();
    let first = FULL.replace("status = \"proposed\"", "status = \"accepted\"");
    Shelf::of([first, second])
}

fn files(exported: &[Exported]) -> Vec<Source> {
    let source = |file: &Exported| Source { file: file.file.clone(), text: Ok(file.text.clone()) };
    exported.iter().map(source).collect()
}

/// Compares with a golden file; a file that is out of date is rewritten, for its change to be judged.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/adr/golden").join(name);
    if fs::read_to_string(&path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        panic!("{} was out of date and has been rewritten", path.display());
    }
}

#[test]
fn each_format_writes_what_it_should() {
    let shelf = shelf();
    for dialect in Dialect::ALL {
        for file in export(dialect, &shelf.items()).unwrap() {
            golden(&format!("{}/{}", dialect.id(), file.file), &file.text);
        }
    }
}

#[test]
fn an_export_comes_back_whole() {
    let shelf = shelf();
    for dialect in Dialect::ALL {
        let exported = export(dialect, &shelf.items()).unwrap();
        let plan = planned(&files(&exported), &[], &[]);
        let back = plan.iter().map(|entry| (new(entry).file_name.as_deref(), &new(entry).text));
        let mut back: Vec<_> = back.collect();
        let texts = shelf.kept.iter().map(|(_, text, _)| text);
        let wanted: Vec<_> = shelf.names.iter().map(|it| Some(it.as_str())).zip(texts).collect();
        back.sort_unstable();
        assert_eq!(back, wanted, "{dialect:?}");
        // And once more, it is here already.
        let again = planned(&files(&exported), &shelf.known(), &[]);
        assert!(again.iter().all(|e| matches!(e.outcome, Outcome::Here(_))), "{:?}", told(&again));
    }
}

#[test]
fn an_export_edited_elsewhere_is_told_and_not_taken() {
    let shelf = shelf();
    let mut exported = export(Dialect::Madr4, &shelf.items()).unwrap();
    exported[0].text =
        exported[0].text.replace("Sessions are checked", "Sessions are never checked");
    let lines = told(&planned(&files(&exported), &[], &[]));
    assert!(
        lines[0].contains("faulty: it was exported from assay and changed since"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("new, "), "the other one is not held up: {}", lines[1]);
}

#[test]
fn what_was_imported_and_not_changed_goes_out_as_it_came() {
    for (folder, dialect) in [
        ("madr4", Dialect::Madr4),
        ("madr2", Dialect::Madr2),
        ("adr-tools", Dialect::AdrTools),
        ("log4brains", Dialect::Log4brains),
        ("json-adr", Dialect::JsonAdr),
    ] {
        let came = sources(folder);
        let plan = planned(&came, &[], &[]);
        let texts = plan.iter().filter_map(|entry| match &entry.outcome {
            Outcome::New(new) => Some(new.text.clone()),
            _ => None,
        });
        let shelf = Shelf::of(texts);
        let went = export(dialect, &shelf.items()).unwrap();
        if dialect == Dialect::JsonAdr {
            let value: Value = serde_json::from_str(&went[0].text).unwrap();
            let original: Value = serde_json::from_str(came[0].text.as_ref().unwrap()).unwrap();
            assert_eq!(value["adrs"][0], original["adrs"][0]);
            assert_eq!(value["adrs"][1], original["adrs"][1]);
            continue;
        }
        assert_eq!(went.len(), shelf.kept.len());
        for file in &went {
            let before = came.iter().find(|source| source.file == file.file);
            let before = before.unwrap_or_else(|| panic!("{} is new", file.file));
            assert_eq!(Ok(&file.text), before.text.as_ref());
        }
    }
}

#[test]
fn no_two_decisions_of_an_export_have_one_number() {
    let (first, second) =
        (FULL.replace("\"proposed\"", "\"accepted\""), include_str!("second.toml"));
    for (folder, dialect) in [
        ("adr-tools", Dialect::AdrTools),
        ("madr2", Dialect::Madr2),
        ("json-adr", Dialect::JsonAdr),
    ] {
        let came = planned(&sources(folder), &[], &[("", Status::Draft)]);
        let texts = came.iter().filter_map(|entry| match &entry.outcome {
            Outcome::New(new) => Some(new.text.clone()),
            _ => None,
        });
        let shelf = Shelf::of([first.clone(), second.to_owned()].into_iter().chain(texts));
        let went = export(dialect, &shelf.items()).unwrap();
        let mut numbers: Vec<u64> = match dialect {
            Dialect::JsonAdr => {
                let value: Value = serde_json::from_str(&went[0].text).unwrap();
                let adrs = value["adrs"].as_array().unwrap().iter();
                // Ours names the number of its successor there.
                let number = &value["adrs"][1]["number"];
                assert_eq!(&value["adrs"][0]["links"][0]["target"], number);
                adrs.map(|adr| adr["number"].as_u64().unwrap()).collect()
            }
            _ => {
                let heading = went[1].text.lines().next().unwrap();
                let (number, title) = (went[1].file.get(..4).unwrap(), &shelf.kept[1].2.title);
                let named = match dialect {
                    Dialect::AdrTools => {
                        let number: u32 = number.parse().unwrap();
                        assert_eq!(heading, format!("# {number}. {title}"));
                        format!("[{number}. {title}]({})", went[1].file)
                    }
                    _ => format!("[ADR-{number}]({})", went[1].file),
                };
                assert!(went[0].text.contains(&named), "{named}\n{}", went[0].text);
                went.iter().map(|file| file.file.get(..4).unwrap().parse().unwrap()).collect()
            }
        };
        let all = numbers.len();
        assert_eq!(all, shelf.kept.len());
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all, "{dialect:?}: {numbers:?}");
    }
}

#[test]
fn an_original_name_never_leaves_the_folder() {
    let names = ["../0001-a.md", "/etc/0001-a.md", "a/../0001-b.md", ".hidden.md", "a\\..\\c.md"];
    for name in names {
        let plan = planned(&[super::source(name, "# A\n\n* Status: accepted\n")], &[], &[]);
        let shelf = Shelf::of([new(&plan[0]).text.clone()]);
        let went = export(Dialect::Madr2, &shelf.items()).unwrap();
        assert_eq!(went[0].file, "0001-a.md", "{name}");
    }
}

#[test]
fn what_changed_since_its_import_is_written_anew_with_its_original_inside() {
    let plan = planned(&sources("madr2"), &[], &[]);
    let text =
        new(&plan[0]).text.replace("title = \"Use one queue\"", "title = \"Use two queues\"");
    let shelf = Shelf::of([text.clone()]);
    let went = export(Dialect::Madr2, &shelf.items()).unwrap();
    assert_eq!(went[0].file, "0001-use-two-queues.md");
    assert!(went[0].text.starts_with("# Use two queues\n\n* Status: accepted\n"));
    assert_eq!(new(&planned(&files(&went), &[], &[])[0]).text, text);
}

#[test]
fn radars_and_tables() {
    let shelf = shelf();
    golden("backstage.json", &backstage_radar(&shelf.items()).unwrap());
    golden("zalando.json", &zalando_radar(&shelf.items()).unwrap());
    let table = csv(&shelf.items());
    golden("records.csv", &table);
    assert!(table.contains("\"'=HYPERLINK(1), says the \"\"title\"\"\""), "{table}");
}
