//! From a proposal to a decision and its successor: sign-offs, history, differences, supersession.

use std::fs;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::{
    pages_records::{fields, post, set},
    support::{Answer, RUST_SHEET, TestApp, json as json_request},
};

/// Records a decision from the sheet that leads to Rust, and gives it as the API shows it.
pub(crate) async fn recorded(app: &TestApp, more: &Value) -> Value {
    let sheet: toml::Table = RUST_SHEET.parse().expect("a sheet");
    let answers = serde_json::to_value(&sheet["answers"]).expect("answers");
    let mut body =
        json!({"title": "Language for the gateway", "service": "gateway", "answers": answers});
    for (key, value) in more.as_object().expect("fields") {
        body[key] = value.clone();
    }
    let answer = app.post_json("/api/v1/decisions", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.json()
}

pub(crate) fn path_of(record: &Value) -> String {
    format!("/decisions/{}", record["id"].as_str().expect("an id"))
}

pub(crate) fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn hidden(page: &str, name: &str) -> String {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
    field.split('"').next().expect("a value").to_owned()
}

/// Asserts a page with this status that says this.
pub(crate) fn shows(answer: &Answer, status: StatusCode, says: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body.contains(says), "{says}: {}", answer.body);
}

async fn api(app: &TestApp, record: &Value, what: &str, body: &Value) -> Answer {
    app.post_json(&format!("/api/v1{}/{what}", path_of(record)), body).await
}

async fn amend(app: &TestApp, path: &str, name: &str, value: &str) {
    let page = app.get(&format!("{path}/edit")).await;
    let mut form = fields(&page.body);
    set(&mut form, name, value);
    let answer = post(app, &format!("{path}/edit"), &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

#[tokio::test]
async fn a_proposal_is_reviewed_and_decided_on_one_page() {
    let app = TestApp::new().await;
    let record = recorded(&app, &json!({})).await;
    let (path, review) = (path_of(&record), format!("{}/review", path_of(&record)));
    let page = app.get(&review).await;
    shows(&page, StatusCode::OK, "Review: Language for the gateway");
    let approve = |page: &Answer| {
        pairs(&[
            ("form", "review"),
            ("digest", &hidden(&page.body, "digest")),
            ("verdict", "approve"),
        ])
    };
    let early = post(&app, &review, &approve(&page)).await;
    shows(&early, StatusCode::UNPROCESSABLE_ENTITY, "A draft is not put to reviewers yet");
    let status = |page: &Answer, to: &str| {
        pairs(&[("form", "status"), ("hash", &hidden(&page.body, "hash")), ("status", to)])
    };
    let proposed = post(&app, &review, &status(&page, "proposed")).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.body);

    let page = app.get(&review).await;
    assert!(page.body.contains("Nobody has approved the text as it stands"));
    let mut changes = approve(&page);
    set(&mut changes, "verdict", "request_changes");
    set(&mut changes, "section", "context");
    let silent = post(&app, &review, &changes).await;
    shows(&silent, StatusCode::UNPROCESSABLE_ENTITY, "Nothing is said");
    assert!(
        silent.body.contains("href=\"#comment\"") && silent.body.contains("id=\"comment-error\"")
    );
    set(&mut changes, "comment", "Say <b>who</b> is on call");
    assert_eq!(post(&app, &review, &changes).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        post(&app, &review, &approve(&page)).await.status,
        StatusCode::SEE_OTHER,
        "another review leaves the text as it was"
    );
    let page = app.get(&review).await;
    assert!(page.body.contains("Say &#60;b&#62;who"), "{}", page.body);
    assert_eq!(page.body.matches("Read the text as it stands").count(), 2);
    assert!(!page.body.contains("Nobody has approved"));

    let before = approve(&page);
    amend(&app, &path, "context", "The team of identity is on call.").await;
    let stale = post(&app, &review, &before).await;
    shows(&stale, StatusCode::CONFLICT, "The text changed while you read it");
    let page = app.get(&path).await;
    assert_eq!(page.body.matches("The text changed since: rationale.context").count(), 2);
    let query =
        page.body.split("/diff?").nth(1).expect("a link").split('"').next().expect("its end");
    let diff = app.get(&format!("{path}/diff?{}", query.replace("&#38;", "&"))).await;
    shows(&diff, StatusCode::OK, "Changes in Language for the gateway");
    assert!(
        diff.body.contains("put in</span></td><td><code>context = &#34;The team of identity"),
        "{}",
        diff.body
    );

    let page = app.get(&review).await;
    assert_eq!(post(&app, &review, &approve(&page)).await.status, StatusCode::SEE_OTHER);
    let page = app.get(&review).await;
    assert_eq!(post(&app, &review, &status(&page, "accepted")).await.status, StatusCode::SEE_OTHER);
    let page = app.get(&path).await;
    assert_eq!(
        page.body.matches("Read the text as it stands").count(),
        1,
        "accepting keeps the text"
    );
    let text = app.get(&format!("{path}.toml")).await.body;
    assert!(text.contains("verdict = \"approve\"") && text.contains("digest = \"sha256:"));
}

#[tokio::test]
async fn a_review_over_the_api_says_which_text_was_read() {
    let app = TestApp::new().await;
    let record = recorded(&app, &json!({"status": "proposed"})).await;
    let approve = json!({"verdict": "approve"});
    api(&app, &record, "reviews", &approve).await.problem(428);
    let wrong = json!({"verdict": "approve", "digest": "sha256:00"});
    api(&app, &record, "reviews", &wrong).await.problem(412);
    let unheard = api(&app, &record, "reviews", &json!({"verdict": "yes", "digest": "x"})).await;
    assert!(
        unheard.problem(422)["errors"][0]["allowed"]
            .as_str()
            .expect("text")
            .contains("request_changes")
    );
    let good = json!({"verdict": "approve", "digest": record["digest"], "comment": "Agreed"});
    let signed = api(&app, &record, "reviews", &good).await;
    assert_eq!(signed.status, StatusCode::CREATED, "{}", signed.body);
    assert_eq!(signed.json()["digest"], record["digest"], "signing changes nothing that is signed");
    let path = format!("/api/v1{}/reviews", path_of(&record));
    let by_tag = |tag: &str| {
        let request = Request::post(&path).header("if-match", format!("\"{tag}\""));
        json_request(
            request,
            &json!({"verdict": "comment", "comment": "Fine", "section": "decision"}),
        )
    };
    let old = app.send(by_tag(record["hash"].as_str().expect("a hash"))).await;
    old.problem(412);
    let now = signed.json()["hash"].as_str().expect("a hash").to_owned();
    assert_eq!(app.send(by_tag(&now)).await.status, StatusCode::CREATED);
    let history = app.get(&format!("/api/v1{}/history", path_of(&record))).await.json();
    let kinds: Vec<&str> = history["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|e| e["verdict"].as_str())
        .collect();
    assert_eq!(kinds, ["approve", "comment"]);
    assert_eq!(history["revisions"].as_array().expect("revisions").len(), 3);
    assert!(history["known"].as_array().expect("sentences").len() >= 2);
    api(&app, &record, "status", &json!({"status": "accepted"})).await;
    let late = api(&app, &record, "reviews", &good).await;
    assert!(late.problem(422)["detail"].as_str().expect("words").contains("past reviewing"));
}

#[tokio::test]
async fn the_history_shows_every_text_and_any_two_compare() {
    let app = TestApp::new().await;
    let record = recorded(&app, &json!({})).await;
    let path = path_of(&record);
    let only = app.get(&format!("{path}/history")).await;
    shows(&only, StatusCode::OK, "Only the text as it is now is known");
    amend(&app, &path, "team", "identity").await;
    amend(&app, &path, "team", "platform").await;
    let page = app.get(&format!("{path}/history")).await;
    assert_eq!(page.body.matches("name=\"a\"").count(), 3);
    assert!(page.body.contains("Edited") && page.body.contains("no git work tree"));
    let last = app.get(&format!("{path}/diff")).await;
    assert!(
        last.body.contains("team = &#34;platform") && last.body.contains("team = &#34;identity")
    );
    let hashes: Vec<String> = page
        .body
        .split("name=\"a\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().expect("a hash").to_owned())
        .collect();
    let across = app.get(&format!("{path}/diff?a={}&b={}", hashes[0], hashes[2])).await;
    assert!(
        across.body.contains("team = &#34;platform")
            && !across.body.contains("team = &#34;identity")
    );
    let same = app.get(&format!("{path}/diff?a={}&b={}", hashes[1], hashes[1])).await;
    shows(&same, StatusCode::OK, "It is the same text");
    let none = app.get(&format!("{path}/diff?a=%3Cscript%3E&b=")).await;
    shows(&none, StatusCode::NOT_FOUND, "No text of this record is known");
    for page in ["history", "diff", "review", "supersede"] {
        let gone =
            app.get(&format!("/decisions/0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a/{page}")).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{page}");
    }
}

#[tokio::test]
async fn superseding_is_one_write_and_editing_the_choice_leads_to_it() {
    let app = TestApp::new().await;
    let record = recorded(&app, &json!({"status": "accepted", "team": "identity"})).await;
    let path = path_of(&record);
    let edit = app.get(&format!("{path}/edit")).await;
    assert!(edit.body.contains(&format!("href=\"{path}/supersede\"")));
    let mut form = fields(&edit.body);
    set(&mut form, "option", "go");
    let refused = post(&app, &format!("{path}/edit"), &form).await;
    shows(&refused, StatusCode::UNPROCESSABLE_ENTITY, "the choice of an accepted record is fixed");
    let text = record["text"].as_str().expect("text").replacen(
        "option = \"rust\"",
        "option = \"go\"\noverride_reason = \"x\"",
        1,
    );
    let text = text.replacen("override_reason = \"\" #", "#", 1);
    let put = Request::put(format!("/api/v1{path}"))
        .header("if-match", format!("\"{}\"", record["hash"].as_str().expect("a hash")))
        .header("content-type", "application/toml")
        .body(Body::from(text))
        .expect("a request");
    let problem = app.send(put).await.problem(422);
    let allowed = problem["errors"][0]["allowed"].as_str().expect("the way forward").to_owned();
    assert!(allowed.ends_with(&format!("POST /api/v1{path}/supersede")), "{problem}");

    let to = app.get(&format!("{path}/supersede")).await;
    assert_eq!(to.status, StatusCode::SEE_OTHER);
    let page = app.get(to.header("location")).await;
    shows(&page, StatusCode::OK, "It replaces");
    let mut form = fields(&page.body);
    assert!(form.contains(&("team".to_owned(), "identity".to_owned())));
    set(&mut form, "title", "Language for the gateway, again");
    set(&mut form, "status", "accepted");
    let old_text = fs::read_to_string(app.decisions().join("0001-language-for-the-gateway.toml"))
        .expect("the file");
    let made = post(&app, "/checklist/record", &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let again = post(&app, "/checklist/record", &form).await;
    assert_eq!(again.header("location"), made.header("location"), "sent twice, it is made once");
    let kept = fs::read_to_string(app.decisions().join("0001-language-for-the-gateway.toml"))
        .expect("the file");
    assert_eq!(old_text, kept, "the old file is not touched");
    let old = app.get(&path).await;
    assert!(old.body.contains("Superseded by") && !old.body.contains("/supersede\""));
    let twice = app.get(&format!("{path}/supersede")).await;
    shows(&twice, StatusCode::UNPROCESSABLE_ENTITY, "supersede that one instead");
    let over = app.get(&format!("{path}/review")).await;
    shows(&over, StatusCode::OK, "nothing is left to review");
}

#[tokio::test]
async fn the_api_supersedes_with_the_old_answers_unless_told() {
    let app = TestApp::new().await;
    let draft = recorded(&app, &json!({})).await;
    let early = api(&app, &draft, "supersede", &json!({})).await.problem(422);
    assert!(early["errors"][0]["allowed"].as_str().expect("text").contains("edit it"));
    let record = recorded(&app, &json!({"status": "accepted", "tags": ["edge"]})).await;
    let send = || {
        let request = Request::post(format!("/api/v1{}/supersede", path_of(&record)))
            .header("idempotency-key", "k1");
        json_request(request, &json!({"status": "accepted", "option": "go", "why": "They left"}))
    };
    let made = app.send(send()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let new = made.json();
    assert_eq!(new["record"]["supersedes"], json!([record["id"]]));
    assert_eq!(new["record"]["answers"], record["record"]["answers"]);
    assert_eq!(new["record"]["tags"], json!(["edge"]));
    assert_eq!(app.send(send()).await.status, StatusCode::OK, "the same key gives the same record");
    let old = app.get(&format!("/api/v1{}", path_of(&record))).await.json();
    assert_eq!(
        (old["standing"].clone(), old["superseded_by"][0].clone()),
        (json!("superseded"), new["id"].clone())
    );
}
