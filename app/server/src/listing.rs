//! Which records to list: the query of `/decisions`, `/decisions.csv`, `/portfolio` and
//! `/api/v1/decisions`, and the options of `assay list`.

use assay_advice::{Choice, Model};
use assay_records::{Outcome, Standing};
use assay_store::{Filter, Revisited, question_bits};
use jiff::civil::Date;
use serde::Deserialize;
use url::form_urlencoded;

use crate::{
    error::{Error, FieldError},
    evidence::void,
    state::App,
};

/// The filters as they are written; an empty one is none.
#[derive(Clone, Debug, Default, Deserialize, clap::Args, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Words that must all occur
    #[arg(skip)]
    pub q: String,
    /// draft, proposed, accepted, rejected, deprecated or superseded
    #[arg(long, default_value = "", hide_default_value = true)]
    pub status: String,
    /// rust, go or hybrid
    #[arg(long, default_value = "", hide_default_value = true)]
    pub option: String,
    /// The team that owns the service; `-` for records that name none
    #[arg(long, default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub team: String,
    /// A tag
    #[arg(long, default_value = "", hide_default_value = true)]
    pub tag: String,
    /// Decided on this day or later, written if not decided: YYYY-MM-DD
    #[arg(
        id = "decided_from",
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "DATE"
    )]
    pub from: String,
    /// Decided on this day or earlier, written if not decided: YYYY-MM-DD
    #[arg(
        id = "decided_to",
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "DATE"
    )]
    pub to: String,
    /// Only what is due for review: `yes` for today, or a day as YYYY-MM-DD
    #[arg(long, default_value = "", hide_default_value = true, num_args = 0..=1,
          default_missing_value = "yes", value_name = "DATE")]
    pub due: String,
    /// Whether the choice went against the advice: `yes` or `no`
    #[arg(long, default_value = "", hide_default_value = true, num_args = 0..=1,
          default_missing_value = "yes", value_name = "yes|no")]
    pub overridden: String,
    /// `yes`: only decisions that were made, whatever became of them since
    #[arg(skip)]
    pub decided: String,
    /// Whether it was revisited: `yes`, `no`, or what came of it: `keep`, `amend`, `supersede`
    #[arg(skip)]
    pub revisited: String,
    /// Whether a trigger has ever fired: `yes` or `no`
    #[arg(skip)]
    pub fired: String,
    /// A question that was open when the advice was given, or `yes` for any of the starred ones
    #[arg(skip)]
    pub unknown: String,
    /// A run relied on, or `void` for any run that no longer counts
    #[arg(skip)]
    pub evidence: String,
    /// Whether it is an example that comes with the program: `yes` or `no`
    #[arg(skip)]
    pub examples: String,
    /// The page, from 1
    #[arg(long, default_value = "", hide_default_value = true)]
    pub page: String,
    /// Records on a page, 1 to 1000
    #[arg(long, default_value = "", hide_default_value = true)]
    pub per_page: String,
}

/// The team of records that name none.
pub const NO_TEAM: &str = "-";

impl Wanted {
    /// Reads a query string; keys it does not know are left alone, as links may carry others. Of a
    /// key given twice the last counts.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let mut wanted = Self::default();
        for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if let Some(slot) = wanted.slot(&key) {
                value.trim().clone_into(slot);
            }
        }
        wanted
    }

    /// Every key with its value.
    fn slots(&mut self) -> [(&'static str, &mut String); 17] {
        [
            ("q", &mut self.q),
            ("status", &mut self.status),
            ("option", &mut self.option),
            ("team", &mut self.team),
            ("tag", &mut self.tag),
            ("from", &mut self.from),
            ("to", &mut self.to),
            ("due", &mut self.due),
            ("overridden", &mut self.overridden),
            ("decided", &mut self.decided),
            ("revisited", &mut self.revisited),
            ("fired", &mut self.fired),
            ("unknown", &mut self.unknown),
            ("evidence", &mut self.evidence),
            ("examples", &mut self.examples),
            ("page", &mut self.page),
            ("per_page", &mut self.per_page),
        ]
    }

    /// Where the value of a key belongs; nowhere if the key means nothing.
    pub(crate) fn slot(&mut self, key: &str) -> Option<&mut String> {
        self.slots().into_iter().find(|(known, _)| *known == key).map(|(_, slot)| slot)
    }

    /// What is said, as keys and values in a fixed order.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut own = self.clone();
        let said = own.slots().into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(key, value)| (key, std::mem::take(value))).collect()
    }

    /// The query string that says the same with other values for some keys; an empty one leaves the
    /// key out.
    #[must_use]
    pub fn query_with(&self, changes: &[(&str, &str)]) -> String {
        let mut changed = self.clone();
        for (key, value) in changes {
            if let Some(slot) = changed.slot(key) {
                (*value).clone_into(slot);
            }
        }
        form_urlencoded::Serializer::new(String::new()).extend_pairs(changed.pairs()).finish()
    }

    /// The filter meant, with `today` for `due=yes`.
    ///
    /// # Errors
    /// Each value that is not allowed.
    pub fn filter(&self, today: Date) -> Result<Filter, Error> {
        let mut faults = Vec::new();
        let filter = self.read(today, &mut faults);
        all_allowed(filter, faults)
    }

    /// The filter meant in a running program, which knows the questions and the runs.
    ///
    /// # Errors
    /// Each value that is not allowed, and what the store says.
    pub async fn filter_in(&self, app: &App) -> Result<Filter, Error> {
        let (filter, faults) = self.lenient(app).await?;
        all_allowed(filter, faults)
    }

    /// The same without the values that are not allowed; and a fault for each of them.
    pub(crate) async fn lenient(&self, app: &App) -> Result<(Filter, Vec<FieldError>), Error> {
        let mut faults = Vec::new();
        let mut filter = self.read(app.today(), &mut faults);
        let model = app.model();
        let asked = |text: &str| match text {
            "yes" => Some(core_questions(model)),
            id => model.question(id).map(|question| question_bits(model, [question.id.as_str()])),
        };
        let allowed = || {
            let ids = model.questions().iter().map(|question| question.id.as_str());
            format!("yes, {}", ids.collect::<Vec<_>>().join(", "))
        };
        let unknown = read("unknown", &self.unknown, &mut faults, asked, allowed);
        filter.unknown = unknown.unwrap_or_default();
        filter.runs = match said(&self.evidence) {
            None => None,
            Some(word) if word == void::WORD => Some(void::runs(app).await?),
            Some(run) => Some(vec![run.into()]),
        };
        Ok((filter, faults))
    }

    fn read(&self, today: Date, faults: &mut Vec<FieldError>) -> Filter {
        let mut filter = Filter { q: said(&self.q), ..Filter::default() };
        filter.team = said(&self.team);
        if filter.team.as_deref() == Some(NO_TEAM) {
            filter.team = Some(String::new());
        }
        filter.tag = said(&self.tag);
        filter.status = read("status", &self.status, faults, Standing::from_id, || {
            Standing::ALL.map(Standing::id).join(", ")
        });
        filter.option = read("option", &self.option, faults, Choice::from_id, || {
            Choice::ALL.map(Choice::id).join(", ")
        });
        filter.due = read(
            "due",
            &self.due,
            faults,
            |text| due(text, today),
            || format!("yes, no or {A_DAY}"),
        )
        .flatten();
        let mut day =
            |field, text| read(field, text, faults, |text| text.parse().ok(), || A_DAY.to_owned());
        filter.from = day("from", &self.from);
        filter.to = day("to", &self.to);
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from > to
        {
            let message = format!("`{to}` is before `{from}`");
            faults.push(fault("to", message, "a day from then on".to_owned()));
            filter.to = None;
        }
        let mut yes = |field, text| read(field, text, faults, yes_or_no, || "yes or no".to_owned());
        filter.overridden = yes("overridden", &self.overridden);
        filter.fired = yes("fired", &self.fired);
        filter.examples = yes("examples", &self.examples);
        let decided = read(
            "decided",
            &self.decided,
            faults,
            |text| yes_or_no(text).filter(|it| *it),
            || "yes".into(),
        );
        filter.decided = decided.unwrap_or_default();
        filter.revisited = read("revisited", &self.revisited, faults, revisited, || {
            format!("yes, no, {}", Outcome::IDS.join(", "))
        });
        let page = read("page", &self.page, faults, positive, || "1 or more".to_owned());
        filter.page = page.unwrap_or(1);
        let in_range = |text: &str| positive(text).filter(|n| *n <= Filter::MAX_PER_PAGE);
        let per_page = read("per_page", &self.per_page, faults, in_range, || {
            format!("1 to {}", Filter::MAX_PER_PAGE)
        });
        filter.per_page = per_page.unwrap_or(Filter::PER_PAGE);
        filter
    }
}

/// The starred questions, as bits.
pub(crate) fn core_questions(model: &Model) -> u64 {
    let core = model.questions().iter().filter(|question| question.core);
    question_bits(model, core.map(|question| question.id.as_str()))
}

const A_DAY: &str = "a day as YYYY-MM-DD";

fn all_allowed(filter: Filter, errors: Vec<FieldError>) -> Result<Filter, Error> {
    match errors.is_empty() {
        true => Ok(filter),
        false => Err(Error::Invalid { message: "a filter is not allowed".into(), errors }),
    }
}

pub(crate) fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The value meant, or a fault that says what is allowed.
pub(crate) fn read<T>(
    field: &str,
    text: &str,
    faults: &mut Vec<FieldError>,
    parse: impl Fn(&str) -> Option<T>,
    allowed: impl Fn() -> String,
) -> Option<T> {
    let text = said(text)?;
    let value = parse(&text);
    if value.is_none() {
        faults.push(fault(field, format!("`{text}` is not allowed"), allowed()));
    }
    value
}

fn fault(field: &str, message: String, allowed: String) -> FieldError {
    FieldError { field: field.to_owned(), message, allowed, line: None, column: None }
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "1" | "on" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// `Some(None)` says that being due does not matter.
fn due(text: &str, today: Date) -> Option<Option<Date>> {
    match yes_or_no(text) {
        Some(wanted) => Some(wanted.then_some(today)),
        None => text.parse().ok().map(Some),
    }
}

fn revisited(text: &str) -> Option<Revisited> {
    match yes_or_no(text) {
        Some(true) => Some(Revisited::Yes),
        Some(false) => Some(Revisited::No),
        None => Outcome::from_id(text).map(Revisited::To),
    }
}

fn positive(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}
