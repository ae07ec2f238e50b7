//! A store that asks for a reviewer where a record is accepted or rejected, whichever way that is
//! written.

use std::sync::Arc;

use assay_advice::Model;
use assay_records::{Record, Status};
use assay_store::{
    BadFile, Filter, Kept, NewRecord, Page, Reading, Revisions, Store, StoreError, Stored, Summary,
    access::Role,
};
use async_trait::async_trait;
use uuid::Uuid;

use super::caller;

/// A store behind the roles. What is not asked through a request is not held up.
pub struct Reviewed {
    /// The store itself.
    pub inner: Arc<dyn Store>,
    /// What records are read with.
    pub model: Arc<Model>,
}

impl Reviewed {
    /// Refuses to settle a record unless a reviewer does.
    fn check(&self, before: Option<Status>, text: &str) -> Result<(), StoreError> {
        if caller().is_none_or(|caller| caller.person.role >= Role::Reviewer) {
            return Ok(());
        }
        // What is no record, the store refuses.
        let after = Record::parse(text, &self.model).ok().map(|parsed| parsed.record.status);
        match after {
            Some(Status::Accepted | Status::Rejected) if after != before => {
                Err(StoreError::NeedsReviewer)
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Reviewed {
    async fn list(&self, filter: &Filter) -> Result<Page, StoreError> {
        self.inner.list(filter).await
    }

    async fn each(
        &self,
        filter: &Filter,
        visit: &mut (dyn for<'a> FnMut(&'a Arc<Summary>) + Send),
    ) -> Result<(), StoreError> {
        self.inner.each(filter, visit).await
    }

    async fn runs(&self) -> Result<Vec<Arc<str>>, StoreError> {
        self.inner.runs().await
    }

    async fn get(&self, id: Uuid) -> Result<Stored, StoreError> {
        self.inner.get(id).await
    }

    async fn create(&self, name: &str, id: Uuid, text: String) -> Result<Stored, StoreError> {
        self.check(None, &text)?;
        self.inner.create(name, id, text).await
    }

    async fn create_all(
        &self,
        new: Vec<NewRecord>,
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        for new in &new {
            self.check(None, &new.text)?;
        }
        self.inner.create_all(new).await
    }

    async fn update(
        &self,
        id: Uuid,
        expected_hash: &str,
        text: String,
    ) -> Result<Stored, StoreError> {
        // The expected hash holds this status fast: with another text there is a conflict.
        let before = self.inner.get(id).await?.record.status;
        self.check(Some(before), &text)?;
        self.inner.update(id, expected_hash, text).await
    }

    async fn revisions(&self, id: Uuid) -> Result<Revisions, StoreError> {
        self.inner.revisions(id).await
    }

    async fn bad_files(&self) -> Result<Vec<BadFile>, StoreError> {
        self.inner.bad_files().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready().await
    }

    fn reading(&self) -> Option<Reading> {
        self.inner.reading()
    }

    async fn settled(&self) -> Result<(), StoreError> {
        self.inner.settled().await
    }

    async fn read(&self, ids: &[Uuid]) -> Result<Vec<Stored>, StoreError> {
        self.inner.read(ids).await
    }

    async fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        self.inner.kept().await
    }
}
