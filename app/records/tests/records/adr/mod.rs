//! Decision records of other tools: what an import would do, and that nothing is lost.

mod exports;
mod imports;
mod properties;

use std::{collections::BTreeMap, fs, path::Path};

use assay_records::{
    Record, Status,
    adr::{Entry, Import, Item, Known, Neighbour, New, Outcome, Source, plan},
    content_hash,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::model;

/// The files of a folder of samples, folders within it included.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/adr/samples").join(folder);
    let mut sources = Vec::new();
    gather(&root, &root, &mut sources);
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(!sources.is_empty(), "{root:?} is empty");
    sources
}

fn gather(root: &Path, folder: &Path, into: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, into);
        } else {
            let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            into.push(Source { file, text: Ok(fs::read_to_string(&path).unwrap()) });
        }
    }
}

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: Ok(text.to_owned()) }
}

/// Plans with ids 1, 2, 3 …
fn planned(sources: &[Source], known: &[Known], statuses: &[(&str, Status)]) -> Vec<Entry> {
    let statuses: BTreeMap<String, Status> =
        statuses.iter().map(|(word, status)| ((*word).to_owned(), *status)).collect();
    let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let import = Import { model: model(), now, by: "ada", statuses: &statuses, known };
    let mut last = 0_u128;
    plan(sources, &import, &mut || {
        last += 1;
        Uuid::from_u128(last)
    })
}

fn new(entry: &Entry) -> &New {
    match &entry.outcome {
        Outcome::New(new) => new,
        other => panic!("{}: {other:?}", entry.file),
    }
}

/// What happens with each file, a line each.
fn told(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let outcome = match &entry.outcome {
                Outcome::New(new) => {
                    let reads = if new.superseded { "superseded" } else { new.status.id() };
                    format!("new, {reads}, {}", entry.title.as_deref().unwrap_or_default())
                }
                Outcome::Here(number) => format!("here as {number}"),
                Outcome::NeedsStatus { word, why } => format!("status of `{word}`? {why}"),
                Outcome::LeftOut(why) => format!("left out: {why}"),
                Outcome::Faulty(why) => format!("faulty: {why}"),
            };
            let warnings: String = entry.warnings.iter().map(|w| format!(" ({w})")).collect();
            format!("{}: {outcome}{warnings}", entry.file)
        })
        .collect()
}

/// Records with their texts and numbers, to be exported together.
struct Shelf {
    kept: Vec<(u32, String, Record)>,
    /// The names of their files.
    names: Vec<String>,
}

impl Shelf {
    fn of(texts: impl IntoIterator<Item = String>) -> Self {
        let kept = (1..).zip(texts).map(|(number, text)| {
            let record = crate::parse(&text).record;
            (number, text, record)
        });
        let kept: Vec<_> = kept.collect();
        let name = |(number, ..): &(u32, String, Record)| format!("{number:04}-as-it-was.toml");
        Self { names: kept.iter().map(name).collect(), kept }
    }

    fn neighbour(&self, number: u32) -> Neighbour {
        let (_, _, record) = self.kept.iter().find(|(n, ..)| *n == number).unwrap();
        Neighbour { id: record.id, number, title: record.title.clone() }
    }

    fn items(&self) -> Vec<Item<'_>> {
        let in_force =
            |record: &Record| matches!(record.status, Status::Accepted | Status::Deprecated);
        let named = |wanted: &dyn Fn(&Record) -> bool| {
            let of = self.kept.iter().filter(|(_, _, other)| wanted(other));
            of.map(|(number, ..)| self.neighbour(*number)).collect()
        };
        self.kept
            .iter()
            .zip(&self.names)
            .map(|((number, text, record), file_name)| Item {
                number: *number,
                file_name,
                text,
                record,
                superseded_by: named(&|o| in_force(o) && o.supersedes.contains(&record.id)),
                supersedes: named(&|o| record.supersedes.contains(&o.id)),
            })
            .collect()
    }

    fn known(&self) -> Vec<Known> {
        self.kept
            .iter()
            .map(|(number, text, record)| Known {
                id: record.id,
                number: *number,
                hash: content_hash(text),
                imported: record
                    .original
                    .as_ref()
                    .map(|original| (original.file.clone(), content_hash(&original.text))),
            })
            .collect()
    }
}
