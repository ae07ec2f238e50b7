//! `assay demo hybrid`: starts a Go gateway, a Rust token service and a Rust JSON API on this machine,
//! and shows them in the browser.

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use assay_harness::find_root;
use clap::{Args, Subcommand};
use tokio::{signal::unix::SignalKind, task::spawn_blocking};

use super::{Context, Failure, serve};
use crate::hybrid::{Hybrid, Start, Stopped};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// A Go gateway that asks a Rust token service, in front of a Rust JSON API (needs the source tree)
    Hybrid {
        /// Requests a second that are sent to it; 0 for none
        #[arg(long, default_value_t = 50, value_name = "N",
              value_parser = clap::value_parser!(u32).range(0..=5_000))]
        rate: u32,
        /// Folder with gateway, token-service and fastjson-api, instead of building them
        #[arg(long, value_name = "DIR")]
        binaries: Option<PathBuf>,
    },
}

pub(super) async fn run(context: &Context, arguments: Arguments) -> Result<(), Failure> {
    let Which::Hybrid { rate, binaries } = arguments.which;
    // The port comes first: what is in the way should be said before anything is built.
    let listener = serve::listen(context).await?;
    let asked_to_stop = serve::stop_signal()?;
    // When the terminal is closed: the services would run on without it.
    let mut hangup = serve::caught(SignalKind::hangup())?;
    let mut stop = pin!(async move {
        tokio::select! {
            () = asked_to_stop => {}
            _ = hangup.recv() => {}
        }
    });
    let root = env::current_dir().ok().and_then(|place| find_root(&place));
    let start = Start { root, binaries, rate, now: (context.surroundings.clock)() };
    let asked = Arc::new(AtomicBool::new(false));
    let to_stop = Arc::clone(&asked);
    let mut starting = spawn_blocking(move || Hybrid::start(&start, &to_stop, &mut say));
    let started = tokio::select! {
        started = &mut starting => started,
        () = &mut stop => {
            asked.store(true, Ordering::Relaxed);
            starting.await
        }
    };
    let started =
        started.map_err(|error| Failure::CannotRun(format!("starting broke off: {error}")))?;
    let hybrid = match started {
        Ok(hybrid) if !asked.load(Ordering::Relaxed) => Arc::new(hybrid),
        Ok(_) | Err(Stopped::Asked) => return Ok(()),
        Err(Stopped::Fault(why)) => return Err(Failure::CannotRun(why)),
    };
    say(&format!(
        "the gateway listens on http://{}; a token for it is in {}",
        hybrid.gateway(),
        hybrid.token_file.display()
    ));
    hybrid.begin();
    let served = serve::with(context, listener, stop, Some(Arc::clone(&hybrid))).await;
    let stopped = spawn_blocking(move || hybrid.stop()).await.unwrap_or_default();
    for role in stopped {
        say(&format!("the {role} had to be killed"));
    }
    served
}

/// A closed standard error leaves nobody to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
