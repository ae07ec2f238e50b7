//! What several tests share.

use std::sync::OnceLock;

use assay_advice::{
    AnswerValue, Answers, Engine, Estimate, Measurements, Model, Part, QuestionKind, SEED,
    TwinFigures, WorkloadMeasurement,
};
use proptest::prelude::*;

/// The built-in model without measurements.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(Model::builtin().clone(), Measurements::default(), SEED))
}

/// The built-in model with a made-up measurement of a JSON API.
pub(crate) fn measured_engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let measured = measurements(twin(0.1, 20.0, 1.0), twin(0.2, 60.0, 3.0));
        Engine::new(Model::builtin().clone(), measured, SEED)
    })
}

/// Answers from the lines below `[answers]`.
pub(crate) fn answers(model: &Model, lines: &str) -> Answers {
    Answers::from_toml(model, &format!("[answers]\n{lines}")).expect("good answers").answers
}

pub(crate) fn twin(cpu_ms: f64, memory_mb: f64, p99_ms: f64) -> TwinFigures {
    TwinFigures {
        capacity_rps_per_core: Estimate::exact(1000.0 / cpu_ms),
        cpu_ms_per_request: Estimate::exact(cpu_ms),
        idle_pss_mb: Estimate::exact(memory_mb / 2.0),
        loaded_pss_mb: Estimate::exact(memory_mb),
        pss_kb_per_connection: Some(Estimate::exact(10.0)),
        half_load_p99_ms: Estimate::exact(p99_ms),
        half_load_p999_ms: Estimate::exact(p99_ms * 2.0),
        resident_state: "small".to_owned(),
        sweep: Vec::new(),
        clean_build_s: None,
        incremental_build_s: None,
    }
}

pub(crate) fn measurements(rust: TwinFigures, go: TwinFigures) -> Measurements {
    Measurements {
        beside: Vec::new(),
        two_services: None,
        workloads: vec![WorkloadMeasurement {
            workload: "json_api".to_owned(),
            service: "fastjson-api".to_owned(),
            scenario: "quotes".to_owned(),
            run: "made-up".to_owned(),
            note: String::new(),
            tail_note: String::new(),
            part: Part::Whole,
            within_noise: Vec::new(),
            cpu_ratio: None,
            rust,
            go,
        }],
    }
}

/// A model of judged criteria only: (swing, Rust, Go, hybrid), each in a group of its own.
pub(crate) fn judged(criteria: &[(f64, f64, f64, f64)]) -> String {
    let mut text = "id = \"t\"\nversion = \"1\"\nquestion = []\n".to_owned();
    for at in 0..criteria.len() {
        text += &format!("[[group]]\nid = \"g{at}\"\nname = \"G\"\n");
    }
    for (at, (swing, rust, go, hybrid)) in criteria.iter().enumerate() {
        text += &format!(
            "[[criterion]]\nid = \"c{at}\"\nname = \"C{at}\"\ngroup = \"g{at}\"\nswing = {swing}\n\
             value = {{ rust = {rust}, go = {go}, hybrid = {hybrid} }}\n"
        );
    }
    text
}

/// Any sheet: for each question none of its answers, or one.
pub(crate) fn sheets() -> impl Strategy<Value = Answers> {
    prop::collection::vec(0..8_usize, Model::builtin().questions().len()).prop_map(|picks| {
        let model = Model::builtin();
        let mut sheet = Answers::default();
        for (question, pick) in model.questions().iter().zip(picks) {
            let value = match &question.kind {
                QuestionKind::One(answers) => answers
                    .get(pick)
                    .map_or(AnswerValue::Unanswered, |a| AnswerValue::One(&a.value)),
                QuestionKind::Number { min, max, .. } if pick > 3 => {
                    AnswerValue::Number { value: (min * 10.0).max(6.0).min(*max), must: false }
                }
                _ => AnswerValue::Unanswered,
            };
            sheet = sheet.with(model, &question.id, value).expect("an answer of the model");
        }
        sheet
    })
}
