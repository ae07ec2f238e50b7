//! The store's limits, on a service that was started with small ones.

use super::documents::expect_document;
use super::expect::{expect_refusal, expect_status};
use super::session::Session;
use crate::Check;
use anyhow::Result;
use serde_json::json;
use std::net::SocketAddr;

/// Checks a service without documents, started with `--documents-max 3 --documents-bytes-max 100`.
pub fn limits(address: SocketAddr) -> Check {
    Check::new("the store takes what its limits allow, and no more", check(address))
}

fn check(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let path = |id: &str| format!("/v1/documents/{id}");
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
    let full =
        |response, limit| expect_refusal(&response, 507, "store-full", &json!({"limit": limit}));
    for id in ["a", "b", "c"] {
        expect_document(&session.put(&path(id), &text(30))?, 201, &text(30))?;
    }
    full(session.put(&path("d"), &text(2))?, "documents")?;
    // Too many documents is said before too many bytes.
    full(session.put(&path("d"), &text(11))?, "documents")?;
    full(session.put(&path("a"), &text(41))?, "documents-bytes")?;
    expect_document(&session.put(&path("a"), &text(40))?, 200, &text(40))?;
    full(session.merge(&path("b"), &text(31))?, "documents-bytes")?;
    let patch = br#"[{"op":"replace","path":"","value":["xxxxxxxxxxxxxxxxxxxxxxxxxxx"]}]"#;
    full(session.patch(&path("b"), patch)?, "documents-bytes")?;
    expect_document(&session.get(&path("b"))?, 200, &text(30))?;
    expect_document(&session.merge(&path("b"), &text(29))?, 200, &text(29))?;
    expect_document(&session.put(&path("c"), &text(31))?, 200, &text(31))?;
    // A precondition and a patch that does not apply are judged first.
    let none = [("If-None-Match", "*"), ("Content-Type", "application/json")];
    expect_status(&session.send("PUT", &path("a"), &none, &text(50))?, 412)?;
    expect_status(&session.delete(&path("a"))?, 204)?;
    expect_document(&session.put(&path("d"), &text(40))?, 201, &text(40))?;
    for id in ["b", "c", "d"] {
        expect_status(&session.delete(&path(id))?, 204)?;
    }
    Ok(())
}
