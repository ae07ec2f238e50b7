//! The web application and the command line.
//!
//! [`routes`] is the one table of URLs; [`pages`] holds one file a page and [`api`] the JSON
//! side; [`http`] serves and protects both; [`error`] turns every failure into a response.
//! [`cli`] is the command line. Only the binary's `main` reads the clock and the environment and
//! names a concrete store.

pub mod access;
pub mod api;
pub mod assets;
mod claims;
pub mod cli;
pub mod demo;
pub mod error;
pub mod evidence;
mod feeds;
mod hooks;
pub mod http;
pub mod hybrid;
mod judged;
pub mod listing;
pub mod live;
pub mod moving;
pub mod own;
pub mod pages;
pub mod portfolio;
pub mod precedents;
pub mod queue;
pub mod recording;
pub mod rescoring;
pub mod reviewing;
pub mod routes;
pub mod state;
pub mod telemetry;
pub mod trial;
