//! The analytics reference service: takes events, keeps them, and answers questions about millions
//! of them.
//!
//! The contract is the README one folder up; a Go twin beside this crate keeps the same one and
//! reads the same files. Lines become columns in [`ingest`], [`store`] keeps them, [`query`] answers,
//! and [`http`] is the way in.
#![forbid(unsafe_code)]

pub mod config;
pub mod http;
pub mod ingest;
pub mod limits;
pub mod query;
pub mod store;
pub mod strings;
pub mod tail;
pub mod time;
