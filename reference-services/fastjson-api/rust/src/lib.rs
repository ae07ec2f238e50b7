//! The JSON API reference service: prices an order.
//!
//! The contract is the README one folder up; a Go twin beside this crate keeps the same one. Each
//! module has its counterpart there: `order`, `validate` and `pricing` are package `quote`, `http`,
//! `problem`, `metrics` and `serve` are package `api`.

mod http;
mod metrics;
mod order;
mod pricing;
mod problem;
mod serve;
mod validate;

pub use http::router;
pub use order::{Address, Customer, Discount, Line, LineOption, Order, ShapeError};
pub use pricing::{PricedLine, Quote, RateTotal, Totals, price};
pub use serve::serve;
pub use validate::{Violation, validate};

/// A valid order of about 1 KB: the example of the contract, of the tests and of the load runs.
pub const SAMPLE_ORDER: &str = include_str!("../../sample-order.json");

/// The quote for [`SAMPLE_ORDER`].
pub const SAMPLE_QUOTE: &str = include_str!("../../sample-quote.json");
