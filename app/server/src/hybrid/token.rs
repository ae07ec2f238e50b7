//! A key pair made for the occasion, and a token that it signed (RFC 7515, 7519, 8037).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::json;

const LIFE: SignedDuration = SignedDuration::from_hours(24);

pub(super) struct Identity {
    /// The public key.
    pub(super) jwks: String,
    pub(super) token: String,
}

pub(super) fn make(issuer: &str, audience: &str, now: Timestamp) -> Result<Identity, String> {
    let fault = |_| "no key could be made".to_owned();
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(fault)?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref())
        .map_err(|error| format!("no key could be made: {error}"))?;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let head = json!({"alg": "EdDSA", "typ": "JWT", "kid": "demo"}).to_string();
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "demo",
        "iat": now.as_second(), "exp": (now + LIFE).as_second(),
    });
    let signed = format!("{}.{}", encode(head.as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(pair.sign(signed.as_bytes()).as_ref());
    let x = encode(pair.public_key().as_ref());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "demo", "use": "sig", "x": x});
    Ok(Identity {
        jwks: json!({ "keys": [key] }).to_string(),
        token: format!("{signed}.{signature}"),
    })
}
