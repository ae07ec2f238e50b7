//! The fastjson-api service inside this program, started on request for the "try it" page.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Request, StatusCode, header},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::{self, Instant},
};

/// The order sent when the visitor sends nothing of their own.
pub use fastjson_api::SAMPLE_ORDER;

/// The service stops by itself after this long without a request from the page.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// How long one request to the service may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer shown.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The service, running or not.
#[derive(Default)]
pub struct Demo {
    running: Mutex<Option<Running>>,
}

struct Running {
    address: SocketAddr,
    used: Arc<Notify>,
    stop: Arc<Notify>,
    task: JoinHandle<io::Result<()>>,
}

/// What the service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body as text.
    pub body: String,
    /// From sending to the whole answer, over loopback, in µs: one request, not a measurement.
    pub took_us: u128,
}

impl Demo {
    /// Where the service listens, if it runs.
    pub fn address(&self) -> Option<SocketAddr> {
        self.lock().as_ref().filter(|running| !running.task.is_finished()).map(|it| it.address)
    }

    /// Starts the service on a free loopback port; one that runs already is left as it is.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(&self) -> io::Result<SocketAddr> {
        if let Some(address) = self.address() {
            return Ok(address);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut slot = self.lock();
        // Another request may have started it meanwhile.
        if let Some(running) = slot.as_ref().filter(|running| !running.task.is_finished()) {
            return Ok(running.address);
        }
        let address = listener.local_addr()?;
        let used = Arc::new(Notify::new());
        let stop = Arc::new(Notify::new());
        let until = unused_or_stopped(Arc::clone(&used), Arc::clone(&stop));
        let task = tokio::spawn(fastjson_api::serve(
            listener,
            fastjson_api::router(fastjson_api::StoreLimits::default()),
            until,
        ));
        *slot = Some(Running { address, used, stop, task });
        Ok(address)
    }

    /// Stops the service, if it runs.
    pub fn stop(&self) {
        if let Some(running) = self.lock().take() {
            running.stop.notify_one();
        }
    }

    /// Sends an order to `POST /v1/quotes` of the running service.
    ///
    /// # Errors
    /// When the service does not run, does not answer in time, or answers more than is shown.
    pub async fn quote(&self, order: String) -> io::Result<Answer> {
        let address = {
            let slot = self.lock();
            let running = slot.as_ref().filter(|running| !running.task.is_finished());
            let Some(running) = running else {
                return Err(io::Error::other("the service is not running; start it first"));
            };
            running.used.notify_one();
            running.address
        };
        time::timeout(REQUEST_TIMEOUT, send(address, order)).await?.map_err(io::Error::other)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        // The value is replaced whole, so a panic elsewhere cannot have left it half changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes when the service is told to stop or nobody has used it for a while.
async fn unused_or_stopped(used: Arc<Notify>, stop: Arc<Notify>) {
    let idle = async { while time::timeout(IDLE, used.notified()).await.is_ok() {} };
    tokio::select! {
        () = idle => {}
        () = stop.notified() => {}
    }
}

async fn send(
    address: SocketAddr,
    order: String,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let started = Instant::now();
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::post("/v1/quotes")
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(order)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
    let took_us = started.elapsed().as_micros();
    connection.abort();
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), took_us })
}
