//! The measurement runs the program knows: those committed to the repository, compiled in, those
//! started from the page, and those of `--runs`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use assay_evidence::{Environment, Plan, Samples, Summary, summarise};

/// The files of a committed run.
struct Committed {
    run: &'static str,
    summary: &'static str,
    environment: &'static str,
}

/// Every run below `benches/runs` when the program was built.
static COMMITTED: &[Committed] = include!(concat!(env!("OUT_DIR"), "/committed_runs.rs"));

/// The largest file of a run that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A run's figures and where they were taken.
#[derive(Clone, Debug)]
pub struct KnownRun {
    /// The name of its folder; with a number behind it when another run has that name.
    pub name: String,
    /// Its folder; absent for a committed run, which is compiled in.
    pub folder: Option<PathBuf>,
    /// The machine, the versions and the settings.
    pub environment: Environment,
    /// The figures.
    pub summary: Summary,
}

/// A run that could not be read: told on the evidence page, never fatal.
#[derive(Clone, Debug)]
pub struct RunFault {
    /// The run's folder or name.
    pub run: String,
    /// What is wrong.
    pub message: String,
}

/// All runs known, and all that could not be read.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// Newest first.
    pub runs: Vec<KnownRun>,
    /// Those that could not be read.
    pub faults: Vec<RunFault>,
}

impl Runs {
    /// The committed runs and those in the folders within each of `added`.
    #[must_use]
    pub fn load<'a>(added: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut runs = Self::default();
        for committed in COMMITTED {
            let read = parse(committed.run, None, committed.summary, committed.environment);
            runs.keep(committed.run.to_owned(), read);
        }
        for folder in added {
            runs.add_folder(folder);
        }
        runs.runs.sort_by(|a, b| b.summary.started.cmp(&a.summary.started));
        runs
    }

    /// The run with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&KnownRun> {
        self.runs.iter().find(|run| run.name == name)
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("the folder cannot be read: {error}");
                return self.faults.push(RunFault { run: folder.display().to_string(), message });
            }
        };
        let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
            self.keep(folder.display().to_string(), read(&folder));
        }
    }

    /// The same run read again, from another folder, takes the place of the one before; another
    /// run of the same name gets a name of its own.
    fn keep(&mut self, run: String, read: Result<KnownRun, String>) {
        let mut known = match read {
            Ok(known) => known,
            Err(message) => return self.faults.push(RunFault { run, message }),
        };
        let same = |other: &KnownRun| {
            other.summary.run == known.summary.run && other.summary.started == known.summary.started
        };
        if let Some(at) = self.runs.iter().position(same) {
            known.name.clone_from(&self.runs.swap_remove(at).name);
        }
        let folder = known.name.clone();
        for number in 2..=self.runs.len().saturating_add(2) {
            if self.get(&known.name).is_none() {
                break;
            }
            known.name = format!("{folder}-{number}");
        }
        self.runs.push(known);
    }
}

/// Reads a run folder, or says what is wrong with it.
pub(crate) fn read(folder: &Path) -> Result<KnownRun, String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = |file: &str| {
        let text = read_limited(&folder.join(file), FILE_BYTES_MAX);
        text.map_err(|error| format!("{file} cannot be read: {error}"))
    };
    let environment = text("environment.toml")?;
    if !folder.join("summary.toml").exists() {
        return Err("the run was interrupted before its first block was finished, so it holds no \
                    figures; its folder can be deleted"
            .to_owned());
    }
    let mut known = parse(&name, Some(folder), &text("summary.toml")?, &environment)?;
    let samples = if folder.join("samples.toml").exists() {
        Some(Samples::parse(&text("samples.toml")?).map_err(|error| error.to_string())?)
    } else {
        None
    };
    known.summary = held_against(samples.as_ref(), known.summary);
    Ok(known)
}

/// What the samples say: a summary is computed from them alone, so where it says something else,
/// by hand or by another version of assay, they count. A note says what was found.
fn held_against(samples: Option<&Samples>, mut written: Summary) -> Summary {
    let Some(samples) = samples else {
        let note = "samples.toml is missing, so nobody can check these figures";
        written.notes.push(note.to_owned());
        return written;
    };
    let mut computed = summarise(&Plan::of(&written), samples);
    if computed != written {
        let note = "summary.toml does not say what its samples say (it was edited, or written by \
                    another version of assay): these figures are computed from the samples";
        computed.notes.push(note.to_owned());
    }
    computed
}

/// Reads a file unless it is larger than it could sensibly be.
pub(crate) fn read_limited(path: &Path, bytes_max: u64) -> io::Result<String> {
    if fs::metadata(path)?.len() > bytes_max {
        let message = format!("it is larger than {} KiB", bytes_max / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read_to_string(path)
}

fn parse(
    name: &str,
    folder: Option<&Path>,
    summary: &str,
    environment: &str,
) -> Result<KnownRun, String> {
    Ok(KnownRun {
        name: name.to_owned(),
        folder: folder.map(Path::to_path_buf),
        environment: Environment::parse(environment).map_err(|error| error.to_string())?,
        summary: Summary::parse(summary).map_err(|error| error.to_string())?,
    })
}
