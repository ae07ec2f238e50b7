//! The index of a folder: a SQLite file that may be deleted at any time.

use std::{
    mem,
    path::{Path, PathBuf},
    time::Duration,
};

use assay_records::content_hash;
use sqlx::{
    Connection as _, QueryBuilder, Sqlite, SqliteConnection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};

use crate::{
    StoreError,
    entry::{Entry, Taken},
    files::in_parts,
    memory::Hit,
};

/// Raised whenever the tables below or what stands in them change, so that an older program's index
/// is left alone.
const FORMAT: u32 = 5;
/// The oldest SQLite without a known fault in its write-ahead log.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];
/// How long a statement waits for another process that is writing the index.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 4;
const PAGE_BYTES: u32 = 16 * 1024;
/// The most entries written by one statement, which binds at most 32,766 values. With each statement
/// of many rows FTS5 puts what it has gathered on disk, to be merged later: few large ones are quick.
const WRITE_ENTRIES: usize = 8192;
/// The entries read by one statement.
const READ_ENTRIES: i64 = 2048;

/// `seq` counts up with every change, so that everyone who uses the index can ask for what is new.
/// The words of an entry stand under its row, those of its title once more by themselves. Each is kept
/// once and without its place: that is all that a search asks, and an eighth of the size. The program
/// has split the texts already; `ascii` splits them at the spaces again and folds nothing.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS file (
    row INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    entry TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    text, content = '', contentless_delete = 1, detail = none, prefix = '2 3', tokenize = 'ascii'
);
INSERT INTO words (words, rank) VALUES ('hashsize', 33554432), ('automerge', 8);
CREATE VIRTUAL TABLE IF NOT EXISTS titles USING fts5 (
    text, content = '', contentless_delete = 1, detail = none, prefix = '2 3', tokenize = 'ascii'
);
";

/// An open index.
#[derive(Clone)]
pub(crate) struct Index {
    pool: SqlitePool,
    path: PathBuf,
}

/// Entries that were taken in.
pub(crate) struct Applied {
    /// The number of the newest change before them.
    pub(crate) after: i64,
    /// They, oldest first.
    pub(crate) changes: Vec<Change>,
}

/// Changes as they are kept: a line each, oldest first.
pub(crate) struct Lines(String);

/// An entry with its row and the number of its change.
pub(crate) struct Change {
    pub(crate) row: u32,
    pub(crate) seq: i64,
    pub(crate) entry: Entry,
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
            // All entries are read at every start: large pages take fewer calls.
            .page_size(PAGE_BYTES)
            // The log is folded in, and the disk waited for, every 64 MB.
            .pragma("wal_autocheckpoint", "4096")
            .busy_timeout(BUSY_TIMEOUT);
        let pool =
            SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?;
        let version: String =
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&pool).await?;
        let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
            return Err(sqlx::Error::Configuration(format!("SQLite {version} is too old").into()));
        }
        let made: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE name = 'titles'")
                .fetch_optional(&pool)
                .await?;
        if made.is_none() {
            sqlx::raw_sql(TABLES).execute(&pool).await?;
        }
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Whether the file is still there.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    pub(crate) fn error(&self, error: &sqlx::Error) -> StoreError {
        broken(&self.path, error)
    }

    /// Takes entries in, all or nothing.
    pub(crate) async fn apply(&self, mut taken: Vec<Taken>) -> Result<Applied, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let after = newest(&mut tx).await?;
        let (mut seq, mut rows) = (after, Vec::with_capacity(taken.len()));
        for part in taken.chunks_mut(WRITE_ENTRIES) {
            seq = write(&mut tx, seq, part, &mut rows).await?;
        }
        tx.commit().await?;
        let changes = rows.into_iter().zip(taken).map(|((seq, row), taken)| {
            let row = u32::try_from(row).map_err(decode)?;
            Ok(Change { row, seq, entry: taken.entry })
        });
        Ok(Applied { after, changes: changes.collect::<Result<_, sqlx::Error>>()? })
    }

    /// The number of the newest change.
    pub(crate) async fn seq(&self) -> Result<i64, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        newest(&mut connection).await
    }

    /// The changes after this one, a part of them when they are many.
    pub(crate) async fn since(&self, seq: i64) -> Result<Lines, sqlx::Error> {
        // One long line for all is several times quicker than a row for each.
        let lines: Option<String> = sqlx::query_scalar(
            "SELECT group_concat(row || ' ' || seq || ' ' || entry, char(10))
             FROM (SELECT row, seq, entry FROM file WHERE seq > ? ORDER BY seq LIMIT ?)",
        )
        .bind(seq)
        .bind(READ_ENTRIES)
        .fetch_one(&self.pool)
        .await?;
        Ok(Lines(lines.unwrap_or_default()))
    }

    /// The rows whose words fit a search; those that do so by their title alone once more, later.
    pub(crate) async fn search(&self, words: &str) -> Result<Vec<(u32, Hit)>, sqlx::Error> {
        let rows = async |query: &'static str| -> Result<Vec<u32>, sqlx::Error> {
            let rows: Option<String> =
                sqlx::query_scalar(query).bind(words).fetch_one(&self.pool).await?;
            let rows = rows.unwrap_or_default();
            rows.split_ascii_whitespace().map(|row| row.parse().map_err(decode)).collect()
        };
        let (all, titles) = tokio::try_join!(
            rows("SELECT group_concat(rowid, ' ') FROM words WHERE words MATCH ?"),
            rows("SELECT group_concat(rowid, ' ') FROM titles WHERE titles MATCH ?"),
        )?;
        let found = all.into_iter().map(|row| (row, Hit::Text));
        Ok(found.chain(titles.into_iter().map(|row| (row, Hit::Title))).collect())
    }
}

impl Lines {
    /// The number of the last change; none when there is no change.
    pub(crate) fn last(&self) -> Option<i64> {
        self.0.lines().next_back()?.split(' ').nth(1)?.parse().ok()
    }

    /// The changes themselves. Takes a while when they are many.
    pub(crate) fn read(&self) -> Result<Vec<Change>, sqlx::Error> {
        let read = |line: &str| {
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().unwrap_or_default();
            Ok(Change {
                row: next().parse().map_err(decode)?,
                seq: next().parse().map_err(decode)?,
                entry: serde_json::from_str(next()).map_err(decode)?,
            })
        };
        in_parts(self.0.lines().collect(), |line| Some(read(line))).into_iter().collect()
    }
}

async fn newest(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM file").fetch_one(connection).await
}

/// Writes entries and their words, which are gone then, and adds the change and the row of each; gives
/// the last change.
async fn write(
    tx: &mut SqliteConnection,
    mut seq: i64,
    taken: &mut [Taken],
    written: &mut Vec<(i64, i64)>,
) -> Result<i64, sqlx::Error> {
    let entries: Result<Vec<String>, _> =
        taken.iter().map(|taken| serde_json::to_string(&taken.entry)).collect();
    let entries = entries.map_err(decode)?;
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO file (seq, name, entry) ");
    query.push_values(taken.iter().zip(entries), |mut values, (taken, entry)| {
        seq += 1;
        values.push_bind(seq).push_bind(taken.entry.name.as_str()).push_bind(entry);
    });
    query.push(
        " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, entry = excluded.entry
          RETURNING seq, row",
    );
    let mut rows: Vec<(i64, i64)> = query.build_query_as().fetch_all(&mut *tx).await?;
    rows.sort_unstable();
    // What is no record has no words, and loses those it had.
    for (into, text) in [
        ("REPLACE INTO words (rowid, text) ", (|it| &mut it.text) as fn(&mut Taken) -> &mut String),
        ("REPLACE INTO titles (rowid, text) ", |it| &mut it.title),
    ] {
        let mut query = QueryBuilder::<Sqlite>::new(into);
        query.push_values(taken.iter_mut().zip(&rows), |mut values, (taken, (_, row))| {
            values.push_bind(*row).push_bind(mem::take(text(taken)));
        });
        query.build().execute(&mut *tx).await?;
    }
    written.append(&mut rows);
    Ok(seq)
}

fn broken(path: &Path, error: &sqlx::Error) -> StoreError {
    StoreError::Index { path: path.display().to_string(), message: error.to_string() }
}

fn decode(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
