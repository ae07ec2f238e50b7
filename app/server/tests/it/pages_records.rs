//! From answers to a record, and the pages that show, filter and change records.

use std::fs;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use url::form_urlencoded;

use crate::{
    pages_checklist::{QUERY, assert_page},
    support::{Answer, TestApp},
};

const RECORD: &str = "/checklist/record";

pub(crate) async fn post(app: &TestApp, path: &str, fields: &[(String, String)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    app.send(request.expect("a request")).await
}

/// The fields of the page's form as a browser would send them, in order.
pub(crate) fn fields(page: &str) -> Vec<(String, String)> {
    let form = page.split("<form").find(|form| form.contains("record-form")).expect("the form");
    let mut fields = Vec::new();
    for tag in form.split('<').filter(|tag| tag.contains("name=\"")) {
        let attribute = |name: &str| {
            let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
            rest.split('"').next().map(unescape)
        };
        let Some(name) = attribute("name") else { continue };
        let value = if tag.starts_with("textarea") {
            tag.split_once('>').map(|(_, text)| unescape(text.trim_start_matches('\n')))
        } else if tag.starts_with("select") {
            let rest = form.split(tag).nth(1).expect("options");
            let options = rest.split("</select>").next().expect("an end");
            let chosen = options.split("<option").find(|option| option.contains(" selected"));
            let chosen = chosen.or(options.split("<option").nth(1)).expect("an option");
            chosen.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).map(unescape)
        } else if tag.contains("type=\"radio\"") && !tag.contains(" checked") {
            None
        } else {
            attribute("value")
        };
        if let Some(value) = value {
            fields.push((name, value));
        }
    }
    fields
}

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

pub(crate) fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(key, _)| key != name);
    fields.push((name.to_owned(), value.to_owned()));
}

async fn filled(app: &TestApp) -> Vec<(String, String)> {
    let page = app.get(&format!("{RECORD}?{QUERY}")).await;
    assert_page(&page, StatusCode::OK, "Record the decision");
    fields(&page.body)
}

/// Records a decision and gives its address.
async fn recorded(app: &TestApp, changes: &[(&str, &str)]) -> String {
    let mut fields = filled(app).await;
    for (name, value) in changes {
        set(&mut fields, name, value);
    }
    let answer = post(app, RECORD, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.header("location").to_owned()
}

fn toml_files(app: &TestApp) -> Vec<String> {
    let names = fs::read_dir(app.decisions()).expect("the folder");
    let names = names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into());
    names.filter(|name: &String| name.ends_with(".toml")).collect()
}

#[tokio::test]
async fn the_form_is_prefilled_and_makes_a_file() {
    let app = TestApp::new().await;
    let fields = filled(&app).await;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
    assert_eq!(field("title"), Some("Language for gate"));
    assert_eq!(field("option"), Some("rust"));
    assert!(field("decision").expect("a decision").contains("plausible readings"));
    assert!(!field("review_by").expect("a date").is_empty());
    let path = recorded(&app, &[("team", "identity"), ("status", "accepted")]).await;
    let page = app.get(&path).await;
    assert_page(&page, StatusCode::OK, "Language for gate");
    assert!(page.body.contains("identity") && page.body.contains("<svg class=\"plot\""));
    let files = toml_files(&app);
    assert_eq!(files, ["0001-language-for-gate.toml"]);
    let text = fs::read_to_string(app.decisions().join(&files[0])).expect("the file");
    let raw = app.get(&format!("{path}.toml")).await;
    assert_eq!(raw.body, text);
    assert!(raw.header("content-disposition").contains("0001-language-for-gate.toml"));
    assert!(app.get("/decisions").await.body.contains("Language for gate"));
    assert!(app.get("/").await.body.contains("Language for gate"));
}

#[tokio::test]
async fn flips_become_triggers() {
    let app = TestApp::new().await;
    let mut drafted = 0;
    for preset in assay_advice::presets() {
        let pairs = preset.answers.to_pairs();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let fields = fields(&app.get(&format!("{RECORD}?{query}")).await.body);
        let whens = fields.iter().filter(|(name, when)| name == "trigger_when" && !when.is_empty());
        drafted += whens.count();
    }
    assert!(drafted > 0, "no preset has a flip to watch for");
}

#[tokio::test]
async fn a_form_sent_twice_makes_one_record() {
    let app = TestApp::new().await;
    let fields = filled(&app).await;
    let first = post(&app, RECORD, &fields).await;
    let second = post(&app, RECORD, &fields).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER, "{}", second.body);
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(toml_files(&app).len(), 1);
}

#[tokio::test]
async fn going_against_the_advice_asks_why() {
    let app = TestApp::new().await;
    let mut fields = filled(&app).await;
    set(&mut fields, "option", "go");
    set(&mut fields, "team", "kept <b>");
    let refused = post(&app, RECORD, &fields).await;
    assert_page(&refused, StatusCode::UNPROCESSABLE_ENTITY, "Error: Record");
    assert!(refused.body.contains("<a href=\"#override_reason\">"), "{}", refused.body);
    assert!(refused.body.contains("kept &#60;b&#62;"), "what was typed stays");
    assert!(refused.body.contains("Say why the choice differs from the advice."));
    assert!(!refused.body.contains("choice.override_reason"), "no internal names");
    assert!(toml_files(&app).is_empty());

    set(&mut fields, "override_reason", "Two reviewers leave in May.");
    let answer = post(&app, RECORD, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let page = app.get(answer.header("location")).await.body;
    assert!(page.contains("Against the advice") && page.contains("Two reviewers leave in May."));
    assert!(page.contains("in Go."), "the drafted decision follows the choice");
    assert!(app.get("/decisions?overridden=yes").await.body.contains("Language for gate"));
}

#[tokio::test]
async fn faults_of_the_form_are_named() {
    let app = TestApp::new().await;
    let mut fields = filled(&app).await;
    set(&mut fields, "title", "");
    set(&mut fields, "review_by", "next spring");
    fields.push(("trigger_id".into(), String::new()));
    fields.push(("trigger_kind".into(), "metric".into()));
    fields.push(("trigger_when".into(), "p99 is bad".into()));
    let page = post(&app, RECORD, &fields).await;
    assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Record");
    assert!(page.body.contains("<a href=\"#title\">") && page.body.contains("#review_by"));
    assert!(page.body.contains("next spring") && page.body.contains("p99 is bad"));
    assert!(page.body.contains("NAME OP NUMBER for DURATION"));
    let at = fields.iter().rposition(|(name, _)| name == "trigger_when").expect("a condition");
    fields[at].1 = "p99_ms > 10 for 7d".into();
    fields.push(("trigger_promql".into(), "rate(x[5m]".into()));
    let page = post(&app, RECORD, &fields).await;
    assert!(page.body.contains("`(` in column 5 is never closed"), "{}", page.body);

    let nothing = post(&app, RECORD, &[]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unanswered = app.get(RECORD).await;
    assert_eq!(unanswered.status, StatusCode::SEE_OTHER);
    assert!(toml_files(&app).is_empty());
}

#[tokio::test]
async fn hostile_text_in_every_field_stays_text() {
    let app = TestApp::new().await;
    let attack = "\"'><script>alert(1)</script>{{7*7}}<img src=x onerror=alert(1)>";
    let mut fields = filled(&app).await;
    for name in ["title", "service", "team", "tags", "deciders", "context", "decision"] {
        set(&mut fields, name, attack);
    }
    let answer = post(&app, RECORD, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer.header("location");
    for path in [path, &format!("{path}/edit"), "/decisions", "/", "/decisions?q=%3Cscript%3E"] {
        let page = app.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{path}");
    }
}

#[tokio::test]
async fn a_record_is_edited_and_a_conflict_loses_nothing() {
    let app = TestApp::new().await;
    let path = recorded(&app, &[]).await;
    let edit = format!("{path}/edit");
    let mut mine = fields(&app.get(&edit).await.body);
    let mut theirs = mine.clone();
    set(&mut theirs, "team", "their team");
    let saved = post(&app, &edit, &theirs).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);

    set(&mut mine, "context", "my own words");
    let refused = post(&app, &edit, &mine).await;
    assert_page(&refused, StatusCode::CONFLICT, "Error: Edit");
    assert!(refused.body.contains("their team") && refused.body.contains("my own words"));
    let again = fields(&refused.body);
    let saved = post(&app, &edit, &again).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    assert!(app.get(&path).await.body.contains("my own words"));

    let unchanged = fields(&app.get(&edit).await.body);
    let before = app.get(&format!("{path}.toml")).await.body;
    post(&app, &edit, &unchanged).await;
    assert_eq!(app.get(&format!("{path}.toml")).await.body, before, "no change, no event");
}

#[tokio::test]
async fn a_record_goes_through_its_life() {
    let app = TestApp::new().await;
    let path = recorded(&app, &[("status", "draft")]).await;
    for (status, says) in [("proposed", "Proposed"), ("accepted", "Accepted")] {
        let page = app.get(&format!("{path}/review")).await.body;
        let hash = page.split("name=\"hash\" value=\"").nth(1).expect("a hash");
        let hash = hash.split('"').next().expect("an end").to_owned();
        let fields = [("hash".into(), hash), ("status".into(), status.to_owned())];
        let answer = post(&app, &path, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert!(app.get(&path).await.body.contains(&format!("<span class=\"tag\">{says}</span>")));
    }
    let page = app.get(&path).await.body;
    assert!(page.contains("Deprecate it") && !page.contains("Reject it"));
    let edit = app.get(&format!("{path}/edit")).await.body;
    assert!(!edit.contains("name=\"option\""), "the choice of an accepted record is fixed");
    let stale = [("hash".into(), "0".repeat(64)), ("status".into(), "deprecated".to_owned())];
    let answer = post(&app, &path, &stale).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let back = [("status".into(), "draft".to_owned())];
    let answer = post(&app, &path, &back).await;
    assert_page(&answer, StatusCode::UNPROCESSABLE_ENTITY, "Error");
}

#[tokio::test]
async fn lists_are_filtered_and_bad_files_stand_beside() {
    let app = TestApp::new().await;
    let empty = app.get("/decisions").await;
    assert_page(&empty, StatusCode::OK, "Decisions");
    assert!(empty.body.contains("No decision is recorded yet"));
    recorded(&app, &[("title", "First of all"), ("team", "core")]).await;
    recorded(&app, &[("title", "Second of all"), ("team", "edge")]).await;
    let page = app.get("/decisions?team=core").await.body;
    assert!(page.contains("First of all") && !page.contains("Second of all"));
    assert!(app.get("/decisions?q=second").await.body.contains("Second of all"));
    assert!(app.get("/decisions?q=zebra").await.body.contains("No record fits"));
    for odd in ["page=99", "q=%22%20OR%20*", "q=%ff", "due=yes", "due=2027-01-01", "nothing=x"] {
        assert_eq!(app.get(&format!("/decisions?{odd}")).await.status, StatusCode::OK, "{odd}");
    }
    let broken = "schema = 1\ntitle = <b>\n";
    fs::write(app.decisions().join("0009-broken.toml"), broken).expect("a file");
    let mut seen = String::new();
    for _ in 0..50 {
        seen = app.get("/decisions").await.body;
        if seen.contains("0009-broken.toml") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(seen.contains("0009-broken.toml") && seen.contains("Line 2, column"), "{seen}");
    assert!(seen.contains("First of all"), "good records stay");
    let kept = fs::read_to_string(app.decisions().join("0009-broken.toml"));
    assert_eq!(kept.expect("the file"), broken);
}

#[tokio::test]
async fn a_filter_that_is_not_allowed_is_named_and_left_out() {
    let app = TestApp::new().await;
    recorded(&app, &[("title", "First of all"), ("team", "core")]).await;
    recorded(&app, &[("title", "Second of all"), ("team", "edge")]).await;
    for (odd, value, allowed) in [
        ("status=foo", "foo", "draft, proposed"),
        ("option=zig", "zig", "rust, go, hybrid"),
        ("due=soon", "soon", "YYYY-MM-DD"),
        ("page=-1", "-1", "1 or more"),
    ] {
        let page = app.get(&format!("/decisions?team=core&{odd}")).await;
        assert_page(&page, StatusCode::UNPROCESSABLE_ENTITY, "Error: Decisions");
        assert!(page.body.contains(&format!("`{value}` is not allowed")), "{}", page.body);
        assert!(page.body.contains(allowed), "{}", page.body);
        let shown = page.body.contains("First of all") && !page.body.contains("Second of all");
        assert!(shown, "the other filter holds: {}", page.body);
    }
}

#[tokio::test]
async fn a_damaged_record_says_where_and_how_to_mend_it() {
    let app = TestApp::new().await;
    let path = recorded(&app, &[("title", "First of all")]).await;
    let file = app.decisions().join("0001-first-of-all.toml");
    let text = fs::read_to_string(&file).expect("the file");
    let at = text.lines().position(|line| line.starts_with("status = ")).expect("a status");
    let broken = text.replace("status = \"draft\"", "status = draftt");
    assert_ne!(broken, text);
    fs::write(&file, broken).expect("the file");
    let page = app.get(&path).await;
    assert_page(&page, StatusCode::CONFLICT, "Error: This record");
    assert!(page.body.contains("0001-first-of-all.toml"), "{}", page.body);
    assert!(page.body.contains(&format!("Line {}, column 10", at + 1)), "{}", page.body);
    assert_eq!(page.body.matches("this is not TOML").count(), 1, "{}", page.body);
    assert!(page.body.contains("https://toml.io") && !page.body.contains("<code></code>"));

    let list = app.get("/decisions").await.body;
    assert!(list.contains("One file") && list.contains("needs mending"), "{list}");
    assert!(!list.contains("No decision is recorded yet"), "{list}");
}

#[tokio::test]
async fn no_address_leads_astray() {
    let app = TestApp::new().await;
    for path in [
        "/decisions/x",
        "/decisions/0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a",
        "/decisions/..%2F..%2Fetc%2Fpasswd",
        "/decisions/..%2fsecret.toml",
        "/decisions/%00",
        "/decisions/%ff",
        "/decisions/x/edit",
        "/evidence/nothing",
        "/evidence/..%2f..",
        "/static/x/..%2f..%2fCargo.toml",
        "/nothing",
    ] {
        let answer = app.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(answer.body.contains("<title>Error: "), "{path}");
        assert!(!answer.body.contains("root:") && !answer.body.contains("[workspace]"));
    }
}
