//! A sheet worked out step by step, with every number that leads to its advice.

use assay_advice::{
    Answers, Choice, CriterionDetail, CriterionKind, DRAWS, Engine, Need, Robustness, Score,
    Verdict, importance_thresholds, presets, wilson,
};

use assay_evidence::{Summary, metric};

use crate::{
    evidence::Known,
    pages::{sheet, words::percent},
};

/// The sheet worked out unless another is asked for.
const DEFAULT: &str = "auth-crypto";
/// Sums of some ten products differ in the last bits.
const ROUNDING: f64 = 1e-12;
/// The most flips and open questions told.
const TOLD: usize = 3;

/// The example, as text and figures.
pub(super) struct Example {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) summary: &'static str,
    /// The same answers in the checklist.
    pub(super) query: String,
    pub(super) first: Choice,
    pub(super) second: Choice,
    pub(super) rows: Vec<Row>,
    pub(super) swing: String,
    pub(super) values: [String; 3],
    /// V of the first and of the second option, and the difference.
    pub(super) v_first: String,
    pub(super) v_second: String,
    pub(super) difference: String,
    /// The sum of the contributions.
    pub(super) sum: String,
    /// Whether the two are the same but for rounding in the last bits.
    pub(super) adds_up: bool,
    pub(super) shares: Vec<ShareRow>,
    /// The lower bound of the first option's share, and what follows.
    pub(super) bound: String,
    pub(super) verdict: String,
    /// The first option's share without what is only expected, and its lower bound; none when
    /// nothing expected speaks for it.
    pub(super) without_expected: Option<[String; 2]>,
    /// What is held against the noise, in a run that the advice uses.
    pub(super) noise: Option<Noise>,
    /// Sums of what speaks for and against the first option, and √(P/N).
    pub(super) balance: Option<[String; 3]>,
    pub(super) threshold: Option<Threshold>,
    pub(super) flips: Vec<String>,
    pub(super) effects: Vec<(String, String)>,
    pub(super) needs: Vec<NeedRow>,
    /// What the measurement means for the needs.
    pub(super) performance: String,
    pub(super) work_factor: String,
    pub(super) headroom: Vec<(Choice, String, String)>,
    pub(super) knocked_out: Vec<(Choice, String)>,
}

/// One criterion of the sum.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) basis: &'static str,
    pub(super) swing: String,
    pub(super) weight: String,
    pub(super) values: [String; 3],
    pub(super) contribution: String,
    /// Which option it speaks for.
    pub(super) favours: Option<Choice>,
}

/// An option over all draws.
pub(super) struct ShareRow {
    pub(super) option: Choice,
    pub(super) ranks: [String; 3],
    pub(super) confidence: String,
    /// The criterion that counts most in the draws it wins, beside its plain weight.
    pub(super) central: String,
}

/// The swing at which one criterion alone would turn the order.
pub(super) struct Threshold {
    pub(super) name: String,
    pub(super) swing: String,
    pub(super) total: String,
    pub(super) delta: String,
    pub(super) becomes: String,
}

/// The comparisons of one run beside what one binary measured twice gives there.
pub(super) struct Noise {
    pub(super) run: String,
    /// Whether the run stands for the example.
    pub(super) own: bool,
    pub(super) rows: Vec<NoiseRow>,
}

/// One comparison.
pub(super) struct NoiseRow {
    pub(super) name: &'static str,
    /// Rust ÷ Go, and its interval.
    pub(super) ratio: [String; 3],
    /// The factor by which one binary still differs from itself.
    pub(super) factor: String,
    pub(super) counts: bool,
}

/// A stated need beside what is measured.
pub(super) struct NeedRow {
    pub(super) name: &'static str,
    pub(super) need: String,
    pub(super) measured: [String; 3],
    pub(super) headroom: [String; 3],
}

impl NeedRow {
    /// What each option offers, with its headroom.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&String, &String)> {
        self.measured.iter().zip(&self.headroom)
    }
}

impl Example {
    /// Works out the preset of this id, or the usual one.
    pub(super) fn work_out(known: &Known, id: &str) -> Self {
        let engine = &*known.engine;
        let find = |id: &str| presets().iter().find(|preset| preset.id == id);
        let preset = find(id).or_else(|| find(DEFAULT)).or(presets().first());
        let (id, title, summary, service) = preset.map_or(("", "", "", ""), |preset| {
            (&*preset.id, &*preset.title, &*preset.summary, &*preset.service)
        });
        let model = engine.model();
        // A model of one's own may not know all of it.
        let pairs = preset.map(|preset| preset.answers.to_pairs()).unwrap_or_default();
        let (answers, _) = Answers::from_pairs(model, pairs);
        let score = engine.score(&answers);
        let details = engine.explain(&answers);
        let robustness = engine.robustness(&answers);
        let [first, second] = score.compared();
        let value = |option: Choice| score.options.get(option).value;
        let difference = value(first) - value(second);
        let sum: f64 = details.iter().map(|detail| detail.contribution).sum();
        let bound = lower_bound(score.options.get(first).first_share);
        Self {
            id,
            title,
            summary,
            query: sheet::query(service, &answers),
            first,
            second,
            rows: rows(engine, &details, first, second),
            swing: points(details.iter().map(|detail| detail.swing).sum()),
            values: Choice::ALL.map(|option| four(value(option))),
            v_first: four(value(first)),
            v_second: four(value(second)),
            difference: four(difference),
            sum: four(sum),
            adds_up: (sum - difference).abs() < ROUNDING,
            shares: shares(&score, &robustness, &details),
            bound: hundredths(bound),
            verdict: verdict(&score),
            without_expected: engine
                .share_without_expected(&answers)
                .map(|share| [share, lower_bound(share)].map(hundredths)),
            noise: noise(known, &answers),
            balance: balance(&details),
            threshold: threshold(&details, first, second),
            flips: score.flips.iter().take(TOLD).map(|flip| flip.text.clone()).collect(),
            effects: effects(engine, &robustness),
            needs: score.performance.needs.iter().map(need_row).collect(),
            work_factor: score
                .performance
                .work_factor
                .map(|f| format!("{f:.2}"))
                .unwrap_or_default(),
            headroom: headroom(&score),
            performance: score.performance.summary.clone(),
            knocked_out: Choice::ALL
                .into_iter()
                .map(|option| (option, score.ruled_out(model, option)))
                .filter(|(_, why)| !why.is_empty())
                .collect(),
        }
    }
}

/// The run that stands for the example, or the first that the advice uses, against its noise.
fn noise(known: &Known, answers: &Answers) -> Option<Noise> {
    let own = known.engine.measured(answers);
    let measured = own.or_else(|| known.engine.measurements().workloads.first())?;
    let summary = &known.runs.get(&measured.run)?.summary;
    let compared = [
        (metric::CPU, "Processor time per request"),
        (metric::LOADED_PSS, "Memory under load"),
        (metric::HALF_P99, "p99 at half load"),
        (metric::HALF_P999, "p99.9 at half load"),
    ];
    let rows: Vec<NoiseRow> =
        compared.into_iter().filter_map(|(id, name)| noise_row(summary, id, name)).collect();
    let run = measured.run.clone();
    (!rows.is_empty()).then_some(Noise { run, own: own.is_some(), rows })
}

fn noise_row(summary: &Summary, id: &str, name: &'static str) -> Option<NoiseRow> {
    let ratio = summary.metric(id)?.ratio?;
    let figures = [ratio.estimate, ratio.low?, ratio.high?];
    Some(NoiseRow {
        name,
        ratio: figures.map(significant),
        factor: significant(summary.noise_factor(id)?),
        counts: !summary.may_be_noise(id),
    })
}

/// Wilson's lower 95% bound of a share of the draws.
fn lower_bound(share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 16,384")]
    let wins = (share * f64::from(DRAWS)).round() as usize;
    wilson(wins, DRAWS as usize).map_or(0.0, |[low, _]| low)
}

fn rows(engine: &Engine, details: &[CriterionDetail], first: Choice, second: Choice) -> Vec<Row> {
    let row = |detail: &CriterionDetail| {
        let criterion = engine.model().criteria().iter().find(|it| it.id == detail.id);
        let kind = criterion.map_or(CriterionKind::Judged, |criterion| criterion.kind);
        let basis = match (kind.is_measured(), detail.measured, detail.expected) {
            (false, ..) => "judged",
            (true, true, false) => "measured",
            (true, false, true) => "expected",
            (true, true, true) => "measured or expected",
            (true, false, false) => "not measured",
        };
        Row {
            name: detail.name.clone(),
            basis,
            swing: points(detail.swing),
            weight: four(detail.weight),
            values: Choice::ALL.map(|option| {
                // What counts for nothing here offers nothing to show.
                let value = detail.values.get(option).filter(|_| detail.swing > 0.0);
                value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
            }),
            contribution: signed(detail.contribution),
            favours: match detail.contribution {
                c if c > 0.0 => Some(first),
                c if c < 0.0 => Some(second),
                _ => None,
            },
        }
    };
    details.iter().map(row).collect()
}

fn shares(score: &Score, robustness: &Robustness, details: &[CriterionDetail]) -> Vec<ShareRow> {
    let row = |option: Choice| {
        let ranks = robustness.ranks.get(option).map(|share| format!("{:.2}%", share * 100.0));
        let central = robustness.central_weights.get(option);
        // The criterion whose importance the wins lift most above what the model says.
        let lifted = central
            .iter()
            .zip(details)
            .max_by(|((_, l), a), ((_, r), b)| (l - a.weight).total_cmp(&(r - b.weight)));
        let central = lifted.map_or_else(String::new, |((_, weight), detail)| {
            format!("{} {weight:.3} (plain {:.3})", detail.name, detail.weight)
        });
        let confidence = robustness.confidence.get(option);
        ShareRow {
            option,
            ranks,
            confidence: confidence
                .map_or_else(|| "–".to_owned(), |share| format!("{}%", percent(share))),
            central,
        }
    };
    let mut options = Choice::ALL;
    let share = |option: Choice| score.options.get(option).first_share;
    options.sort_by(|a, b| share(*b).total_cmp(&share(*a)));
    options.into_iter().map(row).collect()
}

fn verdict(score: &Score) -> String {
    match (score.recommended, score.verdict) {
        (Some(option), Verdict::Strong) => format!("{option}, strong"),
        (Some(option), _) => format!("{option}, a lean"),
        (None, _) => "too close to call".to_owned(),
    }
}

/// P, N and √(P/N).
fn balance(details: &[CriterionDetail]) -> Option<[String; 3]> {
    let part =
        |sign: f64| -> f64 { details.iter().map(|it| (it.contribution * sign).max(0.0)).sum() };
    let (positive, negative) = (part(1.0), part(-1.0));
    (negative > 0.0)
        .then(|| [four(positive), four(negative), format!("{:.3}", (positive / negative).sqrt())])
}

/// The criterion that need move least to turn the order.
fn threshold(details: &[CriterionDetail], first: Choice, second: Choice) -> Option<Threshold> {
    let swings: Vec<f64> = details.iter().map(|detail| detail.swing).collect();
    let delta = |detail: &CriterionDetail| {
        let value = |option: Choice| detail.values.get(option).unwrap_or(0.0);
        value(first) - value(second)
    };
    let deltas: Vec<f64> = details.iter().map(delta).collect();
    let total: f64 = swings.iter().zip(&deltas).map(|(s, d)| s * d).sum();
    let factors = importance_thresholds(&swings, &deltas);
    let moves = |factor: f64| if factor > 0.0 { factor.ln().abs() } else { f64::INFINITY };
    let found = details.iter().zip(factors).filter_map(|(detail, factor)| Some((detail, factor?)));
    let (detail, factor) = found.min_by(|(_, l), (_, r)| moves(*l).total_cmp(&moves(*r)))?;
    Some(Threshold {
        name: detail.name.clone(),
        swing: points(detail.swing),
        total: format!("{total:.3}"),
        delta: signed(delta(detail)),
        becomes: points(detail.swing * factor),
    })
}

fn effects(engine: &Engine, robustness: &Robustness) -> Vec<(String, String)> {
    let label = |id: &str| engine.model().question(id).map_or(String::new(), |q| q.label.clone());
    let worth = robustness.total_effects.iter().filter(|(_, effect)| *effect > 0.0);
    worth.take(TOLD).map(|(id, effect)| (label(id), format!("{:.2}%", effect * 100.0))).collect()
}

fn need_row(need: &Need) -> NeedRow {
    let (name, more) = match need.id.as_str() {
        "throughput" => ("Throughput", true),
        "p99_ms" => ("p99", false),
        "p999_ms" => ("p99.9", false),
        _ => ("Memory", false),
    };
    let figure = |value: Option<f64>| {
        value.map_or_else(|| "–".to_owned(), |v| format!("{} {}", significant(v), need.unit))
    };
    let ratio = |value: Option<f64>| match value {
        Some(value) if more => format!("{}×", significant(value / need.need)),
        Some(value) => format!("{}×", significant(need.need / value)),
        None => "–".to_owned(),
    };
    NeedRow {
        name,
        need: format!("{} {}", significant(need.need), need.unit),
        measured: Choice::ALL.map(|option| figure(*need.measured.get(option))),
        headroom: Choice::ALL.map(|option| ratio(*need.measured.get(option))),
    }
}

/// h and v of each option that has them.
fn headroom(score: &Score) -> Vec<(Choice, String, String)> {
    let of = |option: Choice| {
        let headroom = (*score.performance.headroom.get(option))?;
        let value = headroom.log2().clamp(0.0, 1.0);
        Some((option, significant(headroom), format!("{value:.3}")))
    };
    Choice::ALL.into_iter().filter_map(of).collect()
}

fn hundredths(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn significant(value: f64) -> String {
    crate::pages::plot::significant(value)
}

fn points(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn four(value: f64) -> String {
    format!("{value:.4}")
}

/// With its sign, and a true minus.
fn signed(value: f64) -> String {
    match value {
        value if value < 0.0 => format!("−{:.4}", -value),
        value if value > 0.0 => format!("+{value:.4}"),
        _ => "0".to_owned(),
    }
}
