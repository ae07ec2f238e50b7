//! Records in a database: moving there and back, several copies of the program on one, and a database
//! that goes away.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
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
        thread::sleep(Duration::from_millis(100));
    }
    assert!(ask(first, "GET", &path, "").contains("\"proposed\""), "nothing is lost");
}

/// Writes through a copy until it is gone or `most` are written; gives the titles and ids of what was
/// confirmed, and the title of what was under way when it went. `count` counts along.
fn write_many(
    port: u16,
    who: &str,
    most: usize,
    count: &AtomicUsize,
) -> (Vec<(String, String)>, Option<String>) {
    let mut kept = Vec::new();
    for number in 0..most {
        let title = format!("{who} {number}");
        let Some(id) = create(port, &title) else { return (kept, Some(title)) };
        kept.push((title, id));
        count.fetch_add(1, Ordering::Relaxed);
    }
    (kept, None)
}

/// Creates a record under a key of its title; its id once that is confirmed, or nothing when the copy
/// went away.
fn create(port: u16, title: &str) -> Option<String> {
    let sheet = json!({"title": title, "option": "go", "answers": {"owners": 3}}).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!(
        "POST /api/v1/decisions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Idempotency-Key: {title}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        sheet.len()
    );
    stream.write_all((head + &sheet).as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let record: Value = serde_json::from_str(body).ok()?;
    let status = head.split(' ').nth(1);
    assert!(matches!(status, Some("200" | "201")), "{answer}");
    Some(record["id"].as_str().expect("an id").to_owned())
}

#[test]
fn a_copy_that_is_killed_under_load_loses_nothing_and_holds_nobody_up() {
    let test = "a_copy_that_is_killed_under_load";
    let Some(cluster) = shared(test) else { return };
    let desk = Desk::new();
    let url = cluster.url(&cluster.database(""));
    let ((mut one, first), (_two, second)) = (copy(&desk, &url), copy(&desk, &url));
    let (written, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (mut kept, cut_off, went_on) = thread::scope(|scope| {
        let start = |port, name, most, count| {
            let write =
                move |n| scope.spawn(move || write_many(port, &format!("{name}-{n}"), most, count));
            (0..3).map(write).collect::<Vec<_>>()
        };
        let spared = start(second, "spared", 20, &others);
        let killed = start(first, "killed", usize::MAX, &written);
        while written.load(Ordering::Relaxed) < 12 {
            thread::sleep(Duration::from_millis(5));
        }
        one.0.kill().expect("SIGKILL");
        one.0.wait().expect("its end");
        let (mut kept, mut cut_off) = (Vec::new(), Vec::new());
        for writer in killed {
            let (done, under_way) = writer.join().expect("a writer");
            kept.extend(done);
            cut_off.extend(under_way);
        }
        let before = create(second, "after the kill").expect("the other copy goes on");
        let spared: Vec<_> = spared.into_iter().map(|it| it.join().expect("a writer")).collect();
        assert!(spared.iter().all(|(_, lost)| lost.is_none()), "the other copy failed somebody");
        kept.extend(spared.into_iter().flat_map(|(done, _)| done));
        kept.push(("after the kill".to_owned(), before.clone()));
        (kept, cut_off, before)
    });
    assert_eq!(cut_off.len(), 3, "each writer was in the middle of something: {cut_off:?}");
    // What was not confirmed is sent again under its key, and is there once.
    for title in cut_off {
        let id = create(second, &title).expect("the other copy");
        kept.push((title, id));
    }
    let (_again, third) = copy(&desk, &url);
    kept.sort();
    for port in [second, third] {
        let mut found = Vec::new();
        for page in 1.. {
            let answer = ask(port, "GET", &format!("/api/v1/decisions?page={page}"), "");
            let body = answer.split("\r\n\r\n").nth(1).expect("a body");
            let list: Value = serde_json::from_str(body).expect("JSON");
            let items = list["items"].as_array().expect("items");
            if items.is_empty() {
                break;
            }
            let text = |item: &Value, key: &str| item[key].as_str().expect("text").to_owned();
            found.extend(items.iter().map(|item| (text(item, "title"), text(item, "id"))));
        }
        found.sort();
        assert_eq!(found, kept, "all that was confirmed, each once, and nothing else");
    }
    let path = format!("/api/v1/decisions/{went_on}");
    assert!(ask(third, "GET", &path, "").starts_with("HTTP/1.1 200"), "it caught up");
    // Every text is whole.
    ok(&desk, &url, &["export", "--format", "toml", "--to", "out"]);
    let checked = desk.ok(&["check", "out", "--format", "json"]);
    assert_eq!(files(&desk.path("out")).len(), kept.len(), "{checked}");
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
