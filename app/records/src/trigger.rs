//! Conditions that make a record due for review.

use std::fmt;

use assay_advice::{Choice, Model, Problem, QuestionKind};
use jiff::civil::Date;

/// A condition, and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// A short id, unique within the record: lower-case letters, digits, `-` and `_`.
    pub id: String,
    /// What must come true.
    pub condition: Condition,
    /// The option that would then have the greatest value, where one is known.
    pub flips_to: Option<Choice>,
    /// Who watches for it.
    pub owner: Option<String>,
    /// More, in words.
    pub note: Option<String>,
    /// The Prometheus expression whose value a metric condition compares.
    pub promql: Option<String>,
}

/// The kinds of condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A measured figure crosses a threshold for a while.
    Metric,
    /// A checklist answer would now be another.
    Answer,
    /// A day comes.
    Date,
    /// Something happens that people notice.
    Event,
}

impl TriggerKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Metric, Self::Answer, Self::Date, Self::Event];

    /// The id used in files.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Answer => "answer",
            Self::Date => "date",
            Self::Event => "event",
        }
    }

    /// The kind with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }

    /// How a condition of this kind is written, for messages and forms.
    #[must_use]
    pub const fn form(self) -> &'static str {
        match self {
            Self::Metric => "NAME OP NUMBER for DURATION, such as \"p99_ms > 10 for 7d\"",
            Self::Answer => "QUESTION = VALUE, such as \"rust_fluency = most\"",
            Self::Date => "YYYY-MM-DD, such as \"2027-05-24\"",
            Self::Event => "any text that is not empty",
        }
    }
}

/// What must come true. Its `Display` is the text kept in `when`.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `NAME OP NUMBER for DURATION`.
    Metric {
        /// The figure's name, as in Prometheus.
        name: String,
        /// How it is compared.
        comparison: Comparison,
        /// What it is compared with.
        threshold: f64,
        /// For how long it must hold.
        window: Window,
    },
    /// `QUESTION = VALUE`.
    Answer {
        /// The question's id.
        question: String,
        /// The answer that would change the advice.
        value: String,
    },
    /// `YYYY-MM-DD`.
    Date(Date),
    /// Free text, fired by hand.
    Event(String),
}

/// How a figure is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Comparison {
    /// Every comparison, the longer symbols first so that a scan finds them.
    const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below];

    /// The symbol, the same as in Prometheus.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

/// A length of time in whole seconds, written `90s`, `30m`, `12h`, `7d` or `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The length in seconds; at least one.
    pub seconds: u32,
}

const UNITS: [(char, u32); 5] =
    [('w', 7 * 24 * 3600), ('d', 24 * 3600), ('h', 3600), ('m', 60), ('s', 1)];

impl Window {
    /// Reads a number with a unit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (_, unit) = UNITS.into_iter().find(|(letter, _)| text.ends_with(*letter))?;
        let digits = text.get(..text.len() - 1)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let seconds = digits.parse::<u32>().ok()?.checked_mul(unit)?;
        (seconds > 0).then_some(Self { seconds })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days rather than weeks: `7d` is how people and Prometheus rules write it.
        let fits =
            |&(letter, unit): &(char, u32)| letter != 'w' && self.seconds.is_multiple_of(unit);
        let (letter, unit) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
        write!(f, "{}{letter}", self.seconds / unit)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric { name, comparison, threshold, window } => {
                write!(f, "{name} {} {threshold} for {window}", comparison.symbol())
            }
            Self::Answer { question, value } => write!(f, "{question} = {value}"),
            Self::Date(date) => write!(f, "{date}"),
            Self::Event(text) => f.write_str(text),
        }
    }
}

impl Condition {
    /// The condition's kind.
    #[must_use]
    pub const fn kind(&self) -> TriggerKind {
        match self {
            Self::Metric { .. } => TriggerKind::Metric,
            Self::Answer { .. } => TriggerKind::Answer,
            Self::Date(_) => TriggerKind::Date,
            Self::Event(_) => TriggerKind::Event,
        }
    }

    /// Reads the text of `when`; questions and answers are checked against the model.
    ///
    /// # Errors
    /// A problem with the field `when` and no span, saying what is allowed.
    pub fn parse(kind: TriggerKind, when: &str, model: &Model) -> Result<Self, Problem> {
        let when = when.trim();
        let wrong = |message: String, help: String| Problem {
            field: "when".to_owned(),
            span: None,
            message,
            help,
        };
        let malformed = || {
            wrong(
                format!("`{when}` is not a condition of kind `{}`", kind.id()),
                format!("write {}", kind.form()),
            )
        };
        match kind {
            TriggerKind::Metric => parse_metric(when).ok_or_else(malformed),
            TriggerKind::Date => when.parse().map(Self::Date).map_err(|_| malformed()),
            TriggerKind::Event if when.is_empty() => Err(malformed()),
            TriggerKind::Event => Ok(Self::Event(when.to_owned())),
            TriggerKind::Answer => {
                let (question, value) = when.split_once('=').ok_or_else(malformed)?;
                let (question, value) = (question.trim(), value.trim());
                allowed(model, question, value).map_err(|(message, help)| wrong(message, help))?;
                Ok(Self::Answer { question: question.to_owned(), value: value.to_owned() })
            }
        }
    }
}

fn parse_metric(when: &str) -> Option<Condition> {
    let at = when.find(['<', '>'])?;
    let (name, rest) = when.split_at_checked(at)?;
    let comparison = Comparison::ALL.into_iter().find(|c| rest.starts_with(c.symbol()))?;
    let rest = rest.strip_prefix(comparison.symbol())?;
    let (number, window) = rest.split_once(" for ")?;
    let threshold = number.trim().parse::<f64>().ok().filter(|number| number.is_finite())?;
    let name = name.trim();
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let window = Window::parse(window.trim())?;
    named.then(|| Condition::Metric { name: name.to_owned(), comparison, threshold, window })
}

/// Whether the model knows the question and the answer; else what is wrong and what is allowed.
fn allowed(model: &Model, question: &str, value: &str) -> Result<(), (String, String)> {
    let Some(known) = model.question(question) else {
        let ids: Vec<&str> = model.questions().iter().map(|known| known.id.as_str()).collect();
        return Err((
            format!("there is no question `{question}`"),
            format!("questions: {}", ids.join(", ")),
        ));
    };
    let wrong = |help: String| Err((format!("`{value}` does not answer `{question}`"), help));
    match &known.kind {
        _ if value == "unknown" => Ok(()),
        QuestionKind::One(answers) | QuestionKind::Many { answers, .. } => {
            if answers.iter().any(|answer| answer.value == value) {
                return Ok(());
            }
            let values: Vec<&str> = answers.iter().map(|answer| answer.value.as_str()).collect();
            wrong(format!("allowed: {}, unknown", values.join(", ")))
        }
        QuestionKind::Number { min, max, .. } => match value.parse::<f64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(()),
            _ => wrong(format!("allowed: a number from {min} to {max}, or unknown")),
        },
    }
}
