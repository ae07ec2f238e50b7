//! Criterion benchmarks of the hot paths; the inputs they share.

use assay_advice::{
    AnswerValue, Answers, Estimate, Measurements, Model, Part, Question, SweepPoint, TwinFigures,
    WorkloadMeasurement, presets,
};

/// A made-up measurement of a JSON API, so that every criterion takes part.
#[must_use]
pub fn measured() -> Measurements {
    let about = |value: f64| Estimate { value, low: value * 0.95, high: value * 1.05 };
    let twin = |cpu_ms: f64, memory_mb: f64, p99_ms: f64| TwinFigures {
        capacity_rps_per_core: about(1000.0 / cpu_ms),
        cpu_ms_per_request: about(cpu_ms),
        idle_pss_mb: about(memory_mb / 2.0),
        loaded_pss_mb: about(memory_mb),
        pss_kb_per_connection: Some(about(8.0)),
        half_load_p99_ms: about(p99_ms),
        half_load_p999_ms: about(p99_ms * 3.0),
        resident_state: "small".to_owned(),
        sweep: (1..10)
            .map(|tenth| SweepPoint {
                rps_per_core: f64::from(tenth) * 100.0 / cpu_ms,
                p99_ms: p99_ms * f64::from(tenth) / 5.0,
                p999_ms: p99_ms * f64::from(tenth) * 3.0 / 5.0,
            })
            .collect(),
        clean_build_s: None,
        incremental_build_s: None,
    };
    Measurements {
        beside: Vec::new(),
        two_services: None,
        workloads: vec![WorkloadMeasurement {
            workload: "json_api".to_owned(),
            service: "made-up".to_owned(),
            scenario: "made-up".to_owned(),
            run: "made-up".to_owned(),
            note: String::new(),
            tail_note: String::new(),
            part: Part::Whole,
            within_noise: Vec::new(),
            cpu_ratio: None,
            rust: twin(0.02, 8.0, 0.6),
            go: twin(0.05, 30.0, 1.5),
        }],
    }
}

/// A full sheet, its core answers only, and an empty one.
#[must_use]
pub fn sheets(model: &Model) -> Vec<(&'static str, Answers)> {
    let preset = presets().iter().find(|preset| preset.id == "auth-crypto");
    let mut full = preset.map(|preset| preset.answers.clone()).unwrap_or_default();
    for (id, value) in [("newcomers", "some"), ("embedding", "maybe")] {
        full = full.with(model, id, AnswerValue::One(value)).unwrap_or(full);
    }
    let extra = |question: &&Question| !question.core;
    let core = model.questions().iter().filter(extra).fold(full.clone(), |answers, question| {
        answers.with(model, &question.id, AnswerValue::Unanswered).unwrap_or(answers)
    });
    vec![("full", full), ("core only", core), ("empty", Answers::default())]
}
