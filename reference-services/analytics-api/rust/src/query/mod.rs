//! From a question to its answer: read ([`read`], [`params`]), put into the store's numbers
//! ([`plan`]), run on all cores ([`run`]), sorted and written ([`answer`]).

pub mod answer;
pub mod export;
pub mod grid;
pub mod params;
pub mod percentile;
pub mod plan;
pub mod read;
mod readable;
pub mod rows;
pub mod run;
pub mod series;
pub mod sort;
pub mod spec;
pub mod table;
