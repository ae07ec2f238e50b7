//! Measuring from the page: one run at a time, in a thread of its own, watched by any number of
//! pages. The state lives here, so that a page can be reloaded, closed and opened again.

mod scenarios;
mod state;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use assay_evidence::{Profile, Summary};
use assay_harness::{Options, Outcome, Progress};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

pub use scenarios::{Offer, Offers};
pub use state::{Plan, Snapshot, Stage, Step};

use crate::{evidence::Known, state::App};

/// Measures and reports: the harness, or a stand-in for tests. An error is in words for people.
pub type Measure =
    dyn Fn(&Options, &mut (dyn FnMut(Progress) + Send)) -> Result<Outcome, String> + Send + Sync;

/// How long a run may take to stop when assay ends.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How often the end of a run is looked for while assay ends.
const STOP_PAUSE: Duration = Duration::from_millis(20);

/// What is being measured, if anything, and how the last run ended.
pub struct Live {
    measure: Arc<Measure>,
    place: PathBuf,
    state: watch::Sender<Snapshot>,
    running: Mutex<Option<Running>>,
    ending: watch::Sender<bool>,
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// One is running.
    #[error("{} is being measured; it must end or be cancelled first", .0.title)]
    Busy(Plan),
    /// Assay was started elsewhere.
    #[error(
        "measuring builds the reference services, so it needs assay's source tree; start assay \
         inside a checkout"
    )]
    NoSourceTree,
    /// No scenario has this id.
    #[error("there is no scenario {id:?}; there are: {known}")]
    NoSuchScenario {
        /// What was asked for.
        id: String,
        /// The scenarios there are.
        known: String,
    },
    /// Assay is ending.
    #[error("assay is ending")]
    Ending,
    /// No thread could be had.
    #[error("the run could not be started: {0}")]
    NoThread(std::io::Error),
}

/// The harness, with its errors in one line of words.
///
/// # Errors
/// As [`assay_harness::bench()`].
pub fn harness(
    options: &Options,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Outcome, String> {
    assay_harness::bench(options, report).map_err(|error| format!("{error:#}"))
}

impl Live {
    /// Nothing is running yet. The source tree is looked for at `place` and above.
    #[must_use]
    pub fn new(measure: Arc<Measure>, place: PathBuf) -> Self {
        Self {
            measure,
            place,
            state: watch::Sender::default(),
            running: Mutex::default(),
            ending: watch::Sender::new(false),
        }
    }

    /// What can be measured here; absent outside a source tree.
    #[must_use]
    pub fn offers(&self) -> Option<Offers> {
        assay_harness::find_root(&self.place).map(|root| Offers::find(&root))
    }

    /// How things stand now, and every change from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.state.subscribe()
    }

    /// How things stand now.
    #[must_use]
    pub fn now(&self) -> Snapshot {
        self.state.borrow().clone()
    }

    /// Becomes true when assay ends.
    #[must_use]
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Starts measuring.
    ///
    /// # Errors
    /// When a run is going on, there is no source tree or no such scenario, or assay is ending.
    pub fn start(app: &App, scenario: &str, profile: Profile) -> Result<(), NotStarted> {
        let live = &app.live;
        let mut running = live.lock();
        if *live.ending.borrow() {
            return Err(NotStarted::Ending);
        }
        if let Some(plan) = live.now().running() {
            return Err(NotStarted::Busy(plan.clone()));
        }
        let root = assay_harness::find_root(&live.place).ok_or(NotStarted::NoSourceTree)?;
        let offers = Offers::find(&root);
        let Some(offer) = offers.of(scenario) else {
            let known: Vec<_> = offers.offers.iter().map(|offer| offer.id.as_str()).collect();
            let (id, known) = (scenario.to_owned(), known.join(", "));
            return Err(NotStarted::NoSuchScenario { id, known });
        };
        let stop = Arc::new(AtomicBool::new(false));
        let options = Options {
            root,
            out: Some(app.evidence.new_runs().to_path_buf()),
            service: offer.id.clone(),
            profile,
            started: app.now(),
            host: None,
            stop: Arc::clone(&stop),
        };
        let plan = Plan {
            scenario: offer.id.clone(),
            title: offer.title.clone(),
            profile,
            blocks: offer.blocks(profile),
            began: options.started,
        };
        let before = live.now();
        live.state.send_modify(|state| state.begin(plan));
        let app = Arc::clone(app);
        let thread = thread::Builder::new().name("measuring".to_owned());
        let thread = thread.spawn(move || run(&app, &options)).map_err(|error| {
            live.state.send_replace(before);
            NotStarted::NoThread(error)
        })?;
        *running = Some(Running { stop, thread });
        Ok(())
    }

    /// Asks the run to stop soon; finished blocks are kept. Without a run nothing happens.
    pub fn cancel(&self) {
        if let Some(running) = self.lock().as_ref() {
            running.stop.store(true, Ordering::Relaxed);
        }
        self.state.send_if_modified(Snapshot::stopping);
    }

    /// Ends the pages' streams at once and asks the run to stop: assay is ending.
    pub fn end(&self) {
        self.ending.send_replace(true);
        self.cancel();
    }

    /// Waits, within a limit, until no run is going on. False when one still is.
    pub async fn ended(&self) -> bool {
        let deadline = Instant::now() + STOP_LIMIT;
        while self.lock().as_ref().is_some_and(|running| !running.thread.is_finished()) {
            if Instant::now() >= deadline {
                return false;
            }
            time::sleep(STOP_PAUSE).await;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        // The value is replaced whole, so a panic elsewhere cannot have left it half changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A whole run, on its own thread.
fn run(app: &App, options: &Options) {
    let state = &app.live.state;
    let mut watcher = Watcher::default();
    let mut report = |progress: Progress| {
        let figures = watcher.look(progress.folder.as_deref());
        let at = app.now();
        state.send_modify(|state| state.step(at, progress, figures));
    };
    // A panic must not leave the page waiting for ever; the panic hook has printed where.
    let measured = catch_unwind(AssertUnwindSafe(|| (app.live.measure)(options, &mut report)));
    let measured = measured.unwrap_or_else(|_| Err("measuring broke off by a fault".to_owned()));
    let stopped = options.stop.load(Ordering::Relaxed);
    app.evidence.reload();
    let known = app.evidence.now();
    let kept = |folder: Option<&Path>| folder.and_then(|folder| name_of(&known, folder));
    let stage = match measured {
        Ok(outcome) if outcome.interrupted => Stage::Cancelled { run: kept(Some(&outcome.folder)) },
        Ok(outcome) => Stage::Finished { run: kept(Some(&outcome.folder)) },
        Err(_) if stopped => Stage::Cancelled { run: kept(watcher.folder.as_deref()) },
        Err(why) => Stage::Failed { why, run: kept(watcher.folder.as_deref()) },
    };
    let at = app.now();
    state.send_modify(|state| state.end(at, stage, watcher.look_again()));
}

/// The name under which a run folder is known.
fn name_of(known: &Known, folder: &Path) -> Option<String> {
    let of_folder = |path: &PathBuf| path == folder;
    let run = known.runs.runs.iter().find(|run| run.folder.as_ref().is_some_and(of_folder));
    run.map(|run| run.name.clone())
}

/// Reads the figures so far from the run folder, whenever they were written anew.
#[derive(Default)]
struct Watcher {
    folder: Option<PathBuf>,
    written: Option<SystemTime>,
}

impl Watcher {
    fn look(&mut self, folder: Option<&Path>) -> Option<Summary> {
        if let (None, Some(folder)) = (&self.folder, folder) {
            self.folder = Some(folder.to_path_buf());
        }
        self.look_again()
    }

    fn look_again(&mut self) -> Option<Summary> {
        let file = self.folder.as_ref()?.join("summary.toml");
        let written = std::fs::metadata(&file).and_then(|metadata| metadata.modified()).ok()?;
        if self.written.replace(written) == Some(written) {
            return None;
        }
        Summary::parse(&std::fs::read_to_string(&file).ok()?).ok()
    }
}
