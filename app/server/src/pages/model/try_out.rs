//! `POST /model`: an edited model's faults at their places, or what it would change.

use askama::Template;
use assay_advice::{Advised, ModelRef, Problem, Tally, line_column};
use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use url::form_urlencoded;

use crate::{
    error::{Error, sentence},
    pages::{Page, sheet::capitalised, words::firmness},
    state::App,
    trial::{self, Part, Trial},
};

/// A line longer than this is shown in part, in characters.
const LINE_MAX: usize = 120;

#[derive(Template)]
#[template(path = "model/try.html")]
struct View<'a> {
    /// The text as sent.
    text: &'a str,
    faults: Vec<FaultView>,
    trial: Option<TrialView<'a>>,
}

/// A fault with the line it is in.
struct FaultView {
    line: usize,
    column: usize,
    message: String,
    help: String,
    /// The line, and below it a mark under the place.
    excerpt: String,
}

struct TrialView<'a> {
    trial: &'a Trial,
    parts: Vec<PartView<'a>>,
}

impl TrialView<'_> {
    fn models(&self) -> [(&'static str, &ModelRef); 2] {
        [("Edited", &self.trial.model), ("In use", &self.trial.in_use)]
    }
}

struct PartView<'a> {
    id: &'static str,
    title: String,
    none: &'static str,
    /// Where the page of one of them is.
    href: &'static str,
    part: &'a Part,
    before: String,
    after: String,
}

/// `POST /model`: the form's `text` is the edited model.
pub(crate) async fn post(State(app): State<App>, body: Bytes) -> Result<Response, Error> {
    let sent = form_urlencoded::parse(&body).find(|(key, _)| key == "text");
    // A form sends its lines with the ends of another system.
    let text = sent.map(|(_, text)| text.replace("\r\n", "\n")).unwrap_or_default();
    Ok(match trial::of_text(&app, &text).await? {
        Ok(trial) => {
            let view = View { text: &text, faults: Vec::new(), trial: Some(trial_view(&trial)) };
            Page(view).into_response()
        }
        Err(problems) => {
            let faults = problems.iter().map(|problem| fault(problem, &text)).collect();
            let view = View { text: &text, faults, trial: None };
            (StatusCode::UNPROCESSABLE_ENTITY, Page(view)).into_response()
        }
    })
}

/// An advice, to stand behind the option's name or alone.
fn firm(advised: &Advised) -> String {
    match advised.recommended {
        Some(_) => firmness(advised),
        None => capitalised(&firmness(advised)),
    }
}

fn trial_view(trial: &Trial) -> TrialView<'_> {
    let part = |id, title, none, href, part| PartView {
        id,
        title,
        none,
        href,
        part,
        before: agreement(&part.before),
        after: agreement(&part.after),
    };
    let precedents = format!("{} documented decisions", trial.precedents.cases);
    let records = match trial.records.cases {
        0 => "Your own records".to_owned(),
        1 => "One record of your own".to_owned(),
        records => format!("{records} records of your own"),
    };
    let none = "None of your own records has answers yet; examples do not count.";
    TrialView {
        trial,
        parts: vec![
            part("precedents", precedents, "", "/precedents/", &trial.precedents),
            part("records", records, none, "/decisions/", &trial.records),
        ],
    }
}

/// How the advice agrees with what was chosen, in words.
fn agreement(tally: &Tally) -> String {
    let Tally { cases, decided, agree, abstained, strong, strong_agree } = tally;
    if *cases == 0 {
        return String::new();
    }
    format!(
        "agrees in {agree} of the {decided} it decides of the {cases} that count, in \
         {strong_agree} of {strong} strong verdicts; {abstained} too close to call"
    )
}

fn fault(problem: &Problem, text: &str) -> FaultView {
    let span = problem.span.clone().unwrap_or(0..0);
    let (line, column) = line_column(text, span.start);
    let whole = text.lines().nth(line - 1).unwrap_or_default();
    let marked = text
        .get(span)
        .map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count().max(1));
    let message = match problem.field.as_str() {
        "" => sentence(&problem.message),
        field => format!("{field}: {}", sentence(&problem.message)),
    };
    let help = match problem.help.as_str() {
        // An ellipsis is an end.
        open if open.ends_with('…') => capitalised(open),
        help => sentence(help),
    };
    FaultView { line, column, message, help, excerpt: excerpt(whole, line, column, marked) }
}

/// The line with its number, and a mark below the place; of a long line the part around it.
fn excerpt(whole: &str, line: usize, column: usize, marked: usize) -> String {
    let skipped = (column - 1).saturating_sub(LINE_MAX / 2);
    let skipped = if whole.chars().count() > LINE_MAX { skipped } else { 0 };
    let shown: String = whole
        .chars()
        .skip(skipped)
        .take(LINE_MAX)
        .map(|c| if c == '\t' { ' ' } else { c })
        .collect();
    let number = line.to_string();
    let gap = " ".repeat(number.len());
    let before = " ".repeat(column - 1 - skipped);
    let room = (shown.chars().count() + 1).saturating_sub(column - 1 - skipped).max(1);
    let mark = "^".repeat(marked.min(room));
    format!("{number} | {shown}\n{gap} | {before}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_marked_below_its_line() {
        assert_eq!(
            excerpt("swing = { go = 6 }", 7, 16, 1),
            "7 | swing = { go = 6 }\n  |                ^"
        );
        let long = format!("{}wrong{}", "a".repeat(500), "b".repeat(500));
        let shown = excerpt(&long, 12, 501, 5);
        let (line, mark) = shown.split_once('\n').expect("two lines");
        assert!(line.len() < 140);
        let at = mark.find('^').expect("a mark");
        assert_eq!(line.get(at..at + 5), Some("wrong"));
        assert!(mark.ends_with("^^^^^"));
        // A mark runs no farther than its line.
        assert_eq!(excerpt("ab", 1, 2, 40), "1 | ab\n  |  ^^");
    }
}
