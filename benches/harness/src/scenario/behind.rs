//! Services that stand behind the one that is measured, as upstreams stand behind a gateway.

use anyhow::{Result, ensure};
use assay_evidence::Twin;
use serde::Deserialize;

use super::Scenario;

/// The most of them that one participant has.
const MAX_BEHIND: usize = 8;

/// A service that is started before the one that is measured, on the same core.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behind {
    /// Where it is asked for, by `{ID}` in files: its address stands there.
    pub id: String,
    /// A reference service, or a cargo package such as `floor`.
    pub service: String,
    /// Which version of it.
    pub language: Twin,
    /// The program, where the package has several.
    #[serde(default)]
    pub binary: Option<String>,
    /// Its arguments besides `--listen` and `--threads`.
    #[serde(default)]
    pub args: Vec<String>,
    /// Behind whom it stands: `rust`, `go`, ids of variants; behind all when empty.
    #[serde(default)]
    pub only: Vec<String>,
}

impl Behind {
    /// What tells its binary from those of others.
    #[must_use]
    pub fn key(&self) -> String {
        let program = self.binary.as_ref().unwrap_or(&self.service);
        format!("{program} in {}", self.language)
    }

    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|other| other == name)
    }
}

impl Scenario {
    pub(super) fn check_behind(&self) -> Result<()> {
        let names = self.variants.iter().map(|variant| variant.id.as_str());
        for name in names.chain(["rust", "go"]) {
            let mut seen: Vec<&str> = Vec::new();
            for behind in self.behind.iter().filter(|behind| behind.is_of(name)) {
                ensure!(
                    !seen.contains(&behind.id.as_str()),
                    "behind {name}: {:?} twice",
                    behind.id
                );
                seen.push(&behind.id);
            }
            ensure!(seen.len() <= MAX_BEHIND, "behind {name}: more than {MAX_BEHIND} services");
        }
        ensure!(
            !self.whole_path || !self.behind.is_empty(),
            "whole_path weighs what stands behind a service; there is no [[behind]]"
        );
        Ok(())
    }
}
