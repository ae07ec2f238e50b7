//! The pages below `/evidence`, one file each.

pub(crate) mod claims;
pub(crate) mod compare;
pub(crate) mod live;
pub(crate) mod method;
pub(crate) mod overview;
pub(crate) mod raw;
mod report;
pub(crate) mod run;
mod scenarios;
pub(crate) mod service;
mod tryit;
pub(crate) mod use_run;

use assay_evidence::Profile;
use scenarios::{scenario_about, scenario_title, scenarios};
use url::form_urlencoded;

use crate::{
    error::Error,
    evidence::{InUse, KnownRun, Runs},
};

/// A reference service that exists, and what it stands for.
pub(crate) struct Service {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The scenario that comes first.
    headline: &'static str,
    /// Whether it runs inside assay too, to be tried.
    pub(crate) inside: bool,
}

/// The reference services.
pub(crate) const SERVICES: [Service; 4] = [
    Service {
        id: "fastjson-api",
        name: "JSON API",
        summary: "Reads a nested order of about 1 KB, checks and prices it, answers about 600 bytes.",
        headline: "json-quotes",
        inside: true,
    },
    Service {
        id: "cache-server",
        name: "Cache",
        summary: "Keeps keys and values in memory and speaks the Redis protocol; Redis and memcached \
                  are measured beside the twins.",
        headline: "cache-get",
        inside: false,
    },
    Service {
        id: "analytics-api",
        name: "Analytics",
        summary: "Takes in events durably and answers questions about millions of them, by bucket and \
                  group, with exact percentiles; DuckDB is measured beside the twins.",
        headline: "analytics-query",
        inside: false,
    },
    Service {
        id: "gateway",
        name: "Gateway",
        summary: "Routes requests at the edge, checks tokens, limits, repeats and sheds; nginx is measured \
                  beside the twins, and whole paths all in Rust, all in Go, and Go in front of Rust.",
        headline: "gateway-proxy",
        inside: false,
    },
];

/// The service with this id.
fn find(service: &str) -> Result<&'static Service, Error> {
    SERVICES.iter().find(|known| known.id == service).ok_or(Error::NotFound)
}

/// A scenario of a service, with the run that is shown for it.
struct Scene<'a> {
    id: String,
    title: String,
    /// Nothing when it is not measured yet.
    run: Option<&'a KnownRun>,
}

/// A service's scenarios: the headline first, then by id; those that only a run names too.
fn scenes<'a>(runs: &'a Runs, service: &Service) -> Vec<Scene<'a>> {
    let of_service = || runs.runs.iter().filter(|run| run.summary.service == service.id);
    let known = scenarios().iter().filter(|scenario| scenario.service == service.id);
    let mut ids: Vec<String> = known.map(|scenario| scenario.id.clone()).collect();
    ids.extend(of_service().map(|run| run.summary.scenario.clone()));
    ids.sort_by(|a, b| (a != service.headline, a).cmp(&(b != service.headline, b)));
    ids.dedup();
    let scene = |id: String| {
        let run = shown(of_service().filter(|run| run.summary.scenario == id));
        let known = scenarios().iter().find(|scenario| scenario.id == id);
        let title = known.map(|scenario| scenario.title.clone());
        let title = title.or_else(|| run.map(|run| scenario_title(&run.summary)));
        Scene { title: title.unwrap_or_else(|| id.clone()), run, id }
    };
    ids.into_iter().map(scene).collect()
}

/// The run that stands for a scenario: the newest complete one made to be published, else the
/// newest complete one, else the newest. Runs come newest first.
fn shown<'a>(runs: impl Iterator<Item = &'a KnownRun>) -> Option<&'a KnownRun> {
    let rank = |run: &&KnownRun| match (run.summary.complete(), run.summary.profile) {
        (true, Profile::Publish) => 0,
        (true, Profile::Quick) => 1,
        (false, _) => 2,
    };
    // Of equal ones, `min_by_key` takes the first.
    runs.min_by_key(rank)
}

/// The address of a run.
pub(crate) fn run_href(run: &str) -> String {
    let run: String = form_urlencoded::byte_serialize(run.as_bytes()).collect();
    format!("/evidence/runs/{}", run.replace('+', "%20"))
}

/// A run in a list.
pub(crate) struct Entry<'a> {
    run: &'a KnownRun,
    href: String,
    scenario: String,
    when: String,
    profile: &'static str,
    voids: String,
    /// The advice uses it for its scenario.
    used: bool,
}

impl<'a> Entry<'a> {
    fn new(run: &'a KnownRun, in_use: &InUse) -> Self {
        let summary = &run.summary;
        Self {
            run,
            href: run_href(&run.name),
            scenario: scenario_title(summary),
            when: report::words::when(&summary.started),
            profile: report::profile(summary.profile),
            voids: report::voids_said(summary),
            used: in_use.of(&summary.scenario).is_some_and(|used| used.run == run.name),
        }
    }
}
