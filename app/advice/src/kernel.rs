//! First-rank shares over all draws: branch-free single-precision loops over blocks of draws.
//!
//! Each criterion adds `swing × factor × clip(value + noise)` to each option. What is known is a
//! constant of the loop, what is open is looked up by the draw's states. Every sum runs over the
//! criteria in the model's order, so that vector width cannot change a bit.

use crate::{
    CriterionKind,
    expr::{Factor, MAX_ROWS},
    measure::{Estimate, Needs, WorkloadMeasurement},
    situation::Situation,
    streams::{BLOCK, BLOCKS, JUDGEMENT_NOISE, Keyed, Stream, Streams, fill, narrow},
    value::{Ground, Offer},
};

/// The values of a measured scenario's ratios in every draw: noise is on the figures.
#[derive(Clone, Debug)]
pub(crate) struct CellStreams {
    tail: [Stream<f32>; 3],
    cpu: [Stream<f32>; 3],
    memory: [Stream<f32>; 3],
}

impl CellStreams {
    pub(crate) fn new(measured: &WorkloadMeasurement, ground: &Ground, seed: u64) -> Self {
        let (rust, go) = (&measured.rust, &measured.go);
        let hybrid = ground.model.hybrid;
        let drawn = |what: &str, option: &str, figure: &Estimate| {
            let key = format!("m:{}/{}/{what}/{option}", measured.workload, measured.scenario);
            let mut keyed = Keyed::new(seed, &key);
            let Estimate { value, low, high } = *figure;
            // Triangular on the log scale: the interval's ends are the noise's.
            move || {
                let noise = keyed.triangular();
                let end = if noise < 0.0 { value / low } else { high / value };
                let drawn = value * libm::exp(noise * libm::log(end));
                if drawn.is_finite() { drawn } else { value }
            }
        };
        let shared = |mut rust: Box<dyn FnMut() -> f64>, mut go: Box<dyn FnMut() -> f64>| {
            let mut values = [(); 3].map(|()| vec![[0.0_f32; BLOCK]; BLOCKS]);
            let [for_rust, for_go, for_hybrid] = &mut values;
            let slots = for_rust.iter_mut().flatten().zip(for_go.iter_mut().flatten());
            for ((r, g), h) in slots.zip(for_hybrid.iter_mut().flatten()) {
                let (rust, go) = (rust(), go());
                (*r, *g) = (narrow(rust.min(go) / rust), narrow(rust.min(go) / go));
                *h = *r;
            }
            values
        };
        let tail = shared(
            Box::new(drawn("p999", "rust", &rust.half_load_p999_ms)),
            Box::new(drawn("p999", "go", &go.half_load_p999_ms)),
        );
        let cpu = shared(
            Box::new(drawn("cpu", "rust", &rust.cpu_ms_per_request)),
            Box::new(drawn("cpu", "go", &go.cpu_ms_per_request)),
        );
        let mut rust_memory = drawn("memory", "rust", &rust.loaded_pss_mb);
        let mut go_memory = drawn("memory", "go", &go.loaded_pss_mb);
        let mut triples = fill(|| {
            let (rust, go_loaded) = (rust_memory(), go_memory());
            let both = hybrid.rust_loaded * rust + hybrid.go_idle * go.idle_pss_mb.value;
            let best = rust.min(go_loaded).min(both);
            [narrow(best / rust), narrow(best / go_loaded), narrow(best / both)]
        });
        let memory = [0, 1, 2].map(|option: usize| {
            let mut all = triples.iter_mut().flatten();
            fill(|| all.next().and_then(|triple| triple.get(option).copied()).unwrap_or(0.0))
        });
        Self { tail, cpu, memory }
    }
}

/// One criterion, or one part of economy, ready for the loops.
#[derive(Clone, Debug)]
struct Lane {
    criterion: usize,
    source: Source,
    /// The open factors with their place value, last first, as the rows count them.
    open: Vec<(usize, usize)>,
    rows: Vec<LaneRow>,
    /// Each row's swing, to look up by draw; none when nothing is open.
    swings: Option<Box<[f32; ROWS]>>,
    /// The row that stands for all where only swings differ.
    like: Option<LaneRow>,
    /// Whether an option may miss a must in some row.
    has_must: bool,
}

/// Room for every row: a power of two, so that an index can be masked rather than checked.
const ROWS: usize = MAX_ROWS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// A value with noise, clipped. Headroom's hybrid shares Rust's noise.
    Noisy {
        shared: bool,
    },
    Tail,
    Cpu,
    Memory,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct LaneRow {
    swing: f32,
    base: [f32; 3],
    amplitude: [f32; 3],
    must: [f32; 3],
    must_amplitude: [f32; 3],
    cell: usize,
}

/// A recommendation's loops: what each criterion adds, and what rules options out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    lanes: Vec<Lane>,
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
    const EMPTY: Self = Self { totals: [[0.0; BLOCK]; 3], out: [0; BLOCK] };

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

#[inline]
fn clip(value: f32) -> f32 {
    let value = if value > 0.0 { value } else { 0.0 };
    if value < 1.0 { value } else { 1.0 }
}

impl Plan {
    /// `scale` multiplies the swing of one criterion.
    pub(crate) fn new(ground: &Ground, situation: &Situation, scale: Option<(usize, f64)>) -> Self {
        let needs = ground.needs(situation);
        let mut plan = Self {
            lanes: Vec::new(),
            out: ground.certainly_out(situation, &needs),
            perhaps: perhaps(ground, situation),
        };
        for criterion in 0..ground.model.criteria().len() {
            let scale = scale.filter(|(scaled, _)| *scaled == criterion).map_or(1.0, |(_, by)| by);
            plan.add(ground, situation, &needs, criterion, scale);
        }
        plan
    }

    fn add(
        &mut self,
        ground: &Ground,
        situation: &Situation,
        needs: &Needs,
        index: usize,
        scale: f64,
    ) {
        let Some(criterion) = ground.model.criteria().get(index) else {
            return;
        };
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
                lane_row(narrow(swing * scale), point.offer)
            };
            let rows: Vec<LaneRow> = points.iter().map(row).collect();
            let lane = Lane::new(index, *source, open.clone(), rows);
            if lane.has_must || lane.rows.iter().any(|row| row.swing > 0.0) {
                self.lanes.push(lane);
            }
        }
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
        before: &Scores,
        question: usize,
    ) -> Scores {
        let as_was = Draws { streams, cells, block, redrawn: None };
        let draws = Draws { redrawn: Some(question), ..as_was };
        let mut change = Change::new();
        for lane in self.lanes.iter().filter(|lane| lane.depends_on(question)) {
            lane.add_to(&as_was, &mut change.old);
            lane.add_to(&draws, &mut change.new);
        }
        let mut after = change.applied(before);
        self.rule_out(&draws, &mut after);
        after
    }

    /// The lanes that another plan does not have.
    fn lanes_not_in(&self, other: &Self) -> Vec<&Lane> {
        self.lanes.iter().filter(|lane| !other.lanes.contains(lane)).collect()
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

    /// How often each option ranks first, from the scores of a plan that differs little.
    pub(crate) fn first_counts_from(
        &self,
        base: &Self,
        before: &[Scores],
        streams: &Streams,
        cells: &[CellStreams],
    ) -> [u32; 3] {
        let (gone, added) = (base.lanes_not_in(self), self.lanes_not_in(base));
        sum(before.iter().enumerate().map(|(block, before)| {
            let draws = Draws { streams, cells, block, redrawn: None };
            let mut change = Change::new();
            gone.iter().for_each(|lane| lane.add_to(&draws, &mut change.old));
            added.iter().for_each(|lane| lane.add_to(&draws, &mut change.new));
            let mut after = change.applied(before);
            self.rule_out(&draws, &mut after);
            after
        }))
    }
}

/// How often each option ranks first.
pub(crate) fn first_counts(scores: &[Scores]) -> [u32; 3] {
    sum(scores.iter())
}

fn sum(scores: impl Iterator<Item = impl std::borrow::Borrow<Scores>>) -> [u32; 3] {
    scores.fold([0; 3], |mut counts, scores| {
        let firsts = count(&scores.borrow().winners());
        counts.iter_mut().zip(firsts).for_each(|(count, first)| *count += first);
        counts
    })
}

/// What some lanes add before and after a change.
struct Change {
    old: Totals,
    new: Totals,
}

type Totals = [[f32; BLOCK]; 3];

impl Change {
    const fn new() -> Self {
        Self { old: [[0.0; BLOCK]; 3], new: [[0.0; BLOCK]; 3] }
    }

    /// Nothing is ruled out yet.
    fn applied(self, before: &Scores) -> Scores {
        let Self { old, new: mut totals } = self;
        // Option by option, so that the inner loop is over one array and becomes vectors.
        for ((totals, old), before) in totals.iter_mut().zip(&old).zip(&before.totals) {
            for ((total, old), before) in totals.iter_mut().zip(old).zip(before) {
                *total = before + (*total - old);
            }
        }
        Scores { totals, out: [0; BLOCK] }
    }
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

fn lane_row(swing: f32, offer: Offer) -> LaneRow {
    let base = LaneRow { swing, must: [f32::INFINITY; 3], ..LaneRow::default() };
    match offer {
        Offer::Judged(values) => {
            LaneRow { base: values.map(narrow), amplitude: [narrow(JUDGEMENT_NOISE); 3], ..base }
        }
        Offer::Headroom(headroom) => LaneRow {
            base: headroom.log2.map(narrow),
            amplitude: headroom.width.map(narrow),
            must: headroom.must.map(narrow),
            must_amplitude: headroom.must_width.map(narrow),
            ..base
        },
        Offer::Tail { cell, .. } | Offer::Economy { cell, .. } => LaneRow { cell, ..base },
        Offer::NotMeasured => base,
    }
}

/// One block of the streams, with at most one question drawn anew.
#[derive(Clone, Copy)]
struct Draws<'a> {
    streams: &'a Streams,
    cells: &'a [CellStreams],
    block: usize,
    redrawn: Option<usize>,
}

static NO_STATES: [u8; BLOCK] = [0; BLOCK];
static NO_NOISE: [f32; BLOCK] = [0.0; BLOCK];

impl<'a> Draws<'a> {
    fn states(&self, question: usize) -> &'a [u8; BLOCK] {
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
        let streams = self.cells.get(cell).and_then(|cell| match source {
            Source::Tail => cell.tail.get(option),
            Source::Cpu => cell.cpu.get(option),
            Source::Memory => cell.memory.get(option),
            Source::Noisy { .. } => None,
        });
        streams.and_then(|stream| stream.get(self.block)).unwrap_or(&NO_NOISE)
    }
}

#[inline]
#[expect(clippy::indexing_slicing, reason = "the mask keeps the index within the array")]
const fn look_up(table: &[f32; ROWS], index: u16) -> f32 {
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
    fn new(
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
        Self { criterion, source, open, rows, swings, like, has_must }
    }

    fn depends_on(&self, question: usize) -> bool {
        self.open.iter().any(|(open, _)| *open == question)
    }

    fn add_to(&self, draws: &Draws<'_>, totals: &mut Totals) {
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
        let (mut bases, mut amplitudes) = ([0.0_f32; ROWS], [0.0_f32; ROWS]);
        for (option, totals) in totals.iter_mut().enumerate() {
            if let Source::Noisy { .. } = self.source {
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
            } else {
                let each = totals.iter_mut().zip(weights).zip(indices).enumerate();
                for (draw, ((total, weight), index)) in each.filter(|(_, ((_, w), _))| **w > 0.0) {
                    let cell = self.rows.get(usize::from(*index)).map_or(0, |row| row.cell);
                    let values = draws.cell(cell, self.source, option);
                    *total += weight * values.get(draw).copied().unwrap_or(0.0);
                }
            }
        }
    }

    /// An option that misses a must in a draw is out of that draw.
    fn rule_out(&self, draws: &Draws<'_>, out: &mut [u8; BLOCK]) {
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

impl Lane {
    fn detail(&self, draws: &Draws<'_>, criteria: usize, details: &mut [Detail]) {
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
