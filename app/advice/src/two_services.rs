//! What a hybrid costs as two services, as it was measured over a whole path: a Go edge in front of
//! Rust, against the same path all in Rust.
//!
//! The path's ratios are carried over to other workloads. A request that takes more processor time
//! than one on that path pays no more for its edge than was measured; the others pay in proportion.
//! A hybrid in one process, and any while no such path is measured, is taken to be like Rust.

use crate::{
    ByOption, Estimate, WorkloadMeasurement,
    measure::Needs,
    model::HybridMemory,
    situation::Situation,
    value::Ground,
    wording::{counted, short},
};

/// What was measured over a whole path of services. A ratio goes from 1, for a Go side that is on no
/// request's way, to the one measured; it is 1, and the memory 0, where the difference may be noise.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoServices {
    /// The scenario's id.
    pub scenario: String,
    /// The run folder's name.
    pub run: String,
    /// Processor time per request, hybrid ÷ all in Rust; at least 1, as the other ratios.
    pub cpu: Estimate,
    /// Capacity, all in Rust ÷ hybrid.
    pub slowdown: Estimate,
    /// p99 latency at half load, hybrid ÷ all in Rust.
    pub p99: Estimate,
    /// p99.9 latency at half load, hybrid ÷ all in Rust.
    pub p999: Estimate,
    /// Memory under load, hybrid − all in Rust, in MB.
    pub memory_mb: Estimate,
    /// Processor time per request over the whole path, in ms.
    pub path_cpu_ms: ByOption<f64>,
    /// What the path costs to build and to ship, where that is measured.
    pub shipped: Option<ByOption<Shipped>>,
}

/// A whole path as it is built and shipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shipped {
    /// How many images.
    pub images: usize,
    /// All of them together, in MB.
    pub image_mb: f64,
    /// A build of all from nothing, in s.
    pub clean_build_s: f64,
}

/// What the hybrid's figures follow from, beside the twins'.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hybrid<'a> {
    pub(crate) memory: HybridMemory,
    /// None for one process, and while no path is measured.
    pub(crate) two: Option<&'a TwoServices>,
}

impl<'a> Hybrid<'a> {
    /// How much of the path's ratios counts, 0 to 1: 0 while the hybrid is taken to be like Rust.
    pub(crate) fn share(self, run: &WorkloadMeasurement, needs: &Needs) -> f64 {
        let Some(two) = self.two else { return 0.0 };
        let work_ms = needs.work_factor(run).map(|f| f * run.rust.cpu_ms_per_request.value);
        work_ms.map_or(1.0, |work_ms| (two.path_cpu_ms.rust / work_ms).min(1.0))
    }

    /// What counts of a ratio.
    pub(crate) fn times(self, share: f64, of: fn(&TwoServices) -> Estimate) -> Estimate {
        self.two.map_or(Estimate::exact(1.0), |two| {
            let Estimate { value, low, high } = of(two);
            Estimate { value: part(value, share), low: part(low, share), high: part(high, share) }
        })
    }

    /// What counts of a ratio, in words: "2.03 (1 to 4.2) times Rust's processor time".
    pub(crate) fn words(self, share: f64, of: fn(&TwoServices) -> Estimate, what: &str) -> String {
        let Estimate { value, low, high } = self.times(share, of);
        if high == 1.0 {
            return format!("Rust's {what}");
        }
        let [value, low, high] = [value, low, high].map(short);
        format!("{value} ({low} to {high}) times Rust's {what}")
    }
}

/// A ratio of which only a share counts.
fn part(ratio: f64, share: f64) -> f64 {
    1.0 + (ratio - 1.0) * share
}

impl TwoServices {
    /// " and 14.1 MB more"; empty where the difference may be noise.
    pub(crate) fn more_memory(&self) -> String {
        match self.memory_mb.value {
            more if more > 0.0 => format!(" and {} more", counted(more, "MB")),
            _ => String::new(),
        }
    }

    /// "; on the path measured that was 3 images of 25 MB, built from nothing in 90 s, …".
    pub(crate) fn shipped_words(&self) -> String {
        let Some(shipped) = &self.shipped else { return String::new() };
        let [hybrid, rust, go] = [shipped.hybrid, shipped.rust, shipped.go].map(|it| {
            let (images, size) = (it.images, counted(it.image_mb, "MB"));
            let time = counted(it.clean_build_s, "s");
            format!("{images} images of {size} built from nothing in {time}")
        });
        format!(
            "; on the path measured ({}) that was {hybrid}, all in Rust {rust}, all in Go {go}",
            self.scenario
        )
    }

    /// "(gateway-hybrid, 2026-11-22-host)".
    pub(crate) fn source(&self) -> String {
        format!("({}, {})", self.scenario, self.run)
    }
}

impl Ground {
    /// The hybrid that the answers point to.
    pub(crate) fn hybrid(&self, situation: &Situation) -> Hybrid<'_> {
        let two = self.measurements.two_services.as_ref();
        let two = two.filter(|_| self.in_process(situation).is_none());
        Hybrid { memory: self.model.hybrid, two }
    }

    /// The conditions that point to a hybrid in one process, if all of one hold.
    pub(crate) fn in_process(&self, situation: &Situation) -> Option<&[(crate::expr::Factor, u8)]> {
        let mut each = self.model.in_process.iter();
        let holds = |when: &&Vec<(crate::expr::Factor, u8)>| {
            when.iter().all(|(factor, state)| situation.factor(*factor) == Some(*state))
        };
        each.find(holds).map(Vec::as_slice)
    }

    /// Whether what is measured of the hybrid may change with a question.
    pub(crate) fn hybrid_depends(&self, question: usize) -> bool {
        let work = [self.known.cpu_ms, self.known.existing_code];
        let mut conditions = self.model.in_process.iter().flatten();
        self.measurements.two_services.is_some()
            && (work.contains(&Some(question))
                || conditions.any(|(factor, _)| factor.question == question))
    }

    /// Whether two situations have the same hybrid, as far as it is measured.
    pub(crate) fn same_hybrid(&self, one: &Situation, two: &Situation) -> bool {
        let work =
            |it: &Situation| (it.number(self.known.cpu_ms), it.state(self.known.existing_code));
        self.measurements.two_services.is_none()
            || (work(one) == work(two)
                && self.in_process(one).is_some() == self.in_process(two).is_some())
    }
}
