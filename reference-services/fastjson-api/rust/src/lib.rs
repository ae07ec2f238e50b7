//! The JSON API reference service: prices orders, keeps and patches documents.
//!
//! The contract is the README one folder up; a Go twin beside this crate keeps the same one, and
//! the README's last table says which module is which file there.

mod body;
mod canonical;
#[cfg(feature = "direct")]
mod direct;
mod documents;
mod dynamic;
mod http;
pub mod json;
mod json_patch;
mod merge_patch;
mod metrics;
mod order;
mod pointer;
mod preconditions;
mod pricing;
mod problem;
mod serve;
mod validate;

pub use canonical::canonical;
pub use documents::StoreLimits;
pub use http::router;
pub use json_patch::{COPIED_BYTES_MAX, Failure, Invalid, OPERATIONS_MAX, Patch, Reason};
pub use merge_patch::merge;
pub use metrics::Routes;
pub use order::{Address, Customer, Discount, Line, LineOption, Order, ShapeError};
pub use pointer::Pointer;
pub use pricing::{PricedLine, Quote, RateTotal, Totals, price};
pub use serve::serve;
pub use validate::{Violation, validate};

/// A valid order of about 1 KB: the example of the contract, of the tests and of the load runs.
pub const SAMPLE_ORDER: &str = include_str!("../../sample-order.json");

/// The quote for [`SAMPLE_ORDER`].
pub const SAMPLE_QUOTE: &str = include_str!("../../sample-quote.json");
