//! What the options were reckoned to cost: the `[cost]` table of a record.

use assay_advice::{Answers, Assumptions, CURRENCY, Cost, Engine};
use serde::{Deserialize as _, Serialize as _};
use toml::de::ValueDeserializer;
use toml_edit::{Value, ser::ValueSerializer};

use crate::reader::{Findings, Reader};

pub(crate) const COST: [&str; 11] = [
    "assumptions",
    "summary",
    "short",
    "baseline",
    "currency",
    "basis",
    "ratio",
    "source",
    "missing",
    "notes",
    "options",
];

/// What the options were reckoned to cost, and on what assumptions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedCost {
    /// The assumptions, those by default among them.
    pub assumptions: Assumptions,
    /// The cost as it came out that day; absent when only assumptions are written.
    pub given: Option<Cost>,
}

impl RecordedCost {
    /// Reckons the cost anew. Nothing is worth keeping when no assumption was changed and there are
    /// no figures.
    #[must_use]
    pub fn reckon(engine: &Engine, answers: &Answers, assumptions: &Assumptions) -> Option<Self> {
        let advised = engine.recommend(answers).recommended;
        let cost = engine.cost(answers, assumptions, advised);
        let owners = owners(answers);
        let worth = cost.options.is_some() || !assumptions.changed(owners).is_default();
        worth.then(|| Self { assumptions: assumptions.spelled_out(owners), given: Some(cost) })
    }
}

/// The owners answered.
pub(crate) fn owners(answers: &Answers) -> Option<f64> {
    match answers.value("owners") {
        assay_advice::AnswerValue::Number { value, .. } => Some(value),
        _ => None,
    }
}

pub(crate) fn read(top: &Reader<'_, '_>, found: &mut Findings) -> Option<RecordedCost> {
    let table = top.table("cost", found)?;
    table.warn_unknown(&COST, found);
    let assumptions = read_assumptions(&table, found);
    table.get("summary")?;
    let value = top.get("cost")?.clone();
    let span = value.span();
    let given = match Cost::deserialize(ValueDeserializer::from(value)) {
        Ok(cost) => Some(cost),
        Err(error) => {
            let at = error.span().unwrap_or(span);
            let help = "the cost is kept as it was reckoned; restore it, or take out all but the \
                        assumptions";
            found.problem("cost", at, error.message().replace('\n', "; "), help);
            None
        }
    };
    Some(RecordedCost { assumptions, given })
}

fn read_assumptions(cost: &Reader<'_, '_>, found: &mut Findings) -> Assumptions {
    let mut read = Assumptions::default();
    let Some(table) = cost.table("assumptions", found) else {
        return read;
    };
    let mut known = vec![CURRENCY];
    known.extend(assay_advice::assumptions().iter().map(|assumption| assumption.id.as_str()));
    table.warn_unknown(&known, found);
    for id in known {
        let set = if id == CURRENCY {
            table.line(id, found).map(|text| read.set_currency(&text))
        } else {
            table.number(id, found).map(|value| read.set(id, value))
        };
        if let Some(Err(problem)) = set {
            found.problem(table.field(id), table.span(id), problem.message, problem.help);
        }
    }
    read
}

/// The keys of `[cost]` with their values, the assumptions first; none when it cannot be written.
pub(crate) fn fields(cost: &RecordedCost) -> Vec<(&'static str, Value)> {
    let mut assumptions = toml_edit::InlineTable::new();
    assumptions.insert(CURRENCY, cost.assumptions.currency().into());
    assumptions.extend(cost.assumptions.numbers().map(|(id, value)| (id, number(value))));
    let mut fields = vec![("assumptions", Value::InlineTable(assumptions))];
    let given = cost.given.as_ref().and_then(|given| given.serialize(ValueSerializer::new()).ok());
    if let Some(Value::InlineTable(given)) = given {
        let value = |key: &&'static str| Some((*key, given.get(key)?.clone()));
        fields.extend(COST.iter().filter_map(value));
    }
    fields
}

/// Whole numbers are written without a point.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if value.fract() == 0.0 && value.abs() < 1e15 { (value as i64).into() } else { value.into() }
}
