//! A gateway with its table, its keys and its upstreams, for the checks to try.

use super::signer::Signer;
use super::upstream::Upstream;
use super::verifier;
use crate::http::{Connection, Response, request};
use crate::process::Service;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Timeouts of the table under test; its own are seconds.
pub(super) const HEAD_MS: u64 = 1_500;
pub(super) const CLIENT_IDLE_MS: u64 = 700;
pub(super) const UPSTREAM_HEAD_MS: u64 = 800;
/// Of upstreams that are asked to be slow.
const PATIENT_HEAD_MS: u64 = 3_000;
pub(super) const ROUTE_TIMEOUT_MS: u64 = 300;
pub(super) const BREAKER_OPEN_MS: u64 = 1_500;
pub(super) const BODY_BYTES_MAX: usize = 100_000;
pub(super) const ISSUER: &str = "https://id.example";
pub(super) const AUDIENCE: &str = "orders";

pub(super) struct Lab {
    pub(super) binary: PathBuf,
    pub(super) gateway: Service,
    pub(super) upstream: Upstream,
    pub(super) other: Upstream,
    pub(super) signer: Signer,
    _folder: TempDir,
}

static IDS: AtomicU32 = AtomicU32::new(0);

/// A request id that no other check has.
pub(super) fn new_id() -> String {
    format!("check-{}", IDS.fetch_add(1, Ordering::Relaxed))
}

/// An address where nothing listens.
pub(super) fn dead_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

impl Lab {
    pub(super) fn open(binary: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let signer = Signer::new()?;
        let (upstream, other) = (Upstream::start()?, Upstream::start()?);
        fs::write(folder.path().join("keys.json"), signer.jwks(&["ed", "es"])?)?;
        let dead = dead_address()?;
        let table = table(upstream.address, other.address, dead, verifier::start()?);
        let gateway = start(binary, folder.path(), &table)?;
        Ok(Self { binary: binary.to_owned(), gateway, upstream, other, signer, _folder: folder })
    }

    /// Sends one request with these fields besides, and an id of its own.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(Response, String)> {
        let id = new_id();
        let mut all = vec![("X-Request-Id", id.as_str())];
        all.extend(fields);
        let mut connection = Connection::open(self.gateway.address)?;
        connection.send(&request(method, path, &all, body))?;
        let bodiless = method == "HEAD";
        let response = if bodiless { connection.receive_head() } else { connection.receive() };
        Ok((response?, id))
    }

    pub(super) fn get(&self, path: &str) -> Result<(Response, String)> {
        self.send("GET", path, &[], b"")
    }

    /// The value of a metric by its name and labels as they stand on the page; 0 if it is not there.
    pub(super) fn metric(&self, name: &str) -> Result<f64> {
        metric(self.gateway.address, name)
    }
}

pub(super) fn metric(address: SocketAddr, name: &str) -> Result<f64> {
    let page = crate::http::exchange(address, &request("GET", "/metrics", &[], b""))?;
    let page = String::from_utf8(page.body)?;
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(Ok(0.0), |value| value.parse().context("not a number"))
}

/// Puts another text in the place of a file, in one step.
pub(super) fn replace(file: &Path, text: &str) -> Result<()> {
    let aside = file.with_extension("new");
    fs::write(&aside, text)?;
    Ok(fs::rename(aside, file)?)
}

/// Starts a gateway on a table in a folder.
pub(super) fn start(binary: &Path, folder: &Path, table: &str) -> Result<Service> {
    let file = folder.join("gateway.toml");
    fs::write(&file, table)?;
    let file = file.to_str().context("a temporary folder with an odd name")?;
    Service::start_silenced(binary, &["--config", file])
}

pub(super) fn expect_status(response: &Response, status: u16) -> Result<()> {
    let body = String::from_utf8_lossy(&response.body);
    ensure!(response.status == status, "status {}, not {status}: {body:.300}", response.status);
    Ok(())
}

/// A refusal of the gateway's own, as the contract words it.
pub(super) fn expect_refusal(response: &Response, status: u16, word: &str) -> Result<()> {
    expect_status(response, status)?;
    let media_type = response.header("content-type").unwrap_or_default();
    ensure!(media_type == "application/problem+json", "Content-Type is {media_type}");
    let (body, details) = crate::fastjson_api::without_details(response.json()?);
    let (first, rest) = word.split_at(1);
    let title = first.to_uppercase() + &rest.replace('-', " ");
    let expected = json!({
        "type": format!("urn:problem-type:gateway:{word}"), "title": title, "status": status,
    });
    ensure!(body == expected, "the body is {body}, not {expected}");
    ensure!(details == 1, "there is no detail");
    ensure!(response.header("x-request-id").is_some(), "a refusal without X-Request-Id");
    Ok(())
}

fn table(up: SocketAddr, other: SocketAddr, dead: SocketAddr, verifier: SocketAddr) -> String {
    let mut text = format!(
        r#"
[server]
head_ms = {HEAD_MS}
client_idle_ms = {CLIENT_IDLE_MS}
[auth.local]
jwks_file = "keys.json"
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
leeway_s = 30
[auth.remote]
verify_url = "http://{verifier}/v1/verify"
verify_ms = 500
[auth.nobody]
verify_url = "http://{dead}/v1/verify"
[rate.few]
per_minute = 6
burst = 3
by = "address"
[rate.each]
per_minute = 6
burst = 2
by = "subject"
"#
    );
    let mut upstream = |name: &str, addresses: &[SocketAddr], head_ms: u64, more: &str| {
        let addresses: Vec<String> = addresses.iter().map(|at| format!("\"{at}\"")).collect();
        text += &format!(
            "[upstream.{name}]\naddresses = [{}]\nhead_ms = {head_ms}\n\
             body_idle_ms = {UPSTREAM_HEAD_MS}\nbreaker_open_ms = {BREAKER_OPEN_MS}\n{more}\n",
            addresses.join(", ")
        );
    };
    let sturdy = "breaker_failures = 1000\nretry_percent = 100";
    upstream("plain", &[up], UPSTREAM_HEAD_MS, sturdy);
    upstream("other", &[other], UPSTREAM_HEAD_MS, sturdy);
    upstream("dead", &[dead], UPSTREAM_HEAD_MS, sturdy);
    upstream("moved", &[dead, up], UPSTREAM_HEAD_MS, sturdy);
    upstream("lonely", &[up], PATIENT_HEAD_MS, "");
    upstream("fragile", &[up], PATIENT_HEAD_MS, "breaker_failures = 3");
    upstream("thrifty", &[up], UPSTREAM_HEAD_MS, "breaker_failures = 1000\nretry_percent = 0");
    upstream("narrow", &[up], PATIENT_HEAD_MS, "in_flight_max = 2");
    let mut route = |name: &str, path: &str, upstream: &str, more: &str| {
        text += &format!(
            "[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"{upstream}\"\n{more}\n"
        );
    };
    let limit = format!("body_bytes_max = {BODY_BYTES_MAX}\nattempts = 1");
    route("plain", "/plain", "plain", &limit);
    route("deeper", "/plain/deeper", "other", "");
    route("hosted", "/plain", "other", "host = \"Api.Example\"");
    route("reads", "/methods", "plain", "methods = [\"GET\", \"HEAD\"]");
    route("writes", "/methods", "other", "methods = [\"POST\"]");
    route("twice", "/twice", "plain", "attempts = 2");
    route("hedged", "/hedged", "plain", "attempts = 2\nhedge_ms = 300");
    route("short", "/short", "plain", &format!("timeout_ms = {ROUTE_TIMEOUT_MS}\nattempts = 1"));
    for name in ["dead", "moved", "lonely", "fragile", "thrifty", "narrow"] {
        let attempts = if name == "fragile" { "attempts = 1" } else { "attempts = 2" };
        route(name, &format!("/{name}"), name, attempts);
    }
    route("local", "/local", "plain", "auth = \"local\"");
    route("remote", "/remote", "plain", "auth = \"remote\"");
    route("nobody", "/nobody", "plain", "auth = \"nobody\"");
    route("few", "/few", "plain", "rate = \"few\"");
    route("each", "/each", "plain", "auth = \"local\"\nrate = \"each\"");
    text
}
