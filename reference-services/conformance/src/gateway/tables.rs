//! Reading the table, reading it again, and stopping. These checks start gateways of their own.

use super::Test;
use super::lab::{
    AUDIENCE, ISSUER, Lab, expect_refusal, expect_status, metric, new_id, replace, start,
};
use crate::http::{Connection, exchange, request};
use crate::process::Service;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("wrong arguments exit 2 with the usage, a port in use exits 1", arguments),
    ("a faulty table exits 2 and says where and what", faulty_tables),
    ("a changed table holds for what comes next", reload),
    ("a faulty change is left aside and counted", faulty_reload),
    ("SIGHUP reads the table at once", hangup),
    ("keys are rotated by their file", rotation),
    ("requests beyond the gateway's limit are shed", whole_limit),
    ("SIGTERM lets requests finish and ends idle connections", drain),
];

/// A change is seen within 500 ms; this is for busy machines.
const SEEN: Duration = Duration::from_secs(10);

fn table(lab: &Lab, path: &str) -> String {
    format!(
        "[upstream.a]\naddresses = [\"{}\"]\n[[route]]\nname = \"a\"\npath = \"{path}\"\n\
         upstream = \"a\"\n",
        lab.upstream.address
    )
}

fn status(gateway: &Service, path: &str) -> Result<u16> {
    Ok(exchange(gateway.address, &request("GET", path, &[], b""))?.status)
}

fn wait_for(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        ensure!(start.elapsed() < SEEN, "{what} does not come");
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The exit code and what was said on stderr.
fn fails(binary: &Path, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let output = Command::new(binary).args(arguments).output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn arguments(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gateway.toml");
    fs::write(&file, table(lab, "/"))?;
    let file = file.to_str().context("an odd folder")?;
    let listen = ["--listen", "127.0.0.1:0"];
    for arguments in [
        &[][..],
        &listen,
        &["--config", file],
        &[&listen[..], &["--config", file, "--threads", "0"]].concat(),
        &[&listen[..], &["--config", file, "--threads", "1025"]].concat(),
        &[&listen[..], &["--config", file, "--verbose"]].concat(),
        &[&listen[..], &["--config", file, "more"]].concat(),
    ] {
        let (code, message) = fails(&lab.binary, arguments)?;
        ensure!(code == Some(2), "{arguments:?} exits {code:?}");
        ensure!(message.to_lowercase().contains("usage"), "{arguments:?}: {message}");
    }
    let taken = lab.upstream.address.to_string();
    let (code, message) = fails(&lab.binary, &["--listen", &taken, "--config", file])?;
    ensure!(code == Some(1) && message.contains(&taken), "a port in use: {code:?} {message}");
    Ok(())
}

fn faulty_tables(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gateway.toml");
    let name = file.to_str().context("an odd folder")?;
    let plain = table(lab, "/");
    fs::write(folder.path().join("oct.json"), r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#)?;
    let auth = "\n[auth.x]\nissuer = \"i\"\naudience = \"a\"\njwks_file = ";
    let cases = [
        (plain.replace("path = \"/\"", "path = \"x\""), "5:1", "prefix"),
        (plain.replace("upstream = \"a\"", "upstream = \"b\""), "6:1", "upstream.b"),
        (format!("{plain}attempts = 9\n"), "7:1", "1 to 4"),
        (format!("{plain}  atempts = 1\n"), "7:3", "atempts"),
        (format!("{plain}attempts = \"1\"\n"), "7:12", ""),
        (format!("{plain}attempts = \n"), "7:12", ""),
        (format!("{plain}auth = \"x\"\n"), "7:1", "auth.x"),
        (plain.replace("127.0.0.1", "localhost"), "2:1", "localhost"),
        (format!("{plain}{auth}\"none.json\""), "11:1", "none.json"),
        (format!("{plain}{auth}\"oct.json\""), "11:1", "oct.json"),
    ];
    for (text, at, what) in cases {
        fs::write(&file, &text)?;
        let (code, message) = fails(&lab.binary, &["--listen", "127.0.0.1:0", "--config", name])?;
        ensure!(code == Some(2), "exit {code:?} for {text}");
        let right = message.contains(&format!("{name}:{at}: ")) && message.contains(what);
        ensure!(right && message.lines().count() == 1, "not at {at} with {what:?}: {message}");
    }
    let (code, message) = fails(&lab.binary, &["--listen", "127.0.0.1:0", "--config", "/none"])?;
    ensure!(code == Some(2) && message.contains("/none"), "no file: {code:?} {message}");
    Ok(())
}

fn reload(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = start(&lab.binary, folder.path(), &table(lab, "/old"))?;
    let mut open = Connection::open(gateway.address)?;
    let id = new_id();
    open.send(&request("GET", "/old/slow", &[("X-Request-Id", &id)], b""))?;
    lab.upstream.wait_for(&id)?;
    replace(&folder.path().join("gateway.toml"), &table(lab, "/new"))?;
    wait_for("the new route", || Ok(status(&gateway, "/new/ok")? == 200))?;
    ensure!(status(&gateway, "/old/ok")? == 404, "the old route is still there");
    expect_status(&open.receive()?, 200).context("a request in flight")?;
    // The connection outlives its table.
    open.send(&request("GET", "/new/ok", &[], b""))?;
    expect_status(&open.receive()?, 200)?;
    let loaded = metric(gateway.address, "gateway_reloads_total{result=\"loaded\"}")?;
    ensure!(loaded == 1.0, "{loaded} reloads are counted");
    Ok(())
}

fn faulty_reload(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = start(&lab.binary, folder.path(), &table(lab, "/old"))?;
    let refused = "gateway_reloads_total{result=\"refused\"}";
    for (n, text) in ["", "[[route]", "nonsense = 1"].into_iter().enumerate() {
        replace(&folder.path().join("gateway.toml"), text)?;
        wait_for("the count", || Ok(metric(gateway.address, refused)? == (n + 1) as f64))?;
        ensure!(status(&gateway, "/old/ok")? == 200, "{text:?} took the table away");
    }
    replace(&folder.path().join("gateway.toml"), &table(lab, "/new"))?;
    wait_for("the new route", || Ok(status(&gateway, "/new/ok")? == 200))
}

fn hangup(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = start(&lab.binary, folder.path(), &table(lab, "/"))?;
    gateway.hang_up()?;
    let loaded = "gateway_reloads_total{result=\"loaded\"}";
    wait_for("the reload", || Ok(metric(gateway.address, loaded)? == 1.0))?;
    ensure!(status(&gateway, "/ok")? == 200, "the table is gone");
    Ok(())
}

fn rotation(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("keys.json");
    fs::write(&keys, lab.signer.jwks(&["ed"])?)?;
    let auth = format!(
        "auth = \"x\"\n[auth.x]\njwks_file = \"keys.json\"\nissuer = \"{ISSUER}\"\n\
         audience = \"{AUDIENCE}\"\n"
    );
    let gateway = start(&lab.binary, folder.path(), &(table(lab, "/") + &auth))?;
    let ask = |token: &str| {
        let token = format!("Bearer {token}");
        exchange(gateway.address, &request("GET", "/ok", &[("Authorization", &token)], b""))
    };
    let (old, next) = (lab.signer.good("ed", "ann")?, lab.signer.good("next", "ann")?);
    let head = serde_json::json!({"alg": "EdDSA"});
    let nameless = lab.signer.sign("ed", &head, &super::signer::claims("ann")?)?;
    expect_status(&ask(&old)?, 200)?;
    expect_status(&ask(&nameless)?, 200).context("no kid, one key")?;
    expect_refusal(&ask(&next)?, 401, "token-invalid")?;
    replace(&keys, &lab.signer.jwks(&["ed", "next"])?)?;
    wait_for("the next key", || Ok(ask(&next)?.status == 200))?;
    expect_status(&ask(&old)?, 200)?;
    replace(&keys, "{}")?;
    let refused = "gateway_reloads_total{result=\"refused\"}";
    wait_for("the refusal", || Ok(metric(gateway.address, refused)? == 1.0))?;
    expect_status(&ask(&next)?, 200).context("after a faulty key file")?;
    replace(&keys, &lab.signer.jwks(&["next"])?)?;
    wait_for("the old key's end", || Ok(ask(&old)?.status == 401))?;
    expect_status(&ask(&next)?, 200)
}

fn whole_limit(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = table(lab, "/") + "[server]\nin_flight_max = 1\n";
    let gateway = start(&lab.binary, folder.path(), &text)?;
    let mut slow = Connection::open(gateway.address)?;
    let id = new_id();
    slow.send(&request("GET", "/slow", &[("X-Request-Id", &id)], b""))?;
    lab.upstream.wait_for(&id)?;
    let answer = exchange(gateway.address, &request("GET", "/ok", &[], b""))?;
    expect_refusal(&answer, 503, "overloaded")?;
    ensure!(answer.header("retry-after") == Some("1"), "{:?}", answer.header("retry-after"));
    ensure!(status(&gateway, "/healthz")? == 200, "the gateway's own paths are shed");
    expect_status(&slow.receive()?, 200)?;
    ensure!(status(&gateway, "/ok")? == 200, "the place is not free again");
    Ok(())
}

fn drain(lab: &Lab) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut gateway = start(&lab.binary, folder.path(), &table(lab, "/"))?;
    let mut idle = Connection::open(gateway.address)?;
    idle.send(&request("GET", "/ok", &[], b""))?;
    expect_status(&idle.receive()?, 200)?;
    let mut busy = Connection::open(gateway.address)?;
    let id = new_id();
    busy.send(&request("GET", "/slow", &[("X-Request-Id", &id)], b""))?;
    lab.upstream.wait_for(&id)?;
    gateway.terminate()?;
    idle.expect_closed().context("the idle connection")?;
    ensure!(TcpStream::connect(gateway.address).is_err(), "still accepting");
    expect_status(&busy.receive()?, 200).context("the request in flight")?;
    let status = gateway.wait()?;
    ensure!(status.success(), "{status}");
    Ok(())
}
