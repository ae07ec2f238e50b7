//! What protects the person at the browser, and the program from its clients.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use assay::http::{self, Limits};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    routing::get,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::JoinHandle,
};

use crate::support::{TestApp, json as json_request};

fn ask(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn only_local_names_are_answered() {
    let app = TestApp::new().await;
    let local =
        ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[::1]"];
    for host in local {
        assert_eq!(app.send(ask("/healthz", &[("host", host)])).await.status, StatusCode::OK);
    }
    for host in [
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "me@localhost",
        "",
    ] {
        let answer = app.send(ask("/healthz", &[("host", host)])).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{host}");
    }
    let absolute = app.send(ask("http://evil.example/healthz", &[])).await;
    assert_eq!(absolute.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn pages_of_other_sites_cannot_write() {
    let app = TestApp::new().await;
    let post = |headers: &[(&str, &str)]| {
        let mut request = Request::post("/api/v1/score");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        json_request(request, &json!({"answers": {}}))
    };
    for headers in [
        [("sec-fetch-site", "cross-site")].as_slice(),
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "http://127.0.0.1:9999")],
        &[("origin", "null")],
    ] {
        app.send(post(headers)).await.problem(403);
    }
    for headers in [
        [].as_slice(),
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        &[("sec-fetch-site", "none")],
        &[("origin", "http://127.0.0.1:8080")],
    ] {
        assert_eq!(app.send(post(headers)).await.status, StatusCode::OK, "{headers:?}");
    }
    let reading = app.send(ask("/healthz", &[("sec-fetch-site", "cross-site")])).await;
    assert_eq!(reading.status, StatusCode::OK, "links from elsewhere may be followed");
}

#[tokio::test]
async fn every_response_carries_the_protective_headers() {
    let app = TestApp::new().await;
    for path in ["/", "/checklist?owners=3", "/nothing", "/api/v1/decisions", "/healthz"] {
        let answer = app.get(path).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "private, no-store", "{path}");
    }
}

#[tokio::test]
async fn pages_hold_nothing_inline() {
    let app = TestApp::new().await;
    for path in ["/", "/checklist", "/decisions", "/evidence", "/method", "/nothing"] {
        let page = app.get(path).await.body;
        assert!(!page.contains("<style") && !page.contains(" style="), "{path}");
        assert!(!page.contains("javascript:") && !page.contains(" onclick="), "{path}");
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src=\"/static/"), "{path}: {script:.80}");
        }
    }
}

#[tokio::test]
async fn static_files_are_cached_under_their_version() {
    let app = TestApp::new().await;
    let style = app.get(&assay::assets::url("app.css")).await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(!style.header("cache-control").contains("no-store"));
    for name in ["../Cargo.toml", "..%2fCargo.toml", "%2e%2e/Cargo.toml", "nothing.css"] {
        let answer = app.get(&format!("/static/x/{name}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn a_panic_is_an_error_page_without_its_cause() {
    async fn broken() -> &'static str {
        panic!("the secret of the handler")
    }
    let app = TestApp::new().await;
    let router = http::protected(Router::new().route("/broken", get(broken)), None);
    let answer = app.send_to(router, ask("/broken", &[])).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("Something went wrong"));
    assert!(!answer.body.contains("secret"));
}

/// A server on a real socket, told to stop by `stop`, which says when a slow request has begun.
struct Served {
    address: SocketAddr,
    begun: Arc<Notify>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn served(limits: Limits) -> Served {
    let begun = Arc::new(Notify::new());
    let note = Arc::clone(&begun);
    let slow = async move || {
        note.notify_one();
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    };
    let router = Router::new().route("/", get(async || "ok")).route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stop = async { drop(stopped.await) };
        http::serve(listener, router, limits, stop).await.expect("serving");
    });
    Served { address, begun, stop, task }
}

/// Reads until the other side closes.
fn read_to_close(stream: &mut TcpStream) -> (String, Duration) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let started = Instant::now();
    let mut bytes = Vec::new();
    // A reset is a close too.
    let _ = stream.read_to_end(&mut bytes);
    (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_silent_clients_are_closed() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let Served { address, stop: _running, .. } = served(limits).await;
    for sent in ["", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] {
        let elapsed = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream.write_all(sent.as_bytes()).expect("sending");
            read_to_close(&mut stream).1
        });
        let elapsed = elapsed.await.expect("the client");
        assert!(elapsed < Duration::from_secs(5), "{sent:?} held its connection for {elapsed:?}");
        assert!(elapsed > Duration::from_millis(200), "{sent:?} was closed at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_connection_limit_others_wait_their_turn() {
    let limits =
        Limits { connections: 1, header_timeout: Duration::from_millis(500), ..Limits::default() };
    let Served { address, stop: _running, .. } = served(limits).await;
    let answer = tokio::task::spawn_blocking(move || {
        let idle = TcpStream::connect(address).expect("the first connection");
        let mut second = TcpStream::connect(address).expect("the second connection");
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        second.write_all(request).expect("sending");
        let answer = read_to_close(&mut second);
        drop(idle);
        answer
    });
    let (text, waited) = answer.await.expect("the client");
    assert!(text.ends_with("ok"), "{text}");
    assert!(waited > Duration::from_millis(300), "the limit did not hold: {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_an_open_request_finish() {
    let Served { address, begun, stop, task } = served(Limits::default()).await;
    let client = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sending");
        read_to_close(&mut stream).0
    });
    begun.notified().await;
    stop.send(()).expect("the server");
    assert!(client.await.expect("the client").ends_with("done"));
    task.await.expect("the server");
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_starts_answers_and_stops() {
    let app = TestApp::new().await;
    let demo = &app.app.demo;
    assert!(demo.quote(String::new()).await.is_err());
    let address = demo.start().await.expect("the demo");
    assert_eq!(demo.start().await.expect("the same"), address);
    assert!(address.ip().is_loopback());
    let answer = demo.quote(assay::demo::SAMPLE_ORDER.to_owned()).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let refused = demo.quote("{".to_owned()).await.expect("an answer");
    assert!(refused.status.is_client_error());
    demo.stop();
    assert_eq!(demo.address(), None);
}

#[tokio::test]
async fn requests_are_counted_without_their_paths() {
    let app = TestApp::new().await;
    app.get("/checklist?service=confidential").await;
    app.get("/confidential").await;
    let text = app.get("/metrics").await.body;
    assert!(text.contains("assay_http_requests_total{status=\"200\"} 1"), "{text}");
    assert!(text.contains("assay_http_requests_total{status=\"404\"} 1"), "{text}");
    assert!(text.contains("assay_http_request_duration_seconds_count 2"), "{text}");
    assert!(!text.contains("confidential"));
    // The dashboard asks for nothing else.
    let dashboard: Value =
        serde_json::from_str(include_str!("../../deploy/grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let asked: Vec<&str> = targets.filter_map(|target| target["expr"].as_str()).collect();
    let names = |expr: &&str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words: Vec<String> = expr.split(|c| !is_part(c)).map(str::to_owned).collect();
        words.into_iter().filter(|word| word.starts_with("assay_")).collect::<Vec<_>>()
    };
    let names: Vec<String> = asked.iter().flat_map(names).collect();
    assert!(names.len() > 5, "{asked:?}");
    for name in names {
        assert!(text.contains(&format!("\n{name}{{")), "{name} in {text}");
    }
}
