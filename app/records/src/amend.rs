//! Changes to a record's text that leave everything else as its author wrote it.

use assay_advice::{Answers, Choice, Model, Problem};
use jiff::civil::Date;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};
use uuid::Uuid;

use crate::{
    Event, Record, RecordedCost, Section, Status, Trigger, check_revision, cost,
    write::{event_fields, trigger_fields, unix_lines},
};

/// One change to a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Amendment {
    /// Another title.
    Title(String),
    /// Another service; none takes it out, as with every other optional field.
    Service(Option<String>),
    /// Another team.
    Team(Option<String>),
    /// The next status of its life.
    Status(Status),
    /// Other tags.
    Tags(Vec<String>),
    /// The day of the decision.
    Decided(Option<Date>),
    /// Another review date.
    ReviewBy(Option<Date>),
    /// Other deciders.
    Deciders(Vec<String>),
    /// The records it replaces once accepted.
    Supersedes(Vec<Uuid>),
    /// Another option, until the record is accepted.
    Option(Choice),
    /// Why the choice differs from the advice; empty takes it out.
    OverrideReason(String),
    /// Another text for a section of the rationale.
    Rationale(Section, String),
    /// Other answers, until the record is accepted.
    Answers(Answers),
    /// Another cost, with the assumptions it rests on.
    Cost(Box<RecordedCost>),
    /// Other triggers; those with a known id are changed in place.
    Triggers(Vec<Trigger>),
    /// Something that happened; kept after the earlier events.
    Event(Event),
}

/// The text with the changes made. Comments, order and unknown keys stay.
///
/// # Errors
/// What is wrong with the text as it is, or with the record after the changes; spans are byte ranges
/// of the text that was judged, fields name what was changed.
pub fn amend(text: &str, model: &Model, changes: &[Amendment]) -> Result<String, Vec<Problem>> {
    let old = Record::parse(text, model)?.record;
    let mut document: DocumentMut = text.parse().map_err(|error| vec![not_editable(&error)])?;
    for change in changes {
        apply(&mut document, change);
    }
    let changed = keep_line_ends(text, document.to_string());
    let new = Record::parse(&changed, model)?.record;
    let refused = check_revision(&old, &new);
    if refused.is_empty() { Ok(changed) } else { Err(refused) }
}

fn not_editable(error: &toml_edit::TomlError) -> Problem {
    Problem {
        field: String::new(),
        span: error.span(),
        message: error.message().to_owned(),
        help: "edit the file by hand".to_owned(),
    }
}

/// A text whose every line ends in CR LF keeps doing so.
fn keep_line_ends(before: &str, after: String) -> String {
    let lines = before.matches('\n').count();
    if lines > 0 && before.matches("\r\n").count() == lines {
        return after.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    after
}

fn apply(document: &mut DocumentMut, change: &Amendment) {
    let top: &mut Table = document.as_table_mut();
    match change {
        Amendment::Title(title) => set(top, "title", title.as_str()),
        Amendment::Service(service) => set_or_remove(top, "service", service.as_deref()),
        Amendment::Team(team) => set_or_remove(top, "team", team.as_deref()),
        Amendment::Status(status) => set(top, "status", status.id()),
        Amendment::Tags(tags) => set_list(top, "tags", tags),
        Amendment::Decided(date) => set_or_remove(top, "decided", date.map(day)),
        Amendment::ReviewBy(date) => set_or_remove(top, "review_by", date.map(day)),
        Amendment::Deciders(names) => set_list(top, "deciders", names),
        Amendment::Supersedes(ids) => {
            let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
            set_list(top, "supersedes", &ids);
        }
        Amendment::Option(option) => set(child(top, "choice"), "option", option.id()),
        Amendment::OverrideReason(reason) => {
            set(child(top, "choice"), "override_reason", unix_lines(reason));
        }
        Amendment::Rationale(section, text) => {
            set(child(top, "rationale"), section.id(), unix_lines(text));
        }
        Amendment::Answers(answers) => set_answers(child(top, "answers"), answers),
        Amendment::Cost(reckoned) => set_cost(child(top, "cost"), reckoned),
        Amendment::Triggers(triggers) => set_triggers(tables(top, "trigger"), triggers),
        Amendment::Event(event) => {
            let mut table = Table::new();
            table.extend(event_fields(event));
            tables(top, "event").push(table);
        }
    }
}

fn day(date: Date) -> Value {
    let text = date.to_string();
    text.parse::<toml_edit::Datetime>().map_or_else(|_| Value::from(text), Value::from)
}

/// Sets a value unless it says so already; what stands around it stays.
fn set(table: &mut dyn TableLike, key: &str, value: impl Into<Value>) {
    let mut value: Value = value.into();
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        if same(old, &value) {
            return;
        }
        *value.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn set_or_remove(table: &mut dyn TableLike, key: &str, value: Option<impl Into<Value>>) {
    match value {
        Some(value) => set(table, key, value),
        None => {
            table.remove(key);
        }
    }
}

/// Whether two values say the same, however they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.value() == b.value(),
        (Value::Integer(a), Value::Integer(b)) => a.value() == b.value(),
        (Value::Float(a), Value::Float(b)) => a.value() == b.value(),
        (Value::Boolean(a), Value::Boolean(b)) => a.value() == b.value(),
        (Value::Datetime(a), Value::Datetime(b)) => a.value() == b.value(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::InlineTable(a), Value::InlineTable(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// Sets a list of texts; elements that stay keep their layout, and every comment stays. TOML hangs
/// what stands between two elements before the second, so that a comment on a removed element's line
/// moves to what follows it.
fn set_list(table: &mut dyn TableLike, key: &str, items: &[String]) {
    let Some(array) = table.get_mut(key).and_then(Item::as_array_mut) else {
        if !items.is_empty() {
            set(table, key, items.iter().collect::<Value>());
        }
        return;
    };
    if array.iter().map(Value::as_str).eq(items.iter().map(|item| Some(item.as_str()))) {
        return;
    }
    let first = array.get(0).map(before).unwrap_or_default();
    let line = first.rfind('\n').and_then(|at| first.get(at..)).map(str::to_owned);
    let mut old: Vec<Value> = Vec::new();
    let mut carried = String::new();
    for value in array.iter() {
        let prefix = std::mem::take(&mut carried) + &before(value);
        if value.as_str().is_some_and(|text| items.iter().any(|item| item == text)) {
            let mut value = value.clone();
            value.decor_mut().set_prefix(prefix);
            old.push(value);
        } else {
            carried = comment_in(&prefix);
        }
    }
    let mut trailing = carried + array.trailing().as_str().unwrap_or_default();
    let mut list = Array::new();
    for item in items {
        let known = old.iter().position(|value| value.as_str() == Some(item));
        let mut value = known.map_or_else(|| Value::from(item), |at| old.remove(at));
        let space = match &line {
            Some(line) if known.is_none() => {
                let comment = comment_in(&std::mem::replace(&mut trailing, "\n".to_owned()));
                comment + line
            }
            None if before(&value).trim().is_empty() => {
                if list.is_empty() {
                    String::new()
                } else {
                    " ".to_owned()
                }
            }
            _ => before(&value),
        };
        value.decor_mut().set_prefix(space);
        list.push_formatted(value);
    }
    list.set_trailing(trailing);
    list.set_trailing_comma(array.trailing_comma());
    *list.decor_mut() = array.decor().clone();
    *array = list;
}

/// What stands before a value.
fn before(value: &Value) -> String {
    value.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
}

/// The text between two elements without its last line break; empty unless it holds a comment.
fn comment_in(space: &str) -> String {
    if space.contains('#') { space.trim_end().to_owned() } else { String::new() }
}

/// The table under a key, made when missing.
fn child<'a>(top: &'a mut Table, key: &str) -> &'a mut dyn TableLike {
    let item = top.entry(key).or_insert_with(|| Item::Table(Table::new()));
    if !item.is_table_like() {
        *item = Item::Table(Table::new());
    }
    match item {
        Item::Value(Value::InlineTable(table)) => table,
        Item::Table(table) => table,
        #[expect(clippy::unreachable, reason = "the item was made a table above")]
        _ => unreachable!("a table-like item is one of these two"),
    }
}

/// The tables under `[[key]]`, made when missing.
fn tables<'a>(top: &'a mut Table, key: &str) -> &'a mut ArrayOfTables {
    let item = top.entry(key).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if !item.is_array_of_tables() {
        let list = std::mem::take(item).into_array_of_tables().unwrap_or_default();
        *item = Item::ArrayOfTables(list);
    }
    match item {
        Item::ArrayOfTables(list) => list,
        #[expect(clippy::unreachable, reason = "the item was made a list above")]
        _ => unreachable!("the item is a list of tables"),
    }
}

fn set_answers(table: &mut dyn TableLike, answers: &Answers) {
    let wanted = answers.to_table();
    let gone: Vec<String> =
        table.iter().map(|(id, _)| id.to_owned()).filter(|id| !wanted.contains_key(id)).collect();
    for id in gone {
        table.remove(&id);
    }
    for (id, value) in &wanted {
        if let Ok(value) = value.to_string().parse::<Value>() {
            set(table, id, value);
        }
    }
}

/// What assay knows is set or taken out; comments and other keys stay.
fn set_cost(table: &mut dyn TableLike, reckoned: &RecordedCost) {
    let fields = cost::fields(reckoned);
    for key in cost::COST {
        if !fields.iter().any(|(name, _)| *name == key) {
            table.remove(key);
        }
    }
    for (key, value) in fields {
        merge(table, key, value);
    }
}

/// Sets a value; of a table each key by itself, so that what stands beside them stays.
fn merge(table: &mut dyn TableLike, key: &str, value: Value) {
    let Value::InlineTable(new) = value else {
        return set(table, key, value);
    };
    match table.get_mut(key).and_then(Item::as_table_like_mut) {
        Some(old) => new.into_iter().for_each(|(key, value)| merge(old, &key, value)),
        None => set(table, key, Value::InlineTable(new)),
    }
}

fn set_triggers(list: &mut ArrayOfTables, triggers: &[Trigger]) {
    let id_of = |table: &Table| table.get("id").and_then(Item::as_str).map(str::to_owned);
    list.retain(|table| {
        id_of(table).is_some_and(|id| triggers.iter().any(|trigger| trigger.id == id))
    });
    for trigger in triggers {
        let fields = trigger_fields(trigger);
        let known = list.iter_mut().find(|table| id_of(table).as_ref() == Some(&trigger.id));
        let Some(table) = known else {
            let mut table = Table::new();
            table.extend(fields);
            list.push(table);
            continue;
        };
        for key in ["flips_to", "owner", "note", "promql"] {
            if !fields.iter().any(|(name, _)| *name == key) {
                table.remove(key);
            }
        }
        for (key, value) in fields {
            set(table, key, value);
        }
    }
}
