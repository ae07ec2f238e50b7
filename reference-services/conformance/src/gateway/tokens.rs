//! Who a request comes from.

use super::Test;
use super::lab::{Lab, expect_refusal, expect_status};
use super::signer::{claims, encode, head, now};
use crate::fastjson_api::all_hold;
use crate::http::Response;
use anyhow::{Result, ensure};
use ring::hmac;
use serde_json::{Value, json};

pub(super) const TESTS: &[(&str, Test)] = &[
    ("good tokens of both kinds are let in, and the subject goes on", good),
    ("without one token of the right scheme it is 401", missing),
    ("forged and confused tokens are 401", forged),
    ("claims that do not hold are 401", wrong_claims),
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

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.to_owned(), value),
        };
    }
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

fn forged(lab: &Lab) -> Result<()> {
    let signer = &lab.signer;
    let good = signer.good("ed", "ann")?;
    let parts: Vec<&str> = good.split('.').collect();
    let [first, payload, signature] = parts.as_slice() else { anyhow::bail!("not a token") };
    let root = encode(claims("root")?.to_string().as_bytes());
    let none = encode(br#"{"alg":"none","kid":"ed"}"#);
    let hmac_head = encode(br#"{"alg":"HS256","kid":"ed"}"#);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, signer.public_bytes());
    let tag = hmac::sign(&secret, format!("{hmac_head}.{payload}").as_bytes());
    let of = |key: &str, head: Value| signer.sign(key, &head, &claims("ann")?);
    let jwk: Value = serde_json::from_str(&signer.jwks(&["next"])?)?;
    let jwk = jwk.pointer("/keys/0").cloned().unwrap_or_default();
    let tokens = [
        ("another payload", format!("{first}.{root}.{signature}")),
        ("no signature", format!("{first}.{payload}.")),
        ("zeros", format!("{first}.{payload}.{}", encode(&[0; 64]))),
        ("alg none", format!("{none}.{payload}.")),
        ("alg none, signed", of("ed", json!({"alg": "none", "kid": "ed"}))?),
        ("HMAC with the public key", format!("{hmac_head}.{payload}.{}", encode(tag.as_ref()))),
        ("ES256 by an Ed25519 key", of("ed", json!({"alg": "ES256", "kid": "ed"}))?),
        ("EdDSA named, P-256 key", of("es", json!({"alg": "EdDSA", "kid": "es"}))?),
        ("the other key's kid", of("ed", json!({"alg": "EdDSA", "kid": "es"}))?),
        ("an unknown kid", of("next", json!({"alg": "EdDSA", "kid": "next"}))?),
        ("no kid, two keys", of("ed", json!({"alg": "EdDSA"}))?),
        ("a kid that is no text", of("ed", json!({"alg": "EdDSA", "kid": 1}))?),
        ("its own key", of("next", json!({"alg": "EdDSA", "kid": "ed", "jwk": jwk}))?),
        ("crit", of("ed", json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"], "exp": 1}))?),
        ("b64", of("ed", json!({"alg": "EdDSA", "kid": "ed", "b64": false, "crit": ["b64"]}))?),
        ("no alg", of("ed", json!({"kid": "ed"}))?),
        ("four parts", format!("{good}.x")),
        ("padding", format!("{good}=")),
        ("standard base64", good.replacen('.', "+.", 1)),
        ("not base64", "a.b.c".to_owned()),
        ("JSON", json!({"payload": payload, "signature": signature}).to_string()),
        ("too long", format!("{first}.{}.{signature}", "A".repeat(9_000))),
    ];
    all_hold(&tokens, |(_, token)| expect_invalid(lab, token), |(name, _)| (*name).to_owned())?;
    expect_status(&ask(lab, "/local/ok", &good)?.0, 200)
}

fn wrong_claims(lab: &Lab) -> Result<()> {
    let now = now()?;
    let cases = [
        ("exp", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 300).to_string())),
        ("nbf", json!(now + 120)),
        ("nbf", json!("soon")),
        ("iat", json!(now + 120)),
        ("iss", Value::Null),
        ("iss", json!("https://id.example/")),
        ("aud", Value::Null),
        ("aud", json!("order")),
        ("aud", json!(["orders2"])),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a b")),
        ("sub", json!("a\r\nX-Admin: 1")),
        ("sub", json!("\u{e4}")),
        ("sub", json!("x".repeat(256))),
    ];
    all_hold(
        &cases,
        |(name, value)| {
            let mut claims = claims("ann")?;
            set(&mut claims, name, value.clone());
            expect_invalid(lab, &lab.signer.sign("ed", &head("ed"), &claims)?)
        },
        |(name, value)| format!("{name} = {value:.60}"),
    )?;
    let twice = claims("root")?.to_string().replacen('{', "{\"sub\":\"ann\",", 1);
    expect_invalid(lab, &lab.signer.sign_text("ed", &head("ed").to_string(), &twice)?)
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
