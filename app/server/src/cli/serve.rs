//! `assay serve`: the web application on this machine.

use std::{
    future::Future,
    io::{self, Write},
    net::SocketAddr,
    path,
    sync::Arc,
};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind};
use tokio::{net::TcpListener, signal};

use super::{Context, Failure};
use crate::{http, hybrid::Hybrid, own};

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let listener = listen(context).await?;
    let stop = stop_signal()?;
    with(context, listener, stop, None).await
}

/// The port comes first: a second assay should say so at once.
pub(super) async fn listen(context: &Context) -> Result<TcpListener, Failure> {
    let address = context.settings.listen;
    if !context.settings.sharing.is_wanted() {
        refuse_other_machines(address)?;
    }
    TcpListener::bind(address).await.map_err(|error| in_words(address, &error))
}

/// Serves until `stop`, with the hybrid that runs beside if there is one.
pub(super) async fn with(
    context: &Context,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    hybrid: Option<Arc<Hybrid>>,
) -> Result<(), Failure> {
    let page = if hybrid.is_some() { "demo/hybrid" } else { "" };
    let app = context.app_beside(hybrid).await?;
    own::read_ahead(&app);

    let bound = listener.local_addr().unwrap_or(context.settings.listen);
    let mut stderr = io::stderr();
    // A closed standard error is no reason not to serve.
    let _ = writeln!(stderr, "assay is ready: http://{bound}/{page}");
    let place = match &app.decisions {
        None => "the database".to_owned(),
        Some(folder) => {
            path::absolute(folder).unwrap_or_else(|_| folder.clone()).display().to_string()
        }
    };
    let _ = writeln!(stderr, "decisions are in {place}; Ctrl-C stops");

    let ending = Arc::clone(&app);
    let stop = async move {
        stop.await;
        ending.live.end();
    };
    let served = http::serve(listener, http::app(Arc::clone(&app)), http::Limits::default(), stop);
    let served = served.await;
    app.live.end();
    if !app.live.ended().await {
        let _ = writeln!(
            stderr,
            "a build for the run being measured is still going on; left to itself"
        );
    }
    served.map_err(|error| Failure::CannotRun(format!("serving stopped: {error}")))
}

/// Without sign-in, whoever reaches the program can change the records.
fn refuse_other_machines(address: SocketAddr) -> Result<(), Failure> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::CannotRun(format!(
        "refusing to listen on {address}: other machines could reach it, and nobody would have to \
         sign in\nUse an address of this machine only, for example --listen 127.0.0.1:{}, or set up \
         sign-in (--oidc-issuer)",
        address.port()
    )))
}

fn in_words(address: SocketAddr, error: &io::Error) -> Failure {
    let port = address.port();
    Failure::CannotRun(match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use, perhaps by another assay\nStop that, or choose another port: \
             --listen {}:{}",
            address.ip(),
            port.checked_add(1).unwrap_or(8080)
        ),
        io::ErrorKind::PermissionDenied => {
            format!("port {port} is not allowed for your user; choose one above 1023")
        }
        _ => format!("cannot listen on {address}: {error}"),
    })
}

/// What comes whenever the system sends this signal, which does nothing else from now on.
#[cfg(unix)]
pub(super) fn caught(kind: SignalKind) -> Result<Signal, Failure> {
    signal::unix::signal(kind)
        .map_err(|error| Failure::CannotRun(format!("signals cannot be handled: {error}")))
}

/// Completes on Ctrl-C or when the system asks the program to end.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    let mut terminate = caught(SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = signal::ctrl_c().await;
    })
}
