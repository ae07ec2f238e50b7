//! Folders of many records: answered while they are read, and not read twice.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use assay_store::{Filter, Reading, Store, StoreError};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Place, id, text, within};

const SOON: Duration = Duration::from_secs(10);
/// More than the files for which a request waits.
const MANY: u32 = 1100;

fn file(number: u32) -> String {
    format!("{number:04}-r.toml")
}

fn fill(place: &Place, padding: &str) {
    for number in 1..=MANY {
        let title = format!("r{number:05}");
        place.write(&file(number), text(id(number.into()), &title, padding));
    }
    // Files this fresh are looked at twice.
    std::thread::sleep(Duration::from_millis(60));
}

fn index_file(data: &Path) -> PathBuf {
    let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let is_index = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("index-") && name.ends_with(".sqlite")
    };
    files.into_iter().find(is_index).unwrap()
}

#[tokio::test]
async fn requests_are_answered_while_a_large_folder_is_read() {
    let place = Place::new();
    drop(place.open().await);
    fill(&place, "");
    // Somebody holds the index, so that nothing read can be taken in.
    let options = SqliteConnectOptions::new().filename(index_file(&place.data()));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let store = place.open().await;
    let page = store.list(&Filter::default()).await.unwrap();
    assert_eq!((page.total, store.bad_files().await.unwrap().len()), (0, 0));
    assert_eq!(store.reading(), Some(Reading { done: 0, total: MANY.into() }));
    let ready = store.ready().await;
    assert!(matches!(ready, Err(StoreError::StillReading(_))), "{ready:?}");
    assert_eq!(ready.unwrap_err().to_string(), "the records are being read: 0 of 1100");
    held.rollback().await.unwrap();
    // One that is not known yet is waited for.
    assert_eq!(store.get(id(MANY.into())).await.unwrap().record.title, "r01100");
    store.settled().await.unwrap();
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, u64::from(MANY));
    store.ready().await.unwrap();
}

#[tokio::test]
async fn changes_in_a_large_folder_show() {
    let place = Place::new();
    fill(&place, "");
    let store = place.open().await;
    store.settled().await.unwrap();
    let found = async |q: &str| {
        let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
        store.list(&filter).await.unwrap().total
    };
    place.write(&file(7), text(id(7), "in place", ""));
    within(SOON, async || found("in place").await == 1 && found("r00007").await == 0).await;
    let path = |number| place.decisions().join(file(number));
    fs::rename(path(8), path(2000)).unwrap();
    fs::remove_file(path(9)).unwrap();
    within(SOON, async || store.get(id(8)).await.unwrap().number == 2000).await;
    within(SOON, async || found("r00009").await == 0 && found("r00008").await == 1).await;
    // What we write ourselves shows at once.
    let made = store.create("ours", id(5000), text(id(5000), "ours", "")).await.unwrap();
    assert_eq!((made.number, found("ours").await), (2001, 1));
    let changed = made.text.replace("\"ours\"", "\"theirs\"");
    store.update(id(5000), &made.hash, changed).await.unwrap();
    assert_eq!((found("ours").await, found("theirs").await), (0, 1));
}

/// Run by the test below as a process of its own, in the folder that holds everything: opens the
/// store and tells how many bytes it has read.
#[tokio::test]
#[ignore = "the other half of the test that runs it"]
async fn child_that_opens_and_lists() {
    let root = env::current_dir().unwrap();
    if !root.join("written-by-the-large-test").exists() {
        return;
    }
    let store = crate::open(&root.join("decisions"), &root.join("data")).await;
    store.settled().await.unwrap();
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, u64::from(MANY));
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap_or("0");
    println!("\nread {read}");
}

#[test]
fn what_is_known_is_not_read_again() {
    let place = Place::new();
    fs::write(place.root.path().join("written-by-the-large-test"), "").unwrap();
    // Comments are not kept in the index.
    fill(&place, &"# padding\n".repeat(1000));
    let read = || -> u64 {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "large::child_that_opens_and_lists", "--ignored", "--nocapture"]);
        let output = child.current_dir(place.root.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        told.lines().find_map(|line| line.strip_prefix("read ")).unwrap().parse().unwrap()
    };
    let bytes = u64::from(MANY) * 10_000;
    assert!(read() > bytes, "at first everything is read");
    // One that is new costs itself, and the start what the index holds.
    place.write(&file(MANY), text(id(MANY.into()), "other", ""));
    let again = read();
    assert!(again < bytes / 4, "{again} of {bytes}");
}
