//! What has been measured of the reference services, as the advice needs it.

/// Everything measured that the advice may rest on; by default nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurements {
    /// One entry for each scenario of each workload.
    pub workloads: Vec<WorkloadMeasurement>,
    /// Workloads that something was measured of, but nothing that may stand for them.
    pub beside: Vec<Beside>,
    /// What a hybrid of two services costs.
    pub two_services: Option<TwoServices>,
}

impl Measurements {
    /// Every run that is used, with its scenario.
    pub fn runs(&self) -> impl Iterator<Item = (&str, &str)> {
        let two = self.two_services.iter().map(|it| (it.run.as_str(), it.scenario.as_str()));
        let workloads = self.workloads.iter();
        workloads.map(|it| (it.run.as_str(), it.scenario.as_str())).chain(two)
    }

    /// What is told of a workload that no measurement stands for.
    pub(crate) fn nothing_for(&self, workload: Option<&str>) -> String {
        let Some(beside) = self.beside.iter().find(|it| Some(it.workload.as_str()) == workload)
        else {
            return "Nothing has been measured for a service like this yet.".to_owned();
        };
        let stands = match &beside.stands {
            Some(scenario) => format!("only a run of {scenario} would, and none is in use"),
            None => "no scenario stands for it yet".to_owned(),
        };
        let runs = match beside.scenarios.as_slice() {
            [] => String::new(),
            [one] => format!("; what was measured with {one} answers a question of its own"),
            several => {
                format!("; what was measured with {} answers questions of their own", join(several))
            }
        };
        format!("Nothing measured so far stands for a service like this: {stands}{runs}.")
    }
}

/// What was measured of a workload without standing for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The answer to the question `workload`.
    pub workload: String,
    /// The scenario that would stand for it; absent when none does.
    pub stands: Option<String>,
    /// The scenarios that were measured all the same.
    pub scenarios: Vec<String>,
}

/// One scenario of one reference service, measured as a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadMeasurement {
    /// The answer to the question `workload` that it stands for, for example `json_api`.
    pub workload: String,
    /// The reference service, for example `fastjson-api`.
    pub service: String,
    /// The scenario's id.
    pub scenario: String,
    /// The run folder's name.
    pub run: String,
    /// What a reader must know about the run, in a sentence; may be empty.
    pub note: String,
    /// Under which conditions the latency tail was taken and how far it varies, in a few words; may
    /// be empty.
    pub tail_note: String,
    /// What of the workload it speaks for.
    pub part: Part,
    /// Where the difference of the twins lies within the run's noise floor: it may be noise, so it
    /// counts as none.
    pub within_noise: Vec<Compared>,
    /// Processor time per request, Rust ÷ Go, from paired blocks; absent when there were too few
    /// for an interval.
    pub cpu_ratio: Option<Estimate>,
    /// The Rust twin.
    pub rust: TwinFigures,
    /// The Go twin.
    pub go: TwinFigures,
}

/// What of a workload a scenario speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Capacity, processor time and memory, and the latency tail with its amount of data in memory.
    #[default]
    Whole,
    /// Only the latency tail with its amount of data in memory.
    Tail,
    /// Capacity, processor time and memory where the service mostly computes
    /// (`cpu_bound = "yes"`).
    Computing,
}

/// What is compared between the twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Requests per second.
    Capacity,
    /// Processor time per request.
    Cpu,
    /// Memory under load.
    Memory,
    /// The slowest 1 in 100 requests.
    P99,
    /// The slowest 1 in 1000 requests.
    P999,
}

impl WorkloadMeasurement {
    /// Two figures as the advice counts them: both their geometric mean where the difference may be
    /// noise.
    pub(crate) fn told_apart(&self, compared: Compared, both: [f64; 2]) -> [f64; 2] {
        let [rust, go] = both;
        if self.are_alike(compared, both) { [libm::sqrt(rust * go); 2] } else { both }
    }

    /// Whether the difference of two figures may be noise. That of a twin which is overloaded, and
    /// so has no latency, is none.
    pub(crate) fn are_alike(&self, compared: Compared, both: [f64; 2]) -> bool {
        self.may_be_noise(compared) && both.iter().all(|figure| figure.is_finite())
    }

    /// The same with intervals: where the difference may be noise, no draw tells the two apart.
    pub(crate) fn drawn_apart(
        &self,
        compared: Compared,
        of: fn(&TwinFigures) -> Estimate,
    ) -> [Estimate; 2] {
        let [rust, go] = [of(&self.rust), of(&self.go)];
        if self.may_be_noise(compared) {
            return self.told_apart(compared, [rust.value, go.value]).map(Estimate::exact);
        }
        [rust, go]
    }

    /// Whether the difference may be noise.
    pub(crate) fn may_be_noise(&self, compared: Compared) -> bool {
        self.within_noise.contains(&compared)
    }
}

/// The figures of one twin.
#[derive(Clone, Debug, PartialEq)]
pub struct TwinFigures {
    /// Requests per second and core at the edge of its latency limit.
    pub capacity_rps_per_core: Estimate,
    /// Processor time per request, in ms.
    pub cpu_ms_per_request: Estimate,
    /// Memory (proportional set size) when idle, in MB.
    pub idle_pss_mb: Estimate,
    /// Memory under load, in MB.
    pub loaded_pss_mb: Estimate,
    /// Memory of one more connection, in kB.
    pub pss_kb_per_connection: Option<Estimate>,
    /// p99 latency at half capacity, in ms.
    pub half_load_p99_ms: Estimate,
    /// p99.9 latency at half capacity, in ms.
    pub half_load_p999_ms: Estimate,
    /// The answer to the question `resident_state` that the scenario stands for.
    pub resident_state: String,
    /// Latency against throughput, by rising throughput.
    pub sweep: Vec<SweepPoint>,
    /// A build from nothing, in s.
    pub clean_build_s: Option<Estimate>,
    /// A build after a small change, in s.
    pub incremental_build_s: Option<Estimate>,
}

/// Latency at one throughput.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepPoint {
    /// Requests per second and core.
    pub rps_per_core: f64,
    /// p99 latency, in ms.
    pub p99_ms: f64,
    /// p99.9 latency, in ms.
    pub p999_ms: f64,
}

/// A figure with its 95% interval: `low <= value <= high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Estimate {
    /// A figure taken as exact.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }
}

use crate::{
    situation::{Known, Number, Situation},
    two_services::{Hybrid, TwoServices},
    wording::join,
};

/// What the answers to `tail_latency` stand for, in ms of p99 (DESIGN: bands 500/50/10), by
/// order of tightening; the last also asks this of p99.9.
const BANDS_MS: [f64; 3] = [500.0, 50.0, 10.0];

/// The least log₂ headroom told apart; beyond it a need is missed hopelessly.
pub(crate) const LEAST_LOG2: f64 = -20.0;

/// The most needs held against a measurement: throughput, p99, p99.9 and memory.
pub(crate) const MOST_NEEDS: usize = 4;

/// The needs as numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Needs {
    peak_rps: Option<Number>,
    cores: Option<Number>,
    cpu_ms: Option<Number>,
    p99_ms: Option<Number>,
    memory_mb: Option<Number>,
    connections: Option<Number>,
    existing_rust: bool,
}

impl Needs {
    pub(crate) fn new(known: &Known, situation: &Situation, existing_rust: bool) -> Self {
        Self {
            peak_rps: situation.number(known.peak_rps),
            cores: situation.number(known.cores),
            cpu_ms: situation.number(known.cpu_ms),
            p99_ms: situation.number(known.p99_ms),
            memory_mb: situation.number(known.memory_mb),
            connections: situation.number(known.connections),
            existing_rust,
        }
    }

    /// Whether some number is marked as a must.
    pub(crate) fn any_must(&self) -> bool {
        [self.peak_rps, self.p99_ms, self.memory_mb].iter().flatten().any(|number| number.must)
    }

    /// A peak that cannot be held against anything, because the cores are not stated.
    pub(crate) fn unchecked_peak(&self) -> Option<Number> {
        self.peak_rps.filter(|_| self.cores.is_none())
    }

    /// What must be said before every must can be checked, in words.
    pub(crate) fn missing_for_musts(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.unchecked_peak().is_some_and(|peak| peak.must) {
            missing.push("how many cores it may use".to_owned());
        }
        if self.any_must() && !self.work_is_known() {
            missing.push("how much processor time one request takes".to_owned());
        }
        missing
    }

    /// Whether the work of one request is known; without it every capacity is an upper bound.
    pub(crate) const fn work_is_known(&self) -> bool {
        self.cpu_ms.is_some()
    }

    /// The user's CPU time per request ÷ that of the twin in the existing language, else Go's.
    pub(crate) fn work_factor(&self, measured: &WorkloadMeasurement) -> Option<f64> {
        let twin = if self.existing_rust { &measured.rust } else { &measured.go };
        self.cpu_ms.map(|cpu_ms| cpu_ms.value / twin.cpu_ms_per_request.value)
    }
}

/// One need held against Rust, Go and the hybrid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) id: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) need: f64,
    pub(crate) must: bool,
    /// In the need's unit.
    pub(crate) measured: [f64; 3],
    /// Whether the twins' difference may be noise, so that it does not count.
    pub(crate) alike: bool,
    /// log₂ of capacity ÷ need, of each option's own figure.
    pub(crate) own_log2: [f64; 3],
    /// log₂ of capacity ÷ need, as it counts.
    pub(crate) log2: [f64; 3],
    /// Half the width of the interval of `log2`.
    pub(crate) width: [f64; 3],
}

/// The headroom of Rust, Go and the hybrid over all needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Headroom {
    /// log₂ of the least.
    pub(crate) log2: [f64; 3],
    /// Over each need: with noise another than the least may become the least.
    pub(crate) margins: [Margin; MOST_NEEDS],
}

/// The headroom over one need; infinite in the place of one that is not stated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Margin {
    /// log₂ of capacity ÷ need.
    pub(crate) log2: [f64; 3],
    /// Half the width of its interval.
    pub(crate) width: [f64; 3],
    /// Whether missing the need rules an option out.
    pub(crate) must: bool,
}

impl Margin {
    const NONE: Self = Self { log2: [f64::INFINITY; 3], width: [0.0; 3], must: false };
}

impl Headroom {
    /// The least of each option over the musts at the lower and at the upper end of their intervals;
    /// infinite without a must.
    pub(crate) fn musts(&self) -> [[f64; 2]; 3] {
        let mut ends = [[f64::INFINITY; 2]; 3];
        for margin in self.margins.iter().filter(|margin| margin.must) {
            for (([low, high], log2), width) in ends.iter_mut().zip(margin.log2).zip(margin.width) {
                (*low, *high) = (low.min(log2 - width), high.min(log2 + width));
            }
        }
        ends
    }
}

impl Estimate {
    /// Half the width of the interval on a log₂ scale.
    fn width(self) -> f64 {
        let width = 0.5 * libm::log2(self.high / self.low);
        if width.is_finite() { width.max(0.0) } else { 0.0 }
    }
}

impl TwinFigures {
    fn p99_at(&self, load: Option<f64>) -> f64 {
        self.latency_at(load, self.half_load_p99_ms.value, |point| point.p99_ms)
    }

    fn p999_at(&self, load: Option<f64>) -> f64 {
        self.latency_at(load, self.half_load_p999_ms.value, |point| point.p999_ms)
    }

    /// Reads the sweep at a load, linear between its points; beyond capacity nothing is met.
    fn latency_at(&self, load: Option<f64>, half: f64, of: fn(&SweepPoint) -> f64) -> f64 {
        let Some(load) = load else { return half };
        let mut before: Option<&SweepPoint> = None;
        for point in &self.sweep {
            if load <= point.rps_per_core {
                return before.map_or(of(point), |before| {
                    let span = point.rps_per_core - before.rps_per_core;
                    let part = if span > 0.0 { (load - before.rps_per_core) / span } else { 1.0 };
                    of(before) + part * (of(point) - of(before))
                });
            }
            before = Some(point);
        }
        if load > self.capacity_rps_per_core.value {
            return f64::INFINITY;
        }
        before.map_or(half, of)
    }
}

/// Holds every stated need against the measurement, one after another. `band` is the state of
/// `tail_latency`.
pub(crate) fn hold(
    measured: &WorkloadMeasurement,
    needs: &Needs,
    band: Option<u8>,
    hybrid: Hybrid<'_>,
    sink: &mut dyn FnMut(Held),
) {
    let (rust, go) = (&measured.rust, &measured.go);
    let share = hybrid.share(measured, needs);
    let slowdown = hybrid.times(share, |two| two.slowdown);
    let factor = needs.work_factor(measured).unwrap_or(1.0);
    let load = match (needs.peak_rps, needs.cores) {
        (Some(peak), Some(cores)) => Some(peak.value / cores.value * factor),
        _ => None,
    };
    if let (Some(peak), Some(cores)) = (needs.peak_rps, needs.cores) {
        let of = |twin: &TwinFigures| twin.capacity_rps_per_core.value / factor * cores.value;
        let width = [rust.capacity_rps_per_core.width(), go.capacity_rps_per_core.width()];
        let both = Both::of(measured, Compared::Capacity, [of(rust), of(go)], width);
        sink(more("throughput", "requests/s", peak, both, slowdown));
    }
    // A load that Rust carries may be beyond the hybrid.
    let beyond = |load: f64| load * slowdown.value > rust.capacity_rps_per_core.value;
    let overloaded = hybrid.two.is_some() && load.is_some_and(beyond);
    let longer = |of: fn(&TwoServices) -> Estimate| match overloaded {
        true => Estimate::exact(f64::INFINITY),
        false => hybrid.times(share, of),
    };
    let in_band = band.and_then(|band| BANDS_MS.get(usize::from(band)));
    let p99 = needs.p99_ms.or(in_band.map(|ms| Number { value: *ms, must: false }));
    if let Some(p99) = p99 {
        let width = [rust.half_load_p99_ms.width(), go.half_load_p99_ms.width()];
        let figures = [rust.p99_at(load), go.p99_at(load)];
        let both = Both::of(measured, Compared::P99, figures, width);
        sink(less("p99_ms", "ms", p99, both, longer(|two| two.p99)));
    }
    if let (Some(&tightest), true) = (BANDS_MS.last(), in_band == BANDS_MS.last()) {
        let width = [rust.half_load_p999_ms.width(), go.half_load_p999_ms.width()];
        let need = Number { value: tightest, must: false };
        let figures = [rust.p999_at(load), go.p999_at(load)];
        let both = Both::of(measured, Compared::P999, figures, width);
        sink(less("p999_ms", "ms", need, both, longer(|two| two.p999)));
    }
    if let Some(limit) = needs.memory_mb {
        let per_connection =
            |twin: &TwinFigures| match (needs.connections, twin.pss_kb_per_connection) {
                (Some(connections), Some(kb)) => connections.value * kb.value / 1000.0,
                _ => 0.0,
            };
        let of = |twin: &TwinFigures| twin.loaded_pss_mb.value + per_connection(twin);
        let width = [rust.loaded_pss_mb.width(), go.loaded_pss_mb.width()];
        let both = Both::of(measured, Compared::Memory, [of(rust), of(go)], width);
        let mut held = less("memory_mb", "MB", limit, both, Estimate::exact(1.0));
        let ([counted, _], [_, _, log2]) = (both.counted, &mut held.log2);
        let ([_, _, measured], [_, _, width]) = (&mut held.measured, &mut held.width);
        if let Some(two) = hybrid.two {
            // Its edge holds the connections.
            let clients = per_connection(go) - per_connection(rust);
            let whole = |rust: f64, edge: f64| rust + clients + edge;
            let Estimate { value, low, high } = two.memory_mb;
            let [narrow, wide] = [-*width, *width].map(libm::exp2);
            let [low, high] = [whole(counted * narrow, low), whole(counted * wide, high)];
            let counted = Estimate { value: whole(counted, value), low, high };
            *measured = whole(of(rust), value);
            (*log2, *width) = (ratio(limit.value, counted.value), counted.width());
        } else {
            let idle = hybrid.memory.go_idle * go.idle_pss_mb.value;
            let both = |rust: f64| hybrid.memory.rust_loaded * rust + idle;
            (*measured, *log2) = (both(of(rust)), ratio(limit.value, both(counted)));
        }
        let [_, _, own_log2] = &mut held.own_log2;
        *own_log2 = ratio(limit.value, *measured);
        sink(held);
    }
}

fn ratio(above: f64, below: f64) -> f64 {
    let log2 = libm::log2(above / below);
    if log2.is_nan() { LEAST_LOG2 } else { log2.clamp(LEAST_LOG2, -LEAST_LOG2) }
}

/// What Rust and Go offer for one need.
#[derive(Clone, Copy)]
struct Both {
    /// As measured.
    measured: [f64; 2],
    /// As it counts.
    counted: [f64; 2],
    /// Half the width of the intervals on a log₂ scale.
    width: [f64; 2],
    alike: bool,
}

impl Both {
    fn of(
        run: &WorkloadMeasurement,
        compared: Compared,
        measured: [f64; 2],
        [rust, go]: [f64; 2],
    ) -> Self {
        let alike = run.are_alike(compared, measured);
        let width = if alike { [rust.max(go); 2] } else { [rust, go] };
        Self { measured, counted: run.told_apart(compared, measured), width, alike }
    }
}

/// A need of which more is better: capacity ÷ need. The hybrid offers Rust's ÷ `times`.
fn more(id: &'static str, unit: &'static str, need: Number, both: Both, times: Estimate) -> Held {
    let log2 = |offered| ratio(offered, need.value);
    held(id, unit, need, both, times, |rust| rust / times.value, log2)
}

/// A need of which less is better: need ÷ measured. The hybrid takes Rust's × `times`.
fn less(id: &'static str, unit: &'static str, need: Number, both: Both, times: Estimate) -> Held {
    let log2 = |offered| ratio(need.value, offered);
    held(id, unit, need, both, times, |rust| rust * times.value, log2)
}

fn held(
    id: &'static str,
    unit: &'static str,
    need: Number,
    both: Both,
    times: Estimate,
    hybrid: impl Fn(f64) -> f64,
    log2: impl Fn(f64) -> f64,
) -> Held {
    let three = |[rust, go]: [f64; 2]| [rust, go, hybrid(rust)];
    let [rust, go] = both.width;
    Held {
        id,
        unit,
        need: need.value,
        must: need.must,
        measured: three(both.measured),
        alike: both.alike,
        own_log2: three(both.measured).map(&log2),
        log2: three(both.counted).map(&log2),
        width: [rust, go, rust + times.width()],
    }
}

/// The headroom over all needs; none without a need. A must rules nothing out while the work of a
/// request is unknown.
pub(crate) fn headroom(
    measured: &WorkloadMeasurement,
    needs: &Needs,
    band: Option<u8>,
    hybrid: Hybrid<'_>,
) -> Option<Headroom> {
    let mut found = Headroom { log2: [f64::INFINITY; 3], margins: [Margin::NONE; MOST_NEEDS] };
    let mut places = 0..MOST_NEEDS;
    hold(measured, needs, band, hybrid, &mut |held| {
        let place = places.next().and_then(|place| found.margins.get_mut(place));
        let Some(margin) = place else { return };
        let Held { log2, width, .. } = held;
        *margin = Margin { log2, width, must: held.must && needs.work_is_known() };
        found.log2.iter_mut().zip(log2).for_each(|(least, own)| *least = least.min(own));
    });
    (places.start > 0).then_some(found)
}
