//! The program through its public doors, as one test binary.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod access;
mod api;
mod browser;
mod cli;
mod cli_backtest;
mod cli_check;
mod cli_model;
mod cli_move;
mod cli_score;
mod clock;
#[path = "../../../store/tests/store/cluster.rs"]
mod cluster;
mod cost;
mod database;
mod expectations;
mod hybrid;
mod layout;
mod live;
mod pages_checklist;
mod pages_claims;
mod pages_evidence;
mod pages_import;
mod pages_model;
mod pages_others;
mod pages_precedents;
mod pages_records;
mod portfolio;
mod prometheus;
mod review;
mod revisit;
mod runs;
mod security;
mod sign_in;
mod support;
mod telemetry;
