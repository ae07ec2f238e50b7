//! Numbers at which the advice changes, and the range in which what it changes to holds.

use std::{cell::RefCell, collections::BTreeMap};

use super::{Advice, After, Base, Engine};
use crate::{
    Change, Choice, Flip, FlipKind, Question, QuestionKind, Told, Verdict,
    flips::Wanted,
    kernel::{Plan, first_counts},
    situation::Situation,
    streams::BLOCKS,
    value::Totals,
    wording,
};

/// How many ranges are told.
const MOST: usize = 3;

/// Where numbers are tried before the ends of a range are narrowed down.
const STEPS_PER_DECADE: f64 = 8.0;

/// In so many blocks of draws a change is looked for. What is told rests on all of them.
const FEW: usize = 2;

/// A number that was never stated is further from what was said, by so many decades.
const UNSTATED: f64 = 3.0;

impl Engine {
    /// The nearest ranges of a number with another advice, nearest first: where the advice is lost,
    /// and where another option is advised.
    pub(super) fn numbers(&self, base: &Base, wanted: Wanted, advice: Advice) -> Vec<Flip> {
        let ways = self.ground.known.numbers().into_iter().flatten();
        let ways = ways.flat_map(|question| Way::of(self, base, question));
        let mut ranges: Vec<Range<'_>> = ways.flat_map(|way| way.ranges(wanted)).collect();
        ranges.sort_by(|left, right| left.distance().total_cmp(&right.distance()));
        let sought = Sought { wanted, advice };
        let mut flips: Vec<Flip> = Vec::new();
        for range in ranges {
            // What leads elsewhere at once need not be told twice.
            let told = |flip: &Flip| flips.iter().any(|known| known.changes == flip.changes);
            if let Some(flip) = range.flip(sought).filter(|flip| !told(flip)) {
                flips.push(flip);
            }
            if flips.len() == MOST {
                break;
            }
        }
        flips
    }
}

/// Which changes of an advice count.
#[derive(Clone, Copy)]
struct Sought {
    wanted: Wanted,
    advice: Advice,
}

impl Sought {
    fn counts(self, after: Advice) -> bool {
        match self.wanted {
            Wanted::Toward(option) => after.recommended == Choice::ALL.get(option).copied(),
            Wanted::Any { .. } if self.advice.recommended.is_none() => after.recommended.is_some(),
            // What only makes the same advice firmer changes nothing.
            Wanted::Any { .. } => {
                after.recommended != self.advice.recommended
                    || (self.advice.verdict == Verdict::Strong && after != self.advice)
            }
        }
    }

    /// Whether another option is advised.
    fn leads_elsewhere(self, after: Advice) -> bool {
        self.counts(after)
            && after.recommended.is_some()
            && after.recommended != self.advice.recommended
    }
}

/// The way of a number from where it is, or from its loose end, to one of its ends. Its steps are
/// evenly spaced on a log scale.
#[derive(Clone, Copy)]
struct Way<'a> {
    engine: &'a Engine,
    base: &'a Base,
    place: usize,
    question: &'a Question,
    whole: bool,
    up: bool,
    stated: bool,
    start: f64,
    end: f64,
    steps: u32,
}

/// What is found at one value.
struct Spot {
    situation: Situation,
    totals: Totals,
    plan: Plan,
}

impl<'a> Way<'a> {
    /// Both ways of a stated number; of another the one from its loose end.
    fn of(engine: &'a Engine, base: &'a Base, place: usize) -> Vec<Self> {
        let known = &engine.ground.known;
        let Some(question) = engine.ground.model.questions().get(place) else { return Vec::new() };
        let QuestionKind::Number { min, max, whole, .. } = &question.kind else {
            return Vec::new();
        };
        let (min, max) = (min.max(1e-3), *max);
        let now = base.situation.number(Some(place)).map(|number| number.value.max(min));
        let tighter_is_less = [known.p99_ms, known.memory_mb, known.cores].contains(&Some(place));
        let ways: &[bool] = match now {
            Some(_) => &[false, true],
            None => &[!tighter_is_less],
        };
        let start = now.unwrap_or(if tighter_is_less { max } else { min });
        let way = |up: &bool| {
            let end = if *up { max } else { min };
            let decades = libm::log10(end / start).abs();
            Self {
                engine,
                base,
                place,
                question,
                whole: *whole,
                up: *up,
                stated: now.is_some(),
                start,
                end,
                steps: libm::ceil(decades * STEPS_PER_DECADE) as u32,
            }
        };
        ways.iter().map(way).filter(|way| way.steps > 0).collect()
    }

    fn value(&self, step: u32) -> f64 {
        let decades = f64::from(step) / STEPS_PER_DECADE;
        match step {
            0 => self.start,
            _ if step >= self.steps => self.end,
            _ => self.start * libm::exp10(if self.up { decades } else { -decades }),
        }
    }

    fn spot(&self, value: f64) -> Spot {
        let (ground, base) = (&self.engine.ground, self.base);
        let mut situation = base.situation.clone();
        situation.set_number(self.place, value);
        let situations = [&base.situation, &situation];
        let totals = ground.totals_from(&base.totals, situations);
        let plan = base.plan.changed(ground, situations, None);
        Spot { situation, totals, plan }
    }

    fn plan(&self, step: u32) -> Plan {
        let mut situation = self.base.situation.clone();
        situation.set_number(self.place, self.value(step));
        self.base.plan.changed(&self.engine.ground, [&self.base.situation, &situation], None)
    }

    fn advice(&self, value: f64, blocks: usize) -> Advice {
        let Spot { situation, totals, plan } = &self.spot(value);
        self.engine.advice(self.base, After { situation, totals, plan, blocks })
    }

    /// The ranges in which the advice is another, as far as a few draws tell. Where twice a need is
    /// met, or none of it, a step changes nothing, and nothing is looked for.
    fn ranges(self, wanted: Wanted) -> Vec<Range<'a>> {
        let (first, last) = (self.plan(0), self.plan(self.steps));
        if first.is_like(&last) {
            return Vec::new();
        }
        let moves = |step: &u32| !self.plan(*step).is_like(&first);
        let rests = |step: &u32| self.plan(*step).is_like(&last);
        let from = first_that(0..self.steps, moves);
        let to = first_that(from..self.steps, rests);
        let sought = Sought { wanted, advice: self.few_draws() };
        let mut ranges: Vec<Range<'a>> = Vec::new();
        for step in from..=to {
            let advice = self.advice(self.value(step), FEW);
            match ranges.last_mut() {
                Some(range) if range.advice == advice => range.last = step,
                _ => ranges.push(Range::of(self, advice, step, to)),
            }
        }
        let lost = ranges.iter().find(|range| sought.counts(range.advice)).copied();
        let elsewhere = ranges.iter().find(|range| sought.leads_elsewhere(range.advice)).copied();
        let elsewhere = elsewhere.map(|range| Range { elsewhere: true, ..range });
        lost.into_iter().chain(elsewhere).collect()
    }

    /// The advice as it is, by a few draws.
    fn few_draws(&self) -> Advice {
        let Base { situation, totals, plan, scores } = self.base;
        let few = scores.get(..FEW).unwrap_or(scores);
        let after = After { situation, totals, plan, blocks: few.len() };
        self.engine.judge(after, first_counts(few), self.base).advice()
    }
}

/// The first number of a range from which on something holds; its end where it never does.
fn first_that(range: std::ops::Range<u32>, holds: impl Fn(&u32) -> bool) -> u32 {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(&middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// A range of steps in which the advice is the same, by a few draws.
#[derive(Clone, Copy)]
struct Range<'a> {
    way: Way<'a>,
    advice: Advice,
    first: u32,
    last: u32,
    /// From this step on nothing changes.
    rest: u32,
    /// Whether what counts is that another option is advised.
    elsewhere: bool,
}

impl<'a> Range<'a> {
    const fn of(way: Way<'a>, advice: Advice, step: u32, rest: u32) -> Self {
        Self { way, advice, first: step, last: step, rest, elsewhere: false }
    }

    /// In decades.
    fn distance(&self) -> f64 {
        let far = libm::log10(self.way.value(self.first) / self.way.start).abs();
        if self.way.stated { far } else { far.min(UNSTATED) + UNSTATED }
    }

    /// The nearest round number at which the change counts, by all draws; what the advice is there;
    /// and how far that holds.
    fn flip(&self, sought: Sought) -> Option<Flip> {
        let Way { up, whole, .. } = self.way;
        let value = |place: i64| match whole {
            true => libm::rint(rounded(place)),
            false => rounded(place),
        };
        let known = RefCell::new(BTreeMap::new());
        let advice = |place: i64, blocks: usize| {
            let found = known.borrow().get(&(place, blocks)).copied();
            found.unwrap_or_else(|| {
                let found = self.way.advice(value(place), blocks);
                known.borrow_mut().insert((place, blocks), found);
                found
            })
        };
        let counts = |after: Advice| match self.elsewhere {
            true => sought.leads_elsewhere(after),
            false => sought.counts(after),
        };
        let at = |step: &u32| self.way.advice(self.way.value(*step), BLOCKS);
        let [toward, away]: [Rounding; 2] =
            if up { [libm::floor, libm::ceil] } else { [libm::ceil, libm::floor] };
        let place = |step: u32, round| round_near(self.way.value(step), round);
        let first = (self.first..=self.last).find(|step| counts(at(step)))?;
        let near = edge([place(first, away), place(first.saturating_sub(1), toward)], |at, few| {
            counts(advice(at, few))
        });
        let after = advice(near, BLOCKS);
        if !counts(after) {
            return None;
        }
        // A step at which all draws say otherwise ends the range.
        let beyond = (first..=self.last).find(|step| at(step) != after);
        let beyond = beyond.or((self.last < self.rest).then_some(self.last + 1));
        let far =
            beyond.map(|step| edge([near, place(step, away)], |at, few| advice(at, few) == after));
        Some(self.told(value(near), far.map(value), after))
    }

    fn told(&self, near: f64, far: Option<f64>, after: Advice) -> Flip {
        let Way { question, up, place, base, .. } = self.way;
        let now = base.situation.number(Some(place));
        let from = now.map_or("unknown".into(), |number| Told::Number(number.value));
        let change = Change::new(question.id.clone(), from, Told::Number(near));
        let when = format!("If {}", wording::band(question, near, far, up));
        Flip {
            kind: FlipKind::Number,
            changes: vec![Change { until: far, ..change }],
            recommended: after.recommended,
            verdict_after: after.verdict,
            text: wording::flip(&when, after),
        }
    }
}

type Rounding = fn(f64) -> f64;

/// Round numbers in a decade: 1, 1.05, 1.1 and so on to 9.95.
const ROUND: i64 = 180;

/// The round number of this place, counted from 1.
fn rounded(place: i64) -> f64 {
    let (decade, within) = (place.div_euclid(ROUND), place.rem_euclid(ROUND));
    // Read as it is written, so that no digit is added.
    format!("{}e{}", 100 + 5 * within, decade - 2).parse().unwrap_or(f64::NAN)
}

/// The place of the round number near a value, on the side that `round` says.
#[expect(clippy::cast_possible_truncation, reason = "allowed numbers have few decades")]
fn round_near(value: f64, round: Rounding) -> i64 {
    let decade = libm::floor(libm::log10(value));
    let within = (value / libm::exp10(decade) * 100.0 - 100.0) / 5.0;
    // What a division leaves behind the sixth digit is no part of the value.
    let within = libm::rint(within * 1e6) / 1e6;
    decade as i64 * ROUND + round(within) as i64
}

/// The last place from the first of two towards the second, which is not looked at, where something
/// holds in all blocks of draws; the search begins where it does so in a few.
fn edge([holds_at, fails_at]: [i64; 2], holds: impl Fn(i64, usize) -> bool) -> i64 {
    let way = (fails_at - holds_at).signum();
    let most = (fails_at - holds_at).abs();
    let (mut inside, mut outside) = (0, most);
    while outside - inside > 1 {
        let middle = i64::midpoint(inside, outside);
        if holds(holds_at + way * middle, FEW) { inside = middle } else { outside = middle }
    }
    let (mut next, mut stride) = (inside, 1);
    (inside, outside) = (0, most);
    let (mut held, mut failed) = (false, false);
    while outside - inside > 1 {
        let probe = next.clamp(inside + 1, outside - 1);
        if holds(holds_at + way * probe, BLOCKS) {
            (inside, next, held) = (probe, probe + stride, true);
        } else {
            (outside, next, failed) = (probe, probe - stride, true);
        }
        stride *= 2;
        if held && failed {
            next = i64::midpoint(inside, outside);
        }
    }
    holds_at + way * inside
}
