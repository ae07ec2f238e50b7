//! What the rows of a lane offer: one for each combination of the answers that are open.

use super::Source;
use crate::{
    expr::MAX_ROWS,
    measure::Headroom,
    streams::{BLOCK, narrow},
    value::Offer,
};

/// Room for every row: a power of two, so that an index can be masked rather than checked.
pub(super) const ROWS: usize = MAX_ROWS;

/// The most needs whose headroom one row holds.
const NEEDS: usize = crate::measure::MOST_NEEDS;

/// What each option offers before noise, and how far noise moves it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Noisy {
    base: [f32; 3],
    amplitude: [f32; 3],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LaneRow {
    pub(crate) swing: f32,
    /// Of several needs the least counts; most rows have but one.
    pub(super) offered: [Noisy; NEEDS],
    /// An option is out where one of these is below 0.
    pub(super) musts: [Noisy; NEEDS],
    /// How many of what is offered differ.
    pub(super) needs: u8,
    pub(super) cell: usize,
    /// How much of what two services cost counts for the hybrid; 0 where it is like Rust.
    pub(super) share: f32,
}

/// Option by option, what each row offers before noise.
#[derive(Debug)]
pub(super) struct RowValues {
    bases: [Box<[f32; ROWS]>; 3],
    amplitudes: [Amplitude; 3],
}

/// How far each row's value of an option is varied: as a rule all alike.
#[derive(Debug)]
enum Amplitude {
    Even(f32),
    Each(Box<[f32; ROWS]>),
}

impl RowValues {
    /// Of one need of each row.
    pub(super) fn new(rows: &[LaneRow], need: usize) -> Self {
        let table = |of: fn(&Noisy) -> [f32; 3], option: usize| {
            let mut table = Box::new([0.0_f32; ROWS]);
            for (slot, row) in table.iter_mut().zip(rows) {
                let offered = row.offered.get(need).map(of);
                *slot = offered.and_then(|of| of.get(option).copied()).unwrap_or(0.0);
            }
            table
        };
        let amplitude = |option: usize| {
            let each = table(|offered| offered.amplitude, option);
            let first = each.first().copied().unwrap_or(0.0);
            match each.iter().take(rows.len()).all(|own| *own == first) {
                true => Amplitude::Even(first),
                false => Amplitude::Each(each),
            }
        };
        Self {
            bases: [0, 1, 2].map(|option| table(|offered| offered.base, option)),
            amplitudes: [0, 1, 2].map(amplitude),
        }
    }

    /// What an option offers in each draw, noise and all.
    pub(super) fn fill(
        &self,
        own: &mut [f32; BLOCK],
        option: usize,
        rows: &[u16; BLOCK],
        noise: &[f32; BLOCK],
    ) {
        let (Some(bases), Some(amplitude)) = (self.bases.get(option), self.amplitudes.get(option))
        else {
            return;
        };
        // Looked up first, so that the loop over the draws becomes vectors.
        own.iter_mut().zip(rows).for_each(|(own, row)| *own = look_up(bases, *row));
        match amplitude {
            Amplitude::Even(amplitude) => {
                own.iter_mut().zip(noise).for_each(|(own, noise)| *own += amplitude * noise);
            }
            Amplitude::Each(amplitudes) => {
                for ((own, noise), row) in own.iter_mut().zip(noise).zip(rows) {
                    *own += look_up(amplitudes, *row) * noise;
                }
            }
        }
    }
}

/// The scenarios that rows of a lane rest on, and for each row the place of its own among them.
#[derive(Clone, Debug)]
pub(super) struct Scenarios {
    /// With the share of each.
    pub(super) cells: Vec<(usize, f32)>,
    pub(super) of_row: Box<[u8; ROWS]>,
}

impl Scenarios {
    pub(super) fn new(rows: &[LaneRow]) -> Self {
        let mut cells: Vec<(usize, f32)> = Vec::new();
        let mut of_row = Box::new([u8::MAX; ROWS]);
        let rows = of_row.iter_mut().zip(rows).filter(|(_, row)| row.swing > 0.0);
        for (place, row) in rows {
            let own = (row.cell, row.share);
            let known = cells.iter().position(|cell| *cell == own);
            let at = known.unwrap_or_else(|| {
                cells.push(own);
                cells.len() - 1
            });
            *place = u8::try_from(at).unwrap_or(u8::MAX);
        }
        Self { cells, of_row }
    }
}

/// `spread` is how far a judged value is varied.
pub(crate) fn lane_row(swing: f32, offer: Offer, source: Source, spread: f64) -> LaneRow {
    let none = Noisy { base: [f32::INFINITY; 3], amplitude: [0.0; 3] };
    let mut row = LaneRow { swing, needs: 1, musts: [none; NEEDS], ..LaneRow::default() };
    match offer {
        Offer::Judged(values) => {
            let offered = Noisy { base: values.map(narrow), amplitude: [narrow(spread); 3] };
            row.offered = [offered; NEEDS];
        }
        Offer::Headroom(headroom) => (0..3).for_each(|option| row.hold(&headroom, option)),
        Offer::Economy { memory_cell: cell, share, .. } if source == Source::Memory => {
            (row.cell, row.share) = (cell, narrow(share));
        }
        Offer::Tail { cell, share, .. } | Offer::Economy { cell, share, .. } => {
            (row.cell, row.share) = (cell, narrow(share));
        }
        Offer::NotMeasured => {}
    }
    row
}

impl LaneRow {
    /// Takes the needs of one option that may be its least. What noise cannot change is written in
    /// one way, so that rows that come to the same are equal.
    fn hold(&mut self, headroom: &Headroom, option: usize) {
        let lines = |must: bool| {
            let margins = headroom.margins.iter().filter(move |margin| margin.must || !must);
            margins.filter_map(move |margin| {
                let (log2, width) = (*margin.log2.get(option)?, *margin.width.get(option)?);
                log2.is_finite().then_some((narrow(log2), narrow(width)))
            })
        };
        // Twice what is needed is as good as more.
        let mut needs: Vec<(f32, f32)> =
            lines(false).filter(|(base, width)| base - width < 1.0).collect();
        if needs.iter().any(|(base, width)| base + width <= 0.0) {
            needs = vec![(0.0, 0.0)];
        }
        needs.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        let first = needs.first().copied().unwrap_or((1.0, 0.0));
        // A need that is above the least at both ends of the noise is above it throughout.
        needs.retain(|(base, width)| {
            (*base, *width) == first || base - first.0 < (width - first.1).abs()
        });
        needs.dedup();
        self.needs = self.needs.max(u8::try_from(needs.len()).unwrap_or(u8::MAX));
        let places = self.offered.iter_mut();
        for (place, line) in places.zip(needs.into_iter().chain(std::iter::repeat(first))) {
            place.set(option, line);
        }
        let musts = lines(true).filter(|(base, width)| base - width < 0.0);
        for (place, (base, width)) in self.musts.iter_mut().zip(musts) {
            place.set(option, if base + width < 0.0 { (-1.0, 0.0) } else { (base, width) });
        }
    }

    pub(super) fn may_miss_a_must(&self) -> bool {
        self.musts.iter().flat_map(|must| must.base).any(f32::is_finite)
    }
}

impl Noisy {
    fn set(&mut self, option: usize, (base, amplitude): (f32, f32)) {
        if let (Some(own), Some(width)) =
            (self.base.get_mut(option), self.amplitude.get_mut(option))
        {
            (*own, *width) = (base, amplitude);
        }
    }

    /// What it offers before noise, and how far noise moves it.
    pub(super) fn of(&self, option: usize) -> (f32, f32) {
        let number = |of: &[f32; 3]| of.get(option).copied().unwrap_or(0.0);
        (number(&self.base), number(&self.amplitude))
    }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index within the array")]
pub(super) const fn look_up<T: Copy>(table: &[T; ROWS], index: u16) -> T {
    table[index as usize & (ROWS - 1)]
}
