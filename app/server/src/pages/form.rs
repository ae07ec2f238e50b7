//! The form of a record, for a new one and for changing one: what was typed, kept whatever is
//! wrong with it.

use assay_advice::{Choice, Model, Problem};
use assay_records::{
    Chosen, Condition, Draft, Rationale, Record, Status, Trigger, TriggerKind, promql_fault,
};
use jiff::civil::Date;
use url::form_urlencoded;

use crate::pages::sheet;

/// Empty rows offered for further triggers.
const SPARE_TRIGGERS: usize = 1;

/// Everything typed into the form, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// The record's id: a form sent twice makes one record.
    pub(crate) id: String,
    /// The query of the checklist with the answers.
    pub(crate) answers: String,
    /// The hash of the text that is being changed; empty for a new record.
    pub(crate) hash: String,
    pub(crate) title: String,
    pub(crate) service: String,
    pub(crate) team: String,
    /// Separated by commas, like `deciders`.
    pub(crate) tags: String,
    pub(crate) deciders: String,
    pub(crate) option: String,
    pub(crate) override_reason: String,
    pub(crate) context: String,
    pub(crate) decision: String,
    pub(crate) consequences: String,
    pub(crate) review_by: String,
    pub(crate) status: String,
    pub(crate) triggers: Vec<TriggerRow>,
    /// Assumptions about cost, by the names of their controls.
    pub(crate) costs: Vec<(String, String)>,
}

/// One row of the triggers.
#[derive(Clone, Debug, Default)]
pub(crate) struct TriggerRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) when: String,
    pub(crate) flips_to: String,
    pub(crate) owner: String,
    pub(crate) note: String,
    pub(crate) promql: String,
}

impl Form {
    /// Reads a form's body. Browsers send line breaks as CR LF; a record keeps LF.
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut form = Self::default();
        for (key, value) in form_urlencoded::parse(body) {
            let value = value.replace("\r\n", "\n");
            if let Some(field) = key.strip_prefix("trigger_") {
                // Every row sends each of its fields, and begins with its id.
                if field == "id" {
                    form.triggers.push(TriggerRow { id: value, ..TriggerRow::default() });
                } else if let Some(slot) = form.triggers.last_mut().and_then(|row| row.slot(field))
                {
                    *slot = value;
                }
            } else if key.starts_with(sheet::COST) {
                form.costs.push((key.into_owned(), value));
            } else if let Some(slot) = form.slot(&key) {
                *slot = value;
            }
        }
        form
    }

    fn slot(&mut self, key: &str) -> Option<&mut String> {
        Some(match key {
            "id" => &mut self.id,
            "answers" => &mut self.answers,
            "hash" => &mut self.hash,
            "title" => &mut self.title,
            "service" => &mut self.service,
            "team" => &mut self.team,
            "tags" => &mut self.tags,
            "deciders" => &mut self.deciders,
            "option" => &mut self.option,
            "override_reason" => &mut self.override_reason,
            "context" => &mut self.context,
            "decision" => &mut self.decision,
            "consequences" => &mut self.consequences,
            "review_by" => &mut self.review_by,
            "status" => &mut self.status,
            _ => return None,
        })
    }

    /// The form of a draft, to be looked over.
    pub(crate) fn from_draft(draft: &Draft) -> Self {
        Self {
            title: draft.title.clone(),
            service: draft.service.clone().unwrap_or_default(),
            team: draft.team.clone().unwrap_or_default(),
            tags: draft.tags.join(", "),
            deciders: draft.deciders.join(", "),
            review_by: draft.review_by.map(|day| day.to_string()).unwrap_or_default(),
            status: draft.status.id().to_owned(),
            triggers: draft.triggers.iter().map(TriggerRow::new).collect(),
            ..Self::default()
        }
        .with_choice(draft.choice.as_ref())
        .with_rationale(&draft.rationale)
    }

    /// The form of a record, to be changed.
    pub(crate) fn from_record(record: &Record, hash: &str) -> Self {
        Self {
            id: record.id.to_string(),
            hash: hash.to_owned(),
            costs: costs(record),
            title: record.title.clone(),
            service: record.service.clone().unwrap_or_default(),
            team: record.team.clone().unwrap_or_default(),
            tags: record.tags.join(", "),
            deciders: record.deciders.join(", "),
            review_by: record.review_by.map(|day| day.to_string()).unwrap_or_default(),
            status: record.status.id().to_owned(),
            triggers: record.triggers.iter().map(TriggerRow::new).collect(),
            ..Self::default()
        }
        .with_choice(record.choice.as_ref())
        .with_rationale(&record.rationale)
    }

    fn with_choice(mut self, choice: Option<&Chosen>) -> Self {
        if let Some(chosen) = choice {
            chosen.option.id().clone_into(&mut self.option);
            self.override_reason = chosen.override_reason.clone().unwrap_or_default();
        }
        self
    }

    fn with_rationale(mut self, rationale: &Rationale) -> Self {
        self.context.clone_from(&rationale.context);
        self.decision.clone_from(&rationale.decision);
        self.consequences.clone_from(&rationale.consequences);
        self
    }

    /// Adds an empty row for one more trigger.
    pub(crate) fn with_spare_triggers(mut self) -> Self {
        self.triggers.retain(|row| !row.is_blank());
        let spare =
            TriggerRow { kind: TriggerKind::Event.id().to_owned(), ..TriggerRow::default() };
        self.triggers.extend(std::iter::repeat_n(spare, SPARE_TRIGGERS));
        self
    }

    /// Puts what was typed into a draft, and says what could not be.
    pub(crate) fn fill(&self, draft: &mut Draft, model: &Model) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.title.trim().clone_into(&mut draft.title);
        draft.service = line(&self.service);
        draft.team = line(&self.team);
        draft.tags = list(&self.tags);
        draft.deciders = list(&self.deciders);
        draft.review_by = self.date(&mut problems);
        draft.choice = self.choice(&mut problems);
        draft.rationale = self.rationale();
        draft.triggers = self.read_triggers(model, &mut problems);
        match Status::from_id(&self.status) {
            Some(status) => draft.status = status,
            None => problems.push(problem("status", "no status is chosen", "choose one")),
        }
        problems
    }

    pub(crate) fn rationale(&self) -> Rationale {
        Rationale {
            context: self.context.trim().to_owned(),
            decision: self.decision.trim().to_owned(),
            consequences: self.consequences.trim().to_owned(),
        }
    }

    pub(crate) fn choice(&self, problems: &mut Vec<Problem>) -> Option<Chosen> {
        if self.option.is_empty() {
            return None;
        }
        let Some(option) = Choice::from_id(&self.option) else {
            let message = format!("“{}” is not an option", self.option);
            problems.push(problem("choice.option", &message, "choose Rust, Go or Hybrid"));
            return None;
        };
        Some(Chosen { option, override_reason: line(&self.override_reason) })
    }

    pub(crate) fn date(&self, problems: &mut Vec<Problem>) -> Option<Date> {
        let text = self.review_by.trim();
        if text.is_empty() {
            return None;
        }
        let read = text.parse();
        if read.is_err() {
            let message = format!("“{text}” is not a date");
            problems.push(problem("review_by", &message, "write it as 2027-05-24"));
        }
        read.ok()
    }

    /// The triggers of all rows that say something.
    pub(crate) fn read_triggers(&self, model: &Model, problems: &mut Vec<Problem>) -> Vec<Trigger> {
        let mut triggers: Vec<Trigger> = Vec::new();
        for (at, row) in self.triggers.iter().enumerate().filter(|(_, row)| !row.is_blank()) {
            let taken = |id: &str| {
                let other = |(place, other): (usize, &TriggerRow)| place != at && other.id == id;
                self.triggers.iter().enumerate().any(other)
                    || triggers.iter().any(|trigger| trigger.id == id)
            };
            let id = match row.id.as_str() {
                "" => free_id(&row.kind, taken),
                id => id.to_owned(),
            };
            match row.read(id, model) {
                Ok(trigger) => triggers.push(trigger),
                Err(problem) => {
                    problems.push(Problem { field: format!("trigger-{at}"), ..problem });
                }
            }
        }
        triggers
    }
}

impl TriggerRow {
    fn new(trigger: &Trigger) -> Self {
        Self {
            id: trigger.id.clone(),
            kind: trigger.condition.kind().id().to_owned(),
            when: trigger.condition.to_string(),
            flips_to: trigger.flips_to.map(Choice::id).unwrap_or_default().to_owned(),
            owner: trigger.owner.clone().unwrap_or_default(),
            note: trigger.note.clone().unwrap_or_default(),
            promql: trigger.promql.clone().unwrap_or_default(),
        }
    }

    fn slot(&mut self, field: &str) -> Option<&mut String> {
        Some(match field {
            "kind" => &mut self.kind,
            "when" => &mut self.when,
            "flips_to" => &mut self.flips_to,
            "owner" => &mut self.owner,
            "note" => &mut self.note,
            "promql" => &mut self.promql,
            _ => return None,
        })
    }

    /// A row without a condition and a note is no trigger: emptying it takes it out.
    fn is_blank(&self) -> bool {
        self.when.trim().is_empty() && self.note.trim().is_empty()
    }

    fn read(&self, id: String, model: &Model) -> Result<Trigger, Problem> {
        let kind = TriggerKind::from_id(&self.kind)
            .ok_or_else(|| problem("kind", "no kind is chosen", "choose one"))?;
        let promql = line(&self.promql);
        let metric = promql.as_deref().filter(|_| kind == TriggerKind::Metric);
        if let Some(fault) = metric.and_then(promql_fault) {
            let message = format!("this is no Prometheus expression: {fault}");
            return Err(problem("promql", &message, "mend it, or leave it empty"));
        }
        Ok(Trigger {
            id,
            condition: Condition::parse(kind, &self.when, model)?,
            flips_to: Choice::from_id(&self.flips_to),
            owner: line(&self.owner),
            note: line(&self.note),
            promql,
        })
    }
}

/// The first of `event-1`, `event-2`, … that is not taken.
fn free_id(kind: &str, taken: impl Fn(&str) -> bool) -> String {
    let kind = TriggerKind::from_id(kind).map_or("trigger", TriggerKind::id);
    let mut number = 1;
    while taken(&format!("{kind}-{number}")) {
        number += 1;
    }
    format!("{kind}-{number}")
}

/// The assumptions of a record as its form has them.
fn costs(record: &Record) -> Vec<(String, String)> {
    let Some(cost) = &record.cost else { return Vec::new() };
    let prefixed = |(id, text): (&str, String)| (format!("{}{id}", sheet::COST), text);
    cost.assumptions.to_pairs().into_iter().map(prefixed).collect()
}

fn problem(field: &str, message: &str, help: &str) -> Problem {
    Problem {
        field: field.to_owned(),
        span: None,
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

fn line(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter_map(line).collect()
}

/// The id of the control that a problem of a record speaks of.
pub(crate) fn control(field: &str) -> Option<String> {
    let field = field.rsplit_once("rationale.").map_or(field, |(_, section)| section);
    Some(match field {
        "choice" | "choice.option" => "option-rust".to_owned(),
        "choice.override_reason" => "override_reason".to_owned(),
        "status" => "status-draft".to_owned(),
        "title" | "service" | "team" | "tags" | "deciders" | "review_by" | "context"
        | "decision" | "consequences" => field.to_owned(),
        other if other.starts_with("trigger-") || other.starts_with(sheet::COST) => {
            other.to_owned()
        }
        _ => return None,
    })
}
