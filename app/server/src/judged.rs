//! What the backtest comes to: what is known beside its figures, and the conclusions in plain words
//! that the page and the command line draw alike.

use assay_advice::{
    Ablation, Backtest, Counted, LeaveOneOut, Stayed, Summary, WithoutCriterion,
    committed_leave_one_out,
};
use serde::Serialize;

use crate::pages::words::percent;

/// A backtest with what is known beside it: the object that programs get.
#[derive(Debug, Serialize)]
pub(crate) struct Judged<'a> {
    #[serde(flatten)]
    backtest: &'a Backtest,
    /// The same with each criterion left out in turn.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    criteria: &'a [WithoutCriterion],
    /// Whether the model's numbers were chosen with these cases in view; absent where nobody can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned_on_cases: Option<bool>,
    /// How the choice of the numbers fares on organisations that it has not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    leave_one_out: Option<LeftOut>,
}

/// The figures of the committed search, without the settings it tried.
#[derive(Debug, Serialize)]
struct LeftOut {
    organisations: usize,
    models: usize,
    draft: &'static Counted,
    in_sample: &'static Counted,
    left_out: &'static Counted,
    shipped: &'static Counted,
}

/// What is known of the choice of the model's numbers, if it is the built-in one.
pub(crate) fn left_one_out(backtest: &Backtest) -> Option<&'static LeaveOneOut> {
    committed_leave_one_out().filter(|found| found.model == backtest.model.digest)
}

impl<'a> Judged<'a> {
    /// Of the documented decisions.
    pub(crate) fn precedents(backtest: &'a Backtest, criteria: &'a [WithoutCriterion]) -> Self {
        let found = left_one_out(backtest);
        let leave_one_out = found.map(|found| LeftOut {
            organisations: found.organisations,
            models: found.models,
            draft: &found.draft,
            in_sample: &found.in_sample,
            left_out: &found.left_out,
            shipped: &found.shipped,
        });
        Self { backtest, criteria, tuned_on_cases: found.map(|_| true), leave_one_out }
    }

    /// Of other cases.
    pub(crate) const fn cases(backtest: &'a Backtest) -> Self {
        Self { backtest, criteria: &[], tuned_on_cases: None, leave_one_out: None }
    }
}

/// Credit is a sum of thirds, whose last bits may differ.
const SAME: f64 = 1e-9;

/// Why agreement on the oldest cases shows nothing.
pub(crate) const CIRCULAR: &str = "Where Rust was not yet usable, the coding says so and that rules \
    Rust and the hybrid out: agreeing with Go there follows from the coding and shows nothing.";

/// Why three shares need not add up to 100.
pub(crate) const SHARES: &str = "Three shares may add up to less than 100, since readings in which \
    every option is ruled out count for none, and to more, since a tie counts for both.";

/// That the model was tuned on these cases, and what is left of it on those it has not seen; empty
/// for another model.
pub(crate) fn tuned(backtest: &Backtest) -> String {
    let Some(found) = left_one_out(backtest) else { return String::new() };
    let Counted { decided, agree, abstained, strong, strong_agree, .. } = &found.left_out;
    format!(
        "The model was tuned on these cases. With its numbers chosen anew without each of {} \
         organisations in turn, it names what was chosen in {agree} of {decided} and abstains on \
         {}; {strong_agree} of {strong} strong verdicts agree. Expect no more of cases that nobody \
         has seen.",
        found.organisations,
        abstained.len()
    )
}

/// How many abstentions still advise to stay; empty when none does.
pub(crate) fn stayed(summary: &Summary) -> String {
    let Stayed { cases, agree } = summary.stayed;
    match cases {
        0 => String::new(),
        _ => format!(
            "for {cases} of these it still advises to stay with the code there is, and {} of those \
             teams did",
            if agree == 0 { "none".to_owned() } else { agree.to_string() }
        ),
    }
}

/// The credit of the model beside that of the simple rule that does best on the same cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    More,
    Same,
    Less,
}

impl Beside {
    pub(crate) fn of(summary: &Summary) -> Self {
        match summary.credit - summary.baselines.best().1.credit {
            gap if gap.abs() < SAME => Self::Same,
            gap if gap > 0.0 => Self::More,
            _ => Self::Less,
        }
    }

    /// "more", "the same" or "less".
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Same => "the same",
            Self::Less => "less",
        }
    }
}

/// The model beside the simple rule that does best on the same cases.
fn beside_best(summary: &Summary) -> String {
    let (words, best) = summary.baselines.best();
    let (own, other) = (summary.credit, best.credit);
    let which = match Beside::of(summary) {
        Beside::Same => "the same as",
        Beside::More => "more than",
        Beside::Less => "less than",
    };
    let chance = best.by_chance.map_or_else(String::new, |chance| {
        format!(
            ", which chance alone would divide as unevenly in {}% of the times",
            percent(chance)
        )
    });
    format!(
        "the model earns {own:.1}, {which} the {other:.1} of “{}”, the best of the simple ways: it \
         does better on {} cases and worse on {}{chance}",
        words.name, best.wins, best.losses
    )
}

/// What follows from the figures, a sentence or two each.
pub(crate) fn conclusions(backtest: &Backtest, criteria: &[WithoutCriterion]) -> Vec<String> {
    let of = |id: &str| backtest.ablations.iter().find(|own| own.id == id);
    let whole = &backtest.summary;
    let mut told = vec![format!("With all answers {}.", beside_best(whole)), taken_away(backtest)];
    told.extend(of("without_like_reasons").map(|own| like_reasons(own, whole)));
    told.extend(of("without_inferred").map(|own| {
        let Summary { agree, decided, abstained, .. } = own.summary;
        format!(
            "Without the answers that no source states or implies it names what was chosen in \
             {agree} of {decided} and abstains on {abstained}; {}.",
            beside_best(&own.summary)
        )
    }));
    told.extend(of("without_measurements").map(|own| measurements(own, whole)));
    let cases = backtest.per_case.len();
    told.extend(performance(criteria, cases));
    told.extend(idle(criteria));
    told.extend(earns_nothing(criteria, whole));
    told
}

/// What is left of the lead over simple rules when one thing after another is taken away.
fn taken_away(backtest: &Backtest) -> String {
    let separable = ("Without separable core", &backtest.separable_unknown);
    let ablations = backtest.ablations.iter().map(|own| (own.name, &own.summary));
    let variants: Vec<(&str, &Summary)> = std::iter::once(separable).chain(ablations).collect();
    let counted = |which| variants.iter().filter(|(_, of)| Beside::of(of) == which).count();
    let [more, same, less] = [Beside::More, Beside::Same, Beside::Less].map(counted);
    let follows = match (less + same, more) {
        (0, _) => "So the lead over simple rules hangs on none of them.",
        (_, 0) => "So nothing of the lead over simple rules is left without them.",
        _ => {
            "So the lead over simple rules hangs on them: without such an answer a rule may do as \
             well or better."
        }
    };
    let of_all = |of: &Summary| of.agree as f64 / of.cases.max(1) as f64;
    let least = variants.iter().min_by(|(_, l), (_, r)| of_all(l).total_cmp(&of_all(r)));
    let least = least.map_or_else(String::new, |(name, of)| {
        format!(
            " Least is left {}: {} of {} agree, and it abstains on {}.",
            name.split_once(':').map_or(*name, |(name, _)| name).to_lowercase(),
            of.agree,
            of.decided,
            of.abstained
        )
    });
    format!(
        "Of {} ways to take something away, which a table of its own lists, it still earns more than \
         the best simple way in {more}, the same in {same} and less in {less}. {follows}{least}",
        variants.len()
    )
}

/// How many verdicts hang on what is measured or expected.
fn performance(criteria: &[WithoutCriterion], cases: usize) -> Option<String> {
    let measured = criteria.iter().filter(|own| own.measured);
    let each: Vec<String> =
        measured.map(|own| format!("{} on “{}”", own.moved, own.name)).collect();
    (!each.is_empty()).then(|| {
        format!(
            "Of the {cases} verdicts, those counted apart as well, this many hang on performance: {}. \
             Where no run stands for the workload, their values are expected, not measured.",
            each.join(", ")
        )
    })
}

/// The criteria without which as many cases agree as with them.
fn earns_nothing(criteria: &[WithoutCriterion], whole: &Summary) -> Option<String> {
    let free = |own: &&WithoutCriterion| own.moved > 0 && own.credit >= whole.credit - SAME;
    let each: Vec<String> = criteria
        .iter()
        .filter(free)
        .map(|own| format!("“{}” ({} of {}, {:.1})", own.name, own.agree, own.decided, own.credit))
        .collect();
    let (last, init) = each.split_last()?;
    let names = match init {
        [] => last.clone(),
        init => format!("{} or {last}", init.join(", ")),
    };
    Some(format!(
        "Leaving out {names}, each by itself, costs no credit beside the {} of {}, {:.1}, with all: \
         such criteria are in the model for reasons of their own, not because these cases show that \
         they help.",
        whole.agree, whole.decided, whole.credit
    ))
}

/// What is left once the answers are taken away that look like stated reasons.
fn like_reasons(own: &Ablation, whole: &Summary) -> String {
    let Ablation { summary, .. } = own;
    let gap = |of: &Summary| of.credit - of.baselines.best().1.credit;
    let follows = if gap(summary) < SAME {
        "So whoever knows only what is left is served as well by that rule; what the model adds \
         rests on answers that sit close to the reasons stated afterwards, and whether a team \
         can give them as surely before it decides, no case here shows."
    } else if gap(summary) < gap(whole) - SAME {
        "So part of what the model adds to that rule rests on answers that sit close to the \
         reasons stated afterwards, and part does not."
    } else {
        "So what the model adds to that rule does not rest on those answers."
    };
    format!(
        "Without the answers that look like a stated reason it names what was \
         chosen in {} of {} and abstains on {}; {}. {follows}",
        summary.agree,
        summary.decided,
        summary.abstained,
        beside_best(summary)
    )
}

/// Whether the runs have any part in the agreement.
fn measurements(own: &Ablation, whole: &Summary) -> String {
    let Summary { agree, decided, .. } = own.summary;
    let same = (agree, decided) == (whole.agree, whole.decided);
    format!(
        "With every run forgotten and only expectations left it agrees in {agree} of {decided}{}: \
         what we measured is hardly tested by decisions of others, who measured their own.",
        if same { ", the same" } else { "" }
    )
}

/// The criteria that move no case.
fn idle(criteria: &[WithoutCriterion]) -> Option<String> {
    let idle: Vec<String> = criteria
        .iter()
        .filter(|criterion| criterion.moved == 0)
        .map(|criterion| format!("“{}”", criterion.name))
        .collect();
    let (last, init) = idle.split_last()?;
    let names = match init {
        [] => last.clone(),
        init => format!("{} and {last}", init.join(", ")),
    };
    Some(format!(
        "Leaving out {names} moves no recommendation and no verdict in any case, those counted \
         apart as well: nothing here says whether {} any good.",
        if init.is_empty() { "that criterion is" } else { "these criteria are" }
    ))
}
