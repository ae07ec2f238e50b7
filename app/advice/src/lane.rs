//! One criterion's part of the loops over the draws.

use crate::{
    cells::CellStreams,
    expr::MAX_ROWS,
    streams::{BLOCK, Streams, narrow},
    value::Offer,
};

/// What the options have scored in each draw of a block.
pub(crate) type Totals = [[f32; BLOCK]; 3];

/// One criterion, or one part of economy, ready for the loops.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) criterion: usize,
    source: Source,
    /// The open factors with their place value, last first, as the rows count them.
    open: Vec<(usize, usize)>,
    pub(crate) rows: Vec<LaneRow>,
    /// Each row's swing, to look up by draw; none when nothing is open.
    swings: Option<Box<[f32; ROWS]>>,
    /// The row that stands for all where only swings differ.
    like: Option<LaneRow>,
    /// Which scenario stands for each row, where that differs.
    scenarios: Option<Scenarios>,
    /// Whether an option may miss a must in some row.
    pub(crate) has_must: bool,
}

/// Room for every row: a power of two, so that an index can be masked rather than checked.
const ROWS: usize = MAX_ROWS;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// A value with noise, clipped. Headroom's hybrid shares Rust's noise.
    Noisy {
        shared: bool,
    },
    Tail,
    Cpu,
    Memory,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LaneRow {
    pub(crate) swing: f32,
    base: [f32; 3],
    amplitude: [f32; 3],
    must: [f32; 3],
    must_amplitude: [f32; 3],
    cell: usize,
}

/// The scenarios that rows of a lane rest on, and for each row the place of its own among them.
#[derive(Clone, Debug)]
struct Scenarios {
    cells: Vec<usize>,
    of_row: Box<[u8; ROWS]>,
}

impl Scenarios {
    fn new(rows: &[LaneRow]) -> Self {
        let mut cells: Vec<usize> = Vec::new();
        let mut of_row = Box::new([u8::MAX; ROWS]);
        let rows = of_row.iter_mut().zip(rows).filter(|(_, row)| row.swing > 0.0);
        for (place, row) in rows {
            let known = cells.iter().position(|cell| *cell == row.cell);
            let at = known.unwrap_or_else(|| {
                cells.push(row.cell);
                cells.len() - 1
            });
            *place = u8::try_from(at).unwrap_or(u8::MAX);
        }
        Self { cells, of_row }
    }
}

#[inline]
fn clip(value: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < 1.0 { value } else { 1.0 }
}

/// `spread` is how far a judged value is varied.
pub(crate) fn lane_row(swing: f32, offer: Offer, source: Source, spread: f64) -> LaneRow {
    let base = LaneRow { swing, must: [f32::INFINITY; 3], ..LaneRow::default() };
    match offer {
        Offer::Judged(values) => {
            LaneRow { base: values.map(narrow), amplitude: [narrow(spread); 3], ..base }
        }
        Offer::Headroom(headroom) => LaneRow {
            base: headroom.log2.map(narrow),
            amplitude: headroom.width.map(narrow),
            must: headroom.must.map(narrow),
            must_amplitude: headroom.must_width.map(narrow),
            ..base
        },
        Offer::Economy { memory_cell: cell, .. } if source == Source::Memory => {
            LaneRow { cell, ..base }
        }
        Offer::Tail { cell, .. } | Offer::Economy { cell, .. } => LaneRow { cell, ..base },
        Offer::NotMeasured => base,
    }
}

/// One block of the streams, with at most one question drawn anew.
#[derive(Clone, Copy)]
pub(crate) struct Draws<'a> {
    pub(crate) streams: &'a Streams,
    pub(crate) cells: &'a [CellStreams],
    pub(crate) block: usize,
    pub(crate) redrawn: Option<usize>,
}

static NO_STATES: [u8; BLOCK] = [0; BLOCK];
static NO_NOISE: [f32; BLOCK] = [0.0; BLOCK];

impl<'a> Draws<'a> {
    pub(crate) fn states(&self, question: usize) -> &'a [u8; BLOCK] {
        let streams = self.streams;
        let states = if self.redrawn == Some(question) { &streams.redrawn } else { &streams.state };
        states.get(question).and_then(|stream| stream.get(self.block)).unwrap_or(&NO_STATES)
    }

    fn factor(&self, criterion: usize) -> &'a [f32; BLOCK] {
        let stream = self.streams.factor.get(criterion);
        stream.and_then(|stream| stream.get(self.block)).unwrap_or(&NO_NOISE)
    }

    fn noise(&self, criterion: usize, option: usize) -> &'a [f32; BLOCK] {
        let stream = self.streams.noise.get(criterion).and_then(|options| options.get(option));
        stream.and_then(|stream| stream.get(self.block)).unwrap_or(&NO_NOISE)
    }

    fn cell(&self, cell: usize, source: Source, option: usize) -> &'a [f32; BLOCK] {
        let language = if option == 2 { 0 } else { option };
        let streams = self.cells.get(cell).and_then(|cell| match source {
            Source::Tail => cell.tail.get(language),
            Source::Cpu => cell.cpu.get(language),
            Source::Memory => cell.memory.get(option),
            Source::Noisy { .. } => None,
        });
        streams.and_then(|stream| stream.get(self.block)).unwrap_or(&NO_NOISE)
    }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index within the array")]
const fn look_up<T: Copy>(table: &[T; ROWS], index: u16) -> T {
    table[index as usize & (ROWS - 1)]
}

impl PartialEq for Lane {
    /// The rest follows from these.
    fn eq(&self, other: &Self) -> bool {
        (self.criterion, self.source) == (other.criterion, other.source)
            && (&self.open, &self.rows) == (&other.open, &other.rows)
    }
}

impl Lane {
    pub(crate) fn new(
        criterion: usize,
        source: Source,
        open: Vec<(usize, usize)>,
        rows: Vec<LaneRow>,
    ) -> Self {
        let alike = |row: &&LaneRow| row.swing > 0.0 || row.must.iter().any(|m| m.is_finite());
        let first = rows.iter().find(alike).or(rows.first()).copied().unwrap_or_default();
        let like = rows
            .iter()
            .filter(alike)
            .all(|row| LaneRow { swing: first.swing, ..*row } == first)
            .then_some(first);
        let swings = (!open.is_empty()).then(|| {
            let mut swings = Box::new([0.0; ROWS]);
            swings.iter_mut().zip(&rows).for_each(|(swing, row)| *swing = row.swing);
            swings
        });
        let has_must = rows.iter().flat_map(|row| row.must).any(f32::is_finite);
        let noisy = matches!(source, Source::Noisy { .. });
        let scenarios = (like.is_none() && !noisy).then(|| Scenarios::new(&rows));
        Self { criterion, source, open, rows, swings, like, scenarios, has_must }
    }

    pub(crate) fn depends_on(&self, question: usize) -> bool {
        self.open.iter().any(|(open, _)| *open == question)
    }

    pub(crate) fn add_to(&self, draws: &Draws<'_>, totals: &mut Totals) {
        let mut weights = *draws.factor(self.criterion);
        match (&self.swings, self.rows.as_slice()) {
            (None, [row]) => weights.iter_mut().for_each(|weight| *weight *= row.swing),
            (Some(swings), _) => {
                let indices = self.indices(draws);
                for (weight, index) in weights.iter_mut().zip(&indices) {
                    *weight *= look_up(swings, *index);
                }
                if self.like.is_none() {
                    return self.add_each(draws, &weights, &indices, totals);
                }
            }
            (None, _) => return,
        }
        let Some(row) = &self.like else { return };
        let options = totals.iter_mut().zip(row.base).zip(row.amplitude).enumerate();
        for (option, ((totals, base), amplitude)) in options {
            if let Source::Noisy { .. } = self.source {
                let noise = self.noise(draws, option);
                for ((total, weight), noise) in totals.iter_mut().zip(&weights).zip(noise) {
                    *total += weight * clip(base + amplitude * noise);
                }
            } else {
                let values = draws.cell(row.cell, self.source, option);
                for ((total, weight), value) in totals.iter_mut().zip(&weights).zip(values) {
                    *total += weight * value;
                }
            }
        }
    }

    /// Headroom's hybrid is Rust's, noise and all.
    fn noise<'a>(&self, draws: &Draws<'a>, option: usize) -> &'a [f32; BLOCK] {
        let shared = self.source == Source::Noisy { shared: true } && option == 2;
        draws.noise(self.criterion, if shared { 0 } else { option })
    }

    /// The row of each draw.
    fn indices(&self, draws: &Draws<'_>) -> [u16; BLOCK] {
        let mut indices = [0_u16; BLOCK];
        for (question, stride) in &self.open {
            let stride = u16::try_from(*stride).unwrap_or(0);
            for (index, state) in indices.iter_mut().zip(draws.states(*question)) {
                *index += stride * u16::from(*state);
            }
        }
        indices
    }

    /// Where the values differ from row to row, each draw looks up its own.
    fn add_each(
        &self,
        draws: &Draws<'_>,
        weights: &[f32; BLOCK],
        indices: &[u16; BLOCK],
        totals: &mut Totals,
    ) {
        if let Some(scenarios) = &self.scenarios {
            return self.add_scenarios(scenarios, draws, weights, indices, totals);
        }
        let (mut bases, mut amplitudes) = ([0.0_f32; ROWS], [0.0_f32; ROWS]);
        for (option, totals) in totals.iter_mut().enumerate() {
            let slots = bases.iter_mut().zip(&mut amplitudes);
            for ((base, amplitude), row) in slots.zip(&self.rows) {
                *base = row.base.get(option).copied().unwrap_or(0.0);
                *amplitude = row.amplitude.get(option).copied().unwrap_or(0.0);
            }
            let noise = self.noise(draws, option).iter();
            let each = totals.iter_mut().zip(weights).zip(indices).zip(noise);
            for (((total, weight), index), noise) in each {
                let amplitude = look_up(&amplitudes, *index);
                *total += weight * clip(look_up(&bases, *index) + amplitude * noise);
            }
        }
    }

    /// Scenario by scenario over all draws, so that the inner loop is over plain arrays: each draw
    /// keeps the value of its own scenario.
    fn add_scenarios(
        &self,
        scenarios: &Scenarios,
        draws: &Draws<'_>,
        weights: &[f32; BLOCK],
        indices: &[u16; BLOCK],
        totals: &mut Totals,
    ) {
        // As wide as a value, so that both fill a vector alike.
        let mut places = [u32::MAX; BLOCK];
        for (place, index) in places.iter_mut().zip(indices) {
            *place = u32::from(look_up(&scenarios.of_row, *index));
        }
        let offered = |option: usize| {
            let mut values = [0.0_f32; BLOCK];
            for (at, cell) in (0_u32..).zip(&scenarios.cells) {
                let own = draws.cell(*cell, self.source, option);
                for ((value, own), place) in values.iter_mut().zip(own).zip(&places) {
                    *value = if *place == at { *own } else { *value };
                }
            }
            values
        };
        let [rust, go] = [offered(0), offered(1)];
        let hybrid = if self.source == Source::Memory { offered(2) } else { rust };
        for (totals, values) in totals.iter_mut().zip([&rust, &go, &hybrid]) {
            for ((total, weight), value) in totals.iter_mut().zip(weights).zip(values) {
                *total += weight * value;
            }
        }
    }

    /// An option that misses a must in a draw is out of that draw.
    pub(crate) fn rule_out(&self, draws: &Draws<'_>, out: &mut [u8; BLOCK]) {
        let indices = self.indices(draws);
        for option in 0..3 {
            let noise = self.noise(draws, option);
            for ((out, index), noise) in out.iter_mut().zip(indices).zip(noise) {
                let row = self.rows.get(usize::from(index)).or(self.rows.first());
                let missed = row.is_some_and(|row| {
                    let must = row.must.get(option).copied().unwrap_or(f32::INFINITY);
                    let width = row.must_amplitude.get(option).copied().unwrap_or(0.0);
                    must + width * noise < 0.0
                });
                *out |= u8::from(missed) << option;
            }
        }
    }
}

/// One draw in full: what each criterion weighs and what each option offers on it.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    pub(crate) weights: Vec<f64>,
    /// Option by option.
    pub(crate) values: Vec<f64>,
}

impl Lane {
    pub(crate) fn detail(&self, draws: &Draws<'_>, criteria: usize, details: &mut [Detail]) {
        let mut totals = [[0.0; BLOCK]; 3];
        self.add_to(draws, &mut totals);
        let indices = self.indices(draws);
        let factor = draws.factor(self.criterion);
        for (((draw, detail), index), factor) in
            details.iter_mut().enumerate().zip(indices).zip(factor)
        {
            let row = self.rows.get(usize::from(index)).or(self.rows.first());
            let weight = row.map_or(0.0, |row| f64::from(row.swing * factor));
            if let Some(slot) = detail.weights.get_mut(self.criterion) {
                *slot += weight;
            }
            for (option, totals) in totals.iter().enumerate() {
                let slot = detail.values.get_mut(option * criteria + self.criterion);
                if let (Some(slot), Some(total)) = (slot, totals.get(draw)) {
                    *slot += f64::from(*total);
                }
            }
        }
    }
}
