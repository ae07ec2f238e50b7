//! JSON of any shape: a strict parser, the tree, and the form it is served in.
//!
//! The parser is our own because the contract asks for what `serde_json` gives only with features
//! that would change every other crate of the workspace: numbers that keep their text, repeated
//! names that are refused, and the byte a refusal is about.

mod members;
mod number;
mod parse;
mod syntax;
mod write;

pub use members::Members;
pub use number::Number;
pub use parse::{Numbers, Refusal, parse};
pub use write::to_bytes;
pub(crate) use write::write_string;

use std::sync::Arc;

/// The deepest nesting of arrays and objects.
pub const DEPTH_MAX: usize = 128;
/// The most values in a text or document: scalars, arrays and objects.
pub const VALUES_MAX: usize = 16_384;
/// The longest text of a number, in bytes.
pub const NUMBER_BYTES_MAX: usize = 1_024;
/// The most digits of an exponent, leading zeros aside.
pub const EXPONENT_DIGITS_MAX: usize = 9;

/// A JSON value. Its nesting is at most [`DEPTH_MAX`], so that recursion over it is bounded.
///
/// A copy shares arrays and objects with the original until one of them changes: a patch copies
/// only what lies on the way to its changes.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(Number),
    /// Text.
    String(Box<str>),
    /// Values in order.
    Array(Arc<Vec<Value>>),
    /// Values by name.
    Object(Arc<Members>),
}

impl Value {
    /// How deep arrays and objects are nested: 0 for a scalar, 1 for `[]`.
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// How many values there are, this one included.
    pub fn count(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::count).sum::<usize>(),
            Self::Object(members) => 1 + members.values().map(Self::count).sum::<usize>(),
            _ => 1,
        }
    }
}

/// Equality as RFC 6902 §4.6 has it: numbers by their exact value.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            _ => false,
        }
    }
}
