//! `assay import` and `assay export`: what moves between assay and other tools, and those tools
//! themselves where they are installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    cli::{Desk, stderr},
    support::{npm_packages, skip},
};

/// The folders of other tools' decisions that the record crate's tests describe.
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../records/tests/records/adr/samples")
}

/// A desk with two decisions of its own, the second replacing the first, and adr-tools' imported.
fn desk() -> Desk {
    let desk = own();
    let folder = samples().join("adr-tools");
    desk.ok(&["import", folder.to_str().expect("a path"), "--status", "=draft"]);
    desk
}

/// A desk with two decisions of its own, the second replacing the first.
fn own() -> Desk {
    let desk = Desk::new();
    let first = desk.json(&[
        "record",
        "rust.toml",
        "--title",
        "The gateway is Rust",
        "--status",
        "accepted",
        "--json",
    ]);
    let later = desk.json(&[
        "record",
        "go.toml",
        "--title",
        "The gateway is Go again",
        "--status",
        "accepted",
        "--json",
    ]);
    let path = desk.path(later["path"].as_str().expect("a path"));
    let text = fs::read_to_string(&path).expect("the record");
    let old = first["id"].as_str().expect("an id");
    let text = text.replacen("\n[choice]", &format!("supersedes = [\"{old}\"]\n\n[choice]"), 1);
    fs::write(&path, text).expect("the record");
    desk
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .filter(|(name, _)| name != "record.schema.json")
        .collect();
    all.sort();
    all
}

#[test]
fn an_import_is_shown_first_and_then_done_once() {
    let desk = Desk::new();
    let folder = samples().join("adr-tools");
    let folder = folder.to_str().expect("a path");
    let dry = desk.run(&["import", folder, "--dry-run"]);
    assert_eq!(dry.status.code(), Some(1), "one file needs a status");
    let told = stderr(&dry);
    assert!(told.contains("0002-poll-the-ledger.md: superseded, adr-tools: Poll"), "{told}");
    assert!(told.contains("0004-no-status.md: not imported, it says no status"), "{told}");
    assert!(told.contains("--status =STATUS"), "{told}");
    assert!(told.contains("3 would be imported, 1 without a known status"), "{told}");
    assert_eq!(desk.ok(&["list"]), "", "nothing was written");

    let done: Value = desk.json(&["import", folder, "--status", "=draft", "--json"]);
    assert_eq!(done["decisions"].as_array().map(Vec::len), Some(4));
    assert_eq!(done["decisions"][3]["status"], "draft");
    let listed = desk.ok(&["list"]);
    assert!(listed.contains("0002  superseded"), "{listed}");
    assert_eq!(listed.lines().count(), 4);
    desk.ok(&["check"]);
    let again = desk.run(&["import", folder, "--status", "=draft"]);
    assert!(stderr(&again).contains("4 here already"), "{}", stderr(&again));
    assert_eq!(desk.ok(&["list"]).lines().count(), 4);
}

#[test]
fn every_format_brings_the_records_back_whole() {
    let desk = desk();
    // Numbers have gaps, and log4brains has none.
    let folder = desk.path("decisions");
    for (name, text) in files(&folder).iter().filter(|(name, _)| name.starts_with("0002")) {
        fs::remove_file(folder.join(name)).expect("the record");
        fs::write(folder.join("0017-its-own-name.toml"), text).expect("the record");
    }
    let before = files(&folder);
    for format in ["toml", "madr4", "madr3", "madr2", "adr-tools", "log4brains", "json-adr"] {
        let out = desk.path(format);
        let out = out.to_str().expect("a path");
        desk.ok(&["export", "--format", format, "--to", out]);
        let other = desk.path(&format!("{format}-back"));
        let other = other.to_str().expect("a path");
        let imported = desk.run(&["import", out, "--decisions", other, "--status", "=draft"]);
        let told = stderr(&imported);
        assert!(imported.status.success(), "{format}: {told}");
        let after = files(Path::new(other));
        assert_eq!(after.len(), before.len(), "{format}: {told}");
        // Those that assay wrote come back to the letter and under their names; what adr-tools wrote is
        // its own file again.
        let ours = |files: &[(String, String)]| {
            let own = |(_, text): &&(String, String)| {
                format != "adr-tools" || !text.contains("\n[original]")
            };
            let mut own: Vec<_> = files.iter().filter(own).cloned().collect();
            own.sort();
            own
        };
        assert_eq!(ours(&after), ours(&before), "{format}");
    }
    let original = fs::read(samples().join("adr-tools/0002-poll-the-ledger.md")).expect("a sample");
    let exported = desk.path("adr-tools/0002-poll-the-ledger.md");
    assert_eq!(fs::read(exported).expect("an export"), original, "to the byte");
}

#[test]
fn an_export_overwrites_nothing_but_itself() {
    let desk = desk();
    let export = ["export", "--format", "madr4", "--to", "docs"];
    let written = desk.ok(&export);
    let first = written.lines().next().expect("a file").to_owned();
    // Unchanged, it is written again when the record has changed.
    let id = desk.json(&["list", "--json"])["items"][0]["number"].clone();
    assert_eq!(id, 6);
    desk.ok(&export);
    let path = desk.path(&first);
    let theirs = fs::read_to_string(&path).expect("an export").replace("# The", "# Their");
    fs::write(&path, &theirs).expect("an edit");
    let told = desk.fails(1, &export);
    assert!(told.contains("says something else and is kept"), "{told}");
    assert_eq!(fs::read_to_string(&path).expect("their file"), theirs);
}

#[test]
fn exports_of_one_document_go_to_standard_output() {
    let desk = desk();
    let table = desk.ok(&["export", "--format", "csv"]);
    assert!(table.starts_with("number,id,title,"), "{table}");
    assert_eq!(table.lines().count(), 7);
    let accepted = desk.ok(&["export", "--format", "csv", "--status", "accepted"]);
    assert_eq!(accepted.lines().count(), 4, "{accepted}");
    let radar: Value =
        serde_json::from_str(&desk.ok(&["export", "--format", "radar-backstage"])).expect("JSON");
    assert_eq!(radar["entries"].as_array().map(Vec::len), Some(6));
    assert_eq!(radar["quadrants"].as_array().map(Vec::len), Some(4));
    desk.ok(&["export", "--format", "radar-zalando"]);
    let told = desk.fails(2, &["export", "--format", "madr4"]);
    assert!(told.contains("--to DIR"), "{told}");
    let told = desk.fails(2, &["export", "--format", "bencher"]);
    assert!(told.contains("--run"), "{told}");
}

#[test]
fn places_that_cannot_be_imported_are_said_plainly() {
    let desk = Desk::new();
    let told = desk.fails(2, &["import", "nowhere"]);
    assert!(told.contains("nowhere cannot be read"), "{told}");
    let told = desk.fails(2, &["import", ".", "--status", "x=maybe"]);
    assert!(told.contains("draft, proposed, accepted, rejected, deprecated"), "{told}");
    fs::create_dir(desk.path("empty")).expect("a folder");
    let empty = desk.run(&["import", "empty"]);
    assert!(stderr(&empty).contains("there is no file to import"));
    fs::write(desk.path("latin.md"), b"# Caf\xe9\n").expect("a file");
    let told = desk.fails(1, &["import", "latin.md"]);
    assert!(told.contains("latin.md: not imported: it is not UTF-8 text: line 1"), "{told}");
}

/// Whether a program answers; tools installed for the tests stand under `target/tools`.
fn found(program: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin").join(program);
    let answers = |program: &Path| {
        let mut help = Command::new(program);
        help.arg("help").stdout(Stdio::null()).stderr(Stdio::null());
        help.status().is_ok()
    };
    [tools, PathBuf::from(program)].into_iter().find(|program| answers(program))
}

fn said(program: &Path, folder: &Path, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).current_dir(folder).output().expect("the program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", stderr(&output));
    text
}

#[test]
fn adr_tools_reads_what_is_exported_for_it() {
    let Some(adr) = found("adr") else {
        return skip("the export for adr-tools", "adr-tools is not installed");
    };
    // Its own four keep the numbers 1 to 4.
    let desk = desk();
    desk.ok(&["export", "--format", "adr-tools", "--to", "doc/adr"]);
    let folder = desk.path(".");
    let listed = said(&adr, &folder, &["list"]);
    assert_eq!(listed.lines().count(), 6, "{listed}");
    let contents = said(&adr, &folder, &["generate", "toc"]);
    assert!(
        contents.contains("[7. The gateway is Rust](0007-the-gateway-is-rust.md)"),
        "{contents}"
    );
    let graph = said(&adr, &folder, &["generate", "graph"]);
    // It draws each link once, from the later side.
    assert!(graph.contains("_8 -> _7 [label=\"Supercedes\""), "{graph}");
    assert!(graph.contains("_3 -> _2 "), "{graph}");
}

#[test]
fn adrs_reads_what_is_exported_for_it() {
    let Some(adrs) = found("adrs") else {
        return skip("the exports for adrs", "adrs is not installed");
    };
    let desk = desk();
    desk.ok(&["export", "--format", "adr-tools", "--to", "tools/doc/adr"]);
    let listed = said(&adrs, &desk.path("tools"), &["list", "--long"]);
    assert_eq!(listed.lines().count(), 6, "{listed}");
    assert!(listed.to_lowercase().contains("superseded"), "{listed}");
    let document = desk.ok(&["export", "--format", "json-adr"]);
    fs::write(desk.path("adrs.json"), document).expect("the document");
    fs::create_dir(desk.path("json")).expect("a folder");
    said(&adrs, &desk.path("json"), &["init"]);
    let imported =
        said(&adrs, &desk.path("json"), &["import", "json", "../adrs.json", "--renumber"]);
    assert!(imported.contains('6'), "{imported}");
    // And back: what it writes as JSON-ADR is imported.
    let written = said(&adrs, &desk.path("tools"), &["export", "json"]);
    fs::write(desk.path("theirs.json"), written).expect("their document");
    let back: Value = desk.json(&[
        "import",
        "theirs.json",
        "--decisions",
        "back",
        "--json",
        "--status",
        "=draft",
    ]);
    let new = back["decisions"].as_array().expect("decisions").iter();
    assert_eq!(new.filter(|line| line["result"] == "new").count(), 6, "{back:#}");
}

/// A consumer's own code over an export, from `tests/readers`; none when it cannot be had here.
fn read_by(reader: &str, place: &Path) -> Option<Value> {
    let test = format!("the export read by {reader}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    if found("node").is_none() {
        skip(&test, "no node is installed");
        return None;
    }
    if !npm_packages(&folder) {
        skip(&test, "npm ci cannot fetch their packages");
        return None;
    }
    let mut node = Command::new("node");
    let output = node.arg("read.cjs").arg(reader).arg(place).current_dir(&folder).output();
    let output = output.expect("node");
    assert!(output.status.success(), "{reader}: {}", stderr(&output));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn log4brains_reads_what_is_exported_for_it() {
    let desk = desk();
    desk.ok(&["export", "--format", "log4brains", "--to", "docs/adr"]);
    let project = "project: {name: desk, tz: Etc/UTC, adrFolder: ./docs/adr}\n";
    fs::write(desk.path(".log4brains.yml"), project).expect("a project");
    let Some(read) = read_by("log4brains", &desk.path(".")) else { return };
    let adrs = read.as_array().expect("decisions");
    assert_eq!(adrs.len(), 6, "{read:#}");
    let titled = |title: &str| {
        let found = adrs.iter().find(|adr| adr["title"] == title);
        found.unwrap_or_else(|| panic!("{title}: {read:#}"))
    };
    let (old, new) = (titled("The gateway is Rust"), titled("The gateway is Go again"));
    assert_eq!((&old["status"], &new["status"]), (&"superseded".into(), &"accepted".into()));
    assert_eq!(old["supersededBy"], new["slug"]);
    assert_eq!(titled("Poll the ledger")["supersededBy"], titled("Stream the ledger")["slug"]);
}

#[test]
fn backstage_reads_the_radar() {
    let desk = desk();
    let radar = desk.ok(&["export", "--format", "radar-backstage"]);
    fs::write(desk.path("radar.json"), &radar).expect("the radar");
    let Some(read) = read_by("backstage", &desk.path("radar.json")) else { return };
    // What its schema does not know, it leaves out; dates it reads.
    let radar: Value = serde_json::from_str(&radar).expect("JSON");
    assert_eq!(read["rings"], radar["rings"]);
    assert_eq!(read["quadrants"], radar["quadrants"]);
    let (theirs, ours) = (read["entries"].as_array(), radar["entries"].as_array());
    let (theirs, ours) = (theirs.expect("entries"), ours.expect("entries"));
    assert_eq!((theirs.len(), ours.len()), (6, 6));
    for (theirs, ours) in theirs.iter().zip(ours) {
        for key in ["key", "id", "title", "quadrant", "description", "url"] {
            assert_eq!(theirs[key], ours[key], "{key}");
        }
        let (date, written) = (&theirs["timeline"][0]["date"], &ours["timeline"][0]["date"]);
        let (date, written) = (date.as_str().expect("a date"), written.as_str().expect("a date"));
        assert!(date.starts_with(written.get(..10).expect("a day")), "{date} {written}");
    }
}
