//! The same random documents, patches and texts to both twins of fastjson-api.

use crate::Check;
use crate::fastjson_api::{Session, without_details};
use crate::http::Response;
use crate::random::Random;
use crate::random_json::{damaged_text, json_patch, merge_patch, text};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const PATHS: [&str; 2] = ["/v1/documents/random-1", "/v1/documents/random-2"];
const JSON: &str = "application/json";
/// Every status the dynamic path has beside those of bodies that do not arrive.
const STATUSES: [u16; 12] = [200, 201, 204, 304, 400, 404, 405, 409, 412, 413, 415, 422];

/// Sends `requests` seeded requests to two twins and compares statuses, headers and bodies, byte
/// by byte where they are documents, free text aside where they are refusals.
pub fn run(one: SocketAddr, other: SocketAddr, seed: u64, requests: usize) -> Check {
    let name = format!("{requests} random document requests of seed {seed} are answered alike");
    Check::new(name, compare_all(one, other, seed, requests))
}

fn compare_all(one: SocketAddr, other: SocketAddr, seed: u64, requests: usize) -> Result<()> {
    let mut random = Random::new(seed);
    let mut one = Session::open(one)?;
    let mut other = Session::open(other)?;
    let mut statuses = BTreeMap::new();
    let mut tags = Vec::new();
    for path in PATHS {
        one.delete(path)?;
        other.delete(path)?;
    }
    for n in 0..requests {
        let request = Request::random(&mut random, &tags);
        let context = || format!("request {n}: {request:?}");
        let left = request.send(&mut one).context("the first twin").with_context(context)?;
        let right = request.send(&mut other).context("the second twin").with_context(context)?;
        compare(&left, &right).with_context(context)?;
        *statuses.entry(left.status).or_insert(0_usize) += 1;
        if let Some(tag) = left.header("etag") {
            tags = vec![tag.to_owned(), format!("W/{tag}"), "\"other\"".into(), "*".into()];
        }
    }
    for path in PATHS {
        ensure!(one.delete(path)?.status == other.delete(path)?.status, "{path} is in one only");
    }
    // A generator that no longer reaches an outcome would let everything pass.
    for status in STATUSES {
        ensure!(statuses.contains_key(&status), "nothing led to {status}: {statuses:?}");
    }
    Ok(())
}

struct Request {
    method: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN_MAX: usize = 500;
        let body = String::from_utf8_lossy(&self.body);
        let Self { method, path, headers, .. } = self;
        let shown: String = body.chars().take(SHOWN_MAX).collect();
        write!(out, "{method} {path} {headers:?} {} bytes {shown:?}", self.body.len())
    }
}

impl Request {
    fn random(random: &mut Random, tags: &[String]) -> Self {
        let path = random.pick(&PATHS).unwrap_or_default();
        let (method, path, media_type, mut body) = match random.below(100) {
            0..15 => ("GET", path, "", Vec::new()),
            15..18 => ("DELETE", path, "", Vec::new()),
            18..40 => ("PUT", path, JSON, text(random)),
            40..55 => ("PATCH", path, "application/merge-patch+json", merge_patch(random)),
            55..85 => ("PATCH", path, "application/json-patch+json", json_patch(random)),
            85..98 => ("POST", "/v1/canonicalize", JSON, text(random)),
            98 => ("POST", path, JSON, Vec::new()),
            _ => ("PUT", path, JSON, vec![b' '; 256 * 1024 + random.below(2)]),
        };
        if random.one_in(4) && body.len() < 10_000 {
            body = damaged_text(body, random);
        }
        // A refusal that leaves much of a body unread costs the connection in one twin only, as the
        // contract allows.
        let small = body.len() < 10_000;
        let media_type = if small && random.one_in(50) { "text/plain" } else { media_type };
        let mut headers = vec![("Content-Type", media_type.to_owned())];
        for name in ["If-Match", "If-None-Match"] {
            if random.one_in(6) {
                headers.extend(tags.get(random.below(4)).map(|tag| (name, tag.clone())));
            }
        }
        Self { method, path, headers, body }
    }

    fn send(&self, session: &mut Session) -> Result<Response> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, &**value)).collect();
        session.send(self.method, self.path, &headers, &self.body)
    }
}

fn compare(left: &Response, right: &Response) -> Result<()> {
    ensure!(left.status == right.status, "status {} and {}", left.status, right.status);
    for header in ["content-type", "connection", "etag", "accept-patch"] {
        let (a, b) = (left.header(header), right.header(header));
        ensure!(a == b, "{header} {a:?} and {b:?}");
    }
    if left.header("content-type") == Some("application/problem+json") {
        let (left, right) = (without_details(left.json()?), without_details(right.json()?));
        ensure!(left == right, "{} and {}", left.0, right.0);
        return Ok(());
    }
    let text = |response: &Response| String::from_utf8_lossy(&response.body).into_owned();
    ensure!(left.body == right.body, "the bodies {:.500} and {:.500}", text(left), text(right));
    Ok(())
}
