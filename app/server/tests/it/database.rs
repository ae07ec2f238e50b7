//! Records in a database: moving there and back, several copies of the program on one, and a database
//! that goes away.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cli::{Desk, stderr},
    cluster::Cluster,
    prometheus::{Running, ask, ask_with, free_port, serve},
    support::skip,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn shared(test: &str) -> Option<&'static Cluster> {
    let cluster = Cluster::shared();
    if cluster.is_none() {
        skip(test, "PostgreSQL is not installed");
    }
    cluster
}

/// Runs what must succeed with the records in a database; gives its standard output.
fn ok(desk: &Desk, url: &str, arguments: &[&str]) -> String {
    let output = with(desk, url, arguments).output().expect("the program");
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn with(desk: &Desk, url: &str, arguments: &[&str]) -> Command {
    let mut command = desk.command(arguments);
    command.env("ASSAY_DATABASE_URL", url);
    command
}

/// A copy of the program on a database, and its port.
fn copy(desk: &Desk, url: &str) -> (Running, u16) {
    let port = free_port();
    (serve(with(desk, url, &["--listen", &format!("127.0.0.1:{port}")])), port)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |entry: fs::DirEntry| {
        let bytes = fs::read(entry.path()).expect("a file");
        (entry.file_name().into_string().expect("a name"), bytes)
    };
    let mut all: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(read).collect();
    all.retain(|(name, _)| name != "record.schema.json");
    all.sort();
    all
}

#[test]
fn records_move_into_a_database_and_back_to_the_byte() {
    let test = "records_move_into_a_database_and_back_to_the_byte";
    let Some(cluster) = shared(test) else { return };
    let desk = Desk::new();
    for title in ["First", "Second", "Third", "Fourth"] {
        desk.ok(&["record", "rust.toml", "--title", title]);
    }
    let folder = desk.path("decisions");
    // Numbers with gaps, another line ending, a comment and a key that only its writer knows.
    fs::remove_file(folder.join("0002-second.toml")).expect("a file");
    let odd = folder.join("0003-third.toml");
    let text = fs::read_to_string(&odd).expect("a record");
    let text = text.replace("\nschema", "\n# ours  \n\"our key\" = '''ü 🎉'''\r\nschema");
    fs::write(&odd, text.trim_end()).expect("a record");
    let before = files(&folder);

    let name = cluster.database("");
    let url = cluster.tcp_url(&name, "the%20password");
    ok(&desk, &url, &["import", "decisions"]);
    assert_eq!(ok(&desk, &url, &["list"]).lines().count(), 3);
    assert!(ok(&desk, &url, &["search", "fourth"]).starts_with("0004"));
    ok(&desk, &url, &["import", "decisions"]);
    assert_eq!(ok(&desk, &url, &["list"]).lines().count(), 3, "once is enough");
    ok(&desk, &url, &["export", "--format", "toml", "--to", "back"]);
    assert_eq!(files(&desk.path("back")), before);

    // A dump holds everything, into an empty database.
    let restored = cluster.database("");
    assert_eq!(cluster.tell(&format!("copy {name} {restored}")), "");
    ok(&desk, &cluster.url(&restored), &["export", "--format", "toml", "--to", "restored"]);
    assert_eq!(files(&desk.path("restored")), before);
    let fifth = ok(&desk, &cluster.url(&restored), &["record", "go.toml", "--title", "Fifth"]);
    assert!(fifth.ends_with("0005-fifth.toml\n"), "{fifth}");
}

#[test]
fn two_copies_serve_one_database_and_say_when_it_is_away() {
    let Some(cluster) = Cluster::start() else {
        return skip("two_copies_serve_one_database", "PostgreSQL is not installed");
    };
    let desk = Desk::new();
    let url = cluster.url(&cluster.database(""));
    let ((_one, first), (_two, second)) = (copy(&desk, &url), copy(&desk, &url));
    let sheet = json!({"title": "The gateway", "option": "go", "answers": {"owners": 3}});
    let create = |port, body: &Value| {
        let key = "Idempotency-Key: once\r\n";
        ask_with(port, "POST", "/api/v1/decisions", key, &body.to_string())
    };
    let made = create(first, &sheet);
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let again = create(second, &sheet);
    assert!(again.starts_with("HTTP/1.1 200"), "a key holds over all copies: {again}");
    let other = create(second, &json!({"title": "Another", "option": "go", "answers": {}}));
    assert!(other.starts_with("HTTP/1.1 422"), "{other}");
    let body: Value =
        serde_json::from_str(made.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let id = body["id"].as_str().expect("an id");
    let path = format!("/api/v1/decisions/{id}");
    assert!(ask(second, "GET", &path, "").contains("The gateway"));
    assert!(ask(second, "GET", "/decisions", "").contains("The gateway"));
    let proposed = r#"{"status": "proposed"}"#;
    let answer = ask(second, "POST", &format!("{path}/status"), proposed);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(ask(first, "GET", &path, "").contains("\"proposed\""));

    cluster.tell("stop");
    for page in ["/readyz", "/decisions", "/api/v1/decisions"] {
        let answer = ask(first, "GET", page, "");
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("cannot be reached just now"), "{answer}");
        assert!(!answer.contains("postgres") && !answer.contains("test0"), "{answer}");
    }
    assert!(ask(first, "GET", "/healthz", "").starts_with("HTTP/1.1 200"), "it lives on");
    assert!(ask(first, "GET", "/checklist", "").starts_with("HTTP/1.1 200"));
    cluster.tell("start");
    let started = Instant::now();
    while !ask(first, "GET", "/readyz", "").starts_with("HTTP/1.1 200") {
        assert!(started.elapsed() < PATIENCE, "it does not come back");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(ask(first, "GET", &path, "").contains("\"proposed\""), "nothing is lost");
}

#[test]
fn an_address_is_never_printed() {
    let desk = Desk::new();
    for url in ["postgres://assay:hunter2@db.invalid:port/assay", "hunter2", ""] {
        let output = with(&desk, url, &["list"]).output().expect("the program");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("postgres://USER@HOST:PORT/NAME"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let said = desk.fails(2, &["list", "--database", url]);
        assert!(!said.contains("hunter2"), "{said}");
        let help = with(&desk, url, &["--help"]).output().expect("the program").stdout;
        let help = String::from_utf8_lossy(&help);
        assert!(help.contains("ASSAY_DATABASE_URL") && !help.contains("hunter2"), "{help}");
    }
    let said = desk.fails(2, &["check", "--database", "postgres://assay@db.invalid/assay"]);
    assert!(said.contains("name a folder"), "{said}");
}
