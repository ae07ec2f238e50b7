//! Which precedents to list: the query of `/precedents` and of `/api/v1/precedents`.

use assay_advice::{AnswerValue, Choice, Holds, Model, Precedent, Usage};
use serde::Serialize;
use url::form_urlencoded;

use crate::{
    error::{Error, FieldError},
    listing::{read, said},
};

/// The filters as they are written; an empty one is none.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Words that must all occur in the organisation or the component
    pub q: String,
    /// rust, go or hybrid
    pub option: String,
    /// core, pre-rust-era, thin-reasons or not-a-service
    #[param(rename = "use")]
    pub usage: String,
    /// The year of the decision, or a range: 2019, 2015-2019, -2014, 2020-
    pub year: String,
    /// An answer to the question `workload`, or unknown
    pub workload: String,
    /// How the best source was read: full, part or second-hand
    pub sources: String,
    /// Whether the stated reason holds today: yes, partly, no or unknown
    pub today: String,
}

/// The filters and their values, for who asks for another.
const FILTERS: &str = "option (what was chosen: rust, go or hybrid), q (words), use (core, \
    pre-rust-era, thin-reasons or not-a-service), year (2019 or 2015-2019), workload (an answer to \
    that question, or unknown), sources (full, part or second-hand) and today (yes, partly, no or \
    unknown)";

/// The one value of a key in a query; absent when it is not there or empty.
///
/// # Errors
/// When it has two.
pub(crate) fn only(query: &str, key: &'static str) -> Result<Option<String>, Error> {
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter(|(known, _)| known == key)
        .map(|(_, value)| value.trim().to_owned())
        .filter(|value| !value.is_empty());
    let first = values.next();
    match values.find(|other| Some(other) != first.as_ref()) {
        None => Ok(first),
        Some(_) => Err(Error::Invalid {
            message: "the address says two things at once".into(),
            errors: vec![given_twice(key)],
        }),
    }
}

fn given_twice(key: &str) -> FieldError {
    FieldError {
        field: key.to_owned(),
        message: "is given more than once".to_owned(),
        allowed: "one value".to_owned(),
        line: None,
        column: None,
    }
}

impl Wanted {
    /// Reads a query string, and a fault for each key that is no filter: without a word, a filter
    /// misspelt would look as if everything fitted it. And one for each filter given two values, of
    /// which the first counts.
    pub(crate) fn read(query: &str) -> (Self, Vec<FieldError>, Vec<FieldError>) {
        let mut wanted = Self::default();
        let mut faults: Vec<FieldError> = Vec::new();
        let mut twice: Vec<FieldError> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            match wanted.slots().into_iter().find(|(known, _)| *known == key) {
                Some((_, slot)) if slot.is_empty() => value.clone_into(slot),
                Some((_, slot)) if slot == value || value.is_empty() => {}
                Some((known, _)) => twice.push(given_twice(known)),
                None if faults.iter().any(|fault| fault.field == key) => {}
                None => faults.push(FieldError {
                    allowed: FILTERS.to_owned(),
                    message: "is no filter here".to_owned(),
                    field: key.into_owned(),
                    line: None,
                    column: None,
                }),
            }
        }
        (wanted, faults, twice)
    }

    /// Every key with its value.
    fn slots(&mut self) -> [(&'static str, &mut String); 7] {
        [
            ("q", &mut self.q),
            ("option", &mut self.option),
            ("use", &mut self.usage),
            ("year", &mut self.year),
            ("workload", &mut self.workload),
            ("sources", &mut self.sources),
            ("today", &mut self.today),
        ]
    }

    /// The filter meant.
    ///
    /// # Errors
    /// Each key and value that is not allowed.
    pub(crate) fn filter(query: &str, model: &Model) -> Result<Filter, Error> {
        let (wanted, mut errors, twice) = Self::read(query);
        errors.extend(twice);
        let (filter, faults) = wanted.lenient(model);
        errors.extend(faults);
        match errors.is_empty() {
            true => Ok(filter),
            false => Err(Error::Invalid { message: "a filter is not allowed".into(), errors }),
        }
    }

    /// The filter meant, without the values that are not allowed; and a fault for each of them.
    pub(crate) fn lenient(&self, model: &Model) -> (Filter, Vec<FieldError>) {
        let mut faults = Vec::new();
        let mut values = Vec::new();
        for (facet, text) in [
            (Facet::Option, &self.option),
            (Facet::Usage, &self.usage),
            (Facet::Workload, &self.workload),
            (Facet::Sources, &self.sources),
            (Facet::Today, &self.today),
        ] {
            let allowed = facet.values(model);
            let known = |text: &str| allowed.iter().any(|(value, _)| value == text);
            let ids = || allowed.iter().map(|(value, _)| value.as_str()).collect::<Vec<_>>();
            let parse = |text: &str| known(text).then(|| text.to_owned());
            let value = read(facet.key(), text, &mut faults, parse, || ids().join(", "));
            values.extend(value.map(|value| (facet, value)));
        }
        let years = read("year", &self.year, &mut faults, Years::parse, || {
            "a year or a range of years, for example 2019, 2015-2019, -2014 or 2020-".to_owned()
        });
        (Filter { q: said(&self.q), years, values }, faults)
    }
}

/// Something precedents are told apart by, beside the year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facet {
    Option,
    Usage,
    Workload,
    Sources,
    Today,
}

impl Facet {
    /// The key in the query.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::Usage => "use",
            Self::Workload => "workload",
            Self::Sources => "sources",
            Self::Today => "today",
        }
    }

    /// The values there can be, with their words.
    pub(crate) fn values(self, model: &Model) -> Vec<(String, String)> {
        let own = |(id, words): (&str, &str)| (id.to_owned(), words.to_owned());
        match self {
            Self::Option => Choice::ALL.map(|choice| own((choice.id(), choice.name()))).into(),
            Self::Usage => Usage::ALL.map(|usage| own((usage.id(), use_words(usage)))).into(),
            Self::Sources => Reading::ALL.map(|it| own((it.id(), it.words()))).into(),
            Self::Today => HOLDS.map(|holds| own((holds.id(), holds_words(holds)))).into(),
            Self::Workload => {
                let asked = model.question("workload").map(assay_advice::Question::answers);
                let known = asked.unwrap_or_default().iter();
                let known = known.map(|answer| own((&answer.value, &answer.label)));
                known.chain([own(("unknown", "Not known"))]).collect()
            }
        }
    }

    /// What a precedent has.
    pub(crate) fn of(self, precedent: &Precedent) -> &str {
        match self {
            Self::Option => precedent.option.id(),
            Self::Usage => precedent.usage.id(),
            Self::Sources => Reading::best(precedent).id(),
            Self::Today => holds(precedent).id(),
            Self::Workload => match precedent.answers.value("workload") {
                AnswerValue::One(workload) => workload,
                _ => "unknown",
            },
        }
    }
}

/// Years, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Years {
    from: i64,
    to: i64,
}

impl Years {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let year = |text: &str| {
            let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let years = match text.split_once('-') {
            None => year(text).map(|year| Self { from: year, to: year }),
            Some(("", to)) => year(to).map(|to| Self { from: i64::MIN, to }),
            Some((from, "")) => year(from).map(|from| Self { from, to: i64::MAX }),
            Some((from, to)) => year(from).zip(year(to)).map(|(from, to)| Self { from, to }),
        };
        years.filter(|years| years.from <= years.to)
    }

    pub(crate) const fn hold(self, year: i64) -> bool {
        self.from <= year && year <= self.to
    }
}

/// A filter on precedents.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    /// Words that must all occur.
    pub(crate) q: Option<String>,
    /// When it was decided.
    pub(crate) years: Option<Years>,
    /// The value wanted of a facet.
    pub(crate) values: Vec<(Facet, String)>,
}

impl Filter {
    /// Whether a precedent fits.
    pub(crate) fn fits(&self, precedent: &Precedent) -> bool {
        let text = || format!("{} {}", precedent.organisation, precedent.component).to_lowercase();
        let words = |q: &String| {
            let (q, text) = (q.to_lowercase(), text());
            q.split_whitespace().all(|word| text.contains(word))
        };
        self.q.as_ref().is_none_or(words)
            && self.years.is_none_or(|years| years.hold(precedent.decided_year))
            && self.values.iter().all(|(facet, value)| facet.of(precedent) == value)
    }

    /// The value wanted of a facet.
    pub(crate) fn wants(&self, facet: Facet) -> Option<&str> {
        let value = self.values.iter().find(|(wanted, _)| *wanted == facet);
        value.map(|(_, value)| value.as_str())
    }

    /// The same filter with any value of this facet.
    pub(crate) fn without(&self, facet: Facet) -> Self {
        let mut wider = self.clone();
        wider.values.retain(|(wanted, _)| *wanted != facet);
        wider
    }
}

/// The precedents that fit, the latest decision first.
pub(crate) fn list<'a>(all: &'a [Precedent], filter: &Filter) -> Vec<&'a Precedent> {
    let mut found: Vec<_> = all.iter().filter(|precedent| filter.fits(precedent)).collect();
    found.sort_by(|a, b| (b.decided_year, &a.id).cmp(&(a.decided_year, &b.id)));
    found
}

/// How the best source of a precedent was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reading {
    /// What the deciders themselves published, in full.
    Full,
    /// A part of it.
    Part,
    /// What others wrote about it.
    SecondHand,
}

impl Reading {
    const ALL: [Self; 3] = [Self::Full, Self::Part, Self::SecondHand];

    /// The best of a precedent's sources.
    pub(crate) fn best(precedent: &Precedent) -> Self {
        let of = |read: &str| match read {
            "primary source read in full" => Self::Full,
            "opening or part of the primary source read" => Self::Part,
            _ => Self::SecondHand,
        };
        let all = precedent.sources.iter().map(|source| of(&source.read));
        all.min().unwrap_or(Self::SecondHand)
    }

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Part => "part",
            Self::SecondHand => "second-hand",
        }
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Full => "Their own account, read in full",
            Self::Part => "Their own account, read in part",
            Self::SecondHand => "Told by others",
        }
    }
}

/// A use in words.
pub(crate) const fn use_words(usage: Usage) -> &'static str {
    match usage {
        Usage::Core => "Counts in the backtest",
        Usage::PreRustEra => "Before Rust was usable",
        Usage::ThinReasons => "Reasons too thin",
        Usage::NotAService => "Not a service",
    }
}

/// Every answer to whether a reason holds, in the order shown.
const HOLDS: [Holds; 4] = [Holds::Yes, Holds::Partly, Holds::No, Holds::Unknown];

/// When it was decided, in words.
pub(crate) fn when(precedent: &Precedent) -> String {
    precedent.year.replace('-', "–")
}

/// Whether the stated reason holds today.
pub(crate) fn holds(precedent: &Precedent) -> Holds {
    precedent.today.holds
}

/// Whether the stated reason holds, in words.
pub(crate) const fn holds_words(holds: Holds) -> &'static str {
    match holds {
        Holds::Yes => "Reason holds today",
        Holds::Partly => "Reason holds in part today",
        Holds::No => "Reason no longer holds",
        Holds::Unknown => "Unknown whether the reason holds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_one_or_a_range() {
        let years =
            |text| Years::parse(text).map(|years| [2013, 2019, 2024].map(|y| years.hold(y)));
        assert_eq!(years("2019"), Some([false, true, false]));
        assert_eq!(years("-2019"), Some([true, true, false]));
        assert_eq!(years("2019-"), Some([false, true, true]));
        assert_eq!(years("2012-2013"), Some([true, false, false]));
        for faulty in ["", "-", "19", "2019-2012", "2019-20-21", "twenty", "20190", "+201"] {
            assert_eq!(years(faulty), None, "{faulty}");
        }
    }
}
