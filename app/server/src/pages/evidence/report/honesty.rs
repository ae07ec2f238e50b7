//! Whether the generator and the machine were fit to measure: the gates, and what they voided.

use assay_advice::Choice;
use assay_evidence::{Gate, LIMITS, Summary};

use super::words;
use crate::pages::plot::{self, Strip, StripInput, significant};

/// The gates and what failed them.
pub(crate) struct Honesty<'a> {
    pub(crate) strip: Strip,
    pub(crate) gates: Vec<GateRow<'a>>,
    pub(crate) voids: Vec<VoidRow<'a>>,
    /// How many loads are void, in a sentence.
    pub(crate) said: String,
}

/// A gate in words.
pub(crate) struct GateRow<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) worst: String,
}

/// A load that does not count.
pub(crate) struct VoidRow<'a> {
    pub(crate) block: u32,
    pub(crate) option: Choice,
    pub(crate) variant: Option<String>,
    pub(crate) rate: String,
    pub(crate) why: &'a str,
}

/// The gates of a run.
pub(crate) fn honesty(summary: &Summary) -> Honesty<'_> {
    let strip = summary.gates.iter().map(|gate| StripInput {
        name: name(gate).to_owned(),
        used: used(gate),
        text: match gate.failed {
            0 => format!("all {} passed", gate.checked),
            failed => format!("{failed} of {} failed", gate.checked),
        },
        failed: gate.failed > 0,
    });
    let gates = summary.gates.iter().map(|gate| GateRow { gate, worst: worst(gate) });
    let voids = summary.voids.iter().map(|void| VoidRow {
        block: void.block,
        option: words::option(void.twin),
        variant: void.variant.as_deref().map(|id| {
            summary.variant(id).map_or_else(|| id.to_owned(), |variant| variant.label.clone())
        }),
        rate: significant(void.rate_rps),
        why: &void.why,
    });
    Honesty {
        strip: plot::strip(strip.collect()),
        gates: gates.collect(),
        voids: voids.collect(),
        said: said(summary),
    }
}

/// How many loads are void.
pub(crate) fn said(summary: &Summary) -> String {
    let checked = summary.gates.iter().map(|gate| gate.checked).max().unwrap_or(0);
    match (summary.voids.len(), checked) {
        (0, 0) => "no load was checked".to_owned(),
        (0, checked) => format!("none of {checked} loads is void"),
        (voids, checked) => format!("{voids} of {checked} loads are void"),
    }
}

fn name(gate: &Gate) -> &str {
    match gate.id.as_str() {
        "achieved" => "Answered in time",
        "errors" => "Errors",
        "steal" => "Taken by the hypervisor",
        "lag" => "Generator’s own delay",
        "generator" => "Generator busy",
        other => other,
    }
}

/// The worst value as a share of what is allowed.
fn used(gate: &Gate) -> f64 {
    match gate.id.as_str() {
        "achieved" => (1.0 - gate.worst) / (1.0 - LIMITS.achieved),
        "errors" => gate.worst / LIMITS.errors,
        "steal" => gate.worst / LIMITS.steal,
        "generator" => gate.worst / LIMITS.generator_busy,
        // The lag is kept as a share of its limit.
        _ => gate.worst,
    }
}

fn worst(gate: &Gate) -> String {
    match gate.id.as_str() {
        "achieved" | "errors" | "steal" | "generator" => {
            format!("{}%", significant(gate.worst * 100.0))
        }
        _ => format!("{}× the limit", significant(gate.worst)),
    }
}
