//! Checks a signed token: a JWS in the compact form (RFC 7515) that holds a JWT (RFC 7519).

use crate::keys::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use thiserror::Error;

pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1024;
const SUBJECT_BYTES_MAX: usize = 255;

/// Why a token is not good.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Refusal {
    #[error("the token is too long")]
    TooLong,
    #[error("the token is not three parts in base64url")]
    Shape,
    #[error("the header is not one that is understood")]
    Header,
    #[error("no key has this kid")]
    UnknownKey,
    #[error("the key is not of this alg")]
    OtherAlgorithm,
    #[error("the signature does not hold")]
    Signature,
    #[error("the claims are not of the right types")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token does not hold yet")]
    NotYet,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the subject is not 1 to 255 visible characters")]
    Subject,
}

/// What tokens must say.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Their `iss`.
    pub issuer: String,
    /// One of their `aud`.
    pub audience: String,
    /// Clock skew that is forgiven, in seconds.
    pub leeway_s: f64,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// Whether a member is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The payload of a token that one of the keys has signed.
///
/// # Errors
/// When it is no token, or none of the keys has signed it.
pub fn verify(keys: &Keys, token: &str) -> Result<Vec<u8>, Refusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Shape)?;
    let (header, payload) = signed.split_once('.').ok_or(Refusal::Shape)?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Shape);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| Refusal::Header)?;
    if header.crit || header.b64 {
        return Err(Refusal::Header);
    }
    let key = keys.find(header.kid.as_deref()).ok_or(Refusal::UnknownKey)?;
    if key.algorithm().name() != header.alg {
        return Err(Refusal::OtherAlgorithm);
    }
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(Refusal::Signature);
    }
    Ok(payload)
}

/// The subject of a good token, at a time in seconds since 1970.
///
/// # Errors
/// When the token is not good.
pub fn check(keys: &Keys, expected: &Expected, token: &str, now_s: f64) -> Result<String, Refusal> {
    let payload = verify(keys, token)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Refusal::Claims)?;
    if now_s > claims.exp + expected.leeway_s {
        return Err(Refusal::Expired);
    }
    let holds = |from: Option<f64>| from.is_none_or(|from| from <= now_s + expected.leeway_s);
    if !holds(claims.nbf) || !holds(claims.iat) {
        return Err(Refusal::NotYet);
    }
    if claims.iss.as_ref() != Some(&expected.issuer) {
        return Err(Refusal::Issuer);
    }
    let meant = match &claims.aud {
        Some(Audience::One(audience)) => *audience == expected.audience,
        Some(Audience::Many(audiences)) => audiences.contains(&expected.audience),
        None => false,
    };
    if !meant {
        return Err(Refusal::Audience);
    }
    let subject = claims.sub.unwrap_or_default();
    if is_subject(&subject) { Ok(subject) } else { Err(Refusal::Subject) }
}

/// Whether a subject can stand in a field.
pub(crate) fn is_subject(subject: &str) -> bool {
    let visible = subject.bytes().all(|byte| byte.is_ascii_graphic());
    (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && visible
}
