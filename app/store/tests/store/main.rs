//! The tests of stores. `conformance` runs on every store; `postgres` is about a database, the others
//! are about the folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails in a test's helper fails the test"
)]

mod access;
mod cluster;
mod conformance;
mod crash;
mod faults;
mod folder;
mod large;
mod postgres;
mod revisions;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use assay_records::advice::Model;
use assay_store::{FolderStore, Store};
use tempfile::TempDir;
use uuid::Uuid;

/// A folder for records and one for the index, removed at the end.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    fn decisions(&self) -> PathBuf {
        self.root.path().join("decisions")
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    async fn open(&self) -> FolderStore {
        open(&self.decisions(), &self.data()).await
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.decisions()).unwrap();
        std::fs::write(self.decisions().join(name), bytes).unwrap();
    }
}

async fn open(decisions: &Path, data: &Path) -> FolderStore {
    let model = Arc::new(Model::builtin().clone());
    FolderStore::open(decisions.to_owned(), data.to_owned(), model).await.unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0198_f2c4_7d1e_7c3a_9b52_0000_0000_0000 + number)
}

/// A small record; `more` goes before its tables.
fn text(id: Uuid, title: &str, more: &str) -> String {
    let title = toml_string(title);
    format!(
        "# by hand\nschema = 1\nid = \"{id}\"\ntitle = {title}\nstatus = \"draft\"\n\
         created = 2026-11-21T10:00:00Z\n{more}\n"
    )
}

fn toml_string(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Waits until something holds; fails when it does not within the time.
async fn within<F: Future<Output = bool>>(limit: Duration, mut holds: impl FnMut() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < limit, "nothing happened within {limit:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says why a test cannot run here; with `ASSAY_REQUIRE=all` that is a failure.
#[expect(clippy::disallowed_methods, reason = "the switch is for tests alone")]
fn skip(what: &str, why: &str) {
    println!("skipped: {what} because {why}");
    assert_ne!(std::env::var("ASSAY_REQUIRE").as_deref(), Ok("all"), "{what}: {why}");
}

#[tokio::test]
async fn a_folder_keeps_the_rules_of_a_store() {
    conformance::run(async || {
        let place = Place::new();
        let store: Arc<dyn Store> = Arc::new(place.open().await);
        (store, place)
    })
    .await;
}
