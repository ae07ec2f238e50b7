//! Black-box contract tests for the reference services, run against any address.
