//! What a place for records can do.

use std::sync::Arc;

use assay_records::advice::Problem;
use assay_records::{Record, Standing, content_hash};
use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{Filter, Page, StoreError, Summary};

/// The records to ask for at once, of many.
pub const READ_AT_ONCE: usize = 128;
/// The records to write at once, of many.
pub const WRITE_AT_ONCE: usize = 256;

/// A place where records live.
#[async_trait]
pub trait Store: Send + Sync {
    /// The records that a filter lets through, a page of them, with counts.
    async fn list(&self, filter: &Filter) -> Result<Page, StoreError>;

    /// Shows every record that a filter lets through, in the order of [`Self::list`] and whatever
    /// page the filter asks for.
    async fn each(
        &self,
        filter: &Filter,
        visit: &mut (dyn for<'a> FnMut(&'a Arc<Summary>) + Send),
    ) -> Result<(), StoreError>;

    /// The names of the runs that records rely on; it may hold some that none does any more.
    async fn runs(&self) -> Result<Vec<Arc<str>>, StoreError>;

    /// One record as it is now.
    async fn get(&self, id: Uuid) -> Result<Stored, StoreError>;

    /// Keeps a new record durably under the next number. `name`, usually the title, gives the
    /// readable part of the file name; the file name that a record had elsewhere is kept as it is
    /// while nothing here has its number. `id` must be the id in the text.
    async fn create(&self, name: &str, id: Uuid, text: String) -> Result<Stored, StoreError>;

    /// Keeps some new records as [`Self::create`] does, with what became of each, in their order. Give
    /// a part of many ([`WRITE_AT_ONCE`]): those before an error that ends it may be kept, each whole.
    async fn create_all(
        &self,
        new: Vec<NewRecord>,
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        let mut outcomes = Vec::with_capacity(new.len());
        for NewRecord { name, id, text } in new {
            outcomes.push(self.create(&name, id, text).await);
        }
        Ok(outcomes)
    }

    /// Replaces a record's text durably if it still has the hash that the writer read; else a
    /// conflict with both texts. What [`assay_records::check_revision`] forbids is refused.
    async fn update(
        &self,
        id: Uuid,
        expected_hash: &str,
        text: String,
    ) -> Result<Stored, StoreError>;

    /// The texts that a record has had, as far as they are known.
    async fn revisions(&self, id: Uuid) -> Result<Revisions, StoreError>;

    /// The files that should be records and are not, in order of their names.
    async fn bad_files(&self) -> Result<Vec<BadFile>, StoreError>;

    /// Whether the store can answer, and knows everything that was there when it was opened.
    async fn ready(&self) -> Result<(), StoreError>;

    /// How far the first reading of what is there has come, while it goes on: until then lists and
    /// searches answer with what is known.
    fn reading(&self) -> Option<Reading> {
        None
    }

    /// Waits until everything that is there now is known.
    async fn settled(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Some records as they are now, in this order; those that are gone or broken are left out. Ask
    /// for a part of many ([`READ_AT_ONCE`]), as all are held in memory.
    async fn read(&self, ids: &[Uuid]) -> Result<Vec<Stored>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            match self.get(*id).await {
                Ok(stored) => found.push(stored),
                Err(StoreError::NotFound(_) | StoreError::Damaged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Every record, by what an import tells it from others.
    async fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        let mut ids = Vec::new();
        self.each(&Filter::default(), &mut |line| ids.push(line.id)).await?;
        let mut kept = Vec::new();
        for ids in ids.chunks(READ_AT_ONCE) {
            kept.extend(self.read(ids).await?.iter().map(Kept::of));
        }
        Ok(kept)
    }
}

/// A record about to be kept, as [`Store::create`] takes it.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// What gives the readable part of the file name.
    pub name: String,
    /// The id in the text.
    pub id: Uuid,
    /// The text.
    pub text: String,
}

/// How far the first reading of a store's records has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The files read.
    pub done: u64,
    /// The files there are.
    pub total: u64,
}

/// A record by what an import tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The record's id.
    pub id: Uuid,
    /// Its number.
    pub number: u32,
    /// The SHA-256 of its text in hex.
    pub hash: String,
    /// The file that it was imported from, and the SHA-256 of that file's text in hex.
    pub imported: Option<(String, String)>,
}

impl Kept {
    pub(crate) fn of(stored: &Stored) -> Self {
        let original = stored.record.original.as_ref();
        Self {
            id: stored.id,
            number: stored.number,
            hash: stored.hash.clone(),
            imported: original.map(|it| (it.file.clone(), content_hash(&it.text))),
        }
    }
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The record's id.
    pub id: Uuid,
    /// The number shown to people; two records may share one after a merge.
    pub number: u32,
    /// The file's name within the folder.
    pub file_name: String,
    /// The text, exactly.
    pub text: String,
    /// The SHA-256 of the text in hex: the entity tag of the record.
    pub hash: String,
    /// The text read.
    pub record: Record,
    /// What is odd in the text but allowed; spans are byte ranges of it.
    pub warnings: Vec<Problem>,
    /// The accepted records that replace this one, oldest first.
    pub superseded_by: Vec<Link>,
}

impl Stored {
    /// The record's status as readers see it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(self.record.status, !self.superseded_by.is_empty())
    }
}

/// The texts that a record has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// The newest first, at most [`MAX_REVISIONS`]; the first is the text it has now. Two that follow
    /// each other differ.
    pub list: Vec<Revision>,
    /// Where they come from and what is not known, in sentences.
    pub known: Vec<String>,
}

/// The most revisions of a record that are kept and shown.
pub const MAX_REVISIONS: usize = 200;

/// One text that a record has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The SHA-256 of the text in hex.
    pub hash: String,
    /// The text, exactly.
    pub text: String,
    /// Since when it was so.
    pub at: Timestamp,
    /// The commit that has it, when it comes from git.
    pub commit: Option<Commit>,
}

/// A commit of the folder's git history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its full id.
    pub id: String,
    /// Its author's name.
    pub author: String,
}

/// Enough of another record to link to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The record's id.
    pub id: Uuid,
    /// Its number.
    pub number: u32,
    /// Its title.
    pub title: String,
}

/// A file that must be mended: it is no record, or it has the id of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The file's name within the folder.
    pub file_name: String,
    /// Its text; absent when it cannot be read as text or is too big.
    pub text: Option<String>,
    /// What must be mended; spans are byte ranges of `text`.
    pub problems: Vec<Problem>,
}
