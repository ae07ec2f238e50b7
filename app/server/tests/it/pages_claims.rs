//! The claims with their verdicts, and two runs side by side.

use std::{fs, path::Path};

use axum::http::StatusCode;

use crate::{pages_checklist::assert_page, support::TestApp};

#[tokio::test]
async fn every_claim_has_its_verdict_region_and_sources() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/claims").await;
    assert_page(&page, StatusCode::OK, "Claims");
    let list = app.get("/api/v1/evidence/claims").await.json();
    let claims = list["claims"].as_array().expect("claims");
    assert!(claims.len() >= 14, "{}", claims.len());
    let mut counted = 0;
    for outcome in ["supported", "contradicted", "inconclusive", "not_measured"] {
        let of = claims.iter().filter(|claim| claim["verdict"]["outcome"] == outcome).count();
        assert_eq!(list[outcome], of, "{outcome}");
        let words = outcome.replace("not_measured", "not measured yet");
        assert!(page.body.contains(&format!("{of} {words}")), "{of} {words}");
        counted += of;
    }
    assert_eq!(counted, claims.len());
    for claim in claims {
        let id = claim["id"].as_str().expect("an id");
        let section = page.body.split(&format!("id=\"{id}\"")).nth(1).expect(id);
        let section = section.split("</section>").next().expect("an end");
        let escaped = |text: &str| text.replace('\'', "&#39;").replace('<', "&#60;");
        for part in [&claim["verdict"]["reason"], &claim["changes"], &claim["reading"]] {
            let part = escaped(part.as_str().expect("text"));
            assert!(section.contains(&part), "{id}: {part}");
        }
        for published in claim["published"].as_array().expect("a list") {
            for part in ["source", "year", "figure", "flaw"] {
                let part = escaped(published[part].as_str().expect("text"));
                assert!(section.contains(&part), "{id}: {part}");
            }
        }
        let measured = !claim["verdict"]["figure"].is_null();
        assert_eq!(section.contains("<svg"), measured, "{id}");
        assert_eq!(section.contains("<desc"), measured, "{id}");
        let service = claim["service"].as_str().expect("a service");
        if app.app.runs().runs.iter().all(|run| run.summary.service != service) {
            assert_eq!(claim["verdict"]["outcome"], "not_measured", "{id}");
            assert!(section.contains("has not been measured yet"), "{id}");
        }
    }
}

#[tokio::test]
async fn a_claim_is_judged_by_a_committed_run() {
    let app = TestApp::new().await;
    let list = app.get("/api/v1/evidence/claims").await.json();
    let claims = list["claims"].as_array().expect("claims");
    let throughput = claims.iter().find(|claim| claim["id"] == "json-throughput").expect("it");
    let run = throughput["verdict"]["run"].as_str().expect("a run");
    let runs = app.app.runs();
    let known = runs.get(run).expect("a run that is known");
    let ratio = known.summary.metric("capacity_rps").and_then(|it| it.ratio).expect("a ratio");
    assert_eq!(throughput["verdict"]["figure"]["value"], ratio.estimate);
}

#[tokio::test]
async fn a_run_compared_with_itself_has_not_changed() {
    let app = TestApp::new().await;
    let runs = app.app.runs();
    let name = &runs.runs.first().expect("a committed run").name;
    let page = app.get(&format!("/evidence/compare?a={name}&b={name}")).await;
    assert_page(&page, StatusCode::OK, "Compare");
    assert!(page.body.contains("machine, versions and settings are the same"));
    assert!(page.body.contains("not paired"));
    assert!(page.body.contains("<td>the same</td>"));
    for other in ["more", "less", "undecided"] {
        assert!(!page.body.contains(&format!(">{other}</td>")), "{other}");
    }
    let selected = format!("<option value=\"{name}\" selected>");
    assert_eq!(page.body.matches(&selected).count(), 2, "both choices are kept");
}

#[tokio::test]
async fn the_comparison_asks_for_runs_and_names_those_it_does_not_know() {
    let app = TestApp::new().await;
    let page = app.get("/evidence/compare").await;
    assert_page(&page, StatusCode::OK, "Compare");
    assert!(page.body.contains("name=\"a\"") && page.body.contains("name=\"b\""));
    let page = app.get("/evidence/compare?a=%3Cscript%3Ealert&b=").await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Compare");
    assert!(page.body.contains("No run is called") && !page.body.contains("<script>alert"));
    assert!(page.body.contains("href=\"#a\"") && page.body.contains("aria-invalid"));
}

#[test]
fn each_claim_names_a_scenario_that_can_be_run() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/scenarios");
    let texts: Vec<String> = fs::read_dir(&scenarios)
        .expect("scenarios")
        .filter_map(|entry| fs::read_to_string(entry.expect("an entry").path()).ok())
        .collect();
    for claim in assay_evidence::builtin_claims().expect("claims") {
        let named = format!("service = \"{}\"", claim.service);
        // A service that cannot be measured yet has no scenario at all.
        if texts.iter().any(|text| text.contains(&named)) {
            let file = scenarios.join(format!("{}.toml", claim.scenario));
            assert!(file.is_file(), "{}: {}", claim.id, file.display());
        }
    }
}

/// A copy of a committed run under another name, with its texts changed.
fn copy(to: &Path, name: &str, change: impl Fn(&str, String) -> String) {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/runs");
    let from = fs::read_dir(runs)
        .expect("runs")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.to_string_lossy().ends_with("-json-quotes"))
        .expect("a committed run");
    let folder = to.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    for file in ["summary.toml", "environment.toml", "samples.toml"] {
        let text = fs::read_to_string(from.join(file)).expect(file);
        fs::write(folder.join(file), change(file, text)).expect(file);
    }
}

mod command_line {
    use std::process::{Command, Output};

    use serde_json::Value;
    use tempfile::TempDir;

    use super::*;

    fn assay(home: &TempDir, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(arguments)
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .output()
            .expect("the program")
    }

    fn ok(home: &TempDir, arguments: &[&str]) -> String {
        let output = assay(home, arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn fails(home: &TempDir, arguments: &[&str]) -> String {
        let output = assay(home, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn two_runs() -> TempDir {
        let home = tempfile::tempdir().expect("a temporary folder");
        copy(home.path(), "one", |_, text| text);
        copy(home.path(), "two", |file, text| match file {
            "environment.toml" => text.replace("gogc = \"\"", "gogc = \"off\""),
            "summary.toml" => {
                let first = text.split("run = \"").nth(1).and_then(|it| it.split('"').next());
                text.replace(first.expect("a name"), "two")
            }
            _ => text,
        });
        home
    }

    #[test]
    fn compare_takes_folders_and_says_first_what_differs() {
        let home = two_runs();
        let text = ok(&home, &["compare", "one", "two"]);
        let (around, metrics) = text.split_once("Change is").expect("both parts");
        assert!(around.contains("GOGC: unset | off"), "{around}");
        assert!(metrics.contains("not paired") && metrics.contains("CPU time"), "{metrics}");
        let json: Value =
            serde_json::from_str(&ok(&home, &["compare", "one", "two", "--json"])).expect("JSON");
        assert_eq!(json["comparable"], "all");
        assert_eq!(json["differences"][0]["what"], "GOGC");
        assert!(json["metrics"].as_array().expect("metrics").len() > 5);
        let known = fails(&home, &["compare", "one", "three"]);
        assert!(known.contains("neither a known run nor a run folder"), "{known}");
        fs::write(home.path().join("two/summary.toml"), "schema = 1\nrun = ").expect("a file");
        let broken = fails(&home, &["compare", "one", "two"]);
        assert!(broken.contains("summary.toml:2:"), "{broken}");
    }

    #[test]
    fn export_writes_each_format() {
        let home = two_runs();
        let go = ok(&home, &["export", "--run", "one", "--format", "go-bench"]);
        assert!(go.lines().filter(|line| line.starts_with("Benchmark")).count() >= 20, "{go}");
        let json = |format| -> Value {
            let text = ok(&home, &["export", "--run", "one", "--format", format]);
            serde_json::from_str(&text).expect("JSON")
        };
        let bencher = json("bencher");
        let names: Vec<_> = bencher.as_object().expect("an object").keys().collect();
        assert!(names.iter().any(|name| name.ends_with("/rust")), "{names:?}");
        let hyperfine = json("hyperfine");
        assert!(hyperfine["results"][1]["times"].as_array().expect("times").len() >= 10);

        let unknown = fails(&home, &["export", "--run", "none", "--format", "bencher"]);
        assert!(unknown.contains("neither a known run"), "{unknown}");
        fs::write(home.path().join("one/samples.toml"), "schema = 1\n[[sample]]\n")
            .expect("a file");
        let broken = fails(&home, &["export", "--run", "one", "--format", "go-bench"]);
        assert!(broken.contains("samples.toml:2:"), "{broken}");
    }
}
