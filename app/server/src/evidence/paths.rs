//! What the whole paths of the scenario `gateway-hybrid` cost to build and to ship:
//! `benches/paths/paths.toml`, which `benches/paths/measure.py` writes.

use std::sync::LazyLock;

use assay_advice::{ByOption, Choice, Shipped};
use serde::Deserialize;

static TEXT: &str = include_str!("../../../../benches/paths/paths.toml");

static PATHS: LazyLock<Paths> = LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());

/// Everything measured.
#[derive(Debug, Default, Deserialize)]
pub struct Paths {
    /// Where; absent while nothing is measured.
    pub machine: Option<Machine>,
    /// Each path, in the order of the scenario.
    #[serde(default, rename = "path")]
    pub paths: Vec<WholePath>,
}

/// What built them.
#[derive(Debug, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Its cores, all of which built.
    pub cores: u32,
    /// The compiler's version.
    pub rustc: String,
    /// Go's version.
    pub go: String,
}

/// One path.
#[derive(Debug, Deserialize)]
pub struct WholePath {
    /// `rust`, `rust-split`, `hybrid` or `go`.
    pub id: String,
    /// In words.
    pub title: String,
    /// The day.
    pub measured: String,
    /// Seconds to build all of it from nothing.
    pub clean_build_s: f64,
    /// Those of cargo.
    pub cargo_s: f64,
    /// Those of Go.
    pub go_s: f64,
    /// What is shipped, one image for each program.
    #[serde(rename = "image")]
    pub images: Vec<Image>,
}

/// One program as a container made from scratch would hold it.
#[derive(Debug, Deserialize)]
pub struct Image {
    /// What it is, with its language.
    pub name: String,
    /// The stripped program in MB.
    pub program_mb: f64,
    /// With the shared libraries that it is linked to, in MB.
    pub image_mb: f64,
}

impl Paths {
    /// What is committed.
    #[must_use]
    pub fn committed() -> &'static Self {
        &PATHS
    }

    /// What each option was on the path; none until all three are measured.
    pub(super) fn shipped(&self) -> Option<ByOption<Shipped>> {
        let of = |option: Choice| {
            let path = self.paths.iter().find(|path| path.id == option.id())?;
            Some(Shipped {
                images: path.images.len(),
                image_mb: path.image_mb(),
                clean_build_s: path.clean_build_s,
            })
        };
        let found = ByOption::from_fn(of);
        Some(ByOption { rust: found.rust?, go: found.go?, hybrid: found.hybrid? })
    }
}

impl WholePath {
    /// All images together, in MB.
    #[must_use]
    pub fn image_mb(&self) -> f64 {
        self.images.iter().map(|image| image.image_mb).sum()
    }

    /// All programs together, in MB.
    #[must_use]
    pub fn program_mb(&self) -> f64 {
        self.images.iter().map(|image| image.program_mb).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_can_be_read() {
        let paths: Paths = toml::from_str(TEXT).unwrap();
        assert_eq!(paths.machine.is_none(), paths.paths.is_empty());
        assert!(paths.paths.iter().all(|path| !path.images.is_empty() && path.image_mb() > 0.0));
    }
}
