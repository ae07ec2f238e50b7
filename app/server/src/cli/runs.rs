//! Finding the run that a command line names.

use std::{
    env,
    path::{Path, PathBuf},
};

use assay_evidence::Samples;
use assay_harness::find_root;

use super::Failure;
use crate::evidence::{KnownRun, Runs, read_limited, read_run};

/// The largest file of samples that is read.
const SAMPLES_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The run called `name`, or the one in the folder of that path.
pub(super) fn find(runs: &Runs, name: &str) -> Result<KnownRun, Failure> {
    if let Some(run) = runs.get(name) {
        return Ok(run.clone());
    }
    let folder = Path::new(name);
    if folder.is_dir() {
        return read_run(folder).map_err(|message| {
            Failure::Input(format!("the run {name} cannot be read: {message}"))
        });
    }
    let known: Vec<&str> = runs.runs.iter().map(|run| run.name.as_str()).collect();
    let known = match known.is_empty() {
        true => "no run is known".to_owned(),
        false => format!("known are {}", known.join(", ")),
    };
    Err(Failure::Input(format!("{name} is neither a known run nor a run folder; {known}")))
}

/// Every sample of a run. Those of a committed run are not in the program but in the source tree.
pub(super) fn samples(run: &KnownRun) -> Result<Samples, Failure> {
    let folder = run.folder.clone().or_else(|| in_source_tree(&run.name)).ok_or_else(|| {
        Failure::CannotRun(format!(
            "the samples of {} are in assay's source tree only\n\
             Run it inside a checkout of assay, or name the run's folder",
            run.name
        ))
    })?;
    let path = folder.join("samples.toml");
    let text = read_limited(&path, SAMPLES_BYTES_MAX)
        .map_err(|error| Failure::CannotRun(format!("{}: {error}", path.display())))?;
    Samples::parse(&text).map_err(|error| Failure::Input(format!("{}: {error}", folder.display())))
}

fn in_source_tree(name: &str) -> Option<PathBuf> {
    let folder = find_root(&env::current_dir().ok()?)?.join("benches/runs").join(name);
    folder.is_dir().then_some(folder)
}
