//! Earlier texts of records that this store has written or noticed, in a SQLite file of their own:
//! the index beside it comes and goes with formats and models.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use assay_records::content_hash;
use jiff::Timestamp;
use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions},
};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{MAX_REVISIONS, Revision, git};

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS revision (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (id, at_ns, hash)
) STRICT;
";

/// The texts seen of the records of one folder.
pub(crate) struct Seen {
    path: PathBuf,
    pool: Mutex<Option<SqlitePool>>,
}

/// A text to keep.
pub(crate) struct Text<'a> {
    pub(crate) id: Uuid,
    pub(crate) hash: &'a str,
    pub(crate) text: &'a str,
    pub(crate) at: Timestamp,
}

impl Seen {
    pub(crate) fn new(directory: &Path, folder: &Path) -> Self {
        let key = content_hash(&folder.display().to_string());
        let name = key.get(..16).map(|hash| format!("revisions-{hash}.sqlite"));
        Self { path: directory.join(name.unwrap_or_default()), pool: Mutex::default() }
    }

    /// The open file; made anew when it was deleted meanwhile.
    async fn pool(&self) -> Result<SqlitePool, sqlx::Error> {
        let mut open = self.pool.lock().await;
        if let Some(pool) = open.as_ref().filter(|_| self.path.exists()) {
            return Ok(pool.clone());
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        *open = Some(pool.clone());
        Ok(pool)
    }

    /// Keeps texts of records. The same text written at the same moment is kept once, however late
    /// and often it is noticed. The record itself is safe without, so that a failure is told and no
    /// more.
    pub(crate) async fn keep(&self, texts: &[Text<'_>]) {
        if texts.is_empty() {
            return;
        }
        if let Err(error) = self.try_keep(texts).await {
            let ids: Vec<String> = texts.iter().map(|text| text.id.to_string()).collect();
            tracing::warn!(%error, ?ids, "earlier texts could not be kept");
        }
    }

    async fn try_keep(&self, texts: &[Text<'_>]) -> Result<(), sqlx::Error> {
        let mut connection = self.pool().await?.acquire().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for text in texts {
            let id = text.id.to_string();
            sqlx::query(
                "INSERT OR IGNORE INTO revision (id, at_ns, hash, text) VALUES (?, ?, ?, ?)",
            )
            .bind(&id)
            .bind(i64::try_from(text.at.as_nanosecond()).unwrap_or_default())
            .bind(text.hash)
            .bind(text.text)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "DELETE FROM revision WHERE id = ?1 AND seq NOT IN
                    (SELECT seq FROM revision WHERE id = ?1 ORDER BY at_ns DESC, seq DESC LIMIT ?2)",
            )
            .bind(&id)
            .bind(i64::try_from(MAX_REVISIONS).unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await
    }

    /// The texts kept of a record, the newest first.
    pub(crate) async fn of(&self, id: Uuid) -> Result<Vec<Revision>, sqlx::Error> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT at_ns, hash, text FROM revision WHERE id = ?
             ORDER BY at_ns DESC, seq DESC",
        )
        .bind(id.to_string())
        .fetch_all(&self.pool().await?)
        .await?;
        let revision = |(at, hash, text): (i64, String, String)| {
            let at = Timestamp::from_nanosecond(at.into()).unwrap_or_default();
            Revision { hash, text, at, commit: None }
        };
        Ok(rows.into_iter().map(revision).collect())
    }
}

/// One list of what was seen and what git knows, the newest first, beginning with the text `now`.
pub(crate) fn merged(now: Revision, seen: Vec<Revision>, committed: &[Revision]) -> Vec<Revision> {
    let mut list = seen;
    if list.first().is_none_or(|newest| newest.hash != now.hash) {
        list.insert(0, now);
    }
    // The text as it is now stays first, and commits stay in git's order, whatever their clocks say.
    let mut after = 1;
    for revision in committed {
        if let Some(at) = list.iter().position(|known| known.hash == revision.hash) {
            if let Some(known) = list.get_mut(at).filter(|known| known.commit.is_none()) {
                known.commit.clone_from(&revision.commit);
            }
            after = after.max(at + 1);
            continue;
        }
        let older = list.iter().skip(after).position(|known| known.at <= revision.at);
        let at = older.map_or(list.len(), |older| after + older);
        list.insert(at, revision.clone());
        after = at + 1;
    }
    list.dedup_by(|older, newer| older.hash == newer.hash);
    list.truncate(MAX_REVISIONS);
    list
}

/// Where a list comes from, and what is not in it.
pub(crate) fn known(seen: &[Revision], git: &git::Known) -> Vec<String> {
    let here = match seen.last() {
        Some(oldest) => format!(
            "This machine keeps every text of this record that assay writes or notices, since {}; \
             they are in its data folder and go when that is deleted.",
            oldest.at.strftime("%Y-%m-%d %H:%M UTC")
        ),
        None => {
            "This machine has kept no text of this record yet; it does so from its next change \
                 on."
            .to_owned()
        }
    };
    let git = match git {
        git::Known::Commits(list) if list.is_empty() => {
            "The file is not committed to git yet: commit it to keep its texts for good.".to_owned()
        }
        git::Known::Commits(_) => "The texts that were committed to git are among them.".to_owned(),
        git::Known::NoWorkTree => {
            "The folder is in no git work tree: keep it in one to keep every text for good."
                .to_owned()
        }
        git::Known::Failed(why) => format!("Texts committed to git are missing here: {why}."),
    };
    let gap = "What was changed elsewhere, or by hand between two looks, is not known.".to_owned();
    vec![here, git, gap]
}
