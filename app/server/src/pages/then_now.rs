//! Then against now, as a record's pages show it.

use assay_advice::{Choice, Verdict};
use assay_records::Standing;
use assay_store::Stored;

use crate::{
    pages::words::percent,
    rescoring::{Shift, ThenNow},
    state::App,
};

/// A record's advice then and now.
pub(crate) struct ThenNowView {
    pub(crate) changes: bool,
    pub(crate) before: String,
    pub(crate) now: String,
    /// What today's advice makes of the choice.
    pub(crate) choice: &'static str,
    pub(crate) rows: Vec<Row>,
    pub(crate) causes: Vec<String>,
    pub(crate) shifts: Vec<ShiftView>,
}

/// An option's figures then and now, as shown.
pub(crate) struct Row {
    pub(crate) option: Choice,
    pub(crate) value: [String; 2],
    pub(crate) share: [String; 2],
}

pub(crate) struct ShiftView {
    pub(crate) criterion: String,
    pub(crate) option: Choice,
    pub(crate) then: String,
    pub(crate) now: String,
}

impl ThenNowView {
    /// For a decision in force that keeps its advice; none when today's advice says the very same.
    pub(crate) fn of(app: &App, stored: &Stored) -> Option<Self> {
        let record = &stored.record;
        let given = record.advice.as_ref().filter(|_| stored.standing() == Standing::Accepted)?;
        let found = ThenNow::of(&app.engine(), record)?;
        let same = found.causes.is_empty() && found.shifts.is_empty() && !found.changes();
        if same && given.verdict == found.now.verdict {
            return None;
        }
        let two = |number: f64| format!("{number:.2}");
        let row = |option: Choice| {
            let (then, now) = (given.options.get(option), found.now.options.get(option));
            Row {
                option,
                value: [two(then.value), two(now.value)],
                share: [then, now].map(|it| format!("{}%", percent(it.first_share))),
            }
        };
        let chosen = record.choice.as_ref().map(|chosen| chosen.option);
        let choice = match found.now.recommended {
            _ if !found.changes() => "",
            now if now.is_some() && now == chosen => "It now agrees with the choice.",
            None => "It no longer speaks for any option clearly.",
            Some(_) => "It now speaks against the choice.",
        };
        Some(Self {
            changes: found.changes(),
            before: said(
                found.before,
                (found.before == given.recommended).then_some(given.verdict),
            ),
            now: said(found.now.recommended, Some(found.now.verdict)),
            choice,
            rows: Choice::ALL.map(row).into(),
            shifts: found.shifts.iter().map(ShiftView::new).collect(),
            causes: found.causes,
        })
    }
}

impl ShiftView {
    fn new(shift: &Shift) -> Self {
        let points = |number: f64| format!("{number:+.1}").replace('-', "−");
        Self {
            criterion: shift.criterion.clone(),
            option: shift.option,
            then: points(shift.then),
            now: points(shift.now),
        }
    }
}

/// An advice in a few words.
fn said(option: Option<Choice>, verdict: Option<Verdict>) -> String {
    match (option, verdict) {
        (Some(option), Some(Verdict::Strong)) => format!("clearly {option}"),
        (Some(option), Some(Verdict::Lean)) => format!("a lean to {option}"),
        (Some(option), _) => option.to_string(),
        (None, _) => "too close to call".to_owned(),
    }
}
