//! The pages below `/evidence`, one file each.

pub(crate) mod claims;
pub(crate) mod compare;
pub(crate) mod live;
pub(crate) mod method;
pub(crate) mod overview;
pub(crate) mod service;
pub(crate) mod use_run;

use crate::{
    error::Error,
    evidence::{KnownRun, Runs},
};

/// A reference service that exists, and what it stands for.
pub(crate) struct Service {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
}

/// The reference services that exist so far.
pub(crate) const SERVICES: [Service; 1] = [Service {
    id: "fastjson-api",
    name: "JSON API",
    summary: "Reads a nested order of about 1 KB, checks and prices it, answers about 600 bytes.",
}];

/// The service with this id.
fn find(service: &str) -> Result<&'static Service, Error> {
    SERVICES.iter().find(|known| known.id == service).ok_or(Error::NotFound)
}

/// The runs of a service, newest first.
fn runs_of<'a>(known: &'a Runs, service: &str) -> impl Iterator<Item = &'a KnownRun> {
    known.runs.iter().filter(move |run| run.summary.service == service)
}
