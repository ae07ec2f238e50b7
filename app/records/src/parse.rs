//! From text to a record.

use std::collections::HashSet;

use assay_advice::{Answers, Choice, Model, Problem, Score};
use jiff::Timestamp;
use serde::Deserialize as _;
use toml::de::{DeTable, ValueDeserializer};
use uuid::Uuid;

use crate::{
    Chosen, Condition, Dialect, Event, EventKind, Evidence, Original, Outcome, Rationale, Record,
    ReviewVerdict, Section, Status, Trigger, TriggerKind, cost,
    limits::{MAX_EVENTS, MAX_LIST, MAX_PROBLEMS, MAX_RECORD_BYTES, MAX_TRIGGERS},
    promql_fault,
    reader::{Findings, Reader, shorten},
};

/// A record, and what its reader should know of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The record.
    pub record: Record,
    /// What is odd but allowed, such as unknown keys; spans are byte ranges of the text.
    pub warnings: Vec<Problem>,
}

pub(crate) const TOP: [&str; 21] = [
    "schema",
    "id",
    "title",
    "service",
    "team",
    "status",
    "tags",
    "created",
    "decided",
    "review_by",
    "deciders",
    "supersedes",
    "choice",
    "rationale",
    "answers",
    "advice",
    "cost",
    "evidence",
    "trigger",
    "original",
    "event",
];
pub(crate) const CHOICE: [&str; 2] = ["option", "override_reason"];
pub(crate) const RATIONALE: [&str; 3] = ["context", "decision", "consequences"];
pub(crate) const EVIDENCE: [&str; 9] =
    ["run", "scenario", "metric", "unit", "rust", "go", "ratio", "low", "high"];
pub(crate) const ORIGINAL: [&str; 3] = ["format", "file", "text"];
pub(crate) const TRIGGER: [&str; 7] = ["id", "kind", "when", "flips_to", "owner", "note", "promql"];
pub(crate) const EVENT: [&str; 11] = [
    "at", "by", "kind", "detail", "verdict", "section", "digest", "trigger", "alert", "outcome",
    "advised",
];
/// How an event writes that the advice was too close to call.
pub(crate) const TOO_CLOSE: &str = "too_close";

pub(crate) fn parse(text: &str, model: &Model) -> Result<Parsed, Vec<Problem>> {
    if text.len() > MAX_RECORD_BYTES {
        return Err(vec![too_big(text.len())]);
    }
    let (document, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        // A text that is not TOML has no fields worth judging yet.
        return Err(faults.iter().take(MAX_PROBLEMS).map(not_toml).collect());
    }
    let mut found = Findings::default();
    let top = Reader::top(document.get_ref());
    let answers = read_answers(&top, document.get_ref(), model, &mut found);
    let record = read_record(&top, answers, model, &mut found);
    match record {
        Some(record) if found.problems.is_empty() => {
            Ok(Parsed { record, warnings: found.warnings })
        }
        _ => {
            found.problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
            Err(found.problems)
        }
    }
}

fn too_big(bytes: usize) -> Problem {
    Problem {
        field: String::new(),
        span: Some(0..0),
        message: format!("the text has {bytes} bytes; a record has at most {MAX_RECORD_BYTES}"),
        help: "move what is long elsewhere and link to it".to_owned(),
    }
}

fn not_toml(fault: &toml::de::Error) -> Problem {
    Problem {
        field: String::new(),
        span: Some(fault.span().unwrap_or(0..0)),
        message: format!("this is not TOML: {}", fault.message().replace('\n', "; ")),
        help: "see https://toml.io for how TOML is written".to_owned(),
    }
}

fn read_answers(
    top: &Reader<'_, '_>,
    document: &DeTable<'_>,
    model: &Model,
    found: &mut Findings,
) -> Answers {
    if top.get("answers").is_none() {
        return Answers::default();
    }
    match Answers::known_from_table(model, document) {
        Ok((sheet, faults)) => {
            let list = match of_another_model(top, model) {
                true => &mut found.warnings,
                false => &mut found.problems,
            };
            list.extend(faults);
            sheet.answers
        }
        Err(problems) => {
            // The service's name is judged here with the record's other lines.
            found.problems.extend(problems.into_iter().filter(|p| p.field != "service"));
            Answers::default()
        }
    }
}

/// Whether another model gave the advice. What it asked and this one does not is odd then, and no
/// fault: a new model must not make old records unreadable.
fn of_another_model(top: &Reader<'_, '_>, model: &Model) -> bool {
    let advice = top.get("advice").and_then(|advice| advice.get_ref().as_table());
    let advised_by = advice.and_then(|advice| advice.get("model")?.get_ref().as_table());
    let digest = advised_by.and_then(|model| model.get("digest")?.get_ref().as_str());
    digest.is_some_and(|digest| digest != model.digest())
}

/// Reads every field, so that every problem is found; absent when something required is.
fn read_record(
    top: &Reader<'_, '_>,
    answers: Answers,
    model: &Model,
    found: &mut Findings,
) -> Option<Record> {
    top.warn_unknown(&TOP, found);
    check_schema(top, found);
    let id = read_id(top, found);
    let title = top.line("title", found);
    if title.is_none() && top.get("title").is_none_or(|title| title.get_ref().is_str()) {
        top.missing("title", "write title = \"…\"", found);
    }
    let statuses = Status::ALL.map(Status::id);
    let status = top.word("status", &statuses, Status::from_id, found);
    if top.get("status").is_none() {
        top.missing("status", &format!("one of: {}", statuses.join(", ")), found);
    }
    let created = required_moment(top, "created", found);
    let service = top.line("service", found);
    let team = top.line("team", found);
    let tags = top.lines("tags", MAX_LIST, found);
    let decided = top.date("decided", found);
    let review_by = top.date("review_by", found);
    let deciders = top.lines("deciders", MAX_LIST, found);
    let supersedes = read_supersedes(top, id, found);
    let advice = read_advice(top, found);
    let choice = read_choice(top, status, advice.as_ref(), found);
    let rationale = read_rationale(top, found);
    let cost = cost::read(top, found);
    let evidence = read_evidence(top, found);
    let triggers = read_triggers(top, model, found);
    let original = read_original(top, found);
    let events = read_events(top, found);
    Some(Record {
        id: id?,
        title: title?,
        service,
        team,
        status: status?,
        tags,
        created: created?,
        decided,
        review_by,
        deciders,
        supersedes,
        choice,
        rationale,
        answers,
        advice,
        cost,
        evidence,
        triggers,
        original,
        events,
    })
}

fn check_schema(top: &Reader<'_, '_>, found: &mut Findings) {
    match top.get("schema") {
        None => top.missing("schema", "write schema = 1", found),
        Some(value) if value.get_ref().as_integer().is_some_and(|n| n.as_str() == "1") => {}
        Some(value) => {
            let message = "this schema is not known";
            let help = "write schema = 1, or use a newer assay";
            found.problem("schema", value.span(), message, help);
        }
    }
}

fn read_id(top: &Reader<'_, '_>, found: &mut Findings) -> Option<Uuid> {
    let help = "a UUID such as 0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a; `assay record` makes one";
    if top.get("id").is_none() {
        top.missing("id", help, found);
    }
    let text = top.string("id", found)?;
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    if id.is_none() {
        found.problem("id", top.span("id"), format!("`{}` is not an id", shorten(text)), help);
    }
    id
}

fn required_moment(reader: &Reader<'_, '_>, key: &str, found: &mut Findings) -> Option<Timestamp> {
    if reader.get(key).is_none() {
        reader.missing(key, &format!("write {key} = 2026-11-21T10:00:00Z"), found);
    }
    reader.moment(key, found)
}

fn read_supersedes(top: &Reader<'_, '_>, own: Option<Uuid>, found: &mut Findings) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for item in top.list("supersedes", MAX_LIST, found) {
        match item.get_ref().as_str().and_then(|text| Uuid::try_parse(text).ok()) {
            Some(id) if Some(id) == own => {
                let help = "name the records that this one replaces";
                found.problem("supersedes", item.span(), "a record cannot replace itself", help);
            }
            Some(id) => ids.push(id),
            None => {
                let help = "a UUID such as \"0198f2c4-7d1e-7c3a-9b52-3f1d2e4c5b6a\"";
                found.problem("supersedes", item.span(), "this is not a record's id", help);
            }
        }
    }
    ids
}

fn read_advice(top: &Reader<'_, '_>, found: &mut Findings) -> Option<Score> {
    top.table("advice", found)?;
    let value = top.get("advice")?.clone();
    let span = value.span();
    match Score::deserialize(ValueDeserializer::from(value)) {
        Ok(score) => Some(score),
        Err(error) => {
            let at = error.span().unwrap_or(span);
            let help = "the advice is kept as `assay score` gave it; restore it or take it out";
            found.problem("advice", at, error.message().replace('\n', "; "), help);
            None
        }
    }
}

fn read_choice(
    top: &Reader<'_, '_>,
    status: Option<Status>,
    advice: Option<&Score>,
    found: &mut Findings,
) -> Option<Chosen> {
    let options = Choice::ALL.map(Choice::id);
    let must = matches!(status, Some(Status::Accepted | Status::Deprecated));
    let Some(table) = top.table("choice", found) else {
        // A decision of another tool may be about something else than Rust and Go.
        if must && top.get("choice").is_none() && top.get("original").is_none() {
            let help = "write [choice] with option = \"rust\", \"go\" or \"hybrid\"";
            let message = "an accepted record says what was chosen";
            found.problem("choice.option", top.span("status"), message, help);
        }
        return None;
    };
    table.warn_unknown(&CHOICE, found);
    let override_reason = Some(table.text("override_reason", found));
    let override_reason = override_reason.filter(|reason| !reason.trim().is_empty());
    if table.get("option").is_none() {
        table.missing("option", &format!("one of: {}", options.join(", ")), found);
    }
    let option = table.word("option", &options, Choice::from_id, found)?;
    let advised = advice.and_then(|advice| advice.recommended);
    if let Some(advised) = advised.filter(|advised| *advised != option)
        && override_reason.is_none()
    {
        let message = format!("{option} was chosen against the advice, which is {advised}");
        let help = "say why the choice differs from the advice";
        let key = if table.get("override_reason").is_some() { "override_reason" } else { "option" };
        found.problem("choice.override_reason", table.span(key), message, help);
    }
    Some(Chosen { option, override_reason })
}

fn read_rationale(top: &Reader<'_, '_>, found: &mut Findings) -> Rationale {
    let Some(table) = top.table("rationale", found) else {
        return Rationale::default();
    };
    table.warn_unknown(&RATIONALE, found);
    Rationale {
        context: table.text("context", found),
        decision: table.text("decision", found),
        consequences: table.text("consequences", found),
    }
}

fn read_evidence(top: &Reader<'_, '_>, found: &mut Findings) -> Vec<Evidence> {
    let mut rows = Vec::new();
    for table in top.tables("evidence", MAX_LIST, found) {
        table.warn_unknown(&EVIDENCE, found);
        for key in ["run", "metric"] {
            if table.get(key).is_none() {
                table.missing(key, &format!("write {key} = \"…\""), found);
            }
        }
        rows.push(Evidence {
            run: table.line("run", found).unwrap_or_default(),
            scenario: table.line("scenario", found),
            metric: table.line("metric", found).unwrap_or_default(),
            unit: table.line("unit", found),
            rust: table.number("rust", found),
            go: table.number("go", found),
            ratio: table.number("ratio", found),
            low: table.number("low", found),
            high: table.number("high", found),
        });
    }
    rows
}

fn read_original(top: &Reader<'_, '_>, found: &mut Findings) -> Option<Original> {
    let table = top.table("original", found)?;
    table.warn_unknown(&ORIGINAL, found);
    for key in ORIGINAL {
        if table.get(key).is_none() {
            table.missing(key, "restore what `assay import` wrote", found);
        }
    }
    let formats = Dialect::ALL.map(Dialect::id);
    let format = table.word("format", &formats, Dialect::from_id, found);
    let file = table.string("file", found).map(str::to_owned);
    let text = table.string("text", found).map(str::to_owned);
    Some(Original { format: format?, file: file?, text: text? })
}

fn read_triggers(top: &Reader<'_, '_>, model: &Model, found: &mut Findings) -> Vec<Trigger> {
    let of_another = of_another_model(top, model);
    let mut seen = HashSet::new();
    let mut triggers = Vec::new();
    for table in top.tables("trigger", MAX_TRIGGERS, found) {
        table.warn_unknown(&TRIGGER, found);
        let id = read_trigger_id(&table, &mut seen, found);
        let condition = read_condition(&table, model, of_another, found);
        let options = Choice::ALL.map(Choice::id);
        let flips_to = table.word("flips_to", &options, Choice::from_id, found);
        let owner = table.line("owner", found);
        let note = Some(table.text("note", found)).filter(|note| !note.is_empty());
        let promql = Some(table.text("promql", found)).filter(|promql| !promql.is_empty());
        let Some((id, condition)) = id.zip(condition) else {
            continue;
        };
        if matches!(condition, Condition::Metric { .. }) && promql.is_none() {
            let message = "without promql this trigger cannot be exported as an alert";
            let help = "write promql = \"…\", an expression whose value `when` compares";
            found.warning(table.field("promql"), table.span("when"), message, help);
        }
        // Prometheus has the last word, so that the record can be used all the same.
        if let Some(fault) = promql.as_deref().and_then(promql_fault) {
            let message = format!("this is no Prometheus expression: {fault}");
            let help = "mend it; until then it is not exported as an alert";
            found.warning(table.field("promql"), table.span("promql"), message, help);
        }
        triggers.push(Trigger { id, condition, flips_to, owner, note, promql });
    }
    triggers
}

fn read_trigger_id(
    table: &Reader<'_, '_>,
    seen: &mut HashSet<String>,
    found: &mut Findings,
) -> Option<String> {
    let help = "lower-case letters, digits, `-` and `_`, at most 60, and no two alike";
    if table.get("id").is_none() {
        table.missing("id", help, found);
    }
    let id = table.string("id", found)?;
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if id.is_empty() || id.len() > 60 || !id.bytes().all(allowed) {
        let message = format!("`{}` is not a trigger's id", shorten(id));
        found.problem(table.field("id"), table.span("id"), message, help);
        return None;
    }
    if !seen.insert(id.to_owned()) {
        let message = format!("two triggers have the id `{id}`");
        found.problem(table.field("id"), table.span("id"), message, help);
    }
    Some(id.to_owned())
}

fn read_condition(
    table: &Reader<'_, '_>,
    model: &Model,
    of_another: bool,
    found: &mut Findings,
) -> Option<Condition> {
    let kinds = TriggerKind::ALL.map(TriggerKind::id);
    if table.get("kind").is_none() {
        table.missing("kind", &format!("one of: {}", kinds.join(", ")), found);
    }
    let kind = table.word("kind", &kinds, TriggerKind::from_id, found);
    if table.get("when").is_none() {
        let form = kind.map_or("when = \"…\"", TriggerKind::form);
        table.missing("when", &format!("write {form}"), found);
    }
    let when = table.text("when", found);
    table.get("when").filter(|when| when.get_ref().is_str())?;
    match (Condition::parse(kind?, &when, model), when.split_once('=')) {
        (Ok(condition), _) => Some(condition),
        (Err(problem), Some((question, value)))
            if of_another && kind == Some(TriggerKind::Answer) =>
        {
            let field = table.field(&problem.field);
            found.warning(field, table.span("when"), problem.message, problem.help);
            let (question, value) = (question.trim().to_owned(), value.trim().to_owned());
            Some(Condition::Answer { question, value })
        }
        (Err(problem), _) => {
            let field = table.field(&problem.field);
            found.problem(field, table.span("when"), problem.message, problem.help);
            None
        }
    }
}

fn read_events(top: &Reader<'_, '_>, found: &mut Findings) -> Vec<Event> {
    let mut events = Vec::new();
    for table in top.tables("event", MAX_EVENTS, found) {
        table.warn_unknown(&EVENT, found);
        if table.get("kind").is_none() {
            table.missing("kind", &format!("one of: {}", EventKind::IDS.join(", ")), found);
        }
        let at = required_moment(&table, "at", found);
        let kind = table.word("kind", EventKind::IDS, EventKind::from_id, found);
        let by = table.line("by", found).unwrap_or_default();
        let detail = table.text("detail", found);
        let facts = read_facts(&table, found);
        if let Some((at, kind)) = at.zip(kind) {
            events.push(Event { at, by, kind, detail, ..facts });
        }
    }
    events
}

/// What an event of one kind or another says besides; the rest is to be filled in.
fn read_facts(table: &Reader<'_, '_>, found: &mut Findings) -> Event {
    let sections = Section::ALL.map(Section::id);
    let advised = ["rust", "go", "hybrid", TOO_CLOSE];
    let read_advised = |id: &str| match Choice::from_id(id) {
        None if id == TOO_CLOSE => Some(None),
        None => None,
        option => Some(option),
    };
    Event {
        verdict: table.word("verdict", ReviewVerdict::IDS, ReviewVerdict::from_id, found),
        section: table.word("section", &sections, Section::from_id, found),
        digest: table.line("digest", found),
        trigger: table.line("trigger", found),
        alert: table.line("alert", found),
        outcome: table.word("outcome", Outcome::IDS, Outcome::from_id, found),
        advised: table.word("advised", &advised, read_advised, found),
        ..Event::new(Timestamp::UNIX_EPOCH, "", EventKind::Edited, "")
    }
}
