//! What the program says while it runs: its log, and traces for whoever collects them.
//!
//! Nothing that came from outside can begin a line of the log or colour it: control characters are
//! written as escapes. Queries are never logged, as they hold answers.

use std::{
    fmt::{self, Write as _},
    io::IsTerminal as _,
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::Bytes,
    extract::{MatchedPath, Request},
    http::{self, Response},
};
use clap::{Args, ValueEnum};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry::{
    propagation::TextMapPropagator as _,
    trace::{Status, TracerProvider as _},
};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource, propagation::TraceContextPropagator, resource::EnvResourceDetector,
    trace::SdkTracerProvider,
};
use tokio::{runtime::Handle, time::timeout};
use tracing::{Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, field::MakeExt as _, filter::Targets, fmt::format,
    layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use url::Url;

use crate::http::WATCHED;

/// The longest answer of a collector, and how long it may take.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is logged, how, and where traces go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of a shared assay")]
pub struct Telemetry {
    /// What to log to standard error, for example `info` (each request) or `assay=debug`
    #[arg(long, global = true, env = "ASSAY_LOG", default_value = "warn", value_name = "FILTER")]
    log: String,
    /// How: lines for people, or a JSON object a line
    #[arg(long, global = true, env = "ASSAY_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// OpenTelemetry collector that gets traces by OTLP over HTTP, such as http://localhost:4318
    #[arg(
        long,
        global = true,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    traces: Option<Url>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Traces under way.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

impl Telemetry {
    /// Begins to log, and to trace where that is asked for; `runtime` sends the traces.
    ///
    /// # Errors
    /// Why traces cannot be sent, in words.
    pub fn begin(&self, runtime: &Handle) -> Result<Traces, String> {
        let cannot = |why: &dyn fmt::Display| format!("traces cannot be sent: {why}");
        let provider = match &self.traces {
            Some(collector) => Some(provider(collector, runtime).map_err(|why| cannot(&why))?),
            None => None,
        };
        let tracing = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("assay"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(Targets::new().with_target("assay", Level::DEBUG))
        });
        tracing_subscriber::registry().with(self.log()).with(tracing).init();
        Ok(Traces(provider))
    }

    fn log(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let to_stderr = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let filter = EnvFilter::new(&self.log);
        match self.log_format {
            LogFormat::Json => {
                let json = to_stderr.json().flatten_event(true).with_current_span(false);
                json.with_filter(filter).boxed()
            }
            LogFormat::Text => {
                let fields = format::debug_fn(|to, field, value| match field.name() {
                    "message" => write!(to, "{}", Line(value)),
                    // For traces alone.
                    name if name.starts_with("otel.") => Ok(()),
                    name => write!(to, "{name}={}", Line(value)),
                });
                to_stderr.fmt_fields(fields.delimited(" ")).with_filter(filter).boxed()
            }
        }
    }
}

/// A value on one line, whatever is in it.
struct Line<'a>(&'a dyn fmt::Debug);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format!("{:?}", self.0).chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_debug()),
            false => f.write_char(c),
        })
    }
}

fn provider(collector: &Url, runtime: &Handle) -> Result<SdkTracerProvider, HttpError> {
    let connector = HttpsConnectorBuilder::new().with_native_roots()?;
    let connector = connector.https_or_http().enable_http1().build();
    let http = Client::builder(TokioExecutor::new()).build(connector);
    let endpoint = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Sender { http, runtime: runtime.clone() })
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpJson)
        .build()?;
    // What OTEL_RESOURCE_ATTRIBUTES says goes before.
    let resource = Resource::builder_empty()
        .with_service_name("assay")
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}

/// Sends traces through the connections of the program's own runtime.
#[derive(Debug)]
struct Sender {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = async move {
            let (parts, body) = http.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        // Whoever asks has a thread without a reactor.
        self.runtime.spawn(async move { timeout(ANSWER_WITHIN, sending).await? }).await?
    }
}

/// A request's span. It names the path only: the query holds the answers, which are never logged.
pub(crate) fn span(request: &Request) -> Span {
    let path = request.uri().path();
    // What watches the program asks all the time.
    if WATCHED.contains(&path) {
        return Span::none();
    }
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let method = request.method().as_str();
    let span = tracing::info_span!(
        "request",
        id = id.unwrap_or_default(),
        method,
        path,
        otel.kind = Empty,
        otel.name = Empty,
    );
    // A proxy before us may have begun the trace. Without traces, none of this does anything.
    let before = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    if span.set_parent(before).is_ok() {
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        span.record("otel.kind", "server");
        span.record("otel.name", format!("{method} {route}").trim_end());
        span.set_attribute("http.request.method", method.to_owned());
        span.set_attribute("http.route", route.to_owned());
    }
    span
}

/// A request was answered after this time.
pub(crate) fn answered<B>(answer: &Response<B>, after: Duration, span: &Span) {
    if span.is_disabled() {
        return;
    }
    let status = answer.status();
    let ms = after.as_secs_f64() * 1000.0;
    tracing::info!(status = status.as_u16(), ms, "answered");
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}
