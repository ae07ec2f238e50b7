//! Runs, metrics and paired statistics.
