//! Criteria whose importance alone would put another option first.

use super::{Candidate, Search, Wanted};
use crate::{Change, FlipKind, Told, sensitivity::importance_thresholds, wording};

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
        let mut nearest: Vec<Option<f64>> = vec![None; swings.len()];
        let wanted = |other: &usize| match self.wanted {
            Wanted::Any { .. } => true,
            Wanted::Toward(option) => option == *other,
        };
        let others = (0..3).filter(|o| *o != self.first && self.totals.out >> o & 1 == 0);
        for other in others.filter(wanted) {
            let terms = self.totals.terms.iter();
            let differences: Vec<f64> =
                terms.map(|term| value(term, self.first) - value(term, other)).collect();
            let thresholds = importance_thresholds(&swings, &differences);
            for (slot, factor) in nearest.iter_mut().zip(thresholds) {
                let Some(factor) = factor.filter(|f| *f > 0.0) else {
                    continue;
                };
                if slot.is_none_or(|now| far(factor) < far(now)) {
                    *slot = Some(factor);
                }
            }
        }
        let each = nearest.into_iter().enumerate();
        let each = each.filter_map(|(criterion, factor)| Some((criterion, factor?)));
        let plausible =
            |(_, factor): &(usize, f64)| far(*factor) <= libm::log(MOST_FACTOR) && *factor != 1.0;
        let each = each.filter(plausible);
        let mut flips: Vec<Candidate> =
            each.filter_map(|(criterion, factor)| self.important(criterion, factor)).collect();
        flips.sort_by(|left, right| left.distance.total_cmp(&right.distance));
        flips.truncate(MOST_IMPORTANCE);
        flips
    }

    fn important(&self, index: usize, factor: f64) -> Option<Candidate> {
        let criterion = self.ground.model.criteria().get(index)?;
        let swing = self.totals.terms.get(index)?.swing;
        // A little beyond the threshold, where the order has changed.
        let beyond = factor * if factor < 1.0 { 1.0 - 1e-9 } else { 1.0 + 1e-9 };
        let mut totals = self.totals.clone();
        totals.terms.get_mut(index)?.swing *= beyond;
        let when = format!(
            "If \u{201c}{}\u{201d} counted {} times as much",
            criterion.name,
            wording::short(factor)
        );
        Some(Candidate {
            kind: FlipKind::Importance,
            changes: vec![Change::new(
                criterion.id.clone(),
                rounded(swing),
                rounded(swing * factor),
            )],
            when,
            situation: self.situation.clone(),
            totals,
            scale: Some((index, beyond)),
            distance: far(factor),
        })
    }
}

/// Swing points as they are told.
fn rounded(swing: f64) -> Told {
    Told::Number(wording::short(swing).parse().unwrap_or(swing))
}

fn far(factor: f64) -> f64 {
    libm::log(factor).abs()
}
