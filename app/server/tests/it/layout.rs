//! The shape of the workspace: which crate may use which, and what stands at the top.

use std::{collections::BTreeSet, fs, path::PathBuf};

/// Every crate of the workspace with the crates of ours that it may depend on. `tests` may also use
/// what stands to its right.
const MAY_USE: &[(&str, &[&str], &[&str])] = &[
    ("app/advice", &[], &[]),
    ("app/evidence", &[], &[]),
    ("app/records", &["assay-advice"], &[]),
    ("app/store", &["assay-records"], &[]),
    ("benches/floor", &[], &[]),
    ("benches/harness", &["assay-evidence"], &[]),
    (
        "app/server",
        &[
            "assay-advice",
            "assay-evidence",
            "assay-harness",
            "assay-records",
            "assay-store",
            "fastjson-api",
        ],
        &[],
    ),
    ("benches/micro", &["assay-advice"], &[]),
    ("reference-services/conformance", &[], &[]),
    ("reference-services/analytics-api/rust", &[], &["conformance"]),
    ("reference-services/cache-server/rust", &[], &["conformance"]),
    ("reference-services/fastjson-api/rust", &[], &["conformance"]),
    ("reference-services/gateway/rust", &[], &["conformance"]),
];

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "app",
    "reference-services",
    "templates",
    "static",
    "decisions",
    "benches",
    "README.md",
    // What a build leaves behind; git ignores it.
    "target",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The crates of ours named in the tables of this kind, target-specific ones included.
fn ours(manifest: &toml::Table, kinds: &[&str], names: &BTreeSet<String>) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let tables = std::iter::once(manifest)
        .chain(targets.into_iter().flat_map(|t| t.values().filter_map(toml::Value::as_table)));
    tables
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(toml::Table::keys)
        .filter(|name| names.contains(*name))
        .cloned()
        .collect()
}

#[test]
fn dependencies_point_inward() {
    let workspace = manifest(".");
    let members: BTreeSet<&str> = workspace["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member.as_str().unwrap())
        .collect();
    let described: BTreeSet<&str> = MAY_USE.iter().map(|(folder, ..)| *folder).collect();
    assert_eq!(members, described, "every workspace member has a row in MAY_USE");

    let manifests: Vec<_> = MAY_USE.iter().map(|row| (row, manifest(row.0))).collect();
    let names: BTreeSet<String> =
        manifests.iter().map(|(_, m)| m["package"]["name"].as_str().unwrap().to_owned()).collect();
    for ((folder, allowed, for_tests), manifest) in &manifests {
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let in_product = ours(manifest, &["dependencies", "build-dependencies"], &names);
        let outward: Vec<_> = in_product.difference(&allowed).collect();
        assert!(outward.is_empty(), "{folder} must not depend on {outward:?}");

        let in_tests = ours(manifest, &["dev-dependencies"], &names);
        let outward: Vec<_> = in_tests
            .difference(&allowed)
            .filter(|name| !for_tests.contains(&name.as_str()))
            .collect();
        assert!(outward.is_empty(), "the tests of {folder} must not depend on {outward:?}");
    }
}

#[test]
fn sql_stays_in_the_store() {
    for (folder, ..) in MAY_USE.iter().filter(|(folder, ..)| *folder != "app/store") {
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        let sqlx = BTreeSet::from(["sqlx".to_owned()]);
        assert!(ours(&manifest(folder), &kinds, &sqlx).is_empty(), "{folder} must not use sqlx");
    }
}

#[test]
fn nothing_else_is_visible_at_the_top() {
    let strays: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert!(strays.is_empty(), "not in the fixed layout: {strays:?}");
}

#[test]
fn our_own_decisions_are_whole_records() {
    let folder = root().join("decisions");
    let mut records = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let parsed = assay_records::Record::parse(&text, assay_advice::Model::builtin())
            .unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display()));
        assert!(parsed.record.tags.iter().any(|tag| tag == "assay"), "{}", path.display());
        records += 1;
    }
    assert!(records >= 3, "a newcomer sees real records on first start");
}
