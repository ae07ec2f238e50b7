//! Signs tokens, good and bad ones.

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) struct Signer {
    ed25519: Ed25519KeyPair,
    /// Of the key "next", which a rotation brings.
    next: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    random: SystemRandom,
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since 1970.
pub(super) fn now() -> Result<i64> {
    #[expect(clippy::disallowed_methods, reason = "tokens are good or bad by the clock")]
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

impl Signer {
    pub(super) fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let ed = |seed: u8| {
            Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).map_err(|error| anyhow!("{error}"))
        };
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| anyhow!("no key"))?;
        let p256 =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
                .map_err(|error| anyhow!("{error}"))?;
        Ok(Self { ed25519: ed(1)?, next: ed(2)?, p256, random })
    }

    /// The public keys of these ids.
    pub(super) fn jwks(&self, ids: &[&str]) -> Result<String> {
        let keys: Result<Vec<Value>> = ids.iter().map(|id| self.jwk(id)).collect();
        Ok(json!({ "keys": keys? }).to_string())
    }

    fn jwk(&self, id: &str) -> Result<Value> {
        let okp = |key: &Ed25519KeyPair| {
            let x = encode(key.public_key().as_ref());
            json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x, "use": "sig"})
        };
        Ok(match id {
            "ed" => okp(&self.ed25519),
            "next" => okp(&self.next),
            _ => {
                // An uncompressed point: 4, x, y.
                let point = self.p256.public_key().as_ref();
                let x = encode(point.get(1..33).context("a short point")?);
                let y = encode(point.get(33..65).context("a short point")?);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y, "alg": "ES256"})
            }
        })
    }

    /// What an `HS256` forger would take for the secret: the public key's bytes.
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.ed25519.public_key().as_ref()
    }

    /// A token with this header and these claims, signed by the key of that id.
    pub(super) fn sign(&self, key: &str, head: &Value, claims: &Value) -> Result<String> {
        self.sign_text(key, &head.to_string(), &claims.to_string())
    }

    /// The same of texts that need not be JSON.
    pub(super) fn sign_text(&self, key: &str, head: &str, claims: &str) -> Result<String> {
        let signed = format!("{}.{}", encode(head.as_bytes()), encode(claims.as_bytes()));
        let signature = match key {
            "ed" => self.ed25519.sign(signed.as_bytes()).as_ref().to_vec(),
            "next" => self.next.sign(signed.as_bytes()).as_ref().to_vec(),
            _ => {
                let signature = self.p256.sign(&self.random, signed.as_bytes());
                signature.map_err(|_| anyhow!("not signed"))?.as_ref().to_vec()
            }
        };
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    /// A good token of this subject by this key.
    pub(super) fn good(&self, key: &str, subject: &str) -> Result<String> {
        self.sign(key, &head(key), &claims(subject)?)
    }
}

pub(super) fn head(key: &str) -> Value {
    json!({"alg": if key == "es" { "ES256" } else { "EdDSA" }, "kid": key, "typ": "JWT"})
}

pub(super) fn claims(subject: &str) -> Result<Value> {
    Ok(json!({
        "iss": super::lab::ISSUER, "aud": super::lab::AUDIENCE, "sub": subject, "exp": now()? + 300,
    }))
}
