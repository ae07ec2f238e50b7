//! The public keys that sign tokens, from a JWKS (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use thiserror::Error;

const KEYS_BYTES_MAX: usize = 64 * 1024;
const KEYS_MAX: usize = 64;
/// Of an Ed25519 key, and of each coordinate on P-256.
const COORDINATE_BYTES: usize = 32;

/// Why a file of keys is of no use.
#[derive(Debug, Error)]
pub enum KeysError {
    /// It is longer than the limit.
    #[error("more than {KEYS_BYTES_MAX} bytes")]
    TooLong,
    /// It is not JSON of the right shape.
    #[error("not a JWKS: {0}")]
    NotASet(#[from] serde_json::Error),
    /// One of its keys is at fault.
    #[error("keys[{place}]: {what}")]
    Key {
        /// Which, from 0.
        place: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It has too few or too many keys that can be used.
    #[error("{0} keys for EdDSA or ES256; 1 to {KEYS_MAX} are allowed")]
    Count(usize),
}

/// What signs: the key decides it, never the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    EdDsa,
    Es256,
}

impl Algorithm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

/// One public key.
#[derive(Debug)]
pub(crate) struct Key {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Key {
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let outcome = match self.algorithm {
            Algorithm::EdDsa => {
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(signed, signature)
            }
            Algorithm::Es256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes)
                .verify(signed, signature),
        };
        outcome.is_ok()
    }
}

/// A set of keys by their ids; a key may have none.
#[derive(Debug)]
pub struct Keys(HashMap<Option<String>, Key>);

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow, default)]
    keys: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    kid: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde_json::Value>,
    r#use: Option<String>,
    alg: Option<String>,
}

impl Keys {
    /// Takes the Ed25519 and P-256 keys that may sign, and leaves out others.
    ///
    /// # Errors
    /// When the text is no JWKS, or has a faulty key, or none or too many that can be used.
    pub fn parse(text: &[u8]) -> Result<Self, KeysError> {
        if text.len() > KEYS_BYTES_MAX {
            return Err(KeysError::TooLong);
        }
        let set: Set<'_> = serde_json::from_slice(text)?;
        let mut keys = HashMap::new();
        for (place, raw) in set.keys.into_iter().enumerate() {
            let fault = |what: &str| KeysError::Key { place, what: what.to_owned() };
            let jwk: Jwk =
                serde_json::from_str(raw.get()).map_err(|error| fault(&error.to_string()))?;
            let kid = jwk.kid.clone().filter(|kid| !kid.is_empty());
            let Some(key) = key(jwk).map_err(fault)? else { continue };
            if keys.insert(kid, key).is_some() {
                return Err(fault("its kid is there twice"));
            }
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(KeysError::Count(keys.len()));
        }
        Ok(Self(keys))
    }

    /// The key that a token names; without a name the only one there is.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid.filter(|kid| !kid.is_empty()) {
            Some(kid) => self.0.get(&Some(kid.to_owned())),
            None if self.0.len() == 1 => self.0.values().next(),
            None => None,
        }
    }
}

/// None for a key that is of no use here.
fn key(jwk: Jwk) -> Result<Option<Key>, &'static str> {
    let algorithm = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
        ("EC", Some("P-256")) => Algorithm::Es256,
        _ => return Ok(None),
    };
    let other_use = jwk.r#use.is_some_and(|usage| usage != "sig");
    if other_use || jwk.alg.is_some_and(|alg| alg != algorithm.name()) {
        return Ok(None);
    }
    if jwk.d.is_some() {
        return Err("a private key; the file holds public ones only");
    }
    let bytes = match algorithm {
        Algorithm::EdDsa => coordinate(jwk.x)?,
        Algorithm::Es256 => {
            // An uncompressed point (SEC 1 §2.3.3).
            let point = [vec![4], coordinate(jwk.x)?, coordinate(jwk.y)?].concat();
            on_curve(&point)?;
            point
        }
    };
    Ok(Some(Key { algorithm, bytes }))
}

fn coordinate(text: Option<String>) -> Result<Vec<u8>, &'static str> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let bytes = bytes.filter(|bytes| bytes.len() == COORDINATE_BYTES);
    bytes.ok_or("a coordinate is not 32 bytes in base64url")
}

/// ring checks a point only where it is used: agreeing on a secret with it does no more than that.
fn on_curve(point: &[u8]) -> Result<(), &'static str> {
    use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
    const FAULT: &str = "the point is not on P-256";
    let random = ring::rand::SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(|_| FAULT)?;
    agree_ephemeral(own, &UnparsedPublicKey::new(&ECDH_P256, point), |_| ()).map_err(|_| FAULT)
}
