//! What is expected of a workload that nobody has measured yet: ratios that the model states, in
//! the place of a run until there is one.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::{Estimate, TwinFigures, WorkloadMeasurement, wording::short};

/// Rust's figures as multiples of Go's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// Processor time per request.
    pub(crate) cpu: Spanned<Ratio>,
    /// Memory under load.
    pub(crate) memory: Spanned<Ratio>,
    /// Go's memory when idle, as a share of its memory under load.
    pub(crate) go_idle: Spanned<f64>,
    /// The slowest 1 in 1000 requests at half load, by the answer to `resident_state`.
    pub(crate) tail: BTreeMap<String, Spanned<Ratio>>,
}

/// A ratio with the interval that the draws are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ratio {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Ratio {
    /// What is wrong with it, if anything.
    pub(crate) fn fault(self) -> Option<String> {
        let Self { value, low, high } = self;
        let good = low > 0.0 && low <= value && value <= high && high <= 100.0;
        (!good).then(|| {
            format!("needs 0 < low <= value <= high <= 100, but has {low}, {value}, {high}")
        })
    }

    /// "0.45 times (0.25 to 0.8)".
    pub(crate) fn times(self) -> String {
        format!("{} times ({} to {})", short(self.value), short(self.low), short(self.high))
    }

    const fn estimate(self) -> Estimate {
        Estimate { value: self.value, low: self.low, high: self.high }
    }
}

impl Expected {
    /// One stand-in for a run for each resident state, with Go's figures at 1.
    pub(crate) fn stand_ins(&self) -> Vec<WorkloadMeasurement> {
        let states = self.tail.iter();
        states.map(|(state, tail)| self.stand_in(state, *tail.get_ref())).collect()
    }

    fn stand_in(&self, state: &str, tail: Ratio) -> WorkloadMeasurement {
        let twin = |cpu: Estimate, memory: Estimate, idle: f64, tail: Estimate| TwinFigures {
            capacity_rps_per_core: Estimate::exact(1.0),
            cpu_ms_per_request: cpu,
            idle_pss_mb: Estimate::exact(idle),
            loaded_pss_mb: memory,
            pss_kb_per_connection: None,
            half_load_p99_ms: tail,
            half_load_p999_ms: tail,
            resident_state: state.to_owned(),
            sweep: Vec::new(),
            clean_build_s: None,
            incremental_build_s: None,
        };
        let (one, go_idle) = (Estimate::exact(1.0), *self.go_idle.get_ref());
        let (cpu, memory) = (self.cpu.get_ref().estimate(), self.memory.get_ref().estimate());
        WorkloadMeasurement {
            workload: String::new(),
            service: String::new(),
            scenario: format!("expected-{state}"),
            tail_note: String::new(),
            tail_only: false,
            cpu_ratio: Some(cpu),
            run: String::new(),
            note: String::new(),
            rust: twin(cpu, memory, go_idle, tail.estimate()),
            go: twin(one, one, go_idle, one),
        }
    }
}
