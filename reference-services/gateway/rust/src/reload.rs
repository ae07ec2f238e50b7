//! Keys that follow their file.

use crate::keys::Keys;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What tells that a file has changed without reading it.
pub(crate) type Stamp = Option<(SystemTime, u64, u64)>;

/// Keys with the file that they come from.
#[derive(Debug)]
pub struct Watched {
    file: PathBuf,
    keys: RwLock<Arc<Keys>>,
}

impl Watched {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or has no keys that can be used; in words that name it.
    pub fn open(file: &Path) -> Result<Self, String> {
        let keys = load(file)?;
        Ok(Self { file: file.to_owned(), keys: RwLock::new(Arc::new(keys)) })
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again. A faulty one is left aside.
    ///
    /// # Errors
    /// As [`Watched::open`].
    pub fn reload(&self) -> Result<(), String> {
        let keys = load(&self.file)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

pub(crate) fn stamp(file: &Path) -> Stamp {
    let about = fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len(), about.ino()))
}

fn load(file: &Path) -> Result<Keys, String> {
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read(file).map_err(|error| said(&error))?;
    Keys::parse(&text).map_err(|error| said(&error))
}

/// Reads the file again whenever it changes, and at once on each hangup; `report` hears how it went.
pub async fn watch(
    watched: &Watched,
    mut hangup: tokio::signal::unix::Signal,
    report: impl Fn(Result<(), String>),
) {
    let mut seen = stamp(&watched.file);
    loop {
        let forced = tokio::time::timeout(LOOK_PAUSE, hangup.recv()).await.is_ok();
        let now = stamp(&watched.file);
        if forced || now != seen {
            report(watched.reload());
        }
        seen = now;
    }
}
