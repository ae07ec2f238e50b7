//! Everything a run says, as the service's page and the run's own page show it.

mod honesty;
mod others;
mod ratios;
mod sweep;
mod timeline;
mod variants;
pub(crate) mod words;

use assay_evidence::{Environment, Profile, Summary, Work};

pub(crate) use honesty::said as voids_said;

use crate::evidence::KnownRun;

/// A run as it is shown.
pub(crate) struct Report<'a> {
    pub(crate) name: &'a str,
    pub(crate) summary: &'a Summary,
    pub(crate) environment: &'a Environment,
    pub(crate) title: String,
    /// What was counted: one of them, and the head of a column of rates.
    pub(crate) work: &'static str,
    pub(crate) work_per_second: &'static str,
    /// What a reader must know of the scenario; may be empty.
    pub(crate) about: &'static str,
    pub(crate) when: String,
    pub(crate) profile: &'static str,
    pub(crate) headlines: Vec<String>,
    pub(crate) ratios: Vec<ratios::Ratios>,
    pub(crate) groups: Vec<ratios::Group<'a>>,
    pub(crate) sweep: Option<sweep::Sweep>,
    pub(crate) others: Option<others::Others<'a>>,
    pub(crate) tuning: Option<variants::Tuning<'a>>,
    pub(crate) runtime: Option<variants::Runtime<'a>>,
    pub(crate) noise: Option<variants::Noise<'a>>,
    pub(crate) over_time: Vec<timeline::OverTime>,
    pub(crate) honesty: honesty::Honesty<'a>,
    pub(crate) files: Vec<super::raw::Offer>,
    pub(crate) folder: String,
    pub(crate) href: String,
}

impl<'a> Report<'a> {
    /// Lays out a run.
    pub(crate) fn new(run: &'a KnownRun) -> Self {
        let summary = &run.summary;
        let environment = &run.environment;
        let settings = |id: &str| {
            let settings = environment.variants.iter().find(|variant| variant.id == id)?;
            let parts = [settings.build.clone(), settings.env.join(" "), settings.args.join(" ")];
            Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "))
        };
        Self {
            name: &run.name,
            summary,
            environment,
            title: super::scenario_title(summary),
            work: summary.work.one(),
            work_per_second: match summary.work {
                Work::Request => "Requests/s",
                Work::Command => "Commands/s",
                Work::Event => "Events/s",
                Work::Question => "Questions/s",
            },
            about: super::scenario_about(summary),
            when: words::when(&summary.started),
            profile: profile(summary.profile),
            headlines: words::headlines(summary),
            ratios: ratios::ratios(summary),
            groups: ratios::groups(summary),
            sweep: sweep::sweep(summary),
            others: others::others(summary, &settings),
            tuning: variants::tuning(summary, &settings),
            runtime: variants::runtime(summary, &settings),
            noise: variants::noise(summary, &settings),
            over_time: timeline::over_time(summary),
            honesty: honesty::honesty(summary),
            files: super::raw::offers(run),
            folder: super::raw::folder(run),
            href: super::run_href(&run.name),
        }
    }
}

/// How thorough a run is, in words.
pub(crate) fn profile(profile: Profile) -> &'static str {
    match profile {
        Profile::Quick => "quick look, not for publishing",
        Profile::Publish => "full run",
    }
}
