//! The service's HTTP: one question, its answers, and what is counted.

use crate::reload::Watched;
use crate::token::{Expected, check};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const CONNECTIONS_MAX: usize = 8_192;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const BODY_BYTES_MAX: usize = 16 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Outcomes that are counted.
const OUTCOMES: [&str; 3] = ["good", "invalid", "refused"];

/// Checks tokens by the keys of a file.
#[derive(Debug)]
pub struct Service {
    /// The keys.
    pub keys: Watched,
    /// What tokens must say.
    pub expected: Expected,
    /// Seconds since 1970, from whoever knows.
    pub now_s: fn() -> f64,
    /// How often each outcome came, in the order of `OUTCOMES`.
    counts: [AtomicU64; OUTCOMES.len()],
    reloads: [AtomicU64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    token: String,
}

type Answer = Response<Full<Bytes>>;

impl Service {
    /// A service that has answered nothing yet.
    pub fn new(keys: Watched, expected: Expected, now_s: fn() -> f64) -> Self {
        Self { keys, expected, now_s, counts: Default::default(), reloads: Default::default() }
    }

    /// Counts a reload of the keys.
    pub fn count_reload(&self, went_well: bool) {
        let [loaded, refused] = &self.reloads;
        if went_well { loaded } else { refused }.fetch_add(1, Relaxed);
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        Ok(match request.uri().path() {
            "/v1/verify" if request.method() == Method::POST => self.verify(request).await,
            "/v1/verify" => not_allowed("POST"),
            "/healthz" | "/metrics" if !reading => not_allowed("GET, HEAD"),
            "/healthz" => text("ok\n".to_owned()),
            "/metrics" => text(self.metrics()),
            _ => problem(StatusCode::NOT_FOUND, "no-route", "There is nothing at this path."),
        })
    }

    async fn verify(&self, request: Request<Incoming>) -> Answer {
        let [good, invalid, refused] = &self.counts;
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            refused.fetch_add(1, Relaxed);
            let detail = "The question is application/json.";
            return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail);
        }
        let question = match read(request).await {
            Ok(question) => question,
            Err(answer) => {
                refused.fetch_add(1, Relaxed);
                return *answer;
            }
        };
        let keys = self.keys.keys();
        match check(&keys, &self.expected, &question.token, (self.now_s)()) {
            Ok(subject) => {
                good.fetch_add(1, Relaxed);
                json_answer(StatusCode::OK, "application/json", &json!({ "subject": subject }))
            }
            Err(refusal) => {
                invalid.fetch_add(1, Relaxed);
                let detail = format!("Not good: {refusal}.");
                let mut answer = problem(StatusCode::UNAUTHORIZED, "token-invalid", &detail);
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                answer
            }
        }
    }

    fn metrics(&self) -> String {
        let mut page = String::from(
            "# HELP token_checks_total Questions, by how they ended.\n\
             # TYPE token_checks_total counter\n",
        );
        for (outcome, count) in OUTCOMES.iter().zip(&self.counts) {
            let count = count.load(Relaxed);
            // Writing to a string cannot fail.
            let _ = writeln!(page, "token_checks_total{{outcome=\"{outcome}\"}} {count}");
        }
        page += "# HELP token_reloads_total Times that the keys were read again.\n\
                 # TYPE token_reloads_total counter\n";
        for (result, count) in ["loaded", "refused"].iter().zip(&self.reloads) {
            let count = count.load(Relaxed);
            let _ = writeln!(page, "token_reloads_total{{result=\"{result}\"}} {count}");
        }
        page
    }
}

/// The question, or why there is none.
async fn read(request: Request<Incoming>) -> Result<Question, Box<Answer>> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let closing = |status, word, detail| {
        let mut answer = problem(status, word, detail);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Box::new(answer)
    };
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let detail = "The question has more than 16 KiB.";
            return Err(closing(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail));
        }
        Ok(Err(_)) => {
            let detail = "The body is not framed as it should be.";
            return Err(closing(StatusCode::BAD_REQUEST, "malformed-body", detail));
        }
        Err(_) => {
            let detail = "The body did not come in time.";
            return Err(closing(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail));
        }
    };
    serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("The question is {{\"token\": TEXT}}: {error}.");
        Box::new(problem(StatusCode::BAD_REQUEST, "malformed-question", &detail))
    })
}

fn text(body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}

fn json_answer(status: StatusCode, media_type: &'static str, body: &serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

fn problem(status: StatusCode, word: &str, detail: &str) -> Answer {
    let (first, rest) = word.split_at(1);
    let title = first.to_uppercase() + &rest.replace('-', " ");
    let body = json!({
        "type": format!("urn:problem-type:gateway:{word}"),
        "title": title, "status": status.as_u16(), "detail": detail,
    });
    json_answer(status, "application/problem+json", &body)
}

fn not_allowed(allow: &'static str) -> Answer {
    let detail = "This path does not take the method; see the Allow field.";
    let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}

/// Serves until `shutdown` completes, then closes idle connections at once and lets requests in flight
/// finish within 10 s.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
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
                    eprintln!("token-service: could not accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
        };
        let (service, watcher) = (Arc::clone(&service), graceful.watcher());
        let respond = service_fn(move |request| Arc::clone(&service).answer(request));
        let connection = http.serve_connection(TokioIo::new(stream), respond);
        tokio::spawn(async move {
            let _slot = slot;
            // What goes wrong here is the client's: a reset, a timeout, bytes that are not HTTP.
            let _ = watcher.watch(connection).await;
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        eprintln!("token-service: requests still in flight were cut off");
    }
    Ok(())
}
