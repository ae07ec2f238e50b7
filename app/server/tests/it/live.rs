//! Measuring from the page, with a stand-in for the harness, and picking the run the advice uses.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    time::Duration,
};

use assay::{
    evidence::Evidence,
    http,
    live::{self, Measure, Stage},
};
use assay_advice::{Model, Part};
use assay_evidence::{Environment, Kind, Profile, Summary, Variant, VariantMetric, metric};
use assay_harness::{Options, Outcome, Progress};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::{Answer, TestApp};

/// What the stand-in does next.
enum Act {
    Say(&'static str),
    /// Finishes a block.
    Block,
    Finish,
    Fail(&'static str),
    Panic,
}

/// A harness that does what it is told, and stops when it is asked to.
fn stand_in() -> (Arc<Measure>, Sender<Act>) {
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    let measure = move |options: &Options, report: &mut (dyn FnMut(Progress) + Send)| {
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut run = StandInRun::new(options);
        loop {
            if options.stop.load(Ordering::Relaxed) {
                return run.stopped();
            }
            match told.recv_timeout(Duration::from_millis(5)) {
                Ok(Act::Say(text)) => report(run.progress(text)),
                Ok(Act::Block) => run.block(),
                Ok(Act::Finish) => return Ok(run.outcome(false)),
                Ok(Act::Fail(why)) => return Err(why.to_owned()),
                Ok(Act::Panic) => panic!("out of cheese"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("nobody tells".to_owned()),
            }
        }
    };
    (Arc::new(measure), tell)
}

/// A harness that does in seconds what takes minutes, for the browser. A full run stays in its
/// second block until it is cancelled.
pub(crate) fn in_seconds() -> Arc<Measure> {
    Arc::new(|options, report| {
        let mut run = StandInRun::new(options);
        for text in
            ["building both twins of fastjson-api", "block 1 of 3", "block 2 of 3", "block 3 of 3"]
        {
            report(run.progress(text));
            let stays = options.profile == Profile::Publish && text.starts_with("block 2");
            for _ in 0..if stays { u32::MAX } else { 75 } {
                if options.stop.load(Ordering::Relaxed) {
                    return run.stopped();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            if text.starts_with("block") {
                run.block();
            }
        }
        Ok(run.outcome(false))
    })
}

/// The run folder a stand-in writes.
struct StandInRun {
    folder: PathBuf,
    summary: Summary,
}

impl StandInRun {
    fn new(options: &Options) -> Self {
        let name = format!("stand-in-{}", options.service);
        let folder = options.out.clone().expect("a folder for runs").join(&name);
        let summary = Summary {
            started: options.started.to_string(),
            profile: options.profile,
            scenario: options.service.clone(),
            blocks: 0,
            blocks_planned: 3,
            ..shipped().0
        };
        Self { folder, summary: Summary { run: name, ..summary } }
    }

    fn progress(&self, text: &str) -> Progress {
        let share = f64::from(self.summary.blocks) / 3.0;
        let folder = Some(self.folder.clone());
        Progress { text: text.to_owned(), share, left: Duration::from_secs(65), folder }
    }

    fn block(&mut self) {
        self.summary.blocks += 1;
        write_run(&self.folder, &self.summary);
    }

    fn outcome(&self, interrupted: bool) -> Outcome {
        Outcome { folder: self.folder.clone(), summary: self.summary.clone(), interrupted }
    }

    fn stopped(&self) -> Result<Outcome, String> {
        if self.summary.blocks == 0 {
            return Err("interrupted".to_owned());
        }
        Ok(self.outcome(true))
    }
}

/// The newest run that came with the program, of the scenario that the advice reads.
fn shipped() -> (Summary, Environment) {
    let runs = assay::evidence::Runs::load([]);
    let mut runs = runs.runs.into_iter();
    let run = runs.find(|run| run.summary.scenario == "json-quotes").expect("a shipped run");
    (run.summary, run.environment)
}

fn write_run(folder: &Path, summary: &Summary) {
    fs::create_dir_all(folder).expect("a run folder");
    let environment = shipped().1.to_toml().expect("an environment");
    fs::write(folder.join("environment.toml"), environment).expect("a file");
    fs::write(folder.join("summary.toml"), summary.to_toml().expect("a summary")).expect("a file");
}

pub(crate) fn source_tree() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

async fn measuring() -> (TestApp, Sender<Act>) {
    let (measure, tell) = stand_in();
    (TestApp::measuring(measure, source_tree(), true).await, tell)
}

async fn post(app: &TestApp, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    app.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

async fn start(app: &TestApp) -> Answer {
    post(app, "/evidence/live", "action=start&scenario=json-quotes&profile=quick").await
}

/// Waits until the page says something, and gives it.
async fn until(app: &TestApp, text: &str) -> String {
    for _ in 0..1000 {
        let page = app.get("/evidence/live").await.body;
        if page.contains(text) {
            return page;
        }
        sleep(Duration::from_millis(5)).await;
    }
    panic!("the page never said {text:?}: {}", app.get("/evidence/live").await.body);
}

#[tokio::test]
async fn a_run_is_started_followed_and_then_known() {
    let (app, tell) = measuring().await;
    let page = app.get("/evidence/live").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Start measuring") && !page.body.contains("Cancel the run"));
    let started = start(&app).await;
    assert_eq!(
        (started.status, started.header("location")),
        (StatusCode::SEE_OTHER, "/evidence/live")
    );

    tell.send(Act::Say("block 1 of 3: rust")).unwrap();
    let page = until(&app, "block 1 of 3: rust").await;
    assert!(page.contains("about 1:05 left") && page.contains("Cancel the run"), "{page}");
    assert!(!page.contains("Start measuring"), "one run at a time");
    let second = start(&app).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert!(second.body.contains("is being measured; it must end or be cancelled first"));

    tell.send(Act::Block).unwrap();
    tell.send(Act::Say("block 2 of 3: go")).unwrap();
    let page = until(&app, "block 2 of 3: go").await;
    assert!(page.contains("1 of 3 blocks.") && page.contains("Figures so far"), "{page}");
    assert!(app.app.runs().runs.iter().all(|run| !run.name.starts_with("stand-in")));

    for _ in 0..2 {
        tell.send(Act::Block).unwrap();
    }
    tell.send(Act::Finish).unwrap();
    let page = until(&app, "The run is finished").await;
    assert!(page.contains("3 of 3 blocks were finished and are kept."), "{page}");
    assert!(page.contains("The run stand-in-json-quotes</a>"));
    let beside = format!("/evidence/compare?a={}&#38;b=stand-in-json-quotes", shipped().0.run);
    assert!(page.contains(&beside), "{page}");
    let beside = app.get(&beside.replace("&#38;", "&")).await;
    assert_eq!(beside.status, StatusCode::OK, "{}", beside.body);
    let runs = app.get("/api/v1/evidence/runs").await.json();
    let names: Vec<&str> =
        runs["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert!(names.contains(&"stand-in-json-quotes") && names.len() >= 2, "{names:?}");
    assert_eq!(start(&app).await.status, StatusCode::SEE_OTHER, "another may follow");
    app.app.live.end();
    assert!(app.app.live.ended().await);
}

#[tokio::test]
async fn a_cancelled_run_keeps_its_finished_blocks() {
    let (app, tell) = measuring().await;
    start(&app).await;
    tell.send(Act::Say("block 1 of 3: rust")).unwrap();
    until(&app, "block 1 of 3").await;
    assert_eq!(post(&app, "/evidence/live", "action=cancel").await.status, StatusCode::SEE_OTHER);
    let page = until(&app, "The run was cancelled").await;
    assert!(page.contains("No block was finished, so nothing is kept."), "{page}");

    start(&app).await;
    tell.send(Act::Block).unwrap();
    tell.send(Act::Say("block 2 of 3: rust")).unwrap();
    until(&app, "block 2 of 3").await;
    post(&app, "/evidence/live", "action=cancel").await;
    let page = until(&app, "1 of 3 blocks were finished and are kept.").await;
    assert!(page.contains("interrupted after 1 of 3 blocks, which are kept"), "{page}");
    assert!(page.contains("it is not complete: 1 of 3 blocks were finished"), "{page}");
    let again = post(&app, "/evidence/live", "action=cancel").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "cancelling nothing is no error");
}

#[tokio::test]
async fn a_failure_is_said_in_its_own_words() {
    let (app, tell) = measuring().await;
    start(&app).await;
    tell.send(Act::Fail("Go is not installed: measuring builds the Go twin")).unwrap();
    let page = until(&app, "The run failed").await;
    assert!(page.contains("Go is not installed: measuring builds the Go twin. No block"), "{page}");

    start(&app).await;
    tell.send(Act::Block).unwrap();
    tell.send(Act::Say("block 2 of 3: go")).unwrap();
    tell.send(Act::Fail("the go twin has ended\nit said: <out of cheese>")).unwrap();
    let page = until(&app, "The go twin has ended").await;
    assert!(page.contains("1 of 3 blocks were finished and are kept."), "{page}");
    assert!(page.contains("it said: &#60;out of cheese&#62;"), "{page}");

    start(&app).await;
    tell.send(Act::Panic).unwrap();
    until(&app, "Measuring broke off by a fault").await;
    assert_eq!(start(&app).await.status, StatusCode::SEE_OTHER, "nothing is stuck");
    app.app.live.end();
}

#[tokio::test]
async fn streams_carry_the_present_state_and_end_with_assay() {
    let (app, tell) = measuring().await;
    start(&app).await;
    tell.send(Act::Say("building both twins")).unwrap();
    until(&app, "building both twins").await;
    let request = Request::get("/evidence/live/events").header("host", "127.0.0.1:8080");
    let router = http::app(Arc::clone(&app.app));
    let response =
        tower::ServiceExt::oneshot(router, request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "private, no-store");
    let mut events = response.into_body();
    let mut next = async || {
        let frame = timeout(Duration::from_secs(5), events.frame()).await.expect("in time");
        frame.map(|frame| {
            String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).expect("text")
        })
    };
    let first = next().await.expect("the present state");
    assert!(first.contains("building both twins") && first.contains("data-key=\"1-true\""));
    tell.send(Act::Say("checking both twins")).unwrap();
    assert!(next().await.expect("a change").contains("checking both twins"));
    app.app.live.end();
    while let Some(event) = next().await {
        assert!(event.contains("stop") || event.contains("cancelled"), "{event}");
    }
    assert!(app.app.live.ended().await, "the run has stopped");
    assert!(matches!(app.app.live.now().stage, Stage::Cancelled { run: None }));
    assert_eq!(start(&app).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn outside_a_source_tree_it_says_what_to_do() {
    let elsewhere = tempfile::tempdir().unwrap();
    let app = TestApp::measuring(Arc::new(live::harness), elsewhere.path().to_owned(), true).await;
    let page = app.get("/evidence/live").await.body;
    assert!(page.contains("outside its source tree") && page.contains("cargo run --release"));
    let refused = start(&app).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.body.contains("start assay inside a checkout"), "{}", refused.body);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let (app, _tell) = measuring().await;
    for (body, status, says) in [
        ("action=explode", StatusCode::BAD_REQUEST, "start, cancel"),
        (
            "action=start&scenario=json-quotes&profile=epic",
            StatusCode::BAD_REQUEST,
            "quick, publish",
        ),
        ("action=start&scenario=x&profile=quick", StatusCode::UNPROCESSABLE_ENTITY, "json-quotes"),
        ("", StatusCode::BAD_REQUEST, "action"),
    ] {
        let answer = post(&app, "/evidence/live", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.body.contains(says), "{body}: {}", answer.body);
    }
    let foreign = Request::post("/evidence/live")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("action=start&scenario=json-quotes&profile=quick"));
    assert_eq!(app.send(foreign.unwrap()).await.status, StatusCode::FORBIDDEN);

    let shared = TestApp::measuring(stand_in().0, source_tree(), false).await;
    for path in ["/evidence/live", "/evidence/live/events"] {
        assert_eq!(shared.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(start(&shared).await.status, StatusCode::NOT_FOUND);
    assert_eq!(post(&shared, "/evidence/use", "scenario=json-quotes").await.status, 404);
}

/// The run that the advice on a JSON API names.
async fn advised_by(app: &TestApp) -> String {
    let body = json!({"answers": {"workload": "json_api", "tail_latency": "tight"}});
    let score = app.post_json("/api/v1/score", &body).await.json();
    score["performance"]["summary"].as_str().expect("text").to_owned()
}

fn data(app: &TestApp) -> PathBuf {
    app.folder().join("data")
}

/// Keeps a whole run of our own, and lets the program find it.
fn own_run(app: &TestApp, name: &str, change: impl FnOnce(&mut Summary)) {
    let mut summary = shipped().0;
    name.clone_into(&mut summary.run);
    "2099-01-01T00:00:00Z".clone_into(&mut summary.started);
    change(&mut summary);
    write_run(&data(app).join("runs").join(name), &summary);
    app.app.evidence.reload();
}

#[tokio::test]
async fn the_advice_uses_the_run_that_is_picked() {
    let app = TestApp::new().await;
    let default = shipped().0.run;
    own_run(&app, "a-quick-one", |summary| summary.profile = Profile::Quick);
    assert!(advised_by(&app).await.contains(&default), "a full run goes before a quick one");
    let before = app.app.engine();
    let body = "scenario=json-quotes&run=a-quick-one&back=/evidence/fastjson-api";
    let picked = post(&app, "/evidence/use", body).await;
    assert_eq!(picked.status, StatusCode::SEE_OTHER);
    assert_eq!(picked.header("location"), "/evidence/fastjson-api#use-json-quotes");
    assert!(advised_by(&app).await.contains("(json-quotes, a-quick-one)"));
    assert!(before.measurements().workloads.iter().any(|measured| measured.run == default));
    let panel = app.get("/checklist?workload=json_api&owners=3").await.body;
    assert!(panel.contains("a-quick-one") && panel.contains("/evidence/live#use"), "{panel}");
    let page = app.get("/evidence/live").await.body;
    assert!(page.contains("value=\"a-quick-one\" checked"), "{page}");

    // It is kept: the next start, and the command line, find it.
    let model = Arc::new(Model::builtin().clone());
    let next = Evidence::open(Arc::clone(&model), None, &data(&app)).now();
    let used = next.in_use.of("json-quotes").unwrap();
    assert!(used.picked && used.run == "a-quick-one");

    assert_eq!(post(&app, "/evidence/use", "scenario=json-quotes&run=").await.status, 303);
    assert!(advised_by(&app).await.contains(&default), "back to the default");

    // A run that is gone, and a file that is broken, give way to the default and are told.
    let file = data(&app).join("runs-in-use.toml");
    for (text, says) in [
        ("[use]\njson-quotes = \"gone\"\n", "there is no such run any more"),
        ("[use]\njson-quotes = 7\n", "line 2, column 15"),
        ("[use]\nnonsense = \"gone\"\n", "which the advice does not read"),
        ("\u{0}", "cannot be read"),
    ] {
        fs::write(&file, text).unwrap();
        app.app.evidence.reload();
        let page = app.get("/evidence/live").await.body;
        assert!(page.contains(says), "{text}: {page}");
        assert!(advised_by(&app).await.contains(&default), "{text}");
    }
    let mended = post(&app, "/evidence/use", "scenario=json-quotes&run=a-quick-one").await;
    assert_eq!(mended.header("location"), "/evidence/live#use-json-quotes");
    assert!(advised_by(&app).await.contains("a-quick-one"));
}

#[tokio::test]
async fn a_run_that_cannot_stand_for_a_workload_is_not_used() {
    let app = TestApp::new().await;
    let default = shipped().0.run;
    own_run(&app, "half", |summary| summary.blocks = 1);
    own_run(&app, "foreign", |summary| summary.workload = "cache".to_owned());
    own_run(&app, "void", |summary| summary.metrics.retain(|metric| !metric.id.contains("p999")));
    own_run(&app, "ladder", |summary| summary.scenario = "json-quotes-ladder".to_owned());
    own_run(&app, "documents", |summary| summary.scenario = "json-documents".to_owned());
    let advised = advised_by(&app).await;
    assert!(advised.contains(&default), "{advised}");
    let page = app.get("/evidence/live").await.body;
    for (run, why) in [
        ("half", "it is not complete: 1 of"),
        ("foreign", "stands for the workload cache, but json-quotes stands for json_api"),
        ("void", "it has no figure for the 99.9th percentile latency of the Rust service"),
        ("ladder", "answers a question of its own"),
    ] {
        let refused = post(&app, "/evidence/use", &format!("scenario=json-quotes&run={run}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{run}");
        assert!(refused.body.contains(why), "{run}: {}", refused.body);
        assert!(run == "ladder" || page.contains(why), "{run}: {page}");
    }
    for body in ["scenario=json-quotes&run=nobody", "scenario=other&run=half", ""] {
        assert_eq!(post(&app, "/evidence/use", body).await.status, 422, "{body}");
    }

    // Much data in memory has a scenario of its own, for the tail alone.
    own_run(&app, "resident", |summary| {
        summary.scenario = "json-resident".to_owned();
        summary.resident_state = "large".to_owned();
    });
    let engine = app.app.engine();
    let read: Vec<_> = engine.measurements().workloads.iter().collect();
    let read: Vec<_> = read.iter().map(|m| (m.scenario.as_str(), m.part)).collect();
    let parts = [
        ("json-quotes", Part::Whole),
        ("json-resident", Part::Tail),
        ("json-canonicalize", Part::Computing),
        ("cache-mixed", Part::Whole),
        ("analytics-mixed", Part::Whole),
        ("gateway-proxy", Part::Whole),
    ];
    assert_eq!(read, parts);
    let crossed = post(&app, "/evidence/use", "scenario=json-quotes&run=resident").await;
    assert!(crossed.body.contains("it measured json-resident"), "{}", crossed.body);
}

/// Makes a run of a whole path of it, on which the hybrid took what Go takes.
fn path(summary: &mut Summary) {
    (summary.scenario, summary.workload) = ("gateway-hybrid".to_owned(), "gateway".to_owned());
    let metrics = summary.metrics.iter().map(|metric| VariantMetric {
        id: metric.id.clone(),
        title: metric.title.clone(),
        unit: metric.unit.clone(),
        better: metric.better,
        note: String::new(),
        at_least: false,
        figure: metric.go,
        ratio: None,
        rust_over: None,
        go_over: None,
    });
    let metrics = metrics.collect();
    let again = summary.variants.iter().find(|variant| variant.kind == Kind::Again).cloned();
    let again = again.expect("one binary was measured twice");
    let (id, kind) = ("hybrid".to_owned(), Kind::Runtime);
    summary.variants = vec![again.clone(), Variant { id, kind, metrics, ..again }];
}

#[tokio::test]
async fn a_whole_path_says_what_two_services_cost() {
    let app = TestApp::new().await;
    own_run(&app, "path", path);
    own_run(&app, "without", |summary| {
        path(summary);
        summary.variants.pop();
    });
    let use_it = |run: &'static str| format!("scenario=gateway-hybrid&run={run}");
    let refused = post(&app, "/evidence/use", &use_it("without")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("of the variant hybrid"), "{}", refused.body);
    assert_eq!(post(&app, "/evidence/use", &use_it("path")).await.status, 303);

    let two = app.app.engine().measurements().two_services.clone().expect("what the path says");
    assert_eq!((two.scenario.as_str(), two.run.as_str()), ("gateway-hybrid", "path"));
    let cpu = shipped().0.metric(metric::CPU).cloned().expect("processor time");
    let ratio = cpu.go.expect("a figure").value / cpu.rust.expect("a figure").value;
    assert!(ratio > 1.5 && (two.cpu.high - ratio).abs() < 1e-9, "{ratio} {two:?}");
    assert!(two.cpu.low == 1.0 && (two.cpu.value - ratio.sqrt()).abs() < 1e-9, "{two:?}");
    // Go's p99.9 may be noise in that run, so it adds nothing.
    assert_eq!((two.p999.low, two.p999.high), (1.0, 1.0), "{two:?}");
    let workloads = app.app.engine().measurements().workloads.clone();
    assert!(workloads.iter().all(|measured| measured.run != "path"), "it stands for no workload");

    let panel = app.get("/checklist?workload=json_api&fleet_cores=large").await.body;
    assert!(panel.contains("(gateway-hybrid, path)"), "{panel}");
    let page = app.get("/evidence/gateway?scenario=gateway-hybrid").await.body;
    assert!(page.contains("what a hybrid of two services costs"), "{page}");
}

#[tokio::test]
async fn another_run_of_the_same_name_stands_beside_the_first() {
    let app = TestApp::new().await;
    let name = shipped().0.run;
    let count = app.app.runs().runs.len();
    own_run(&app, &name, |_| ());
    let runs = app.app.runs();
    assert_eq!(runs.runs.len(), count + 1);
    assert!(runs.get(&name).unwrap().folder.is_none(), "the shipped one keeps its name");
    assert!(runs.get(&format!("{name}-2")).unwrap().folder.is_some());
    // What was interrupted before its first block says so.
    let unfinished = data(&app).join("runs/unfinished");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("environment.toml"), shipped().1.to_toml().unwrap()).unwrap();
    app.app.evidence.reload();
    let page = app.get("/evidence/live").await.body;
    assert!(page.contains("interrupted before its first block was finished"), "{page}");
}
