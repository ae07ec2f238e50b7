//! Earlier texts from git, when the folder is in a work tree.

use std::{
    io::{self, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use assay_records::{MAX_RECORD_BYTES, content_hash};
use jiff::Timestamp;

use crate::{Commit, MAX_REVISIONS, Revision};

/// The most bytes of earlier texts that are read of one record.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What git knows of a file.
pub(crate) enum Known {
    /// Its committed texts, the newest first.
    Commits(Vec<Revision>),
    /// The folder is in no work tree, or there is no git here.
    NoWorkTree,
    /// git is there and could not answer; why.
    Failed(String),
}

/// Asks git for the committed texts of a file, through renames.
pub(crate) fn revisions(folder: &Path, file_name: &str) -> Known {
    match run(folder, &["rev-parse", "--is-inside-work-tree"], "") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Known::NoWorkTree,
        Err(error) => return Known::Failed(error.to_string()),
        Ok(Err(said)) if said.contains("not a git repository") => return Known::NoWorkTree,
        Ok(Err(said)) => return Known::Failed(said),
        Ok(Ok(_)) => {}
    }
    let most = format!("--max-count={MAX_REVISIONS}");
    let format = "--format=%x00%H%x1f%aI%x1f%an";
    let log = ["log", "--follow", &most, format, "--name-only", "--", file_name];
    let log = match run(folder, &log, "") {
        Err(error) => return Known::Failed(error.to_string()),
        // A work tree without any commit yet.
        Ok(Err(said)) if said.contains("does not have any commits") => Vec::new(),
        Ok(Err(said)) => return Known::Failed(said),
        Ok(Ok(log)) => log,
    };
    let log = String::from_utf8_lossy(&log).into_owned();
    let entries: Vec<Entry<'_>> = log.split('\0').filter_map(Entry::read).collect();
    let wanted: String =
        entries.iter().map(|entry| format!("{}:{}\n", entry.id, entry.path)).collect();
    match run(folder, &["cat-file", "--batch"], &wanted) {
        Err(error) => Known::Failed(error.to_string()),
        Ok(Err(said)) => Known::Failed(said),
        Ok(Ok(blobs)) => Known::Commits(texts(&entries, &blobs)),
    }
}

/// A commit that touched the file, and what the file was called then, from the top of the tree.
struct Entry<'a> {
    id: &'a str,
    at: Timestamp,
    author: &'a str,
    path: &'a str,
}

impl<'a> Entry<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        let mut fields = lines.next()?.split('\x1f');
        let (id, at, author) = (fields.next()?, fields.next()?, fields.next()?);
        let path = lines.find(|line| !line.is_empty())?;
        Some(Self { id, at: at.parse().ok()?, author, path })
    }
}

/// The texts in the answer of `cat-file --batch`, which answers in the order of the questions.
fn texts(entries: &[Entry<'_>], mut blobs: &[u8]) -> Vec<Revision> {
    let mut list = Vec::new();
    for entry in entries {
        let Some(end) = blobs.iter().position(|byte| *byte == b'\n') else { break };
        let (head, rest) = blobs.split_at(end);
        blobs = rest.get(1..).unwrap_or_default();
        let head = String::from_utf8_lossy(head).into_owned();
        let Some((_, size)) = head.rsplit_once(" blob ") else { continue };
        let size: usize = size.parse().unwrap_or(usize::MAX);
        let Some((text, rest)) = blobs.split_at_checked(size) else { break };
        blobs = rest.get(1..).unwrap_or_default();
        if let Ok(text) = str::from_utf8(text)
            && text.len() <= MAX_RECORD_BYTES
        {
            list.push(Revision {
                hash: content_hash(text),
                text: text.to_owned(),
                at: entry.at,
                commit: Some(Commit { id: entry.id.to_owned(), author: entry.author.to_owned() }),
            });
        }
    }
    list
}

/// What git prints, or what it says when it fails. Nothing configured in the folder is run, and
/// nothing is fetched or asked.
fn run(folder: &Path, arguments: &[&str], input: &str) -> io::Result<Result<Vec<u8>, String>> {
    let mut child = Command::new("git")
        .args(["--no-pager", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false"])
        .args(["-c", "core.quotePath=false", "-C"])
        .arg(folder)
        .args(arguments)
        // A hook that calls us would point git at its own repository and index.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // The questions fit into the pipe, so that writing them all first cannot block.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let mut out = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_BYTES as u64).read_to_end(&mut out)?;
    }
    let ended = child.wait_with_output()?;
    if ended.status.success() || out.len() == MAX_BYTES {
        return Ok(Ok(out));
    }
    Ok(Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned()))
}
