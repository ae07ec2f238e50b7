//! Keeps the index in step with the folder.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use assay_records::advice::Model;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::{Mutex, Notify, RwLock};

use crate::{
    StoreError,
    files::{self, Loaded, Stamp},
    index::Index,
    revisions::{Seen, Text},
};

/// Changes are gathered for this long before the folder is looked at.
const GATHER: Duration = Duration::from_millis(100);
/// The folder is looked at this often even when the watch says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A large folder is looked at less often, so that looking takes at most this share of the time.
const LOOKING_SHARE: u32 = 50;
/// The files read and taken into the index in one step.
const BATCH: usize = 256;

/// The folder, its index, and what is known of how well they agree.
pub(crate) struct Mirror {
    pub(crate) folder: PathBuf,
    pub(crate) model: Arc<Model>,
    index_dir: PathBuf,
    index: RwLock<Index>,
    /// Earlier texts.
    pub(crate) seen: Seen,
    /// The folder's own stamp at the last look, which only one task takes at a time.
    looked: Mutex<Option<Stamp>>,
    changed: AtomicBool,
    wake: Arc<Notify>,
}

impl Mirror {
    pub(crate) async fn open(
        folder: PathBuf,
        index_dir: PathBuf,
        model: Arc<Model>,
    ) -> Result<Arc<Self>, StoreError> {
        let index = Index::open(&index_dir, &folder, model.digest()).await?;
        let mirror = Arc::new(Self {
            seen: Seen::new(&index_dir, &folder),
            folder,
            model,
            index_dir,
            index: RwLock::new(index),
            looked: Mutex::new(None),
            changed: AtomicBool::new(false),
            wake: Arc::default(),
        });
        tokio::spawn(keep_up(Arc::downgrade(&mirror)));
        Ok(mirror)
    }

    /// The index as it is; [`Self::refresh`] brings it up to date.
    pub(crate) async fn index(&self) -> Index {
        self.index.read().await.clone()
    }

    /// Says that something in the folder changed.
    pub(crate) fn touch(&self) {
        self.changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Brings the index up to date. Unless `anyway`, nothing is done when neither the watch nor the
    /// folder's own times say that something changed.
    pub(crate) async fn refresh(&self, anyway: bool) -> Result<(), StoreError> {
        let mut looked = self.looked.lock().await;
        if !self.index().await.exists() {
            self.reopen().await?;
            *looked = None;
        }
        let unreadable = |source| StoreError::unreadable(&self.folder, source);
        let now = files::stamp(&fs::metadata(&self.folder).map_err(unreadable)?);
        let changed = self.changed.swap(false, Ordering::AcqRel);
        if !anyway && !changed && !now.is_empty() && looked.as_ref() == Some(&now) {
            return Ok(());
        }
        *looked = None;
        let mut caught_up = self.catch_up().await;
        if let Err(Failure::Index(error)) = &caught_up {
            // An index is cheap: a broken one is made anew, once.
            tracing::warn!(%error, "the index is made anew");
            self.reopen().await?;
            caught_up = self.catch_up().await;
        }
        caught_up.map_err(|failure| self.explain(failure))?;
        *looked = Some(now);
        Ok(())
    }

    async fn reopen(&self) -> Result<(), StoreError> {
        let index = Index::open(&self.index_dir, &self.folder, self.model.digest()).await?;
        *self.index.write().await = index;
        Ok(())
    }

    fn explain(&self, failure: Failure) -> StoreError {
        match failure {
            Failure::Folder(source) => StoreError::unreadable(&self.folder, source),
            Failure::Index(error) => StoreError::Index {
                path: self.index_dir.display().to_string(),
                message: error.to_string(),
            },
        }
    }

    /// Reads what is new or changed, and forgets what is gone.
    async fn catch_up(&self) -> Result<(), Failure> {
        let index = self.index().await;
        let mut known: HashMap<String, Stamp> = index.stamps().await?;
        let nothing_known = known.is_empty();
        let folder = self.folder.clone();
        let found = blocking(move || files::scan(&folder)).await?;
        let stale: Vec<String> = found
            .into_iter()
            .filter(|(name, stamp)| {
                let before = known.remove(name);
                stamp.is_empty() || before.as_ref() != Some(stamp)
            })
            .map(|(name, _)| name)
            .collect();
        let gone: Vec<String> = known.into_keys().collect();
        if !gone.is_empty() {
            index.apply(&gone, &[]).await?;
        }
        for names in stale.chunks(BATCH) {
            let names = names.to_vec();
            let (folder, model) = (self.folder.clone(), Arc::clone(&self.model));
            let read = blocking(move || {
                let load = |name: &String| files::load(&folder, name, &model);
                // A file that vanished since is forgotten by the next look.
                Ok(names.iter().filter_map(|name| load(name).ok()).collect::<Vec<Loaded>>())
            })
            .await?;
            if !nothing_known {
                self.keep_changed(&index, &read).await?;
            }
            index.apply(&[], &read).await?;
        }
        Ok(())
    }

    /// Keeps the texts of records that the index knows with another one: somebody changed them
    /// elsewhere. At the first look nothing is known, and nothing is copied.
    async fn keep_changed(&self, index: &Index, read: &[Loaded]) -> Result<(), Failure> {
        for loaded in read {
            let Ok(stored) = &loaded.outcome else { continue };
            let before = index.hash_of(&loaded.file_name).await?;
            if before.is_some_and(|before| before != stored.hash) {
                let at = loaded.modified.unwrap_or(stored.record.created);
                let text = Text { hash: &stored.hash, text: &stored.text, at };
                self.seen.keep(stored.id, &[text]).await;
            }
        }
        Ok(())
    }
}

enum Failure {
    Folder(io::Error),
    Index(sqlx::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Index(error)
    }
}

/// Runs file work where it may wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Looks at the folder at the start, when the watch says so, and now and then, until the store is
/// dropped.
async fn keep_up(mirror: Weak<Mirror>) {
    let Some(watch) = mirror.upgrade().map(|strong| watch(&strong)) else {
        return;
    };
    if let Err(error) = &watch {
        tracing::warn!(%error, "the folder cannot be watched; changes by hand show a little later");
    }
    while let Some(strong) = mirror.upgrade() {
        let started = Instant::now();
        if let Err(error) = strong.refresh(true).await {
            tracing::debug!(%error, "the folder could not be looked at");
        }
        let pause = LOOK_EVERY.max(started.elapsed() * LOOKING_SHARE);
        let wake = Arc::clone(&strong.wake);
        // The wait must not keep the store alive.
        drop(strong);
        let woken = tokio::time::timeout(pause, wake.notified()).await.is_ok();
        tracing::trace!(woken, "looking at the folder again");
    }
}

/// Watches the folder itself; folders within it hold no records.
fn watch(mirror: &Arc<Mirror>) -> notify::Result<Debouncer<RecommendedWatcher, RecommendedCache>> {
    let weak = Arc::downgrade(mirror);
    let mut debouncer = new_debouncer(GATHER, None, move |_: DebounceEventResult| {
        if let Some(mirror) = weak.upgrade() {
            mirror.touch();
        }
    })?;
    debouncer.watch(&mirror.folder, RecursiveMode::NonRecursive)?;
    Ok(debouncer)
}
