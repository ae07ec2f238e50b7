//! What would change the advice: answers, pairs of answers, numbers and importance, each found by
//! evaluating V again.

mod importance;
mod numbers;

use crate::{
    Change, Choice, Criterion, CriterionKind, FlipKind, QuestionKind,
    situation::Situation,
    value::{Ground, Totals},
    wording,
};

/// How many flips are shown in all, and of each kind; numbers and importance have limits of their
/// own.
const MOST: usize = 8;
const MOST_ANSWERS: usize = 4;
const MOST_PAIRS: usize = 2;

/// Pairs are worth showing only when single answers say little.
const FEW_ANSWERS: usize = 3;

/// Swing points that may be lost to rounding.
const TIE: f64 = 1e-6;

/// A flip found, before its verdict is known.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: FlipKind,
    pub(crate) changes: Vec<Change>,
    pub(crate) text: String,
    /// The option that then has the greatest value.
    pub(crate) first: usize,
    pub(crate) situation: Situation,
    pub(crate) totals: Totals,
    /// A criterion's swing multiplied.
    pub(crate) scale: Option<(usize, f64)>,
    /// How far it is from the answers as they are; less is more plausible.
    distance: f64,
}

/// One question's state changed.
#[derive(Clone, Debug)]
struct Single {
    question: usize,
    state: u8,
    situation: Situation,
    totals: Totals,
    sums: [f64; 3],
    change: Change,
    phrase: String,
    distance: f64,
}

/// Looks for everything that puts another option first, the most plausible of each kind first.
pub(crate) fn find(ground: &Ground, situation: &Situation, totals: &Totals) -> Vec<Candidate> {
    let search = Search { ground, situation, totals, first: totals.first() };
    let singles = search.singles();
    let mut answers = Vec::new();
    let mut quiet = Vec::new();
    for single in singles {
        let changes = single.totals.first() != search.first;
        if changes { answers.push(single) } else { quiet.push(single) }
    }
    let mut flips = nearest_of_each(answers);
    flips.truncate(MOST_ANSWERS);
    if flips.len() < FEW_ANSWERS {
        flips.extend(search.pairs(&quiet));
    }
    flips.extend(search.numbers());
    flips.extend(search.importance());
    flips.truncate(MOST);
    flips
}

/// Whether an answer to one of the open questions puts another option first, or leaves none.
pub(crate) fn open_answer_turns(ground: &Ground, situation: &Situation, totals: &Totals) -> bool {
    let search = Search { ground, situation, totals, first: totals.first() };
    let turns = |question: usize, state: u8| {
        let after = search.totals_after(&situation.with_state(question, state), question);
        after.out == 7 || after.first() != search.first
    };
    let questions = ground.model.questions().iter().enumerate();
    let open = questions.filter(|(index, _)| situation.state(Some(*index)).is_none());
    open.into_iter().any(|(index, question)| {
        let states = match &question.kind {
            QuestionKind::One(answers) => answers.len(),
            QuestionKind::Number { bins, .. } => bins.len(),
            QuestionKind::Many { .. } => 0,
        };
        (0_u8..).take(states).any(|state| turns(index, state))
    })
}

fn candidate(
    singles: &[&Single],
    kind: FlipKind,
    situation: Situation,
    totals: Totals,
) -> Candidate {
    let first = totals.first();
    let phrases: Vec<&str> = singles.iter().map(|single| single.phrase.as_str()).collect();
    Candidate {
        kind,
        changes: singles.iter().map(|single| single.change.clone()).collect(),
        text: format!("If {}: {}.", phrases.join(" and "), wording::option(first)),
        first,
        situation,
        totals,
        scale: None,
        distance: singles.iter().map(|single| single.distance).sum(),
    }
}

/// Keeps the smallest change of each question.
fn nearest_of_each(mut answers: Vec<Single>) -> Vec<Candidate> {
    answers.sort_by(|left, right| left.distance.total_cmp(&right.distance));
    let mut flips: Vec<Candidate> = Vec::new();
    for single in answers {
        if !flips.iter().any(|flip| flip.changes.iter().any(|c| c.id == single.change.id)) {
            let (situation, totals) = (single.situation.clone(), single.totals.clone());
            flips.push(candidate(&[&single], FlipKind::Answer, situation, totals));
        }
    }
    flips
}

struct Search<'a> {
    ground: &'a Ground,
    situation: &'a Situation,
    totals: &'a Totals,
    first: usize,
}

impl Search<'_> {
    /// The totals after one question changed: only what depends on it is computed again.
    fn totals_after(&self, situation: &Situation, question: usize) -> Totals {
        let needs = self.ground.needs(situation);
        let mut totals = self.totals.clone();
        for (criterion, term) in self.ground.model.criteria().iter().zip(&mut totals.terms) {
            if self.depends(criterion, question) {
                *term = self.ground.term(criterion, situation, &needs);
            }
        }
        totals.out = self.ground.certainly_out(situation, &needs);
        totals
    }

    /// The totals after two questions changed: what depends on one only is as after that one.
    fn totals_after_both(&self, both: &Situation, one: &Single, two: &Single) -> Totals {
        let needs = self.ground.needs(both);
        let mut totals = one.totals.clone();
        let terms = totals.terms.iter_mut().zip(&two.totals.terms);
        for (criterion, (term, after_two)) in self.ground.model.criteria().iter().zip(terms) {
            if self.depends(criterion, two.question) {
                *term = if self.depends(criterion, one.question) {
                    self.ground.term(criterion, both, &needs)
                } else {
                    *after_two
                };
            }
        }
        totals.out = self.ground.certainly_out(both, &needs);
        totals
    }

    /// Whether two changes together certainly leave the first option first: nothing depends on
    /// both, so that what they add can be summed. Most pairs are like that, and looking closer at
    /// each would take most of the time.
    fn stays_first(&self, one: &Single, two: &Single) -> bool {
        let both = |question: usize| question == one.question || question == two.question;
        let model = &self.ground.model;
        let out = self.totals.out;
        let rules_out = |knockout: &crate::Knockout| {
            knockout.when.iter().filter(|(factor, _)| both(factor.question)).count() > 1
        };
        let together = |criterion: &Criterion| {
            self.depends(criterion, one.question) && self.depends(criterion, two.question)
        };
        if out == 7
            || one.totals.out != out
            || two.totals.out != out
            || model.knockouts().iter().any(rules_out)
            || model.criteria().iter().any(together)
        {
            return false;
        }
        let sums = self.totals.sums();
        let after = |option: usize| {
            let of = |sums: &[f64; 3]| sums.get(option).copied().unwrap_or(0.0);
            of(&one.sums) + of(&two.sums) - of(&sums)
        };
        let first = after(self.first);
        let others = (0..3).filter(|other| *other != self.first && out >> other & 1 == 0);
        // What is as good as a tie is looked at closer.
        others.map(after).all(|other| first - other > TIE)
    }

    /// Whether a criterion's term may change with a question.
    fn depends(&self, criterion: &Criterion, question: usize) -> bool {
        let known = &self.ground.known;
        let states_need =
            || known.numbers().contains(&Some(question)) || known.existing_code == Some(question);
        criterion.factors.iter().any(|factor| factor.question == question)
            || (criterion.kind == CriterionKind::Headroom && states_need())
    }

    fn first_after(&self, situation: &Situation, question: usize) -> usize {
        self.totals_after(situation, question).first()
    }

    /// Every change of one answer that may be proposed.
    fn singles(&self) -> Vec<Single> {
        let mut singles = Vec::new();
        for (index, question) in self.ground.model.questions().iter().enumerate() {
            let now = self.situation.state(Some(index));
            match &question.kind {
                QuestionKind::One(answers) if now.is_none() || !question.settled => {
                    for (state, answer) in (0_u8..).zip(answers) {
                        if now != Some(state) {
                            let to = answer.value.clone();
                            let phrase = answer.phrase.clone();
                            singles.push(self.single(index, state, to, phrase));
                        }
                    }
                }
                QuestionKind::Number { bins, .. } if !bins.is_empty() => {
                    for (state, to, phrase) in wording::bins(question, now) {
                        singles.push(self.single(index, state, to, phrase));
                    }
                }
                QuestionKind::Many { answers, at_most } => {
                    let room = self.situation.held(index) < *at_most;
                    for (state, answer) in (0_u8..).zip(answers).filter(|_| room) {
                        singles.extend(self.one_more(index, state, &answer.value, &answer.phrase));
                    }
                }
                QuestionKind::One(_) | QuestionKind::Number { .. } => {}
            }
        }
        singles
    }

    fn single(&self, question: usize, state: u8, to: String, phrase: String) -> Single {
        let now = self.situation.state(Some(question));
        let situation = self.situation.with_state(question, state);
        let totals = self.totals_after(&situation, question);
        Single {
            question,
            state,
            sums: totals.sums(),
            totals,
            situation,
            change: Change { id: self.id(question), from: self.value_now(question), to },
            phrase,
            distance: now.map_or(0.5, |now| f64::from(now.abs_diff(state))),
        }
    }

    /// One more answer in a list that says what matters, not in one that rules something out.
    fn one_more(&self, question: usize, state: u8, value: &str, phrase: &str) -> Option<Single> {
        let situation = self.situation.with_held(question, state);
        let knocks_out = |knockout: &crate::Knockout| {
            knockout.when.iter().any(|(factor, _)| factor.question == question)
        };
        if situation == *self.situation || self.ground.model.knockouts().iter().any(knocks_out) {
            return None;
        }
        let change = Change { id: self.id(question), from: String::new(), to: value.to_owned() };
        let totals = self.totals_after(&situation, question);
        let (sums, phrase) = (totals.sums(), phrase.to_owned());
        Some(Single { question, state, situation, totals, sums, change, phrase, distance: 1.5 })
    }

    fn id(&self, question: usize) -> String {
        self.ground.model.questions().get(question).map_or_else(String::new, |q| q.id.clone())
    }

    fn value_now(&self, question: usize) -> String {
        if let Some(number) = self.situation.number(Some(question)) {
            return number.value.to_string();
        }
        let answer = self
            .ground
            .model
            .questions()
            .get(question)
            .and_then(|q| q.answers().get(usize::from(self.situation.state(Some(question))?)));
        answer.map_or_else(|| "unknown".to_owned(), |answer| answer.value.clone())
    }

    /// Two plausible changes that only together put another option first.
    fn pairs(&self, quiet: &[Single]) -> Vec<Candidate> {
        let mut found: Vec<(f64, usize, usize)> = Vec::new();
        let near = |single: &&Single| single.distance <= 1.0;
        for (at, one) in quiet.iter().enumerate().filter(|(_, single)| near(single)) {
            for (with, two) in quiet.iter().enumerate().skip(at + 1).filter(|(_, s)| near(s)) {
                if one.question == two.question || self.stays_first(one, two) {
                    continue;
                }
                let both = one.situation.with_state(two.question, two.state);
                if self.totals_after_both(&both, one, two).first() != self.first {
                    found.push((one.distance + two.distance, at, with));
                }
            }
        }
        found.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut flips: Vec<Candidate> = Vec::new();
        for (_, at, with) in found {
            let (Some(one), Some(two)) = (quiet.get(at), quiet.get(with)) else {
                continue;
            };
            let told = |flip: &Candidate| {
                flip.changes.iter().any(|c| c.id == one.change.id || c.id == two.change.id)
            };
            if flips.len() < MOST_PAIRS && !flips.iter().any(told) {
                let both = one.situation.with_state(two.question, two.state);
                let totals = self.totals_after_both(&both, one, two);
                flips.push(candidate(&[one, two], FlipKind::Pair, both, totals));
            }
        }
        flips
    }
}

impl Candidate {
    /// The option that comes first.
    pub(crate) fn choice(&self) -> Option<Choice> {
        Choice::ALL.get(self.first).copied()
    }
}
