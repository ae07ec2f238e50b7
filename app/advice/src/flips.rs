//! What would change the advice: answers, pairs of answers, numbers and importance, each found by
//! evaluating V again.

use crate::{
    Change, Choice, Criterion, CriterionKind, FlipKind, QuestionKind,
    sensitivity::importance_thresholds,
    situation::Situation,
    value::{Ground, Totals},
    wording,
};

/// How many flips are shown in all, and of each kind.
const MOST: usize = 8;
const MOST_ANSWERS: usize = 4;
const MOST_PAIRS: usize = 2;
const MOST_NUMBERS: usize = 2;
const MOST_IMPORTANCE: usize = 3;

/// Pairs are worth showing only when single answers say little.
const FEW_ANSWERS: usize = 3;

/// Importance that would have to change more than this much is no plausible objection.
const MOST_FACTOR: f64 = 4.0;

/// Swing points that may be lost to rounding.
const TIE: f64 = 1e-6;

/// Where numbers are tried before the crossing is narrowed down.
const STEPS_PER_DECADE: f64 = 8.0;
const BISECTIONS: u32 = 32;

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

    /// For each number the nearest value at which another option comes first.
    fn numbers(&self) -> Vec<Candidate> {
        let known = &self.ground.known;
        let tighter_is_less = [known.p99_ms, known.memory_mb, known.cores];
        let mut flips: Vec<Candidate> = known
            .numbers()
            .into_iter()
            .flatten()
            .filter_map(|question| {
                self.threshold(question, tighter_is_less.contains(&Some(question)))
            })
            .collect();
        flips.sort_by(|left, right| left.distance.total_cmp(&right.distance));
        flips.truncate(MOST_NUMBERS);
        flips
    }

    fn first_at(&self, question: usize, value: f64) -> usize {
        let mut situation = self.situation.clone();
        situation.set_number(question, value);
        self.first_after(&situation, question)
    }

    /// Whether a number makes no difference, such as cores while no request rate is stated.
    fn is_idle(&self, question: usize, min: f64, max: f64) -> bool {
        let at = |value: f64| {
            let mut situation = self.situation.clone();
            situation.set_number(question, value);
            let totals = self.totals_after(&situation, question);
            (totals.terms, totals.out)
        };
        at(min) == at(max)
    }

    /// Walks from the number as it is, or from the loose end when none is stated.
    fn threshold(&self, question: usize, tighter_is_less: bool) -> Option<Candidate> {
        let kind = &self.ground.model.questions().get(question)?.kind;
        let QuestionKind::Number { min, max, whole, .. } = kind else {
            return None;
        };
        let (min, max) = (min.max(1e-3), *max);
        let now = self.situation.number(Some(question)).map(|number| number.value.max(min));
        let walks: &[bool] = match now {
            Some(_) => &[false, true],
            None => &[!tighter_is_less],
        };
        if self.is_idle(question, min, max) {
            return None;
        }
        let start = now.unwrap_or(if tighter_is_less { max } else { min });
        let crossing = |up: bool| {
            let step = libm::exp10(if up { 1.0 } else { -1.0 } / STEPS_PER_DECADE);
            let (mut inside, mut first) = (start, self.first_at(question, start));
            if first != self.first {
                return None;
            }
            loop {
                let next = (inside * step).clamp(min, max);
                if next == inside {
                    return None;
                }
                first = self.first_at(question, next);
                if first != self.first {
                    return Some(self.narrow(question, inside, next, up));
                }
                inside = next;
            }
        };
        let found = walks.iter().filter_map(|up| crossing(*up));
        let distance = |at: &(f64, f64, bool)| libm::log10(at.0 / start).abs();
        let (at, beyond, up) = found.min_by(|l, r| distance(l).total_cmp(&distance(r)))?;
        let beyond =
            if *whole { if up { libm::ceil(beyond) } else { libm::floor(beyond) } } else { beyond };
        let mut situation = self.situation.clone();
        situation.set_number(question, beyond);
        let totals = self.totals_after(&situation, question);
        let first = totals.first();
        if first == self.first {
            return None;
        }
        let to = wording::threshold(self.ground.model.questions().get(question)?, at, up);
        let change = Change {
            id: self.id(question),
            from: self.value_now(question),
            to: wording::short(at),
        };
        Some(Candidate {
            kind: FlipKind::Number,
            changes: vec![change],
            text: format!("If {to}: {}.", wording::option(first)),
            first,
            situation,
            totals,
            scale: None,
            // A number that was never stated is further from what was said.
            distance: distance(&(at, beyond, up)).min(3.0) + if now.is_none() { 3.0 } else { 0.0 },
        })
    }

    /// The crossing between two values, and a value just beyond it.
    fn narrow(&self, question: usize, inside: f64, outside: f64, up: bool) -> (f64, f64, bool) {
        let (mut inside, mut outside) = (inside, outside);
        for _ in 0..BISECTIONS {
            let middle = libm::sqrt(inside * outside);
            if self.first_at(question, middle) == self.first {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        (outside, outside * if up { 1.0 + 1e-9 } else { 1.0 - 1e-9 }, up)
    }

    /// Criteria whose importance alone would put another option first.
    fn importance(&self) -> Vec<Candidate> {
        let swings: Vec<f64> = self.totals.terms.iter().map(|term| term.swing).collect();
        let value = |term: &crate::value::Term, option: usize| {
            term.values.get(option).copied().unwrap_or(0.0)
        };
        let mut nearest: Vec<Option<(f64, usize)>> = vec![None; swings.len()];
        for other in (0..3).filter(|o| *o != self.first && self.totals.out >> o & 1 == 0) {
            let terms = self.totals.terms.iter();
            let differences: Vec<f64> =
                terms.map(|term| value(term, self.first) - value(term, other)).collect();
            let thresholds = importance_thresholds(&swings, &differences);
            for (slot, factor) in nearest.iter_mut().zip(thresholds) {
                let Some(factor) = factor.filter(|f| *f > 0.0) else {
                    continue;
                };
                if slot.is_none_or(|(now, _)| far(factor) < far(now)) {
                    *slot = Some((factor, other));
                }
            }
        }
        let mut flips: Vec<Candidate> = nearest
            .into_iter()
            .enumerate()
            .filter_map(|(criterion, slot)| slot.map(|(factor, other)| (criterion, factor, other)))
            .filter(|(_, factor, _)| far(*factor) <= libm::log(MOST_FACTOR) && *factor != 1.0)
            .filter_map(|(criterion, factor, first)| self.important(criterion, factor, first))
            .collect();
        flips.sort_by(|left, right| left.distance.total_cmp(&right.distance));
        flips.truncate(MOST_IMPORTANCE);
        flips
    }

    fn important(&self, index: usize, factor: f64, first: usize) -> Option<Candidate> {
        let criterion = self.ground.model.criteria().get(index)?;
        let swing = self.totals.terms.get(index)?.swing;
        // A little beyond the threshold, where the order has changed.
        let beyond = factor * if factor < 1.0 { 1.0 - 1e-9 } else { 1.0 + 1e-9 };
        let mut totals = self.totals.clone();
        totals.terms.get_mut(index)?.swing *= beyond;
        let than = if factor < 1.0 { "less" } else { "more" };
        let text = format!(
            "If \u{201c}{}\u{201d} counted {than} than {} times as much: {}.",
            criterion.name,
            wording::short(factor),
            wording::option(first)
        );
        Some(Candidate {
            kind: FlipKind::Importance,
            changes: vec![Change {
                id: criterion.id.clone(),
                from: wording::short(swing),
                to: wording::short(swing * factor),
            }],
            text,
            first,
            situation: self.situation.clone(),
            totals,
            scale: Some((index, beyond)),
            distance: far(factor),
        })
    }
}

fn far(factor: f64) -> f64 {
    libm::log(factor).abs()
}

impl Candidate {
    /// The option that comes first.
    pub(crate) fn choice(&self) -> Option<Choice> {
        Choice::ALL.get(self.first).copied()
    }
}
