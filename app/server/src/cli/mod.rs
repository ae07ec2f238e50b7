//! The command line: what it accepts, and one file a verb.
//!
//! Results go to standard output, everything said to people to standard error. Exit codes: 0 done,
//! 1 something is wrong in what was given, 2 it could not run.

mod backtest;
mod bench;
mod check;
mod compare;
mod demo;
mod export;
mod import;
mod input;
mod list;
mod model;
mod promtool;
mod record;
mod report;
mod runs;
mod score;
mod serve;
mod sharing;

use std::{
    convert::Infallible,
    env, fmt,
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
};

use assay_advice::Model;
use assay_store::{Store, StoreError, access::Access};
use clap::{Args, CommandFactory, Parser, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    access::Reviewed,
    api::Keys,
    demo::Demo,
    evidence::Evidence,
    http::Metrics,
    hybrid::Hybrid,
    live::{self, Live},
    own::OwnRecords,
    rescoring::Rescoring,
    state::{App, AppState},
    telemetry::Telemetry,
    trial::Trials,
};

/// Decide, service by service, whether to build a backend in Rust, in Go, or as a hybrid.
#[derive(Debug, Parser)]
#[command(name = "assay", version, about, max_term_width = 100)]
pub struct Cli {
    /// Options for every verb.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that stand before or after the verb.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub struct Settings {
    /// Address to serve on; only this machine can reach it
    #[arg(long, global = true, env = "ASSAY_LISTEN", default_value = "127.0.0.1:8080",
          value_name = "ADDRESS", value_parser = address)]
    pub listen: SocketAddr,
    /// Folder of the decision records
    #[arg(
        long,
        global = true,
        env = "ASSAY_DECISIONS",
        default_value = "decisions",
        value_name = "DIR"
    )]
    pub decisions: PathBuf,
    /// PostgreSQL database with the records, in place of a folder; a password is better given in the
    /// variable or in ~/.pgpass
    #[arg(
        long,
        global = true,
        env = "ASSAY_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        value_parser = DatabaseUrl::new
    )]
    pub database: Option<DatabaseUrl>,
    /// Folder of the search index and of runs measured from the page [default: a cache folder]
    #[arg(long, global = true, env = "ASSAY_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder with measurement runs of your own, beside those built in
    #[arg(long, global = true, env = "ASSAY_RUNS", value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// Decision model to use instead of the built-in one
    #[arg(long, global = true, env = "ASSAY_MODEL", value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Your name in the history of records [default: the system's user name]
    #[arg(long, global = true, env = "ASSAY_BY", value_name = "NAME", hide = true)]
    pub by: Option<String>,
    /// Sign-in.
    #[command(flatten)]
    pub sharing: sharing::Sharing,
    /// Log and traces.
    #[command(flatten)]
    pub telemetry: Telemetry,
}

/// The address of a database. It may hold a password, and is never printed.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// What is wrong with an address, the store says: the parser of the command line would repeat it.
    fn new(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }

    /// The address, to connect with.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// Where the records live.
#[derive(Clone, Debug)]
pub enum Home {
    /// In the files of a folder.
    Folder(PathBuf),
    /// In a PostgreSQL database.
    Database(DatabaseUrl),
}

/// The verbs.
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the web application on this machine (the default)
    Serve,
    /// Score an answers file, a record or a precedent
    Score(score::Arguments),
    /// Record a decision from an answers file or a whole record
    Record(record::Arguments),
    /// List the records
    List(list::ListArguments),
    /// Search the records' texts
    Search(list::SearchArguments),
    /// Check a folder of records: faults, and what is due for review
    Check(check::Arguments),
    /// Hold the advice against decisions whose outcome is known
    Backtest(backtest::Arguments),
    /// Show the decision model, or check an edited one and what it would change
    Model(model::Arguments),
    /// Measure a reference service's twins on this machine (Linux, needs the source tree)
    Bench(bench::Arguments),
    /// Start a demonstration on this machine
    Demo(demo::Arguments),
    /// Set two measurement runs side by side: first what differs around them, then each metric
    Compare(compare::Arguments),
    /// Write records or a measurement run in the format of another tool
    Export(export::Arguments),
    /// Make records of another tool's decisions, or of exported records
    Import(import::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What the program takes from its surroundings; `main` provides it.
pub struct Surroundings {
    /// The wall clock.
    pub clock: fn() -> Timestamp,
    /// The operating system's name for the user.
    pub user: Option<String>,
    /// The folder for what can be deleted at any time.
    pub cache: PathBuf,
    /// Opens the store of the records; the index of a folder is in a data folder.
    pub open: fn(Home, PathBuf, Arc<Model>) -> Opening,
    /// What Alertmanager must show; without one, nothing listens to it.
    pub hook_token: Option<String>,
}

/// A store that is open.
pub struct Opened {
    /// The records.
    pub store: Arc<dyn Store>,
    /// Who may come in; none for a folder, which is one person's own.
    pub access: Option<Arc<dyn Access>>,
}

/// A store being opened.
pub type Opening = Pin<Box<dyn Future<Output = Result<Opened, StoreError>> + Send>>;

/// Why a verb did not do what was asked; the message is for people.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something is wrong in what was given, or a check found something: exit code 1.
    #[error("{0}")]
    Input(String),
    /// It could not run: exit code 2.
    #[error("{0}")]
    CannotRun(String),
    /// The result could not be written out.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::CannotRun(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

/// Runs the verb and says how it went. A reader that has gone away (`assay list | head`) is no
/// failure.
pub async fn run(cli: Cli, surroundings: Surroundings) -> ExitCode {
    let context = Context { settings: cli.settings, surroundings };
    let mut out = io::stdout().lock();
    let result = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&context).await,
        Command::Score(arguments) => score::run(&context, &arguments, &mut out),
        Command::Record(arguments) => record::run(&context, &arguments, &mut out).await,
        Command::List(arguments) => list::run(&context, &arguments, &mut out).await,
        Command::Search(arguments) => list::search(&context, &arguments, &mut out).await,
        Command::Check(arguments) => check::run(&context, &arguments, &mut out),
        Command::Backtest(arguments) => backtest::run(&context, &arguments, &mut out),
        Command::Model(arguments) => model::run(&context, &arguments, &mut out).await,
        Command::Bench(arguments) => bench::run(&context, &arguments, &mut out).await,
        Command::Demo(arguments) => demo::run(&context, arguments).await,
        Command::Compare(arguments) => compare::run(&context, &arguments, &mut out),
        Command::Export(arguments) => export::run(&context, &arguments, &mut out).await,
        Command::Import(arguments) => import::run(&context, &arguments, &mut out).await,
        Command::Completions { shell } => completions(shell, &mut out),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let message = failure.to_string();
            // Standard error may be closed too; there is nobody left to tell.
            let _ = match message.starts_with("error") || message.is_empty() {
                true => write!(io::stderr(), "{message}"),
                false => writeln!(io::stderr(), "error: {message}"),
            };
            match failure {
                Failure::Input(_) => ExitCode::from(1),
                Failure::CannotRun(_) | Failure::Output(_) => ExitCode::from(2),
            }
        }
    }
}

fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<(), Failure> {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "assay", &mut script);
    Ok(out.write_all(&script)?)
}

/// The settings and the surroundings together: what a verb works with.
struct Context {
    settings: Settings,
    surroundings: Surroundings,
}

impl Context {
    /// The model asked for, or the built-in one.
    fn model(&self) -> Result<Model, Failure> {
        let Some(path) = &self.settings.model else {
            return Ok(Model::builtin().clone());
        };
        let text = input::read_file(path)?;
        Model::parse(&text).map_err(|problems| {
            let name = path.display().to_string();
            Failure::CannotRun(report::problems(&name, &text, &problems, stderr_is_terminal()))
        })
    }

    /// The runs known, those the advice uses, and the engine ready to score; what cannot be read is
    /// told and left out.
    fn evidence(&self) -> Result<Evidence, Failure> {
        let model = Arc::new(self.model()?);
        let evidence = Evidence::open(model, self.settings.runs.clone(), &self.data());
        let known = evidence.now();
        let faults = known.runs.faults.iter();
        let left_out = faults.map(|f| format!("the run {} is left out: {}", f.run, f.message));
        for warning in left_out.chain(known.in_use.warnings.iter().cloned()) {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(io::stderr(), "warning: {warning}");
        }
        Ok(evidence)
    }

    /// The folder of what the program keeps for itself.
    fn data(&self) -> PathBuf {
        self.settings.data.clone().unwrap_or_else(|| self.surroundings.cache.clone())
    }

    /// Where the records live.
    fn home(&self) -> Home {
        match &self.settings.database {
            Some(address) => Home::Database(address.clone()),
            None => Home::Folder(self.settings.decisions.clone()),
        }
    }

    /// The store of the records, once it knows all that is there.
    async fn store(&self, model: Arc<Model>) -> Result<Arc<dyn Store>, Failure> {
        let store = self.open(model).await?.store;
        store.settled().await?;
        Ok(store)
    }

    /// The store of the records, which may still be reading, and what is kept of who may come in.
    async fn open(&self, model: Arc<Model>) -> Result<Opened, Failure> {
        Ok((self.surroundings.open)(self.home(), self.data(), model).await?)
    }

    /// Everything the pages and the API need.
    async fn app(&self) -> Result<App, Failure> {
        self.app_beside(None).await
    }

    /// The same beside a hybrid that runs.
    async fn app_beside(&self, hybrid: Option<Arc<Hybrid>>) -> Result<App, Failure> {
        let evidence = self.evidence()?;
        let model = Arc::new(evidence.model().clone());
        // Without a current folder there is no source tree to measure in, and nothing else is lost.
        let place = env::current_dir().unwrap_or_default();
        let Opened { store, access } = self.open(Arc::clone(&model)).await?;
        let shared = self.settings.sharing.open(access.clone())?;
        Ok(Arc::new(AppState {
            store: match shared {
                Some(_) => Arc::new(Reviewed { inner: store, model }),
                None => store,
            },
            local: shared.is_none(),
            shared,
            evidence,
            clock: self.surroundings.clock,
            local_name: self.by(),
            live: Live::new(Arc::new(live::harness), place),
            demo: Demo::default(),
            hybrid,
            keys: Keys::new(access),
            metrics: Metrics::default(),
            decisions: match self.home() {
                Home::Folder(folder) => Some(folder),
                Home::Database(_) => None,
            },
            model_file: self.settings.model.clone(),
            own: OwnRecords::default(),
            trials: Trials::default(),
            rescoring: Rescoring::default(),
            hook_token: self.surroundings.hook_token.clone(),
        }))
    }

    /// Who acts.
    fn by(&self) -> String {
        let named = self.settings.by.clone().or_else(|| self.surroundings.user.clone());
        named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Today's date where the program runs.
    fn today(&self) -> Date {
        (self.surroundings.clock)().to_zoned(TimeZone::system()).date()
    }
}

/// An address to serve on; `localhost` stands for 127.0.0.1.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| "write it as ADDRESS:PORT, for example 127.0.0.1:8080".to_owned())
}

/// Whether colours and boxes are welcome on standard error.
fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Writes a value as one JSON document.
fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(writeln!(out)?)
}
