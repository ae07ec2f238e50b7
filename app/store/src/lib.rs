//! Where records live: a folder of TOML files with a SQLite index, or a PostgreSQL database.
//!
//! The folder is the truth. The index only makes it quick to start and to search; it may be deleted at
//! any time and is rebuilt. Lists and counts are made from what is in memory of it. Earlier texts come
//! from the folder's git history, and from what the store has written or noticed itself and keeps
//! beside the index.
//!
//! A database holds the same texts for several people and several copies of the program. All SQL is
//! in this crate, and one set of tests runs on both stores.

pub mod access;
mod brief;
mod entry;
mod error;
mod facts;
mod files;
mod filter;
mod folder;
mod git;
mod index;
mod memory;
mod postgres;
mod refresh;
mod revisions;
mod searches;
mod store;
mod text_hash;
mod words;

pub use error::StoreError;
pub use facts::{Facts, Fluency, question_bits};
pub use filter::{Facet, Facets, Filter, Page, Revisited, Summary};
pub use folder::FolderStore;
pub use postgres::PostgresStore;
pub use store::{
    BadFile, Commit, Kept, Link, MAX_REVISIONS, NewRecord, READ_AT_ONCE, Reading, Revision,
    Revisions, Store, Stored, WRITE_AT_ONCE,
};
pub use text_hash::TextHash;
