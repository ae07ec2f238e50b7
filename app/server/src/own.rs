//! The team's own records as cases: what they answered, and what they chose.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use assay_advice::{Answers, Case, Choice, Decided, Usage};
use assay_records::{Record, Standing, Status};
use assay_store::{Filter, Store, StoreError, Summary};
use uuid::Uuid;

/// The most records that are looked at, the newest first: a trial takes some ms for each.
const RECORDS_MAX: usize = 2_000;

/// A record of the team's own that has answers. Examples, which come with the program, are none.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRecord {
    /// The record's list line.
    pub line: Summary,
    /// Its answers, as far as the model in use knows them.
    pub answers: Answers,
}

impl OwnRecord {
    /// Whether the decision stands: it was accepted and nothing has replaced it.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.line.standing == Standing::Accepted && self.line.option.is_some()
    }

    /// The choice, unless it was rejected or is still a draft or a proposal.
    #[must_use]
    pub fn chosen(&self) -> Option<Choice> {
        self.line.option.filter(|_| self.stands())
    }

    /// The record as a precedent of the team's own, if it decided something that stands.
    #[must_use]
    pub fn precedent(&self) -> Option<Case> {
        let Summary { id, title, .. } = &self.line;
        self.chosen().map(|option| case(*id, title, option, &self.answers))
    }

    /// The record as a case to hold a model against.
    #[must_use]
    pub fn case(&self) -> Decided {
        let id = self.line.id.to_string();
        Decided { id, answers: self.answers.clone(), option: self.chosen() }
    }
}

/// What was read of the records, so that only those whose text has changed are read again.
#[derive(Default)]
pub struct OwnRecords {
    read: Mutex<HashMap<Uuid, Arc<OwnRecord>>>,
}

impl OwnRecords {
    /// Every record of the team's own that has answers, the newest number first.
    ///
    /// # Errors
    /// What the store says. A record that vanishes meanwhile is left out.
    pub async fn all(&self, store: &dyn Store) -> Result<Vec<Arc<OwnRecord>>, StoreError> {
        let mut records = Vec::new();
        for line in lines(store).await? {
            records.extend(self.one(store, line).await?);
        }
        let kept = records.iter().map(|record| (record.line.id, Arc::clone(record))).collect();
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        records.retain(|record| record.answers.answered() > 0);
        Ok(records)
    }

    async fn one(
        &self,
        store: &dyn Store,
        line: Summary,
    ) -> Result<Option<Arc<OwnRecord>>, StoreError> {
        let known = {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.get(&line.id).filter(|known| known.line == line).map(Arc::clone)
        };
        if known.is_some() {
            return Ok(known);
        }
        match store.get(line.id).await {
            Ok(stored) => Ok(Some(Arc::new(OwnRecord { line, answers: stored.record.answers }))),
            Err(StoreError::NotFound(_) | StoreError::Damaged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A record as a case to judge a model by, if it was accepted and has answers. Whether a later one
/// has replaced it, only the folder as a whole can tell.
#[must_use]
pub fn accepted(record: &Record) -> Option<Case> {
    let chosen = record.choice.as_ref().filter(|_| record.status == Status::Accepted)?;
    let answered = record.answers.answered() > 0;
    answered.then(|| case(record.id, &record.title, chosen.option, &record.answers))
}

fn case(id: Uuid, title: &str, option: Choice, answers: &Answers) -> Case {
    Case {
        id: id.to_string(),
        title: title.to_owned(),
        option,
        usage: Usage::Core,
        answers: answers.clone(),
    }
}

/// The list lines of every record that is no example.
async fn lines(store: &dyn Store) -> Result<Vec<Summary>, StoreError> {
    let mut lines = Vec::new();
    let mut filter = Filter { per_page: Filter::MAX_PER_PAGE, ..Filter::default() };
    loop {
        let page = store.list(&filter).await?;
        let last = page.items.len() < Filter::MAX_PER_PAGE as usize;
        lines.extend(page.items.into_iter().filter(|line| !line.is_example()));
        if last || lines.len() >= RECORDS_MAX {
            lines.truncate(RECORDS_MAX);
            return Ok(lines);
        }
        filter.page += 1;
    }
}
