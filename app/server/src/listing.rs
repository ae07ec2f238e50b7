//! Which records to list: the query of `/decisions`, `/api/v1/decisions` and `assay list`.

use assay_advice::Choice;
use assay_records::Standing;
use assay_store::Filter;
use jiff::civil::Date;
use serde::Deserialize;

use crate::error::{Error, FieldError};

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
    /// The team that owns the service
    #[arg(long, default_value = "", hide_default_value = true)]
    pub team: String,
    /// A tag
    #[arg(long, default_value = "", hide_default_value = true)]
    pub tag: String,
    /// Only what is due for review: `yes` for today, or a day as YYYY-MM-DD
    #[arg(long, default_value = "", hide_default_value = true, num_args = 0..=1,
          default_missing_value = "yes", value_name = "DATE")]
    pub due: String,
    /// Whether the choice went against the advice: `yes` or `no`
    #[arg(long, default_value = "", hide_default_value = true, num_args = 0..=1,
          default_missing_value = "yes", value_name = "yes|no")]
    pub overridden: String,
    /// The page, from 1
    #[arg(long, default_value = "", hide_default_value = true)]
    pub page: String,
    /// Records on a page, 1 to 1000
    #[arg(long, default_value = "", hide_default_value = true)]
    pub per_page: String,
}

impl Wanted {
    /// Reads a query string; keys it does not know are left alone, as links may carry others.
    ///
    /// # Errors
    /// When the query is not well formed.
    pub fn parse(query: Option<&str>) -> Result<Self, Error> {
        serde_html_form::from_str(query.unwrap_or_default()).map_err(|error| Error::Malformed {
            message: format!("the query cannot be read: {error}"),
            errors: Vec::new(),
        })
    }

    /// Where the value of a key of the query belongs; nowhere if the key means nothing.
    pub(crate) fn slot(&mut self, key: &str) -> Option<&mut String> {
        Some(match key {
            "q" => &mut self.q,
            "status" => &mut self.status,
            "option" => &mut self.option,
            "team" => &mut self.team,
            "tag" => &mut self.tag,
            "due" => &mut self.due,
            "overridden" => &mut self.overridden,
            "page" => &mut self.page,
            "per_page" => &mut self.per_page,
            _ => return None,
        })
    }

    /// The filter meant, with `today` for `due=yes`.
    ///
    /// # Errors
    /// Each value that is not allowed.
    pub fn filter(&self, today: Date) -> Result<Filter, Error> {
        match self.lenient(today) {
            (filter, faults) if faults.is_empty() => Ok(filter),
            (_, errors) => {
                Err(Error::Invalid { message: "a filter is not allowed".into(), errors })
            }
        }
    }

    /// The filter meant, without the values that are not allowed; and a fault for each of them.
    pub(crate) fn lenient(&self, today: Date) -> (Filter, Vec<FieldError>) {
        let mut faults = Vec::new();
        let mut filter = Filter { q: said(&self.q), ..Filter::default() };
        filter.team = said(&self.team);
        filter.tag = said(&self.tag);
        filter.status = read("status", &self.status, &mut faults, Standing::from_id, || {
            Standing::ALL.map(Standing::id).join(", ")
        });
        filter.option = read("option", &self.option, &mut faults, Choice::from_id, || {
            Choice::ALL.map(Choice::id).join(", ")
        });
        filter.due = read(
            "due",
            &self.due,
            &mut faults,
            |text| due(text, today),
            || "yes, no or a day as YYYY-MM-DD".to_owned(),
        )
        .flatten();
        filter.overridden =
            read("overridden", &self.overridden, &mut faults, yes_or_no, || "yes or no".to_owned());
        let page = read("page", &self.page, &mut faults, positive, || "1 or more".to_owned());
        filter.page = page.unwrap_or(1);
        let in_range = |text: &str| positive(text).filter(|n| *n <= Filter::MAX_PER_PAGE);
        let per_page = read("per_page", &self.per_page, &mut faults, in_range, || {
            format!("1 to {}", Filter::MAX_PER_PAGE)
        });
        filter.per_page = per_page.unwrap_or(Filter::PER_PAGE);
        (filter, faults)
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
        faults.push(FieldError {
            field: field.to_owned(),
            message: format!("`{text}` is not allowed"),
            allowed: allowed(),
            line: None,
            column: None,
        });
    }
    value
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

fn positive(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}
