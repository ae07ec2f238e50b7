//! Sessions, tokens and the trail, on a real PostgreSQL.

use assay_store::access::{
    Access, Attempt, Creating, Guest, Key, Person, Role, Session, Step, Token,
};
use jiff::{SignedDuration, Timestamp};

use crate::{id, postgres};

const KEY: Key = [1; 32];
const OTHER: Key = [2; 32];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_262_400).unwrap() + SignedDuration::from_secs(second)
}

fn person(subject: &str) -> Person {
    Person { subject: subject.to_owned(), name: "Ada".to_owned(), role: Role::Author }
}

#[tokio::test]
async fn a_sign_in_is_answered_once_and_in_time() {
    let Some(cluster) = postgres::shared("a_sign_in_is_answered_once_and_in_time") else { return };
    let store = postgres::open(&cluster.url(&cluster.database(""))).await;
    let text = |text: &str| text.to_owned();
    let attempt =
        Attempt { nonce: text("n"), verifier: text("v"), goal: text("/decisions"), until: at(600) };
    store.begin(&KEY, &attempt, at(0)).await.unwrap();
    assert!(store.finish(&OTHER, at(1)).await.unwrap().is_none());
    assert!(store.finish(&KEY, at(600)).await.unwrap() == Some(attempt.clone()));
    assert!(store.finish(&KEY, at(1)).await.unwrap().is_none(), "once");
    store.begin(&KEY, &attempt, at(0)).await.unwrap();
    assert!(store.finish(&KEY, at(601)).await.unwrap().is_none(), "in time");
}

#[tokio::test]
async fn a_session_ends_by_time_by_leaving_and_by_a_new_one() {
    let Some(cluster) = postgres::shared("a_session_ends") else { return };
    let store = postgres::open(&cluster.url(&cluster.database(""))).await;
    let session =
        Session { person: person("1"), id_token: "token".to_owned(), begun: at(0), until: at(100) };
    store.enter(&KEY, &session, None).await.unwrap();
    assert!(store.session(&KEY, at(99)).await.unwrap() == Some(session.clone()));
    assert!(store.session(&KEY, at(100)).await.unwrap().is_none());
    assert!(store.session(&OTHER, at(1)).await.unwrap().is_none());
    store.enter(&OTHER, &session, Some(&KEY)).await.unwrap();
    assert!(store.session(&KEY, at(1)).await.unwrap().is_none(), "it was replaced");
    store.leave(&OTHER).await.unwrap();
    assert!(store.session(&OTHER, at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_holds_until_it_is_revoked() {
    let Some(cluster) = postgres::shared("a_token_holds_until_it_is_revoked") else { return };
    let store = postgres::open(&cluster.url(&cluster.database(""))).await;
    let token = Token {
        id: id(1),
        person: person("1"),
        label: "nightly report".to_owned(),
        made: at(0),
        until: at(100),
    };
    store.make_token(&KEY, &token).await.unwrap();
    assert_eq!(store.token(&KEY, at(99)).await.unwrap(), Some(token.clone()));
    assert_eq!(store.token(&KEY, at(100)).await.unwrap(), None);
    assert_eq!(store.tokens_of("1", at(1)).await.unwrap(), std::slice::from_ref(&token));
    assert!(store.tokens_of("2", at(1)).await.unwrap().is_empty());
    assert!(!store.revoke_token(id(1), "2").await.unwrap(), "only its owner");
    assert!(store.revoke_token(id(1), "1").await.unwrap());
    assert_eq!(store.token(&KEY, at(1)).await.unwrap(), None);
    store.make_token(&KEY, &token).await.unwrap();
    let session =
        Session { person: person("1"), id_token: String::new(), begun: at(0), until: at(9) };
    store.enter(&OTHER, &session, None).await.unwrap();
    let guest = Guest { person: person("1"), sessions: 1, tokens: 1 };
    assert_eq!(store.guests(at(1)).await.unwrap(), [guest]);
    assert!(store.guests(at(100)).await.unwrap().is_empty());
    assert_eq!(store.expel("1").await.unwrap(), 2);
    assert_eq!(store.token(&KEY, at(1)).await.unwrap(), None);
    assert!(store.session(&OTHER, at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_open_does_more_than_its_owner_or_holds_without_them() {
    let Some(cluster) = postgres::shared("nothing_open_does_more") else { return };
    let store = postgres::open(&cluster.url(&cluster.database(""))).await;
    let session = |role, begun| Session {
        person: Person { role, ..person("1") },
        id_token: String::new(),
        begun: at(begun),
        until: at(begun + 36_000),
    };
    let token = |number, subject: &str| Token {
        id: id(number),
        person: person(subject),
        label: "nightly report".to_owned(),
        made: at(0),
        until: at(90 * 86_400),
    };
    store.enter(&KEY, &session(Role::Author, 0), None).await.unwrap();
    store.make_token(&[3; 32], &token(1, "1")).await.unwrap();
    store.make_token(&[4; 32], &token(2, "2")).await.unwrap();
    store.enter(&OTHER, &session(Role::Viewer, 10), None).await.unwrap();
    let role = async |key: Key, second| {
        store.token(&key, at(second)).await.unwrap().map(|it| it.person.role)
    };
    let of_session = store.session(&KEY, at(11)).await.unwrap().unwrap();
    assert_eq!(of_session.person.role, Role::Viewer, "what was taken away is gone everywhere");
    assert_eq!(role([3; 32], 11).await, Some(Role::Viewer));
    assert_eq!(role([4; 32], 11).await, Some(Role::Author), "somebody else's");
    store.enter(&[5; 32], &session(Role::Reviewer, 20), None).await.unwrap();
    assert_eq!(role([3; 32], 21).await, Some(Role::Viewer), "more is for new ones");
    // Thirty days after the owner was here, and not before.
    let month = 30 * 86_400;
    assert_eq!(role([3; 32], month + 19).await, Some(Role::Viewer));
    assert_eq!(role([3; 32], month + 20).await, None);
    assert_eq!(role([4; 32], month).await, None);
    // What a clock ahead of ours began holds once it is due.
    store.enter(&[6; 32], &session(Role::Viewer, 1000), None).await.unwrap();
    assert!(store.session(&[6; 32], at(699)).await.unwrap().is_none());
    assert!(store.session(&[6; 32], at(700)).await.unwrap().is_some());
    assert_eq!(role([3; 32], -301).await, None);
}

#[tokio::test]
async fn the_trail_keeps_what_was_done() {
    let Some(cluster) = postgres::shared("the_trail_keeps_what_was_done") else { return };
    let name = cluster.database("");
    let store = postgres::open(&cluster.url(&name)).await;
    for second in 0..3 {
        let step = Step {
            at: at(second),
            subject: "1".to_owned(),
            name: "Ada".to_owned(),
            via: "session".to_owned(),
            what: format!("POST /decisions/{second}"),
            status: 303,
            request: "id".to_owned(),
        };
        store.note(&step).await.unwrap();
    }
    let trail = store.trail(2).await.unwrap();
    let what: Vec<&str> = trail.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(what, ["POST /decisions/2", "POST /decisions/1"]);
    assert_eq!((trail[0].at, trail[0].status), (at(2), 303));
}

#[tokio::test]
async fn a_key_stands_for_what_it_stood_for_first() {
    let Some(cluster) = postgres::shared("a_key_stands_for_what_it_stood_for_first") else {
        return;
    };
    let url = cluster.url(&cluster.database(""));
    let (one, other) = (postgres::open(&url).await, postgres::open(&url).await);
    let new = |number, until| Creating { request: OTHER, record: id(number), until: at(until) };
    assert_eq!(one.creating(&KEY, at(0)).await.unwrap(), None);
    let (first, second) = (new(1, 100), new(2, 200));
    let (mine, theirs) =
        tokio::join!(one.claim(&KEY, &first, at(0)), other.claim(&KEY, &second, at(0)));
    let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
    assert!(mine == theirs && [first, second].contains(&mine), "one of both, for both");
    assert_eq!(one.creating(&KEY, at(99)).await.unwrap(), Some(mine));
    assert_eq!(one.creating(&KEY, at(200)).await.unwrap(), None);
    assert_eq!(other.claim(&KEY, &new(3, 300), at(200)).await.unwrap(), new(3, 300));
}
