//! The engine: streams made once per model, then a recommendation for any answers.

mod detail;
mod numbers;
mod turns;

pub use detail::{CriterionDetail, Robustness};

use crate::{
    Answers, ByOption, Choice, Compared, Measurements, Model, Notice, OptionScore, Reason, Score,
    Settled, TwoServices, Verdict, WorkloadMeasurement,
    cells::{CellStreams, TwoStreams},
    flips,
    kernel::{Plan, Scores, first_counts},
    notices, performance,
    sensitivity::importance_factor,
    situation::Situation,
    streams::{BLOCK, BLOCKS, Streams},
    value::{Ground, Totals},
    wording::Reasoning,
};

/// How many plausible readings of the answers a recommendation rests on.
pub const DRAWS: u32 = 16_384;

/// The seed of the draws unless told otherwise.
pub const SEED: u64 = 20_261_121;

/// The lower bound of a first-rank share that makes a recommendation `strong`.
pub const STRONG: f64 = 0.85;
/// The one that makes it at least a `lean`.
pub const LEAN: f64 = 0.65;
/// The share of two options together that settles the core or the edge.
pub const SETTLED: f64 = 0.85;

/// From this share of the swing on, open questions keep a verdict from being strong, if an answer to
/// one of them would change the advice.
pub const OPEN_SHARE: f64 = 0.5;

/// A model with its measurements and its streams of draws.
#[derive(Clone, Debug)]
pub struct Engine {
    ground: Ground,
    streams: Streams,
    cells: Vec<CellStreams>,
    /// An empty sheet. Most sheets leave much open, and what they leave open is the same for all.
    empty: Empty,
    seed: u64,
}

/// What an empty sheet comes to.
#[derive(Clone, Debug)]
struct Empty {
    situation: Situation,
    totals: Totals,
    plan: Plan,
}

impl Empty {
    fn new(ground: &Ground) -> Self {
        let situation = Situation::new(&ground.model, &Answers::default());
        let totals = ground.totals(&situation);
        let plan = Plan::new(ground, &situation);
        Self { situation, totals, plan }
    }
}

/// The answers as they are, computed once for everything that is asked about them.
#[derive(Clone, Debug)]
struct Base {
    situation: Situation,
    totals: Totals,
    plan: Plan,
    scores: Vec<Scores>,
}

/// Shares and the verdict drawn from them.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) shares: [f64; 3],
    pub(crate) verdict: Verdict,
    pub(crate) recommended: Option<Choice>,
    /// Why a strong verdict would be held back.
    pub(crate) caps: Vec<&'static str>,
    /// Whether that made a lean of it.
    pub(crate) held_back: bool,
}

/// Something like the base after a change, and in how many blocks of draws it is looked at.
#[derive(Clone, Copy)]
struct After<'a> {
    situation: &'a Situation,
    totals: &'a Totals,
    plan: &'a Plan,
    blocks: usize,
}

/// What a score comes to, as far as a change of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) recommended: Option<Choice>,
    pub(crate) verdict: Verdict,
}

impl Advice {
    const fn of(score: &Score) -> Self {
        Self { recommended: score.recommended, verdict: score.verdict }
    }
}

impl Judgement {
    const fn advice(&self) -> Advice {
        Advice { recommended: self.recommended, verdict: self.verdict }
    }
}

impl Engine {
    /// Makes the streams; costs some tens of ms, once.
    #[must_use]
    pub fn new(model: Model, measurements: Measurements, seed: u64) -> Self {
        let mut streams = Streams::new(&model, seed);
        let ground = Ground::new(model, measurements);
        let Measurements { workloads, two_services, .. } = &ground.measurements;
        let two = two_services.as_ref();
        streams.two = two.map(|two| TwoStreams::new(two, seed));
        let cell = |(at, figures)| {
            let two = two.filter(|_| at < workloads.len());
            CellStreams::new(figures, two, &ground, seed)
        };
        let cells = ground.figures.iter().enumerate().map(cell).collect();
        let empty = Empty::new(&ground);
        Self { ground, streams, cells, empty, seed }
    }

    /// The same without what the model expects of workloads that nobody has measured.
    pub(crate) fn without_expectations(&self) -> Self {
        let model = Model { expected: None, ..self.ground.model.clone() };
        Self::new(model, self.ground.measurements.clone(), self.seed)
    }

    /// The same as if one criterion counted for nothing.
    pub(crate) fn without_criterion(&self, at: usize) -> Self {
        let mut without = self.clone();
        let criteria = &mut without.ground.model.criteria;
        criteria.iter_mut().skip(at).take(1).for_each(|criterion| criterion.table.lose_swing());
        without.empty.totals = without.ground.totals(&without.empty.situation);
        without.empty.plan = self.empty.plan.without(|criterion| criterion == at);
        without
    }

    /// The seed of the draws.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.ground.model
    }

    /// What has been measured.
    #[must_use]
    pub const fn measurements(&self) -> &Measurements {
        &self.ground.measurements
    }

    /// The measurement that stands for the service; none while nothing like it is measured.
    #[must_use]
    pub fn measured(&self, answers: &Answers) -> Option<&WorkloadMeasurement> {
        let ground = &self.ground;
        let situation = Situation::new(&ground.model, answers);
        let cell = ground.cell_for(&situation)?;
        ground.measurements.workloads.get(cell)
    }

    /// What the hybrid costs as two services, if it is measured and the answers point to no other.
    #[must_use]
    pub fn two_services(&self, answers: &Answers) -> Option<&TwoServices> {
        self.ground.hybrid(&Situation::new(&self.ground.model, answers)).two
    }

    /// The options that the answers certainly rule out.
    pub(crate) fn ruled_out(&self, answers: &Answers) -> Vec<Choice> {
        let situation = Situation::new(&self.ground.model, answers);
        let out =
            |option: &Choice| !notices::knocked_out(&self.ground, &situation, *option).is_empty();
        Choice::ALL.into_iter().filter(out).collect()
    }

    /// The stated peak, in requests/s, if neither twin carries it on the cores stated.
    pub(crate) fn uncarried_peak(&self, answers: &Answers) -> Option<f64> {
        let situation = Situation::new(&self.ground.model, answers);
        let needs = performance::assess(&self.ground, &situation).performance.needs;
        let peak = needs.into_iter().find(|need| need.id == "throughput")?;
        let missed = |offered: Option<f64>| offered.is_some_and(|offered| offered < peak.need);
        (missed(peak.measured.rust) && missed(peak.measured.go)).then_some(peak.need)
    }

    /// The recommendation, without precedents.
    #[must_use]
    pub fn score(&self, answers: &Answers) -> Score {
        let base = self.base(answers);
        let mut score = self.with_flips(answers, &base);
        score.next_question = self.next_from(answers, &base);
        score
    }

    /// The recommendation and what would change it, without the next question.
    #[must_use]
    pub fn recommend_with_flips(&self, answers: &Answers) -> Score {
        self.with_flips(answers, &self.base(answers))
    }

    fn with_flips(&self, answers: &Answers, base: &Base) -> Score {
        let score = self.recommend_from(answers, base);
        Score { flips: self.flips_from(base, &score), ..score }
    }

    fn base(&self, answers: &Answers) -> Base {
        let situation = Situation::new(&self.ground.model, answers);
        let situations = [&self.empty.situation, &situation];
        let totals = self.ground.totals_from(&self.empty.totals, situations);
        let plan = self.plan(&situation);
        plan.keep_shared(&self.empty.plan, &self.streams, &self.cells);
        let scores = plan.all_scores(&self.streams, &self.cells);
        Base { situation, totals, plan, scores }
    }

    fn plan(&self, situation: &Situation) -> Plan {
        self.empty.plan.changed(&self.ground, [&self.empty.situation, situation], None)
    }

    /// The recommendation without flips and next question, which cost most of the time.
    #[must_use]
    pub fn recommend(&self, answers: &Answers) -> Score {
        self.recommend_from(answers, &self.base(answers))
    }

    fn recommend_from(&self, answers: &Answers, base: &Base) -> Score {
        let ground = &self.ground;
        let Base { situation, totals, plan, scores } = base;
        let after = After { situation, totals, plan, blocks: BLOCKS };
        let judged = self.judge(after, first_counts(scores), base);
        let assessed = performance::assess(ground, situation);
        let [rust, go, hybrid] = judged.shares;
        let (rust_in_core, go_at_edge) = ((rust + hybrid).min(1.0), (go + hybrid).min(1.0));
        let values = totals.values();
        let options = ByOption::from_fn(|choice| OptionScore {
            value: values.get(choice as usize).copied().unwrap_or(0.0),
            first_share: judged.shares.get(choice as usize).copied().unwrap_or(0.0),
            knocked_out: notices::knocked_out(ground, situation, choice),
        });
        let contributions = contributions(totals);
        // No importance brings back an option that is ruled out.
        let [_, second, _] = totals.order();
        let comparable = totals.out >> second & 1 == 0;
        let settled = (judged.verdict == Verdict::TooClose && totals.out != 7)
            .then(|| settled(rust_in_core, go_at_edge))
            .flatten();
        Score {
            model: ground.model.reference(),
            recommended: judged.recommended,
            verdict: judged.verdict,
            held_back: match judged.held_back {
                true => judged.caps.iter().map(|cap| (*cap).to_owned()).collect(),
                false => Vec::new(),
            },
            settled,
            rust_in_core,
            go_at_edge,
            notices: notices::all(ground, answers, situation, totals, &judged, &assessed),
            reasons: self.reasons(answers, situation, totals, &contributions, &assessed),
            flips: Vec::new(),
            importance_factor: comparable.then(|| importance_factor(&contributions)).flatten(),
            next_question: None,
            unknown: open_questions(&ground.model, answers),
            performance: assessed.performance,
            precedents: Vec::new(),
            same_as: None,
            options,
            draws: DRAWS,
            seed: self.seed,
        }
    }

    /// The verdict on what is after a change, where the options come first so often. `base` differs
    /// little from it.
    fn judge(&self, after: After<'_>, counts: [u32; 3], base: &Base) -> Judgement {
        let After { situation, totals, plan, blocks } = after;
        let draws = f64::from(u32::try_from(blocks * BLOCK).unwrap_or(DRAWS));
        let shares = counts.map(|count| f64::from(count) / draws);
        let top = (0..3).rev().max_by(|l: &usize, r: &usize| {
            let of = |option: &usize| shares.get(*option).copied().unwrap_or(0.0);
            of(l).total_cmp(&of(r))
        });
        let first = totals.first();
        let bound = lower_bound(shares.get(first).copied().unwrap_or(0.0));
        if totals.out == 7 || top != Some(first) || bound < LEAN {
            let (verdict, caps) = (Verdict::TooClose, Vec::new());
            return Judgement { shares, verdict, recommended: None, caps, held_back: false };
        }
        let mut caps = notices::caps(&self.ground, situation);
        if bound >= STRONG {
            let open: f64 = totals.terms.iter().filter(|t| t.open).map(|t| t.swing).sum();
            if open >= OPEN_SHARE * totals.swing()
                && flips::open_answer_turns(&self.ground, situation, totals)
            {
                caps.push("capped_unknown");
            }
            let too_close = |share| lower_bound(share) < LEAN;
            if self.without_expected(totals, plan, base, blocks).is_some_and(too_close) {
                caps.push("capped_expected");
            }
        }
        let strong = bound >= STRONG && caps.is_empty();
        let verdict = if strong { Verdict::Strong } else { Verdict::Lean };
        let recommended = Choice::ALL.get(first).copied();
        Judgement { shares, verdict, recommended, caps, held_back: bound >= STRONG && !strong }
    }

    /// How often the first option would come first without what is expected but not measured, if
    /// that speaks for it; below [`LEAN`] it rests on it and is not called strong.
    #[must_use]
    pub fn share_without_expected(&self, answers: &Answers) -> Option<f64> {
        let base = self.base(answers);
        self.without_expected(&base.totals, &base.plan, &base, BLOCKS)
    }

    /// A criterion expected only in part counts as expected, since how much of it is measured hangs
    /// on an open question.
    fn without_expected(
        &self,
        totals: &Totals,
        plan: &Plan,
        base: &Base,
        blocks: usize,
    ) -> Option<f64> {
        let expected = |at: usize| totals.terms.get(at).is_some_and(|term| term.expected);
        let each = contributions(totals).into_iter().enumerate();
        let owed: f64 = each.filter(|(at, _)| expected(*at)).map(|(_, owed)| owed).sum();
        if owed <= 0.0 {
            return None;
        }
        let counts = self.first_counts_from(base, &plan.without(expected), blocks);
        let first = counts.get(totals.first()).copied().unwrap_or(0);
        Some(f64::from(first) / (blocks * BLOCK) as f64)
    }

    /// How often each option ranks first by a plan that differs little from that of the base, in so
    /// many blocks of draws.
    fn first_counts_from(&self, base: &Base, plan: &Plan, blocks: usize) -> [u32; 3] {
        let scores = base.scores.get(..blocks).unwrap_or(&base.scores);
        plan.first_counts_from(&base.plan, scores, &self.streams, &self.cells)
    }

    fn reasons(
        &self,
        answers: &Answers,
        situation: &Situation,
        totals: &Totals,
        contributions: &[f64],
        assessed: &performance::Assessment,
    ) -> Vec<Reason> {
        let (first, second) = compared(totals);
        let ground = &self.ground;
        let run = |cell: usize| ground.measurements.workloads.get(cell);
        let measured = assessed.cell.and_then(run);
        let resident = situation.state(ground.known.resident_state);
        let tail = ground.tail_cell(situation.state(ground.known.workload), resident);
        // While it is open how much is kept in memory, the workload's own scenario speaks, unless
        // its tails differ by no more than noise.
        let speaks =
            |run: &&WorkloadMeasurement| resident.is_none() && !run.may_be_noise(Compared::P999);
        let tail = tail.and_then(run).or(measured.filter(speaks));
        let reasoning = Reasoning {
            ground: &self.ground,
            answers,
            first,
            second,
            measured,
            tail,
            performance: &assessed.performance.summary,
            hybrid: ground.hybrid(situation),
            needs: ground.needs(situation),
        };
        let criteria = self.ground.model.criteria().iter();
        let mut reasons: Vec<Reason> = criteria
            .zip(&totals.terms)
            .zip(contributions)
            .map(|((criterion, term), contribution)| Reason {
                criterion: criterion.id.clone(),
                contribution: *contribution,
                text: reasoning.text(criterion, term, *contribution),
                evidence: reasoning
                    .source(criterion)
                    .filter(|_| criterion.kind.is_measured() && term.measured)
                    .map(|measured| format!("{}/{}", measured.run, measured.scenario)),
            })
            .collect();
        reasons.sort_by(|l, r| r.contribution.abs().total_cmp(&l.contribution.abs()));
        reasons
    }
}

/// First and second option.
pub(crate) fn compared(totals: &Totals) -> (Choice, Choice) {
    let [first, second, _] = totals.order();
    let choice = |at: usize| Choice::ALL.get(at).copied().unwrap_or(Choice::Rust);
    (choice(first), choice(second))
}

/// `wⱼ (vⱼ(a) − vⱼ(b))` for every criterion.
fn contributions(totals: &Totals) -> Vec<f64> {
    let swing = totals.swing();
    let [first, second, _] = totals.order();
    let contribution = |term: &crate::value::Term| {
        let value = |at: usize| term.values.get(at).copied().unwrap_or(0.0);
        if swing > 0.0 { term.swing / swing * (value(first) - value(second)) } else { 0.0 }
    };
    totals.terms.iter().map(contribution).collect()
}

/// The lower end of Wilson's 95% interval of a share of all draws.
fn lower_bound(share: f64) -> f64 {
    const Z: f64 = 1.959_964;
    let n = f64::from(DRAWS);
    let spread = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n));
    (share + Z * Z / (2.0 * n) - spread) / (1.0 + Z * Z / n)
}

fn settled(rust_in_core: f64, go_at_edge: f64) -> Option<Settled> {
    let (share, which) = if rust_in_core >= go_at_edge {
        (rust_in_core, Settled::RustInCore)
    } else {
        (go_at_edge, Settled::GoAtEdge)
    };
    (share >= SETTLED).then_some(which)
}

/// Unanswered questions; a list that was left empty means none, so it is not open.
fn open_questions(model: &Model, answers: &Answers) -> Vec<String> {
    let open = |question: &&crate::Question| match answers.value(&question.id) {
        crate::AnswerValue::Unknown => true,
        crate::AnswerValue::Unanswered => {
            !matches!(question.kind, crate::QuestionKind::Many { .. })
        }
        _ => false,
    };
    model.questions().iter().filter(open).map(|question| question.id.clone()).collect()
}

/// A notice with its id.
pub(crate) fn notice(id: &str, text: impl Into<String>) -> Notice {
    Notice { id: id.to_owned(), text: text.into() }
}
