//! Where records live: a folder of TOML files with a SQLite index.
