//! Where records live: a folder of TOML files with a SQLite index.
//!
//! The folder is the truth. The index only makes it quick to list and search; it may be deleted at
//! any time and is rebuilt. Earlier texts come from the folder's git history, and from what the store
//! has written or noticed itself and keeps beside the index. All SQL is in this crate.

mod error;
mod facts;
mod files;
mod filter;
mod folder;
mod git;
mod index;
mod query;
mod refresh;
mod revisions;
mod store;

pub use error::StoreError;
pub use facts::{Facts, Fluency, question_bits};
pub use filter::{Facet, Facets, Filter, Page, Revisited, Summary};
pub use folder::FolderStore;
pub use store::{BadFile, Commit, Link, MAX_REVISIONS, Revision, Revisions, Store, Stored};
