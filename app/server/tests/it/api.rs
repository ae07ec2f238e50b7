//! The JSON API: what it takes, gives and refuses.

use std::fs;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{GO_SHEET, RUST_SHEET, TestApp, json as json_request, toml};

const DECISIONS: &str = "/api/v1/decisions";

fn answers(sheet: &str) -> Value {
    let table: ::toml::Table = sheet.parse().expect("TOML");
    serde_json::to_value(&table["answers"]).expect("JSON")
}

fn decision() -> Value {
    json!({
        "title": "Language for the session gateway",
        "service": "session-gateway",
        "team": "identity",
        "tags": ["auth"],
        "answers": answers(RUST_SHEET),
    })
}

async fn created(app: &TestApp) -> Value {
    let answer = app.post_json(DECISIONS, &decision()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()
}

fn put(id: &str, etag: &str, text: &str) -> Request<Body> {
    toml(Request::put(format!("{DECISIONS}/{id}")).header(header::IF_MATCH, etag), text)
}

fn etag(resource: &Value) -> String {
    format!("\"{}\"", resource["hash"].as_str().expect("a hash"))
}

#[tokio::test]
async fn the_nearest_precedents_stand_beside_a_score_and_in_no_record() {
    let app = TestApp::new().await;
    let body = json!({"answers": answers(RUST_SHEET)});
    let score = app.post_json("/api/v1/score", &body).await.json();
    let near = score["precedents"].as_array().expect("precedents");
    assert!((3..=4).contains(&near.len()), "{near:?}");
    assert!(near.iter().any(|near| near["option"] != score["recommended"]), "one chose otherwise");
    for near in near {
        assert!(near["id"].is_string());
        assert!((0.5..=1.0).contains(&near["similarity"].as_f64().expect("a similarity")));
    }
    let nothing = app.post_json("/api/v1/score", &json!({"answers": {}})).await.json();
    assert_eq!(nothing["precedents"], Value::Null, "nothing is near to nothing");

    let id = created(&app).await["id"].as_str().expect("an id").to_owned();
    let text = Request::get(format!("{DECISIONS}/{id}")).header(header::ACCEPT, "application/toml");
    let record = app.send(text.body(Body::empty()).expect("a request")).await.body;
    assert!(record.contains("[advice]") && !record.contains("precedents"), "{record}");
}

#[tokio::test]
async fn scores_json_and_toml_alike() {
    let app = TestApp::new().await;
    let as_json = app.post_json("/api/v1/score", &json!({"answers": answers(RUST_SHEET)})).await;
    assert_eq!(as_json.status, StatusCode::OK, "{}", as_json.body);
    let as_toml = app.send(toml(Request::post("/api/v1/score"), RUST_SHEET)).await;
    assert_eq!(as_json.json(), as_toml.json());
    assert_eq!(as_json.header("cache-control"), "private, no-store");

    let score = as_json.json();
    for key in [
        "model",
        "options",
        "recommended",
        "verdict",
        "settled",
        "rust_in_core",
        "go_at_edge",
        "notices",
        "reasons",
        "flips",
        "importance_factor",
        "next_question",
        "unknown",
        "performance",
        "draws",
        "seed",
    ] {
        assert!(score.get(key).is_some(), "the score object lacks {key}");
    }
    assert_eq!(score["recommended"], "rust");
    assert_eq!(score["draws"], 16_384);
}

#[tokio::test]
async fn answers_decide_the_score() {
    let app = TestApp::new().await;
    let go = app.send(toml(Request::post("/api/v1/score"), GO_SHEET)).await.json();
    assert_eq!(go["recommended"], "go");
    let nothing = app.post_json("/api/v1/score", &json!({"answers": {}})).await.json();
    assert_eq!(nothing["verdict"], "too_close");
    assert_eq!(nothing["recommended"], Value::Null);
}

#[tokio::test]
async fn a_wrong_answer_is_named_with_what_is_allowed() {
    let app = TestApp::new().await;
    let body = json!({"answers": {"go_fluency": "lots", "colour": "blue"}});
    let problem = app.post_json("/api/v1/score", &body).await.problem(422);
    let errors = problem["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2, "{problem}");
    let fluency = errors
        .iter()
        .find(|error| error["field"].as_str().is_some_and(|field| field.contains("go_fluency")));
    let fluency = fluency.expect("the field");
    assert!(fluency["message"].as_str().expect("a message").contains("lots"));
    assert!(fluency["allowed"].as_str().expect("what is allowed").contains("few"));

    let text = "[answers]\nowners = 3\ngo_fluency = \"lots\"\n";
    let problem = app.send(toml(Request::post("/api/v1/score"), text)).await.problem(422);
    assert_eq!(problem["errors"][0]["line"], 3);
    assert_eq!(problem["errors"][0]["column"], 14);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_told_so_in_plain_words() {
    let app = TestApp::new().await;
    for path in ["/api/v1/score", "/api/v1/cost", "/api/v1/decisions"] {
        for body in [json!([]), json!([null, {}]), json!("rust"), json!(7)] {
            let response = app.post_json(path, &body).await;
            let problem = response.problem(422);
            assert_eq!(problem["errors"][0]["allowed"], "an object: { … }", "{path} {body}");
            assert!(!problem.to_string().contains("struct"), "{problem}");
        }
    }
    let problem = app.post_json("/api/v1/score", &json!({"answers": []})).await.problem(422);
    assert_eq!(problem["errors"][0]["message"], "not an object");
}

#[tokio::test]
async fn unreadable_bodies_have_their_own_status() {
    let app = TestApp::new().await;
    let post = |kind: &str, body: Vec<u8>| {
        let request = Request::post("/api/v1/score").header(header::CONTENT_TYPE, kind);
        request.body(Body::from(body)).expect("a request")
    };
    let broken = app.send(post("application/json", b"{\n \"answers\": ".to_vec())).await;
    let problem = broken.problem(400);
    assert_eq!(problem["errors"][0]["line"], 2);
    app.send(post("application/toml", b"[answers\n".to_vec())).await.problem(422);
    app.send(post("application/json", b"\"\xff\"".to_vec())).await.problem(400);
    app.send(post("text/plain", b"{}".to_vec())).await.problem(415);
    app.send(post("", b"{}".to_vec())).await.problem(415);
    app.send(post("application/json", b"[]".to_vec())).await.problem(422);
    let deep = format!("{{\"answers\": {}", "[".repeat(100_000));
    app.send(post("application/json", deep.into_bytes())).await.problem(400);
    let huge = app.send(post("application/json", vec![b' '; 10_000_000])).await;
    huge.problem(413);
    let extra = app.post_json("/api/v1/score", &json!({"answers": {}, "answer": 1})).await;
    extra.problem(422);
}

#[tokio::test]
async fn a_decision_is_made_read_and_listed() {
    let app = TestApp::new().await;
    let answer = app.post_json(DECISIONS, &decision()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let made = answer.json();
    let id = made["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), format!("{DECISIONS}/{id}"));
    assert_eq!(answer.header("etag"), etag(&made));
    assert_eq!(made["record"]["choice"]["option"], "rust");
    assert_eq!(made["record"]["status"], "draft");
    let file = app.decisions().join(made["file_name"].as_str().expect("a file name"));
    assert_eq!(fs::read_to_string(file).expect("the file"), made["text"]);

    let read = app.get(&format!("{DECISIONS}/{id}")).await;
    assert_eq!(read.json(), made);
    let request = Request::get(format!("{DECISIONS}/{id}")).header("accept", "application/toml");
    let text = app.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(text.header("content-type"), "application/toml");
    assert_eq!(text.body, made["text"]);
    let request = Request::get(format!("{DECISIONS}/{id}")).header("if-none-match", etag(&made));
    let unchanged = app.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);

    let history = app.get(&format!("{DECISIONS}/{id}/history")).await.json();
    assert_eq!(history["events"][0]["kind"], "created");
    assert_eq!(history["events"][0]["by"], "tester");

    for query in ["", "?q=gateway", "?option=rust&team=identity", "?status=draft&tag=auth"] {
        let list = app.get(&format!("{DECISIONS}{query}")).await.json();
        assert_eq!(list["total"], 1, "{query}");
        assert_eq!(list["items"][0]["id"], id);
    }
    for query in ["?q=zebra", "?option=go", "?overridden=yes", "?due=yes", "?status=accepted"] {
        let list = app.get(&format!("{DECISIONS}{query}")).await.json();
        assert_eq!(list["total"], 0, "{query}");
    }
}

#[tokio::test]
async fn a_misspelt_key_is_refused_not_ignored() {
    let app = TestApp::new().await;
    let mut wish = decision();
    wish["titel"] = json!("Language");
    let problem = app.post_json(DECISIONS, &wish).await.problem(422);
    let error = &problem["errors"][0];
    assert_eq!(error["field"], "titel");
    assert!(error["message"].as_str().expect("a message").contains("titel"), "{error}");
    assert!(error["allowed"].as_str().expect("what is allowed").starts_with("title, "), "{error}");
    let text = format!("title = \"T\"\nstatsu = \"draft\"\n{RUST_SHEET}");
    app.send(toml(Request::post(DECISIONS), &text)).await.problem(422);
    assert_eq!(app.get(DECISIONS).await.json()["total"], 0);
}

#[tokio::test]
async fn a_wrong_value_is_named_with_what_is_allowed() {
    let app = TestApp::new().await;
    for (field, value, allowed) in [
        ("status", json!("bogus"), "draft, proposed, accepted, rejected, deprecated"),
        ("option", json!("zig"), "rust, go, hybrid"),
        ("tags", json!(7), "a sequence"),
    ] {
        let mut wish = decision();
        wish[field] = value;
        let problem = app.post_json(DECISIONS, &wish).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert_eq!(problem["errors"][0]["allowed"], allowed, "{problem}");
    }
    let made = created(&app).await;
    let path = format!("{DECISIONS}/{}/status", made["id"].as_str().expect("an id"));
    let problem = app.post_json(&path, &json!({"status": "done"})).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "status", "{problem}");
}

#[tokio::test]
async fn dates_are_taken_from_json_and_toml() {
    let app = TestApp::new().await;
    let mut wish = decision();
    wish["review_by"] = json!("2027-01-31");
    let made = app.post_json(DECISIONS, &wish).await.json();
    assert_eq!(made["record"]["review_by"], "2027-01-31");
    let text = format!("title = \"T\"\nreview_by = 2027-02-28\n{RUST_SHEET}");
    let made = app.send(toml(Request::post(DECISIONS), &text)).await.json();
    assert_eq!(made["record"]["review_by"], "2027-02-28");
    let due = app.get(&format!("{DECISIONS}?due=2027-02-01")).await.json();
    assert_eq!(due["total"], 1);
}

#[tokio::test]
async fn filters_that_are_not_allowed_are_named() {
    let app = TestApp::new().await;
    let query = "?status=done&option=zig&due=soon&page=0&per_page=5000";
    let problem = app.get(&format!("{DECISIONS}{query}")).await.problem(422);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["field"].as_str().expect("a field"))
        .collect();
    assert_eq!(fields, ["status", "option", "due", "page", "per_page"]);
}

#[tokio::test]
async fn going_against_the_advice_needs_a_reason() {
    let app = TestApp::new().await;
    let mut wish = decision();
    wish["option"] = json!("go");
    let problem = app.post_json(DECISIONS, &wish).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "why");
    wish["why"] = json!("The platform team runs Go alone.");
    let made = app.post_json(DECISIONS, &wish).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let choice = &made.json()["record"]["choice"];
    assert_eq!(choice["override_reason"], "The platform team runs Go alone.");
    let list = app.get(&format!("{DECISIONS}?overridden=yes")).await.json();
    assert_eq!(list["total"], 1);
}

#[tokio::test]
async fn too_close_to_call_needs_an_option() {
    let app = TestApp::new().await;
    let mut wish = json!({"title": "Open", "answers": {}});
    let problem = app.post_json(DECISIONS, &wish).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "option");
    wish["option"] = json!("go");
    assert_eq!(app.post_json(DECISIONS, &wish).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_idempotency_key_creates_once() {
    let app = TestApp::new().await;
    let request = |key: &str, body: &Value| {
        json_request(Request::post(DECISIONS).header("idempotency-key", key), body)
    };
    let first = app.send(request("k1", &decision())).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = app.send(request("k1", &decision())).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json()["id"], first.json()["id"]);
    let mut other = decision();
    other["title"] = json!("Another");
    app.send(request("k1", &other)).await.problem(422);
    app.send(request("", &decision())).await.problem(400);
    let second = app.send(request("k2", &decision())).await;
    assert_eq!(second.status, StatusCode::CREATED);
    assert_eq!(app.get(DECISIONS).await.json()["total"], 2);
}

#[tokio::test]
async fn a_key_whose_request_failed_may_be_used_again() {
    let app = TestApp::new().await;
    let request =
        |body: &Value| json_request(Request::post(DECISIONS).header("idempotency-key", "k"), body);
    let mut wrong = decision();
    wrong["answers"] = json!({"owners": "many"});
    app.send(request(&wrong)).await.problem(422);
    assert_eq!(app.send(request(&decision())).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn toml_takes_wishes_or_a_whole_record() {
    let app = TestApp::new().await;
    let wishes = format!("title = \"From TOML\"\n{RUST_SHEET}");
    let made = app.send(toml(Request::post(DECISIONS), &wishes)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let made = made.json();
    assert_eq!(made["record"]["title"], "From TOML");
    let text = made["text"].as_str().expect("a text");

    app.send(toml(Request::post(DECISIONS), text)).await.problem(409);
    let elsewhere = TestApp::new().await;
    let kept = elsewhere.send(toml(Request::post(DECISIONS), text)).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    assert_eq!(kept.json()["text"], text);
    let broken = text.replace("status = \"draft\"", "status = \"done\"");
    let problem = elsewhere.send(toml(Request::post(DECISIONS), &broken)).await.problem(422);
    assert!(problem["errors"][0]["line"].is_u64(), "{problem}");
}

#[tokio::test]
async fn an_edit_keeps_what_it_is_sent() {
    let app = TestApp::new().await;
    let made = created(&app).await;
    let id = made["id"].as_str().expect("an id");
    let text = format!("# a note by hand\n{}", made["text"].as_str().expect("a text"));
    let edited = app.send(put(id, &etag(&made), &text)).await;
    assert_eq!(edited.status, StatusCode::OK, "{}", edited.body);
    assert_eq!(edited.json()["text"], text);
    assert_ne!(edited.header("etag"), etag(&made));
}

#[tokio::test]
async fn of_two_writers_the_second_sees_both_versions() {
    let app = TestApp::new().await;
    let made = created(&app).await;
    let id = made["id"].as_str().expect("an id");
    let text = made["text"].as_str().expect("a text");
    let (mine, yours) = (format!("# first\n{text}"), format!("# second\n{text}"));
    let first = app.send(put(id, &etag(&made), &mine)).await;
    assert_eq!(first.status, StatusCode::OK);

    let problem = app.send(put(id, &etag(&made), &yours)).await.problem(412);
    assert_eq!(problem["theirs"], mine);
    assert_eq!(problem["yours"], yours);
    assert_eq!(problem["etag"], first.header("etag"));
    assert_eq!(app.get(&format!("{DECISIONS}/{id}")).await.json()["text"], mine);
    let merged = app.send(put(id, problem["etag"].as_str().expect("an etag"), &yours)).await;
    assert_eq!(merged.status, StatusCode::OK);
}

#[tokio::test]
async fn an_edit_must_say_which_version_it_changes() {
    let app = TestApp::new().await;
    let made = created(&app).await;
    let path = format!("{DECISIONS}/{}", made["id"].as_str().expect("an id"));
    let text = made["text"].as_str().expect("a text");
    app.send(toml(Request::put(&path), text)).await.problem(428);
    app.send(toml(Request::put(&path).header("if-match", "*"), text)).await.problem(400);
    let other = text.replace(made["id"].as_str().expect("an id"), &uuid::Uuid::nil().to_string());
    let request = toml(Request::put(&path).header("if-match", etag(&made)), &other);
    app.send(request).await.problem(422);
    let request = toml(Request::put(&path).header("if-match", etag(&made)), "title = 3\n");
    let problem = app.send(request).await.problem(422);
    assert!(problem["errors"].as_array().expect("errors").len() > 1, "{problem}");
    assert_eq!(app.get(&path).await.json()["text"], text);
}

#[tokio::test]
async fn the_status_follows_the_lifecycle() {
    let app = TestApp::new().await;
    let made = created(&app).await;
    let path = format!("{DECISIONS}/{}", made["id"].as_str().expect("an id"));
    let to = |status: &str| json!({"status": status, "note": "agreed"});
    app.post_json(&format!("{path}/status"), &to("accepted")).await.problem(422);
    app.post_json(&format!("{path}/status"), &to("done")).await.problem(422);
    for status in ["proposed", "accepted"] {
        let moved = app.post_json(&format!("{path}/status"), &to(status)).await;
        assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
        assert_eq!(moved.json()["standing"], status);
    }
    let accepted = app.get(&path).await.json();
    assert_eq!(accepted["record"]["decided"].as_str().expect("a day").len(), 10);
    let history = app.get(&format!("{path}/history")).await.json();
    let last = history["events"].as_array().expect("events").last().expect("one").clone();
    assert_eq!(last["kind"], "status");
    assert_eq!(last["detail"], "proposed to accepted: agreed");

    let text = accepted["text"].as_str().expect("a text");
    let changed = text.replacen("option = \"rust\"", "option = \"go\"", 1);
    assert_ne!(changed, text);
    let id = made["id"].as_str().expect("an id");
    app.send(put(id, &etag(&accepted), &changed)).await.problem(422);
}

#[tokio::test]
async fn what_is_not_an_id_is_not_found() {
    let app = TestApp::new().await;
    fs::write(app.folder().join("secret.toml"), "secret = 1\n").expect("a file");
    for id in [
        "1",
        "..%2Fsecret",
        "..%2F..%2Fetc%2Fpasswd",
        "%00",
        "0001-x.toml",
        "0198f2c47d1e7c3a9b523f1d2e4c5b6a",
        "0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a",
        "%7B0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a%7D",
    ] {
        let answer = app.get(&format!("{DECISIONS}/{id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}: {}", answer.body);
        assert!(!answer.body.contains("secret = 1"));
    }
    let invalid = app.get(&format!("{DECISIONS}/%ff%fe")).await;
    assert!(invalid.status.is_client_error(), "{}", invalid.status);
}

#[tokio::test]
async fn hostile_text_is_kept_as_text() {
    let app = TestApp::new().await;
    let hostile = "\u{202e}<script>alert(1)</script> \"\"\" ''' \\ ${x} {{y}} 😀";
    let mut wish = decision();
    for key in ["title", "service", "team", "why"] {
        wish[key] = json!(hostile);
    }
    wish["tags"] = json!([hostile, "../../x"]);
    let answer = app.post_json(DECISIONS, &wish).await;
    if answer.status == StatusCode::CREATED {
        let made = answer.json();
        assert_eq!(made["record"]["title"], hostile);
        let name = made["file_name"].as_str().expect("a file name");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        assert!(name.chars().all(plain), "{name}");
        assert!(app.decisions().join(name).is_file());
    } else {
        answer.problem(422);
    }
    wish["title"] = json!("two\nlines");
    app.post_json(DECISIONS, &wish).await.problem(422);
}

#[tokio::test]
async fn the_contract_names_every_address() {
    let app = TestApp::new().await;
    let document = app.get("/api/v1/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let routes = include_str!("../../src/routes.rs");
    let mut count = 0;
    for route in routes.split("\"").filter(|part| part.starts_with("/api/v1/")) {
        if route != "/api/v1/openapi.json" {
            assert!(paths.contains_key(route), "the contract lacks {route}");
            count += 1;
        }
    }
    assert_eq!(count, paths.len());
    let refused = &paths["/api/v1/score"]["post"]["responses"]["422"]["content"];
    assert!(refused["application/problem+json"]["schema"].is_object(), "{refused}");
}

#[tokio::test]
async fn the_measured_runs_are_listed() {
    let app = TestApp::new().await;
    let list = app.get("/api/v1/evidence/runs").await.json();
    assert_eq!(list["faults"], json!([]), "a committed run must be readable");
    for run in list["runs"].as_array().expect("runs") {
        assert!(run["metrics"].is_array());
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let app = TestApp::new().await;
    app.get("/api/v1/nothing").await.problem(404);
    let request = Request::delete("/api/v1/score").body(Body::empty()).expect("a request");
    let answer = app.send(request).await;
    answer.problem(405);
    assert!(answer.header("allow").contains("POST"));
    let page = app.get("/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains("There is nothing here"));
    let request = Request::delete("/method").body(Body::empty()).expect("a request");
    let page = app.send(request).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(page.header("content-type").starts_with("text/html"));
}
