//! What only a folder can do: be edited by hand, lose its index, hold bad files.

use std::{fs, os::unix::fs::symlink, time::Duration};

use assay_records::{Amendment, Record, amend};
use assay_store::{Filter, Store, StoreError};

use crate::{Place, id, text, within};

const SOON: Duration = Duration::from_secs(5);

async fn titles(store: &dyn Store) -> Vec<String> {
    let page = store.list(&Filter::default()).await.unwrap();
    page.items.into_iter().map(|item| item.title.clone()).collect()
}

#[tokio::test]
async fn a_deleted_or_broken_index_is_made_anew() {
    let place = Place::new();
    let store = place.open().await;
    store.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    // While open.
    fs::remove_dir_all(place.data()).unwrap();
    assert_eq!(titles(&store).await, ["a"]);
    store.create("b", id(2), text(id(2), "b", "")).await.unwrap();
    assert_eq!(titles(&store).await, ["b", "a"]);
    drop(store);
    // While closed.
    fs::remove_dir_all(place.data()).unwrap();
    assert_eq!(titles(&place.open().await).await, ["b", "a"]);
    for entry in fs::read_dir(place.data()).unwrap() {
        let path = entry.unwrap().path();
        // The log beside it is removed, not cut short: a store still closing has it mapped.
        fs::remove_file(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "sqlite") {
            fs::write(path, "this is no database, ".repeat(500)).unwrap();
        }
    }
    assert_eq!(titles(&place.open().await).await, ["b", "a"]);
}

#[tokio::test]
async fn changes_by_hand_are_picked_up() {
    let place = Place::new();
    place.write("0001-a.toml", text(id(1), "a", ""));
    let store = place.open().await;
    assert_eq!(titles(&store).await, ["a"]);
    let is = async |wanted: &[&str]| titles(&store).await == wanted;
    place.write("0002-b.toml", text(id(2), "b", ""));
    within(SOON, || is(&["b", "a"])).await;
    // In place, of the same length.
    tokio::time::sleep(Duration::from_millis(100)).await;
    place.write("0001-a.toml", text(id(1), "c", ""));
    assert_eq!(store.get(id(1)).await.unwrap().record.title, "c", "a record is never stale");
    within(SOON, || is(&["b", "c"])).await;
    let file = |name: &str| place.decisions().join(name);
    fs::rename(file("0002-b.toml"), file("0003-b.toml")).unwrap();
    assert_eq!(store.get(id(2)).await.unwrap().number, 3);
    fs::remove_file(file("0001-a.toml")).unwrap();
    within(SOON, || is(&["b"])).await;
    assert!(matches!(store.get(id(1)).await, Err(StoreError::NotFound(_))));
    place.write("0003-b.toml", "broken");
    within(SOON, || is(&[])).await;
    assert_eq!(store.bad_files().await.unwrap()[0].file_name, "0003-b.toml");
}

#[tokio::test]
async fn another_process_is_noticed() {
    let place = Place::new();
    let (ours, theirs) = (place.open().await, place.open().await);
    ours.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    theirs.create("b", id(2), text(id(2), "b", "")).await.unwrap();
    assert_eq!(titles(&ours).await, ["b", "a"]);
    assert_eq!(titles(&theirs).await, ["b", "a"]);
}

#[tokio::test]
async fn two_folders_never_mix() {
    let (one, two) = (Place::new(), Place::new());
    let first = crate::open(&one.decisions(), &one.data()).await;
    let second = crate::open(&two.decisions(), &one.data()).await;
    first.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    assert_eq!(titles(&first).await, ["a"]);
    assert!(titles(&second).await.is_empty());
}

#[tokio::test]
async fn bad_files_stand_beside_good_ones() {
    let place = Place::new();
    place.write("0001-good.toml", text(id(1), "good", ""));
    place.write("0002-broken.toml", text(id(2), "broken", "x = = 1"));
    place.write("0003-huge.toml", vec![b'#'; 10 * 1024 * 1024]);
    place.write("0004-latin.toml", b"a\n\xc3\xa4\xff = 1");
    place.write("0005-twin.toml", text(id(5), "twin", ""));
    place.write("0006-twin.toml", text(id(5), "twin", ""));
    place.write("name.toml", text(id(7), "name", ""));
    place.write("0008-empty.toml", "");
    place.write("notes.md", "not a record");
    place.write(".hidden.toml", "not a record");
    fs::create_dir(place.decisions().join("0009-folder.toml")).unwrap();
    symlink("/etc/passwd", place.decisions().join("0010-link.toml")).unwrap();
    symlink("nowhere", place.decisions().join("0011-link.toml")).unwrap();
    let pipe = place.decisions().join("0012-pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let before = fs::read(place.decisions().join("0002-broken.toml")).unwrap();
    let store = place.open().await;
    assert_eq!(titles(&store).await, ["good"]);
    let bad = store.bad_files().await.unwrap();
    let said: Vec<String> =
        bad.iter().map(|file| format!("{}: {}", file.file_name, file.problems[0])).collect();
    let expected = [
        ("0002-broken.toml", "this is not TOML"),
        ("0003-huge.toml", "10485760 bytes; a record has at most 1048576"),
        ("0004-latin.toml", "line 2, column 2: this is not UTF-8"),
        ("0005-twin.toml", "also in 0006-twin.toml"),
        ("0006-twin.toml", "also in 0005-twin.toml"),
        ("0008-empty.toml", "`schema` is missing"),
        ("0009-folder.toml", "not a file"),
        ("0010-link.toml", "symbolic link"),
        ("0011-link.toml", "symbolic link"),
        ("0012-pipe.toml", "not a file"),
        ("name.toml", "not a record's file name (name it like 0007-"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for ((name, message), said) in expected.iter().zip(&said) {
        assert!(said.starts_with(name) && said.contains(message), "{name} {message}\n{said}");
    }
    let span = bad[3].problems[0].span.clone().unwrap();
    assert_eq!(bad[3].text.as_ref().unwrap()[span], id(5).to_string());
    // None is overwritten or reachable as if it were good.
    for number in [2, 5, 7] {
        let got = store.get(id(number)).await;
        assert!(matches!(got, Err(StoreError::Damaged(_))), "{number}: {got:?}");
        let update = store.update(id(number), "", text(id(number), "mine", "")).await;
        assert!(matches!(update, Err(StoreError::Damaged(_))), "{number}: {update:?}");
    }
    let next = store.create("next", id(20), text(id(20), "next", "")).await.unwrap();
    assert_eq!(next.number, 13, "bad files keep their numbers");
    assert_eq!(fs::read(place.decisions().join("0002-broken.toml")).unwrap(), before);
    // Mended, it is a record.
    place.write("0002-broken.toml", text(id(2), "mended", ""));
    within(SOON, async || titles(&store).await.contains(&"mended".to_owned())).await;
}

#[tokio::test]
async fn edits_keep_what_people_wrote() {
    let place = Place::new();
    place.write("0001-a.toml", text(id(1), "a", "ours = 1 # kept"));
    let store = place.open().await;
    let read = store.get(id(1)).await.unwrap();
    assert_eq!(read.warnings[0].field, "ours");
    let model = assay_records::advice::Model::builtin();
    let text = amend(&read.text, model, &[Amendment::Team(Some("t".to_owned()))]).unwrap();
    store.update(id(1), &read.hash, text).await.unwrap();
    let on_disk = fs::read_to_string(place.decisions().join("0001-a.toml")).unwrap();
    assert!(on_disk.starts_with("# by hand\n") && on_disk.contains("ours = 1 # kept"));
    assert_eq!(Record::parse(&on_disk, model).unwrap().record.team.as_deref(), Some("t"));
}
