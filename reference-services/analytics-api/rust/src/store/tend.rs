//! What is done in the background: merging, sealing, deleting.

use crate::store::file::{self, Kind};
use crate::store::part::Part;
use crate::store::{Shared, block};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often to look when nothing happens: for what is too old, and for room on the disk.
pub(super) const PERIOD: Duration = Duration::from_secs(2);
/// So many parts of about the same size are merged.
const MERGE_PARTS: usize = 8;

/// Tends the store until nobody can wake it any more.
pub(super) fn run(shared: &Shared, woken: &Receiver<()>) {
    loop {
        let ended = matches!(woken.recv_timeout(PERIOD), Err(RecvTimeoutError::Disconnected));
        if ended {
            return;
        }
        delete_old(shared);
        while merge_some(shared) {}
        for number in full_logs(shared) {
            if let Err(error) = seal(shared, number) {
                tracing::warn!(%error, number, "a log could not be made a segment");
            }
        }
    }
}

/// Deletes segments of which every event is too old, and logs that nobody writes to any more.
fn delete_old(shared: &Shared) {
    let oldest_ms = *shared.times_ms().start();
    let newest = shared.newest_log.load(Relaxed);
    let old: Vec<(u64, Kind)> = {
        let state = shared.state();
        let done = state.files.iter().filter(|(number, _)| **number != newest);
        done.filter(|(_, held)| held.parts.iter().all(|part| part.last_ms < oldest_ms))
            .map(|(number, held)| {
                (*number, if held.is_segment { Kind::Segment } else { Kind::Log })
            })
            .collect()
    };
    for (number, kind) in old {
        shared.state().remove(number);
        let path = file::path(&shared.folder, kind, number);
        if let Err(error) = fs::remove_file(&path) {
            // It comes back at the next start, and is deleted then.
            tracing::warn!(%error, "{} could not be deleted", path.display());
        }
    }
}

/// Parts of about the same size have the same class.
fn class(part: &Part) -> u32 {
    part.rows().max(1).ilog2() / MERGE_PARTS.ilog2()
}

/// Merges parts of the newest log that are of about the same size; whether there were such.
fn merge_some(shared: &Shared) -> bool {
    let newest = shared.newest_log.load(Relaxed);
    let parts = shared.state().files.get(&newest).map_or_else(Vec::new, |held| held.parts.clone());
    let classes = parts.iter().map(|part| class(part));
    let crowded = classes.min().and_then(|least| {
        (least..=u32::BITS)
            .find(|it| parts.iter().filter(|part| class(part) == *it).count() >= MERGE_PARTS)
    });
    let Some(crowded) = crowded else {
        return false;
    };
    let chosen: Vec<Arc<Part>> = parts.into_iter().filter(|part| class(part) == crowded).collect();
    let merged = Arc::new(merge(&chosen));
    if let Some(held) = shared.state().files.get_mut(&newest) {
        held.parts.retain(|part| !chosen.iter().any(|it| Arc::ptr_eq(it, part)));
        held.parts.push(merged);
    }
    true
}

fn merge(parts: &[Arc<Part>]) -> Part {
    Part::merge(&parts.iter().map(Arc::as_ref).collect::<Vec<_>>())
}

fn full_logs(shared: &Shared) -> Vec<u64> {
    let newest = shared.newest_log.load(Relaxed);
    let state = shared.state();
    let logs = state.files.iter().filter(|(number, held)| !held.is_segment && **number != newest);
    logs.map(|(number, _)| *number).collect()
}

/// Makes a full log a segment. Its rows do not change any more.
fn seal(shared: &Shared, number: u64) -> io::Result<()> {
    let (parts, ids) = {
        let state = shared.state();
        let Some(held) = state.files.get(&number) else {
            return Ok(());
        };
        (held.parts.clone(), held.ids.clone())
    };
    let merged = match parts.as_slice() {
        [one] => Arc::clone(one),
        _ => Arc::new(merge(&parts)),
    };
    if let Some(held) = shared.state().files.get_mut(&number) {
        held.parts = vec![Arc::clone(&merged)];
    }
    // The rows are there twice until here, and will be once more as bytes.
    drop(parts);
    if merged.rows() > 0 {
        let block = block::encode_part(&merged, &ids, &shared.dictionary());
        let path = file::path(&shared.folder, Kind::Segment, number);
        write_durably(&path.with_extension("tmp"), number, &block)?;
        fs::rename(path.with_extension("tmp"), &path)?;
        file::sync_folder(&shared.folder)?;
    }
    if let Some(held) = shared.state().files.get_mut(&number) {
        held.is_segment = true;
        held.ids = Vec::new();
    }
    let log = file::path(&shared.folder, Kind::Log, number);
    // If it stays, the next start deletes it.
    fs::remove_file(log)
}

fn write_durably(path: &Path, number: u64, block: &[u8]) -> io::Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(&file::header(Kind::Segment, number))?;
        file.write_all(&file::before_block(block))?;
        file.write_all(block)?;
        file.sync_all()
    };
    let written = write();
    if written.is_err() {
        // The room is needed for batches.
        let _ = fs::remove_file(path);
    }
    written
}
