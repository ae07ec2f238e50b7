//! What the model expects of Rust and Go where nothing was measured, held against every committed
//! run; and whether the committed search was made with what is measured now.

use assay::evidence::{Evidence, Runs, SCENARIOS};
use assay_advice::{Model, Part, committed_leave_one_out, measured_digest};
use assay_evidence::{Summary, Twin};
use std::{path::Path, sync::Arc};

fn evidence() -> Evidence {
    let nothing = Path::new("no-such-folder-of-own-runs");
    Evidence::open(Arc::new(Model::builtin().clone()), None, nothing)
}

/// What a run's work is like: only a scenario that stands for computing work computes.
fn cpu_bound(summary: &Summary) -> &'static str {
    let standing = SCENARIOS.iter().find(|standing| standing.scenario == summary.scenario);
    if standing.is_some_and(|standing| standing.part == Some(Part::Computing)) {
        "yes"
    } else {
        "no"
    }
}

#[test]
fn no_committed_run_contradicts_what_the_model_expects() {
    let model: toml::Table = Model::builtin().text().parse().expect("TOML");
    let interval = |place: &str| {
        let ratio = place.split('.').fold(&model["expected"], |at, key| &at[key]);
        ["low", "high"]
            .map(|end| ratio[end].as_float().or(ratio[end].as_integer().map(|n| n as f64)))
    };
    let known = evidence().now();
    let runs: &Runs = &known.runs;
    assert!(runs.runs.len() >= 6, "the committed runs");
    let mut held = 0;
    for run in &runs.runs {
        let summary = &run.summary;
        let tail = format!("tail.{}", summary.resident_state);
        let cpu = format!("cpu.{}", cpu_bound(summary));
        for (metric, place) in [
            ("cpu_us_per_request", cpu.as_str()),
            ("loaded_pss_mb", "memory"),
            ("resident_pss_mb", "memory"),
            ("half_load_p999_us", tail.as_str()),
        ] {
            // A ratio without an interval, of too few blocks, contradicts nothing.
            let ratio = summary.metric(metric).and_then(|metric| metric.ratio);
            let Some(ratio) = ratio.filter(|ratio| ratio.low.is_some()) else { continue };
            let [Some(low), Some(high)] = interval(place) else { panic!("{place}") };
            assert!(
                (low..=high).contains(&ratio.estimate),
                "{}: {metric} is {:.3}, but expected.{place} is {low} to {high}. Widen it, or let \
                 another answer tell the two apart, and say why in backend.toml",
                run.name,
                ratio.estimate
            );
            held += 1;
        }
    }
    assert!(held >= 18, "{held} figures were held against the model");
    // A share without an interval lies among those that were measured.
    let idle = |summary: &Summary| {
        let of = |id| summary.metric(id).and_then(|metric| metric.twin(Twin::Go));
        Some(of("idle_pss_mb")?.value / of("loaded_pss_mb")?.value)
    };
    let shares: Vec<f64> = runs.runs.iter().filter_map(|run| idle(&run.summary)).collect();
    let go_idle = model["expected"]["go_idle"].as_float().expect("a share");
    assert!(shares.iter().any(|share| *share <= go_idle), "{go_idle} is below all of {shares:?}");
    assert!(shares.iter().any(|share| *share >= go_idle), "{go_idle} is above all of {shares:?}");
}

#[test]
fn the_committed_search_used_what_is_measured_now() {
    let found = committed_leave_one_out().expect("one for this model and these levers");
    let known = evidence().now();
    assert_eq!(
        found.measured,
        measured_digest(known.engine.measurements()),
        "the runs in use have changed: run `cargo run -p assay --example leave-one-out > \
         app/advice/models/leave-one-out.toml`"
    );
}

/// A difference within the noise of its own run must not speak in the advice.
#[test]
fn the_advice_knows_what_may_be_noise() {
    let known = evidence().now();
    for measured in &known.engine.measurements().workloads {
        let run = known.runs.get(&measured.run).expect("the run");
        let noise = run.summary.may_be_noise("half_load_p999_us");
        let mute = measured.within_noise.contains(&assay_advice::Compared::P999);
        assert_eq!(noise, mute, "{}", measured.run);
    }
    let quotes = known.engine.measurements().workloads.first().expect("json-quotes");
    assert!(quotes.within_noise.contains(&assay_advice::Compared::P999), "{quotes:?}");
    assert!(!quotes.within_noise.contains(&assay_advice::Compared::Cpu));
}
