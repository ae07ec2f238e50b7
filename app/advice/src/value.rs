//! The value of each option: `V(a) = Σ wⱼ vⱼ(a)`, with swings and values averaged over the priors
//! of open questions, and what is certainly or possibly ruled out.

use crate::{
    Compared, CriterionKind, Estimate, Model, Part,
    expected::Expected,
    expr::Factor,
    measure::{Headroom, Measurements, Needs, TwinFigures, WorkloadMeasurement, headroom},
    model::{Criterion, SameMeasured},
    situation::{Known, Situation},
    streams,
    two_services::{Hybrid, TwoServices},
};

/// Everything a value depends on beside the situation.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) model: Model,
    pub(crate) measurements: Measurements,
    pub(crate) known: Known,
    /// For each question the prior of its states.
    pub(crate) priors: Vec<Vec<f64>>,
    /// The state of `cpu_bound` for a service that mostly computes.
    computes: Option<u8>,
    cells: Vec<Cell>,
    /// For each question the criteria whose term may change with it, and the knock-outs.
    touched: Vec<Touched>,
    /// What the cells stand for: the measurements, then what is expected where there are none.
    pub(crate) figures: Vec<WorkloadMeasurement>,
}

/// What hangs on a question: criteria and knock-outs by their places, rising.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    pub(crate) criteria: Vec<usize>,
    pub(crate) knockouts: Vec<usize>,
}

impl Touched {
    fn new(ground: &Ground, question: usize) -> Self {
        let Ground { model, known, .. } = ground;
        let states_need =
            known.numbers().contains(&Some(question)) || known.existing_code == Some(question);
        let of_hybrid = ground.hybrid_depends(question);
        let criteria = model.criteria().iter().enumerate().filter(|(_, criterion)| {
            criterion.factors.iter().any(|factor| factor.question == question)
                || (criterion.kind == CriterionKind::Headroom && states_need)
                || (criterion.kind.is_measured() && of_hybrid)
        });
        let knockouts = model.knockouts().iter().enumerate().filter(|(_, knockout)| {
            knockout.when.iter().any(|(factor, _)| factor.question == question)
        });
        Self {
            criteria: criteria.map(|(at, _)| at).collect(),
            knockouts: knockouts.map(|(at, _)| at).collect(),
        }
    }

    /// Whether something hangs on both questions.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let common = |own: &[usize], other: &[usize]| own.iter().any(|at| other.contains(at));
        common(&self.criteria, &other.criteria) || common(&self.knockouts, &other.knockouts)
    }
}

/// One measured scenario, or what is expected: which answers it stands for, and its central ratios.
#[derive(Clone, Debug)]
struct Cell {
    workload: Option<u8>,
    resident: Option<u8>,
    /// What is expected of processor time is by how much of the work computes.
    computing: Option<u8>,
    part: Part,
    tail: [f64; 3],
    cpu: [f64; 3],
    memory: [f64; 3],
    /// What the hybrid offers of memory as two services, where that is measured.
    memory_of_two: Option<f64>,
}

/// What a criterion is worth and offers for one combination of the open answers.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) probability: f64,
    /// The state of each open factor, in order.
    pub(crate) swings: [f64; 2],
    pub(crate) offer: Offer,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Offer {
    Judged([f64; 3]),
    Headroom(Headroom),
    Tail {
        cell: usize,
        values: [f64; 3],
        /// How much of what two services cost counts for the hybrid.
        share: f64,
    },
    /// What is expected of memory is the same however much computes.
    Economy {
        cell: usize,
        memory_cell: usize,
        cpu: [f64; 3],
        memory: [f64; 3],
        share: f64,
    },
    NotMeasured,
}

impl Offer {
    /// The values for the first and the second part of the swing.
    pub(crate) fn values(&self) -> [[f64; 3]; 2] {
        match self {
            Self::Judged(values) | Self::Tail { values, .. } => [*values, [0.0; 3]],
            Self::Headroom(headroom) => [headroom.log2.map(|h| h.clamp(0.0, 1.0)), [0.0; 3]],
            Self::Economy { cpu, memory, .. } => [*cpu, *memory],
            Self::NotMeasured => [[0.0; 3]; 2],
        }
    }
}

/// A criterion averaged over the open answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Term {
    /// Swing points that count; 0 when it is not measured.
    pub(crate) swing: f64,
    /// Swing points as stated, measured or not.
    pub(crate) stated: f64,
    pub(crate) values: [f64; 3],
    /// Whether an open question makes a difference here.
    pub(crate) open: bool,
    pub(crate) measured: bool,
    /// Whether the model's expectation stands in for a measurement, at least in part.
    pub(crate) expected: bool,
}

/// The options' totals and which of them are out.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    pub(crate) terms: Vec<Term>,
    /// One bit for each option that is certainly out.
    pub(crate) out: u8,
}

impl Totals {
    pub(crate) fn swing(&self) -> f64 {
        self.terms.iter().map(|term| term.swing).sum()
    }

    /// `V` of each option, 0 to 1.
    pub(crate) fn values(&self) -> [f64; 3] {
        let total = self.swing();
        let sums = self.sums();
        sums.map(|sum| if total > 0.0 { sum / total } else { 0.0 })
    }

    /// `Σ sⱼ vⱼ` of each option.
    pub(crate) fn sums(&self) -> [f64; 3] {
        self.terms.iter().fold([0.0; 3], |sums, term| {
            let mut next = sums;
            for (sum, value) in next.iter_mut().zip(term.values) {
                *sum += term.swing * value;
            }
            next
        })
    }

    /// The options by falling value, those certainly out last; ties in the options' order.
    pub(crate) fn order(&self) -> [usize; 3] {
        let sums = self.sums();
        let mut order = [0, 1, 2];
        let rank = |option: usize| {
            let out = self.out >> option & 1;
            (out, sums.get(option).copied().unwrap_or(0.0))
        };
        order.sort_by(|left, right| {
            let ((left_out, left), (right_out, right)) = (rank(*left), rank(*right));
            left_out.cmp(&right_out).then(right.total_cmp(&left))
        });
        order
    }

    pub(crate) fn first(&self) -> usize {
        let [first, ..] = self.order();
        first
    }

    /// The first option, unless every option is certainly out.
    pub(crate) fn winner(&self) -> Option<usize> {
        (self.out != 7).then(|| self.first())
    }

    /// How far the first option is ahead of the second, in root sums of squares of what speaks for
    /// and against it: the more, the firmer the verdict is likely to be. Infinite when no other is
    /// in.
    pub(crate) fn lead(&self) -> f64 {
        let [first, second, _] = self.order();
        if self.out >> second & 1 == 1 {
            return f64::INFINITY;
        }
        let value = |term: &Term, option: usize| term.values.get(option).copied().unwrap_or(0.0);
        let each = self.terms.iter().map(|t| t.swing * (value(t, first) - value(t, second)));
        let (sum, squares) = each.fold((0.0, 0.0), |(sum, squares), d| (sum + d, squares + d * d));
        if squares > 0.0 { sum / libm::sqrt(squares) } else { 0.0 }
    }
}

impl Ground {
    pub(crate) fn new(model: Model, measurements: Measurements) -> Self {
        let known = Known::new(&model);
        let priors = model.questions().iter().map(|q| streams::prior(&q.kind)).collect();
        let state = |question: Option<usize>, value: &str| {
            let question = model.questions().get(question?)?;
            let at = question.answers().iter().position(|answer| answer.value == value)?;
            u8::try_from(at).ok()
        };
        let two = measurements.two_services.as_ref();
        let measured = measurements.workloads.iter().map(|run| Cell {
            workload: state(known.workload, &run.workload),
            resident: state(known.resident_state, &run.rust.resident_state),
            computing: None,
            ..Cell::of(run, &model, two)
        });
        let mut cells: Vec<Cell> = measured.collect();
        let mut figures = measurements.workloads.clone();
        for stand_in in model.expected.iter().flat_map(Expected::stand_ins) {
            let tail = stand_in.figures.part == Part::Tail;
            let answered = |question, wanted| {
                if tail == wanted { state(question, &stand_in.answer) } else { None }
            };
            cells.push(Cell {
                resident: answered(known.resident_state, true),
                computing: answered(known.cpu_bound, false),
                ..Cell::of(&stand_in.figures, &model, None)
            });
            figures.push(stand_in.figures);
        }
        let computes = state(known.cpu_bound, COMPUTES);
        let mut ground = Self {
            known,
            priors,
            computes,
            cells,
            touched: Vec::new(),
            figures,
            model,
            measurements,
        };
        let questions = 0..ground.model.questions().len();
        ground.touched = questions.map(|question| Touched::new(&ground, question)).collect();
        ground
    }

    /// What hangs on a question.
    pub(crate) fn touched(&self, question: usize) -> &Touched {
        static NOTHING: Touched = Touched { criteria: Vec::new(), knockouts: Vec::new() };
        self.touched.get(question).unwrap_or(&NOTHING)
    }

    pub(crate) fn needs(&self, situation: &Situation) -> Needs {
        let existing = situation.state(self.known.existing_code).and_then(|state| {
            let question = self.model.questions().get(self.known.existing_code?)?;
            question.answers().get(usize::from(state))
        });
        Needs::new(&self.known, situation, existing.is_some_and(|answer| answer.value == "rust"))
    }

    /// The scenario that stands for a workload's capacity, processor time and memory: the one for
    /// work that mostly computes where this does and there is one.
    pub(crate) fn cell(&self, workload: Option<u8>, cpu_bound: Option<u8>) -> Option<usize> {
        let workload = workload?;
        let of = |part: Part| {
            let stands = |cell: &Cell| cell.workload == Some(workload) && cell.part == part;
            self.cells.iter().position(stands)
        };
        let computing = cpu_bound.filter(|state| Some(*state) == self.computes);
        computing.and_then(|_| of(Part::Computing)).or_else(|| of(Part::Whole))
    }

    /// The scenario that stands for the service as far as it is known.
    pub(crate) fn cell_for(&self, situation: &Situation) -> Option<usize> {
        let state = |question| situation.state(question);
        self.cell(state(self.known.workload), state(self.known.cpu_bound))
    }

    /// The scenario whose latency tail holds with so much data in memory.
    pub(crate) fn tail_cell(&self, workload: Option<u8>, resident: Option<u8>) -> Option<usize> {
        let (workload, resident) = (workload?, resident?);
        let holds = |cell: &Cell| {
            let of_the_tail = cell.part != Part::Computing;
            of_the_tail && cell.workload == Some(workload) && cell.resident == Some(resident)
        };
        self.cells.iter().position(holds)
    }

    /// The cells of what is expected, with their places.
    fn expected(&self) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().skip(self.measurements.workloads.len())
    }

    /// What is expected of the tail of a workload without a measurement, by resident state.
    fn expected_tail(&self, resident: Option<u8>) -> Option<usize> {
        let mut tails = self.expected().filter(|(_, cell)| cell.part == Part::Tail);
        tails.find(|(_, cell)| cell.resident == resident).map(|(at, _)| at)
    }

    /// What is expected of its processor time and memory, by how much of the work computes.
    fn expected_economy(&self, cpu_bound: Option<u8>) -> Option<usize> {
        let mut economies = self.expected().filter(|(_, cell)| cell.part == Part::Whole);
        economies.find(|(_, cell)| cell.computing == cpu_bound).map(|(at, _)| at)
    }

    /// The cell whose memory stands for a cell's: what is expected of memory is one and the same.
    fn memory_cell(&self, cell: usize) -> usize {
        let first = || self.expected().find(|(_, cell)| cell.part == Part::Whole);
        if self.is_expected(cell) { first().map_or(cell, |(at, _)| at) } else { cell }
    }

    /// Whether a cell is what the model expects, not a measurement.
    const fn is_expected(&self, cell: usize) -> bool {
        cell >= self.measurements.workloads.len()
    }

    /// Visits every combination of a criterion's open answers, the last open factor fastest.
    pub(crate) fn points(
        &self,
        criterion: &Criterion,
        situation: &Situation,
        needs: &Needs,
        mut visit: impl FnMut(Point),
    ) {
        let hybrid = self.hybrid(situation);
        let mut open: Vec<(usize, Factor)> = Vec::new();
        let (mut index, mut stride, mut size) = (0, 1, 1);
        for factor in criterion.factors.iter().rev() {
            match situation.factor(*factor) {
                Some(state) => index += stride * usize::from(state),
                None => {
                    open.push((stride, *factor));
                    size *= usize::from(factor.states);
                }
            }
            stride *= usize::from(factor.states);
        }
        for combination in 0..size {
            let (mut rest, mut at, mut probability) = (combination, index, 1.0);
            for (stride, factor) in &open {
                let radix = usize::from(factor.states).max(1);
                let state = rest % radix;
                rest /= radix;
                at += stride * state;
                let prior = self.priors.get(factor.question).and_then(|prior| prior.get(state));
                probability *= prior.copied().unwrap_or(0.0);
            }
            let row = criterion.table.row(at);
            let offer = if criterion.kind.is_measured() {
                self.measured(criterion, at, needs, hybrid)
            } else {
                Offer::Judged(row.values)
            };
            let swings = if offer == Offer::NotMeasured { [0.0; 2] } else { row.swings };
            visit(Point { probability, swings, offer });
        }
    }

    /// What the measurement says for row `at` of a measured criterion.
    fn measured(
        &self,
        criterion: &Criterion,
        at: usize,
        needs: &Needs,
        hybrid: Hybrid<'_>,
    ) -> Offer {
        let state = |question: Option<usize>| {
            let mut rest = at;
            for factor in criterion.factors.iter().rev() {
                let radix = usize::from(factor.states).max(1);
                if factor.holds.is_none() && Some(factor.question) == question {
                    return u8::try_from(rest % radix).ok();
                }
                rest /= radix;
            }
            None
        };
        let workload = state(self.known.workload);
        let resident = state(self.known.resident_state);
        let cpu_bound = state(self.known.cpu_bound);
        let found = match criterion.kind {
            CriterionKind::Tail => {
                self.tail_cell(workload, resident).or_else(|| self.expected_tail(resident))
            }
            CriterionKind::Economy => {
                self.cell(workload, cpu_bound).or_else(|| self.expected_economy(cpu_bound))
            }
            _ => self.cell(workload, cpu_bound),
        };
        let Some((at, cell)) = found.and_then(|at| Some((at, self.cells.get(at)?))) else {
            return Offer::NotMeasured;
        };
        let share = self.figures.get(at).map_or(0.0, |run| hybrid.share(run, needs));
        let slower = |[rust, go, _]: [f64; 3], of: fn(&TwoServices) -> Estimate| {
            [rust, go, rust / hybrid.times(share, of).value]
        };
        match criterion.kind {
            CriterionKind::Tail => {
                let values = slower(cell.tail, |two| two.p999);
                Offer::Tail { cell: at, values, share }
            }
            CriterionKind::Economy => {
                let memory_cell = self.memory_cell(at);
                let cpu = slower(cell.cpu, |two| two.cpu);
                let of_two = cell.memory_of_two.filter(|_| hybrid.two.is_some());
                let [rust, go, of_one] = cell.memory;
                let memory = [rust, go, of_two.unwrap_or(of_one)];
                Offer::Economy { cell: at, memory_cell, cpu, memory, share }
            }
            CriterionKind::Headroom => self
                .measurements
                .workloads
                .get(at)
                .and_then(|m| headroom(m, needs, state(self.known.tail_latency), hybrid))
                .map_or(Offer::NotMeasured, Offer::Headroom),
            CriterionKind::Judged | CriterionKind::Build => Offer::NotMeasured,
        }
    }

    /// A criterion averaged over the open answers.
    pub(crate) fn term(&self, criterion: &Criterion, situation: &Situation, needs: &Needs) -> Term {
        let mut swings = [0.0; 2];
        let mut values = [[0.0; 3]; 2];
        let (mut offered_share, mut measured, mut expected) = (0.0, false, false);
        let mut first: Option<([f64; 2], [[f64; 3]; 2])> = None;
        let mut open = false;
        self.points(criterion, situation, needs, |point| {
            let offered = point.offer.values();
            let this = (point.swings, offered);
            open |= *first.get_or_insert(this) != this;
            for (sum, swing) in swings.iter_mut().zip(point.swings) {
                *sum += point.probability * swing;
            }
            if point.offer != Offer::NotMeasured {
                offered_share += point.probability;
                match point.offer {
                    Offer::Tail { cell, .. } | Offer::Economy { cell, .. }
                        if self.is_expected(cell) =>
                    {
                        expected = true;
                    }
                    _ => measured = true,
                }
                for (sum, value) in values.iter_mut().flatten().zip(offered.iter().flatten()) {
                    *sum += point.probability * value;
                }
            }
        });
        let [first, second] = swings;
        let swing = first + second;
        let [one, two] = values;
        let mut values = [0.0; 3];
        if swing > 0.0 && offered_share > 0.0 {
            for ((value, one), two) in values.iter_mut().zip(one).zip(two) {
                // One value stays bit for bit what the model says.
                let one = if second > 0.0 { (first * one + second * two) / swing } else { one };
                *value = if open { one / offered_share } else { one };
            }
        }
        Term { swing, stated: swing, values, open, measured, expected }
    }

    /// Every criterion, and what is certainly out.
    pub(crate) fn totals(&self, situation: &Situation) -> Totals {
        let needs = self.needs(situation);
        let term = |criterion| self.term(criterion, situation, &needs);
        let terms = self.model.criteria().iter().map(term).collect();
        Totals { terms, out: self.certainly_out(situation, &needs) }
    }

    /// What measured criteria depend on beside their factors.
    pub(crate) fn same_measured(&self, [one, two]: [&Situation; 2]) -> SameMeasured {
        SameMeasured {
            needs: self.needs(one) == self.needs(two),
            hybrid: self.same_hybrid(one, two),
        }
    }

    /// The same from the totals of another situation: what does not differ is taken from there.
    pub(crate) fn totals_from(&self, totals: &Totals, [before, after]: [&Situation; 2]) -> Totals {
        let needs = self.needs(after);
        let same_measured = self.same_measured([before, after]);
        let each = self.model.criteria().iter().zip(&totals.terms);
        let terms = each.map(|(criterion, term)| {
            match criterion.is_same_in([before, after], same_measured) {
                true => *term,
                false => self.term(criterion, after, &needs),
            }
        });
        Totals { terms: terms.collect(), out: self.certainly_out(after, &needs) }
    }

    /// One bit for each option that is out whatever the open answers are.
    pub(crate) fn certainly_out(&self, situation: &Situation, needs: &Needs) -> u8 {
        let certain = |knockout: &&crate::Knockout| {
            knockout.when.iter().all(|(factor, state)| situation.factor(*factor) == Some(*state))
        };
        let stated = self.model.knockouts().iter().filter(certain);
        stated.fold(0, |out, knockout| out | knockout.mask()) | self.missed_musts(situation, needs)
    }

    /// One bit for each option that misses a must even at the upper end of its interval.
    pub(crate) fn missed_musts(&self, situation: &Situation, needs: &Needs) -> u8 {
        if !needs.any_must() || !needs.work_is_known() {
            return 0;
        }
        let headroom = self.model.criteria().iter().find(|c| c.kind == CriterionKind::Headroom);
        let Some(criterion) = headroom else { return 0 };
        let mut out = 7;
        self.points(criterion, situation, needs, |point| {
            out &= match point.offer {
                Offer::Headroom(headroom) => headroom
                    .musts()
                    .iter()
                    .enumerate()
                    .fold(0, |bits, (option, [_, high])| bits | u8::from(*high < 0.0) << option),
                _ => 0,
            };
        });
        out
    }
}

/// The answer to `cpu_bound` of a service that mostly computes.
const COMPUTES: &str = "yes";

impl Cell {
    /// The central ratios of a run; which answers it stands for is left open.
    fn of(run: &WorkloadMeasurement, model: &Model, apart: Option<&TwoServices>) -> Self {
        let figures = |compared: Compared, of: fn(&TwinFigures) -> f64| {
            let [rust, go] = run.told_apart(compared, [of(&run.rust), of(&run.go)]);
            [rust, go, rust]
        };
        let [rust, go, _] = figures(Compared::Memory, |twin| twin.loaded_pss_mb.value);
        // The hybrid pays for two processes.
        let hybrid = model.hybrid;
        let two = hybrid.rust_loaded * rust + hybrid.go_idle * run.go.idle_pss_mb.value;
        let memory = ratios([rust, go, two]);
        let [like_rust, ..] = memory;
        Self {
            workload: None,
            resident: None,
            computing: None,
            part: run.part,
            tail: ratios(figures(Compared::P999, |twin| twin.half_load_p999_ms.value)),
            cpu: ratios(figures(Compared::Cpu, |twin| twin.cpu_ms_per_request.value)),
            memory,
            memory_of_two: apart.map(|two| like_rust * rust / (rust + two.memory_mb.value)),
        }
    }
}

/// Best ÷ own, where less is better.
fn ratios(figures: [f64; 3]) -> [f64; 3] {
    let best = figures.into_iter().fold(f64::INFINITY, f64::min);
    figures.map(|own| if own > 0.0 { (best / own).clamp(0.0, 1.0) } else { 1.0 })
}
