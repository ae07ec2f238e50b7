//! Where a database is, and what it means when it fails.

use std::{io::ErrorKind, time::Duration};

use sqlx::{
    Connection as _, PgConnection,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::time::{Instant, sleep, timeout_at};

use crate::StoreError;

/// How the database's tables come to be, step by step; a step is never changed once it was released.
static MIGRATIONS: Migrator = sqlx::migrate!("src/postgres/migrations");

/// The most connections held; one of them listens.
const CONNECTIONS: u32 = 16;
/// How long a start waits for a database that is starting as well.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// The pause before trying again.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long a request waits for a connection.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(5);
/// The longest a statement may take, and the longest it may wait for another writer.
const STATEMENT_TIMEOUT: &str = "20s";
const LOCK_TIMEOUT: &str = "10s";
/// A transaction whose program has gone silent, holding its locks, is ended after this.
const SILENT_TIMEOUT: &str = "30s";
/// What may stand behind the question mark.
const PARAMETERS: &str = "host hostaddr port dbname user password sslmode ssl-mode sslrootcert \
                          sslcert sslkey application_name options";
const EXAMPLE: &str = "write it as postgres://USER@HOST:PORT/NAME, with the password behind USER: or \
                       in PGPASSWORD or ~/.pgpass";

/// The address of a database.
#[derive(Clone)]
pub(crate) struct Address {
    options: PgConnectOptions,
    /// The address in words that may be shown: without the password.
    place: String,
}

impl Address {
    /// Reads an address. Nothing of it is repeated in an error, as it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        let bad = |why: &str| StoreError::BadAddress(format!("{why}; {EXAMPLE}"));
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or_else(|| bad("it does not begin with postgres://"))?;
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        if rest.contains('#') || path.contains('@') {
            // What follows would be taken for the name of the database, and shown.
            return Err(bad(
                "a sign in it must be percent-encoded, such as %2F for / or %40 for @",
            ));
        }
        let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
        for parameter in parameters.split('&').filter(|part| !part.is_empty()) {
            let key = parameter.split('=').next().unwrap_or_default();
            if !PARAMETERS.split(' ').any(|known| known == key) && !key.starts_with("options[") {
                return Err(bad(&format!("it has a parameter that is none of: {PARAMETERS}")));
            }
        }
        let options: PgConnectOptions =
            url.parse().map_err(|error: sqlx::Error| bad(&inner(&error)))?;
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let name = options.get_database().unwrap_or(options.get_username());
        let place = format!("{} on {host} as {}", name, options.get_username());
        Ok(Self { options: options.application_name("assay"), place })
    }

    /// The address in words that may be shown.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Brings the tables up to date, once however many copies of the program start together, and
    /// opens a pool of connections.
    pub(crate) async fn open(&self) -> Result<PgPool, StoreError> {
        let mut connection = self.connect().await.map_err(|error| self.error(&error))?;
        let encoding: String = sqlx::query_scalar("SHOW server_encoding")
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        if encoding != "UTF8" {
            let why = format!("its encoding is {encoding}; make one with ENCODING 'UTF8'");
            return Err(self.unusable(why));
        }
        // Its work is done, whether or not the farewell arrives.
        let _ = connection.close().await;
        // The lock that keeps others off is its connection's own and goes with it; whoever waits for it
        // waits as long as it takes.
        let alone = PgPoolOptions::new().max_connections(1);
        let alone = alone.connect_lazy_with(self.options.clone());
        MIGRATIONS.run(&alone).await.map_err(|error| self.migration(&error))?;
        alone.close().await;
        let settings = [
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("lock_timeout", LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", SILENT_TIMEOUT),
            // Whoever reads records from end to end unpacks the words of each, which the planner takes to
            // cost nothing: even where nearly all are found, the index takes a quarter of the time.
            ("enable_seqscan", "off"),
        ];
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
        let pool = pool.acquire_timeout(ACQUIRE_PATIENCE);
        Ok(pool.connect_lazy_with(self.options.clone().options(settings)))
    }

    /// Connects; waits a little for a database that is not there yet.
    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            match timeout_at(deadline, PgConnection::connect_with(&self.options)).await {
                Err(_) => return Err(sqlx::Error::PoolTimedOut),
                Ok(Err(error)) if is_absence(&error) && Instant::now() + RETRY_AFTER < deadline => {
                    sleep(RETRY_AFTER).await;
                }
                Ok(done) => return done,
            }
        }
    }

    /// What a failure means to whoever asked.
    pub(crate) fn error(&self, error: &sqlx::Error) -> StoreError {
        let place = self.place.clone();
        let message = inner(error);
        match error {
            sqlx::Error::Database(said) if code(said.as_ref()) == "53100" => {
                StoreError::DiskFull { path: format!("the database {place}") }
            }
            error if is_absence(error) => StoreError::Unreachable { place, message },
            _ => StoreError::Database { place, message },
        }
    }

    fn unusable(&self, message: String) -> StoreError {
        StoreError::Database { place: self.place.clone(), message }
    }

    fn migration(&self, error: &MigrateError) -> StoreError {
        match error {
            MigrateError::Execute(error) => self.error(error),
            MigrateError::ExecuteMigration(error, step) => match self.error(error) {
                StoreError::Database { message, .. } => {
                    self.unusable(format!("its tables cannot be made (step {step}): {message}"))
                }
                other => other,
            },
            MigrateError::VersionMissing(step) => self.unusable(format!(
                "a newer assay has brought its tables to step {step}, which this one does not know; \
                 start the newer one"
            )),
            MigrateError::VersionMismatch(step) => self.unusable(format!(
                "step {step} of its tables is not assay's; give assay a database of its own"
            )),
            other => self.unusable(other.to_string()),
        }
    }
}

/// Whether it is the database that is not there, or too busy, rather than something in the question.
fn is_absence(error: &sqlx::Error) -> bool {
    match error {
        // A certificate that does not hold is no absence: asking again is no use.
        sqlx::Error::Io(error) => error.kind() != ErrorKind::InvalidData,
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // Connection exceptions, too many connections, ended by the operator or starting up, an
        // exceeded limit, a deadlock.
        sqlx::Error::Database(said) => {
            let code = code(said.as_ref());
            ["08", "57P"].iter().any(|class| code.starts_with(class))
                || ["53300", "57014", "55P03", "40P01", "25P03"].contains(&code.as_str())
        }
        _ => false,
    }
}

fn code(error: &dyn DatabaseError) -> String {
    error.code().unwrap_or_default().into_owned()
}

/// The cause without sqlx's preamble.
fn inner(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Configuration(error) | sqlx::Error::Tls(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => {
            format!("no connection within {} s", ACQUIRE_PATIENCE.as_secs())
        }
        other => other.to_string(),
    }
}
