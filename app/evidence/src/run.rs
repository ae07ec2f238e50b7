//! A run folder read back.

use crate::{Environment, ParseError, Samples, Summary};

/// A run folder: where it was taken, what was measured, and what that comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// `environment.toml`.
    pub environment: Environment,
    /// `samples.toml`.
    pub samples: Samples,
    /// `summary.toml`.
    pub summary: Summary,
}

impl Run {
    /// Reads a run from the texts of its three files.
    ///
    /// # Errors
    /// Names the file, the place and the fault.
    pub fn parse(environment: &str, samples: &str, summary: &str) -> Result<Self, ParseError> {
        Ok(Self {
            environment: Environment::parse(environment)?,
            samples: Samples::parse(samples)?,
            summary: Summary::parse(summary)?,
        })
    }
}
