//! Who a request comes from.

use super::Test;
use super::forgeries::{bad_tokens, set};
use super::lab::{Lab, expect_refusal, expect_status};
use super::signer::{claims, head, now};
use crate::fastjson_api::all_hold;
use crate::http::Response;
use anyhow::{Result, ensure};
use serde_json::json;

pub(super) const TESTS: &[(&str, Test)] = &[
    ("good tokens of both kinds are let in, and the subject goes on", good),
    ("without one token of the right scheme it is 401", missing),
    ("forged and confused tokens, and claims that do not hold, are 401", bad),
    ("clock skew is forgiven as far as the table says", leeway),
    ("a service may check, and lets nobody in when it fails", remote),
];

fn ask(lab: &Lab, path: &str, token: &str) -> Result<(Response, String)> {
    lab.send("GET", path, &[("Authorization", &format!("Bearer {token}"))], b"")
}

fn expect_invalid(lab: &Lab, token: &str) -> Result<()> {
    let (answer, id) = ask(lab, "/local/ok", token)?;
    expect_refusal(&answer, 401, "token-invalid")?;
    let challenge = answer.header("www-authenticate");
    ensure!(challenge == Some("Bearer error=\"invalid_token\""), "{challenge:?}");
    ensure!(lab.upstream.asked(&id).is_empty(), "the upstream was asked");
    Ok(())
}

fn good(lab: &Lab) -> Result<()> {
    for key in ["ed", "es"] {
        let token = lab.signer.good(key, "ann@example")?;
        for scheme in ["Bearer", "bearer"] {
            let value = format!("{scheme} {token}");
            let fields = [("Authorization", value.as_str()), ("X-Auth-Subject", "root")];
            let (answer, id) = lab.send("GET", "/local/ok", &fields, b"")?;
            expect_status(&answer, 200)?;
            let asked = lab.upstream.asked_once(&id)?;
            ensure!(asked.all("x-auth-subject") == ["ann@example"], "{asked:?}");
            ensure!(asked.all("authorization") == [value.as_str()], "{asked:?}");
        }
    }
    let mut list = claims("ann")?;
    set(&mut list, "aud", json!(["other", super::lab::AUDIENCE]));
    expect_status(&ask(lab, "/local/ok", &lab.signer.sign("ed", &head("ed"), &list)?)?.0, 200)
}

fn missing(lab: &Lab) -> Result<()> {
    let token = lab.signer.good("ed", "ann")?;
    let bearer = format!("Bearer {token}");
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("Authorization", "")],
        &[("Authorization", "Bearer")],
        &[("Authorization", &token)],
        &[("Authorization", "Basic eA==")],
        &[("Authorization", &bearer), ("Authorization", &bearer)],
        &[("X-Authorization", &bearer), ("Cookie", &token)],
    ];
    for fields in cases {
        let (answer, _) = lab.send("GET", "/local/ok", fields, b"")?;
        expect_refusal(&answer, 401, "token-missing")?;
        ensure!(answer.header("www-authenticate") == Some("Bearer"), "{fields:?}");
    }
    Ok(())
}

fn bad(lab: &Lab) -> Result<()> {
    let tokens = bad_tokens(&lab.signer)?;
    all_hold(&tokens, |(_, token)| expect_invalid(lab, token), |(what, _)| what.clone())?;
    expect_status(&ask(lab, "/local/ok", &lab.signer.good("ed", "ann")?)?.0, 200)
}

fn leeway(lab: &Lab) -> Result<()> {
    for (name, offset) in [("exp", -20), ("nbf", 20), ("iat", 20)] {
        let mut claims = claims("ann")?;
        set(&mut claims, name, json!(now()? + offset));
        let token = lab.signer.sign("es", &head("es"), &claims)?;
        expect_status(&ask(lab, "/local/ok", &token)?.0, 200)?;
    }
    Ok(())
}

fn remote(lab: &Lab) -> Result<()> {
    let (answer, id) = ask(lab, "/remote/ok", "good")?;
    expect_status(&answer, 200)?;
    ensure!(lab.upstream.asked_once(&id)?.all("x-auth-subject") == ["ann"], "another subject");
    expect_refusal(&ask(lab, "/remote/ok", "bad")?.0, 401, "token-invalid")?;
    expect_refusal(&lab.get("/remote/ok")?.0, 401, "token-missing")?;
    let failing = ["error", "elsewhere", "no-subject", "odd-subject", "not-json", "long", "stall"];
    let unchecked = |path: &str, token: &str| {
        let (answer, id) = ask(lab, path, token)?;
        expect_refusal(&answer, 503, "token-check-unavailable")?;
        ensure!(lab.upstream.asked(&id).is_empty(), "somebody was let in unchecked");
        Ok(())
    };
    all_hold(failing, |token| unchecked("/remote/ok", token), |token| (*token).to_owned())?;
    unchecked("/nobody/ok", "good")
}
