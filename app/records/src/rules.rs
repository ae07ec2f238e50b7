//! Which changes of a record are allowed.

use assay_advice::Problem;

use crate::{Record, Status};

/// The way forward where what is fixed was to be changed.
pub const SUPERSEDE_INSTEAD: &str = "write a new record that supersedes this one";

/// What forbids replacing `old` by `new`; empty when the change is allowed. The id and the creation
/// never change, the status follows its lifecycle, events are only added, and once a record is
/// accepted its choice and answers are fixed.
#[must_use]
pub fn check_revision(old: &Record, new: &Record) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, message: String, help: &str| {
        problems.push(Problem {
            field: field.to_owned(),
            span: None,
            message,
            help: help.to_owned(),
        });
    };
    if old.id != new.id {
        refuse("id", "a record keeps its id".to_owned(), &format!("write id = \"{}\"", old.id));
    }
    if old.created != new.created {
        let help = format!("write created = {}", old.created);
        refuse("created", "the moment of creation stays".to_owned(), &help);
    }
    if !old.status.may_become(new.status) {
        let next: Vec<&str> = old.status.next().iter().map(|status| status.id()).collect();
        let help = if next.is_empty() {
            format!("nothing follows; {SUPERSEDE_INSTEAD}")
        } else {
            format!("it may become: {}", next.join(", "))
        };
        let (from, to) = (old.status.id(), new.status.id());
        refuse("status", format!("a record that is {from} cannot become {to}"), &help);
    }
    if matches!(old.status, Status::Accepted | Status::Deprecated) {
        let help = SUPERSEDE_INSTEAD;
        if old.choice.as_ref().map(|c| c.option) != new.choice.as_ref().map(|c| c.option) {
            refuse("choice.option", "the choice of an accepted record is fixed".to_owned(), help);
        }
        if old.answers != new.answers {
            refuse("answers", "the answers of an accepted record are fixed".to_owned(), help);
        }
        if old.advice != new.advice {
            refuse("advice", "the advice of an accepted record is fixed".to_owned(), help);
        }
    }
    if old.original != new.original {
        let message = "the text that a record was imported from stays as it was".to_owned();
        refuse("original", message, "restore the table");
    }
    if !new.events.starts_with(&old.events) {
        let message = "events are only ever added".to_owned();
        refuse("event", message, "restore the events and add yours at the end");
    }
    problems
}
