//! The text of a new record.

use std::fmt::Write as _;

use assay_advice::{Answers, Choice, Score};
use jiff::Timestamp;
use serde::Serialize as _;
use toml_edit::{Key, Value, ser::ValueSerializer};
use uuid::Uuid;

use crate::{
    Draft, Event, EventKind, Evidence, Original, Rationale, Section, Trigger, cost,
    parse::TOO_CLOSE,
};

const HEAD: &str = "\
#:schema record.schema.json
# A decision recorded with assay. Edit it here or in the browser: comments, order and keys that
# assay does not know are kept.
";

/// A text under construction, line by line.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn set_if(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    fn list(&mut self, key: &str, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().collect();
        if !items.is_empty() {
            self.set(key, items.into_iter().collect::<Value>());
        }
    }
}

pub(crate) fn record(draft: &Draft, id: Uuid, now: Timestamp, by: &str) -> String {
    let mut out = Lines(HEAD.to_owned());
    head(&mut out, draft, id, now);
    if let Some(choice) = &draft.choice {
        out.line("\n[choice]");
        out.set("option", choice.option.id());
        let reason = choice.override_reason.as_deref().map(unix_lines);
        let hint = "# required when it differs from the recommendation";
        match reason {
            Some(reason) => out.set("override_reason", reason),
            None => out.line(&format!("override_reason = \"\" {hint}")),
        }
    }
    rationale(&mut out, &draft.rationale);
    answers(&mut out, &draft.answers);
    if let Some(score) = &draft.advice {
        advice(&mut out, score);
    }
    if let Some(reckoned) = &draft.cost {
        out.line("\n[cost] # as reckoned that day; the assumptions may be amended");
        for (key, value) in cost::fields(reckoned) {
            fact(&mut out, key, &value, true);
        }
    }
    for row in &draft.evidence {
        evidence(&mut out, row);
    }
    if !draft.triggers.is_empty() {
        out.line(
            "\n# What would make this decision due for review. Kinds and how `when` is written:",
        );
        out.line("# metric `NAME OP NUMBER for DURATION`, answer `QUESTION = VALUE`,");
        out.line("# date `YYYY-MM-DD`, event: any text.");
    }
    for (index, item) in draft.triggers.iter().enumerate() {
        trigger(&mut out, item, index == 0);
    }
    let detail = draft.original.as_ref().map(Original::detail).unwrap_or_default();
    if let Some(original) = &draft.original {
        out.line("\n[original] # what this record was imported from, exactly");
        out.set("format", original.format.id());
        out.set("file", original.file.as_str());
        out.set("text", original.text.as_str());
    }
    out.line("\n# What happened to this record, oldest first; only ever added to.");
    event(&mut out, &Event::new(now, by, EventKind::Created, detail));
    out.0
}

fn head(out: &mut Lines, draft: &Draft, id: Uuid, now: Timestamp) {
    out.line("schema = 1");
    out.line(&format!(
        "id = \"{id}\" # stays for life; the number in the file name is for display"
    ));
    out.set("title", draft.title.as_str());
    out.set_if("service", draft.service.as_deref());
    out.set_if("team", draft.team.as_deref());
    let statuses = "draft, proposed, accepted, rejected or deprecated";
    out.line(&format!("status = \"{}\" # {statuses}", draft.status.id()));
    out.list("tags", draft.tags.iter().cloned());
    out.line(&format!("created = {}", seconds(now)));
    if let Some(date) = draft.decided {
        out.line(&format!("decided = {date}"));
    }
    if let Some(date) = draft.review_by {
        out.line(&format!("review_by = {date} # look at it again by this day"));
    }
    out.list("deciders", draft.deciders.iter().cloned());
    out.list("supersedes", draft.supersedes.iter().map(Uuid::to_string));
}

fn rationale(out: &mut Lines, rationale: &Rationale) {
    out.line("\n[rationale] # Markdown");
    for section in Section::ALL {
        out.set(section.id(), unix_lines(rationale.get(section)));
    }
}

/// The answers in the checklist's order.
fn answers(out: &mut Lines, answers: &Answers) {
    out.line("\n[answers]");
    let mut table = answers.to_table();
    for (id, _) in answers.to_pairs() {
        if let Some(value) = table.remove(&id) {
            out.line(&format!("{id} = {value}"));
        }
    }
    for (id, value) in table {
        out.line(&format!("{id} = {value}"));
    }
}

/// The advice as given, one fact on a line, so that a diff of two records reads well.
fn advice(out: &mut Lines, score: &Score) {
    let score = Score { precedents: Vec::new(), same_as: None, ..score.clone() };
    let Ok(Value::InlineTable(table)) = score.serialize(ValueSerializer::new()) else {
        // Only a seed beyond 63 bits cannot be written as TOML, and the engine has none.
        return;
    };
    out.line("\n[advice] # as given that day");
    for (key, value) in &table {
        fact(out, key, value, true);
    }
}

fn fact(out: &mut Lines, path: &str, value: &Value, open: bool) {
    match value {
        Value::InlineTable(table) if open => {
            for (key, value) in table {
                fact(out, &format!("{path}.{}", Key::new(key)), value, false);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_inline_table) => {
            out.line(&format!("{path} = ["));
            for item in items {
                out.line(&format!("    {},", item.to_string().trim()));
            }
            out.line("]");
        }
        other => out.line(&format!("{path} = {}", other.to_string().trim())),
    }
}

fn evidence(out: &mut Lines, row: &Evidence) {
    out.line("\n[[evidence]]");
    out.set("run", row.run.as_str());
    out.set_if("scenario", row.scenario.as_deref());
    out.set("metric", row.metric.as_str());
    out.set_if("unit", row.unit.as_deref());
    let numbers = [
        ("rust", row.rust),
        ("go", row.go),
        ("ratio", row.ratio),
        ("low", row.low),
        ("high", row.high),
    ];
    for (key, number) in numbers {
        out.set_if(key, number);
    }
}

fn trigger(out: &mut Lines, trigger: &Trigger, first: bool) {
    out.line(if first { "[[trigger]]" } else { "\n[[trigger]]" });
    for (key, value) in trigger_fields(trigger) {
        out.set(key, value);
    }
}

fn event(out: &mut Lines, event: &Event) {
    out.line("[[event]]");
    for (key, value) in event_fields(event) {
        out.set(key, value);
    }
}

/// A trigger's keys and values in their order.
pub(crate) fn trigger_fields(trigger: &Trigger) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("id", trigger.id.as_str().into()),
        ("kind", trigger.condition.kind().id().into()),
        ("when", trigger.condition.to_string().into()),
    ];
    fields.extend(trigger.flips_to.map(|option| ("flips_to", option.id().into())));
    let texts = [("owner", &trigger.owner), ("note", &trigger.note), ("promql", &trigger.promql)];
    for (key, text) in texts {
        fields.extend(text.as_ref().map(|text| (key, unix_lines(text).into())));
    }
    fields
}

/// An event's keys and values in their order.
pub(crate) fn event_fields(event: &Event) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("at", moment(event.at)),
        ("by", event.by.as_str().into()),
        ("kind", event.kind.id().into()),
    ];
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let facts = [
        ("verdict", event.verdict.map(|verdict| verdict.id().into())),
        ("outcome", event.outcome.map(|outcome| outcome.id().into())),
        ("section", event.section.map(|section| section.id().into())),
        ("trigger", text(&event.trigger)),
        ("alert", text(&event.alert)),
        ("advised", event.advised.map(|option| option.map_or(TOO_CLOSE, Choice::id).into())),
        ("detail", Some(unix_lines(&event.detail).into()).filter(|_| !event.detail.is_empty())),
        ("digest", text(&event.digest)),
    ];
    fields.extend(facts.into_iter().filter_map(|(key, value)| Some((key, value?))));
    fields
}

/// A moment as TOML writes it, to the second: finer is noise in a file that people read.
pub(crate) fn moment(at: Timestamp) -> Value {
    let text = seconds(at);
    text.parse::<toml_edit::Datetime>().map_or_else(|_| Value::from(text), Value::from)
}

fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Forms send line ends as CR LF; a file keeps LF.
pub(crate) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}
