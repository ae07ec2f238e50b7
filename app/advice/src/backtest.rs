//! Is the advice any good? Cases with a known outcome, scored from their answers alone, beside
//! simpler ways to decide. Agreement with history is not correctness.

mod baselines;
mod tally;

use serde::Serialize;

use crate::{AnswerValue, ByOption, Case, Choice, Engine, Flip, ModelRef, Score, Usage, Verdict};

pub use baselines::{BASELINES, BaselineWords, Baselines};
pub use tally::{BaselineTally, Confusion, Reliability, Summary, wilson};

/// How well a model agrees with what was chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// The model that was judged.
    pub model: ModelRef,
    /// What is counted: the use named, `core` unless said otherwise.
    #[serde(rename = "use")]
    pub usage: Usage,
    /// The cases that count.
    #[serde(flatten)]
    pub summary: Summary,
    /// The same cases with `separable_core` unknown: how it was coded hints at hybrids.
    pub separable_unknown: Summary,
    /// The cases that do not count, by use; uses without a case are left out.
    pub apart: Vec<Apart>,
    /// Every case, those that do not count as well, by id.
    pub per_case: Vec<CaseResult>,
}

/// Cases that are shown apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Apart {
    /// Why they do not count.
    #[serde(rename = "use")]
    pub usage: Usage,
    /// How the model fared on them.
    #[serde(flatten)]
    pub summary: Summary,
}

/// How one case went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseResult {
    /// The case's id.
    pub id: String,
    /// Who decided about what; may be empty.
    pub title: String,
    /// What was chosen.
    pub option: Choice,
    /// How it counts.
    #[serde(rename = "use")]
    pub usage: Usage,
    /// What the model recommends; absent when it abstains.
    pub recommended: Option<Choice>,
    /// How firmly.
    pub verdict: Verdict,
    /// Each option's first-rank share, 0 to 1: the forecast that is judged.
    pub first_share: ByOption<f64>,
    /// What each baseline says; absent when it abstains. The majority is that of the other cases
    /// of the same use.
    pub baselines: Baselines<Option<Choice>>,
    /// The weightiest reason for the option with the greatest value.
    pub tipped: Option<Tipped>,
    /// When the model did not name what was chosen: the first change found that leads there.
    pub flip: Option<Flip>,
    /// What was answered.
    pub answers: toml::Table,
}

/// The reason that tipped the scales.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tipped {
    /// The criterion's id.
    pub criterion: String,
    /// Its share of the difference between the first and the second option.
    pub contribution: f64,
    /// The reason in a sentence.
    pub text: String,
}

impl CaseResult {
    /// Whether the model named what was chosen; absent when it abstained.
    #[must_use]
    pub fn agreed(&self) -> Option<bool> {
        self.recommended.map(|recommended| recommended == self.option)
    }

    /// The option with the greatest first-rank share; absent when none is ever first.
    #[must_use]
    pub fn most_often_first(&self) -> Option<Choice> {
        let share = |choice: Choice| *self.first_share.get(choice);
        // The first of equals, in the options' order.
        let top = Choice::ALL.into_iter().rev().max_by(|l, r| share(*l).total_cmp(&share(*r)))?;
        (share(top) > 0.0).then_some(top)
    }
}

/// Scores every case from its answers alone. `counted` says which cases make up the summary. The
/// order of the cases does not matter.
#[must_use]
pub fn backtest(engine: &Engine, cases: &[Case], counted: Usage) -> Backtest {
    let mut cases: Vec<&Case> = cases.iter().collect();
    cases.sort_by(|l, r| l.id.cmp(&r.id).then(l.option.cmp(&r.option)));
    let per_case = results(engine, &cases);
    let blind: Vec<Case> = cases
        .iter()
        .filter(|case| case.usage == counted)
        .map(|case| {
            let unknown = AnswerValue::Unknown;
            let answers = case.answers.with(engine.model(), "separable_core", unknown);
            // A model that does not ask cannot be hinted at.
            Case { answers: answers.unwrap_or_else(|_| case.answers.clone()), ..(*case).clone() }
        })
        .collect();
    let blind = results(engine, &blind.iter().collect::<Vec<_>>());
    let of = |usage: Usage| per_case.iter().filter(move |case| case.usage == usage);
    let apart = Usage::ALL.into_iter().filter(|usage| *usage != counted);
    Backtest {
        model: engine.model().reference(),
        usage: counted,
        summary: Summary::of(of(counted)),
        separable_unknown: Summary::of(&blind),
        apart: apart
            .filter(|usage| of(*usage).next().is_some())
            .map(|usage| Apart { usage, summary: Summary::of(of(usage)) })
            .collect(),
        per_case,
    }
}

pub(crate) fn results(engine: &Engine, cases: &[&Case]) -> Vec<CaseResult> {
    let result = |case: &&Case| {
        let score = engine.recommend(&case.answers);
        let others = cases.iter().filter(|c| c.usage == case.usage && !std::ptr::eq(**c, *case));
        let others = others.map(|other| other.option);
        let agreed = score.recommended == Some(case.option);
        CaseResult {
            id: case.id.clone(),
            title: case.title.clone(),
            option: case.option,
            usage: case.usage,
            recommended: score.recommended,
            verdict: score.verdict,
            first_share: ByOption::from_fn(|choice| score.options.get(choice).first_share),
            baselines: baselines::all(engine, &case.answers, &score, others),
            tipped: tipped(&score),
            flip: if agreed { None } else { flip_to(engine, case) },
            answers: case.answers.to_table(),
        }
    };
    cases.iter().map(result).collect()
}

fn tipped(score: &Score) -> Option<Tipped> {
    let reason = score.reasons.iter().find(|reason| reason.contribution > 0.0)?;
    Some(Tipped {
        criterion: reason.criterion.clone(),
        contribution: reason.contribution,
        text: reason.text.clone(),
    })
}

/// The first flip to what was chosen; a single change stands before a pair.
fn flip_to(engine: &Engine, case: &Case) -> Option<Flip> {
    let flips = engine.flips(&case.answers);
    flips.into_iter().find(|flip| flip.recommended == Some(case.option))
}
