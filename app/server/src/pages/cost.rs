//! What the options cost, as the checklist and a record show it, and the assumptions to change.

use assay_advice::{
    Assumptions, CURRENCY, Choice, Cost, OptionCost, Score, assumptions as known_assumptions,
    quantity,
};

use crate::pages::sheet::COST;

/// A cost, ready to show.
pub(crate) struct CostView {
    pub(crate) cost: Cost,
    /// The options that are not ruled out, the baseline first.
    pub(crate) options: Vec<(Choice, OptionCost)>,
    /// The ratio with its interval; empty when it is not measured.
    pub(crate) ratio: String,
    /// Every assumption with its value.
    pub(crate) assumed: Vec<(String, String)>,
}

/// The control of one assumption.
pub(crate) struct Field {
    /// The control's id and name.
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) unit: String,
    /// The default and where it comes from.
    pub(crate) hint: String,
    /// What was typed; empty for the default.
    pub(crate) text: String,
    pub(crate) error: Option<String>,
}

impl CostView {
    /// The cost of the options that the score leaves standing.
    pub(crate) fn new(cost: Cost, assumptions: &Assumptions, score: Option<&Score>) -> Self {
        let stands = |option: &Choice| {
            *option == cost.baseline
                || score.is_none_or(|score| score.options.get(*option).knocked_out.is_empty())
        };
        let mut order = Choice::ALL.to_vec();
        order.sort_by_key(|option| *option != cost.baseline);
        let options = cost.options.iter().flat_map(|figures| {
            order.iter().filter(|o| stands(o)).map(|option| (*option, figures.get(*option).clone()))
        });
        let ratio = cost.ratio.map_or_else(String::new, |ratio| {
            format!("{:.2} [{:.2}, {:.2}]", ratio.likely, ratio.low, ratio.high)
        });
        Self {
            options: options.collect(),
            ratio,
            assumed: assumed(assumptions, &cost.currency),
            cost,
        }
    }

    /// The currency behind an amount, for the head of a row.
    pub(crate) fn currency(&self) -> &str {
        &self.cost.currency
    }
}

/// Every assumption in words: "30 EUR", "60%", "as answered".
fn assumed(assumptions: &Assumptions, currency: &str) -> Vec<(String, String)> {
    let value = |known: &assay_advice::Assumption| match (assumptions.get(&known.id), &*known.unit)
    {
        (None, _) => "as answered".to_owned(),
        (Some(value), "share") => format!("{}%", (value * 1e4).round() / 100.0),
        (Some(value), "money") => format!("{value} {currency}"),
        (Some(value), unit) => quantity(value, unit),
    };
    known_assumptions().iter().map(|known| (known.label.clone(), value(known))).collect()
}

/// The controls of all assumptions, with what was typed and what is wrong with it. A value that
/// was not typed is left empty: the hint names the default. So is `currency` for the default one.
pub(crate) fn fields(
    typed: impl Fn(&str) -> String,
    error: impl Fn(&str) -> Option<String>,
    currency: &str,
) -> Vec<Field> {
    let field = |id: &str, label: &str, unit: &str, hint: String| {
        let id = format!("{COST}{id}");
        let (text, error) = (typed(&id), error(&id));
        Field { label: label.to_owned(), unit: unit.to_owned(), hint, text, error, id }
    };
    let named = Assumptions::default();
    let hint = format!("{} unless you say otherwise. Nothing is converted.", named.currency());
    let currency = if currency.is_empty() { named.currency() } else { currency };
    let mut fields = vec![field(CURRENCY, "Currency", "", hint)];
    fields.extend(known_assumptions().iter().map(|known| {
        let unit = match known.unit.as_str() {
            "money" => currency,
            "share" => "of 1",
            unit => unit,
        };
        let hint = match known.default {
            Some(default) => format!("{default} unless you say otherwise. {}", known.why),
            None => known.why.clone(),
        };
        field(&known.id, &known.label, unit, hint)
    }));
    fields
}
