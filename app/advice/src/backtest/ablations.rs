//! The same cases with something taken away, from what they say or from the model, to see how much
//! of the agreement hangs on it.

use serde::Serialize;

use super::{CaseResult, Summary, results};
use crate::{AnswerValue, Answers, Case, Criterion, Engine, Measurements, Usage};

/// Cases scored without something that they or the model say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ablation {
    /// A stable id, for example `without_priorities`.
    pub id: &'static str,
    /// What is taken away, in a few words; what follows a colon explains them.
    pub name: &'static str,
    /// How the model fares without it, and the baselines as well.
    #[serde(flatten)]
    pub summary: Summary,
}

/// The cases that count, scored as if one criterion did not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithoutCriterion {
    /// The criterion's id.
    pub criterion: String,
    /// Its name.
    pub name: String,
    /// Whether its values are measured, or expected where nothing was.
    pub measured: bool,
    /// How many cases it decides then.
    pub decided: usize,
    /// In how many of those it names what was chosen.
    pub agree: usize,
    /// On how many it abstains.
    pub abstained: usize,
    /// Agreed, and a third for each abstention.
    pub credit: f64,
    /// On how many of all cases, those counted apart too, another option is recommended, or one where
    /// none was, or none where one was.
    pub turned: usize,
    /// On how many of all cases the recommendation or the verdict is another.
    pub moved: usize,
}

/// Answers that are taken away together. How they were coded may owe something to the reasons that
/// were stated after the decision.
const ANSWERS: [(&str, &str, &[&str]); 4] = [
    ("without_priorities", "Without priorities", &["priorities"]),
    ("without_libraries", "Without libraries", &["libraries"]),
    ("without_both", "Without priorities and libraries", &["priorities", "libraries"]),
    (
        "without_both_and_parts",
        "Without priorities, libraries or parts",
        &["priorities", "libraries", "separable_core"],
    ),
];

/// The questions whose answers a case marks.
type Marked = fn(&Case) -> &[String];

/// Answers that each case marks itself.
const MARKED: [(&str, &str, Marked); 2] = [
    (
        "without_like_reasons",
        "Without what is like a reason: each case without the answers that look like a stated reason",
        |case| &case.like_reasons,
    ),
    (
        "without_inferred",
        "Without what no source says: each case without the answers that rest on inference or memory",
        |case| &case.inferred,
    ),
];

/// The cases with some answers unknown. A model that does not ask cannot be told either.
pub(super) fn without<'a>(
    engine: &Engine,
    cases: &[&'a Case],
    questions: impl Fn(&'a Case) -> Vec<&'a str>,
) -> Summary {
    let blind: Vec<Case> = cases
        .iter()
        .map(|case| {
            let unknown = |answers: Answers, id: &&str| {
                answers.with(engine.model(), id, AnswerValue::Unknown).unwrap_or(answers)
            };
            let answers = questions(case).iter().fold(case.answers.clone(), unknown);
            Case { answers, ..(*case).clone() }
        })
        .collect();
    Summary::of(&results(engine, &blind.iter().collect::<Vec<_>>(), false))
}

pub(super) fn ablations(engine: &Engine, cases: &[&Case]) -> Vec<Ablation> {
    let taken = ANSWERS.into_iter().map(|(id, name, questions)| {
        let summary = without(engine, cases, |_| questions.to_vec());
        Ablation { id, name, summary }
    });
    let some_marked = |of: &Marked| cases.iter().any(|case| !of(case).is_empty());
    let marked = MARKED.into_iter().filter(|(_, _, of)| some_marked(of)).map(|(id, name, of)| {
        let summary = without(engine, cases, |case| of(case).iter().map(String::as_str).collect());
        Ablation { id, name, summary }
    });
    let with = |id, name, engine: Engine| {
        let summary = Summary::of(&results(&engine, cases, false));
        Ablation { id, name, summary }
    };
    let model = [
        with(
            "without_expectations",
            "Nothing expected: what is not measured counts as equal",
            engine.without_expectations(),
        ),
        with(
            "without_measurements",
            "Nothing measured: what is expected stands in for every run",
            Engine::new(engine.model().clone(), Measurements::default(), engine.seed()),
        ),
    ];
    taken.chain(marked).chain(model).collect()
}

/// What each criterion does: `found` is the result with all of them, of the cases in its order, and
/// `counted` says which of them the agreement is counted over.
#[must_use]
pub fn without_each_criterion(
    engine: &Engine,
    cases: &[Case],
    found: &[CaseResult],
    counted: Usage,
) -> Vec<WithoutCriterion> {
    let cases: Vec<&Case> =
        found.iter().filter_map(|result| cases.iter().find(|case| case.id == result.id)).collect();
    let criteria = engine.model().criteria().iter().enumerate();
    let one = |(at, criterion): (usize, &Criterion)| {
        let after = results(&engine.without_criterion(at), &cases, false);
        let pairs = || found.iter().zip(&after);
        let turned = |(was, is): &(&CaseResult, &CaseResult)| was.recommended != is.recommended;
        let moved =
            |pair: &(&CaseResult, &CaseResult)| turned(pair) || pair.0.verdict != pair.1.verdict;
        let summary = Summary::of(after.iter().filter(|case| case.usage == counted));
        WithoutCriterion {
            criterion: criterion.id.clone(),
            name: criterion.name.clone(),
            measured: criterion.kind.is_measured(),
            decided: summary.decided,
            agree: summary.agree,
            abstained: summary.abstained,
            credit: summary.credit,
            turned: pairs().filter(turned).count(),
            moved: pairs().filter(moved).count(),
        }
    };
    criteria.map(one).collect()
}
