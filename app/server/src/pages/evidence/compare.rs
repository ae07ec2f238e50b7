//! `/evidence/compare?a=&b=`: two runs side by side, first what differs around them.

use askama::Template;
use assay_evidence::{
    Evidence, Figure,
    compare::{CHANGE_LEVEL, Comparable, Compared, Comparison, MARGIN, Pair, compare},
    stats::Equivalence,
    three_digits,
};
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use crate::{
    evidence::{KnownRun, Runs},
    pages::{Page, checklist::ProblemView},
    state::App,
};

#[derive(Template)]
#[template(path = "evidence/compare.html")]
struct View<'a> {
    runs: &'a [KnownRun],
    a: String,
    b: String,
    problems: Vec<ProblemView>,
    comparison: Option<Comparison>,
}

impl View<'_> {
    /// The rows of a metric; `over` says what its ratio is.
    fn rows<'r>(&self, metric: &'r Compared, over: &'r str) -> Vec<(&'r str, &'r Pair)> {
        let all = [
            ("Rust", &metric.rust),
            ("Go", &metric.go),
            ("itself", &metric.own),
            (over, &metric.ratio),
        ];
        all.into_iter().filter_map(|(of, pair)| Some((of, pair.as_ref()?))).collect()
    }

    fn faulty(&self, field: &str) -> bool {
        self.problems.iter().any(|problem| problem.target.as_deref() == Some(field))
    }

    fn percent(&self, share: f64) -> String {
        three_digits(share * 100.0)
    }
}

/// `GET /evidence/compare`. Without two runs it asks for them; a run that is not known is named.
pub(crate) async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Response {
    let runs = app.runs();
    let (mut a, mut b) = (String::new(), String::new());
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "a" => a = value.trim().to_owned(),
            "b" => b = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut problems = Vec::new();
    let one = find(&runs, "a", &a, &mut problems);
    let two = find(&runs, "b", &b, &mut problems);
    let comparison = one.zip(two).map(|(one, two)| compare(evidence(one), evidence(two)));
    let status =
        if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, Page(View { runs: &runs.runs, a, b, problems, comparison })).into_response()
}

fn find<'a>(
    runs: &'a Runs,
    field: &str,
    name: &str,
    problems: &mut Vec<ProblemView>,
) -> Option<&'a KnownRun> {
    let found = runs.get(name);
    if found.is_none() && !name.is_empty() {
        let text = format!("No run is called {name:?}; choose one of the list.");
        problems.push(ProblemView { target: Some(field.to_owned()), text });
    }
    found
}

fn evidence(run: &KnownRun) -> Evidence<'_> {
    Evidence { summary: &run.summary, environment: &run.environment }
}

/// A figure with its interval, once when they agree.
fn figure(figure: &Figure) -> String {
    let value = three_digits(figure.value);
    if figure.low >= figure.high {
        return value;
    }
    format!("{value} [{}, {}]", three_digits(figure.low), three_digits(figure.high))
}

fn change(pair: &Pair) -> String {
    let change = three_digits(pair.change);
    if says(pair) == SAME {
        return format!("{change}×");
    }
    match pair.low.zip(pair.high) {
        Some((low, high)) => {
            format!("{change}× [{}, {}]", three_digits(low), three_digits(high))
        }
        None => format!("{change}×"),
    }
}

/// What is said of a change that is none.
const SAME: &str = "the same";

fn says(pair: &Pair) -> &'static str {
    let none = pair.change == 1.0 && pair.low == pair.high;
    match pair.says {
        Some(Equivalence::Equivalent) if none => SAME,
        Some(Equivalence::Equivalent) => "no change that matters",
        Some(Equivalence::Different) if pair.change > 1.0 => "more",
        Some(Equivalence::Different) => "less",
        Some(Equivalence::Undecided) => "undecided",
        None => "no interval",
    }
}
