//! The cache reference service: a cache in memory that speaks the Redis protocol.
//!
//! The contract is the README one folder up; a Go twin beside this crate keeps the same one. Input
//! becomes requests in [`resp`], [`command`] runs them on the [`store`], and [`processor`] joins the
//! two without a socket; [`net`] has the sockets.
#![forbid(unsafe_code)]

pub mod clients;
pub mod clock;
pub mod command;
pub mod config;
pub mod net;
pub mod processor;
pub mod resp;
pub mod server;
pub mod session;
pub mod stats;
pub mod store;
