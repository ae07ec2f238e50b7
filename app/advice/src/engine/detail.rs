//! What lies behind a recommendation: each criterion, and what the draws say beyond the shares.

use super::{DRAWS, Engine, compared, contributions};
use crate::{
    Answers, ByOption, Choice,
    kernel::Plan,
    situation::Situation,
    smaa::{Acceptability, acceptability},
    streams::BLOCK,
};

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
    /// For each open question that plays a part: the share of draws in which the winner changes
    /// when it alone is drawn again, greatest first.
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
    /// Swing points, averaged over open answers; 0 when it is neither measured nor expected.
    pub swing: f64,
    /// The share of all swing, 0 to 1.
    pub weight: f64,
    /// What each option offers, 0 to 1; absent when it is neither measured nor expected.
    pub values: ByOption<Option<f64>>,
    /// Whether a measurement is behind the values, at least in part.
    pub measured: bool,
    /// Whether the model's expectation stands in for a measurement, at least in part.
    pub expected: bool,
    /// The contribution to the first option over the second.
    pub contribution: f64,
    /// The first option and the second, that the contribution compares.
    pub compared: (Choice, Choice),
}

impl Engine {
    /// How robust the recommendation is, in full.
    #[must_use]
    pub fn robustness(&self, answers: &Answers) -> Robustness {
        let situation = Situation::new(&self.ground.model, answers);
        let plan = self.plan(&situation);
        let criteria = self.ground.model.criteria();
        let found = self.sampled(&plan, criteria.len());
        let named = |weights: &Vec<f64>| {
            criteria.iter().map(|c| c.id.clone()).zip(weights.iter().copied()).collect()
        };
        let at = |choice: Choice| choice as usize;
        Robustness {
            ranks: ByOption::from_fn(|choice| {
                let ranks = found.ranks.get(at(choice)).map(Vec::as_slice);
                if let Some([first, second, third]) = ranks {
                    [*first, *second, *third]
                } else {
                    [0.0; 3]
                }
            }),
            central_weights: ByOption::from_fn(|choice| {
                let weights = found.central_weights.get(at(choice));
                weights.and_then(Option::as_ref).map(named).unwrap_or_default()
            }),
            confidence: ByOption::from_fn(|choice| {
                found.confidence.get(at(choice)).copied().flatten()
            }),
            total_effects: self.total_effects(answers),
        }
    }

    /// The same draws as the shares, through the general analysis.
    fn sampled(&self, plan: &Plan, criteria: usize) -> Acceptability {
        let mut loaded = usize::MAX;
        let mut block = Vec::new();
        acceptability(3, criteria, DRAWS, |draw, weights, values| {
            let (at, within) = (draw as usize / BLOCK, draw as usize % BLOCK);
            if at != loaded {
                block = plan.detail(&self.streams, &self.cells, at, criteria);
                loaded = at;
            }
            if let Some(drawn) = block.get(within) {
                weights.copy_from_slice(&drawn.weights);
                values.copy_from_slice(&drawn.values);
            }
        })
    }

    /// What each criterion says.
    #[must_use]
    pub fn explain(&self, answers: &Answers) -> Vec<CriterionDetail> {
        let situation = Situation::new(&self.ground.model, answers);
        let totals = self.ground.totals(&situation);
        let contributions = contributions(&totals);
        let swing = totals.swing();
        let (first, second) = compared(&totals);
        let criteria = self.ground.model.criteria().iter();
        criteria
            .zip(&totals.terms)
            .zip(contributions)
            .map(|((criterion, term), contribution)| CriterionDetail {
                id: criterion.id.clone(),
                name: criterion.name.clone(),
                group: criterion.group.clone(),
                swing: term.swing,
                weight: if swing > 0.0 { term.swing / swing } else { 0.0 },
                values: ByOption::from_fn(|choice| {
                    let known = term.measured || term.expected || !criterion.kind.is_measured();
                    term.values.get(choice as usize).copied().filter(|_| known)
                }),
                measured: term.measured,
                expected: term.expected,
                contribution,
                compared: (first, second),
            })
            .collect()
    }
}
