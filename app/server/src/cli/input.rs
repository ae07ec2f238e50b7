//! Reading the files that people name, with a limit and plain words for every fault.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::Failure;

/// The largest file read: the same as the largest request.
const FILE_BYTES_MAX: u64 = crate::http::BODY_BYTES_MAX as u64;

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    if path.as_os_str() == "-" {
        return read_text(io::stdin().lock(), "standard input");
    }
    read_file(path)
}

/// Reads a file.
pub(super) fn read_file(path: &Path) -> Result<String, Failure> {
    let name = path.display().to_string();
    if path.is_dir() {
        return Err(Failure::CannotRun(format!("{name} is a folder; name a file")));
    }
    let file = File::open(path)
        .map_err(|error| Failure::CannotRun(format!("{name} cannot be read: {error}")))?;
    read_text(file, &name)
}

/// The `.toml` files of a folder that are not hidden, in the order of their names.
pub(super) fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = folder.display();
    if folder.is_file() {
        return Err(Failure::CannotRun(format!(
            "{name} is a file; name the folder that holds it, whose .toml files are read"
        )));
    }
    if !folder.exists() {
        let why = format!("the folder {name} cannot be read: there is none of that name");
        return Err(Failure::CannotRun(why));
    }
    let cannot =
        |error: io::Error| Failure::CannotRun(format!("the folder {name} cannot be read: {error}"));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|ending| ending == "toml") && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The file of the record of this number or id, as far as the folder can be read.
pub(super) fn record_file(folder: &Path, wanted: &str) -> Option<PathBuf> {
    let number = wanted.parse().ok();
    let id = format!("id = \"{}\"", wanted.to_ascii_lowercase());
    let is_meant = |path: &PathBuf| {
        number.is_some_and(|number| record_number(path) == Some(number))
            || Uuid::try_parse(wanted).is_ok()
                && read_file(path).is_ok_and(|text| text.lines().any(|line| line.starts_with(&id)))
    };
    toml_files(folder).ok()?.into_iter().find(is_meant)
}

/// The number in the name of a record's file, `NNNN-slug.toml`.
pub(super) fn record_number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}

fn read_text(source: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    source
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::CannotRun(format!("{name} cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let limit = FILE_BYTES_MAX / 1024;
        return Err(Failure::Input(format!("{name} is larger than {limit} KiB")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::Input(format!("{name} is not UTF-8 text: line {line} holds other bytes"))
    })
}
