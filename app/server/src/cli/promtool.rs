//! What Prometheus says of the rules that triggers become, through its own `promtool`.

use std::{io::Write as _, process::Command};

use assay_records::{Record, alert_rules, alerting, group_name};
use tempfile::NamedTempFile;
use uuid::Uuid;

/// A trigger whose rule Prometheus would not load.
pub(super) struct Refused {
    /// The record.
    pub(super) record: Uuid,
    /// The trigger's id.
    pub(super) trigger: String,
    /// Why, in Prometheus' words.
    pub(super) why: String,
}

/// The triggers that Prometheus would not load; none where `promtool` is not installed.
pub(super) fn refused(records: &[&Record]) -> Vec<Refused> {
    let rules = alert_rules(records.iter().copied());
    let said = (rules.rules > 0).then(|| check(&rules.yaml)).flatten().unwrap_or_default();
    said.lines().filter_map(|line| refusal(line, records)).collect()
}

fn check(rules: &str) -> Option<String> {
    let mut file = NamedTempFile::new().ok()?;
    file.write_all(rules.as_bytes()).ok()?;
    let output =
        Command::new("promtool").args(["check", "rules"]).arg(file.path()).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Reads `…: group "…", rule 2, "…": could not parse expression: 2:7: parse error: …`, where the rule
/// is counted within its group.
fn refusal(line: &str, records: &[&Record]) -> Option<Refused> {
    let (_, after) = line.split_once("group \"")?;
    let (group, after) = after.split_once("\", rule ")?;
    let (number, why) = after.split_once(',')?;
    let record = records.iter().find(|record| group_name(record.id) == group)?;
    let trigger = alerting(record).nth(number.parse::<usize>().ok()?.checked_sub(1)?)?;
    let why = why.split_once("parse error: ").map_or(why, |(_, why)| why).trim();
    Some(Refused { record: record.id, trigger: trigger.id.clone(), why: why.to_owned() })
}
