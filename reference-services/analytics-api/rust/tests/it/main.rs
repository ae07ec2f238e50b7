//! The service without a socket: lines, files, and answers held against simple models.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what helpers cannot do ends the test"
)]

mod answers;
mod files;
mod lines;

use analytics_api::config::Settings;
use analytics_api::store::Store;
use analytics_api::store::block::BatchId;
use analytics_api::time::Clock;
use std::path::Path;

/// A clock that stands still.
struct Stopped(i64);

impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        self.0
    }
}

/// A store over a folder, at a time of day.
fn open(folder: &Path, now_ms: i64, change: impl FnOnce(&mut Settings)) -> Store {
    let mut settings = Settings::new(folder.to_owned());
    change(&mut settings);
    Store::open(settings, Box::new(Stopped(now_ms))).unwrap()
}

/// Sends a body and waits until it is stored; whether it had been there.
fn send(store: &Store, body: &str, id: Option<&str>) -> bool {
    let parsed = store.read_body(body.as_bytes());
    assert_eq!(parsed.rejected_total(), 0, "{body}");
    let id = id.map(|name| BatchId {
        name: name.to_owned(),
        body_bytes: body.len() as u32,
        body_crc: crc32c::crc32c(body.as_bytes()),
    });
    let submitted = store.submit(parsed.batch, id, body.len());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(submitted.outcome()).unwrap()
}
