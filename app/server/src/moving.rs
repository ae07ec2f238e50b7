//! Moving records in from other tools and out to them: what the command line and the page share.

use std::collections::{BTreeMap, HashMap};

use assay_records::{
    Status,
    adr::{Entry, Import, Item, Known, Neighbour, Outcome, Source, plan},
    name_parts,
};
use assay_store::{
    Filter, Kept, NewRecord, READ_AT_ONCE, Store, StoreError, Stored, WRITE_AT_ONCE,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{error::Error, state::AppState};

/// What becomes of the files of an import.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Each decision found, in order of the files.
    pub decisions: Vec<Line>,
}

/// What becomes of one decision.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The file, with the decision's number behind `#` when it holds several.
    pub file: String,
    /// What happens.
    pub result: Fate,
    /// The title, once it could be read.
    pub title: Option<String>,
    /// The format's id; none for assay's own.
    pub format: Option<&'static str>,
    /// The status as it will read.
    pub status: Option<&'static str>,
    /// The word to say a status for; empty when the file has none.
    pub word: Option<String>,
    /// The record's id, once it is here.
    pub id: Option<Uuid>,
    /// The record's number, once it is here.
    pub number: Option<u32>,
    /// Why, in words.
    pub why: String,
    /// What is odd, in words.
    pub warnings: Vec<String>,
}

/// What happens with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is, or will be, a new record.
    New,
    /// It was here before.
    Here,
    /// Its status must be said first.
    NeedsStatus,
    /// It is no decision.
    LeftOut,
    /// Something must be mended first.
    Faulty,
}

impl Report {
    /// How many have this fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        self.decisions.iter().filter(|line| line.result == fate).count()
    }

    /// The words a status must be said for, each once.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let words: std::collections::BTreeSet<String> =
            self.decisions.iter().filter_map(|line| line.word.clone()).collect();
        words.into_iter().collect()
    }
}

/// What importing these files would do, and with `write` what it did: every record that can be made
/// is made, whatever stands beside it.
///
/// # Errors
/// What the store says.
pub async fn import(
    app: &AppState,
    sources: &[Source],
    statuses: &BTreeMap<String, Status>,
    write: bool,
) -> Result<Report, Error> {
    app.store.settled().await?;
    let known: Vec<Known> = app.store.kept().await?.into_iter().map(known).collect();
    let import =
        Import { model: app.model(), now: app.now(), by: &app.by(), statuses, known: &known };
    let entries = plan(sources, &import, &mut || app.new_id());
    let mut report = Report { decisions: entries.iter().map(Line::of).collect() };
    let new = entries.into_iter().enumerate().filter(|_| write);
    let new = new.filter_map(|(place, entry)| Some((place, new_record(entry)?)));
    // Those that had a number come first, before another takes it.
    let (numbered, others): (Vec<_>, Vec<_>) =
        new.partition(|(_, record)| name_parts(&record.name).is_some());
    let (places, new): (Vec<_>, Vec<_>) = numbered.into_iter().chain(others).unzip();
    let (mut places, mut new) = (places.into_iter(), new.into_iter());
    while new.len() > 0 {
        let part = new.by_ref().take(WRITE_AT_ONCE).collect();
        for (outcome, place) in app.store.create_all(part).await?.into_iter().zip(&mut places) {
            let Some(line) = report.decisions.get_mut(place) else { continue };
            match outcome {
                Ok(stored) => line.number = Some(stored.number),
                Err(StoreError::Invalid { problems }) => {
                    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
                    (line.result, line.why) = (Fate::Faulty, said.join("; "));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(report)
}

/// The record that an entry becomes, if it becomes one. One of assay's own keeps its number where that
/// is free.
fn new_record(entry: Entry) -> Option<NewRecord> {
    let Outcome::New(new) = entry.outcome else { return None };
    let name = new.file_name.or(entry.title).unwrap_or_default();
    Some(NewRecord { name, id: new.id, text: new.text })
}

fn known(kept: Kept) -> Known {
    let Kept { id, number, hash, imported } = kept;
    Known { id, number, hash, imported }
}

impl Line {
    fn of(entry: &Entry) -> Self {
        let (result, why) = match &entry.outcome {
            Outcome::New(_) => (Fate::New, String::new()),
            Outcome::Here(_) => (Fate::Here, String::new()),
            Outcome::NeedsStatus { why, .. } => (Fate::NeedsStatus, why.clone()),
            Outcome::LeftOut(why) => (Fate::LeftOut, why.clone()),
            Outcome::Faulty(why) => (Fate::Faulty, why.clone()),
        };
        let mut line = Self {
            file: entry.file.clone(),
            result,
            title: entry.title.clone(),
            format: entry.dialect.map(assay_records::Dialect::id),
            status: None,
            word: None,
            id: None,
            number: None,
            why,
            warnings: entry.warnings.clone(),
        };
        match &entry.outcome {
            Outcome::New(new) => {
                line.id = Some(new.id);
                line.status = Some(if new.superseded { "superseded" } else { new.status.id() });
            }
            Outcome::Here(number) => line.number = Some(*number),
            Outcome::NeedsStatus { word, .. } => line.word = Some(word.clone()),
            Outcome::LeftOut(_) | Outcome::Faulty(_) => {}
        }
        line
    }
}

/// Every record that a filter lets through, by number.
///
/// # Errors
/// What the store says.
pub async fn records(store: &dyn Store, filter: &Filter) -> Result<Vec<Stored>, StoreError> {
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    store.each(filter, &mut |line| ids.push(line.id)).await?;
    for ids in ids.chunks(READ_AT_ONCE) {
        all.extend(store.read(ids).await?);
    }
    all.sort_by(|a, b| (a.number, &a.file_name).cmp(&(b.number, &b.file_name)));
    Ok(all)
}

/// Records as they are exported together; those they replace are named when they are among them.
#[must_use]
pub fn items(all: &[Stored]) -> Vec<Item<'_>> {
    let by_id: HashMap<Uuid, &Stored> = all.iter().map(|stored| (stored.id, stored)).collect();
    all.iter()
        .map(|stored| Item {
            number: stored.number,
            file_name: &stored.file_name,
            text: &stored.text,
            record: &stored.record,
            superseded_by: stored
                .superseded_by
                .iter()
                .map(|later| Neighbour {
                    id: later.id,
                    number: later.number,
                    title: later.title.clone(),
                })
                .collect(),
            supersedes: stored
                .record
                .supersedes
                .iter()
                .filter_map(|id| by_id.get(id))
                .map(|old| Neighbour {
                    id: old.id,
                    number: old.number,
                    title: old.record.title.clone(),
                })
                .collect(),
        })
        .collect()
}
