//! Accepting connections, with a limit on everything a client can hold.

#[cfg(feature = "direct")]
use crate::direct;
use crate::metrics::Routes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const CONNECTIONS_MAX: usize = 8_192;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READ_BUFFER_BYTES_MAX: usize = 32 * 1024;
/// How long a connection may go without a whole request head, idle time included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Serves `routes` until `shutdown` completes, then closes idle connections at once and lets
/// requests in flight finish within 10 s.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX);
    let routes = Arc::new(routes);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    #[cfg(feature = "direct")]
    let stop = tokio::sync::watch::Sender::new(false);

    loop {
        // At the limit, new connections wait in the kernel's queue.
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>((stream, slot))
        };
        let (stream, slot) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a client that has already gone: both pass.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
        };
        let (http, routes, watcher) = (http.clone(), Arc::clone(&routes), graceful.watcher());
        #[cfg(feature = "direct")]
        let stopping = stop.subscribe();
        tokio::spawn(async move {
            let _slot = slot;
            #[cfg(feature = "direct")]
            let Some(stream) = direct::start(stream, &routes, stopping, HEAD_TIMEOUT).await else {
                return;
            };
            let service = service_fn(move |request| Arc::clone(&routes).answer(request));
            let connection = http.serve_connection(TokioIo::new(stream), service);
            // What goes wrong here is the client's: a reset, a timeout, bytes that are not HTTP.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }

    drop(listener);
    #[cfg(feature = "direct")]
    stop.send_replace(true);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still in flight were cut off");
    }
    Ok(())
}
