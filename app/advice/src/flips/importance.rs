//! Criteria whose importance alone would put another option first.

use super::{Candidate, Search};
use crate::{Change, FlipKind, sensitivity::importance_thresholds, wording};

/// How many are shown.
const MOST_IMPORTANCE: usize = 3;

/// Importance that would have to change more than this much is no plausible objection.
const MOST_FACTOR: f64 = 4.0;

impl Search<'_> {
    /// Criteria whose importance alone would put another option first.
    pub(super) fn importance(&self) -> Vec<Candidate> {
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
