//! Sessions, tokens and the trail in a database.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::FromRow;
use uuid::Uuid;

use super::PostgresStore;
use crate::{
    StoreError,
    access::{
        Access, Attempt, Creating, Guest, Key, OWNER_AWAY_MAX, Person, Role, Session, Step, Token,
    },
};

/// The most tokens and lines given at once.
const MAX_LISTED: i64 = 1000;

/// How far the clocks of several copies may differ. What began later than that was begun by a clock
/// that was wrong, here or there, and holds only once it is due: else it would hold for too long.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

#[derive(FromRow)]
struct SessionRow {
    subject: String,
    name: String,
    role: String,
    id_token: String,
    begun_us: i64,
    until_us: i64,
}

#[derive(FromRow)]
struct TokenRow {
    id: Uuid,
    subject: String,
    name: String,
    role: String,
    label: String,
    made_us: i64,
    until_us: i64,
}

#[derive(FromRow)]
struct StepRow {
    at_us: i64,
    subject: String,
    name: String,
    via: String,
    what: String,
    status: i32,
    request: String,
}

fn time(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}

/// A role that is none any more may do the least.
fn person(subject: String, name: String, role: &str) -> Person {
    Person { subject, name, role: Role::from_id(role).unwrap_or(Role::Viewer) }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            person: person(row.subject, row.name, &row.role),
            id_token: row.id_token,
            begun: time(row.begun_us),
            until: time(row.until_us),
        }
    }
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            person: person(row.subject, row.name, &row.role),
            label: row.label,
            made: time(row.made_us),
            until: time(row.until_us),
        }
    }
}

impl From<StepRow> for Step {
    fn from(row: StepRow) -> Self {
        Self {
            at: time(row.at_us),
            subject: row.subject,
            name: row.name,
            via: row.via,
            what: row.what,
            status: u16::try_from(row.status).unwrap_or_default(),
            request: row.request,
        }
    }
}

#[async_trait]
impl Access for PostgresStore {
    async fn begin(&self, key: &Key, attempt: &Attempt, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "WITH late AS (DELETE FROM sign_in WHERE until_us < $6)
             INSERT INTO sign_in (key, nonce, verifier, goal, until_us) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(key.as_slice())
        .bind(&attempt.nonce)
        .bind(&attempt.verifier)
        .bind(&attempt.goal)
        .bind(attempt.until.as_microsecond())
        .bind(now.as_microsecond())
        .execute(&self.base.pool)
        .await
        .map(drop)
        .map_err(self.failed())
    }

    async fn finish(&self, key: &Key, now: Timestamp) -> Result<Option<Attempt>, StoreError> {
        let found: Option<(String, String, String, i64)> = sqlx::query_as(
            "DELETE FROM sign_in WHERE key = $1 RETURNING nonce, verifier, goal, until_us",
        )
        .bind(key.as_slice())
        .fetch_optional(&self.base.pool)
        .await
        .map_err(self.failed())?;
        let attempt =
            |(nonce, verifier, goal, until)| Attempt { nonce, verifier, goal, until: time(until) };
        Ok(found.map(attempt).filter(|attempt| attempt.until >= now))
    }

    async fn enter(
        &self,
        key: &Key,
        session: &Session,
        before: Option<&Key>,
    ) -> Result<(), StoreError> {
        let Session { person, id_token, begun, until } = session;
        let above = Role::ALL.into_iter().filter(|role| *role > person.role).map(Role::id);
        // One statement: either all of it happens or nothing does. Those long over are forgotten.
        sqlx::query(
            "WITH over AS (DELETE FROM session WHERE key = $8 OR until_us < $6),
                sessions AS (UPDATE session SET role = $4 WHERE subject = $2 AND role = ANY($9)
                    AND key IS DISTINCT FROM $8 AND until_us >= $6),
                tokens AS (UPDATE token SET seen_us = $6,
                    role = CASE WHEN role = ANY($9) THEN $4 ELSE role END WHERE subject = $2)
             INSERT INTO session (key, subject, name, role, id_token, begun_us, until_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.as_slice())
        .bind(&person.subject)
        .bind(&person.name)
        .bind(person.role.id())
        .bind(id_token)
        .bind(begun.as_microsecond())
        .bind(until.as_microsecond())
        .bind(before.map(Key::as_slice))
        .bind(above.collect::<Vec<_>>())
        .execute(&self.base.pool)
        .await
        .map(drop)
        .map_err(self.failed())
    }

    #[tracing::instrument(level = "debug", name = "access.session", skip_all)]
    async fn session(&self, key: &Key, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = sqlx::query_as(
            "SELECT subject, name, role, id_token, begun_us, until_us FROM session
             WHERE key = $1 AND until_us > $2 AND begun_us <= $3",
        )
        .bind(key.as_slice())
        .bind(now.as_microsecond())
        .bind((now + CLOCKS_DIFFER).as_microsecond())
        .fetch_optional(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(row.map(Session::from))
    }

    async fn leave(&self, key: &Key) -> Result<(), StoreError> {
        let left = sqlx::query("DELETE FROM session WHERE key = $1").bind(key.as_slice());
        left.execute(&self.base.pool).await.map(drop).map_err(self.failed())
    }

    async fn expel(&self, subject: &str) -> Result<u64, StoreError> {
        let gone: i64 = sqlx::query_scalar(
            "WITH sessions AS (DELETE FROM session WHERE subject = $1 RETURNING 1),
                tokens AS (DELETE FROM token WHERE subject = $1 RETURNING 1)
             SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM tokens)",
        )
        .bind(subject)
        .fetch_one(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(u64::try_from(gone).unwrap_or_default())
    }

    async fn make_token(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        let Token { id, person, label, made, until } = token;
        sqlx::query(
            "INSERT INTO token (id, key, subject, name, role, label, made_us, until_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(key.as_slice())
        .bind(&person.subject)
        .bind(&person.name)
        .bind(person.role.id())
        .bind(label)
        .bind(made.as_microsecond())
        .bind(until.as_microsecond())
        .execute(&self.base.pool)
        .await
        .map(drop)
        .map_err(self.failed())
    }

    #[tracing::instrument(level = "debug", name = "access.token", skip_all)]
    async fn token(&self, key: &Key, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT id, subject, name, role, label, made_us, until_us FROM token
             WHERE key = $1 AND until_us > $2 AND made_us <= $3
                AND GREATEST(seen_us, made_us) > $4",
        )
        .bind(key.as_slice())
        .bind(now.as_microsecond())
        .bind((now + CLOCKS_DIFFER).as_microsecond())
        .bind((now - OWNER_AWAY_MAX).as_microsecond())
        .fetch_optional(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(row.map(Token::from))
    }

    async fn tokens_of(&self, subject: &str, now: Timestamp) -> Result<Vec<Token>, StoreError> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT id, subject, name, role, label, made_us, until_us FROM token
             WHERE subject = $1 AND until_us > $2 ORDER BY made_us DESC, id LIMIT $3",
        )
        .bind(subject)
        .bind(now.as_microsecond())
        .bind(MAX_LISTED)
        .fetch_all(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(rows.into_iter().map(Token::from).collect())
    }

    async fn revoke_token(&self, id: Uuid, subject: &str) -> Result<bool, StoreError> {
        let revoked = sqlx::query("DELETE FROM token WHERE id = $1 AND subject = $2");
        let revoked = revoked.bind(id).bind(subject).execute(&self.base.pool).await;
        Ok(revoked.map_err(self.failed())?.rows_affected() > 0)
    }

    async fn guests(&self, now: Timestamp) -> Result<Vec<Guest>, StoreError> {
        let rows: Vec<(String, String, String, i64, i64)> = sqlx::query_as(
            "SELECT subject, name, role, count(*) FILTER (WHERE stays), count(*) FILTER (WHERE NOT stays)
             FROM (SELECT subject, name, role, true AS stays FROM session WHERE until_us > $1
                UNION ALL SELECT subject, name, role, false FROM token
                    WHERE until_us > $1 AND GREATEST(seen_us, made_us) > $3) AS all_in
             GROUP BY subject, name, role ORDER BY name, subject, role LIMIT $2",
        )
        .bind(now.as_microsecond())
        .bind(MAX_LISTED)
        .bind((now - OWNER_AWAY_MAX).as_microsecond())
        .fetch_all(&self.base.pool)
        .await
        .map_err(self.failed())?;
        let guest = |(subject, name, role, sessions, tokens): (_, _, String, _, _)| Guest {
            person: person(subject, name, &role),
            sessions: u64::try_from(sessions).unwrap_or_default(),
            tokens: u64::try_from(tokens).unwrap_or_default(),
        };
        Ok(rows.into_iter().map(guest).collect())
    }

    async fn creating(&self, key: &Key, now: Timestamp) -> Result<Option<Creating>, StoreError> {
        let found: Option<(Vec<u8>, Uuid, i64)> = sqlx::query_as(
            "SELECT request, record, until_us FROM creating WHERE key = $1 AND until_us > $2",
        )
        .bind(key.as_slice())
        .bind(now.as_microsecond())
        .fetch_optional(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(found.map(|(request, record, until)| Creating {
            request: request.try_into().unwrap_or_default(),
            record,
            until: time(until),
        }))
    }

    async fn claim(
        &self,
        key: &Key,
        new: &Creating,
        now: Timestamp,
    ) -> Result<Creating, StoreError> {
        let late = sqlx::query("DELETE FROM creating WHERE until_us <= $1");
        let late = late.bind(now.as_microsecond()).execute(&self.base.pool).await;
        late.map_err(self.failed())?;
        // The row is written even where nothing changes, so that it is given back.
        let (request, record, until): (Vec<u8>, Uuid, i64) = sqlx::query_as(
            "INSERT INTO creating (key, request, record, until_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (key) DO UPDATE SET until_us = creating.until_us
             RETURNING request, record, until_us",
        )
        .bind(key.as_slice())
        .bind(new.request.as_slice())
        .bind(new.record)
        .bind(new.until.as_microsecond())
        .fetch_one(&self.base.pool)
        .await
        .map_err(self.failed())?;
        let request = request.try_into().unwrap_or_default();
        Ok(Creating { request, record, until: time(until) })
    }

    #[tracing::instrument(level = "debug", name = "access.note", skip_all)]
    async fn note(&self, step: &Step) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO trail (at_us, subject, name, via, what, status, request)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(step.at.as_microsecond())
        .bind(&step.subject)
        .bind(&step.name)
        .bind(&step.via)
        .bind(&step.what)
        .bind(i32::from(step.status))
        .bind(&step.request)
        .execute(&self.base.pool)
        .await
        .map(drop)
        .map_err(self.failed())
    }

    async fn trail(&self, at_most: u32) -> Result<Vec<Step>, StoreError> {
        let rows: Vec<StepRow> = sqlx::query_as(
            "SELECT at_us, subject, name, via, what, status, request FROM trail
             ORDER BY seq DESC LIMIT $1",
        )
        .bind(i64::from(at_most).min(MAX_LISTED))
        .fetch_all(&self.base.pool)
        .await
        .map_err(self.failed())?;
        Ok(rows.into_iter().map(Step::from).collect())
    }
}
