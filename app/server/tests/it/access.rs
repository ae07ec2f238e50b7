//! Who may use which address in shared mode: every route, every role, and nobody at all.

use std::{collections::BTreeSet, sync::Arc};

use assay::access::{self, Rate, Roles, Shared, own_path, provider};
use assay_advice::Model;
use assay_store::{
    PostgresStore,
    access::{Access, Person, Role, Token},
};
use axum::{body::Body, http::Request};
use jiff::SignedDuration;
use openidconnect::{ClientId, IssuerUrl, PostLogoutRedirectUrl, RedirectUrl};
use uuid::Uuid;

use crate::{
    cluster::Cluster,
    support::{TestApp, noon, skip},
};

/// Every address with what it asks; `own` checks a token of its own, `open` is for everybody.
const TABLE: &str = "
GET / viewer
GET /checklist viewer
GET /checklist/record viewer
POST /checklist/record author
GET /decisions viewer
GET /decisions/{id} viewer
POST /decisions/{id} author
GET /decisions/{id}/edit viewer
POST /decisions/{id}/edit author
GET /import viewer
POST /import author
GET /decisions/{id}/history viewer
GET /decisions/{id}/diff viewer
GET /decisions/{id}/review viewer
POST /decisions/{id}/review author
GET /decisions/{id}/supersede viewer
GET /evidence viewer
GET /evidence/claims viewer
GET /evidence/compare viewer
GET /evidence/live viewer
POST /evidence/live author
GET /evidence/live/events viewer
GET /evidence/method viewer
POST /evidence/use author
GET /evidence/runs/{run} viewer
GET /evidence/runs/{run}/{file} viewer
GET /evidence/{service} viewer
POST /evidence/{service} author
GET /decisions.csv viewer
GET /portfolio viewer
GET /demo/hybrid viewer
GET /demo/hybrid/events viewer
GET /precedents viewer
GET /precedents/backtest viewer
GET /precedents/{id} viewer
GET /method viewer
GET /model viewer
POST /model viewer
GET /model.toml viewer
GET /feeds/reviews.ics viewer
GET /feeds/reviews.atom viewer
GET /sign-in open
GET /sign-in/done open
POST /sign-out open
GET /account viewer
POST /account viewer
GET /people reviewer
POST /people reviewer
GET /trail reviewer
POST /api/v1/score viewer
POST /api/v1/cost viewer
POST /api/v1/model/trial viewer
GET /api/v1/decisions viewer
POST /api/v1/decisions author
GET /api/v1/decisions/{id} viewer
PUT /api/v1/decisions/{id} author
GET /api/v1/decisions/{id}/history viewer
POST /api/v1/decisions/{id}/status author
POST /api/v1/decisions/{id}/reviews author
POST /api/v1/decisions/{id}/revisits author
POST /api/v1/decisions/{id}/supersede author
POST /api/v1/decisions/{id}/triggers/{trigger} author
GET /api/v1/review-queue viewer
GET /api/v1/evidence/claims viewer
GET /api/v1/evidence/runs viewer
GET /api/v1/evidence/runs/{run} viewer
GET /api/v1/precedents viewer
GET /api/v1/precedents/backtest viewer
GET /api/v1/precedents/{id} viewer
GET /api/v1/openapi.json viewer
GET /static/{version}/{*name} open
POST /hooks/alertmanager own
GET /healthz open
GET /readyz open
GET /metrics viewer
";

/// The methods and paths of the one table of URLs.
fn routes() -> BTreeSet<String> {
    let text = include_str!("../../src/routes.rs");
    let mut all = BTreeSet::new();
    for entry in text.split(".route(").skip(1) {
        let entry = entry.split(".fallback(").next().expect("a part");
        let path = entry.split('"').nth(1).expect("a path");
        for (call, method) in
            [("get(", "GET"), ("post(", "POST"), ("put(", "PUT"), ("delete(", "DELETE")]
        {
            if entry.contains(call) {
                all.insert(format!("{method} {path}"));
            }
        }
    }
    all
}

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<String> = TABLE
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(route, _)| route.to_owned())
        .collect();
    let routes = routes();
    assert!(routes.len() > 60, "{}", routes.len());
    assert_eq!(rows, routes);
}

pub(crate) fn shared(access: Arc<dyn Access>) -> Shared {
    let url = "https://assay.example.org/".to_owned();
    let settings = provider::Settings {
        issuer: IssuerUrl::new("https://login.example.org".to_owned()).expect("an address"),
        client_id: ClientId::new("assay".to_owned()),
        client_secret: None,
        redirect: RedirectUrl::new(url.clone()).expect("an address"),
        home: PostLogoutRedirectUrl::new(url.clone()).expect("an address"),
        claim: "roles".to_owned(),
    };
    Shared {
        provider: provider::Provider::new(settings).expect("certificates"),
        access,
        public: url.parse().expect("an address"),
        roles: Roles::parse("viewer=*").expect("roles"),
        sign_ins: Rate::per_second(0),
        strangers: Rate::per_second(1000),
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should() {
    let Some(cluster) = Cluster::shared() else {
        return skip("every_route_lets_in_whom_it_should", "PostgreSQL is not installed");
    };
    let model = Arc::new(Model::builtin().clone());
    let url = cluster.url(&cluster.database(""));
    let access = Arc::new(PostgresStore::open(&url, model).await.expect("a database"));
    for role in Role::ALL {
        let person = Person { subject: role.id().into(), name: role.id().into(), role };
        let token = Token {
            id: Uuid::from_u128(role as u128 + 1),
            person,
            label: "test".to_owned(),
            made: noon(),
            until: noon() + SignedDuration::from_hours(1),
        };
        access
            .make_token(&access::key(&format!("assay_{}", role.id())), &token)
            .await
            .expect("kept");
    }
    let app = TestApp::shared(shared(Arc::clone(&access) as _), noon).await;
    for line in TABLE.lines().filter(|line| !line.is_empty()) {
        let [method, route, need] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let path = route.replace("{*name}", "app.css");
        let path: Vec<&str> =
            path.split('/')
                .map(|part| {
                    if part.starts_with('{') {
                        "0198f2c4-7d1e-7c3a-9b52-000000000001"
                    } else {
                        part
                    }
                })
                .collect();
        let path = path.join("/");
        for who in [None].into_iter().chain(Role::ALL.map(Some)) {
            let mut request = Request::builder().method(method).uri(&path);
            request = request.header("host", "assay.example.org");
            if let Some(role) = who {
                request = request.header("authorization", format!("Bearer assay_{}", role.id()));
            }
            let answer = app.send(request.body(Body::empty()).expect("a request")).await;
            let status = answer.status.as_u16();
            let sent_away = status == 303 && answer.header("location").starts_with("/sign-in?to=");
            let refused = matches!(status, 401 | 403) || sent_away;
            let may = match need {
                // The provider cannot be asked here, and a token's owner has no session.
                "open" => true,
                "own" => false,
                need => who >= Some(Role::from_id(need).expect("a role")),
            };
            let own_check = matches!(route, "/account") && method == "POST";
            if !own_check {
                assert_eq!(refused, !may, "{method} {path} as {who:?}: {status}");
            }
        }
    }
    // What was refused is in the trail, and so is what was tried.
    let trail = access.trail(1000).await.expect("the trail");
    let refused =
        |step: &&assay_store::access::Step| step.what == "GET /trail" && step.status == 403;
    assert_eq!(trail.iter().filter(refused).count(), 2);
    assert!(
        trail.iter().any(|step| step.what == "POST /checklist/record" && step.name == "author")
    );
    let request = Request::get("/sign-in").header("host", "assay.example.org");
    let answer = app.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status.as_u16(), 429, "more begin to sign in than may");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    // A wrong name is answered only to what watches.
    for (path, status) in [("/healthz", 200), ("/", 403)] {
        let request = Request::get(path).header("host", "10.1.2.3:8080").body(Body::empty());
        assert_eq!(app.send(request.expect("a request")).await.status.as_u16(), status, "{path}");
    }
}

#[test]
fn roles_come_from_what_the_provider_says() {
    let roles = Roles::parse("reviewer=architects, author = engineers,viewer=*").expect("roles");
    let of =
        |groups: &[&str]| roles.of(&groups.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    assert_eq!(of(&["engineers", "architects"]), Some(Role::Reviewer));
    assert_eq!(of(&["engineers"]), Some(Role::Author));
    assert_eq!(of(&[]), Some(Role::Viewer));
    assert_eq!(Roles::parse("author=engineers").expect("roles").of(&["x".to_owned()]), None);
    for bad in ["", "king=x", "author", "author="] {
        assert!(Roles::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_sign_in_ends_at_a_path_of_ours() {
    for ours in ["/", "/decisions?q=x", "/decisions/1#top"] {
        assert_eq!(own_path(ours), ours);
    }
    for other in ["", "x", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb"] {
        assert_eq!(own_path(other), "/");
    }
}
