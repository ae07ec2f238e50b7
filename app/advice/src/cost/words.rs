//! A cost in sentences, rounded to what is known.

use super::{Case, Cost, Limits, OptionCost, Payback, Range, to_digits};
use crate::{
    ByOption, Choice, TwoServices, WorkloadMeasurement,
    wording::{counted, grouped, join},
};

const MONTHS_A_YEAR: f64 = 12.0;
/// From here on a time is told in years.
const YEARS_FROM_MONTHS: f64 = 24.0;
/// Longer than anyone plans for.
const YEARS_MAX: f64 = 100.0;

const WHOLE_BILL: &str = "Processor time is not the whole bill: memory, licences, tooling and the \
                          people who run it are not in it.";
const RANGES: &str = "The ranges come from the measured ratio; the assumptions are taken as said.";

/// What to state where the cores stated carry the peak in neither language.
pub(super) const MORE_CORES: &str = "more cores (cores), or a lower peak (peak_rps)";

/// Where the cores of the baseline come from.
pub(super) fn basis(case: &Case<'_>) -> String {
    let Some(cores) = case.cores else { return String::new() };
    let language = case.baseline.name();
    if case.cores_stated {
        return format!("the {} stated, taken as what {language} uses", counted(cores, "cores"));
    }
    let (rps, ms) = (case.peak_rps.unwrap_or_default(), case.cpu_ms.unwrap_or_default());
    format!(
        "{} × {} at {}% utilisation: about {} in {language}",
        counted(rps, "requests/s"),
        counted(ms, "ms"),
        about(case.assumed("utilisation") * 100.0),
        plural(cores)
    )
}

pub(super) fn source(measured: &WorkloadMeasurement) -> String {
    format!("{} ({}, {})", measured.service, measured.scenario, measured.run)
}

/// Fills in the sentences and the figures.
pub(super) fn tell(
    cost: &mut Cost,
    case: &Case<'_>,
    options: Option<ByOption<OptionCost>>,
    advised: Option<Choice>,
    limits: &Limits,
) {
    let Some(mut options) = options else {
        (cost.summary, cost.short) = match limits.uncarried {
            Some(peak) if cost.ratio.is_some() => uncarried(peak, case),
            _ => unknown(cost, case),
        };
        return;
    };
    let out = &limits.out;
    let teller =
        Teller { case, currency: &cost.currency, base: options.get(case.baseline).clone() };
    let rest = || Choice::ALL.into_iter().filter(|option| *option != case.baseline);
    if rest().all(|option| out.contains(&option)) {
        let base = case.baseline;
        let cores = plural(teller.base.cores.likely);
        let money = teller.money(teller.base.per_month.likely);
        cost.summary = format!(
            "{base} takes about {cores} ({money} a month); the other options are ruled out."
        );
        cost.short = format!("{base} alone is left");
        cost.notes = notes(case);
        cost.options = Some(options);
        return;
    }
    for option in Choice::ALL {
        let text = match out.contains(&option) && option != case.baseline {
            true => format!("{option} is ruled out."),
            false => teller.sentence(option, options.get(option), &cost.missing),
        };
        options.get_mut(option).text = text;
    }
    let other = if case.baseline == Choice::Rust { Choice::Go } else { Choice::Rust };
    let stands = |option: &Choice| *option != case.baseline && !out.contains(option);
    let subject = advised.into_iter().chain([other]).chain(rest()).find(stands).unwrap_or(other);
    let told = options.get(subject);
    cost.summary.clone_from(&told.text);
    cost.short = short(subject, told);
    cost.notes = notes(case);
    cost.options = Some(options);
}

/// What is said where the cores stated carry the peak in neither language.
fn uncarried(peak: f64, case: &Case<'_>) -> (String, String) {
    let (peak, cores) = (counted(peak, "requests/s"), plural(case.cores.unwrap_or_default()));
    (
        format!(
            "Neither twin carries {peak} on {cores}, so there is nothing to save on them: state \
             {MORE_CORES}."
        ),
        "Neither carries the peak".to_owned(),
    )
}

/// What is said without figures.
fn unknown(cost: &Cost, case: &Case<'_>) -> (String, String) {
    let state = "State more to see it".to_owned();
    if cost.ratio.is_none() {
        return match case.workload {
            None => (
                "State which reference service it resembles: the ratio of processor time comes \
                 from there."
                    .to_owned(),
                state,
            ),
            Some(_) => (
                "No ratio of processor time is measured for a service like this, so nothing can \
                 be said about its cost."
                    .to_owned(),
                "Not measured".to_owned(),
            ),
        };
    }
    let first = cost.missing.first().map(String::as_str).unwrap_or_default();
    (format!("State {first} to see what the options would cost."), state)
}

/// What a hybrid's edge takes beside the shares of the work, as it was measured.
pub(super) fn edge(two: &TwoServices, peak_rps: Option<f64>) -> String {
    let more_ms = two.path_cpu_ms.hybrid - two.path_cpu_ms.rust;
    let cores = peak_rps.map(|peak| plural(peak * more_ms / 1e3));
    let at_peak = cores.map(|cores| format!("; at your peak that is {cores}"));
    format!(
        "The call between a hybrid’s two services is not in its cores, so that what it saves is the \
         most it can be: over a whole path a Go edge took {} more of processor time a request than all in Rust {}{}.",
        counted(more_ms, "ms"),
        two.source(),
        at_peak.unwrap_or_default()
    )
}

fn notes(case: &Case<'_>) -> Vec<String> {
    let mut notes = vec![WHOLE_BILL.to_owned(), RANGES.to_owned()];
    if let Some(existing) = case.existing
        && case.assumed("rewrite_weeks") == 0.0
    {
        notes.push(format!(
            "Rewriting the {existing} code that exists is not in it until you say how many weeks \
             it takes."
        ));
    }
    if case.existing_other {
        notes.push(format!(
            "The cores are read as what {} would use: no ratio to the language of the code that \
             exists is measured, and rewriting it costs the same in any option.",
            case.baseline
        ));
    }
    notes
}

/// What the sentences of all options share.
struct Teller<'a> {
    case: &'a Case<'a>,
    currency: &'a str,
    base: OptionCost,
}

impl Teller<'_> {
    fn sentence(&self, option: Choice, own: &OptionCost, missing: &[String]) -> String {
        if option == self.case.baseline {
            let keep = if self.case.existing == Some(option) { "Keeping " } else { "" };
            let needs = if keep.is_empty() { "needs" } else { "takes" };
            return format!(
                "{keep}{option} {needs} about {} ({} a month); the others are held against it.",
                plural(own.cores.likely),
                self.money(own.per_month.likely)
            );
        }
        let cores = self.cores(option, own);
        let Some(extra) = own.extra_ramp else {
            return format!("{cores}; state {} to hold that against the ramp.", join(missing));
        };
        let ramp = self.ramp(extra);
        format!("{cores} and {ramp}: {}.", self.conclusion(own))
    }

    /// "Rust would save about 22 of 40 cores (≈ 670 EUR a month)".
    fn cores(&self, option: Choice, own: &OptionCost) -> String {
        let base = self.base.cores.likely;
        let named = match option {
            Choice::Hybrid => "A hybrid",
            Choice::Rust | Choice::Go => option.name(),
        };
        if own.cores.low <= base && base <= own.cores.high {
            let cores = span(own.cores.low, own.cores.high);
            return format!(
                "{named} would need about as many cores as {} ({cores} against {})",
                self.case.baseline,
                about(base)
            );
        }
        let money = self.money(own.saving_per_month.likely.abs());
        if own.cores.likely < base {
            let saved = about(base - own.cores.likely);
            format!("{named} would save about {saved} of {} (≈ {money} a month)", plural(base))
        } else {
            let more = about(own.cores.likely - base);
            let than = plural(base);
            format!("{named} would need about {more} more than {than} (≈ {money} a month)")
        }
    }

    /// "the ramp costs about 72,000 EUR".
    fn ramp(&self, extra: f64) -> String {
        let baseline = self.case.baseline;
        let money = self.money(extra.abs());
        if extra == 0.0 {
            return format!("it needs no more ramp than {baseline}");
        }
        if extra < 0.0 {
            return format!("its ramp costs about {money} less than {baseline}’s");
        }
        match self.base.ramp {
            Some(0.0) => format!("the ramp costs about {money}"),
            _ => format!("its ramp costs about {money} more than {baseline}’s"),
        }
    }

    /// What follows, against the longest payback that counts.
    fn conclusion(&self, own: &OptionCost) -> String {
        let horizon = self.case.assumed("horizon");
        let speaks = "so cost speaks for it";
        let no_reason = match self.case.existing {
            Some(_) => "so cost is no reason to switch",
            None => "so cost is no reason to choose it",
        };
        let within = |low: f64, high: Option<f64>, early: &'static str, late: &'static str| {
            if high.is_some_and(|high| high <= horizon) {
                early
            } else if low > horizon {
                late
            } else {
                "so cost hardly decides"
            }
        };
        let said = phrase(own.payback);
        match own.payback {
            Payback::Baseline | Payback::Unknown => said,
            Payback::NothingExtra if own.saving_per_month.low > 0.0 => format!("{said}, {speaks}"),
            Payback::NothingExtra => said,
            Payback::Never => format!("{said}, so cost speaks against it"),
            Payback::Months { low, high, .. } => {
                format!("{said}, {}", within(low, high, speaks, no_reason))
            }
            Payback::CheaperFor { low, high, .. } => {
                format!("{said}, {}", within(low, high, "so cost speaks against it", speaks))
            }
        }
    }

    fn money(&self, amount: f64) -> String {
        format!("{} {}", about(amount), self.currency)
    }
}

/// The outcome as the end of a sentence.
fn phrase(payback: Payback) -> String {
    match payback {
        Payback::Baseline => "it is the baseline".to_owned(),
        Payback::Unknown => "it is not known when it pays back".to_owned(),
        Payback::NothingExtra => "it costs nothing extra".to_owned(),
        Payback::Never => "it never pays back".to_owned(),
        Payback::Months { low, likely: None, .. } => {
            format!("it may never pay back, and not before {}", duration(low))
        }
        Payback::Months { likely: Some(likely), high, .. } => {
            let ever = if high.is_none() { ", if ever" } else { "" };
            format!("pays back in {}{ever}", roughly(likely))
        }
        Payback::CheaperFor { low, likely: None, .. } => {
            format!("cheaper for at least {}", duration(low))
        }
        Payback::CheaperFor { likely: Some(likely), .. } => {
            format!("cheaper for {}, then dearer", roughly(likely))
        }
    }
}

fn short(option: Choice, own: &OptionCost) -> String {
    let said = phrase(own.payback);
    let said = said.strip_prefix("it ").unwrap_or(&said);
    match own.payback {
        Payback::Unknown => "State more to see when it pays back".to_owned(),
        Payback::CheaperFor { .. } => format!("{option} is {said}"),
        _ => format!("{option} {said}"),
    }
}

impl Payback {
    /// A few words for a table, with the range: "8 to 10 years", "never".
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Baseline => "–".to_owned(),
            Self::Unknown => "not known".to_owned(),
            Self::NothingExtra => "at once".to_owned(),
            Self::Never => "never".to_owned(),
            Self::Months { low, high: None, .. } => format!("{} or more", duration(low)),
            Self::Months { low, high: Some(high), .. } => durations(low, high),
            Self::CheaperFor { low, high: None, .. } => {
                format!("cheaper for {} or more", duration(low))
            }
            Self::CheaperFor { low, high: Some(high), .. } => {
                format!("cheaper for {}", durations(low, high))
            }
        }
    }
}

impl Range {
    /// Both ends to two significant digits, rounded outwards: "16–20", or "40" when they agree.
    #[must_use]
    pub fn words(self) -> String {
        span(self.low, self.high)
    }
}

impl OptionCost {
    /// The ramp to two significant digits; a question mark while it is not known.
    #[must_use]
    pub fn ramp_words(&self) -> String {
        self.ramp.map_or_else(|| "?".to_owned(), about)
    }
}

/// Two significant digits, with commas between thousands.
fn about(value: f64) -> String {
    let value = to_digits(value, 2);
    let sign = if value < 0.0 { "−" } else { "" };
    match value.abs() {
        size if (1e3..1e15).contains(&size) => format!("{sign}{}", grouped(size as u64)),
        size => format!("{sign}{size}"),
    }
}

fn span(low: f64, high: f64) -> String {
    if low == high {
        return about(low);
    }
    let (low, high) = (about(outward(low, libm::floor)), about(outward(high, libm::ceil)));
    if low == high { low } else { format!("{low}–{high}") }
}

/// Two significant digits, rounded by `round`.
fn outward(value: f64, round: fn(f64) -> f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = libm::pow(10.0, libm::floor(libm::log10(value.abs())) - 1.0);
    // What a division leaves behind the fourth digit is no part of the value.
    to_digits(round(to_digits(value / unit, 4)) * unit, 2)
}

fn plural(cores: f64) -> String {
    let cores = about(cores);
    if cores == "1" { "1 core".to_owned() } else { format!("{cores} cores") }
}

/// "about 9 years", "under a month".
fn roughly(months: f64) -> String {
    let said = duration(months);
    if said.starts_with(|letter: char| letter.is_ascii_digit()) {
        format!("about {said}")
    } else {
        said
    }
}

/// A time in words: months below two years, then years.
fn duration(months: f64) -> String {
    if months < 1.0 {
        return "under a month".to_owned();
    }
    if months < YEARS_FROM_MONTHS {
        let months = libm::round(months);
        return if months == 1.0 { "1 month".to_owned() } else { format!("{months} months") };
    }
    let years = months / MONTHS_A_YEAR;
    if years > YEARS_MAX {
        return "over 100 years".to_owned();
    }
    if years < 3.0 {
        return format!("{} years", to_digits(years, 2));
    }
    format!("{} years", libm::round(years))
}

/// A range of times, outwards, in one unit.
fn durations(low: f64, high: f64) -> String {
    if high < 1.0 {
        return "under a month".to_owned();
    }
    let (unit, one, low, high) = match high < YEARS_FROM_MONTHS {
        true => ("months", "1 month", low, high),
        false => ("years", "1 year", low / MONTHS_A_YEAR, high / MONTHS_A_YEAR),
    };
    if high > YEARS_MAX && unit == "years" {
        return match low > YEARS_MAX {
            true => "over 100 years".to_owned(),
            false => format!("{} years or more", libm::floor(low)),
        };
    }
    if to_digits(low, 3) == to_digits(high, 3) {
        return duration(if unit == "years" { high * MONTHS_A_YEAR } else { high });
    }
    match (libm::floor(low), libm::ceil(high)) {
        (0.0, 1.0) => format!("under {one}"),
        (0.0, high) => format!("up to {high} {unit}"),
        (low, high) => format!("{low} to {high} {unit}"),
    }
}
