//! What a cost rests on besides measurements and answers: numbers that anyone may change.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::{Problem, wording::shorten};

const BUILTIN: &str = include_str!("../../models/cost.toml");

/// The id of the one assumption that is a text: what amounts of money are counted in.
pub const CURRENCY: &str = "currency";

/// The longest name of a currency, in characters.
const CURRENCY_CHARS_MAX: usize = 12;

/// One number that a cost rests on, as `models/cost.toml` states it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumption {
    /// The stable id, used in links (after `cost_`), records and the API.
    pub id: String,
    /// What it is, in a few words.
    pub label: String,
    /// `money`, `share` (0 to 1), `weeks`, `months` or `engineers`.
    pub unit: String,
    /// The value unless somebody says otherwise; without one it follows from the answers.
    pub default: Option<f64>,
    /// The least value allowed.
    pub min: f64,
    /// The greatest value allowed.
    pub max: f64,
    /// Where the default comes from, in a sentence.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    currency: String,
    assumption: Vec<Assumption>,
}

fn file() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    FILE.get_or_init(|| match toml::from_str(BUILTIN) {
        Ok(file) => file,
        #[expect(clippy::panic, reason = "the text is compiled in and a test reads it")]
        Err(error) => panic!("models/cost.toml: {error}"),
    })
}

/// Every assumption that is a number, in the order used everywhere.
///
/// # Panics
/// Never: a test reads the text that is compiled in.
#[must_use]
pub fn assumptions() -> &'static [Assumption] {
    &file().assumption
}

/// The assumptions of one reader: what was said, and the defaults for the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assumptions {
    currency: Option<String>,
    /// In the order of [`assumptions`].
    given: Vec<(&'static Assumption, f64)>,
}

impl Assumptions {
    /// Reads a form or a query whose keys are ids. What is good is kept beside the problems, whose
    /// fields are the ids; an empty value is none, of several the last counts.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<Problem>) {
        let mut read = Self::default();
        let mut problems = Vec::new();
        for (id, text) in pairs {
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            if let Err(problem) = read.say(id, text) {
                problems.push(problem);
            }
        }
        (read, problems)
    }

    /// Sets the assumption with this id from a text.
    ///
    /// # Errors
    /// When there is no such assumption, or the text is not one of its values.
    pub fn say(&mut self, id: &str, text: &str) -> Result<(), Problem> {
        if id == CURRENCY {
            return self.set_currency(text);
        }
        let assumption = find(id)?;
        match text.parse::<f64>() {
            Ok(value) => self.set(id, value),
            Err(_) => {
                Err(fault(id, format!("`{}` is not a number", shorten(text)), assumption.allowed()))
            }
        }
    }

    /// Sets the assumption with this id.
    ///
    /// # Errors
    /// When there is no such assumption, or the value is out of its range.
    pub fn set(&mut self, id: &str, value: f64) -> Result<(), Problem> {
        let assumption = find(id)?;
        if !(assumption.min..=assumption.max).contains(&value) {
            return Err(fault(id, format!("{value} is out of range"), assumption.allowed()));
        }
        // Zero has one sign, so that equal assumptions read equal.
        let value = if value == 0.0 { 0.0 } else { value };
        self.given.retain(|(other, _)| other.id != id);
        self.given.push((assumption, value));
        let place = |id: &str| assumptions().iter().position(|assumption| assumption.id == id);
        self.given.sort_by_key(|(assumption, _)| place(&assumption.id));
        Ok(())
    }

    /// Sets what amounts of money are counted in.
    ///
    /// # Errors
    /// When the text is empty, long, or holds what is not shown.
    pub fn set_currency(&mut self, text: &str) -> Result<(), Problem> {
        let text = text.trim();
        let long = text.chars().count() > CURRENCY_CHARS_MAX;
        if text.is_empty() || long || text.chars().any(char::is_control) {
            let message = format!("`{}` is not a currency", shorten(text));
            let help =
                format!("allowed: a short name such as EUR, up to {CURRENCY_CHARS_MAX} characters");
            return Err(fault(CURRENCY, message, help));
        }
        self.currency = Some(text.to_owned());
        Ok(())
    }

    /// What amounts of money are counted in.
    #[must_use]
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or(&file().currency)
    }

    /// The value of an assumption, said or by default; none for an unknown id or one that follows
    /// from the answers.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<f64> {
        let said = self.given.iter().find(|(assumption, _)| assumption.id == id);
        match said {
            Some((_, value)) => Some(*value),
            None => assumptions().iter().find(|assumption| assumption.id == id)?.default,
        }
    }

    /// What was said, as ids and texts; defaults are left out.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let currency = self.currency.iter().map(|name| (CURRENCY, name.clone()));
        let given = self
            .given
            .iter()
            .map(|(assumption, value)| (assumption.id.as_str(), value.to_string()));
        currency.chain(given).collect()
    }

    /// The same with every default said, so that a later default changes nothing; engineers that
    /// follow from the answers are those of `owners`.
    #[must_use]
    pub fn spelled_out(&self, owners: Option<f64>) -> Self {
        let value = |known: &Assumption| {
            let follows = owners.filter(|_| known.default.is_none());
            self.get(&known.id).or(follows)
        };
        Self {
            currency: Some(self.currency().to_owned()),
            given: assumptions().iter().filter_map(|known| Some((known, value(known)?))).collect(),
        }
    }

    /// The same without what only repeats a default or `owners`.
    #[must_use]
    pub fn changed(&self, owners: Option<f64>) -> Self {
        let differs =
            |(known, value): &&(&'static Assumption, f64)| known.default.or(owners) != Some(*value);
        Self {
            currency: self.currency.clone().filter(|name| *name != file().currency),
            given: self.given.iter().filter(differs).copied().collect(),
        }
    }

    /// Every number said, with its id, in the order of [`assumptions`].
    pub fn numbers(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.given.iter().map(|(known, value)| (known.id.as_str(), *value))
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.currency.is_none() && self.given.is_empty()
    }
}

impl Assumption {
    /// What values it may have, in words.
    #[must_use]
    pub fn allowed(&self) -> String {
        let unit = if self.unit == "share" { "a share" } else { &self.unit };
        format!("allowed: a number from {} to {} ({unit})", self.min, self.max)
    }
}

fn find(id: &str) -> Result<&'static Assumption, Problem> {
    assumptions().iter().find(|assumption| assumption.id == id).ok_or_else(|| {
        let known: Vec<&str> = assumptions().iter().map(|a| a.id.as_str()).collect();
        let message = format!("there is no assumption `{}`", shorten(id));
        fault(&shorten(id), message, format!("known: {CURRENCY}, {}", known.join(", ")))
    })
}

fn fault(id: &str, message: String, help: String) -> Problem {
    Problem { field: id.to_owned(), span: None, message, help }
}
