//! Keeps the index, and what is in memory of it, in step with the folder.

use std::{
    collections::HashSet,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use assay_records::{advice::Model, number_of};
use jiff::Timestamp;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    Reading, StoreError, Stored, TextHash,
    entry::Taken,
    files::{self, Stamp},
    index::Index,
    memory::{Found, Memory},
    revisions::{Seen, Text},
    searches::Searches,
};

/// A folder with more files than this is looked at in the background, while requests are answered
/// with what is known; looking at a smaller one takes a few ms, and requests wait for it.
const LARGE_FILES: usize = 1000;
/// A command that ends at once needs no watch.
const WATCH_AFTER: Duration = Duration::from_millis(200);
/// Changes are gathered for this long before they are looked at.
const GATHER: Duration = Duration::from_millis(100);
/// The folder is looked at this often even when the watch says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A large folder is looked at less often, so that looking takes at most this share of the time.
const LOOKING_SHARE: u32 = 200;
/// The files read and taken into the index in one step.
const BATCH: usize = 2048;
/// The searches remembered.
const SEARCHES: usize = 16;

/// The folder, its index, and what is known of how well they agree.
pub(crate) struct Mirror {
    pub(crate) folder: PathBuf,
    pub(crate) model: Arc<Model>,
    index_dir: PathBuf,
    /// The index, and how often it was opened.
    index: AsyncMutex<(Index, u64)>,
    memory: RwLock<Memory>,
    searches: Searches,
    /// Earlier texts.
    pub(crate) seen: Seen,
    /// The folder's own stamp at the last look at all of it; only one task looks at a time.
    looked: AsyncMutex<Option<Stamp>>,
    /// How many files the last look at all of it found.
    files: AtomicUsize,
    first: watch::Sender<First>,
    noticed: Mutex<Noticed>,
    wake: Arc<Notify>,
}

/// How the first look at the folder goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    /// Nobody knows yet what there is.
    Begun,
    /// So many files of so many new ones are read.
    Reading(Reading),
    /// It is over, well or not.
    Over,
}

/// What the watch has noticed since it was last asked.
#[derive(Default)]
struct Noticed {
    names: HashSet<String>,
    /// It lost track: anything may have changed.
    anything: bool,
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
            index: AsyncMutex::new((index, 0)),
            memory: RwLock::default(),
            searches: Searches::new(SEARCHES),
            looked: AsyncMutex::new(None),
            files: AtomicUsize::new(0),
            first: watch::Sender::new(First::Begun),
            noticed: Mutex::default(),
            wake: Arc::default(),
        });
        tokio::spawn(keep_up(Arc::downgrade(&mirror), Arc::clone(&mirror.wake)));
        Ok(mirror)
    }

    /// What is known of the records; [`Self::refresh`] brings it up to date.
    pub(crate) fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory_mut(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index as it is.
    pub(crate) async fn index(&self) -> Index {
        self.index.lock().await.0.clone()
    }

    /// What some words find, written as the index understands them.
    pub(crate) async fn search(&self, words: String) -> Result<Arc<Found>, StoreError> {
        let state = self.memory().state();
        if let Some((of, found)) = self.searches.find(state.0, &words)
            && of == state.1
        {
            return Ok(found);
        }
        let index = self.index().await;
        let rows = index.search(&words).await.map_err(|error| index.error(&error))?;
        let found = Arc::new(Found::rows(None, rows));
        self.searches.keep(state, words, &found);
        Ok(found)
    }

    /// How far the first look has come, while it goes on.
    pub(crate) fn reading(&self) -> Option<Reading> {
        match *self.first.borrow() {
            First::Begun => Some(Reading::default()),
            First::Reading(reading) => Some(reading),
            First::Over => None,
        }
    }

    /// Waits until the first look is over.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as this does.
        let _ = self.first.subscribe().wait_for(|first| *first == First::Over).await;
    }

    /// Brings what is known up to date before a request is answered: with what other processes did
    /// to the index, and, in a folder that is not large, with the folder.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let large = |first: &First| matches!(first, First::Reading(reading) if is_large(reading));
        let mut first = self.first.subscribe();
        // The sender lives as long as this does.
        let _ = first.wait_for(|first| *first == First::Over || large(first)).await;
        let reading = *first.borrow() != First::Over;
        let now = fs::metadata(&self.folder).map(|metadata| files::stamp(&metadata));
        let now = now.map_err(|source| StoreError::unreadable(&self.folder, source))?;
        if !self.index().await.exists() {
            self.look(None).await?;
        } else if !reading && self.files.load(Ordering::Acquire) <= LARGE_FILES {
            let noticed = self.take_noticed();
            let mut looked = self.looked.lock().await;
            let changed = noticed.anything || !noticed.names.is_empty();
            if changed || !now.tells() || *looked != Some(now) {
                *looked = None;
                self.caught_up(None).await?;
                *looked = Some(now);
            }
        }
        let index = self.index.lock().await.clone();
        self.absorb(&index).await.map_err(|error| index.0.error(&error))
    }

    /// Looks at these files, or at all of them, and takes in what is new.
    pub(crate) async fn look(&self, names: Option<Vec<String>>) -> Result<(), StoreError> {
        let mut looked = self.looked.lock().await;
        let all = names.is_none();
        let now = fs::metadata(&self.folder).map(|metadata| files::stamp(&metadata));
        let now = now.map_err(|source| StoreError::unreadable(&self.folder, source))?;
        if all {
            *looked = None;
        }
        self.caught_up(names).await?;
        if all {
            *looked = Some(now);
        }
        Ok(())
    }

    /// The same for one who holds the others off. A broken or missing index is made anew, once.
    async fn caught_up(&self, mut names: Option<Vec<String>>) -> Result<(), StoreError> {
        if !self.index().await.exists() {
            self.reopen().await?;
            names = None;
        }
        let mut caught_up = self.catch_up(names).await;
        if let Err(Failure::Index(error)) = &caught_up {
            // An index is cheap.
            tracing::warn!(%error, "the index is made anew");
            self.reopen().await?;
            caught_up = self.catch_up(None).await;
        }
        caught_up.map_err(|failure| match failure {
            Failure::Folder(source) => StoreError::unreadable(&self.folder, source),
            Failure::Index(error) => StoreError::Index {
                path: self.index_dir.display().to_string(),
                message: error.to_string(),
            },
        })
    }

    async fn reopen(&self) -> Result<(), StoreError> {
        let mut index = self.index.lock().await;
        let anew = Index::open(&self.index_dir, &self.folder, self.model.digest()).await?;
        *index = (anew, index.1 + 1);
        *self.memory_mut() = Memory::new(index.1);
        Ok(())
    }

    /// Reads what is new or changed, and forgets what is gone.
    async fn catch_up(&self, names: Option<Vec<String>>) -> Result<(), Failure> {
        let index = self.index.lock().await.clone();
        let (absorbed, found) = tokio::join!(self.absorb(&index), self.found(names));
        absorbed?;
        let nothing_known = self.memory().is_empty();
        let (stale, gone) = self.differing(found?).await?;
        if !gone.is_empty() {
            let gone: Vec<Taken> = gone.into_iter().map(Taken::gone).collect();
            self.take_in(&index, gone).await?;
        }
        let mut progress = Reading { done: 0, total: stale.len() as u64 };
        self.tell(progress);
        let mut stale = stale.into_iter();
        let mut next = || {
            let part: Vec<String> = stale.by_ref().take(BATCH).collect();
            (!part.is_empty()).then(|| self.load(part, nothing_known))
        };
        // One part is read while the one before it is written.
        let mut ahead = next();
        while let Some(part) = ahead.take() {
            let read = part.await.map_err(io::Error::other)?;
            ahead = next();
            let changed = read.iter().filter_map(|read| read.changed.as_ref());
            let texts: Vec<Text<'_>> = changed
                .map(|Changed { id, hash, text, at }| Text { id: *id, hash, text, at: *at })
                .collect();
            self.seen.keep(&texts).await;
            progress.done += read.len() as u64;
            let taken: Vec<Taken> = read.into_iter().map(|read| read.taken).collect();
            self.take_in(&index, taken).await?;
            self.tell(progress);
        }
        Ok(())
    }

    /// These files as they are now, or all of them; and which were asked for.
    async fn found(&self, names: Option<Vec<String>>) -> io::Result<Present> {
        let folder = self.folder.clone();
        blocking(move || match names {
            None => Ok((files::scan(&folder)?, None)),
            Some(names) => {
                let stamped = |name: &String| Some((name.clone(), files::stamp_of(&folder, name)?));
                Ok((names.iter().filter_map(stamped).collect(), Some(names)))
            }
        })
        .await
    }

    /// The files that are not as they are known, and those that are gone.
    async fn differing(&self, found: Present) -> io::Result<(Vec<String>, Vec<String>)> {
        let (stale, gone) = self.differing_from_known(found);
        let folder = self.folder.clone();
        // Others may have made a file, and told the index of it, after this one looked for it.
        let still_gone = move || Ok(files::in_parts(gone, |name| files::is_gone(&folder, name)));
        Ok((stale, blocking(still_gone).await?))
    }

    fn differing_from_known(&self, (found, asked): Present) -> (Vec<String>, Vec<String>) {
        let memory = self.memory();
        let there = found.iter().map(|(name, _)| name.as_str());
        let gone: Vec<String> = match asked {
            Some(mut names) => {
                let there: HashSet<&str> = there.collect();
                names.retain(|name| !there.contains(&**name) && memory.file(name).is_some());
                names
            }
            None => {
                self.files.store(found.len(), Ordering::Release);
                memory.besides(there)
            }
        };
        let stale = |(name, stamp): &(String, Stamp)| {
            !stamp.tells() || memory.file(name).is_none_or(|(known, _)| known != *stamp)
        };
        let mut stale: Vec<String> =
            found.into_iter().filter(stale).map(|(name, _)| name).collect();
        // In the order of their numbers, as they are listed.
        stale.sort_unstable();
        stale.sort_by_cached_key(|name| number_of(name));
        (stale, gone)
    }

    /// Reads some files where that may wait. At the first look nothing is known, and no text counts
    /// as changed.
    fn load(&self, names: Vec<String>, nothing_known: bool) -> JoinHandle<Vec<Read>> {
        let (folder, model) = (self.folder.clone(), Arc::clone(&self.model));
        let memory = self.memory();
        let known = |name: String| {
            let hash = memory.file(&name).and_then(|(_, hash)| hash);
            (name, hash.filter(|_| !nothing_known))
        };
        let names: Vec<(String, Option<TextHash>)> = names.into_iter().map(known).collect();
        drop(memory);
        tokio::task::spawn_blocking(move || {
            files::in_parts(names, |(name, before)| {
                // A file that vanished since is forgotten by the next look.
                let loaded = files::load(&folder, &name, &model).ok()?;
                let taken = Taken::of(&loaded);
                let stored = loaded.outcome.ok();
                let other = |now: &Stored, hash| TextHash::from_hex(&now.hash) != hash;
                let changed = stored.zip(before).filter(|(now, before)| other(now, *before));
                let changed = changed.map(|(now, _)| Changed {
                    id: now.id,
                    at: loaded.modified.unwrap_or(now.record.created),
                    hash: now.hash,
                    text: now.text,
                });
                Some(Read { taken, changed })
            })
        })
    }

    /// Takes entries into the index, and into memory.
    async fn take_in(&self, index: &(Index, u64), taken: Vec<Taken>) -> Result<(), sqlx::Error> {
        let applied = index.0.apply(taken).await?;
        {
            let mut memory = self.memory_mut();
            // Unless others changed the index meanwhile, nothing has to be read back.
            if memory.epoch == index.1 && memory.seq >= applied.after {
                memory.apply(applied.changes);
                return Ok(());
            }
        }
        self.absorb(index).await
    }

    /// Takes what is new in the index into memory, whoever put it there.
    async fn absorb(&self, (index, epoch): &(Index, u64)) -> Result<(), sqlx::Error> {
        let known = self.memory().seq;
        if index.seq().await? <= known {
            return Ok(());
        }
        let mut ahead = index.since(known).await?;
        while let Some(last) = ahead.last() {
            // One part is read while the next one is fetched.
            let read = tokio::task::spawn_blocking(move || ahead.read());
            let (changes, next) = tokio::join!(read, index.since(last));
            let changes = changes.map_err(|error| sqlx::Error::Decode(error.into()))??;
            let mut memory = self.memory_mut();
            if memory.epoch != *epoch {
                break;
            }
            memory.apply(changes);
            drop(memory);
            ahead = next?;
        }
        Ok(())
    }

    fn tell(&self, reading: Reading) {
        self.first.send_if_modified(|first| {
            let goes_on = *first != First::Over;
            if goes_on {
                *first = First::Reading(reading);
            }
            goes_on
        });
    }

    fn noticed(&self) -> MutexGuard<'_, Noticed> {
        self.noticed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_noticed(&self) -> Noticed {
        std::mem::take(&mut self.noticed())
    }

    /// Hears what happened in the folder.
    fn hear(&self, event: notify::Result<notify::Event>) {
        let mut noticed = self.noticed();
        match event {
            // Somebody has only read it, ourselves mostly.
            Ok(event) if is_reading(event.kind) => return,
            Ok(event) if !event.need_rescan() => {
                let within = |path: &PathBuf| path.parent() == Some(self.folder.as_path());
                let paths = event.paths.iter().filter(|path| within(path));
                let names = paths.filter_map(|path| path.file_name()?.to_str());
                noticed.names.extend(names.filter(|name| files::claims(name)).map(str::to_owned));
            }
            Ok(_) | Err(_) => noticed.anything = true,
        }
        let wakes = noticed.anything || !noticed.names.is_empty();
        drop(noticed);
        if wakes {
            self.wake.notify_one();
        }
    }
}

/// Files with their stamps, and the names that were asked for, if not all were.
type Present = (Vec<(String, Stamp)>, Option<Vec<String>>);

fn is_large(reading: &Reading) -> bool {
    reading.total > LARGE_FILES as u64
}

const fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(kind) if !matches!(kind, AccessKind::Close(AccessMode::Write)))
}

/// A file as read.
struct Read {
    taken: Taken,
    /// The text, when the index knows the record with another one: somebody changed it elsewhere.
    changed: Option<Changed>,
}

struct Changed {
    id: Uuid,
    hash: String,
    text: String,
    at: Timestamp,
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

/// Looks at the folder at the start, at what the watch notices, and at everything now and then, until
/// the store is dropped.
async fn keep_up(weak: Weak<Mirror>, wake: Arc<Notify>) {
    if let Some(mirror) = weak.upgrade() {
        told(mirror.look(None).await);
        mirror.first.send_replace(First::Over);
    }
    tokio::time::sleep(WATCH_AFTER).await;
    let watch = weak.upgrade().map(|mirror| watch(&mirror));
    if let Some(Err(error)) = &watch {
        tracing::warn!(%error, "the folder cannot be watched; changes by hand show a little later");
    }
    // What changed before the watch began is found now.
    let mut all_due = Instant::now();
    // The wait must not keep the store alive.
    while let Some(mirror) = weak.upgrade() {
        let noticed = mirror.take_noticed();
        let started = Instant::now();
        if noticed.anything || started >= all_due {
            told(mirror.look(None).await);
            all_due = Instant::now() + LOOK_EVERY.max(started.elapsed() * LOOKING_SHARE);
        } else if !noticed.names.is_empty() {
            told(mirror.look(Some(noticed.names.into_iter().collect())).await);
        }
        drop(mirror);
        let wait = all_due.saturating_duration_since(Instant::now());
        if tokio::time::timeout(wait, wake.notified()).await.is_ok() {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// What goes wrong in the background shows again when somebody asks.
fn told(looked: Result<(), StoreError>) {
    if let Err(error) = looked {
        tracing::debug!(%error, "the folder could not be looked at");
    }
}

/// Watches the folder itself; folders within it hold no records.
fn watch(mirror: &Arc<Mirror>) -> notify::Result<RecommendedWatcher> {
    let weak = Arc::downgrade(mirror);
    let mut watcher = notify::recommended_watcher(move |event| {
        if let Some(mirror) = weak.upgrade() {
            mirror.hear(event);
        }
    })?;
    watcher.watch(&mirror.folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
