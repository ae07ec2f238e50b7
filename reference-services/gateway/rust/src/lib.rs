//! The gateway's token check as a service of its own: the part of an edge where a mistake costs most,
//! in the language that rules most of them out.
//!
//! The contract is the README one folder up.

mod keys;
mod reload;
mod service;
mod token;

pub use keys::{Keys, KeysError};
pub use reload::{Watched, watch};
pub use service::{Service, serve};
pub use token::{Expected, Refusal, check, verify};
