//! Earlier texts of a folder's records: what is kept, what git knows, and what is lost with what.

use std::{fs, path::Path, process::Command, time::Duration};

use assay_records::{Amendment, advice::Model, amend};
use assay_store::{FolderStore, Store};

use crate::{Place, id, skip, text, within};

const SOON: Duration = Duration::from_secs(5);

async fn retitle(store: &FolderStore, title: &str) {
    let read = store.get(id(1)).await.unwrap();
    let change = Amendment::Title(title.to_owned());
    let new = amend(&read.text, Model::builtin(), &[change]).unwrap();
    store.update(id(1), &read.hash, new).await.unwrap();
}

/// The titles that a record has had, the newest first, and whether git has each.
async fn titles(store: &FolderStore) -> Vec<(String, bool)> {
    let found = store.revisions(id(1)).await.unwrap();
    let title = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("title")).unwrap();
        line.trim_start_matches("title = ").trim_matches('"').to_owned()
    };
    found.list.iter().map(|it| (title(&it.text), it.commit.is_some())).collect()
}

fn here(titles: &[&str]) -> Vec<(String, bool)> {
    titles.iter().map(|title| ((*title).to_owned(), false)).collect()
}

#[tokio::test]
async fn texts_outlive_the_index_and_go_with_the_data_folder() {
    let place = Place::new();
    let store = place.open().await;
    store.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    retitle(&store, "b").await;
    drop(store);
    for entry in fs::read_dir(place.data()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("index-") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let store = place.open().await;
    assert_eq!(titles(&store).await, here(&["b", "a"]));
    // While open, too.
    fs::remove_dir_all(place.data()).unwrap();
    assert_eq!(titles(&store).await, here(&["b"]), "what is left is the file itself");
    retitle(&store, "c").await;
    assert_eq!(titles(&store).await, here(&["c", "b"]));
}

#[tokio::test]
async fn a_change_by_hand_is_kept_once_it_is_noticed() {
    let place = Place::new();
    place.write("0001-a.toml", text(id(1), "a", ""));
    let store = place.open().await;
    assert_eq!(titles(&store).await, here(&["a"]));
    for title in ["b", "c"] {
        // Longer each time: a change within the clock's grain still shows.
        place.write("0001-a.toml", text(id(1), title, &format!("# {}", title.repeat(30))));
        let noticed = async || {
            let page = store.list(&assay_store::Filter::default()).await.unwrap();
            page.items.first().is_some_and(|line| line.title == title)
        };
        within(SOON, noticed).await;
    }
    let listed = titles(&store).await;
    assert_eq!(listed.first().map(|(title, _)| title.as_str()), Some("c"));
    within(SOON, || async { titles(&store).await == here(&["c", "b"]) }).await;
}

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C"]);
    command.arg(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn committed_texts_are_known_through_renames_and_without_any_data() {
    let place = Place::new();
    place.write("0001-a.toml", text(id(1), "a", ""));
    if !git(place.root.path(), &["init", "-q"]) {
        return skip("committed_texts_are_known", "there is no git");
    }
    let commit = || {
        assert!(git(place.root.path(), &["add", "decisions"]));
        assert!(git(place.root.path(), &["commit", "-q", "-m", "x"]));
    };
    let store = place.open().await;
    let said = store.revisions(id(1)).await.unwrap().known.join(" ");
    assert!(said.contains("not committed"), "{said}");
    commit();
    let file = |name: &str| place.decisions().join(name);
    fs::rename(file("0001-a.toml"), file("0002-b.toml")).unwrap();
    retitle(&store, "b").await;
    commit();
    retitle(&store, "c").await;
    drop(store);
    fs::remove_dir_all(place.data()).unwrap();
    let store = place.open().await;
    let of = |title: &str, committed| (title.to_owned(), committed);
    assert_eq!(titles(&store).await, [of("c", false), of("b", true), of("a", true)]);
    let found = store.revisions(id(1)).await.unwrap();
    assert_eq!(found.list[1].commit.as_ref().unwrap().author, "Ada");
    assert!(found.known.iter().any(|said| said.contains("committed to git are among them")));
}
