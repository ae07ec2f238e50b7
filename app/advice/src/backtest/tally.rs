//! Counting: agreement, intervals, kappa, Brier and the confusion of one set of cases.

use serde::Serialize;

use super::{Baselines, CaseResult};
use crate::{ByOption, Choice, Verdict};

/// What an abstention is worth when all cases are counted: as much as a guess among three.
const ABSTENTION: f64 = 1.0 / 3.0;

/// How a set of cases went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many cases there are.
    pub cases: usize,
    /// How many of them the model decided.
    pub decided: usize,
    /// In how many of those it named what was chosen.
    pub agree: usize,
    /// In how many it abstained: too close to call.
    pub abstained: usize,
    /// Those it abstained on where it says all the same to stay with what is there.
    pub stayed: Stayed,
    /// Agreed ÷ decided; absent when none was decided.
    pub agreement: Option<f64>,
    /// Wilson's 95% interval of the agreement; absent when none was decided.
    pub agreement_interval: Option<[f64; 2]>,
    /// Agreed, and a third for each abstention: comparable over all cases.
    pub credit: f64,
    /// The strong verdicts.
    pub strong: Reliability,
    /// The leaning ones.
    pub lean: Reliability,
    /// The cases too close to call. They agree when the option most often first was chosen.
    pub too_close: Reliability,
    /// Cohen's kappa over the three options on the decided cases; absent without a decided case,
    /// and when both sides name one and the same option throughout, where it is undefined.
    pub kappa: Option<f64>,
    /// The mean over all cases of Σ (share − outcome)² (Brier 1950): 0 is perfect, .667 is what
    /// equal shares get, 2 is the worst. Absent without cases.
    pub brier: Option<f64>,
    /// What was recommended against what was chosen.
    pub confusion: Confusion,
    /// The simple ways to decide, on the same cases.
    pub baselines: Baselines<BaselineTally>,
}

/// How a verdict kept its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Reliability {
    /// How many cases had it.
    pub cases: usize,
    /// In how many of them the option named was chosen.
    pub agree: usize,
    /// The mean of the greatest first-rank shares: what the model expected of itself. Absent
    /// without cases.
    pub mean_first_share: Option<f64>,
    /// Wilson's 95% interval of agreed ÷ cases. Absent without cases.
    pub interval: Option<[f64; 2]>,
}

/// Abstentions that are advice for all that: keep it in the language it is in, or consider staying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stayed {
    /// How many there are.
    pub cases: usize,
    /// How many of them did stay.
    pub agree: usize,
}

/// For each recommendation how often each option was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Where Rust was recommended.
    pub rust: ByOption<usize>,
    /// Where Go was recommended.
    pub go: ByOption<usize>,
    /// Where a hybrid was recommended.
    pub hybrid: ByOption<usize>,
    /// Where nothing was recommended.
    pub abstain: ByOption<usize>,
}

impl Confusion {
    /// The row of a recommendation, or of its absence.
    #[must_use]
    pub const fn row(&self, recommended: Option<Choice>) -> &ByOption<usize> {
        match recommended {
            Some(Choice::Rust) => &self.rust,
            Some(Choice::Go) => &self.go,
            Some(Choice::Hybrid) => &self.hybrid,
            None => &self.abstain,
        }
    }

    const fn row_mut(&mut self, recommended: Option<Choice>) -> &mut ByOption<usize> {
        match recommended {
            Some(Choice::Rust) => &mut self.rust,
            Some(Choice::Go) => &mut self.go,
            Some(Choice::Hybrid) => &mut self.hybrid,
            None => &mut self.abstain,
        }
    }
}

/// How a baseline fared, and the model beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct BaselineTally {
    /// How many cases it decided.
    pub decided: usize,
    /// In how many of those it named what was chosen.
    pub agree: usize,
    /// In how many it abstained.
    pub abstained: usize,
    /// Agreed, and a third for each abstention.
    pub credit: f64,
    /// On how many cases the model earned more credit than it.
    pub wins: usize,
    /// On how many the model earned less.
    pub losses: usize,
    /// How often chance alone would divide the wins and losses as unevenly or more, 0 to 1: the
    /// two-sided sign test. Absent when there are none.
    pub by_chance: Option<f64>,
}

impl Summary {
    /// Counts cases. The order does not matter but for the last bits of the means.
    pub fn of<'a>(cases: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let cases: Vec<&CaseResult> = cases.into_iter().collect();
        let decided = cases.iter().filter(|case| case.recommended.is_some()).count();
        let agree = cases.iter().filter(|case| case.agreed() == Some(true)).count();
        let abstained = cases.len() - decided;
        let confusion = confusion(&cases);
        let with = |verdict| reliability(cases.iter().filter(|case| case.verdict == verdict));
        Self {
            cases: cases.len(),
            decided,
            agree,
            abstained,
            stayed: Stayed {
                cases: cases.iter().filter(|case| case.stay).count(),
                agree: cases.iter().filter(|case| case.stay && case.stayed()).count(),
            },
            agreement: (decided > 0).then(|| real(agree) / real(decided)),
            agreement_interval: wilson(agree, decided),
            credit: credit_of(agree, abstained),
            strong: with(Verdict::Strong),
            lean: with(Verdict::Lean),
            too_close: with(Verdict::TooClose),
            kappa: kappa(&confusion),
            brier: mean(cases.iter().map(|case| brier(case))),
            confusion,
            baselines: Baselines {
                majority: baseline(&cases, |said| said.majority),
                equal_weights: baseline(&cases, |said| said.equal_weights),
                fluency_only: baseline(&cases, |said| said.fluency_only),
                four_questions: baseline(&cases, |said| said.four_questions),
                two_parts: baseline(&cases, |said| said.two_parts),
            },
        }
    }
}

fn confusion(cases: &[&CaseResult]) -> Confusion {
    let mut confusion = Confusion::default();
    for case in cases {
        *confusion.row_mut(case.recommended).get_mut(case.option) += 1;
    }
    confusion
}

fn reliability<'a>(cases: impl Iterator<Item = &'a &'a CaseResult> + Clone) -> Reliability {
    let named = |case: &&&CaseResult| match case.recommended {
        None => case.most_often_first() == Some(case.option),
        Some(recommended) => recommended == case.option,
    };
    let share =
        |case: &&CaseResult| case.most_often_first().map_or(0.0, |top| *case.first_share.get(top));
    let (count, agree) = (cases.clone().count(), cases.clone().filter(named).count());
    Reliability {
        cases: count,
        agree,
        mean_first_share: mean(cases.map(share)),
        interval: wilson(agree, count),
    }
}

/// Cohen (1960): the agreement beyond chance, (p_o − p_e) ÷ (1 − p_e), over the rows of the options.
fn kappa(confusion: &Confusion) -> Option<f64> {
    let cell = |row: Choice, column: Choice| real(*confusion.row(Some(row)).get(column));
    let sum = |of: &dyn Fn(Choice) -> f64| Choice::ALL.into_iter().map(of).sum::<f64>();
    let n = sum(&|row| sum(&|column| cell(row, column)));
    if n == 0.0 {
        return None;
    }
    let observed = sum(&|both| cell(both, both)) / n;
    let chance = sum(&|both| sum(&|c| cell(both, c)) * sum(&|r| cell(r, both))) / (n * n);
    (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

fn brier(case: &CaseResult) -> f64 {
    let term = |choice: Choice| {
        let outcome = if choice == case.option { 1.0 } else { 0.0 };
        let miss = case.first_share.get(choice) - outcome;
        miss * miss
    };
    Choice::ALL.into_iter().map(term).sum()
}

fn baseline(
    cases: &[&CaseResult],
    said: impl Fn(&Baselines<Option<Choice>>) -> Option<Choice>,
) -> BaselineTally {
    let mut tally = BaselineTally::default();
    for case in cases {
        let own = said(&case.baselines);
        match own {
            None => tally.abstained += 1,
            Some(option) => {
                tally.decided += 1;
                tally.agree += usize::from(option == case.option);
            }
        }
        let earned = |said: Option<Choice>| match said {
            None => 1,
            Some(option) if option == case.option => 3,
            Some(_) => 0,
        };
        tally.wins += usize::from(earned(case.recommended) > earned(own));
        tally.losses += usize::from(earned(case.recommended) < earned(own));
    }
    tally.credit = credit_of(tally.agree, tally.abstained);
    tally.by_chance = sign_test(tally.wins, tally.losses);
    tally
}

/// How likely a fair coin divides as many throws as unevenly or more, either way; none without
/// throws.
#[must_use]
pub fn sign_test(wins: usize, losses: usize) -> Option<f64> {
    let (of, fewer) = (wins + losses, wins.min(losses));
    // Σ C(n, k) ÷ 2^n, each term from the one before.
    let mut term = libm::pow(0.5, real(of));
    let mut tail = term;
    for k in 1..=fewer {
        term *= real(of + 1 - k) / real(k);
        tail += term;
    }
    (of > 0).then(|| (2.0 * tail).min(1.0))
}

fn credit_of(agree: usize, abstained: usize) -> f64 {
    real(agree) + ABSTENTION * real(abstained)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / real(count))
}

/// Wilson's 95% interval (1927) of `hits` in `of` trials; none without trials.
#[must_use]
pub fn wilson(hits: usize, of: usize) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_964;
    if of == 0 {
        return None;
    }
    let n = real(of);
    let share = real(hits) / n;
    let spread = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n));
    let (centre, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    // At the ends the bound is exact; rounding would leave it a hair away.
    let low = if hits == 0 { 0.0 } else { (centre - spread) / scale };
    let high = if hits == of { 1.0 } else { (centre + spread) / scale };
    Some([low, high])
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer cases than 2^53")]
const fn real(count: usize) -> f64 {
    count as f64
}
