//! The gateway, and its token check as a service of its own: the part of an edge where a mistake costs
//! most, in the language that rules most of them out.
//!
//! The contract is the README one folder up.

mod config;
mod keys;
mod proxy;
mod reload;
mod service;
mod token;
mod wire;

pub use config::Fault;
pub use keys::{Keys, KeysError};
pub use proxy::{RunError, run};
pub use reload::{Watched, watch};
pub use service::{Service, serve};
pub use token::{Expected, Refusal, check, verify};
