//! Writing records and what is derived from them.

use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{base::Base, listen::CHANNEL};
use crate::{Stored, entry::texts, words};

/// The key of the lock that lets one writer in at a time: it gives out numbers and changes in order.
const WRITING: i64 = 0x6173_7361_795f_7772;
/// The longest word and the most bytes of a record's words that are searched; the database allows
/// 2,046 and a little under 1 MiB.
const MAX_WORD_BYTES: usize = 500;
const MAX_WORDS_BYTES: usize = 400_000;

/// Waits for every other writer, until the transaction ends.
pub(super) async fn alone(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(WRITING);
    lock.execute(tx).await.map(drop)
}

/// Keeps a new record.
pub(super) async fn create(
    tx: &mut PgConnection,
    base: &Base,
    stored: &Stored,
) -> Result<(), sqlx::Error> {
    let insert =
        "INSERT INTO record (seq, id, text, hash, line, derived_with, title_words, words, number,
            file_name)
         SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4, $5, $6::tsvector, $7::tsvector, $8, $9
         FROM record";
    let insert = with_text(insert, base, stored)?;
    insert.bind(i64::from(stored.number)).bind(&stored.file_name).execute(&mut *tx).await?;
    tell(tx).await
}

/// Puts another text in the place of what a record has, which is kept among its earlier ones.
pub(super) async fn replace(
    tx: &mut PgConnection,
    base: &Base,
    stored: &Stored,
) -> Result<(), sqlx::Error> {
    keep_earlier(tx, stored.id).await?;
    let update = "UPDATE record SET seq = (SELECT MAX(seq) + 1 FROM record), text = $2, hash = $3,
            written_at = clock_timestamp(), line = $4, derived_with = $5,
            title_words = $6::tsvector, words = $7::tsvector
         WHERE id = $1";
    with_text(update, base, stored)?.execute(&mut *tx).await?;
    tell(tx).await
}

/// A statement whose $1 is a record's id and $2 to $7 are its text and what is derived from that.
fn with_text<'q>(
    sql: &'static str,
    base: &'q Base,
    stored: &'q Stored,
) -> Result<Query<'q, Postgres, PgArguments>, sqlx::Error> {
    Ok(sqlx::query(sql)
        .bind(stored.id)
        .bind(&stored.text)
        .bind(&stored.hash)
        .bind(line(base, stored)?)
        .bind(&base.derived_with)
        .bind(vector(&title(stored)))
        .bind(vector(&all(stored))))
}

async fn keep_earlier(tx: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO revision (record, written_at, hash, text)
         SELECT id, written_at, hash, text FROM record WHERE id = $1",
    )
    .bind(id)
    .execute(tx)
    .await
    .map(drop)
}

/// Tells those who listen, once the transaction is committed.
async fn tell(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(tx).await.map(drop)
}

fn line(base: &Base, stored: &Stored) -> Result<String, sqlx::Error> {
    serde_json::to_string(&base.fields(stored)).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn title(stored: &Stored) -> String {
    words::distinct([stored.record.title.as_str()])
}

fn all(stored: &Stored) -> String {
    words::distinct(std::iter::once(stored.record.title.as_str()).chain(texts(stored)))
}

/// Words as a `tsvector` is written. They have letters and digits only, so that none needs escaping.
fn vector(words: &str) -> String {
    let mut vector = String::new();
    for word in words.split(' ').filter(|word| (1..=MAX_WORD_BYTES).contains(&word.len())) {
        if vector.len() + word.len() > MAX_WORDS_BYTES {
            break;
        }
        vector.push_str(&format!("'{word}' "));
    }
    vector
}
