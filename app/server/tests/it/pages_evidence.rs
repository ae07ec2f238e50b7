//! The pages about evidence.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use assay_evidence::Summary;
use tempfile::TempDir;

use crate::{pages_checklist::assert_page, runs, support::TestApp};

/// The application with the made-up runs.
async fn with_made_up_runs() -> (TestApp, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    runs::write(folder.path());
    (TestApp::with_runs(Some(folder.path())).await, folder)
}

#[tokio::test]
async fn duckdb_and_a_bare_scan_stand_beside_the_twins_of_analytics() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/analytics-api").await;
    assert_page(&page, StatusCode::OK, "Analytics");
    let body = &page.body;
    assert!(body.contains("fixture-analytics") && !body.contains("id=\"try\""), "nothing to try");
    // 40 and 80 ms of the twins, 240 of DuckDB, 10 of the scan.
    assert!(body.contains("p99 included, in 0.50× [0.50, 0.50] of Go’s time."), "{body}");
    let said = "Beside DuckDB, Rust answers every bucket of every key with p99 in 0.17× [0.17, 0.17] \
                and very many groups in 0.17×";
    assert!(body.contains(said), "{body}");
    let figures = between(body, "Every figure beside theirs", "</table>");
    assert!(figures.contains("Rust ÷ it 4.00 [4.00, 4.00]"), "of the scan: {figures}");
    assert!(figures.contains("Resident memory per event"), "{figures}");
    assert!(body.contains("Asked in the same blocks") && body.contains("GOMAXPROCS = 2"));
    assert!(!body.contains("Latency against throughput"), "nothing was swept");
    let claims = app.get("/evidence/claims").await.body;
    assert!(claims.contains("fixture-analytics") && claims.contains("in half of DuckDB"));
    let overview = app.get("/evidence").await.body;
    assert!(overview.contains("Beside Bare scan, Rust answers"), "what a run says");
    for path in [
        "/evidence/runs/fixture-analytics",
        "/evidence/compare?a=fixture-analytics&b=fixture-cache",
    ] {
        assert_page(&app.get(path).await, StatusCode::OK, "");
    }
}

/// What stands between two marks of a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let rest = page.split_once(from).unwrap_or_else(|| panic!("no {from:?} in {page}")).1;
    rest.split_once(to).map_or(rest, |(text, _)| text)
}

#[tokio::test]
async fn the_way_of_measuring_is_told_with_its_sections() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/method").await;
    assert_page(&page, StatusCode::OK, "How we measure");
    let text = include_str!("../../../../benches/METHOD.md");
    let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
    assert!(sections.clone().count() > 3);
    for section in sections {
        assert!(page.body.contains(&format!(">{section}</a>")), "{section} is in the contents");
    }
    for link in page.body.split("href=\"#").skip(1) {
        let id = link.split('"').next().expect("an end");
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{id} is on the page");
    }
}

#[tokio::test]
async fn a_run_says_what_it_found_where_it_is_and_what_did_not_count() {
    let app = TestApp::new().await;
    let known = app.app.runs();
    assert!(!known.runs.is_empty());
    for run in &known.runs {
        let page = app.get(&format!("/evidence/runs/{}", run.name)).await;
        assert_page(&page, StatusCode::OK, "Run");
        let page = page.body;
        assert!(page.contains(&format!("benches/runs/{}/", run.name)), "{}", run.name);
        for void in &run.summary.voids {
            assert!(page.contains(&void.why), "{}", void.why);
        }
        for metric in &run.summary.metrics {
            let title = metric.title.replace('\'', "&#39;");
            assert!(page.contains(&title), "{title}");
        }
        let twice = "GOMAXPROCS = 1 <span class=\"soft small\">µs</span><br>";
        assert!(!page.contains(twice), "a note is not said twice");
    }
}

#[tokio::test]
async fn the_overview_tells_what_is_measured_what_is_not_and_what_cannot_be_read() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence").await;
    assert_page(&page, StatusCode::OK, "Evidence");
    let page = page.body;
    assert!(page.contains("of Go’s CPU per request.</strong>"), "the headline in words");
    let known = app.app.runs();
    // One of whose scenario no made-up run is newer.
    let of_scenario = |run: &&assay::evidence::KnownRun| run.summary.scenario == "cache-get";
    let committed = known.runs.iter().find(of_scenario).expect("a committed run");
    assert!(page.contains(&format!("href=\"/evidence/runs/{}\"", committed.name)));
    assert!(page.contains("A made-up tuning ladder") || page.contains("json-quotes-ladder"));
    let faults = between(&page, "Runs that could not be read", "</section>");
    for (run, why) in [
        ("fixture-half-written", "interrupted before its first block was finished"),
        ("fixture-newer", "update assay"),
        ("fixture-edited", "needs low &#60;= value &#60;= high"),
    ] {
        assert!(faults.contains(run) && faults.contains(why), "{run}: {why} in {faults}");
    }
    assert!(between(&page, "<h2 id=\"gateway\">", "</section>").contains("gateway-stall"));
    assert!(
        page.contains("by-scenario-fastjson-api-title"),
        "scenarios are held against each other"
    );
}

#[tokio::test]
async fn a_ladder_puts_the_idiomatic_pair_first_and_tells_the_noise() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/fastjson-api?scenario=json-quotes-ladder").await;
    assert_page(&page, StatusCode::OK, "JSON API");
    let ladder = between(&page.body, "id=\"ladder-desc\">", "</desc>");
    let order = ["Rust, idiomatic", "Go, idiomatic", "Rust, body read", "Go, GOEXP", "The floor"];
    let at = order.map(|name| ladder.find(name).unwrap_or_else(|| panic!("{name} in {ladder}")));
    assert!(at.is_sorted(), "{ladder}");
    assert!(page.body.contains("share of the floor’s"));
    assert_eq!(page.body.matches("class=\"rung headline").count(), 2);
    let noise = between(&page.body, "differed from itself by no more than ", "</p>");
    assert!(noise.starts_with('±'), "{noise}");
    assert!(page.body.contains("class=\"noise\"") && page.body.contains("class=\"noise-go\""));
    // Every load of Go at nine tenths is void, so its mark is hollow and the table says so.
    assert_eq!(page.body.matches("class=\"mark hollow fill-go\"").count(), 3, "one a percentile");
    assert!(page.body.contains("<td class=\"num\">void</td>"));
    assert!(page.body.contains("MADE=up"), "how a rung was run");
}

#[tokio::test]
async fn a_cause_test_shows_each_setting_and_the_collections_over_time() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/runs/fixture-causes").await.body;
    let ratios = between(&page, "id=\"half_load_p999_us-desc\">", "</desc>");
    assert!(ratios.contains("GOGC=off: 0.1"), "{ratios}");
    assert_eq!(page.matches("<svg class=\"plot timeline\"").count(), 4);
    assert_eq!(page.matches("class=\"collection\"").count(), 12, "of Go by default alone");
    assert!(page.contains("12 collections began within it; the longest took 18 ms"));
    assert!(page.contains("no noise floor"), "it measured nothing against itself");
    assert!(page.contains("Is it the garbage collector?"));
    // Other settings, of splits and of the disk, ask something else.
    for run in ["gateway?scenario=gateway-hybrid", "analytics-api?scenario=analytics-ingest"] {
        let page = app.get(&format!("/evidence/{run}")).await.body;
        assert!(page.contains("The same programs, set up otherwise"), "{run}");
        assert!(!page.contains("garbage collector?"), "{run}");
    }
}

#[tokio::test]
async fn a_run_is_there_for_programs_and_as_files() {
    let (app, folder) = with_made_up_runs().await;
    let run = app.get("/api/v1/evidence/runs/fixture-ladder").await;
    assert_eq!(run.status, StatusCode::OK);
    let json = run.json();
    assert_eq!(json["summary"]["variant"].as_array().map(Vec::len), Some(5));
    assert_eq!(json["environment"]["go"]["gomaxprocs"], "1");
    for file in ["summary.toml", "samples.toml", "environment.toml"] {
        let path = format!("/evidence/runs/fixture-ladder/{file}");
        assert!(app.get("/evidence/runs/fixture-ladder").await.body.contains(&path));
        let answer = app.get(&path).await;
        let on_disk = std::fs::read_to_string(folder.path().join("fixture-ladder").join(file));
        assert_eq!(answer.body, on_disk.expect("the file"));
        assert!(answer.header("content-disposition").starts_with("attachment"));
    }
    let committed = app.app.runs();
    let committed = committed.runs.iter().find(|run| run.folder.is_none()).expect("a run");
    let answer = app.get(&format!("/evidence/runs/{}/summary.toml", committed.name)).await;
    assert_eq!(Summary::parse(&answer.body).expect("a summary"), committed.summary);
    for path in ["histograms.hlog", "Cargo.toml", "..%2Ffixture-causes%2Fsummary.toml"] {
        let answer = app.get(&format!("/evidence/runs/fixture-ladder/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_answered_with_what_there_is() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/runs/%3Cscript%3E").await;
    assert_page(&page, StatusCode::NOT_FOUND, "Error: There is no such run");
    assert!(page.body.contains("href=\"/evidence/runs/fixture-causes\""));
    assert!(!page.body.contains("<script>"));
    let problem = app.get("/api/v1/evidence/runs/nothing").await.problem(404);
    assert!(problem["detail"].as_str().expect("a detail").contains("fixture-causes"));
    let nowhere = app.get("/evidence/fastjson-api?scenario=nothing").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get("/evidence/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_service_can_be_tried() {
    let app = TestApp::new().await;
    let path = "/evidence/fastjson-api";
    let post = |body: &str| {
        let request =
            Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        app.send(request.body(Body::from(body.to_owned())).expect("a request"))
    };
    assert_page(&app.get(path).await, StatusCode::OK, "JSON API");
    let early = post("action=send&order=%7B%7D").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "it is not running yet");
    assert_eq!(post("action=start").await.status, StatusCode::SEE_OTHER);
    let page = app.get(path).await.body;
    assert!(page.contains("http://127.0.0.1:") && page.contains("Send the order"));
    let order = page.split("<textarea").nth(1).and_then(|rest| rest.split_once('>'));
    let order = order.and_then(|(_, rest)| rest.split("</textarea>").next()).expect("an order");
    let order = order.replace("&#34;", "\"");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("action", "send")
        .append_pair("order", order.trim())
        .finish();
    let answer = post(&body).await;
    assert!(answer.body.contains("Answer: 200 OK"), "{}", answer.body);
    let refused = post("action=send&order=%3Cscript%3E").await.body;
    assert!(refused.contains("Answer: 4") && !refused.contains("<script>alert"));
    assert_eq!(post("action=stop").await.status, StatusCode::SEE_OTHER);
    assert!(app.get(path).await.body.contains("Start the service"));
    assert_eq!(post("action=explode").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_summary_is_held_against_its_samples() {
    let (app, _folder) = with_made_up_runs().await;
    let known = app.app.runs();
    let notes = |name: &str| known.get(name).expect("a run").summary.notes.join(" ");
    assert!(!notes("fixture-causes").contains("samples"), "one that agrees says nothing");
    assert!(notes("fixture-unchecked").contains("samples.toml is missing"));
    assert!(notes("fixture-retouched").contains("does not say what its samples say"));
    let retouched = &known.get("fixture-retouched").expect("a run").summary;
    let n = retouched.metrics.iter().filter_map(|metric| metric.ratio).map(|ratio| ratio.n);
    assert_eq!(n.max(), Some(10), "the samples count");
    let page = app.get("/evidence/runs/fixture-retouched").await.body;
    assert!(page.contains("these figures are computed from the samples"));
}

#[tokio::test]
async fn what_is_noise_or_no_twin_speaks_for_nobody() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/runs/fixture-ladder").await.body;
    let cpu = between(&page, "id=\"tuning-cpu-desc\">", "</desc>");
    assert!(cpu.contains("jsonv2") && !cpu.contains("floor"), "{cpu}");
    let known = app.app.runs();
    let committed = known.runs.iter().find(|run| run.summary.run.ends_with("-json-quotes"));
    let run = committed.expect("the committed headline");
    let page = app.get(&format!("/evidence/runs/{}", run.name)).await.body;
    assert!(page.contains("<td>within the noise</td>"), "p99.9 differs from itself by more");
    let capacity = between(&page, "Greatest swept rate with p99", "</tr>");
    assert!(capacity.contains("may lie between two of them"), "{capacity}");
    let partial = run.summary.sweep.iter().filter_map(|point| point.go.as_ref());
    let partial = partial.filter(|go| !go.void && go.blocks < run.summary.blocks).count();
    assert_eq!(page.matches("</td><td class=\"num\">9 of 10</td>").count() > 0, partial > 0);
}

#[tokio::test]
async fn the_large_heap_says_what_its_size_means_and_where_go_needs_less() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/fastjson-api?scenario=json-resident").await.body;
    let says = between(&page, "id=\"says\"", "</section>");
    assert!(says.contains("0.94 GB of live objects"), "{says}");
    assert!(says.contains("Once the state is built, Rust holds 1.2"), "{says}");
}

#[tokio::test]
async fn a_run_beside_itself_is_the_same_with_its_variants() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/compare?a=fixture-ladder&b=fixture-ladder").await.body;
    assert!(page.contains("Measured beside the pair") && page.contains("GOEXPERIMENT=jsonv2"));
    assert!(page.contains("<td>the same</td>"));
    assert!(!page.contains("<td>undecided</td>"), "a run does not differ from itself");
}

#[tokio::test]
async fn programs_of_others_stand_beside_the_twins_of_a_cache() {
    let (app, _folder) = with_made_up_runs().await;
    let page = app.get("/evidence/cache-server?scenario=cache-get").await;
    assert_page(&page, StatusCode::OK, "Cache");
    let body = &page.body;
    assert!(body.contains("fixture-cache") && !body.contains("id=\"try\""), "nothing to try");
    let ladder = between(body, "id=\"others-desc\">", "</desc>");
    let at = ["Rust", "Go", "Redis 7", "memcached"].map(|name| ladder.find(name).expect(name));
    assert!(at.is_sorted(), "{ladder}");
    let ratios = between(body, "id=\"others-ratio-desc\">", "</desc>");
    for row in ["Rust ÷ Redis 7: ", "Go ÷ Redis 7: ", "Rust ÷ memcached: ", "Go ÷ memcached: "]
    {
        assert!(ratios.contains(row), "{row} in {ratios}");
    }
    let figures = between(body, "Every figure beside theirs", "</table>");
    for row in ["Resident memory per entry", "CPU time per request", "Memory once every entry"] {
        assert_eq!(figures.contains(row), row != "CPU time per request", "{row}");
    }
    // 112 and 190 bytes, blurred alike.
    assert!(figures.contains("Rust ÷ it 0.59 [0.59, 0.59]"), "{figures}");
    assert!(body.contains("of its CPU per command and 0.59×"), "the headline beside Redis");
    let sweep = between(body, "Latency against throughput", "</section>");
    assert!(sweep.contains("Commands/s") && !sweep.contains("Requests/s"), "{sweep}");
    let timelines = between(body, "One half load over time", "</section>");
    assert!(!timelines.contains("Redis"), "the twins' alone: {timelines}");
    let overview = app.get("/evidence").await;
    assert!(overview.body.contains("/evidence/cache-server"));
    assert!(overview.body.contains("Beside Redis 7, Rust needs"), "what a run says");
    for path in
        ["/evidence/runs/fixture-cache", "/evidence/compare?a=fixture-cache&b=fixture-cache"]
    {
        assert_page(&app.get(path).await, StatusCode::OK, "");
    }
    let compared = app.get("/evidence/compare?a=fixture-cache&b=fixture-cache").await.body;
    let redis = between(&compared, "<summary>Redis 7</summary>", "</details>");
    assert!(redis.contains("itself") && redis.contains("Rust ÷ it"), "{redis}");
    assert!(!redis.contains("÷ its twin"), "{redis}");
    // What there is none of cannot be tried.
    let form = Request::post("/evidence/cache-server").body(Body::from("act=start"));
    let tried = app.send(form.expect("a request")).await;
    assert_eq!(tried.status, StatusCode::NOT_FOUND);
}
