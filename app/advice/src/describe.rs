//! The model's numbers laid out for reading: each criterion as tables by the answers it depends on.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::{
    Criterion, CriterionKind, Knockout, Model,
    expected::Ratio,
    expr::{Factor, Row, states},
};

/// Numbers of one criterion for each combination of the answers that change them.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// What the numbers are: empty for a criterion with one swing, else `cpu` or `memory`.
    pub part: &'static str,
    /// What changes them, in the model's order; empty when nothing does.
    pub factors: Vec<GridFactor>,
    /// A row for each combination, the last factor varying fastest.
    pub rows: Vec<GridRow>,
}

/// Something that numbers depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridFactor {
    /// The question's id.
    pub question: String,
    /// For a list: the answer that it holds or does not hold.
    pub holds: Option<String>,
    /// The states told apart: answers, names of bins, or `no` and `yes` for a list.
    pub states: Vec<String>,
}

/// The numbers of one combination.
#[derive(Clone, Debug, PartialEq)]
pub struct GridRow {
    /// For each factor the index of its state.
    pub states: Vec<usize>,
    /// Swing points, or what Rust, Go and the hybrid offer (0 to 1).
    pub numbers: Vec<f64>,
}

/// A number that the model takes for granted until something is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// Its place in the model's text, for example `expected.tail.large`.
    pub id: String,
    /// The number.
    pub value: f64,
    /// The interval that draws are taken from.
    pub interval: Option<[f64; 2]>,
}

impl Model {
    /// What stands in for measurements that are not there: of the hybrid, and of workloads that
    /// nobody has measured.
    #[must_use]
    pub fn stated(&self) -> Vec<Stated> {
        let plain = |id: &str, value| Stated { id: id.to_owned(), value, interval: None };
        let ratio = |id: String, ratio: Ratio| {
            let Ratio { value, low, high } = ratio;
            Stated { id, value, interval: Some([low, high]) }
        };
        let mut stated = vec![
            plain("hybrid.rust_loaded", self.hybrid.rust_loaded),
            plain("hybrid.go_idle", self.hybrid.go_idle),
        ];
        if let Some(expected) = &self.expected {
            let each = |name: &'static str, ratios: &BTreeMap<String, Spanned<Ratio>>| {
                let each = ratios.iter();
                each.map(|(answer, it)| ratio(format!("expected.{name}.{answer}"), *it.get_ref()))
                    .collect::<Vec<_>>()
            };
            stated.extend(each("cpu", &expected.cpu));
            stated.push(ratio("expected.memory".to_owned(), *expected.memory.get_ref()));
            stated.push(plain("expected.go_idle", *expected.go_idle.get_ref()));
            stated.extend(each("tail", &expected.tail));
        }
        stated
    }
}

impl Criterion {
    /// The swing points: one grid, or for [`CriterionKind::Economy`] one for each part.
    #[must_use]
    pub fn swings(&self, model: &Model) -> Vec<Grid> {
        let part = |at: usize| {
            move |row: &Row| row.swings.get(at).copied().into_iter().collect::<Vec<f64>>()
        };
        match self.kind {
            CriterionKind::Economy => {
                vec![self.grid(model, "cpu", part(0)), self.grid(model, "memory", part(1))]
            }
            _ => vec![self.grid(model, "", part(0))],
        }
    }

    /// What Rust, Go and the hybrid offer; none when that is measured.
    #[must_use]
    pub fn values(&self, model: &Model) -> Option<Grid> {
        let values = |row: &Row| row.values.to_vec();
        (!self.kind.is_measured()).then(|| self.grid(model, "", values))
    }

    /// The factors that change a number, and the numbers for each of their combinations.
    fn grid(&self, model: &Model, part: &'static str, of: impl Fn(&Row) -> Vec<f64>) -> Grid {
        let numbers: Vec<Vec<f64>> = self.table.rows().map(of).collect();
        let mut stride = numbers.len();
        let mut telling: Vec<(usize, Factor)> = Vec::new();
        for factor in &self.factors {
            let states = usize::from(factor.states).max(1);
            stride /= states;
            let differs = |(index, row): (usize, &Vec<f64>)| {
                let state = index / stride.max(1) % states;
                numbers.get(index - state * stride).is_some_and(|first| first != row)
            };
            if numbers.iter().enumerate().any(differs) {
                telling.push((stride, *factor));
            }
        }
        let size: usize = telling.iter().map(|(_, factor)| usize::from(factor.states)).product();
        let rows = (0..size).map(|combination| {
            let (mut rest, mut index) = (combination, 0);
            let mut states = vec![0; telling.len()];
            for (state, (stride, factor)) in states.iter_mut().zip(&telling).rev() {
                let radix = usize::from(factor.states).max(1);
                *state = rest % radix;
                rest /= radix;
                index += *state * stride;
            }
            GridRow { states, numbers: numbers.get(index).cloned().unwrap_or_default() }
        });
        let rows = rows.collect();
        let factors = telling.iter().filter_map(|(_, factor)| named(model, *factor)).collect();
        Grid { part, factors, rows }
    }
}

fn named(model: &Model, factor: Factor) -> Option<GridFactor> {
    let question = model.questions.get(factor.question)?;
    let answers = states(question);
    let holds = match factor.holds {
        Some(at) => Some(answers.get(usize::from(at))?.clone()),
        None => None,
    };
    let states = match holds {
        Some(_) => vec!["no".to_owned(), "yes".to_owned()],
        None => answers,
    };
    Some(GridFactor { question: question.id.clone(), holds, states })
}

impl Knockout {
    /// The questions and the answers to them that must all have been given.
    #[must_use]
    pub fn conditions<'m>(&self, model: &'m Model) -> Vec<(&'m str, String)> {
        let condition = |(factor, state): &(Factor, u8)| {
            let question = model.questions.get(factor.question)?;
            let answer = factor.holds.unwrap_or(*state);
            Some((question.id.as_str(), states(question).get(usize::from(answer))?.clone()))
        };
        self.when.iter().filter_map(condition).collect()
    }
}
