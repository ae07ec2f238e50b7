//! Sentences, put together from the model's words and the figures.

use std::{borrow::Cow, collections::BTreeMap};

use toml::Spanned;

use crate::{
    AnswerValue, Answers, Choice, Compared, CriterionKind, Estimate, Question, QuestionKind,
    Verdict, WorkloadMeasurement,
    engine::Advice,
    expected::Ratio,
    measure::Needs,
    model::Criterion,
    two_services::{Hybrid, TwoServices},
    value::{Ground, Term},
};

/// A change and what it leads to: "If it falls into two parts: Hybrid (a lean)."
pub(crate) fn flip(when: &str, after: Advice) -> String {
    match (after.recommended, after.verdict) {
        (Some(option), Verdict::Strong) => format!("{when}: {option} (strong)."),
        (Some(option), _) => format!("{when}: {option} (a lean)."),
        (None, _) => format!("{when}: too close to call."),
    }
}

/// An option's name within a sentence.
const fn in_prose(choice: Choice) -> &'static str {
    match choice {
        Choice::Hybrid => "the hybrid",
        Choice::Rust | Choice::Go => choice.name(),
    }
}

/// A number with three significant digits, two below 1, or all digits before the point.
pub(crate) fn short(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        _ if !number.is_finite() => return "more than was measured".to_owned(),
        _ if size >= 100.0 || size == 0.0 => return format!("{number:.0}"),
        _ if size >= 10.0 => format!("{number:.1}"),
        _ if size >= 1.0 => format!("{number:.2}"),
        _ if size >= 0.95 => format!("{number:.3}"),
        _ if size >= 0.1 => format!("{number:.2}"),
        _ if size >= 0.01 => format!("{number:.3}"),
        _ => format!("{number:.6}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number as it was written, but never with hundreds of digits.
pub(crate) fn exact(number: f64) -> String {
    match number.abs() {
        size if size == 0.0 || (1e-6..1e12).contains(&size) => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// A whole number as people write it, with commas between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Hostile input may be long; a message need not be.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => text.into(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()).into(),
    }
}

/// "3 cores", "1 core", "1 request/s", "20,000 requests/s".
pub(crate) fn counted(number: f64, unit: &str) -> String {
    let number = match number {
        large if (1e4..1e15).contains(&large) => grouped(large.round() as u64),
        other => short(other),
    };
    with_unit(number, unit)
}

/// The same with every digit that was given: "1 engineer", "1,250.5 requests/s".
#[must_use]
pub fn quantity(number: f64, unit: &str) -> String {
    let number = match number {
        large if (1e4..1e15).contains(&large) && libm::trunc(large) == large => {
            grouped(large as u64)
        }
        other => exact(other),
    };
    with_unit(number, unit)
}

/// A number before its unit, which is one of many only when the number is not 1.
fn with_unit(number: String, unit: &str) -> String {
    let (noun, per) =
        unit.split_once('/').map_or((unit, ""), |(noun, _)| unit.split_at(noun.len()));
    match noun.strip_suffix('s') {
        Some(one) if number == "1" && one.len() > 1 => format!("1 {one}{per}"),
        _ if unit.is_empty() => number,
        _ => format!("{number} {unit}"),
    }
}

/// "the p99 limit is between 5 and 9.5 ms", both ends included; without `far` it holds as far as the
/// number may go: "the p99 limit is at most 9.5 ms", or "at least".
pub(crate) fn band(question: &Question, near: f64, far: Option<f64>, above: bool) -> String {
    let unit = match &question.kind {
        QuestionKind::Number { unit, .. } => unit.as_str(),
        QuestionKind::One(_) | QuestionKind::Many { .. } => "",
    };
    // "The cores it may use are at most 4" names its unit already.
    let named = question.short.contains(unit) && unit.len() > 2;
    let (is, unit) = if named { ("are", "") } else { ("is", unit) };
    let range = match far {
        None if above => format!("at least {}", quantity(near, unit)),
        None => format!("at most {}", quantity(near, unit)),
        Some(far) if far == near => quantity(near, unit),
        Some(far) => {
            let (low, high) = (near.min(far), near.max(far));
            format!("between {} and {}", quantity(low, ""), quantity(high, unit))
        }
    };
    format!("{} {is} {range}", question.short)
}

/// The other ranges of a number: state, the nearest number in it, and the phrase.
pub(crate) fn bins(question: &Question, now: Option<u8>) -> Vec<(u8, f64, String)> {
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
        out.push((state, to, phrase.replace("{n}", &words)));
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

/// The criterion of which a measured path tells how much there is of everything.
const TWO_RUNTIMES: &str = "two_runtimes";

/// Said before an expectation.
const EXPECTED: &str = "it is expected, not measured, that";

/// The reason a criterion gives for or against `first` over `second`.
pub(crate) struct Reasoning<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) answers: &'a Answers,
    pub(crate) first: Choice,
    pub(crate) second: Choice,
    /// The run that stands for the workload.
    pub(crate) measured: Option<&'a WorkloadMeasurement>,
    /// The run that stands for its latency tail.
    pub(crate) tail: Option<&'a WorkloadMeasurement>,
    /// What the headroom means, in words.
    pub(crate) performance: &'a str,
    pub(crate) hybrid: Hybrid<'a>,
    pub(crate) needs: Needs,
}

impl<'a> Reasoning<'a> {
    /// The run behind a criterion, if it is a measured one.
    pub(crate) fn source(&self, criterion: &Criterion) -> Option<&'a WorkloadMeasurement> {
        match criterion.kind {
            CriterionKind::Tail => self.tail,
            _ => self.measured,
        }
    }

    pub(crate) fn text(&self, criterion: &Criterion, term: &Term, contribution: f64) -> String {
        if criterion.kind == CriterionKind::Headroom && self.measured.is_some() {
            return self.performance.to_owned();
        }
        if criterion.kind.is_measured() && !term.measured && !term.expected {
            let what = if self.measured.is_some() {
                "with that much data in memory"
            } else {
                "for a service like this"
            };
            return format!("Not measured yet {what}: it contributes nothing.");
        }
        let (known, unknown) = self.named(criterion);
        let claim = || self.claim(criterion, contribution, !unknown.is_empty());
        let claim = match criterion.kind {
            CriterionKind::Headroom => return self.performance.to_owned(),
            CriterionKind::Tail => {
                let figures = if term.measured { self.tail() } else { self.expected_tail() };
                let figures = figures.map(|text| text + &self.hybrid_tail());
                self.verdict(figures, term, contribution, claim)
            }
            CriterionKind::Economy => {
                let figures = if term.measured { self.economy() } else { self.expected_economy() };
                let figures = figures.map(|text| text + &self.hybrid_economy(term));
                self.verdict(figures, term, contribution, claim)
            }
            CriterionKind::Judged if criterion.id == TWO_RUNTIMES => claim() + &self.shipped(),
            CriterionKind::Judged => claim(),
            CriterionKind::Build => format!("{}{}", claim(), self.build()),
        };
        let (known, unknown) = (join(&known), join(&unknown));
        match (known.is_empty(), unknown.is_empty()) {
            (true, true) => format!("{}.", capitalised(&claim)),
            (false, true) => format!("{}: {claim}.", capitalised(&known)),
            (true, false) => format!("It is unknown {unknown}; {claim}."),
            (false, false) => {
                format!("{}, but it is unknown {unknown}; {claim}.", capitalised(&known))
            }
        }
    }

    /// Figures, and what follows from them.
    fn verdict(
        &self,
        figures: Option<String>,
        term: &Term,
        contribution: f64,
        claim: impl Fn() -> String,
    ) -> String {
        let Some(figures) = figures else {
            let how = if term.expected {
                "partly measured and partly expected"
            } else {
                "as far as it may be like a measured service"
            };
            return format!("{how}, {}", claim());
        };
        if term.stated == 0.0 {
            format!("{figures}, but that does not count here")
        } else if contribution == 0.0 {
            format!("{figures}, which does not separate {}", self.both())
        } else {
            format!("{figures}, so {}", claim())
        }
    }

    fn both(&self) -> String {
        format!("{} and {}", in_prose(self.first), in_prose(self.second))
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

    fn claim(&self, criterion: &Criterion, contribution: f64, unknown: bool) -> String {
        let claims = &criterion.claims;
        let (better, worse) = match contribution {
            c if c > 0.0 => (self.first, self.second),
            c if c < 0.0 => (self.second, self.first),
            _ => {
                let stated = claims.even.as_ref().filter(|_| !unknown || claims.unknown.is_none());
                return stated.map_or_else(
                    || format!("it does not separate {}", self.both()),
                    |text| text.get_ref().clone(),
                );
            }
        };
        // What holds for one answer must not be said while the answer is open.
        if let (true, Some(text)) = (unknown, &claims.unknown) {
            let text = text.get_ref();
            return text.replace("{better}", in_prose(better)).replace("{worse}", in_prose(worse));
        }
        let stated = match (better, worse) {
            (Choice::Rust, Choice::Go) => &claims.rust_over_go,
            (Choice::Go, Choice::Rust) => &claims.go_over_rust,
            (Choice::Rust, Choice::Hybrid) => &claims.rust_over_hybrid,
            (Choice::Hybrid, Choice::Rust) => &claims.hybrid_over_rust,
            (Choice::Go, Choice::Hybrid) => &claims.go_over_hybrid,
            (Choice::Hybrid, Choice::Go) => &claims.hybrid_over_go,
            _ => &None,
        };
        stated.as_ref().map_or_else(
            || format!("{} does better here than {}", in_prose(better), in_prose(worse)),
            |text| text.get_ref().clone(),
        )
    }

    fn tail(&self) -> Option<String> {
        let measured = self.tail?;
        // The workload's own run is named where its figures are; another one here.
        let source = match self.measured {
            Some(own) if own != measured => format!("{}, {}", measured.scenario, measured.run),
            _ => String::new(),
        };
        let notes = [source.as_str(), measured.tail_note.as_str()];
        let notes: Vec<&str> = notes.into_iter().filter(|note| !note.is_empty()).collect();
        let notes = match notes.join("; ").as_str() {
            "" => String::new(),
            notes => format!(" ({notes})"),
        };
        let noise = match measured.may_be_noise(Compared::P999) {
            true => ", a difference that may be noise",
            false => "",
        };
        Some(format!(
            "at half load the slowest 1 in 1000 requests took {} in Rust and {} in Go{notes}{noise}",
            counted(measured.rust.half_load_p999_ms.value, "ms"),
            counted(measured.go.half_load_p999_ms.value, "ms")
        ))
    }

    fn economy(&self) -> Option<String> {
        let run = self.measured?;
        let (rust, go) = (&run.rust, &run.go);
        let noise = |compared| match run.may_be_noise(compared) {
            true => ", which may be noise",
            false => "",
        };
        let (cpu, go_cpu) = (rust.cpu_ms_per_request.value, go.cpu_ms_per_request.value);
        let (memory, go_memory) = (rust.loaded_pss_mb.value, go.loaded_pss_mb.value);
        Some(format!(
            "Rust used {} times Go's processor time ({} against {} a request{}) and {} times its memory under load ({} against {}{})",
            short(cpu / go_cpu),
            short(cpu),
            counted(go_cpu, "ms"),
            noise(Compared::Cpu),
            short(memory / go_memory),
            short(memory),
            counted(go_memory, "MB"),
            noise(Compared::Memory)
        ))
    }

    /// What the hybrid is taken to need as two services, where it is compared.
    fn hybrid_tail(&self) -> String {
        self.two_services(self.tail.or(self.measured), |two| two.p999, "time", "")
    }

    fn hybrid_economy(&self, term: &Term) -> String {
        let more = self.hybrid.two.filter(|_| term.measured);
        let more = more.map(TwoServices::more_memory).unwrap_or_default();
        self.two_services(self.measured, |two| two.cpu, "processor time", &more)
    }

    /// What two of everything were on the path, where the hybrid is compared.
    fn shipped(&self) -> String {
        let compared = [self.first, self.second].contains(&Choice::Hybrid);
        let two = self.hybrid.two.filter(|_| compared);
        two.map_or_else(String::new, TwoServices::shipped_words)
    }

    fn two_services(
        &self,
        run: Option<&WorkloadMeasurement>,
        of: fn(&TwoServices) -> Estimate,
        what: &str,
        more: &str,
    ) -> String {
        if ![self.first, self.second].contains(&Choice::Hybrid) {
            return String::new();
        }
        let Some(two) = self.hybrid.two else {
            return format!("; the hybrid is taken to need Rust's {what}");
        };
        let share = run.map_or(1.0, |run| self.hybrid.share(run, &self.needs));
        // How much work a request is beside the path's is known of what is measured.
        let most = if run.is_none() && self.needs.work_is_known() { "at most " } else { "" };
        let times = self.hybrid.words(share, of, what);
        let source = two.source();
        format!("; the hybrid as two services is taken to need {most}{times}{more} {source}")
    }

    /// What the model expects of the tail where nothing was measured.
    fn expected_tail(&self) -> Option<String> {
        let tails = &self.ground.model.expected.as_ref()?.tail;
        let (times, by) =
            self.times(tails, "resident_state", "by how much data stays in memory")?;
        Some(format!(
            "{EXPECTED} the slowest 1 in 1000 requests take {times} as long in Rust as in Go{by}"
        ))
    }

    /// What the model expects of processor time and memory where nothing was measured.
    fn expected_economy(&self) -> Option<String> {
        let expected = self.ground.model.expected.as_ref()?;
        let (times, by) = self.times(&expected.cpu, "cpu_bound", "by how much of it computes")?;
        let memory = expected.memory.get_ref().times();
        Some(format!(
            "{EXPECTED} Rust uses {times} Go's processor time{by} and {memory} its memory"
        ))
    }

    /// The ratio expected for the answer to a question, or while that is open the least and the
    /// greatest, and `by` what they differ.
    fn times(
        &self,
        ratios: &BTreeMap<String, Spanned<Ratio>>,
        question: &str,
        by: &str,
    ) -> Option<(String, String)> {
        if let AnswerValue::One(answer) = self.answers.value(question) {
            return Some((ratios.get(answer)?.get_ref().times(), String::new()));
        }
        let values = || ratios.values().map(|ratio| ratio.get_ref().value);
        let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        Some((format!("{} to {} times", short(least), short(most)), format!(" ({by})")))
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
