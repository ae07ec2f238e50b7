//! The cache through its public doors: without sockets where time has to stand still, over a socket
//! where sockets matter.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what helpers cannot do ends the test"
)]

mod clients;
mod commands;
mod connection;
mod eviction;
mod expiry;
mod memory;
mod model;
mod parsing;
mod tls;
mod traces;
