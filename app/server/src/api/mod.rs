//! The JSON API, one file a resource. Pages and scripts use the same functions below it.

mod body;
pub(crate) mod claims;
pub(crate) mod cost;
pub(crate) mod decision;
pub(crate) mod decisions;
pub(crate) mod evidence;
mod idempotency;
pub(crate) mod model;
pub(crate) mod openapi;
pub(crate) mod precedents;
pub(crate) mod queue;
pub(crate) mod score;

pub(crate) use decisions::List;
pub use idempotency::Keys;

/// A record's strong entity tag: the hash of its text.
pub(crate) fn etag(hash: &str) -> String {
    format!("\"{hash}\"")
}
