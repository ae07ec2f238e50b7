//! Tokens that nobody may take.

use super::lab::ISSUER;
use super::signer::{Signer, claims, encode, head, now};
use anyhow::{Result, bail};
use ring::hmac;
use serde_json::{Value, json};

/// Sets a member of an object, or takes it out with null.
pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.to_owned(), value),
        };
    }
}

/// Every bad token with what is bad about it, against the keys "ed" and "es".
pub(super) fn bad_tokens(signer: &Signer) -> Result<Vec<(String, String)>> {
    Ok([forged(signer)?, wrong_claims(signer)?].concat())
}

fn forged(signer: &Signer) -> Result<Vec<(String, String)>> {
    let good = signer.good("ed", "ann")?;
    let parts: Vec<&str> = good.split('.').collect();
    let [first, payload, signature] = parts.as_slice() else { bail!("not a token") };
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
    Ok(tokens.into_iter().map(|(what, token)| (what.to_owned(), token)).collect())
}

fn wrong_claims(signer: &Signer) -> Result<Vec<(String, String)>> {
    let now = now()?;
    let cases = [
        ("exp", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 300).to_string())),
        ("nbf", json!(now + 120)),
        ("nbf", json!("soon")),
        ("iat", json!(now + 120)),
        ("iss", Value::Null),
        ("iss", json!(format!("{ISSUER}/"))),
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
    let mut tokens = Vec::new();
    for (name, value) in cases {
        let mut claims = claims("ann")?;
        let what = format!("{name} = {value:.60}");
        set(&mut claims, name, value);
        tokens.push((what, signer.sign("ed", &head("ed"), &claims)?));
    }
    let twice = claims("root")?.to_string().replacen('{', "{\"sub\":\"ann\",", 1);
    tokens.push(("sub twice".to_owned(), signer.sign_text("ed", &head("ed").to_string(), &twice)?));
    Ok(tokens)
}
