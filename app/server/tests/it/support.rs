//! What the tests share: an application over a temporary folder, and ways to ask it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use assay::{
    access::Shared,
    api::Keys,
    demo::Demo,
    evidence::Evidence,
    http,
    live::{self, Live, Measure},
    own::OwnRecords,
    rescoring::Rescoring,
    state::{App, AppState},
    trial::Trials,
};
use assay_advice::Model;
use assay_store::FolderStore;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header, request},
};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Answers that lead to Rust.
pub(crate) const RUST_SHEET: &str = r#"service = "session-gateway"

[answers]
failure_consequence = "catastrophic"
untrusted_input = "core_job"
invariants = "intricate"
go_fluency = "few"
rust_fluency = "most"
owners = 5
workload = "gateway"
tail_latency = "tight"
first_production = "later"
libraries = "systems"
paved_road = "rust"
separable_core = "no"
priorities = ["safety", "latency"]
"#;

/// Answers that lead to Go.
pub(crate) const GO_SHEET: &str = r#"service = "back-office"

[answers]
failure_consequence = "minor"
untrusted_input = "framework_only"
invariants = "crud"
go_fluency = "most"
rust_fluency = "none"
owners = 3
newcomers = "many"
workload = "json_api"
tail_latency = "relaxed"
first_production = "weeks"
change_rate = "weekly"
libraries = "cloud_native"
paved_road = "go"
separable_core = "no"
priorities = ["delivery", "people"]
"#;

/// What Alertmanager has to show.
pub(crate) const HOOK_TOKEN: &str = "hook-token";

/// The application over a folder that goes away with it.
pub(crate) struct TestApp {
    pub(crate) app: App,
    router: Router,
    folder: TempDir,
}

/// A fixed clock, so that results repeat.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_second(1_795_262_400).expect("a time in range")
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with_runs(None).await
    }

    /// The application with the runs in a folder besides the committed ones.
    pub(crate) async fn with_runs(added: Option<&Path>) -> Self {
        Self::build(added, Arc::new(live::harness), PathBuf::new(), true, None).await
    }

    /// The application with a model of one's own.
    pub(crate) async fn advised_by(model: &str) -> Self {
        let place = PathBuf::new();
        Self::build(None, Arc::new(live::harness), place, true, Some(model)).await
    }

    /// With a stand-in for the harness, a place in which to look for the source tree, and local or
    /// not.
    pub(crate) async fn measuring(measure: Arc<Measure>, place: PathBuf, local: bool) -> Self {
        Self::build(None, measure, place, local, None).await
    }

    /// The application where nobody gave a token for Alertmanager.
    pub(crate) async fn without_hook() -> Self {
        let mut built = Self::new().await;
        // The router holds the state as well.
        drop(std::mem::take(&mut built.router));
        Arc::get_mut(&mut built.app).expect("nobody else has it").hook_token = None;
        built.router = http::app(Arc::clone(&built.app));
        built
    }

    /// The application in shared mode.
    pub(crate) async fn shared(shared: Shared, clock: fn() -> Timestamp) -> Self {
        let mut built = Self::new().await;
        drop(std::mem::take(&mut built.router));
        let state = Arc::get_mut(&mut built.app).expect("nobody else has it");
        (state.shared, state.local, state.clock) = (Some(shared), false, clock);
        built.router = http::app(Arc::clone(&built.app));
        built
    }

    async fn build(
        added: Option<&Path>,
        measure: Arc<Measure>,
        place: PathBuf,
        local: bool,
        model: Option<&str>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model_file = model.map(|_| PathBuf::from("ours.toml"));
        let model = model.map(|text| Model::parse(text).expect("a good model"));
        let model = Arc::new(model.unwrap_or_else(|| Model::builtin().clone()));
        let data = folder.path().join("data");
        let evidence = Evidence::open(Arc::clone(&model), added.map(Path::to_path_buf), &data);
        let decisions = folder.path().join("decisions");
        let store = FolderStore::open(decisions.clone(), data, model).await.expect("a store");
        let app: App = Arc::new(AppState {
            evidence,
            store: Arc::new(store),
            clock: noon,
            local_name: "tester".to_owned(),
            shared: None,
            live: Live::new(measure, place),
            local,
            demo: Demo::default(),
            hybrid: None,
            keys: Keys::default(),
            metrics: http::Metrics::default(),
            decisions: Some(decisions),
            model_file,
            own: OwnRecords::default(),
            trials: Trials::default(),
            rescoring: Rescoring::default(),
            hook_token: Some(HOOK_TOKEN.to_owned()),
        });
        Self { router: http::app(Arc::clone(&app)), app, folder }
    }

    /// The folder of the records.
    pub(crate) fn decisions(&self) -> &Path {
        self.app.decisions.as_deref().expect("a folder")
    }

    /// The folder above it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a request; a missing Host is filled in.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_to(self.router.clone(), request).await
    }

    /// Sends a request to another router.
    pub(crate) async fn send_to(&self, router: Router, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert("127.0.0.1:8080".parse().expect("a host"));
        let response = router.oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send(json(Request::post(path), body)).await
    }
}

/// A JSON request from its beginning.
pub(crate) fn json(builder: request::Builder, body: &Value) -> Request<Body> {
    builder
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// A TOML request from its beginning.
pub(crate) fn toml(builder: request::Builder, text: &str) -> Request<Body> {
    builder
        .header(header::CONTENT_TYPE, "application/toml")
        .body(Body::from(text.to_owned()))
        .expect("a request")
}

/// A whole response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Asserts a problem with this status and gives it.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().expect("a title").is_empty());
        problem
    }
}

/// Says why a test proves nothing here; with `ASSAY_REQUIRE=all` that is a failure.
pub(crate) fn skip(test: &str, why: &str) {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to take it from")]
    let required = std::env::var("ASSAY_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "{test} is required, but {why}");
    eprintln!("skipped: {test} because {why}");
}

/// Fetches the npm packages of a test's folder, unless they are there; whether that went well.
pub(crate) fn npm_packages(folder: &Path) -> bool {
    // Several tests ask for them at once.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().expect("nobody panicked");
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    // npm writes this file last.
    folder.join("node_modules/.package-lock.json").exists()
        || install.output().is_ok_and(|output| output.status.success())
}
