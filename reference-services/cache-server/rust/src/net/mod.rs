//! Sockets: a control thread that accepts connections, and event loops that serve them.

mod connection;
mod control;
mod metrics;
mod worker;

pub use control::{Bound, serve};
