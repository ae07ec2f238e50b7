//! The scenarios of `benches/scenarios`, to say which are not measured yet.

use std::sync::LazyLock;

use assay_evidence::Summary;
use serde::Deserialize;

/// The texts of all scenarios when the program was built.
static TEXTS: &[&str] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// What a scenario is; how it loads a service is the harness's business.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) service: String,
    /// What a reader must know of it beside the title; may be empty.
    #[serde(default)]
    pub(crate) about: String,
}

static SCENARIOS: LazyLock<Vec<Scenario>> =
    LazyLock::new(|| TEXTS.iter().filter_map(|text| toml::from_str(text).ok()).collect());

/// Every scenario.
pub(crate) fn scenarios() -> &'static [Scenario] {
    &SCENARIOS
}

/// A run's scenario in words; runs older than titles take the scenario's of today, or its id.
pub(crate) fn scenario_title(summary: &Summary) -> String {
    if !summary.title.is_empty() {
        return summary.title.clone();
    }
    let known = scenarios().iter().find(|scenario| scenario.id == summary.scenario);
    known.map_or_else(|| summary.scenario.clone(), |scenario| scenario.title.clone())
}

/// What a reader must know of a run's scenario; may be empty.
pub(crate) fn scenario_about(summary: &Summary) -> &'static str {
    let known = scenarios().iter().find(|scenario| scenario.id == summary.scenario);
    known.map_or("", |scenario| scenario.about.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_can_be_named() {
        assert_eq!(scenarios().len(), TEXTS.len());
        assert!(scenarios().iter().any(|scenario| scenario.id == "json-quotes"));
    }
}
