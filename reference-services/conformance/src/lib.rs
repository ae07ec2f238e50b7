//! Black-box contract tests for the reference services, run against any address.
//!
//! A suite knows a service only by its contract and speaks to it over sockets, so that it holds
//! for any twin in any language. Golden vectors are data in `vectors/`.

pub mod analytics_api;
pub mod arguments;
pub mod cache_server;
pub mod differential;
pub mod differential_documents;
pub mod fastjson_api;
pub mod gateway;
mod http;
mod orders;
pub mod process;
mod random;
mod random_json;

use anyhow::Result;

/// The result of one named check.
#[derive(Debug)]
pub struct Check {
    /// What the contract promises.
    pub name: String,
    /// Why the service breaks the promise, if it does.
    pub outcome: Result<()>,
}

impl Check {
    fn new(name: impl Into<String>, outcome: Result<()>) -> Self {
        Self { name: name.into(), outcome }
    }
}
