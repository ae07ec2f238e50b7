//! A folder of TOML files as a store.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::PathBuf,
    sync::Arc,
};

use assay_records::advice::{Model, Problem};
use assay_records::{Record, check_revision};
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    BadFile, Filter, Kept, NewRecord, Page, Reading, Revision, Revisions, Store, StoreError,
    Stored, Summary,
    files::{self, Loaded},
    git,
    memory::Found,
    refresh::{Mirror, blocking},
    revisions::{self, Text},
    words::Search,
};

/// Records as files of a folder, with an index beside them. Cloning it is cheap and gives the same
/// store.
#[derive(Clone)]
pub struct FolderStore {
    mirror: Arc<Mirror>,
    /// One writer of this process at a time; other processes are held off by a lock on the folder.
    writing: Arc<Mutex<()>>,
}

impl FolderStore {
    /// Opens a folder, made when missing, with its index in `index_dir`, and watches it. The files
    /// are read in the background. The first answer waits for that unless there are many; then it is
    /// made from what is known by then, and [`Store::reading`] says how far that is.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or the index cannot be made.
    pub async fn open(
        decisions: PathBuf,
        index_dir: PathBuf,
        model: Arc<Model>,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&decisions)
            .map_err(|source| StoreError::unwritable(&decisions, source))?;
        let folder = decisions
            .canonicalize()
            .map_err(|source| StoreError::unreadable(&decisions, source))?;
        let mirror = Mirror::open(folder, index_dir, model).await?;
        Ok(Self { mirror, writing: Arc::default() })
    }

    async fn load(&self, file_name: String) -> io::Result<Loaded> {
        let (folder, model) = (self.mirror.folder.clone(), Arc::clone(&self.mirror.model));
        blocking(move || files::load(&folder, &file_name, &model)).await
    }

    /// The one good file of a record.
    async fn locate(&self, id: Uuid) -> Result<String, StoreError> {
        let files = self.mirror.memory().files_of(id);
        let good: Vec<&String> =
            files.iter().filter(|(_, bad)| !bad).map(|(name, _)| name).collect();
        match (good.as_slice(), files.first()) {
            ([name], _) => Ok((*name).clone()),
            ([name, others @ ..], _) => {
                let others: Vec<&str> = others.iter().map(|other| other.as_str()).collect();
                Err(self.damaged(name, &others).await)
            }
            ([], Some((name, _))) => Err(self.damaged(name, &[]).await),
            ([], None) => Err(StoreError::NotFound(id)),
        }
    }

    /// What is wrong with a file, which `others` share the id of.
    async fn damaged(&self, file_name: &str, others: &[&str]) -> StoreError {
        let loaded = self.load(file_name.to_owned()).await.map(|loaded| loaded.outcome);
        StoreError::Damaged(match loaded {
            Ok(Ok(stored)) if !others.is_empty() => twin(*stored, others),
            Ok(Err((bad, _))) => bad,
            _ => BadFile { file_name: file_name.to_owned(), text: None, problems: Vec::new() },
        })
    }

    /// The record as its file says now, not as the index remembers.
    async fn current(&self, id: Uuid) -> Result<Stored, StoreError> {
        for anyway in [false, true] {
            match anyway {
                false => self.mirror.refresh().await?,
                true => self.mirror.look(None).await?,
            }
            let located = self.locate(id).await;
            if !anyway && located.is_err() {
                continue;
            }
            if let Ok(Loaded { outcome: Ok(stored), .. }) = self.load(located?).await
                && stored.id == id
            {
                return Ok(*stored);
            }
        }
        Err(StoreError::NotFound(id))
    }

    /// What is known now, and what of it a filter's words find.
    async fn found(&self, filter: &Filter) -> Result<Arc<Found>, StoreError> {
        self.mirror.refresh().await?;
        Ok(match Search::of(filter.q.as_deref()) {
            Search::All => Arc::new(Found::All),
            Search::Title(part) => Arc::new(Found::Title(part)),
            Search::Words(words) => self.mirror.search(words).await?,
        })
    }

    fn with_links(&self, mut stored: Stored) -> Stored {
        stored.superseded_by = self.mirror.memory().superseded_by(stored.id);
        stored
    }

    /// When a record's file was last written; its creation when the file system does not say.
    async fn modified(&self, stored: &Stored) -> Timestamp {
        let path = self.mirror.folder.join(&stored.file_name);
        blocking(move || Ok(files::modified(&path)))
            .await
            .ok()
            .flatten()
            .unwrap_or(stored.record.created)
    }

    /// Keeps texts among those that can be looked at later.
    async fn keep(&self, all: &[&Stored]) {
        let mut texts = Vec::with_capacity(all.len());
        for stored in all {
            let Stored { id, hash, text, .. } = stored;
            texts.push(Text { id: *id, hash, text, at: self.modified(stored).await });
        }
        self.mirror.seen.keep(&texts).await;
    }

    /// A record that may be kept: its text says this id, and nothing here has that yet.
    fn fresh(&self, new: &NewRecord) -> Result<(), StoreError> {
        self.check(new.id, &new.text)?;
        match self.mirror.memory().files_of(new.id).into_iter().next() {
            Some((file_name, _)) => Err(StoreError::IdTaken(file_name)),
            None => Ok(()),
        }
    }

    /// Runs one write with every other writer held off. It runs to its end even when the caller
    /// stops waiting.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mirror) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let alone = Arc::clone(&self.writing).lock_owned().await;
        let mirror = Arc::clone(&self.mirror);
        let folder = self.mirror.folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            let _lock = files::lock(&mirror.folder)
                .map_err(|source| StoreError::unwritable(&mirror.folder, source))?;
            work(&mirror)
        });
        written.await.map_err(|error| StoreError::unwritable(&folder, io::Error::other(error)))?
    }

    fn check(&self, id: Uuid, text: &str) -> Result<Record, StoreError> {
        let record = Record::parse(text, &self.mirror.model)
            .map_err(|problems| StoreError::Invalid { problems })?
            .record;
        if record.id == id {
            return Ok(record);
        }
        let problem = Problem {
            field: "id".to_owned(),
            span: None,
            message: format!("the text has the id {}, not {id}", record.id),
            help: format!("write id = \"{id}\""),
        };
        Err(StoreError::Invalid { problems: vec![problem] })
    }
}

#[async_trait]
impl Store for FolderStore {
    async fn list(&self, filter: &Filter) -> Result<Page, StoreError> {
        let found = self.found(filter).await?;
        Ok(self.mirror.memory().list(filter, &found))
    }

    async fn each(
        &self,
        filter: &Filter,
        visit: &mut (dyn for<'a> FnMut(&'a Arc<Summary>) + Send),
    ) -> Result<(), StoreError> {
        let found = self.found(filter).await?;
        self.mirror.memory().each(filter, &found, visit);
        Ok(())
    }

    async fn runs(&self) -> Result<Vec<Arc<str>>, StoreError> {
        self.mirror.refresh().await?;
        Ok(self.mirror.memory().runs())
    }

    async fn get(&self, id: Uuid) -> Result<Stored, StoreError> {
        Ok(self.with_links(self.current(id).await?))
    }

    async fn read(&self, ids: &[Uuid]) -> Result<Vec<Stored>, StoreError> {
        self.mirror.refresh().await?;
        let mut names = Vec::with_capacity(ids.len());
        for id in ids {
            names.extend(self.locate(*id).await.ok());
        }
        let (folder, model) = (self.mirror.folder.clone(), Arc::clone(&self.mirror.model));
        let read = blocking(move || {
            let load = |name: String| files::load(&folder, &name, &model).ok()?.outcome.ok();
            Ok(files::in_parts(names, load))
        });
        let read = read.await.map_err(|source| StoreError::unreadable(&self.mirror.folder, source));
        Ok(read?.into_iter().map(|stored| self.with_links(*stored)).collect())
    }

    async fn kept(&self) -> Result<Vec<Kept>, StoreError> {
        self.mirror.refresh().await?;
        Ok(self.mirror.memory().kept())
    }

    async fn create(&self, name: &str, id: Uuid, text: String) -> Result<Stored, StoreError> {
        let new = NewRecord { name: name.to_owned(), id, text };
        self.create_all(vec![new]).await?.pop().unwrap_or(Err(StoreError::NotFound(id)))
    }

    async fn create_all(
        &self,
        new: Vec<NewRecord>,
    ) -> Result<Vec<Result<Stored, StoreError>>, StoreError> {
        self.mirror.settled().await;
        self.mirror.refresh().await?;
        let mut ids = HashSet::new();
        let (mut fresh, mut outcomes) = (Vec::new(), Vec::new());
        for new in new {
            let twice = !ids.insert(new.id);
            let outcome =
                if twice { Err(StoreError::IdTaken(new.name.clone())) } else { self.fresh(&new) };
            outcomes.push(outcome.map(|()| new.id));
            if matches!(outcomes.last(), Some(Ok(_))) {
                fresh.push(new);
            }
        }
        if !fresh.is_empty() {
            let made = self.write(move |mirror| {
                files::create_all(&mirror.folder, &fresh)
                    .map_err(|source| StoreError::unwritable(&mirror.folder, source))
            });
            self.mirror.look(Some(made.await?)).await?;
        }
        let made: Vec<Uuid> = outcomes.iter().flatten().copied().collect();
        let made = self.read(&made).await?;
        self.keep(&made.iter().collect::<Vec<_>>()).await;
        let mut made: HashMap<Uuid, Stored> = made.into_iter().map(|it| (it.id, it)).collect();
        let mut stored = |id| made.remove(&id).ok_or(StoreError::NotFound(id));
        Ok(outcomes.into_iter().map(|outcome| outcome.and_then(&mut stored)).collect())
    }

    async fn update(
        &self,
        id: Uuid,
        expected_hash: &str,
        text: String,
    ) -> Result<Stored, StoreError> {
        let new = self.check(id, &text)?;
        let before = self.current(id).await?;
        let file_name = before.file_name.clone();
        let at = self.modified(&before).await;
        let expected = expected_hash.to_owned();
        let conflict = self
            .write(move |mirror| {
                let unreadable =
                    |source| StoreError::unreadable(&mirror.folder.join(&file_name), source);
                let loaded = files::load(&mirror.folder, &file_name, &mirror.model);
                let theirs = match loaded.map_err(unreadable)?.outcome {
                    Ok(stored) => stored,
                    Err((bad, _)) => return Err(StoreError::Damaged(bad)),
                };
                if theirs.hash != expected {
                    return Ok(Some((theirs, text)));
                }
                let problems = check_revision(&theirs.record, &new);
                if !problems.is_empty() {
                    return Err(StoreError::Invalid { problems });
                }
                if theirs.text != text {
                    files::replace(&mirror.folder, &file_name, &text).map_err(|source| {
                        StoreError::unwritable(&mirror.folder.join(&file_name), source)
                    })?;
                }
                Ok(None)
            })
            .await?;
        match conflict {
            None => {
                self.mirror.look(Some(vec![before.file_name.clone()])).await?;
                let stored = self.get(id).await?;
                if before.hash == expected_hash {
                    let Stored { hash, text, .. } = &before;
                    self.mirror.seen.keep(&[Text { id, hash, text, at }]).await;
                }
                self.keep(&[&stored]).await;
                Ok(stored)
            }
            Some((theirs, yours)) => {
                let theirs = Box::new(self.with_links(*theirs));
                Err(StoreError::Conflict { theirs, yours })
            }
        }
    }

    async fn revisions(&self, id: Uuid) -> Result<Revisions, StoreError> {
        let stored = self.current(id).await?;
        let at = self.modified(&stored).await;
        let now = Revision { hash: stored.hash, text: stored.text, at, commit: None };
        let seen = self.mirror.seen.of(id).await.unwrap_or_else(|error| {
            tracing::warn!(%error, %id, "the texts kept cannot be read");
            Vec::new()
        });
        let (folder, file_name) = (self.mirror.folder.clone(), stored.file_name);
        let asked = blocking(move || Ok(git::revisions(&folder, &file_name))).await;
        let git = asked.unwrap_or_else(|error| git::Known::Failed(error.to_string()));
        let known = revisions::known(&seen, &git);
        let committed = match git {
            git::Known::Commits(list) => list,
            git::Known::NoWorkTree | git::Known::Failed(_) => Vec::new(),
        };
        Ok(Revisions { list: revisions::merged(now, seen, &committed), known })
    }

    async fn bad_files(&self) -> Result<Vec<BadFile>, StoreError> {
        self.mirror.refresh().await?;
        let (bad, twins) = {
            let memory = self.mirror.memory();
            (memory.bad_files(), memory.twins())
        };
        let mut files = Vec::new();
        for name in bad {
            if let Ok(Err((bad, _))) = self.load(name).await.map(|loaded| loaded.outcome) {
                files.push(bad);
            }
        }
        for names in twins {
            for name in &names {
                let others: Vec<&str> =
                    names.iter().filter(|other| *other != name).map(String::as_str).collect();
                if let Ok(Ok(stored)) = self.load(name.clone()).await.map(|loaded| loaded.outcome) {
                    files.push(twin(*stored, &others));
                }
            }
        }
        files.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        Ok(files)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.mirror.refresh().await?;
        self.reading().map_or(Ok(()), |reading| Err(StoreError::StillReading(reading)))
    }

    fn reading(&self) -> Option<Reading> {
        self.mirror.reading()
    }

    async fn settled(&self) -> Result<(), StoreError> {
        self.mirror.settled().await;
        self.mirror.refresh().await
    }
}

/// A record whose id other files have as well: nobody can tell which of them is meant.
fn twin(stored: Stored, others: &[&str]) -> BadFile {
    let id = stored.id.to_string();
    let problem = Problem {
        field: "id".to_owned(),
        span: stored.text.find(&id).map(|at| at..at + id.len()),
        message: format!("this id is also in {}", others.join(", ")),
        help: "give one of them a new id, or delete the copy".to_owned(),
    };
    BadFile { file_name: stored.file_name, text: Some(stored.text), problems: vec![problem] }
}
