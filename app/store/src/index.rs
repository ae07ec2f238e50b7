//! The index of a folder: a SQLite file that may be deleted at any time.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use assay_records::{Section, content_hash};
use sqlx::{
    Connection as _, Row as _, SqliteConnection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use uuid::Uuid;

use crate::{Link, StoreError, Stored, files::Loaded};

/// Raised whenever the tables below change, so that an older program's index is left alone.
const FORMAT: u32 = 3;
/// The oldest SQLite without a known fault in its write-ahead log.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];
/// How long a statement waits for another process that is writing the index.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 4;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS file (
    row INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    stamp TEXT NOT NULL,
    bad INTEGER NOT NULL,
    id TEXT,
    hash TEXT NOT NULL DEFAULT '',
    number INTEGER NOT NULL DEFAULT 0,
    title TEXT NOT NULL DEFAULT '',
    service TEXT,
    team TEXT,
    status TEXT NOT NULL DEFAULT '',
    option TEXT,
    recommended TEXT,
    verdict TEXT,
    overridden INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL DEFAULT '',
    decided TEXT,
    due_on TEXT,
    fired INTEGER NOT NULL DEFAULT 0,
    review_by TEXT,
    replaces TEXT NOT NULL DEFAULT '[]',
    facts TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX IF NOT EXISTS file_id ON file (id);
CREATE TABLE IF NOT EXISTS tag (
    row INTEGER NOT NULL REFERENCES file (row) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (row, tag)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS supersedes (
    row INTEGER NOT NULL REFERENCES file (row) ON DELETE CASCADE,
    old TEXT NOT NULL,
    PRIMARY KEY (old, row)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    title, names, body, tokenize = \"unicode61 remove_diacritics 2\", prefix = '2 3'
);
CREATE VIEW IF NOT EXISTS record AS
SELECT file.*,
    CASE WHEN EXISTS (
        SELECT 1 FROM supersedes JOIN file AS later ON later.row = supersedes.row
        WHERE supersedes.old = file.id AND later.bad = 0
            AND later.status IN ('accepted', 'deprecated')
    ) THEN 'superseded' ELSE file.status END AS standing
FROM file
WHERE bad = 0 AND NOT EXISTS (
    SELECT 1 FROM file AS twin WHERE twin.id = file.id AND twin.bad = 0 AND twin.row <> file.row
);
";

/// An open index.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) pool: SqlitePool,
    path: PathBuf,
}

impl Index {
    /// Opens the index of a folder read with a model; makes it anew when it is missing or broken.
    /// Folder, model and format are in its name, so that no two ever mix.
    pub(crate) async fn open(
        directory: &Path,
        folder: &Path,
        model_digest: &str,
    ) -> Result<Self, StoreError> {
        let key = format!("{FORMAT} {model_digest} {}", folder.display());
        let name = content_hash(&key).get(..16).map(|hash| format!("index-{hash}.sqlite"));
        let path = directory.join(name.unwrap_or_default());
        std::fs::create_dir_all(directory)
            .map_err(|source| StoreError::unwritable(directory, source))?;
        if let Ok(index) = Self::connect(&path).await {
            return Ok(index);
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            // What cannot be removed shows again below.
            let _ = std::fs::remove_file(file);
        }
        Self::connect(&path).await.map_err(|error| broken(&path, &error))
    }

    async fn connect(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool =
            SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&pool).await?;
        let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
            return Err(sqlx::Error::Configuration(format!("SQLite {version} is too old").into()));
        }
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Whether the file is still there.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    pub(crate) fn error(&self, error: &sqlx::Error) -> StoreError {
        broken(&self.path, error)
    }

    /// The stamp of every file known.
    pub(crate) async fn stamps(&self) -> Result<HashMap<String, String>, sqlx::Error> {
        sqlx::query_as("SELECT name, stamp FROM file").fetch_all(&self.pool).await.map(|rows| {
            let rows: Vec<(String, String)> = rows;
            rows.into_iter().collect()
        })
    }

    /// The hash of a file's text as the index knows it; empty for a bad file.
    pub(crate) async fn hash_of(&self, name: &str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT hash FROM file WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
    }

    /// Forgets files that are gone and takes in what was read, all or nothing.
    pub(crate) async fn apply(&self, gone: &[String], read: &[Loaded]) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for name in gone {
            forget(&mut tx, name).await?;
        }
        for loaded in read {
            forget(&mut tx, &loaded.file_name).await?;
            match &loaded.outcome {
                Ok(stored) => insert(&mut tx, stored, loaded).await?,
                Err((bad, id)) => {
                    sqlx::query("INSERT INTO file (name, stamp, bad, id) VALUES (?, ?, 1, ?)")
                        .bind(&bad.file_name)
                        .bind(&loaded.stamp)
                        .bind(id.map(|id| id.to_string()))
                        .execute(&mut *tx)
                        .await?;
                }
            }
        }
        tx.commit().await
    }

    /// The files with an id: the good ones first.
    pub(crate) async fn files_of(&self, id: Uuid) -> Result<Vec<(String, bool)>, sqlx::Error> {
        sqlx::query_as("SELECT name, bad FROM file WHERE id = ? ORDER BY bad, name")
            .bind(id.to_string())
            .fetch_all(&self.pool)
            .await
    }

    /// The files that are bad in themselves.
    pub(crate) async fn bad_files(&self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT name FROM file WHERE bad = 1").fetch_all(&self.pool).await
    }

    /// Files that share an id with another good one, beside that id.
    pub(crate) async fn twins(&self) -> Result<Vec<(String, String)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT id, name FROM file WHERE bad = 0 AND id IN (
                SELECT id FROM file WHERE bad = 0 GROUP BY id HAVING COUNT(*) > 1
            ) ORDER BY id, name",
        )
        .fetch_all(&self.pool)
        .await
    }

    /// The accepted records that replace this one, oldest first.
    pub(crate) async fn superseded_by(&self, id: Uuid) -> Result<Vec<Link>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT file.id, number, title FROM supersedes JOIN file USING (row)
             WHERE old = ? AND bad = 0 AND status IN ('accepted', 'deprecated')
             ORDER BY number, name",
        )
        .bind(id.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get("id")?;
                let id = Uuid::try_parse(&id).map_err(|e| sqlx::Error::Decode(e.into()))?;
                Ok(Link { id, number: row.try_get("number")?, title: row.try_get("title")? })
            })
            .collect()
    }
}

fn broken(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Index { path: path.display().to_string(), message: error.to_string() }
}

async fn forget(tx: &mut SqliteConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM words WHERE rowid = (SELECT row FROM file WHERE name = ?)")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    sqlx::query("DELETE FROM file WHERE name = ?").bind(name).execute(&mut *tx).await?;
    Ok(())
}

async fn insert(
    tx: &mut SqliteConnection,
    stored: &Stored,
    loaded: &Loaded,
) -> Result<(), sqlx::Error> {
    let record = &stored.record;
    let json = |error: serde_json::Error| sqlx::Error::Encode(error.into());
    let row: i64 = sqlx::query_scalar(
        "INSERT INTO file (name, stamp, bad, id, hash, number, title, service, team, status, option,
            recommended, verdict, overridden, tags, created, decided, due_on, fired, review_by,
            replaces, facts)
         VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING row",
    )
    .bind(&stored.file_name)
    .bind(&loaded.stamp)
    .bind(record.id.to_string())
    .bind(&stored.hash)
    .bind(stored.number)
    .bind(&record.title)
    .bind(&record.service)
    .bind(&record.team)
    .bind(record.status.id())
    .bind(record.choice.as_ref().map(|chosen| chosen.option.id()))
    .bind(record.recommended().map(assay_records::advice::Choice::id))
    .bind(record.advice.as_ref().map(|advice| advice.verdict.id()))
    .bind(record.overridden())
    // A tag is one line, so that a line break can stand between two.
    .bind(record.tags.join("\n"))
    .bind(record.created.to_string())
    .bind(record.decided.map(|date| date.to_string()))
    .bind(record.due_on().map(|date| date.to_string()))
    .bind(record.has_fired())
    .bind(record.review_by.map(|date| date.to_string()))
    .bind(serde_json::to_string(&record.supersedes).map_err(json)?)
    .bind(serde_json::to_string(&loaded.facts).map_err(json)?)
    .fetch_one(&mut *tx)
    .await?;
    for tag in &record.tags {
        sqlx::query("INSERT OR IGNORE INTO tag (row, tag) VALUES (?, ?)")
            .bind(row)
            .bind(tag)
            .execute(&mut *tx)
            .await?;
    }
    for old in &record.supersedes {
        sqlx::query("INSERT OR IGNORE INTO supersedes (row, old) VALUES (?, ?)")
            .bind(row)
            .bind(old.to_string())
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("INSERT INTO words (rowid, title, names, body) VALUES (?, ?, ?, ?)")
        .bind(row)
        .bind(&record.title)
        .bind(names(stored))
        .bind(body(stored))
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Short words that people search by.
fn names(stored: &Stored) -> String {
    let record = &stored.record;
    let mut words: Vec<&str> = record.tags.iter().map(String::as_str).collect();
    words.extend(record.service.as_deref());
    words.extend(record.team.as_deref());
    words.extend(record.deciders.iter().map(String::as_str));
    words.push(record.status.id());
    words.extend(record.choice.as_ref().map(|chosen| chosen.option.id()));
    words.join(" \n")
}

fn body(stored: &Stored) -> String {
    let record = &stored.record;
    let mut texts: Vec<&str> =
        Section::ALL.iter().map(|section| record.rationale.get(*section)).collect();
    texts.extend(record.choice.as_ref().and_then(|chosen| chosen.override_reason.as_deref()));
    texts.extend(record.triggers.iter().filter_map(|trigger| trigger.note.as_deref()));
    texts.extend(record.events.iter().map(|event| event.detail.as_str()));
    texts.join("\n")
}
