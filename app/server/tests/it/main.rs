//! The program through its public doors, as one test binary.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod api;
mod cli;
mod layout;
mod security;
mod support;
