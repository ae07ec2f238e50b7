//! The measurement runs the program knows: those committed to the repository, compiled in, and
//! those of `--runs`. They become the advice's [`Measurements`].

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use assay_advice::{Estimate, Measurements, SweepPoint, TwinFigures, WorkloadMeasurement};
use assay_evidence::{Environment, Figure, Profile, Summary, Twin, metric};

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
    /// The name of its folder.
    pub name: String,
    /// Its folder, when it came with `--runs`; absent for a committed one.
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
    /// The committed runs and, if given, those in the folders of `added`.
    #[must_use]
    pub fn load(added: Option<&Path>) -> Self {
        let mut runs = Self::default();
        for committed in COMMITTED {
            let read = parse(committed.run, None, committed.summary, committed.environment);
            runs.keep(committed.run.to_owned(), read);
        }
        if let Some(folder) = added {
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

    /// What the advice reads: for each scenario the newest complete run, one made to be published
    /// before a quick one. A run that lacks a needed figure does not count.
    #[must_use]
    pub fn measurements(&self) -> Measurements {
        let mut best: BTreeMap<(&str, &str), (bool, WorkloadMeasurement)> = BTreeMap::new();
        // Oldest first, so that a newer run of the same kind replaces an older one.
        for run in self.runs.iter().rev().filter(|run| run.summary.complete()) {
            let published = run.summary.profile == Profile::Publish;
            let Some(measurement) = measurement(run) else {
                continue;
            };
            let scenario = (run.summary.workload.as_str(), run.summary.scenario.as_str());
            if published || !matches!(best.get(&scenario), Some((true, _))) {
                best.insert(scenario, (published, measurement));
            }
        }
        let workloads = best.into_values().map(|(_, measurement)| measurement).collect();
        Measurements { workloads }
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

    /// An added run replaces a committed one of the same name.
    fn keep(&mut self, run: String, read: Result<KnownRun, String>) {
        match read {
            Ok(known) => {
                self.runs.retain(|other| other.name != known.name);
                self.runs.push(known);
            }
            Err(message) => self.faults.push(RunFault { run, message }),
        }
    }
}

fn read(folder: &Path) -> Result<KnownRun, String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = |file: &str| {
        read_limited(&folder.join(file)).map_err(|error| format!("{file} cannot be read: {error}"))
    };
    parse(&name, Some(folder), &text("summary.toml")?, &text("environment.toml")?)
}

fn read_limited(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
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

/// A run as the advice reads it; absent when a needed figure is.
fn measurement(run: &KnownRun) -> Option<WorkloadMeasurement> {
    let summary = &run.summary;
    Some(WorkloadMeasurement {
        workload: summary.workload.clone(),
        service: summary.service.clone(),
        scenario: summary.scenario.clone(),
        run: run.name.clone(),
        note: summary.notes.join(" "),
        rust: figures(summary, Twin::Rust)?,
        go: figures(summary, Twin::Go)?,
    })
}

/// One twin's figures, from µs to ms where the advice counts in ms.
fn figures(summary: &Summary, twin: Twin) -> Option<TwinFigures> {
    let figure = |id: &str| summary.metric(id)?.twin(twin).map(|figure| estimate(figure, 1.0));
    let milliseconds =
        |id: &str| summary.metric(id)?.twin(twin).map(|figure| estimate(figure, 1e-3));
    Some(TwinFigures {
        capacity_rps_per_core: figure(metric::CAPACITY_P99).or_else(|| figure(metric::CAPACITY))?,
        cpu_ms_per_request: milliseconds(metric::CPU)?,
        idle_pss_mb: figure(metric::IDLE_PSS)?,
        loaded_pss_mb: figure(metric::LOADED_PSS)?,
        pss_kb_per_connection: figure(metric::PSS_PER_CONNECTION),
        half_load_p99_ms: milliseconds(metric::HALF_P99)?,
        half_load_p999_ms: milliseconds(metric::HALF_P999)?,
        resident_state: summary.resident_state.clone(),
        sweep: sweep(summary, twin),
        clean_build_s: figure(metric::CLEAN_BUILD),
        incremental_build_s: figure(metric::INCREMENTAL_BUILD),
    })
}

/// The rates of the sweep that passed the gates, rising.
fn sweep(summary: &Summary, twin: Twin) -> Vec<SweepPoint> {
    let points = summary.sweep.iter().filter_map(|point| {
        let figures = match twin {
            Twin::Rust => point.rust.as_ref(),
            Twin::Go => point.go.as_ref(),
        }?;
        (!figures.void).then(|| SweepPoint {
            rps_per_core: point.rate_rps,
            p99_ms: figures.p99_us.value / 1e3,
            p999_ms: figures.p999_us.value / 1e3,
        })
    });
    points.collect()
}

fn estimate(figure: Figure, factor: f64) -> Estimate {
    Estimate { value: figure.value * factor, low: figure.low * factor, high: figure.high * factor }
}
