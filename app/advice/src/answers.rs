//! What a team lead says: validated answers, and the forms they are read from.

mod raw;
mod read;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use self::{
    raw::{Raw, RawValue, from_de, from_json_value, from_toml_value},
    read::{Fault, find, may_be_must, read, read_many, read_number, read_texts},
};
use crate::{Model, Problem};

/// The answer that says "don't know".
const UNKNOWN: &str = "unknown";

/// The longest answers file that is read; a record with all its history is far shorter.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Answers that fit a model, in the model's order. The default is an empty sheet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// The question's place in its model, which orders the entries.
    place: usize,
    id: String,
    given: Given,
}

#[derive(Clone, Debug, PartialEq)]
enum Given {
    Unknown,
    One(String),
    Many(Vec<String>),
    Number { value: f64, must: bool },
}

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnswerValue<'a> {
    /// Nothing was said.
    Unanswered,
    /// "Don't know" was said.
    Unknown,
    /// One answer's value.
    One(&'a str),
    /// Several answers' values.
    Many(&'a [String]),
    /// A number.
    Number {
        /// In the question's unit.
        value: f64,
        /// Whether missing it rules an option out.
        must: bool,
    },
}

impl AnswerValue<'_> {
    /// Whether it leaves the question open: unanswered or "don't know".
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Unanswered | Self::Unknown)
    }
}

/// An answers file: whose it is, and the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// The service's name.
    pub service: Option<String>,
    /// The answers.
    pub answers: Answers,
}

/// A fault of the sheet as a whole.
fn sheet_fault(span: Option<Range<usize>>, message: String, help: &str) -> Vec<Problem> {
    vec![Problem { field: "answers".to_owned(), span, message, help: help.to_owned() }]
}

impl Answers {
    /// Reads an answers file, a record or a precedent: optional `service`, and `[answers]`.
    ///
    /// # Errors
    /// Every fault found, with its place in `text`.
    pub fn from_toml(model: &Model, text: &str) -> Result<Sheet, Vec<Problem>> {
        match Self::known_from_toml(model, text)? {
            (sheet, faults) if faults.is_empty() => Ok(sheet),
            (_, faults) => Err(faults),
        }
    }

    /// The same for answers that may have been given to another model: those that this one knows,
    /// and a fault for each of the others.
    ///
    /// # Errors
    /// When there are no answers to read.
    pub fn known_from_toml(
        model: &Model,
        text: &str,
    ) -> Result<(Sheet, Vec<Problem>), Vec<Problem>> {
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("the text is {} bytes long", text.len());
            return Err(sheet_fault(None, message, "at most 1 MiB"));
        }
        let document = DeTable::parse(text).map_err(|error| {
            sheet_fault(error.span(), error.message().trim().to_owned(), "the text must be TOML")
        })?;
        Self::known_from_table(model, document.get_ref())
    }

    /// The same for a text that is parsed already; the places of faults are in that text.
    ///
    /// # Errors
    /// When there is no sheet in it.
    pub fn known_from_table(
        model: &Model,
        document: &DeTable<'_>,
    ) -> Result<(Sheet, Vec<Problem>), Vec<Problem>> {
        let mut service = None;
        let mut answers = None;
        for (key, value) in document {
            match key.get_ref().as_ref() {
                "service" => service = Some(value),
                "answers" => answers = Some(value),
                _ => {}
            }
        }
        let Some(answers) = answers else {
            let help = "add [answers] and below it lines such as failure_consequence = \"serious\"";
            return Err(sheet_fault(Some(0..0), "there is no [answers] table".to_owned(), help));
        };
        let service = match service.map(|value| (value.span(), value.get_ref())) {
            None => None,
            Some((_, DeValue::String(name))) => Some(name.clone().into_owned()),
            Some((span, _)) => {
                let mut problems =
                    sheet_fault(Some(span), "not a text".to_owned(), "service = \"name\"");
                problems.iter_mut().for_each(|problem| "service".clone_into(&mut problem.field));
                return Err(problems);
            }
        };
        let RawValue::Table(entries) = from_de(answers).value else {
            let message = "`answers` is not a table".to_owned();
            return Err(sheet_fault(
                Some(answers.span()),
                message,
                "write [answers] on its own line",
            ));
        };
        let (answers, faults) = Self::known_from_raw(model, entries);
        Ok((Sheet { service, answers }, faults))
    }

    /// Reads the `[answers]` table of a record.
    ///
    /// # Errors
    /// Every fault found, without places.
    pub fn from_table(model: &Model, table: &toml::Table) -> Result<Self, Vec<Problem>> {
        let entries = table.iter().map(|(id, value)| (id.clone(), from_toml_value(value)));
        Self::from_raw(model, entries.collect())
    }

    /// Reads the `answers` object of a request.
    ///
    /// # Errors
    /// Every fault found, without places.
    pub fn from_json(model: &Model, value: &serde_json::Value) -> Result<Self, Vec<Problem>> {
        let serde_json::Value::Object(object) = value else {
            return Err(vec![Problem {
                field: "answers".to_owned(),
                span: None,
                message: "not an object".to_owned(),
                help: "write {\"question\": \"answer\", …}".to_owned(),
            }]);
        };
        let entries = object.iter().map(|(id, value)| (id.clone(), from_json_value(value)));
        Self::from_raw(model, entries.collect())
    }

    fn from_raw(model: &Model, entries: Vec<(String, Raw<'_>)>) -> Result<Self, Vec<Problem>> {
        let (answers, faults) = Self::known_from_raw(model, entries);
        if faults.is_empty() { Ok(answers) } else { Err(faults) }
    }

    fn known_from_raw(model: &Model, entries: Vec<(String, Raw<'_>)>) -> (Self, Vec<Problem>) {
        let mut answers = Self::default();
        let mut faults = Vec::new();
        for (id, raw) in entries {
            let span = raw.span.clone();
            match find(model, &id).and_then(|(place, question)| {
                read(question, raw).map(|given| answers.put(place, &id, given))
            }) {
                Ok(()) => {}
                Err(fault) => faults.push(fault.at(&id, span)),
            }
        }
        (answers, faults)
    }

    /// Reads a form or a query. What is good is kept beside the problems. An empty value is no
    /// answer, repeated ids make a list, `must=id` marks a number; `service` is passed over.
    pub fn from_pairs(
        model: &Model,
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> (Self, Vec<Problem>) {
        let mut given: Vec<(String, Vec<String>)> = Vec::new();
        let mut musts = Vec::new();
        for (id, value) in pairs {
            let value = value.trim().to_owned();
            if value.is_empty() || id == "service" {
                continue;
            }
            if id == "must" {
                musts.push(value);
            } else if let Some((_, values)) = given.iter_mut().find(|(known, _)| *known == id) {
                values.push(value);
            } else {
                given.push((id, vec![value]));
            }
        }
        let mut answers = Self::default();
        let mut problems = Vec::new();
        for (id, values) in given {
            match find(model, &id).and_then(|(place, question)| {
                read_texts(question, &values).map(|given| answers.put(place, &id, given))
            }) {
                Ok(()) => {}
                Err(fault) => problems.push(fault.at(&id, None)),
            }
        }
        for id in musts {
            if let Err(fault) = answers.mark_must(model, &id) {
                problems.push(fault.at(&id, None));
            }
        }
        (answers, problems)
    }

    /// A form sends the tick of an empty number too: that is no fault.
    fn mark_must(&mut self, model: &Model, id: &str) -> Result<(), Fault> {
        may_be_must(model, id)?;
        let entry = self.entries.iter_mut().find(|entry| entry.id == id);
        if let Some(Given::Number { must, .. }) = entry.map(|entry| &mut entry.given) {
            *must = true;
        }
        Ok(())
    }

    /// The query of `/checklist`: `id=value`, lists repeated, `must=id`. An empty list has none.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for Entry { id, given, .. } in &self.entries {
            match given {
                Given::Unknown => pairs.push((id.clone(), UNKNOWN.to_owned())),
                Given::One(value) => pairs.push((id.clone(), value.clone())),
                Given::Many(values) => {
                    pairs.extend(values.iter().map(|value| (id.clone(), value.clone())));
                }
                Given::Number { value, must } => {
                    pairs.push((id.clone(), value.to_string()));
                    if *must {
                        pairs.push(("must".to_owned(), id.clone()));
                    }
                }
            }
        }
        pairs
    }

    /// The `[answers]` table of a record.
    #[must_use]
    pub fn to_table(&self) -> toml::Table {
        let entries = self.entries.iter().map(|Entry { id, given, .. }| {
            let value = match given {
                Given::Unknown => UNKNOWN.into(),
                Given::One(value) => value.clone().into(),
                Given::Many(values) => values.clone().into(),
                Given::Number { value, must: false } => toml_number(*value),
                Given::Number { value, must: true } => {
                    let mut table = toml::Table::new();
                    table.insert("value".to_owned(), toml_number(*value));
                    table.insert("must".to_owned(), true.into());
                    table.into()
                }
            };
            (id.clone(), value)
        });
        entries.collect()
    }

    /// The answer to a question.
    #[must_use]
    pub fn value(&self, id: &str) -> AnswerValue<'_> {
        match self.entries.iter().find(|entry| entry.id == id).map(|entry| &entry.given) {
            None => AnswerValue::Unanswered,
            Some(Given::Unknown) => AnswerValue::Unknown,
            Some(Given::One(value)) => AnswerValue::One(value),
            Some(Given::Many(values)) => AnswerValue::Many(values),
            Some(Given::Number { value, must }) => {
                AnswerValue::Number { value: *value, must: *must }
            }
        }
    }

    /// The same answers with one changed; `Unanswered` takes it away.
    ///
    /// # Errors
    /// When the question or the answer is not the model's.
    pub fn with(&self, model: &Model, id: &str, value: AnswerValue<'_>) -> Result<Self, Problem> {
        let mut changed = self.clone();
        let (place, question) = find(model, id).map_err(|fault| fault.at(id, None))?;
        let texts;
        let given = match value {
            AnswerValue::Unanswered => {
                changed.entries.retain(|entry| entry.id != id);
                return Ok(changed);
            }
            AnswerValue::Unknown => Ok(Given::Unknown),
            AnswerValue::One(value) => {
                texts = [value.to_owned()];
                read_texts(question, &texts)
            }
            AnswerValue::Many(values) => read_many(question, values),
            AnswerValue::Number { value, must } => read_number(question, value, must),
        };
        changed.put(place, id, given.map_err(|fault| fault.at(id, None))?);
        Ok(changed)
    }

    /// How many questions have an answer, "don't know" not counted.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.entries.iter().filter(|entry| entry.given != Given::Unknown).count()
    }

    /// Whether nothing was said at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn put(&mut self, place: usize, id: &str, given: Given) {
        self.entries.retain(|entry| entry.id != id);
        let at = self.entries.partition_point(|entry| entry.place < place);
        self.entries.insert(at, Entry { place, id: id.to_owned(), given });
    }
}

/// Whole numbers are written without a point.
fn toml_number(value: f64) -> toml::Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if libm::trunc(value) == value && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}
