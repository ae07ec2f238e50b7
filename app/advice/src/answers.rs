//! What a team lead says: validated answers, and the forms they are read from.

use std::{borrow::Cow, ops::Range};

use toml::de::{DeTable, DeValue};

use crate::{Model, Problem, Question, QuestionKind, wording::shorten};

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

/// A value on its way in, whatever it was written in.
struct Raw<'a> {
    span: Option<Range<usize>>,
    value: RawValue<'a>,
}

enum RawValue<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    List(Vec<Raw<'a>>),
    Table(Vec<(String, Raw<'a>)>),
    Other(&'static str),
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
        let fault = |span, message: String, help: &str| {
            vec![Problem { field: "answers".to_owned(), span, message, help: help.to_owned() }]
        };
        if text.len() > MAX_TEXT_BYTES {
            let message = format!("the text is {} bytes long", text.len());
            return Err(fault(None, message, "at most 1 MiB"));
        }
        let document = DeTable::parse(text).map_err(|error| {
            fault(error.span(), error.message().trim().to_owned(), "the text must be TOML")
        })?;
        let mut service = None;
        let mut answers = None;
        for (key, value) in document.get_ref() {
            match key.get_ref().as_ref() {
                "service" => service = Some(value),
                "answers" => answers = Some(value),
                _ => {}
            }
        }
        let Some(answers) = answers else {
            let help = "add [answers] and below it lines such as failure_consequence = \"serious\"";
            return Err(fault(Some(0..0), "there is no [answers] table".to_owned(), help));
        };
        let service = match service.map(|value| (value.span(), value.get_ref())) {
            None => None,
            Some((_, DeValue::String(name))) => Some(name.clone().into_owned()),
            Some((span, _)) => {
                let mut problems = fault(Some(span), "not a text".to_owned(), "service = \"name\"");
                problems.iter_mut().for_each(|problem| "service".clone_into(&mut problem.field));
                return Err(problems);
            }
        };
        let RawValue::Table(entries) = from_de(answers).value else {
            let message = "`answers` is not a table".to_owned();
            return Err(fault(Some(answers.span()), message, "write [answers] on its own line"));
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
        let (_, question) = find(model, id)?;
        match &question.kind {
            QuestionKind::Number { may_be_must: true, .. } => {}
            _ => return Err(not_must(question)),
        }
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

/// A fault of one answer; a nested one may have its own place.
struct Fault {
    span: Option<Range<usize>>,
    message: String,
    help: String,
}

impl Fault {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { span: None, message, help: help.into() }
    }

    fn at(self, id: &str, span: Option<Range<usize>>) -> Problem {
        Problem {
            field: format!("answers.{}", shorten(id)),
            span: self.span.or(span),
            message: self.message,
            help: self.help,
        }
    }
}

fn find<'m>(model: &'m Model, id: &str) -> Result<(usize, &'m Question), Fault> {
    let mut questions = model.questions().iter().enumerate();
    questions.find(|(_, question)| question.id == id).ok_or_else(|| {
        let known: Vec<&str> = model.questions().iter().map(|q| q.id.as_str()).collect();
        let message = format!("there is no question `{}`", shorten(id));
        Fault::new(message, format!("known: {}", known.join(", ")))
    })
}

fn allowed(question: &Question) -> String {
    let number = |whole: bool, min: f64, max: f64, unit: &str| {
        let whole = if whole { "a whole number" } else { "a number" };
        format!("allowed: {whole} from {min} to {max} ({unit}), or unknown")
    };
    match &question.kind {
        QuestionKind::Number { whole, min, max, unit, .. } => number(*whole, *min, *max, unit),
        QuestionKind::One(answers) => {
            let values: Vec<&str> = answers.iter().map(|answer| answer.value.as_str()).collect();
            format!("allowed: {}, unknown", values.join(", "))
        }
        QuestionKind::Many { answers, at_most } => {
            let values: Vec<&str> = answers.iter().map(|answer| answer.value.as_str()).collect();
            format!("allowed: up to {at_most} of {}", values.join(", "))
        }
    }
}

fn not_must(question: &Question) -> Fault {
    let message = format!("`{}` cannot be marked as a must", question.id);
    Fault::new(message, "only a number with a limit to keep can: peak_rps, p99_ms, memory_mb")
}

/// A form's values, all texts.
fn read_texts(question: &Question, values: &[String]) -> Result<Given, Fault> {
    match (&question.kind, values) {
        (_, [value]) if value == UNKNOWN => Ok(Given::Unknown),
        (QuestionKind::Many { .. }, values) => read_many(question, values),
        (QuestionKind::One(_), [value]) => match question.answer(value) {
            Some(answer) => Ok(Given::One(answer.value.clone())),
            None => {
                let message = format!("`{}` is not an answer", shorten(value));
                Err(Fault::new(message, allowed(question)))
            }
        },
        (QuestionKind::Number { .. }, [value]) => match value.parse::<f64>() {
            Ok(number) => read_number(question, number, false),
            Err(_) => {
                let message = format!("`{}` is not a number", shorten(value));
                Err(Fault::new(message, allowed(question)))
            }
        },
        (_, values) => {
            let message = format!("{} answers to a question that takes one", values.len());
            Err(Fault::new(message, allowed(question)))
        }
    }
}

fn read_many(question: &Question, values: &[String]) -> Result<Given, Fault> {
    let QuestionKind::Many { answers, at_most } = &question.kind else {
        let message = "a list where one answer is expected".to_owned();
        return Err(Fault::new(message, allowed(question)));
    };
    if let Some(value) = values.iter().find(|value| question.answer(value).is_none()) {
        let message = format!("`{}` is not an answer", shorten(value));
        return Err(Fault::new(message, allowed(question)));
    }
    let chosen: Vec<String> = answers
        .iter()
        .filter(|answer| values.contains(&answer.value))
        .map(|answer| answer.value.clone())
        .collect();
    if chosen.len() > *at_most {
        return Err(Fault::new(
            format!("{} answers are too many", chosen.len()),
            allowed(question),
        ));
    }
    Ok(Given::Many(chosen))
}

fn read_number(question: &Question, value: f64, must: bool) -> Result<Given, Fault> {
    let QuestionKind::Number { whole, min, max, may_be_must, .. } = &question.kind else {
        let message = format!("{value} is not an answer");
        return Err(Fault::new(message, allowed(question)));
    };
    if !(*min..=*max).contains(&value) {
        return Err(Fault::new(format!("{value} is out of range"), allowed(question)));
    }
    if *whole && libm::trunc(value) != value {
        return Err(Fault::new(format!("{value} is not whole"), allowed(question)));
    }
    if must && !may_be_must {
        return Err(not_must(question));
    }
    // Zero has one sign, so that equal answers read equal.
    Ok(Given::Number { value: if value == 0.0 { 0.0 } else { value }, must })
}

fn read(question: &Question, raw: Raw<'_>) -> Result<Given, Fault> {
    match raw.value {
        RawValue::Text(text) if text == UNKNOWN => Ok(Given::Unknown),
        RawValue::Text(text) => {
            if let QuestionKind::Number { .. } = question.kind {
                let message = format!("`{}` is a text, not a number", shorten(&text));
                return Err(Fault::new(message, allowed(question)));
            }
            if let QuestionKind::Many { .. } = question.kind {
                let message = format!("`{}` is not a list", shorten(&text));
                return Err(Fault::new(message, allowed(question)));
            }
            read_texts(question, &[text.into_owned()])
        }
        RawValue::Number(value) => read_number(question, value, false),
        RawValue::List(items) => {
            let mut values = Vec::new();
            for item in items {
                let span = item.span.clone();
                let place = |fault: Fault| Fault { span: span.clone(), ..fault };
                let RawValue::Text(text) = item.value else {
                    let message = "a list holds texts".to_owned();
                    return Err(place(Fault::new(message, allowed(question))));
                };
                let text = text.into_owned();
                if question.answer(&text).is_none() {
                    let message = format!("`{}` is not an answer", shorten(&text));
                    return Err(place(Fault::new(message, allowed(question))));
                }
                values.push(text);
            }
            read_many(question, &values)
        }
        RawValue::Table(entries) => read_must(question, entries),
        RawValue::Other(kind) => {
            Err(Fault::new(format!("{kind} is not an answer"), allowed(question)))
        }
    }
}

/// `{ value = NUMBER, must = true }`.
fn read_must(question: &Question, entries: Vec<(String, Raw<'_>)>) -> Result<Given, Fault> {
    const FORM: &str = "write { value = NUMBER, must = true }";
    let (mut value, mut must) = (None, false);
    for (key, raw) in entries {
        let fault = |message: String| Fault { span: raw.span.clone(), ..Fault::new(message, FORM) };
        match (key.as_str(), &raw.value) {
            ("value", RawValue::Number(number)) => value = Some(*number),
            ("value", RawValue::Text(text)) if text == UNKNOWN => {
                return Err(fault("an unknown number cannot be a must".to_owned()));
            }
            ("must", RawValue::Other("true")) => must = true,
            ("must", RawValue::Other("false")) => must = false,
            _ => return Err(fault(format!("`{}` is not expected here", shorten(&key)))),
        }
    }
    match value {
        Some(value) => read_number(question, value, must),
        None => Err(Fault::new("there is no number".to_owned(), FORM)),
    }
}

fn from_de<'a>(value: &'a toml::Spanned<DeValue<'_>>) -> Raw<'a> {
    let raw = match value.get_ref() {
        DeValue::String(text) => RawValue::Text(Cow::Borrowed(text.as_ref())),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "every allowed number is far below 2^53"
            )]
            Ok(number) => RawValue::Number(number as f64),
            Err(_) => RawValue::Other("a number that long"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => RawValue::Number(number),
            Err(_) => RawValue::Other("that number"),
        },
        DeValue::Boolean(true) => RawValue::Other("true"),
        DeValue::Boolean(false) => RawValue::Other("false"),
        DeValue::Datetime(_) => RawValue::Other("a date"),
        DeValue::Array(items) => RawValue::List(items.iter().map(from_de).collect()),
        DeValue::Table(table) => RawValue::Table(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), from_de(value))).collect(),
        ),
    };
    Raw { span: Some(value.span()), value: raw }
}

fn from_toml_value(value: &toml::Value) -> Raw<'_> {
    let value = match value {
        toml::Value::String(text) => RawValue::Text(text.into()),
        #[expect(clippy::cast_precision_loss, reason = "every allowed number is far below 2^53")]
        toml::Value::Integer(number) => RawValue::Number(*number as f64),
        toml::Value::Float(number) => RawValue::Number(*number),
        toml::Value::Boolean(true) => RawValue::Other("true"),
        toml::Value::Boolean(false) => RawValue::Other("false"),
        toml::Value::Datetime(_) => RawValue::Other("a date"),
        toml::Value::Array(items) => RawValue::List(items.iter().map(from_toml_value).collect()),
        toml::Value::Table(table) => RawValue::Table(
            table.iter().map(|(key, value)| (key.clone(), from_toml_value(value))).collect(),
        ),
    };
    Raw { span: None, value }
}

fn from_json_value(value: &serde_json::Value) -> Raw<'_> {
    use serde_json::Value;
    let value = match value {
        Value::String(text) => RawValue::Text(text.into()),
        Value::Number(number) => match number.as_f64() {
            Some(number) => RawValue::Number(number),
            None => RawValue::Other("that number"),
        },
        Value::Bool(true) => RawValue::Other("true"),
        Value::Bool(false) => RawValue::Other("false"),
        Value::Null => RawValue::Other("null"),
        Value::Array(items) => RawValue::List(items.iter().map(from_json_value).collect()),
        Value::Object(object) => RawValue::Table(
            object.iter().map(|(key, value)| (key.clone(), from_json_value(value))).collect(),
        ),
    };
    Raw { span: None, value }
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
