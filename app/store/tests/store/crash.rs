//! `kill -9` in a loop of writes: what was acknowledged is there, whole.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use assay_records::advice::Model;
use assay_records::{Record, number_of};
use assay_store::{Filter, NewRecord, Store};
use uuid::Uuid;

use crate::{Place, id, postgres, text};

const ROUNDS: u64 = 8;
/// Records written at once.
const SEVERAL: u64 = 5;
/// Lines of padding, so that a write takes long enough to be interrupted.
const PADDING_LINES: usize = 20_000;

/// Names what the child below writes to: the address of a database, or nothing for the folder.
const MARK: &str = "written-by-the-crash-test";

/// Run by the tests below as a process of its own, in the folder that holds everything: writes
/// records, and tells of each when it is kept.
#[tokio::test]
#[ignore = "the other half of the tests that kill it"]
async fn child_that_writes_until_it_is_killed() {
    let root = env::current_dir().unwrap();
    let Ok(address) = fs::read_to_string(root.join(MARK)) else { return };
    let store: Box<dyn Store> = match address.as_str() {
        "" => Box::new(crate::open(&root.join("decisions"), &root.join("data")).await),
        address => Box::new(postgres::open(address).await),
    };
    let first = store.list(&Filter::default()).await.unwrap().total + 1;
    let padding = format!("[rationale]\ncontext = \"\"\"{}\"\"\"", "x\n".repeat(PADDING_LINES));
    for number in first.. {
        let record = id(u128::from(number) + u128::from(std::process::id()) * 1_000_000);
        let stored = store.create("crash", record, text(record, "a", &padding)).await.unwrap();
        println!("\nkept {record} a");
        std::io::stdout().flush().unwrap();
        let changed = stored.text.replace("title = \"a\"", "title = \"b\"");
        store.update(record, &stored.hash, changed).await.unwrap();
        println!("\nkept {record} b");
        std::io::stdout().flush().unwrap();
        let several = (1..=SEVERAL).map(|more| {
            let id =
                id(u128::from(number * 100 + more)
                    + u128::from(std::process::id()) * 1_000_000_000);
            NewRecord { name: "several".to_owned(), id, text: text(id, "a", &padding) }
        });
        for stored in store.create_all(several.collect()).await.unwrap() {
            println!("\nkept {} a", stored.unwrap().id);
        }
        std::io::stdout().flush().unwrap();
    }
}

/// Runs the child so often and kills it each time; gives what it said was kept.
fn acknowledged(root: &Path, rounds: u64) -> BTreeMap<Uuid, String> {
    let mut acknowledged: BTreeMap<Uuid, String> = BTreeMap::new();
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::child_that_writes_until_it_is_killed", "--ignored"])
            .arg("--nocapture")
            .current_dir(root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: std::io::Result<String>| {
            let line = line.unwrap_or_default();
            if let Some((record, title)) =
                line.strip_prefix("kept ").and_then(|rest| rest.split_once(' '))
            {
                acknowledged.insert(record.parse().unwrap(), title.to_owned());
            }
            line.starts_with("kept ")
        };
        // The moments differ from round to round and land in every part of a write.
        let first = lines.by_ref().find_map(|line| take(line).then_some(()));
        assert!(first.is_some(), "the child never wrote");
        thread::sleep(Duration::from_micros(1_700 * round * round));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            take(line);
        }
    }
    assert!(acknowledged.len() >= rounds as usize, "{}", acknowledged.len());
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let place = Place::new();
    fs::write(place.root.path().join(MARK), "").unwrap();
    let acknowledged = acknowledged(place.root.path(), ROUNDS);
    let mut on_disk = BTreeMap::new();
    for entry in fs::read_dir(place.decisions()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if number_of(&name).is_some() {
            let text = fs::read_to_string(entry.path()).unwrap();
            let record = Record::parse(&text, Model::builtin()).expect(&name).record;
            on_disk.insert(record.id, record.title);
        } else {
            assert!(name == "record.schema.json" || name.starts_with(".assay-"), "{name}");
        }
    }
    for (record, title) in &acknowledged {
        let kept = on_disk.get(record).unwrap_or_else(|| panic!("{record} is gone"));
        assert!(kept == title || kept == "b", "{record} says {kept}, not {title}");
    }
    let store = place.open().await;
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, on_disk.len() as u64);
    assert!(store.bad_files().await.unwrap().is_empty());
    store.create("after", id(1), text(id(1), "after", "")).await.unwrap();
    let left = fs::read_dir(place.decisions()).unwrap().flatten();
    let left: Vec<_> = left.filter(|e| e.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "the next write clears what a crash left: {left:?}");
}

#[tokio::test]
async fn a_database_keeps_what_was_acknowledged_before_a_kill() {
    let Some(cluster) = postgres::shared("a_database_keeps_what_was_acknowledged") else { return };
    let address = cluster.url(&cluster.database(""));
    let place = Place::new();
    fs::write(place.root.path().join(MARK), &address).unwrap();
    let acknowledged = acknowledged(place.root.path(), ROUNDS / 2);
    let store = postgres::open(&address).await;
    for (record, title) in &acknowledged {
        let kept = store.get(*record).await.unwrap().record.title;
        assert!(kept == *title || kept == "b", "{record} says {kept}, not {title}");
    }
    // What was begun and not finished holds nobody up.
    store.create("after", id(1), text(id(1), "after", "")).await.unwrap();
}
