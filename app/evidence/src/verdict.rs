//! What the measured runs say of a claim.
//!
//! With the claim's region `[L, U]`, its margin δ and the figure's interval `[l, u]`: supported
//! when `L/(1 + δ) ≤ l` and `u ≤ U·(1 + δ)`; contradicted when `u < L/(1 + δ)` or
//! `l > U·(1 + δ)`; else inconclusive. The interval is the exact signed-rank one of at least 95%.

use serde::Serialize;

use crate::claims::{Claim, ClaimKind, Region};
use crate::environment::Environment;
use crate::number::three_digits;
use crate::sample::Twin;
use crate::stats::{PAIRS_MIN, pairs_needed, spread_of_interval};
use crate::summary::{Metric, Profile, Summary, metric};

/// A run that may be evidence.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Its figures.
    pub summary: &'a Summary,
    /// The machine it was taken on.
    pub environment: &'a Environment,
}

/// The verdict on a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What it comes to.
    pub outcome: Outcome,
    /// How a contradicted claim is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<Departure>,
    /// Why, in words.
    pub reason: String,
    /// The figure that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figure: Option<Judged>,
    /// The name of the run it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// For an inconclusive one, the blocks that it takes if estimate and scatter stay as they are;
    /// absent where the blocks are too uneven to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_n: Option<u32>,
}

/// What a verdict comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole interval is in the widened region.
    Supported,
    /// The whole interval is outside of it.
    Contradicted,
    /// The evidence does not say.
    Inconclusive,
    /// There is no evidence.
    NotMeasured,
}

/// How a contradicted claim is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Departure {
    /// The effect is smaller than claimed: the ratio is nearer to 1, or the figure is smaller.
    Smaller,
    /// The effect is larger than claimed: the ratio is further from 1, or the figure is larger.
    Larger,
    /// The effect goes the other way: the ratio is on the other side of 1.
    Reversed,
}

/// The figure that a verdict rests on, `low <= value <= high`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end; absent when there are too few samples for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The interval's upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The blocks behind it.
    pub n: u32,
    /// True when the generator gave out first, so that capacities are lower bounds.
    pub at_least: bool,
}

/// Judges a claim by the newest complete publish run of its primary scenario.
#[must_use]
pub fn judge(claim: &Claim, runs: &[Evidence<'_>]) -> Verdict {
    let of_scenario = |run: &&Evidence<'_>| {
        run.summary.service == claim.service && run.summary.scenario == claim.scenario
    };
    let counts =
        |run: &&Evidence<'_>| run.summary.complete() && run.summary.profile == Profile::Publish;
    let candidates = runs.iter().filter(of_scenario);
    let newest =
        candidates.clone().filter(counts).max_by(|a, b| a.summary.started.cmp(&b.summary.started));
    match newest {
        Some(run) => judge_run(claim, *run),
        None => not_measured(claim, runs, candidates.count()),
    }
}

fn not_measured(claim: &Claim, runs: &[Evidence<'_>], partial: usize) -> Verdict {
    let Claim { service, scenario, .. } = claim;
    let reason = if partial > 0 {
        format!(
            "Only quick or interrupted runs of {scenario} are known; a complete one made to be \
             published counts: assay bench {scenario} --publish."
        )
    } else if runs.iter().any(|run| run.summary.service == *service) {
        format!("The scenario {scenario} has not been measured yet.")
    } else {
        format!("The service {service} has not been measured yet.")
    };
    Verdict::of(Outcome::NotMeasured, reason)
}

fn judge_run(claim: &Claim, run: Evidence<'_>) -> Verdict {
    let name = Some(run.summary.run.clone());
    let conditions = claim.conditions.as_ref();
    if let Some(needs) = conditions.filter(|it| run.environment.machine.cores < it.cores_min) {
        let reason = format!(
            "Needs other hardware: {}. The run had {}.",
            needs.text,
            cores(run.environment)
        );
        return Verdict { run: name, ..Verdict::of(Outcome::Inconclusive, reason) };
    }
    let verdict = match judged(claim, run.summary) {
        Ok(figure) => weigh(claim, &figure).with(figure),
        Err(reason) => Verdict::of(Outcome::Inconclusive, reason),
    };
    let place = match claim.kind {
        ClaimKind::Ratio => String::new(),
        ClaimKind::Absolute => {
            format!(" On {}, {}.", run.environment.machine.cpu, cores(run.environment))
        }
    };
    Verdict { run: name, reason: verdict.reason.clone() + &place, ..verdict }
}

fn cores(environment: &Environment) -> String {
    match environment.machine.cores {
        1 => "1 core".to_owned(),
        many => format!("{many} cores"),
    }
}

/// The figure the claim speaks of, or why there is none.
fn judged(claim: &Claim, summary: &Summary) -> Result<Judged, String> {
    let id = &claim.metric;
    let metric = summary.metric(id).ok_or_else(|| missing(id, summary))?;
    if let Some(unit) = claim.unit.as_ref().filter(|unit| **unit != metric.unit) {
        return Err(format!("The run gives {id} in {}, the claim in {unit}.", metric.unit));
    }
    if let Some((program, twin)) = claim.against.as_deref().zip(claim.of) {
        return judged_against(id, program, twin, summary);
    }
    let n = blocks_behind(metric, summary);
    let at_least = metric.at_least;
    if claim.kind == ClaimKind::Ratio {
        let ratio = metric.ratio.ok_or_else(|| missing(id, summary))?;
        return Ok(Judged { value: ratio.estimate, low: ratio.low, high: ratio.high, n, at_least });
    }
    let figure = claim.of.and_then(|twin| metric.twin(twin));
    let figure = figure.ok_or_else(|| missing(id, summary))?;
    let has_interval = n >= PAIRS_MIN || is_constant(metric);
    Ok(Judged {
        value: figure.value,
        low: has_interval.then_some(figure.low),
        high: has_interval.then_some(figure.high),
        n,
        at_least,
    })
}

/// A twin ÷ a program of others.
fn judged_against(
    id: &str,
    program: &str,
    twin: Twin,
    summary: &Summary,
) -> Result<Judged, String> {
    let variant = summary.variant(program);
    let variant = variant.ok_or_else(|| format!("The run was made without {program}."))?;
    let own = variant.metric(id);
    let ratio = own.and_then(|own| own.twin_over(twin)).ok_or_else(|| missing(id, summary))?;
    // A capacity that the generator bounds makes the ratio uncertain on either side.
    let bounded = |metric: &Metric| metric.at_least;
    let at_least = own.is_some_and(|own| own.at_least) || summary.metric(id).is_some_and(bounded);
    Ok(Judged { value: ratio.estimate, low: ratio.low, high: ratio.high, n: ratio.n, at_least })
}

/// The blocks behind a metric: pairs that a gate made void are missing from its ratio's count. What
/// only Go has is read from the same half loads as the CPU time.
fn blocks_behind(metric: &Metric, summary: &Summary) -> u32 {
    let ratio = metric.ratio.or_else(|| summary.metric(metric::CPU)?.ratio);
    ratio.map_or(summary.blocks, |ratio| ratio.n)
}

/// A figure that every build repeats needs no interval.
fn is_constant(metric: &Metric) -> bool {
    metric.id == metric::BINARY
}

fn missing(id: &str, summary: &Summary) -> String {
    match summary.voids.first() {
        None => format!("The run holds no figure of {id}."),
        Some(void) => format!(
            "The run holds no valid figure of {id}. {} of its loads are void, the first because \
             {}.",
            summary.voids.len(),
            void.why
        ),
    }
}

/// The rules, once there is a figure.
fn weigh(claim: &Claim, figure: &Judged) -> Verdict {
    let Some((low, high)) = figure.low.zip(figure.high) else {
        let of = match claim.metric.as_str() {
            metric::CLEAN_BUILD | metric::INCREMENTAL_BUILD => "too few builds".to_owned(),
            _ if figure.n == 1 => "1 block, too few".to_owned(),
            _ => format!("{} blocks, too few", figure.n),
        };
        let reason = format!(
            "{} comes from {of} for an interval, which {PAIRS_MIN} would have.",
            claim.shown(figure.value)
        );
        return Verdict { needed_n: Some(PAIRS_MIN), ..Verdict::of(Outcome::Inconclusive, reason) };
    };
    if let Some(verdict) = generator_limited(claim, figure, low) {
        return verdict;
    }
    let widened = claim.region.widened(claim.margin);
    let interval = format!("{} to {}", claim.number(low), claim.shown(high));
    let region = region_words(claim);
    let below = widened.from.is_some_and(|from| high < from);
    let above = widened.to.is_some_and(|to| low > to);
    if below || above {
        let how = departure(claim, low, high, below);
        let side = if below { "below" } else { "above" };
        let reason =
            format!("{}: the whole interval, {interval}, is {side} {region}.", how.words(claim));
        return Verdict { how: Some(how), ..Verdict::of(Outcome::Contradicted, reason) };
    }
    let reaches_low = widened.from.is_none_or(|from| from <= low);
    let reaches_high = widened.to.is_none_or(|to| high <= to);
    if reaches_low && reaches_high {
        let reason = format!("The whole interval, {interval}, is in {region}.");
        return Verdict::of(Outcome::Supported, reason);
    }
    crossing(claim, figure, (low, high), &interval)
}

/// Where the generator gave out first, only "at least" can be concluded.
fn generator_limited(claim: &Claim, figure: &Judged, low: f64) -> Option<Verdict> {
    let widened = claim.region.widened(claim.margin);
    let enough = claim.kind == ClaimKind::Absolute
        && widened.to.is_none()
        && widened.from.is_some_and(|from| from <= low);
    (figure.at_least && !enough).then(|| {
        let reason = "The load generator gave out before the service, so that the figures are \
                      lower bounds; it needs a machine with a faster core for the generator.";
        Verdict::of(Outcome::Inconclusive, reason.to_owned())
    })
}

/// An interval that crosses an end of the region, and what would settle it.
fn crossing(claim: &Claim, figure: &Judged, (low, high): (f64, f64), interval: &str) -> Verdict {
    let Region { from, to } = claim.region.widened(claim.margin);
    let crossed = [from, to].into_iter().flatten().filter(|end| low < *end && *end < high);
    let ends: Vec<f64> = crossed.collect();
    let words: Vec<String> = ends.iter().map(|end| claim.shown(*end)).collect();
    let (settle, needed_n) = settle(figure, (low, high), &ends);
    let reason = format!(
        "The interval, {interval}, crosses {}, where the region ends with its margin; {settle}.",
        words.join(" and ")
    );
    Verdict { needed_n, ..Verdict::of(Outcome::Inconclusive, reason) }
}

/// What would settle a verdict, in words and in blocks. The count holds for blocks that scatter
/// evenly on the log scale; others may hold two kinds of block, which more of them does not mend.
fn settle(figure: &Judged, (low, high): (f64, f64), ends: &[f64]) -> (String, Option<u32>) {
    let spread = spread_of_interval(low.ln(), high.ln(), figure.n);
    if spread.is_some_and(|spread| spread > SPREAD_MAX) {
        let text = "its blocks differ so much from each other that more of them alone may not \
                    settle it; longer loads may";
        return (text.to_owned(), None);
    }
    let (below, above) = ((figure.value / low).ln(), (high / figure.value).ln());
    if below.max(above) > SKEW_MAX * below.min(above) {
        let text = "its blocks lie so unevenly around the estimate that more of them alone may not \
                    settle it";
        return (text.to_owned(), None);
    }
    let distance = |end: &f64| (figure.value / end).ln().abs();
    let nearest = ends.iter().map(distance).min_by(f64::total_cmp).unwrap_or(0.0);
    let needed = spread
        .and_then(|spread| pairs_needed(spread, nearest))
        .map(|needed| needed.max(figure.n.saturating_add(1)));
    let text = match needed {
        Some(needed) if needed <= BLOCKS_PRACTICAL => format!(
            "if the estimate and the scatter stay as they are, it takes about {needed} blocks \
             instead of {}",
            figure.n
        ),
        _ => "the estimate is so near to it that no practical number of blocks would settle it"
            .to_owned(),
    };
    (text, needed)
}

/// The greatest standard deviation of blocks on the log scale, a factor of 2, at which a number of
/// blocks is named: beyond it they are hardly all of one kind.
const SPREAD_MAX: f64 = std::f64::consts::LN_2;

/// How much longer one side of the interval may be than the other, on the log scale, for the blocks
/// to pass as even.
const SKEW_MAX: f64 = 2.0;

/// More blocks than this nobody measures in a day.
const BLOCKS_PRACTICAL: u32 = 1_000;

fn departure(claim: &Claim, low: f64, high: f64, below: bool) -> Departure {
    let Region { from, to } = claim.region;
    let less_claimed = to.is_some_and(|to| to <= 1.0);
    let more_claimed = from.is_some_and(|from| from >= 1.0);
    match claim.kind {
        ClaimKind::Ratio if less_claimed && low > 1.0 => Departure::Reversed,
        ClaimKind::Ratio if more_claimed && high < 1.0 => Departure::Reversed,
        // A ratio below 1 that falls further is a larger effect.
        ClaimKind::Ratio if less_claimed == below => Departure::Larger,
        ClaimKind::Absolute if !below => Departure::Larger,
        ClaimKind::Ratio | ClaimKind::Absolute => Departure::Smaller,
    }
}

impl Departure {
    fn words(self, claim: &Claim) -> &'static str {
        match (self, claim.kind) {
            (Self::Smaller, ClaimKind::Ratio) => "The difference is smaller than claimed",
            (Self::Larger, ClaimKind::Ratio) => "The difference is larger than claimed",
            (Self::Reversed, _) => "It is the other way round",
            (Self::Smaller, ClaimKind::Absolute) => "The figure is smaller than claimed",
            (Self::Larger, ClaimKind::Absolute) => "The figure is larger than claimed",
        }
    }
}

impl Verdict {
    fn of(outcome: Outcome, reason: String) -> Self {
        Self { outcome, how: None, reason, figure: None, run: None, needed_n: None }
    }

    fn with(self, figure: Judged) -> Self {
        Self { figure: Some(figure), ..self }
    }
}

fn region_words(claim: &Claim) -> String {
    let percent = three_digits(claim.margin * 100.0);
    format!("the claimed region, {}, widened by the margin of {percent}%", claim.region_words())
}
