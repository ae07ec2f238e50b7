//! The `assay` program: the one place that reads the clock and the environment and names a store.

use std::{env, path::PathBuf, process::ExitCode, sync::Arc};

use assay::cli::{self, Cli, Home, Opened, Opening, Surroundings};
use assay_advice::Model;
use assay_store::{FolderStore, PostgresStore};
use clap::Parser;
use jiff::Timestamp;

/// Reading many records makes and drops many small things on several threads at once, which takes the
/// system's allocator a fifth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            return ExitCode::from(2);
        }
    };
    let traces = match cli.settings.telemetry.begin(runtime.handle()) {
        Ok(traces) => traces,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    let code = runtime.block_on(cli::run(cli, surroundings()));
    traces.end();
    code
}

fn surroundings() -> Surroundings {
    let hook_token = variable("ASSAY_HOOK_TOKEN");
    let user = whoami::username().ok();
    Surroundings { clock: now, user, cache: cache_folder(), hook_token, open }
}

fn open(home: Home, data: PathBuf, model: Arc<Model>) -> Opening {
    Box::pin(async move {
        Ok(match home {
            Home::Folder(folder) => {
                let store = Arc::new(FolderStore::open(folder, data, model).await?);
                Opened { store, access: None }
            }
            Home::Database(address) => {
                let store = Arc::new(PostgresStore::open(address.secret(), model).await?);
                Opened { access: Some(Arc::clone(&store) as _), store }
            }
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the one home of the environment")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The user's cache folder by the rules of the system, with `assay` in it.
fn cache_folder() -> PathBuf {
    let home = || variable("HOME").map(PathBuf::from);
    let folder = if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA").map(PathBuf::from)
    } else {
        // The XDG base directory specification: a relative path counts as unset.
        let named = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| home().map(|home| home.join(".cache")))
    };
    folder.unwrap_or_else(env::temp_dir).join("assay")
}
