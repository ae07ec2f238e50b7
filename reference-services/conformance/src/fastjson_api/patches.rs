//! Merge patches, JSON patches and pointers, with the RFCs' own examples.

use super::documents::expect_document;
use super::expect::{expect_problem, expect_refusal, expect_status};
use super::session::Session;
use super::{Test, all_hold, run_all};
use crate::Check;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;

const MERGES: &str = include_str!("../../vectors/merge-patch.json");
const PATCHES: &str = include_str!("../../vectors/json-patch.json");
const POINTERS: &str = include_str!("../../vectors/json-pointer.json");
const PATH: &str = "/v1/documents/check-patches";

const TESTS: [(&str, Test); 6] = [
    ("RFC 7396: its table, and other merge patches", merges),
    ("RFC 6902: its examples, and every operation's corners", patches),
    ("RFC 6901: the pointers of section 5", pointers),
    ("a JSON Patch that is not one is 400 and says where", invalid_patches),
    ("patches have the contract's limits", limits),
    ("a refused patch leaves the document as it was", atomic),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}

/// Document, patch, result: each as text, the result in its served form.
fn merges(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors: Vec<(String, String, String)> = serde_json::from_str(MERGES)?;
    let test = |(document, patch, result): &(String, String, String)| {
        session.put(PATH, document.as_bytes())?;
        expect_document(&session.merge(PATH, patch.as_bytes())?, 200, result.as_bytes())?;
        expect_document(&session.get(PATH)?, 200, result.as_bytes())
    };
    all_hold(vectors, test, |(document, patch, _)| format!("{patch} on {document}"))?;
    session.delete(PATH).map(drop)
}

#[derive(Deserialize)]
struct PatchVector {
    name: String,
    document: String,
    patch: String,
    /// The result in its served form, if there is one.
    result: Option<String>,
    /// Otherwise the refusal.
    fails: Option<PatchFailure>,
}

#[derive(Deserialize)]
struct PatchFailure {
    word: String,
    operation: usize,
    pointer: String,
}

fn patches(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors: Vec<PatchVector> = serde_json::from_str(PATCHES)?;
    let test = |vector: &PatchVector| {
        session.put(PATH, vector.document.as_bytes())?;
        let before = session.get(PATH)?;
        let response = session.patch(PATH, vector.patch.as_bytes())?;
        if let Some(result) = &vector.result {
            expect_document(&response, 200, result.as_bytes())?;
            return expect_document(&session.get(PATH)?, 200, result.as_bytes());
        }
        let fails = vector.fails.as_ref().context("the vector says nothing")?;
        let errors = [json!({"pointer": fails.pointer})];
        let members = json!({"operation": fails.operation, "errors": errors});
        expect_refusal(&response, 409, &fails.word, &members)?;
        ensure!(session.get(PATH)?.body == before.body, "the document changed");
        Ok(())
    };
    all_hold(vectors, test, |vector| vector.name.clone())?;
    session.delete(PATH).map(drop)
}

#[derive(Deserialize)]
struct Pointers {
    document: String,
    /// Pointers and the values they find.
    finds: Vec<(String, String)>,
    /// Pointers that find nothing.
    misses: Vec<String>,
    /// Texts that are no pointers.
    invalid: Vec<String>,
}

fn pointers(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors: Pointers = serde_json::from_str(POINTERS)?;
    session.put(PATH, vectors.document.as_bytes())?;
    let mut test = |pointer: &str, value: &str| {
        let pointer = Value::from(pointer);
        let patch = format!(r#"[{{"op":"test","path":{pointer},"value":{value}}}]"#);
        session.patch(PATH, patch.as_bytes())
    };
    for (pointer, value) in &vectors.finds {
        expect_status(&test(pointer, value)?, 200).with_context(|| pointer.clone())?;
        let errors = [json!({"pointer": pointer})];
        let members = json!({"operation": 0, "errors": errors});
        expect_refusal(&test(pointer, "\"another\"")?, 409, "test-failed", &members)?;
    }
    for pointer in &vectors.misses {
        let errors = [json!({"pointer": pointer})];
        let members = json!({"operation": 0, "errors": errors});
        expect_refusal(&test(pointer, "null")?, 409, "patch-conflict", &members)
            .with_context(|| pointer.clone())?;
    }
    for text in &vectors.invalid {
        let members = json!({"errors": [{"pointer": "/0/path"}]});
        expect_refusal(&test(text, "null")?, 400, "invalid-patch", &members)
            .with_context(|| text.clone())?;
    }
    session.delete(PATH).map(drop)
}

fn invalid_patches(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    session.put(PATH, b"{\"a\":1}")?;
    let cases = [
        ("{}", ""),
        ("null", ""),
        (r#"{"op":"remove","path":"/a"}"#, ""),
        ("[null]", "/0"),
        ("[[]]", "/0"),
        ("[{}]", "/0"),
        (r#"[{"path":"/a"}]"#, "/0"),
        (r#"[{"op":1,"path":"/a"}]"#, "/0/op"),
        (r#"[{"op":"Add","path":"/a","value":1}]"#, "/0/op"),
        (r#"[{"op":"","path":1}]"#, "/0/op"),
        (r#"[{"op":"remove"}]"#, "/0"),
        (r#"[{"op":"remove","path":null}]"#, "/0/path"),
        (r#"[{"op":"remove","path":"a"}]"#, "/0/path"),
        (r#"[{"op":"remove","path":" /a"}]"#, "/0/path"),
        (r##"[{"op":"remove","path":"#/a"}]"##, "/0/path"),
        (r#"[{"op":"remove","path":"/a~"}]"#, "/0/path"),
        (r#"[{"op":"remove","path":"/~2"}]"#, "/0/path"),
        (r#"[{"op":"add","path":"/b"}]"#, "/0"),
        (r#"[{"op":"replace","path":"/b"}]"#, "/0"),
        (r#"[{"op":"test","path":"/a","Value":1}]"#, "/0"),
        (r#"[{"op":"add","path":"b"}]"#, "/0/path"),
        (r#"[{"op":"move","path":"/b"}]"#, "/0"),
        (r#"[{"op":"copy","path":"/b","from":0}]"#, "/0/from"),
        (r#"[{"op":"copy","path":"/b","from":"a"}]"#, "/0/from"),
        (r#"[{"op":"move","path":"b","from":"a"}]"#, "/0/path"),
        (r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, "/0/from"),
        (r#"[{"op":"move","from":"","path":"/a"}]"#, "/0/from"),
        (r#"[{"op":"move","from":"/a~0","path":"/a~0/b/c"}]"#, "/0/from"),
        // The whole patch is looked at before any of it applies.
        (r#"[{"op":"remove","path":"/none"},{"op":"remove","path":"/a"},{"op":"no"}]"#, "/2/op"),
        (r#"[{"op":"test","path":"/a","value":2},7]"#, "/1"),
    ];
    let expect = |response, pointer: &str| {
        let members = json!({"errors": [{"pointer": pointer}]});
        expect_refusal(&response, 400, "invalid-patch", &members)
    };
    let test = |(patch, pointer): &(&str, &str)| {
        expect(session.patch(PATH, patch.as_bytes())?, pointer)?;
        ensure!(session.get(PATH)?.body == b"{\"a\":1}", "the document changed");
        Ok(())
    };
    all_hold(cases, test, |(patch, _)| (*patch).to_owned())?;
    session.delete(PATH)?;
    // It outweighs that there is no document.
    expect(session.patch(PATH, b"{}")?, "")?;
    expect_problem(&session.patch(PATH, b"[]")?, 404, "Not Found")
}

fn limits(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let operations = |operation: &str, count: usize| {
        format!("[{}]", vec![operation; count].join(",")).into_bytes()
    };
    let copy_end = r#"{"op":"copy","from":"/0","path":"/-"}"#;
    let append = r#"{"op":"add","path":"/-","value":0}"#;
    let nest = r#"{"op":"copy","from":"","path":"/0"}"#;
    let long = format!("[\"{}\"]", "x".repeat(99_998));
    let many = format!("[{}0]", "0,".repeat(15_999));
    let deep = ["[".repeat(128), "]".repeat(128)].concat();
    let deeper = format!(r#"[{{"op":"add","path":"{}","value":[]}}]"#, "/0".repeat(128));
    let largest = format!("[\"{}\"]", "x".repeat(256 * 1024 - 4));
    let move_deep =
        br#"[{"op":"add","path":"/-","value":[]},{"op":"move","from":"/0","path":"/1/0"}]"#;
    let cases = [
        ("[]", operations(append, 1_000), None),
        ("[]", operations(append, 1_001), Some(json!({"limit": "operations"}))),
        ("[0]", operations(r#"{"op":"test","path":"/0","value":0}"#, 1_000), None),
        // 100,000 bytes each time; the third is beyond 256 KiB.
        (&long, operations(copy_end, 1), None),
        (&long, operations(copy_end, 3), Some(json!({"limit": "copied-bytes", "operation": 2}))),
        // Two copies are within the copied bytes, but the result is too long.
        (&long, operations(copy_end, 2), Some(json!({"limit": "document-bytes"}))),
        // It copies 2, 4, 9, 19 bytes and so on, one level deeper each time.
        ("[]", operations(nest, 10), None),
        ("[]", operations(nest, 1_000), Some(json!({"limit": "copied-bytes", "operation": 16}))),
        (&many, operations(append, 383), None),
        (&many, operations(append, 384), Some(json!({"limit": "values"}))),
        (&deep, deeper.into_bytes(), Some(json!({"limit": "depth", "operation": 0}))),
        (&deep, move_deep.to_vec(), Some(json!({"limit": "depth", "operation": 1}))),
        (&largest, operations(append, 1), Some(json!({"limit": "document-bytes"}))),
        (&largest, br#"[{"op":"remove","path":"/0"}]"#.to_vec(), None),
    ];
    session.delete(PATH)?;
    let test = |(document, patch, refusal): &(&str, Vec<u8>, Option<Value>)| {
        expect_document(&session.put(PATH, document.as_bytes())?, 201, document.as_bytes())?;
        let response = session.patch(PATH, patch)?;
        match refusal {
            None => expect_status(&response, 200)?,
            Some(members) => {
                expect_refusal(&response, 422, "limit-exceeded", members)?;
                ensure!(session.get(PATH)?.body == document.as_bytes(), "the document changed");
            }
        }
        expect_status(&session.delete(PATH)?, 204)
    };
    let name = |(document, patch, _): &(&str, Vec<u8>, _)| {
        format!("{:.60} on {document:.20}", String::from_utf8_lossy(patch))
    };
    let outcome = all_hold(cases, test, name);
    session.delete(PATH)?;
    outcome?;
    session.put(PATH, largest.as_bytes())?;
    let response = session.merge(PATH, br#"{"a":1}"#)?;
    expect_document(&response, 200, br#"{"a":1}"#)?;
    let largest = format!("{{\"a\":\"{}\"}}", "x".repeat(256 * 1024 - 8));
    expect_status(&session.put(PATH, largest.as_bytes())?, 200)?;
    let response = session.merge(PATH, br#"{"b":1}"#)?;
    expect_refusal(&response, 422, "limit-exceeded", &json!({"limit": "document-bytes"}))?;
    expect_status(&session.delete(PATH)?, 204)
}

fn atomic(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let before = session.put(PATH, br#"{"a":[1,2],"b":{}}"#)?;
    let patch = br#"[{"op":"add","path":"/a/0","value":0},{"op":"remove","path":"/b"},
                     {"op":"test","path":"/a/0","value":1}]"#;
    let members = json!({"operation": 2, "errors": [{"pointer": "/a/0"}]});
    expect_refusal(&session.patch(PATH, patch)?, 409, "test-failed", &members)?;
    let after = session.get(PATH)?;
    expect_document(&after, 200, &before.body)?;
    ensure!(after.header("etag") == before.header("etag"), "the ETag changed");
    expect_status(&session.delete(PATH)?, 204)
}
