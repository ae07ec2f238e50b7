//! From lines to columns.

pub mod batch;
pub mod body;
pub mod line;
pub mod members;

pub use batch::{Batch, Tag};
