//! Is the advice any good? Cases with a known outcome, scored from their answers alone, beside
//! simpler ways to decide. Agreement with history is not correctness.

mod ablations;
mod baselines;
mod tally;

use serde::Serialize;

use crate::{
    ByOption, Case, Choice, Engine, Flip, Heeded, HybridKind, ModelRef, Notice, Score, Usage,
    Verdict,
};

use ablations::{ablations, without};

pub use ablations::{Ablation, WithoutCriterion, without_each_criterion};
pub use baselines::{BASELINES, BaselineWords, Baselines};
pub use tally::{BaselineTally, Confusion, Reliability, Stayed, Summary, sign_test, wilson};

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
    /// The same cases with something taken away, to see how much hangs on it.
    pub ablations: Vec<Ablation>,
    /// The same cases by what became of the advice given when they were decided; absent when none
    /// was decided with assay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_advice: Option<ByAdvice>,
    /// Whether the kind of hybrid named is the one that was built; absent without such a case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hybrid_kind: Option<KindTally>,
    /// The cases that do not count, by use; uses without a case are left out.
    pub apart: Vec<Apart>,
    /// Every case, those that do not count as well, by id.
    pub per_case: Vec<CaseResult>,
}

/// Cases decided with assay, by what became of its advice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByAdvice {
    /// Those that took the advice they were given: the model that gave it agrees by design.
    pub taken: Summary,
    /// Those that chose something else.
    pub overridden: Summary,
    /// Those that were given none, or one too close to call.
    pub none: Summary,
}

/// How often the kind of hybrid named is the one that was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindTally {
    /// The hybrids of which it is known how their parts run.
    pub cases: usize,
    /// Those for which the model recommends a hybrid, and so names a kind.
    pub named: usize,
    /// Those of them where it is the kind that was built.
    pub agree: usize,
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
    /// Where it abstains, whether it says all the same to stay with what is there.
    pub stay: bool,
    /// What made a lean of a strong verdict, as in a score; empty when nothing did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<String>,
    /// Each option's first-rank share, 0 to 1: the forecast that is judged.
    pub first_share: ByOption<f64>,
    /// What each baseline says; absent when it abstains. The majority is that of the other cases
    /// of the same use.
    pub baselines: Baselines<Option<Choice>>,
    /// The weightiest reason for the option with the greatest value; absent when nothing is for it, or
    /// every option is ruled out.
    pub tipped: Option<Tipped>,
    /// Why the model rules out what was chosen, in words; empty as a rule.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chosen_ruled_out: String,
    /// When the model did not name what was chosen: the most plausible change found after which it
    /// does; absent when none of those tried leads there.
    pub flip: Option<Flip>,
    /// For a hybrid, how its two parts run, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hybrid_kind: Option<HybridKind>,
    /// The kind that the model names when it recommends a hybrid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_named: Option<HybridKind>,
    /// What was answered.
    pub answers: toml::Table,
}

/// The reason that tipped the scales.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tipped {
    /// What it speaks for: the option with the greatest value, which need not be the one that comes
    /// first most often.
    #[serde(rename = "for")]
    pub option: Choice,
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

    /// Whether what was chosen is what there was: the code that exists is in that language.
    #[must_use]
    pub fn stayed(&self) -> bool {
        let existing = self.answers.get("existing_code").and_then(toml::Value::as_str);
        existing == Some(self.option.id())
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
    let per_case = results(engine, &cases, true);
    let counting: Vec<&Case> = cases.iter().filter(|case| case.usage == counted).copied().collect();
    let of = |usage: Usage| per_case.iter().filter(move |case| case.usage == usage);
    let apart = Usage::ALL.into_iter().filter(|usage| *usage != counted);
    Backtest {
        model: engine.model().reference(),
        usage: counted,
        summary: Summary::of(of(counted)),
        separable_unknown: without(engine, &counting, |_| vec!["separable_core"]),
        ablations: ablations(engine, &counting),
        by_advice: by_advice(&counting, of(counted)),
        hybrid_kind: kinds(of(counted)),
        apart: apart
            .filter(|usage| of(*usage).next().is_some())
            .map(|usage| Apart { usage, summary: Summary::of(of(usage)) })
            .collect(),
        per_case,
    }
}

fn by_advice<'a>(
    cases: &[&Case],
    results: impl Iterator<Item = &'a CaseResult>,
) -> Option<ByAdvice> {
    // Both are in the same order.
    let each: Vec<(Option<Heeded>, &CaseResult)> =
        cases.iter().map(|case| case.advice).zip(results).collect();
    let of = |heeded| {
        let those = each.iter().filter(|(advice, _)| *advice == Some(heeded));
        Summary::of(those.map(|(_, result)| *result))
    };
    each.iter().any(|(advice, _)| advice.is_some()).then(|| ByAdvice {
        taken: of(Heeded::Taken),
        overridden: of(Heeded::Overridden),
        none: of(Heeded::NoAdvice),
    })
}

fn kinds<'a>(results: impl Iterator<Item = &'a CaseResult>) -> Option<KindTally> {
    let mut tally = KindTally::default();
    for result in results.filter(|result| result.hybrid_kind.is_some()) {
        tally.cases += 1;
        tally.named += usize::from(result.kind_named.is_some());
        tally.agree += usize::from(result.kind_named == result.hybrid_kind);
    }
    (tally.cases > 0).then_some(tally)
}

/// `flips` looks for the change that leads to what was chosen, which costs most of the time.
pub(crate) fn results(engine: &Engine, cases: &[&Case], flips: bool) -> Vec<CaseResult> {
    let result = |case: &&Case| {
        let score = engine.recommend(&case.answers);
        let others = cases.iter().filter(|c| c.usage == case.usage && !std::ptr::eq(**c, *case));
        let others = others.map(|other| other.option);
        let agreed = score.recommended == Some(case.option);
        let mut notices = score.notices.iter();
        let says_stay = |notice: &Notice| ["keep", "consider_staying"].contains(&&*notice.id);
        let stay = score.recommended.is_none() && notices.clone().any(says_stay);
        CaseResult {
            id: case.id.clone(),
            title: case.title.clone(),
            option: case.option,
            usage: case.usage,
            recommended: score.recommended,
            verdict: score.verdict,
            stay,
            held_back: score.held_back.clone(),
            first_share: ByOption::from_fn(|choice| score.options.get(choice).first_share),
            baselines: baselines::all(engine, &case.answers, &score, others),
            tipped: tipped(&score),
            chosen_ruled_out: score.ruled_out(engine.model(), case.option),
            flip: if agreed || !flips { None } else { engine.flip_to(&case.answers, case.option) },
            hybrid_kind: case.hybrid_kind,
            kind_named: notices.find_map(|notice| HybridKind::from_id(&notice.id)),
            answers: case.answers.to_table(),
        }
    };
    cases.iter().map(result).collect()
}

fn tipped(score: &Score) -> Option<Tipped> {
    let mut reasons = score.reasons.iter().filter(|_| !score.all_ruled_out());
    let reason = reasons.find(|reason| reason.contribution > 0.0)?;
    let [option, _] = score.compared();
    Some(Tipped {
        option,
        criterion: reason.criterion.clone(),
        contribution: reason.contribution,
        text: reason.text.clone(),
    })
}
