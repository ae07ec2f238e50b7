//! The hybrid split: a gateway that asks the token service, both as they are.

use super::forgeries::bad_tokens;
use super::lab::{AUDIENCE, ISSUER, expect_refusal, expect_status, replace, start};
use super::signer::Signer;
use super::upstream::Upstream;
use crate::Check;
use crate::fastjson_api::all_hold;
use crate::http::{Response, exchange, request};
use crate::process::Service;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A change is seen within 500 ms; this is for busy machines.
const SEEN: Duration = Duration::from_secs(10);

struct Lab {
    gateway: Service,
    checker: Service,
    upstream: Upstream,
    signer: Signer,
    folder: TempDir,
}

/// Checks a gateway and a token service together; this starts both from their binaries.
pub fn run(gateway: &Path, token_service: &Path) -> Vec<Check> {
    let lab = match open(gateway, token_service) {
        Ok(lab) => lab,
        Err(error) => return vec![Check::new("gateway and token service start", Err(error))],
    };
    vec![
        Check::new("the token service's subject goes upstream", good(&lab)),
        Check::new("what the token service refuses is 401", bad(&lab)),
        Check::new("a key that the token service takes up is good at once", rotation(&lab)),
        Check::new("without the token service nobody is let in", gone(lab)),
    ]
}

fn open(gateway: &Path, token_service: &Path) -> Result<Lab> {
    let (folder, signer, upstream) = (tempfile::tempdir()?, Signer::new()?, Upstream::start()?);
    let keys = folder.path().join("keys.json");
    fs::write(&keys, signer.jwks(&["ed", "es"])?)?;
    let keys = keys.to_str().context("an odd folder")?;
    let arguments = ["--jwks", keys, "--issuer", ISSUER, "--audience", AUDIENCE];
    let checker = Service::start_silenced(token_service, &arguments)?;
    let table = format!(
        "[upstream.a]\naddresses = [\"{}\"]\n[auth.x]\nverify_url = \"http://{}/v1/verify\"\n\
         [[route]]\nname = \"a\"\npath = \"/\"\nupstream = \"a\"\nauth = \"x\"\n",
        upstream.address, checker.address
    );
    let gateway = start(gateway, folder.path(), &table)?;
    Ok(Lab { gateway, checker, upstream, signer, folder })
}

fn ask(lab: &Lab, token: &str) -> Result<Response> {
    let token = format!("Bearer {token}");
    exchange(lab.gateway.address, &request("GET", "/ok", &[("Authorization", &token)], b""))
}

fn good(lab: &Lab) -> Result<()> {
    for (key, subject) in [("ed", "ann@example"), ("es", "bob")] {
        let answer = ask(lab, &lab.signer.good(key, subject)?)?;
        expect_status(&answer, 200)?;
        let id = answer.header("x-request-id").context("no X-Request-Id")?;
        let asked = lab.upstream.asked_once(id)?;
        ensure!(asked.all("x-auth-subject") == [subject], "{:?}", asked.all("x-auth-subject"));
    }
    Ok(())
}

fn bad(lab: &Lab) -> Result<()> {
    all_hold(
        &bad_tokens(&lab.signer)?,
        |(_, token)| {
            let answer = ask(lab, token)?;
            expect_refusal(&answer, 401, "token-invalid")?;
            let id = answer.header("x-request-id").context("no X-Request-Id")?;
            ensure!(lab.upstream.asked(id).is_empty(), "the upstream was asked");
            Ok(())
        },
        |(what, _)| what.clone(),
    )
}

fn rotation(lab: &Lab) -> Result<()> {
    let next = lab.signer.good("next", "ann")?;
    expect_refusal(&ask(lab, &next)?, 401, "token-invalid")?;
    replace(&lab.folder.path().join("keys.json"), &lab.signer.jwks(&["next"])?)?;
    let start = Instant::now();
    while ask(lab, &next)?.status != 200 {
        ensure!(start.elapsed() < SEEN, "the next key does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
    expect_refusal(&ask(lab, &lab.signer.good("ed", "ann")?)?, 401, "token-invalid")
}

fn gone(lab: Lab) -> Result<()> {
    let Lab { gateway, checker, upstream, signer, folder } = lab;
    let token = format!("Bearer {}", signer.good("next", "ann")?);
    checker.kill()?;
    let fields = [("Authorization", token.as_str()), ("X-Request-Id", "unchecked")];
    let answer = exchange(gateway.address, &request("GET", "/ok", &fields, b""))?;
    expect_refusal(&answer, 503, "token-check-unavailable")?;
    ensure!(upstream.asked("unchecked").is_empty(), "somebody was let in unchecked");
    drop(folder);
    Ok(())
}
