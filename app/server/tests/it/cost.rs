//! What an option costs, through the page, the API and the command line.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::{
    pages_checklist::assert_page,
    pages_records::{fields, post, set},
    support::{TestApp, toml},
};

/// A Go service of 40 cores; a JSON API is measured.
const QUERY: &str = "workload=json_api&cores=40&owners=4&existing_code=go&rust_fluency=few";

fn answers() -> Value {
    json!({"workload": "json_api", "cores": 40, "owners": 4, "existing_code": "go",
           "rust_fluency": "few"})
}

#[tokio::test]
async fn the_panel_says_what_it_costs_with_and_without_the_page() {
    let app = TestApp::new().await;
    let path = format!("/checklist?{QUERY}");
    let page = app.get(&path).await;
    assert_page(&page, StatusCode::OK, "Checklist");
    let request = Request::get(&path).header("x-fragment", "panel").body(Body::empty());
    let panel = app.send(request.expect("a request")).await;
    for body in [&page.body, &panel.body] {
        assert!(body.contains("<h3>What it costs</h3>"), "{body}");
        assert!(
            body.contains("of 40 cores (≈ ") && body.contains("the ramp costs about 72,000 EUR")
        );
        assert!(body.contains("Processor time is not the whole bill"));
        assert!(body.contains("<dt>One engineer for a week</dt><dd>3000 EUR</dd>"));
    }
    assert!(!page.body.contains("id=\"cost-assumptions\" open"), "none is said");
    for assumption in assay_advice::assumptions() {
        assert!(page.body.contains(&format!("name=\"cost_{}\" value=\"\"", assumption.id)));
    }
}

#[tokio::test]
async fn without_a_measurement_or_a_size_no_number_is_shown() {
    let app = TestApp::new().await;
    for (query, said) in [
        ("workload=other&cores=40&owners=4", "No ratio of processor time is measured"),
        ("owners=4", "State which reference service it resembles"),
        ("workload=json_api&owners=4", "peak_rps and cpu_ms"),
        ("workload=json_api&cores=40", "to hold that against the ramp"),
    ] {
        let page = app.get(&format!("/checklist?{query}")).await;
        assert_page(&page, StatusCode::OK, "Checklist");
        assert!(page.body.contains(said), "{query}");
        assert_eq!(page.body.contains("cost-table"), said.contains("ramp"), "{query}");
    }
    let nothing = app.get("/checklist").await;
    assert!(!nothing.body.contains("What it costs") && nothing.body.contains("cost_core_month"));
}

#[tokio::test]
async fn assumptions_are_kept_from_the_checklist_to_the_record_and_back() {
    let app = TestApp::new().await;
    let said = "cost_core_month=25&cost_currency=CHF";
    let page = app.get(&format!("/checklist?{QUERY}&{said}")).await;
    assert_page(&page, StatusCode::OK, "Checklist");
    assert!(page.body.contains("id=\"cost-assumptions\" open"));
    assert!(page.body.contains("name=\"cost_core_month\" value=\"25\""));
    assert!(page.body.contains("72,000 CHF"), "nothing is converted");
    let kept = "cost_currency=CHF&amp;cost_core_month=25";
    let kept_plain = kept.replace("&amp;", "&#38;");
    let has = |body: &str| body.contains(kept) || body.contains(&kept_plain);
    assert!(has(&page.body), "the link to the record keeps them");
    let record = app.get(&format!("/checklist/record?{QUERY}&{said}")).await;
    assert_page(&record, StatusCode::OK, "Record the decision");
    assert!(record.body.contains("72,000 CHF"));
    let back = record.body.split("href=\"/checklist?").nth(1).expect("a link back");
    assert!(has(back.split('"').next().expect("an address")));
    let hidden = record.body.split("name=\"answers\" value=\"").nth(1).expect("the answers");
    assert!(has(hidden.split('"').next().expect("a value")));
}

#[tokio::test]
async fn a_bad_assumption_is_named_at_its_field_and_all_is_kept() {
    let app = TestApp::new().await;
    let path = format!("/checklist?{QUERY}&cost_core_month=cheap&cost_horizon=12&cost_colour=1");
    let page = app.get(&path).await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Checklist");
    assert!(page.body.contains("<a href=\"#cost_core_month\">One processor core for a month: "));
    assert!(page.body.contains("id=\"cost_core_month-error\""));
    assert!(page.body.contains("name=\"cost_core_month\" value=\"cheap\""));
    assert!(page.body.contains("name=\"cost_horizon\" value=\"12\""));
    assert!(page.body.contains("there is no assumption `colour`"));
    assert!(
        page.body.contains("name=\"cores\" value=\"40\"") && page.body.contains("What it costs")
    );
    let record = app.get(&path.replace("/checklist", "/checklist/record")).await;
    assert_eq!(record.status, StatusCode::SEE_OTHER);
    let attack = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for key in ["cost_currency", "cost_core_month", "cost_", "cost_%22%3E"] {
        let page = app.get(&format!("/checklist?{QUERY}&{key}={attack}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!page.body.contains("<script>alert"), "{key}");
    }
}

#[tokio::test]
async fn the_api_reckons_the_same() {
    let app = TestApp::new().await;
    let body = json!({"service": "gate", "answers": answers(),
                      "assumptions": {"engineer_week": 1000, "currency": "GBP"}});
    let cost = app.post_json("/api/v1/cost", &body).await;
    assert_eq!(cost.status, StatusCode::OK, "{}", cost.body);
    let cost = cost.json();
    assert_eq!((cost["baseline"].as_str(), cost["currency"].as_str()), (Some("go"), Some("GBP")));
    let rust = &cost["options"]["rust"];
    let (low, high) = (rust["cores"]["low"].as_f64(), rust["cores"]["high"].as_f64());
    let ratio = &cost["ratio"];
    assert!((low.expect("low") / 40.0 - ratio["low"].as_f64().expect("a ratio")).abs() < 1e-3);
    assert!((high.expect("high") / 40.0 - ratio["high"].as_f64().expect("a ratio")).abs() < 1e-3);
    assert_eq!(
        (rust["extra_ramp"].as_f64(), &rust["payback"]["kind"]),
        (Some(24_000.0), &json!("months"))
    );
    let text = "[answers]\nworkload = \"json_api\"\ncores = 40\nowners = 4\nexisting_code = \"go\"\n\
                rust_fluency = \"few\"\n[assumptions]\nengineer_week = 1000\ncurrency = \"GBP\"\n";
    let as_toml = app.send(toml(Request::post("/api/v1/cost"), text)).await;
    assert_eq!(as_toml.json(), cost);
    let unmeasured = json!({"answers": {"workload": "other", "cores": 40}});
    let unmeasured = app.post_json("/api/v1/cost", &unmeasured).await.json();
    assert!(unmeasured.get("options").is_none() && unmeasured.get("ratio").is_none());
}

#[tokio::test]
async fn the_api_refuses_what_is_not_allowed() {
    let app = TestApp::new().await;
    for (assumptions, field) in [
        (json!({"utilisation": 0}), "assumptions.utilisation"),
        (json!({"core_month": "30"}), "assumptions.core_month"),
        (json!({"currency": 3}), "assumptions.currency"),
        (json!({"discount": 3}), "assumptions.discount"),
    ] {
        let body = json!({"answers": answers(), "assumptions": assumptions});
        let problem = app.post_json("/api/v1/cost", &body).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(!problem["errors"][0]["allowed"].as_str().expect("a text").is_empty());
    }
    let body = json!({"answers": {"cores": "many"}});
    let problem = app.post_json("/api/v1/cost", &body).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "answers.cores");
    app.post_json("/api/v1/cost", &json!({})).await.problem(422);
    app.post_json("/api/v1/cost", &json!({"answers": {}, "assume": {}})).await.problem(422);
}

#[tokio::test]
async fn a_record_keeps_the_cost_and_its_assumptions_may_be_amended() {
    let app = TestApp::new().await;
    let path = format!("/checklist/record?service=gate&{QUERY}&cost_core_month=25");
    let mut form = fields(&app.get(&path).await.body);
    set(&mut form, "option", "go");
    set(&mut form, "override_reason", "Because.");
    set(&mut form, "status", "accepted");
    let made = post(&app, "/checklist/record", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let address = made.header("location").to_owned();
    let text = app.get(&format!("{address}.toml")).await.body;
    assert!(text.contains("\n[cost] # as reckoned that day"), "{text}");
    assert!(text.contains("core_month = 25") && text.contains("engineers = 4"), "{text}");
    let page = app.get(&address).await;
    assert_page(&page, StatusCode::OK, "gate");
    assert!(page.body.contains("the ramp costs about 72,000 EUR"), "{}", page.body);
    assert!(!page.body.contains("With today’s measurements"), "they say the same");
    assert!(page.body.contains("cost_core_month=25") && !page.body.contains("cost_horizon="));
    // Accepted, its answers are fixed; what the cost assumes is not.
    let edit = format!("{address}/edit");
    let mut form = fields(&app.get(&edit).await.body);
    assert!(form.contains(&("cost_core_month".to_owned(), "25".to_owned())));
    let unchanged = post(&app, &edit, &form).await;
    assert_eq!(unchanged.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get(&format!("{address}.toml")).await.body, text, "nothing was changed");
    let mut wrong = form.clone();
    set(&mut wrong, "cost_engineer_week", "dear");
    let refused = post(&app, &edit, &wrong).await;
    assert_page(&refused, StatusCode::UNPROCESSABLE_ENTITY, "Error: Edit");
    assert!(refused.body.contains("<a href=\"#cost_engineer_week\">"), "{}", refused.body);
    assert!(refused.body.contains("name=\"cost_engineer_week\" value=\"dear\""));
    set(&mut form, "cost_engineer_week", "1000");
    let amended = post(&app, &edit, &form).await;
    assert_eq!(amended.status, StatusCode::SEE_OTHER, "{}", amended.body);
    let text = app.get(&format!("{address}.toml")).await.body;
    assert!(text.contains("engineer_week = 1000") && text.contains("kind = \"edited\""), "{text}");
    let page = app.get(&address).await.body;
    assert!(page.contains("the ramp costs about 24,000 EUR"), "{page}");
}

#[tokio::test]
async fn a_cost_reckoned_from_older_measurements_is_shown_beside_todays() {
    let app = TestApp::new().await;
    let body = json!({"title": "T", "option": "go", "why": "Because.", "answers": answers()});
    let made = app.post_json("/api/v1/decisions", &body).await.json();
    let id = made["id"].as_str().expect("an id");
    let files = std::fs::read_dir(app.decisions()).expect("a folder").flatten();
    let file =
        files.map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "toml"));
    let file = file.expect("a record");
    let text = std::fs::read_to_string(&file).expect("a text");
    let line = text.lines().find(|line| line.starts_with("summary = ")).expect("a cost");
    let old = text.replace(line, "summary = \"Rust would save about 39 of 40 cores.\"");
    std::fs::write(&file, old).expect("a file");
    let page = app.get(&format!("/decisions/{id}")).await.body;
    assert!(page.contains("Rust would save about 39 of 40 cores."), "{page}");
    assert!(page.contains("<strong>With today’s measurements:</strong> Rust would save about"));
}

#[tokio::test]
async fn no_cost_is_kept_where_there_is_none() {
    let app = TestApp::new().await;
    let body = json!({"title": "T", "option": "go", "why": "Because.",
                      "answers": {"workload": "other", "owners": 3}});
    let made = app.post_json("/api/v1/decisions", &body).await.json();
    let id = made["id"].as_str().expect("an id");
    let text = app.get(&format!("/decisions/{id}.toml")).await.body;
    assert!(!text.contains("[cost]"), "{text}");
    assert!(!app.get(&format!("/decisions/{id}")).await.body.contains("What it costs"));
}
