//! The log and the traces of a running program.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpListener,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cli::Desk,
    cluster::Cluster,
    prometheus::{Running, ask_with, free_port},
    support::skip,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running program that logs each request to a file, and its port.
fn start(desk: &Desk, more: &[(&str, &str)]) -> (Running, u16) {
    let port = free_port();
    let mut command = desk.command(&["--listen", &format!("127.0.0.1:{port}"), "--log", "info"]);
    command.env("ASSAY_HOOK_TOKEN", "hook").envs(more.iter().copied());
    command.stderr(File::create(desk.path("log")).expect("a file"));
    let running = Running(command.spawn().expect("the program"));
    let started = Instant::now();
    while !fs::read_to_string(desk.path("log")).expect("the log").contains("assay is ready") {
        assert!(started.elapsed() < PATIENCE, "it does not start");
        thread::sleep(Duration::from_millis(20));
    }
    (running, port)
}

/// Lets the program end as a system does.
fn end(mut running: Running) {
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert!(running.0.wait().expect("its end").success());
}

/// Asks for pages, and sends an alert whose label would begin a line of its own and colour it.
fn ask_for_trouble(port: u16) {
    let get = |path: &str, id: &str| {
        ask_with(port, "GET", path, &format!("x-request-id: {id}\r\n"), "").to_lowercase()
    };
    assert!(get("/decisions?q=confidential", "my-1").contains("\r\nx-request-id: my-1\r\n"));
    assert!(!get("/nothing", "{\"forged\": true}").contains("forged"));
    assert!(get("/healthz", "watching").contains(" 200 "));
    let forged = "a\nforged line\u{1b}[31m\u{85}";
    let alert = json!({"alerts": [{
        "status": "firing", "fingerprint": "1", "startsAt": "2026-11-21T10:00:00Z",
        "labels": {"assay_record": forged, "assay_trigger": forged}, "annotations": {},
    }]});
    let with = "Authorization: Bearer hook\r\n";
    let heard = ask_with(port, "POST", "/hooks/alertmanager", with, &alert.to_string());
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    assert!(heard.contains("forged line"), "the labels have other names: {heard}");
}

#[test]
fn what_is_logged_stays_on_its_line() {
    let desk = Desk::new();
    let (running, port) = start(&desk, &[]);
    ask_for_trouble(port);
    end(running);
    let log = fs::read_to_string(desk.path("log")).expect("the log");
    assert!(log.contains("id=\"my-1\"") && log.contains("status=200"), "{log}");
    assert!(log.contains("\\nforged line"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
    assert!(!log.contains("\u{1b}[31m") && !log.contains('\u{85}'), "{log}");
    assert!(!log.contains("confidential") && !log.contains("watching"), "{log}");
}

#[test]
fn a_log_of_json_holds_an_object_a_line() {
    let desk = Desk::new();
    let (running, port) = start(&desk, &[("ASSAY_LOG_FORMAT", "json")]);
    ask_for_trouble(port);
    end(running);
    let log = fs::read_to_string(desk.path("log")).expect("the log");
    // What is said to people at the start stays as it is.
    let lines =
        log.lines().filter(|line| !line.contains("assay is ready") && !line.contains("Ctrl-C"));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect(line)).collect();
    let answered = lines.iter().find(|line| line["spans"][0]["id"] == "my-1").expect("the request");
    assert_eq!(answered["message"], "answered", "{answered}");
    assert_eq!(answered["spans"][0]["path"], "/decisions", "{answered}");
    assert_eq!((&answered["status"], &answered["level"]), (&json!(200), &json!("INFO")));
    assert!(answered["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{answered}");
    assert!(lines.iter().any(|line| line["message"] == "an alert names nothing here"), "{log}");
    assert!(!log.contains("confidential") && !log.contains("watching"), "{log}");
}

/// A collector that takes what it is sent.
fn collector() -> (u16, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (send, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut text = Vec::new();
            let mut part = [0; 4096];
            loop {
                let size = stream.read(&mut part).expect("a request");
                text.extend_from_slice(&part[..size]);
                let request = String::from_utf8_lossy(&text).into_owned();
                let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                let lower = head.to_lowercase();
                let length = lower.split("content-length: ").nth(1).expect("a length");
                let length: usize =
                    length.lines().next().expect("a line").parse().expect("a number");
                if body.len() >= length {
                    let _ = send.send((head.to_owned(), body.to_owned()));
                    break;
                }
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
                          Content-Length: 2\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).expect("an answer");
        }
    });
    (port, received)
}

#[test]
fn traces_go_to_a_collector_and_say_no_more_than_the_log() {
    let Some(cluster) = Cluster::shared() else {
        return skip("traces_go_to_a_collector", "PostgreSQL is not installed");
    };
    let desk = Desk::new();
    let (collector, received) = collector();
    let url = cluster.url(&cluster.database(""));
    let endpoint = format!("http://127.0.0.1:{collector}");
    let more =
        [("ASSAY_DATABASE_URL", url.as_str()), ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let (running, port) = start(&desk, &more);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let with = format!("traceparent: 00-{trace}-{parent}-01\r\n");
    let path = "/decisions/0198f2c4-7d1e-7c3a-9b52-000000000001?q=confidential";
    assert!(ask_with(port, "GET", path, &with, "").starts_with("HTTP/1.1 404"));
    ask_with(port, "GET", "/healthz", "", "");
    // What is left is sent at the end.
    end(running);
    let (head, body) = received.recv_timeout(PATIENCE).expect("spans");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let sent: Value = serde_json::from_str(&body).expect("JSON");
    let resource = &sent["resourceSpans"][0];
    let attributes = |of: &Value| of["attributes"].as_array().cloned().unwrap_or_default();
    let named = |of: &Value, name: &str| {
        let found = attributes(of).into_iter().find(|attribute| attribute["key"] == name);
        found.map(|attribute| attribute["value"].clone()).unwrap_or_default()
    };
    assert_eq!(named(&resource["resource"], "service.name"), json!({"stringValue": "assay"}));
    let spans = resource["scopeSpans"][0]["spans"].as_array().expect("spans");
    let of = |name: &str| spans.iter().find(|span| span["name"] == name).expect(&body);
    let request = of("GET /decisions/{id}");
    assert_eq!((&request["traceId"], &request["parentSpanId"]), (&json!(trace), &json!(parent)));
    assert_eq!(request["kind"], 2, "a server's: {request}");
    let status = named(request, "http.response.status_code");
    assert!(status == json!({"intValue": "404"}) || status == json!({"intValue": 404}), "{status}");
    let store = of("store.get");
    assert_eq!((&store["traceId"], &store["parentSpanId"]), (&json!(trace), &request["spanId"]));
    assert!(!body.contains("confidential") && !body.contains("/healthz"), "{body}");
}
