//! The decision record: TOML text, lifecycle and triggers.
