//! Loading the data folder.

use crate::store::block::Fault;
use crate::store::dictionary::{Dictionary, Full};
use crate::store::file::{self, HEADER_BYTES, Kind};
use crate::store::part::Part;
use crate::store::state::State;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Segments that are read at once; their files and rows are both in memory meanwhile.
const READ_AT_ONCE: usize = 4;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// What was being used.
        path: PathBuf,
        /// What the disk said.
        error: io::Error,
    },
    /// Another process has it.
    #[error("{} is in use", .0.display())]
    InUse(PathBuf),
    /// A file is damaged.
    #[error("{}: {fault}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: Fault,
    },
    /// A file has more strings or tag names than there may be.
    #[error("{}: more strings or tag names than the store may have", .0.display())]
    TooMany(PathBuf),
}

impl OpenError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::Io { path: path.to_owned(), error }
    }
}

/// The newest log, open for writing at its end.
#[derive(Debug)]
pub struct OpenLog {
    /// The file.
    pub file: File,
    /// Its number.
    pub number: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its events.
    pub events: u64,
}

/// A loaded folder.
#[derive(Debug)]
pub struct Opened {
    /// Holds the folder's lock.
    pub lock: File,
    /// The newest log.
    pub log: OpenLog,
    /// What is held.
    pub state: State,
    /// The strings.
    pub dictionary: Dictionary,
    /// The number of the next log.
    pub next_number: u64,
    /// What was cut from the newest log.
    pub cut: Option<Cut>,
}

/// A torn tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How much was cut.
    pub bytes: u64,
    /// Where.
    pub at: u64,
    /// The log.
    pub path: PathBuf,
}

/// Loads a folder, which is made if it is missing.
///
/// # Errors
/// When it cannot be used; nothing has been changed then but what a crash had left unfinished.
pub fn open(folder: &Path) -> Result<Opened, OpenError> {
    fs::create_dir_all(folder).map_err(OpenError::io(folder))?;
    let lock = lock(folder)?;
    let files = list(folder)?;
    let mut loaded = Loaded::default();
    let newest_log = files.iter().rev().find(|(_, kind)| **kind == Kind::Log).map(|(it, _)| *it);
    let files: Vec<(u64, Kind)> = files.into_iter().collect();
    for some in files.chunks(READ_AT_ONCE) {
        let contents: Vec<_> = some
            .par_iter()
            .map(|&(number, kind)| read(folder, kind, number, newest_log == Some(number)))
            .collect();
        for (&(number, kind), contents) in some.iter().zip(contents) {
            let path = file::path(folder, kind, number);
            loaded.add(&path, number, kind, contents?)?;
        }
    }
    let mut next_number = files.last().map_or(1, |(number, _)| *number + 1);
    let log = match loaded.newest {
        Some(log) => log,
        None => {
            next_number += 1;
            create_log(folder, next_number - 1)?
        }
    };
    Ok(Opened {
        lock,
        log,
        state: loaded.state,
        dictionary: loaded.dictionary,
        cut: loaded.cut,
        next_number,
    })
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let lock = lock.map_err(OpenError::io(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
    }
}

/// The files by their numbers; deletes what a crash had left unfinished.
fn list(folder: &Path) -> Result<BTreeMap<u64, Kind>, OpenError> {
    let mut files = BTreeMap::new();
    let mut unneeded = Vec::new();
    for entry in fs::read_dir(folder).map_err(OpenError::io(folder))? {
        let name = entry.map_err(OpenError::io(folder))?.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        if name.ends_with(".tmp") {
            unneeded.push(folder.join(name));
        }
        let Some((kind, number)) = file::parse_name(name) else {
            continue;
        };
        // Where a log and its segment are both there, the segment has all of it.
        if kind == Kind::Segment || !files.contains_key(&number) {
            if files.insert(number, kind).is_some() {
                unneeded.push(file::path(folder, Kind::Log, number));
            }
        } else {
            unneeded.push(file::path(folder, Kind::Log, number));
        }
    }
    for path in unneeded {
        fs::remove_file(&path).map_err(OpenError::io(&path))?;
    }
    Ok(files)
}

fn read(
    folder: &Path,
    kind: Kind,
    number: u64,
    is_newest_log: bool,
) -> Result<file::Contents, OpenError> {
    let path = file::path(folder, kind, number);
    let bytes = file::read_bytes(&path).map_err(OpenError::io(&path))?;
    file::read(&bytes, kind, number, is_newest_log)
        .map_err(|fault| OpenError::Damaged { path, fault })
}

#[derive(Default)]
struct Loaded {
    state: State,
    dictionary: Dictionary,
    newest: Option<OpenLog>,
    cut: Option<Cut>,
}

impl Loaded {
    fn add(
        &mut self,
        path: &Path,
        number: u64,
        kind: Kind,
        contents: file::Contents,
    ) -> Result<(), OpenError> {
        let events = contents.blocks.iter().map(|(batch, _)| batch.rows() as u64).sum();
        let (good, torn) = (contents.good_bytes, contents.torn_bytes);
        let mut parts = Vec::with_capacity(contents.blocks.len());
        let mut ids = Vec::new();
        for (batch, batch_ids) in contents.blocks {
            let numbers = self.dictionary.intern(&batch, u64::MAX);
            let numbers = numbers.map_err(|_: Full| OpenError::TooMany(path.to_owned()))?;
            parts.push(Part::of_batch(&batch, &numbers.keys, &numbers.tags));
            ids.extend(batch_ids);
        }
        let held = self.state.files.entry(number).or_default();
        held.is_segment = kind == Kind::Segment;
        self.state.events += events;
        for id in &ids {
            self.state.batches.add(id, number);
        }
        if kind == Kind::Log {
            held.ids = ids;
            // Queries would rather not go through thousands of small parts.
            parts = vec![Part::merge(&parts.iter().collect::<Vec<_>>())];
        }
        held.parts = parts.into_iter().filter(|part| part.rows() > 0).map(Arc::new).collect();
        if kind == Kind::Log {
            let is_newest = self.newest.as_ref().is_none_or(|log| log.number < number);
            if is_newest {
                self.newest = Some(reopen_log(path, number, good, torn, events)?);
                let cut = Cut { bytes: torn, at: good, path: path.to_owned() };
                self.cut = (torn > 0).then_some(cut);
            }
        }
        Ok(())
    }
}

fn reopen_log(
    path: &Path,
    number: u64,
    good: u64,
    torn: u64,
    events: u64,
) -> Result<OpenLog, OpenError> {
    let mut log = OpenLog { file: open_log_file(path)?, number, bytes: good, events };
    if torn > 0 || good == 0 {
        let mend = |log: &mut OpenLog| {
            log.file.set_len(good)?;
            if good == 0 {
                log.file.write_all(&file::header(Kind::Log, number))?;
                log.bytes = HEADER_BYTES;
            }
            log.file.sync_all()
        };
        mend(&mut log).map_err(OpenError::io(path))?;
    }
    log.file.seek(SeekFrom::Start(log.bytes)).map_err(OpenError::io(path))?;
    Ok(log)
}

fn open_log_file(path: &Path) -> Result<File, OpenError> {
    OpenOptions::new().read(true).write(true).open(path).map_err(OpenError::io(path))
}

/// Makes a new log, durably.
///
/// # Errors
/// When the disk says no; then there is no such file.
pub fn create_log(folder: &Path, number: u64) -> Result<OpenLog, OpenError> {
    let path = file::path(folder, Kind::Log, number);
    let create = || {
        let mut file = OpenOptions::new().create_new(true).read(true).write(true).open(&path)?;
        file.write_all(&file::header(Kind::Log, number))?;
        file.sync_all()?;
        file::sync_folder(folder)?;
        Ok(file)
    };
    match create() {
        Ok(file) => Ok(OpenLog { file, number, bytes: HEADER_BYTES, events: 0 }),
        Err(error) => {
            // Whatever is left of it would be taken for the newest log.
            let _ = fs::remove_file(&path);
            Err(OpenError::Io { path, error })
        }
    }
}
