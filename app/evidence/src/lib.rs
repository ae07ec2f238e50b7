//! What a measuring run says: its files, the paired statistics behind its figures, and the gates
//! that decide whether a sample counts. Nothing here reads a file, a clock or a random number.
//!
//! A run folder holds `environment.toml`, `samples.toml` (every sample), `histograms.hlog` and
//! `summary.toml`. [`Run`] is the folder read back; [`summarise`] computes the summary from the
//! samples, so that anyone can check one against the other.

mod claims;
pub mod compare;
mod environment;
pub mod export;
mod figures;
mod gates;
mod number;
mod parse;
mod rows;
mod run;
mod sample;
pub mod stats;
mod summarise;
mod summary;
mod variant;
mod verdict;

pub use claims::{
    Claim, ClaimKind, Conditions, Known, Published, Region, builtin_claims, parse_claims,
};
pub use environment::{Environment, GoSettings, Machine, Pinning, VariantSettings, Versions};
pub use gates::{Check, LIMITS, Limits, check};
pub use number::three_digits;
pub use parse::ParseError;
pub use run::Run;
pub use sample::{
    Asked, Builds, Capacity, Collection, Gc, Hits, Load, Percentiles, Sample, Samples, Twin,
    Windows,
};
pub use summarise::{Plan, summarise};
pub use summary::{
    Better, Figure, Gate, Metric, Profile, Ratio, SCHEMA, Summary, SweepFigures, SweepPoint,
    Timeline, Void, Work, metric,
};
pub use variant::{Kind, Variant, VariantInfo, VariantMetric};
pub use verdict::{Departure, Evidence, Judged, Outcome, Verdict, judge};
