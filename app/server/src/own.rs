//! The team's own records as cases: what they answered, and what they chose.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use assay_advice::{Answers, Case, Choice, Decided, Heeded, Usage};
use assay_records::{Record, Standing, Status};
use assay_store::{Filter, Store, StoreError, Summary};
use uuid::Uuid;

use crate::state::App;

/// The most records that are looked at, the newest first: a trial takes some ms for each.
pub const RECORDS_MAX: usize = 2_000;

/// The most records read while a request waits; each takes a ms or a few.
const READ_AT_ONCE: usize = 16;

/// A record of the team's own that has answers. Examples, which come with the program, are none.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRecord {
    /// The record's list line.
    pub line: Arc<Summary>,
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
        let Summary { id, title, .. } = &*self.line;
        self.chosen().map(|option| case(*id, title, option, &self.answers))
    }

    /// The record as a case to hold a model against.
    #[must_use]
    pub fn case(&self) -> Decided {
        let id = self.line.id.to_string();
        Decided { id, answers: self.answers.clone(), option: self.chosen() }
    }
}

/// The team's own records, as far as they are read.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Those that have answers, the newest number first.
    pub records: Vec<Arc<OwnRecord>>,
    /// How many are still to be read.
    pub unread: usize,
    /// How many older ones are never looked at, being more than [`RECORDS_MAX`].
    pub beyond: u64,
}

/// What was read of the records, so that only those whose text has changed are read again.
#[derive(Default)]
pub struct OwnRecords {
    read: Mutex<HashMap<Uuid, Arc<OwnRecord>>>,
    /// Held by the one that reads ahead.
    ahead: tokio::sync::Mutex<()>,
}

impl OwnRecords {
    /// Every record of the team's own that has answers.
    ///
    /// # Errors
    /// What the store says. A record that vanishes meanwhile is left out.
    pub async fn all(&self, store: &dyn Store) -> Result<Own, StoreError> {
        self.some(store, usize::MAX).await
    }

    /// Those read already, and a few more; for a request that should not wait.
    ///
    /// # Errors
    /// What the store says.
    pub async fn at_hand(&self, store: &dyn Store) -> Result<Own, StoreError> {
        self.some(store, READ_AT_ONCE).await
    }

    async fn some(&self, store: &dyn Store, mut most: usize) -> Result<Own, StoreError> {
        let (lines, beyond) = lines(store).await?;
        let listed: HashSet<Uuid> = lines.iter().map(|line| line.id).collect();
        let mut own = Own { beyond, ..Own::default() };
        for line in lines {
            if let Some(known) = self.known(&line) {
                own.records.push(known);
            } else if most == 0 {
                own.unread += 1;
            } else {
                most -= 1;
                own.records.extend(self.one(store, line).await?);
            }
        }
        self.kept().retain(|id, _| listed.contains(id));
        own.records.retain(|record| record.answers.answered() > 0);
        Ok(own)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<OwnRecord>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, line: &Arc<Summary>) -> Option<Arc<OwnRecord>> {
        self.kept().get(&line.id).filter(|known| known.line == *line).map(Arc::clone)
    }

    async fn one(
        &self,
        store: &dyn Store,
        line: Arc<Summary>,
    ) -> Result<Option<Arc<OwnRecord>>, StoreError> {
        match store.get(line.id).await {
            Ok(stored) => {
                let record = Arc::new(OwnRecord { line, answers: stored.record.answers });
                self.kept().insert(record.line.id, Arc::clone(&record));
                Ok(Some(record))
            }
            Err(StoreError::NotFound(_) | StoreError::Damaged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads the records in the background, so that no request waits for it; once at a time.
pub fn read_ahead(app: &App) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let Ok(_alone) = app.own.ahead.try_lock() else { return };
        if let Err(error) = app.own.all(app.store.as_ref()).await {
            tracing::warn!(%error, "own records cannot be read ahead");
        }
    });
}

/// A record as a case to judge a model by, if it was accepted and has answers. Whether a later one
/// has replaced it, only the folder as a whole can tell.
#[must_use]
pub fn accepted(record: &Record) -> Option<Case> {
    let chosen = record.choice.as_ref().filter(|_| record.status == Status::Accepted)?;
    let answered = record.answers.answered() > 0;
    let advice = match record.recommended() {
        Some(advised) if advised == chosen.option => Heeded::Taken,
        Some(_) => Heeded::Overridden,
        None => Heeded::NoAdvice,
    };
    let case = || case(record.id, &record.title, chosen.option, &record.answers);
    answered.then(|| Case { advice: Some(advice), ..case() })
}

fn case(id: Uuid, title: &str, option: Choice, answers: &Answers) -> Case {
    Case {
        id: id.to_string(),
        title: title.to_owned(),
        option,
        usage: Usage::Core,
        answers: answers.clone(),
        hybrid_kind: None,
        like_reasons: Vec::new(),
        inferred: Vec::new(),
        advice: None,
    }
}

/// The list lines of every record that is no example, and how many older ones there are.
async fn lines(store: &dyn Store) -> Result<(Vec<Arc<Summary>>, u64), StoreError> {
    let mut lines = Vec::new();
    let mut filter = Filter { per_page: Filter::MAX_PER_PAGE, ..Filter::default() };
    loop {
        let page = store.list(&filter).await?;
        let seen = u64::from(filter.page) * u64::from(filter.per_page);
        lines.extend(page.items.into_iter().filter(|line| !line.is_example()));
        if page.total <= seen || lines.len() >= RECORDS_MAX {
            let cut = lines.len().saturating_sub(RECORDS_MAX);
            lines.truncate(RECORDS_MAX);
            return Ok((lines, page.total.saturating_sub(seen) + cut as u64));
        }
        filter.page += 1;
    }
}
