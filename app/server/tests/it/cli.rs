//! The command line: results, exit codes and plain words for what goes wrong.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{GO_SHEET, RUST_SHEET, skip};

/// A home, a decisions folder and answers of its own for each test.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::write(desk.path("rust.toml"), RUST_SHEET).expect("a sheet");
        fs::write(desk.path("go.toml"), GO_SHEET).expect("a sheet");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("ASSAY_BY", "tester")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program")
    }

    /// Runs what must succeed and gives its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).expect("JSON")
    }

    /// Runs what must fail with this exit code and gives its standard error.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        stderr(&output)
    }

    pub(crate) fn recorded(&self) -> Value {
        let title = "Language for the session gateway";
        self.json(&["record", "rust.toml", "--title", title, "--json"])
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn options_stand_before_or_after_the_verb_or_in_the_environment() {
    let desk = Desk::new();
    desk.ok(&["--decisions", "d1", "record", "rust.toml", "--title", "One"]);
    desk.ok(&["record", "rust.toml", "--title", "Two", "--decisions", "d1"]);
    let list = desk
        .command(&["list", "--json"])
        .env("ASSAY_DECISIONS", "d1")
        .output()
        .expect("the program");
    let list: Value = serde_json::from_slice(&list.stdout).expect("JSON");
    assert_eq!(list["total"], 2);
    let named = desk
        .command(&["--decisions", "d2", "list", "--json"])
        .env("ASSAY_DECISIONS", "d1")
        .output()
        .expect("the program");
    let named: Value = serde_json::from_slice(&named.stdout).expect("JSON");
    assert_eq!(named["total"], 0, "an option wins over the environment");
}

#[test]
fn record_prints_id_and_path_and_makes_the_folder() {
    let desk = Desk::new();
    let title = "Language for the gateway";
    let line = desk.ok(&["record", "rust.toml", "--title", title, "--decisions", "a/b"]);
    let (id, path) = line.trim().split_once("  ").expect("id and path");
    assert_eq!(id.len(), 36);
    assert!(path.starts_with("a/b/0001-") && path.ends_with(".toml"), "{path}");
    let text = fs::read_to_string(desk.path(path)).expect("the file");
    assert!(text.contains(id) && text.contains(title));
    assert!(text.contains("tester"), "the history names who recorded it");
    let next = desk.ok(&["record", "go.toml", "--decisions", "a/b"]);
    assert!(next.contains("/0002-"), "{next}");
}

#[test]
fn record_asks_for_a_reason_against_the_advice() {
    let desk = Desk::new();
    let against = ["record", "rust.toml", "--title", "T", "--option", "go"];
    let text = desk.fails(1, &against);
    assert!(text.contains("--why"), "{text}");
    assert!(!desk.path("decisions").join("0001-t.toml").exists());
    let with_reason = [&against[..], &["--why", "Go is all we run.", "--json"]].concat();
    let recorded = desk.json(&with_reason);
    assert_eq!(recorded["option"], "go");
    let path = recorded["path"].as_str().expect("a path");
    let text = fs::read_to_string(desk.path(path)).expect("the file");
    assert!(text.contains("Go is all we run."));
}

#[test]
fn record_keeps_a_whole_record_as_it_is() {
    let desk = Desk::new();
    let recorded = desk.recorded();
    let path = recorded["path"].as_str().expect("a path");
    let copied = desk.json(&["record", path, "--decisions", "elsewhere", "--json"]);
    assert_eq!(copied["id"], recorded["id"]);
    let read = |path: &Value| {
        fs::read_to_string(desk.path(path.as_str().expect("a path"))).expect("a file")
    };
    assert_eq!(read(&copied["path"]), read(&recorded["path"]));
    let text = desk.fails(2, &["record", path]);
    assert!(text.contains("already"), "{text}");
}

#[test]
fn list_and_search_find_records() {
    let desk = Desk::new();
    let recorded = desk.recorded();
    desk.ok(&["record", "go.toml", "--title", "Back office", "--status", "proposed"]);
    let all = desk.ok(&["list"]);
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.contains(recorded["id"].as_str().expect("an id")), "{all}");
    let proposed = desk.json(&["list", "--status", "proposed", "--json"]);
    assert_eq!(proposed["total"], 1);
    assert_eq!(proposed["items"][0]["title"], "Back office");
    let found = desk.json(&["search", "session", "gate", "--json"]);
    assert_eq!(found["items"][0]["id"], recorded["id"]);
    assert_eq!(desk.ok(&["search", "zebra"]), "");
    let first = desk.run(&["list", "--per-page", "1"]);
    assert!(stderr(&first).contains("2 records in all; --page 2 shows more, --all every one"));
    assert_eq!(desk.ok(&["list", "--all"]), all);
    assert_eq!(desk.json(&["search", "--all", "--json", "back"])["per_page"], 1);
    assert!(desk.fails(2, &["list", "--all", "--page", "2"]).contains("--all"));
    assert!(desk.fails(2, &["list", "--status", "done"]).contains("superseded"));
}

#[test]
fn check_passes_what_record_writes() {
    let desk = Desk::new();
    desk.recorded();
    let document = desk.json(&["check", "--json"]);
    assert_eq!(document["checked"], 1);
    assert_eq!(document["findings"], serde_json::json!([]));
    desk.ok(&["check", "decisions", "--fail-on", "due"]);
    desk.fails(2, &["check", "absent"]);
}

#[test]
fn check_shows_faults_as_a_compiler_does() {
    let desk = Desk::new();
    let recorded = desk.recorded();
    let path = desk.path(recorded["path"].as_str().expect("a path"));
    let good = fs::read_to_string(&path).expect("the record");
    let bad = good.replace("status = \"draft\"", "status = \"done\"");
    fs::write(desk.path("decisions/0002-bad.toml"), &bad).expect("a file");
    fs::write(desk.path("decisions/0003-cut.toml"), "schema = 1\ntitle = \"cut").expect("a file");
    fs::write(desk.path("decisions/0004-copy.toml"), &good).expect("a file");
    fs::write(desk.path("decisions/0005-bytes.toml"), b"\xff").expect("a file");

    let output = desk.run(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).expect("text");
    let line = bad.lines().position(|line| line.starts_with("status")).expect("the line") + 1;
    for part in [
        format!("--> decisions/0002-bad.toml:{line}:10"),
        "status = \"done\"".to_owned(),
        "^^^^^^".to_owned(),
        "proposed".to_owned(),
        "decisions/0003-cut.toml:2".to_owned(),
        "0004-copy.toml has the same id".to_owned(),
        "or delete the copy".to_owned(),
        "not UTF-8".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} is missing from:\n{text}");
    }

    let output = desk.run(&["check", "--format", "github"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let expected = format!("::error file=decisions/0002-bad.toml,line={line},col=10::status: ");
    assert!(text.contains(&expected), "{text}");
    let output = desk.run(&["check", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["checked"], 5);
    let kinds = document["findings"].as_array().expect("findings");
    assert!(kinds.iter().all(|finding| finding["kind"] == "error"), "{document}");
}

#[test]
fn check_tells_what_is_due() {
    let desk = Desk::new();
    desk.recorded();
    let due = ["check", "--today", "2099-01-01"];
    let document = desk.json(&[&due[..], &["--json"]].concat());
    assert_eq!(document["findings"][0]["kind"], "due");
    desk.ok(&due);
    desk.fails(1, &[&due[..], &["--fail-on", "due"]].concat());
    desk.fails(2, &["check", "--today", "tomorrow"]);
}

#[test]
fn completions_name_the_verbs() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.ok(&["completions", shell]);
        for verb in ["score", "record", "check"] {
            assert!(script.contains(verb), "{shell} lacks {verb}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::new();
    let mut child = desk
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn bench_says_that_it_needs_the_source_tree() {
    let desk = Desk::new();
    let text = desk.fails(2, &["bench", "--quick"]);
    assert!(text.contains("source tree"), "{text}");
    desk.fails(2, &["bench", "--quick", "--publish"]);
}

#[test]
fn a_broken_run_is_told_and_left_out() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("runs/broken")).expect("a folder");
    fs::write(desk.path("runs/broken/summary.toml"), "schema = \"x\"").expect("a file");
    let output = desk.run(&["score", "rust.toml", "--runs", "runs"]);
    assert!(output.status.success());
    let text = stderr(&output);
    assert!(text.contains("warning:") && text.contains("runs/broken"), "{text}");
}

/// A running server, ended with the test.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("stderr")).read_line(&mut line).expect("a line");
        (Self(child), line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serving_is_the_default_and_stops_cleanly() {
    let desk = Desk::new();
    let (mut server, line) = Server::start(&mut desk.command(&["--listen", "127.0.0.1:0"]));
    let url = line.trim().strip_prefix("assay is ready: http://").expect("the friendly line");
    let address = url.trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sending");
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("an answer");
    assert_eq!(answer.trim(), "HTTP/1.1 200 OK");
    assert!(desk.path("decisions").is_dir(), "a missing folder is made");

    let id = server.0.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().expect("kill");
    assert!(killed.success());
    let deadline = Instant::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = server.0.try_wait().expect("its status") {
            break status;
        }
        assert!(Instant::now() < deadline, "the server does not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_port_in_use_is_said_plainly() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let text = desk.fails(2, &["serve", "--listen", &address]);
    assert!(text.contains("is in use") && text.contains("--listen"), "{text}");
}

#[test]
fn other_machines_are_refused_without_sign_in() {
    let desk = Desk::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let text = desk.fails(2, &["--listen", address]);
        assert!(text.contains("sign-in"), "{text}");
    }
    assert!(desk.fails(2, &["--listen", "8080"]).contains("ADDRESS:PORT"));
}

#[test]
fn an_unwritable_folder_is_said_plainly() {
    let desk = Desk::new();
    fs::write(desk.path("file"), "").expect("a file");
    for arguments in [
        ["record", "rust.toml", "--title", "T", "--decisions", "file/decisions"].as_slice(),
        &["serve", "--listen", "127.0.0.1:0", "--decisions", "file/decisions"],
        &["list", "--data", "file/data"],
    ] {
        let text = desk.fails(2, arguments);
        assert!(text.contains("file/"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let name = "a_full_disk_loses_nothing";
    let desk = Desk::new();
    let disk = desk.path("disk");
    fs::create_dir(&disk).expect("a folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&disk)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        return skip(name, "a small tmpfs cannot be mounted");
    }
    let _unmount = Unmount(&disk);
    let arguments = ["record", "rust.toml", "--title", "T", "--decisions", "disk/decisions"];
    desk.ok(&arguments);
    let kept = || {
        let entries = fs::read_dir(disk.join("decisions")).expect("the folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect::<BTreeSet<_>>()
    };
    let before = kept();
    let filler = fs::File::create(disk.join("filler")).expect("a file");
    let block = [0; 1024];
    while (&filler).write_all(&block).is_ok() {}

    let text = desk.fails(2, &arguments);
    assert!(text.contains("the disk is full"), "{text}");
    assert_eq!(kept(), before, "the failed write left something behind");
    drop(filler);
    fs::remove_file(disk.join("filler")).expect("making room");
    assert_eq!(
        desk.json(&["check", "disk/decisions", "--json"])["findings"],
        serde_json::json!([])
    );
    desk.ok(&arguments);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        // What stays mounted in a temporary folder is only untidy.
        let _ = Command::new("umount").arg(self.0).status();
    }
}
