//! What is expected of a workload that nobody has measured yet: ratios that the model states, in
//! the place of a run until there is one.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::{
    Estimate, Part, TwinFigures, WorkloadMeasurement,
    wording::{exact, short},
};

/// Rust's figures as multiples of Go's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// Processor time per request, by the answer to `cpu_bound`.
    pub(crate) cpu: BTreeMap<String, Spanned<Ratio>>,
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
            let [low, value, high] = [low, value, high].map(exact);
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

/// What is expected, in the place of a run: Go's figures are 1.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    /// The answer it stands for: to `resident_state` if it speaks for the tail, else to `cpu_bound`.
    pub(crate) answer: String,
    /// The figures.
    pub(crate) figures: WorkloadMeasurement,
}

impl Expected {
    /// One stand-in for the tail of each resident state, then one for processor time and memory by
    /// how much of the work computes.
    pub(crate) fn stand_ins(&self) -> Vec<StandIn> {
        let one = Ratio { value: 1.0, low: 1.0, high: 1.0 };
        let tails = self.tail.iter().map(|(answer, tail)| {
            let scenario = format!("expected-{answer}");
            self.stand_in(answer, Part::Tail, scenario, [one, one, *tail.get_ref()])
        });
        let economies = self.cpu.iter().map(|(answer, cpu)| {
            let scenario = format!("expected-cpu-{answer}");
            let ratios = [*cpu.get_ref(), *self.memory.get_ref(), one];
            self.stand_in(answer, Part::Whole, scenario, ratios)
        });
        tails.chain(economies).collect()
    }

    fn stand_in(&self, answer: &str, part: Part, scenario: String, ratios: [Ratio; 3]) -> StandIn {
        let twin = |[cpu, memory, tail]: [Estimate; 3], idle: f64| TwinFigures {
            capacity_rps_per_core: Estimate::exact(1.0),
            cpu_ms_per_request: cpu,
            idle_pss_mb: Estimate::exact(idle),
            loaded_pss_mb: memory,
            pss_kb_per_connection: None,
            half_load_p99_ms: tail,
            half_load_p999_ms: tail,
            resident_state: String::new(),
            sweep: Vec::new(),
            clean_build_s: None,
            incremental_build_s: None,
        };
        let go_idle = *self.go_idle.get_ref();
        let figures = WorkloadMeasurement {
            workload: String::new(),
            service: String::new(),
            scenario,
            run: String::new(),
            note: String::new(),
            tail_note: String::new(),
            part,
            within_noise: Vec::new(),
            cpu_ratio: None,
            rust: twin(ratios.map(Ratio::estimate), go_idle),
            go: twin([Estimate::exact(1.0); 3], go_idle),
        };
        StandIn { answer: answer.to_owned(), figures }
    }
}
