//! PostgreSQL as a store: for several people, and several copies of the program at once.
//!
//! The lines of all records are in memory, as with a folder. Before each answer the database is asked
//! whether anything has changed, so that no copy of the program serves what another has replaced;
//! most changes are taken in before that, as the database calls them out.

mod access;
mod address;
mod base;
mod listen;
mod write;

use std::{collections::HashMap, sync::Arc, time::Duration};

use assay_records::advice::{Model, Problem};
use assay_records::{Parsed, Record, check_revision, content_hash, file_name, name_parts};
use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{FromRow, PgConnection};
use tokio::{sync::watch, task::JoinSet, time::timeout};
use uuid::Uuid;

use crate::{
    BadFile, Filter, Kept, MAX_REVISIONS, NewRecord, Page, Revision, Revisions, Store, StoreError,
    Stored, Summary, files, memory::Found,
};
use address::Address;
use base::Base;

/// How long the question whether the database answers may take.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// A text and its earlier ones are of one moment.
const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Records in a PostgreSQL database whose encoding is UTF-8.
pub struct PostgresStore {
    base: Arc<Base>,
    changes: watch::Receiver<u64>,
    /// Listens for changes; ends with the store.
    _listening: JoinSet<()>,
}

impl PostgresStore {
    /// Opens the database at an address such as `postgres://assay@db.example.org/assay` and brings
    /// its tables up to date; several may do so at once.
    ///
    /// # Errors
    /// When the address cannot be read, the database does not answer within some seconds, or its
    /// tables cannot be made. No message holds the password.
    pub async fn open(url: &str, model: Arc<Model>) -> Result<Self, StoreError> {
        let address = Address::parse(url)?;
        let pool = address.open().await?;
        let base = Arc::new(Base::new(address, pool, model));
        let (sender, changes) = watch::channel(0);
        let mut listening = JoinSet::new();
        listening.spawn(listen::keep_listening(Arc::clone(&base), sender));
        Ok(Self { base, changes, _listening: listening })
    }

    /// Counts up whenever records may have changed, here or through another copy of the program.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError {
        self.base.failed()
    }

    /// Reads a text that is to be kept under this id.
    fn checked(&self, id: Uuid, text: &str) -> Result<Parsed, StoreError> {
        let parsed = Record::parse(text, &self.base.model)
            .map_err(|problems| StoreError::Invalid { problems })?;
        if parsed.record.id == id {
            return Ok(parsed);
        }
        let problem = Problem {
            field: "id".to_owned(),
            span: None,
            message: format!("the text has the id {}, not {id}", parsed.record.id),
            help: format!("write id = \"{id}\""),
        };
        Err(StoreError::Invalid { problems: vec![problem] })
    }

    /// The text of a record, read.
    fn read_row(&self, row: Row) -> Result<Stored, StoreError> {
        let Row { number, file_name, text, .. } = row;
        match Record::parse(&text, &self.base.model) {
            Ok(parsed) => {
                let number = u32::try_from(number).unwrap_or_default();
                Ok(files::stored(number, &file_name, text, parsed))
            }
            Err(problems) => {
                Err(StoreError::Damaged(BadFile { file_name, text: Some(text), problems }))
            }
        }
    }

    /// Keeps a new record if the transaction goes well.
    async fn create_in(
        &self,
        tx: &mut PgConnection,
        name: &str,
        text: String,
        parsed: Parsed,
    ) -> Result<Stored, StoreError> {
        if let Some(taken) = row(tx, parsed.record.id).await.map_err(self.failed())? {
            return Err(StoreError::IdTaken(taken.file_name));
        }
        let known = name_parts(name);
        let (last, taken): (i64, bool) = sqlx::query_as(
            "SELECT COALESCE((SELECT MAX(number) FROM record), 0),
                EXISTS (SELECT FROM record WHERE number = $1)",
        )
        .bind(known.map(|(number, _)| i64::from(number)))
        .fetch_one(&mut *tx)
        .await
        .map_err(self.failed())?;
        let next = u32::try_from(last + 1).unwrap_or(u32::MAX);
        let (number, file_name) = match known {
            Some((number, _)) if !taken => (number, name.to_owned()),
            Some((_, readable)) => (next, file_name(next, readable)),
            None => (next, file_name(next, name)),
        };
        let stored = files::stored(number, &file_name, text, parsed);
        write::create(tx, &self.base, &stored).await.map_err(self.failed())?;
        Ok(stored)
    }

    /// With the records that replace it now.
    async fn with_links(
        &self,
        mut stored: Stored,
        connection: &mut PgConnection,
    ) -> Result<Stored, StoreError> {
        self.base.refresh(connection).await.map_err(self.failed())?;
        stored.superseded_by = self.base.memory().superseded_by(stored.id);
        Ok(stored)
    }

    /// What a search finds, after what other copies of the program wrote was taken in.
    async fn found(&self, filter: &Filter) -> Result<Arc<Found>, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        let found = self.base.found(filter.q.as_deref(), &mut connection).await;
        found.map_err(self.failed())
    }
}

/// A record's row, as far as it is not derived from the text.
#[derive(FromRow)]
struct Row {
    id: Uuid,
    number: i64,
    file_name: String,
    text: String,
    written_us: i64,
}

async fn row(connection: &mut PgConnection, id: Uuid) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, number, file_name, text,
            (extract(epoch FROM written_at) * 1000000)::bigint AS written_us
         FROM record WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await
}

#[async_trait]
impl Store for PostgresStore {
    #[tracing::instrument(level = "debug", name = "store.list", skip_all)]
    async fn list(&self, filter: &Filter) -> Result<Page, StoreError> {
        let found = self.found(filter).await?;
        Ok(self.base.memory().list(filter, &found))
    }

    #[tracing::instrument(level = "debug", name = "store.each", skip_all)]
    async fn each(
        &self,
        filter: &Filter,
        visit: &mut (dyn for<'a> FnMut(&'a Arc<Summary>) + Send),
    ) -> Result<(), StoreError> {
        let found = self.found(filter).await?;
        self.base.memory().each(filter, &found, visit);
        Ok(())
    }

    async fn runs(&self) -> Result<Vec<Arc<str>>, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        Ok(self.base.memory().runs())
    }

    #[tracing::instrument(level = "debug", name = "store.get", skip_all)]
    async fn get(&self, id: Uuid) -> Result<Stored, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        let found = row(&mut connection, id).await.map_err(self.failed())?;
        let stored = self.read_row(found.ok_or(StoreError::NotFound(id))?)?;
        self.with_links(stored, &mut connection).await
    }

    #[tracing::instrument(level = "debug", name = "store.read", skip_all)]
    async fn read(&self, ids: &[Uuid]) -> Result<Vec<Stored>, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, number, file_name, text, 0::bigint AS written_us FROM record
             WHERE id = ANY($1)",
        )
        .bind(ids)
        .fetch_all(&mut *connection)
        .await
        .map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        let mut found: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut all = Vec::with_capacity(ids.len());
        for row in ids.iter().filter_map(|id| found.remove(id)) {
            if let Ok(mut stored) = self.read_row(row) {
                stored.superseded_by = self.base.memory().superseded_by(stored.id);
                all.push(stored);
            }
        }
        Ok(all)
    }

    async fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        Ok(self.base.memory().kept())
    }

    #[tracing::instrument(level = "debug", name = "store.create", skip_all)]
    async fn create(&self, name: &str, id: Uuid, text: String) -> Result<Stored, StoreError> {
        let parsed = self.checked(id, &text)?;
        let mut tx = self.base.pool.begin().await.map_err(self.failed())?;
        write::alone(&mut tx).await.map_err(self.failed())?;
        let stored = self.create_in(&mut tx, name, text, parsed).await?;
        tx.commit().await.map_err(self.failed())?;
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.with_links(stored, &mut connection).await
    }

    #[tracing::instrument(level = "debug", name = "store.create_all", skip_all)]
    async fn create_all(
        &self,
        new: Vec<NewRecord>,
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        let mut outcomes = Vec::with_capacity(new.len());
        let mut tx = self.base.pool.begin().await.map_err(self.failed())?;
        write::alone(&mut tx).await.map_err(self.failed())?;
        for NewRecord { name, id, text } in new {
            let outcome = match self.checked(id, &text) {
                Ok(parsed) => self.create_in(&mut tx, &name, text, parsed).await,
                Err(error) => Err(error),
            };
            match outcome {
                // After these, the transaction can go on.
                Err(error @ (StoreError::Invalid { .. } | StoreError::IdTaken(_))) => {
                    outcomes.push(Err(error));
                }
                stored => outcomes.push(Ok(stored?)),
            }
        }
        tx.commit().await.map_err(self.failed())?;
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        let memory = self.base.memory();
        for stored in outcomes.iter_mut().flatten() {
            stored.superseded_by = memory.superseded_by(stored.id);
        }
        Ok(outcomes)
    }

    #[tracing::instrument(level = "debug", name = "store.update", skip_all)]
    async fn update(
        &self,
        id: Uuid,
        expected_hash: &str,
        text: String,
    ) -> Result<Stored, StoreError> {
        let new = self.checked(id, &text)?;
        let mut tx = self.base.pool.begin().await.map_err(self.failed())?;
        write::alone(&mut tx).await.map_err(self.failed())?;
        let before = row(&mut tx, id).await.map_err(self.failed())?;
        let before = self.read_row(before.ok_or(StoreError::NotFound(id))?)?;
        if before.hash != expected_hash {
            let theirs = Box::new(self.with_links(before, &mut tx).await?);
            return Err(StoreError::Conflict { theirs, yours: text });
        }
        let problems = check_revision(&before.record, &new.record);
        if !problems.is_empty() {
            return Err(StoreError::Invalid { problems });
        }
        if before.text == text {
            return self.with_links(before, &mut tx).await;
        }
        let stored = files::stored(before.number, &before.file_name, text, new);
        write::replace(&mut tx, &self.base, &stored).await.map_err(self.failed())?;
        tx.commit().await.map_err(self.failed())?;
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.with_links(stored, &mut connection).await
    }

    #[tracing::instrument(level = "debug", name = "store.revisions", skip_all)]
    async fn revisions(&self, id: Uuid) -> Result<Revisions, StoreError> {
        let mut tx = self.base.pool.begin_with(ONE_MOMENT).await.map_err(self.failed())?;
        let now = row(&mut tx, id).await.map_err(self.failed())?;
        let now = now.ok_or(StoreError::NotFound(id))?;
        let earlier: Vec<(i64, String)> = sqlx::query_as(
            "SELECT (extract(epoch FROM written_at) * 1000000)::bigint, text FROM revision
             WHERE record = $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(id)
        .bind(i64::try_from(MAX_REVISIONS).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await
        .map_err(self.failed())?;
        let texts = std::iter::once((now.written_us, now.text)).chain(earlier);
        let list: Vec<Revision> = texts
            .take(MAX_REVISIONS)
            .map(|(at, text)| Revision {
                hash: content_hash(&text),
                text,
                at: Timestamp::from_microsecond(at).unwrap_or_default(),
                commit: None,
            })
            .collect();
        let known = match list.len() {
            MAX_REVISIONS => format!("The newest {MAX_REVISIONS} texts; the database keeps all."),
            _ => "Every text that this record has had since it came into this database.".to_owned(),
        };
        Ok(Revisions { list, known: vec![known] })
    }

    /// Every text was checked when it came in; with another model one may not be a record any more.
    async fn bad_files(&self) -> Result<Vec<BadFile>, StoreError> {
        let mut connection = self.base.pool.acquire().await.map_err(self.failed())?;
        self.base.refresh(&mut connection).await.map_err(self.failed())?;
        let names = self.base.memory().bad_files();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<(String, String)> = sqlx::query_as(
            "SELECT file_name, text FROM record WHERE file_name = ANY($1) ORDER BY file_name",
        )
        .bind(names)
        .fetch_all(&mut *connection)
        .await
        .map_err(self.failed())?;
        let bad = |(file_name, text): (String, String)| {
            let problems = Record::parse(&text, &self.base.model).err()?;
            Some(BadFile { file_name, text: Some(text), problems })
        };
        Ok(texts.into_iter().filter_map(bad).collect())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let asked = sqlx::query("SELECT FROM record LIMIT 1").execute(&self.base.pool);
        match timeout(READY_WITHIN, asked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.base.address.error(&error)),
            Err(_) => Err(StoreError::Unreachable {
                place: self.base.address.place().to_owned(),
                message: format!("no answer within {} s", READY_WITHIN.as_secs()),
            }),
        }
    }
}
