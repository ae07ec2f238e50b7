//! Sentences, put together from the model's words and the figures.

use crate::{
    AnswerValue, Answers, Choice, CriterionKind, Question, QuestionKind, WorkloadMeasurement,
    model::Criterion,
    value::{Ground, Term},
};

/// The name of an option by its place.
pub(crate) fn option(index: usize) -> &'static str {
    Choice::ALL.get(index).map_or("neither", |choice| choice.name())
}

/// A number with three significant digits, or all digits before the point.
pub(crate) fn short(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        _ if !number.is_finite() => return "more than was measured".to_owned(),
        _ if size >= 100.0 || size == 0.0 => return format!("{number:.0}"),
        _ if size >= 10.0 => format!("{number:.1}"),
        _ if size >= 1.0 => format!("{number:.2}"),
        _ if size >= 0.01 => format!("{number:.3}"),
        _ => format!("{number:.6}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn counted(number: f64, unit: &str) -> String {
    format!("{} {unit}", short(number))
}

/// "the p99 limit is below 9.52 ms".
pub(crate) fn threshold(question: &Question, at: f64, above: bool) -> String {
    let unit = match &question.kind {
        QuestionKind::Number { unit, .. } => unit.as_str(),
        QuestionKind::One(_) | QuestionKind::Many { .. } => "",
    };
    let side = if above { "above" } else { "below" };
    let verb = if question.short.contains("connections") || question.short.contains("cores") {
        "are"
    } else {
        "is"
    };
    format!("{} {verb} {side} {}", question.short, counted(at, unit))
}

/// The other ranges of a number: state, the nearest number in it, and the phrase.
pub(crate) fn bins(question: &Question, now: Option<u8>) -> Vec<(u8, String, String)> {
    let QuestionKind::Number { bins, phrase, unit, .. } = &question.kind else {
        return Vec::new();
    };
    let mut floor: Option<f64> = None;
    let mut out = Vec::new();
    for (state, bin) in (0_u8..).zip(bins) {
        let from = floor;
        floor = bin.below;
        if now == Some(state) {
            continue;
        }
        let upward = now.is_none_or(|now| state > now);
        let (to, words) = match (from, bin.below) {
            (Some(from), _) if upward => (from, format!("{} or more {unit}", short(from))),
            (_, Some(below)) => (below - 1.0, format!("at most {}", counted(below - 1.0, unit))),
            (Some(from), None) => (from, format!("{} or more {unit}", short(from))),
            (None, None) => continue,
        };
        out.push((state, to.to_string(), phrase.replace("{n}", &words)));
    }
    out
}

fn phrase(question: &Question, value: AnswerValue<'_>) -> Option<String> {
    match (value, &question.kind) {
        (AnswerValue::One(value), _) => question.answer(value).map(|answer| answer.phrase.clone()),
        (AnswerValue::Number { value, .. }, QuestionKind::Number { phrase, unit, .. }) => {
            Some(phrase.replace("{n}", &counted(value, unit)))
        }
        _ => None,
    }
}

pub(crate) fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// The reason a criterion gives for or against `first` over `second`.
pub(crate) struct Reasoning<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) answers: &'a Answers,
    pub(crate) first: Choice,
    pub(crate) second: Choice,
    /// The run that stands for the workload.
    pub(crate) measured: Option<&'a WorkloadMeasurement>,
    /// What the headroom means, in words.
    pub(crate) performance: &'a str,
}

impl Reasoning<'_> {
    pub(crate) fn text(&self, criterion: &Criterion, term: &Term, contribution: f64) -> String {
        if criterion.kind.is_measured() && !term.measured {
            return "Not measured yet for a service like this: it contributes nothing.".to_owned();
        }
        let (known, unknown) = self.named(criterion);
        let claim = match criterion.kind {
            CriterionKind::Headroom => return self.performance.to_owned(),
            CriterionKind::Tail => self.tail(),
            CriterionKind::Economy => self.economy(),
            CriterionKind::Judged => self.claim(criterion, contribution),
            CriterionKind::Build => {
                format!("{}{}", self.claim(criterion, contribution), self.build())
            }
        };
        let open = match unknown.as_slice() {
            [] => String::new(),
            [one] => format!(" ({one} is unknown, so every answer counts)"),
            more => format!(" ({} are unknown, so every answer counts)", join(more)),
        };
        if known.is_empty() {
            return format!("{}{open}.", capitalised(&claim));
        }
        format!("{}: {claim}{open}.", capitalised(&join(&known)))
    }

    fn named(&self, criterion: &Criterion) -> (Vec<String>, Vec<String>) {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for question in &criterion.names {
            let Some(question) = self.ground.model.questions().get(*question) else {
                continue;
            };
            match phrase(question, self.answers.value(&question.id)) {
                Some(phrase) => known.push(phrase),
                None => unknown.push(question.short.clone()),
            }
        }
        (known, unknown)
    }

    fn claim(&self, criterion: &Criterion, contribution: f64) -> String {
        let claims = &criterion.claims;
        let (better, worse) = match contribution {
            c if c > 0.0 => (self.first, self.second),
            c if c < 0.0 => (self.second, self.first),
            _ => {
                let even = || format!("it does not separate {} and {}", self.first, self.second);
                return claims.even.clone().unwrap_or_else(even);
            }
        };
        let stated = match (better, worse) {
            (Choice::Rust, Choice::Go) => &claims.rust_over_go,
            (Choice::Go, Choice::Rust) => &claims.go_over_rust,
            (Choice::Rust, Choice::Hybrid) => &claims.rust_over_hybrid,
            (Choice::Hybrid, Choice::Rust) => &claims.hybrid_over_rust,
            (Choice::Go, Choice::Hybrid) => &claims.go_over_hybrid,
            (Choice::Hybrid, Choice::Go) => &claims.hybrid_over_go,
            _ => &None,
        };
        stated.clone().unwrap_or_else(|| format!("{better} does better here than {worse}"))
    }

    fn tail(&self) -> String {
        let Some(measured) = self.measured else {
            return "measured in part".to_owned();
        };
        format!(
            "at half load the slowest 1 in 1000 requests took {} in Rust and {} in Go; the hybrid is taken to be like Rust",
            counted(measured.rust.half_load_p999_ms.value, "ms"),
            counted(measured.go.half_load_p999_ms.value, "ms")
        )
    }

    fn economy(&self) -> String {
        let Some(measured) = self.measured else {
            return "measured in part".to_owned();
        };
        format!(
            "a request took {} of processor time in Rust and {} in Go; under load they held {} and {}, and the hybrid pays for two processes",
            counted(measured.rust.cpu_ms_per_request.value, "ms"),
            counted(measured.go.cpu_ms_per_request.value, "ms"),
            counted(measured.rust.loaded_pss_mb.value, "MB"),
            counted(measured.go.loaded_pss_mb.value, "MB")
        )
    }

    fn build(&self) -> String {
        let times = self.measured.and_then(|measured| {
            Some((measured.rust.incremental_build_s?, measured.go.incremental_build_s?))
        });
        times.map_or_else(String::new, |(rust, go)| {
            let (rust, go) = (counted(rust.value, "s"), counted(go.value, "s"));
            format!("; a rebuild after a small change took {rust} in Rust and {go} in Go")
        })
    }
}
