//! The model's expressions, compiled into a row of numbers for each combination of answers.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Range, RangeInclusive},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use toml::Spanned;

use crate::{Problem, Question, QuestionKind};

/// The most combinations of answers one criterion may distinguish.
pub(crate) const MAX_ROWS: usize = 1024;

/// The most parts an expression may have once each `else` is written out for its answers.
const MAX_PARTS: usize = 10_000;

/// An expression as written, with the place of each part.
#[derive(Clone, Debug)]
pub(crate) enum RawExpr {
    Number(f64),
    Text(String),
    Map(Vec<(Spanned<String>, Spanned<RawValue>)>),
}

/// What may stand behind a key of an expression.
#[derive(Clone, Debug)]
pub(crate) enum RawValue {
    Expr(RawExpr),
    List(Vec<Spanned<RawExpr>>),
}

impl<'de> Deserialize<'de> for RawExpr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Expr;
        impl<'de> Visitor<'de> for Expr {
            type Value = RawExpr;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, an option or { by = … }, { product = […] } and the like")
            }
            fn visit_f64<E>(self, value: f64) -> Result<RawExpr, E> {
                Ok(RawExpr::Number(value))
            }
            #[expect(clippy::cast_precision_loss, reason = "points and values are small")]
            fn visit_i64<E>(self, value: i64) -> Result<RawExpr, E> {
                Ok(RawExpr::Number(value as f64))
            }
            fn visit_str<E>(self, value: &str) -> Result<RawExpr, E> {
                Ok(RawExpr::Text(value.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawExpr, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawExpr::Map(entries))
            }
        }
        deserializer.deserialize_any(Expr)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = RawValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression or a list of them")
            }
            fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
                Ok(RawValue::Expr(RawExpr::Number(value)))
            }
            #[expect(clippy::cast_precision_loss, reason = "points and values are small")]
            fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
                Ok(RawValue::Expr(RawExpr::Number(value as f64)))
            }
            fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
                Ok(RawValue::Expr(RawExpr::Text(value.to_owned())))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawValue, A::Error> {
                RawExpr::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    .map(RawValue::Expr)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawValue, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(RawValue::List(list))
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// Something a number may depend on: the state of a question, or whether a list holds an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor {
    /// Index of the question.
    pub(crate) question: usize,
    /// For a list: which answer it must hold.
    pub(crate) holds: Option<u8>,
    /// How many states it has.
    pub(crate) states: u8,
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    /// Its number or key in the text.
    place: Range<usize>,
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Number(f64),
    /// The value of option 0 (Rust) or 1 (Go).
    Option(usize),
    /// One expression for each state of a factor, in order.
    By(Factor, Vec<Expr>),
    Product(Vec<Expr>),
    Sum(Vec<Expr>),
    Min(Vec<Expr>),
    Max(Vec<Expr>),
}

impl Expr {
    /// Collects what the expression depends on.
    pub(crate) fn factors(&self, into: &mut Vec<Factor>) {
        match &self.node {
            Node::Number(_) | Node::Option(_) => {}
            Node::By(factor, branches) => {
                if !into.contains(factor) {
                    into.push(*factor);
                }
                branches.iter().for_each(|branch| branch.factors(into));
            }
            Node::Product(parts) | Node::Sum(parts) | Node::Min(parts) | Node::Max(parts) => {
                parts.iter().for_each(|part| part.factors(into));
            }
        }
    }

    fn parts(&self) -> usize {
        match &self.node {
            Node::Number(_) | Node::Option(_) => 1,
            Node::By(_, parts)
            | Node::Product(parts)
            | Node::Sum(parts)
            | Node::Min(parts)
            | Node::Max(parts) => 1 + parts.iter().map(Self::parts).sum::<usize>(),
        }
    }

    /// The number for one combination of states; `options` are the values of Rust and Go.
    pub(crate) fn evaluate(&self, state_of: &dyn Fn(Factor) -> u8, options: &[f64; 2]) -> f64 {
        let each = |parts: &[Self], start: f64, join: fn(f64, f64) -> f64| {
            parts.iter().map(|part| part.evaluate(state_of, options)).fold(start, join)
        };
        match &self.node {
            Node::Number(number) => *number,
            Node::Option(index) => options.get(*index).copied().unwrap_or(0.0),
            Node::By(factor, branches) => branches
                .get(usize::from(state_of(*factor)))
                .map_or(0.0, |branch| branch.evaluate(state_of, options)),
            Node::Product(parts) => each(parts, 1.0, |a, b| a * b),
            Node::Sum(parts) => each(parts, 0.0, |a, b| a + b),
            Node::Min(parts) => each(parts, f64::INFINITY, f64::min),
            Node::Max(parts) => each(parts, f64::NEG_INFINITY, f64::max),
        }
    }

    /// The place of the part to which it is due that the number for one combination of states is
    /// not allowed; none when that part is the value of an option, which has a place of its own.
    pub(crate) fn culprit(
        &self,
        state_of: &dyn Fn(Factor) -> u8,
        options: &[f64; 2],
        allowed: &RangeInclusive<f64>,
    ) -> Option<Range<usize>> {
        let bad = |part: &&Self| !allowed.contains(&part.evaluate(state_of, options));
        let part = match &self.node {
            Node::Number(_) => None,
            Node::Option(_) => return None,
            Node::By(factor, branches) => branches.get(usize::from(state_of(*factor))),
            Node::Product(parts) | Node::Sum(parts) | Node::Min(parts) | Node::Max(parts) => {
                parts.iter().find(bad)
            }
        };
        match part {
            Some(part) => part.culprit(state_of, options, allowed),
            None => Some(self.place.clone()),
        }
    }
}

/// Turns written expressions into checked ones, noting every fault.
pub(crate) struct Checker<'a> {
    pub(crate) questions: &'a [Question],
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn problem(&mut self, field: &str, span: Range<usize>, message: String, help: String) -> Expr {
        let place = span.clone();
        let problem = Problem { field: field.to_owned(), span: Some(span), message, help };
        self.problems.push(problem);
        Expr { place, node: Node::Number(0.0) }
    }

    /// Checks one expression; `options` are the option names it may use.
    pub(crate) fn check(&mut self, field: &str, raw: &Spanned<RawExpr>, options: &[&str]) -> Expr {
        let leaf = |node| Expr { place: raw.span(), node };
        match raw.get_ref() {
            RawExpr::Number(number) if number.is_finite() => leaf(Node::Number(*number)),
            RawExpr::Number(number) => self.problem(
                field,
                raw.span(),
                format!("{number} is not a usable number"),
                "write a finite number".to_owned(),
            ),
            RawExpr::Text(text) => match options.iter().position(|option| option == text) {
                Some(index) => leaf(Node::Option(index)),
                None if options.is_empty() => self.problem(
                    field,
                    raw.span(),
                    format!("`{text}` is not a number"),
                    "write a number or { by = … }".to_owned(),
                ),
                None => self.problem(
                    field,
                    raw.span(),
                    format!("`{text}` is not an option that may be used here"),
                    format!("allowed: {}", options.join(", ")),
                ),
            },
            RawExpr::Map(entries) => self.check_map(field, raw.span(), entries, options),
        }
    }

    fn check_map(
        &mut self,
        field: &str,
        span: Range<usize>,
        entries: &[(Spanned<String>, Spanned<RawValue>)],
        options: &[&str],
    ) -> Expr {
        const FORMS: &str = "write { by = \"question\", answer = … }, { product = […] }, { sum = […] }, { min = […] } or { max = […] }";
        if let Some((_, value)) = entries.iter().find(|(key, _)| key.get_ref() == "by") {
            return self.check_by(field, value, entries, options);
        }
        let [(key, value)] = entries else {
            return self.problem(
                field,
                span,
                "not an expression: exactly one of its forms must be named".to_owned(),
                FORMS.to_owned(),
            );
        };
        let make = match key.get_ref().as_str() {
            "product" => Node::Product,
            "sum" => Node::Sum,
            "min" => Node::Min,
            "max" => Node::Max,
            other => {
                let message = format!("`{other}` is not a form of expression");
                return self.problem(field, key.span(), message, FORMS.to_owned());
            }
        };
        match value.get_ref() {
            RawValue::List(parts) if !parts.is_empty() => {
                let parts = parts.iter().map(|part| self.check(field, part, options)).collect();
                Expr { place: key.span(), node: make(parts) }
            }
            _ => self.problem(
                field,
                value.span(),
                format!("`{}` takes a list of expressions", key.get_ref()),
                "write at least one between [ and ]".to_owned(),
            ),
        }
    }

    fn check_by(
        &mut self,
        field: &str,
        by: &Spanned<RawValue>,
        entries: &[(Spanned<String>, Spanned<RawValue>)],
        options: &[&str],
    ) -> Expr {
        let RawValue::Expr(RawExpr::Text(id)) = by.get_ref() else {
            let help = "write by = \"question\"".to_owned();
            return self.problem(field, by.span(), "`by` names a question".to_owned(), help);
        };
        let Some(question) = self.questions.iter().position(|question| question.id == *id) else {
            let ids: Vec<&str> = self.questions.iter().map(|q| q.id.as_str()).collect();
            let message = format!("there is no question `{id}`");
            return self.problem(field, by.span(), message, format!("known: {}", ids.join(", ")));
        };
        let states = self.questions.get(question).map(states).unwrap_or_default();
        if states.is_empty() {
            let message = format!("`{id}` is a number without bins");
            let help = "give the question bins to depend on it".to_owned();
            return self.problem(field, by.span(), message, help);
        }
        let mut branches = BTreeMap::new();
        let mut misnamed = false;
        for (key, value) in entries.iter().filter(|(key, _)| key.get_ref() != "by") {
            let name = key.get_ref().as_str();
            if name != "else" && !states.iter().any(|state| state == name) {
                let message = format!("`{name}` is not an answer to `{id}`");
                let help = format!("allowed: {}, else", states.join(", "));
                self.problem(field, key.span(), message, help);
                misnamed = true;
                continue;
            }
            let RawValue::Expr(inner) = value.get_ref() else {
                let help = "write one expression".to_owned();
                self.problem(field, value.span(), format!("`{name}` holds a list"), help);
                continue;
            };
            let inner = Spanned::new(value.span(), inner.clone());
            let checked = self.check(field, &inner, options);
            branches.insert(name.to_owned(), checked);
        }
        if matches!(self.questions.get(question).map(|q| &q.kind), Some(QuestionKind::Many { .. }))
        {
            return self.check_holds(field, &by.span(), question, &states, &branches);
        }
        let otherwise = branches.get("else").cloned();
        let mut in_order = Vec::with_capacity(states.len());
        for state in &states {
            match branches.remove(state).or_else(|| otherwise.clone()) {
                Some(branch) => in_order.push(branch),
                // The wrong name is told already.
                None if misnamed => return Expr { place: by.span(), node: Node::Number(0.0) },
                None => {
                    let message = format!("`{id}` = `{state}` is not covered");
                    let help = format!("add {state} = … or else = …");
                    return self.problem(field, by.span(), message, help);
                }
            }
        }
        let factor = Factor { question, holds: None, states: count(states.len()) };
        let expr = Expr { place: by.span(), node: Node::By(factor, in_order) };
        if expr.parts() > MAX_PARTS {
            let help = "nest fewer questions in each other".to_owned();
            return self.problem(field, by.span(), "too large an expression".to_owned(), help);
        }
        expr
    }

    fn check_holds(
        &mut self,
        field: &str,
        place: &Range<usize>,
        question: usize,
        states: &[String],
        branches: &BTreeMap<String, Expr>,
    ) -> Expr {
        let named: Vec<_> = branches.iter().filter(|(name, _)| *name != "else").collect();
        if let ([(name, then)], Some(otherwise)) = (named.as_slice(), branches.get("else")) {
            let holds = states.iter().position(|state| state == *name).map(count);
            let factor = Factor { question, holds, states: 2 };
            let branches = vec![otherwise.clone(), (*then).clone()];
            return Expr { place: place.clone(), node: Node::By(factor, branches) };
        }
        self.problem(
            field,
            place.clone(),
            "a list is asked for one answer at a time".to_owned(),
            "write { by = \"list\", answer = …, else = … }".to_owned(),
        )
    }
}

/// Answer lists are far below 256 long: `model_parse` sees to it.
fn count(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The names of the states that expressions may distinguish.
pub(crate) fn states(question: &Question) -> Vec<String> {
    match &question.kind {
        QuestionKind::One(answers) | QuestionKind::Many { answers, .. } => {
            answers.iter().map(|answer| answer.value.clone()).collect()
        }
        QuestionKind::Number { bins, .. } => bins.iter().map(|bin| bin.value.clone()).collect(),
    }
}

/// Swing points and values for one combination of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Row {
    /// Swing points; for economy the part of CPU and the part of memory, else the second is 0.
    pub(crate) swings: [f64; 2],
    /// What Rust, Go and the hybrid offer; unused by measured criteria.
    pub(crate) values: [f64; 3],
}

impl Row {
    /// Every number: the parts of the swing, then what Rust, Go and the hybrid offer.
    pub(crate) fn numbers(&self) -> [f64; 5] {
        let ([first, second], [rust, go, hybrid]) = (self.swings, self.values);
        [first, second, rust, go, hybrid]
    }

    pub(crate) fn swing(&self) -> f64 {
        let [first, second] = self.swings;
        first + second
    }
}

/// One row for each combination of a criterion's factors, the last factor varying fastest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Fills the table; `make` gets the state of each factor. `None` when it would be too large.
    pub(crate) fn build(factors: &[Factor], make: impl Fn(&[u8]) -> Row) -> Option<Self> {
        let size = factors.iter().try_fold(1_usize, |size, factor| {
            size.checked_mul(usize::from(factor.states)).filter(|size| *size <= MAX_ROWS)
        })?;
        Some(Self((0..size).map(|index| make(&Self::states(factors, index))).collect()))
    }

    /// The state of each factor in a row.
    pub(crate) fn states(factors: &[Factor], index: usize) -> Vec<u8> {
        let mut rest = index;
        let mut states = vec![0; factors.len()];
        for (state, factor) in states.iter_mut().zip(factors).rev() {
            let radix = usize::from(factor.states).max(1);
            *state = count(rest % radix);
            rest /= radix;
        }
        states
    }

    /// Takes every swing point away.
    pub(crate) fn lose_swing(&mut self) {
        self.0.iter_mut().for_each(|row| row.swings = [0.0; 2]);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    pub(crate) fn row(&self, index: usize) -> Row {
        self.0.get(index).copied().unwrap_or_default()
    }
}

impl RawValue {
    /// The expression, unless it is a list.
    pub(crate) fn expression(&self) -> Option<RawExpr> {
        match self {
            Self::Expr(expr) => Some(expr.clone()),
            Self::List(_) => None,
        }
    }
}
