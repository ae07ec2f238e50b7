//! What brings a decision back: its queue and feeds, triggers fired by hand and by Alertmanager, and
//! what comes of looking at it again.

use std::{fs, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::{
    pages_records::post,
    review::{pairs, path_of, recorded, shows},
    support::{Answer, HOOK_TOKEN, TestApp},
};

const TRIGGERS: &str = r#"
[[trigger]]
id = "slow"
kind = "metric"
when = "p99_ms > 10 for 7d"
promql = "job:p99_ms # of all"
note = "{{ not a template }}"

[[trigger]]
id = "hired"
kind = "event"
when = "Two Go engineers join"

[[trigger]]
id = "bare"
kind = "metric"
when = "rps >= 1e6 for 90s"
"#;

/// A record's text with these triggers in place of those that were drafted, if any were.
pub(crate) fn in_place_of_drafted(text: &str, triggers: &str) -> String {
    let (before, after) = text.split_once("\n[[event]]").expect("an event");
    let before = before.split("\n[[trigger]]").next().unwrap_or(before);
    format!("{before}\n{triggers}\n[[event]]{after}")
}

/// An accepted record with triggers of its own, written by hand.
pub(crate) async fn with_triggers(app: &TestApp, review_by: &str) -> Value {
    let record = recorded(app, &json!({"status": "accepted", "review_by": review_by})).await;
    let path = app.decisions().join(record["file_name"].as_str().expect("a name"));
    let text = record["text"].as_str().expect("text");
    fs::write(path, in_place_of_drafted(text, TRIGGERS)).expect("written");
    let read = app.get(&format!("/api/v1{}", path_of(&record))).await.json();
    assert_eq!(read["record"]["trigger"].as_array().expect("triggers").len(), 3, "{read}");
    read
}

fn alert(record: &str, trigger: &str, status: &str, starts_at: &str) -> Value {
    json!({
        "status": status,
        "labels": {"alertname": "AssayTrigger", "assay_record": record, "assay_trigger": trigger},
        "annotations": {"summary": "p99 is 14 ms"},
        "startsAt": starts_at, "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph", "fingerprint": format!("f-{trigger}"),
    })
}

async fn hook(app: &TestApp, token: Option<&str>, body: String) -> Answer {
    let mut request =
        Request::post("/hooks/alertmanager").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    app.send(request.body(Body::from(body)).expect("a request")).await
}

async fn sent(app: &TestApp, alerts: &[Value]) -> Value {
    let body = json!({"version": "4", "status": "firing", "alerts": alerts}).to_string();
    let answer = hook(app, Some(HOOK_TOKEN), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()
}

async fn firings(app: &TestApp, record: &Value) -> usize {
    app.get(&format!("{}.toml", path_of(record))).await.body.matches("\"trigger_fired\"").count()
}

async fn revisit(app: &TestApp, record: &Value, body: &Value) -> Answer {
    app.post_json(&format!("/api/v1{}/revisits", path_of(record)), body).await
}

#[tokio::test]
async fn an_alert_fires_its_trigger_once() {
    let app = TestApp::new().await;
    let record = with_triggers(&app, "2030-01-01").await;
    let id = record["id"].as_str().expect("an id");
    let slow = |starts_at: &str| alert(id, "slow", "firing", starts_at);
    let first = sent(&app, &[slow("2026-11-20T10:00:00.123Z")]).await;
    assert_eq!(first["fired"][0]["trigger"], "slow", "{first}");
    for again in ["2026-11-20T10:00:00.123Z", "2026-11-20T11:00:00Z"] {
        let report = sent(&app, &[slow(again)]).await;
        assert_eq!(report["fired"], json!([]), "it waits for its revisit: {report}");
    }
    assert_eq!(firings(&app, &record).await, 1);
    let home = app.get("/").await;
    assert!(home.body.contains("Due for review") && home.body.contains("Trigger fired"));
    let page = app.get(&format!("{}/review", path_of(&record))).await;
    assert!(page.body.contains("noted by alertmanager") && page.body.contains("p99 is 14 ms"));

    let kept = json!({"outcome": "keep", "reason": "A bad deploy", "review_by": "2027-03-01"});
    assert_eq!(revisit(&app, &record, &kept).await.status, StatusCode::CREATED);
    let report =
        sent(&app, &[slow("2026-11-20T10:00:00.123Z"), slow("2026-11-20T11:00:00Z")]).await;
    assert_eq!(
        report["known"].as_array().expect("known").len(),
        2,
        "old alerts stay answered: {report}"
    );
    let report = sent(&app, &[slow("2027-01-01T00:00:00Z")]).await;
    assert_eq!(
        report["fired"].as_array().expect("fired").len(),
        1,
        "a later one is news: {report}"
    );
    assert_eq!(firings(&app, &record).await, 2);
}

#[tokio::test]
async fn the_webhook_reports_what_it_does_not_know_and_refuses_who_has_no_token() {
    let app = TestApp::new().await;
    let record = with_triggers(&app, "2030-01-01").await;
    let id = record["id"].as_str().expect("an id");
    let at = "2026-11-20T10:00:00Z";
    let report = sent(
        &app,
        &[
            alert("0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a", "slow", "firing", at),
            alert(id, "nothing", "firing", at),
            alert("../../etc/passwd", "slow", "firing", at),
            alert(id, "slow", "resolved", at),
            alert(id, "slow", "firing", at),
        ],
    )
    .await;
    assert_eq!(report["unknown"].as_array().expect("unknown").len(), 3, "{report}");
    assert_eq!(
        (report["resolved"].clone(), report["fired"].as_array().expect("fired").len()),
        (json!(1), 1)
    );
    assert_eq!(firings(&app, &record).await, 1, "a resolved alert does nothing");
    for token in [None, Some("wrong"), Some("")] {
        let refused = hook(&app, token, "{}".to_owned()).await;
        refused.problem(401);
        assert_eq!(refused.header("www-authenticate"), "Bearer");
    }
    hook(&app, Some(HOOK_TOKEN), "{".to_owned()).await.problem(400);
    hook(&app, Some(HOOK_TOKEN), "[]".to_owned()).await.problem(400);
    hook(&app, Some(HOOK_TOKEN), " ".repeat(1024 * 1024 + 1)).await.problem(413);
    let deaf = TestApp::without_hook().await;
    hook(&deaf, Some(HOOK_TOKEN), "{}".to_owned()).await.problem(404);
}

#[tokio::test]
async fn a_trigger_is_fired_by_hand_and_answered_by_a_revisit() {
    let app = TestApp::new().await;
    let record = with_triggers(&app, "2030-01-01").await;
    let (path, review) = (path_of(&record), format!("{}/review", path_of(&record)));
    let page = app.get(&review).await;
    shows(&page, StatusCode::OK, "Nothing is waiting");
    let fire = pairs(&[("form", "fire"), ("trigger", "hired"), ("note", "They started today")]);
    assert_eq!(post(&app, &review, &fire).await.status, StatusCode::SEE_OTHER);
    let page = app.get(&review).await;
    assert!(
        page.body.contains("“Two Go engineers join” fired on")
            && page.body.contains("They started today")
    );
    let queue = app.get("/api/v1/review-queue").await.json();
    assert_eq!(
        (queue["due"][0]["id"].clone(), queue["due"][0]["fired"].clone()),
        (record["id"].clone(), json!(true))
    );
    let wrong = app.post_json(&format!("/api/v1{path}/triggers/nothing"), &json!({})).await;
    assert!(wrong.problem(422)["errors"][0]["allowed"].as_str().expect("ids").contains("hired"));

    let outcome = |what: &str, reason: &str, by: &str| {
        pairs(&[("form", "revisit"), ("outcome", what), ("reason", reason), ("review_by", by)])
    };
    for (bad, says) in [
        (outcome("", "x", "2027-01-01"), "Nothing is chosen"),
        (outcome("keep", " ", "2027-01-01"), "No reason is given"),
        (outcome("keep", "kept text", "soon"), "is not a date"),
        (outcome("keep", "kept text", "2026-11-21"), "is not after today"),
    ] {
        let answer = post(&app, &review, &bad).await;
        shows(&answer, StatusCode::UNPROCESSABLE_ENTITY, says);
    }
    let amended = post(&app, &review, &outcome("amend", "Triggers to sharpen", "2027-02-01")).await;
    assert_eq!(amended.header("location"), format!("{path}/edit"));
    let text = app.get(&format!("{path}.toml")).await.body;
    assert!(
        text.contains("review_by = 2027-02-01") && text.contains("outcome = \"amend\""),
        "{text}"
    );
    assert_eq!(app.get("/api/v1/review-queue").await.json()["due"], json!([]));
    let superseded = post(&app, &review, &outcome("supersede", "Go fits now", "2027-02-02")).await;
    assert_eq!(superseded.header("location"), format!("{path}/supersede"));
    let draft = recorded(&app, &json!({})).await;
    let early = revisit(&app, &draft, &json!({"outcome": "keep", "reason": "x"})).await;
    assert!(early.problem(422)["detail"].as_str().expect("words").contains("not in force"));
}

#[tokio::test]
async fn the_queue_and_the_feeds_tell_what_is_due_and_what_is_near() {
    let app = TestApp::new().await;
    let today: jiff::civil::Date = app.app.today();
    let empty = app.get("/feeds/reviews.atom").await;
    let empty = atom_syndication::Feed::read_from(empty.body.as_bytes()).expect("a feed");
    assert!(empty.updated().to_rfc3339().starts_with(&today.to_string()), "not 1970");
    let day = |days: i32| (today + jiff::Span::new().days(days)).to_string();
    let title = "Überprüfung & <b>Söhne</b>; mit, Komma \\ und einem sehr langen Titel, der umbrochen wird 🎉🎉🎉";
    let late =
        recorded(&app, &json!({"status": "accepted", "review_by": day(-3), "title": title})).await;
    let near =
        recorded(&app, &json!({"status": "accepted", "review_by": day(20), "title": "Near"})).await;
    let far =
        recorded(&app, &json!({"status": "accepted", "review_by": day(200), "title": "Far"})).await;
    recorded(&app, &json!({"review_by": day(-3), "title": "An example", "tags": ["assay"]})).await;
    let queue = app.get("/api/v1/review-queue").await.json();
    let ids = |part: &str| -> Vec<Value> {
        queue[part].as_array().expect("a list").iter().map(|it| it["id"].clone()).collect()
    };
    assert_eq!((ids("due"), ids("soon")), (vec![late["id"].clone()], vec![near["id"].clone()]));
    let home = app.get("/").await;
    shows(&home, StatusCode::OK, "Due within thirty days");

    let ics = app.get("/feeds/reviews.ics").await;
    assert_eq!(ics.header("content-type"), "text/calendar; charset=utf-8");
    assert!(ics.body.split("\r\n").all(|line| line.len() <= 75), "{}", ics.body);
    let mut calendars = ical::IcalParser::new(ics.body.as_bytes());
    let calendar = calendars.next().expect("a calendar").expect("well formed");
    assert!(calendars.next().is_none());
    let of = |event: &ical::parser::ical::component::IcalEvent, name: &str| {
        let property = event.properties.iter().find(|property| property.name == name);
        property.and_then(|property| property.value.clone()).expect("a value")
    };
    let days: Vec<String> = calendar.events.iter().map(|event| of(event, "DTSTART")).collect();
    let wanted = [day(-3), day(20), day(200)].map(|day| day.replace('-', ""));
    assert_eq!(days, wanted);
    let said = of(&calendar.events[0], "SUMMARY")
        .replace("\\;", ";")
        .replace("\\,", ",")
        .replace("\\\\", "\\");
    assert_eq!(said, format!("Review: 0001 {title}"));
    assert!(
        of(&calendar.events[2], "URL")
            .ends_with(&format!("/decisions/{}/review", far["id"].as_str().expect("an id")))
    );

    let atom = app.get("/feeds/reviews.atom").await;
    let feed = atom_syndication::Feed::read_from(atom.body.as_bytes()).expect("a feed");
    let titles: Vec<&str> = feed.entries().iter().map(|entry| entry.title().as_str()).collect();
    assert_eq!(titles, [format!("Review: 0001 {title}").as_str(), "Review: 0002 Near"]);
    let ids: std::collections::HashSet<&str> =
        feed.entries().iter().map(atom_syndication::Entry::id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(
        atom.body,
        app.get("/feeds/reviews.atom").await.body,
        "asked again, it says the same"
    );
}

#[tokio::test]
async fn the_advice_of_then_is_held_against_todays() {
    let app = TestApp::new().await;
    let record = recorded(&app, &json!({"status": "accepted"})).await;
    let same = recorded(&app, &json!({"status": "accepted", "title": "Same"})).await;
    let path = app.decisions().join(record["file_name"].as_str().expect("a name"));
    // As if another model had recommended Go then, and the team had followed it.
    let text =
        record["text"].as_str().expect("text").replace("option = \"rust\"", "option = \"go\"");
    let text = text.replacen("recommended = \"rust\"", "recommended = \"go\"", 1);
    let digest = text
        .split("model.digest = \"")
        .nth(1)
        .expect("a digest")
        .split('"')
        .next()
        .expect("its end")
        .to_owned();
    let text = text.replace(&digest, "sha256:0123").replacen(
        "model.version = \"",
        "model.version = \"0.",
        1,
    );
    fs::write(path, text).expect("written");
    let page = app.get(&path_of(&record)).await;
    shows(&page, StatusCode::OK, "The advice would be another one today");
    assert!(page.body.contains("It now speaks against the choice"), "{}", page.body);
    assert!(page.body.contains("; it was backend version 0."));
    assert!(!app.get(&path_of(&same)).await.body.contains("Then against now"));
    let mut queue = json!({});
    for _ in 0..100 {
        queue = app.get("/api/v1/review-queue").await.json();
        if queue["compared"] == 2
            && queue["changed"].as_array().is_some_and(|list| !list.is_empty())
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let changed = queue["changed"].as_array().expect("changed");
    assert_eq!(changed.len(), 1, "{queue}");
    assert_eq!(
        (changed[0]["id"].clone(), changed[0]["before"].clone(), changed[0]["now"].clone()),
        (record["id"].clone(), json!("go"), json!("rust"))
    );
    assert!(app.get("/").await.body.contains("The advice would be another one today"));
    let text = app.get(&format!("{}.toml", path_of(&record))).await.body;
    assert!(!text.contains("\"rescored\""), "looking writes nothing");
    // Somebody acts: what they have seen is noted and waits no longer.
    let kept =
        revisit(&app, &record, &json!({"outcome": "keep", "reason": "We know Go better"})).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    let text = kept.json()["text"].as_str().expect("text").to_owned();
    assert!(text.contains("kind = \"rescored\"") && text.contains("advised = \"rust\""), "{text}");
    for _ in 0..100 {
        queue = app.get("/api/v1/review-queue").await.json();
        if queue["changed"] == json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(queue["changed"], json!([]));
    let page = app.get(&path_of(&record)).await;
    shows(&page, StatusCode::OK, "The last revisit noted: Go before, Rust now");
}
