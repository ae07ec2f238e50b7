//! `environment.toml`: the machine, the toolchains and the settings behind a run.

use serde::{Deserialize, Serialize};

use crate::parse::{self, ParseError};

/// Where and with what a run was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The schema of this file.
    pub schema: u32,
    /// When the run began, RFC 3339.
    pub started: String,
    /// The machine's name as the runner chose to give it.
    pub host: String,
    /// The machine.
    pub machine: Machine,
    /// Which core did what.
    pub pinning: Pinning,
    /// Versions of compilers and sources.
    pub versions: Versions,
    /// The settings of the Go twin.
    pub go: GoSettings,
    /// How each variant differs from the idiomatic twins.
    #[serde(default, rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantSettings>,
}

/// How a variant was built and run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSettings {
    /// Its id.
    pub id: String,
    /// How it was built, such as `fastjson-api, features mimalloc`; `as the idiomatic twin` when
    /// it is the same binary.
    pub build: String,
    /// Variables set when it ran, as `NAME=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Further arguments when it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

/// The machine. A text that could not be read is `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: u32,
    /// Memory in MB (10⁶ bytes).
    pub memory_mb: u64,
    /// Kernel name and release.
    pub kernel: String,
    /// The frequency governor of the server's core.
    pub governor: String,
    /// The hypervisor, `none`, or `unknown`.
    pub virtualisation: String,
    /// The kernel's clock source.
    pub clock: String,
}

/// Which core did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinning {
    /// The core of the service under test.
    pub server_core: u32,
    /// The core of the load generator.
    pub generator_core: u32,
    /// True when the two are threads of one physical core, which makes them disturb each other.
    pub same_physical_core: bool,
}

/// Versions of compilers and sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// `rustc --version`.
    pub rustc: String,
    /// `go version`.
    pub go: String,
    /// The commit of the source tree, with `+changes` when the tree differs from it.
    pub commit: String,
}

/// The settings of the Go twin; an empty text means unset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoSettings {
    /// GOMAXPROCS.
    pub gomaxprocs: String,
    /// GOGC.
    pub gogc: String,
    /// GOMEMLIMIT.
    pub gomemlimit: String,
    /// GOEXPERIMENT, such as `jsonv2`.
    pub goexperiment: String,
}

impl Environment {
    /// Reads `environment.toml`.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::toml("environment.toml", text)
    }

    /// The text of `environment.toml`.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, which would be a fault of ours.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
