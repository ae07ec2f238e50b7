//! What has been measured, as the program knows it now: the runs, which of them the advice uses,
//! and the engine that rests on them. A new run or another choice takes effect without a restart;
//! whoever is scoring at that moment finishes with the engine they began with.

mod fit;
mod in_use;
mod paths;
mod runs;
pub(crate) mod void;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use assay_advice::{Backtest, BuiltinCases, Engine, Model, Usage, WithoutCriterion};

pub use fit::{Fitted, SCENARIOS, Standing, fit};
pub use in_use::{InUse, Used};
pub use paths::{Image, Machine, Paths, WholePath};
pub use runs::{KnownRun, RunFault, Runs};
pub(crate) use runs::{read as read_run, read_limited};

/// The folder below the data folder in which runs started from the page are kept.
const OWN_RUNS: &str = "runs";

/// The file in the data folder that says which runs were picked.
const IN_USE: &str = "runs-in-use.toml";

/// The runs and the engine, replaced together.
pub struct Evidence {
    model: Arc<Model>,
    /// The folder of `--runs`.
    added: Option<PathBuf>,
    /// The runs started from the page, unless `--runs` says where.
    own: PathBuf,
    /// Which runs were picked.
    file: PathBuf,
    now: RwLock<Arc<Known>>,
    /// Held while what is known is computed anew, so that no change gets lost.
    changing: Mutex<()>,
}

/// What is known at one moment; it stays as it is for whoever holds it.
#[derive(Debug)]
pub struct Known {
    /// The runs, and those that could not be read.
    pub runs: Arc<Runs>,
    /// The model with the measurements of the runs in use.
    pub engine: Arc<Engine>,
    /// Which run the advice uses for each scenario, and what was picked.
    pub in_use: InUse,
    backtest: OnceLock<Backtest>,
    criteria: OnceLock<Vec<WithoutCriterion>>,
}

/// Why a run was not taken into use.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    /// The advice reads no such scenario.
    #[error("the advice reads no scenario {0:?}; it reads {allowed}", allowed = scenario_names())]
    NoSuchScenario(String),
    /// No run has this name.
    #[error("there is no run {0:?}")]
    NoSuchRun(String),
    /// The run exists but cannot stand for the scenario; why, in words.
    #[error("the run {run} cannot be used: {why}")]
    Unfit {
        /// The run's name.
        run: String,
        /// Why not.
        why: String,
    },
    /// The choice could not be kept.
    #[error("the choice cannot be kept in {}: {source}", .file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn scenario_names() -> String {
    SCENARIOS.map(|standing| standing.scenario).join(", ")
}

impl Known {
    /// The run that is used for a scenario unless one is picked.
    #[must_use]
    pub fn default_of(&self, scenario: &str) -> Option<String> {
        in_use::default_run(&self.runs, scenario).map(|fitted| fitted.run().to_owned())
    }

    /// How the advice agrees with the precedents. Whoever asks first waits for some tenths of a
    /// second while it is computed; the next engine begins anew.
    pub fn backtest(&self) -> &Backtest {
        self.backtest.get_or_init(|| {
            let cases = BuiltinCases::new(self.engine.model()).cases;
            assay_advice::backtest(&self.engine, &cases, Usage::Core)
        })
    }

    /// The same with each criterion left out in turn, which takes about as long again.
    pub fn without_each_criterion(&self) -> &[WithoutCriterion] {
        self.criteria.get_or_init(|| {
            let cases = BuiltinCases::new(self.engine.model()).cases;
            let found = &self.backtest().per_case;
            assay_advice::without_each_criterion(&self.engine, &cases, found, Usage::Core)
        })
    }
}

impl Evidence {
    /// Reads the committed runs, those of the data folder and those of `--runs`, and prepares the
    /// engine. What cannot be read is told in [`Runs::faults`] and [`InUse::warnings`].
    #[must_use]
    pub fn open(model: Arc<Model>, added: Option<PathBuf>, data: &Path) -> Self {
        let (own, file) = (data.join(OWN_RUNS), data.join(IN_USE));
        let known = read(&model, &own, added.as_deref(), &file);
        let now = RwLock::new(Arc::new(known));
        Self { model, added, own, file, now, changing: Mutex::default() }
    }

    /// The decision model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What is known now.
    #[must_use]
    pub fn now(&self) -> Arc<Known> {
        // The value is replaced whole, so a panic elsewhere cannot have left it half changed.
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a new run goes.
    #[must_use]
    pub fn new_runs(&self) -> &Path {
        self.added.as_deref().unwrap_or(&self.own)
    }

    /// Reads everything anew, for example after a run. Takes some tens of ms.
    pub fn reload(&self) {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(read(&self.model, &self.own, self.added.as_deref(), &self.file));
    }

    /// Takes a run into use for a scenario, or goes back to the default, and keeps the choice.
    /// Takes some tens of ms.
    ///
    /// # Errors
    /// When there is no such scenario or run, the run cannot stand for it, or the choice cannot be
    /// written; then nothing changes.
    pub fn pick(&self, scenario: &str, run: Option<&str>) -> Result<(), PickError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.now();
        let standing = fit::standing(scenario)
            .ok_or_else(|| PickError::NoSuchScenario(scenario.to_owned()))?;
        if let Some(name) = run {
            let run = known.runs.get(name);
            let run = run.ok_or_else(|| PickError::NoSuchRun(name.to_owned()))?;
            let unfit = |why: String| PickError::Unfit { run: name.to_owned(), why };
            fit(run).map_err(unfit)?;
            if run.summary.scenario != standing.scenario {
                let why = format!("it measured {}, not {scenario}", run.summary.scenario);
                return Err(unfit(why));
            }
        }
        let picked = known.in_use.with(standing.scenario, run);
        in_use::write(&self.file, &picked)
            .map_err(|source| PickError::Unwritable { file: self.file.clone(), source })?;
        let runs = Arc::clone(&known.runs);
        self.replace(prepare(&self.model, runs, picked, Vec::new()));
        Ok(())
    }

    fn replace(&self, known: Known) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }
}

fn read(model: &Model, own: &Path, added: Option<&Path>, file: &Path) -> Known {
    // The folder of our own runs comes into being with the first of them.
    let own = Some(own).filter(|own| own.is_dir() && Some(*own) != added);
    let runs = Runs::load(own.into_iter().chain(added));
    let (picked, warnings) = in_use::read(file);
    prepare(model, Arc::new(runs), picked, warnings)
}

fn prepare(model: &Model, runs: Arc<Runs>, picked: in_use::Picked, told: Vec<String>) -> Known {
    let (in_use, mut measurements) = InUse::settle(&runs, picked, told);
    measurements.beside = fit::beside(&runs, &measurements.workloads);
    let engine = Engine::new(model.clone(), measurements, assay_advice::SEED);
    Known {
        runs,
        engine: Arc::new(engine),
        in_use,
        backtest: OnceLock::new(),
        criteria: OnceLock::new(),
    }
}
