//! A clock that jumps: nothing holds longer than it should, nothing is lost, and what was well before is
//! well again once the clock is.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use assay_advice::Model;
use assay_store::{
    PostgresStore,
    access::{Access, Person, Role, Session, Token},
};
use axum::{body::Body, http::Request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::shared,
    cluster::Cluster,
    support::{TestApp, json as with_json, noon, skip},
};

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;

/// How far the clock of this file's one test is off.
static OFF_S: AtomicI64 = AtomicI64::new(0);

fn clock() -> Timestamp {
    noon() + SignedDuration::from_secs(OFF_S.load(Ordering::Relaxed))
}

fn jump(to_s: i64) {
    OFF_S.store(to_s, Ordering::Relaxed);
}

#[tokio::test]
async fn a_clock_that_jumps_lets_nobody_stay_and_loses_nothing() {
    let Some(cluster) = Cluster::shared() else {
        return skip("a_clock_that_jumps", "PostgreSQL is not installed");
    };
    let model = Arc::new(Model::builtin().clone());
    let url = cluster.url(&cluster.database(""));
    let access = Arc::new(PostgresStore::open(&url, model).await.expect("a database"));
    let person = Person { subject: "1".into(), name: "Ada".into(), role: Role::Reviewer };
    let session = Session {
        person: person.clone(),
        id_token: String::new(),
        begun: noon(),
        until: noon() + SignedDuration::from_hours(10),
    };
    access.enter(&assay::access::key("secret"), &session, None).await.expect("kept");
    let token = Token {
        id: Uuid::from_u128(1),
        person,
        label: "test".into(),
        made: noon(),
        until: noon() + SignedDuration::from_hours(24 * 90),
    };
    access.make_token(&assay::access::key("assay_secret"), &token).await.expect("kept");
    let app = TestApp::shared(shared(Arc::clone(&access) as _), clock).await;
    let ask = async |method: &str, path: &str, with: (&str, &str), body: &Value| {
        let request = Request::builder().method(method).uri(path).header(with.0, with.1);
        app.send(with_json(request.header("host", "assay.example.org"), body)).await
    };
    let by_session = ("cookie", "__Host-assay=secret");
    let by_token = ("authorization", "Bearer assay_secret");
    let list = "/api/v1/decisions";

    // Each moment, and whether the session and the token hold.
    for (off_s, session, token) in [
        (0, true, true),
        (10 * HOUR_S - 1, true, true),
        (10 * HOUR_S, false, true),
        (30 * DAY_S - 1, false, true),
        (30 * DAY_S, false, false),
        (10_000 * DAY_S, false, false),
        // Copies' clocks differ a little; one that fell behind lets nobody stay for ever.
        (-60, true, true),
        (-HOUR_S, false, false),
        (-10_000 * DAY_S, false, false),
        (0, true, true),
    ] {
        jump(off_s);
        for (with, holds) in [(by_session, session), (by_token, token)] {
            let status = ask("GET", list, with, &json!({})).await.status.as_u16();
            assert_eq!(status, if holds { 200 } else { 401 }, "{off_s} s, {with:?}");
        }
    }

    // A decision that is due one day, changed while the clock is behind.
    let sheet = json!({"title": "The gateway", "option": "go", "answers": {"owners": 3}});
    let made = ask("POST", list, by_session, &sheet).await.json();
    let path = format!("{list}/{}", made["id"].as_str().expect("an id"));
    for (off_s, status) in [(-60, "proposed"), (0, "accepted")] {
        jump(off_s);
        let to = json!({"status": status});
        let answer = ask("POST", &format!("{path}/status"), by_session, &to).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
    }
    let due = async || {
        let queue = ask("GET", "/api/v1/review-queue", by_token, &json!({})).await;
        assert_eq!(queue.status.as_u16(), 200, "{}", queue.body);
        queue.body.contains("The gateway")
    };
    let text = async || {
        let with = ("accept", "application/toml");
        let request = Request::get(&path).header(by_token.0, by_token.1).header(with.0, with.1);
        let request = request.header("host", "assay.example.org").body(Body::empty());
        app.send(request.expect("a request")).await.body
    };
    let before = text().await;
    assert!(!due().await);
    let long =
        Session { begun: noon(), until: noon() + SignedDuration::from_hours(24 * 900), ..session };
    access.enter(&assay::access::key("long"), &long, None).await.expect("kept");
    jump(800 * DAY_S);
    let queue =
        ask("GET", "/api/v1/review-queue", ("cookie", "__Host-assay=long"), &json!({})).await;
    assert!(queue.body.contains("The gateway"), "{}", queue.body);
    jump(0);
    assert!(!due().await, "what was due too early is not due any more");
    assert_eq!(text().await, before, "looking at it changed nothing");
    assert_eq!(ask("GET", list, by_token, &json!({})).await.status.as_u16(), 200);
}
