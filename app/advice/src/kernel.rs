//! First-rank shares over all draws: branch-free single-precision loops over blocks of draws.
//!
//! Each criterion adds `swing × factor × clip(value + noise)` to each option. What is known is a
//! constant of the loop, what is open is looked up by the draw's states. Every sum runs over the
//! criteria in the model's order, so that vector width cannot change a bit.

use std::sync::Arc;

use crate::{
    Criterion, CriterionKind,
    cells::CellStreams,
    expr::Factor,
    lane::{Detail, Draws, Lane, LaneRow, Source, Totals, lane_row},
    measure::Needs,
    situation::Situation,
    streams::{BLOCK, BLOCKS, Streams, narrow},
    value::Ground,
};

/// A recommendation's loops: what each criterion adds, and what rules options out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Shared between plans that differ little.
    lanes: Vec<Arc<Lane>>,
    out: u8,
    /// Knock-outs that hang on open questions: conditions and mask.
    perhaps: Vec<(Vec<(usize, u8)>, u8)>,
}

/// The options' scores in one block of draws; those out are below 0.
#[derive(Clone, Debug)]
pub(crate) struct Scores {
    pub(crate) totals: [[f32; BLOCK]; 3],
    pub(crate) out: [u8; BLOCK],
}

impl Scores {
    pub(crate) const EMPTY: Self = Self { totals: [[0.0; BLOCK]; 3], out: [0; BLOCK] };

    /// For each draw one bit for each option that nothing beats and that is not out.
    pub(crate) fn winners(&self) -> [u8; BLOCK] {
        let [rust, go, hybrid] = &self.totals;
        let mut winners = [0_u8; BLOCK];
        let scores = rust.iter().zip(go).zip(hybrid).zip(&self.out);
        // All is read before any is compared, so that the loop becomes vectors.
        for (winner, (((&rust, &go), &hybrid), &out)) in winners.iter_mut().zip(scores) {
            let rust = if out & 1 == 0 { rust } else { -1.0 };
            let go = if out & 2 == 0 { go } else { -1.0 };
            let hybrid = if out & 4 == 0 { hybrid } else { -1.0 };
            let best = greater(greater(rust, go), hybrid);
            let first = u8::from(rust >= best) | u8::from(go >= best) << 1;
            let first = first | u8::from(hybrid >= best) << 2;
            *winner = if best < 0.0 { 0 } else { first };
        }
        winners
    }
}

/// Plain comparisons become single vector instructions; there is no NaN here.
#[inline]
fn greater(left: f32, right: f32) -> f32 {
    if left > right { left } else { right }
}

impl Plan {
    /// The plan of a situation.
    pub(crate) fn new(ground: &Ground, situation: &Situation) -> Self {
        let needs = ground.needs(situation);
        let mut plan = Self {
            lanes: Vec::new(),
            out: ground.certainly_out(situation, &needs),
            perhaps: perhaps(ground, situation),
        };
        for (index, criterion) in ground.model.criteria().iter().enumerate() {
            plan.add(ground, situation, &needs, (index, criterion), 1.0);
        }
        plan
    }

    /// The plan of a situation that differs little from that of this plan: what does not depend on
    /// the difference is shared. `scale` multiplies the swing of one criterion.
    pub(crate) fn changed(
        &self,
        ground: &Ground,
        [before, after]: [&Situation; 2],
        scale: Option<(usize, f64)>,
    ) -> Self {
        let needs = ground.needs(after);
        let mut plan = Self {
            lanes: Vec::with_capacity(self.lanes.len()),
            out: ground.certainly_out(after, &needs),
            perhaps: perhaps(ground, after),
        };
        let same_measured = ground.same_measured([before, after]);
        for (index, criterion) in ground.model.criteria().iter().enumerate() {
            let scale = scale.filter(|(scaled, _)| *scaled == index).map(|(_, by)| by);
            if scale.is_none() && criterion.is_same_in([before, after], same_measured) {
                let same = self.lanes.iter().filter(|lane| lane.criterion == index);
                plan.lanes.extend(same.cloned());
            } else {
                plan.add(ground, after, &needs, (index, criterion), scale.unwrap_or(1.0));
            }
        }
        plan
    }

    /// `scale` multiplies the criterion's swing.
    fn add(
        &mut self,
        ground: &Ground,
        situation: &Situation,
        needs: &Needs,
        (index, criterion): (usize, &Criterion),
        scale: f64,
    ) {
        let mut points = Vec::new();
        ground.points(criterion, situation, needs, |point| points.push(point));
        let same = points.first().is_some_and(|first| {
            points.iter().all(|p| p.swings == first.swings && p.offer == first.offer)
        });
        if same {
            points.truncate(1);
        }
        let mut open = Vec::new();
        let mut stride = 1;
        for factor in criterion.factors.iter().rev().filter(|_| !same) {
            let Factor { question, states, .. } = *factor;
            if situation.factor(*factor).is_none() {
                open.push((question, stride));
                stride *= usize::from(states);
            }
        }
        let parts: &[(usize, Source)] = match criterion.kind {
            CriterionKind::Judged | CriterionKind::Build => &[(0, Source::Noisy { shared: false })],
            CriterionKind::Headroom => &[(0, Source::Noisy { shared: true })],
            CriterionKind::Tail => &[(0, Source::Tail)],
            CriterionKind::Economy => &[(0, Source::Cpu), (1, Source::Memory)],
        };
        for (part, source) in parts {
            let row = |point: &crate::value::Point| {
                let swing = point.swings.get(*part).copied().unwrap_or(0.0);
                lane_row(narrow(swing * scale), point.offer, *source, ground.model.spread.value)
            };
            let rows: Vec<LaneRow> = points.iter().map(row).collect();
            let lane = Lane::new(index, *source, open.clone(), rows);
            if lane.has_must || lane.rows.iter().any(|row| row.swing > 0.0) {
                self.lanes.push(Arc::new(lane));
            }
        }
    }

    /// The same without some criteria.
    pub(crate) fn without(&self, left_out: impl Fn(usize) -> bool) -> Self {
        let lanes = self.lanes.iter().filter(|lane| !left_out(lane.criterion));
        Self { lanes: lanes.cloned().collect(), out: self.out, perhaps: self.perhaps.clone() }
    }

    /// Works out once what this plan shares with one that more plans will share.
    pub(crate) fn keep_shared(&self, lasting: &Self, streams: &Streams, cells: &[CellStreams]) {
        let shared = |lane: &&Arc<Lane>| lasting.lanes.iter().any(|own| Arc::ptr_eq(own, lane));
        self.lanes.iter().filter(shared).for_each(|lane| lane.keep(streams, cells));
    }

    /// Whether another plan comes to the same in every draw, what hangs on open questions aside.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.out == other.out
            && self.lanes_not_in(other).is_empty()
            && other.lanes_not_in(self).is_empty()
    }

    /// Whether an open question plays a part.
    pub(crate) fn depends_on(&self, question: usize) -> bool {
        self.lanes.iter().any(|lane| lane.depends_on(question))
            || self.perhaps.iter().any(|(when, _)| when.iter().any(|(q, _)| *q == question))
    }

    /// The options' scores in one block.
    pub(crate) fn scores(&self, streams: &Streams, cells: &[CellStreams], block: usize) -> Scores {
        let draws = Draws { streams, cells, block, redrawn: None };
        let mut scores = Scores::EMPTY;
        for lane in &self.lanes {
            lane.add_to(&draws, &mut scores.totals);
        }
        self.rule_out(&draws, &mut scores);
        scores
    }

    /// The scores when one question is drawn anew and all else stays: only what depends on it is
    /// computed again, and a draw whose state stays keeps its bits.
    pub(crate) fn redrawn(
        &self,
        streams: &Streams,
        cells: &[CellStreams],
        block: usize,
        (before, after): (&Scores, &mut Scores),
        (question, change): (usize, &mut Change),
    ) {
        let as_was = Draws { streams, cells, block, redrawn: None };
        let draws = Draws { redrawn: Some(question), ..as_was };
        let lanes = self.lanes.iter().filter(|lane| lane.depends_on(question));
        let lanes: Vec<&Lane> = lanes.map(Arc::as_ref).collect();
        change.apply([&lanes, &lanes], [&as_was, &draws], before, after);
        self.rule_out(&draws, after);
    }

    /// The lanes that another plan does not have.
    fn lanes_not_in(&self, other: &Self) -> Vec<&Lane> {
        let same = |one: &&Arc<Lane>, two: &Arc<Lane>| Arc::ptr_eq(one, two) || *one == two;
        let new = |lane: &&Arc<Lane>| !other.lanes.iter().any(|own| same(lane, own));
        self.lanes.iter().filter(new).map(Arc::as_ref).collect()
    }

    fn rule_out(&self, draws: &Draws<'_>, scores: &mut Scores) {
        scores.out = [self.out; BLOCK];
        for lane in self.lanes.iter().filter(|lane| lane.has_must) {
            lane.rule_out(draws, &mut scores.out);
        }
        for (when, mask) in &self.perhaps {
            let mut holds = [*mask; BLOCK];
            for (question, state) in when {
                for (holds, drawn) in holds.iter_mut().zip(draws.states(*question)) {
                    *holds = if drawn == state { *holds } else { 0 };
                }
            }
            scores.out.iter_mut().zip(holds).for_each(|(out, holds)| *out |= holds);
        }
    }

    /// The scores of every draw.
    pub(crate) fn all_scores(&self, streams: &Streams, cells: &[CellStreams]) -> Vec<Scores> {
        (0..BLOCKS).map(|block| self.scores(streams, cells, block)).collect()
    }

    /// How often each option ranks first in so many blocks, from the scores of a plan that differs
    /// little.
    pub(crate) fn first_counts_from(
        &self,
        base: &Self,
        before: &[Scores],
        streams: &Streams,
        cells: &[CellStreams],
    ) -> [u32; 3] {
        let (gone, added) = (base.lanes_not_in(self), self.lanes_not_in(base));
        if before.len() == BLOCKS {
            gone.iter().for_each(|lane| lane.keep(streams, cells));
        }
        // One place for all blocks: moving as much about takes longer than adding it up.
        let (mut change, mut after) = (Change::new(), Scores::EMPTY);
        let mut counts = [0; 3];
        for (block, before) in before.iter().enumerate() {
            let draws = Draws { streams, cells, block, redrawn: None };
            change.apply([&gone, &added], [&draws, &draws], before, &mut after);
            self.rule_out(&draws, &mut after);
            add_firsts(&mut counts, &after);
        }
        counts
    }
}

/// How often each option ranks first.
pub(crate) fn first_counts(scores: &[Scores]) -> [u32; 3] {
    let mut counts = [0; 3];
    scores.iter().for_each(|scores| add_firsts(&mut counts, scores));
    counts
}

fn add_firsts(counts: &mut [u32; 3], scores: &Scores) {
    let firsts = count(&scores.winners());
    counts.iter_mut().zip(firsts).for_each(|(count, first)| *count += first);
}

/// Room for what some lanes add before and after a change.
pub(crate) struct Change {
    old: Totals,
    new: Totals,
}

impl Change {
    pub(crate) const fn new() -> Self {
        Self { old: [[0.0; BLOCK]; 3], new: [[0.0; BLOCK]; 3] }
    }

    /// The scores once some lanes have taken the place of others, each as drawn; what is ruled out is
    /// left as it stands there.
    fn apply(
        &mut self,
        [gone, added]: [&[&Lane]; 2],
        [as_was, as_is]: [&Draws<'_>; 2],
        before: &Scores,
        after: &mut Scores,
    ) {
        let (old, new) = (sum(gone, as_was, &mut self.old), sum(added, as_is, &mut self.new));
        // Option by option, so that the inner loop is over one array and becomes vectors.
        let options = after.totals.iter_mut().zip(&before.totals);
        for ((after, before), (old, new)) in options.zip(old.iter().zip(new)) {
            for (((after, before), old), new) in after.iter_mut().zip(before).zip(old).zip(new) {
                *after = before + (new - old);
            }
        }
    }
}

/// What some lanes add together; what a single one keeps already is taken as it is.
fn sum<'a>(lanes: &[&'a Lane], draws: &Draws<'_>, room: &'a mut Totals) -> &'a Totals {
    if let [lane] = lanes
        && let Some(kept) = lane.kept_in(draws)
    {
        return kept;
    }
    room.iter_mut().for_each(|option| option.fill(0.0));
    lanes.iter().for_each(|lane| lane.add_to(draws, room));
    room
}

fn count(winners: &[u8; BLOCK]) -> [u32; 3] {
    [0, 1, 2].map(|bit| winners.iter().map(|winner| u32::from(winner >> bit & 1)).sum())
}

fn perhaps(ground: &Ground, situation: &Situation) -> Vec<(Vec<(usize, u8)>, u8)> {
    let mut perhaps = Vec::new();
    for knockout in ground.model.knockouts() {
        let known = |(factor, state): &(Factor, u8)| situation.factor(*factor).map(|s| s == *state);
        if knockout.when.iter().any(|condition| known(condition) == Some(false)) {
            continue;
        }
        let open = knockout.when.iter().filter(|condition| known(condition).is_none());
        let open: Vec<_> = open.map(|(factor, state)| (factor.question, *state)).collect();
        if !open.is_empty() {
            perhaps.push((open, knockout.mask()));
        }
    }
    perhaps
}

impl Plan {
    /// Every draw of a block in full, for analyses that need more than the scores. An option that
    /// is out has values of −∞.
    pub(crate) fn detail(
        &self,
        streams: &Streams,
        cells: &[CellStreams],
        block: usize,
        criteria: usize,
    ) -> Vec<Detail> {
        let draws = Draws { streams, cells, block, redrawn: None };
        let empty = Detail { weights: vec![0.0; criteria], values: vec![0.0; 3 * criteria] };
        let mut details = vec![empty; BLOCK];
        let mut out = Scores::EMPTY;
        for lane in &self.lanes {
            lane.detail(&draws, criteria, &mut details);
        }
        self.rule_out(&draws, &mut out);
        for (detail, out) in details.iter_mut().zip(out.out) {
            let Detail { weights, values } = detail;
            for (option, values) in values.chunks_mut(criteria.max(1)).enumerate() {
                for (value, weight) in values.iter_mut().zip(weights.iter()) {
                    // Lanes leave weight × value; parts of one criterion share a weight.
                    *value = if *weight > 0.0 { *value / weight } else { 0.0 };
                    if out >> option & 1 == 1 {
                        *value = f64::NEG_INFINITY;
                    }
                }
            }
        }
        details
    }
}
