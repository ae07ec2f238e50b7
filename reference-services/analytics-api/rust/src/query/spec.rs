//! What a query asks for.

use crate::limits::is_name;

/// What events are grouped by, or counted differently by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key,
    /// The tag of this name.
    Tag(String),
}

impl Field {
    /// The field of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("tags.") {
            Some(tag) => is_name(tag).then(|| Self::Tag(tag.to_owned())),
            None => (name == "key").then_some(Self::Key),
        }
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Key => "key".to_owned(),
            Self::Tag(tag) => format!("tags.{tag}"),
        }
    }
}

/// A condition on texts; absence is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOp {
    /// Any of the values.
    In,
    /// None of the values.
    NotIn,
    /// Begins with any of the values.
    Prefix,
}

/// A condition on values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberOp {
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
}

impl NumberOp {
    /// Whether a value compares so.
    pub fn admits(self, value: f64, than: f64) -> bool {
        match self {
            Self::Gt => value > than,
            Self::Gte => value >= than,
            Self::Lt => value < than,
            Self::Lte => value <= than,
        }
    }
}

/// What holds for all events that match.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// On a key or a tag.
    Text {
        /// The field.
        field: Field,
        /// How it compares.
        op: TextOp,
        /// With what.
        values: Vec<Option<String>>,
    },
    /// On the value.
    Number {
        /// How it compares.
        op: NumberOp,
        /// With what.
        than: f64,
    },
}

impl Condition {
    /// Whether a text, or its absence, matches; true for conditions on the value.
    pub fn admits_text(&self, text: Option<&str>) -> bool {
        let Self::Text { op, values, .. } = self else {
            return true;
        };
        let is_one = || values.iter().any(|value| value.as_deref() == text);
        match op {
            TextOp::In => is_one(),
            TextOp::NotIn => !is_one(),
            TextOp::Prefix => {
                text.is_some_and(|text| values.iter().flatten().any(|it| text.starts_with(it)))
            }
        }
    }
}

/// A percentile, in hundredths.
pub type Percent = u64;

/// What is computed for each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// How many.
    Count,
    /// The sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Sum ÷ count.
    Mean,
    /// Nearest rank.
    Percentile(Percent),
    /// How many different values a field has.
    Distinct(Field),
}

impl Aggregate {
    /// The aggregate of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "mean" => Self::Mean,
            "p50" => Self::Percentile(50),
            "p90" => Self::Percentile(90),
            "p99" => Self::Percentile(99),
            _ => {
                let field = name.strip_prefix("distinct(")?.strip_suffix(')')?;
                Self::Distinct(Field::from_name(field)?)
            }
        })
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Count => "count".to_owned(),
            Self::Sum => "sum".to_owned(),
            Self::Min => "min".to_owned(),
            Self::Max => "max".to_owned(),
            Self::Mean => "mean".to_owned(),
            Self::Percentile(percent) => format!("p{percent}"),
            Self::Distinct(field) => format!("distinct({})", field.name()),
        }
    }
}

/// The groups to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// How many.
    pub k: usize,
    /// By which of the aggregates, the greatest.
    pub by: usize,
}

/// A column of the answer to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its place among the columns.
    pub column: usize,
    /// Greatest first.
    pub falling: bool,
}

/// How to write the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// RFC 4180.
    Csv,
}

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The window's first ms.
    pub from_ms: i64,
    /// The ms after the window.
    pub to_ms: i64,
    /// The buckets' length.
    pub bucket_ms: Option<i64>,
    /// The fields to group by, each once.
    pub group_by: Vec<Field>,
    /// All hold.
    pub conditions: Vec<Condition>,
    /// The aggregates, each once, at least one.
    pub aggregates: Vec<Aggregate>,
    /// The groups to keep, if not all.
    pub top: Option<Top>,
    /// Whether buckets without events have rows.
    pub fill: bool,
    /// What to sort by first.
    pub order: Vec<Order>,
    /// Rows of the answer.
    pub limit: usize,
    /// How to write it.
    pub format: Format,
}

impl Query {
    /// The names of the answer's columns.
    pub fn columns(&self) -> Vec<String> {
        let bucket = self.bucket_ms.map(|_| "bucket".to_owned());
        let fields = self.group_by.iter().map(Field::name);
        bucket
            .into_iter()
            .chain(fields)
            .chain(self.aggregates.iter().map(Aggregate::name))
            .collect()
    }
}

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// A JSON Pointer to it.
    pub pointer: String,
    /// What is allowed there.
    pub detail: String,
}
