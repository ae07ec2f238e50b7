//! The program through its public doors, as one test binary.

mod api;
mod cli;
mod layout;
mod security;
mod support;
