//! Folders that cannot be written: said plainly, nothing lost.

use std::{fs, path::Path, process::Command, sync::Arc};

use assay_records::advice::Model;
use assay_store::{Filter, FolderStore, Store, StoreError};

use crate::{Place, id, skip, text};

/// A small file system of its own, taken away at the end.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn read_only(&self) {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let place = Place::new();
    let Some(_mount) = Mount::new(&place.decisions(), "size=256k") else {
        return skip("a full disk", "no file system can be mounted here");
    };
    let store = place.open().await;
    let kept = store.create("kept", id(1), text(id(1), "kept", "")).await.unwrap();
    let big = format!("[rationale]\ncontext = \"{}\"", "x".repeat(40_000));
    let big = format!("{big}\ndecision = \"{}\"", "y".repeat(40_000));
    let mut number = 2;
    let error = loop {
        match store.create("big", id(number), text(id(number), "big", &big)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 20, "the disk never filled");
    };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("the disk is full; nothing was changed"), "{error}");
    let grown = text(id(1), "kept", &big);
    let update = store.update(id(1), &kept.hash, grown).await;
    assert!(matches!(update, Err(StoreError::DiskFull { .. })), "{update:?}");
    assert_eq!(store.get(id(1)).await.unwrap(), kept);
    let page = store.list(&Filter::default()).await.unwrap();
    assert_eq!(u128::from(page.total), number - 1);
    assert!(store.bad_files().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_read_only_folder_can_be_read() {
    let place = Place::new();
    let Some(mount) = Mount::new(&place.decisions(), "size=256k") else {
        return skip("a read-only folder", "no file system can be mounted here");
    };
    place.write("0001-a.toml", text(id(1), "a", ""));
    mount.read_only();
    let store = place.open().await;
    let read = store.get(id(1)).await.unwrap();
    let create = store.create("b", id(2), text(id(2), "b", "")).await;
    assert!(matches!(create, Err(StoreError::Unwritable { .. })), "{create:?}");
    let update = store.update(id(1), &read.hash, text(id(1), "b", "")).await;
    assert!(matches!(update, Err(StoreError::Unwritable { .. })), "{update:?}");
    assert_eq!(store.get(id(1)).await.unwrap(), read);
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_said_plainly() {
    let place = Place::new();
    let file = place.root.path().join("file");
    fs::write(&file, "").unwrap();
    let model = Arc::new(Model::builtin().clone());
    let open = async |decisions: &Path, data: &Path| {
        let opened = FolderStore::open(decisions.into(), data.into(), Arc::clone(&model)).await;
        opened.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let error = open(&file.join("decisions"), &place.data()).await;
    assert!(error.contains("cannot write to") && error.contains("file/decisions"), "{error}");
    let error = open(&place.decisions(), &file.join("data")).await;
    assert!(error.contains("cannot write to") && error.contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_folder_that_goes_away_is_said_plainly() {
    let place = Place::new();
    let store = place.open().await;
    store.create("a", id(1), text(id(1), "a", "")).await.unwrap();
    fs::remove_dir_all(place.decisions()).unwrap();
    let listed = store.list(&Filter::default()).await;
    assert!(matches!(listed, Err(StoreError::Unreadable { .. })), "{listed:?}");
    assert!(store.ready().await.is_err());
    fs::create_dir(place.decisions()).unwrap();
    assert_eq!(store.list(&Filter::default()).await.unwrap().total, 0);
    store.create("b", id(2), text(id(2), "b", "")).await.unwrap();
}
