//! What would change a recommendation, and the question most worth answering next.

use super::{Advice, After, Base, Engine};
use crate::{
    Answers, Choice, Flip, Score, Verdict,
    engine::DRAWS,
    flips::{self, Candidate, Wanted},
    kernel::{Change, Scores, first_counts},
    streams::BLOCKS,
    wording,
};

/// The most flips told, unless more answers lead elsewhere.
const MOST_FLIPS: usize = 8;

impl Engine {
    /// What would change the recommendation.
    #[must_use]
    pub fn flips(&self, answers: &Answers) -> Vec<Flip> {
        self.recommend_with_flips(answers).flips
    }

    /// What leads to a recommendation stands before what ends too close to call. While it is too
    /// close already only what settles it counts; an option that is ruled out is brought back by
    /// nothing less.
    pub(super) fn flips_from(&self, base: &Base, score: &Score) -> Vec<Flip> {
        let Base { situation, totals, .. } = base;
        let decided = score.verdict != Verdict::TooClose;
        let too_close = (!decided).then(|| score.most_often_first() as usize);
        let wanted = Wanted::Any { too_close };
        let counts = |flip: &Flip| decided || flip.verdict_after != Verdict::TooClose;
        let found = flips::answers(&self.ground, situation, totals, wanted);
        let mut flips: Vec<Flip> = self.rescored(base, found).filter(counts).collect();
        flips.extend(self.numbers(base, wanted, Advice::of(score)));
        // Where importance turns the order both are as good: that settles nothing.
        if decided {
            let mut found = flips::importance(&self.ground, situation, totals, wanted);
            found.truncate(MOST_FLIPS.saturating_sub(flips.len()));
            flips.extend(self.rescored(base, found));
        }
        flips.sort_by_key(|flip| flip.verdict_after == Verdict::TooClose);
        flips
    }

    /// The most plausible change of those tried after which an option is recommended.
    pub(crate) fn flip_to(&self, answers: &Answers, option: Choice) -> Option<Flip> {
        let base = self.base(answers);
        let Base { situation, totals, plan, scores } = &base;
        let wanted = Wanted::Toward(option as usize);
        let decided = |flip: &Flip| flip.verdict_after != Verdict::TooClose;
        let found = flips::answers(&self.ground, situation, totals, wanted);
        if let Some(flip) = self.rescored(&base, found).find(decided) {
            return Some(flip);
        }
        let after = After { situation, totals, plan, blocks: BLOCKS };
        let advice = self.judge(after, first_counts(scores), &base).advice();
        let number = self.numbers(&base, wanted, advice).into_iter().find(decided);
        number.or_else(|| {
            let found = flips::importance(&self.ground, situation, totals, wanted);
            self.rescored(&base, found).find(decided)
        })
    }

    /// The flips found, with the verdict that the draws give each.
    fn rescored(&self, base: &Base, found: Vec<Candidate>) -> impl Iterator<Item = Flip> {
        found.into_iter().map(|candidate| {
            let situations = [&base.situation, &candidate.situation];
            let plan = base.plan.changed(&self.ground, situations, candidate.scale);
            let Candidate { situation, totals, .. } = &candidate;
            let advice =
                self.advice(base, After { situation, totals, plan: &plan, blocks: BLOCKS });
            Flip {
                kind: candidate.kind,
                recommended: advice.recommended,
                verdict_after: advice.verdict,
                text: wording::flip(&candidate.when, advice),
                changes: candidate.changes,
            }
        })
    }

    /// The advice after a change of what it rests on.
    pub(super) fn advice(&self, base: &Base, after: After<'_>) -> Advice {
        let counts = self.first_counts_from(base, after.plan, after.blocks);
        self.judge(after, counts, base).advice()
    }

    /// The open question most worth answering: one not yet looked at before a "don't know".
    #[must_use]
    pub fn next_question(&self, answers: &Answers) -> Option<String> {
        self.next_from(answers, &self.base(answers))
    }

    pub(super) fn next_from(&self, answers: &Answers, base: &Base) -> Option<String> {
        let effects = self.effects_from(base);
        let unasked = |id: &str| answers.value(id) == crate::AnswerValue::Unanswered;
        let worth = || effects.iter().filter(|(_, effect)| *effect > 0.0);
        let next = worth().find(|(id, _)| unasked(id)).or_else(|| worth().next());
        next.map(|(id, _)| id.clone())
    }

    /// For each open question the share of draws in which another option wins when that question
    /// alone is drawn again (its total effect on the winner), greatest first.
    #[must_use]
    pub fn total_effects(&self, answers: &Answers) -> Vec<(String, f64)> {
        self.effects_from(&self.base(answers))
    }

    fn effects_from(&self, base: &Base) -> Vec<(String, f64)> {
        let Base { plan, scores, .. } = base;
        let questions = self.ground.model.questions().iter().enumerate();
        let mut effects: Vec<(usize, &str, u32)> = questions
            .filter(|(index, _)| plan.depends_on(*index))
            .map(|(index, question)| (index, question.id.as_str(), 0))
            .collect();
        let (mut change, mut after) = (Change::new(), Scores::EMPTY);
        for (block, before) in scores.iter().enumerate() {
            let winners = before.winners();
            for (question, _, changed) in &mut effects {
                let (to, redraw) = ((before, &mut after), (*question, &mut change));
                plan.redrawn(&self.streams, &self.cells, block, to, redraw);
                let after = after.winners();
                let differ = winners.iter().zip(&after).map(|(was, is)| u32::from(was != is));
                *changed += differ.sum::<u32>();
            }
        }
        effects.sort_by_key(|(_, _, changed)| std::cmp::Reverse(*changed));
        let share = |changed: u32| f64::from(changed) / f64::from(DRAWS);
        effects.into_iter().map(|(_, id, changed)| (id.to_owned(), share(changed))).collect()
    }
}
