//! The measured scenarios' ratios in every draw.

use crate::{
    Compared,
    measure::{Estimate, WorkloadMeasurement},
    streams::{BLOCK, BLOCKS, Keyed, Stream, fill, narrow},
    two_services::TwoServices,
    value::Ground,
};

/// The values of a measured scenario's ratios in every draw: noise is on the figures. Tail and
/// processor time are those of Rust and Go; the hybrid's follow from Rust's.
#[derive(Clone, Debug)]
pub(crate) struct CellStreams {
    pub(crate) tail: [Stream<f32>; 2],
    pub(crate) cpu: [Stream<f32>; 2],
    pub(crate) memory: [Stream<f32>; 3],
    /// The hybrid's memory as two services, where that is measured.
    pub(crate) memory_of_two: Option<Stream<f32>>,
}

/// By how much two services are slower than all in Rust, in every draw.
#[derive(Clone, Debug)]
pub(crate) struct TwoStreams {
    pub(crate) tail: Stream<f32>,
    pub(crate) cpu: Stream<f32>,
}

impl TwoStreams {
    pub(crate) fn new(two: &TwoServices, seed: u64) -> Self {
        let times = |what: &str, times: Estimate| {
            let mut next = drawn(seed, &format!("m:two-services/{what}"), times);
            fill(|| narrow(next()))
        };
        Self { tail: times("p999", two.p999), cpu: times("cpu", two.cpu) }
    }
}

/// Triangular on the log scale: the interval's ends are the noise's.
fn drawn(seed: u64, key: &str, figure: Estimate) -> impl FnMut() -> f64 + use<> {
    let mut keyed = Keyed::new(seed, key);
    let Estimate { value, low, high } = figure;
    move || {
        let noise = keyed.triangular();
        let end = if noise < 0.0 { value / low } else { high / value };
        let drawn = value * libm::exp(noise * libm::log(end));
        if drawn.is_finite() { drawn } else { value }
    }
}

impl CellStreams {
    /// `two` where the run is of a service, so that memory in MB can be added to it.
    pub(crate) fn new(
        measured: &WorkloadMeasurement,
        two: Option<&TwoServices>,
        ground: &Ground,
        seed: u64,
    ) -> Self {
        let hybrid = ground.model.hybrid;
        let drawn = |what: &str, option: &str, figure: Estimate| {
            let key = format!("m:{}/{}/{what}/{option}", measured.workload, measured.scenario);
            drawn(seed, &key, figure)
        };
        let shared = |mut rust: Box<dyn FnMut() -> f64>, mut go: Box<dyn FnMut() -> f64>| {
            let mut values = [(); 2].map(|()| vec![[0.0_f32; BLOCK]; BLOCKS]);
            let [for_rust, for_go] = &mut values;
            for (r, g) in for_rust.iter_mut().flatten().zip(for_go.iter_mut().flatten()) {
                let (rust, go) = (rust(), go());
                (*r, *g) = (narrow(rust.min(go) / rust), narrow(rust.min(go) / go));
            }
            values
        };
        let pair = |what: &str, [rust, go]: [Estimate; 2]| {
            shared(Box::new(drawn(what, "rust", rust)), Box::new(drawn(what, "go", go)))
        };
        let tail = measured.drawn_apart(Compared::P999, |twin| twin.half_load_p999_ms);
        let cpu = measured.drawn_apart(Compared::Cpu, |twin| twin.cpu_ms_per_request);
        let (tail, cpu) = (pair("p999", tail), pair("cpu", cpu));
        let [rust, go] = measured.drawn_apart(Compared::Memory, |twin| twin.loaded_pss_mb);
        let (mut rust_memory, mut go_memory) =
            (drawn("memory", "rust", rust), drawn("memory", "go", go));
        let go_idle = measured.go.idle_pss_mb.value;
        let mut more = two.map(|two| drawn("memory", "two-services", two.memory_mb));
        let mut each = fill(|| {
            let (rust, go_loaded) = (rust_memory(), go_memory());
            let both = hybrid.rust_loaded * rust + hybrid.go_idle * go_idle;
            let best = rust.min(go_loaded).min(both);
            let of_two = more.as_mut().map_or(both, |more| rust + more());
            [rust, go_loaded, both, of_two].map(|own| narrow(best / own))
        });
        let mut option = |option: usize| {
            let mut all = each.iter_mut().flatten();
            fill(|| all.next().and_then(|four| four.get(option).copied()).unwrap_or(0.0))
        };
        let memory = [0, 1, 2].map(&mut option);
        let memory_of_two = two.map(|_| option(3));
        Self { tail, cpu, memory, memory_of_two }
    }
}
