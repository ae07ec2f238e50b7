//! The database, and what is in memory of it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use assay_records::Record;
use assay_records::advice::Model;
use sqlx::{FromRow, PgConnection, postgres::PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::address::Address;
use crate::{
    Facts, StoreError, Stored,
    entry::{Entry, Fields, What},
    files::{self, Stamp},
    index::Change,
    memory::{Found, Hit, Memory},
    searches::Searches,
    words::Search,
};

/// Raised whenever a line is derived otherwise, so that older ones are derived anew.
const FORMAT: u32 = 1;
/// The changes taken in one step.
const READ_CHANGES: i64 = 10_000;
/// The searches remembered, as many people look for something here.
const SEARCHES: usize = 64;
/// Of more changes than these, a search known from before is asked anew: the words of each are unpacked.
const SEARCH_CHANGES: i64 = 1000;

/// The places of records: of those that have changed, that fit, and that fit by their title alone. In
/// arrays, as a search may find nearly all, and a row for each takes several times as long.
const FOUND: &str = "SELECT '{}'::integer[], COALESCE(array_agg(place), '{}'),
        COALESCE(array_agg(place) FILTER (WHERE title_words @@ $1::tsquery), '{}')
     FROM record WHERE words @@ $1::tsquery";
const FOUND_SINCE: &str = "SELECT COALESCE(array_agg(place), '{}'),
        COALESCE(array_agg(place) FILTER (WHERE words @@ $1::tsquery), '{}'),
        COALESCE(array_agg(place) FILTER (WHERE title_words @@ $1::tsquery), '{}')
     FROM record WHERE seq > $2";

/// The database and the lines of all its records in memory, as every list asks for many counts.
pub(super) struct Base {
    pub(super) address: Address,
    pub(super) pool: PgPool,
    pub(super) model: Arc<Model>,
    /// What lines are derived with here.
    pub(super) derived_with: String,
    memory: RwLock<Memory>,
    searches: Searches,
    /// Held by the one who takes changes in.
    taking: Mutex<()>,
}

/// A record that changed.
#[derive(FromRow)]
struct Row {
    place: i32,
    seq: i64,
    id: Uuid,
    number: i64,
    file_name: String,
    line: String,
    /// The text, when the line was derived with something else.
    text: Option<String>,
}

/// The number of the newest change.
async fn newest(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM record").fetch_one(connection).await
}

impl Base {
    pub(super) fn new(address: Address, pool: PgPool, model: Arc<Model>) -> Self {
        let derived_with = format!("{FORMAT} {}", model.digest());
        let (memory, taking) = (RwLock::default(), Mutex::default());
        let searches = Searches::new(SEARCHES);
        Self { address, pool, model, derived_with, memory, searches, taking }
    }

    pub(super) fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError {
        |error| self.address.error(&error)
    }

    pub(super) fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what anybody has changed by now.
    pub(super) async fn refresh(
        self: &Arc<Self>,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        if newest(connection).await? == self.memory().seq {
            return Ok(());
        }
        let _alone = self.taking.lock().await;
        // Asked again, as meanwhile another may have taken in more than there was.
        let newest = newest(connection).await?;
        let mut seq = self.memory().seq;
        if newest < seq {
            // An older state was restored while we ran.
            self.change(|memory| *memory = Memory::new(memory.epoch + 1));
            seq = 0;
        }
        while seq < newest {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT place, seq, id, number, file_name, line,
                    CASE WHEN derived_with = $2 THEN NULL ELSE text END AS text
                 FROM record WHERE seq > $1 ORDER BY seq LIMIT $3",
            )
            .bind(seq)
            .bind(&self.derived_with)
            .bind(READ_CHANGES)
            .fetch_all(&mut *connection)
            .await?;
            let Some(last) = rows.last().map(|row| row.seq) else { break };
            let base = Arc::clone(self);
            let changes = tokio::task::spawn_blocking(move || {
                rows.into_iter().map(|row| base.change_of(row)).collect::<Result<Vec<_>, _>>()
            });
            let changes = changes.await.map_err(|error| sqlx::Error::Decode(error.into()))??;
            self.change(|memory| memory.apply(changes));
            seq = last;
        }
        Ok(())
    }

    fn change(&self, with: impl FnOnce(&mut Memory)) {
        with(&mut self.memory.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn change_of(&self, row: Row) -> Result<Change, sqlx::Error> {
        let Row { place, seq, id, number, file_name, line, text } = row;
        let what = match text {
            None => {
                let fields = serde_json::from_str(&line);
                What::Record(Box::new(fields.map_err(|error| sqlx::Error::Decode(error.into()))?))
            }
            Some(text) => match Record::parse(&text, &self.model) {
                Err(_) => What::Bad(Some(id)),
                Ok(parsed) => {
                    let number = u32::try_from(number).unwrap_or_default();
                    let stored = files::stored(number, &file_name, text, parsed);
                    What::Record(Box::new(self.fields(&stored)))
                }
            },
        };
        let entry = Entry { name: file_name, stamp: Stamp::default(), what };
        let row = u32::try_from(place).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Change { row, seq, entry })
    }

    /// What is listed of a record.
    pub(super) fn fields(&self, stored: &Stored) -> Fields {
        Fields::of(stored, Facts::of(&stored.record, &self.model))
    }

    /// What a filter's words find.
    pub(super) async fn found(
        &self,
        q: Option<&str>,
        connection: &mut PgConnection,
    ) -> Result<Arc<Found>, sqlx::Error> {
        let words = match Search::of(q) {
            Search::All => return Ok(Arc::new(Found::All)),
            Search::Title(part) => return Ok(Arc::new(Found::Title(part))),
            Search::Words(words) => words,
        };
        // What is asked from here on knows of every change up to this one.
        let state = self.memory().state();
        let (epoch, seq) = state;
        let known = self.searches.find(epoch, &words).filter(|(of, _)| seq - of <= SEARCH_CHANGES);
        // Words have letters and digits only, so that one notation becomes the other sign by sign.
        let terms = words.replace('"', "'").replace(" AND ", " & ").replace('*', ":*");
        let query = match &known {
            Some((of, found)) if *of == seq => return Ok(Arc::clone(found)),
            Some((of, _)) => sqlx::query_as(FOUND_SINCE).bind(terms).bind(*of),
            None => sqlx::query_as(FOUND).bind(terms),
        };
        let (changed, texts, titles) = query.fetch_one(connection).await?;
        let fit = |places: Vec<i32>, hit: Hit| {
            places.into_iter().filter_map(move |place| Some((u32::try_from(place).ok()?, hit)))
        };
        let rows = fit(changed, Hit::None).chain(fit(texts, Hit::Text));
        let rows = rows.chain(fit(titles, Hit::Title));
        let found = Arc::new(Found::rows(known.as_ref().map(|(_, found)| &**found), rows));
        self.searches.keep(state, words, &found);
        Ok(found)
    }
}
