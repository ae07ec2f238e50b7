//! The contract of the token service, and the Go gateway's way of asking it.

use super::forgeries::bad_tokens;
use super::lab::{AUDIENCE, ISSUER, expect_status, replace};
use super::signer::Signer;
use crate::Check;
use crate::fastjson_api::all_hold;
use crate::http::{Connection, Response, exchange, request};
use crate::process::Service;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SEEN: Duration = Duration::from_secs(10);

struct Lab {
    service: Service,
    signer: Signer,
    folder: TempDir,
}

type Test = fn(&Lab) -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("good tokens of both kinds have their subject", good),
    ("bad tokens are 401, whatever is bad about them", bad),
    ("questions of another shape are refused", questions),
    ("health and metrics are there", own_paths),
    ("keys are rotated by their file, a faulty one is left aside", rotation),
];

/// Runs every check on a token service that this starts from its binary.
pub fn run(binary: &Path) -> Vec<Check> {
    let mut checks = vec![Check::new("wrong arguments exit 2", arguments(binary))];
    match open(binary) {
        Err(error) => checks.push(Check::new("the token service starts", Err(error))),
        Ok(mut lab) => {
            checks.extend(TESTS.iter().map(|(name, test)| Check::new(*name, test(&lab))));
            checks.push(Check::new("SIGTERM stops it cleanly", stops(&mut lab.service)));
        }
    }
    checks
}

fn open(binary: &Path) -> Result<Lab> {
    let (folder, signer) = (tempfile::tempdir()?, Signer::new()?);
    let keys = folder.path().join("keys.json");
    fs::write(&keys, signer.jwks(&["ed", "es"])?)?;
    let keys = keys.to_str().context("an odd folder")?;
    let arguments = ["--jwks", keys, "--issuer", ISSUER, "--audience", AUDIENCE];
    let service = Service::start_silenced(binary, &arguments)?;
    Ok(Lab { service, signer, folder })
}

fn ask(lab: &Lab, question: &Value) -> Result<Response> {
    let fields = [("Content-Type", "application/json")];
    let text = question.to_string();
    exchange(lab.service.address, &request("POST", "/v1/verify", &fields, text.as_bytes()))
}

fn good(lab: &Lab) -> Result<()> {
    for key in ["ed", "es"] {
        let answer = ask(lab, &json!({"token": lab.signer.good(key, "ann@example")?}))?;
        expect_status(&answer, 200)?;
        ensure!(answer.header("content-type") == Some("application/json"), "not JSON");
        ensure!(answer.json()? == json!({"subject": "ann@example"}), "{:?}", answer.json()?);
    }
    Ok(())
}

fn expect_invalid(answer: &Response) -> Result<()> {
    expect_status(answer, 401)?;
    let body = answer.json()?;
    let kind = body.get("type").and_then(Value::as_str);
    ensure!(kind == Some("urn:problem-type:gateway:token-invalid"), "{body}");
    let challenge = answer.header("www-authenticate");
    ensure!(challenge == Some("Bearer error=\"invalid_token\""), "{challenge:?}");
    Ok(())
}

fn bad(lab: &Lab) -> Result<()> {
    let tokens = bad_tokens(&lab.signer)?;
    let test = |token: &str| expect_invalid(&ask(lab, &json!({ "token": token }))?);
    all_hold(&tokens, |(_, token)| test(token), |(what, _)| what.clone())?;
    test("")
}

fn questions(lab: &Lab) -> Result<()> {
    let shapes = [
        "",
        "[]",
        "{}",
        "{\"token\":1}",
        "{\"token\":\"\",\"x\":1}",
        "{\"token\":\"a\",\"token\":\"b\"}",
    ];
    let fields = [("Content-Type", "application/json")];
    for shape in shapes {
        let text = request("POST", "/v1/verify", &fields, shape.as_bytes());
        expect_status(&exchange(lab.service.address, &text)?, 400).context(shape)?;
    }
    let long = json!({"token": "x".repeat(20_000)});
    expect_status(&ask(lab, &long)?, 413)?;
    for (method, path, fields, status) in [
        ("POST", "/v1/verify", &[][..], 415),
        ("GET", "/v1/verify", &fields[..], 405),
        ("POST", "/v1/other", &fields[..], 404),
        ("POST", "/healthz", &fields[..], 405),
    ] {
        let answer = exchange(lab.service.address, &request(method, path, fields, b"{}"))?;
        expect_status(&answer, status).context(path)?;
    }
    Ok(())
}

fn page(lab: &Lab) -> Result<String> {
    let page = exchange(lab.service.address, &request("GET", "/metrics", &[], b""))?;
    Ok(String::from_utf8(page.body)?)
}

fn own_paths(lab: &Lab) -> Result<()> {
    let answer = exchange(lab.service.address, &request("GET", "/healthz", &[], b""))?;
    ensure!(answer.body == b"ok\n", "{:?}", answer.body);
    let page = page(lab)?;
    for line in ["# TYPE token_checks_total counter", "# TYPE token_reloads_total counter"] {
        ensure!(page.lines().any(|other| other == line), "there is no {line}");
    }
    Ok(())
}

fn rotation(lab: &Lab) -> Result<()> {
    let keys = lab.folder.path().join("keys.json");
    let status = |key: &str| {
        let token = lab.signer.good(key, "ann")?;
        Ok::<_, anyhow::Error>(ask(lab, &json!({ "token": token }))?.status)
    };
    let wait_for = |what: &str, done: &dyn Fn() -> Result<bool>| {
        let start = Instant::now();
        while !done()? {
            ensure!(start.elapsed() < SEEN, "{what} does not come");
            sleep(Duration::from_millis(20));
        }
        Ok(())
    };
    replace(&keys, "{}")?;
    let refused = "token_reloads_total{result=\"refused\"} 1";
    wait_for("the refusal", &|| Ok(page(lab)?.lines().any(|line| line == refused)))?;
    ensure!(status("ed")? == 200, "a faulty file took the keys away");
    replace(&keys, &lab.signer.jwks(&["next"])?)?;
    wait_for("the next key", &|| Ok(status("next")? == 200))?;
    ensure!(status("ed")? == 401, "the old key is still good");
    Ok(())
}

fn stops(service: &mut Service) -> Result<()> {
    let mut idle = Connection::open(service.address)?;
    idle.send(&request("GET", "/healthz", &[], b""))?;
    idle.receive()?;
    service.terminate()?;
    idle.expect_closed()?;
    let status = service.wait()?;
    ensure!(status.success(), "{status}");
    Ok(())
}

fn arguments(binary: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("keys.json");
    fs::write(&keys, Signer::new()?.jwks(&["ed"])?)?;
    let keys = keys.to_str().context("an odd folder")?;
    let whole = ["--listen", "127.0.0.1:0", "--jwks", keys, "--issuer", "i", "--audience", "a"];
    let without = |at: usize| {
        let others = whole.iter().enumerate().filter(|(place, _)| place / 2 != at);
        others.map(|(_, argument)| *argument).collect::<Vec<_>>()
    };
    for arguments in [
        without(0),
        without(1),
        without(2),
        without(3),
        [&whole[..], &["--threads", "0"]].concat(),
        [&whole[..], &["--leeway-s", "301"]].concat(),
        [&whole[..], &["--verbose", "1"]].concat(),
    ] {
        let output = Command::new(binary).args(&arguments).output()?;
        ensure!(output.status.code() == Some(2), "{arguments:?}: {}", output.status);
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(message.contains("usage"), "{arguments:?}: {message}");
    }
    fs::write(keys, "{}")?;
    let output = Command::new(binary).args(whole).output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2) && message.contains(keys), "no keys: {message}");
    Ok(())
}
