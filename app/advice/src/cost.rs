//! What an option costs: cores from the measured ratio of processor time, their price, and how long
//! a saving takes to pay back the ramp (DESIGN §3.4).
//!
//! `cores(a) = the cores stated × measured CPU of a ÷ that of what exists`. The processor time of
//! the reference service itself is never used: only the ratio carries over to another service. The
//! ranges come from the ratio's interval alone; assumptions are taken as they are said.

mod assumptions;
mod words;

use serde::{Deserialize, Serialize};

pub use assumptions::{Assumption, Assumptions, CURRENCY, assumptions};

use crate::{
    AnswerValue, Answers, ByOption, Choice, Compared, Engine, Estimate, WorkloadMeasurement,
};

/// A figure with the range that the measured ratio leaves: `low <= likely <= high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// From the ratio's estimate.
    pub likely: f64,
    /// The upper end.
    pub high: f64,
}

/// What the options cost, or what is missing to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// One sentence about the option that the reader is likely to ask for.
    pub summary: String,
    /// The same in a few words.
    pub short: String,
    /// What the others are held against: the language of the code that exists; without one Go, or
    /// Rust where Go is ruled out.
    pub baseline: Choice,
    /// What amounts of money are counted in.
    pub currency: String,
    /// Where the cores of the baseline come from, in words; empty when they are not known.
    #[serde(default)]
    pub basis: String,
    /// Measured processor time, Rust ÷ Go, without a unit; absent when it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Range>,
    /// Where the ratio was measured: service, scenario and run; empty when it was not.
    #[serde(default)]
    pub source: String,
    /// What must be stated before more can be said, as clauses; empty when nothing is missing.
    #[serde(default)]
    pub missing: Vec<String>,
    /// What the figures leave out or take for granted, as sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The figures; absent while the ratio or the cores are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<ByOption<OptionCost>>,
}

/// What one option costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptionCost {
    /// Processor cores.
    pub cores: Range,
    /// Their price, money a month.
    pub per_month: Range,
    /// How much less that is than the baseline's, money a month; negative when it is more.
    pub saving_per_month: Range,
    /// Getting the team to work in it, and rewriting, in money; absent while not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<f64>,
    /// How much more that is than the baseline's, in money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_ramp: Option<f64>,
    /// When the saving has paid for the ramp.
    pub payback: Payback,
    /// All of it in a sentence.
    pub text: String,
}

/// When a saving has paid for a ramp. Months are counted from the day the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payback {
    /// It is the baseline itself.
    Baseline,
    /// Something is missing to say.
    Unknown,
    /// It costs nothing extra: no further ramp, and no more a month.
    NothingExtra,
    /// It never pays back: a ramp, and no saving.
    Never,
    /// It pays back; without `likely` or `high` only if the saving is at the range's better end.
    Months {
        /// At the greatest saving.
        low: f64,
        /// At the likely saving.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        likely: Option<f64>,
        /// At the least saving.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<f64>,
    },
    /// It asks for less ramp but more a month: cheaper only so long. Without `likely` or `high` it
    /// may stay cheaper.
    CheaperFor {
        /// Months, at the greatest excess.
        low: f64,
        /// Months, at the likely excess.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        likely: Option<f64>,
        /// Months, at the least excess.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<f64>,
    },
}

impl Engine {
    /// What the options cost for these answers and assumptions. `advised` is the option that the
    /// summary speaks of, unless it is the baseline; never of one that is ruled out.
    #[must_use]
    pub fn cost(
        &self,
        answers: &Answers,
        assumptions: &Assumptions,
        advised: Option<Choice>,
    ) -> Cost {
        let limits =
            Limits { out: self.ruled_out(answers), uncarried: self.uncarried_peak(answers) };
        let mut cost = cost_within(self.measured(answers), answers, assumptions, advised, &limits);
        let two = self.two_services(answers).filter(|_| !limits.out.contains(&Choice::Hybrid));
        if let (Some(two), true) = (two, cost.options.is_some()) {
            let peak_rps = Case::new(answers, assumptions, &limits.out).peak_rps;
            cost.notes.push(words::edge(two, peak_rps));
        }
        cost
    }
}

/// What the options cost, from the measurement that stands for the service; none is ruled out.
#[must_use]
pub fn cost(
    measured: Option<&WorkloadMeasurement>,
    answers: &Answers,
    assumptions: &Assumptions,
    advised: Option<Choice>,
) -> Cost {
    cost_within(measured, answers, assumptions, advised, &Limits::default())
}

/// What keeps options from being compared by cost.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// The options that are ruled out.
    out: Vec<Choice>,
    /// A peak, in requests/s, that neither twin carries on the cores stated.
    uncarried: Option<f64>,
}

fn cost_within(
    measured: Option<&WorkloadMeasurement>,
    answers: &Answers,
    assumptions: &Assumptions,
    advised: Option<Choice>,
    limits: &Limits,
) -> Cost {
    let case = Case::new(answers, assumptions, &limits.out);
    let ratio = measured.and_then(WorkloadMeasurement::cpu_ratio);
    // On cores that carry it in neither language there is nothing to save.
    let cores = case.cores.filter(|_| limits.uncarried.is_none());
    let options = ratio.zip(cores).map(|(ratio, cores)| case.options(cores, ratio));
    let mut cost = Cost {
        summary: String::new(),
        short: String::new(),
        baseline: case.baseline,
        currency: assumptions.currency().to_owned(),
        basis: words::basis(&case),
        ratio: ratio.map(|ratio| rounded(Range::of(ratio))),
        source: measured.filter(|_| ratio.is_some()).map(words::source).unwrap_or_default(),
        missing: Vec::new(),
        notes: Vec::new(),
        options: None,
    };
    cost.missing = match limits.uncarried {
        Some(_) if ratio.is_some() => vec![words::MORE_CORES.to_owned()],
        _ => case.missing(ratio.is_some(), options.as_ref(), &limits.out),
    };
    words::tell(&mut cost, &case, options, advised, limits);
    cost
}

impl WorkloadMeasurement {
    /// Processor time, Rust ÷ Go: of paired blocks, else the quotient of the figures at its widest.
    /// None when the figures make no ratio.
    fn cpu_ratio(&self) -> Option<Estimate> {
        let (rust, go) = (self.rust.cpu_ms_per_request, self.go.cpu_ms_per_request);
        let ratio = self.cpu_ratio.unwrap_or(Estimate {
            value: rust.value / go.value,
            low: rust.low / go.high,
            high: rust.high / go.low,
        });
        // A difference that may be noise does not say that either costs less.
        let ratio = match self.may_be_noise(Compared::Cpu) {
            true => Estimate { low: ratio.low.min(1.0), high: ratio.high.max(1.0), ..ratio },
            false => ratio,
        };
        let sound = ratio.low > 0.0 && ratio.low <= ratio.value && ratio.value <= ratio.high;
        (sound && ratio.high.is_finite()).then_some(ratio)
    }
}

/// The answers and assumptions, as the arithmetic needs them.
pub(crate) struct Case<'a> {
    assumptions: &'a Assumptions,
    baseline: Choice,
    /// The language of the code that exists, when it is one of the two.
    existing: Option<Choice>,
    existing_other: bool,
    workload: Option<&'a str>,
    /// The cores of the baseline.
    cores: Option<f64>,
    cores_stated: bool,
    peak_rps: Option<f64>,
    cpu_ms: Option<f64>,
    engineers: Option<f64>,
    /// Ramp weeks per engineer.
    rust_weeks: Option<f64>,
    go_weeks: Option<f64>,
}

impl<'a> Case<'a> {
    /// Without code that exists the others are held against Go, or Rust where Go is among those out.
    fn new(answers: &'a Answers, assumptions: &'a Assumptions, out: &[Choice]) -> Self {
        let number = |id| match answers.value(id) {
            AnswerValue::Number { value, .. } => Some(value),
            _ => None,
        };
        let code = word(answers, "existing_code");
        let existing = code.and_then(Choice::from_id);
        let (peak_rps, cpu_ms) = (number("peak_rps"), number("cpu_ms"));
        let busy = peak_rps.zip(cpu_ms).map(|(rps, ms)| rps * ms / 1000.0);
        let needed = busy.zip(assumptions.get("utilisation")).map(|(busy, share)| busy / share);
        let weeks = |language: Choice| {
            if existing == Some(language) {
                return Some(0.0);
            }
            let fluency = word(answers, &format!("{}_fluency", language.id()))?;
            assumptions.get(&format!("ramp_{}_{fluency}", language.id()))
        };
        Self {
            assumptions,
            baseline: existing
                .or_else(|| [Choice::Go, Choice::Rust].into_iter().find(|it| !out.contains(it)))
                .unwrap_or(Choice::Go),
            existing,
            existing_other: code == Some("other"),
            workload: word(answers, "workload"),
            cores: number("cores").or(needed),
            cores_stated: number("cores").is_some(),
            peak_rps,
            cpu_ms,
            engineers: assumptions.get("engineers").or(number("owners")),
            rust_weeks: weeks(Choice::Rust),
            go_weeks: weeks(Choice::Go),
        }
    }

    fn assumed(&self, id: &str) -> f64 {
        self.assumptions.get(id).unwrap_or_default()
    }

    fn options(&self, cores: f64, ratio: Estimate) -> ByOption<OptionCost> {
        let base = Range::exact(cores);
        let price = self.assumed("core_month");
        let base_ramp = self.ramp(self.baseline);
        ByOption::from_fn(|option| {
            let cores = base.times(self.factor(option, ratio));
            let per_month = cores.times(Range::exact(price));
            let saving = Range {
                low: base.high * price - per_month.high,
                likely: base.likely * price - per_month.likely,
                high: base.low * price - per_month.low,
            };
            let ramp = self.ramp(option);
            let extra_ramp = ramp.zip(base_ramp).map(|(own, base)| own - base);
            let payback = match extra_ramp {
                _ if option == self.baseline => Payback::Baseline,
                None => Payback::Unknown,
                Some(extra) => payback(extra, saving),
            };
            OptionCost {
                cores: rounded(cores),
                per_month: rounded(per_month),
                saving_per_month: rounded(saving),
                ramp: ramp.map(digits),
                extra_ramp: extra_ramp.map(digits),
                payback: payback.rounded(),
                text: String::new(),
            }
        })
    }

    /// Processor time of an option ÷ that of the baseline.
    fn factor(&self, option: Choice, ratio: Estimate) -> Range {
        let over_go = match option {
            Choice::Go => return self.go_factor(ratio),
            Choice::Rust => Range::of(ratio),
            Choice::Hybrid => {
                let core = self.assumed("hybrid_work");
                let rust = self.factor(Choice::Rust, ratio);
                let go = self.go_factor(ratio);
                let mix = |rust: f64, go: f64| core * rust + (1.0 - core) * go;
                return Range {
                    low: mix(rust.low, go.low),
                    likely: mix(rust.likely, go.likely),
                    high: mix(rust.high, go.high),
                };
            }
        };
        if self.baseline == Choice::Rust { Range::exact(1.0) } else { over_go }
    }

    fn go_factor(&self, ratio: Estimate) -> Range {
        if self.baseline == Choice::Rust {
            Range { low: 1.0 / ratio.high, likely: 1.0 / ratio.value, high: 1.0 / ratio.low }
        } else {
            Range::exact(1.0)
        }
    }

    /// Money until the team works in an option: learning it, and rewriting what exists.
    fn ramp(&self, option: Choice) -> Option<f64> {
        if self.existing == Some(option) {
            return Some(0.0);
        }
        let rewrite = if self.existing.is_some() { self.assumed("rewrite_weeks") } else { 0.0 };
        let core = self.assumed("hybrid_people");
        // Of a hybrid, the part in the language that exists is kept.
        let own = |language: Choice| if self.existing == Some(language) { 0.0 } else { rewrite };
        let weeks = match option {
            Choice::Rust => self.rust_weeks? + rewrite,
            Choice::Go => self.go_weeks? + rewrite,
            Choice::Hybrid => {
                core * (self.rust_weeks? + own(Choice::Rust))
                    + (1.0 - core) * (self.go_weeks? + own(Choice::Go))
            }
        };
        Some(weeks * self.engineers? * self.assumed("engineer_week"))
    }

    /// What must be stated before more can be said.
    fn missing(
        &self,
        measured: bool,
        options: Option<&ByOption<OptionCost>>,
        out: &[Choice],
    ) -> Vec<String> {
        let mut missing = Vec::new();
        if !measured {
            // Without a measurement no answer would help, but for the one that names it.
            if self.workload.is_none() {
                missing.push("which reference service it resembles (workload)".to_owned());
            }
            return missing;
        }
        if self.cores.is_none() {
            let what = match (self.peak_rps, self.cpu_ms) {
                (Some(_), None) => {
                    "the processor time of one request (cpu_ms), or the cores it may use (cores)"
                }
                (None, Some(_)) => {
                    "the peak request rate (peak_rps), or the cores it may use (cores)"
                }
                _ => {
                    "the cores it may use (cores), or peak request rate and processor time of one request (peak_rps and cpu_ms)"
                }
            };
            missing.push(what.to_owned());
        }
        let unknown = options.is_none_or(|options| {
            let left = Choice::ALL.iter().filter(|option| !out.contains(option));
            left.into_iter().any(|option| options.get(*option).ramp.is_none())
        });
        if unknown {
            if self.engineers.is_none() {
                missing.push("how many engineers will own it (owners)".to_owned());
            }
            for (language, weeks) in [("Rust", self.rust_weeks), ("Go", self.go_weeks)] {
                if weeks.is_none() {
                    let id = language.to_lowercase();
                    missing.push(format!("how many could review {language} ({id}_fluency)"));
                }
            }
        }
        missing
    }
}

fn word<'a>(answers: &'a Answers, id: &str) -> Option<&'a str> {
    match answers.value(id) {
        AnswerValue::One(value) => Some(value),
        _ => None,
    }
}

/// When a saving a month has paid for a further ramp.
fn payback(extra_ramp: f64, saving: Range) -> Payback {
    let months = |saving: f64| (saving > 0.0).then(|| extra_ramp / saving);
    if extra_ramp > 0.0 {
        return match months(saving.high) {
            None => Payback::Never,
            Some(low) => {
                Payback::Months { low, likely: months(saving.likely), high: months(saving.low) }
            }
        };
    }
    // Less ramp, or none: what may be lost is lost by the month.
    let lasts = |saving: f64| (saving < 0.0).then(|| extra_ramp / saving);
    match lasts(saving.low) {
        None => Payback::NothingExtra,
        Some(_) if extra_ramp == 0.0 && saving.likely < 0.0 => Payback::Never,
        Some(_) if extra_ramp == 0.0 => Payback::NothingExtra,
        Some(low) => {
            Payback::CheaperFor { low, likely: lasts(saving.likely), high: lasts(saving.high) }
        }
    }
}

impl Payback {
    fn rounded(self) -> Self {
        match self {
            Self::Months { low, likely, high } => Self::Months {
                low: digits(low),
                likely: likely.map(digits),
                high: high.map(digits),
            },
            Self::CheaperFor { low, likely, high } => Self::CheaperFor {
                low: digits(low),
                likely: likely.map(digits),
                high: high.map(digits),
            },
            other => other,
        }
    }
}

impl Range {
    const fn of(estimate: Estimate) -> Self {
        Self { low: estimate.low, likely: estimate.value, high: estimate.high }
    }

    const fn exact(value: f64) -> Self {
        Self { low: value, likely: value, high: value }
    }

    /// The product of two ranges of numbers that are not negative.
    fn times(self, other: Self) -> Self {
        Self {
            low: self.low * other.low,
            likely: self.likely * other.likely,
            high: self.high * other.high,
        }
    }
}

fn rounded(range: Range) -> Range {
    Range { low: digits(range.low), likely: digits(range.likely), high: digits(range.high) }
}

/// Four significant digits: no figure here is known better.
fn digits(value: f64) -> f64 {
    to_digits(value, 4)
}

/// A number rounded to so many significant digits.
fn to_digits(value: f64, count: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value + 0.0;
    }
    let place = count - 1 - libm::floor(libm::log10(libm::fabs(value))) as i32;
    // Dividing by a power of ten reads better than multiplying by its inverse: 17.6, not 17.600…1.
    let scale = libm::pow(10.0, f64::from(place.abs()));
    let rounded = if place >= 0 {
        libm::round(value * scale) / scale
    } else {
        libm::round(value / scale) * scale
    };
    if rounded.is_finite() { rounded + 0.0 } else { value }
}
