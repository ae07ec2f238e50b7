//! `/evidence/claims`: what is said about Rust and Go, and what our runs say of it.

use askama::Template;
use assay_evidence::{
    Claim, ClaimKind, Departure, Judged, Kind as VariantKind, Known, Outcome, Region, Summary,
    Twin, Variant, Verdict, metric, three_digits,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    claims::{Judgement, count, judgements},
    error::Error,
    evidence::{KnownRun, Runs},
    pages::Page,
    state::App,
};

#[derive(Template)]
#[template(path = "evidence/claims.html")]
struct View {
    supported: usize,
    contradicted: usize,
    inconclusive: usize,
    not_measured: usize,
    claims: Vec<ClaimView>,
}

pub(super) struct ClaimView {
    pub(super) claim: &'static Claim,
    verdict: Verdict,
    /// The verdict in a word or three.
    pub(super) word: &'static str,
    /// The class of the verdict's mark.
    pub(super) class: &'static str,
    /// The figure with its interval, or a dash.
    pub(super) figure: String,
    /// The region in words.
    pub(super) region: String,
    /// What the figure is, in words.
    subject: String,
    /// The share by which the region is widened, in percent.
    margin: String,
    /// The A/A noise floor of the run, in words.
    noise: Option<String>,
    /// The same figure of the same binary with other settings, or of a tuned one.
    beside: Vec<(String, String)>,
    plot: Option<Plot>,
}

/// `GET /evidence/claims`.
pub(crate) async fn get(State(app): State<App>) -> Result<Response, Error> {
    let runs = app.runs();
    let judged = judgements(&runs)?;
    let count = |outcome| count(&judged, outcome);
    let view = View {
        supported: count(Outcome::Supported),
        contradicted: count(Outcome::Contradicted),
        inconclusive: count(Outcome::Inconclusive),
        not_measured: count(Outcome::NotMeasured),
        claims: judged.into_iter().map(|it| claim_view(&runs, it)).collect(),
    };
    Ok(Page(view).into_response())
}

/// The claims that runs of a service judge.
pub(super) fn of_service(runs: &Runs, service: &str) -> Result<Vec<ClaimView>, Error> {
    let judged = judgements(runs)?.into_iter().filter(|it| it.claim.service == service);
    Ok(judged.map(|it| claim_view(runs, it)).collect())
}

fn claim_view(runs: &Runs, Judgement { claim, verdict }: Judgement) -> ClaimView {
    // The runs of its own service say it in its words.
    let own = || runs.runs.iter().filter(|run| run.summary.service == claim.service);
    let metrics = || own().filter_map(|run| run.summary.metric(&claim.metric));
    let title = metrics().next().map(|metric| metric.title.clone());
    let title = title.or_else(|| unmeasured(&claim.metric).map(str::to_owned));
    let title = title.unwrap_or_else(|| claim.metric.replace('_', " "));
    let judged_by = |run: &&KnownRun| Some(&run.summary.run) == verdict.run.as_ref();
    let run = runs.runs.iter().find(judged_by).map(|run| &run.summary);
    let of = match claim.of {
        None => "Rust ÷ Go",
        Some(Twin::Rust) => "Rust",
        Some(Twin::Go) => "Go",
    };
    let program = claim.against.as_deref().map(|id| {
        let known = run.and_then(|run| run.variant(id));
        known.map_or_else(|| id.to_owned(), |variant| variant.label.clone())
    });
    let subject = match program {
        None => format!("{title}, {of}"),
        Some(program) => format!("{title}, {of} ÷ {program}"),
    };
    let (word, class) = word(&verdict);
    ClaimView {
        word,
        class,
        figure: verdict.figure.as_ref().map_or_else(|| "–".to_owned(), |it| shown(claim, it)),
        region: claim.region_words(),
        subject,
        margin: three_digits(claim.margin * 100.0),
        noise: run.and_then(|run| run.noise_factor(&claim.metric)).map(|factor| {
            format!(
                "the same binary measured twice differs by up to {}%",
                three_digits((factor - 1.0) * 100.0)
            )
        }),
        beside: run.map(|run| beside(claim, run)).unwrap_or_default(),
        plot: verdict.figure.as_ref().map(|figure| Plot::new(claim, figure)),
        claim,
        verdict,
    }
}

/// The title of a metric that no run holds yet.
fn unmeasured(id: &str) -> Option<&'static str> {
    Some(match id {
        "capacity_ops" => "Operations per second",
        "p99_at_million_us" => "p99 latency at two million operations per second",
        metric::RSS_PER_ENTRY => "Resident memory per entry, all of the process (RSS)",
        _ => return None,
    })
}

/// What an absolute claim's figure is with other settings or tuning, in the same blocks.
fn beside(claim: &Claim, run: &Summary) -> Vec<(String, String)> {
    let same = |variant: &&Variant| {
        let kind = matches!(variant.kind, VariantKind::Runtime | VariantKind::Tuning);
        kind && Some(variant.language) == claim.of
    };
    let figure = |variant: &Variant| {
        let figure = variant.metric(&claim.metric)?.figure?;
        let (low, high) = (claim.number(figure.low), claim.number(figure.high));
        Some((variant.label.clone(), format!("{} [{low}, {high}]", claim.shown(figure.value))))
    };
    run.variants.iter().filter(same).filter_map(figure).collect()
}

fn word(verdict: &Verdict) -> (&'static str, &'static str) {
    match (verdict.outcome, verdict.how) {
        (Outcome::Supported, _) => ("Supported", "supported"),
        (Outcome::Contradicted, Some(Departure::Smaller)) => {
            ("Contradicted: smaller", "contradicted")
        }
        (Outcome::Contradicted, Some(Departure::Larger)) => {
            ("Contradicted: larger", "contradicted")
        }
        (Outcome::Contradicted, Some(Departure::Reversed)) => {
            ("Contradicted: reversed", "contradicted")
        }
        (Outcome::Contradicted, None) => ("Contradicted", "contradicted"),
        (Outcome::Inconclusive, _) => ("Inconclusive", "inconclusive"),
        (Outcome::NotMeasured, _) => ("Not measured yet", "unmeasured"),
    }
}

fn shown(claim: &Claim, figure: &Judged) -> String {
    let value = claim.shown(figure.value);
    let at_least = if figure.at_least { "at least " } else { "" };
    match figure.low.zip(figure.high) {
        Some((low, high)) if low < high => {
            format!("{at_least}{value} [{}, {}]", claim.number(low), claim.number(high))
        }
        Some(_) | None => format!("{at_least}{value}"),
    }
}

/// The figure against the region on a logarithmic axis; positions in percent of the width.
struct Plot {
    /// The claimed region.
    region: Span,
    /// The region with its margin.
    widened: Span,
    /// The figure's interval, if it has one.
    interval: Option<Span>,
    /// The figure.
    value: Mark,
    /// The region's ends that are not open.
    ends: Vec<Mark>,
    /// Where a ratio shows no difference; without a label where another stands.
    equal: Option<Mark>,
}

struct Span {
    x: f64,
    width: f64,
}

struct Mark {
    x: f64,
    label: String,
    /// `start`, `middle` or `end`, so that the label stays in the drawing.
    anchor: &'static str,
}

/// How far labels keep from each other, in percent of the width.
const LABEL_ROOM: f64 = 14.0;

/// Free space at both ends of the axis, as a factor.
const AXIS_ROOM: f64 = 1.3;

impl Plot {
    fn new(claim: &Claim, figure: &Judged) -> Self {
        let widened = claim.region.widened(claim.margin);
        let interval = figure.low.zip(figure.high);
        let equal = (claim.kind == ClaimKind::Ratio).then_some(1.0);
        let known = [widened.from, widened.to, interval.map(|it| it.0), interval.map(|it| it.1)];
        let known = known.into_iter().chain([Some(figure.value), equal]).flatten();
        let known: Vec<f64> = known.filter(|value| *value > 0.0).collect();
        let least = known.iter().copied().fold(f64::INFINITY, f64::min) / AXIS_ROOM;
        let most = known.iter().copied().fold(0.0, f64::max) * AXIS_ROOM;
        let x_of = |value: f64| {
            let share = (value.max(least) / least).ln() / (most / least).ln();
            (share.min(1.0) * 1000.0).round() / 10.0
        };
        let span = |low: Option<f64>, high: Option<f64>| {
            let (left, right) = (low.map_or(0.0, x_of), high.map_or(100.0, x_of));
            Span { x: left, width: tenths(right - left) }
        };
        let mark = |value: f64, label: String| {
            let x = x_of(value);
            let anchor = match x {
                x if x < 18.0 => "start",
                x if x > 82.0 => "end",
                _ => "middle",
            };
            Mark { x, label, anchor }
        };
        let Region { from, to } = claim.region;
        let end = |value: f64| mark(value, claim.shown(value));
        Self {
            region: span(from, to),
            widened: span(widened.from, widened.to),
            interval: interval.map(|(low, high)| span(Some(low), Some(high))),
            value: mark(figure.value, shown(claim, figure)),
            ends: [from, to].into_iter().flatten().map(end).collect(),
            equal: equal.map(|one| {
                let near = |end: f64| (x_of(end) - x_of(one)).abs() < LABEL_ROOM;
                let taken = [from, to].into_iter().flatten().any(near);
                mark(one, if taken { String::new() } else { "1×".to_owned() })
            }),
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// How a published figure is known to us.
fn known(known: Known) -> &'static str {
    match known {
        Known::Read => "read at the source",
        Known::Second => "at second hand",
    }
}

/// Whether a claim speaks of one build rather than of blocks of load.
fn of_builds(claim: &Claim) -> bool {
    matches!(claim.metric.as_str(), metric::CLEAN_BUILD | metric::INCREMENTAL_BUILD)
}
