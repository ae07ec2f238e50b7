//! The folder's files: which are records, what they say, and how they are written.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry, File, Metadata},
    io::{self, Read as _, Write as _},
    num::NonZero,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    panic::resume_unwind,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use assay_records::advice::{Model, Problem};
use assay_records::{
    MAX_RECORD_BYTES, Parsed, Record, content_hash, json_schema, name_parts, number_of,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::{Builder, NamedTempFile};
use uuid::Uuid;

use crate::{BadFile, Facts, NewRecord, Stored};

/// Unfinished writes carry this prefix; what is left of them after a crash is no record.
const UNFINISHED: &str = ".assay-";
/// The schema that a new record's first line names.
const SCHEMA_FILE: &str = "record.schema.json";
/// A file changed more recently than this may change again without its times telling.
const SETTLED_AFTER: Duration = Duration::from_millis(50);
/// How far into a broken text its id is looked for, in lines.
const ID_WITHIN_LINES: usize = 50;
/// The things that a thread takes at a time; fewer are not worth a thread of their own.
const PART: usize = 64;
/// The entries of a folder held at once while it is gone through.
const ENTRIES: usize = 4096;
/// The files written at once are waited for by so many threads.
const SYNCING_THREADS: usize = 16;

/// What a file was when it was read: times of its content and of its entry in ns, size and inode.
/// All nothing while it is too fresh to trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp(i64, i64, u64, u64);

impl Stamp {
    /// Whether a file that still has this stamp is still the same.
    pub(crate) fn tells(self) -> bool {
        self != Self::default()
    }
}

/// A file of the folder as read.
pub(crate) struct Loaded {
    pub(crate) file_name: String,
    pub(crate) stamp: Stamp,
    /// When it was last written, as far as the file system says.
    pub(crate) modified: Option<Timestamp>,
    /// The record, or what is wrong with it and the id it seems to have.
    pub(crate) outcome: Result<Box<Stored>, (BadFile, Option<Uuid>)>,
    /// What is counted of the record; nothing of a file that is none.
    pub(crate) facts: Facts,
}

pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    if age.is_none_or(|age| age < SETTLED_AFTER) {
        return Stamp::default();
    }
    let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
    Stamp(
        ns(metadata.mtime(), metadata.mtime_nsec()),
        ns(metadata.ctime(), metadata.ctime_nsec()),
        metadata.size(),
        metadata.ino(),
    )
}

/// When a file was last written.
pub(crate) fn modified(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok()
}

/// Whether a file of this name claims to be a record. Hidden files claim nothing.
pub(crate) fn claims(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(".toml")
}

/// Every file that claims to be a record, with its stamp.
pub(crate) fn scan(folder: &Path) -> io::Result<Vec<(String, Stamp)>> {
    let mut entries = fs::read_dir(folder)?;
    let mut found = Vec::new();
    loop {
        let part = entries.by_ref().take(ENTRIES).collect::<io::Result<Vec<DirEntry>>>()?;
        if part.is_empty() {
            return Ok(found);
        }
        found.extend(in_parts(part, |entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            // A file that vanishes meanwhile is found missing by the next scan.
            let metadata = claims(&name).then(|| entry.metadata().ok()).flatten()?;
            Some((name, stamp(&metadata)))
        }));
    }
}

/// The stamp of one file; none when it is not there.
pub(crate) fn stamp_of(folder: &Path, name: &str) -> Option<Stamp> {
    fs::symlink_metadata(folder.join(name)).ok().map(|metadata| stamp(&metadata))
}

/// A file's name, if nothing has it.
pub(crate) fn is_gone(folder: &Path, name: String) -> Option<String> {
    fs::symlink_metadata(folder.join(&name)).is_err().then_some(name)
}

/// Does the same with many things on every processor; keeps their order. Each thread takes a small
/// part at a time, so that none waits long for another whose processor does something else as well.
pub(crate) fn in_parts<T: Send, U: Send>(
    all: Vec<T>,
    work: impl Fn(T) -> Option<U> + Sync,
) -> Vec<U> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(all.len().div_ceil(PART)).max(1);
    let parts = Mutex::new((0_usize, all.into_iter()));
    let done = Mutex::new(Vec::new());
    let next = || {
        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.0 += 1;
        let part: Vec<T> = parts.1.by_ref().take(PART).collect();
        (!part.is_empty()).then_some((parts.0, part))
    };
    let some = || {
        while let Some((place, part)) = next() {
            let part: Vec<U> = part.into_iter().filter_map(&work).collect();
            done.lock().unwrap_or_else(PoisonError::into_inner).push((place, part));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(some);
        }
        some();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, part)| part).collect()
}

/// Reads one file. Only its absence is an error: everything else is a finding about the file.
pub(crate) fn load(folder: &Path, file_name: &str, model: &Model) -> io::Result<Loaded> {
    let path = folder.join(file_name);
    let metadata = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        other => other,
    };
    let stamp = metadata.as_ref().map(stamp).unwrap_or_default();
    let modified = metadata.as_ref().ok().and_then(|metadata| metadata.modified().ok());
    let modified = modified.and_then(|moment| Timestamp::try_from(moment).ok());
    let bad = |text: Option<String>, id, problems| {
        let bad = BadFile { file_name: file_name.to_owned(), text, problems };
        Err((bad, id))
    };
    let outcome =
        match metadata.map_err(|error| unreadable(&error)).and_then(|m| text_of(&path, &m)) {
            Err(problem) => bad(None, None, vec![problem]),
            Ok(text) => match (number_of(file_name), Record::parse(&text, model)) {
                (_, Err(problems)) => {
                    let id = seeming_id(&text);
                    bad(Some(text), id, problems)
                }
                (None, Ok(parsed)) => {
                    let problem = wrong_name();
                    bad(Some(text), Some(parsed.record.id), vec![problem])
                }
                (Some(number), Ok(parsed)) => Ok(Box::new(stored(number, file_name, text, parsed))),
            },
        };
    let record = outcome.as_ref().ok().map(|stored| &stored.record);
    let facts = record.map(|record| Facts::of(record, model)).unwrap_or_default();
    Ok(Loaded { file_name: file_name.to_owned(), stamp, modified, outcome, facts })
}

/// A text that was read, as it is kept.
pub(crate) fn stored(number: u32, file_name: &str, text: String, parsed: Parsed) -> Stored {
    Stored {
        id: parsed.record.id,
        number,
        file_name: file_name.to_owned(),
        hash: content_hash(&text),
        text,
        record: parsed.record,
        warnings: parsed.warnings,
        superseded_by: Vec::new(),
    }
}

fn text_of(path: &Path, metadata: &Metadata) -> Result<String, Problem> {
    if metadata.is_symlink() {
        return Err(problem("this is a symbolic link", "put the file itself here"));
    }
    // Anything but a file, a named pipe for one, might never finish reading.
    if !metadata.is_file() {
        return Err(problem("this is not a file", "give it another name"));
    }
    let limit = MAX_RECORD_BYTES as u64 + 1;
    // With room for the end, one call reads it all.
    let room = metadata.len().min(limit).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_RECORD_BYTES {
        let message = format!(
            "the file has {} bytes; a record has at most {MAX_RECORD_BYTES}",
            metadata.len().max(limit)
        );
        return Err(problem(message, "move what is long elsewhere and link to it"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column =
            String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count();
        let message = format!("line {line}, column {}: this is not UTF-8 text", column + 1);
        problem(message, "save the file as UTF-8")
    })
}

fn problem(message: impl Into<String>, help: &str) -> Problem {
    Problem { field: String::new(), span: None, message: message.into(), help: help.to_owned() }
}

fn unreadable(error: &io::Error) -> Problem {
    problem(format!("the file cannot be read: {error}"), "check the file's name and permissions")
}

fn wrong_name() -> Problem {
    let help = "name it like 0007-language-for-the-gateway.toml";
    Problem { field: "file name".to_owned(), ..problem("this is not a record's file name", help) }
}

/// The id of a text that is no record, so that its readers can be told why.
fn seeming_id(text: &str) -> Option<Uuid> {
    text.lines().take(ID_WITHIN_LINES).find_map(|line| {
        let value = line.strip_prefix("id")?.trim_start().strip_prefix('=')?;
        Uuid::try_parse(value.trim_start().get(1..37)?).ok()
    })
}

/// Holds off every other writer of the folder, in this process and others, until dropped.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let directory = File::open(folder)?;
    directory.lock()?;
    Ok(directory)
}

/// Keeps new texts, each under the next number or under the name that it had elsewhere while its number
/// is free; the caller holds the lock. They are all on disk before the first gets its name.
pub(crate) fn create_all(folder: &Path, new: &[NewRecord]) -> io::Result<Vec<String>> {
    let mut numbers = clear_unfinished(folder)?;
    let write = |new: &NewRecord| written(folder, 0o666, new.text.as_bytes());
    let files = new.iter().map(write).collect::<io::Result<Vec<NamedTempFile>>>()?;
    sync(&files)?;
    let named = files.into_iter().zip(new).map(|(file, new)| name(folder, file, new, &mut numbers));
    let names = named.collect::<io::Result<Vec<String>>>()?;
    keep_schema(folder);
    File::open(folder)?.sync_all()?;
    Ok(names)
}

/// Waits until files are on disk. The file system gathers what several ask for at once, so that many
/// files take little longer than a few.
fn sync(files: &[NamedTempFile]) -> io::Result<()> {
    let sync = |part: &[NamedTempFile]| part.iter().try_for_each(|file| file.as_file().sync_all());
    thread::scope(|scope| {
        let parts = files.chunks(files.len().div_ceil(SYNCING_THREADS).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || sync(part))).collect();
        parts.into_iter().try_for_each(|part| part.join().unwrap_or_else(|it| resume_unwind(it)))
    })
}

/// Gives a file its name, and adds its number to those there are.
fn name(
    folder: &Path,
    mut file: NamedTempFile,
    new: &NewRecord,
    numbers: &mut BTreeSet<u32>,
) -> io::Result<String> {
    let known = name_parts(&new.name);
    let title = known.map_or(new.name.as_str(), |(_, readable)| readable);
    let mut wanted = known.filter(|(number, _)| !numbers.contains(number));
    loop {
        let (number, file_name) = match wanted.take() {
            Some((number, _)) => (number, new.name.clone()),
            None => {
                let next = numbers.last().map_or(1, |last| last.saturating_add(1));
                (next, assay_records::file_name(next, title))
            }
        };
        numbers.insert(number);
        // Something that does not lock may have made a file of this name: it is never replaced.
        match file.persist_noclobber(folder.join(&file_name)) {
            Ok(_) => return Ok(file_name),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
}

/// Replaces a file's text; the caller holds the lock.
pub(crate) fn replace(folder: &Path, file_name: &str, text: &str) -> io::Result<()> {
    let path = folder.join(file_name);
    let mode = fs::metadata(&path)?.permissions().mode();
    let file = unfinished(folder, mode, text.as_bytes())?;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(mode))?;
    file.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// A file with the bytes safely on disk, to be given its name.
fn unfinished(folder: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let file = written(folder, mode, bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A file with the bytes, on their way to the disk.
fn written(folder: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = Builder::new()
        .prefix(UNFINISHED)
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Removes what crashed writers left, since nobody else is writing under the lock; gives the numbers
/// that there are.
fn clear_unfinished(folder: &Path) -> io::Result<BTreeSet<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        numbers.extend(number_of(&name));
        if name.starts_with(UNFINISHED) && name.ends_with(".tmp") {
            // A leftover that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(numbers.into_iter().collect())
}

/// Puts the schema beside the records unless something of its name is there. A record is whole
/// without it, so that a failure is no error.
fn keep_schema(folder: &Path) {
    let path = folder.join(SCHEMA_FILE);
    if path.exists() {
        return;
    }
    let text = format!("{:#}\n", json_schema());
    if let Ok(file) = unfinished(folder, 0o666, text.as_bytes()) {
        let _ = file.persist_noclobber(path);
    }
}
