//! Which texts are JSON: every corner of RFC 8259's grammar, UTF-8, and the places of faults.

use super::documents::expect_document;
use super::expect::expect_refusal;
use super::session::Session;
use super::{Test, all_hold, run_all};
use crate::Check;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;

const VECTORS: &str = include_str!("../../vectors/json-texts.json");
const PATH: &str = "/v1/documents/check-texts";

const TESTS: [(&str, Test); 5] = [
    ("every valid text is accepted and served in its one form", accepted),
    ("every text that is not JSON is refused, with its position", malformed),
    ("bytes that are not UTF-8 are refused, with their position", not_utf8),
    ("repeated names and halves of surrogate pairs are refused, with their position", not_i_json),
    ("a valid text that is cut off is refused at its end, wherever it is cut", cut_off),
];

pub(super) fn run(address: SocketAddr) -> Vec<Check> {
    run_all(&TESTS, address)
}

#[derive(Deserialize)]
struct Vectors {
    /// Texts that are already in their served form.
    unchanged: Vec<String>,
    /// Texts and their served form.
    served: Vec<(String, String)>,
    /// Texts and the position of their fault.
    malformed: Vec<(String, usize)>,
    /// The same for bytes in hexadecimal.
    not_utf8: Vec<(String, usize)>,
    /// Texts, the rule they break and where.
    not_i_json: Vec<(String, String, usize)>,
}

fn read() -> Result<Vectors> {
    Ok(serde_json::from_str(VECTORS)?)
}

fn accepted(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let vectors = read()?;
    let unchanged = vectors.unchanged.into_iter().map(|text| (text.clone(), text));
    let test = |(text, served): &(String, String)| {
        session.delete(PATH)?;
        expect_document(&session.put(PATH, text.as_bytes())?, 201, served.as_bytes())?;
        expect_document(&session.get(PATH)?, 200, served.as_bytes())?;
        expect_document(&session.put(PATH, served.as_bytes())?, 200, served.as_bytes())
    };
    all_hold(unchanged.chain(vectors.served), test, |(text, _)| text.clone())?;
    session.delete(PATH).map(drop)
}

fn malformed(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let test = |(text, position): &(String, usize)| {
        let members = json!({"position": position});
        expect_refusal(&session.put(PATH, text.as_bytes())?, 400, "malformed-json", &members)
            .context("put")?;
        expect_refusal(&session.canonicalize(text.as_bytes())?, 400, "malformed-json", &members)
            .context("canonicalize")
    };
    all_hold(read()?.malformed, test, |(text, _)| format!("{text:?}"))
}

fn not_utf8(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let test = |(hex, position): &(String, usize)| {
        let response = session.put(PATH, &bytes(hex)?)?;
        expect_refusal(&response, 400, "malformed-json", &json!({"position": position}))
    };
    all_hold(read()?.not_utf8, test, |(hex, _)| hex.clone())
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let pair = |at| hex.get(at..at + 2).context("half a byte");
    (0..hex.len()).step_by(2).map(|at| Ok(u8::from_str_radix(pair(at)?, 16)?)).collect()
}

fn not_i_json(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let test = |(text, rule, position): &(String, String, usize)| {
        let members = json!({"rule": rule, "position": position});
        expect_refusal(&session.put(PATH, text.as_bytes())?, 422, "not-i-json", &members)?;
        expect_refusal(&session.canonicalize(text.as_bytes())?, 422, "not-i-json", &members)
    };
    all_hold(read()?.not_i_json, test, |(text, ..)| text.clone())
}

/// A start of a text that is not one itself has its fault at its end, by what position means.
fn cut_off(address: SocketAddr) -> Result<()> {
    let mut session = Session::open(address)?;
    let text = "{\"a\\u00e9\": [-1.5e+10, true, false, null, \"é😀\\n\\ud83d\\ude00\"], \"\": {}}";
    for end in 0..text.len() {
        let start = text.as_bytes().get(..end).unwrap_or_default();
        let response = session.put(PATH, start)?;
        expect_refusal(&response, 400, "malformed-json", &json!({"position": end}))
            .with_context(|| format!("cut at {end}"))?;
    }
    let response = session.put(PATH, text.as_bytes())?;
    ensure!(response.status == 201, "the whole text is refused");
    session.delete(PATH).map(drop)
}
