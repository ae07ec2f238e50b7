//! A draft written from a score: prose from its reasons, triggers from its flips.

use std::fmt::Write as _;

use assay_advice::{
    AnswerValue, Answers, Choice, CriterionKind, Flip, FlipKind, Model, Problem, Question,
    QuestionKind, Reason, Score, Settled, Verdict, grouped,
};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    Chosen, Comparison, Condition, Draft, Evidence, Rationale, Trigger, TriggerKind, Window,
    reader::shorten,
};

/// Months until a decision should be looked at again.
const REVIEW_AFTER_MONTHS: i32 = 6;
/// The most reasons of each direction, and triggers, that a draft proposes.
const MOST_REASONS: usize = 4;
const MOST_TRIGGERS: usize = 6;
/// A reason below this share of the weight says nothing worth writing down.
const LEAST_CONTRIBUTION: f64 = 0.001;
/// For how long a figure must have crossed its threshold.
const METRIC_WINDOW: Window = Window { seconds: 7 * 24 * 3600 };

/// A draft for a service: the rationale drafted from the reasons, triggers from the flips, a review
/// date six months after `today`, evidence from the stated needs. `option` is what is chosen; none
/// takes the recommended one, if there is one.
#[must_use]
pub fn draft_from(
    score: &Score,
    answers: &Answers,
    model: &Model,
    service: Option<&str>,
    option: Option<Choice>,
    today: Date,
) -> Draft {
    let option = option.or(score.recommended);
    let subject = service.unwrap_or("the service");
    Draft {
        title: format!("Language for {subject}"),
        service: service.map(str::to_owned),
        review_by: today.checked_add(REVIEW_AFTER_MONTHS.months()).ok(),
        choice: option.map(|option| Chosen { option, override_reason: None }),
        rationale: Rationale {
            context: context(score, answers, model, subject),
            decision: decision(score, model, option, subject),
            consequences: consequences(score, model, option),
        },
        answers: answers.clone(),
        advice: Some(Score { precedents: Vec::new(), same_as: None, ..score.clone() }),
        evidence: evidence(score, model),
        triggers: triggers(score, model, option, service),
        ..Draft::default()
    }
}

/// What was said of the service, one line a group; the answers themselves are in the record.
fn context(score: &Score, answers: &Answers, model: &Model, subject: &str) -> String {
    let mut text = format!("We have to choose what to build {subject} in. What we know of it:\n\n");
    for group in model.groups() {
        let of_group = model.questions().iter().filter(|question| question.group == group.id);
        let phrases: Vec<String> =
            of_group.flat_map(|question| phrases(question, answers)).collect();
        if !phrases.is_empty() {
            let _ = writeln!(text, "- {}: {}.", group.name, phrases.join("; "));
        }
    }
    let unknown: Vec<&str> = score
        .unknown
        .iter()
        .filter_map(|id| model.question(id))
        .filter(|question| question.core)
        .map(|question| question.short.as_str())
        .collect();
    if !unknown.is_empty() {
        let _ = write!(text, "\nNot known: {}.\n", unknown.join("; "));
    }
    if !score.performance.summary.is_empty() {
        let _ = write!(text, "\n{}\n", score.performance.summary);
    }
    text
}

/// What a question's answers say, in the model's words.
fn phrases(question: &Question, answers: &Answers) -> Vec<String> {
    let said = |value: &str| question.answer(value).map(|answer| answer.phrase.clone());
    match (answers.value(&question.id), &question.kind) {
        (AnswerValue::One(value), _) => said(value).into_iter().collect(),
        (AnswerValue::Many(values), _) => values.iter().filter_map(|value| said(value)).collect(),
        (AnswerValue::Number { value, .. }, QuestionKind::Number { phrase, unit, .. }) => {
            vec![phrase.replace("{n}", &format!("{value} {unit}"))]
        }
        _ => Vec::new(),
    }
}

/// What is chosen, how that relates to the advice, and the reasons on both sides.
fn decision(score: &Score, model: &Model, option: Option<Choice>, subject: &str) -> String {
    let mut text = match option {
        Some(Choice::Hybrid) => {
            format!("We build {subject} as a hybrid: a Rust core behind a Go edge.\n")
        }
        Some(option) => format!("We build {subject} in {option}.\n"),
        None => String::new(),
    };
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", advice_in_words(score));
    for out in Choice::ALL {
        let why = score.ruled_out(model, out);
        if !why.is_empty() {
            let _ = writeln!(text, "{out} was ruled out: {why}.");
        }
    }
    let notable = |reason: &&Reason| reason.contribution.abs() >= LEAST_CONTRIBUTION;
    let (with, against): (Vec<&Reason>, Vec<&Reason>) =
        score.reasons.iter().filter(notable).partition(|reason| reason.contribution > 0.0);
    let [first, second] = score.compared();
    for (better, other, reasons) in [(first, second, with), (second, first, against)] {
        if !reasons.is_empty() {
            let _ = write!(text, "\nFor {better} rather than {other}:\n\n");
        }
        for reason in reasons.iter().take(MOST_REASONS) {
            let _ = writeln!(text, "- {}", reason.text);
        }
    }
    text
}

/// The verdict in a sentence; shares are of draws, never certainty.
fn advice_in_words(score: &Score) -> String {
    let share = |choice: Choice| {
        let percent = (score.options.get(choice).first_share * 100.0).round();
        format!(
            "{choice} came first in {percent}% of {} plausible readings",
            grouped(score.draws.into())
        )
    };
    match (score.recommended, score.verdict, score.settled) {
        (Some(choice), Verdict::Strong, _) => {
            format!("The advice was clearly {choice}: {}.", share(choice))
        }
        (Some(choice), _, _) => format!("The advice leant to {choice}: {}.", share(choice)),
        (None, _, Some(Settled::RustInCore)) => {
            "The advice was Rust in the core; the edge was too close to call.".to_owned()
        }
        (None, _, Some(Settled::GoAtEdge)) => {
            "The advice was Go at the edge; the core was too close to call.".to_owned()
        }
        (None, _, None) => {
            let shares: Vec<String> = Choice::ALL
                .into_iter()
                .map(|choice| {
                    let percent = (score.options.get(choice).first_share * 100.0).round();
                    format!("{choice} {percent}%")
                })
                .collect();
            let draws = grouped(score.draws.into());
            format!(
                "The advice was too close to call; first in {draws} plausible readings: {}.",
                shares.join(", ")
            )
        }
    }
}

/// What would change the advice.
fn consequences(score: &Score, model: &Model, option: Option<Choice>) -> String {
    let mut text = String::new();
    let flips: Vec<&Flip> =
        score.flips.iter().filter(|flip| flip.recommended != option).take(MOST_TRIGGERS).collect();
    if flips.is_empty() {
        text.push_str("No single change of an answer that we tried would change the advice.\n");
    } else {
        text.push_str("What would change the advice:\n\n");
        for flip in flips {
            let _ = writeln!(text, "- {}", flip.text);
        }
    }
    if let Some(next) = score.next_question.as_deref().and_then(|id| model.question(id)) {
        let _ = write!(text, "\nMost worth finding out: {}.\n", next.short);
    }
    text
}

/// The measured figures held against stated needs: those of the run that stands for the workload,
/// not of the one that speaks for its latency tail alone.
fn evidence(score: &Score, model: &Model) -> Vec<Evidence> {
    let tail =
        |id: &str| model.criteria().iter().any(|c| c.id == id && c.kind == CriterionKind::Tail);
    let mut reasons = score.reasons.iter().filter(|reason| !tail(&reason.criterion));
    let Some(run) = reasons.find_map(|reason| reason.evidence.as_deref()) else {
        return Vec::new();
    };
    let (run, scenario) = match run.split_once('/') {
        Some((run, scenario)) => (run, Some(scenario.to_owned())),
        None => (run, None),
    };
    let measured =
        |need: &&assay_advice::Need| need.measured.rust.is_some() || need.measured.go.is_some();
    let rows = score.performance.needs.iter().filter(measured).map(|need| {
        let (rust, go) = (need.measured.rust, need.measured.go);
        let ratio = rust.zip(go).map(|(rust, go)| rust / go).filter(|ratio| ratio.is_finite());
        Evidence {
            run: run.to_owned(),
            scenario: scenario.clone(),
            metric: need.id.clone(),
            unit: Some(need.unit.clone()),
            rust,
            go,
            ratio,
            low: None,
            high: None,
        }
    });
    rows.collect()
}

fn triggers(
    score: &Score,
    model: &Model,
    option: Option<Choice>,
    service: Option<&str>,
) -> Vec<Trigger> {
    let mut triggers: Vec<Trigger> = Vec::new();
    for flip in &score.flips {
        if triggers.len() == MOST_TRIGGERS {
            break;
        }
        // After a choice against the advice, a flip towards that choice is no reason to revisit it.
        // Importance is a judgement: nothing happens that would show it has changed.
        if flip.recommended == option || flip.kind == FlipKind::Importance {
            continue;
        }
        let (condition, promql) = condition(flip, model, service);
        if triggers.iter().any(|known| known.condition == condition) {
            continue;
        }
        let name = flip.changes.first().map_or("change", |change| change.id.as_str());
        // An event says in `when` already what the note would say.
        let note = Some(flip.text.clone()).filter(|text| *text != condition.to_string());
        triggers.push(Trigger {
            id: unused_id(name, &triggers),
            condition,
            // What would end too close to call leads to no option yet.
            flips_to: flip.recommended.filter(|_| flip.verdict_after != Verdict::TooClose),
            owner: None,
            note,
            promql,
        });
    }
    triggers
}

fn condition(flip: &Flip, model: &Model, service: Option<&str>) -> (Condition, Option<String>) {
    let event = || (Condition::Event(flip.text.trim().to_owned()), None);
    let [change] = flip.changes.as_slice() else {
        return event();
    };
    match flip.kind {
        FlipKind::Answer => {
            let when = format!("{} = {}", change.id, change.to);
            let parsed: Result<Condition, Problem> =
                Condition::parse(TriggerKind::Answer, &when, model);
            parsed.map_or_else(|_| event(), |condition| (condition, None))
        }
        FlipKind::Number => {
            let promql = promql(&change.id, service);
            let threshold = change.to.number().filter(|number| number.is_finite());
            let Some((promql, threshold)) = promql.zip(threshold) else {
                return event();
            };
            // A need that tightens and a figure that worsens lead to the same flip; only load also
            // matters when it falls.
            let falls = change.from.number().is_some_and(|from| from > threshold);
            let comparison = if change.id == "peak_rps" && falls {
                Comparison::Below
            } else {
                Comparison::Above
            };
            let name = change.id.clone();
            let condition =
                Condition::Metric { name, comparison, threshold, window: METRIC_WINDOW };
            (condition, Some(promql))
        }
        FlipKind::Pair | FlipKind::Importance => event(),
    }
}

/// An expression in the unit of the question, over the usual metric names; teams adapt it.
fn promql(question: &str, service: Option<&str>) -> Option<String> {
    let job = service.unwrap_or("service").replace(['\\', '"', '\n'], "");
    let job = shorten(&job);
    match question {
        "p99_ms" => Some(format!(
            "1000 * histogram_quantile(0.99, sum by (le) \
             (rate(http_request_duration_seconds_bucket{{job=\"{job}\"}}[5m])))"
        )),
        "peak_rps" => Some(format!("sum(rate(http_requests_total{{job=\"{job}\"}}[5m]))")),
        "memory_mb" => Some(format!("max(process_resident_memory_bytes{{job=\"{job}\"}}) / 1e6")),
        _ => None,
    }
}

fn unused_id(name: &str, taken: &[Trigger]) -> String {
    let base = crate::slug(name);
    let free = |id: &String| taken.iter().all(|trigger| trigger.id != *id);
    let numbered = (2..).map(|number: usize| format!("{base}-{number}"));
    let first = base.clone();
    std::iter::once(first).chain(numbered).find(free).unwrap_or(base)
}
