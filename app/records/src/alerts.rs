//! Metric triggers as Prometheus alerting rules.

use std::fmt::Write as _;

use serde_json::json;
use uuid::Uuid;

use crate::{Condition, Record, Trigger, promql_fault};

/// The name of every alert that stands for a trigger.
pub const ALERT_NAME: &str = "AssayTrigger";
/// The label that carries the record's id.
pub const RECORD_LABEL: &str = "assay_record";
/// The label that carries the trigger's id within the record.
pub const TRIGGER_LABEL: &str = "assay_trigger";

/// A rules file, and what could not be part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertRules {
    /// The file, YAML.
    pub yaml: String,
    /// How many rules it has.
    pub rules: usize,
    /// The metric triggers left out, as `title: trigger`, with why.
    pub left_out: Vec<(String, String)>,
}

/// The metric triggers of these records as alerting rules, a group for each record. Whether a record
/// is in force is for the caller to know.
#[must_use]
pub fn alert_rules<'a>(records: impl IntoIterator<Item = &'a Record>) -> AlertRules {
    let mut made = AlertRules::default();
    let mut groups = String::new();
    for record in records {
        let mut rules = String::new();
        for trigger in &record.triggers {
            match (rule(record, trigger), &trigger.condition) {
                (Some(rule), _) => {
                    rules.push_str(&rule);
                    made.rules += 1;
                }
                (None, Condition::Metric { .. }) => {
                    let fault = promql(trigger).and_then(promql_fault);
                    let why = fault.map_or("it has no promql".to_owned(), |it| {
                        format!("its promql is none: {it}")
                    });
                    made.left_out.push((format!("{}: {}", record.title, trigger.id), why));
                }
                _ => {}
            }
        }
        if !rules.is_empty() {
            // Writing to a String cannot fail.
            let name = group_name(record.id);
            let _ = write!(groups, "  - name: \"{name}\"\n    rules:\n{rules}");
        }
    }
    let head = "# Made by `assay export --format prometheus`. Each alert names the record and the trigger\n\
                # it fires; send them to /hooks/alertmanager.\n";
    made.yaml = match groups.as_str() {
        "" => format!("{head}groups: []\n"),
        groups => format!("{head}groups:\n{groups}"),
    };
    made
}

/// The name of the group of a record's rules.
#[must_use]
pub fn group_name(record: Uuid) -> String {
    format!("assay {record}")
}

/// The triggers of a record that become rules, in their order.
pub fn alerting(record: &Record) -> impl Iterator<Item = &Trigger> {
    record.triggers.iter().filter(|trigger| rule(record, trigger).is_some())
}

fn promql(trigger: &Trigger) -> Option<&str> {
    trigger.promql.as_deref().map(str::trim).filter(|promql| !promql.is_empty())
}

fn rule(record: &Record, trigger: &Trigger) -> Option<String> {
    let Condition::Metric { comparison, threshold, window, .. } = &trigger.condition else {
        return None;
    };
    let promql = promql(trigger).filter(|promql| promql_fault(promql).is_none())?;
    // A comment at the end of the expression must not swallow the bracket.
    let expr = format!("(\n{promql}\n) {} {threshold:?}", comparison.symbol());
    let then =
        trigger.flips_to.map(|option| format!(" {option} would then have the greatest value."));
    let note = trigger.note.as_deref().map(|note| format!(" {note}")).unwrap_or_default();
    let description = format!(
        "The decision “{}” is due for review: {}.{}{note}",
        record.title,
        trigger.condition,
        then.unwrap_or_default()
    );
    Some(format!(
        "      - alert: {ALERT_NAME}\n        expr: {}\n        for: {window}\n        labels:\n          \
         {RECORD_LABEL}: {}\n          {TRIGGER_LABEL}: {}\n        annotations:\n          \
         summary: {}\n          description: {}\n",
        text(&expr),
        text(&record.id.to_string()),
        text(&trigger.id),
        template(&record.title),
        template(&description)
    ))
}

/// Text as YAML has it in double quotes; JSON's form is one of those.
fn text(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    json!(plain).to_string()
}

/// Text in a place that Prometheus reads as a template: braces stand for themselves.
fn template(said: &str) -> String {
    text(&said.replace("{{", "{{ \"{{\" }}"))
}
