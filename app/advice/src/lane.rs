//! One criterion's part of the loops over the draws.

mod rows;

use std::sync::OnceLock;

pub(crate) use rows::{LaneRow, lane_row};
use rows::{ROWS, RowValues, Scenarios, look_up};

use crate::{
    cells::CellStreams,
    streams::{BLOCK, BLOCKS, Streams},
};

/// What the options have scored in each draw of a block.
pub(crate) type Totals = [[f32; BLOCK]; 3];

/// One criterion, or one part of economy, ready for the loops.
#[derive(Debug)]
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
    /// Each row's values, to look up by draw, for each need one; none where they do not differ.
    values: Vec<RowValues>,
    /// Which scenario stands for each row, where that differs.
    scenarios: Option<Scenarios>,
    /// Whether an option may miss a must in some row.
    pub(crate) has_must: bool,
    /// What it adds in every draw, once somebody asked to keep it.
    kept: OnceLock<Vec<Totals>>,
}

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

#[inline]
fn clip(value: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < 1.0 { value } else { 1.0 }
}

#[inline]
fn lesser(left: f32, right: f32) -> f32 {
    if left < right { left } else { right }
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

    /// What an option offers by a scenario; `slower` has room for the hybrid's as two services.
    fn cell<'b>(
        &self,
        (cell, share): (usize, f32),
        source: Source,
        option: usize,
        slower: &'b mut [f32; BLOCK],
    ) -> &'b [f32; BLOCK]
    where
        'a: 'b,
    {
        let language = if option == 2 { 0 } else { option };
        let two = self.streams.two.as_ref().filter(|_| option == 2 && share > 0.0);
        let Some(cell) = self.cells.get(cell) else { return &NO_NOISE };
        let (stream, times) = match source {
            Source::Tail => (cell.tail.get(language), two.map(|two| &two.tail)),
            Source::Cpu => (cell.cpu.get(language), two.map(|two| &two.cpu)),
            Source::Memory => {
                let of_two = two.and(cell.memory_of_two.as_ref());
                (of_two.or(cell.memory.get(option)), None)
            }
            Source::Noisy { .. } => (None, None),
        };
        let own = stream.and_then(|stream| stream.get(self.block)).unwrap_or(&NO_NOISE);
        let Some(times) = times.and_then(|times| times.get(self.block)) else { return own };
        for ((slower, own), times) in slower.iter_mut().zip(own).zip(times) {
            *slower = own / (1.0 + (times - 1.0) * share);
        }
        slower
    }
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
        let counts = |row: &&LaneRow| row.swing > 0.0 || row.may_miss_a_must();
        let first = rows.iter().find(counts).or(rows.first()).copied().unwrap_or_default();
        let like = rows
            .iter()
            .filter(counts)
            .all(|row| LaneRow { swing: first.swing, ..*row } == first)
            .then_some(first);
        let swings = (!open.is_empty()).then(|| {
            let mut swings = Box::new([0.0; ROWS]);
            swings.iter_mut().zip(&rows).for_each(|(swing, row)| *swing = row.swing);
            swings
        });
        let has_must = rows.iter().any(LaneRow::may_miss_a_must);
        let noisy = matches!(source, Source::Noisy { .. });
        let scenarios = (like.is_none() && !noisy).then(|| Scenarios::new(&rows));
        let needs = rows.iter().map(|row| usize::from(row.needs)).max().unwrap_or(0);
        let needs = if like.is_none() && noisy { needs } else { 0 };
        let values = (0..needs).map(|need| RowValues::new(&rows, need)).collect();
        let kept = OnceLock::new();
        Self { criterion, source, open, rows, swings, like, values, scenarios, has_must, kept }
    }

    pub(crate) fn depends_on(&self, question: usize) -> bool {
        self.open.iter().any(|(open, _)| *open == question)
    }

    /// Works out once what it adds in every draw: worth the room where it will be asked again.
    pub(crate) fn keep(&self, streams: &Streams, cells: &[CellStreams]) {
        self.kept.get_or_init(|| {
            let each = (0..BLOCKS).map(|block| {
                let mut totals = [[0.0; BLOCK]; 3];
                self.add_drawn(&Draws { streams, cells, block, redrawn: None }, &mut totals);
                totals
            });
            each.collect()
        });
    }

    /// What it adds in a block, if that is kept and no question of its own is drawn anew.
    pub(crate) fn kept_in(&self, draws: &Draws<'_>) -> Option<&Totals> {
        let as_drawn = draws.redrawn.is_none_or(|question| !self.depends_on(question));
        self.kept.get().filter(|_| as_drawn)?.get(draws.block)
    }

    /// Adds weight × value of each option in each draw of a block.
    pub(crate) fn add_to(&self, draws: &Draws<'_>, totals: &mut Totals) {
        let Some(kept) = self.kept_in(draws) else {
            return self.add_drawn(draws, totals);
        };
        for (totals, kept) in totals.iter_mut().zip(kept) {
            totals.iter_mut().zip(kept).for_each(|(total, kept)| *total += kept);
        }
    }

    fn add_drawn(&self, draws: &Draws<'_>, totals: &mut Totals) {
        let mut weights = *draws.factor(self.criterion);
        let mut rows = [0; BLOCK];
        match (&self.swings, self.rows.as_slice()) {
            (None, [row]) => weights.iter_mut().for_each(|weight| *weight *= row.swing),
            (Some(swings), _) => {
                rows = self.indices(draws);
                for (weight, row) in weights.iter_mut().zip(&rows) {
                    *weight *= look_up(swings, *row);
                }
            }
            (None, _) => return,
        }
        if let Some(scenarios) = &self.scenarios {
            return self.add_scenarios(scenarios, draws, &weights, &rows, totals);
        }
        let (mut own, mut slower) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
        for (option, totals) in totals.iter_mut().enumerate() {
            let each = totals.iter_mut().zip(&weights);
            if let Source::Noisy { .. } = self.source {
                self.fill(draws, &rows, option, &mut own);
                each.zip(&own).for_each(|((total, weight), own)| *total += weight * clip(*own));
            } else if let Some(row) = &self.like {
                let values = draws.cell((row.cell, row.share), self.source, option, &mut slower);
                each.zip(values).for_each(|((total, weight), value)| *total += weight * value);
            }
        }
    }

    /// What an option offers in each draw, noise and all: of several needs the least.
    fn fill(&self, draws: &Draws<'_>, rows: &[u16; BLOCK], option: usize, own: &mut [f32; BLOCK]) {
        let noise = self.noise(draws, option);
        let needs = self.like.map_or(self.values.len(), |row| usize::from(row.needs));
        let one = |need: usize, own: &mut [f32; BLOCK]| match &self.like {
            Some(row) => {
                let (base, amplitude) =
                    row.offered.get(need).map_or((0.0, 0.0), |offered| offered.of(option));
                own.iter_mut().zip(noise).for_each(|(own, noise)| *own = base + amplitude * noise);
            }
            None => {
                if let Some(values) = self.values.get(need) {
                    values.fill(own, option, rows, noise);
                }
            }
        };
        one(0, own);
        for need in 1..needs {
            let mut other = [0.0_f32; BLOCK];
            one(need, &mut other);
            own.iter_mut().zip(&other).for_each(|(own, other)| *own = lesser(*own, *other));
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
        let mut slower = [0.0_f32; BLOCK];
        let mut offered = |option: usize| {
            let mut values = [0.0_f32; BLOCK];
            for (at, cell) in (0_u32..).zip(&scenarios.cells) {
                let own = draws.cell(*cell, self.source, option, &mut slower);
                for ((value, own), place) in values.iter_mut().zip(own).zip(&places) {
                    *value = if *place == at { *own } else { *value };
                }
            }
            values
        };
        let [rust, go] = [offered(0), offered(1)];
        let like_rust = scenarios.cells.iter().all(|(_, share)| *share == 0.0);
        let hybrid = if like_rust && self.source != Source::Memory { rust } else { offered(2) };
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
                    row.musts.iter().any(|must| {
                        let (base, amplitude) = must.of(option);
                        base + amplitude * noise < 0.0
                    })
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
