//! Two models held against decisions already made: what the one advises, what the other would.

use serde::Serialize;

use crate::{Answers, ByOption, Choice, Engine, Problem, Verdict};

/// A decision already made: what was known, and what was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The id of the precedent or record.
    pub id: String,
    /// What was known.
    pub answers: Answers,
    /// What was chosen, if anything yet.
    pub option: Option<Choice>,
}

/// What a model advises, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advised {
    /// The option advised; absent when it is too close to call.
    pub recommended: Option<Choice>,
    /// How firmly.
    pub verdict: Verdict,
    /// What made a lean of it; see [`crate::held_back_by`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// First-rank shares, 0 to 1.
    pub first_share: ByOption<f64>,
}

/// How a model's advice agrees with what was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The cases with a choice whose answers the model knows.
    pub cases: usize,
    /// Those for which it recommends something.
    pub decided: usize,
    /// Those of them where that is what was chosen.
    pub agree: usize,
    /// Those it finds too close to call.
    pub abstained: usize,
    /// Those with a strong verdict.
    pub strong: usize,
    /// Those of them where that is what was chosen.
    pub strong_agree: usize,
}

/// One decision under two models.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The decision's id.
    pub id: String,
    /// What was chosen.
    pub option: Option<Choice>,
    /// What the first model advises, or why its answers do not fit.
    pub before: Result<Advised, Vec<Problem>>,
    /// What the second model advises, or why the answers do not fit it.
    pub after: Result<Advised, Vec<Problem>>,
}

impl Tried {
    /// Whether recommendation or verdict are others.
    #[must_use]
    pub fn changes(&self) -> bool {
        let said = |advised: &Advised| (advised.recommended, advised.verdict);
        match (&self.before, &self.after) {
            (Ok(before), Ok(after)) => said(before) != said(after),
            _ => false,
        }
    }
}

/// What the model advises on answers that may have been given to another model.
///
/// # Errors
/// Each answer that this model does not know.
pub fn advise(engine: &Engine, answers: &Answers) -> Result<Advised, Vec<Problem>> {
    let answers = Answers::from_table(engine.model(), &answers.to_table())?;
    let score = engine.recommend(&answers);
    Ok(Advised {
        recommended: score.recommended,
        verdict: score.verdict,
        held_back: score.held_back.clone(),
        first_share: ByOption::from_fn(|option| score.options.get(option).first_share),
    })
}

/// Holds two models against the same decisions; some ms for each.
#[must_use]
pub fn try_model(before: &Engine, after: &Engine, cases: &[Decided]) -> Vec<Tried> {
    let tried = |case: &Decided| Tried {
        id: case.id.clone(),
        option: case.option,
        before: advise(before, &case.answers),
        after: advise(after, &case.answers),
    };
    cases.iter().map(tried).collect()
}

/// Counts how one side of a trial agrees with what was chosen.
#[must_use]
pub fn tally<'a>(
    cases: impl IntoIterator<Item = &'a Tried>,
    side: impl Fn(&'a Tried) -> &'a Result<Advised, Vec<Problem>>,
) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        let (Some(option), Ok(advised)) = (case.option, side(case)) else { continue };
        let agrees = advised.recommended == Some(option);
        tally.cases += 1;
        tally.agree += usize::from(agrees);
        match advised.verdict {
            Verdict::TooClose => tally.abstained += 1,
            Verdict::Lean => tally.decided += 1,
            Verdict::Strong => {
                tally.decided += 1;
                tally.strong += 1;
                tally.strong_agree += usize::from(agrees);
            }
        }
    }
    tally
}
