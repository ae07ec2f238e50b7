//! `/precedents/{id}`: one documented decision: what was known, what was chosen and why, and what
//! the model says of it.

use askama::Template;
use assay_advice::{
    Answers, BuiltinCases, Choice, Fact, Model, Precedent, Score, Source, Usage, precedents,
};
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::Mark;
use crate::{
    error::Error,
    pages::{
        Page,
        sheet::{self, capitalised},
        words::{self, Headline, Shares},
    },
    precedents::{Reading, holds_words, when},
    state::App,
};

/// The most reasons shown on either side.
const REASONS_MAX: usize = 3;
/// A contribution below this would be shown as nothing.
const CONTRIBUTION_MIN: f64 = 0.0005;

#[derive(Template)]
#[template(path = "precedents/case.html")]
struct View {
    case: &'static Precedent,
    year: String,
    marks: Vec<Mark>,
    sources: &'static str,
    apart: Option<&'static str>,
    facts: Vec<FactView>,
    alternatives: Vec<Text>,
    reasons: Vec<Text>,
    figures: Vec<Text>,
    /// What is said instead of figures.
    no_figures: Option<Text>,
    regret: Text,
    answers: Vec<AnswerView>,
    /// Whether one of them looks like a stated reason.
    like_reasons: bool,
    open: Vec<String>,
    query: String,
    /// Questions that the model in use does not ask in that way; empty as a rule.
    left_out: String,
    /// The model in use, in a line.
    model_words: String,
    model: ModelView,
}

struct FactView {
    id: &'static str,
    topic: &'static str,
    text: Text,
    source: Text,
}

/// A coded answer and what it rests on.
struct AnswerView {
    label: String,
    answer: String,
    /// The ids and names of the topics of the facts it rests on; none when no fact says it.
    topics: Vec<(&'static str, &'static str)>,
    /// How it follows from them: own words, else the facts themselves.
    words: Text,
    like_reason: bool,
}

/// What the model says of the answers as coded.
struct ModelView {
    headline: Headline,
    first: String,
    shares: Shares,
    /// Whether it agrees with what was chosen, in a sentence.
    agreement: String,
    top: Choice,
    runner_up: Choice,
    pro: Vec<String>,
    contra: Vec<String>,
}

/// A text with the keys of its sources.
type Text = Vec<Piece>;

#[derive(Debug, PartialEq)]
enum Piece {
    Words(String),
    /// The key of a source on this page.
    Key(String),
}

/// `GET /precedents/{id}`.
pub(crate) async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Error> {
    let case = find(&id)?;
    Ok(Page(view(&app, case)).into_response())
}

/// The precedent with this id.
pub(crate) fn find(id: &str) -> Result<&'static Precedent, Error> {
    let found = precedents().iter().find(|precedent| precedent.id == id);
    found.ok_or_else(|| Error::NoSuchPrecedent(id.to_owned()))
}

fn view(app: &App, case: &'static Precedent) -> View {
    let model = app.model();
    let text = |text: &String| sourced(text, &case.sources);
    let texts = |texts: &[String]| texts.iter().map(text).collect();
    let (answers, left_out) = answers(model, case);
    let (answered, open): (Vec<_>, Vec<_>) =
        model.questions().iter().partition(|question| !answers.value(&question.id).is_open());
    let in_words = |id: &str| sheet::in_words(model, &answers, id);
    let score = app.engine().recommend(&answers);
    let decision = &case.decision;
    View {
        case,
        year: when(case),
        marks: super::marks(case),
        sources: Reading::best(case).words(),
        apart: apart(case),
        facts: case.facts.iter().map(|fact| fact_view(fact, &case.sources)).collect(),
        alternatives: texts(&decision.alternatives),
        reasons: texts(&decision.reasons),
        figures: texts(&decision.figures),
        no_figures: match decision.figures.as_slice() {
            [only] if only.starts_with("no") => Some(text(&format!("{}.", capitalised(only)))),
            _ => None,
        },
        regret: text(&decision.regret),
        answers: answered
            .iter()
            .map(|it| answer_view(it.label.clone(), in_words(&it.id), &it.id, case))
            .collect(),
        like_reasons: answered.iter().any(|it| is_like_reason(case, &it.id)),
        open: open.iter().map(|question| question.label.clone()).collect(),
        query: sheet::query("", &answers),
        left_out,
        model_words: app.model_words(),
        model: model_view(model, &score, Headline::new(&score, &answers), case.option),
    }
}

/// The answers as far as the model in use asks for them, and the questions it does not ask.
fn answers(model: &Model, case: &Precedent) -> (Answers, String) {
    let known = BuiltinCases::new(model);
    let found = known.cases.into_iter().find(|known| known.id == case.id);
    let left_out = known.left_out.into_iter().collect::<Vec<_>>().join(", ");
    (found.map(|known| known.answers).unwrap_or_default(), left_out)
}

fn model_view(model: &Model, score: &Score, headline: Headline, chosen: Choice) -> ModelView {
    let [top, runner_up] = score.compared();
    let side = |wanted: fn(f64) -> bool| {
        let weighed = words::reasons(score, wanted).into_iter();
        weighed.take(REASONS_MAX).map(|reason| reason.text.clone()).collect::<Vec<_>>()
    };
    let out = match score.ruled_out(model, chosen) {
        none if none.is_empty() => none,
        why => format!(" It rules that out: {why}."),
    };
    let agreement = match score.recommended {
        Some(option) if option == chosen => "The same as was chosen.".to_owned(),
        Some(_) => format!("Not what was chosen: {chosen} was.{out}"),
        None => format!("It abstains; {chosen} was chosen.{out}"),
    };
    ModelView {
        headline,
        first: words::first_sentence(score),
        shares: words::shares(score),
        agreement,
        top,
        runner_up,
        pro: side(|contribution| contribution >= CONTRIBUTION_MIN),
        contra: side(|contribution| contribution <= -CONTRIBUTION_MIN),
    }
}

/// Why a case does not count when the advice is judged.
fn apart(case: &Precedent) -> Option<&'static str> {
    Some(match case.usage {
        Usage::Core => return None,
        Usage::PreRustEra => {
            "Rust could hardly have been chosen then, so agreeing with this choice would prove \
             little."
        }
        Usage::ThinReasons => {
            "Its reasons, or the facts behind them, are documented too thinly to judge by."
        }
        Usage::NotAService => "It is not a backend service, which is what the model is made for.",
    })
}

fn answer_view(label: String, answer: String, id: &str, case: &Precedent) -> AnswerView {
    let basis = case.answer_basis.get(id);
    let named = |topic: &str| case.facts.iter().find(|fact| fact.topic == topic);
    let facts: Vec<&Fact> =
        basis.iter().flat_map(|it| &it.topics).filter_map(|topic| named(topic)).collect();
    let words = match basis.map_or("nothing is named", |it| it.words.as_str()) {
        "" => facts.iter().map(|fact| fact.value.as_str()).collect::<Vec<_>>().join("; "),
        words => words.to_owned(),
    };
    AnswerView {
        label,
        answer,
        topics: facts.iter().map(|fact| (fact.topic, fact.name)).collect(),
        words: sourced(&words, &case.sources),
        like_reason: is_like_reason(case, id),
    }
}

fn is_like_reason(case: &Precedent, id: &str) -> bool {
    case.answer_basis.get(id).is_some_and(|it| it.like_reason)
}

fn fact_view(fact: &Fact, sources: &[Source]) -> FactView {
    let mut source = Vec::new();
    for tag in fact.source.split(", ") {
        if !source.is_empty() {
            source.push(Piece::Words(", ".to_owned()));
        }
        source.extend(origin(tag, sources));
    }
    FactView { id: fact.topic, topic: fact.name, text: sourced(&fact.value, sources), source }
}

/// Splits a text at the keys in it, for example `[S1]`.
fn sourced(text: &str, sources: &[Source]) -> Text {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, tag, after)) = next_tag(rest) {
        pieces.push(Piece::Words(format!("{before}(")));
        pieces.extend(origin(tag, sources));
        pieces.push(Piece::Words(")".to_owned()));
        rest = after;
    }
    pieces.push(Piece::Words(rest.to_owned()));
    pieces
}

/// The text before the next key, the key, and the text behind it.
fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let (mut from, bytes) = (0, text.len());
    while from < bytes {
        let start = from + text.get(from..)?.find('[')?;
        let end = start + text.get(start..)?.find(']')?;
        let tag = text.get(start + 1..end)?;
        if is_key(tag) {
            return Some((text.get(..start)?, tag, text.get(end + 1..)?));
        }
        from = start + 1;
    }
    None
}

fn is_key(tag: &str) -> bool {
    let number = tag.strip_prefix('S').map(|rest| rest.strip_suffix('~').unwrap_or(rest));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    number.is_some_and(digits) || matches!(tag, "M" | "I")
}

/// Where something comes from: a source on the page, or what else stands behind it.
fn origin(tag: &str, sources: &[Source]) -> Text {
    let words = |words: &str| Piece::Words(words.to_owned());
    let (name, inferred) = match tag.strip_suffix('~') {
        Some(name) => (name, true),
        None => (tag, false),
    };
    let key = match sources.iter().any(|source| source.key == name) {
        true => Piece::Key(name.to_owned()),
        false => words(match name {
            "M" => "from memory",
            "I" => "our inference",
            "-" => "not known",
            other => other,
        }),
    };
    if inferred { vec![words("inferred from "), key] } else { vec![key] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(key: &str) -> Source {
        let text = || String::new();
        Source { key: key.to_owned(), title: text(), url: text(), read: text() }
    }

    fn shown(text: &str) -> String {
        let pieces = sourced(text, &[source("S1"), source("S2")]);
        let piece = |piece: &Piece| match piece {
            Piece::Words(words) => words.clone(),
            Piece::Key(key) => format!("<{key}>"),
        };
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn keys_in_a_text_become_links_or_words() {
        assert_eq!(shown("70% [S1], less [S2~]."), "70% (<S1>), less (inferred from <S2>).");
        assert_eq!(shown("slow [M][S9]"), "slow (from memory)(S9)");
        assert_eq!(shown("[an aside] and [S1"), "[an aside] and [S1");
        assert_eq!(shown("[[S1]] ]["), "[(<S1>)] ][");
        assert_eq!(shown(""), "");
    }
}
