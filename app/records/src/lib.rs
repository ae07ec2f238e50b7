//! The decision record: TOML text, lifecycle and triggers.
//!
//! A record is a text first: people edit it by hand, and [`amend`] changes only what it is told
//! to. [`Record::parse`] reads it with every problem at its place, [`Draft::to_toml`] writes a new
//! one, and [`check_revision`] says which changes of an old one are allowed.

pub mod adr;
mod alerts;
mod amend;
mod cost;
mod draft;
mod event;
mod limits;
mod name;
mod parse;
mod prefill;
mod promql;
mod reader;
mod record;
mod rules;
mod schema;
mod signing;
mod status;
mod trigger;
mod write;

/// The advice that records keep: its answers, options, verdicts and problems.
pub use assay_advice as advice;

pub use adr::Dialect;
pub use alerts::{
    ALERT_NAME, AlertRules, RECORD_LABEL, TRIGGER_LABEL, alert_rules, alerting, group_name,
};
pub use amend::{Amendment, amend};
pub use cost::RecordedCost;
pub use draft::Draft;
pub use event::{Event, EventKind, Outcome, ReviewVerdict};
pub use limits::{
    MAX_EVENTS, MAX_LINE_CHARS, MAX_LIST, MAX_RECORD_BYTES, MAX_TEXT_CHARS, MAX_TRIGGERS,
};
pub use name::{content_hash, file_name, name_parts, number_of, slug};
pub use parse::Parsed;
pub use prefill::draft_from;
pub use promql::promql_fault;
pub use record::{Chosen, EXAMPLE_TAG, Evidence, Original, Rationale, Record, Section};
pub use rules::{SUPERSEDE_INSTEAD, check_revision};
pub use schema::json_schema;
pub use signing::{changed_fields, signed_digest};
pub use status::{Standing, Status};
pub use trigger::{Comparison, Condition, Trigger, TriggerKind, Window};
