//! Numbers at which another option comes first.

use super::{Candidate, Search};
use crate::{Change, FlipKind, QuestionKind, wording};

/// How many are shown.
const MOST_NUMBERS: usize = 2;

/// Where numbers are tried before the crossing is narrowed down.
const STEPS_PER_DECADE: f64 = 8.0;
const BISECTIONS: u32 = 32;

impl Search<'_> {
    /// For each number the nearest value at which another option comes first.
    pub(super) fn numbers(&self) -> Vec<Candidate> {
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
}
