//! Hearing of what other copies of the program write.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::base::Base;

/// What the database calls out after each write.
pub(super) const CHANNEL: &str = "assay_records";

/// A connection that has said nothing for so long may have died silently: a new one is made.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// The pause before a lost connection is made anew.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Takes in what anybody writes, and counts up each time, until its task is ended.
pub(super) async fn keep_listening(base: Arc<Base>, changes: watch::Sender<u64>) {
    loop {
        if let Err(error) = listen(&base, &changes).await {
            tracing::debug!(%error, "changes are not heard of for a moment");
        }
        sleep(RETRY_AFTER).await;
    }
}

async fn listen(base: &Arc<Base>, changes: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&base.pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    loop {
        // The first time, and after each loss of the connection, something may have been missed.
        let mut connection = base.pool.acquire().await?;
        base.refresh(&mut connection).await?;
        drop(connection);
        changes.send_modify(|count| *count += 1);
        match timeout(SILENCE_MAX, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) | Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        }
    }
}
