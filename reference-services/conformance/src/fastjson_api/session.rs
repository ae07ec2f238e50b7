//! Requests to the dynamic path over one connection.

use crate::http::{Connection, Response, request};
use anyhow::Result;
use std::net::SocketAddr;

pub(crate) const JSON: &str = "application/json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";

/// A connection that is opened again when the service has closed it.
pub(crate) struct Session {
    address: SocketAddr,
    connection: Connection,
}

impl Session {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self { address, connection: Connection::open(address)? })
    }

    /// Sends a request and reads its answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        self.connection.send(&request(method, path, headers, body))?;
        let response = match method {
            "HEAD" => self.connection.receive_head()?,
            _ => self.connection.receive()?,
        };
        if response.header("connection") == Some("close") {
            self.connection = Connection::open(self.address)?;
        }
        Ok(response)
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Response> {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn put(&mut self, path: &str, body: &[u8]) -> Result<Response> {
        self.send("PUT", path, &[("Content-Type", JSON)], body)
    }

    pub(crate) fn merge(&mut self, path: &str, body: &[u8]) -> Result<Response> {
        self.send("PATCH", path, &[("Content-Type", MERGE_PATCH)], body)
    }

    pub(crate) fn patch(&mut self, path: &str, body: &[u8]) -> Result<Response> {
        self.send("PATCH", path, &[("Content-Type", JSON_PATCH)], body)
    }

    pub(crate) fn delete(&mut self, path: &str) -> Result<Response> {
        self.send("DELETE", path, &[], b"")
    }

    pub(crate) fn canonicalize(&mut self, body: &[u8]) -> Result<Response> {
        self.send("POST", "/v1/canonicalize", &[("Content-Type", JSON)], body)
    }
}
