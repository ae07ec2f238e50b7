//! The measured scenarios' ratios in every draw.

use crate::{
    Compared,
    measure::{Estimate, WorkloadMeasurement},
    streams::{BLOCK, BLOCKS, Keyed, Stream, fill, narrow},
    value::Ground,
};

/// The values of a measured scenario's ratios in every draw: noise is on the figures. Tail and
/// processor time are those of Rust and Go; the hybrid's are Rust's.
#[derive(Clone, Debug)]
pub(crate) struct CellStreams {
    pub(crate) tail: [Stream<f32>; 2],
    pub(crate) cpu: [Stream<f32>; 2],
    pub(crate) memory: [Stream<f32>; 3],
}

impl CellStreams {
    pub(crate) fn new(measured: &WorkloadMeasurement, ground: &Ground, seed: u64) -> Self {
        let hybrid = ground.model.hybrid;
        let drawn = |what: &str, option: &str, figure: Estimate| {
            let key = format!("m:{}/{}/{what}/{option}", measured.workload, measured.scenario);
            let mut keyed = Keyed::new(seed, &key);
            let Estimate { value, low, high } = figure;
            // Triangular on the log scale: the interval's ends are the noise's.
            move || {
                let noise = keyed.triangular();
                let end = if noise < 0.0 { value / low } else { high / value };
                let drawn = value * libm::exp(noise * libm::log(end));
                if drawn.is_finite() { drawn } else { value }
            }
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
        let mut triples = fill(|| {
            let (rust, go_loaded) = (rust_memory(), go_memory());
            let both = hybrid.rust_loaded * rust + hybrid.go_idle * go_idle;
            let best = rust.min(go_loaded).min(both);
            [narrow(best / rust), narrow(best / go_loaded), narrow(best / both)]
        });
        let memory = [0, 1, 2].map(|option: usize| {
            let mut all = triples.iter_mut().flatten();
            fill(|| all.next().and_then(|triple| triple.get(option).copied()).unwrap_or(0.0))
        });
        Self { tail, cpu, memory }
    }
}
