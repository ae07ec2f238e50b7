//! What every handler can reach: the engine, the records, the clock and who is acting.

use std::{path::PathBuf, sync::Arc};

use assay_advice::{Engine, Model};
use assay_store::Store;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::task::{JoinError, spawn_blocking};
use uuid::Uuid;

use crate::{
    access::{self, Shared},
    api::Keys,
    demo::Demo,
    evidence::{Evidence, Known, Runs},
    http::Metrics,
    hybrid::Hybrid,
    live::Live,
    own::OwnRecords,
    rescoring::Rescoring,
    trial::Trials,
};

/// The application's shared state, one for the process. Handlers take `State<App>`.
pub type App = Arc<AppState>;

/// The parts of [`App`].
pub struct AppState {
    /// The measurement runs, which of them the advice uses, and the engine that rests on them.
    pub evidence: Evidence,
    /// Where the records live.
    pub store: Arc<dyn Store>,
    /// The wall clock, given by `main`; tests give a fixed one.
    pub clock: fn() -> Timestamp,
    /// Who acts in local mode: `ASSAY_BY`, else the name of the operating system's user.
    pub local_name: String,
    /// Sign-in and roles; none when this is one person's assay on their own machine.
    pub shared: Option<Shared>,
    /// The run being measured from the page, if any.
    pub live: Live,
    /// Whether this is one person's assay on their own machine. Only there can runs be started and
    /// the run in use be picked.
    pub local: bool,
    /// The fastjson-api service that runs inside this program on request.
    pub demo: Demo,
    /// The hybrid that `assay demo hybrid` has started.
    pub hybrid: Option<Arc<Hybrid>>,
    /// The idempotency keys of recent creating requests.
    pub keys: Keys,
    /// What the program counts about itself.
    pub metrics: Metrics,
    /// Where the records' files are, to show to people; none when a database has them.
    pub decisions: Option<PathBuf>,
    /// The file the decision model was read from; none for the built-in one.
    pub model_file: Option<PathBuf>,
    /// The team's own records, as read so far.
    pub own: OwnRecords,
    /// The edited models tried of late.
    pub trials: Trials,
    /// What today's advice would be on the records in force.
    pub rescoring: Rescoring,
    /// The token that Alertmanager shows; without one, nothing listens to it.
    pub hook_token: Option<String>,
}

impl AppState {
    /// The decision model.
    #[must_use]
    pub fn model(&self) -> &Model {
        self.evidence.model()
    }

    /// The decision model in a line; one of a file of one's own says which, and its digest.
    #[must_use]
    pub fn model_words(&self) -> String {
        let model = self.model();
        let words = format!("{}, version {}", model.id(), model.version());
        match &self.model_file {
            Some(path) => format!("{words}, read from {} ({})", path.display(), model.digest()),
            None => words,
        }
    }

    /// The engine with the measurements in use now. Ask once for each request, so that all of its
    /// answer rests on the same runs.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.evidence.now().engine)
    }

    /// The measurement runs known now, with those that could not be read.
    #[must_use]
    pub fn runs(&self) -> Arc<Runs> {
        Arc::clone(&self.evidence.now().runs)
    }

    /// What is known now, with the backtest of its engine computed, and with each criterion left out
    /// if that is wanted too.
    ///
    /// # Errors
    /// When computing it fails.
    pub async fn backtested(&self, each_criterion: bool) -> Result<Arc<Known>, JoinError> {
        let known = self.evidence.now();
        let computing = Arc::clone(&known);
        // It takes too long for a thread that serves others as well.
        spawn_blocking(move || {
            computing.backtest();
            if each_criterion {
                computing.without_each_criterion();
            }
        })
        .await?;
        Ok(known)
    }

    /// Who acts: whoever is signed in, else the local name.
    #[must_use]
    pub fn by(&self) -> String {
        access::signed_in().unwrap_or_else(|| self.local_name.clone())
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Today's date where the program runs.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::system()).date()
    }

    /// A new record's id: a version 7 UUID of the clock's time.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
    }
}
