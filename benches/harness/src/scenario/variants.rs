//! The part of a scenario that says what is measured beside the idiomatic pair.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use assay_evidence::{Kind, Twin, VariantInfo};
use serde::Deserialize;

use super::{Program, Protocol, Scenario};

/// The most variants, so that a block stays short enough for its processes to share conditions.
const MAX_VARIANTS: usize = 20;

/// What is measured beside the idiomatic pair: at half load and in the closed loop, not swept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantPlan {
    /// Its id, of `a-z 0-9 -`.
    pub id: String,
    /// What it is written in, and whose idiomatic twin it is compared with. A program of another
    /// kind is held against both, and says none.
    #[serde(default)]
    pub language: Option<Twin>,
    /// What it is there to show.
    pub kind: Kind,
    /// Its name for people.
    pub label: String,
    /// Why it is measured, in a sentence.
    pub why: String,
    /// The program, where it is none of ours.
    #[serde(default)]
    pub program: Option<Program>,
    /// How it is built; the idiomatic binary when absent.
    #[serde(default)]
    pub build: Option<Build>,
    /// Variables set when it runs.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Further arguments when it runs.
    #[serde(default)]
    pub args: Vec<String>,
}

impl VariantPlan {
    /// Whose block it shares: its language's twin, or the first of the pair.
    #[must_use]
    pub fn twin(&self) -> Twin {
        self.language.unwrap_or(Twin::Rust)
    }

    /// What the summary says about it.
    #[must_use]
    pub fn info(&self) -> VariantInfo {
        VariantInfo {
            id: self.id.clone(),
            language: self.twin(),
            kind: self.kind,
            label: self.label.clone(),
            why: self.why.clone(),
        }
    }
}

/// How a variant's binary differs from the idiomatic one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The cargo package, or the Go package's path in the service's module; the service's when
    /// absent.
    #[serde(default)]
    pub package: Option<String>,
    /// Cargo features.
    #[serde(default)]
    pub features: Vec<String>,
    /// GOEXPERIMENT.
    #[serde(default)]
    pub go_experiment: Option<String>,
    /// Go build tags.
    #[serde(default)]
    pub go_tags: Vec<String>,
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.package.as_ref().map(|package| format!("package {package}")));
        if !self.features.is_empty() {
            parts.push(format!("features {}", self.features.join(",")));
        }
        parts.extend(self.go_experiment.as_ref().map(|value| format!("GOEXPERIMENT={value}")));
        if !self.go_tags.is_empty() {
            parts.push(format!("tags {}", self.go_tags.join(",")));
        }
        f.write_str(&parts.join(", "))
    }
}

impl Scenario {
    pub(super) fn check_variants(&self) -> Result<()> {
        let count = self.variants.len();
        ensure!(count <= MAX_VARIANTS, "{count} variants are more than {MAX_VARIANTS}");
        for (at, variant) in self.variants.iter().enumerate() {
            let id = &variant.id;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            ensure!(
                !id.is_empty() && id.len() <= 40 && id.chars().all(plain),
                "variant {id:?}: an id is 1 to 40 of a-z, 0-9 and -"
            );
            ensure!(
                !["rust", "go"].contains(&id.as_str()),
                "variant {id:?}: that is the idiomatic twin's name"
            );
            let again = self.variants.iter().take(at).any(|other| other.id == *id);
            ensure!(!again, "variant {id:?} is there twice");
            let same = variant.build.is_none();
            let named = variant.language.is_some();
            let other = variant.kind == Kind::Other;
            let foreign = variant.program.is_some() || (other && !same);
            ensure!(
                named != other && foreign == other,
                "variant {id:?}: one of ours has a language, kind other has a program instead"
            );
            if let Some(program) = &variant.program {
                program.check(id, self.protocol != Protocol::Http, &self.files)?;
                ensure!(
                    same && variant.env.is_empty() && variant.args.is_empty(),
                    "variant {id:?}: a program has args of its own, and no build or env"
                );
            }
            ensure!(
                !other
                    || self.protocol == Protocol::Resp
                    || !self.questions.is_empty()
                    || !self.behind.is_empty(),
                "variant {id:?}: kind other is for scenarios with questions, [[behind]] or \
                 protocol = \"resp\""
            );
            match variant.kind {
                Kind::Again => ensure!(
                    same && variant.env.is_empty() && variant.args.is_empty(),
                    "variant {id:?}: kind again is the same binary run the same way, so it has \
                     no build, env or args"
                ),
                Kind::Runtime => {
                    ensure!(same, "variant {id:?}: kind runtime is the same binary; drop build");
                }
                Kind::Floor => {
                    ensure!(!same, "variant {id:?}: kind floor is another server; name its build");
                }
                Kind::Tuning | Kind::Other => {}
            }
            if let Some(build) = &variant.build {
                let of_go = build.go_experiment.is_some() || !build.go_tags.is_empty();
                ensure!(
                    variant.twin() == Twin::Go || !of_go,
                    "variant {id:?}: go_experiment and go_tags are for Go"
                );
                ensure!(
                    variant.twin() == Twin::Rust || build.features.is_empty(),
                    "variant {id:?}: features are for Rust; Go has go_tags"
                );
            }
        }
        Ok(())
    }
}
