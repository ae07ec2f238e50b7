//! Routes requests to upstreams as a table says.

mod breaker;
mod call;
mod checker;
mod exchange;
mod gateway;
mod gauge;
mod metrics;
mod peer;
mod problem;
mod rate;
mod relay;
mod serve;
mod table;
mod target;
mod trace;
mod upload;
mod upstream;

pub use serve::{RunError, run};
