//! The hash of a text, as small as it can be.

use std::fmt;

use assay_records::content_hash;
use serde::{Deserialize, Serialize};

/// The SHA-256 of a text, written in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct TextHash([u8; 32]);

impl TextHash {
    /// Of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::from_hex(&content_hash(text))
    }

    /// As [`content_hash`] writes it; what is not hex counts as nought.
    #[must_use]
    pub fn from_hex(hex: &str) -> Self {
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            let digits = hex.get(at..at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<String> for TextHash {
    fn from(hex: String) -> Self {
        Self::from_hex(&hex)
    }
}

impl From<TextHash> for String {
    fn from(hash: TextHash) -> Self {
        hash.to_string()
    }
}
