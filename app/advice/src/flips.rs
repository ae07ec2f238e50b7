//! What would change the advice: answers, pairs of answers and importance, each found by evaluating V
//! again.

mod importance;

use std::cmp::Ordering;

use crate::{
    Change, FlipKind, QuestionKind, Told,
    situation::Situation,
    value::{Ground, Totals},
    wording,
};

/// How many pairs are tried toward one option, and how many flips of each kind are shown; importance
/// has a limit of its own.
const MOST: usize = 8;
const MOST_ANSWERS: usize = 4;
const MOST_PAIRS: usize = 2;

/// Pairs are worth showing only when single answers say little.
const FEW_ANSWERS: usize = 3;

/// How far from the answers as they are a change is: of a pair no further than [`NEAR`]; one answer
/// more or fewer in a list is [`FAR`].
const NEAR: f64 = 1.0;
const FAR: f64 = 1.5;

/// Swing points that may be lost to rounding.
const TIE: f64 = 1e-6;

/// A lead from which a change is likely to end in more than "too close to call": of those tried on the
/// precedents most above it did, and next to none below. What is shown is drawn again; this only says
/// which changes are worth that.
const LIKELY: f64 = 0.3;

/// A flip found, before its verdict is known.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) kind: FlipKind,
    pub(crate) changes: Vec<Change>,
    /// The change in words, up to what it leads to: "If it falls into two parts".
    pub(crate) when: String,
    pub(crate) situation: Situation,
    pub(crate) totals: Totals,
    /// A criterion's swing multiplied.
    pub(crate) scale: Option<(usize, f64)>,
    /// How far it is from the answers as they are; less is more plausible.
    distance: f64,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// What puts another option first; while the advice is too close to call, also what may settle
    /// it for the first one, if that is the one that comes first most often.
    Any { too_close: Option<usize> },
    /// What puts this option first, however much is found.
    Toward(usize),
}

/// What is done to the answer to a question.
#[derive(Clone, Copy, Debug)]
enum Edit {
    /// It is this one.
    Answer(u8),
    /// The list holds one more.
    Hold(u8),
    /// The list holds one fewer.
    Drop(u8),
}

impl Edit {
    fn made(self, situation: &Situation, question: usize) -> Situation {
        match self {
            Self::Answer(state) => situation.with_state(question, state),
            Self::Hold(answer) => situation.with_held(question, answer),
            Self::Drop(answer) => situation.without_held(question, answer),
        }
    }
}

/// One question's state changed.
#[derive(Clone, Debug)]
struct Single {
    question: usize,
    edit: Edit,
    situation: Situation,
    totals: Totals,
    sums: [f64; 3],
    change: Change,
    phrase: String,
    distance: f64,
}

/// Looks for answers and pairs of answers that lead to what is wanted: of each kind first what is
/// likely to be decided, then what is most plausible. When every option is ruled out, only what brings
/// one back counts.
pub(crate) fn answers(
    ground: &Ground,
    situation: &Situation,
    totals: &Totals,
    wanted: Wanted,
) -> Vec<Candidate> {
    let search = Search::new(ground, situation, totals, wanted);
    let mut singles = search.singles();
    if search.winner.is_none() {
        singles.extend(search.dropped());
    }
    let (answers, quiet): (Vec<Single>, Vec<Single>) =
        singles.into_iter().partition(|single| search.turns(&single.totals));
    let (most_answers, most_pairs) = match wanted {
        Wanted::Any { .. } => (MOST_ANSWERS, MOST_PAIRS),
        Wanted::Toward(_) => (usize::MAX, MOST),
    };
    let mut flips = search.nearest_of_each(answers);
    flips.truncate(most_answers);
    if flips.iter().filter(|flip| flip.is_likely()).count() < FEW_ANSWERS {
        flips.extend(search.pairs(&quiet, most_pairs));
    }
    flips
}

/// Criteria whose importance alone would put another option first, nearest first.
pub(crate) fn importance(
    ground: &Ground,
    situation: &Situation,
    totals: &Totals,
    wanted: Wanted,
) -> Vec<Candidate> {
    Search::new(ground, situation, totals, wanted).importance()
}

/// Whether an answer to one of the open questions puts another option first, or leaves none.
pub(crate) fn open_answer_turns(ground: &Ground, situation: &Situation, totals: &Totals) -> bool {
    let search = Search::new(ground, situation, totals, Wanted::Any { too_close: None });
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
    let phrases: Vec<&str> = singles.iter().map(|single| single.phrase.as_str()).collect();
    Candidate {
        kind,
        changes: singles.iter().map(|single| single.change.clone()).collect(),
        when: format!("If {}", phrases.join(" and ")),
        situation,
        totals,
        scale: None,
        distance: singles.iter().map(|single| single.distance).sum(),
    }
}

/// What is shown first: what is likely to be decided, of that what leads to another option, then what
/// is nearest, then what is firmest.
#[derive(Clone, Copy, Debug)]
struct Rank {
    lead: f64,
    /// Whether the same option stays first.
    stays: bool,
    distance: f64,
}

impl Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let likely = |rank: &Self| rank.lead >= LIKELY;
        let nearer = || self.distance.total_cmp(&other.distance);
        let firmness = likely(other).cmp(&likely(self)).then(self.stays.cmp(&other.stays));
        firmness.then_with(nearer).then(other.lead.total_cmp(&self.lead))
    }
}

struct Search<'a> {
    ground: &'a Ground,
    situation: &'a Situation,
    totals: &'a Totals,
    sums: [f64; 3],
    first: usize,
    /// None when every option is ruled out.
    winner: Option<usize>,
    wanted: Wanted,
}

impl<'a> Search<'a> {
    fn new(
        ground: &'a Ground,
        situation: &'a Situation,
        totals: &'a Totals,
        wanted: Wanted,
    ) -> Self {
        let (first, winner, sums) = (totals.first(), totals.winner(), totals.sums());
        Self { ground, situation, totals, sums, first, winner, wanted }
    }

    /// Whether the totals after a change are what is wanted.
    fn turns(&self, after: &Totals) -> bool {
        let Some(winner) = after.winner() else { return false };
        match self.wanted {
            Wanted::Any { too_close } => {
                Some(winner) != self.winner || (too_close == Some(winner) && after.lead() >= LIKELY)
            }
            Wanted::Toward(option) => winner == option,
        }
    }

    fn rank(&self, totals: &Totals, distance: f64) -> Rank {
        Rank { lead: totals.lead(), stays: totals.winner() == self.winner, distance }
    }

    /// Keeps for each question the change that is shown first.
    fn nearest_of_each(&self, answers: Vec<Single>) -> Vec<Candidate> {
        let ranked = answers.into_iter().map(|it| (self.rank(&it.totals, it.distance), it));
        let mut ranked: Vec<(Rank, Single)> = ranked.collect();
        ranked.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut flips: Vec<Candidate> = Vec::new();
        for (_, single) in ranked {
            let Change { id, from, .. } = &single.change;
            let same = |told: &Change| told.id == *id && told.from == *from;
            if !flips.iter().any(|flip| flip.changes.iter().any(same)) {
                let (situation, totals) = (single.situation.clone(), single.totals.clone());
                flips.push(candidate(&[&single], FlipKind::Answer, situation, totals));
            }
        }
        flips
    }

    /// The totals after one question changed: only what depends on it is computed again.
    fn totals_after(&self, situation: &Situation, question: usize) -> Totals {
        let needs = self.ground.needs(situation);
        let mut totals = self.totals.clone();
        let criteria = self.ground.model.criteria();
        for at in &self.ground.touched(question).criteria {
            if let (Some(criterion), Some(term)) = (criteria.get(*at), totals.terms.get_mut(*at)) {
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
        let criteria = self.ground.model.criteria();
        let of_one = &self.ground.touched(one.question).criteria;
        for at in &self.ground.touched(two.question).criteria {
            let term = totals.terms.get_mut(*at).zip(two.totals.terms.get(*at));
            if let (Some(criterion), Some((term, after_two))) = (criteria.get(*at), term) {
                *term = match of_one.contains(at) {
                    true => self.ground.term(criterion, both, &needs),
                    false => *after_two,
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
        let out = self.totals.out;
        let touched = |single: &Single| self.ground.touched(single.question);
        if out == 7
            || one.totals.out != out
            || two.totals.out != out
            || touched(one).meets(touched(two))
        {
            return false;
        }
        let sums = self.sums;
        let after = |option: usize| {
            let of = |sums: &[f64; 3]| sums.get(option).copied().unwrap_or(0.0);
            of(&one.sums) + of(&two.sums) - of(&sums)
        };
        let first = after(self.first);
        let others = (0..3).filter(|other| *other != self.first && out >> other & 1 == 0);
        // What is as good as a tie is looked at closer.
        others.map(after).all(|other| first - other > TIE)
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
                            let to = answer.value.as_str().into();
                            let phrase = answer.phrase.clone();
                            singles.push(self.single(index, state, to, phrase));
                        }
                    }
                }
                QuestionKind::Number { bins, .. } if !bins.is_empty() => {
                    for (state, to, phrase) in wording::bins(question, now) {
                        singles.push(self.single(index, state, Told::Number(to), phrase));
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

    /// Each answer of a list that rules something out, given up.
    fn dropped(&self) -> Vec<Single> {
        let mut conditions: Vec<(usize, u8)> = Vec::new();
        for (factor, _) in self.ground.model.knockouts().iter().flat_map(|k| &k.when) {
            let held = factor.holds.filter(|_| self.situation.factor(*factor) == Some(1));
            let condition = held.map(|answer| (factor.question, answer));
            conditions.extend(condition.filter(|found| !conditions.contains(found)));
        }
        let dropped = conditions.into_iter().filter_map(|(question, answer)| {
            let answers = self.ground.model.questions().get(question)?.answers();
            let given_up = answers.get(usize::from(answer))?;
            let phrase = format!("it no longer held that {}", given_up.phrase);
            let change = Change::new(self.id(question), given_up.value.as_str(), "");
            Some(self.edited(question, Edit::Drop(answer), change, phrase, FAR))
        });
        dropped.collect()
    }

    fn single(&self, question: usize, state: u8, to: Told, phrase: String) -> Single {
        let now = self.situation.state(Some(question));
        let change = Change::new(self.id(question), self.value_now(question), to);
        let distance = now.map_or(0.5, |now| f64::from(now.abs_diff(state)));
        self.edited(question, Edit::Answer(state), change, phrase, distance)
    }

    fn edited(
        &self,
        question: usize,
        edit: Edit,
        change: Change,
        phrase: String,
        distance: f64,
    ) -> Single {
        let situation = edit.made(self.situation, question);
        let totals = self.totals_after(&situation, question);
        let sums = totals.sums();
        Single { question, edit, situation, totals, sums, change, phrase, distance }
    }

    /// One more answer in a list that says what matters, not in one that rules something out.
    fn one_more(&self, question: usize, answer: u8, value: &str, phrase: &str) -> Option<Single> {
        let edit = Edit::Hold(answer);
        if edit.made(self.situation, question) == *self.situation || self.may_rule_out(question) {
            return None;
        }
        let change = Change::new(self.id(question), "", value);
        Some(self.edited(question, edit, change, phrase.to_owned(), FAR))
    }

    fn id(&self, question: usize) -> String {
        self.ground.model.questions().get(question).map_or_else(String::new, |q| q.id.clone())
    }

    fn value_now(&self, question: usize) -> Told {
        if let Some(number) = self.situation.number(Some(question)) {
            return Told::Number(number.value);
        }
        let answer = self
            .ground
            .model
            .questions()
            .get(question)
            .and_then(|q| q.answers().get(usize::from(self.situation.state(Some(question))?)));
        answer.map_or("unknown", |answer| answer.value.as_str()).into()
    }

    /// Two plausible changes that only together put another option first.
    fn pairs(&self, quiet: &[Single], most: usize) -> Vec<Candidate> {
        let mut found: Vec<(Rank, usize, usize)> = Vec::new();
        let ruled_out = self.winner.is_none();
        let near = |single: &Single| match ruled_out {
            // Nothing helps that lifts no knock-out.
            true => single.distance <= FAR && self.may_rule_out(single.question),
            false => single.distance <= NEAR,
        };
        for (at, one) in quiet.iter().enumerate().filter(|(_, single)| near(single)) {
            for (with, two) in quiet.iter().enumerate().skip(at + 1).filter(|(_, s)| near(s)) {
                if one.question == two.question || self.stays_first(one, two) {
                    continue;
                }
                let both = two.edit.made(&one.situation, two.question);
                let totals = self.totals_after_both(&both, one, two);
                if self.turns(&totals) {
                    found.push((self.rank(&totals, one.distance + two.distance), at, with));
                }
            }
        }
        found.sort_by(|(left, ..), (right, ..)| left.cmp(right));
        let mut flips: Vec<Candidate> = Vec::new();
        for (_, at, with) in found {
            let (Some(one), Some(two)) = (quiet.get(at), quiet.get(with)) else {
                continue;
            };
            let told = |flip: &Candidate| {
                flip.changes.iter().any(|c| c.id == one.change.id || c.id == two.change.id)
            };
            if flips.len() < most && !flips.iter().any(told) {
                let both = two.edit.made(&one.situation, two.question);
                let totals = self.totals_after_both(&both, one, two);
                flips.push(candidate(&[one, two], FlipKind::Pair, both, totals));
            }
        }
        flips
    }

    /// Whether a knock-out hangs on a question.
    fn may_rule_out(&self, question: usize) -> bool {
        !self.ground.touched(question).knockouts.is_empty()
    }
}

impl Candidate {
    fn is_likely(&self) -> bool {
        self.totals.lead() >= LIKELY
    }
}
